//! The OpenID Provider: what client applications call.

pub(crate) mod client_auth;
mod dpop;
pub(crate) mod form;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::engine::dialect::Paths;
use crate::engine::refusal::Refusal;
use crate::engine::start::Start;
use crate::engine::tokens::Profile;
use crate::engine::{CIBA_GRANT, Engine};
use crate::server::Called;
use crate::state::User;
use crate::tls::PeerCertificate;
use client_auth::authenticate;
use form::Params;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// The endpoints under the paths of a dialect.
pub(crate) fn router(paths: &Paths) -> Router<Arc<Engine>> {
    let fixed = Router::new()
        .route(paths.discovery, get(discovery))
        .route(paths.jwks, get(jwks))
        .route(paths.start, post(authorize))
        .route(paths.userinfo, get(userinfo).post(userinfo));
    paths
        .token
        .iter()
        .fold(fixed, |router, path| router.route(path, post(token)))
}

async fn discovery(
    State(engine): State<Arc<Engine>>,
    Extension(called): Extension<Called>,
) -> Json<Value> {
    let (base, paths) = (&called.base, &engine.dialect.paths);
    let token = paths.token.first().copied().unwrap_or_default();
    let mut metadata = json!({
        "issuer": engine.dialect.issuer(base),
        "token_endpoint": format!("{base}{token}"),
        "backchannel_authentication_endpoint": format!("{base}{}", paths.start),
        "backchannel_token_delivery_modes_supported": ["poll"],
        "backchannel_user_code_parameter_supported": false,
        "jwks_uri": format!("{base}{}", paths.jwks),
        "userinfo_endpoint": format!("{base}{}", paths.userinfo),
        "grant_types_supported": [CIBA_GRANT, "refresh_token"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth",
        ],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "RS384", "PS256"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "sandbox_push_stream": format!("{}/push/", engine.origins.console),
    });
    if engine.options.dpop {
        metadata["dpop_signing_alg_values_supported"] = json!(dpop::ALGORITHMS);
    }
    Json(metadata)
}

async fn jwks(State(engine): State<Arc<Engine>>) -> Json<Value> {
    Json(engine.key.jwks())
}

async fn authorize(
    State(engine): State<Arc<Engine>>,
    Extension(called): Extension<Called>,
    peer: Option<Extension<PeerCertificate>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    if media_type(&headers).as_deref() != Some(FORM) {
        return Err(Refusal::invalid("The body must be a form"));
    }
    let params = Params::form(&body)?;
    let client = authenticate(&engine, &headers, &params, peer.as_deref())?;
    params.no_repeats()?;
    let started = engine.start(
        &client,
        &Start {
            scope: params.get("scope"),
            login_hint: params.get("login_hint"),
            other_hints: ["login_hint_token", "id_token_hint"]
                .iter()
                .filter(|name| params.get(name).is_some())
                .count(),
            binding_message: params.get("binding_message"),
            // The old name counts only where the new one is absent.
            requested_expiry: params
                .get("requested_expiry")
                .or_else(|| params.get("request_expiry")),
            audience: params.get("audience"),
            authorization_details: params.get("authorization_details"),
            signed_request: params.get("request").is_some(),
            notification_channel: params.get("notification_channel"),
            ui_locales: params.get("ui_locales"),
            base: &called.link_base,
        },
    )?;
    called.is_about(&started.id);
    let mut answer = json!({
        "auth_req_id": started.auth_req_id,
        "expires_in": started.expires_in,
        "interval": started.interval,
    });
    if let Some(link) = started.auth_url {
        answer["auth_url"] = json!(link);
    }
    Ok(Json(answer))
}

async fn token(
    State(engine): State<Arc<Engine>>,
    Extension(called): Extension<Called>,
    peer: Option<Extension<PeerCertificate>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let json = engine.dialect.tokens.json;
    let params = match media_type(&headers).as_deref() {
        Some(FORM) => Params::form(&body)?,
        Some(JSON) if json => Params::json(&body)?,
        _ if json => return Err(Refusal::invalid("The body must be a form or a JSON object")),
        _ => return Err(Refusal::invalid("The body must be a form")),
    };
    let client = authenticate(&engine, &headers, &params, peer.as_deref())?;
    params.no_repeats()?;
    let key = dpop::proven(
        &engine,
        &headers,
        &dpop::Use {
            called: &called,
            method: "POST",
            path: &called.path(&uri),
            token: None,
        },
    )?;
    let key = key.as_deref();
    let answer = match params.get("grant_type") {
        None => return Err(Refusal::invalid("grant_type is required")),
        Some(CIBA_GRANT) => engine.redeem(&client, params.get("auth_req_id"), key, &called)?,
        Some("refresh_token") => {
            engine.refresh(&client, params.get("refresh_token"), key, &called.base)?
        }
        Some(_) => {
            return Err(Refusal::new(
                400,
                "unsupported_grant_type",
                "The grant type is not supported",
            ));
        }
    };
    Ok(Json(answer).into_response())
}

#[derive(Deserialize)]
struct AccessToken {
    sub: String,
    exp: i64,
    scope: String,
    cnf: Option<Confirmation>,
}

/// The key an access token is bound to (RFC 9449 §6).
#[derive(Deserialize)]
struct Confirmation {
    jkt: String,
}

/// Claims about the person an access token was issued for (OpenID Connect Core §5.3).
async fn userinfo(
    State(engine): State<Arc<Engine>>,
    Extension(called): Extension<Called>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let bound = dpop::token(&headers);
    let refused = || {
        let scheme = if bound.is_some() { "DPoP" } else { "Bearer" };
        let challenge = format!(r#"{scheme} error="invalid_token""#);
        let challenge = [(header::WWW_AUTHENTICATE, challenge)];
        (
            StatusCode::UNAUTHORIZED,
            challenge,
            Json(json!({ "error": "invalid_token" })),
        )
            .into_response()
    };
    let token = bound.or_else(|| bearer(&headers)).ok_or_else(refused)?;
    let claims: AccessToken = engine.key.open(token).ok_or_else(refused)?;
    let key = dpop::proven(
        &engine,
        &headers,
        &dpop::Use {
            called: &called,
            method: method.as_str(),
            path: &called.path(&uri),
            token: Some(token),
        },
    );
    // A bound token is worth nothing without its key, and the scheme says which kind it is.
    let key = key.map_err(|_| refused())?.filter(|_| bound.is_some());
    if key != claims.cnf.map(|cnf| cnf.jkt) || bound.is_some() != key.is_some() {
        return Err(refused());
    }
    let scope: Vec<String> = claims.scope.split(' ').map(str::to_owned).collect();
    if claims.exp <= engine.now_ms() / 1000 || !scope.iter().any(|value| value == "openid") {
        return Err(refused());
    }
    let user = engine
        .db
        .write(|tx| tx.get::<User>(&claims.sub).map_err(Refusal::from));
    let user = user
        .map_err(IntoResponse::into_response)?
        .filter(|user| !user.blocked)
        .ok_or_else(refused)?;
    let mut body = serde_json::to_value(Profile::of(&user, &scope)).unwrap_or_else(|_| json!({}));
    body["sub"] = json!(user.user_id);
    Ok(Json(body).into_response())
}

/// The media type without its parameters, in lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

/// Whether a call brings a body that does not call itself JSON.
pub(crate) fn writes_other_than_json(request: &Request<Body>) -> bool {
    let empty = request.body().size_hint().exact() == Some(0);
    !empty && media_type(request.headers()).as_deref() != Some(JSON)
}

/// The token of a Bearer header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({ "error": self.error });
        if !self.description.is_empty() {
            body["error_description"] = json!(self.description);
        }
        if let Some(interval) = self.interval {
            body["interval"] = json!(interval);
        }
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.challenge_basic {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(r#"Basic realm="sandbox""#),
            );
        }
        response
    }
}
