//! The outbox: one decision, as many attempts as it takes, one outcome.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{Decision, Delivery, Receipt};
use crate::core::Core;
use crate::error::{Error, ErrorClass, ErrorCode, Result};
use crate::json::{self, Limits};
use crate::protocol::{AnswerOutcome, Refusal, SignedAnswer, Verdict};
use crate::store::{ChallengeRow, DecisionRow, EnrollmentRow};
use crate::transport::TransportError;

/// Longer than one attempt can take (25 s in all), so that a lease never ends under a running attempt.
const LEASE_MS: i64 = 60_000;
/// First and longest pause between attempts, before jitter.
const FIRST_PAUSE_MS: i64 = 1_000;
const LONGEST_PAUSE_MS: i64 = 60_000;

/// What one attempt taught.
enum Step {
    /// Settled, or nothing to do now.
    Done(DecisionRow),
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
                Step::Done(row) => {
                    self.schedule(&row);
                    return Ok(row.receipt);
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
            return Ok(Step::Done(decision));
        }
        let mut row = self.enrollment_row(&decision.enrollment)?;
        let challenge = self.challenge_row(&decision.receipt.challenge)?;
        if self.now(&row) >= decision.expires_at {
            return self.settle_expired(&row, id);
        }
        let signed = match self.sign_answer(&row, &challenge, &decision).await {
            Ok(signed) => signed,
            Err(error) => return self.not_signed(&row, id, &error),
        };
        let now = self.now(&row);
        let Some(decision) = self.store.begin_attempt(id, Some(&signed.jwt), now, now + LEASE_MS)? else {
            return Ok(Step::Done(self.decision(id)?));
        };
        let result = self.transport.send(signed.request).await;
        let outcome = result.map(|answer| self.dialect_of(&row).answer_outcome(&answer));
        self.record(&mut row, decision, outcome, may_correct)
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

    /// Writes down what an attempt came to. `decision` is as it stood when the attempt began.
    fn record(
        &self,
        row: &mut EnrollmentRow,
        mut decision: DecisionRow,
        outcome: std::result::Result<AnswerOutcome, TransportError>,
        may_correct: bool,
    ) -> Result<Step> {
        let mut again = false;
        let receipt = &mut decision.receipt;
        let mut unknown = decision.unknown_outcome;
        receipt.next_attempt_at = None;
        receipt.last_error = None;
        receipt.server_code = None;
        match outcome {
            Ok(AnswerOutcome::Accepted) => receipt.delivery = Delivery::Delivered,
            Ok(AnswerOutcome::Gone(refusal)) => refuse(receipt, unknown, ErrorCode::ChallengeAnswered, refusal),
            Ok(AnswerOutcome::Refused(refusal)) => refuse(receipt, unknown, ErrorCode::ServerRefused, refusal),
            Ok(AnswerOutcome::ClockSuspect(refusal)) => {
                again = may_correct && self.correct_clock(row, &refusal)?;
                if !again {
                    refuse(receipt, unknown, ErrorCode::ServerRefused, refusal);
                }
            }
            Ok(AnswerOutcome::Retry(refusal)) => {
                // A server that asks to wait has not taken the answer; one that failed may have.
                unknown |= refusal.status != 429;
                receipt.last_error = Some(ErrorCode::ServerBusy);
                receipt.server_code = refusal.code;
                self.wait(row, receipt, refusal.retry_after);
            }
            Err(TransportError::Interrupted | TransportError::TooLarge) => {
                unknown = true;
                receipt.last_error = Some(ErrorCode::Interrupted);
                self.wait(row, receipt, None);
            }
            Err(nothing_sent) => {
                receipt.last_error = Some(crate::core::network_error(nothing_sent).code());
                self.wait(row, receipt, None);
            }
        }
        decision.unknown_outcome = unknown;
        self.store.end_attempt(&decision.receipt, unknown)?;
        Ok(if again { Step::Again } else { Step::Done(decision) })
    }

    /// A key that is gone cannot sign later either; a locked one can.
    fn not_signed(&self, row: &EnrollmentRow, id: &str, error: &Error) -> Result<Step> {
        self.without_sending(row, id, |core, decision| {
            decision.receipt.last_error = Some(error.code());
            if error.class() == ErrorClass::ReEnroll {
                decision.receipt.delivery = end_unsent(decision);
            } else {
                core.wait(row, &mut decision.receipt, None);
            }
        })
    }

    fn settle_expired(&self, row: &EnrollmentRow, id: &str) -> Result<Step> {
        self.without_sending(row, id, |_, decision| {
            decision.receipt.delivery = end_unsent(decision);
            decision.receipt.last_error = Some(ErrorCode::ChallengeExpired);
        })
    }

    /// Changes a decision under the lease, so that an attempt of another process that is still running keeps its say.
    fn without_sending(&self, row: &EnrollmentRow, id: &str, change: impl FnOnce(&Core, &mut DecisionRow)) -> Result<Step> {
        let now = self.now(row);
        let Some(mut decision) = self.store.begin_attempt(id, None, now, now + LEASE_MS)? else {
            return Ok(Step::Done(self.decision(id)?));
        };
        decision.receipt.next_attempt_at = None;
        change(self, &mut decision);
        self.store.end_attempt(&decision.receipt, decision.unknown_outcome)?;
        Ok(Step::Done(decision))
    }

    /// Sets the time of the next attempt: doubling, with jitter, or as long as the server asks.
    fn wait(&self, row: &EnrollmentRow, receipt: &mut Receipt, retry_after: Option<u32>) {
        let jitter = i64::from(u16::from_be_bytes(self.random::<2>()));
        let pause = pause_ms(receipt.attempts, jitter).max(retry_after.map_or(0, |seconds| i64::from(seconds) * 1000));
        receipt.next_attempt_at = Some(self.now(row) + pause);
    }

    /// Plans the next attempt within this process; `flush` does the same from outside.
    fn schedule(self: &Arc<Self>, decision: &DecisionRow) {
        let (Delivery::Queued, Some(at)) = (decision.receipt.delivery, decision.receipt.next_attempt_at) else { return };
        if !self.config.auto_retry {
            return;
        }
        let mut retrying = self.retrying.lock().unwrap_or_else(PoisonError::into_inner);
        if !retrying.insert(decision.challenge.clone()) {
            return;
        }
        let Ok(row) = self.enrollment_row(&decision.enrollment) else { return };
        let pause = Duration::from_millis(at.saturating_sub(self.now(&row)).clamp(0, LONGEST_PAUSE_MS * 10) as u64);
        let core = Arc::downgrade(self);
        let challenge = decision.challenge.clone();
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            let Some(core) = core.upgrade() else { return };
            core.retrying.lock().unwrap_or_else(PoisonError::into_inner).remove(&challenge);
            if let Err(error) = core.deliver(&challenge).await {
                tracing::warn!(code = error.code().as_str(), "an answer could not be sent again");
            }
        });
    }
}

/// How a decision ends that will not be sent (again).
fn end_unsent(decision: &DecisionRow) -> Delivery {
    if decision.unknown_outcome { Delivery::Unconfirmed } else { Delivery::Undelivered }
}

/// A final refusal: after an attempt of unknown outcome nobody can say whether that attempt counted.
fn refuse(receipt: &mut Receipt, unknown: bool, code: ErrorCode, refusal: Refusal) {
    receipt.delivery = if unknown { Delivery::Unconfirmed } else { Delivery::Refused };
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
