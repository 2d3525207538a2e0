//! After a restore without keys, a key that the platform invalidated, or a damaged file: what is the matter, and what is left.

use std::sync::Arc;

use crate::challenge::ChallengeId;
use crate::core::{Core, blocking};
use crate::enrollment::EnrollmentId;
use crate::error::{Error, ErrorCode, Result};
use crate::jose::{Jwk, KeyStoreSigner, Signer};
use crate::keys::guarded;
use crate::store::EnrollmentRow;

/// What [`crate::Authenticator::repair_store`] found and did. Where nothing had to be done, the lists are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct StoreRepair {
    /// What was the matter.
    pub state: StoreState,
    /// Name that the old file has now, in the same folder; `None`: it is in use as before. It still holds what it held, also of
    /// accounts that are removed later: delete it when nobody will look into it any more.
    pub moved_to: Option<String>,
    /// Accounts that can be used as before, oldest first.
    pub kept: Vec<EnrollmentId>,
    /// Accounts that have to be enrolled again, as far as can be told.
    pub lost: Vec<EnrollmentId>,
    /// Decided challenges whose answer can no longer be sent from here, as far as can be told. Some may have been answered
    /// before; what was decided stays decided.
    pub lost_decisions: Vec<ChallengeId>,
    /// Records of the history that could not be saved, as far as can be told.
    pub lost_records: u64,
}

/// What was the matter with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum StoreState {
    /// Nothing: it opens, and every value in it can be read.
    Intact,
    /// The key that it was sealed with is gone: nothing in it can be read.
    KeyMissing,
    /// A part of it was damaged. What could be read is in use again.
    Damaged,
}

/// What [`crate::Authenticator::repair`] found about one account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct EnrollmentRepair {
    /// Which account.
    pub enrollment: EnrollmentId,
    /// Whether it has its keys.
    pub keys: KeyState,
    /// Challenges whose queued answers can never be signed any more; this call has settled them.
    pub given_up: Vec<ChallengeId>,
}

/// Whether an account has the keys that it was enrolled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum KeyState {
    /// All of them work.
    Usable,
    /// The enrolment key is gone (restored backup, wiped key store): enrol again.
    KeyMissing,
    /// The platform invalidated the enrolment key: enrol again.
    KeyInvalidated,
    /// The approval key is gone or was invalidated: make a new one with [`crate::Authenticator::replace_approval_key`].
    ApprovalKeyMissing,
}

impl KeyState {
    /// The word for it in scripts and logs; it never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            KeyState::Usable => "usable",
            KeyState::KeyMissing => "key_missing",
            KeyState::KeyInvalidated => "key_invalidated",
            KeyState::ApprovalKeyMissing => "approval_key_missing",
        }
    }
}

impl StoreState {
    /// The word for it in scripts and logs; it never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            StoreState::Intact => "intact",
            StoreState::KeyMissing => "key_missing",
            StoreState::Damaged => "damaged",
        }
    }
}

/// What the enrolment key signs to show that it is there: no token of any protocol, for it holds spaces.
const PROBE: &[u8] = b"authenticator-core asks whether this key is there";

impl Core {
    pub(crate) async fn repair(self: &Arc<Self>) -> Result<Vec<EnrollmentRepair>> {
        let mut found = Vec::new();
        // All are looked at before anything is changed: a locked key store says nothing about any of them.
        for row in self.store.enrollments()? {
            let keys = match self.lost_key(&row).await? {
                Some(ErrorCode::KeyInvalidated) => KeyState::KeyInvalidated,
                Some(_) => KeyState::KeyMissing,
                None if self.approval_key_is_lost(&row).await? => KeyState::ApprovalKeyMissing,
                None => KeyState::Usable,
            };
            found.push((row.identity.enrollment, keys));
        }
        found
            .into_iter()
            .map(|(enrollment, keys)| {
                let given_up = match keys {
                    KeyState::KeyMissing => self
                        .store
                        .give_up_queued(&enrollment, ErrorCode::KeyMissing)?,
                    KeyState::KeyInvalidated => self
                        .store
                        .give_up_queued(&enrollment, ErrorCode::KeyInvalidated)?,
                    _ => Vec::new(),
                };
                for receipt in &given_up {
                    self.changes.settled(receipt);
                }
                Ok(EnrollmentRepair {
                    enrollment: EnrollmentId::new(enrollment),
                    keys,
                    given_up: given_up
                        .into_iter()
                        .map(|receipt| receipt.challenge)
                        .collect(),
                })
            })
            .collect()
    }

    /// `key_missing` or `key_invalidated` if the enrolment key is lost for good. Other errors say nothing about it.
    pub(crate) async fn lost_key(
        self: &Arc<Self>,
        row: &EnrollmentRow,
    ) -> Result<Option<ErrorCode>> {
        let (core, row) = (Arc::clone(self), row.clone());
        blocking(move || {
            let jwk = Jwk::from_json(&row.jwk)?;
            let signer = KeyStoreSigner::new(Arc::clone(&core.keys), row.key_alias.clone(), jwk);
            lost(
                core.public_key_is(&row.key_alias, signer.jwk())
                    .and_then(|()| signer.sign(PROBE).map(drop)),
            )
        })
        .await
    }

    async fn approval_key_is_lost(self: &Arc<Self>, row: &EnrollmentRow) -> Result<bool> {
        let Some((alias, jwk)) = row.approval_key.clone() else {
            return Ok(false);
        };
        let core = Arc::clone(self);
        // Signing would show a prompt.
        blocking(move || {
            let found = lost(core.public_key_is(&alias, &Jwk::from_json(&jwk)?))?;
            Ok(found.is_some())
        })
        .await
    }

    /// `key_missing` if the key of this name is another one.
    pub(crate) fn public_key_is(&self, alias: &str, expected: &Jwk) -> Result<()> {
        let key = guarded(|| self.keys.public_key(alias.to_owned()))?;
        match Jwk::from_platform(&key)? == *expected {
            true => Ok(()),
            false => Err(Error::new(
                ErrorCode::KeyMissing,
                "the key store has another key of this name",
            )),
        }
    }
}

fn lost(checked: Result<()>) -> Result<Option<ErrorCode>> {
    match checked {
        Ok(()) => Ok(None),
        Err(error) => match error.code() {
            code @ (ErrorCode::KeyMissing | ErrorCode::KeyInvalidated) => Ok(Some(code)),
            _ => Err(error),
        },
    }
}
