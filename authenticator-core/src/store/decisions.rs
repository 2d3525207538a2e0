//! Decisions: made once, sent under a lease, settled.

use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params_from_iter};

use super::challenges::{erase_credentials, open_one, set_state};
use super::document::{self, Document, check_owner, document, named, optional, text};
use super::fault::{challenge_expired, unknown_challenge, unknown_enrollment};
use super::names::Named;
use super::seal::{Column, Sealer};
use super::{Aftermath, ChallengeRow, Committed, DecisionRow, Store, enrollments, history};
use crate::challenge::{ChallengeId, ChallengeState};
use crate::crash::crash_point;
use crate::decision::{Decision, Delivery, Receipt};
use crate::error::{Error, ErrorCode, Result};

const VERDICT: Column = column("verdict");
const SERVER_CODE: Column = column("server_code");
const ANSWER: Column = column("answer");

const fn column(name: &'static str) -> Column {
    Column {
        table: "decisions",
        name,
    }
}

impl Store {
    /// Atomic across processes: the first decision for a challenge stays. `review` must still be the stored one
    /// (`expected_shown`), else `review_changed` and nothing is written.
    ///
    /// `remember` writes what the decision leaves behind, in the same transaction. Where what was remembered before cannot
    /// be read, the decision stands without it.
    ///
    /// An approval needs a review: `review_missing` where there is none or `expected_shown` is `None`,
    /// `approval_blocked` where it says so. `challenge_expired` once the challenge is marked so or `decided_at` is too late.
    pub(crate) fn decide(
        &self,
        row: &DecisionRow,
        expected_shown: Option<&str>,
        remember: impl Fn(&Aftermath<'_>) -> Result<()>,
    ) -> Result<Committed> {
        let id = row.challenge.as_str();
        self.write(|change| {
            if let Some(first) = find(change, id)? {
                return Ok(Committed::Before(first.open(&self.sealer)?));
            }
            let challenge = open_one(change, id)?.open(&self.sealer)?;
            if row.decided_at >= challenge.expires_at {
                return Err(challenge_expired());
            }
            check_review(&challenge, row.decision, expected_shown)?;
            if row.decision == Decision::Approve {
                self.check_approval_key(change, row)?;
            }
            let verdict = document([
                ("enrollment", text(&challenge.enrollment)),
                ("decision", named(row.decision)),
                ("reason", optional(row.reason.as_deref())),
                ("claim", optional(row.claim.as_deref())),
            ]);
            change.execute(
                "INSERT INTO decisions
                 (challenge, enrollment, decided_at, expires_at, verdict, delivery, attempts, next_attempt_at,
                  unknown_outcome, open_attempts, lease_until)
                 VALUES (?1, ?2, ?3, ?4, ?5, 'queued', 0, ?6, 0, 0, 0)",
                (
                    id,
                    &challenge.enrollment,
                    row.decided_at,
                    row.expires_at,
                    document::seal(&self.sealer, VERDICT, id, &verdict)?,
                    row.receipt.next_attempt_at,
                ),
            )?;
            crash_point("deciding");
            set_state(change, id, ChallengeState::Decided)?;
            history::record_decided(change, &self.sealer, &challenge, row)?;
            match remember(&Aftermath {
                change,
                sealer: &self.sealer,
            }) {
                Err(error) if error.code() == ErrorCode::StoreCorrupt => tracing::warn!(
                    code = error.code().as_str(),
                    "what was remembered of earlier requests cannot be read"
                ),
                remembered => remembered?,
            }
            let stored = find(change, id)?.ok_or_else(unknown_challenge)?;
            Ok(Committed::Now(stored.open(&self.sealer)?))
        })
    }

    /// [`Store::decide`] for tests that do not care about what is remembered.
    #[cfg(test)]
    pub(crate) fn decide_only(
        &self,
        row: &DecisionRow,
        expected_shown: Option<&str>,
    ) -> Result<Committed> {
        self.decide(row, expected_shown, |_| Ok(()))
    }

    /// Another process may have replaced the key while a person was looking at its prompt.
    fn check_approval_key(&self, change: &Transaction<'_>, row: &DecisionRow) -> Result<()> {
        let account = enrollments::find(change, &row.enrollment)?.ok_or_else(unknown_enrollment)?;
        let key = account
            .open(&self.sealer)?
            .approval_key
            .map(|(alias, _)| alias);
        match (key == row.approved_with, &row.approved_with) {
            (true, _) => Ok(()),
            (false, None) => Err(Error::new(
                ErrorCode::UserVerificationNeeded,
                "this account approves with a prompt: call begin_approval",
            )),
            (false, Some(_)) => Err(Error::new(
                ErrorCode::SigningRequestGone,
                "the approval key was replaced: begin the approval again",
            )),
        }
    }

    pub(crate) fn decision(&self, challenge: &str) -> Result<Option<DecisionRow>> {
        let stored = self.read(|store| find(store, challenge))?;
        stored.map(|stored| stored.open(&self.sealer)).transpose()
    }

    /// Decisions that are still queued, the soonest to expire first.
    pub(crate) fn queued(&self) -> Result<Vec<DecisionRow>> {
        let stored = self.read(|store| {
            let mut query = store.prepare(&format!(
                "{SELECT} WHERE delivery = 'queued' ORDER BY expires_at, challenge"
            ))?;
            let rows = query.query_map([], Stored::from_row)?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
        })?;
        stored
            .into_iter()
            .map(|stored| stored.open(&self.sealer))
            .collect()
    }

    /// Takes the right to send until `lease_until` and records the attempt with its JWT, durably, before the first byte
    /// goes out; `false` if another process holds it or the decision is settled.
    ///
    /// An earlier attempt that was begun and never ended makes the outcome unknown for good. A lease that ends later than
    /// the one asked for was taken by another clock and does not count.
    pub(crate) fn begin_attempt(
        &self,
        challenge: &str,
        jwt: &str,
        now: i64,
        lease_until: i64,
    ) -> Result<bool> {
        let answer = self.sealer.seal(ANSWER, challenge, jwt.as_bytes())?;
        self.write(|change| {
            let taken = change.execute(
                "UPDATE decisions
                 SET lease_until = ?3, answer = ?4, attempts = attempts + 1,
                     unknown_outcome = unknown_outcome OR open_attempts > 0, open_attempts = open_attempts + 1
                 WHERE challenge = ?1 AND delivery = 'queued' AND (lease_until <= ?2 OR lease_until > ?3)",
                (challenge, now, lease_until, answer),
            )?;
            crash_point("beginning");
            Ok(taken > 0)
        })
    }

    /// Writes what came of the attempt, releases the lease, and, when settled, finishes the history entry.
    ///
    /// Returns the receipt as stored. It differs from the one given where the store knows more: after an attempt of
    /// unknown outcome a refusal, or the expiry, is `unconfirmed`; a settled decision stays as it is, except that a
    /// confirmation by the server settles a doubt. What was decided never changes.
    pub(crate) fn end_attempt(&self, receipt: &Receipt, unknown_outcome: bool) -> Result<Receipt> {
        let id = receipt.challenge.as_str();
        self.write(|change| {
            let before = find(change, id)?.ok_or_else(unknown_challenge)?;
            change.execute(
                "UPDATE decisions SET open_attempts = max(open_attempts - 1, 0) WHERE challenge = ?1",
                [id],
            )?;
            if !before.may_become(receipt.delivery) {
                return Ok(before.open(&self.sealer)?.receipt);
            }
            let delivery = before.settle(receipt.delivery, unknown_outcome);
            self.set_outcome(change, receipt, delivery, unknown_outcome)
        })
    }

    /// Writes what came of a decision that could not be sent at all: put off, or given up. Returns the receipt as stored:
    /// an attempt that is running elsewhere (its lease outlasts `now`) keeps its say, a settled decision stays.
    pub(crate) fn put_off(&self, receipt: &Receipt, now: i64) -> Result<Receipt> {
        self.write(|change| {
            let before = find(change, receipt.challenge.as_str())?.ok_or_else(unknown_challenge)?;
            if before.delivery.0 != Delivery::Queued || before.lease_until > now {
                return Ok(before.open(&self.sealer)?.receipt);
            }
            let delivery = before.settle(receipt.delivery, false);
            self.set_outcome(change, receipt, delivery, false)
        })
    }

    /// Settles what an account whose key is lost (`why`) can never sign; returns what became of it.
    pub(crate) fn give_up_queued(&self, enrollment: &str, why: ErrorCode) -> Result<Vec<Receipt>> {
        self.write(|change| self.give_up(change, enrollment, why))
    }

    /// As [`Store::give_up_queued`], as a part of another change. An attempt that still runs may confirm it later.
    pub(super) fn give_up(
        &self,
        change: &Transaction<'_>,
        enrollment: &str,
        why: ErrorCode,
    ) -> Result<Vec<Receipt>> {
        let stored = {
            let mut query = change.prepare(&format!(
                "{SELECT} WHERE enrollment = ?1 AND delivery = 'queued' ORDER BY expires_at, challenge"
            ))?;
            let rows = query.query_map([enrollment], Stored::from_row)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()?
        };
        let mut given_up = Vec::new();
        for before in stored {
            let delivery = before.settle(Delivery::Undelivered, false);
            let row = before.open(&self.sealer)?;
            let receipt = Receipt {
                next_attempt_at: None,
                last_error: Some(why),
                ..row.receipt
            };
            given_up.push(self.set_outcome(change, &receipt, delivery, false)?);
        }
        Ok(given_up)
    }

    /// Ends the lease of this attempt, not that of a later one; finishes the history entry of a decision that is settled by this.
    fn set_outcome(
        &self,
        change: &Transaction<'_>,
        receipt: &Receipt,
        delivery: Delivery,
        unknown_outcome: bool,
    ) -> Result<Receipt> {
        let id = receipt.challenge.as_str();
        let server_code = receipt.server_code.as_deref();
        let server_code = self.sealer.seal_text(SERVER_CODE, id, server_code)?;
        change.execute(
            "UPDATE decisions
             SET delivery = ?2, next_attempt_at = ?3, last_error = ?4, server_code = ?5,
                 unknown_outcome = unknown_outcome OR ?6,
                 lease_until = CASE WHEN attempts = ?7 THEN 0 ELSE lease_until END
             WHERE challenge = ?1",
            (
                id,
                Named(delivery),
                receipt.next_attempt_at,
                receipt.last_error.map(Named),
                server_code,
                unknown_outcome,
                receipt.attempts,
            ),
        )?;
        crash_point("recording");
        let after = find(change, id)?.ok_or_else(unknown_challenge)?;
        let answer = after.answer(&self.sealer)?;
        let after = after.open(&self.sealer)?;
        if delivery != Delivery::Queued {
            history::record_settled(change, &self.sealer, &after, answer.as_deref())?;
            erase_credentials(change, id)?;
        }
        Ok(after.receipt)
    }
}

fn check_review(
    challenge: &ChallengeRow,
    decision: Decision,
    expected_shown: Option<&str>,
) -> Result<()> {
    let missing = || {
        Error::new(
            ErrorCode::ReviewMissing,
            "review the challenge before it is approved",
        )
    };
    let Some(expected) = expected_shown else {
        return match decision {
            Decision::Approve => Err(missing()),
            Decision::Deny => Ok(()),
        };
    };
    let review = challenge.review.as_ref().ok_or_else(missing)?;
    if review.shown != expected {
        return Err(Error::new(
            ErrorCode::ReviewChanged,
            "the challenge was reviewed again since; show the new review",
        ));
    }
    match (decision, &review.blocked) {
        (Decision::Approve, Some(_)) => Err(Error::new(
            ErrorCode::ApprovalBlocked,
            "this request can only be denied; the review says why",
        )),
        _ => Ok(()),
    }
}

/// Whether a sealed verdict is an approval.
pub(super) fn is_approval(sealer: &Sealer, challenge: &str, verdict: &[u8]) -> Result<bool> {
    let verdict = Document::open(sealer, VERDICT, challenge, verdict)?;
    Ok(verdict.named::<Decision>("decision")? == Decision::Approve)
}

const SELECT: &str = "SELECT challenge, enrollment, decided_at, expires_at, verdict, delivery, attempts, next_attempt_at,
                             last_error, server_code, answer, unknown_outcome, open_attempts, lease_until
                      FROM decisions";

/// A decision with its columns still sealed.
struct Stored {
    challenge: String,
    enrollment: String,
    decided_at: i64,
    expires_at: i64,
    verdict: Vec<u8>,
    delivery: Named<Delivery>,
    attempts: u32,
    next_attempt_at: Option<i64>,
    last_error: Option<Named<ErrorCode>>,
    server_code: Option<Vec<u8>>,
    answer: Option<Vec<u8>>,
    unknown_outcome: bool,
    open_attempts: i64,
    lease_until: i64,
}

fn find(store: &Connection, challenge: &str) -> Result<Option<Stored>> {
    Ok(store
        .query_row(
            &format!("{SELECT} WHERE challenge = ?1"),
            [challenge],
            Stored::from_row,
        )
        .optional()?)
}

/// Whether the row of this key opens.
pub(super) fn opens(store: &Connection, sealer: &Sealer, key: &[SqlValue]) -> Result<()> {
    let query = format!("{SELECT} WHERE rowid = ?1");
    let stored = store.query_row(&query, params_from_iter(key), Stored::from_row)?;
    stored.answer(sealer)?;
    stored.open(sealer).map(drop)
}

impl Stored {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Stored> {
        Ok(Stored {
            challenge: row.get(0)?,
            enrollment: row.get(1)?,
            decided_at: row.get(2)?,
            expires_at: row.get(3)?,
            verdict: row.get(4)?,
            delivery: row.get(5)?,
            attempts: row.get(6)?,
            next_attempt_at: row.get(7)?,
            last_error: row.get(8)?,
            server_code: row.get(9)?,
            answer: row.get(10)?,
            unknown_outcome: row.get(11)?,
            open_attempts: row.get(12)?,
            lease_until: row.get(13)?,
        })
    }

    fn may_become(&self, delivery: Delivery) -> bool {
        match self.delivery.0 {
            Delivery::Queued => true,
            Delivery::Unconfirmed | Delivery::Undelivered => delivery == Delivery::Delivered,
            Delivery::Delivered | Delivery::Refused => false,
        }
    }

    /// `Refused` ends an attempt that is counted as open itself; `Undelivered` means that none was made.
    fn settle(&self, delivery: Delivery, unknown_outcome: bool) -> Delivery {
        match delivery {
            Delivery::Refused if self.unknown_outcome || unknown_outcome => Delivery::Unconfirmed,
            Delivery::Undelivered if self.unknown_outcome || self.open_attempts > 0 => {
                Delivery::Unconfirmed
            }
            delivery => delivery,
        }
    }

    fn answer(&self, sealer: &Sealer) -> Result<Option<String>> {
        sealer.open_optional(ANSWER, &self.challenge, self.answer.clone())
    }

    fn open(self, sealer: &Sealer) -> Result<DecisionRow> {
        let verdict = Document::open(sealer, VERDICT, &self.challenge, &self.verdict)?;
        check_owner(&verdict, &self.enrollment)?;
        let decision = verdict.named("decision")?;
        let reason = verdict.optional_text("reason")?;
        Ok(DecisionRow {
            decision,
            reason: reason.clone(),
            claim: verdict.optional_text("claim")?,
            decided_at: self.decided_at,
            expires_at: self.expires_at,
            approved_with: None,
            receipt: Receipt {
                challenge: ChallengeId::new(&self.challenge),
                decision,
                reason,
                delivery: self.delivery.0,
                decided_at: self.decided_at,
                attempts: self.attempts,
                next_attempt_at: self.next_attempt_at,
                last_error: self.last_error.map(|code| code.0),
                server_code: sealer.open_optional(
                    SERVER_CODE,
                    &self.challenge,
                    self.server_code,
                )?,
            },
            challenge: self.challenge,
            enrollment: self.enrollment,
        })
    }
}
