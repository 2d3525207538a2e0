//! What the console shows: a copy of the state at one moment, every secret masked.

use serde::Serialize;

use crate::bridge::{Callback, Delegation};
use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::engine::poll::{Outcome, outcome};
use crate::engine::start::names;
use crate::knobs::KnobState;
use crate::log::masked_json;
use crate::messages;
use crate::push::Provider;
use crate::signed_consent::{ConsentCheck, ConsentRecord, PersonCheck};
use crate::state::{
    Answer, Api, CibaRequest, Client, Enrollment, LoggedExchange, Push, PushStatus, StateError, Tx,
    User,
};
use crate::text::mask;

const MAX_REQUESTS: u32 = 100;
const MAX_EXCHANGES: u32 = 200;

/// The whole state at one moment. Times are RFC 3339 text in UTC.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    /// Wire format: `auth0` or `asgardeo`.
    pub dialect: String,
    /// Issuer as tokens name it.
    pub issuer: String,
    /// Channels that a client may be given.
    pub channels: Vec<String>,
    /// What a start can ask for, as labels; the first by itself.
    pub ways: Vec<String>,
    /// Whether phones enrol here.
    pub phones: bool,
    /// Whether `authorization_details` are read.
    pub rich: bool,
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
    /// Messages to people, newest first, without their texts.
    pub messages: Vec<MessageView>,
    /// The faults that are on.
    pub knobs: KnobState,
}

/// A message to a person, without its text.
#[derive(Debug, Clone, Serialize)]
pub struct MessageView {
    /// Its own id.
    pub id: String,
    /// When it was made.
    pub at: String,
    /// `email` or `sms`.
    pub channel: String,
    /// Consent id of its request.
    pub request_id: String,
    /// Address or number.
    pub to: String,
    /// `outbox`, `sending`, `sent` or `failed`.
    pub status: String,
    /// Why it failed.
    pub reason: Option<String>,
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
    /// What the person types to log in.
    pub username: Option<String>,
    /// Phone number.
    pub phone_number: Option<String>,
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
    /// RFC 7638 thumbprint of the approval key pinned for it.
    pub approval_key: Option<String>,
    /// That of another key that an approval was signed with since, and that nobody has trusted yet.
    pub other_approval_key: Option<String>,
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
    /// `guardian-push`, `email`, `sms`, `external`, or several, separated by commas; empty if none reached the user.
    pub channel: String,
    /// Binding message as sent.
    pub binding_message: Option<String>,
    /// Scopes as granted to the user.
    pub scope: Vec<String>,
    /// API, if one was named.
    pub audience: Option<String>,
    /// `authorization_details` exactly as sent (JSON text).
    pub details: Option<String>,
    /// Why it can only be denied, where details did not arrive.
    pub withheld: Option<String>,
    /// The callback to Keycloak, for a request that came over the bridge.
    pub callback: Option<Callback>,
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
    /// Whether the decision was made on exactly what was sent: of the answer, else of the last
    /// approval that was refused because it was not. `None` where no device decided.
    pub signed_consent: Option<ConsentCheck>,
    /// Of the same answer: whether a person was verified, and with which key.
    pub person: Option<PersonCheck>,
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
    /// Enrolment that answered; `None` for an answer in a browser or by the control surface.
    pub device_id: Option<String>,
    /// Whether it came from the page behind the user's link.
    pub in_browser: bool,
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
    /// Consent id of the request that the exchange is about, where it is about one.
    #[serde(default)]
    pub request_id: Option<String>,
}

/// Copies the state.
pub(crate) fn take(engine: &Engine) -> Snapshot {
    let copied = engine.db.write(|tx| copy(engine, tx));
    copied.unwrap_or_else(|error: StateError| {
        tracing::error!(%error, "snapshot");
        empty(engine)
    })
}

fn empty(engine: &Engine) -> Snapshot {
    Snapshot {
        dialect: engine.options.dialect.as_str().to_owned(),
        issuer: engine
            .dialect
            .issuer(&engine.origins.base(&engine.origins.http)),
        channels: names(engine.dialect.start.channels),
        ways: engine
            .dialect
            .start
            .ways
            .iter()
            .map(|way| way.label.to_owned())
            .collect(),
        phones: engine.dialect.devices,
        rich: engine.dialect.start.rich,
        now: rfc3339(engine.now_ms()),
        users: Vec::new(),
        devices: Vec::new(),
        clients: Vec::new(),
        apis: Vec::new(),
        requests: Vec::new(),
        exchanges: Vec::new(),
        messages: Vec::new(),
        knobs: engine.knobs.get(),
    }
}

fn copy(engine: &Engine, tx: &Tx<'_>) -> Result<Snapshot, StateError> {
    let users: Vec<User> = tx.all()?;
    let devices: Vec<Enrollment> = tx.all()?;
    let clients: Vec<Client> = tx.all()?;
    let requests: Vec<CibaRequest> = tx.newest(MAX_REQUESTS)?;
    let delegations: Vec<Delegation> = tx.newest(MAX_REQUESTS)?;
    let exchanges: Vec<LoggedExchange> = tx.newest(MAX_EXCHANGES)?;
    Ok(Snapshot {
        requests: requests
            .iter()
            .map(|request| request_view(engine, request, &users, &clients, &delegations))
            .collect(),
        users: users.iter().map(|user| user_view(user, &devices)).collect(),
        devices: devices.iter().map(device_view).collect(),
        clients: clients.iter().map(client_view).collect(),
        apis: tx.all::<Api>()?.into_iter().map(api_view).collect(),
        exchanges: exchanges
            .into_iter()
            .map(|logged| logged.exchange)
            .collect(),
        messages: messages::summaries(tx)?,
        ..empty(engine)
    })
}

/// One request by its consent id, with what its answer was checked against.
#[derive(Debug, Clone, Serialize)]
pub struct RequestRecord {
    /// The request.
    #[serde(flatten)]
    pub request: RequestView,
    /// The server's side of the signed consent; `None` until a device answered.
    pub record: Option<ConsentRecord>,
}

pub(crate) fn record(engine: &Engine, id: &str) -> Result<Option<RequestRecord>, StateError> {
    engine.db.write(|tx| {
        let all: Vec<CibaRequest> = tx.all()?;
        let Some(request) = all.into_iter().find(|request| request.consent_id == id) else {
            return Ok(None);
        };
        let view = request_view(engine, &request, &tx.all()?, &tx.all()?, &tx.all()?);
        Ok(Some(RequestRecord {
            request: view,
            record: request.answer.and_then(|answer| answer.record),
        }))
    })
}

fn user_view(user: &User, devices: &[Enrollment]) -> UserView {
    UserView {
        id: user.user_id.clone(),
        label: user.label().to_owned(),
        email_verified: user.email_verified,
        username: user.username.clone(),
        phone_number: user.phone_number.clone(),
        blocked: user.blocked,
        devices: devices
            .iter()
            .filter(|device| device.user_id == user.user_id)
            .count(),
    }
}

fn device_view(device: &Enrollment) -> DeviceView {
    DeviceView {
        id: device.id.clone(),
        user_id: device.user_id.clone(),
        name: device.name.clone(),
        key_thumbprint: device.key.thumbprint(),
        push_service: device.push.as_ref().map(|push| push.service.clone()),
        push_token: device.push.as_ref().map(|push| mask(&push.token)),
        enrolled_at: rfc3339(device.enrolled_ms),
        last_auth: device.last_auth_ms.map(rfc3339),
        approval_key: device.approval_key.clone(),
        other_approval_key: device.other_approval_key.clone(),
    }
}

fn client_view(client: &Client) -> ClientView {
    ClientView {
        id: client.client_id.clone(),
        name: client.name.clone(),
        auth_method: client.token_endpoint_auth_method.clone(),
        grant_types: client.grant_types.clone(),
        channels: client.async_approval_notification_channels.clone(),
    }
}

fn api_view(api: Api) -> ApiView {
    ApiView {
        identifier: api.identifier,
        name: api.name,
        detail_types: api.types,
        scopes: api.scopes,
    }
}

fn request_view(
    engine: &Engine,
    request: &CibaRequest,
    users: &[User],
    clients: &[Client],
    delegations: &[Delegation],
) -> RequestView {
    let now = engine.now_ms();
    let user = users.iter().find(|user| user.user_id == request.user_id);
    let client = clients
        .iter()
        .find(|client| client.client_id == request.client_id);
    RequestView {
        id: request.consent_id.clone(),
        auth_req_id: mask(&request.auth_req_id),
        client_id: request.client_id.clone(),
        client_name: client.map_or_else(|| request.client_id.clone(), |client| client.name.clone()),
        user_id: request.user_id.clone(),
        user_label: user.map_or_else(|| request.user_id.clone(), |user| user.label().to_owned()),
        state: state(engine, request, now),
        channel: names(&request.channels).join(", "),
        binding_message: request.binding_message.clone(),
        scope: request.scope.clone(),
        audience: request.audience.clone(),
        details: request.details.clone(),
        withheld: request.withheld.clone(),
        callback: delegations
            .iter()
            .find(|delegation| delegation.consent_id == request.consent_id)
            .map(|delegation| delegation.callback.clone()),
        created_at: rfc3339(request.created_ms),
        expires_at: rfc3339(request.expires_ms),
        expires_in_s: ((request.expires_ms - now) / 1000).max(0),
        interval: request.interval,
        polls: request.polls,
        answer: request.answer.as_ref().map(answer_view),
        signed_consent: request
            .answer
            .as_ref()
            .map_or(request.refused, |answer| answer.consent_check),
        person: match &request.answer {
            Some(answer) => answer.person_check.clone(),
            None => request.refused_person.clone(),
        },
        pushes: request.pushes.iter().map(push_view).collect(),
    }
}

/// As a poll would see it, without the forgetting.
fn state(engine: &Engine, request: &CibaRequest, now_ms: i64) -> RequestState {
    use crate::state::Stage;
    match (
        request.state,
        outcome(request, now_ms, &engine.dialect.polling),
    ) {
        (Stage::Redeemed, _) => RequestState::Redeemed,
        (Stage::Denied { .. }, _) => RequestState::Denied,
        (_, Outcome::Approved { .. }) => RequestState::Approved,
        (_, Outcome::Pending | Outcome::SlowDown(_)) => RequestState::Pending,
        _ => RequestState::Expired,
    }
}

fn answer_view(answer: &Answer) -> AnswerView {
    AnswerView {
        device_id: answer.enrollment_id.clone(),
        in_browser: answer.in_browser,
        accepted: answer.accepted,
        reason: answer.reason.clone(),
        at: rfc3339(answer.at_ms),
        consent_claim: answer.consent_claim.clone(),
    }
}

fn push_view(push: &Push) -> PushView {
    let provider = match push.event.provider {
        Provider::Apns => "APNS",
        Provider::Fcm => "FCM",
    };
    let status = match push.status {
        PushStatus::Queued => "queued",
        PushStatus::Delivered => "delivered",
        PushStatus::Lost => "lost",
    };
    PushView {
        device_id: push.enrollment_id.clone(),
        provider: provider.to_owned(),
        status: status.to_owned(),
        payload: masked_json(push.event.payload.get()),
    }
}
