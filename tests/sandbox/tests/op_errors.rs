//! Refusals of the OpenID Provider as a client sees them (CIBA Core §11, §13): the cases at the edges of the rules,
//! beside the tables in `protocol/`.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod test_phone;

use std::collections::BTreeMap;

use reqwest::{Method, Response};
use sandbox::{Handle, Sandbox};
use serde_json::{Value, json};
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

#[tokio::test]
async fn hints_messages_and_expiries_that_no_rule_allows_are_refused() {
    let sandbox = ready_sandbox().await;
    let details = r#"[{"type":"payment_initiation"}]"#;
    for (name, value, error) in [
        (
            "login_hint_token",
            "eyJhbGciOiJub25lIn0.e30.",
            "invalid_request",
        ),
        ("binding_message", "   ", "invalid_binding_message"),
        (
            "binding_message",
            "Zahlung f\u{fc}r dich",
            "invalid_binding_message",
        ),
        ("requested_expiry", "soon", "invalid_request"),
        // Without an audience there is no API that could have registered the type.
        ("authorization_details", details, "invalid_request"),
    ] {
        let found = refusal(start(&sandbox, &[(name, value)]).await).await;
        assert_eq!((found.0, found.1.as_str()), (400, error), "{name}={value}");
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
