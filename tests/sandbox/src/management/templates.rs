//! What a tenant may word itself: the e-mail "Asynchronous Approval", and the partial of the consent page.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Json;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ApiError;
use super::error::read as body_of;
use crate::engine::Engine;
use crate::messages::{EmailTemplate, is_address, understood};
use crate::state::Setting;

const NAME: &str = "async_approval";
const PARTIALS: &str = "customized_consent_partials";

/// Members of the template that may be set; absent ones stay, `null` brings the built-in one back.
#[derive(Deserialize)]
pub(super) struct TemplateBody {
    #[serde(default, deserialize_with = "given")]
    from: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    subject: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    body: Option<Option<String>>,
    enabled: Option<bool>,
}

/// Tells a member that is `null` from one that is absent.
fn given<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(reader).map(Some)
}

fn view(template: &EmailTemplate) -> Json<Value> {
    Json(json!({
        "template": NAME, "syntax": "liquid", "from": template.from, "subject": template.subject,
        "body": template.body, "enabled": template.enabled,
    }))
}

pub(super) async fn read(
    State(engine): State<Arc<Engine>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    if name != NAME {
        return Err(ApiError::NOT_FOUND);
    }
    let template = engine
        .db
        .write(|tx| EmailTemplate::stored(tx).map_err(ApiError::from))?;
    Ok(view(&template))
}

pub(super) async fn update(
    State(engine): State<Arc<Engine>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    if name != NAME {
        return Err(ApiError::NOT_FOUND);
    }
    let change: TemplateBody = body_of(&body)?;
    let texts = [&change.subject, &change.body];
    if texts
        .into_iter()
        .flatten()
        .flatten()
        .any(|text| !understood(text))
    {
        return Err(ApiError::body(
            "Of Liquid only variables are supported here, no tags",
        ));
    }
    if change.from.iter().flatten().any(|from| !is_address(from)) {
        return Err(ApiError::body(
            "The sender is no address; write Bank <no-reply@bank.example>",
        ));
    }
    let template = engine.db.write(|tx| {
        let old = EmailTemplate::stored(tx)?;
        let template = EmailTemplate {
            enabled: change.enabled.unwrap_or(old.enabled),
            from: change.from.unwrap_or(old.from),
            subject: change.subject.unwrap_or(old.subject),
            body: change.body.unwrap_or(old.body),
        };
        template.store(tx)?;
        Ok::<_, ApiError>(template)
    })?;
    Ok(view(&template))
}

/// Kept for whoever manages a tenant by its API; the sandbox's page shows every detail by itself.
pub(super) async fn partials(State(engine): State<Arc<Engine>>) -> Result<Json<Value>, ApiError> {
    let kept: Option<Setting> = engine
        .db
        .write(|tx| tx.get(PARTIALS).map_err(ApiError::from))?;
    let text = kept.map_or_else(|| "{}".to_owned(), |kept| kept.value);
    Ok(Json(serde_json::from_str(&text).unwrap_or_default()))
}

pub(super) async fn set_partials(
    State(engine): State<Arc<Engine>>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    #[derive(Deserialize, serde::Serialize)]
    struct Partials {
        #[serde(rename = "customized-consent")]
        prompt: std::collections::BTreeMap<String, String>,
    }
    let partials: Partials = body_of(&body)?;
    let value = serde_json::to_string(&partials).unwrap_or_default();
    engine.db.write(|tx| {
        let name = PARTIALS.to_owned();
        tx.put(&Setting { name, value }).map_err(ApiError::from)
    })?;
    Ok(Json(json!(partials)))
}
