//! Fixtures for the tests of the dialect, and the tests that take more than one of its files.

use proptest::prelude::*;

use super::Guardian;
use super::vectors::{example_push as push, wire};
use crate::jose::Signer;
use crate::jose::test_key::TestKey;
use crate::json::{self, Limits, Value};
use crate::protocol::{
    ConsentAnswer, Dialect, EnrollInput, Identity, PushPayload, PushService, PushToken, Verdict,
    Wire,
};
use crate::secret::Secret;
use crate::transport::{HttpHeader, HttpRequest, HttpResponse};

const BASE: &str = "https://bank-dev.eu.auth0.com/appliance-mfa";

fn identity() -> Identity {
    Identity {
        enrollment: "dev_ztQmUOx5Z3zeRi8t".into(),
        user: "auth0|5fadc2e53f6a96006f998832".into(),
        identifier: "9774d56d682e549c".into(),
        base_url: BASE.into(),
    }
}

fn push_token(service: PushService) -> PushToken {
    PushToken {
        service,
        token: Secret::new("0F1E2D".into()),
    }
}

/// The same value in the core's own type.
fn value(value: &serde_json::Value) -> Value {
    json::read(value.to_string().as_bytes(), Limits::BODY)
        .ok()
        .unwrap()
}

/// A request as text, with each JWT and each secret replaced by its name.
fn dump(request: &HttpRequest) -> String {
    let mut text = format!("{} {}\n", request.method, request.url);
    for header in &request.headers {
        text.push_str(&format!("{}: {}\n", header.name, header.value));
    }
    if let Some(body) = &request.body {
        text.push_str(&format!("\n{}\n", String::from_utf8_lossy(body)));
    }
    text.push_str(&format!(
        "\n{} ms, {} bytes",
        request.timeout_ms, request.max_answer
    ));
    let jwts: Vec<String> = text
        .split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
        .filter(|word| word.split('.').count() == 3 && word.starts_with("eyJ"))
        .map(str::to_owned)
        .collect();
    for jwt in jwts {
        text = text.replace(&jwt, "[jwt]");
    }
    for (secret, name) in [
        ("k3J0cWq9uZr2TnB7sYx4LdPfVhGm1AeC", "[ticket]"),
        ("aValidTransactionToken", "[txtkn]"),
        ("0F1E2D", "[push token]"),
    ] {
        text = text.replace(secret, name);
    }
    text
}

#[test]
fn the_modulus_of_the_published_sdks_is_sent_only_where_it_is_asked_for() {
    let key = TestKey::published();
    let modulus = |signed_modulus| {
        let wire = Wire {
            signed_modulus,
            ..wire()
        };
        let json = super::jwk(&wire, key.jwk());
        json.get("n")
            .and_then(Value::as_str)
            .map(|n| (n.len(), n[..4].to_owned()))
    };
    assert_eq!(modulus(false), Some((342, "qaVh".to_owned())));
    assert_eq!(modulus(true), Some((343, "AKml".to_owned())));
}

#[test]
fn enrolment_request() {
    let token = push_token(PushService::Fcm);
    let signer = TestKey::published();
    let input = EnrollInput {
        base_url: BASE,
        ticket: "k3J0cWq9uZr2TnB7sYx4LdPfVhGm1AeC",
        identifier: "9774d56d682e549c",
        device_name: "Pixel 9",
        push: Some(&token),
        key: signer.jwk(),
    };
    let request = Guardian.enroll_request(&wire(), &input).unwrap();
    insta::assert_snapshot!(dump(&request), @r#"
    POST https://bank-dev.eu.auth0.com/appliance-mfa/api/enroll
    Authorization: Ticket id="[ticket]"
    Auth0-Client: eyJuYW1lIjoidGVzdCJ9
    Accept-Language: en-US
    Content-Type: application/json

    {"identifier":"9774d56d682e549c","name":"Pixel 9","push_credentials":{"service":"GCM","token":"[push token]"},"public_key":{"kty":"RSA","alg":"RS256","use":"sig","e":"AQAB","n":"qaVhmQRH5CnWOKZJeCBA05XrXYMpeSqJDkgs0yP55O2FzgDqlNBEfKFNCQjGJUCdBX-JZNDhtu8sJa21Bqj3Xd6KGffcFbW7S-W9EoRsPZD3c2Ewx8530a7yIwXpX4vJCynXtJz-9-K4FR8ZTM4xKO57bp6dzqPbYDtuET9w-9Y0yVf3ZgzzfViFAZvs40IYIPaRqST7HhcqHjtaN7x4q6cqBmazN1f5XnWuoJxecPhnem3rMF-9TZUnvs_4ceqKWUvoRDsv0k6olS3eQcYZi2eSYUAV_DBej4yF6Tmclyz0Hl04Wvqc2fgaQOZtbWTFRQSLA-vHILO5J0WyZmSchQ"}}

    25000 ms, 65536 bytes
    "#);
}

#[test]
fn enrolment_without_a_push_address_leaves_the_member_out() {
    let signer = TestKey::published();
    let input = EnrollInput {
        base_url: BASE,
        ticket: "t",
        identifier: "i",
        device_name: "n",
        push: None,
        key: signer.jwk(),
    };
    let request = Guardian.enroll_request(&wire(), &input).unwrap();
    let body = String::from_utf8(request.body.unwrap()).unwrap();
    assert!(
        body.starts_with(r#"{"identifier":"i","name":"n","public_key":{"#),
        "{body}"
    );
}

#[test]
fn a_ticket_cannot_break_out_of_its_header() {
    let signer = TestKey::published();
    for ticket in ["", "a\"", "a\\", "a b", "a\r\nX: y", "é"] {
        let input = EnrollInput {
            base_url: BASE,
            ticket,
            identifier: "i",
            device_name: "n",
            push: None,
            key: signer.jwk(),
        };
        assert!(
            Guardian.enroll_request(&wire(), &input).is_err(),
            "{ticket}"
        );
    }
}

#[test]
fn push_token_update_request() {
    let token = push_token(PushService::Apns);
    let request = Guardian
        .update_request(&wire(), &identity(), &TestKey::published(), &token)
        .unwrap();
    insta::assert_snapshot!(dump(&request), @r#"
    PATCH https://bank-dev.eu.auth0.com/appliance-mfa/api/device-accounts/dev_ztQmUOx5Z3zeRi8t
    Authorization: Bearer [jwt]
    Auth0-Client: eyJuYW1lIjoidGVzdCJ9
    Accept-Language: en-US
    Content-Type: application/json

    {"push_credentials":{"service":"APNS","token":"[push token]"}}

    25000 ms, 65536 bytes
    "#);
}

#[test]
fn unenrolment_request() {
    let request = Guardian
        .unenroll_request(&wire(), &identity(), &TestKey::published())
        .unwrap();
    insta::assert_snapshot!(dump(&request), @r"
    DELETE https://bank-dev.eu.auth0.com/appliance-mfa/api/device-accounts/dev_ztQmUOx5Z3zeRi8t
    Authorization: Bearer [jwt]
    Auth0-Client: eyJuYW1lIjoidGVzdCJ9
    Accept-Language: en-US

    25000 ms, 65536 bytes
    ");
}

#[test]
fn consent_request() {
    let request = Guardian
        .consent_request(&wire(), &identity(), &TestKey::published(), &push())
        .unwrap()
        .unwrap();
    insta::assert_snapshot!(dump(&request), @r"
    GET https://bank-dev.eu.auth0.com/rich-consents/cns_0123456789abcdefghijkl
    Authorization: MFA-DPoP [txtkn]
    MFA-DPoP: [jwt]
    Auth0-Client: eyJuYW1lIjoidGVzdCJ9
    Accept-Language: en-US

    25000 ms, 262144 bytes
    ");
}

#[test]
fn answer_request() {
    let verdict = Verdict {
        approve: true,
        reason: None,
        consent_claim: None,
    };
    let answer = Guardian
        .answer_request(
            &wire(),
            &identity(),
            &TestKey::published(),
            &push(),
            &verdict,
        )
        .unwrap();
    insta::assert_snapshot!(dump(&answer.request), @r#"
    POST https://bank-dev.eu.auth0.com/appliance-mfa/api/resolve-transaction
    Authorization: Bearer [txtkn]
    Auth0-Client: eyJuYW1lIjoidGVzdCJ9
    Accept-Language: en-US
    Content-Type: application/json

    {"challenge_response":"[jwt]"}

    25000 ms, 65536 bytes
    "#);
}

#[test]
fn a_push_without_linking_id_has_nothing_to_fetch() {
    let mut push = push();
    push.consent_id = None;
    let request = Guardian
        .consent_request(&wire(), &identity(), &TestKey::published(), &push)
        .unwrap();
    assert!(request.is_none());
}

#[test]
fn an_unusable_language_tag_is_left_out_instead_of_failing() {
    for locale in ["", "en_US", "de-DE\r\nX: y", "überlang", "en-"] {
        let wire = Wire { locale, ..wire() };
        let request = Guardian
            .unenroll_request(&wire, &identity(), &TestKey::published())
            .unwrap();
        let names: Vec<_> = request.headers.iter().map(|h| h.name.as_str()).collect();
        assert_eq!(names, ["Authorization", "Auth0-Client"], "{locale}");
    }
}

#[test]
fn a_404_ends_an_unenrolment_and_means_gone_for_an_update() {
    let answer = |status: u16, body: &str| HttpResponse {
        status,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    };
    let gone = answer(404, r#"{"errorCode":"device_account_not_found"}"#);
    let bare = answer(404, "");
    assert!(Guardian.unenroll_answer(&gone).is_ok());
    assert!(Guardian.unenroll_answer(&bare).is_ok());
    for answer in [gone, bare] {
        let refusal = Guardian.update_answer(&answer).unwrap_err();
        let error = refusal.into_error("the server refused the new push token");
        assert_eq!(error.code().as_str(), "enrollment_gone");
    }
    let wrong_tenant = answer(404, r#"{"errorCode":"tenant_not_found"}"#);
    assert!(Guardian.unenroll_answer(&wrong_tenant).is_err());
    assert!(Guardian.unenroll_answer(&answer(500, "")).is_err());
    assert!(Guardian.unenroll_answer(&answer(204, "")).is_ok());
    assert!(Guardian.update_answer(&answer(200, "")).is_ok());
}

/// What the HTTP client will connect to.
fn target(url: &str) -> (String, String, usize) {
    let url = reqwest::Url::parse(url).unwrap();
    let segments = url.path_segments().unwrap().count();
    (
        url.scheme().to_owned(),
        url.host_str().unwrap().to_owned(),
        segments,
    )
}

/// Text as a hostile server or sender would choose it.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[./\\\\?#%@: -]{0,6}",
        "(https?://|//|\\.\\./)evil\\.example/?",
        "[!-~]{1,40}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_push_moves_a_request_to_another_place(
        dai in hostile(), txtkn in hostile(), c in hostile(), sh in hostile(), txlnkid in hostile(),
        s in hostile(), nested in any::<bool>(),
    ) {
        let keys = serde_json::json!({
            "dai": dai, "txtkn": txtkn, "c": c, "d": "2026-01-15T10:30:00Z", "sh": sh, "txlnkid": txlnkid,
            "s": s, "url": sh, "base_url": sh,
        });
        let payload = if nested {
            serde_json::json!({"aps": {"category": "com.auth0.notification.authentication"}, "mfa": keys})
        } else {
            keys
        };
        if let PushPayload::Push(push) = Guardian.push(&value(&payload)) {
            prop_assert_eq!(&push.server_hint, &sh);
            let signer = TestKey::published();
            let host = "bank-dev.eu.auth0.com".to_owned();
            if let Ok(Some(request)) = Guardian.consent_request(&wire(), &identity(), &signer, &push) {
                prop_assert_eq!(target(&request.url), ("https".into(), host.clone(), 2));
            }
            let verdict = Verdict { approve: false, reason: Some(c), consent_claim: None };
            let answer = Guardian.answer_request(&wire(), &identity(), &signer, &push, &verdict).unwrap();
            prop_assert_eq!(target(&answer.request.url), ("https".into(), host, 3));
        }
    }

    #[test]
    fn no_enrollment_id_moves_a_request_to_another_place(id in hostile()) {
        let identity = Identity { enrollment: id, ..identity() };
        let signer = TestKey::published();
        if let Ok(request) = Guardian.unenroll_request(&wire(), &identity, &signer) {
            let host = "bank-dev.eu.auth0.com".to_owned();
            prop_assert_eq!(target(&request.url), ("https".into(), host, 4));
        }
    }
}

/// JSON of any shape made of the members that the dialect knows.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        hostile().prop_map(Into::into),
        Just("cns_0123456789abcdefghijkl".into()),
        Just("2026-01-15T10:30:00Z".into()),
        Just("com.auth0.notification.authentication".into()),
    ];
    let name = prop::sample::select(vec![
        "aps",
        "category",
        "mfa",
        "data",
        "dai",
        "txtkn",
        "c",
        "d",
        "sh",
        "s",
        "l",
        "txlnkid",
        "id",
        "requested_details",
        "authorization_details",
        "scope",
        "audience",
        "binding_message",
        "expires_at",
        "errorCode",
        "statusCode",
        "user_id",
        "totp",
        "secret",
        "digits",
    ]);
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..10)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            any_json().prop_map(|json| json.to_string().into_bytes()),
        ],
        status in prop_oneof![Just(200u16), 100u16..600],
        retry_after in hostile(),
    ) {
        if let Ok(payload) = json::read(&body, Limits::PUSH) {
            let _ = Guardian.push(&payload);
            let _ = Guardian.consent_expiry(&payload);
        }
        let headers = ["Retry-After", "Date"].map(|name| HttpHeader {
            name: name.into(),
            value: retry_after.clone(),
        });
        let answer = HttpResponse { status, headers: headers.into(), body };
        let _ = Guardian.enroll_answer(&answer);
        let _ = Guardian.update_answer(&answer);
        let _ = Guardian.unenroll_answer(&answer);
        let _ = Guardian.answer_outcome(&answer);
        if let ConsentAnswer::Body(body) = Guardian.consent_answer(&push(), &answer) {
            let asked = push().consent_id;
            prop_assert_eq!(body.get("id").and_then(Value::as_str), asked.as_deref());
        }
    }
}
