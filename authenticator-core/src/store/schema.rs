//! The schema, as numbered steps. `user_version` says how many of them a file has had.
//!
//! A step is never changed after a release; a new version appends one, and a file written by the version before goes into
//! `tests/stores`. Columns marked "sealed" hold what [`super::seal`] makes of personal text and secrets; everything else is
//! ids, times, counters and states.

use rusqlite::{Connection, TransactionBehavior};

use super::fault::damaged;
use crate::error::{Error, ErrorCode, Result};

/// What makes a file of version n out of one of version n - 1, for each n from 1 on.
pub(super) const STEPS: &[&str] = &[V1];

const V1: &str = "
-- 'data_key': the data key as wrapped by the platform. 'check' (sealed): tells whether an unwrapped key is the right one.
-- 'digest': SHA-256 over both.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
-- The same once more, on a page of its own: without it no other page can be read.
CREATE TABLE meta_copy (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Servers whose host a person confirmed. The key is a keyed hash of the name.
CREATE TABLE servers (
    key   BLOB PRIMARY KEY,
    entry BLOB NOT NULL -- sealed
) STRICT;

CREATE TABLE enrollments (
    id           TEXT PRIMARY KEY,
    enrolled_at  INTEGER NOT NULL,
    last_used_at INTEGER,
    clock_offset INTEGER NOT NULL,
    profile      BLOB NOT NULL, -- sealed
    push_service TEXT,
    push_token   BLOB,          -- sealed
    totp_seed    BLOB,          -- sealed
    head         BLOB,          -- sealed: number and digest of the last record of its history
    -- Set when the key was lost and the account was enrolled again: the new enrollment, which takes this one along when it
    -- is removed. Only the history of such a row is of use.
    continued_by TEXT REFERENCES enrollments (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX enrollments_continued ON enrollments (continued_by, enrolled_at, id) WHERE continued_by IS NOT NULL;

CREATE TABLE challenges (
    id          TEXT PRIMARY KEY,
    enrollment  TEXT NOT NULL REFERENCES enrollments (id) ON DELETE CASCADE,
    received_at INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    state       TEXT NOT NULL,
    alert       TEXT NOT NULL,
    asks        BLOB,          -- keyed hash of what is asked for; NULL while that is not known
    push        BLOB NOT NULL, -- sealed
    token       BLOB,          -- sealed; gone when the challenge is over
    consent     BLOB,          -- sealed; gone when the challenge is over
    review      BLOB           -- sealed
) STRICT;
CREATE INDEX challenges_open ON challenges (expires_at, id) WHERE state = 'open';
CREATE INDEX challenges_open_of ON challenges (enrollment) WHERE state = 'open';
CREATE INDEX challenges_received ON challenges (enrollment, received_at);
CREATE INDEX challenges_alike ON challenges (enrollment, asks) WHERE asks IS NOT NULL;

CREATE TABLE decisions (
    challenge       TEXT PRIMARY KEY REFERENCES challenges (id) ON DELETE CASCADE,
    enrollment      TEXT NOT NULL REFERENCES enrollments (id) ON DELETE CASCADE,
    decided_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    verdict         BLOB NOT NULL,    -- sealed: account, decision, reason, claim
    delivery        TEXT NOT NULL,
    attempts        INTEGER NOT NULL,
    next_attempt_at INTEGER,
    last_error      TEXT,
    server_code     BLOB,             -- sealed
    answer          BLOB,             -- sealed: the JWT of the last attempt
    unknown_outcome INTEGER NOT NULL,
    open_attempts   INTEGER NOT NULL, -- begun and not ended
    lease_until     INTEGER NOT NULL
) STRICT;
CREATE INDEX decisions_queued ON decisions (expires_at, challenge) WHERE delivery = 'queued';
CREATE INDEX decisions_enrollment ON decisions (enrollment);

-- One chain an enrollment: each record names the digest of the one before. Records are added, never changed.
CREATE TABLE history (
    enrollment TEXT NOT NULL REFERENCES enrollments (id) ON DELETE CASCADE,
    seq        INTEGER NOT NULL,
    challenge  TEXT NOT NULL,
    at         INTEGER NOT NULL,
    settles    INTEGER NOT NULL, -- 0: the challenge was decided or missed; 1: what became of the answer; 2: about the account or the chain
    record     BLOB NOT NULL,    -- sealed
    UNIQUE (enrollment, seq)
) STRICT;
CREATE INDEX history_at ON history (at) WHERE settles = 0;
CREATE INDEX history_enrollment_at ON history (enrollment, at) WHERE settles = 0;
CREATE INDEX history_challenge ON history (challenge, settles, seq);

-- What the enrolment key has signed: the digest of the record of that number, and so of all before it.
CREATE TABLE checkpoints (
    enrollment TEXT NOT NULL REFERENCES enrollments (id) ON DELETE CASCADE,
    seq        INTEGER NOT NULL,
    token      TEXT NOT NULL, -- a compact JWS
    PRIMARY KEY (enrollment, seq)
) STRICT, WITHOUT ROWID;

-- The key is a keyed hash of the audience.
CREATE TABLE requesters (
    enrollment TEXT NOT NULL REFERENCES enrollments (id) ON DELETE CASCADE,
    audience   BLOB NOT NULL,
    memory     BLOB NOT NULL, -- sealed
    PRIMARY KEY (enrollment, audience)
) STRICT, WITHOUT ROWID;

-- Requesters that a person has reported. The key is a keyed hash of the audience, empty where that is not known.
CREATE TABLE quiet (
    enrollment TEXT NOT NULL REFERENCES enrollments (id) ON DELETE CASCADE,
    audience   BLOB NOT NULL,
    until      INTEGER NOT NULL,
    PRIMARY KEY (enrollment, audience)
) STRICT, WITHOUT ROWID;
";

/// How many of `steps` a file has had; 0 for a new one. `store_newer` if it has had some that are not known here.
pub(super) fn version(connection: &Connection, steps: &[&str]) -> Result<usize> {
    // One statement, so that another process that makes the store meanwhile is seen whole or not at all.
    let query =
        "SELECT user_version, (SELECT count(*) FROM sqlite_schema) FROM pragma_user_version";
    let (version, tables): (i64, i64) =
        connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if version == 0 && tables > 0 {
        return Err(damaged("it does not say which format it has"));
    }
    usize::try_from(version)
        .ok()
        .filter(|version| *version <= steps.len())
        .ok_or_else(|| {
            Error::new(
                ErrorCode::StoreNewer,
                format!(
                    "the store has format {version}, this version of the library knows up to {}; update the app",
                    steps.len()
                ),
            )
        })
}

/// Takes the steps that are missing, all in one transaction: a file is of the old version or of the new one.
pub(super) fn migrate(connection: &mut Connection, steps: &[&str]) -> Result<()> {
    if version(connection, steps)? == steps.len() {
        return Ok(());
    }
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have taken them while this one waited.
    let done = version(&change, steps)?;
    for step in &steps[done..] {
        change.execute_batch(step)?;
    }
    change.pragma_update(None, "user_version", steps.len() as i64)?;
    change.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::thread;

    use super::*;

    /// Three versions of a store that never was: a table, a column with what follows from another, a table rebuilt.
    const SMALL: &[&str] = &[
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
         INSERT INTO notes (text) VALUES ('one'), ('two');",
        "ALTER TABLE notes ADD COLUMN length INTEGER;
         UPDATE notes SET length = length(text);",
        "CREATE TABLE next (id INTEGER PRIMARY KEY, text TEXT NOT NULL, length INTEGER NOT NULL) STRICT;
         INSERT INTO next SELECT id, text, length FROM notes;
         DROP TABLE notes;
         ALTER TABLE next RENAME TO notes;",
    ];

    fn file(folder: &tempfile::TempDir) -> PathBuf {
        folder.path().join("small.db")
    }

    /// As [`super::super::open`] sets it up.
    fn connect(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
            .unwrap();
        connection
    }

    fn schema(connection: &Connection) -> Vec<String> {
        let mut query = connection
            .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
            .unwrap();
        let rows = query.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<rusqlite::Result<_>>().unwrap()
    }

    fn notes(connection: &Connection) -> Vec<(String, i64)> {
        let mut query = connection
            .prepare("SELECT text, length FROM notes ORDER BY id")
            .unwrap();
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }

    #[test]
    fn every_older_version_becomes_the_newest_with_its_rows() {
        for old in 0..=SMALL.len() {
            let folder = tempfile::tempdir().unwrap();
            let mut connection = connect(&file(&folder));
            migrate(&mut connection, &SMALL[..old]).unwrap();
            assert_eq!(version(&connection, SMALL).unwrap(), old);
            migrate(&mut connection, SMALL).unwrap();
            assert_eq!(version(&connection, SMALL).unwrap(), SMALL.len());
            let expected = [("one".to_owned(), 3), ("two".to_owned(), 3)];
            assert_eq!(notes(&connection), expected, "from version {old}");
            let fresh = tempfile::tempdir().unwrap();
            let mut fresh = connect(&file(&fresh));
            migrate(&mut fresh, SMALL).unwrap();
            assert_eq!(schema(&connection), schema(&fresh), "from version {old}");
        }
    }

    #[test]
    fn a_step_that_fails_undoes_those_before_it_and_the_file_stays_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = connect(&file(&folder));
        migrate(&mut connection, &SMALL[..1]).unwrap();
        drop(connection);
        let before = std::fs::read(file(&folder)).unwrap();
        let wrong = [SMALL[0], SMALL[1], "INSERT INTO nowhere VALUES (1)"];
        let mut connection = connect(&file(&folder));
        let error = migrate(&mut connection, &wrong).unwrap_err();
        assert_eq!(error.code(), ErrorCode::StoreCorrupt);
        assert_eq!(version(&connection, SMALL).unwrap(), 1);
        drop(connection);
        assert!(std::fs::read(file(&folder)).unwrap() == before);
        let mut connection = connect(&file(&folder));
        migrate(&mut connection, SMALL).unwrap();
        assert_eq!(notes(&connection).len(), 2);
    }

    #[test]
    fn of_many_processes_that_migrate_at_once_one_does() {
        let folder = tempfile::tempdir().unwrap();
        migrate(&mut connect(&file(&folder)), &SMALL[..1]).unwrap();
        let connections: Vec<_> = (0..4).map(|_| connect(&file(&folder))).collect();
        thread::scope(|scope| {
            for mut connection in connections {
                scope.spawn(move || migrate(&mut connection, SMALL).unwrap());
            }
        });
        // A step that is taken twice fails, or doubles the rows.
        assert_eq!(notes(&connect(&file(&folder))).len(), 2);
    }

    #[test]
    fn a_version_that_is_not_known_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = connect(&file(&folder));
        migrate(&mut connection, SMALL).unwrap();
        for known in 0..SMALL.len() {
            let error = migrate(&mut connection, &SMALL[..known]).unwrap_err();
            assert_eq!(error.code(), ErrorCode::StoreNewer);
        }
    }
}
