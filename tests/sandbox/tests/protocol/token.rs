//! Polling and the tokens: every row of the wire description.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use sandbox::{ExpiryError, Options};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::bench::{Answer, Bench, CIBA, ok};

const DENIED: &str = "The end-user denied the authorization request or it has been expired";

fn payload(token: &str) -> String {
    let part = token.split('.').nth(1).expect("payload");
    String::from_utf8(URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("text")
}

fn claims(answer: &Answer, name: &str) -> Value {
    serde_json::from_str(&payload(answer.json()[name].as_str().expect("token"))).expect("claims")
}

#[tokio::test]
async fn pending_slow_down_and_denied_have_their_exact_bodies() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let (id, push) = bench.ring(&phone).await;
    let pending = bench.poll(&id).await;
    assert_eq!(pending.error(), (400, "authorization_pending".to_owned()));
    assert_eq!(
        pending.json()["error_description"],
        "The end-user authorization is pending"
    );
    let slow = bench.poll(&id).await;
    assert_eq!(slow.error(), (400, "slow_down".to_owned()));
    assert_eq!(
        slow.json()["error_description"],
        "You are polling faster than allowed. Try again in 10 seconds."
    );
    assert_eq!(slow.json()["interval"], 10);
    assert_eq!(slow.header("retry-after"), Some("10"));
    assert_eq!(slow.header("www-authenticate"), None);
    assert_eq!(bench.poll(&id).await.json()["interval"], 15);
    bench.advance(15);
    assert_eq!(bench.poll(&id).await.error().1, "authorization_pending");
    assert_eq!(bench.answer(&phone, &push, false).await.status, 204);
    for _ in 0..2 {
        let denied = bench.poll(&id).await;
        assert_eq!(denied.error(), (400, "access_denied".to_owned()));
        assert_eq!(denied.json()["error_description"], DENIED);
        assert_eq!(denied.header("cache-control"), Some("no-store"));
    }
    bench.advance(300);
    assert_eq!(
        bench.poll(&id).await.error(),
        (400, "invalid_grant".to_owned())
    );
}

#[tokio::test]
async fn expiry_reads_as_denial_or_by_switch_as_expired_token_and_is_forgotten_after_five_minutes()
{
    for (switch, code) in [
        (ExpiryError::AccessDenied, "access_denied"),
        (ExpiryError::ExpiredToken, "expired_token"),
    ] {
        let bench = Bench::with(Options {
            expiry_error: switch,
            ..Options::default()
        })
        .await;
        let phone = bench.enroll().await;
        let (id, push) = bench.ring(&phone).await;
        bench.advance(300);
        assert_eq!(bench.poll(&id).await.error(), (400, code.to_owned()));
        assert_eq!(
            bench.answer(&phone, &push, true).await.device_error().1,
            "login_transaction_not_found"
        );
        bench.advance(300);
        let forgotten = bench.poll(&id).await;
        assert_eq!(forgotten.error(), (400, "invalid_grant".to_owned()));
        assert_eq!(
            forgotten.json()["error_description"],
            "Invalid or expired auth_req_id"
        );
    }
}

#[tokio::test]
async fn an_approval_that_was_not_fetched_in_time_is_expired() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let (id, push) = bench.ring(&phone).await;
    assert_eq!(bench.answer(&phone, &push, true).await.status, 204);
    bench.advance(300);
    assert_eq!(
        bench.poll(&id).await.error(),
        (400, "access_denied".to_owned())
    );
}

#[tokio::test]
async fn an_approved_request_gives_tokens_once_even_to_a_client_that_polls_too_fast() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let (id, push) = bench.ring(&phone).await;
    bench.poll(&id).await;
    assert_eq!(bench.answer(&phone, &push, true).await.status, 204);
    let answer = bench.poll(&id).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    assert_eq!(
        (&body["token_type"], &body["expires_in"], &body["scope"]),
        (&json!("Bearer"), &json!(86400), &json!("openid"))
    );
    assert_eq!(body.get("refresh_token"), None);
    assert_eq!(body.get("authorization_details"), None);
    assert_eq!(
        bench.poll(&id).await.error(),
        (400, "invalid_grant".to_owned())
    );
}

#[tokio::test]
async fn of_many_concurrent_polls_exactly_one_gets_the_tokens() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let (id, push) = bench.ring(&phone).await;
    bench.answer(&phone, &push, true).await;
    let polls = (0..16).map(|_| bench.poll(&id));
    let answers = futures_util::future::join_all(polls).await;
    assert_eq!(answers.iter().filter(|answer| ok(answer.status)).count(), 1);
    assert_eq!(
        answers
            .iter()
            .filter(|answer| answer.error().1 == "invalid_grant")
            .count(),
        15
    );
}

#[tokio::test]
async fn the_id_token_has_the_claims_that_the_strictest_client_asks_for() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let scope = [("scope", "openid profile email offline_access")];
    let started = bench.start_with(&scope).await.json();
    let id = started["auth_req_id"].as_str().expect("id");
    let push = bench.push(&phone);
    bench.answer(&phone, &push, true).await;
    let answer = bench.poll(id).await;
    let (body, claims) = (answer.json(), claims(&answer, "id_token"));
    let ready = bench.sandbox.ready();
    assert_eq!(claims["iss"], bench.sandbox.issuer());
    assert!(bench.sandbox.issuer().ends_with('/'));
    assert_eq!(claims["aud"], ready.client_id);
    assert_eq!(claims["sub"], ready.user_id);
    assert_eq!(claims["urn:openid:params:jwt:claim:auth_req_id"], id);
    assert_eq!(claims["email"], ready.user_label);
    assert_eq!(claims["email_verified"], true);
    for name in ["iat", "exp", "auth_time"] {
        assert!(claims[name].is_i64(), "{name}");
    }
    for name in ["nonce", "acr", "c_hash", "s_hash"] {
        assert_eq!(claims.get(name), None, "{name}");
    }
    let half = |token: &Value| {
        URL_SAFE_NO_PAD.encode(&Sha256::digest(token.as_str().expect("token"))[..16])
    };
    assert_eq!(claims["at_hash"], half(&body["access_token"]));
    assert_eq!(
        claims["urn:openid:params:jwt:claim:rt_hash"],
        half(&body["refresh_token"])
    );

    let header = body["id_token"]
        .as_str()
        .and_then(|token| token.split('.').next())
        .expect("header");
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).expect("base64url"))
        .expect("header");
    let jwks = bench.get("/.well-known/jwks.json").await.json();
    assert_eq!(header["alg"], "RS256");
    assert_eq!(header["kid"], jwks["keys"][0]["kid"]);

    let refresh = [
        ("grant_type", "refresh_token".to_owned()),
        (
            "refresh_token",
            body["refresh_token"].as_str().expect("token").to_owned(),
        ),
        ("client_id", ready.client_id),
        ("client_secret", ready.client_secret),
    ];
    assert_eq!(bench.form("/oauth/token", &refresh).await.status, 200);
}

#[tokio::test]
async fn details_arrive_byte_for_byte_in_the_consent_the_answer_and_the_access_token() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let written = r#"[ {"type":"money_transfer","zeta":1.10,"alpha":100000000000000000001,"note":"caf\u00e9"} ]"#;
    let params = [
        ("authorization_details", written),
        ("audience", "https://api.bank.example"),
    ];
    let started = bench.start_with(&params).await;
    assert_eq!(started.status, 200, "{}", started.text);
    let push = bench.push(&phone);
    let consent = bench
        .consent(
            &push,
            &phone.proof(&phone.proof_claims(&bench, &push, "j1")),
        )
        .await;
    assert!(consent.text.contains(written), "{}", consent.text);
    bench.answer(&phone, &push, true).await;
    let answer = bench
        .poll(started.json()["auth_req_id"].as_str().expect("id"))
        .await;
    assert!(answer.text.contains(written), "{}", answer.text);
    let access = answer.json()["access_token"]
        .as_str()
        .expect("token")
        .to_owned();
    assert!(payload(&access).contains(written));
    let claims = claims(&answer, "access_token");
    assert_eq!(claims["aud"], "https://api.bank.example");
    assert_eq!(claims["azp"], bench.sandbox.ready().client_id);
}

#[tokio::test]
async fn the_token_endpoint_takes_json_and_has_an_alias() {
    let bench = Bench::new().await;
    bench.enroll().await;
    let id = bench.start().await;
    let ready = bench.sandbox.ready();
    let body = json!({ "grant_type": CIBA, "auth_req_id": id, "client_id": ready.client_id, "client_secret": ready.client_secret });
    let request = bench
        .http
        .post(bench.url("/token"))
        .header("content-type", "application/json; charset=UTF-8")
        .body(body.to_string());
    assert_eq!(
        bench.send(request).await.error(),
        (400, "authorization_pending".to_owned())
    );
}

#[tokio::test]
async fn wrong_token_requests_have_their_own_errors() {
    let bench = Bench::new().await;
    bench.enroll().await;
    let id = bench.start().await;
    let ready = bench.sandbox.ready();
    let other = bench
        .manage(Method::POST, "/clients", json!({ "grant_types": [CIBA] }))
        .await
        .json();
    let other = (
        other["client_id"].as_str().expect("id").to_owned(),
        other["client_secret"].as_str().expect("secret").to_owned(),
    );
    let credentials = [
        ("client_id", ready.client_id.clone()),
        ("client_secret", ready.client_secret.clone()),
    ];
    let with = |extra: &[(&'static str, &str)]| {
        let mut form = credentials.to_vec();
        form.extend(
            extra
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        form
    };
    let rows = [
        (
            "no grant type",
            with(&[("auth_req_id", &id)]),
            400,
            "invalid_request",
        ),
        (
            "unknown grant",
            with(&[("grant_type", "password")]),
            400,
            "unsupported_grant_type",
        ),
        (
            "no id",
            with(&[("grant_type", CIBA)]),
            400,
            "invalid_request",
        ),
        (
            "unknown id",
            with(&[("grant_type", CIBA), ("auth_req_id", "nothing")]),
            400,
            "invalid_grant",
        ),
        (
            "no credentials",
            vec![("grant_type", CIBA.to_owned()), ("auth_req_id", id.clone())],
            401,
            "invalid_client",
        ),
    ];
    for (name, form, status, error) in rows {
        assert_eq!(
            bench.form("/oauth/token", &form).await.error(),
            (status, error.to_owned()),
            "{name}"
        );
    }
    assert_eq!(
        bench.poll_as(&other.0, &other.1, &id).await.error(),
        (400, "invalid_grant".to_owned())
    );
    assert_eq!(bench.get("/oauth/token").await.status, 405);
}

#[tokio::test]
async fn a_user_blocked_or_deleted_after_the_approval_gets_no_tokens() {
    for delete in [false, true] {
        let bench = Bench::new().await;
        let phone = bench.enroll().await;
        let (id, push) = bench.ring(&phone).await;
        bench.answer(&phone, &push, true).await;
        let path = format!(
            "/users/{}",
            bench.sandbox.ready().user_id.replace('|', "%7C")
        );
        if delete {
            bench.manage(Method::DELETE, &path, json!({})).await;
        } else {
            bench
                .manage(Method::PATCH, &path, json!({ "blocked": true }))
                .await;
            bench
                .manage(Method::PATCH, &path, json!({ "blocked": false }))
                .await;
        }
        assert_eq!(
            bench.poll(&id).await.error(),
            (400, "access_denied".to_owned()),
            "deleted: {delete}"
        );
    }
}

#[tokio::test]
async fn a_client_that_lost_the_grant_after_the_approval_gets_no_tokens() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let (id, push) = bench.ring(&phone).await;
    bench.answer(&phone, &push, true).await;
    let path = format!("/clients/{}", bench.sandbox.ready().client_id);
    bench
        .manage(Method::PATCH, &path, json!({ "grant_types": [] }))
        .await;
    assert_eq!(
        bench.poll(&id).await.error(),
        (400, "access_denied".to_owned())
    );
    assert_eq!(
        bench.poll("unknown").await.error(),
        (400, "unauthorized_client".to_owned())
    );
}

#[tokio::test]
async fn user_info_answers_for_a_valid_token_only() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let started = bench.start_with(&[("scope", "openid email")]).await.json();
    let push = bench.push(&phone);
    bench.answer(&phone, &push, true).await;
    let tokens = bench
        .poll(started["auth_req_id"].as_str().expect("id"))
        .await
        .json();
    let ask = |token: &Value| {
        bench
            .http
            .get(bench.url("/userinfo"))
            .bearer_auth(token.as_str().expect("token"))
    };
    let body = bench.send(ask(&tokens["access_token"])).await.json();
    assert_eq!(
        body,
        json!({ "sub": bench.sandbox.ready().user_id, "email": "ana@example.com", "email_verified": true })
    );
    assert_eq!(bench.send(ask(&tokens["id_token"])).await.status, 401);
    assert_eq!(bench.get("/userinfo").await.status, 401);
    bench.advance(86_400);
    assert_eq!(bench.send(ask(&tokens["access_token"])).await.status, 401);
}

#[tokio::test]
async fn discovery_names_every_endpoint_and_the_issuer_with_a_slash() {
    let bench = Bench::new().await;
    let body = bench.get("/.well-known/openid-configuration").await.json();
    assert_eq!(body["issuer"], bench.sandbox.issuer());
    assert_eq!(
        body["backchannel_authentication_endpoint"],
        bench.url("/bc-authorize")
    );
    assert_eq!(
        body["backchannel_token_delivery_modes_supported"],
        json!(["poll"])
    );
    assert_eq!(
        body["grant_types_supported"],
        json!([CIBA, "refresh_token"])
    );
    assert_eq!(body.get("authorization_details_types_supported"), None);
    assert_eq!(
        body["sandbox_push_stream"],
        format!("{}push/", bench.sandbox.console_url())
    );
}
