//! The vectors of the dialect: addresses, answers, pushes, and what the device signs.

use super::{Guardian, consent, enroll, errors, push, url};
use crate::clock::Entropy;
use crate::error::{ErrorClass, Result};
use crate::jose::test_key::TestKey;
use crate::jose::{self, Signer};
use crate::json::{self, Value, object};
use crate::protocol::{Dialect, Identity, Push, PushPayload, Verdict, Wire};
use crate::secret::Secret;
use crate::transport::{HttpHeader, HttpRequest, HttpResponse};
use crate::vectors::{Outcome, Refused, number, optional, optional_text, text};

pub(crate) fn run(file: &str, input: &Value) -> Option<Outcome> {
    Some(match file {
        "base_url.json" => base_url(input).into(),
        "claims.json" => claims(input).into(),
        "consent_body.json" => consent_body(input),
        "consent_url.json" => consent_url(input).into(),
        "enroll_answer.json" => enroll_answer(input).into(),
        "error_bodies.json" => error_body(input),
        "push_apns.json" | "push_fcm.json" => payload(input),
        _ => return None,
    })
}

fn base_url(input: &Value) -> Result<Value> {
    let cleartext = input
        .get("allow_loopback_cleartext")
        .and_then(Value::as_bool);
    Ok(url::base(text(input, "address"), cleartext.unwrap_or_default())?.into())
}

fn consent_url(input: &Value) -> Result<Value> {
    let base = url::base(text(input, "address"), true)?;
    let url = match optional_text(input, "consent_id") {
        None => url::consents(&base)?,
        Some(id) => url::consent(&base, id)?,
    };
    Ok(url.into())
}

fn consent_body(input: &Value) -> Outcome {
    match consent::expiry(input) {
        Ok(ends) => Outcome::Gives(object([(
            "expires_at",
            ends.map_or(Value::Null, Value::from),
        )])),
        Err(member) => Outcome::Refuses(Refused::new("answer_invalid", member)),
    }
}

fn enroll_answer(input: &Value) -> Result<Value> {
    let output = enroll::answer(&response(input))?;
    let code = output.totp.map(|totp| totp.at(59_000).code);
    let exposed =
        |secret: &Option<Secret>| optional(secret.as_ref().map(|secret| secret.expose().as_str()));
    Ok(object([
        ("id", output.enrollment.into()),
        ("user_id", output.user.into()),
        ("issuer", optional(output.issuer.as_deref())),
        ("recovery_code", exposed(&output.recovery_code)),
        ("code_at_59", exposed(&code)),
        (
            "totp_error",
            optional(output.totp_error.as_ref().map(|error| error.message())),
        ),
    ]))
}

fn error_body(input: &Value) -> Outcome {
    let answer = response(input);
    let call = match text(input, "call") {
        "enroll" => errors::Call::Enroll,
        "device" => errors::Call::Device,
        "consent" => errors::Call::Consent,
        "answer" => errors::Call::Answer,
        other => panic!("unknown call {other}"),
    };
    let refusal = errors::refusal(&answer, call);
    let error = match (call, enroll::answer(&answer)) {
        (errors::Call::Enroll, Err(error)) => error,
        _ => refusal.clone().into_error("the server refused"),
    };
    assert_eq!(error.status(), Some(answer.status));
    assert_eq!(error.server_code(), refusal.code.as_deref());
    assert_eq!(error.class(), refusal.class);
    let number = |number: Option<i64>| number.map_or(Value::Null, Value::from);
    Outcome::Gives(object([
        ("server_code", optional(refusal.code.as_deref())),
        ("class", class(refusal.class).into()),
        ("clock_suspect", refusal.clock_suspect.into()),
        ("retry_after", number(refusal.retry_after.map(i64::from))),
        ("date", number(refusal.date)),
        ("error", error.code().as_str().into()),
    ]))
}

fn class(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Retry => "retry",
        ErrorClass::ReEnroll => "re_enroll",
        ErrorClass::AskUser => "ask_user",
        ErrorClass::Final => "final",
        ErrorClass::Configuration => "configuration",
        ErrorClass::Bug => "bug",
    }
}

fn payload(input: &Value) -> Outcome {
    let push = match push::read(input) {
        PushPayload::NotOurs => return Outcome::Refuses(Refused::new("push_not_ours", "")),
        PushPayload::Malformed { member } => {
            return Outcome::Refuses(Refused::new("push_malformed", member));
        }
        PushPayload::Push(push) => push,
    };
    let token = push.transaction_token.expose().as_str();
    Outcome::Gives(object([
        ("enrollment", push.enrollment.as_str().into()),
        ("transaction_token", token.into()),
        ("challenge", push.challenge.as_str().into()),
        ("requested_at", push.requested_at.into()),
        ("requested_at_text", push.requested_at_text.as_str().into()),
        ("source", push.source.clone().unwrap_or(Value::Null)),
        ("location", push.location.clone().unwrap_or(Value::Null)),
        ("consent_id", optional(push.consent_id.as_deref())),
        ("server_hint", push.server_hint.as_str().into()),
    ]))
}

/// What the device signs with the published test key: the claims as text, and the whole token.
fn claims(input: &Value) -> Result<Value> {
    let token = token(input)?;
    let signer = TestKey::published();
    assert!(jose::verify_compact(signer.jwk(), &token).is_some());
    let claims = token.split('.').nth(1).and_then(jose::from_base64url);
    let claims = String::from_utf8(claims.expect("claims")).expect("text");
    Ok(object([("claims", claims.into()), ("jwt", token.into())]))
}

fn token(input: &Value) -> Result<String> {
    let signer = TestKey::published();
    let member = |name: &str| optional_text(input, name).unwrap_or_default().to_owned();
    let identity = Identity {
        base_url: Guardian.base_url(text(input, "server"), false)?,
        enrollment: member("enrollment"),
        user: member("user"),
        identifier: member("identifier"),
    };
    let push = Push {
        challenge: member("challenge"),
        transaction_token: Secret::new(member("transaction_token")),
        consent_id: optional_text(input, "consent_id").map(str::to_owned),
        ..example_push()
    };
    let wire = Wire {
        now: number(input, "now").expect("now"),
        ..wire()
    };
    match text(input, "token") {
        "answer" => {
            let approve = input.get("approve").and_then(Value::as_bool);
            let verdict = Verdict {
                approve: approve.expect("approve"),
                reason: optional_text(input, "reason").map(str::to_owned),
                consent_claim: input.get("consent_claim").cloned(),
            };
            let answer = Guardian.answer_request(&wire, &identity, &signer, &push, &verdict)?;
            let body = format!(r#"{{"challenge_response":"{}"}}"#, answer.jwt);
            assert_eq!(answer.request.body, Some(body.into_bytes()));
            Ok(answer.jwt)
        }
        "device" => {
            let request = Guardian.unenroll_request(&wire, &identity, &signer)?;
            Ok(header(&request, "Authorization").replace("Bearer ", ""))
        }
        "consent_proof" => {
            let request = Guardian.consent_request(&wire, &identity, &signer, &push)?;
            Ok(header(&request.expect("a request"), "MFA-DPoP").to_owned())
        }
        other => panic!("unknown token {other}"),
    }
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    let mut all = request.headers.iter();
    &all.find(|h| h.name == name).expect("the header").value
}

/// `{"status", "headers", "body"}`, where the body is JSON or the text to send as it is.
fn response(input: &Value) -> HttpResponse {
    let headers = input.get("headers").and_then(Value::as_object);
    HttpResponse {
        status: u16::try_from(number(input, "status").expect("status")).expect("a status"),
        headers: headers
            .unwrap_or_default()
            .iter()
            .map(|(name, value)| HttpHeader {
                name: name.clone(),
                value: value.as_str().expect("text").to_owned(),
            })
            .collect(),
        body: match input.get("body") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(text)) => text.clone().into_bytes(),
            Some(body) => json::write(body).into_bytes(),
        },
    }
}

/// Gives the bytes of 6f9619ff-8b86-4d01-b42d-00cf4fc964ff without the bits that mark a version 4 UUID.
struct FixedEntropy;

impl Entropy for FixedEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let uuid = *b"\x6f\x96\x19\xff\x8b\x86\xfd\x01\x34\x2d\x00\xcf\x4f\xc9\x64\xff";
        bytes.copy_from_slice(&uuid);
    }
}

/// At 2026-01-15T10:30:00.999Z: milliseconds must not reach the JWTs.
pub(super) fn wire() -> Wire<'static> {
    Wire {
        now: 1_768_473_000_999,
        entropy: &FixedEntropy,
        client: "eyJuYW1lIjoidGVzdCJ9",
        locale: "en-US",
        signed_modulus: false,
    }
}

pub(super) fn example_push() -> Push {
    Push {
        enrollment: "dev_ztQmUOx5Z3zeRi8t".into(),
        transaction_token: Secret::new("aValidTransactionToken".into()),
        challenge: "Q2hhbGxlbmdlLTAwMQ".into(),
        requested_at: 1_768_473_000_000,
        requested_at_text: "2026-01-15T10:30:00.000Z".into(),
        source: None,
        location: None,
        consent_id: Some("cns_0123456789abcdefghijkl".into()),
        server_hint: "bank-dev.eu.auth0.com".into(),
    }
}
