//! The store: one SQLite file, personal columns sealed. Nothing outside this folder knows SQL.
//!
//! Calls are short and synchronous; no foreign call happens inside. Every change is one transaction that holds across
//! processes, and is on the disk when the call returns.

mod challenges;
mod decisions;
mod document;
mod enrollments;
mod fault;
mod history;
mod names;
mod open;
mod quiet;
mod repair;
mod requesters;
mod schema;
mod seal;
#[cfg(feature = "testing")]
mod tamper;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::authenticator::DialectName;
use crate::challenge::Alert;
use crate::decision::{Decision, Receipt};
use crate::error::{ErrorCode, Result};
use crate::json::Value;
use crate::keys::{KeyAlgorithm, ProtectionLevel};
use crate::otp::Totp;
use crate::protocol::{Identity, Push, PushToken};
use crate::repair::StoreRepair;
use seal::Sealer;

pub(crate) use history::{APART, CONTINUES, ChainRecord, Head, OPENS, SETTLES};

/// A configured or confirmed server with its address normalised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerRow {
    pub name: String,
    pub base_url: String,
    pub dialect: DialectName,
}

/// An enrollment as stored.
#[derive(Clone)]
pub(crate) struct EnrollmentRow {
    pub identity: Identity,
    pub server: String,
    /// What its server speaks; stays with the account when the server leaves the configuration.
    pub dialect: DialectName,
    pub issuer: String,
    pub label: String,
    pub device_name: String,
    pub key_alias: String,
    pub algorithm: KeyAlgorithm,
    pub protection: ProtectionLevel,
    /// Public JWK of the enrolment key.
    pub jwk: Value,
    /// Alias and public JWK of the approval key.
    pub approval_key: Option<(String, Value)>,
    pub push: Option<PushToken>,
    pub totp: Option<Totp>,
    pub enrolled_at: i64,
    pub last_used_at: Option<i64>,
    pub clock_offset: i64,
    /// Its key was lost, and this enrollment has taken its place: only its history is of use.
    pub continued_by: Option<String>,
}

/// An account that ends because its key is lost and another takes its place.
pub(crate) struct Continued {
    pub enrollment: String,
    /// `key_missing` or `key_invalidated`.
    pub lost: ErrorCode,
}

/// A challenge as stored. Times by the corrected clock.
#[derive(Clone)]
pub(crate) struct ChallengeRow {
    pub id: String,
    pub enrollment: String,
    pub push: Push,
    pub received_at: i64,
    pub expires_at: i64,
    /// Consent body as received, once fetched.
    pub consent: Option<String>,
    /// What the last review froze.
    pub review: Option<ReviewRow>,
    /// Over without a decision.
    pub expired: bool,
    pub alert: Alert,
}

/// What came of taking a challenge in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    New,
    /// The id exists already; nothing was changed.
    Known,
    /// So many are open that it was not taken.
    Full,
}

/// One of the challenges that ask an account for the same.
pub(crate) struct AlikeRow {
    pub id: String,
    pub expires_at: i64,
    /// `None`: open, or missed.
    pub decided_at: Option<i64>,
    pub approved: bool,
}

/// What a review froze.
#[derive(Clone)]
pub(crate) struct ReviewRow {
    pub headline: String,
    pub source: String,
    pub shown: String,
    pub shown_document: String,
    pub templates: String,
    pub locale: String,
    pub zone: String,
    /// `Some(code)`: approval is blocked.
    pub blocked: Option<String>,
    /// What must be typed to approve.
    pub confirmation: Option<String>,
    /// API that asks, for the memory of requesters.
    pub audience: Option<String>,
    /// Exact amounts with their currencies, likewise.
    pub amounts: Vec<(String, String)>,
    pub at: i64,
}

/// A decision to be committed, or as committed.
#[derive(Clone)]
pub(crate) struct DecisionRow {
    pub challenge: String,
    pub enrollment: String,
    pub decision: Decision,
    pub reason: Option<String>,
    /// JSON text of the consent claim, if it is switched on.
    pub claim: Option<String>,
    pub decided_at: i64,
    /// The challenge's expiry: no attempt starts after it.
    pub expires_at: i64,
    /// Alias of the approval key that signed this approval: must be the account's when it is committed. Not stored.
    pub approved_with: Option<String>,
    pub receipt: Receipt,
}

/// What came of committing.
pub(crate) enum Committed {
    /// This call decided.
    Now(DecisionRow),
    /// Somebody was first; this is what they decided.
    Before(DecisionRow),
}

/// What this device remembers of one API that asks for approvals (never sent anywhere).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RequesterRow {
    /// Unix milliseconds.
    pub first_seen: i64,
    pub approved: i64,
    pub denied: i64,
    /// Denials in which the person said that it was not them.
    pub reported: i64,
    /// Highest approved amount: (currency, exact decimal).
    pub highest: Vec<(String, String)>,
}

/// What a decision leaves behind besides itself: written with it or not at all.
pub(crate) struct Aftermath<'a> {
    change: &'a Transaction<'a>,
    sealer: &'a Sealer,
}

/// An open store. Several may be open on one file, in one process or in many.
pub(crate) struct Store {
    connection: Mutex<Connection>,
    sealer: Sealer,
}

impl Store {
    /// Opens or creates `path`. `unwrap` is called with the wrapped data key of an existing store, `wrap` with a new data key;
    /// both outside any transaction. A damaged file is `store_corrupt`, a newer one `store_newer`, and a data key that is not
    /// this store's `key_missing`; what `unwrap` and `wrap` fail with is returned as it is. The file is then left as it was.
    pub(crate) fn open(
        path: &Path,
        unwrap: &dyn Fn(Vec<u8>) -> Result<Vec<u8>>,
        wrap: &dyn Fn(Vec<u8>) -> Result<Vec<u8>>,
        entropy: &dyn crate::clock::Entropy,
    ) -> Result<Store> {
        let (connection, sealer) = open::open(path, unwrap, wrap, entropy)?;
        Ok(Store {
            connection: Mutex::new(connection),
            sealer,
        })
    }

    /// Looks at a store that nobody has open, and replaces it by what is left of it where it cannot be used whole. The old
    /// file stays beside it under another name.
    pub(crate) fn repair(
        path: &Path,
        unwrap: &dyn Fn(Vec<u8>) -> Result<Vec<u8>>,
    ) -> Result<StoreRepair> {
        repair::repair(path, unwrap)
    }

    /// A panic while the lock was held has rolled its transaction back: the connection is still good.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        let wait = || {
            self.connection
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        match self.connection.try_lock() {
            Ok(connection) => connection,
            Err(_) => aside(wait),
        }
    }

    fn read<T>(&self, query: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        query(&self.connection())
    }

    /// `change` sees no other writer from its first read on (`BEGIN IMMEDIATE`); an error undoes all of it.
    fn write<T>(&self, change: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        aside(|| {
            let mut connection = self.connection();
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = change(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })
    }

    /// Overwrites the write-ahead log, which still holds old pages after rows were removed. Another process that reads them
    /// keeps it; then its next checkpoint does this.
    fn empty_log(&self) -> Result<()> {
        self.read(|store| {
            store.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            Ok(())
        })
    }
}

/// Does what may wait for the disk, or seconds for another process, without keeping a thread of the runtime from other work.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
