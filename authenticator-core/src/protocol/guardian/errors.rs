//! Error answers: the server's code decides, then the status. Texts of the server are never kept:
//! they may name people.

use super::date;
use crate::error::ErrorClass;
use crate::json::{self, Limits, Value};
use crate::protocol::Refusal;
use crate::transport::HttpResponse;

/// Longest wait that a server may ask for: one header must not silence a device for years.
const LONGEST_WAIT_SECONDS: i64 = 24 * 60 * 60;
const LONGEST_BODY: usize = 64 * 1024;

/// Which request was refused; some codes mean different things for different requests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Enroll,
    Device,
    Consent,
    Answer,
}

pub(super) fn is_success(answer: &HttpResponse) -> bool {
    (200..300).contains(&answer.status)
}

pub(super) fn refusal(answer: &HttpResponse, call: Call) -> Refusal {
    let code = error_code(&answer.body);
    let documented = code.as_deref().and_then(|code| class_of_code(code, call));
    let date = answer.header("date").and_then(date::http_date);
    Refusal {
        status: answer.status,
        class: documented.unwrap_or_else(|| class_of_status(answer.status, call)),
        retry_after: answer
            .header("retry-after")
            .and_then(|wait| seconds_to_wait(wait, date)),
        date,
        clock_suspect: match (&code, documented) {
            (Some(code), Some(_)) => matches!(
                code.as_str(),
                "invalid_token" | "invalid_challenge" | "invalid_dpop_assertion"
            ),
            _ => matches!(answer.status, 401 | 403),
        },
        code,
    }
}

/// Whether the dialect gives this code a meaning.
pub(super) fn is_documented(code: &str) -> bool {
    class_of_code(code, Call::Consent).is_some()
}

/// `errorCode` under its present name; anything that does not look like a code is dropped.
fn error_code(body: &[u8]) -> Option<String> {
    if body.len() > LONGEST_BODY {
        return None;
    }
    let body = json::read(body, Limits::BODY).ok()?;
    let code = body.get("errorCode").and_then(Value::as_str)?;
    let is_code = (1..=64).contains(&code.len())
        && code
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b));
    is_code.then(|| match code {
        "device_account_conflict" => "enrollment_conflict".to_owned(),
        "device_account_not_found" => "enrollment_not_found".to_owned(),
        code => code.to_owned(),
    })
}

/// Codes for text messages are left to the status: this device never asks for one.
fn class_of_code(code: &str, call: Call) -> Option<ErrorClass> {
    Some(match code {
        "invalid_token" => match call {
            Call::Enroll => ErrorClass::AskUser,
            Call::Device => ErrorClass::ReEnroll,
            Call::Consent | Call::Answer => ErrorClass::Final,
        },
        "enrollment_conflict"
        | "already_enrolled"
        | "enrollment_transaction_not_found"
        | "invalid_otp"
        | "invalid_otp_format"
        | "invalid_recovery_code"
        | "invalid_recovery_code_format" => ErrorClass::AskUser,
        "enrollment_not_found" | "not_enrolled" | "invalid_enrollment" => ErrorClass::ReEnroll,
        "login_transaction_not_found"
        | "transaction_expired"
        | "invalid_challenge"
        | "invalid_dpop_assertion" => ErrorClass::Final,
        "insufficient_scope"
        | "invalid_bearer_format"
        | "invalid_body"
        | "invalid_query_string"
        | "field_required" => ErrorClass::Bug,
        "tenant_not_found"
        | "feature_disabled"
        | "feature_disabled_by_admin"
        | "pn_endpoint_disabled"
        | "enrollment_method_disabled"
        | "auth_method_disabled"
        | "method_not_found"
        | "no_method_available"
        | "error_sending_push_notification"
        | "push_notification_wrong_credentials" => ErrorClass::Configuration,
        "too_many_pn" | "too_many_pn_per_tenant" => ErrorClass::Retry,
        _ => return None,
    })
}

fn class_of_status(status: u16, call: Call) -> ErrorClass {
    match status {
        // The ticket is all that can be wrong with an enrolment.
        401 | 403 | 404 if call == Call::Enroll => ErrorClass::AskUser,
        401 | 403 => ErrorClass::ReEnroll,
        404 if call == Call::Device => ErrorClass::ReEnroll,
        404 | 410 => ErrorClass::Final,
        409 => ErrorClass::AskUser,
        408 | 425 | 429 | 500..=599 => ErrorClass::Retry,
        // A redirect is never followed; it says that the address is not the server's own.
        300..=399 => ErrorClass::Configuration,
        _ => ErrorClass::Bug,
    }
}

/// RFC 9110 §10.2.3: seconds, or a date, which is compared with the server's own clock.
fn seconds_to_wait(text: &str, now: Option<i64>) -> Option<u32> {
    let text = text.trim();
    let seconds = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().unwrap_or(LONGEST_WAIT_SECONDS)
    } else {
        (date::http_date(text)? - now?).div_euclid(1000)
    };
    u32::try_from(seconds.clamp(0, LONGEST_WAIT_SECONDS)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_the_server_reaches_an_error() {
        let body = r#"{"statusCode":400,"error":"ana@example.com","message":"ana@example.com","description":"ana@example.com","errorCode":"Ana@example.com"}"#;
        for call in [Call::Enroll, Call::Device, Call::Consent, Call::Answer] {
            for status in [302, 400, 401, 404, 409, 418, 429, 500] {
                let answer = HttpResponse {
                    status,
                    headers: Vec::new(),
                    body: body.as_bytes().to_vec(),
                };
                let error = refusal(&answer, call).into_error("refused");
                assert!(!format!("{error:?}").contains("na@example"), "{status}");
            }
        }
    }

    #[test]
    fn an_oversized_body_keeps_its_status() {
        let body = format!(r#"{{"pad":"{}","errorCode":"x"}}"#, "x".repeat(70_000));
        let answer = HttpResponse {
            status: 503,
            headers: Vec::new(),
            body: body.into_bytes(),
        };
        let refusal = refusal(&answer, Call::Answer);
        assert_eq!(refusal.code, None);
        assert_eq!(refusal.class, ErrorClass::Retry);
    }
}
