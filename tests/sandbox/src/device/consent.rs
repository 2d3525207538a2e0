//! Reading a consent: what a request is about, for the device that was asked.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{DeviceError, accepted_urls, proof};
use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::engine::dialect::Dialect;
use crate::server::Called;
use crate::signed_consent::SentDetails;
use crate::state::{CibaRequest, Enrollment, StateError, Transaction, Tx};
use crate::text::sha256_b64;

#[derive(Serialize)]
struct Consent {
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
) -> Result<impl IntoResponse, DeviceError> {
    let Path(id) = id.map_err(|_| DeviceError::CONSENT_GONE)?;
    // Committed even when refused: a used proof stays used.
    let outcome = engine.db.write(|tx| {
        let outcome = find(&engine, tx, &called, &id, &uri, &headers)?;
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
    let mut body = outcome?;
    if engine.knobs.get().tamper_consent {
        body = with_another_amount(&body);
    }
    Ok(([(header::CONTENT_TYPE, "application/json")], body))
}

/// The body of a request's consent.
pub(crate) fn body(
    request: CibaRequest,
    base: &str,
    dialect: &Dialect,
) -> Result<String, StateError> {
    let details = match request.withheld {
        // A text where objects belong: the phone shows it, and cannot take the rest for the whole.
        Some(why) => serde_json::to_string(&[why])?,
        None => request.details.unwrap_or_else(|| "[]".to_owned()),
    };
    let consent = Consent {
        id: request.consent_id,
        requested_details: RequestedDetails {
            audience: request
                .audience
                .unwrap_or_else(|| format!("{base}{}", dialect.paths.userinfo)),
            scope: request.scope,
            binding_message: request.binding_message,
            authorization_details: RawValue::from_string(details)?,
        },
        created_at: rfc3339(request.created_ms),
        expires_at: rfc3339(request.expires_ms),
    };
    Ok(serde_json::to_string(&consent)?)
}

/// The body with one digit of the first amount changed: the fault "tampered consent".
fn with_another_amount(body: &str) -> String {
    let digit = body.find("\"amount\"").and_then(|member| {
        let value = member + "\"amount\"".len();
        let digit = body[value..].find(|c: char| c.is_ascii_digit())?;
        Some(value + digit)
    });
    let Some(at) = digit else {
        return body.to_owned();
    };
    let changed = if body[at..].starts_with('9') {
        "8".to_owned()
    } else {
        // Never a zero in front, which would be no number.
        body[at..=at]
            .parse::<u8>()
            .map_or_else(|_| "1".to_owned(), |digit| (digit + 1).to_string())
    };
    format!("{}{changed}{}", &body[..at], &body[at + 1..])
}

/// The consent body; or 401 for the token, 403 for the proof, 404 for the consent.
fn find(
    engine: &Engine,
    tx: &Tx<'_>,
    called: &Called,
    id: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Result<String, DeviceError>, DeviceError> {
    let (mut transaction, request) = match authorized(engine, tx, called, uri, headers) {
        Ok(found) => found,
        Err(error) => return Ok(Err(error)),
    };
    if request.consent_id != id {
        return Ok(Err(DeviceError::CONSENT_GONE));
    }
    if engine.knobs.get().consent_404 {
        if transaction.details == SentDetails::NotSent {
            transaction.details = SentDetails::None;
            tx.put(&transaction)?;
        }
        return Ok(Err(DeviceError::CONSENT_GONE));
    }
    // What is signed is a digest of these bytes: the device gets the same ones each time.
    if let SentDetails::Consent(body) = transaction.details {
        return Ok(Ok(body));
    }
    let body = body(request, &called.base, engine.dialect)?;
    transaction.details = SentDetails::Consent(body.clone());
    tx.put(&transaction)?;
    Ok(Ok(body))
}

/// The transaction that the token and the proof are of, while it can be answered.
fn authorized(
    engine: &Engine,
    tx: &Tx<'_>,
    called: &Called,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(Transaction, CibaRequest), DeviceError> {
    let token = token(headers).ok_or(DeviceError::INVALID_TOKEN)?;
    let transaction: Transaction = tx
        .get(&sha256_b64(token))?
        .ok_or(DeviceError::INVALID_TOKEN)?;
    let device: Option<Enrollment> = tx.get(&transaction.enrollment_id)?;
    let device = device
        .filter(|_| !engine.knobs.get().revoked_device)
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
    Ok((transaction, request))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_digit_of_the_first_amount_is_changed_and_nothing_else() {
        for (body, changed) in [
            (
                r#"{"n":1,"amount":"249.00","x":{"amount":5}}"#,
                r#"{"n":1,"amount":"349.00","x":{"amount":5}}"#,
            ),
            (r#"{"amount" : 9}"#, r#"{"amount" : 8}"#),
            (r#"{"amount":0.5}"#, r#"{"amount":1.5}"#),
            (r#"{"n":1}"#, r#"{"n":1}"#),
            (r#"{"amount":null}"#, r#"{"amount":null}"#),
        ] {
            assert_eq!(with_another_amount(body), changed);
        }
    }
}
