//! The sandbox's own surface on the console listener: push stream, knobs, clock, automation.
//! Loopback only, never mixed with protocol paths.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Json, Response};
use axum::routing::{get, post};
use futures_util::{Stream, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::handle::{Handle, StartRequest};
use crate::knobs::KnobState;
use crate::management::ApiError;
use crate::management::body_of;
use crate::push;

pub(crate) fn router(engine: Arc<Engine>) -> Router {
    Router::new()
        .route("/push/{token}/events", get(events))
        .route("/control/ready", get(ready))
        .route("/control/snapshot", get(snapshot))
        .route("/control/knobs", get(knobs).put(set_knobs))
        .route("/control/clock", post(advance))
        .route("/control/users", post(create_user))
        .route("/control/clients", post(create_client))
        .route("/control/apis", post(create_api))
        .route("/control/invitation", post(invitation))
        .route("/control/client-certificate", post(client_certificate))
        .route("/control/outbox", get(outbox))
        .route("/control/requests", post(start))
        .route("/control/requests/{id}", get(request))
        .route("/control/requests/{id}/allow", post(allow))
        .route("/control/requests/{id}/deny", post(deny))
        .with_state(engine)
}

/// Keeps web pages of other origins out: they can send requests to loopback (cross-site request
/// forgery), and name a host of theirs that resolves to it (DNS rebinding).
pub(crate) fn guarded(engine: &Arc<Engine>, router: Router) -> Router {
    router.layer(middleware::from_fn_with_state(Arc::clone(engine), guard))
}

async fn guard(State(engine): State<Arc<Engine>>, request: Request, next: Next) -> Response {
    if own_host(&engine, request.headers()) {
        return next.run(request).await;
    }
    StatusCode::FORBIDDEN.into_response()
}

fn own_host(engine: &Engine, headers: &HeaderMap) -> bool {
    let port = engine
        .origins
        .console
        .rsplit(':')
        .next()
        .unwrap_or_default();
    let text = |name| {
        headers
            .get(name)
            .map(|value: &header::HeaderValue| value.to_str().unwrap_or_default())
    };
    let own = |authority: &str| {
        authority.rsplit_once(':').is_some_and(|(host, of)| {
            of == port && matches!(host, "127.0.0.1" | "localhost" | "[::1]")
        })
    };
    text(header::HOST).is_some_and(own)
        && text(header::ORIGIN).is_none_or(|origin| origin.strip_prefix("http://").is_some_and(own))
}

/// Server-sent events: `data: {"provider":"FCM","payload":{…}}`. The header says which accounts have this push address:
/// a phone learns from it that a server has forgotten it.
async fn events(
    State(engine): State<Arc<Engine>>,
    Path(token): Path<String>,
) -> (
    [(&'static str, String); 1],
    Sse<impl Stream<Item = Result<Event, Infallible>>>,
) {
    let accounts = accounts(&engine, &token);
    let pushes = push::stream(engine, &token).map(|push| {
        let data = serde_json::to_string(&push).unwrap_or_default();
        Ok(Event::default().data(data))
    });
    let pushes = Sse::new(pushes).keep_alive(KeepAlive::default());
    ([("sandbox-accounts", accounts)], pushes)
}

/// Ids of the enrolments that have this push address, separated by spaces.
fn accounts(engine: &Engine, token: &str) -> String {
    use crate::state;
    let all: Result<Vec<state::Enrollment>, state::StateError> = engine.db.write(|tx| tx.all());
    let ids = all
        .unwrap_or_default()
        .into_iter()
        .filter(|device| device.push.as_ref().is_some_and(|push| push.token == token))
        .map(|device| device.id);
    ids.collect::<Vec<_>>().join(" ")
}

async fn ready(State(engine): State<Arc<Engine>>) -> Json<Value> {
    let handle = Handle(engine);
    let mut answer = serde_json::to_value(handle.ready()).unwrap_or_default();
    answer["dialect"] = json!(handle.dialect().as_str());
    answer["issuer"] = json!(handle.issuer());
    answer["origin"] = json!(handle.origin());
    answer["tls_origin"] = json!(handle.tls_origin());
    answer["ca_pem"] = json!(handle.ca_pem());
    Json(answer)
}

async fn snapshot(State(engine): State<Arc<Engine>>) -> Response {
    Json(Handle(engine).snapshot()).into_response()
}

async fn outbox(State(engine): State<Arc<Engine>>) -> Response {
    Json(Handle(engine).outbox()).into_response()
}

async fn request(State(engine): State<Arc<Engine>>, Path(id): Path<String>) -> Response {
    match Handle(engine).request(&id) {
        Some(request) => Json(request).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn knobs(State(engine): State<Arc<Engine>>) -> Json<KnobState> {
    Json(engine.knobs.get())
}

async fn set_knobs(
    State(engine): State<Arc<Engine>>,
    body: Bytes,
) -> Result<Json<KnobState>, ApiError> {
    let state: KnobState = body_of(&body)?;
    engine.knobs.set(state);
    Ok(Json(engine.knobs.get()))
}

#[derive(Deserialize)]
struct Advance {
    advance_s: u32,
}

async fn advance(State(engine): State<Arc<Engine>>, body: Bytes) -> Result<Json<Value>, ApiError> {
    let body: Advance = body_of(&body)?;
    engine
        .clock
        .advance(Duration::from_secs(body.advance_s.into()));
    Ok(Json(
        json!({ "now": crate::clock::rfc3339(engine.now_ms()) }),
    ))
}

async fn create_user(
    State(engine): State<Arc<Engine>>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let user = crate::management::create_user(&engine, body_of(&body)?)?;
    Ok(Json(json!({ "user_id": user.user_id })))
}

async fn create_client(
    State(engine): State<Arc<Engine>>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let client = crate::management::create_client(&engine, body_of(&body)?)?;
    Ok(Json(
        json!({ "client_id": client.client_id, "client_secret": client.client_secret }),
    ))
}

async fn create_api(
    State(engine): State<Arc<Engine>>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let api = crate::management::create_api(&engine, body_of(&body)?)?;
    Ok(Json(json!({ "id": api.id, "identifier": api.identifier })))
}

#[derive(Deserialize, Default)]
struct InvitationBody {
    user_id: Option<String>,
}

async fn invitation(
    State(engine): State<Arc<Engine>>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let body: InvitationBody = if body.is_empty() {
        InvitationBody::default()
    } else {
        body_of(&body)?
    };
    let handle = Handle(engine);
    let user_id = body.user_id.unwrap_or_else(|| handle.ready().user_id);
    let text = handle
        .invitation(&user_id)
        .map_err(|_| ApiError::NOT_FOUND)?;
    Ok(Json(json!({ "invitation": text })))
}

#[derive(Deserialize)]
struct CertificateBody {
    common_name: String,
}

async fn client_certificate(
    State(engine): State<Arc<Engine>>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let body: CertificateBody = body_of(&body)?;
    let (certificate, key) = Handle(engine)
        .client_certificate(&body.common_name)
        .map_err(|_| ApiError::NOT_FOUND)?;
    Ok(Json(json!({ "certificate": certificate, "key": key })))
}

#[derive(Deserialize)]
struct StartBody {
    user_id: Option<String>,
    #[serde(default)]
    binding_message: String,
    scope: Option<String>,
    audience: Option<String>,
    /// JSON text, so that amounts stay as written.
    details: Option<String>,
    requested_expiry: Option<u32>,
    notification_channel: Option<String>,
}

async fn start(State(engine): State<Arc<Engine>>, body: Bytes) -> Response {
    let body: StartBody = match body_of(&body) {
        Ok(body) => body,
        Err(error) => return error.into_response(),
    };
    let request = StartRequest {
        user_id: body.user_id.unwrap_or_default(),
        binding_message: body.binding_message,
        scope: body.scope.unwrap_or_default(),
        audience: body.audience,
        details: body.details,
        requested_expiry: body.requested_expiry,
        channel: body.notification_channel,
    };
    match Handle(engine).start_request(request) {
        Ok(started) => {
            let mut answer = json!({
                "id": started.id, "auth_req_id": started.auth_req_id,
                "expires_in": started.expires_in, "interval": started.interval,
            });
            if let Some(link) = started.auth_url {
                answer["auth_url"] = json!(link);
            }
            Json(answer).into_response()
        }
        Err(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
            (
                status,
                Json(json!({ "error": error.error, "error_description": error.description })),
            )
                .into_response()
        }
    }
}

async fn allow(State(engine): State<Arc<Engine>>, Path(id): Path<String>) -> StatusCode {
    decide(engine, &id, true)
}

async fn deny(State(engine): State<Arc<Engine>>, Path(id): Path<String>) -> StatusCode {
    decide(engine, &id, false)
}

fn decide(engine: Arc<Engine>, id: &str, accept: bool) -> StatusCode {
    if Handle(engine).decide(id, accept) {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_FOUND
    }
}
