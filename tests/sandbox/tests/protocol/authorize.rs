//! `/bc-authorize`: every refusal of the wire description, and what an accepted start looks like.

use reqwest::Method;
use sandbox::{BindingMessagePolicy, NotEnrolledStatus, Options};
use serde_json::json;

use crate::bench::{Bench, DETAILS};

/// Name, changed parameters, status, error, part of the description.
type Row<'a> = (&'a str, Vec<(&'static str, &'a str)>, u16, &'a str, &'a str);

fn no_limit() -> Options {
    Options {
        per_user_limit: None,
        ..Options::default()
    }
}

#[tokio::test]
async fn an_accepted_start_has_exactly_the_documented_members_and_headers() {
    let bench = Bench::new().await;
    bench.enroll().await;
    let answer = bench.start_with(&[("requested_expiry", "120")]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    assert_eq!(body["expires_in"], 120);
    assert_eq!(body["interval"], 5);
    let id = body["auth_req_id"].as_str().expect("id");
    assert_eq!(id.len(), 64);
    assert!(
        id.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    );
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(3));
}

#[tokio::test]
async fn every_refusal_has_its_code_and_text() {
    let bench = Bench::new().await;
    bench.enroll().await;
    let hint =
        |iss: &str, sub: &str| json!({ "format": "iss_sub", "iss": iss, "sub": sub }).to_string();
    let issuer = bench.sandbox.issuer();
    let user = bench.sandbox.ready().user_id;
    let no_sub = json!({ "format": "iss_sub", "iss": issuer }).to_string();
    let (unknown, stranger) = (
        hint(&issuer, "auth0|nobody"),
        hint("https://evil.example/", &user),
    );
    let long = "A".repeat(65);
    let rows: Vec<Row<'_>> = vec![
        (
            "unknown user",
            vec![("login_hint", &unknown)],
            400,
            "unknown_user_id",
            "User ID is malformed or unknown",
        ),
        (
            "no openid",
            vec![("scope", "profile")],
            400,
            "invalid_request",
            "openid scope must be requested",
        ),
        (
            "no scope",
            vec![("scope", "")],
            400,
            "invalid_request",
            "openid scope must be requested",
        ),
        (
            "unknown scope",
            vec![("scope", "openid nonsense")],
            400,
            "invalid_scope",
            "",
        ),
        (
            "no sub",
            vec![("login_hint", &no_sub)],
            400,
            "invalid_request",
            "login_hint parameter validation failed: sub contains unsupported format",
        ),
        (
            "foreign iss",
            vec![("login_hint", &stranger)],
            400,
            "invalid_request",
            "iss within login_hint",
        ),
        (
            "hint is no JSON",
            vec![("login_hint", "ana")],
            400,
            "invalid_request",
            "login_hint parameter validation failed",
        ),
        (
            "no hint",
            vec![("login_hint", "")],
            400,
            "invalid_request",
            "",
        ),
        (
            "two hints",
            vec![("id_token_hint", "x")],
            400,
            "invalid_request",
            "",
        ),
        (
            "signed request",
            vec![("request", "x")],
            400,
            "invalid_request",
            "",
        ),
        (
            "no binding message",
            vec![("binding_message", "")],
            400,
            "invalid_request",
            "binding_message is required",
        ),
        (
            "bad binding message",
            vec![("binding_message", "a<b>")],
            400,
            "invalid_binding_message",
            "A binding message has 1 to 64 characters: letters from A to Z, digits, + - _ . , : #, spaces and $",
        ),
        (
            "long binding message",
            vec![("binding_message", &long)],
            400,
            "invalid_binding_message",
            "",
        ),
        (
            "expiry 0",
            vec![("requested_expiry", "0")],
            400,
            "invalid_request",
            "",
        ),
        (
            "expiry -1",
            vec![("requested_expiry", "-1")],
            400,
            "invalid_request",
            "",
        ),
        (
            "expiry +1",
            vec![("requested_expiry", "+1")],
            400,
            "invalid_request",
            "",
        ),
        (
            "expiry 1.5",
            vec![("requested_expiry", "1.5")],
            400,
            "invalid_request",
            "",
        ),
        (
            "expiry over 72 h",
            vec![("requested_expiry", "259201")],
            400,
            "invalid_request",
            "",
        ),
        (
            "push is too short for it",
            vec![("requested_expiry", "301")],
            400,
            "invalid_request",
            "No eligible notification channels were found.",
        ),
        (
            "unknown audience",
            vec![("audience", "https://nowhere.example")],
            400,
            "invalid_target",
            "",
        ),
        (
            "details without audience",
            vec![("authorization_details", DETAILS)],
            400,
            "invalid_request",
            "",
        ),
        (
            "unregistered type",
            vec![
                ("audience", "https://api.bank.example"),
                ("authorization_details", r#"[{"type":"unknown"}]"#),
            ],
            400,
            "invalid_authorization_details",
            "The authorization_details type unknown is not registered for this API and client",
        ),
        (
            "details are no array",
            vec![
                ("audience", "https://api.bank.example"),
                ("authorization_details", "{}"),
            ],
            400,
            "invalid_authorization_details",
            "",
        ),
        (
            "wrong secret",
            vec![("client_secret", "wrong")],
            401,
            "invalid_client",
            "",
        ),
        (
            "no credentials",
            vec![("client_secret", "")],
            401,
            "invalid_client",
            "",
        ),
        (
            "nobody",
            vec![("client_id", ""), ("client_secret", "")],
            401,
            "invalid_client",
            "",
        ),
    ];
    for (name, changes, status, error, text) in rows {
        let answer = bench.start_with(&changes).await;
        assert_eq!(
            answer.error(),
            (status, error.to_owned()),
            "{name}: {}",
            answer.text
        );
        let description = answer.json()["error_description"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(description.contains(text), "{name}: {description}");
        assert!(
            description
                .chars()
                .all(|c| matches!(c, ' '..='!' | '#'..='[' | ']'..='~')),
            "{name}: {description}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
        assert_eq!(answer.header("www-authenticate"), None, "{name}");
    }
}

#[tokio::test]
async fn empty_parameters_are_absent_unknown_ones_ignored_and_the_old_expiry_name_counts_second() {
    let bench = Bench::new().await;
    bench.enroll().await;
    let mut form = bench.start_form();
    form.extend([
        ("audience", String::new()),
        ("favourite_colour", "blue".to_owned()),
        ("user_code", "1".to_owned()),
    ]);
    form.push(("request_expiry", "60".to_owned()));
    assert_eq!(
        bench.form("/bc-authorize", &form).await.json()["expires_in"],
        60
    );
    form.push(("requested_expiry", "90".to_owned()));
    assert_eq!(
        bench.form("/bc-authorize", &form).await.json()["expires_in"],
        90
    );
}

#[tokio::test]
async fn repeated_parameters_are_refused_and_the_query_is_not_read() {
    let bench = Bench::new().await;
    bench.enroll().await;
    for name in ["scope", "client_secret", "client_id", "unknown"] {
        let mut form = bench.start_form();
        let value = form
            .iter()
            .find(|(known, _)| *known == name)
            .map_or("x".to_owned(), |(_, value)| value.clone());
        form.push(("unknown", "x".to_owned()));
        form.push((name, value));
        assert_eq!(
            bench.form("/bc-authorize", &form).await.error(),
            (400, "invalid_request".to_owned()),
            "{name}"
        );
    }
    let mut form = bench.start_form();
    form.retain(|(name, _)| *name != "scope");
    let answer = bench.form("/bc-authorize?scope=openid", &form).await;
    assert_eq!(answer.error(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn other_methods_get_405_and_other_content_types_400() {
    let bench = Bench::new().await;
    assert_eq!(bench.get("/bc-authorize").await.status, 405);
    let json = bench
        .http
        .post(bench.url("/bc-authorize"))
        .json(&json!({ "scope": "openid" }));
    assert_eq!(
        bench.send(json).await.error(),
        (400, "invalid_request".to_owned())
    );
    assert_eq!(
        bench
            .send(bench.http.post(bench.url("/bc-authorize")))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn the_hint_may_name_the_issuer_as_sdks_build_it() {
    let bench = Bench::new().await;
    bench.enroll().await;
    let user = bench.sandbox.ready().user_id;
    let port = bench
        .sandbox
        .origin()
        .rsplit(':')
        .next()
        .expect("port")
        .to_owned();
    for iss in [
        format!("https://localhost:{port}/"),
        format!("https://127.0.0.1:{port}"),
        "https://localhost/".to_owned(),
    ] {
        let hint = json!({ "format": "iss_sub", "iss": iss, "sub": user }).to_string();
        assert_eq!(
            bench.start_with(&[("login_hint", &hint)]).await.status,
            200,
            "{iss}"
        );
    }
}

#[tokio::test]
async fn a_user_without_a_device_is_refused_with_400_or_by_switch_403() {
    let bench = Bench::new().await;
    let answer = bench.start_with(&[]).await;
    assert_eq!(answer.error(), (400, "invalid_request".to_owned()));
    assert_eq!(
        answer.json()["error_description"],
        "No eligible notification channels were found. guardian-push: User does not have push notifications set up"
    );
    let bench = Bench::with(Options {
        not_enrolled_status: NotEnrolledStatus::Forbidden,
        ..no_limit()
    })
    .await;
    assert_eq!(
        bench.start_with(&[]).await.error(),
        (403, "access_denied".to_owned())
    );
}

#[tokio::test]
async fn a_tenant_without_push_factor_or_without_ciba_refuses() {
    let bench = Bench::with(Options {
        push_factor: false,
        ..no_limit()
    })
    .await;
    bench.enroll().await;
    assert_eq!(
        bench.start_with(&[]).await.error(),
        (400, "invalid_request".to_owned())
    );
    let bench = Bench::with(Options {
        ciba_enabled: false,
        ..no_limit()
    })
    .await;
    assert_eq!(
        bench.start_with(&[]).await.error(),
        (400, "unauthorized_client".to_owned())
    );
}

#[tokio::test]
async fn the_documented_binding_message_policy_refuses_spaces() {
    let bench = Bench::with(Options {
        binding_message_policy: BindingMessagePolicy::Documented,
        ..no_limit()
    })
    .await;
    bench.enroll().await;
    let spaces = [("binding_message", "Approve payment of $100")];
    assert_eq!(
        bench.start_with(&spaces).await.error(),
        (400, "invalid_binding_message".to_owned())
    );
    let bench = Bench::new().await;
    bench.enroll().await;
    assert_eq!(bench.start_with(&spaces).await.status, 200);
}

#[tokio::test]
async fn a_blocked_user_reads_like_an_unknown_one() {
    let bench = Bench::new().await;
    bench.enroll().await;
    let path = format!(
        "/users/{}",
        bench.sandbox.ready().user_id.replace('|', "%7C")
    );
    assert_eq!(
        bench
            .manage(Method::PATCH, &path, json!({ "blocked": true }))
            .await
            .status,
        200
    );
    let answer = bench.start_with(&[]).await;
    assert_eq!(answer.error(), (400, "unknown_user_id".to_owned()));
    assert_eq!(
        answer.json()["error_description"],
        "User ID is malformed or unknown"
    );
}

#[tokio::test]
async fn the_sixth_request_for_a_user_within_a_minute_gets_429_with_whole_seconds() {
    let bench = Bench::with(Options::default()).await;
    bench.enroll().await;
    for _ in 0..5 {
        bench.start().await;
    }
    let answer = bench.start_with(&[]).await;
    assert_eq!(answer.error(), (429, "too_many_requests".to_owned()));
    assert_eq!(answer.json()["error_description"], "Rate limit exceeded.");
    let wait: u64 = answer
        .header("retry-after")
        .and_then(|text| text.parse().ok())
        .expect("seconds");
    assert!((1..=60).contains(&wait));
    bench.advance(wait);
    bench.start().await;
}

#[tokio::test]
async fn a_client_without_the_grant_and_a_public_client_are_unauthorized() {
    let bench = Bench::new().await;
    bench.enroll().await;
    let secret = bench.sandbox.ready().client_secret;
    let path = format!("/clients/{}", bench.sandbox.ready().client_id);
    for (method, secret) in [("client_secret_post", secret.as_str()), ("none", "")] {
        let change = json!({ "grant_types": [], "token_endpoint_auth_method": method });
        assert_eq!(bench.manage(Method::PATCH, &path, change).await.status, 200);
        let answer = bench.start_with(&[("client_secret", secret)]).await;
        assert_eq!(
            answer.error(),
            (400, "unauthorized_client".to_owned()),
            "{method}"
        );
    }
}

#[tokio::test]
async fn a_client_without_the_push_channel_finds_no_channel() {
    let bench = Bench::new().await;
    bench.enroll().await;
    let path = format!("/clients/{}", bench.sandbox.ready().client_id);
    let change = json!({ "async_approval_notification_channels": [] });
    assert_eq!(bench.manage(Method::PATCH, &path, change).await.status, 200);
    let answer = bench.start_with(&[]).await;
    assert_eq!(answer.error(), (400, "invalid_request".to_owned()));
    assert!(
        answer
            .text
            .contains("No eligible notification channels were found.")
    );
    let sms = json!({ "async_approval_notification_channels": ["sms"] });
    assert_eq!(bench.manage(Method::PATCH, &path, sms).await.status, 400);
}

#[tokio::test]
async fn details_follow_the_access_policy_of_the_api() {
    let bench = Bench::new().await;
    bench.enroll().await;
    let identifier = "https://policy.example";
    let api = json!({ "identifier": identifier, "authorization_details": [{ "type": "a" }, { "type": "b" }] });
    let api = bench
        .manage(Method::POST, "/resource-servers", api)
        .await
        .json();
    let path = format!("/resource-servers/{}", api["id"].as_str().expect("id"));
    let policy =
        |name: &str| json!({ "subject_type_authorization": { "user": { "policy": name } } });
    let a = [
        ("audience", identifier),
        ("authorization_details", r#"[{"type":"a"}]"#),
    ];
    let b = [
        ("audience", identifier),
        ("authorization_details", r#"[{"type":"b"}]"#),
    ];
    assert_eq!(bench.start_with(&a).await.status, 200);
    bench.manage(Method::PATCH, &path, policy("deny_all")).await;
    assert_eq!(
        bench.start_with(&a).await.error(),
        (400, "invalid_authorization_details".to_owned())
    );
    bench
        .manage(Method::PATCH, &path, policy("require_client_grant"))
        .await;
    let grant = json!({
        "client_id": bench.sandbox.ready().client_id, "audience": identifier, "authorization_details_types": ["a"],
    });
    assert_eq!(
        bench
            .manage(Method::POST, "/client-grants", grant)
            .await
            .status,
        201
    );
    assert_eq!(bench.start_with(&a).await.status, 200);
    assert_eq!(
        bench.start_with(&b).await.error(),
        (400, "invalid_authorization_details".to_owned())
    );
    let mfa = json!({ "consent_policy": "transactional-authorization-with-mfa" });
    bench.manage(Method::PATCH, &path, mfa).await;
    assert_eq!(
        bench.start_with(&a).await.error(),
        (400, "invalid_request".to_owned())
    );
}

#[tokio::test]
async fn hostile_bodies_are_refused_and_never_a_server_error() {
    let bench = Bench::new().await;
    bench.enroll().await;
    let deep = format!(
        "[{{\"type\":\"payment_initiation\",\"a\":{}1{}}}]",
        "[".repeat(1500),
        "]".repeat(1500)
    );
    let details = [
        ("audience", "https://api.bank.example"),
        ("authorization_details", deep.as_str()),
    ];
    assert_eq!(
        bench.start_with(&details).await.error(),
        (400, "invalid_authorization_details".to_owned())
    );
    let form = "application/x-www-form-urlencoded";
    for (path, kind, body) in [
        ("/bc-authorize", form, b"a=%FF".to_vec()),
        ("/bc-authorize", form, vec![0xff; 100]),
        ("/oauth/token", form, vec![0; 100]),
        ("/oauth/token", "application/json", b"[".repeat(100_000)),
        ("/oauth/token", "application/json", vec![0xff; 100]),
        ("/bc-authorize", form, vec![b'a'; 300 * 1024]),
        (
            "/appliance-mfa/api/enroll",
            "application/json",
            vec![b'{'; 300 * 1024],
        ),
    ] {
        let request = bench
            .http
            .post(bench.url(path))
            .header("content-type", kind)
            .body(body);
        let status = bench.send(request).await.status;
        assert!((400..500).contains(&status), "{path} {status}");
    }
}
