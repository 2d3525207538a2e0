//! `/api/v2/guardian`: enrolment tickets and enrolments.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::Json;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ApiError;
use super::error::read as body_of;
use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::server::Called;
use crate::state::{Enrollment, Ticket, TicketKind, User};

const FACTORS: [&str; 7] = [
    "push-notification",
    "phone",
    "email",
    "otp",
    "webauthn-roaming",
    "webauthn-platform",
    "oob",
];

#[derive(Deserialize)]
struct TicketBody {
    user_id: String,
    email: Option<String>,
    /// Two spellings and two types are in use.
    #[serde(alias = "send_email")]
    send_mail: Option<Value>,
    factor: Option<String>,
    allow_multiple_enrollments: Option<Value>,
}

/// A bool, or the text of one.
fn flag(value: Option<&Value>) -> Result<bool, ApiError> {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => Ok(false),
        Some(Value::Bool(true)) => Ok(true),
        Some(Value::String(text)) if text == "true" => Ok(true),
        Some(Value::String(text)) if text == "false" => Ok(false),
        Some(_) => Err(ApiError::body("A member must be true or false")),
    }
}

pub(super) async fn ticket(
    State(engine): State<Arc<Engine>>,
    Extension(called): Extension<Called>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let body: TicketBody = body_of(&body)?;
    // No mail leaves the sandbox yet; the member is checked all the same.
    flag(body.send_mail.as_ref())?;
    let several = flag(body.allow_multiple_enrollments.as_ref())?;
    if body
        .factor
        .as_ref()
        .is_some_and(|factor| !FACTORS.contains(&factor.as_str()))
    {
        return Err(ApiError::body("factor is unknown"));
    }
    if body.email.is_some() && (body.factor.is_some() || several) {
        return Err(ApiError::body(
            "email cannot be combined with factor or allow_multiple_enrollments",
        ));
    }
    let ticket = engine.db.write(|tx| {
        let user: User = tx.get(&body.user_id)?.ok_or(ApiError::NOT_FOUND)?;
        engine.page_ticket(tx, &user).map_err(ApiError::from)
    })?;
    let url = format!("{}/guardian/enroll?ticket={ticket}", called.link_base);
    Ok(Json(json!({ "ticket_id": ticket, "ticket_url": url })))
}

fn view(device: &Enrollment) -> Value {
    json!({
        "id": device.id,
        "status": "confirmed",
        "name": device.name,
        "identifier": device.identifier,
        "type": "pn",
        "enrolled_at": rfc3339(device.enrolled_ms),
        "last_auth": device.last_auth_ms.map(rfc3339),
    })
}

pub(super) async fn of_user(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let devices = engine.db.write(|tx| {
        tx.get::<User>(&id)?.ok_or(ApiError::NOT_FOUND)?;
        tx.of::<Enrollment>(&id).map_err(ApiError::from)
    })?;
    Ok(Json(devices.iter().map(view).collect()))
}

/// An open invitation shows as a pending enrolment.
pub(super) async fn read(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let now = engine.now_ms();
    engine.db.write(|tx| {
        if let Some(device) = tx.get::<Enrollment>(&id)? {
            return Ok(Json(view(&device)));
        }
        let open = |ticket: &Ticket| {
            ticket.enrollment_id == id
                && ticket.kind == TicketKind::Device
                && !ticket.used
                && ticket.expires_ms > now
        };
        match tx.all::<Ticket>()?.iter().any(open) {
            true => Ok(Json(json!({ "id": id, "status": "pending" }))),
            false => Err(ApiError::NOT_FOUND),
        }
    })
}

pub(super) async fn remove(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    match engine
        .db
        .write(|tx| engine.delete_enrollment(tx, &id).map_err(ApiError::from))?
    {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(ApiError::NOT_FOUND),
    }
}
