//! `/api/v2/guardian/factors/push-notification`: kept and echoed, secrets masked. The sandbox's own
//! push stream delivers whatever is configured here.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Json;
use serde_json::{Map, Value, json};

use super::ApiError;
use super::error::read as body_of;
use crate::engine::Engine;
use crate::state::{Setting, Tx};
use crate::text::mask;

const SECRETS: [&str; 5] = [
    "p12",
    "server_key",
    "server_credentials",
    "aws_access_key_id",
    "aws_secret_access_key",
];
const SELECTED: &str = "factor:selected";

fn members(provider: &str) -> Result<&'static [&'static str], ApiError> {
    match provider {
        "apns" => Ok(&["sandbox", "bundle_id", "p12"]),
        "fcm" => Ok(&["server_key"]),
        "fcmv1" => Ok(&["server_credentials"]),
        "sns" => Ok(&[
            "aws_access_key_id",
            "aws_secret_access_key",
            "aws_region",
            "sns_apns_platform_application_arn",
            "sns_gcm_platform_application_arn",
        ]),
        _ => Err(ApiError::NOT_FOUND),
    }
}

fn stored(tx: &Tx<'_>, provider: &str) -> Result<Map<String, Value>, ApiError> {
    let setting: Option<Setting> = tx.get(&format!("factor:{provider}"))?;
    Ok(setting
        .and_then(|setting| serde_json::from_str(&setting.value).ok())
        .unwrap_or_default())
}

fn masked(provider: &str, mut values: Map<String, Value>) -> Value {
    for (name, value) in &mut values {
        if SECRETS.contains(&name.as_str()) {
            *value = json!(mask(value.as_str().unwrap_or_default()));
        }
    }
    if provider == "apns" {
        let enabled = values.contains_key("p12");
        values.insert("enabled".to_owned(), json!(enabled));
    }
    Value::Object(values)
}

pub(super) async fn read(
    State(engine): State<Arc<Engine>>,
    Path(provider): Path<String>,
) -> Result<Json<Value>, ApiError> {
    members(&provider)?;
    let values = engine.db.write(|tx| stored(tx, &provider))?;
    Ok(Json(masked(&provider, values)))
}

pub(super) async fn replace(
    engine: State<Arc<Engine>>,
    provider: Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    store(&engine, &provider, &body, Map::new())
}

pub(super) async fn update(
    engine: State<Arc<Engine>>,
    provider: Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let before = engine.db.write(|tx| stored(tx, &provider))?;
    store(&engine, &provider, &body, before)
}

fn store(
    engine: &Engine,
    provider: &str,
    body: &Bytes,
    mut values: Map<String, Value>,
) -> Result<Json<Value>, ApiError> {
    let known = members(provider)?;
    let change: Map<String, Value> = body_of(body)?;
    let fits = |(name, value): (&String, &Value)| {
        let flag = name == "sandbox";
        known.contains(&name.as_str())
            && ((flag && value.is_boolean()) || (!flag && value.is_string()))
    };
    if !change.iter().all(fits) {
        return Err(ApiError::body("A member is unknown or has the wrong type"));
    }
    values.extend(change);
    let setting = Setting {
        name: format!("factor:{provider}"),
        value: Value::Object(values.clone()).to_string(),
    };
    engine
        .db
        .write(|tx| tx.put(&setting).map_err(ApiError::from))?;
    Ok(Json(masked(provider, values)))
}

pub(super) async fn selected(State(engine): State<Arc<Engine>>) -> Result<Json<Value>, ApiError> {
    let setting: Option<Setting> = engine
        .db
        .write(|tx| tx.get(SELECTED).map_err(ApiError::from))?;
    Ok(Json(
        json!({ "provider": setting.map_or_else(|| "guardian".to_owned(), |setting| setting.value) }),
    ))
}

pub(super) async fn select(
    State(engine): State<Arc<Engine>>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let body: Map<String, Value> = body_of(&body)?;
    let provider = body
        .get("provider")
        .and_then(Value::as_str)
        .filter(|name| matches!(*name, "guardian" | "sns" | "direct"));
    let provider = provider.ok_or(ApiError::body("provider must be guardian, sns or direct"))?;
    let setting = Setting {
        name: SELECTED.to_owned(),
        value: provider.to_owned(),
    };
    engine
        .db
        .write(|tx| tx.put(&setting).map_err(ApiError::from))?;
    Ok(Json(json!({ "provider": provider })))
}
