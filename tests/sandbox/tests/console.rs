//! The console over a real socket.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod test_phone;

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use sandbox::{Handle, KnobState, PathClass, RequestState, StartRequest};
use serde_json::{Value, json};
use test_phone::{TestPhone, http, sandbox};

#[tokio::test]
async fn no_page_shows_a_secret_after_a_whole_request() {
    let sandbox = sandbox(|_| {}).await;
    let ready = sandbox.ready();
    let mut phone = TestPhone::enroll(&sandbox).await;
    let hint =
        json!({ "format": "iss_sub", "iss": sandbox.issuer(), "sub": ready.user_id }).to_string();
    let client = [
        ("client_id", ready.client_id.as_str()),
        ("client_secret", ready.client_secret.as_str()),
    ];
    let start = [
        ("scope", "openid offline_access"),
        ("binding_message", "Order 4711"),
        ("login_hint", &hint),
        ("audience", &ready.audience),
        (
            "authorization_details",
            r#"[{"type":"money_transfer","instructedAmount":{"amount":2500.00,"currency":"USD"}}]"#,
        ),
    ];
    let started: Value = post_form(
        &format!("{}/bc-authorize", sandbox.origin()),
        &[&client[..], &start].concat(),
    )
    .await
    .json()
    .await
    .unwrap();
    let auth_req_id = started["auth_req_id"].as_str().unwrap();
    let pushed = phone.push(&sandbox).await;
    assert_eq!(phone.consent(&pushed).await.status(), 200);
    let claim = json!({ "urn:authenticator-core:consent": { "v": 1, "reviewed": true, "source": "the-source-digest" } });
    assert!(
        phone
            .answer(&pushed, true, claim)
            .await
            .status()
            .is_success()
    );
    let poll = [
        ("grant_type", "urn:openid:params:grant-type:ciba"),
        ("auth_req_id", auth_req_id),
    ];
    let tokens: Value = post_form(
        &format!("{}/oauth/token", sandbox.origin()),
        &[&client[..], &poll].concat(),
    )
    .await
    .json()
    .await
    .unwrap();

    let mut secrets = phone.secrets.clone();
    secrets.extend([
        ready.client_secret.clone(),
        ready.management_token.clone(),
        auth_req_id.to_owned(),
    ]);
    secrets.extend(
        ["access_token", "id_token", "refresh_token"]
            .map(|name| tokens[name].as_str().unwrap().to_owned()),
    );
    let pages = every_page(&sandbox).await;
    for (path, page) in &pages {
        for secret in &secrets {
            assert!(
                !page.contains(secret.as_str()),
                "{path} shows a secret: {page}"
            );
        }
    }
    let request = &pages
        .iter()
        .find(|(path, _)| path.starts_with("/requests/"))
        .unwrap()
        .1;
    for shown in [
        "2500.00",
        "redeemed",
        "the-source-digest",
        "Test phone",
        "Consent fetched",
    ] {
        assert!(request.contains(shown), "{shown}");
    }
}

#[tokio::test]
async fn each_sample_starts_with_one_button() {
    let sandbox = sandbox(|options| options.per_user_limit = None).await;
    TestPhone::enroll(&sandbox).await;
    let overview = page(&sandbox, "/").await;
    let samples: Vec<_> = values(&overview, "name=\"sample\" value=\"").collect();
    assert_eq!(samples.len(), 8);
    for sample in samples {
        let answer = press(
            &sandbox,
            "/requests/start",
            &[("sample", &sample), ("user", &sandbox.ready().user_id)],
        )
        .await;
        assert_eq!(
            answer.status(),
            303,
            "{sample}: {}",
            answer.text().await.unwrap()
        );
        let path = answer.headers()["location"].to_str().unwrap().to_owned();
        assert!(page(&sandbox, &path).await.contains("pending"), "{sample}");
    }
    assert!(!sandbox.knobs().get().unknown_rar_type);
}

#[tokio::test]
async fn a_refused_start_says_why() {
    let sandbox = sandbox(|_| {}).await;
    let answer = press(
        &sandbox,
        "/requests/start",
        &[("sample", "payment"), ("user", &sandbox.ready().user_id)],
    )
    .await;
    assert_eq!(answer.status(), 400);
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains("User does not have push notifications set up")
    );
}

#[tokio::test]
async fn a_form_without_the_token_of_this_run_does_nothing() {
    let sandbox = sandbox(|_| {}).await;
    TestPhone::enroll(&sandbox).await;
    let form = [("sample", "payment"), ("user", &sandbox.ready().user_id)];
    for token in [None, Some(""), Some("0123456789abcdef")] {
        let form = form
            .iter()
            .copied()
            .chain(token.map(|token| ("token", token)))
            .collect::<Vec<_>>();
        assert_eq!(
            post_form(&url(&sandbox, "/requests/start"), &form)
                .await
                .status(),
            403
        );
    }
    for path in [
        "/invitation",
        "/users/block",
        "/users/delete",
        "/devices/revoke",
        "/devices/trust",
        "/knobs/set",
        "/knobs/reset",
        "/clock",
        "/requests/decide",
    ] {
        assert_eq!(
            post_form(&url(&sandbox, path), &[]).await.status(),
            403,
            "{path}"
        );
    }
    assert!(sandbox.snapshot().requests.is_empty());
}

#[tokio::test]
async fn a_form_of_another_site_does_nothing_even_with_the_token() {
    let sandbox = sandbox(|_| {}).await;
    let token = token(&sandbox).await;
    for (name, value) in [("origin", "https://evil.example"), ("origin", "null")] {
        let answer = http()
            .post(url(&sandbox, "/knobs/reset"))
            .header(name, value)
            .form(&[("token", &token)])
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 403, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_name_that_was_rebound_to_this_machine_gets_nothing() {
    let sandbox = sandbox(|_| {}).await;
    let token = token(&sandbox).await;
    for path in ["/", "/requests", "/log", "/events", "/console.css"] {
        let answer = http()
            .get(url(&sandbox, path))
            .header("host", "evil.example:80")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 403, "{path}");
        assert!(!answer.text().await.unwrap().contains(&sandbox.issuer()));
    }
    let answer = http()
        .post(url(&sandbox, "/knobs/reset"))
        .header("host", "evil.example")
        .form(&[("token", &token)])
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 403);
}

#[tokio::test]
async fn every_answer_forbids_foreign_content_and_caching() {
    let sandbox = sandbox(|_| {}).await;
    for path in ["/", "/console.js", "/requests/none"] {
        let answer = http().get(url(&sandbox, path)).send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert!(header("content-security-policy").starts_with("default-src 'none'; "));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "same-origin");
        assert_eq!(header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn no_page_needs_the_network() {
    let sandbox = sandbox(|_| {}).await;
    for (path, page) in every_page(&sandbox).await {
        for source in ["src=\"", "<link rel=\"stylesheet\" href=\"", "action=\""] {
            assert!(
                values(&page, source).all(|target| target.starts_with('/')),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn a_request_can_be_decided_without_a_phone() {
    let sandbox = sandbox(|_| {}).await;
    TestPhone::enroll(&sandbox).await;
    let started = sandbox
        .start_request(StartRequest {
            binding_message: "Login".to_owned(),
            ..StartRequest::default()
        })
        .unwrap();
    let form = [("request", started.id.as_str()), ("accept", "false")];
    assert_eq!(
        press(&sandbox, "/requests/decide", &form).await.status(),
        303
    );
    assert_eq!(sandbox.snapshot().requests[0].state, RequestState::Denied);
    assert_eq!(
        press(&sandbox, "/requests/decide", &form).await.status(),
        409
    );
}

#[tokio::test]
async fn users_and_devices_are_blocked_revoked_and_deleted() {
    let sandbox = sandbox(|_| {}).await;
    TestPhone::enroll(&sandbox).await;
    let user = sandbox.ready().user_id;
    press(&sandbox, "/users/block", &[("user", &user)]).await;
    assert!(sandbox.snapshot().users[0].blocked);
    press(&sandbox, "/users/unblock", &[("user", &user)]).await;
    assert!(!sandbox.snapshot().users[0].blocked);
    let device = sandbox.snapshot().devices[0].id.clone();
    press(&sandbox, "/devices/revoke", &[("device", &device)]).await;
    assert!(sandbox.snapshot().devices.is_empty());
    press(&sandbox, "/users/delete", &[("user", &user)]).await;
    assert!(sandbox.snapshot().users.is_empty());
    assert_eq!(
        press(&sandbox, "/users/delete", &[("user", &user)])
            .await
            .status(),
        404
    );
}

#[tokio::test]
async fn knobs_are_set_and_reset_by_their_form() {
    let sandbox = sandbox(|_| {}).await;
    let form = [
        ("push_delay_ms", "1500"),
        ("clock_skew_s", "-30"),
        ("server_errors.resolve", "2"),
        ("lose_answer.consent", ""),
        ("stall_answer.enroll", "1"),
        ("lose_push", "on"),
    ];
    assert_eq!(press(&sandbox, "/knobs/set", &form).await.status(), 303);
    let mut expected = KnobState {
        push_delay_ms: 1500,
        clock_skew_s: -30,
        lose_push: true,
        ..KnobState::default()
    };
    expected.server_errors.insert(PathClass::Resolve, 2);
    expected.stall_answer.insert(PathClass::Enroll, 1);
    assert_eq!(sandbox.knobs().get(), expected);
    assert_eq!(
        press(&sandbox, "/knobs/set", &[("retry_after_s", "-1")])
            .await
            .status(),
        400
    );
    assert_eq!(sandbox.knobs().get(), expected);
    press(&sandbox, "/knobs/reset", &[]).await;
    assert_eq!(sandbox.knobs().get(), KnobState::default());
}

#[tokio::test]
async fn the_code_on_the_overview_enrols_a_phone_and_is_then_replaced_by_its_name() {
    let sandbox = sandbox(|_| {}).await;
    let before = page(&sandbox, "/").await;
    assert!(before.contains("otpauth://totp/"));
    assert_eq!(
        values(&before, "otpauth://").next(),
        values(&page(&sandbox, "/").await, "otpauth://").next()
    );
    TestPhone::enroll(&sandbox).await;
    let after = page(&sandbox, "/").await;
    assert!(after.contains("Test phone") && !after.contains("otpauth://totp/"));
    press(&sandbox, "/invitation", &[]).await;
    assert!(page(&sandbox, "/").await.contains("otpauth://totp/"));
}

#[tokio::test]
async fn an_open_page_hears_of_a_change() {
    let sandbox = sandbox(|_| {}).await;
    TestPhone::enroll(&sandbox).await;
    let events = http().get(url(&sandbox, "/events")).send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    sandbox
        .start_request(StartRequest {
            binding_message: "Login".to_owned(),
            ..StartRequest::default()
        })
        .unwrap();
    let first = events.bytes_stream().next().await.unwrap().unwrap();
    // A browser drops an event that has no data.
    assert!(first.starts_with(b"event: change\ndata: "));
}

#[tokio::test]
async fn a_page_that_listens_does_not_hold_up_the_end() {
    let sandbox = sandbox(|_| {}).await;
    let events = http().get(url(&sandbox, "/events")).send().await.unwrap();
    let stopped = tokio::time::timeout(std::time::Duration::from_secs(5), sandbox.stop()).await;
    assert!(stopped.is_ok());
    drop(events);
}

fn url(sandbox: &Handle, path: &str) -> String {
    format!("{}{path}", sandbox.console_url().trim_end_matches('/'))
}

async fn page(sandbox: &Handle, path: &str) -> String {
    let answer = http().get(url(sandbox, path)).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.text().await.unwrap()
}

/// All pages that can be reached by links.
async fn every_page(sandbox: &Handle) -> Vec<(String, String)> {
    let mut todo = BTreeSet::from(["/".to_owned()]);
    let mut pages: Vec<(String, String)> = Vec::new();
    while let Some(path) = todo.pop_first() {
        let page = page(sandbox, &path).await;
        let links = values(&page, "<a href=\"").chain(values(&page, "<a class=\"what\" href=\""));
        todo.extend(links.filter(|link| {
            link.starts_with('/') && *link != path && pages.iter().all(|(seen, _)| seen != link)
        }));
        pages.push((path, page));
    }
    assert!(pages.len() >= 8, "found only {} pages", pages.len());
    pages
}

/// What follows `before` up to the end of the word or the quotation.
fn values<'a>(page: &'a str, before: &'a str) -> impl Iterator<Item = String> + 'a {
    page.split(before)
        .skip(1)
        .map(|rest| rest.split(['"', '<']).next().unwrap_or_default().to_owned())
}

async fn token(sandbox: &Handle) -> String {
    let page = page(sandbox, "/knobs").await;
    values(&page, "name=\"token\" value=\"").next().unwrap()
}

/// Sends a form as the page would.
async fn press(sandbox: &Handle, path: &str, fields: &[(&str, &str)]) -> reqwest::Response {
    let token = token(sandbox).await;
    let origin = sandbox.console_url().trim_end_matches('/').to_owned();
    let form = [&[("token", token.as_str())], fields].concat();
    http()
        .post(url(sandbox, path))
        .header("origin", origin)
        .form(&form)
        .send()
        .await
        .unwrap()
}

async fn post_form(url: &str, fields: &[(&str, &str)]) -> reqwest::Response {
    http().post(url).form(fields).send().await.unwrap()
}
