//! The OpenID Provider's refusals as a client sees them: CIBA Core §13 at `/bc-authorize`, §11 at `/oauth/token`,
//! with the texts and extensions of the Auth0 dialect.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod test_phone;

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, Response};
use sandbox::{ExpiryError, Handle, NotEnrolledStatus, Sandbox};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use test_phone::{TestPhone, http, sandbox};

const CIBA: &str = "urn:openid:params:grant-type:ciba";

/// The form of a good start; a change replaces a field, an empty text takes it away.
fn start_form(sandbox: &Handle, changes: &[(&str, &str)]) -> BTreeMap<String, String> {
    let ready = sandbox.ready();
    let mut form: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in [
        ("client_id", ready.client_id.as_str()),
        ("client_secret", &ready.client_secret),
        ("scope", "openid"),
        ("binding_message", "TX-4711"),
        ("login_hint", &hint(&sandbox.issuer(), &ready.user_id)),
    ] {
        form.insert(name.to_owned(), value.to_owned());
    }
    for (name, value) in changes {
        if value.is_empty() {
            form.remove(*name);
        } else {
            form.insert((*name).to_owned(), (*value).to_owned());
        }
    }
    form
}

fn hint(iss: &str, sub: &str) -> String {
    json!({ "format": "iss_sub", "iss": iss, "sub": sub }).to_string()
}

async fn start(sandbox: &Handle, changes: &[(&str, &str)]) -> Response {
    http()
        .post(format!("{}/bc-authorize", sandbox.origin()))
        .form(&start_form(sandbox, changes))
        .send()
        .await
        .unwrap()
}

async fn poll(sandbox: &Handle, changes: &[(&str, &str)]) -> Response {
    let ready = sandbox.ready();
    let mut form: BTreeMap<&str, &str> = BTreeMap::from([
        ("client_id", ready.client_id.as_str()),
        ("client_secret", &ready.client_secret),
        ("grant_type", CIBA),
    ]);
    for (name, value) in changes {
        form.insert(name, value);
        if value.is_empty() {
            form.remove(name);
        }
    }
    http()
        .post(format!("{}/oauth/token", sandbox.origin()))
        .form(&form)
        .send()
        .await
        .unwrap()
}

/// Starts a good request.
async fn started(sandbox: &Handle) -> Value {
    let answer = start(sandbox, &[]).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

/// Status, `error` and `error_description` of a refusal, after the checks that hold for all of them.
async fn refusal(answer: Response) -> (u16, String, String) {
    let status = answer.status().as_u16();
    assert!(
        answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/json")
    );
    let body: Value = answer.json().await.unwrap();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let description = text("error_description");
    assert!(
        description
            .chars()
            .all(|c| matches!(c, ' '..='!' | '#'..='[' | ']'..='~')),
        "{description}"
    );
    (status, text("error"), description)
}

#[track_caller]
fn is(found: &(u16, String, String), status: u16, error: &str, description: &str) {
    assert_eq!((found.0, found.1.as_str()), (status, error), "{}", found.2);
    assert!(
        found.2.contains(description),
        "{:?} does not contain {description:?}",
        found.2
    );
}

async fn ready_sandbox() -> Sandbox {
    let sandbox = sandbox(|options| options.per_user_limit = None).await;
    TestPhone::enroll(&sandbox).await;
    sandbox
}

async fn manage(sandbox: &Handle, method: Method, path: &str, body: Value) -> Value {
    let answer = http()
        .request(method, format!("{}/api/v2/{path}", sandbox.origin()))
        .bearer_auth(sandbox.ready().management_token)
        .json(&body)
        .send()
        .await
        .unwrap();
    assert!(
        answer.status().is_success(),
        "{path}: {}",
        answer.text().await.unwrap()
    );
    answer.json().await.unwrap_or_default()
}

/// A user id as one segment of a path.
fn segment(id: &str) -> String {
    percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string()
}

// ---------------------------------------------------------------- the start

#[tokio::test]
async fn each_broken_parameter_of_a_start_has_its_error() {
    let sandbox = ready_sandbox().await;
    let issuer = sandbox.issuer();
    let user = sandbox.ready().user_id;
    let foreign = hint("https://other.example/", &user);
    let unknown = hint(&issuer, "auth0|nobody");
    let no_sub = json!({ "format": "iss_sub", "iss": issuer }).to_string();
    let opaque = json!({ "format": "opaque", "iss": issuer, "sub": user }).to_string();
    let long = "A".repeat(65);
    for (name, value, error, description) in [
        (
            "login_hint",
            unknown.as_str(),
            "unknown_user_id",
            "User ID is malformed or unknown",
        ),
        (
            "scope",
            "profile",
            "invalid_request",
            "openid scope must be requested",
        ),
        (
            "scope",
            "",
            "invalid_request",
            "openid scope must be requested",
        ),
        ("scope", "openid no-such-scope", "invalid_scope", ""),
        (
            "login_hint",
            &no_sub,
            "invalid_request",
            "login_hint parameter validation failed: sub contains unsupported format",
        ),
        (
            "login_hint",
            &foreign,
            "invalid_request",
            "iss within login_hint",
        ),
        (
            "login_hint",
            "ana@example.com",
            "invalid_request",
            "login_hint parameter validation failed",
        ),
        (
            "login_hint",
            &opaque,
            "invalid_request",
            "login_hint parameter validation failed",
        ),
        ("login_hint", "", "invalid_request", ""),
        (
            "id_token_hint",
            "eyJhbGciOiJub25lIn0.e30.",
            "invalid_request",
            "",
        ),
        (
            "login_hint_token",
            "eyJhbGciOiJub25lIn0.e30.",
            "invalid_request",
            "",
        ),
        ("request", "eyJhbGciOiJub25lIn0.e30.", "invalid_request", ""),
        (
            "binding_message",
            "",
            "invalid_request",
            "binding_message is required",
        ),
        (
            "binding_message",
            long.as_str(),
            "invalid_binding_message",
            "",
        ),
        ("binding_message", "   ", "invalid_binding_message", ""),
        ("binding_message", "<b>", "invalid_binding_message", ""),
        (
            "binding_message",
            "Zahlung für dich",
            "invalid_binding_message",
            "",
        ),
        ("requested_expiry", "0", "invalid_request", ""),
        ("requested_expiry", "-1", "invalid_request", ""),
        ("requested_expiry", "1.5", "invalid_request", ""),
        ("requested_expiry", "soon", "invalid_request", ""),
        ("requested_expiry", "259201", "invalid_request", ""),
        (
            "requested_expiry",
            "301",
            "invalid_request",
            "No eligible notification channels were found.",
        ),
        (
            "audience",
            "https://no-such-api.example",
            "invalid_target",
            "",
        ),
        (
            "authorization_details",
            r#"[{"type":"payment_initiation"}]"#,
            "invalid_request",
            "",
        ),
    ] {
        let found = refusal(start(&sandbox, &[(name, value)]).await).await;
        assert_eq!(
            (found.0, found.1.as_str()),
            (400, error),
            "{name}={value}: {}",
            found.2
        );
        assert!(found.2.contains(description), "{name}={value}: {}", found.2);
    }
    assert!(sandbox.snapshot().requests.is_empty());
}

#[tokio::test]
async fn details_beyond_a_limit_or_of_an_unregistered_type_are_refused() {
    let sandbox = ready_sandbox().await;
    let audience = sandbox.ready().audience;
    let payment = r#"{"type":"payment_initiation"}"#;
    let six = format!("[{}]", [payment; 6].join(","));
    let eleven = format!(
        r#"[{{"type":"payment_initiation",{}}}]"#,
        (0..10)
            .map(|i| format!(r#""p{i}":1"#))
            .collect::<Vec<_>>()
            .join(",")
    );
    let long_value = format!(
        r#"[{{"type":"payment_initiation","v":"{}"}}]"#,
        "x".repeat(256)
    );
    let large = format!("[{payment}{}]", " ".repeat(5 * 1024));
    for details in [
        "not json",
        payment,
        "[]]",
        "[1]",
        "[{}]",
        r#"[{"type":7}]"#,
        r#"[{"type":"no_such_type"}]"#,
        r#"[{"type":"payment_initiation"},{"type":"no_such_type"}]"#,
        r#"[{"type":"payment_initiation","bad name":1}]"#,
        &six,
        &eleven,
        &long_value,
        &large,
    ] {
        let found = refusal(
            start(
                &sandbox,
                &[("audience", &audience), ("authorization_details", details)],
            )
            .await,
        )
        .await;
        assert_eq!(
            (found.0, found.1.as_str()),
            (400, "invalid_authorization_details"),
            "{details}"
        );
    }
}

#[tokio::test]
async fn an_empty_parameter_counts_as_absent_and_a_repeated_one_is_refused() {
    let sandbox = ready_sandbox().await;
    let mut form: Vec<_> = start_form(&sandbox, &[]).into_iter().collect();
    form.extend([
        ("audience".to_owned(), String::new()),
        ("requested_expiry".to_owned(), String::new()),
        ("unheard_of".to_owned(), "x".to_owned()),
    ]);
    let url = format!("{}/bc-authorize", sandbox.origin());
    assert_eq!(
        http().post(&url).form(&form).send().await.unwrap().status(),
        200
    );
    form.push(("binding_message".to_owned(), "TX-4711".to_owned()));
    let found = refusal(http().post(&url).form(&form).send().await.unwrap()).await;
    is(&found, 400, "invalid_request", "");
}

#[tokio::test]
async fn the_older_name_of_the_expiry_counts_only_alone() {
    let sandbox = ready_sandbox().await;
    for (changes, expected) in [
        (&[("request_expiry", "60")][..], 60),
        (&[("request_expiry", "60"), ("requested_expiry", "90")], 90),
        (&[], 300),
    ] {
        let answer: Value = start(&sandbox, changes).await.json().await.unwrap();
        assert_eq!(answer["expires_in"], expected);
    }
}

#[tokio::test]
async fn an_acknowledgement_has_numbers_and_is_not_stored() {
    let sandbox = ready_sandbox().await;
    let answer = start(&sandbox, &[("requested_expiry", "120")]).await;
    assert_eq!(answer.status(), 200);
    assert!(
        answer.headers()["cache-control"]
            .to_str()
            .unwrap()
            .contains("no-store")
    );
    assert_eq!(
        answer.headers()["content-type"],
        "application/json; charset=utf-8"
    );
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        (&body["expires_in"], &body["interval"]),
        (&json!(120), &json!(5))
    );
    let id = body["auth_req_id"].as_str().unwrap();
    assert!(
        id.len() == 64
            && id
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    );
}

#[tokio::test]
async fn a_start_is_a_posted_form_and_nothing_else() {
    let sandbox = ready_sandbox().await;
    let url = format!("{}/bc-authorize", sandbox.origin());
    let form = start_form(&sandbox, &[]);
    let as_json = http().post(&url).json(&form).send().await.unwrap();
    is(&refusal(as_json).await, 400, "invalid_request", "");
    assert_eq!(http().get(&url).send().await.unwrap().status(), 405);
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&form)
        .finish();
    let in_query = http()
        .post(format!("{url}?{query}"))
        .form(&[("x", "y")])
        .send()
        .await
        .unwrap();
    is(&refusal(in_query).await, 401, "invalid_client", "");
}

#[tokio::test]
async fn a_client_that_may_not_ask_is_refused() {
    let sandbox = ready_sandbox().await;
    for change in [
        json!({ "grant_types": ["refresh_token"] }),
        json!({ "is_first_party": false }),
        json!({ "oidc_conformant": false }),
    ] {
        let mut fit = json!({
            "name": "Other", "grant_types": [CIBA], "is_first_party": true, "oidc_conformant": true,
            "token_endpoint_auth_method": "client_secret_post",
        });
        if change.get("grant_types").is_none() {
            // The grant may not be put on a client that breaks a restriction, so it breaks one afterwards.
            fit["grant_types"] = json!([CIBA]);
        }
        let client = manage(&sandbox, Method::POST, "clients", fit).await;
        let id = client["client_id"].as_str().unwrap();
        let refused = http()
            .patch(format!("{}/api/v2/clients/{id}", sandbox.origin()))
            .bearer_auth(sandbox.ready().management_token)
            .json(&change)
            .send()
            .await
            .unwrap();
        let credentials = [
            ("client_id", id),
            ("client_secret", client["client_secret"].as_str().unwrap()),
        ];
        if refused.status().is_success() {
            is(
                &refusal(start(&sandbox, &credentials).await).await,
                400,
                "unauthorized_client",
                "",
            );
        } else {
            assert_eq!(refused.status(), 400, "{change}");
        }
    }
}

#[tokio::test]
async fn a_tenant_without_ciba_refuses_every_client() {
    let sandbox = sandbox(|options| options.ciba_enabled = false).await;
    is(
        &refusal(start(&sandbox, &[]).await).await,
        400,
        "unauthorized_client",
        "",
    );
}

#[tokio::test]
async fn a_client_that_cannot_prove_itself_is_refused_and_not_challenged() {
    let sandbox = ready_sandbox().await;
    for changes in [
        &[("client_secret", "wrong")][..],
        &[("client_secret", "")],
        &[("client_id", "no-such-client")],
        &[("client_id", ""), ("client_secret", "")],
    ] {
        for answer in [
            start(&sandbox, changes).await,
            poll(&sandbox, &[changes, &[("auth_req_id", "x")]].concat()).await,
        ] {
            assert!(!answer.headers().contains_key("www-authenticate"));
            is(&refusal(answer).await, 401, "invalid_client", "");
        }
    }
}

#[tokio::test]
async fn a_client_that_used_the_header_is_challenged_there() {
    let sandbox = ready_sandbox().await;
    let ready = sandbox.ready();
    let form = start_form(&sandbox, &[("client_id", ""), ("client_secret", "")]);
    let url = format!("{}/bc-authorize", sandbox.origin());
    let wrong = http()
        .post(&url)
        .basic_auth(&ready.client_id, Some("wrong"))
        .form(&form)
        .send()
        .await
        .unwrap();
    assert!(
        wrong.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Basic")
    );
    is(&refusal(wrong).await, 401, "invalid_client", "");
    // RFC 6749 §2.3.1: both halves are form-encoded before base64; some clients encode every special character.
    let encoded = ready.client_secret.replace('-', "%2D").replace('_', "%5F");
    let right = http()
        .post(&url)
        .basic_auth(&ready.client_id, Some(encoded))
        .form(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(right.status(), 200);
}

#[tokio::test]
async fn two_ways_to_prove_oneself_at_once_are_refused() {
    let sandbox = ready_sandbox().await;
    let ready = sandbox.ready();
    let answer = http()
        .post(format!("{}/bc-authorize", sandbox.origin()))
        .basic_auth(&ready.client_id, Some(&ready.client_secret))
        .form(&start_form(&sandbox, &[]))
        .send()
        .await
        .unwrap();
    is(&refusal(answer).await, 400, "invalid_request", "");
}

#[tokio::test]
async fn a_blocked_user_reads_like_an_unknown_one() {
    let sandbox = ready_sandbox().await;
    let user = sandbox.ready().user_id;
    let unknown = refusal(
        start(
            &sandbox,
            &[("login_hint", &hint(&sandbox.issuer(), "auth0|nobody"))],
        )
        .await,
    )
    .await;
    manage(
        &sandbox,
        Method::PATCH,
        &format!("users/{}", segment(&user)),
        json!({ "blocked": true }),
    )
    .await;
    assert_eq!(refusal(start(&sandbox, &[]).await).await, unknown);
}

#[tokio::test]
async fn a_user_without_a_phone_has_no_channel() {
    let text = "No eligible notification channels were found. guardian-push: User does not have push notifications set up";
    let bare = sandbox(|_| {}).await;
    is(
        &refusal(start(&bare, &[]).await).await,
        400,
        "invalid_request",
        text,
    );
    let strict =
        sandbox(|options| options.not_enrolled_status = NotEnrolledStatus::Forbidden).await;
    is(
        &refusal(start(&strict, &[]).await).await,
        403,
        "access_denied",
        "No eligible notification channels were found.",
    );
}

#[tokio::test]
async fn a_tenant_without_the_push_factor_has_no_channel() {
    let sandbox = sandbox(|options| options.push_factor = false).await;
    TestPhone::enroll(&sandbox).await;
    is(
        &refusal(start(&sandbox, &[]).await).await,
        400,
        "invalid_request",
        "No eligible notification channels were found.",
    );
}

#[tokio::test]
async fn a_person_is_asked_five_times_a_minute_and_not_more() {
    let sandbox = sandbox(|_| {}).await;
    TestPhone::enroll(&sandbox).await;
    for _ in 0..5 {
        started(&sandbox).await;
    }
    let answer = start(&sandbox, &[]).await;
    let wait: u64 = answer.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait));
    is(
        &refusal(answer).await,
        429,
        "too_many_requests",
        "Rate limit exceeded.",
    );
    sandbox.advance(Duration::from_secs(wait));
    assert_eq!(start(&sandbox, &[]).await.status(), 200);
}

// ---------------------------------------------------------------- the poll

#[tokio::test]
async fn a_pending_request_says_so() {
    let sandbox = ready_sandbox().await;
    let id = started(&sandbox).await["auth_req_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let answer = poll(&sandbox, &[("auth_req_id", &id)]).await;
    assert!(
        answer.headers()["cache-control"]
            .to_str()
            .unwrap()
            .contains("no-store")
    );
    is(
        &refusal(answer).await,
        400,
        "authorization_pending",
        "The end-user authorization is pending",
    );
}

#[tokio::test]
async fn a_hasty_client_is_told_the_new_interval_in_three_places() {
    let sandbox = ready_sandbox().await;
    let id = started(&sandbox).await["auth_req_id"]
        .as_str()
        .unwrap()
        .to_owned();
    poll(&sandbox, &[("auth_req_id", &id)]).await;
    for interval in [10, 15, 20] {
        let answer = poll(&sandbox, &[("auth_req_id", &id)]).await;
        assert_eq!(
            (
                answer.status().as_u16(),
                answer.headers()["retry-after"].to_str().unwrap()
            ),
            (400, interval.to_string().as_str())
        );
        let body: Value = answer.json().await.unwrap();
        let text = format!("You are polling faster than allowed. Try again in {interval} seconds.");
        assert_eq!(
            body,
            json!({ "error": "slow_down", "error_description": text, "interval": interval })
        );
    }
    sandbox.advance(Duration::from_secs(20));
    is(
        &refusal(poll(&sandbox, &[("auth_req_id", &id)]).await).await,
        400,
        "authorization_pending",
        "",
    );
}

#[tokio::test]
async fn a_hasty_client_still_gets_its_result() {
    let sandbox = ready_sandbox().await;
    let id = started(&sandbox).await["auth_req_id"]
        .as_str()
        .unwrap()
        .to_owned();
    for _ in 0..3 {
        poll(&sandbox, &[("auth_req_id", &id)]).await;
    }
    assert!(sandbox.decide(&id, true));
    assert_eq!(poll(&sandbox, &[("auth_req_id", &id)]).await.status(), 200);
}

#[tokio::test]
async fn refused_and_expired_read_the_same_for_five_minutes_and_are_then_forgotten() {
    let text = "The end-user denied the authorization request or it has been expired";
    let sandbox = ready_sandbox().await;
    let refused = started(&sandbox).await["auth_req_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let expiring = started(&sandbox).await["auth_req_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(sandbox.decide(&refused, false));
    is(
        &refusal(poll(&sandbox, &[("auth_req_id", &refused)]).await).await,
        400,
        "access_denied",
        text,
    );
    sandbox.advance(Duration::from_secs(301));
    is(
        &refusal(poll(&sandbox, &[("auth_req_id", &expiring)]).await).await,
        400,
        "access_denied",
        text,
    );
    is(
        &refusal(poll(&sandbox, &[("auth_req_id", &refused)]).await).await,
        400,
        "invalid_grant",
        "Invalid or expired auth_req_id",
    );
    sandbox.advance(Duration::from_secs(300));
    is(
        &refusal(poll(&sandbox, &[("auth_req_id", &expiring)]).await).await,
        400,
        "invalid_grant",
        "",
    );
}

#[tokio::test]
async fn expiry_has_its_own_error_where_that_is_chosen() {
    let sandbox = sandbox(|options| options.expiry_error = ExpiryError::ExpiredToken).await;
    TestPhone::enroll(&sandbox).await;
    let id = started(&sandbox).await["auth_req_id"]
        .as_str()
        .unwrap()
        .to_owned();
    sandbox.advance(Duration::from_secs(300));
    is(
        &refusal(poll(&sandbox, &[("auth_req_id", &id)]).await).await,
        400,
        "expired_token",
        "",
    );
}

#[tokio::test]
async fn an_approval_is_redeemed_once() {
    let sandbox = ready_sandbox().await;
    let id = started(&sandbox).await["auth_req_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(sandbox.decide(&id, true));
    let answer = poll(&sandbox, &[("auth_req_id", &id)]).await;
    assert!(
        answer.headers()["cache-control"]
            .to_str()
            .unwrap()
            .contains("no-store")
    );
    let tokens: Value = answer.json().await.unwrap();
    assert_eq!(
        (&tokens["token_type"], &tokens["scope"]),
        (&json!("Bearer"), &json!("openid"))
    );
    assert!(tokens["expires_in"].is_u64() && tokens["id_token"].is_string());
    assert!(tokens.get("refresh_token").is_none() && tokens.get("authorization_details").is_none());
    is(
        &refusal(poll(&sandbox, &[("auth_req_id", &id)]).await).await,
        400,
        "invalid_grant",
        "Invalid or expired auth_req_id",
    );
}

#[tokio::test]
async fn of_two_polls_at_once_one_gets_the_tokens() {
    let sandbox = ready_sandbox().await;
    let id = started(&sandbox).await["auth_req_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(sandbox.decide(&id, true));
    let poll = async || {
        poll(&sandbox, &[("auth_req_id", &id)])
            .await
            .status()
            .as_u16()
    };
    let mut statuses = futures_util::future::join_all((0..8).map(|_| poll())).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400, 400, 400, 400, 400]);
}

#[tokio::test]
async fn an_unknown_or_missing_id_and_another_grant_are_refused() {
    let sandbox = ready_sandbox().await;
    for (changes, error) in [
        (&[("auth_req_id", "no-such-id")][..], "invalid_grant"),
        (&[], "invalid_request"),
        (
            &[("grant_type", "urn:example:unknown"), ("auth_req_id", "x")],
            "unsupported_grant_type",
        ),
        (
            &[("grant_type", ""), ("auth_req_id", "x")],
            "invalid_request",
        ),
    ] {
        is(
            &refusal(poll(&sandbox, changes).await).await,
            400,
            error,
            "",
        );
    }
}

#[tokio::test]
async fn another_client_learns_nothing_of_a_request() {
    let sandbox = ready_sandbox().await;
    let id = started(&sandbox).await["auth_req_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let fit = json!({
        "name": "Other", "grant_types": [CIBA], "is_first_party": true, "oidc_conformant": true,
        "token_endpoint_auth_method": "client_secret_post",
    });
    let other = manage(&sandbox, Method::POST, "clients", fit).await;
    let credentials = [
        ("client_id", other["client_id"].as_str().unwrap()),
        ("client_secret", other["client_secret"].as_str().unwrap()),
    ];
    let foreign = refusal(
        poll(
            &sandbox,
            &[&credentials[..], &[("auth_req_id", &id)]].concat(),
        )
        .await,
    )
    .await;
    let unknown = refusal(
        poll(
            &sandbox,
            &[&credentials[..], &[("auth_req_id", "no-such-id")]].concat(),
        )
        .await,
    )
    .await;
    assert_eq!(foreign, unknown);
    is(&foreign, 400, "invalid_grant", "");
}

#[tokio::test]
async fn a_user_who_is_blocked_or_deleted_after_the_approval_gets_no_tokens() {
    for delete in [false, true] {
        let sandbox = ready_sandbox().await;
        let id = started(&sandbox).await["auth_req_id"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(sandbox.decide(&id, true));
        let path = format!("users/{}", segment(&sandbox.ready().user_id));
        if delete {
            manage(&sandbox, Method::DELETE, &path, Value::Null).await;
        } else {
            manage(&sandbox, Method::PATCH, &path, json!({ "blocked": true })).await;
        }
        is(
            &refusal(poll(&sandbox, &[("auth_req_id", &id)]).await).await,
            400,
            "access_denied",
            "",
        );
    }
}

#[tokio::test]
async fn a_poll_may_be_json() {
    let sandbox = ready_sandbox().await;
    let ready = sandbox.ready();
    let id = started(&sandbox).await["auth_req_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let url = format!("{}/oauth/token", sandbox.origin());
    let body = json!({ "grant_type": CIBA, "auth_req_id": id, "client_id": ready.client_id, "client_secret": ready.client_secret });
    is(
        &refusal(http().post(&url).json(&body).send().await.unwrap()).await,
        400,
        "authorization_pending",
        "",
    );
    for broken in ["{", "[]", "null", r#"{"grant_type":7}"#] {
        let answer = http()
            .post(&url)
            .header("content-type", "application/json")
            .body(broken)
            .send()
            .await
            .unwrap();
        let found = refusal(answer).await;
        assert!(
            matches!(
                (found.0, found.1.as_str()),
                (400, "invalid_request") | (401, "invalid_client")
            ),
            "{broken}: {found:?}"
        );
    }
}

#[tokio::test]
async fn details_come_back_as_they_were_sent() {
    let sandbox = ready_sandbox().await;
    let details = r#"[{"type":"money_transfer","z":1,"instructedAmount":{"amount":2500.00,"currency":"USD"},"a":"x"}]"#;
    let audience = sandbox.ready().audience;
    let begun: Value = start(
        &sandbox,
        &[("audience", &audience), ("authorization_details", details)],
    )
    .await
    .json()
    .await
    .unwrap();
    let id = begun["auth_req_id"].as_str().unwrap();
    assert!(sandbox.decide(id, true));
    let text = poll(&sandbox, &[("auth_req_id", id)])
        .await
        .text()
        .await
        .unwrap();
    assert!(text.contains(details), "{text}");
}

#[tokio::test]
async fn a_refusal_on_the_phone_ends_the_wait() {
    let sandbox = sandbox(|_| {}).await;
    let mut phone = TestPhone::enroll(&sandbox).await;
    let id = started(&sandbox).await["auth_req_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let pushed = phone.push(&sandbox).await;
    let consent: Value = phone.consent(&pushed).await.json().await.unwrap();
    assert_eq!(consent["requested_details"]["binding_message"], "TX-4711");
    let reason = json!({ "auth0_guardian_reason": "mistake" });
    assert_eq!(phone.answer(&pushed, false, reason).await.status(), 204);
    is(
        &refusal(poll(&sandbox, &[("auth_req_id", &id)]).await).await,
        400,
        "access_denied",
        "",
    );
}

#[tokio::test]
async fn the_id_token_names_the_request_and_the_access_token() {
    let sandbox = ready_sandbox().await;
    let begun = started(&sandbox).await;
    let id = begun["auth_req_id"].as_str().unwrap();
    assert!(sandbox.decide(id, true));
    let tokens: Value = poll(&sandbox, &[("auth_req_id", id)])
        .await
        .json()
        .await
        .unwrap();
    let id_token = tokens["id_token"].as_str().unwrap();
    let jwks = format!("{}/.well-known/jwks.json", sandbox.origin());
    let jwks: Value = http().get(jwks).send().await.unwrap().json().await.unwrap();
    let kid = jsonwebtoken::decode_header(id_token).unwrap().kid.unwrap();
    let keys = jwks["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"] == kid.as_str()).unwrap();
    let (n, e) = (key["n"].as_str().unwrap(), key["e"].as_str().unwrap());
    let key = jsonwebtoken::DecodingKey::from_rsa_components(n, e).unwrap();
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    rules.set_audience(&[sandbox.ready().client_id]);
    rules.set_issuer(&[sandbox.issuer()]);
    let claims = jsonwebtoken::decode::<Value>(id_token, &key, &rules)
        .unwrap()
        .claims;
    assert_eq!(claims["aud"], sandbox.ready().client_id.as_str());
    assert_eq!(claims["sub"], sandbox.ready().user_id.as_str());
    assert_eq!(claims["urn:openid:params:jwt:claim:auth_req_id"], id);
    assert!(claims["auth_time"].is_u64() && sandbox.issuer().ends_with('/'));
    // OpenID Connect Core §3.1.3.6: the left half of the hash.
    let hash = Sha256::digest(tokens["access_token"].as_str().unwrap());
    assert_eq!(claims["at_hash"], URL_SAFE_NO_PAD.encode(&hash[..16]));
    for absent in ["nonce", "c_hash", "s_hash", "acr"] {
        assert!(claims.get(absent).is_none(), "{absent}");
    }
}

#[tokio::test]
async fn a_tenant_has_a_limit_of_its_own() {
    let sandbox = sandbox(|options| {
        options.per_user_limit = None;
        options.per_tenant_limit = Some(2);
    })
    .await;
    TestPhone::enroll(&sandbox).await;
    started(&sandbox).await;
    started(&sandbox).await;
    let answer = start(&sandbox, &[]).await;
    assert!(answer.headers().contains_key("retry-after"));
    is(
        &refusal(answer).await,
        429,
        "too_many_requests",
        "Rate limit exceeded.",
    );
}
