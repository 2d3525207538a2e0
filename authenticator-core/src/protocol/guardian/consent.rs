//! Consents: fetched with a proof of possession (RFC 9449 under another name), read tolerantly.

use super::errors::{self, Call};
use super::{date, http, member, seconds, url};
use crate::clock::uuid;
use crate::error::Result;
use crate::jose::{self, Signer};
use crate::json::{self, Limits, Number, ReadError, Value};
use crate::protocol::{ConsentAnswer, Identity, Push, Wire};
use crate::transport::{HttpRequest, HttpResponse};

/// Name of the authorization scheme and of the proof header alike.
const SCHEME: &str = "MFA-DPoP";
/// Ids with this prefix name consents that the server has stored; others may name nothing.
const STORED: &str = "cns_";

/// `None` when the push names no consent.
pub(super) fn request(
    wire: &Wire<'_>,
    identity: &Identity,
    signer: &dyn Signer,
    push: &Push,
) -> Result<Option<HttpRequest>> {
    let Some(id) = &push.consent_id else {
        return Ok(None);
    };
    let url = url::consent(&identity.base_url, id)?;
    let token = push.transaction_token.expose();
    let call = http::Call {
        method: "GET",
        authorization: format!("{SCHEME} {token}"),
        proof: Some((SCHEME, proof(wire, signer, &url, token)?)),
        url,
        body: None,
        max_answer: http::CONSENT_ANSWER,
    };
    http::request(wire, call).map(Some)
}

/// RFC 9449 §4.2: `htu` is byte for byte the URL that is requested; a new `jti` for every attempt.
fn proof(wire: &Wire<'_>, signer: &dyn Signer, url: &str, token: &str) -> Result<String> {
    let header = json::object([
        ("alg", jose::alg(signer.jwk()).into()),
        ("typ", "dpop+jwt".into()),
        ("jwk", super::jwk(wire, signer.jwk())),
    ]);
    let token_hash = jose::base64url(&jose::sha256(token.as_bytes()));
    let claims = json::object([
        ("htu", url.into()),
        ("htm", "GET".into()),
        ("ath", token_hash.into()),
        ("jti", uuid(wire.entropy).into()),
        ("iat", seconds(wire).into()),
    ]);
    jose::sign_compact(signer, &header, &claims)
}

pub(super) fn answer(push: &Push, answer: &HttpResponse) -> ConsentAnswer {
    let asked = push.consent_id.as_deref().unwrap_or_default();
    if !errors::is_success(answer) {
        return refused(asked, answer);
    }
    let invalid = |reason: &str| ConsentAnswer::Invalid {
        reason: reason.to_owned(),
    };
    let body = match json::read(&answer.body, Limits::BODY) {
        Ok(body) if body.as_object().is_some() => body,
        Ok(_) => return invalid("not_an_object"),
        Err(error) => return invalid(reason(&error)),
    };
    match member::required_text(&body, "id") {
        None => invalid("missing id"),
        Some(id) if id != asked => invalid("other id"),
        Some(_) => ConsentAnswer::Body(body),
    }
}

/// A code with a meaning of its own (unknown tenant, removed enrollment) says nothing about the consent,
/// and must not open the way to an approval without details.
fn refused(asked: &str, answer: &HttpResponse) -> ConsentAnswer {
    let refusal = errors::refusal(answer, Call::Consent);
    let (documented, not_found) = match refusal.code.as_deref() {
        Some(code) => (errors::is_documented(code), code.contains("not_found")),
        None => (false, false),
    };
    if !documented && (refusal.status == 404 || not_found) {
        return ConsentAnswer::NotFound {
            details_existed: asked.starts_with(STORED),
        };
    }
    ConsentAnswer::Refused(refusal)
}

fn reason(error: &ReadError) -> &'static str {
    match error {
        ReadError::TooLarge => "too_large",
        ReadError::TooDeep => "too_deep",
        ReadError::NotUtf8 => "not_utf8",
        ReadError::DuplicateName { .. } => "duplicate_member",
        ReadError::LoneSurrogate { .. } => "lone_surrogate",
        ReadError::Syntax { .. } | ReadError::TrailingBytes { .. } => "not_json",
    }
}

/// Checks the members that matter and says when the consent ends, where it says so.
/// The error is the JSON pointer of the member that is missing or wrong.
pub(super) fn expiry(body: &Value) -> std::result::Result<Option<i64>, String> {
    member::required_text(body, "id").ok_or("/id")?;
    let details = body
        .get("requested_details")
        .filter(|details| details.as_object().is_some())
        .ok_or("/requested_details")?;
    for name in ["audience", "binding_message"] {
        member::optional_text(details, name).map_err(|_| format!("{DETAILS}/{name}"))?;
    }
    // An array, or one text with spaces between the scopes (RFC 6749 §3.3).
    items(details, "scope", |item| item.as_str().is_some(), true)?;
    items(
        details,
        "authorization_details",
        |item| item.as_object().is_some(),
        false,
    )?;
    Ok(timestamp(member::present(body, "expires_at")).ok_or("/expires_at")?)
}

const DETAILS: &str = "/requested_details";

/// An array (or, where allowed, a text) may be absent; all its items must be of the right kind.
fn items(
    details: &Value,
    name: &str,
    right: fn(&Value) -> bool,
    or_text: bool,
) -> std::result::Result<(), String> {
    let Some(value) = member::present(details, name) else {
        return Ok(());
    };
    if or_text && value.as_str().is_some() {
        return Ok(());
    }
    let items = value
        .as_array()
        .ok_or_else(|| format!("{DETAILS}/{name}"))?;
    match items.iter().position(|item| !right(item)) {
        Some(place) => Err(format!("{DETAILS}/{name}/{place}")),
        None => Ok(()),
    }
}

/// RFC 3339 text or epoch seconds. The outer `None` is a value that is neither.
fn timestamp(value: Option<&Value>) -> Option<Option<i64>> {
    match value {
        None => Some(None),
        Some(Value::String(text)) => date::rfc3339(text).map(Some),
        Some(Value::Number(number)) => epoch_seconds(number).map(Some),
        Some(_) => None,
    }
}

/// Up to the year 9999, so that milliseconds are not taken for seconds.
fn epoch_seconds(number: &Number) -> Option<i64> {
    const YEAR_10000: f64 = 253_402_300_800.0;
    let seconds = number.as_f64();
    (0.0..YEAR_10000)
        .contains(&seconds)
        .then(|| (seconds * 1000.0).floor() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::guardian::vectors::example_push;
    use crate::transport::HttpResponse;

    fn answered(id: &str, status: u16, body: &str) -> ConsentAnswer {
        let mut push = example_push();
        push.consent_id = Some(id.to_owned());
        let response = HttpResponse {
            status,
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        };
        answer(&push, &response)
    }

    #[test]
    fn a_missing_consent_blocks_only_where_details_must_have_existed() {
        for (id, existed) in [
            ("cns_0123456789abcdefghijkl", true),
            ("cns_", true),
            ("6f9619ff-8b86-4d01-b42d-00cf4fc964ff", false),
        ] {
            for (status, body) in [
                (404, ""),
                (404, "<html>"),
                (404, r#"{"errorCode":"consent_not_found"}"#),
                (400, r#"{"errorCode":"rich_consent_not_found"}"#),
            ] {
                match answered(id, status, body) {
                    ConsentAnswer::NotFound { details_existed } => {
                        assert_eq!(details_existed, existed, "{id} {body}");
                    }
                    _ => panic!("{id} {status} {body}"),
                }
            }
        }
    }

    #[test]
    fn a_not_found_about_something_else_never_means_that_there_are_no_details() {
        for code in [
            "tenant_not_found",
            "enrollment_not_found",
            "device_account_not_found",
            "login_transaction_not_found",
        ] {
            let body = format!(r#"{{"errorCode":"{code}"}}"#);
            let answer = answered("an-application-id", 404, &body);
            assert!(matches!(answer, ConsentAnswer::Refused(_)), "{code}");
        }
    }

    #[test]
    fn a_redirect_is_a_refusal() {
        for status in [301, 302, 307, 308] {
            let answer = answered("cns_1", status, r#"{"id":"cns_1"}"#);
            assert!(matches!(answer, ConsentAnswer::Refused(_)), "{status}");
        }
    }

    #[test]
    fn an_unreadable_consent_says_why() {
        for (body, expected) in [
            ("", "not_json"),
            ("{}x", "not_json"),
            ("[]", "not_an_object"),
            ("{}", "missing id"),
            (r#"{"id":7}"#, "missing id"),
            (r#"{"id":"cns_2"}"#, "other id"),
            (r#"{"id":"cns_1","id":"cns_1"}"#, "duplicate_member"),
            (r#"{"id":"cns_1","a":"\ud800"}"#, "lone_surrogate"),
        ] {
            match answered("cns_1", 200, body) {
                ConsentAnswer::Invalid { reason } => assert_eq!(reason, expected, "{body}"),
                _ => panic!("{body}"),
            }
        }
    }
}
