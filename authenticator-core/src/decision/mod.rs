//! Approve or deny: decided once, durable before it is sent, delivered once.

mod approve_with_key;
mod decide;
mod deliver;

pub(crate) use approve_with_key::Pending;

use crate::challenge::ChallengeId;
use crate::enrollment::EnrollmentId;
use crate::error::ErrorCode;

newtype! {
    /// Names an approval that waits for its signature.
    SigningRequestId
}

/// What the app signs with the approval key, behind the platform's prompt. It decides nothing by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct SigningRequest {
    /// Hand it back to [`crate::Authenticator::finish_approval`].
    pub id: SigningRequestId,
    /// What is to be approved.
    pub challenge: ChallengeId,
    /// Which account.
    pub enrollment: EnrollmentId,
    /// Name of the approval key in the platform's key store.
    pub key_alias: String,
    /// The bytes to sign, with ECDSA on P-256 and SHA-256: the ASCII text of [`crate::Review::digest`].
    pub message: Vec<u8>,
    /// Unix milliseconds: it ends with its challenge.
    pub expires_at: i64,
}

/// What a person decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Decision {
    /// Allow exactly what was shown.
    Approve,
    /// Refuse.
    Deny,
}

/// How far the answer got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
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
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
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

impl std::fmt::Debug for Receipt {
    /// Without the reason, which is a person's text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receipt")
            .field("challenge", &self.challenge)
            .field("decision", &self.decision)
            .field("delivery", &self.delivery)
            .field("attempts", &self.attempts)
            .field("next_attempt_at", &self.next_attempt_at)
            .field("last_error", &self.last_error)
            .field("server_code", &self.server_code)
            .finish_non_exhaustive()
    }
}
