//! What was asked, shown, signed and answered.

use crate::challenge::ChallengeId;
use crate::decision::{Decision, Delivery};
use crate::enrollment::EnrollmentId;

/// One answered or missed request, newest first in [`crate::Authenticator::history`].
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEntry {
    /// Which challenge.
    pub challenge: ChallengeId,
    /// Which account.
    pub enrollment: EnrollmentId,
    /// Names of the account at that time.
    pub account: crate::consent::Account,
    /// Headline as shown; empty where nobody reviewed it.
    pub headline: String,
    /// `None`: nobody decided in time.
    pub decision: Option<Decision>,
    /// The reason given with a denial.
    pub reason: Option<String>,
    /// How far the answer got.
    pub delivery: Option<Delivery>,
    /// Unix milliseconds.
    pub at: i64,
    /// Digest over what the server sent.
    pub source: Option<String>,
    /// Digest over what was shown.
    pub shown: Option<String>,
    /// RFC 8785 text of the document behind `shown`.
    pub shown_document: Option<String>,
    /// The answer JWT sent last.
    pub answer: Option<String>,
}
