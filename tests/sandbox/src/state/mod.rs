//! State in SQLite: one table per kind of record, one writer at a time.
//!
//! A row is the record as JSON text, with the columns that queries need beside it. Everything that
//! must happen together happens in one [`Db::write`].

mod model;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::private;
pub(crate) use model::*;

const TABLES: [&str; 16] = [
    "users",
    "clients",
    "apis",
    "tickets",
    "enrollments",
    "requests",
    "transactions",
    "used_jti",
    "refresh_tokens",
    "settings",
    "exchanges",
    "events",
    "links",
    "messages",
    "sessions",
    "delegations",
];
const FILE: &str = "sandbox.db";
const SCHEMA_VERSION: i64 = 1;

/// A kind of record.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// Its table.
    const TABLE: &'static str;
    /// Primary key.
    fn key(&self) -> String;
    /// Whom it belongs to, for [`Tx::of`].
    fn owner(&self) -> &str {
        ""
    }
    /// When it began, or ends where that is what matters, in milliseconds.
    fn at(&self) -> i64 {
        0
    }
}

/// The state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    #[error("database: {0}")]
    Sql(#[from] rusqlite::Error),
    #[error("stored record: {0}")]
    Record(#[from] serde_json::Error),
}

/// The database behind one lock.
pub(crate) struct Db(Mutex<Connection>);

impl Db {
    /// Opens `sandbox.db` in a folder, or a database in memory.
    pub(crate) fn open(folder: Option<&Path>) -> anyhow::Result<Self> {
        let mut connection = match folder {
            Some(folder) => {
                let file = folder.join(FILE);
                private::folder(folder)?;
                private::file(&file)?;
                // SQLite gives new files beside it the rights of the database; these are old ones.
                for left in ["-wal", "-shm"].map(|end| folder.join(format!("{FILE}{end}"))) {
                    if left.exists() {
                        private::file(&left)?;
                    }
                }
                let connection = Connection::open(file)?;
                connection.pragma_update(None, "journal_mode", "WAL")?;
                connection.pragma_update(None, "synchronous", "NORMAL")?;
                connection
            }
            None => Connection::open_in_memory()?,
        };
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        migrate(&mut connection)?;
        Ok(Db(Mutex::new(connection)))
    }

    /// Runs `work` in one transaction: committed if it returns `Ok`, undone otherwise.
    pub(crate) fn write<T, E: From<StateError>>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StateError::from)?;
        let tx = Tx(transaction);
        let done = work(&tx)?;
        tx.0.commit().map_err(StateError::from)?;
        Ok(done)
    }
}

fn migrate(connection: &mut Connection) -> anyhow::Result<()> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    anyhow::ensure!(
        version <= SCHEMA_VERSION,
        "sandbox.db was written by a newer sandbox (schema {version})"
    );
    let transaction = connection.transaction()?;
    for table in TABLES {
        transaction.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {table} (key TEXT PRIMARY KEY, owner TEXT NOT NULL, at INTEGER NOT NULL, doc TEXT NOT NULL);
             CREATE INDEX IF NOT EXISTS {table}_owner ON {table} (owner, at);
             CREATE INDEX IF NOT EXISTS {table}_at ON {table} (at);"
        ))?;
    }
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// One transaction.
pub(crate) struct Tx<'a>(rusqlite::Transaction<'a>);

impl Tx<'_> {
    pub(crate) fn get<T: Record>(&self, key: &str) -> Result<Option<T>, StateError> {
        let sql = format!("SELECT doc FROM {} WHERE key = ?1", T::TABLE);
        let doc: Option<String> = self.0.query_row(&sql, [key], |row| row.get(0)).optional()?;
        Ok(doc.map(|doc| serde_json::from_str(&doc)).transpose()?)
    }

    pub(crate) fn put<T: Record>(&self, record: &T) -> Result<(), StateError> {
        let sql = format!(
            "INSERT INTO {} (key, owner, at, doc) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (key) DO UPDATE SET owner = ?2, at = ?3, doc = ?4",
            T::TABLE
        );
        let doc = serde_json::to_string(record)?;
        self.0.execute(
            &sql,
            params![record.key(), record.owner(), record.at(), doc],
        )?;
        Ok(())
    }

    /// Adds a record whose key must be new; `false` if it is not.
    pub(crate) fn insert<T: Record>(&self, record: &T) -> Result<bool, StateError> {
        let sql = format!(
            "INSERT OR IGNORE INTO {} (key, owner, at, doc) VALUES (?1, ?2, ?3, ?4)",
            T::TABLE
        );
        let doc = serde_json::to_string(record)?;
        Ok(self.0.execute(
            &sql,
            params![record.key(), record.owner(), record.at(), doc],
        )? == 1)
    }

    pub(crate) fn delete<T: Record>(&self, key: &str) -> Result<bool, StateError> {
        let sql = format!("DELETE FROM {} WHERE key = ?1", T::TABLE);
        Ok(self.0.execute(&sql, [key])? == 1)
    }

    /// Removes all records of one owner.
    pub(crate) fn delete_of<T: Record>(&self, owner: &str) -> Result<(), StateError> {
        let sql = format!("DELETE FROM {} WHERE owner = ?1", T::TABLE);
        self.0.execute(&sql, [owner])?;
        Ok(())
    }

    /// Removes the records whose time is before `at`.
    pub(crate) fn delete_before<T: Record>(&self, at: i64) -> Result<(), StateError> {
        let sql = format!("DELETE FROM {} WHERE at < ?1", T::TABLE);
        self.0.execute(&sql, [at])?;
        Ok(())
    }

    /// Removes all but the `count` records added last.
    pub(crate) fn keep_newest<T: Record>(&self, count: u32) -> Result<(), StateError> {
        let sql = format!(
            "DELETE FROM {0} WHERE rowid <= (SELECT MAX(rowid) FROM {0}) - ?1",
            T::TABLE
        );
        self.0.execute(&sql, [count])?;
        Ok(())
    }

    /// Newest first, at most `limit`.
    pub(crate) fn newest<T: Record>(&self, limit: u32) -> Result<Vec<T>, StateError> {
        let sql = format!(
            "SELECT doc FROM {} ORDER BY at DESC, rowid DESC LIMIT ?1",
            T::TABLE
        );
        self.docs(&sql, params![limit])
    }

    /// All records, in the order they were added.
    pub(crate) fn all<T: Record>(&self) -> Result<Vec<T>, StateError> {
        self.docs(
            &format!("SELECT doc FROM {} ORDER BY rowid", T::TABLE),
            params![],
        )
    }

    /// All records of one owner, in the order they were added.
    pub(crate) fn of<T: Record>(&self, owner: &str) -> Result<Vec<T>, StateError> {
        let sql = format!(
            "SELECT doc FROM {} WHERE owner = ?1 ORDER BY rowid",
            T::TABLE
        );
        self.docs(&sql, params![owner])
    }

    /// The times after `at`, oldest first; of one owner, or of all.
    pub(crate) fn times_since<T: Record>(
        &self,
        owner: Option<&str>,
        at: i64,
    ) -> Result<Vec<i64>, StateError> {
        let sql = format!(
            "SELECT at FROM {} WHERE at > ?1 AND (?2 IS NULL OR owner = ?2) ORDER BY at",
            T::TABLE
        );
        let mut statement = self.0.prepare(&sql)?;
        let rows = statement.query_map(params![at, owner], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn docs<T: Record>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> Result<Vec<T>, StateError> {
        let mut statement = self.0.prepare(sql)?;
        let rows = statement.query_map(params, |row| row.get::<_, String>(0))?;
        rows.map(|doc| Ok(serde_json::from_str(&doc?)?)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(name: &str, value: &str) -> Setting {
        Setting {
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }

    #[test]
    fn a_failed_transaction_leaves_nothing_behind() {
        let db = Db::open(None).expect("database");
        let failed: Result<(), StateError> = db.write(|tx| {
            tx.put(&setting("a", "1"))?;
            Err(StateError::Sql(rusqlite::Error::InvalidQuery))
        });
        assert!(failed.is_err());
        let found: Result<Option<Setting>, StateError> = db.write(|tx| tx.get("a"));
        assert!(found.expect("read").is_none());
    }

    #[cfg(unix)]
    #[test]
    fn the_files_of_a_data_folder_are_their_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().expect("folder");
        let folder = root.path().join("data");
        let db = Db::open(Some(&folder)).expect("database");
        let put: Result<(), StateError> = db.write(|tx| tx.put(&setting("a", "1")));
        put.expect("write");
        let mut files = 0;
        for file in std::fs::read_dir(&folder).expect("folder") {
            let mode = file.and_then(|file| file.metadata()).expect("file");
            assert_eq!(mode.permissions().mode() & 0o777, 0o600);
            files += 1;
        }
        assert_eq!(files, 3, "database, log and index of the log");
    }

    #[test]
    fn an_insert_of_a_known_key_is_refused() {
        let db = Db::open(None).expect("database");
        let both: Result<_, StateError> = db.write(|tx| {
            Ok((
                tx.insert(&setting("a", "1"))?,
                tx.insert(&setting("a", "2"))?,
            ))
        });
        assert_eq!(both.expect("write"), (true, false));
    }
}
