//! Opening a store: create, refuse, migrate, unlock, or move a damaged file aside.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use zeroize::Zeroizing;

use super::fault::internal;
use super::schema;
use super::seal::{Column, Sealer};
use crate::clock::Entropy;
use crate::error::{Error, ErrorCode, Result};

type KeyCall<'a> = &'a dyn Fn(Vec<u8>) -> Result<Vec<u8>>;

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
    create_private(path)?;
    let mut connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    match prepare(&mut connection, unwrap, wrap, entropy) {
        Ok(sealer) => Ok((connection, sealer)),
        Err(error) => {
            // Closing would move the write-ahead log into a file that is to stay as it is.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            drop(connection);
            if error.code() == ErrorCode::StoreCorrupt {
                return Err(move_aside(path));
            }
            Err(error)
        }
    }
}

/// A new file is readable by its owner only; SQLite gives the files next to it the same permissions.
fn create_private(path: &Path) -> Result<()> {
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
    connection.execute_batch(
        "PRAGMA busy_timeout = 5000;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;
         PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY;",
    )?;
    let version = schema::version(connection)?;
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
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA secure_delete = ON;",
    )?;
    // fsync alone leaves the data in the cache of the drive there.
    #[cfg(target_vendor = "apple")]
    connection.execute_batch("PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;")?;
    schema::migrate(connection)?;
    match unlocked {
        Some(sealer) => Ok(sealer),
        None => make_key(connection, unwrap, wrap, entropy),
    }
}

/// `None` if there is no data key yet.
fn unlock(connection: &Connection, unwrap: KeyCall<'_>) -> Result<Option<Sealer>> {
    let Some(wrapped) = meta(connection, "data_key")? else {
        return Ok(None);
    };
    let data_key = Zeroizing::new(unwrap(wrapped)?);
    let lost = || {
        Error::new(
            ErrorCode::KeyMissing,
            "the key of the store is not the one it was made with",
        )
    };
    let sealer = Sealer::new(&data_key).ok_or_else(lost)?;
    let check = meta(connection, "check")?.ok_or_else(lost)?;
    let opened = sealer.open(CHECK, "check", &check).map_err(|_| lost())?;
    match *opened == CHECK_TEXT {
        true => Ok(Some(sealer)),
        false => Err(lost()),
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
    let check = sealer.seal(CHECK, "check", CHECK_TEXT)?;
    let wrapped = wrap(data_key.to_vec())?;
    let added = connection.execute(
        "INSERT INTO meta (name, value) VALUES ('data_key', ?1), ('check', ?2) ON CONFLICT DO NOTHING",
        (wrapped, check),
    )?;
    if added > 0 {
        return Ok(sealer);
    }
    unlock(connection, unwrap)?.ok_or_else(|| internal("the store has no data key"))
}

fn meta(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>> {
    Ok(connection
        .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| {
            row.get(0)
        })
        .optional()?)
}

/// Renames the file and what SQLite keeps next to it, so that the next open starts anew and nothing is destroyed.
fn move_aside(path: &Path) -> Error {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs());
    let target = (seconds..)
        .map(|seconds| suffixed(path, &format!(".corrupt-{seconds}")))
        .find(|target| !target.exists())
        .unwrap_or_else(|| suffixed(path, ".corrupt"));
    let name = target
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    // The log goes first: a log left behind would be read into the new file.
    for part in ["-wal", "-shm", ""] {
        match std::fs::rename(suffixed(path, part), suffixed(&target, part)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Error::new(
                    ErrorCode::StoreUnavailable,
                    format!("the store is damaged and cannot be moved to {name}"),
                );
            }
            _ => {}
        }
    }
    Error::new(
        ErrorCode::StoreCorrupt,
        format!(
            "the store was damaged and has been moved to {name}; the next start makes a new one"
        ),
    )
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
