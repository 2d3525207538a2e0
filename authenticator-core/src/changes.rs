//! What changed: the one call behind `Flow` and `AsyncStream`, made so that no language needs a callback.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;

use crate::challenge::Challenge;
use crate::core::Core;
use crate::decision::Receipt;
use crate::error::{Error, ErrorCode, Result};

/// Outcomes kept for callers that come back late.
const KEPT_OUTCOMES: usize = 64;
/// How long a waiting call trusts that nobody else, such as another process on the same store, has changed anything.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// What there is to know after something changed.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Change {
    /// Where this change stands; hand it to the next call. It means nothing to another [`crate::Authenticator`].
    pub cursor: u64,
    /// Every open challenge, the soonest to expire first.
    pub challenges: Vec<Challenge>,
    /// Decisions that were settled since the last cursor (anything but [`crate::Delivery::Queued`]), oldest first, at
    /// most the latest 64. Empty in the first answer.
    pub outcomes: Vec<Receipt>,
}

/// Ends a waiting [`crate::Authenticator::next_change`] from outside, for languages whose tasks do not stop by
/// themselves. It stops waiting and nothing else: nothing that was decided is touched by it.
#[derive(Default)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Object))]
pub struct Cancellation {
    cancelled: watch::Sender<bool>,
}

#[cfg_attr(feature = "uniffi", uniffi::export)]
impl Cancellation {
    /// For one or more calls; none of them is cancelled yet.
    #[cfg_attr(feature = "uniffi", uniffi::constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the calls that wait with it, and those that will. A second time does nothing.
    pub fn cancel(&self) {
        self.cancelled.send_replace(true);
    }
}

impl Cancellation {
    async fn cancelled(&self) {
        // The sender lives in `self`, so the wait ends only by `true`.
        let _ = self.cancelled.subscribe().wait_for(|yes| *yes).await;
    }
}

/// What this process has seen change.
pub(crate) struct Changes {
    seen: Mutex<Seen>,
    /// Rings when there may be something new; whoever waits then looks for itself.
    bell: watch::Sender<()>,
}

struct Seen {
    cursor: u64,
    open: Vec<Challenge>,
    outcomes: VecDeque<(u64, Receipt)>,
}

impl Changes {
    /// `start` differs between processes, so that a cursor of an earlier one is told apart.
    pub(crate) fn new(start: u64) -> Self {
        Changes {
            seen: Mutex::new(Seen {
                cursor: start,
                open: Vec::new(),
                outcomes: VecDeque::new(),
            }),
            bell: watch::Sender::new(()),
        }
    }

    pub(crate) fn ring(&self) {
        self.bell.send_replace(());
    }

    /// A decision was settled. Told twice about the same, it keeps one.
    pub(crate) fn settled(&self, receipt: &Receipt) {
        let mut seen = self.seen();
        if seen.outcomes.iter().any(|(_, known)| known == receipt) {
            return;
        }
        seen.cursor += 1;
        let at = seen.cursor;
        seen.outcomes.push_back((at, receipt.clone()));
        if seen.outcomes.len() > KEPT_OUTCOMES {
            seen.outcomes.pop_front();
        }
        drop(seen);
        self.ring();
    }

    /// Takes note of what is open now, and says what there is to know for somebody who stands at `cursor`.
    fn look(&self, open: Vec<Challenge>, cursor: Option<u64>) -> Change {
        let mut seen = self.seen();
        if open != seen.open {
            seen.open.clone_from(&open);
            seen.cursor += 1;
        }
        let outcomes = match cursor {
            Some(cursor) if cursor < seen.cursor => {
                let new = seen.outcomes.iter().filter(|(at, _)| *at > cursor);
                new.map(|(_, receipt)| receipt.clone()).collect()
            }
            _ => Vec::new(),
        };
        Change {
            cursor: seen.cursor,
            challenges: open,
            outcomes,
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    pub(crate) async fn next_change(
        self: Arc<Self>,
        cursor: Option<u64>,
        cancellation: Option<Arc<Cancellation>>,
    ) -> Result<Change> {
        let cancellation = cancellation.unwrap_or_default();
        let mut bell = self.changes.bell.subscribe();
        loop {
            if self.is_closed() {
                return Err(Error::new(
                    ErrorCode::Closed,
                    "the authenticator was shut down",
                ));
            }
            // Told to look before looking, so that what changes meanwhile rings again.
            bell.borrow_and_update();
            let pause = match self.pending() {
                Ok(open) => {
                    let pause = self.until_next_expiry(&open);
                    let change = self.changes.look(open, cursor);
                    if cursor != Some(change.cursor) || *cancellation.cancelled.borrow() {
                        return Ok(change);
                    }
                    pause
                }
                // An account was removed between two reads.
                Err(error) if error.code() == ErrorCode::UnknownEnrollment => LOOK_AGAIN,
                Err(error) => return Err(error),
            };
            let quiet = async {
                let _ = tokio::time::timeout(pause, bell.changed()).await;
            };
            first_of(quiet, cancellation.cancelled()).await;
        }
    }

    /// No longer than [`LOOK_AGAIN`].
    fn until_next_expiry(&self, open: &[Challenge]) -> Duration {
        let now = self.clock.now();
        let left = open.first().map_or(i64::MAX, |next| next.expires_at - now);
        LOOK_AGAIN.min(Duration::from_millis(left.max(1).unsigned_abs()))
    }
}

/// Waits for either of two things that can be dropped unfinished.
async fn first_of(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(
        |context| match (one.as_mut().poll(context), other.as_mut().poll(context)) {
            (Poll::Pending, Poll::Pending) => Poll::Pending,
            _ => Poll::Ready(()),
        },
    )
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::challenge::{Alert, Arrival, ChallengeId, ChallengeState, Origin, Repeats};
    use crate::consent::Account;
    use crate::enrollment::EnrollmentId;

    fn open(alert: Alert, times: u32) -> Vec<Challenge> {
        vec![Challenge {
            id: ChallengeId::new("c"),
            enrollment: EnrollmentId::new("e"),
            account: Account::default(),
            requested_at: 0,
            received_at: 0,
            expires_at: 300,
            origin: Origin::default(),
            has_details: true,
            state: ChallengeState::Open,
            arrival: Arrival::Repeated,
            alert,
            repeats: Repeats {
                times,
                leads: true,
                others: Vec::new(),
            },
        }]
    }

    #[test]
    fn a_challenge_that_is_shown_otherwise_is_a_change() {
        let changes = Changes::new(0);
        let cursor = |alert, times| changes.look(open(alert, times), None).cursor;
        let first = cursor(Alert::Silent, 1);
        assert_eq!(cursor(Alert::Silent, 1), first);
        assert_eq!(cursor(Alert::Normal, 1), first + 1);
        assert_eq!(cursor(Alert::Normal, 2), first + 2);
    }
}
