//! Enrolment of a device with the ticket from an invitation.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use rand::seq::IndexedRandom as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::DeviceError;
use crate::engine::Engine;
use crate::jose::DeviceKey;
use crate::server::Called;
use crate::state::{Enrollment, PushCredentials, Ticket, TicketKind, User};
use crate::text::{random_token, sha256_b64};

const MAX_TEXT: usize = 512;
const MAX_PUSH_TOKEN: usize = 4096;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

#[derive(Deserialize)]
struct Body {
    identifier: String,
    name: String,
    push_credentials: Option<Credentials>,
    public_key: Value,
}

/// Push credentials as devices send them.
#[derive(Deserialize)]
pub(super) struct Credentials {
    service: String,
    token: String,
}

impl Credentials {
    pub(super) fn check(self) -> Result<PushCredentials, DeviceError> {
        let known = matches!(self.service.as_str(), "APNS" | "GCM");
        if !known || self.token.is_empty() || self.token.len() > MAX_PUSH_TOKEN {
            return Err(DeviceError::INVALID_BODY);
        }
        Ok(PushCredentials {
            service: self.service,
            token: self.token,
        })
    }
}

/// A device's name or identifier: some text, not endless.
pub(super) fn text_ok(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT
}

pub(super) async fn enroll(
    State(engine): State<Arc<Engine>>,
    Extension(called): Extension<Called>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, DeviceError> {
    let ticket = ticket(&headers).ok_or(DeviceError::INVALID_TOKEN)?;
    let body: Body = serde_json::from_slice(&body).map_err(|_| DeviceError::INVALID_BODY)?;
    if !text_ok(&body.identifier) || !text_ok(&body.name) {
        return Err(DeviceError::INVALID_BODY);
    }
    let key = DeviceKey::from_jwk(&body.public_key, engine.options.allow_es256)
        .ok_or(DeviceError::INVALID_BODY)?;
    let push = body.push_credentials.map(Credentials::check).transpose()?;

    let device_token = random_token(48);
    let device = engine.db.write(|tx| {
        let live = engine
            .live_ticket(tx, ticket, TicketKind::Device)?
            .ok_or(DeviceError::TICKET_GONE)?;
        let user = tx
            .get::<User>(&live.user_id)?
            .filter(|user| !user.blocked)
            .ok_or(DeviceError::TICKET_GONE)?;
        let known = tx.of::<Enrollment>(&user.user_id)?;
        if known
            .iter()
            .any(|other| other.identifier == body.identifier || other.key == key)
        {
            return Err(DeviceError::ENROLLMENT_CONFLICT);
        }
        if let Some(page) = &live.parent {
            let mut page = tx
                .get::<Ticket>(page)?
                .filter(|page| !page.used)
                .ok_or(DeviceError::TICKET_GONE)?;
            page.used = true;
            tx.put(&page)?;
        }
        let device = Enrollment {
            id: live.enrollment_id.clone(),
            user_id: user.user_id,
            identifier: body.identifier,
            name: body.name,
            key,
            push,
            token_hash: sha256_b64(&device_token),
            totp_secret: engine.options.totp.then(totp_seed),
            enrolled_ms: engine.now_ms(),
            last_auth_ms: None,
            approval_key: None,
            other_approval_key: None,
        };
        tx.put(&Ticket { used: true, ..live })?;
        tx.put(&device)?;
        Ok(device)
    })?;

    let mut answer = json!({
        "id": device.id,
        "url": called.base,
        "issuer": engine.options.tenant_name,
        "user_id": device.user_id,
        "token": device_token,
    });
    if let Some(secret) = device.totp_secret {
        answer["totp"] =
            json!({ "secret": secret, "algorithm": "sha1", "digits": 6, "period": 30 });
    }
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// `Ticket id="…"`.
fn ticket(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    let ticket = rest.trim().strip_prefix("id=\"")?.strip_suffix('"')?;
    (scheme.eq_ignore_ascii_case("ticket") && !ticket.is_empty() && !ticket.contains('"'))
        .then_some(ticket)
}

/// 160 bits as Base32 text.
fn totp_seed() -> String {
    let mut random = rand::rng();
    let letters = (0..32).filter_map(|_| BASE32.choose(&mut random));
    letters.map(|letter| char::from(*letter)).collect()
}
