//! A decision is made once, about what was shown, and never changes.

use authenticator_core::{Decision, Delivery, Display, ErrorCode};
use e2e::{Agent, Phone, PhoneBuilder, options, start};
use sandbox::PathClass;

#[tokio::test]
async fn a_second_tap_returns_the_first_decision() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    let id = review.challenge.clone();
    let first = phone
        .app
        .approve(id.clone(), review.digest.clone(), None)
        .await
        .expect("approve");
    let denied = phone
        .app
        .deny(id.clone(), None, Some("too late".into()))
        .await
        .expect("the first receipt");
    let again = phone
        .app
        .approve(id, review.digest, None)
        .await
        .expect("the first receipt");
    assert_eq!(denied, first);
    assert_eq!(again, first);
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn many_taps_at_once_make_one_decision() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    let taps = (0..16).map(|tap| {
        let (id, digest) = (review.challenge.clone(), review.digest.clone());
        let app = &phone.app;
        async move {
            if tap % 2 == 0 {
                app.approve(id, digest, None).await
            } else {
                app.deny(id, None, None).await
            }
        }
    });
    let receipts: Vec<_> = futures_util::future::join_all(taps)
        .await
        .into_iter()
        .map(|r| r.expect("a receipt"))
        .collect();
    assert!(receipts.iter().all(|r| r.decision == receipts[0].decision));
    phone.app.flush().await.expect("flush");
    match receipts[0].decision {
        Decision::Approve => drop(agent.tokens(&request).await),
        Decision::Deny => agent.refused(&request, "access_denied").await,
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn nothing_is_approved_that_was_not_reviewed_last() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let challenge = phone.challenge().await;
    let early = phone
        .app
        .approve(challenge.id.clone(), "x".into(), None)
        .await
        .expect_err("nothing was reviewed");
    assert_eq!(early.code(), ErrorCode::ReviewMissing);

    let english = phone
        .app
        .review(challenge.id.clone())
        .await
        .expect("a review");
    phone
        .app
        .set_display(Display {
            locale: "de-DE".into(),
            zone: "Europe/Berlin".into(),
            utc_offset_minutes: 60,
        })
        .expect("a locale");
    let german = phone
        .app
        .review(challenge.id.clone())
        .await
        .expect("a review");
    assert_ne!(english.digest, german.digest);
    let changed = phone
        .app
        .approve(challenge.id.clone(), english.digest, None)
        .await
        .expect_err("another language was shown last");
    assert_eq!(changed.code(), ErrorCode::ReviewChanged);
    let empty = phone
        .app
        .approve(challenge.id.clone(), String::new(), None)
        .await
        .expect_err("no digest");
    assert_eq!(empty.code(), ErrorCode::ReviewChanged);
    agent.refused(&request, "authorization_pending").await;

    phone
        .app
        .approve(challenge.id, german.digest, None)
        .await
        .expect("approve");
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_dropped_future_does_not_stop_a_decision() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    {
        let approve = phone
            .app
            .approve(review.challenge.clone(), review.digest.clone(), None);
        let mut approve = std::pin::pin!(approve);
        // One poll starts the call; then the screen goes away.
        assert!(futures_util::poll!(&mut approve).is_pending());
    }
    phone.app.shutdown().await.expect("waits for running calls");
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn an_answer_given_offline_is_kept_and_delivered_later() {
    let sandbox = start(options()).await;
    let mut builder = PhoneBuilder::new(&sandbox);
    builder.radio = true;
    let mut phone = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    let radio = phone.radio.clone().expect("a radio");
    radio.set_off(true);
    let receipt = phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("a receipt");
    assert_eq!(
        (receipt.delivery, receipt.last_error),
        (Delivery::Queued, Some(ErrorCode::Unreachable))
    );
    assert!(receipt.next_attempt_at.is_some());
    agent.refused(&request, "authorization_pending").await;

    phone.restart().await;
    radio.set_off(false);
    let sent = phone.app.flush().await.expect("flush");
    assert_eq!(
        (sent.len(), sent[0].decision, sent[0].delivery),
        (1, Decision::Approve, Delivery::Delivered)
    );
    assert!(phone.app.flush().await.expect("flush").is_empty());
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn what_an_earlier_process_left_queued_goes_out_by_itself_and_never_after_shutdown() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    sandbox
        .knobs()
        .update(|k| _ = k.server_errors.insert(PathClass::Resolve, 1));
    let receipt = phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("a receipt");
    assert_eq!(receipt.delivery, Delivery::Queued);

    // Opening sends nothing, and a closed authenticator neither.
    phone.restart_with(|config| config.auto_retry = true).await;
    phone.app.shutdown().await.expect("shutdown");
    agent.refused(&request, "authorization_pending").await;

    phone.restart().await;
    let delivered = async {
        while phone.app.history(None, None, 1).await.expect("history")[0].delivery
            != Some(Delivery::Delivered)
        {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(e2e::PATIENCE, delivered)
        .await
        .expect("delivered without being asked");
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn cleartext_ends_with_the_switch_that_allowed_it() {
    let sandbox = start(options()).await;
    let mut builder = PhoneBuilder::new(&sandbox);
    builder.address = sandbox.origin();
    let mut phone = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
    Agent::new(&sandbox).ask().await;
    let challenge = phone.challenge().await;
    phone
        .restart_with(|config| {
            config.allow_loopback_cleartext = false;
            config.servers.clear();
        })
        .await;
    let error = phone
        .app
        .review(challenge.id.clone())
        .await
        .expect_err("no cleartext");
    assert_eq!(error.code(), ErrorCode::ServerAddress);
    let receipt = phone
        .app
        .deny(challenge.id, None, None)
        .await
        .expect("a receipt");
    assert_eq!(
        (receipt.delivery, receipt.last_error),
        (Delivery::Queued, Some(ErrorCode::ServerAddress))
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn an_answer_that_never_got_out_before_expiry_is_undelivered() {
    let sandbox = start(options()).await;
    let mut builder = PhoneBuilder::new(&sandbox);
    builder.radio = true;
    let mut phone = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
    Agent::new(&sandbox).ask().await;
    let review = phone.review().await;
    phone.radio.as_ref().expect("a radio").set_off(true);
    phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("a receipt");
    phone.clock.advance(301_000);
    let ended = phone.app.flush().await.expect("flush");
    assert_eq!(ended[0].delivery, Delivery::Undelivered);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_lost_confirmation_is_reported_as_unconfirmed_and_the_decision_stands() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    sandbox
        .knobs()
        .update(|k| _ = k.lose_answer.insert(PathClass::Resolve, 1));
    let receipt = phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("a receipt");
    assert_eq!(
        (receipt.delivery, receipt.last_error),
        (Delivery::Queued, Some(ErrorCode::Interrupted))
    );
    let again = phone.app.flush().await.expect("flush");
    assert_eq!(again[0].delivery, Delivery::Unconfirmed);
    assert_eq!(again[0].attempts, 2);
    agent.tokens(&request).await;
    sandbox.stop().await;
}
