//! Asking the server for the details: again where that may help, and never longer than a person likes to wait.

use std::sync::Arc;
use std::time::Duration;

use super::MarkCode;
use crate::core::{Core, dialect};
use crate::error::{Error, ErrorClass, ErrorCode, Result};
use crate::guard;
use crate::json;
use crate::protocol::{ConsentAnswer, Dialect};
use crate::store::{ChallengeRow, EnrollmentRow};

/// Tries of one review where the server is busy or cannot be reached.
const ATTEMPTS: u32 = 3;
/// All those tries and the pauses between them; no pause begins that would end later.
const PATIENCE_MS: i64 = 4_000;
/// Pause after the first try; the next one is three times as long.
const FIRST_PAUSE_MS: i64 = 400;

/// What is known of the details after asking the server.
pub(super) enum Fetched {
    /// `readable`: every member that matters has the right type; otherwise it is shown and blocked.
    Body {
        body: json::Value,
        readable: bool,
    },
    /// Nothing to ask for, or the server says that there is nothing.
    None,
    Missing,
    Unavailable(MarkCode),
}

/// What came of one try.
enum Attempt {
    Done(Fetched),
    /// With the clock corrected or not: a new proof is worth one try.
    NewProof,
    /// The server is busy, or cannot be reached.
    Later(Error),
}

impl Core {
    /// Asks the server; a temporary failure is an error unless the details were fetched before.
    pub(super) async fn fetch_consent(
        self: &Arc<Self>,
        row: &mut EnrollmentRow,
        challenge: &ChallengeRow,
    ) -> Result<Fetched> {
        let started = self.clock.now();
        let (mut tries, mut may_correct) = (0, true);
        loop {
            match self.ask_for_consent(row, challenge, may_correct).await? {
                Attempt::Done(fetched) => return Ok(fetched),
                Attempt::NewProof => may_correct = false,
                Attempt::Later(error) => {
                    if let Some(fetched) = fetched_before(row, challenge)? {
                        return Ok(fetched);
                    }
                    tries += 1;
                    let spent = self.clock.now().saturating_sub(started);
                    let left = (PATIENCE_MS.saturating_sub(spent))
                        .min(challenge.expires_at.saturating_sub(self.now(row)));
                    let jitter = i64::from(u16::from_be_bytes(self.random::<2>()));
                    let pause = pause_ms(tries, jitter, error.retry_after(), left);
                    let Some(pause) = pause.filter(|_| worth_another(&error)) else {
                        return Err(error);
                    };
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    if self.is_closed() {
                        return Err(error);
                    }
                }
            }
        }
    }

    async fn ask_for_consent(
        self: &Arc<Self>,
        row: &mut EnrollmentRow,
        challenge: &ChallengeRow,
        may_correct: bool,
    ) -> Result<Attempt> {
        let dialect = dialect(row.dialect);
        let push = challenge.push.clone();
        let request = self
            .signed(row, move |wire, identity, signer| {
                dialect.consent_request(wire, identity, signer, &push)
            })
            .await;
        let unavailable =
            |code| -> Result<Attempt> { self.unavailable(challenge, code).map(Attempt::Done) };
        let request = match request {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(Attempt::Done(Fetched::None)),
            // A linking id that cannot be asked for names details that cannot be had.
            Err(error) if error.code() == ErrorCode::PushMalformed => {
                return unavailable(MarkCode::DetailsUnavailable);
            }
            Err(error) => return Err(error),
        };
        let answer = match self.send(request).await {
            Ok(answer) => answer,
            // An answer that is too large is an answer: it will not become smaller.
            Err(error) if error.code() == ErrorCode::AnswerInvalid => {
                return unavailable(MarkCode::TooLarge);
            }
            Err(error) => return Ok(Attempt::Later(error)),
        };
        self.learn_from(row, &answer);
        match dialect.consent_answer(&challenge.push, &answer) {
            ConsentAnswer::Body(body) => self
                .accept_consent(dialect, challenge, body)
                .map(Attempt::Done),
            ConsentAnswer::NotFound {
                details_existed: true,
            } if !self.config.allow_missing_consent => unavailable(MarkCode::DetailsUnavailable),
            ConsentAnswer::NotFound { .. } => {
                let asks = guard::asked_without_details(&challenge.push);
                self.store.set_consent_asking(
                    &challenge.id,
                    None,
                    challenge.expires_at,
                    asks.as_deref(),
                )?;
                Ok(Attempt::Done(Fetched::Missing))
            }
            ConsentAnswer::Invalid { reason } => {
                tracing::warn!(reason, "the consent cannot be read");
                unavailable(invalid_mark(&reason))
            }
            ConsentAnswer::Refused(refusal) if refusal.clock_suspect && may_correct => {
                self.correct_clock(row, &refusal)?;
                Ok(Attempt::NewProof)
            }
            ConsentAnswer::Refused(refusal) if refusal.class == ErrorClass::Retry => {
                let error = refusal.into_error("the server cannot give the details now");
                Ok(Attempt::Later(error))
            }
            ConsentAnswer::Refused(_) => unavailable(MarkCode::DetailsUnavailable),
        }
    }

    fn accept_consent(
        &self,
        dialect: &dyn Dialect,
        challenge: &ChallengeRow,
        body: json::Value,
    ) -> Result<Fetched> {
        let expiry = dialect.consent_expiry(&body);
        let expires_at = expiry
            .as_ref()
            .ok()
            .copied()
            .flatten()
            .unwrap_or(challenge.expires_at);
        self.store.set_consent_asking(
            &challenge.id,
            Some(&json::write(&body)),
            expires_at,
            guard::asked_for(&body).as_deref(),
        )?;
        Ok(Fetched::Body {
            body,
            readable: expiry.is_ok(),
        })
    }

    fn unavailable(&self, challenge: &ChallengeRow, code: MarkCode) -> Result<Fetched> {
        self.store
            .set_consent(&challenge.id, None, challenge.expires_at)?;
        Ok(Fetched::Unavailable(code))
    }
}

/// A consent never changes under its id.
fn fetched_before(row: &EnrollmentRow, challenge: &ChallengeRow) -> Result<Option<Fetched>> {
    let Some(text) = &challenge.consent else {
        return Ok(None);
    };
    let body = json::read(text.as_bytes(), json::Limits::BODY)
        .map_err(|_| Error::new(ErrorCode::Internal, "a stored consent cannot be read"))?;
    let readable = dialect(row.dialect).consent_expiry(&body).is_ok();
    Ok(Some(Fetched::Body { body, readable }))
}

/// Not where the connection broke in mid-answer: that has cost a person's time already, and the next call starts afresh.
fn worth_another(error: &Error) -> bool {
    matches!(error.code(), ErrorCode::Unreachable | ErrorCode::ServerBusy)
}

/// Pause before the next of the tries, half of it jitter (`jitter` of 65,536 parts), or as long as the server asks (RFC 9110
/// §10.2.3); `None` where there is no next one, or the pause would not end in time.
fn pause_ms(tries: u32, jitter: i64, retry_after: Option<u32>, left: i64) -> Option<u64> {
    if !(1..ATTEMPTS).contains(&tries) {
        return None;
    }
    let full = FIRST_PAUSE_MS * 3_i64.pow(tries - 1);
    let own = full / 2 + full / 2 * jitter / 65_536;
    let pause = own.max(retry_after.map_or(0, |seconds| i64::from(seconds) * 1000));
    (pause < left).then_some(pause.unsigned_abs())
}

/// The mark behind a reader's complaint.
fn invalid_mark(reason: &str) -> MarkCode {
    match reason {
        "duplicate_member" => MarkCode::DuplicateMember,
        "not_utf8" | "lone_surrogate" => MarkCode::InvalidText,
        "too_large" | "too_deep" => MarkCode::TooLarge,
        _ => MarkCode::DetailsUnavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_short_jittered_and_few() {
        for (tries, shortest, longest) in [(1, 200, 400), (2, 600, 1_200)] {
            assert_eq!(pause_ms(tries, 0, None, PATIENCE_MS), Some(shortest));
            let most = pause_ms(tries, 65_535, None, PATIENCE_MS).unwrap();
            assert!((longest - 10..=longest).contains(&most), "{most}");
        }
        assert_eq!(pause_ms(3, 0, None, PATIENCE_MS), None);
    }

    #[test]
    fn a_short_wish_of_the_server_is_honoured_and_a_long_one_is_left_to_the_app() {
        assert_eq!(pause_ms(1, 0, Some(2), PATIENCE_MS), Some(2_000));
        assert_eq!(pause_ms(1, 0, Some(0), PATIENCE_MS), Some(200));
        assert_eq!(pause_ms(1, 0, Some(4), PATIENCE_MS), None);
        assert_eq!(pause_ms(1, 0, Some(u32::MAX), PATIENCE_MS), None);
    }

    #[test]
    fn no_pause_lasts_longer_than_what_is_left() {
        assert_eq!(pause_ms(1, 0, None, 201), Some(200));
        for left in [200, 0, -1, i64::MIN] {
            assert_eq!(pause_ms(1, 0, None, left), None);
        }
    }
}
