//! `/api/v2/resource-servers`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Json;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ApiError;
use super::error::read as body_of;
use crate::engine::Engine;
use crate::state::{Api, Tx};
use crate::text::random_alphanumeric;

const CONSENT_POLICIES: [&str; 2] = ["standard", "transactional-authorization-with-mfa"];
const ACCESS_POLICIES: [&str; 3] = ["allow_all", "require_client_grant", "deny_all"];

/// Members of an API that may be set; absent ones stay.
#[derive(Deserialize, Default)]
pub(crate) struct ApiBody {
    identifier: Option<String>,
    name: Option<String>,
    scopes: Option<Vec<Scope>>,
    authorization_details: Option<Vec<DetailType>>,
    consent_policy: Option<String>,
    subject_type_authorization: Option<SubjectTypes>,
    token_lifetime: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct Scope {
    value: String,
}

#[derive(Serialize, Deserialize)]
struct DetailType {
    #[serde(rename = "type")]
    name: String,
}

#[derive(Deserialize)]
struct SubjectTypes {
    user: Option<Policy>,
    client: Option<Policy>,
}

#[derive(Deserialize)]
struct Policy {
    policy: String,
}

impl ApiBody {
    fn apply(self, api: &mut Api) -> Result<(), ApiError> {
        fn set<T>(target: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *target = value;
            }
        }
        set(&mut api.name, self.name);
        set(
            &mut api.scopes,
            self.scopes
                .map(|scopes| scopes.into_iter().map(|scope| scope.value).collect()),
        );
        set(
            &mut api.types,
            self.authorization_details
                .map(|types| types.into_iter().map(|kind| kind.name).collect()),
        );
        set(&mut api.consent_policy, self.consent_policy);
        set(&mut api.token_lifetime, self.token_lifetime);
        if let Some(subjects) = self.subject_type_authorization {
            set(&mut api.user_policy, subjects.user.map(|user| user.policy));
            set(
                &mut api.client_policy,
                subjects.client.map(|client| client.policy),
            );
        }
        let known = CONSENT_POLICIES.contains(&api.consent_policy.as_str())
            && ACCESS_POLICIES.contains(&api.user_policy.as_str())
            && ACCESS_POLICIES.contains(&api.client_policy.as_str());
        if known {
            Ok(())
        } else {
            Err(ApiError::body("A policy is unknown"))
        }
    }
}

/// Creates an API.
pub(crate) fn create_api(engine: &Engine, mut body: ApiBody) -> Result<Api, ApiError> {
    let identifier = body
        .identifier
        .take()
        .filter(|id| !id.is_empty())
        .ok_or(ApiError::body("identifier is required"))?;
    let mut api = Api {
        id: random_alphanumeric(24),
        name: identifier.clone(),
        identifier,
        scopes: Vec::new(),
        types: Vec::new(),
        consent_policy: "standard".to_owned(),
        user_policy: "allow_all".to_owned(),
        client_policy: "allow_all".to_owned(),
        token_lifetime: 86_400,
    };
    body.apply(&mut api)?;
    match engine
        .db
        .write(|tx| tx.insert(&api).map_err(ApiError::from))?
    {
        true => Ok(api),
        false => Err(ApiError::CONFLICT),
    }
}

pub(crate) fn view(api: &Api) -> Value {
    let scopes: Vec<Scope> = api
        .scopes
        .iter()
        .map(|value| Scope {
            value: value.clone(),
        })
        .collect();
    let types: Vec<DetailType> = api
        .types
        .iter()
        .map(|name| DetailType { name: name.clone() })
        .collect();
    json!({
        "id": api.id,
        "identifier": api.identifier,
        "name": api.name,
        "scopes": scopes,
        "authorization_details": types,
        "consent_policy": api.consent_policy,
        "subject_type_authorization": { "user": { "policy": api.user_policy }, "client": { "policy": api.client_policy } },
        "token_lifetime": api.token_lifetime,
    })
}

/// By id or by identifier.
fn find(tx: &Tx<'_>, id: &str) -> Result<Api, ApiError> {
    let api = tx
        .all::<Api>()?
        .into_iter()
        .find(|api| api.id == id || api.identifier == id);
    api.ok_or(ApiError::NOT_FOUND)
}

pub(super) async fn list(State(engine): State<Arc<Engine>>) -> Result<Json<Value>, ApiError> {
    let apis = engine
        .db
        .write(|tx| tx.all::<Api>().map_err(ApiError::from))?;
    Ok(Json(apis.iter().map(view).collect()))
}

pub(super) async fn create(
    State(engine): State<Arc<Engine>>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let api = create_api(&engine, body_of(&body)?)?;
    Ok((StatusCode::CREATED, Json(view(&api))))
}

pub(super) async fn read(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    engine
        .db
        .write(|tx| find(tx, &id))
        .map(|api| Json(view(&api)))
}

pub(super) async fn update(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let body: ApiBody = body_of(&body)?;
    let api = engine.db.write(|tx| {
        let mut api = find(tx, &id)?;
        body.apply(&mut api)?;
        tx.put(&api)?;
        Ok::<_, ApiError>(api)
    })?;
    Ok(Json(view(&api)))
}

pub(super) async fn remove(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    engine.db.write(|tx| {
        let api = find(tx, &id)?;
        tx.delete::<Api>(&api.identifier).map_err(ApiError::from)
    })?;
    Ok(StatusCode::NO_CONTENT)
}
