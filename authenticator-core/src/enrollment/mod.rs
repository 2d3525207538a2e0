//! Invitation → keys → enrolled.

pub(crate) mod invitation;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod vectors;

mod approval_key;
mod enroll;

use crate::error::Error;
use crate::keys::{KeyAlgorithm, ProtectionLevel};
use crate::secret::Secret;

newtype! {
    /// Names an enrollment on this device; the id that the server gave (`dev_…`).
    EnrollmentId
}

/// One account on one server, with its keys.
#[derive(Clone)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
pub struct Enrollment {
    /// Its id.
    pub id: EnrollmentId,
    /// Name of the configured server.
    pub server: String,
    /// Normalised base URL of that server.
    pub base_url: String,
    /// The server's name for itself, cleaned for display.
    pub issuer: String,
    /// What the person knows the account by, cleaned for display: the label of the QR code, else the user id.
    pub user: String,
    /// The server's user id, as received: for comparing, not for a screen.
    pub user_id: String,
    /// Unix milliseconds.
    pub enrolled_at: i64,
    /// Unix milliseconds of the last challenge or answer, if any.
    pub last_used_at: Option<i64>,
    /// Kind of the enrolment key.
    pub algorithm: KeyAlgorithm,
    /// Where the enrolment key lives.
    pub protection: ProtectionLevel,
    /// RFC 7638 thumbprint of the enrolment key.
    pub thumbprint: String,
    /// RFC 7638 thumbprint of the approval key, where approvals need user verification.
    pub approval_thumbprint: Option<String>,
    /// Whether [`crate::Authenticator::one_time_code`] works.
    pub has_one_time_code: bool,
    /// Only in the result of `enroll`, and only where the server offered one-time codes that cannot be used (`answer_invalid`;
    /// the message names the member): the account works, without them.
    pub one_time_code_error: Option<Error>,
    /// Earlier enrollments of the same person on the same server whose keys were lost, oldest first. Only their histories
    /// are kept; they go with this one when it is removed.
    pub continues: Vec<EnrollmentId>,
    /// Only in the result of `enroll`, and only where the platform gives one: certificate chain of the enrolment key, leaf
    /// first, DER, for a server that wants to know where the key lives.
    pub attestation: Vec<Vec<u8>>,
    /// Learnt difference server − device clock in milliseconds.
    pub clock_offset: i64,
    /// Unix milliseconds: until then challenges of this account arrive silently, because the person has reported one
    /// ([`crate::GuardPolicy::quiet_period`]).
    pub quiet_until: Option<i64>,
    /// Only in the result of `enroll`, and only where the server gave one: show it once; it is not stored.
    pub recovery_code: Option<Secret<String>>,
}

/// What `enroll` needs to know about the device.
#[derive(Clone)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Device {
    /// Shown to the user and to administrators, e.g. `Pixel 9`.
    pub name: String,
    /// Stable id of this installation, 1 to 256 printable ASCII characters; the issuer of every answer. `None`: the core makes one.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub identifier: Option<String>,
    /// Push address, if there is one already.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub push: Option<crate::protocol::PushToken>,
}

impl std::fmt::Debug for Enrollment {
    /// Without names and recovery code, so that it may stand in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enrollment")
            .field("id", &self.id)
            .field("server", &self.server)
            .field("algorithm", &self.algorithm)
            .field("protection", &self.protection)
            .field("thumbprint", &self.thumbprint)
            .finish_non_exhaustive()
    }
}
