//! Phone and sandbox end in mid-flight and come back.

use authenticator_core::{Approval, Delivery};
use e2e::{Agent, Phone, PhoneBuilder, options, start};
use sandbox::{Options, PathClass};

#[tokio::test]
async fn a_phone_restarted_between_push_and_approval_goes_on() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let challenge = phone.challenge().await;
    phone.restart().await;
    assert_eq!(
        phone.app.pending().await.expect("pending")[0].id,
        challenge.id
    );
    let review = phone
        .app
        .review(challenge.id.clone())
        .await
        .expect("a review");
    phone.restart().await;
    let receipt = phone
        .app
        .approve(challenge.id, review.digest, None)
        .await
        .expect("the review was kept");
    assert_eq!(receipt.delivery, Delivery::Delivered);
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_decision_survives_a_restart_between_tap_and_receipt() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    sandbox
        .knobs()
        .update(|k| _ = k.server_errors.insert(PathClass::Resolve, 1));
    phone
        .app
        .deny(
            review.challenge.clone(),
            Some(review.digest.clone()),
            Some("not me".into()),
        )
        .await
        .expect("queued");
    phone.restart().await;
    let kept = phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("the stored decision");
    assert_eq!(kept.decision, authenticator_core::Decision::Deny);
    phone.app.flush().await.expect("flush");
    agent.refused(&request, "access_denied").await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_sandbox_restarted_in_mid_flight_keeps_devices_and_requests() {
    let data = tempfile::tempdir().expect("a folder");
    let kept = || Options {
        data: Some(data.path().to_owned()),
        ..options()
    };
    let first = start(kept()).await;
    let port: std::net::SocketAddr = first
        .origin()
        .trim_start_matches("http://")
        .parse()
        .expect("host and port");
    let tls_port = first
        .tls_origin()
        .and_then(|origin| origin.rsplit(':').next()?.parse().ok())
        .unwrap_or(0);
    let tls_listen = std::net::SocketAddr::from(([127, 0, 0, 1], tls_port));
    let mut phone = Phone::ready(&first).await;
    let request = Agent::new(&first).ask().await;
    let challenge = phone.challenge().await;
    first.stop().await;

    let second = start(Options {
        listen: port,
        tls_listen,
        ..kept()
    })
    .await;
    let agent = Agent::new(&second);
    let review = phone.app.review(challenge.id).await.expect("a review");
    assert_eq!(review.approval, Approval::Allowed);
    phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("approve");
    agent.tokens(&request).await;
    second.stop().await;
}

#[tokio::test]
async fn the_store_file_holds_no_text_of_the_request() {
    let sandbox = start(options()).await;
    let builder = PhoneBuilder::new(&sandbox);
    let token = builder.token.clone();
    let mut phone = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
    Agent::new(&sandbox).ask().await;
    let review = phone.review().await;
    phone
        .app
        .deny(
            review.challenge,
            Some(review.digest),
            Some("wrong-amount-reason".into()),
        )
        .await
        .expect("deny");
    for suffix in ["", "-wal"] {
        let mut path = phone.store().into_os_string();
        path.push(suffix);
        let bytes = std::fs::read(&path).expect("the store's file");
        for secret in [
            token.as_str(),
            "ExampleCorp",
            "DE02100100109307118603",
            "wrong-amount-reason",
            "TX-4711",
            "auth0|",
        ] {
            let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
            assert!(
                !found,
                "{secret} stands in clear in {}",
                path.to_string_lossy()
            );
        }
    }
    sandbox.stop().await;
}
