//! The façade: every call of an app enters here.

use std::sync::Arc;

use crate::challenge::{Challenge, ChallengeId};
use crate::clock::{Clock, Entropy};
use crate::consent::{Display, Review, UnknownTypes};
use crate::decision::Receipt;
use crate::enrollment::{Device, Enrollment, EnrollmentId};
use crate::error::Result;
use crate::history::HistoryEntry;
use crate::keys::{KeyAlgorithm, KeyStore};
use crate::otp::OneTimeCode;
use crate::protocol::PushToken;
use crate::transport::HttpTransport;

/// A server that the app trusts by configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Name used in [`Authenticator::enroll`] and shown to nobody.
    pub name: String,
    /// Domain or URL, e.g. `tenant.eu.auth0.com` or `https://login.bank.example`.
    pub address: String,
    /// Wire dialect it speaks.
    pub dialect: DialectName,
}

/// Wire dialect of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DialectName {
    /// Auth0 Guardian.
    #[default]
    Guardian,
}

/// Settings of an [`Authenticator`]. Start from [`Config::new`] and change what differs.
#[derive(Clone)]
pub struct Config {
    /// File of the store; its folder must exist.
    pub store: String,
    /// Servers known in advance.
    pub servers: Vec<Server>,
    /// Language and zone of reviews.
    pub display: Display,
    /// Name and version of the app, sent in `Auth0-Client` and `User-Agent`.
    pub app: Option<(String, String)>,
    /// Detail templates of the app, JSON text each.
    pub templates: Vec<String>,
    /// What becomes of detail types that no template knows.
    pub unknown_types: UnknownTypes,
    /// Carry the signed-consent claim in every answer. On by default.
    pub signed_consent: bool,
    /// Approve although the server says 404 for a consent that must have existed. Off by default.
    pub allow_missing_consent: bool,
    /// Permit `http` to loopback hosts, for tests and the sandbox. Off by default.
    pub allow_loopback_cleartext: bool,
    /// PEM of a further root certificate, for tests.
    pub extra_root_pem: Option<String>,
    /// Kind of enrolment key, where the dialect allows it; `None`: the dialect's default (Guardian: RSA-2048).
    pub key_algorithm: Option<KeyAlgorithm>,
    /// Send queued answers again by itself while the app runs. On by default; `flush` works either way.
    pub auto_retry: bool,
}

impl Config {
    /// Defaults with this store file, English and UTC.
    pub fn new(store: impl Into<String>) -> Self {
        Config {
            store: store.into(),
            servers: Vec::new(),
            display: Display {
                locale: "en-US".into(),
                zone: "UTC".into(),
                utc_offset_minutes: 0,
            },
            app: None,
            templates: Vec::new(),
            unknown_types: UnknownTypes::Show,
            signed_consent: true,
            allow_missing_consent: false,
            allow_loopback_cleartext: false,
            extra_root_pem: None,
            key_algorithm: None,
            auto_retry: true,
        }
    }
}

/// What the platform provides. Only the key store is required.
#[derive(Clone)]
pub struct Platform {
    /// Where keys live.
    pub keys: Arc<dyn KeyStore>,
    /// The platform's HTTP stack; `None`: the built-in one.
    pub transport: Option<Arc<dyn HttpTransport>>,
    /// `None`: the device clock.
    pub clock: Option<Arc<dyn Clock>>,
    /// `None`: the system's generator.
    pub entropy: Option<Arc<dyn Entropy>>,
}

impl Platform {
    /// Built-in HTTP, clock and randomness with this key store.
    pub fn new(keys: Arc<dyn KeyStore>) -> Self {
        Platform {
            keys,
            transport: None,
            clock: None,
            entropy: None,
        }
    }
}

/// An authenticator: accounts, open requests, answers.
pub struct Authenticator {
    _private: (),
}

impl Authenticator {
    /// Opens or creates the store, recovers unfinished decisions, sends nothing.
    pub async fn open(_config: Config, _platform: Platform) -> Result<Authenticator> {
        todo!()
    }
    /// Adds a server whose host a person has confirmed on screen; returns its name (the host).
    pub async fn add_server(&self, _address: String) -> Result<String> {
        todo!()
    }
    /// Host that an invitation names, for the question "do you trust it?"; `None` if it names none. Offline.
    pub fn invitation_host(&self, _invitation: &str) -> Result<Option<String>> {
        todo!()
    }
    /// Enrols this device.
    pub async fn enroll(
        &self,
        _invitation: String,
        _server: Option<String>,
        _device: Device,
    ) -> Result<Enrollment> {
        todo!()
    }
    /// All accounts, oldest first.
    pub async fn enrollments(&self) -> Result<Vec<Enrollment>> {
        todo!()
    }
    /// Removes an account on the server and here, with its keys.
    pub async fn unenroll(&self, _id: EnrollmentId) -> Result<()> {
        todo!()
    }
    /// Removes an account here only, when the server cannot be reached or does not matter any more.
    pub async fn forget(&self, _id: EnrollmentId) -> Result<()> {
        todo!()
    }
    /// Tells every server the new push address.
    pub async fn update_push_token(&self, _push: PushToken) -> Result<Vec<PushUpdate>> {
        todo!()
    }
    /// Reads a push: APNs JSON, FCM data map as JSON, either with the envelope or without.
    pub async fn receive_push(&self, _payload: String) -> Result<Challenge> {
        todo!()
    }
    /// Open challenges, the soonest to expire first.
    pub async fn pending(&self) -> Result<Vec<Challenge>> {
        todo!()
    }
    /// One challenge.
    pub async fn challenge(&self, _id: ChallengeId) -> Result<Challenge> {
        todo!()
    }
    /// Fetches the consent and freezes what is to be shown.
    pub async fn review(&self, _id: ChallengeId) -> Result<Review> {
        todo!()
    }
    /// Approves exactly what was shown.
    pub async fn approve(
        &self,
        _id: ChallengeId,
        _digest: String,
        _confirmation: Option<String>,
    ) -> Result<Receipt> {
        todo!()
    }
    /// Refuses.
    pub async fn deny(
        &self,
        _id: ChallengeId,
        _digest: Option<String>,
        _reason: Option<String>,
    ) -> Result<Receipt> {
        todo!()
    }
    /// Sends what is queued; returns every decision it touched.
    pub async fn flush(&self) -> Result<Vec<Receipt>> {
        todo!()
    }
    /// Newest first; `before` is the `at` of the last entry of the page before.
    pub async fn history(
        &self,
        _enrollment: Option<EnrollmentId>,
        _before: Option<i64>,
        _limit: u32,
    ) -> Result<Vec<HistoryEntry>> {
        todo!()
    }
    /// Today's code of an account.
    pub async fn one_time_code(&self, _id: EnrollmentId) -> Result<OneTimeCode> {
        todo!()
    }
    /// Language and zone of further reviews.
    pub fn set_display(&self, _display: Display) -> Result<()> {
        todo!()
    }
    /// Waits for running work, then closes the store. Later calls fail with `closed`.
    pub async fn shutdown(&self) -> Result<()> {
        todo!()
    }
}

/// What became of a new push address at one server.
#[derive(Debug, Clone)]
pub struct PushUpdate {
    /// Which account.
    pub enrollment: EnrollmentId,
    /// `None`: the server has it.
    pub error: Option<crate::error::Error>,
}
