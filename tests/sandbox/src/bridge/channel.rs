//! The authentication channel: Keycloak hands a request over, and the user's phones ring.
//!
//! Keycloak takes any answer but 201 for a failure and tells its client 503.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::bearer::{self, BearerError, Delegated};
use super::delegation::{Callback, CallbackState, Delegation};
use super::lodging::{acceptable, malformed};
use super::{Bridge, BridgeEvent, KeycloakBridge, fits};
use crate::engine::Engine;
use crate::engine::refusal::Refusal;
use crate::op::media_type;
use crate::server::Called;
use crate::state::{Channel, CibaRequest, Enrollment, Setting, Stage, Tx, UsedJti, User};
use crate::text::random_token;

/// A person must be able to answer, and the callback must arrive before the token expires.
const CALLBACK_MS: i64 = 2_000;
/// Keycloak passes on so many parameters that it does not know.
const MOST_PARAMETERS: usize = 5;
const MAX_MESSAGE: usize = 500;
const KEEP_MS: i64 = 7 * 24 * 3_600_000;

/// What Keycloak sends. Parameters it does not know are flattened in.
#[derive(Deserialize)]
struct Asked {
    login_hint: String,
    scope: Option<String>,
    binding_message: Option<String>,
    authorization_details: Option<String>,
    authorization_details_ref: Option<String>,
    #[serde(rename = "is_consent_required")]
    _is_consent_required: Option<Value>,
    #[serde(rename = "acr_values")]
    _acr_values: Option<Value>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// The details of a request, as far as they arrived.
enum Details {
    None,
    /// JSON text, and how it came.
    Here(String, &'static str),
    /// They did not arrive: why the request can only be denied.
    Missing(String),
}

/// `POST /keycloak/authenticate`.
pub(super) async fn authenticate(
    State(engine): State<Arc<Engine>>,
    Extension(called): Extension<Called>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let Some(bridge) = &engine.bridge else {
        return Err(Refusal::new(404, "not_found", ""));
    };
    let outcome = match bearer::check(bridge, &headers, engine.now_ms()).await {
        Ok(_) if media_type(&headers).as_deref() != Some("application/json") => {
            Err(Refusal::invalid("The body must be JSON"))
        }
        Ok(delegated) => accept(&engine, bridge, delegated, &body),
        Err(error) => Err(untrusted(error)),
    };
    match outcome {
        Ok((request, event)) => {
            called.is_about(&request.consent_id);
            engine.hub.release(&engine, &request);
            bridge.tell(event);
            Ok(StatusCode::CREATED)
        }
        Err(refusal) => {
            bridge.tell(BridgeEvent::Refused {
                why: refusal.description.clone(),
            });
            Err(refusal)
        }
    }
}

fn untrusted(error: BearerError) -> Refusal {
    let status = match error {
        BearerError::NoKeys { .. } => 503,
        _ => 401,
    };
    Refusal::new(status, "invalid_token", &error.to_string())
}

/// Stores the request with its pushes, all or nothing.
fn accept(
    engine: &Engine,
    bridge: &Bridge,
    delegated: Delegated,
    body: &[u8],
) -> Result<(CibaRequest, BridgeEvent), Refusal> {
    fits(body)?;
    let asked: Asked = serde_json::from_slice(body)
        .map_err(|_| Refusal::invalid("The body is not what Keycloak's channel sends"))?;
    if asked
        .binding_message
        .as_ref()
        .is_some_and(|message| message.chars().count() > MAX_MESSAGE)
    {
        return Err(Refusal::invalid("The binding message is too long"));
    }
    let details = details(bridge, &asked, engine.now_ms())?;
    let event = |request: &CibaRequest| BridgeEvent::Asked {
        request: request.consent_id.clone(),
        user: asked.login_hint.clone(),
        client: delegated.client.clone(),
        details: match &details {
            Details::None => "none",
            Details::Here(_, how) => how,
            Details::Missing(_) => "missing",
        },
        withheld: request.withheld.clone(),
    };
    engine.db.write(|tx| {
        let old = engine.now_ms() - KEEP_MS;
        tx.delete_before::<CibaRequest>(old)?;
        tx.delete_before::<UsedJti>(old)?;
        let user = the_user(tx, &asked.login_hint, &delegated)?;
        engine.rate_limit(tx, &user)?;
        let request = request(engine, tx, &asked, &details, &user, &delegated)?;
        tx.put(&request)?;
        tx.put(&Delegation {
            auth_req_id: request.auth_req_id.clone(),
            consent_id: request.consent_id.clone(),
            bearer: delegated.token.clone(),
            expires_ms: delegated.expires_ms,
            created_ms: request.created_ms,
            callback: Callback {
                state: CallbackState::Waiting,
                status: None,
                note: None,
            },
        })?;
        let event = event(&request);
        Ok((request, event))
    })
}

/// The user whom Keycloak means: known by name, and since the first request by id. A name that later goes to another
/// account must not ring the phone of the first one; another spelling, or an e-mail address, of the same account does,
/// because the id is signed and the name is not.
fn the_user(tx: &Tx<'_>, hint: &str, delegated: &Delegated) -> Result<User, Refusal> {
    let by_subject = format!("keycloak_user|{}", delegated.subject);
    let known: Option<Setting> = tx.get(&by_subject)?;
    let name = match known {
        Some(known) => known.value,
        None if tx.get::<User>(&KeycloakBridge::user_id(hint))?.is_some() => hint.to_owned(),
        // Keycloak's user names are in lower case, whatever a client wrote.
        None => hint.to_lowercase(),
    };
    let user = tx
        .get::<User>(&KeycloakBridge::user_id(&name))?
        .filter(|user| !user.blocked)
        .ok_or_else(|| {
            let name: String = name.chars().take(64).collect();
            let why = format!(
                "No phone can be enrolled for {name}: the bridge was not started with --user {name}"
            );
            Refusal::new(400, "unknown_user_id", &why)
        })?;
    let pinned = Setting {
        name: format!("keycloak_subject|{name}"),
        value: delegated.subject.clone(),
    };
    if !tx.insert(&pinned)? {
        let known: Option<Setting> = tx.get(&pinned.name)?;
        if known.is_none_or(|known| known.value != delegated.subject) {
            return Err(Refusal::new(
                400,
                "unknown_user_id",
                "Keycloak means another account by this name than before",
            ));
        }
    }
    tx.put(&Setting {
        name: by_subject,
        value: name,
    })?;
    let used = UsedJti {
        id: format!("keycloak|{}", delegated.jti),
        until_ms: delegated.expires_ms,
    };
    if !tx.insert(&used)? {
        return Err(Refusal::new(
            400,
            "invalid_request",
            "This request was handed over before",
        ));
    }
    Ok(user)
}

fn request(
    engine: &Engine,
    tx: &Tx<'_>,
    asked: &Asked,
    details: &Details,
    user: &User,
    delegated: &Delegated,
) -> Result<CibaRequest, Refusal> {
    let devices: Vec<Enrollment> = tx.of(&user.user_id)?;
    if devices.is_empty() {
        return Err(Refusal::new(
            400,
            "access_denied",
            "The user has enrolled no phone",
        ));
    }
    let now = engine.now_ms();
    let expires_ms = delegated.expires_ms - CALLBACK_MS;
    if expires_ms <= now {
        return Err(Refusal::invalid("There is no time left to answer"));
    }
    let (text, withheld) = match details {
        Details::None => (None, None),
        Details::Here(text, _) => (Some(text.clone()), None),
        Details::Missing(why) => (None, Some(why.clone())),
    };
    let mut request = CibaRequest {
        auth_req_id: random_token(48),
        consent_id: format!("cns_{}", random_token(16)),
        client_id: delegated.client.clone(),
        user_id: user.user_id.clone(),
        channels: vec![Channel::Push],
        scope: scopes(asked.scope.as_deref()),
        // Guardian's screens name an API and no client; here the client is all that is known.
        audience: Some(delegated.client.clone()),
        binding_message: asked
            .binding_message
            .clone()
            .filter(|text| !text.is_empty()),
        details: text,
        withheld,
        ui_locales: None,
        created_ms: now,
        expires_ms,
        interval: engine.options.interval,
        last_poll_ms: None,
        polls: 0,
        state: Stage::Pending,
        answer: None,
        refused: None,
        refused_person: None,
        pushes: Vec::new(),
    };
    for device in &devices {
        let push = engine.prepare_push(tx, &request, device, user)?;
        request.pushes.extend(push);
    }
    let about =
        json!({ "notification_channel": "keycloak", "transaction_linking_id": request.consent_id });
    engine.event(tx, "ciba_start_succeeded", Some(&user.user_id), about)?;
    Ok(request)
}

fn details(bridge: &Bridge, asked: &Asked, now_ms: i64) -> Result<Details, Refusal> {
    match (&asked.authorization_details, &asked.authorization_details_ref) {
        (Some(_), Some(_)) => Err(Refusal::invalid(
            "authorization_details and authorization_details_ref exclude each other",
        )),
        (Some(text), None) if acceptable(text) => Ok(Details::Here(text.clone(), "sent")),
        (Some(_), None) => Err(malformed()),
        (None, Some(reference)) => Ok(match bridge.lodged.get(reference, now_ms) {
            Some(text) => Details::Here(text, "lodged"),
            None => Details::Missing(format!(
                "The details did not arrive: nothing is lodged under {reference}, or not any more."
            )),
        }),
        (None, None) if bridge.require_details => Ok(Details::Missing(
            "The details did not arrive, and this server asks for none without. Keycloak drops parameters of more \
             than 200 characters."
                .to_owned(),
        )),
        (None, None) if asked.others.len() >= MOST_PARAMETERS => Ok(Details::Missing(format!(
            "Details may not have arrived: {} parameters did, and Keycloak drops those beyond {MOST_PARAMETERS}.",
            asked.others.len()
        ))),
        (None, None) => Ok(Details::None),
    }
}

/// Keycloak names some scopes twice.
fn scopes(scope: Option<&str>) -> Vec<String> {
    let mut scopes: Vec<String> = Vec::new();
    for value in scope.unwrap_or_default().split_whitespace() {
        if !scopes.iter().any(|known| known == value) {
            scopes.push(value.to_owned());
        }
    }
    scopes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(more: Value) -> Asked {
        let mut body =
            json!({ "scope": "openid", "login_hint": "alice", "is_consent_required": false });
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        serde_json::from_value(body).expect("a body of the channel")
    }

    fn outcome(require_details: bool, more: Value) -> &'static str {
        let bridge = Bridge::new(&KeycloakBridge {
            realm_url: "http://localhost/realms/demo".into(),
            users: Vec::new(),
            require_details,
            ca_pem: None,
        })
        .expect("bridge");
        match details(&bridge, &asked(more), 0) {
            Ok(Details::None) => "none",
            Ok(Details::Here(..)) => "here",
            Ok(Details::Missing(_)) => "missing",
            Err(_) => "refused",
        }
    }

    #[test]
    fn what_did_not_arrive_is_missing_and_what_nobody_can_read_is_refused() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let text = r#"[{"type":"x"}]"#;
        let five = json!({ "a": "1", "b": "2", "c": "3", "d": "4", "e": "5", "acr_values": "2" });
        for (required, more, expected) in [
            (false, json!({}), "none"),
            (true, json!({}), "missing"),
            (false, json!({ "authorization_details": text }), "here"),
            (true, json!({ "authorization_details": text }), "here"),
            (
                false,
                json!({ "authorization_details": "[{\"typ" }),
                "refused",
            ),
            (
                false,
                json!({ "authorization_details_ref": "sha256.x" }),
                "missing",
            ),
            (
                false,
                json!({ "authorization_details": text, "authorization_details_ref": "sha256.x" }),
                "refused",
            ),
            (
                false,
                json!({ "a": "1", "b": "2", "c": "3", "d": "4" }),
                "none",
            ),
            (false, five, "missing"),
        ] {
            assert_eq!(outcome(required, more.clone()), expected, "{more}");
        }
    }

    #[test]
    fn scopes_that_come_twice_are_shown_once() {
        let scope = "openid profile roles profile email";
        assert_eq!(scopes(Some(scope)), ["openid", "profile", "roles", "email"]);
    }
}
