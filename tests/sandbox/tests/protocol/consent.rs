//! Signed consent on the server's side, by a phone that builds its digests from the description alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sandbox::{ConsentCheck, Options};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::bench::{Answer, Bench, DETAILS, Phone, Push};

async fn strict() -> Bench {
    Bench::with(Options {
        require_signed_consent: true,
        per_user_limit: None,
        ..Options::default()
    })
    .await
}

async fn ring(bench: &Bench, phone: &Phone, details: &str) -> Push {
    let audience = bench.sandbox.ready().audience;
    let more = [
        ("audience", audience.as_str()),
        ("authorization_details", details),
    ];
    assert_eq!(bench.start_with(&more).await.status, 200);
    bench.push(phone)
}

async fn fetch(bench: &Bench, phone: &Phone, push: &Push, jti: &str) -> Answer {
    let proof = phone.proof(&phone.proof_claims(bench, push, jti));
    bench.consent(push, &proof).await
}

/// The claim of a phone that enrolled under `server` and was given `body`, or no details.
fn claim(phone: &Phone, push: &Push, server: &str, body: Option<&str>) -> Value {
    let read = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let mut source = json!({
        "typ": "source", "v": 1, "server": server, "enrollment": phone.id, "user": phone.user_id,
        "challenge": push.challenge, "requested_at": push.requested_at,
        "origin": { "s": read(&push.source), "l": read(&push.location) },
    });
    match body {
        Some(body) => source["consent"] = read(body),
        None => source["details"] = json!("none"),
    }
    let canonical = serde_json_canonicalizer::to_string(&source).expect("canonical");
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(canonical));
    json!({ "v": 1, "reviewed": true, "source": digest, "shown": "x" })
}

async fn approve(bench: &Bench, phone: &Phone, push: &Push, claim: Value) -> (u16, String) {
    let mut claims = phone.answer_claims(bench, push, json!(true));
    claims["urn:authenticator-core:consent"] = claim;
    let answer = bench.resolve(&push.token, &phone.sign(&claims)).await;
    answer.device_error()
}

fn check(bench: &Bench) -> Option<ConsentCheck> {
    bench.sandbox.snapshot().requests[0].signed_consent
}

fn refused() -> (u16, String) {
    (401, "invalid_challenge".to_owned())
}

fn accepted() -> (u16, String) {
    (204, String::new())
}

#[tokio::test]
async fn the_digest_of_what_was_sent_is_accepted_under_each_of_the_servers_own_names() {
    let bench = strict().await;
    let phone = bench.enroll().await;
    let origin = bench.sandbox.origin();
    for server in [
        origin.clone(),
        format!("{origin}/appliance-mfa"),
        origin.replace("127.0.0.1", "localhost"),
    ] {
        let push = ring(&bench, &phone, DETAILS).await;
        let body = fetch(&bench, &phone, &push, &server).await.text;
        let claim = claim(&phone, &push, &server, Some(&body));
        assert_eq!(approve(&bench, &phone, &push, claim).await, accepted());
        assert_eq!(check(&bench), Some(ConsentCheck::Yes));
    }
}

#[tokio::test]
async fn a_refused_approval_leaves_the_request_open_for_a_right_one() {
    let bench = strict().await;
    let phone = bench.enroll().await;
    let server = bench.sandbox.origin();
    let push = ring(&bench, &phone, DETAILS).await;
    let body = fetch(&bench, &phone, &push, "j").await.text;
    let changed = body.replace("249.00", "248.00");
    let wrong = [
        (
            claim(&phone, &push, "https://evil.example", Some(&body)),
            ConsentCheck::No,
        ),
        (
            claim(&phone, &push, &server, Some(&changed)),
            ConsentCheck::No,
        ),
        (claim(&phone, &push, &server, None), ConsentCheck::No),
        (
            json!({ "v": 1, "reviewed": false }),
            ConsentCheck::NotReviewed,
        ),
        (
            json!({ "v": 2, "reviewed": true, "source": "x" }),
            ConsentCheck::CannotBeChecked,
        ),
    ];
    for (claim, why) in wrong {
        assert_eq!(approve(&bench, &phone, &push, claim).await, refused());
        assert_eq!(check(&bench), Some(why));
    }
    let silent = bench.answer(&phone, &push, true).await;
    assert_eq!(silent.device_error(), refused());
    assert_eq!(check(&bench), Some(ConsentCheck::NotClaimed));
    let right = claim(&phone, &push, &server, Some(&body));
    assert_eq!(approve(&bench, &phone, &push, right).await, accepted());
    assert_eq!(check(&bench), Some(ConsentCheck::Yes));
}

#[tokio::test]
async fn no_details_may_be_claimed_only_where_the_server_had_none() {
    let bench = strict().await;
    let phone = bench.enroll().await;
    let server = bench.sandbox.origin();
    let push = ring(&bench, &phone, DETAILS).await;
    let none = claim(&phone, &push, &server, None);
    assert_eq!(
        approve(&bench, &phone, &push, none.clone()).await,
        refused()
    );
    bench
        .sandbox
        .knobs()
        .update(|knobs| knobs.consent_404 = true);
    assert_eq!(fetch(&bench, &phone, &push, "j").await.status, 404);
    assert_eq!(approve(&bench, &phone, &push, none).await, accepted());
    assert_eq!(check(&bench), Some(ConsentCheck::Yes));
}

#[tokio::test]
async fn a_number_that_canonical_form_would_change_cannot_be_checked() {
    let bench = strict().await;
    let phone = bench.enroll().await;
    let details = r#"[{"type":"account_information","limit":9007199254740993}]"#;
    let push = ring(&bench, &phone, details).await;
    let body = fetch(&bench, &phone, &push, "j").await.text;
    let claim = claim(&phone, &push, &bench.sandbox.origin(), Some(&body));
    assert_eq!(approve(&bench, &phone, &push, claim).await, refused());
    assert_eq!(check(&bench), Some(ConsentCheck::CannotBeChecked));
}

#[tokio::test]
async fn the_body_is_the_same_each_time_and_stays_what_counts_when_it_is_tampered_with() {
    let bench = strict().await;
    let phone = bench.enroll().await;
    let push = ring(&bench, &phone, DETAILS).await;
    let first = fetch(&bench, &phone, &push, "1").await.text;
    bench
        .sandbox
        .knobs()
        .update(|knobs| knobs.tamper_consent = true);
    let tampered = fetch(&bench, &phone, &push, "2").await.text;
    assert_eq!(tampered, first.replace("249.00", "349.00"));
    let server = bench.sandbox.origin();
    let fooled = claim(&phone, &push, &server, Some(&tampered));
    assert_eq!(approve(&bench, &phone, &push, fooled).await, refused());
    let right = claim(&phone, &push, &server, Some(&first));
    assert_eq!(approve(&bench, &phone, &push, right).await, accepted());
}

#[tokio::test]
async fn the_record_outlives_the_device_and_holds_no_secret() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let push = ring(&bench, &phone, DETAILS).await;
    let id = push.consent.clone();
    let body = fetch(&bench, &phone, &push, "j").await.text;
    let url = format!("{}control/requests/{id}", bench.sandbox.console_url());
    let open = bench.send(bench.http.get(&url)).await;
    assert_eq!(open.json()["record"], Value::Null);
    assert_eq!(open.json()["state"], "pending");
    let claim = claim(&phone, &push, &bench.sandbox.origin(), Some(&body));
    assert_eq!(approve(&bench, &phone, &push, claim).await, accepted());
    let removed = bench
        .http
        .delete(bench.url(&format!("/appliance-mfa/api/device-accounts/{}", phone.id)));
    assert_eq!(
        bench.send(removed.bearer_auth(&phone.token)).await.status,
        204
    );
    let record = bench.send(bench.http.get(&url)).await;
    assert_eq!(record.json()["signed_consent"], "yes");
    assert_eq!(record.json()["record"]["details"]["consent"], body);
    assert_eq!(record.json()["record"]["decision"]["accepted"], true);
    assert_eq!(record.json()["record"]["public_key"]["n"], phone.jwk()["n"]);
    for secret in [&push.token, &phone.token, &phone.push_token] {
        assert!(!record.text.contains(secret.as_str()));
    }
    let unknown = bench.http.get(format!(
        "{}control/requests/cns_x",
        bench.sandbox.console_url()
    ));
    assert_eq!(bench.send(unknown).await.status, 404);
}
