//! Push payloads: one set of short keys in the envelope of APNs or of FCM, from either platform.

use super::{date, http, member};
use crate::json::{self, Limits, Value};
use crate::protocol::{Push, PushPayload, PushService, PushToken};
use crate::secret::Secret;

const CATEGORY: &str = "com.auth0.notification.authentication";

pub(super) fn read(payload: &Value) -> PushPayload {
    let keys = match envelope(payload) {
        Ok(Some(keys)) => keys,
        Ok(None) => return PushPayload::NotOurs,
        Err(Malformed(member)) => return PushPayload::Malformed { member },
    };
    match read_keys(keys) {
        Ok(push) => PushPayload::Push(Box::new(push)),
        Err(Malformed(member)) => PushPayload::Malformed { member },
    }
}

/// How a server is told the address of this device.
pub(super) fn credentials(push: &PushToken) -> Value {
    let service = match push.service {
        PushService::Apns => "APNS",
        // The wire name is from before the service was renamed.
        PushService::Fcm => "GCM",
    };
    json::object([
        ("service", service.into()),
        ("token", push.token.expose().as_str().into()),
    ])
}

/// Ours, but this member is missing or wrong.
struct Malformed(&'static str);

/// The object that holds the short keys: the payload itself, or its member `mfa` (APNs) or `data` (FCM).
///
/// A payload that holds them twice is refused: it would be up to chance which account is asked.
fn envelope(payload: &Value) -> Result<Option<&Value>, Malformed> {
    let inside = |name: &str| payload.get(name).filter(|inner| inner.get("dai").is_some());
    let (nested, data) = (inside("mfa"), inside("data"));
    let flat = payload.get("dai").map(|_| payload);
    match (nested, data, flat) {
        (Some(nested), None, None) => match payload.pointer("/aps/category") {
            None => Err(Malformed("aps.category")),
            Some(category) if category.as_str() == Some(CATEGORY) => Ok(Some(nested)),
            Some(_) => Ok(None),
        },
        (None, Some(keys), None) | (None, None, Some(keys)) => Ok(Some(keys)),
        (None, None, None) => Ok(None),
        _ => Err(Malformed("dai")),
    }
}

fn read_keys(keys: &Value) -> Result<Push, Malformed> {
    let required = |name: &'static str| member::required_text(keys, name).ok_or(Malformed(name));
    let enrollment = required("dai")?.to_owned();
    // The token is sent in a header and signed as ASCII bytes.
    let token = Some(required("txtkn")?)
        .filter(|token| http::is_token(token))
        .ok_or(Malformed("txtkn"))?;
    let challenge = required("c")?.to_owned();
    let requested_at_text = required("d")?.to_owned();
    let requested_at = date::rfc3339(&requested_at_text).ok_or(Malformed("d"))?;
    let server_hint = required("sh")?.to_owned();
    // Not `None` on a wrong type: without a linking id there are no details to wait for.
    let consent_id = member::optional_text(keys, "txlnkid").map_err(|_| Malformed("txlnkid"))?;
    Ok(Push {
        enrollment,
        transaction_token: Secret::new(token.to_owned()),
        challenge,
        requested_at,
        requested_at_text,
        source: origin(keys.get("s")),
        location: origin(keys.get("l")),
        consent_id: consent_id.map(str::to_owned),
        server_hint,
    })
}

/// An object, or an object as JSON text. Only for display, so nothing here can make a push fail.
fn origin(value: Option<&Value>) -> Option<Value> {
    match value? {
        object @ Value::Object(_) => Some(object.clone()),
        Value::String(text) => json::read(text.as_bytes(), Limits::PUSH)
            .ok()
            .filter(|parsed| parsed.as_object().is_some()),
        _ => None,
    }
}
