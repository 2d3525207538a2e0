//! The schema, as numbered steps. `user_version` says how many of them a file has had.
//!
//! A step is never changed after a release; a new version appends one. Columns marked "sealed" hold what
//! [`super::seal`] makes of personal text and secrets; everything else is ids, times, counters and states.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Error, ErrorCode, Result};

const STEPS: &[&str] = &[V1];

const V1: &str = "
-- 'data_key': the data key as wrapped by the platform. 'check' (sealed): tells whether an unwrapped key is the right one.
CREATE TABLE meta (
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
    totp_seed  BLOB           -- sealed
) STRICT;

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
    verdict         BLOB NOT NULL,    -- sealed: decision, reason, claim
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
    settles    INTEGER NOT NULL, -- 0: the challenge was decided or missed; 1: what became of the answer; 2: about the account
    record     BLOB NOT NULL,    -- sealed
    UNIQUE (enrollment, seq)
) STRICT;
CREATE INDEX history_at ON history (at) WHERE settles = 0;
CREATE INDEX history_enrollment_at ON history (enrollment, at) WHERE settles = 0;
CREATE INDEX history_settled ON history (challenge, seq) WHERE settles = 1;

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

/// How many steps a file has had; 0 for a new one. `store_newer` if it has had some that are not known here.
pub(super) fn version(connection: &Connection) -> Result<usize> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    usize::try_from(version)
        .ok()
        .filter(|version| *version <= STEPS.len())
        .ok_or_else(|| {
            Error::new(
                ErrorCode::StoreNewer,
                format!(
                    "the store has format {version}, this version of the library knows up to {}; update the app",
                    STEPS.len()
                ),
            )
        })
}

/// Takes the steps that are missing, each in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    while version(connection)? < STEPS.len() {
        let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have taken it while this one waited.
        let done = version(&step)?;
        if let Some(sql) = STEPS.get(done) {
            step.execute_batch(sql)?;
            step.pragma_update(None, "user_version", done as i64 + 1)?;
        }
        step.commit()?;
    }
    Ok(())
}
