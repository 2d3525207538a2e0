//! The records. Secrets that are only ever compared are kept as hashes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Record;
use crate::jose::DeviceKey;
use crate::password::PasswordHash;
use crate::push::PushEvent;
use crate::signed_consent::{ConsentCheck, ConsentRecord, PersonCheck, SentDetails};
use crate::snapshot::Exchange;

/// A person.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) user_id: String,
    /// What the person types to log in; the e-mail address does as well.
    #[serde(default)]
    pub(crate) username: Option<String>,
    /// For logging in to the page behind a link; without one nobody can.
    #[serde(default)]
    pub(crate) password: Option<PasswordHash>,
    pub(crate) email: Option<String>,
    pub(crate) email_verified: bool,
    pub(crate) name: Option<String>,
    pub(crate) nickname: Option<String>,
    pub(crate) picture: Option<String>,
    pub(crate) phone_number: Option<String>,
    pub(crate) blocked: bool,
    /// API scopes the user's roles allow; `None` allows all.
    pub(crate) permissions: Option<Vec<String>>,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
}

impl User {
    pub(crate) fn label(&self) -> &str {
        self.email
            .as_deref()
            .or(self.name.as_deref())
            .unwrap_or(&self.user_id)
    }
}

impl Record for User {
    const TABLE: &'static str = "users";
    fn key(&self) -> String {
        self.user_id.clone()
    }
    fn at(&self) -> i64 {
        self.created_ms
    }
}

/// A client application.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Client {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) name: String,
    pub(crate) grant_types: Vec<String>,
    pub(crate) is_first_party: bool,
    pub(crate) oidc_conformant: bool,
    pub(crate) token_endpoint_auth_method: String,
    pub(crate) async_approval_notification_channels: Vec<String>,
    /// Public keys for `private_key_jwt`: JWKs, or objects with `pem`.
    pub(crate) keys: Vec<Value>,
    /// Subject for `tls_client_auth` (RFC 8705 §2.1).
    pub(crate) tls_subject_dn: Option<String>,
    /// SHA-256 thumbprints (base64url) for `self_signed_tls_client_auth`.
    pub(crate) tls_thumbprints: Vec<String>,
    /// `authorization_details` types per API, for the policy `require_client_grant`.
    pub(crate) grants: Vec<ClientGrant>,
    /// Life of a request in seconds, where the dialect keeps it with the client.
    #[serde(default)]
    pub(crate) expiry_s: Option<u32>,
    pub(crate) created_ms: i64,
}

impl Client {
    /// Its notification channels; names of other dialects are skipped.
    pub(crate) fn channels(&self) -> Vec<Channel> {
        let names = self.async_approval_notification_channels.iter();
        names.filter_map(|name| Channel::of(name)).collect()
    }
}

impl Default for Client {
    /// Confidential, first-party, without id, secret, grants and channels.
    fn default() -> Self {
        Client {
            client_id: String::new(),
            client_secret: String::new(),
            name: "Client".to_owned(),
            grant_types: Vec::new(),
            is_first_party: true,
            oidc_conformant: true,
            token_endpoint_auth_method: "client_secret_post".to_owned(),
            async_approval_notification_channels: Vec::new(),
            keys: Vec::new(),
            tls_subject_dn: None,
            tls_thumbprints: Vec::new(),
            grants: Vec::new(),
            expiry_s: None,
            created_ms: 0,
        }
    }
}

/// What a client may use of an API.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ClientGrant {
    pub(crate) id: String,
    pub(crate) audience: String,
    pub(crate) types: Vec<String>,
}

impl Record for Client {
    const TABLE: &'static str = "clients";
    fn key(&self) -> String {
        self.client_id.clone()
    }
    fn at(&self) -> i64 {
        self.created_ms
    }
}

/// An API (resource server).
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Api {
    pub(crate) id: String,
    pub(crate) identifier: String,
    pub(crate) name: String,
    /// Declared scopes; an API that declares none accepts every scope.
    pub(crate) scopes: Vec<String>,
    /// Registered `authorization_details` types.
    pub(crate) types: Vec<String>,
    pub(crate) consent_policy: String,
    pub(crate) user_policy: String,
    pub(crate) client_policy: String,
    pub(crate) token_lifetime: u32,
}

impl Record for Api {
    const TABLE: &'static str = "apis";
    fn key(&self) -> String {
        self.identifier.clone()
    }
}

/// A ticket: the one that opens the enrolment page, or the one a device sends.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Ticket {
    pub(crate) hash: String,
    pub(crate) kind: TicketKind,
    pub(crate) user_id: String,
    /// Id the enrolment will have.
    pub(crate) enrollment_id: String,
    pub(crate) expires_ms: i64,
    pub(crate) used: bool,
    /// Hash of the page's ticket behind a device's one.
    pub(crate) parent: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TicketKind {
    /// `gten_…`: opens the page.
    Page,
    /// `enrollment_tx_id`: enrols a device.
    Device,
}

impl Record for Ticket {
    const TABLE: &'static str = "tickets";
    fn key(&self) -> String {
        self.hash.clone()
    }
    fn owner(&self) -> &str {
        &self.user_id
    }
    fn at(&self) -> i64 {
        self.expires_ms
    }
}

/// An enrolled device.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Enrollment {
    pub(crate) id: String,
    pub(crate) user_id: String,
    /// Local device identifier: `iss` of the device's answers.
    pub(crate) identifier: String,
    pub(crate) name: String,
    pub(crate) key: DeviceKey,
    pub(crate) push: Option<PushCredentials>,
    /// Hash of the opaque device token.
    pub(crate) token_hash: String,
    /// Base32 seed.
    pub(crate) totp_secret: Option<String>,
    pub(crate) enrolled_ms: i64,
    pub(crate) last_auth_ms: Option<i64>,
    /// Thumbprint of the approval key that is believed to be its owner's: the first that an approval was signed with.
    #[serde(default)]
    pub(crate) approval_key: Option<String>,
    /// Thumbprint of another one that an approval was signed with since.
    #[serde(default)]
    pub(crate) other_approval_key: Option<String>,
}

/// Where pushes for a device go.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PushCredentials {
    pub(crate) service: String,
    pub(crate) token: String,
}

impl Record for Enrollment {
    const TABLE: &'static str = "enrollments";
    fn key(&self) -> String {
        self.id.clone()
    }
    fn owner(&self) -> &str {
        &self.user_id
    }
    fn at(&self) -> i64 {
        self.enrolled_ms
    }
}

/// A CIBA request with its consent.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct CibaRequest {
    pub(crate) auth_req_id: String,
    pub(crate) consent_id: String,
    pub(crate) client_id: String,
    pub(crate) user_id: String,
    /// Ways the user was reached; older state has one, under `channel`.
    #[serde(alias = "channel", deserialize_with = "one_or_many")]
    pub(crate) channels: Vec<Channel>,
    pub(crate) scope: Vec<String>,
    pub(crate) audience: Option<String>,
    pub(crate) binding_message: Option<String>,
    /// `authorization_details` as sent, JSON text.
    pub(crate) details: Option<String>,
    /// Languages the client asked for.
    #[serde(default)]
    pub(crate) ui_locales: Option<String>,
    /// Why this can only be denied: details it refers to did not arrive.
    #[serde(default)]
    pub(crate) withheld: Option<String>,
    pub(crate) created_ms: i64,
    pub(crate) expires_ms: i64,
    /// Current polling interval in seconds.
    pub(crate) interval: u32,
    pub(crate) last_poll_ms: Option<i64>,
    pub(crate) polls: u32,
    pub(crate) state: Stage,
    pub(crate) answer: Option<Answer>,
    /// Of the last approval that was refused for what it claims.
    #[serde(default)]
    pub(crate) refused: Option<ConsentCheck>,
    /// Of the same approval: whether a person was verified.
    #[serde(default)]
    pub(crate) refused_person: Option<PersonCheck>,
    pub(crate) pushes: Vec<Push>,
}

/// How the user is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Channel {
    #[serde(rename = "guardian-push")]
    Push,
    #[serde(rename = "email")]
    Email,
    #[serde(rename = "sms")]
    Sms,
    /// The client itself hands the link over.
    #[serde(rename = "external")]
    External,
}

impl Channel {
    const ALL: [Channel; 4] = [
        Channel::Push,
        Channel::Email,
        Channel::Sms,
        Channel::External,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Channel::Push => "guardian-push",
            Channel::Email => "email",
            Channel::Sms => "sms",
            Channel::External => "external",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Channel> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }

    /// Whether the user answers in a browser.
    pub(crate) fn has_link(self) -> bool {
        self != Channel::Push
    }
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Vec<Channel>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        One(Channel),
        Many(Vec<Channel>),
    }
    Ok(match Either::deserialize(reader)? {
        Either::One(channel) => vec![channel],
        Either::Many(channels) => channels,
    })
}

/// The user's link to a request, found by the hash of its key.
#[derive(Serialize, Deserialize)]
pub(crate) struct Link {
    pub(crate) hash: String,
    pub(crate) auth_req_id: String,
    pub(crate) user_id: String,
    /// When it is forgotten; the request is over much earlier.
    pub(crate) expires_ms: i64,
    /// Failed logins by it.
    #[serde(default)]
    pub(crate) failures: u32,
}

impl Record for Link {
    const TABLE: &'static str = "links";
    fn key(&self) -> String {
        self.hash.clone()
    }
    fn owner(&self) -> &str {
        &self.user_id
    }
    fn at(&self) -> i64 {
        self.expires_ms
    }
}

/// A message to a person: what went out, or lies in the outbox because no provider is configured.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) at_ms: i64,
    pub(crate) channel: Channel,
    pub(crate) user_id: String,
    /// Consent id of its request.
    pub(crate) request_id: String,
    pub(crate) to: String,
    pub(crate) status: MessageStatus,
    /// Its text, link and all, until a provider has taken or refused it.
    pub(crate) content: Option<MessageContent>,
}

/// What a message says. Has no `Debug`: it holds the link.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct MessageContent {
    pub(crate) from: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) text: String,
    pub(crate) html: Option<String>,
    pub(crate) link: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MessageStatus {
    /// There is no provider: it waits to be read here.
    Outbox,
    Sending,
    Sent,
    /// The provider did not take it; why.
    Failed(String),
}

impl Record for Message {
    const TABLE: &'static str = "messages";
    fn key(&self) -> String {
        self.id.clone()
    }
    fn owner(&self) -> &str {
        &self.user_id
    }
    fn at(&self) -> i64 {
        self.at_ms
    }
}

/// A browser that opened a link: its cookie (hash), and who logged in.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) hash: String,
    /// Anti-forgery value of its forms.
    pub(crate) form_token: String,
    pub(crate) user_id: Option<String>,
    pub(crate) expires_ms: i64,
}

impl Record for Session {
    const TABLE: &'static str = "sessions";
    fn key(&self) -> String {
        self.hash.clone()
    }
    fn owner(&self) -> &str {
        self.user_id.as_deref().unwrap_or_default()
    }
    fn at(&self) -> i64 {
        self.expires_ms
    }
}

/// Where a request stands; expiry follows from the time and is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    Pending,
    Approved { at_ms: i64 },
    Denied { at_ms: i64 },
    Redeemed,
}

/// What a device (or the control surface) answered.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) enrollment_id: Option<String>,
    /// The person answered on the page behind the link.
    #[serde(default)]
    pub(crate) in_browser: bool,
    pub(crate) accepted: bool,
    pub(crate) reason: Option<String>,
    pub(crate) at_ms: i64,
    /// The answer token as it came.
    pub(crate) jwt: Option<String>,
    /// Claim `urn:authenticator-core:consent` as it came, JSON text.
    pub(crate) consent_claim: Option<String>,
    /// Whether that claim stands; `None` for an answer by the control surface.
    #[serde(default)]
    pub(crate) consent_check: Option<ConsentCheck>,
    /// Whether it is evidence that a person was verified; `None` for an answer by the control surface.
    #[serde(default)]
    pub(crate) person_check: Option<PersonCheck>,
    /// What it was checked against: the device may be gone when it is asked for.
    #[serde(default)]
    pub(crate) record: Option<ConsentRecord>,
}

/// A push of a request.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Push {
    pub(crate) enrollment_id: String,
    pub(crate) push_token: String,
    pub(crate) event: PushEvent,
    /// When it goes out.
    pub(crate) release_ms: i64,
    pub(crate) status: PushStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PushStatus {
    Queued,
    Delivered,
    Lost,
}

impl Record for CibaRequest {
    const TABLE: &'static str = "requests";
    fn key(&self) -> String {
        self.auth_req_id.clone()
    }
    fn owner(&self) -> &str {
        &self.user_id
    }
    fn at(&self) -> i64 {
        self.created_ms
    }
}

/// A request as one device sees it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Transaction {
    /// Hash of the transaction token.
    pub(crate) token_hash: String,
    pub(crate) auth_req_id: String,
    pub(crate) enrollment_id: String,
    pub(crate) challenge: String,
    /// What the device was first told about the details; it is told the same again.
    #[serde(default)]
    pub(crate) details: SentDetails,
}

impl Record for Transaction {
    const TABLE: &'static str = "transactions";
    fn key(&self) -> String {
        self.token_hash.clone()
    }
    fn owner(&self) -> &str {
        &self.enrollment_id
    }
}

/// A JWT id that was seen; kept until its token could not be accepted any more.
#[derive(Serialize, Deserialize)]
pub(crate) struct UsedJti {
    pub(crate) id: String,
    pub(crate) until_ms: i64,
}

impl Record for UsedJti {
    const TABLE: &'static str = "used_jti";
    fn key(&self) -> String {
        self.id.clone()
    }
    fn at(&self) -> i64 {
        self.until_ms
    }
}

/// A refresh token (hash) and what it is good for.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct RefreshToken {
    pub(crate) hash: String,
    pub(crate) client_id: String,
    pub(crate) user_id: String,
    pub(crate) scope: Vec<String>,
    pub(crate) audience: Option<String>,
    pub(crate) details: Option<String>,
    pub(crate) auth_time_s: i64,
    pub(crate) auth_req_id: String,
}

impl Record for RefreshToken {
    const TABLE: &'static str = "refresh_tokens";
    fn key(&self) -> String {
        self.hash.clone()
    }
    fn owner(&self) -> &str {
        &self.user_id
    }
}

/// A named value: signing key, CA, ready objects, factor providers.
#[derive(Serialize, Deserialize)]
pub(crate) struct Setting {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Record for Setting {
    const TABLE: &'static str = "settings";
    fn key(&self) -> String {
        self.name.clone()
    }
}

/// An entry of the tenant's log.
#[derive(Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) log_id: String,
    pub(crate) at_ms: i64,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) user_id: Option<String>,
    pub(crate) details: Value,
}

impl Record for Event {
    const TABLE: &'static str = "events";
    fn key(&self) -> String {
        self.log_id.clone()
    }
    fn at(&self) -> i64 {
        self.at_ms
    }
}

/// A logged HTTP exchange.
#[derive(Serialize, Deserialize)]
pub(crate) struct LoggedExchange {
    pub(crate) id: String,
    pub(crate) at_ms: i64,
    pub(crate) exchange: Exchange,
}

impl Record for LoggedExchange {
    const TABLE: &'static str = "exchanges";
    fn key(&self) -> String {
        self.id.clone()
    }
    fn at(&self) -> i64 {
        self.at_ms
    }
}
