//! The outbox: one decision, as many attempts as it takes, one outcome.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{Decision, Delivery, Receipt};
use crate::core::{Core, network_error};
use crate::error::{Error, ErrorClass, ErrorCode, Result};
use crate::json::{self, Limits};
use crate::protocol::{AnswerOutcome, Refusal, SignedAnswer, Verdict};
use crate::store::{ChallengeRow, DecisionRow, EnrollmentRow};
use crate::transport::TransportError;

/// Longer than one attempt can take (25 s in all), so that a lease never ends under a running attempt.
const LEASE_MS: i64 = 30_000;
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
                        self.checkpoint_if_due(&self.decision(challenge)?.enrollment).await;
                    }
                    self.schedule(&receipt)?;
                    return Ok(receipt);
                }
            }
        }
    }

    /// Everything that is queued, the soonest to expire first.
    pub(crate) async fn flush(self: &Arc<Self>) -> Result<Vec<Receipt>> {
        let mut receipts = Vec::new();
        for row in self.store.queued()? {
            receipts.push(self.deliver(&row.challenge).await?);
        }
        Ok(receipts)
    }

    async fn attempt(self: &Arc<Self>, id: &str, may_correct: bool) -> Result<Step> {
        let decision = self.decision(id)?;
        if decision.receipt.delivery != Delivery::Queued {
            return Ok(Step::Done(decision.receipt));
        }
        let mut row = self.enrollment_row(&decision.enrollment)?;
        let challenge = self.challenge_row(&decision.receipt.challenge)?;
        if self.now(&row) >= decision.expires_at {
            return self.settle_expired(&row, decision.receipt);
        }
        let signed = match self.sign_answer(&row, &challenge, &decision).await {
            Ok(signed) => signed,
            Err(error) => return self.not_signed(&row, decision.receipt, &error),
        };
        let now = self.now(&row);
        if !self.store.begin_attempt(id, &signed.jwt, now, now + LEASE_MS)? {
            return Ok(Step::Done(self.elsewhere(id, now)?));
        }
        let result = self.transport.send(signed.request).await;
        let outcome = result.map(|answer| self.dialect_of(&row).answer_outcome(&answer));
        self.record(&mut row, decision.receipt, outcome, may_correct)
    }

    fn decision(&self, id: &str) -> Result<DecisionRow> {
        self.store.decision(id)?.ok_or_else(|| Error::new(ErrorCode::UnknownChallenge, "nothing was decided about this challenge"))
    }

    async fn sign_answer(self: &Arc<Self>, row: &EnrollmentRow, challenge: &ChallengeRow, decision: &DecisionRow) -> Result<SignedAnswer> {
        let consent_claim = match &decision.claim {
            Some(text) => Some(
                json::read(text.as_bytes(), Limits::BODY)
                    .map_err(|_| Error::new(ErrorCode::Internal, "a stored consent claim cannot be read"))?,
            ),
            None => None,
        };
        let verdict = Verdict { approve: decision.decision == Decision::Approve, reason: decision.reason.clone(), consent_claim };
        let push = challenge.push.clone();
        let dialect = self.dialect_of(row);
        self.signed(row, move |wire, identity, signer| dialect.answer_request(wire, identity, signer, &push, &verdict)).await
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
            Ok(AnswerOutcome::Gone(refusal)) => refuse(&mut receipt, ErrorCode::ChallengeAnswered, refusal),
            Ok(AnswerOutcome::Refused(refusal)) => refuse(&mut receipt, ErrorCode::ServerRefused, refusal),
            Ok(AnswerOutcome::ClockSuspect(refusal)) => {
                again = may_correct && self.correct_clock(row, &refusal)?;
                if !again {
                    refuse(&mut receipt, ErrorCode::ServerRefused, refusal);
                }
            }
            Ok(AnswerOutcome::Retry(refusal)) => {
                // A server that asks to wait has not taken the answer; one that failed may have.
                unknown = refusal.status != 429;
                receipt.last_error = Some(ErrorCode::ServerBusy);
                receipt.server_code = refusal.code;
                self.wait(row, &mut receipt, refusal.retry_after);
            }
            Err(error) => {
                unknown = matches!(error, TransportError::Interrupted | TransportError::TooLarge);
                receipt.last_error = Some(network_error(error).code());
                self.wait(row, &mut receipt, None);
            }
        }
        let receipt = self.store.end_attempt(&receipt, unknown)?;
        Ok(if again && receipt.delivery == Delivery::Queued { Step::Again } else { Step::Done(receipt) })
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
        let pause = pause_ms(receipt.attempts, jitter).max(retry_after.map_or(0, |seconds| i64::from(seconds) * 1000));
        receipt.next_attempt_at = Some(self.now(row) + pause);
    }

    /// Plans the next attempt within this process; `flush` does the same from outside.
    fn schedule(self: &Arc<Self>, receipt: &Receipt) -> Result<()> {
        let (Delivery::Queued, Some(at), true) = (receipt.delivery, receipt.next_attempt_at, self.config.auto_retry) else {
            return Ok(());
        };
        let id = receipt.challenge.as_str().to_owned();
        let row = self.enrollment_row(&self.decision(&id)?.enrollment)?;
        if !self.retrying.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone()) {
            return Ok(());
        }
        let pause = at.saturating_sub(self.now(&row)).clamp(0, LONGEST_WAIT_MS);
        let core = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(pause.unsigned_abs())).await;
            let Some(core) = core.upgrade() else { return };
            core.retrying.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            if let Err(error) = core.deliver(&id).await {
                tracing::warn!(code = error.code().as_str(), "an answer could not be sent again");
            }
        });
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
    let full = FIRST_PAUSE_MS.saturating_mul(1 << attempts.saturating_sub(1).min(6)).min(LONGEST_PAUSE_MS);
    full / 2 + full / 2 * jitter / 65_536
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_never_vanish() {
        for (attempts, longest) in [(1, 1_000), (2, 2_000), (3, 4_000), (7, 60_000), (40, 60_000)] {
            assert_eq!(pause_ms(attempts, 0), longest / 2);
            assert!(pause_ms(attempts, 65_535) <= longest && pause_ms(attempts, 65_535) > longest * 9 / 10);
        }
    }
}
