//! The answer to a request: a JWT signed by the enrolled key, accepted once.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Audience, BASES, DeviceError, accepted_urls};
use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::jose::{Compact, numeric_date_ms};
use crate::op::bearer;
use crate::push;
use crate::server::Called;
use crate::signed_consent::{ConsentRecord, RecordedDecision};
use crate::state::{Answer, CibaRequest, Enrollment, StateError, Transaction, Tx};
use crate::text::sha256_b64;

const LEEWAY_MS: i64 = 5_000;

#[derive(Deserialize)]
struct Body {
    challenge_response: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    iat: f64,
    exp: f64,
    auth0_guardian_accepted: Value,
    auth0_guardian_reason: Option<String>,
}

/// The consent claim apart, so that its text is kept as it was signed.
#[derive(Deserialize)]
struct ConsentClaim {
    #[serde(rename = "urn:authenticator-core:consent")]
    claim: Option<Box<RawValue>>,
}

pub(super) async fn resolve(
    State(engine): State<Arc<Engine>>,
    Extension(called): Extension<Called>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, DeviceError> {
    let token = bearer(&headers).ok_or(DeviceError::INVALID_TOKEN)?;
    engine
        .db
        .write(|tx| resolve_in(&engine, tx, &called, &uri, token, &body))?
}

/// The inner refusal is committed with what it noted, the outer one leaves nothing behind.
fn resolve_in(
    engine: &Engine,
    tx: &Tx<'_>,
    called: &Called,
    uri: &Uri,
    token: &str,
    body: &[u8],
) -> Result<Result<StatusCode, DeviceError>, DeviceError> {
    let knobs = engine.knobs.get();
    let transaction: Transaction = tx
        .get(&sha256_b64(token))?
        .ok_or(DeviceError::INVALID_TOKEN)?;
    let device: Option<Enrollment> = tx.get(&transaction.enrollment_id)?;
    let mut device = device
        .filter(|_| !knobs.revoked_device)
        .ok_or(DeviceError::INVALID_TOKEN)?;
    let mut request: CibaRequest = tx
        .get(&transaction.auth_req_id)?
        .ok_or(DeviceError::TRANSACTION_GONE)?;
    called.is_about(&request.consent_id);
    if knobs.already_answered || !engine.answerable(tx, &request)? {
        return Err(DeviceError::TRANSACTION_GONE);
    }
    let body: Body = serde_json::from_slice(body).map_err(|_| DeviceError::INVALID_BODY)?;
    let jws = Compact::parse(&body.challenge_response).ok_or(DeviceError::INVALID_CHALLENGE)?;
    if !device.key.signed(&jws) {
        return Err(DeviceError::INVALID_CHALLENGE);
    }
    let claims: Claims = jws.claims().ok_or(DeviceError::INVALID_CHALLENGE)?;
    let now = engine.wire_now_ms();
    let in_time = numeric_date_ms(claims.iat).is_some_and(|iat| iat <= now + LEEWAY_MS)
        && numeric_date_ms(claims.exp).is_some_and(|exp| exp > now - LEEWAY_MS);
    let addressed = claims.iss == device.identifier
        && claims.sub == transaction.challenge
        && claims
            .aud
            .contains(&accepted_urls(engine, called, uri.path()));
    if !addressed || !in_time {
        return Err(DeviceError::INVALID_CHALLENGE);
    }
    let accepted = claims
        .auth0_guardian_accepted
        .as_bool()
        .ok_or(DeviceError::INVALID_BODY)?;
    let consent = jws
        .claims::<ConsentClaim>()
        .and_then(|consent| consent.claim)
        .map(|claim| claim.get().to_owned());
    let mut record = consent_record(engine, called, &transaction, &device, &request)?;
    let check = record.check(consent.as_deref());
    let person = record.check_person(consent.as_deref());
    if accepted {
        let refused = engine.insists_on_more(check, &person);
        engine.note_approval_key(tx, &mut device, &person, !refused)?;
        if refused {
            request.refused = Some(check);
            request.refused_person = Some(person);
            tx.put(&request)?;
            return Ok(Err(DeviceError::INVALID_CHALLENGE));
        }
    }
    record.decision = Some(RecordedDecision {
        accepted,
        at: rfc3339(engine.now_ms()),
        consent_claim: consent.clone(),
    });
    device.last_auth_ms = Some(engine.now_ms());
    tx.put(&device)?;
    let recorded = engine.answer(
        tx,
        request,
        Answer {
            enrollment_id: Some(device.id),
            in_browser: false,
            accepted,
            reason: claims
                .auth0_guardian_reason
                .filter(|reason| !reason.is_empty()),
            at_ms: engine.now_ms(),
            consent_claim: consent,
            consent_check: Some(check),
            person_check: Some(person),
            record: Some(record),
            jwt: Some(body.challenge_response),
        },
    )?;
    if recorded {
        Ok(Ok(StatusCode::NO_CONTENT))
    } else {
        Err(DeviceError::TRANSACTION_GONE)
    }
}

/// The server's own side of the digest: nothing in it comes from the answer.
fn consent_record(
    engine: &Engine,
    called: &Called,
    transaction: &Transaction,
    device: &Enrollment,
    request: &CibaRequest,
) -> Result<ConsentRecord, StateError> {
    let push = request
        .pushes
        .iter()
        .find(|push| push.enrollment_id == device.id);
    let pushed = match push {
        Some(push) => push::payload::origin(&push.event)?,
        None => push::payload::Origin::default(),
    };
    Ok(ConsentRecord {
        servers: engine
            .origins
            .spellings(&called.origin)
            .iter()
            .flat_map(|origin| BASES.map(|base| format!("{origin}{base}")))
            .collect(),
        enrollment: device.id.clone(),
        user: device.user_id.clone(),
        identifier: device.identifier.clone(),
        public_key: device.key.jwk(),
        challenge: transaction.challenge.clone(),
        requested_at: rfc3339(request.created_ms),
        source: pushed.source,
        location: pushed.location,
        details: transaction.details.clone(),
        approval_key: device.approval_key.clone(),
        decision: None,
    })
}
