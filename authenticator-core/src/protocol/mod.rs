//! Wire dialects: bytes in, domain types out, no I/O. One folder a dialect; nothing outside names one,
//! except where a configured server chooses it.

pub(crate) mod guardian;

pub(crate) use guardian::http_date;

use crate::authenticator::App;
use crate::clock::Entropy;
use crate::error::{Error, ErrorClass, ErrorCode, Result};
use crate::jose::{self, Jwk, Signer};
use crate::json::{self, Value};
use crate::keys::KeyAlgorithm;
use crate::otp::Totp;
use crate::secret::Secret;
use crate::transport::{HttpRequest, HttpResponse};

/// What the server knows this device by.
#[derive(Clone)]
pub(crate) struct Identity {
    /// Enrollment id given by the server (`dev_…`).
    pub enrollment: String,
    /// User id given by the server.
    pub user: String,
    /// Local device identifier that was sent at enrolment.
    pub identifier: String,
    /// Normalised base URL.
    pub base_url: String,
}

/// What every request is built with.
pub(crate) struct Wire<'a> {
    /// Corrected time, Unix milliseconds.
    pub now: i64,
    pub entropy: &'a dyn Entropy,
    /// `Auth0-Client` value: base64url JSON.
    pub client: &'a str,
    /// BCP 47 tag for `Accept-Language`.
    pub locale: &'a str,
    /// Write RSA moduli as the published SDKs do ([`Jwk::to_signed_json`]).
    pub signed_modulus: bool,
}

/// How pushes reach this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum PushService {
    /// Apple Push Notification service; token as hex text.
    Apns,
    /// Firebase Cloud Messaging; registration token.
    Fcm,
}

/// A push address. It is a secret: who has it can make the phone ring.
#[derive(Clone)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct PushToken {
    /// Which service issued it.
    pub service: PushService,
    /// The token as the platform gave it.
    pub token: Secret<String>,
}

pub(crate) struct EnrollInput<'a> {
    pub base_url: &'a str,
    pub ticket: &'a str,
    pub identifier: &'a str,
    pub device_name: &'a str,
    pub push: Option<&'a PushToken>,
    pub key: &'a Jwk,
}

pub(crate) struct EnrollOutput {
    pub enrollment: String,
    pub user: String,
    pub issuer: Option<String>,
    pub totp: Option<Totp>,
    /// Why the one-time codes that the server offers cannot be used. The device is enrolled by then.
    pub totp_error: Option<Error>,
    pub recovery_code: Option<Secret<String>>,
}

/// A refusal, read from an error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub status: u16,
    /// The server's code under its present name; only letters, digits and `_.-`.
    pub code: Option<String>,
    pub class: ErrorClass,
    /// Seconds, from `Retry-After`.
    pub retry_after: Option<u32>,
    /// Unix milliseconds, from `Date`.
    pub date: Option<i64>,
    /// 401 or 403, or a code that a wrong clock explains: correct the clock and try once more.
    pub clock_suspect: bool,
}

/// Outcome of reading an answer: the thing, or the server's refusal.
pub(crate) type Answer<T> = std::result::Result<T, Refusal>;

/// A push that belongs to this dialect, parsed; all text as received.
#[derive(Clone)]
pub(crate) struct Push {
    /// Enrollment id: chooses the account.
    pub enrollment: String,
    pub transaction_token: Secret<String>,
    pub challenge: String,
    /// Unix milliseconds.
    pub requested_at: i64,
    /// As pushed (`d`), for the source object.
    pub requested_at_text: String,
    /// As pushed, JSON text in a string already parsed; absent or unreadable = `None`.
    pub source: Option<Value>,
    pub location: Option<Value>,
    pub consent_id: Option<String>,
    pub server_hint: String,
}

/// What a payload turned out to be.
pub(crate) enum PushPayload {
    NotOurs,
    /// Ours, but this member is missing or wrong.
    Malformed {
        member: &'static str,
    },
    Push(Box<Push>),
}

/// Answer to a consent fetch.
pub(crate) enum ConsentAnswer {
    /// The whole body as received.
    Body(Value),
    /// No such consent: `details_existed` tells whether details must have existed, by the form of the id.
    NotFound {
        details_existed: bool,
    },
    Refused(Refusal),
    /// 2xx, but unreadable; the reason names what was wrong (`duplicate_member`, `not_json`, `missing id` …).
    Invalid {
        reason: String,
    },
}

/// What a person decided; fixed once made.
#[derive(Clone, PartialEq)]
pub(crate) struct Verdict {
    pub approve: bool,
    pub reason: Option<String>,
    /// Value of the claim `urn:authenticator-core:consent`, if it is switched on.
    pub consent_claim: Option<Value>,
}

/// What one attempt to answer came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AnswerOutcome {
    Accepted,
    /// Answered before, cancelled or expired.
    Gone(Refusal),
    /// Final refusal of this answer.
    Refused(Refusal),
    /// A wrong clock may explain it: correct and try once.
    ClockSuspect(Refusal),
    /// 429, 5xx: unknown outcome or not accepted yet.
    Retry(Refusal),
}

/// One wire dialect. All methods are pure apart from signing.
pub(crate) trait Dialect: Send + Sync {
    /// Key kinds the dialect can use, the default first.
    fn algorithms(&self) -> &'static [KeyAlgorithm];
    /// Whether an address that an invitation names means the configured server `base_url`; never used to reach it.
    fn same_server(&self, base_url: &str, address: &str) -> bool;
    /// Normalises a configured server address. `allow_loopback_cleartext` permits `http` to loopback hosts.
    fn base_url(&self, address: &str, allow_loopback_cleartext: bool) -> Result<String>;

    fn enroll_request(&self, wire: &Wire<'_>, input: &EnrollInput<'_>) -> Result<HttpRequest>;
    /// 2xx that lacks a required member is an `Err(Error)`; a refusal is mapped to an `Error` by code.
    fn enroll_answer(&self, answer: &HttpResponse) -> Result<EnrollOutput>;

    fn update_request(
        &self,
        wire: &Wire<'_>,
        identity: &Identity,
        signer: &dyn Signer,
        push: &PushToken,
    ) -> Result<HttpRequest>;
    fn update_answer(&self, answer: &HttpResponse) -> Answer<()>;

    fn unenroll_request(
        &self,
        wire: &Wire<'_>,
        identity: &Identity,
        signer: &dyn Signer,
    ) -> Result<HttpRequest>;
    /// 404 counts as done.
    fn unenroll_answer(&self, answer: &HttpResponse) -> Answer<()>;

    /// `payload` is the parsed JSON object, in either envelope.
    fn push(&self, payload: &Value) -> PushPayload;

    fn consent_request(
        &self,
        wire: &Wire<'_>,
        identity: &Identity,
        signer: &dyn Signer,
        push: &Push,
    ) -> Result<Option<HttpRequest>>;
    fn consent_answer(&self, push: &Push, answer: &HttpResponse) -> ConsentAnswer;
    /// When a body that `consent_answer` has accepted ends, in Unix milliseconds, where it says so. The error names a
    /// member that is missing or wrong: such a body can be shown, not approved.
    fn consent_expiry(&self, body: &Value) -> std::result::Result<Option<i64>, String>;

    fn answer_request(
        &self,
        wire: &Wire<'_>,
        identity: &Identity,
        signer: &dyn Signer,
        push: &Push,
        verdict: &Verdict,
    ) -> Result<SignedAnswer>;
    fn answer_outcome(&self, answer: &HttpResponse) -> AnswerOutcome;
    /// What the verified claims of an answer say: the server's challenge and the verdict. `None`: they are no answer.
    fn read_answer(&self, claims: &Value) -> Option<(String, Verdict)>;
}

/// A request with the JWT inside it, which the history keeps.
pub(crate) struct SignedAnswer {
    pub request: HttpRequest,
    pub jwt: String,
}

impl Refusal {
    /// As a public error, for calls where a refusal is the end. `what` starts the message, e.g. "the server refused the new push token".
    pub(crate) fn into_error(self, what: &str) -> Error {
        let (code, why) = self.reason();
        Error::new(code, format!("{what}: {why}"))
            .with_class(self.class)
            .with_server(self.status, self.code)
            .with_retry_after(self.retry_after)
    }

    fn reason(&self) -> (ErrorCode, &'static str) {
        const CONFLICT: (ErrorCode, &str) = (
            ErrorCode::EnrollmentConflict,
            "it is enrolled already; remove the old enrolment first",
        );
        const GONE: (ErrorCode, &str) = (
            ErrorCode::EnrollmentGone,
            "it no longer knows this device; enrol again",
        );
        match self.code.as_deref() {
            Some("enrollment_conflict" | "already_enrolled") => return CONFLICT,
            Some("enrollment_not_found" | "not_enrolled" | "invalid_enrollment") => return GONE,
            Some("enrollment_transaction_not_found") => {
                return (
                    ErrorCode::InvitationExpired,
                    "the code was used, or is older than five minutes; ask for a new one",
                );
            }
            Some("login_transaction_not_found") => {
                return (
                    ErrorCode::ChallengeAnswered,
                    "the request was answered before, cancelled, or has expired",
                );
            }
            Some("transaction_expired") => {
                return (ErrorCode::ChallengeExpired, "the request has expired");
            }
            _ => {}
        }
        match (self.class, self.status) {
            (ErrorClass::AskUser, 409) => CONFLICT,
            (ErrorClass::ReEnroll, 404) => GONE,
            (ErrorClass::Retry, _) => (ErrorCode::ServerBusy, "it asks to try again later"),
            (ErrorClass::ReEnroll, _) => (
                ErrorCode::ServerRefused,
                "it does not accept this device's signature; check the clock, else enrol again",
            ),
            (ErrorClass::AskUser, _) => (
                ErrorCode::ServerRefused,
                "it wants something else from the person first",
            ),
            (ErrorClass::Final, _) => (
                ErrorCode::ServerRefused,
                "this request is over, nothing can be done about it",
            ),
            (ErrorClass::Configuration, _) => (
                ErrorCode::ServerRefused,
                "the server, or its address in this app, is set up wrongly",
            ),
            (ErrorClass::Bug, _) => (
                ErrorCode::ServerRefused,
                "it does not understand the request; this is a defect, please report it",
            ),
        }
    }
}

/// Value of `Auth0-Client`, for [`Wire::client`]: which library speaks, and in which app (name and version).
pub(crate) fn client_header(app: Option<&App>) -> String {
    let mut client = vec![
        ("name".to_owned(), "authenticator-core".into()),
        ("version".to_owned(), env!("CARGO_PKG_VERSION").into()),
    ];
    if let Some(App { name, version }) = app {
        let env = json::object([
            ("appName", name.as_str().into()),
            ("appVersion", version.as_str().into()),
        ]);
        client.push(("env".to_owned(), env));
    }
    jose::base64url(json::write(&Value::Object(client)).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(header: &str) -> String {
        String::from_utf8(jose::from_base64url(header).unwrap()).unwrap()
    }

    #[test]
    fn the_client_header_names_the_library_and_the_app_only_if_there_is_one() {
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            decoded(&client_header(None)),
            format!(r#"{{"name":"authenticator-core","version":"{version}"}}"#)
        );
        let app = App {
            name: "BankApp".into(),
            version: "4.2.0".into(),
        };
        assert_eq!(
            decoded(&client_header(Some(&app))),
            format!(
                r#"{{"name":"authenticator-core","version":"{version}","env":{{"appName":"BankApp","appVersion":"4.2.0"}}}}"#
            )
        );
    }

    #[test]
    fn a_refusal_becomes_an_error_with_status_code_class_and_wait() {
        let refusal = Refusal {
            status: 503,
            code: Some("too_many_pn".into()),
            class: ErrorClass::Retry,
            retry_after: Some(7),
            date: None,
            clock_suspect: false,
        };
        let error = refusal.into_error("the server refused the new push token");
        assert_eq!(error.code(), ErrorCode::ServerBusy);
        assert_eq!(error.class(), ErrorClass::Retry);
        assert_eq!(error.status(), Some(503));
        assert_eq!(error.server_code(), Some("too_many_pn"));
        assert_eq!(error.retry_after(), Some(7));
        assert!(
            error
                .message()
                .starts_with("the server refused the new push token: ")
        );
    }
}
