//! The one public error, and the table of codes behind it.

use std::fmt;

/// What kind of trouble it is; at most one screen per kind in an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum ErrorKind {
    /// The QR text, link or ticket cannot be used.
    Invitation,
    /// The configuration, or a server address, is wrong.
    Configuration,
    /// The platform's key store refused or lost a key.
    Keys,
    /// The store on disk cannot be opened, read or written.
    Store,
    /// The server could not be reached, or the answer never came.
    Network,
    /// The server answered, and said no.
    Server,
    /// A push that is not ours or cannot be read.
    Push,
    /// No such enrollment, or one that the server no longer knows.
    Enrollment,
    /// No such challenge, or one that is over.
    Challenge,
    /// The review changed, is blocked, or needs something from the person first.
    Review,
    /// An argument of the call is wrong.
    Argument,
    /// A defect of this library or of the app.
    Bug,
}

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum ErrorClass {
    /// Try again later; nothing is lost.
    Retry,
    /// The enrollment is gone or unusable: enrol again.
    ReEnroll,
    /// A person has to decide or to do something.
    AskUser,
    /// This request is over; nothing can be done about it.
    Final,
    /// The app or the server is set up wrongly.
    Configuration,
    /// A defect; please report it.
    Bug,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $kind:ident, $class:ident;)*) => {
        /// Stable machine-readable code of an [`Error`]; the text never changes between versions.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
        pub enum ErrorCode { $($(#[$doc])* $name,)* }

        impl ErrorCode {
            /// Every code there is, in the order of the documentation.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$name,)*];
            /// The text that scripts and logs use, such as `review_changed`.
            pub fn as_str(self) -> &'static str { match self { $(ErrorCode::$name => $text,)* } }
            /// The kind this code belongs to.
            pub fn kind(self) -> ErrorKind { match self { $(ErrorCode::$name => ErrorKind::$kind,)* } }
            /// What to do about it, unless the server's answer says better ([`Error::class`]).
            pub fn class(self) -> ErrorClass { match self { $(ErrorCode::$name => ErrorClass::$class,)* } }
        }
    };
}

codes! {
    /// The text is no enrolment code at all.
    InvitationMalformed = "invitation_malformed", Invitation, AskUser;
    /// A one-time-code or other QR, not one for this app.
    InvitationOther = "invitation_other", Invitation, AskUser;
    /// A management ticket (`gten_…`) or its web page: open it in a browser, scan the code it shows.
    InvitationOpenPage = "invitation_open_page", Invitation, AskUser;
    /// The code was used, or is older than five minutes.
    InvitationExpired = "invitation_expired", Invitation, AskUser;
    /// The invitation names a server that is neither configured nor confirmed by a person.
    UnknownServer = "unknown_server", Invitation, AskUser;
    /// Already enrolled, here or on the server.
    EnrollmentConflict = "enrollment_conflict", Enrollment, AskUser;
    /// No such enrollment on this device.
    UnknownEnrollment = "unknown_enrollment", Enrollment, Final;
    /// The server no longer knows this device.
    EnrollmentGone = "enrollment_gone", Enrollment, ReEnroll;
    /// A server address that breaks the rules (scheme, user info, query, cleartext).
    ServerAddress = "server_address", Configuration, Configuration;
    /// A configuration value that cannot be used; the message names it.
    ConfigurationInvalid = "configuration_invalid", Configuration, Configuration;
    /// A detail template that cannot be loaded; the message names it and why.
    TemplateInvalid = "template_invalid", Configuration, Configuration;
    /// TLS could not be set up on this platform; the app has to initialise it first.
    TlsUnavailable = "tls_unavailable", Configuration, Configuration;
    /// The key store is locked; try again when the device is unlocked.
    KeysLocked = "keys_locked", Keys, Retry;
    /// A key is gone (restored backup, wiped key store). From [`crate::Authenticator::open`]: that of the whole store, see
    /// [`crate::Authenticator::repair_store`]; from another call: that of one account, see [`crate::Authenticator::repair`].
    KeyMissing = "key_missing", Keys, ReEnroll;
    /// The platform invalidated a key (new fingerprint, removed screen lock).
    KeyInvalidated = "key_invalidated", Keys, ReEnroll;
    /// The approval key is gone, was invalidated, or was never made: make a new one with `replace_approval_key`.
    ApprovalKeyMissing = "approval_key_missing", Keys, AskUser;
    /// The person cancelled, or failed, the prompt.
    UserVerificationFailed = "user_verification_failed", Keys, AskUser;
    /// The key store failed, or gave a signature that does not verify.
    KeyStoreFailed = "key_store_failed", Keys, Bug;
    /// The store was written by a newer version of this library.
    StoreNewer = "store_newer", Store, Configuration;
    /// The store is damaged; [`crate::Authenticator::repair_store`] saves what can be read.
    StoreCorrupt = "store_corrupt", Store, AskUser;
    /// The store is in use, full or not writable.
    StoreUnavailable = "store_unavailable", Store, Retry;
    /// The history does not hold, so nothing is removed from it; [`crate::Authenticator::verify_history`] says where.
    HistoryBroken = "history_broken", Store, AskUser;
    /// The server could not be reached; nothing was sent.
    Unreachable = "unreachable", Network, Retry;
    /// The connection broke or timed out; the server may have received the request.
    Interrupted = "interrupted", Network, Retry;
    /// TLS failed: an untrusted certificate or a wrong host name.
    TlsFailed = "tls_failed", Network, Configuration;
    /// The answer is larger than allowed, no valid JSON, or lacks a member; the message names it.
    AnswerInvalid = "answer_invalid", Server, Final;
    /// The server refused; its own code is in [`Error::server_code`].
    ServerRefused = "server_refused", Server, Final;
    /// The server is out of order, or asks to wait ([`Error::retry_after`]).
    ServerBusy = "server_busy", Server, Retry;
    /// Of an answer that is queued: the server asks to wait, until [`crate::Receipt::next_attempt_at`].
    RateLimited = "rate_limited", Server, Retry;
    /// A notification of something else.
    PushNotOurs = "push_not_ours", Push, Final;
    /// Ours, but a member is missing or wrong; the message names it.
    PushMalformed = "push_malformed", Push, Final;
    /// No such challenge on this device.
    UnknownChallenge = "unknown_challenge", Challenge, Final;
    /// Too late: the challenge has expired.
    ChallengeExpired = "challenge_expired", Challenge, Final;
    /// Answered before, here or on another device.
    ChallengeAnswered = "challenge_answered", Challenge, Final;
    /// So many challenges of the account are open that no further one is taken: answer or deny some.
    TooManyChallenges = "too_many_challenges", Challenge, AskUser;
    /// What is to be approved is not what was reviewed last; review again.
    ReviewChanged = "review_changed", Review, AskUser;
    /// Nothing was reviewed yet.
    ReviewMissing = "review_missing", Review, AskUser;
    /// This request can only be denied; the review says why.
    ApprovalBlocked = "approval_blocked", Review, AskUser;
    /// The typed confirmation is missing or wrong.
    ConfirmationNeeded = "confirmation_needed", Review, AskUser;
    /// This enrollment approves with a prompt: use `begin_approval`.
    UserVerificationNeeded = "user_verification_needed", Review, AskUser;
    /// No such signing request, or its approval key was replaced: begin the approval again.
    SigningRequestGone = "signing_request_gone", Review, AskUser;
    /// An argument is empty, too long or malformed; the message names it.
    ArgumentInvalid = "argument_invalid", Argument, Bug;
    /// The authenticator was shut down.
    Closed = "closed", Argument, Bug;
    /// A defect of this library.
    Internal = "internal", Bug, Bug;
}

/// Why a call failed. Texts are for developers and logs; they never hold secrets or payload text.
#[derive(Clone)]
pub struct Error {
    code: ErrorCode,
    class: ErrorClass,
    message: String,
    server_code: Option<String>,
    status: Option<u16>,
    retry_after: Option<u32>,
}

impl Error {
    /// An error with the default class of its code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Error {
            code,
            class: code.class(),
            message: message.into(),
            server_code: None,
            status: None,
            retry_after: None,
        }
    }
    pub(crate) fn with_class(mut self, class: ErrorClass) -> Self {
        self.class = class;
        self
    }
    pub(crate) fn with_server(mut self, status: u16, server_code: Option<String>) -> Self {
        self.status = Some(status);
        self.server_code = server_code;
        self
    }
    pub(crate) fn with_retry_after(mut self, seconds: Option<u32>) -> Self {
        self.retry_after = seconds;
        self
    }

    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        self.code
    }
    /// The kind, for choosing a screen.
    pub fn kind(&self) -> ErrorKind {
        self.code.kind()
    }
    /// What to do about it.
    pub fn class(&self) -> ErrorClass {
        self.class
    }
    /// A sentence in English that says what was wrong and what to do.
    pub fn message(&self) -> &str {
        &self.message
    }
    /// The server's own `errorCode`, where there was one.
    pub fn server_code(&self) -> Option<&str> {
        self.server_code.as_deref()
    }
    /// The HTTP status, where there was one.
    pub fn status(&self) -> Option<u16> {
        self.status
    }
    /// Seconds to wait before the next try, where the server said so.
    pub fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("code", &self.code)
            .field("class", &self.class)
            .field("message", &self.message)
            .field("server_code", &self.server_code)
            .field("status", &self.status)
            .field("retry_after", &self.retry_after)
            .finish()
    }
}
impl std::error::Error for Error {}

/// Result of every call of this library.
pub type Result<T> = std::result::Result<T, Error>;
