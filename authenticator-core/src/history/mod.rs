//! What was asked, shown, signed and answered; and whether that is still what was written.

mod prune;
#[cfg(test)]
pub(crate) mod tests;
mod verify;

#[cfg(feature = "testing")]
pub(crate) use verify::{Kind, checkpoint, verify};

use crate::challenge::ChallengeId;
use crate::decision::{Decision, Delivery};
use crate::enrollment::EnrollmentId;

/// One answered or missed request, newest first in [`crate::Authenticator::history`].
#[derive(Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
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
    /// RFC 7638 thumbprint of the approval key that signed what was shown; `None` where no prompt was asked for.
    pub approval_thumbprint: Option<String>,
}

/// What [`crate::Authenticator::verify_history`] found in the chain of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct HistoryReport {
    /// Which account.
    pub enrollment: EnrollmentId,
    /// Records in the chain. A decision and what became of it are two.
    pub records: u64,
    /// Records before the first of them, removed by [`crate::Authenticator::prune_history`]: the enrolment key has signed
    /// that they were. 0: the chain is whole.
    pub pruned: u64,
    /// Answers that carry the signature of the enrolment key and say what was decided.
    pub answers: u64,
    /// The records up to this number are covered by a checkpoint that the enrolment key signed; 0: none is.
    pub checkpointed: u64,
    /// The first record that does not hold; `None`: all of them do.
    pub broken: Option<BrokenEntry>,
}

/// A record of the history that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct BrokenEntry {
    /// Its number in the chain, from 1.
    pub seq: u64,
    /// The challenge it is about, where there is one and it can be told.
    pub challenge: Option<ChallengeId>,
    /// What is wrong.
    pub fault: HistoryFault,
}

/// What is wrong with a record of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum HistoryFault {
    /// There is no record of this number, but there is, or was, a later one, or nothing vouches that there was none.
    Missing,
    /// It was not sealed by this store, or is no record.
    Unreadable,
    /// It was written for another number, challenge, account or time.
    Displaced,
    /// The next record, or a signed checkpoint, names another digest: it was changed after it was written.
    Altered,
    /// The document that was shown is not the one whose digest was signed.
    Shown,
    /// The answer is missing, not signed by the enrolment key, or says something else than was decided.
    Answer,
    /// An approval without the signature of the approval key that the account had then, or a key that does not follow
    /// from the one before.
    UserVerification,
    /// The checkpoint at this record is not signed by the enrolment key, or is one of another account or record.
    Checkpoint,
}

impl HistoryFault {
    /// The word for it in exports and logs; it never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            HistoryFault::Missing => "missing",
            HistoryFault::Unreadable => "unreadable",
            HistoryFault::Displaced => "displaced",
            HistoryFault::Altered => "altered",
            HistoryFault::Shown => "shown",
            HistoryFault::Answer => "answer",
            HistoryFault::UserVerification => "user_verification",
            HistoryFault::Checkpoint => "checkpoint",
        }
    }
}

impl std::fmt::Debug for HistoryEntry {
    /// Without what was shown, said and signed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HistoryEntry")
            .field("challenge", &self.challenge)
            .field("enrollment", &self.enrollment)
            .field("decision", &self.decision)
            .field("delivery", &self.delivery)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
