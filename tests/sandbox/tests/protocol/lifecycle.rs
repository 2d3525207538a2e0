//! Restart, faults, push delivery, the control surface, and what the snapshot hides.

use std::collections::BTreeMap;

use futures_util::{FutureExt as _, StreamExt as _};
use reqwest::Method;
use sandbox::{KnobState, Options, PathClass, RequestState, StartRequest};
use serde_json::{Value, json};

use crate::bench::{Bench, DETAILS};

fn one(class: PathClass) -> BTreeMap<PathClass, u32> {
    BTreeMap::from([(class, 1)])
}

#[tokio::test]
async fn the_state_survives_a_restart_in_mid_flight() {
    let folder = std::env::temp_dir().join(format!("sandbox-restart-{}", std::process::id()));
    let options = Options {
        data: Some(folder.clone()),
        tls: true,
        ..Options::default()
    };
    let bench = Bench::with(options.clone()).await;
    let phone = bench.enroll().await;
    let id = bench.start().await;
    let (ready, ca, jwks) = (
        bench.sandbox.ready(),
        bench.sandbox.ca_pem(),
        bench.get("/.well-known/jwks.json").await.text,
    );
    bench.sandbox.stop().await;

    let bench = Bench::with(options).await;
    assert_eq!(bench.sandbox.ready().client_secret, ready.client_secret);
    assert_eq!(bench.sandbox.ca_pem(), ca);
    assert_eq!(bench.get("/.well-known/jwks.json").await.text, jwks);
    let push = bench.push(&phone);
    assert_eq!(bench.answer(&phone, &push, true).await.status, 204);
    assert_eq!(bench.poll(&id).await.status, 200);
    assert_eq!(std::fs::read_to_string(folder.join("ca.pem")).ok(), ca);
    bench.sandbox.stop().await;
    std::fs::remove_dir_all(folder).expect("clean up");
}

#[tokio::test]
async fn a_push_is_delivered_once_live_or_later_but_not_after_the_answer() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let mut live = Box::pin(bench.sandbox.pushes(&phone.push_token));
    assert!(live.next().now_or_never().is_none());
    bench.start().await;
    assert!(live.next().await.is_some());
    assert!(live.next().now_or_never().is_none());
    let mut later = Box::pin(bench.sandbox.pushes(&phone.push_token));
    assert!(later.next().now_or_never().is_none());
    drop((live, later));
    let id = bench.start().await;
    assert!(bench.sandbox.decide(&id, true));
    assert!(!bench.sandbox.decide(&id, false));
    assert!(
        Box::pin(bench.sandbox.pushes(&phone.push_token))
            .next()
            .now_or_never()
            .is_none()
    );
    assert_eq!(bench.poll(&id).await.status, 200);
}

#[tokio::test]
async fn the_event_stream_carries_provider_and_payload() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    bench.start().await;
    let url = format!(
        "{}push/{}/events",
        bench.sandbox.console_url(),
        phone.push_token
    );
    let mut stream = bench
        .http
        .get(url)
        .send()
        .await
        .expect("stream")
        .bytes_stream();
    let chunk = stream.next().await.expect("event").expect("bytes");
    let text = String::from_utf8(chunk.to_vec()).expect("text");
    let event: Value =
        serde_json::from_str(text.trim().strip_prefix("data: ").expect("data")).expect("JSON");
    assert_eq!(event["provider"], "FCM");
    assert_eq!(event["payload"]["data"]["dai"], phone.id);
    bench.sandbox.stop().await;
    assert!(stream.next().await.is_none_or(|end| end.is_err()));
}

#[tokio::test]
async fn a_lost_push_never_comes_and_a_late_one_comes_late() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    bench.sandbox.knobs().update(|knobs| knobs.lose_push = true);
    bench.start().await;
    assert!(
        Box::pin(bench.sandbox.pushes(&phone.push_token))
            .next()
            .now_or_never()
            .is_none()
    );
    assert_eq!(
        bench.sandbox.snapshot().requests[0].pushes[0].status,
        "lost"
    );
    bench.sandbox.knobs().set(KnobState {
        push_delay_ms: 30,
        ..KnobState::default()
    });
    let mut pushes = Box::pin(bench.sandbox.pushes(&phone.push_token));
    bench.start().await;
    assert!(pushes.next().now_or_never().is_none());
    assert!(pushes.next().await.is_some());
}

#[tokio::test]
async fn each_fault_of_the_answer_does_what_it_says() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let knobs = bench.sandbox.knobs();
    let (id, push) = bench.ring(&phone).await;
    knobs.set(KnobState {
        server_errors: one(PathClass::Resolve),
        rate_limits: one(PathClass::Resolve),
        retry_after_s: 7,
        ..KnobState::default()
    });
    assert_eq!(bench.answer(&phone, &push, true).await.status, 500);
    let limited = bench.answer(&phone, &push, true).await;
    assert_eq!(
        (limited.status, limited.header("retry-after")),
        (429, Some("7"))
    );
    knobs.set(KnobState {
        already_answered: true,
        ..KnobState::default()
    });
    assert_eq!(
        bench.answer(&phone, &push, true).await.device_error().1,
        "login_transaction_not_found"
    );
    knobs.set(KnobState {
        revoked_device: true,
        ..KnobState::default()
    });
    assert_eq!(
        bench.answer(&phone, &push, true).await.device_error(),
        (401, "invalid_token".to_owned())
    );
    knobs.set(KnobState {
        clock_skew_s: 180,
        ..KnobState::default()
    });
    let skewed = bench.answer(&phone, &push, true).await;
    assert_eq!(skewed.device_error(), (401, "invalid_challenge".to_owned()));
    assert!(skewed.header("date").is_some());
    knobs.set(KnobState {
        lose_answer: one(PathClass::Resolve),
        ..KnobState::default()
    });
    let claims = phone.answer_claims(&bench, &push, json!(true));
    let body = json!({ "challenge_response": phone.sign(&claims) });
    let lost = bench
        .http
        .post(bench.url("/appliance-mfa/api/resolve-transaction"))
        .bearer_auth(&push.token)
        .json(&body)
        .send()
        .await;
    assert!(lost.is_err());
    assert_eq!(
        bench.answer(&phone, &push, true).await.device_error().1,
        "login_transaction_not_found"
    );
    assert_eq!(bench.poll(&id).await.status, 200);
}

#[tokio::test]
async fn faults_of_the_consent_are_a_404_a_cut_body_and_an_unknown_type() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let knobs = bench.sandbox.knobs();
    knobs.set(KnobState {
        unknown_rar_type: true,
        ..KnobState::default()
    });
    let unknown = [
        ("audience", "https://api.bank.example"),
        ("authorization_details", r#"[{"type":"never_heard_of"}]"#),
    ];
    assert_eq!(bench.start_with(&unknown).await.status, 200);
    let push = bench.push(&phone);
    let proof = |jti: &str| phone.proof(&phone.proof_claims(&bench, &push, jti));
    knobs.set(KnobState {
        consent_404: true,
        truncate_body: one(PathClass::Consent),
        ..KnobState::default()
    });
    let request = bench
        .http
        .get(bench.url(&format!("/rich-consents/{}", push.consent)));
    let request = request
        .header("authorization", format!("MFA-DPoP {}", push.token))
        .header("MFA-DPoP", proof("1"));
    let cut = request.send().await;
    let body = match cut {
        Ok(answer) => answer.bytes().await.is_err(),
        Err(_) => true,
    };
    assert!(body, "the body must be cut");
    assert_eq!(bench.consent(&push, &proof("2")).await.status, 404);
    knobs.set(KnobState::default());
    assert!(
        bench
            .consent(&push, &proof("3"))
            .await
            .text
            .contains("never_heard_of")
    );
}

#[tokio::test]
async fn the_control_surface_works_and_is_closed_to_other_origins_and_names() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let url = |path: &str| format!("{}control/{path}", bench.sandbox.console_url());
    let knobs = json!({ "slow_answer_ms": 1, "server_errors": { "enroll": 1 } });
    let set = bench.send(bench.http.put(url("knobs")).json(&knobs)).await;
    assert_eq!(set.json()["server_errors"]["enroll"], 1);
    assert_eq!(
        bench
            .send(bench.http.put(url("knobs")).json(&json!({ "typo": 1 })))
            .await
            .status,
        400
    );
    assert_eq!(
        bench
            .send(
                bench
                    .http
                    .post(url("clock"))
                    .json(&json!({ "advance_s": 3600 }))
            )
            .await
            .status,
        200
    );
    let invitation = bench.send(bench.http.post(url("invitation"))).await.json();
    assert!(
        invitation["invitation"]
            .as_str()
            .is_some_and(|text| text.starts_with("otpauth://totp/"))
    );
    let id = bench.start().await;
    assert_eq!(
        bench
            .send(bench.http.post(url(&format!("requests/{id}/deny"))))
            .await
            .status,
        204
    );
    assert_eq!(
        bench
            .send(bench.http.post(url(&format!("requests/{id}/allow"))))
            .await
            .status,
        404
    );
    assert_eq!(bench.poll(&id).await.error().1, "access_denied");
    let page = bench
        .http
        .post(url("invitation"))
        .header("origin", "https://evil.example");
    assert_eq!(bench.send(page).await.status, 403);
    let rebound = bench
        .http
        .get(url("snapshot"))
        .header("host", "evil.example");
    assert_eq!(bench.send(rebound).await.status, 403);
    assert_eq!(bench.get("/control/snapshot").await.status, 404);
    assert_eq!(
        bench
            .get(&format!("/push/{}/events", phone.push_token))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn the_snapshot_shows_the_request_and_no_secret_of_the_whole_exchange() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let started = bench.sandbox.start_request(StartRequest {
        binding_message: "TX-4711".into(),
        details: Some(DETAILS.into()),
        scope: "openid offline_access".into(),
        ..StartRequest::default()
    });
    let started = started.expect("started");
    let push = bench.push(&phone);
    bench
        .consent(&push, &phone.proof(&phone.proof_claims(&bench, &push, "j")))
        .await;
    bench.answer(&phone, &push, true).await;
    let tokens = bench.poll(&started.auth_req_id).await.json();
    let snapshot = bench.sandbox.snapshot();
    assert_eq!(snapshot.requests[0].id, started.id);
    assert_eq!(snapshot.requests[0].state, RequestState::Redeemed);
    assert_eq!(snapshot.requests[0].details.as_deref(), Some(DETAILS));
    assert!(snapshot.requests[0].pushes[0].payload.contains("txlnkid"));
    assert!(snapshot.exchanges.len() >= 4);
    let text = serde_json::to_string(&snapshot).expect("JSON");
    let ready = bench.sandbox.ready();
    let secrets = [
        &ready.client_secret,
        &ready.management_token,
        &started.auth_req_id,
        &push.token,
        &phone.token,
        &phone.push_token,
    ];
    for secret in secrets {
        assert!(!text.contains(secret.as_str()), "a secret shows");
    }
    for name in ["access_token", "id_token", "refresh_token"] {
        assert!(
            !text.contains(tokens[name].as_str().expect("token")),
            "{name} shows"
        );
    }
}

#[tokio::test]
async fn a_start_by_the_console_obeys_the_rules_of_the_endpoint() {
    let bench = Bench::new().await;
    let refused = bench.sandbox.start_request(StartRequest {
        binding_message: "x".into(),
        ..StartRequest::default()
    });
    let error = refused.err().expect("no device yet");
    assert_eq!(
        (error.status, error.error.as_str()),
        (400, "invalid_request")
    );
    let logs = bench.manage(Method::GET, "/logs", Value::Null).await;
    assert!(logs.text.contains("ciba_start_failed"));
}
