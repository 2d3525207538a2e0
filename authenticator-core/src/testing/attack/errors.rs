//! Answers of a server: refusals, and the successes of enrolment.

use super::spelling::{reversed, spelled_out};
use crate::core::dialects;
use crate::error::{Error, ErrorCode};
use crate::json::{Limits, Value, object, read, write};
use crate::protocol::{Answer, AnswerOutcome, ConsentAnswer, Dialect, Push, Refusal};
use crate::transport::{HttpHeader, HttpResponse};

/// Longest wait that a server may ask for.
const LONGEST_WAIT: u32 = 24 * 60 * 60;
const LONGEST_BODY: usize = 64 * 1024;

/// The first two bytes are the status, two lines of headers (`Retry-After`, `Date`) and the body follow.
///
/// Each call ends in success, a refusal that keeps status and code, or a typed error. None counts as accepted without a
/// 2xx status. Of a refusal nothing but the server's code counts, so that none of its texts can reach an error or a log. A
/// body reads the same however it is spelled.
pub fn errors(data: &[u8]) -> bool {
    let Some(answer) = answer(data) else {
        return false;
    };
    let body = read(&answer.body, Limits::BODY).ok();
    let with_body = |body: String| HttpResponse {
        body: body.into_bytes(),
        ..answer.clone()
    };
    for (_, dialect) in dialects() {
        let outcomes = check(dialect, &answer);
        // Bodies of refusals are read up to 64 KiB.
        if let Some(body) = &body
            && let text = spelled_out(&reversed(body))
            && text.len() <= LONGEST_BODY
        {
            assert_eq!(outcomes, check(dialect, &with_body(text)), "spelling");
        }
        if !success(&answer) {
            let code = body.as_ref().filter(|_| answer.body.len() <= LONGEST_BODY);
            let code = code.and_then(|body| body.get("errorCode"));
            let code = code.map(|code| write(&object([("errorCode", code.clone())])));
            let alone = check(dialect, &with_body(code.unwrap_or_default()));
            assert_eq!(outcomes, alone, "more than the code counts");
        }
    }
    success(&answer) || body.is_some_and(|body| body.get("errorCode").is_some())
}

fn answer(data: &[u8]) -> Option<HttpResponse> {
    let (status, rest) = data.split_first_chunk::<2>()?;
    let mut parts = rest.splitn(3, |byte| *byte == b'\n');
    let mut header = |name: &str| {
        let value = std::str::from_utf8(parts.next()?).ok()?;
        Some(HttpHeader {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    };
    let headers = vec![header("Retry-After")?, header("Date")?];
    Some(HttpResponse {
        status: 100 + u16::from_le_bytes(*status) % 500,
        headers,
        body: parts.next()?.to_vec(),
    })
}

/// What each call made of it, as text.
fn check(dialect: &dyn Dialect, answer: &HttpResponse) -> Vec<String> {
    let mut outcomes = vec![enroll(dialect, answer)];
    outcomes.push(device(dialect.update_answer(answer), answer, &[]));
    // Nothing left to remove is as good as removed.
    let gone = ["enrollment_not_found", "device_account_not_found"];
    outcomes.push(device(dialect.unenroll_answer(answer), answer, &gone));
    outcomes.push(decision(dialect.answer_outcome(answer), answer));
    for id in ["cns_1", "an-application-id"] {
        outcomes.push(consent(
            dialect.consent_answer(&asked(id), answer),
            id,
            answer,
        ));
    }
    outcomes
}

fn success(answer: &HttpResponse) -> bool {
    (200..300).contains(&answer.status)
}

fn enroll(dialect: &dyn Dialect, answer: &HttpResponse) -> String {
    match dialect.enroll_answer(answer) {
        Ok(output) => {
            assert!(success(answer));
            let id = &output.enrollment;
            assert!(!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic()));
            assert!(!output.user.is_empty());
            if let Some(totp) = &output.totp {
                let code = totp.at(1_768_473_000_000).code;
                assert!(matches!(code.expose().len(), 6..=8));
            }
            "enrolled".to_owned()
        }
        Err(error) => {
            let invalid = matches!(
                error.code(),
                ErrorCode::AnswerInvalid | ErrorCode::ServerRefused
            );
            assert!(!success(answer) || invalid, "{error}");
            assert_eq!(error.status().is_some(), !success(answer), "{error}");
            kept(&error, answer);
            format!("{error:?}")
        }
    }
}

fn device(ended: Answer<()>, answer: &HttpResponse, gone: &[&str]) -> String {
    match ended {
        Ok(()) => {
            let body = read(&answer.body, Limits::BODY).ok();
            let code = body
                .as_ref()
                .and_then(|body| body.get("errorCode")?.as_str());
            let is_gone = answer.status == 404 || code.is_some_and(|code| gone.contains(&code));
            assert!(success(answer) || !gone.is_empty() && is_gone);
            "done".to_owned()
        }
        Err(refusal) => refused(refusal, answer),
    }
}

fn decision(outcome: AnswerOutcome, answer: &HttpResponse) -> String {
    let (name, refusal) = match outcome {
        AnswerOutcome::Accepted => {
            assert!(success(answer), "accepted by {}", answer.status);
            return "accepted".to_owned();
        }
        AnswerOutcome::Gone(refusal) => ("gone", refusal),
        AnswerOutcome::Refused(refusal) => ("refused", refusal),
        AnswerOutcome::ClockSuspect(refusal) => ("clock", refusal),
        AnswerOutcome::Retry(refusal) => ("retry", refusal),
    };
    format!("{name} {}", refused(refusal, answer))
}

fn consent(outcome: ConsentAnswer, id: &str, answer: &HttpResponse) -> String {
    match outcome {
        ConsentAnswer::Body(body) => {
            assert!(success(answer));
            assert!(body.get("id").and_then(Value::as_str) == Some(id));
            "body".to_owned()
        }
        ConsentAnswer::NotFound { details_existed } => {
            assert!(!success(answer));
            assert_eq!(details_existed, id.starts_with("cns_"));
            format!("not found, {details_existed}")
        }
        ConsentAnswer::Refused(refusal) => refused(refusal, answer),
        ConsentAnswer::Invalid { reason } => {
            assert!(success(answer));
            reason
        }
    }
}

fn refused(refusal: Refusal, answer: &HttpResponse) -> String {
    assert!(!success(answer), "{} is no refusal", answer.status);
    assert_eq!(refusal.status, answer.status);
    assert!(refusal.retry_after.is_none_or(|wait| wait <= LONGEST_WAIT));
    if let Some(code) = &refusal.code {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b);
        assert!((1..=64).contains(&code.len()) && code.bytes().all(plain));
    }
    let text = format!("{refusal:?}");
    let error = refusal.into_error("the server refused");
    kept(&error, answer);
    format!("{text} {error:?} {error}")
}

fn kept(error: &Error, answer: &HttpResponse) {
    assert!(error.status().is_none_or(|status| status == answer.status));
    assert!(!error.message().is_empty());
}

fn asked(id: &str) -> Push {
    super::page::push(Some(id))
}
