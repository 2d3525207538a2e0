//! The outbox: one decision, as many attempts as it takes, one outcome.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;

use super::{Decision, Delivery, Receipt};
use crate::core::{Core, Running, dialect, network_error};
use crate::crash::crash_point;
use crate::error::{Error, ErrorClass, ErrorCode, Result};
use crate::json::{self, Limits};
use crate::protocol::{AnswerOutcome, Refusal, SignedAnswer, Verdict};
use crate::store::{ChallengeRow, DecisionRow, EnrollmentRow};
use crate::task::{Started, start};
use crate::transport::TransportError;

/// Longer than one attempt can take (25 s, a foreign transport a quarter more), so that a lease never ends under a
/// running attempt.
const LEASE_MS: i64 = 40_000;
/// Longest sleep of a planned attempt; the expiry ends it all much earlier.
const LONGEST_WAIT_MS: i64 = 3_600_000;
/// First and longest pause between attempts, before jitter.
const FIRST_PAUSE_MS: i64 = 1_000;
const LONGEST_PAUSE_MS: i64 = 60_000;

/// What one attempt taught.
enum Step {
    /// Settled, or nothing to do now.
    Done(Receipt),
    /// The clock was corrected: try again at once, with a fresh JWT.
    Again,
}

impl Core {
    /// Sends a committed decision once (twice when the clock had to be corrected) and says where it stands.
    pub(crate) async fn deliver(self: &Arc<Self>, challenge: &str) -> Result<Receipt> {
        let mut may_correct = true;
        loop {
            match self.attempt(challenge, may_correct).await? {
                Step::Again => may_correct = false,
                Step::Done(receipt) => {
                    if receipt.delivery != Delivery::Queued {
                        self.changes.settled(&receipt);
                        self.checkpoint_if_due(&self.decision(challenge)?.enrollment)
                            .await;
                    }
                    self.schedule(&receipt)?;
                    return Ok(receipt);
                }
            }
        }
    }

    /// Everything that is queued, all at once; one that fails does not stop the others.
    pub(crate) async fn flush(self: &Arc<Self>) -> Result<Vec<Receipt>> {
        let mut attempts = Vec::new();
        for row in self.store.queued()? {
            let core = Arc::clone(self);
            attempts.push(Started::new(&Handle::current(), async move {
                Ok(core.deliver_or_keep(row.receipt).await)
            }));
        }
        let mut receipts = Vec::new();
        for mut attempt in attempts {
            receipts.push(attempt.result().await.unwrap_or_else(|| {
                Err(Error::new(
                    ErrorCode::Internal,
                    "an attempt ended unexpectedly",
                ))
            })?);
        }
        Ok(receipts)
    }

    /// Delivers; where even trying is not possible, the decision stays queued and is tried again later.
    pub(super) async fn deliver_or_keep(self: &Arc<Self>, mut queued: Receipt) -> Receipt {
        match self.deliver(queued.challenge.as_str()).await {
            Ok(receipt) => receipt,
            Err(error) => {
                tracing::warn!(
                    code = error.code().as_str(),
                    "an answer could not be sent; it stays queued"
                );
                queued.last_error = Some(error.code());
                queued.next_attempt_at = Some(self.clock.now() + LONGEST_PAUSE_MS);
                self.plan(queued.challenge.as_str().to_owned(), LONGEST_PAUSE_MS);
                queued
            }
        }
    }

    async fn attempt(self: &Arc<Self>, id: &str, may_correct: bool) -> Result<Step> {
        let decision = self.decision(id)?;
        if decision.receipt.delivery != Delivery::Queued {
            return Ok(Step::Done(decision.receipt));
        }
        let mut row = self.enrollment_row(&decision.enrollment)?;
        let challenge = self.challenge_row(&decision.receipt.challenge)?;
        // A server that asks to wait is not asked again before (RFC 6585 §4), whoever calls.
        let told_to_wait = decision.receipt.last_error == Some(ErrorCode::RateLimited);
        if told_to_wait
            && decision
                .receipt
                .next_attempt_at
                .is_some_and(|at| self.now(&row) < at.min(decision.expires_at))
        {
            return Ok(Step::Done(decision.receipt));
        }
        if self.now(&row) >= decision.expires_at {
            return self.settle_expired(&row, decision.receipt);
        }
        crash_point("committed");
        let signed = match self.sign_answer(&row, &challenge, &decision).await {
            Ok(signed) => signed,
            Err(error) => return self.not_signed(&row, decision.receipt, &error),
        };
        crash_point("signed");
        let now = self.now(&row);
        if !self
            .store
            .begin_attempt(id, &signed.jwt, now, now + LEASE_MS)?
        {
            return Ok(Step::Done(self.elsewhere(id, now)?));
        }
        crash_point("begun");
        let result = self.transmit(signed.request).await;
        crash_point("answered");
        let outcome = result.map(|answer| {
            self.learn_from(&mut row, &answer);
            dialect(row.dialect).answer_outcome(&answer)
        });
        self.record(&mut row, decision.receipt, outcome, may_correct)
    }

    fn decision(&self, id: &str) -> Result<DecisionRow> {
        self.store.decision(id)?.ok_or_else(|| {
            Error::new(
                ErrorCode::UnknownChallenge,
                "nothing was decided about this challenge",
            )
        })
    }

    async fn sign_answer(
        self: &Arc<Self>,
        row: &EnrollmentRow,
        challenge: &ChallengeRow,
        decision: &DecisionRow,
    ) -> Result<SignedAnswer> {
        let consent_claim = match &decision.claim {
            Some(text) => Some(json::read(text.as_bytes(), Limits::BODY).map_err(|_| {
                Error::new(ErrorCode::Internal, "a stored consent claim cannot be read")
            })?),
            None => None,
        };
        let verdict = Verdict {
            approve: decision.decision == Decision::Approve,
            reason: decision.reason.clone(),
            consent_claim,
        };
        let push = challenge.push.clone();
        let dialect = dialect(row.dialect);
        self.signed(row, move |wire, identity, signer| {
            dialect.answer_request(wire, identity, signer, &push, &verdict)
        })
        .await
    }

    /// Writes down what an attempt came to.
    fn record(
        &self,
        row: &mut EnrollmentRow,
        mut receipt: Receipt,
        outcome: std::result::Result<AnswerOutcome, TransportError>,
        may_correct: bool,
    ) -> Result<Step> {
        let mut again = false;
        let mut unknown = false;
        receipt.attempts += 1;
        receipt.next_attempt_at = None;
        receipt.last_error = None;
        receipt.server_code = None;
        match outcome {
            Ok(AnswerOutcome::Accepted) => receipt.delivery = Delivery::Delivered,
            Ok(AnswerOutcome::Gone(refusal)) => {
                refuse(&mut receipt, ErrorCode::ChallengeAnswered, refusal)
            }
            Ok(AnswerOutcome::Refused(refusal)) => {
                // Whoever sends elsewhere may have read the answer before.
                unknown = (300..400).contains(&refusal.status);
                refuse(&mut receipt, ErrorCode::ServerRefused, refusal)
            }
            Ok(AnswerOutcome::ClockSuspect(refusal)) => {
                again = may_correct && self.correct_clock(row, &refusal)?;
                if !again {
                    refuse(&mut receipt, ErrorCode::ServerRefused, refusal);
                }
            }
            Ok(AnswerOutcome::Retry(refusal)) => {
                // A server that asks to wait has not taken the answer; one that failed may have.
                unknown = refusal.status != 429;
                let waits = refusal.status == 429 || refusal.retry_after.is_some();
                receipt.last_error = Some(if waits {
                    ErrorCode::RateLimited
                } else {
                    ErrorCode::ServerBusy
                });
                receipt.server_code = refusal.code;
                self.wait(row, &mut receipt, refusal.retry_after);
            }
            Err(error) => {
                unknown = matches!(
                    error,
                    TransportError::Interrupted | TransportError::TooLarge
                );
                receipt.last_error = Some(network_error(error).code());
                self.wait(row, &mut receipt, None);
            }
        }
        let receipt = self.store.end_attempt(&receipt, unknown)?;
        crash_point("recorded");
        Ok(if again && receipt.delivery == Delivery::Queued {
            Step::Again
        } else {
            Step::Done(receipt)
        })
    }

    /// A key that is gone cannot sign later either; a locked one can.
    fn not_signed(&self, row: &EnrollmentRow, mut receipt: Receipt, error: &Error) -> Result<Step> {
        receipt.last_error = Some(error.code());
        receipt.next_attempt_at = None;
        if error.class() == ErrorClass::ReEnroll {
            receipt.delivery = Delivery::Undelivered;
        } else {
            self.wait(row, &mut receipt, None);
        }
        self.store.put_off(&receipt, self.now(row)).map(Step::Done)
    }

    fn settle_expired(&self, row: &EnrollmentRow, mut receipt: Receipt) -> Result<Step> {
        receipt.delivery = Delivery::Undelivered;
        receipt.last_error = Some(ErrorCode::ChallengeExpired);
        receipt.next_attempt_at = None;
        self.store.put_off(&receipt, self.now(row)).map(Step::Done)
    }

    /// Where a decision stands that another process is sending, or that a process has died over: look again after its lease.
    fn elsewhere(&self, id: &str, now: i64) -> Result<Receipt> {
        let mut receipt = self.decision(id)?.receipt;
        if receipt.delivery == Delivery::Queued {
            receipt.next_attempt_at = Some(now + LEASE_MS);
        }
        Ok(receipt)
    }

    /// Sets the time of the next attempt: doubling, with jitter, or as long as the server asks.
    fn wait(&self, row: &EnrollmentRow, receipt: &mut Receipt, retry_after: Option<u32>) {
        let jitter = i64::from(u16::from_be_bytes(self.random::<2>()));
        let pause = pause_ms(receipt.attempts, jitter)
            .max(retry_after.map_or(0, |seconds| i64::from(seconds) * 1000));
        receipt.next_attempt_at = Some(self.now(row) + pause);
    }

    /// Plans the next attempt within this process; `flush` does the same from outside.
    fn schedule(self: &Arc<Self>, receipt: &Receipt) -> Result<()> {
        let (Delivery::Queued, Some(at)) = (receipt.delivery, receipt.next_attempt_at) else {
            return Ok(());
        };
        let id = receipt.challenge.as_str().to_owned();
        let row = self.enrollment_row(&self.decision(&id)?.enrollment)?;
        self.plan(id, at.saturating_sub(self.now(&row)));
        Ok(())
    }

    /// One attempt at a time is planned for a challenge.
    fn plan(self: &Arc<Self>, id: String, pause_ms: i64) {
        if !self.config.auto_retry
            || !self
                .retrying
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(id.clone())
        {
            return;
        }
        let pause = Duration::from_millis(pause_ms.clamp(0, LONGEST_WAIT_MS).unsigned_abs());
        let core = Arc::downgrade(self);
        start(&Handle::current(), async move {
            tokio::time::sleep(pause).await;
            let Some(core) = core.upgrade().filter(|core| !core.is_closed()) else {
                return;
            };
            core.retrying
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&id);
            let _running = Running::new(&core.background);
            if core.is_paused() {
                return;
            }
            match core.decision(&id) {
                Ok(decision) => drop(core.deliver_or_keep(decision.receipt).await),
                // Its account was removed meanwhile.
                Err(error) => tracing::info!(
                    code = error.code().as_str(),
                    "a planned answer is no longer there"
                ),
            }
        });
    }

    /// Takes up what is queued: left by an earlier process, or put off by `pause`.
    pub(crate) fn take_up_queued(self: &Arc<Self>) -> Result<()> {
        for row in self.store.queued()? {
            self.plan(row.challenge, 0);
        }
        Ok(())
    }
}

/// A final refusal. After an attempt of unknown outcome nobody can say whether that one counted: the store, which knows
/// all attempts, then makes it `Unconfirmed`.
fn refuse(receipt: &mut Receipt, code: ErrorCode, refusal: Refusal) {
    receipt.delivery = Delivery::Refused;
    receipt.last_error = Some(code);
    receipt.server_code = refusal.code;
}

/// Pause before the next attempt: 1, 2, 4 … 60 s, of which up to a half is jitter (`jitter` of 65,536 parts).
fn pause_ms(attempts: u32, jitter: i64) -> i64 {
    let full = FIRST_PAUSE_MS
        .saturating_mul(1 << attempts.saturating_sub(1).min(6))
        .min(LONGEST_PAUSE_MS);
    full / 2 + full / 2 * jitter / 65_536
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_never_vanish() {
        for (attempts, longest) in [
            (1, 1_000),
            (2, 2_000),
            (3, 4_000),
            (7, 60_000),
            (40, 60_000),
        ] {
            assert_eq!(pause_ms(attempts, 0), longest / 2);
            assert!(
                pause_ms(attempts, 65_535) <= longest
                    && pause_ms(attempts, 65_535) > longest * 9 / 10
            );
        }
    }
}
