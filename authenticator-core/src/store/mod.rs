//! The store: one SQLite file, personal columns sealed. Nothing outside this folder knows SQL.
//!
//! Calls are short and synchronous; no foreign call happens inside.

use std::path::Path;

use crate::consent::Account;
use crate::decision::{Decision, Receipt};
use crate::error::Result;
use crate::history::HistoryEntry;
use crate::json::Value;
use crate::keys::{KeyAlgorithm, ProtectionLevel};
use crate::otp::Totp;
use crate::protocol::{Identity, Push, PushToken};
use crate::secret::Secret;

/// An enrollment as stored.
#[derive(Clone)]
pub(crate) struct EnrollmentRow {
    pub identity: Identity,
    pub server: String,
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
    /// An earlier attempt ended without a clear answer.
    pub unknown_outcome: bool,
    pub receipt: Receipt,
}

/// What came of committing.
pub(crate) enum Committed {
    /// This call decided.
    Now(DecisionRow),
    /// Somebody was first; this is what they decided.
    Before(DecisionRow),
}

pub(crate) struct Store {
    _private: (),
}

impl Store {
    /// Opens or creates `path`. `unwrap` is called with the wrapped data key of an existing store, `wrap` with a new data key;
    /// both outside any transaction. A damaged file is moved aside and `store_corrupt` returned; a newer one is refused.
    pub(crate) fn open(
        _path: &Path,
        _unwrap: &dyn Fn(Vec<u8>) -> Result<Vec<u8>>,
        _wrap: &dyn Fn(Vec<u8>) -> Result<Vec<u8>>,
        _entropy: &dyn crate::clock::Entropy,
    ) -> Result<Store> {
        todo!()
    }

    // Enrollments
    /// `enrollment_conflict` if the id exists.
    pub(crate) fn add_enrollment(&self, _row: &EnrollmentRow) -> Result<()> {
        todo!()
    }
    pub(crate) fn enrollment(&self, _id: &str) -> Result<Option<EnrollmentRow>> {
        todo!()
    }
    pub(crate) fn enrollments(&self) -> Result<Vec<EnrollmentRow>> {
        todo!()
    }
    pub(crate) fn set_push(&self, _id: &str, _push: &PushToken) -> Result<()> {
        todo!()
    }
    pub(crate) fn set_clock_offset(&self, _id: &str, _offset: i64) -> Result<()> {
        todo!()
    }
    pub(crate) fn touch(&self, _id: &str, _at: i64) -> Result<()> {
        todo!()
    }
    /// With its challenges, decisions and history, in one transaction; free pages are overwritten (`secure_delete`).
    pub(crate) fn remove_enrollment(&self, _id: &str) -> Result<()> {
        todo!()
    }
    /// Servers that a person confirmed: (name, base URL).
    pub(crate) fn servers(&self) -> Result<Vec<(String, String)>> {
        todo!()
    }
    pub(crate) fn add_server(&self, _name: &str, _base_url: &str) -> Result<()> {
        todo!()
    }

    // Challenges
    /// `false` if the id exists already; nothing is changed then.
    pub(crate) fn add_challenge(&self, _row: &ChallengeRow) -> Result<bool> {
        todo!()
    }
    pub(crate) fn challenge(&self, _id: &str) -> Result<Option<ChallengeRow>> {
        todo!()
    }
    /// Neither decided nor expired, the soonest to expire first.
    pub(crate) fn open_challenges(&self) -> Result<Vec<ChallengeRow>> {
        todo!()
    }
    pub(crate) fn set_consent(
        &self,
        _id: &str,
        _body: Option<&str>,
        _expires_at: i64,
    ) -> Result<()> {
        todo!()
    }
    pub(crate) fn set_review(&self, _id: &str, _review: &ReviewRow) -> Result<()> {
        todo!()
    }
    /// Marks challenges that are past `now` and undecided as expired, writes their history; returns their ids.
    pub(crate) fn expire(&self, _now: i64) -> Result<Vec<String>> {
        todo!()
    }

    // Decisions
    /// Atomic across processes: the first decision for a challenge stays. `review` must still be the stored one
    /// (`expected_shown`), else `review_changed` and nothing is written.
    pub(crate) fn decide(
        &self,
        _row: &DecisionRow,
        _expected_shown: Option<&str>,
    ) -> Result<Committed> {
        todo!()
    }
    pub(crate) fn decision(&self, _challenge: &str) -> Result<Option<DecisionRow>> {
        todo!()
    }
    /// Decisions that are still queued, the soonest to expire first.
    pub(crate) fn queued(&self) -> Result<Vec<DecisionRow>> {
        todo!()
    }
    /// Takes the right to send until `lease_until` and records the attempt with its JWT, durably, before the first byte
    /// goes out; `false` if another process holds it or the decision is settled.
    pub(crate) fn begin_attempt(
        &self,
        _challenge: &str,
        _jwt: &str,
        _now: i64,
        _lease_until: i64,
    ) -> Result<bool> {
        todo!()
    }
    /// Writes what came of the attempt, releases the lease, and, when settled, finishes the history entry.
    pub(crate) fn end_attempt(&self, _receipt: &Receipt, _unknown_outcome: bool) -> Result<()> {
        todo!()
    }

    // History
    pub(crate) fn history(
        &self,
        _enrollment: Option<&str>,
        _before: Option<i64>,
        _limit: u32,
    ) -> Result<Vec<HistoryEntry>> {
        todo!()
    }
}

/// Only so that the types above are seen to be used together.
#[allow(dead_code)]
fn _shape(_: Account, _: Secret<String>) {}
