//! The answer to a challenge: a JWT over the decision, and what the server says to it.

use super::errors::{self, Call};
use super::{http, jwt, seconds};
use crate::error::{ErrorClass, Result};
use crate::jose::Signer;
use crate::json::{self, Value};
use crate::protocol::{AnswerOutcome, Identity, Push, SignedAnswer, Verdict, Wire};
use crate::transport::HttpResponse;

const LIFETIME_SECONDS: i64 = 30;
const CONSENT_CLAIM: &str = "urn:authenticator-core:consent";

/// To be built immediately before it is sent: the JWT lives half a minute.
pub(super) fn request(
    wire: &Wire<'_>,
    identity: &Identity,
    signer: &dyn Signer,
    push: &Push,
    verdict: &Verdict,
) -> Result<SignedAnswer> {
    let url = format!("{}/api/resolve-transaction", identity.base_url);
    let jwt = jwt(signer, &claims(wire, identity, push, verdict, &url))?;
    let body = json::object([("challenge_response", jwt.as_str().into())]);
    let request = http::request(
        wire,
        http::Call {
            method: "POST",
            url,
            authorization: format!("Bearer {}", push.transaction_token.expose()),
            proof: None,
            body: Some(&body),
            max_answer: http::SMALL_ANSWER,
        },
    )?;
    Ok(SignedAnswer { request, jwt })
}

/// `iss` is the identifier that the device sent at enrolment, not the id that the server gave it.
fn claims(
    wire: &Wire<'_>,
    identity: &Identity,
    push: &Push,
    verdict: &Verdict,
    url: &str,
) -> Value {
    let now = seconds(wire);
    let mut claims: Vec<(String, Value)> = [
        ("iss", identity.identifier.as_str().into()),
        ("sub", push.challenge.as_str().into()),
        ("aud", url.into()),
        ("iat", now.into()),
        ("exp", (now + LIFETIME_SECONDS).into()),
        ("auth0_guardian_method", "push".into()),
        ("auth0_guardian_accepted", verdict.approve.into()),
    ]
    .map(|(name, value): (&str, Value)| (name.to_owned(), value))
    .into();
    if let Some(reason) = &verdict.reason
        && !verdict.approve
        && !reason.is_empty()
    {
        claims.push(("auth0_guardian_reason".to_owned(), reason.as_str().into()));
    }
    if let Some(claim) = &verdict.consent_claim {
        claims.push((CONSENT_CLAIM.to_owned(), claim.clone()));
    }
    Value::Object(claims)
}

/// The reverse of [`claims`].
pub(super) fn read(claims: &Value) -> Option<(String, Verdict)> {
    let challenge = claims.get("sub")?.as_str()?.to_owned();
    let verdict = Verdict {
        approve: claims.get("auth0_guardian_accepted")?.as_bool()?,
        reason: match claims.get("auth0_guardian_reason") {
            Some(reason) => Some(reason.as_str()?.to_owned()),
            None => None,
        },
        consent_claim: claims.get(CONSENT_CLAIM).cloned(),
    };
    Some((challenge, verdict))
}

pub(super) fn outcome(answer: &HttpResponse) -> AnswerOutcome {
    if errors::is_success(answer) {
        return AnswerOutcome::Accepted;
    }
    let refusal = errors::refusal(answer, Call::Answer);
    match refusal.code.as_deref() {
        Some("login_transaction_not_found" | "transaction_expired") => AnswerOutcome::Gone(refusal),
        _ if refusal.clock_suspect => AnswerOutcome::ClockSuspect(refusal),
        _ if refusal.class == ErrorClass::Retry => AnswerOutcome::Retry(refusal),
        _ => AnswerOutcome::Refused(refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome_of(status: u16, code: Option<&str>) -> &'static str {
        let body = code.map_or(String::new(), |code| format!(r#"{{"errorCode":"{code}"}}"#));
        let answer = HttpResponse {
            status,
            headers: Vec::new(),
            body: body.into_bytes(),
        };
        match outcome(&answer) {
            AnswerOutcome::Accepted => "accepted",
            AnswerOutcome::Gone(_) => "gone",
            AnswerOutcome::Refused(_) => "refused",
            AnswerOutcome::ClockSuspect(_) => "clock suspect",
            AnswerOutcome::Retry(_) => "retry",
        }
    }

    #[test]
    fn each_answer_of_the_server_has_one_outcome() {
        for (status, code, expected) in [
            (200, None, "accepted"),
            (204, None, "accepted"),
            (302, None, "refused"),
            (307, None, "refused"),
            (400, Some("invalid_body"), "refused"),
            (400, None, "refused"),
            (401, None, "clock suspect"),
            (401, Some("invalid_token"), "clock suspect"),
            (404, Some("invalid_token"), "clock suspect"),
            (401, Some("invalid_challenge"), "clock suspect"),
            (401, Some("insufficient_scope"), "refused"),
            (404, Some("login_transaction_not_found"), "gone"),
            (401, Some("login_transaction_not_found"), "gone"),
            (410, Some("transaction_expired"), "gone"),
            (404, Some("device_account_not_found"), "refused"),
            (404, None, "refused"),
            (408, None, "retry"),
            (429, None, "retry"),
            (500, None, "retry"),
            (503, Some("something_new"), "retry"),
        ] {
            assert_eq!(outcome_of(status, code), expected, "{status} {code:?}");
        }
    }
}
