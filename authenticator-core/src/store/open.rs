//! Opening a store: create, refuse, unlock, migrate. What cannot be opened stays as it is.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};
use zeroize::Zeroizing;

use super::fault::{damaged, internal};
use super::seal::{Column, Sealer};
use super::{repair, schema};
use crate::clock::Entropy;
use crate::error::{Error, ErrorCode, Result};
use crate::jose::sha256;

pub(super) type KeyCall<'a> = &'a dyn Fn(Vec<u8>) -> Result<Vec<u8>>;

const CHECK: Column = Column {
    table: "meta",
    name: "value",
};
const CHECK_TEXT: &[u8] = b"authenticator-core store";

/// See [`super::Store::open`].
pub(super) fn open(
    path: &Path,
    unwrap: KeyCall<'_>,
    wrap: KeyCall<'_>,
    entropy: &dyn Entropy,
) -> Result<(Connection, Sealer)> {
    repair::finish(path)?;
    create_private(path)?;
    let mut connection = connect(path)?;
    match prepare(&mut connection, unwrap, wrap, entropy) {
        Ok(sealer) => Ok((connection, sealer)),
        Err(error) => {
            leave(connection)?;
            Err(advise(error))
        }
    }
}

/// A connection with the settings that hold for every store, before anything is read or written.
pub(super) fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.execute_batch(
        "PRAGMA busy_timeout = 5000;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;
         PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY;",
    )?;
    Ok(connection)
}

/// Closing would move the write-ahead log into a file that is to stay as it is.
pub(super) fn leave(connection: Connection) -> Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    drop(connection);
    Ok(())
}

/// Says what helps, where something does.
fn advise(error: Error) -> Error {
    let advice = match error.code() {
        ErrorCode::StoreCorrupt => "repair_store saves what can be read",
        ErrorCode::KeyMissing | ErrorCode::KeyInvalidated => {
            "nothing in the store can be read without its key; repair_store moves it aside"
        }
        _ => return error,
    };
    Error::new(error.code(), format!("{}; {advice}", error.message()))
}

/// A new file is readable by its owner only; SQLite gives the files next to it the same permissions.
pub(super) fn create_private(path: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::new(
            ErrorCode::StoreUnavailable,
            format!("the store cannot be created: {}", error.kind()),
        )),
    }
}

fn prepare(
    connection: &mut Connection,
    unwrap: KeyCall<'_>,
    wrap: KeyCall<'_>,
    entropy: &dyn Entropy,
) -> Result<Sealer> {
    let version = schema::version(connection, schema::STEPS)?;
    if connection.is_readonly(rusqlite::MAIN_DB)? {
        return Err(Error::new(
            ErrorCode::StoreUnavailable,
            "the store cannot be written: the file is read-only",
        ));
    }
    // An existing store is unlocked before anything is written, so that a restored copy without its key stays as it is.
    let unlocked = match version {
        0 => None,
        _ => unlock(connection, unwrap)?,
    };
    make_durable(connection)?;
    schema::migrate(connection, schema::STEPS)?;
    match unlocked {
        Some(sealer) => Ok(sealer),
        None => make_key(connection, unwrap, wrap, entropy),
    }
}

/// From here on, what is committed is on the disk.
pub(super) fn make_durable(connection: &Connection) -> Result<()> {
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA secure_delete = ON;",
    )?;
    // fsync alone leaves the data in the cache of the drive there.
    #[cfg(target_vendor = "apple")]
    connection.execute_batch("PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;")?;
    Ok(())
}

/// `None` if there is no data key yet.
pub(super) fn unlock(connection: &Connection, unwrap: KeyCall<'_>) -> Result<Option<Sealer>> {
    let Some(Locked { wrapped, check }) = Locked::read(connection)? else {
        let query = "SELECT EXISTS (SELECT 1 FROM enrollments)";
        return match connection.query_row(query, [], |row| row.get(0))? {
            true => Err(damaged("its key is missing")),
            false => Ok(None),
        };
    };
    let data_key = Zeroizing::new(unwrap(wrapped)?);
    let lost = || {
        Error::new(
            ErrorCode::KeyMissing,
            "the key of the store is not the one it was made with",
        )
    };
    let sealer = Sealer::new(&data_key).ok_or_else(lost)?;
    let opened = sealer.open(CHECK, "check", &check).map_err(|_| lost())?;
    match *opened == CHECK_TEXT {
        true => Ok(Some(sealer)),
        false => Err(lost()),
    }
}

/// The data key as the store keeps it.
pub(super) struct Locked {
    wrapped: Vec<u8>,
    check: Vec<u8>,
}

impl Locked {
    /// From the first copy that is whole.
    pub(super) fn read(connection: &Connection) -> Result<Option<Locked>> {
        match Locked::read_from(connection, "meta") {
            Ok(Some(locked)) => Ok(Some(locked)),
            Err(error) if error.code() != ErrorCode::StoreCorrupt => Err(error),
            first => match Locked::read_from(connection, "meta_copy") {
                Ok(Some(locked)) => Ok(Some(locked)),
                Err(error) if first.is_ok() => Err(error),
                _ => first,
            },
        }
    }

    /// Whether both copies are there, and the same.
    pub(super) fn is_kept_twice(connection: &Connection) -> bool {
        let copy = |table| Locked::read_from(connection, table).ok().flatten();
        let copies = copy("meta").zip(copy("meta_copy"));
        copies.is_some_and(|(one, other)| one.digest() == other.digest())
    }

    fn read_from(connection: &Connection, table: &str) -> Result<Option<Locked>> {
        let meta = |name: &str| -> Result<Option<Vec<u8>>> {
            let query = format!("SELECT value FROM {table} WHERE name = ?1");
            Ok(connection
                .query_row(&query, [name], |row| row.get(0))
                .optional()?)
        };
        let (wrapped, check, digest) = (meta("data_key")?, meta("check")?, meta("digest")?);
        match (wrapped, check, digest) {
            (None, None, None) => Ok(None),
            (Some(wrapped), Some(check), Some(digest)) => {
                let locked = Locked { wrapped, check };
                match locked.digest() == digest {
                    true => Ok(Some(locked)),
                    false => Err(damaged("its key is not what was written")),
                }
            }
            _ => Err(damaged("a part of its key is missing")),
        }
    }

    /// `false` if there is a key already; nothing is changed then.
    pub(super) fn write(&self, connection: &mut Connection) -> Result<bool> {
        let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if Locked::read(&change)?.is_some() {
            return Ok(false);
        }
        for table in ["meta", "meta_copy"] {
            change.execute(
                &format!("INSERT OR REPLACE INTO {table} (name, value) VALUES ('data_key', ?1), ('check', ?2), ('digest', ?3)"),
                (&self.wrapped, &self.check, self.digest()),
            )?;
        }
        change.commit()?;
        Ok(true)
    }

    fn digest(&self) -> Vec<u8> {
        let mut both = (self.wrapped.len() as u64).to_be_bytes().to_vec();
        both.extend_from_slice(&self.wrapped);
        both.extend_from_slice(&self.check);
        sha256(&both).to_vec()
    }
}

/// Gives a new store its data key. Of two processes that do it at once, the first one's key stays.
fn make_key(
    connection: &mut Connection,
    unwrap: KeyCall<'_>,
    wrap: KeyCall<'_>,
    entropy: &dyn Entropy,
) -> Result<Sealer> {
    let mut data_key = Zeroizing::new(vec![0; Sealer::KEY_LENGTH]);
    entropy.fill(&mut data_key);
    let sealer =
        Sealer::new(&data_key).ok_or_else(|| internal("the data key has the wrong length"))?;
    let locked = Locked {
        check: sealer.seal(CHECK, "check", CHECK_TEXT)?,
        wrapped: wrap(data_key.to_vec())?,
    };
    match locked.write(connection)? {
        true => Ok(sealer),
        false => unlock(connection, unwrap)?.ok_or_else(|| internal("the store has no data key")),
    }
}

/// The store's path with an ending.
pub(super) fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
