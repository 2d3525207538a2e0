//! A device's own account: update and removal.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Json;
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use super::enroll::{Credentials, text_ok};
use super::{Audience, DeviceError, accepted_urls, collection};
use crate::engine::Engine;
use crate::jose::{Compact, numeric_date_ms};
use crate::op::bearer;
use crate::server::Called;
use crate::state::{Enrollment, Tx, User};
use crate::text::sha256_b64;

const LEEWAY_MS: i64 = 60_000;

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    iat: f64,
    exp: f64,
}

pub(super) async fn update(
    State(engine): State<Arc<Engine>>,
    Extension(called): Extension<Called>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, DeviceError> {
    let Path(id) = id.map_err(|_| DeviceError::ENROLLMENT_GONE)?;
    let device = engine.db.write(|tx| {
        let mut device = authenticated(&engine, tx, &called, &id, &uri, &headers)?;
        let change: Change =
            serde_json::from_slice(&body).map_err(|_| DeviceError::INVALID_BODY)?;
        apply(&mut device, change, engine.options.strict_patch)?;
        tx.put(&device)?;
        engine.event(
            tx,
            "gd_update_device_account",
            Some(&device.user_id),
            json!({ "enrollment_id": device.id }),
        )?;
        Ok::<_, DeviceError>(device)
    })?;
    let mut answer =
        json!({ "id": device.id, "identifier": device.identifier, "name": device.name });
    if let Some(push) = device.push {
        answer["push_credentials"] = json!({ "service": push.service, "token": push.token });
    }
    Ok(Json(answer))
}

pub(super) async fn remove(
    State(engine): State<Arc<Engine>>,
    Extension(called): Extension<Called>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<StatusCode, DeviceError> {
    let Path(id) = id.map_err(|_| DeviceError::ENROLLMENT_GONE)?;
    engine.db.write(|tx| {
        let device = authenticated(&engine, tx, &called, &id, &uri, &headers)?;
        engine.delete_enrollment(tx, &device.id)?;
        Ok(StatusCode::NO_CONTENT)
    })
}

/// What a device may change of its account: `Some` where the member is there, which then must not be `null`. One that
/// comes twice is refused.
#[derive(Deserialize)]
struct Change {
    #[serde(default, deserialize_with = "given")]
    identifier: Option<String>,
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    push_credentials: Option<Credentials>,
}

fn given<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    reader: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(reader).map(Some)
}

/// Absent members stay as they are; a member of the wrong type is refused.
fn apply(device: &mut Enrollment, change: Change, strict: bool) -> Result<(), DeviceError> {
    let mut changed = false;
    for (given, target) in [
        (change.identifier, &mut device.identifier),
        (change.name, &mut device.name),
    ] {
        if let Some(text) = given {
            if !text_ok(&text) {
                return Err(DeviceError::INVALID_BODY);
            }
            *target = text;
            changed = true;
        }
    }
    match change.push_credentials {
        Some(credentials) => {
            device.push = Some(credentials.check()?);
            changed = true;
        }
        None if strict => return Err(DeviceError::INVALID_BODY),
        None => {}
    }
    if changed {
        Ok(())
    } else {
        Err(DeviceError::INVALID_BODY)
    }
}

/// The device that owns the account: by its opaque token, or by a JWT of its enrolled key.
fn authenticated(
    engine: &Engine,
    tx: &Tx<'_>,
    called: &Called,
    id: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Enrollment, DeviceError> {
    let token = bearer(headers).ok_or(DeviceError::INVALID_TOKEN)?;
    let device = tx
        .get::<Enrollment>(id)?
        .filter(|_| !engine.knobs.get().revoked_device)
        .ok_or(DeviceError::ENROLLMENT_GONE)?;
    let opaque: bool = sha256_b64(token)
        .as_bytes()
        .ct_eq(device.token_hash.as_bytes())
        .into();
    if !opaque && !signed_by_device(engine, called, &device, uri, token) {
        return Err(DeviceError::INVALID_TOKEN);
    }
    match tx.get::<User>(&device.user_id)? {
        Some(user) if !user.blocked => Ok(device),
        _ => Err(DeviceError::INVALID_TOKEN),
    }
}

fn signed_by_device(
    engine: &Engine,
    called: &Called,
    device: &Enrollment,
    uri: &Uri,
    token: &str,
) -> bool {
    let Some(jws) = Compact::parse(token) else {
        return false;
    };
    if jws
        .header
        .typ
        .as_deref()
        .is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT"))
        || !device.key.signed(&jws)
    {
        return false;
    }
    let Some(claims) = jws.claims::<Claims>() else {
        return false;
    };
    let now = engine.wire_now_ms();
    let in_time = numeric_date_ms(claims.iat).is_some_and(|iat| iat <= now + LEEWAY_MS)
        && numeric_date_ms(claims.exp).is_some_and(|exp| exp > now - LEEWAY_MS);
    let audience = accepted_urls(engine, called, collection(uri));
    in_time
        && claims.iss == device.id
        && claims.sub == device.user_id
        && claims.aud.contains(&audience)
}
