//! Approve or deny: decided once, durable before it is sent, delivered once.

mod decide;
mod deliver;

use crate::challenge::ChallengeId;
use crate::error::ErrorCode;

/// What a person decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Allow exactly what was shown.
    Approve,
    /// Refuse.
    Deny,
}

/// How far the answer got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Stored, not yet confirmed by the server; it is sent again by itself and by `flush`.
    Queued,
    /// The server confirmed it.
    Delivered,
    /// An attempt of unknown outcome, then a final refusal: neither success nor failure.
    Unconfirmed,
    /// The challenge expired before the answer could be sent.
    Undelivered,
    /// The server refused the answer; it did not count.
    Refused,
}

/// What became of a decision. The same for every call about the same challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Which challenge.
    pub challenge: ChallengeId,
    /// What was decided first; later taps change nothing.
    pub decision: Decision,
    /// The reason given with a denial.
    pub reason: Option<String>,
    /// How far it got.
    pub delivery: Delivery,
    /// Unix milliseconds, corrected clock.
    pub decided_at: i64,
    /// Attempts to send it, whatever came of them.
    pub attempts: u32,
    /// Unix milliseconds of the next attempt while `Queued`.
    pub next_attempt_at: Option<i64>,
    /// Why the last attempt failed.
    pub last_error: Option<ErrorCode>,
    /// The server's own code for it.
    pub server_code: Option<String>,
}
