//! What the console shows: a copy of the state at one moment, every secret masked.

use serde::Serialize;

use crate::knobs::KnobState;

/// The whole state at one moment. Times are RFC 3339 text in UTC.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    /// Issuer with trailing slash.
    pub issuer: String,
    /// Time on the sandbox's clock.
    pub now: String,
    /// Every user.
    pub users: Vec<UserView>,
    /// Every enrolled device.
    pub devices: Vec<DeviceView>,
    /// Every client.
    pub clients: Vec<ClientView>,
    /// Every API.
    pub apis: Vec<ApiView>,
    /// Requests, newest first.
    pub requests: Vec<RequestView>,
    /// Exchanges on the protocol listeners, newest first, at most 200.
    pub exchanges: Vec<Exchange>,
    /// The faults that are on.
    pub knobs: KnobState,
}

/// A user.
#[derive(Debug, Clone, Serialize)]
pub struct UserView {
    /// User id, `auth0|…`.
    pub id: String,
    /// E-mail address, else name, else id.
    pub label: String,
    /// Whether the e-mail address is verified.
    pub email_verified: bool,
    /// Whether the user is blocked.
    pub blocked: bool,
    /// Number of enrolled devices.
    pub devices: usize,
}

/// An enrolled device.
#[derive(Debug, Clone, Serialize)]
pub struct DeviceView {
    /// Enrolment id, `dev_…`.
    pub id: String,
    /// The user it belongs to.
    pub user_id: String,
    /// Name the device gave itself.
    pub name: String,
    /// RFC 7638 thumbprint of the enrolled key.
    pub key_thumbprint: String,
    /// `APNS` or `GCM`, if the device has a push address.
    pub push_service: Option<String>,
    /// Masked push token.
    pub push_token: Option<String>,
    /// When it was enrolled.
    pub enrolled_at: String,
    /// When it last answered.
    pub last_auth: Option<String>,
}

/// A client application.
#[derive(Debug, Clone, Serialize)]
pub struct ClientView {
    /// Client id.
    pub id: String,
    /// Display name.
    pub name: String,
    /// `token_endpoint_auth_method`.
    pub auth_method: String,
    /// Grant types.
    pub grant_types: Vec<String>,
    /// Notification channels.
    pub channels: Vec<String>,
}

/// An API (resource server).
#[derive(Debug, Clone, Serialize)]
pub struct ApiView {
    /// Identifier, used as `audience`.
    pub identifier: String,
    /// Display name.
    pub name: String,
    /// Registered `authorization_details` types.
    pub detail_types: Vec<String>,
    /// Declared scopes.
    pub scopes: Vec<String>,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestState {
    /// Nobody answered yet.
    Pending,
    /// Approved, tokens not yet fetched.
    Approved,
    /// Refused by the user, or ended by the server.
    Denied,
    /// Its life ended without tokens.
    Expired,
    /// Tokens were handed out.
    Redeemed,
}

/// A CIBA request.
#[derive(Debug, Clone, Serialize)]
pub struct RequestView {
    /// Consent id (`cns_…`): public name of the request on this surface.
    pub id: String,
    /// Masked `auth_req_id`.
    pub auth_req_id: String,
    /// Client that started it.
    pub client_id: String,
    /// That client's name.
    pub client_name: String,
    /// User it is for.
    pub user_id: String,
    /// That user's label.
    pub user_label: String,
    /// Where it stands.
    pub state: RequestState,
    /// `guardian-push`.
    pub channel: String,
    /// Binding message as sent.
    pub binding_message: Option<String>,
    /// Scopes as granted to the user.
    pub scope: Vec<String>,
    /// API, if one was named.
    pub audience: Option<String>,
    /// `authorization_details` exactly as sent (JSON text).
    pub details: Option<String>,
    /// When it was started.
    pub created_at: String,
    /// When it ends.
    pub expires_at: String,
    /// Whole seconds left on the sandbox's clock, 0 when over.
    pub expires_in_s: i64,
    /// Current polling interval in seconds.
    pub interval: u32,
    /// Polls received so far.
    pub polls: u32,
    /// The device's answer.
    pub answer: Option<AnswerView>,
    /// Pushes that went out.
    pub pushes: Vec<PushView>,
}

/// A push as it went out.
#[derive(Debug, Clone, Serialize)]
pub struct PushView {
    /// Enrolment it was for.
    pub device_id: String,
    /// `APNS` or `FCM`.
    pub provider: String,
    /// `queued`, `delivered` or `lost`.
    pub status: String,
    /// Exact payload (JSON text) with the transaction token masked.
    pub payload: String,
}

/// A device's answer.
#[derive(Debug, Clone, Serialize)]
pub struct AnswerView {
    /// Enrolment that answered; `None` for an answer by the control surface.
    pub device_id: Option<String>,
    /// Approved or refused.
    pub accepted: bool,
    /// Reason given with a refusal.
    pub reason: Option<String>,
    /// When it came.
    pub at: String,
    /// The consent claim of the answer (JSON text), if it had one.
    pub consent_claim: Option<String>,
}

/// One HTTP exchange on a protocol listener, secrets masked.
#[derive(Debug, Clone, Serialize, serde::Deserialize)]
pub struct Exchange {
    /// When it began.
    pub at: String,
    /// Method.
    pub method: String,
    /// Path and masked query.
    pub path: String,
    /// Status of the answer; 0 if the connection was closed without one.
    pub status: u16,
    /// Masked request headers.
    pub request_headers: Vec<(String, String)>,
    /// Masked request body.
    pub request_body: String,
    /// Masked answer headers.
    pub response_headers: Vec<(String, String)>,
    /// Masked answer body.
    pub response_body: String,
    /// Milliseconds until the answer was ready.
    pub took_ms: u64,
}
