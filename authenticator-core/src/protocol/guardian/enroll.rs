//! Enrolment: the ticket of an invitation, exchanged for a device account.

use super::errors::{self, Call};
use super::{http, member, push, url};
use crate::error::{Error, ErrorClass, ErrorCode, Result};
use crate::json::{self, Limits, Value};
use crate::otp::Totp;
use crate::protocol::{EnrollInput, EnrollOutput, Refusal, Wire};
use crate::secret::Secret;
use crate::transport::{HttpRequest, HttpResponse};

pub(super) fn request(wire: &Wire<'_>, input: &EnrollInput<'_>) -> Result<HttpRequest> {
    // The value stands in quotes in the header and has no escapes there.
    if !http::is_token(input.ticket) || input.ticket.contains(['"', '\\']) {
        return Err(Error::new(
            ErrorCode::InvitationMalformed,
            "the ticket holds characters that cannot be sent",
        ));
    }
    let mut body = vec![
        ("identifier".to_owned(), input.identifier.into()),
        ("name".to_owned(), input.device_name.into()),
    ];
    if let Some(token) = input.push {
        body.push(("push_credentials".to_owned(), push::credentials(token)));
    }
    body.push(("public_key".to_owned(), super::jwk(wire, input.key)));
    http::request(
        wire,
        http::Call {
            method: "POST",
            url: format!("{}/api/enroll", input.base_url),
            authorization: format!("Ticket id=\"{}\"", input.ticket),
            proof: None,
            body: Some(&Value::Object(body)),
            max_answer: http::SMALL_ANSWER,
        },
    )
}

pub(super) fn answer(answer: &HttpResponse) -> Result<EnrollOutput> {
    if !errors::is_success(answer) {
        return Err(refused(errors::refusal(answer, Call::Enroll)));
    }
    let body = json::read(&answer.body, Limits::BODY)
        .ok()
        .filter(|body| body.as_object().is_some())
        .ok_or_else(|| invalid("the enrolment answer is not a JSON object"))?;
    let enrollment = required(&body, "id")?;
    // It becomes a path segment, and stands in lists and logs.
    if url::segment(&enrollment).is_none()
        || !enrollment.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(invalid("id of the enrolment answer cannot be used"));
    }
    let (totp, totp_error) = match totp(&body) {
        Ok(totp) => (totp, None),
        Err(error) => (None, Some(error)),
    };
    Ok(EnrollOutput {
        enrollment,
        user: required(&body, "user_id")?,
        issuer: optional(&body, "issuer")?,
        totp,
        totp_error,
        recovery_code: optional(&body, "recovery_code")?.map(Secret::new),
    })
}

/// Absent members have the defaults of the key URI format.
fn totp(body: &Value) -> Result<Option<Totp>> {
    let Some(totp) = member::present(body, "totp") else {
        return Ok(None);
    };
    if totp.as_object().is_none() {
        return Err(invalid("totp of the enrolment answer is not an object"));
    }
    let secret = Secret::new(required(totp, "secret")?);
    let algorithm = optional(totp, "algorithm")?;
    Totp::new(
        secret.expose(),
        algorithm.as_deref().unwrap_or("sha1"),
        integer(totp, "digits", 6)?,
        integer(totp, "period", 30)?,
    )
    .map(Some)
}

/// A number, or a number as text.
fn integer(object: &Value, name: &str, default: i64) -> Result<i64> {
    let Some(value) = member::present(object, name) else {
        return Ok(default);
    };
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
    .ok_or_else(|| {
        invalid(&format!(
            "totp.{name} of the enrolment answer is not an integer"
        ))
    })
}

fn required(object: &Value, name: &str) -> Result<String> {
    member::required_text(object, name)
        .map(str::to_owned)
        .ok_or_else(|| invalid(&format!("the enrolment answer lacks {name}")))
}

fn optional(object: &Value, name: &str) -> Result<Option<String>> {
    member::optional_text(object, name)
        .map(|text| text.map(str::to_owned))
        .map_err(|_| invalid(&format!("{name} of the enrolment answer is not text")))
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorCode::AnswerInvalid, what)
}

/// A dead ticket is reported by code, or by 401, 403 or 404 with a code that says nothing else.
fn refused(refusal: Refusal) -> Error {
    let about_ticket = refusal.class == ErrorClass::AskUser
        && (matches!(refusal.status, 401 | 403 | 404)
            || refusal.code.as_deref() == Some("invalid_token"));
    let error = refusal.clone().into_error("the server refused to enrol");
    if about_ticket && error.code() == ErrorCode::ServerRefused {
        return Error::new(
            ErrorCode::InvitationExpired,
            "the server does not know this code: it was used, or is older than five minutes; ask for a new one",
        )
        .with_server(refusal.status, refusal.code);
    }
    error
}
