//! The Asgardeo dialect: endpoints, defaults, hints, channels and tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sandbox::{DialectName, Options};
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, CIBA, DETAILS};

fn members(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    let mut names: Vec<String> = body.as_object().expect("object").keys().cloned().collect();
    names.sort();
    names
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

#[tokio::test]
async fn a_start_has_the_documented_defaults_and_no_link_unless_it_is_external() {
    let bench = Bench::asgardeo().await;
    let answer = bench.start_with(&[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(members(&answer), ["auth_req_id", "expires_in", "interval"]);
    let body = answer.json();
    assert_eq!(
        (&body["expires_in"], &body["interval"]),
        (&json!(120), &json!(2))
    );
    let id = body["auth_req_id"].as_str().expect("id").to_owned();
    assert!(is_uuid(&id), "{id}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));

    let answer = bench
        .start_with(&[("notification_channel", "external")])
        .await;
    assert_eq!(
        members(&answer),
        ["auth_req_id", "auth_url", "expires_in", "interval"]
    );
    let body = answer.json();
    let link = body["auth_url"].as_str().expect("link");
    let start = bench.url("/oauth2/ciba_authorize?authCodeKey=");
    let key = link.strip_prefix(&start).expect(link);
    assert!(is_uuid(key) && body["auth_req_id"] != key, "{link}");
}

#[tokio::test]
async fn channels_fire_as_the_reference_says() {
    let bench = Bench::asgardeo().await;
    let to = |bench: &Bench| -> Vec<String> {
        let mut all: Vec<String> = bench
            .sandbox
            .outbox()
            .into_iter()
            .map(|message| message.channel)
            .collect();
        all.sort();
        all
    };
    bench.start().await;
    assert_eq!(to(&bench), ["email", "sms"]);
    bench.start_with(&[("notification_channel", "sms")]).await;
    assert_eq!(to(&bench), ["email", "sms", "sms"]);
    bench
        .start_with(&[("notification_channel", "external")])
        .await;
    assert_eq!(to(&bench).len(), 3);

    // A client with nothing but `external` need not ask for it.
    let other = json!({
        "name": "Kiosk", "grant_types": [CIBA], "token_endpoint_auth_method": "client_secret_post",
        "notification_channels": ["external"], "expiry_time": 600,
    });
    let other = bench.control("clients", other).await;
    let text = |name: &str| other[name].as_str().expect("text").to_owned();
    let (id, secret) = (text("client_id"), text("client_secret"));
    let kiosk: [(&'static str, &str); 2] = [("client_id", &id), ("client_secret", &secret)];
    let answer = bench.start_with(&kiosk).await;
    assert_eq!(answer.json()["expires_in"], 600);
    assert!(answer.json()["auth_url"].is_string());
    let more = [kiosk[0], kiosk[1], ("requested_expiry", "6000")];
    assert_eq!(bench.start_with(&more).await.json()["expires_in"], 600);
    let less = [kiosk[0], kiosk[1], ("requested_expiry", "60")];
    assert_eq!(bench.start_with(&less).await.json()["expires_in"], 60);
    assert_eq!(to(&bench).len(), 3);
}

#[tokio::test]
async fn a_start_succeeds_although_no_automatic_channel_reaches_the_user() {
    let bench = Bench::asgardeo().await;
    let lonely = json!({ "user_id": "lonely", "username": "lonely" });
    bench.control("users", lonely).await;
    let answer = bench.start_with(&[("login_hint", "lonely")]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(bench.sandbox.outbox().is_empty());
    assert_eq!(bench.sandbox.snapshot().requests[0].channel, "");
}

#[tokio::test]
async fn a_hint_is_a_user_name_an_id_or_an_address_that_one_user_has() {
    let bench = Bench::asgardeo().await;
    let ready = bench.sandbox.ready();
    for hint in ["ana", ready.user_id.as_str(), "ana@example.com"] {
        let answer = bench.start_with(&[("login_hint", hint)]).await;
        assert_eq!(answer.status, 200, "{hint}");
    }
    let twin = json!({ "user_id": "twin", "username": "twin", "email": "ana@example.com", "email_verified": true });
    bench.control("users", twin).await;
    let answer = bench.start_with(&[("login_hint", "ana@example.com")]).await;
    assert_eq!(answer.error(), (400, "invalid_request".to_owned()));
    assert_eq!(bench.start_with(&[("login_hint", "ana")]).await.status, 200);
}

#[tokio::test]
async fn rich_authorization_requests_are_ignored_and_a_binding_message_is_optional() {
    let bench = Bench::asgardeo().await;
    let answer = bench
        .start_with(&[
            ("authorization_details", DETAILS),
            ("audience", "https://nowhere.example"),
            ("binding_message", ""),
        ])
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let request = &bench.sandbox.snapshot().requests[0];
    assert_eq!((&request.details, &request.audience), (&None, &None));
    let free = [(
        "binding_message",
        "Zahlung f\u{fc}r dich \u{2014} 5 \u{20ac}",
    )];
    assert_eq!(bench.start_with(&free).await.status, 200);
}

#[tokio::test]
async fn the_tokens_are_of_the_issuer_that_was_called_and_hold_no_details() {
    let bench = Bench::asgardeo().await;
    for prefix in ["", "/t/bank-dev"] {
        let form = bench.start_form();
        let answer = bench.form(&format!("{prefix}/oauth2/ciba"), &form).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let id = answer.json()["auth_req_id"]
            .as_str()
            .expect("id")
            .to_owned();
        assert!(bench.sandbox.decide(&id, true));
        bench.advance(3);
        let ready = bench.sandbox.ready();
        let poll = [
            ("grant_type", CIBA.to_owned()),
            ("auth_req_id", id.clone()),
            ("client_id", ready.client_id.clone()),
            ("client_secret", ready.client_secret),
        ];
        let answer = bench.form(&format!("{prefix}/oauth2/token"), &poll).await;
        assert_eq!(
            members(&answer),
            [
                "access_token",
                "expires_in",
                "id_token",
                "refresh_token",
                "scope",
                "token_type"
            ]
        );
        let body = answer.json();
        assert_eq!(body["expires_in"], 3600);
        let token = body["id_token"].as_str().expect("token");
        let payload = token.split('.').nth(1).expect("payload");
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url"))
                .expect("claims");
        assert_eq!(claims["iss"], bench.url(&format!("{prefix}/oauth2/token")));
        assert_eq!(claims["sub"], ready.user_id);
        assert_eq!(claims["aud"], ready.client_id);
        assert_eq!(claims["urn:openid:params:jwt:claim:auth_req_id"], id);
    }
}

#[tokio::test]
async fn the_metadata_name_each_endpoint_with_and_without_the_organisation() {
    let bench = Bench::asgardeo().await;
    assert_eq!(bench.sandbox.issuer(), bench.url("/oauth2/token"));
    for prefix in ["", "/t/bank-dev"] {
        let path = format!("{prefix}/oauth2/token/.well-known/openid-configuration");
        let metadata = bench.get(&path).await.json();
        for (name, path) in [
            ("issuer", "/oauth2/token"),
            ("token_endpoint", "/oauth2/token"),
            ("backchannel_authentication_endpoint", "/oauth2/ciba"),
            ("jwks_uri", "/oauth2/jwks"),
            ("userinfo_endpoint", "/oauth2/userinfo"),
        ] {
            assert_eq!(
                metadata[name],
                bench.url(&format!("{prefix}{path}")),
                "{name}"
            );
        }
        assert_eq!(
            metadata["backchannel_token_delivery_modes_supported"],
            json!(["poll"])
        );
        let keys = bench.get(&format!("{prefix}/oauth2/jwks")).await.json();
        assert!(keys["keys"][0]["kid"].is_string());
    }
    assert_eq!(bench.get("/t/other/oauth2/jwks").await.status, 404);
}

#[tokio::test]
async fn nothing_of_the_other_dialect_is_served() {
    let bench = Bench::asgardeo().await;
    for path in [
        "/bc-authorize",
        "/oauth/token",
        "/bc-verify",
        "/.well-known/openid-configuration",
        "/api/v2/users",
        "/rich-consents/cns_1",
        "/guardian/enroll",
    ] {
        assert_eq!(bench.get(path).await.status, 404, "{path}");
    }
    let bench = Bench::new().await;
    for path in ["/oauth2/ciba", "/oauth2/token", "/oauth2/ciba_authorize"] {
        assert_eq!(bench.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn without_quirks_the_first_poll_may_come_at_once_and_an_approval_is_never_held_back() {
    let bench = Bench::with(Options {
        quirks: false,
        ..Options::of(DialectName::Asgardeo)
    })
    .await;
    let id = bench.start().await;
    assert_eq!(bench.poll(&id).await.error().1, "authorization_pending");
    assert_eq!(bench.poll(&id).await.error().1, "slow_down");
    assert!(bench.sandbox.decide(&id, true));
    assert_eq!(bench.poll(&id).await.status, 200);
}

#[tokio::test]
async fn a_state_belongs_to_one_dialect() {
    let folder = tempfile::tempdir().expect("folder");
    let options = |dialect| Options {
        data: Some(folder.path().to_owned()),
        ..Options::of(dialect)
    };
    let bench = Bench::with(options(DialectName::Asgardeo)).await;
    let client = bench.sandbox.ready().client_id;
    bench.sandbox.stop().await;
    let error = sandbox::Sandbox::start(options(DialectName::Auth0))
        .await
        .err()
        .expect("refused");
    assert!(error.to_string().contains("--dialect asgardeo"), "{error}");
    let bench = Bench::with(options(DialectName::Asgardeo)).await;
    assert_eq!(bench.sandbox.ready().client_id, client);
}
