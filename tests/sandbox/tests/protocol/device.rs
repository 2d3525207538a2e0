//! The device API: enrolment, account, consent, answer, and every error of theirs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use rsa::traits::PublicKeyParts as _;
use sandbox::{Options, RequestState};
use serde_json::{Value, json};

use crate::bench::{Bench, Phone, Push, other_key, test_key, ticket_of};

fn second_phone() -> Phone {
    Phone::new(
        other_key(),
        "other-identifier",
        "fcm-token-of-the-second-phone",
    )
}

#[tokio::test]
async fn enrolment_answers_201_with_every_member_and_the_ticket_works_once() {
    let bench = Bench::new().await;
    let phone = Phone::new(test_key(), "9774d56d682e549c", "token");
    let ticket = bench.ticket();
    let answer = bench.enroll_body(&ticket, &phone.body()).await;
    let body = answer.json();
    assert_eq!(answer.status, 201);
    assert!(
        body["id"]
            .as_str()
            .is_some_and(|id| id.len() == 20 && id.starts_with("dev_"))
    );
    assert_eq!(body["user_id"], bench.sandbox.ready().user_id);
    assert_eq!(body["totp"]["algorithm"], "sha1");
    assert!(body["url"].is_string() && body["issuer"].is_string() && body["token"].is_string());
    let again = bench.enroll_body(&ticket, &second_phone().body()).await;
    assert_eq!(
        again.device_error(),
        (404, "enrollment_transaction_not_found".to_owned())
    );
    let error = again.json();
    assert_eq!(
        (&error["statusCode"], &error["error"]),
        (&json!(404), &json!("Not Found"))
    );
    assert_eq!(error["message"], error["description"]);
}

#[tokio::test]
async fn an_invitation_dies_after_five_minutes() {
    let bench = Bench::new().await;
    let ticket = bench.ticket();
    bench.advance(300);
    let answer = bench.enroll_body(&ticket, &second_phone().body()).await;
    assert_eq!(
        answer.device_error(),
        (404, "enrollment_transaction_not_found".to_owned())
    );
}

#[tokio::test]
async fn the_same_device_cannot_enrol_twice() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let answer = bench.enroll_body(&bench.ticket(), &phone.body()).await;
    assert_eq!(
        answer.device_error(),
        (409, "enrollment_conflict".to_owned())
    );
}

#[tokio::test]
async fn malformed_enrolments_get_invalid_body_and_do_not_use_up_the_ticket() {
    let bench = Bench::new().await;
    let ticket = bench.ticket();
    let good = Phone::new(test_key(), "id", "token").body();
    let with = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).expect("member") = value;
        body
    };
    let mut private = good.clone();
    private["public_key"]["d"] = json!("AQAB");
    for body in [
        json!([]),
        json!({}),
        with("/identifier", json!("")),
        with("/name", json!(7)),
        with("/public_key", json!("x")),
        with("/public_key/n", json!("AQAB")),
        with("/public_key/e", json!("Ag")),
        with("/public_key/kty", json!("EC")),
        with("/push_credentials/service", json!("FCM")),
        with("/push_credentials/token", json!("")),
        private,
    ] {
        assert_eq!(
            bench.enroll_body(&ticket, &body).await.device_error(),
            (400, "invalid_body".to_owned()),
            "{body}"
        );
    }
    let mut without = good.clone();
    without
        .as_object_mut()
        .expect("object")
        .remove("push_credentials");
    assert_eq!(bench.enroll_body(&ticket, &without).await.status, 201);
}

#[tokio::test]
async fn a_wrong_authorization_header_gets_401() {
    let bench = Bench::new().await;
    let body = second_phone().body();
    for value in ["Ticket id=unquoted", "Bearer x", "Ticket", "Ticket id=\"\""] {
        let request = bench
            .http
            .post(bench.url("/api/enroll"))
            .header(AUTHORIZATION, value)
            .json(&body);
        assert_eq!(
            bench.send(request).await.device_error(),
            (401, "invalid_token".to_owned()),
            "{value}"
        );
    }
}

#[tokio::test]
async fn sdk_quirks_are_accepted() {
    let bench = Bench::new().await;
    let mut phone = Phone::new(test_key(), "id", "token");
    let mut body = phone.body();
    let mut n = vec![0];
    n.extend(phone.key.n().to_bytes_be());
    body["public_key"]["n"] = json!(URL_SAFE_NO_PAD.encode(n));
    let text = body.to_string().replace('/', "\\/");
    let request = bench
        .http
        .post(bench.url("/api/enroll"))
        .header(AUTHORIZATION, format!("Ticket id=\"{}\"", bench.ticket()));
    let answer = bench
        .send(
            request
                .header("content-type", "application/json; charset=utf-8")
                .body(text),
        )
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    phone.id = answer.json()["id"].as_str().expect("id").to_owned();
    let (id, push) = bench.ring(&phone).await;
    let claims = phone.answer_claims(&bench, &push, json!(true)).to_string();
    let iat = bench.now();
    let fraction = claims
        .replace(&format!("\"iat\":{iat}"), &format!("\"iat\":{iat}.123"))
        .replace('/', "\\/");
    assert!(fraction.contains(".123"));
    let jwt = phone.sign_with(&json!({ "alg": "RS256", "typ": "JWT" }), &fraction);
    assert_eq!(bench.resolve(&push.token, &jwt).await.status, 204);
    assert_eq!(bench.poll(&id).await.status, 200);
}

#[tokio::test]
async fn the_consent_has_every_member_and_times_as_text() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let (_, push) = bench.ring(&phone).await;
    assert_eq!(push.enrollment, phone.id);
    assert_eq!(push.consent.len(), 26);
    let answer = bench
        .consent(&push, &phone.proof(&phone.proof_claims(&bench, &push, "j")))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    assert_eq!(body["id"], push.consent);
    let details = json!({
        "audience": bench.url("/userinfo"), "scope": ["openid"], "binding_message": "TX-4711", "authorization_details": [],
    });
    assert_eq!(body["requested_details"], details);
    for name in ["created_at", "expires_at"] {
        let text = body[name].as_str().expect("text");
        assert!(text.len() == 24 && text.ends_with('Z'), "{text}");
    }
}

#[tokio::test]
async fn every_defect_of_a_proof_gets_403_and_a_replay_too() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let (_, push) = bench.ring(&phone).await;
    let good = |jti: &str| phone.proof_claims(&bench, &push, jti);
    let with = |name: &str, value: Value| {
        let mut claims = good("x");
        claims[name] = value;
        phone.proof(&claims)
    };
    let stranger = second_phone();
    let header = json!({ "alg": "RS256", "typ": "JWT", "jwk": phone.jwk() });
    let used = phone.proof(&good("used"));
    assert_eq!(bench.consent(&push, &used).await.status, 200);
    for (name, proof) in [
        ("replay", used),
        ("method", with("htm", json!("POST"))),
        (
            "URL",
            with("htu", json!("https://evil.example/rich-consents/x")),
        ),
        ("ath", with("ath", json!("AAAA"))),
        ("old", with("iat", json!(bench.now() - 65))),
        ("future", with("iat", json!(bench.now() + 65))),
        ("empty jti", with("jti", json!(""))),
        ("other key", stranger.proof(&good("y"))),
        ("typ", phone.sign_with(&header, &good("z").to_string())),
        ("no JWT", "abc".to_owned()),
    ] {
        let answer = bench.consent(&push, &proof).await;
        assert_eq!(
            answer.device_error(),
            (403, "invalid_dpop_assertion".to_owned()),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_strict_sandbox_accepts_proofs_for_five_seconds_only() {
    for (strict, status) in [(true, 403), (false, 200)] {
        let bench = Bench::with(Options {
            strict_dpop: strict,
            ..Options::default()
        })
        .await;
        let phone = bench.enroll().await;
        let (_, push) = bench.ring(&phone).await;
        let mut claims = phone.proof_claims(&bench, &push, "j");
        claims["iat"] = json!(bench.now() - 10);
        assert_eq!(
            bench.consent(&push, &phone.proof(&claims)).await.status,
            status
        );
    }
}

#[tokio::test]
async fn token_proof_and_consent_errors_are_kept_apart() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let (_, push) = bench.ring(&phone).await;
    let other = bench.ring(&phone).await.1;
    let unknown = Push {
        token: "unknown".into(),
        ..push.clone()
    };
    let answer = bench
        .consent(
            &unknown,
            &phone.proof(&phone.proof_claims(&bench, &unknown, "a")),
        )
        .await;
    assert_eq!(answer.device_error(), (401, "invalid_token".to_owned()));
    let foreign = Push {
        consent: other.consent,
        ..push
    };
    let answer = bench
        .consent(
            &foreign,
            &phone.proof(&phone.proof_claims(&bench, &foreign, "b")),
        )
        .await;
    assert_eq!(answer.device_error(), (404, "consent_not_found".to_owned()));
}

#[tokio::test]
async fn every_defect_of_an_answer_is_refused_and_leaves_the_request_open() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let (id, push) = bench.ring(&phone).await;
    let with = |name: &str, value: Value| {
        let mut claims = phone.answer_claims(&bench, &push, json!(true));
        claims[name] = value;
        phone.sign(&claims)
    };
    let good = phone.answer_claims(&bench, &push, json!(true));
    let unsigned = phone
        .sign(&good)
        .rsplit_once('.')
        .map(|(input, _)| format!("{input}.AAAA"))
        .expect("token");
    let challenge = (401, "invalid_challenge".to_owned());
    for (name, jwt, error) in [
        (
            "issuer is the enrolment id",
            with("iss", json!(phone.id)),
            challenge.clone(),
        ),
        (
            "other challenge",
            with("sub", json!("x")),
            challenge.clone(),
        ),
        (
            "other audience",
            with("aud", json!("https://evil.example/api/resolve-transaction")),
            challenge.clone(),
        ),
        (
            "other path",
            with("aud", json!(bench.url("/api/resolve-transaction"))),
            challenge.clone(),
        ),
        (
            "expired",
            with("exp", json!(bench.now() - 6)),
            challenge.clone(),
        ),
        (
            "from the future",
            with("iat", json!(bench.now() + 10)),
            challenge.clone(),
        ),
        ("signature", unsigned, challenge.clone()),
        ("other key", second_phone().sign(&good), challenge.clone()),
        (
            "algorithm none",
            phone.sign_with(&json!({ "alg": "none" }), &good.to_string()),
            challenge.clone(),
        ),
        (
            "critical header",
            phone.sign_with(&json!({ "alg": "RS256", "crit": ["x"] }), &good.to_string()),
            challenge.clone(),
        ),
        (
            "accepted as text",
            with("auth0_guardian_accepted", json!("true")),
            (400, "invalid_body".to_owned()),
        ),
    ] {
        assert_eq!(
            bench.resolve(&push.token, &jwt).await.device_error(),
            error,
            "{name}"
        );
    }
    let request = bench
        .http
        .post(bench.url("/api/resolve-transaction"))
        .bearer_auth(&push.token)
        .json(&json!({}));
    assert_eq!(
        bench.send(request).await.device_error(),
        (400, "invalid_body".to_owned())
    );
    assert_eq!(
        bench
            .resolve("unknown", &phone.sign(&good))
            .await
            .device_error(),
        (401, "invalid_token".to_owned())
    );
    assert_eq!(bench.poll(&id).await.error().1, "authorization_pending");
}

#[tokio::test]
async fn a_request_is_answered_once_and_any_later_answer_finds_nothing() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let other = bench.enroll_phone(second_phone()).await;
    let id = bench.start().await;
    let (first, second) = (bench.push(&phone), bench.push(&other));
    assert_ne!(first.token, second.token);
    let mut claims = other.answer_claims(&bench, &second, json!(false));
    claims["auth0_guardian_reason"] = json!("wrong amount");
    claims["urn:authenticator-core:consent"] = json!({ "v": 1, "reviewed": true });
    assert_eq!(
        bench
            .resolve(&second.token, &other.sign(&claims))
            .await
            .status,
        204
    );
    for (phone, push) in [(&phone, &first), (&other, &second)] {
        let answer = bench.answer(phone, push, true).await;
        assert_eq!(
            answer.device_error(),
            (404, "login_transaction_not_found".to_owned())
        );
    }
    assert_eq!(bench.poll(&id).await.error().1, "access_denied");
    let snapshot = bench.sandbox.snapshot();
    let answer = snapshot.requests[0].answer.as_ref().expect("answer");
    assert_eq!(answer.reason.as_deref(), Some("wrong amount"));
    assert_eq!(
        answer.consent_claim.as_deref(),
        Some(r#"{"reviewed":true,"v":1}"#)
    );
    assert_eq!(answer.device_id.as_deref(), Some(other.id.as_str()));
    assert_eq!(snapshot.requests[0].state, RequestState::Denied);
}

#[tokio::test]
async fn a_device_updates_and_removes_only_itself() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let other = bench.enroll_phone(second_phone()).await;
    let path = |phone: &Phone| format!("/appliance-mfa/api/device-accounts/{}", phone.id);
    let call = |method: Method, path: String, token: String, body: Value| {
        bench
            .http
            .request(method, bench.url(&path))
            .bearer_auth(token)
            .json(&body)
    };
    let change =
        json!({ "name": "Pixel 10", "push_credentials": { "service": "APNS", "token": "0F1E" } });
    for token in [phone.device_jwt(&bench), phone.token.clone()] {
        let answer = bench
            .send(call(Method::PATCH, path(&phone), token, change.clone()))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json()["name"], "Pixel 10");
        assert_eq!(answer.json()["push_credentials"]["token"], "0F1E");
    }
    for token in [
        other.device_jwt(&bench),
        other.token.clone(),
        "x".to_owned(),
    ] {
        let answer = bench
            .send(call(Method::DELETE, path(&phone), token, json!({})))
            .await;
        assert_eq!(answer.device_error(), (401, "invalid_token".to_owned()));
    }
    for body in [
        json!({}),
        json!([]),
        json!({ "name": null }),
        json!({ "name": 7 }),
        json!({ "push_credentials": {} }),
    ] {
        let answer = bench
            .send(call(Method::PATCH, path(&phone), phone.token.clone(), body))
            .await;
        assert_eq!(answer.device_error(), (400, "invalid_body".to_owned()));
    }
    let removed = bench
        .send(call(
            Method::DELETE,
            path(&phone),
            phone.device_jwt(&bench),
            json!({}),
        ))
        .await;
    assert_eq!(removed.status, 204);
    let gone = bench
        .send(call(
            Method::DELETE,
            path(&phone),
            phone.device_jwt(&bench),
            json!({}),
        ))
        .await;
    assert_eq!(
        gone.device_error(),
        (404, "enrollment_not_found".to_owned())
    );
}

#[tokio::test]
async fn a_strict_sandbox_wants_push_credentials_in_every_update() {
    let bench = Bench::with(Options {
        strict_patch: true,
        ..Options::default()
    })
    .await;
    let phone = bench.enroll().await;
    let url = bench.url(&format!("/api/device-accounts/{}", phone.id));
    let request = bench
        .http
        .patch(url)
        .bearer_auth(&phone.token)
        .json(&json!({ "name": "x" }));
    assert_eq!(
        bench.send(request).await.device_error(),
        (400, "invalid_body".to_owned())
    );
}

#[tokio::test]
async fn removing_the_last_device_ends_the_request_at_once() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let other = bench.enroll_phone(second_phone()).await;
    let id = bench.start().await;
    let push = bench.push(&phone);
    let remove = |phone: &Phone| {
        bench
            .http
            .delete(bench.url(&format!("/api/device-accounts/{}", phone.id)))
            .bearer_auth(&phone.token)
    };
    assert_eq!(bench.send(remove(&phone)).await.status, 204);
    assert_eq!(
        bench.answer(&phone, &push, true).await.device_error(),
        (401, "invalid_token".to_owned())
    );
    assert_eq!(bench.poll(&id).await.error().1, "authorization_pending");
    assert_eq!(bench.send(remove(&other)).await.status, 204);
    assert_eq!(bench.poll(&id).await.error().1, "access_denied");
}

#[tokio::test]
async fn a_blocked_user_can_no_longer_answer_and_the_client_hears_a_refusal() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let (id, push) = bench.ring(&phone).await;
    let path = format!("/users/{}", phone.user_id.replace('|', "%7C"));
    bench
        .manage(Method::PATCH, &path, json!({ "blocked": true }))
        .await;
    let answer = bench.answer(&phone, &push, true).await;
    assert_eq!(
        answer.device_error(),
        (404, "login_transaction_not_found".to_owned())
    );
    assert_eq!(
        bench.poll(&id).await.error(),
        (400, "access_denied".to_owned())
    );
}

#[tokio::test]
async fn a_configured_public_origin_is_accepted_as_audience() {
    let options = Options {
        public_origins: vec!["https://bank.guardian.example/".into()],
        ..Options::default()
    };
    let bench = Bench::with(options).await;
    let phone = bench.enroll().await;
    let (_, push) = bench.ring(&phone).await;
    let mut claims = phone.answer_claims(&bench, &push, json!(true));
    claims["aud"] = json!("https://bank.guardian.example/appliance-mfa/api/resolve-transaction");
    assert_eq!(
        bench
            .resolve(&push.token, &phone.sign(&claims))
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn an_enrolment_page_shows_a_working_invitation_until_a_device_enrolled() {
    let bench = Bench::new().await;
    let user = bench.sandbox.ready().user_id;
    let body = json!({ "user_id": user, "send_email": "false", "factor": "push-notification" });
    let answer = bench
        .manage(Method::POST, "/guardian/enrollments/ticket", body)
        .await
        .json();
    let url = answer["ticket_url"].as_str().expect("url").to_owned();
    let page = bench.send(bench.http.get(&url)).await;
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains("<svg")
            && page
                .header("content-type")
                .is_some_and(|kind| kind.starts_with("text/html"))
    );
    let start = page.text.find("otpauth://").expect("invitation");
    let invitation = page.text[start..]
        .split('<')
        .next()
        .expect("text")
        .replace("&amp;", "&");
    let gten = answer["ticket_id"].as_str().expect("ticket");
    assert_eq!(
        bench.enroll_body(gten, &second_phone().body()).await.status,
        404
    );
    assert_eq!(
        bench
            .enroll_body(&ticket_of(&invitation), &second_phone().body())
            .await
            .status,
        201
    );
    assert_eq!(bench.send(bench.http.get(&url)).await.status, 404);
}
