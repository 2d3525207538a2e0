//! `/api/v2/clients` and what clients may use of APIs.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Json;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ApiError;
use super::error::read as body_of;
use crate::engine::dialect::Dialect;
use crate::engine::{Engine, may_use_ciba};
use crate::state::{Api, Channel, Client, ClientGrant};
use crate::text::{random_alphanumeric, random_token};

const METHODS: [&str; 6] = [
    "none",
    "client_secret_post",
    "client_secret_basic",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
];

/// Members of a client that may be set; absent ones stay.
#[derive(Deserialize, Default)]
pub(crate) struct ClientBody {
    client_id: Option<String>,
    client_secret: Option<String>,
    name: Option<String>,
    grant_types: Option<Vec<String>>,
    is_first_party: Option<bool>,
    oidc_conformant: Option<bool>,
    token_endpoint_auth_method: Option<String>,
    async_approval_notification_channels: Option<Vec<String>>,
    /// The same under the name it has in the other dialect's settings.
    notification_channels: Option<Vec<String>>,
    /// Life of a request in seconds, where the dialect keeps it with the client.
    expiry_time: Option<u32>,
    /// RFC 7591 §2: keys for `private_key_jwt`.
    jwks: Option<Jwks>,
    /// PEM keys for `private_key_jwt`.
    public_key_pems: Option<Vec<String>>,
    /// RFC 8705 §2.1.2.
    tls_client_auth_subject_dn: Option<String>,
    /// SHA-256 thumbprints (base64url, as `x5t#S256`) for the self-signed method.
    tls_client_auth_thumbprints: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

impl ClientBody {
    fn apply(self, client: &mut Client, dialect: &Dialect) -> Result<(), ApiError> {
        fn set<T>(target: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *target = value;
            }
        }
        set(&mut client.client_secret, self.client_secret);
        set(&mut client.name, self.name);
        set(&mut client.grant_types, self.grant_types);
        set(&mut client.is_first_party, self.is_first_party);
        set(&mut client.oidc_conformant, self.oidc_conformant);
        set(
            &mut client.token_endpoint_auth_method,
            self.token_endpoint_auth_method,
        );
        set(
            &mut client.async_approval_notification_channels,
            self.async_approval_notification_channels
                .or(self.notification_channels),
        );
        if let Some(seconds) = self.expiry_time {
            client.expiry_s = Some(seconds.max(1));
        }
        set(
            &mut client.tls_thumbprints,
            self.tls_client_auth_thumbprints,
        );
        set(
            &mut client.tls_subject_dn,
            self.tls_client_auth_subject_dn.map(Some),
        );
        if self.jwks.is_some() || self.public_key_pems.is_some() {
            client.keys = self.jwks.map(|jwks| jwks.keys).unwrap_or_default();
            client.keys.extend(
                self.public_key_pems
                    .unwrap_or_default()
                    .iter()
                    .map(|pem| json!({ "pem": pem })),
            );
        }
        check(client, dialect)
    }
}

/// The restrictions on clients with the CIBA grant.
fn check(client: &Client, dialect: &Dialect) -> Result<(), ApiError> {
    let method = client.token_endpoint_auth_method.as_str();
    if !METHODS.contains(&method) {
        return Err(ApiError::body("token_endpoint_auth_method is unknown"));
    }
    if client
        .async_approval_notification_channels
        .iter()
        .any(|name| {
            Channel::of(name).is_none_or(|channel| !dialect.start.channels.contains(&channel))
        })
    {
        return Err(ApiError::body(
            "async_approval_notification_channels has an unknown channel",
        ));
    }
    if may_use_ciba(client)
        && (!client.is_first_party || !client.oidc_conformant || method == "none")
    {
        return Err(ApiError::body(
            "The CIBA grant needs a first-party, OIDC-conformant, confidential client",
        ));
    }
    Ok(())
}

/// Creates a client.
pub(crate) fn create_client(engine: &Engine, mut body: ClientBody) -> Result<Client, ApiError> {
    let usual = engine.dialect.start.ready_channels.iter();
    let mut client = Client {
        client_id: body
            .client_id
            .take()
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| random_alphanumeric(32)),
        client_secret: random_token(48),
        async_approval_notification_channels: usual
            .map(|channel| channel.name().to_owned())
            .collect(),
        created_ms: engine.now_ms(),
        ..Client::default()
    };
    body.apply(&mut client, engine.dialect)?;
    match engine
        .db
        .write(|tx| tx.insert(&client).map_err(ApiError::from))?
    {
        true => Ok(client),
        false => Err(ApiError::CONFLICT),
    }
}

pub(crate) fn view(client: &Client) -> Value {
    json!({
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "name": client.name,
        "grant_types": client.grant_types,
        "is_first_party": client.is_first_party,
        "oidc_conformant": client.oidc_conformant,
        "token_endpoint_auth_method": client.token_endpoint_auth_method,
        "async_approval_notification_channels": client.async_approval_notification_channels,
        "expiry_time": client.expiry_s,
        "jwks": { "keys": client.keys },
        "tls_client_auth_subject_dn": client.tls_subject_dn,
        "tls_client_auth_thumbprints": client.tls_thumbprints,
    })
}

pub(super) async fn list(State(engine): State<Arc<Engine>>) -> Result<Json<Value>, ApiError> {
    let clients = engine
        .db
        .write(|tx| tx.all::<Client>().map_err(ApiError::from))?;
    Ok(Json(clients.iter().map(view).collect()))
}

pub(super) async fn create(
    State(engine): State<Arc<Engine>>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let client = create_client(&engine, body_of(&body)?)?;
    Ok((StatusCode::CREATED, Json(view(&client))))
}

pub(super) async fn read(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let client = engine
        .db
        .write(|tx| tx.get::<Client>(&id).map_err(ApiError::from))?;
    Ok(Json(view(&client.ok_or(ApiError::NOT_FOUND)?)))
}

pub(super) async fn update(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let body: ClientBody = body_of(&body)?;
    let client = engine.db.write(|tx| {
        let mut client: Client = tx.get(&id)?.ok_or(ApiError::NOT_FOUND)?;
        body.apply(&mut client, engine.dialect)?;
        tx.put(&client)?;
        Ok::<_, ApiError>(client)
    })?;
    Ok(Json(view(&client)))
}

pub(super) async fn remove(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    engine
        .db
        .write(|tx| tx.delete::<Client>(&id).map_err(ApiError::from))?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct GrantBody {
    client_id: String,
    audience: String,
    #[serde(default)]
    authorization_details_types: Vec<String>,
}

/// Gives a client types of an API, for the policy `require_client_grant`.
pub(super) async fn grant(
    State(engine): State<Arc<Engine>>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let body: GrantBody = body_of(&body)?;
    let id = format!("cgr_{}", random_alphanumeric(16));
    let view = json!({
        "id": id, "client_id": body.client_id, "audience": body.audience,
        "authorization_details_types": body.authorization_details_types,
    });
    engine.db.write(|tx| {
        let mut client: Client = tx.get(&body.client_id)?.ok_or(ApiError::NOT_FOUND)?;
        tx.get::<Api>(&body.audience)?.ok_or(ApiError::NOT_FOUND)?;
        client
            .grants
            .retain(|grant| grant.audience != body.audience);
        client.grants.push(ClientGrant {
            id,
            audience: body.audience,
            types: body.authorization_details_types,
        });
        tx.put(&client).map_err(ApiError::from)
    })?;
    Ok((StatusCode::CREATED, Json(view)))
}
