//! Reading a consent: what a request is about, for the device that was asked.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::Json;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{DeviceError, accepted_urls, proof};
use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::server::Called;
use crate::state::{CibaRequest, Enrollment, Transaction, Tx};
use crate::text::sha256_b64;

#[derive(Serialize)]
pub(super) struct Consent {
    id: String,
    requested_details: RequestedDetails,
    created_at: String,
    expires_at: String,
}

/// All four members are always there: older clients need them.
#[derive(Serialize)]
struct RequestedDetails {
    audience: String,
    scope: Vec<String>,
    binding_message: Option<String>,
    authorization_details: Box<RawValue>,
}

pub(super) async fn read(
    State(engine): State<Arc<Engine>>,
    Extension(called): Extension<Called>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Consent>, DeviceError> {
    let Path(id) = id.map_err(|_| DeviceError::CONSENT_GONE)?;
    // Committed even when refused: a used proof stays used.
    let outcome = engine.db.write(|tx| {
        let outcome = find(&engine, tx, &called, &id, &uri, &headers);
        if let Err(error) = &outcome {
            engine.event(
                tx,
                "rich_consents_access_error",
                None,
                json!({ "consent_id": id, "error": error.code }),
            )?;
        }
        Ok::<_, DeviceError>(outcome)
    })?;
    let request = outcome?;
    let details = RawValue::from_string(request.details.unwrap_or_else(|| "[]".to_owned()));
    Ok(Json(Consent {
        id: request.consent_id,
        requested_details: RequestedDetails {
            audience: request
                .audience
                .unwrap_or_else(|| format!("{}/userinfo", called.base)),
            scope: request.scope,
            binding_message: request.binding_message,
            authorization_details: details
                .map_err(|error| DeviceError::from(crate::state::StateError::from(error)))?,
        },
        created_at: rfc3339(request.created_ms),
        expires_at: rfc3339(request.expires_ms),
    }))
}

/// 401 for the token, 403 for the proof, 404 for the consent.
fn find(
    engine: &Engine,
    tx: &Tx<'_>,
    called: &Called,
    id: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<CibaRequest, DeviceError> {
    let knobs = engine.knobs.get();
    let token = token(headers).ok_or(DeviceError::INVALID_TOKEN)?;
    let transaction: Transaction = tx
        .get(&sha256_b64(token))?
        .ok_or(DeviceError::INVALID_TOKEN)?;
    let device: Option<Enrollment> = tx.get(&transaction.enrollment_id)?;
    let device = device
        .filter(|_| !knobs.revoked_device)
        .ok_or(DeviceError::INVALID_TOKEN)?;
    let request: CibaRequest = tx
        .get(&transaction.auth_req_id)?
        .ok_or(DeviceError::INVALID_TOKEN)?;
    called.is_about(&request.consent_id);
    if !engine.answerable(tx, &request)? {
        return Err(DeviceError::INVALID_TOKEN);
    }
    proof::check(
        engine,
        tx,
        headers,
        &device.key,
        token,
        &accepted_urls(engine, called, uri.path()),
    )?;
    if request.consent_id != id || knobs.consent_404 {
        return Err(DeviceError::CONSENT_GONE);
    }
    Ok(request)
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme
        .eq_ignore_ascii_case(proof::NAME)
        .then_some(token.trim())
}
