//! Each knob of the sandbox, and what the core makes of it.

use std::time::Duration;

use authenticator_core::{ChallengeId, Delivery, ErrorClass, ErrorCode};
use e2e::{Agent, PATIENCE, Phone, PhoneBuilder, options, start};
use sandbox::{PathClass, Sandbox};

#[tokio::test]
async fn a_lost_push_is_a_lost_request_that_the_agent_sees_expire() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    sandbox.knobs().update(|k| k.lose_push = true);
    let lost = agent.ask().await;
    sandbox.knobs().update(|k| k.lose_push = false);
    let found = agent.ask().await;
    let review = phone.review().await;
    phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("approve");
    agent.tokens(&found).await;
    assert!(phone.app.pending().await.expect("pending").is_empty());
    sandbox.advance(Duration::from_secs(lost.expires_in + 1));
    agent.refused(&lost, "access_denied").await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_late_push_still_has_the_time_that_the_consent_leaves() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    sandbox.knobs().update(|k| k.push_delay_ms = 300);
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = tokio::time::timeout(PATIENCE, phone.review())
        .await
        .expect("in the end it comes");
    phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("approve");
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_server_error_on_the_answer_is_tried_again() {
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
    assert_eq!(
        (receipt.delivery, receipt.last_error),
        (Delivery::Queued, Some(ErrorCode::ServerBusy))
    );
    assert_eq!(
        phone.app.flush().await.expect("flush")[0].delivery,
        Delivery::Delivered
    );
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn retries_run_by_themselves_while_the_app_runs() {
    let sandbox = start(options()).await;
    let mut builder = PhoneBuilder::new(&sandbox);
    builder.config.auto_retry = true;
    let mut phone = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
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
    let delivered = async {
        while phone.app.history(None, None, 1).await.expect("history")[0].delivery
            != Some(Delivery::Delivered)
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, delivered)
        .await
        .expect("delivered without being asked");
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_as_long_as_the_server_says() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    Agent::new(&sandbox).ask().await;
    let review = phone.review().await;
    sandbox.knobs().update(|k| {
        k.rate_limits.insert(PathClass::Resolve, 1);
        k.retry_after_s = 30;
    });
    let receipt = phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("a receipt");
    let wait = receipt.next_attempt_at.expect("a next attempt") - receipt.decided_at;
    assert!((30_000..40_000).contains(&wait), "waits {wait} ms");
    let early = phone.app.flush().await.expect("flush");
    assert_eq!(
        (early[0].delivery, early[0].attempts),
        (Delivery::Queued, 1),
        "not before the server wants it"
    );
    phone.clock.advance(31_000);
    assert_eq!(
        phone.app.flush().await.expect("flush")[0].delivery,
        Delivery::Delivered
    );
    sandbox.stop().await;
}

/// A phone with a request that nobody has looked at, and how often it has asked for its details.
async fn unread(sandbox: &Sandbox) -> (Phone, ChallengeId, impl Fn() -> usize + use<>) {
    let mut builder = PhoneBuilder::new(sandbox);
    builder.radio = true;
    let mut phone = builder.enroll(sandbox, &sandbox.ready().user_id).await;
    Agent::new(sandbox).ask().await;
    let id = phone.challenge().await.id;
    let radio = phone.radio.clone().expect("a radio");
    let asked = move || {
        let requests = radio.requests();
        let consents = requests.iter().filter(|r| r.contains("/rich-consents/"));
        consents.count()
    };
    (phone, id, asked)
}

#[tokio::test]
async fn a_consent_api_that_is_busy_for_a_moment_is_asked_again_within_one_review() {
    let sandbox = start(options()).await;
    let (phone, id, asked) = unread(&sandbox).await;
    sandbox.knobs().update(|k| {
        k.server_errors.insert(PathClass::Consent, 1);
        k.rate_limits.insert(PathClass::Consent, 1);
        k.retry_after_s = 1;
    });
    let review = phone.app.review(id).await.expect("in the end it works");
    assert_eq!(review.headline, "Pay 249.00 EUR to ExampleCorp");
    assert_eq!(asked(), 3);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_dead_spot_of_the_network_is_walked_through_within_one_review() {
    let sandbox = start(options()).await;
    let (phone, id, asked) = unread(&sandbox).await;
    phone.radio.as_ref().expect("a radio").set_dead_spots(2);
    phone.app.review(id).await.expect("in the end it works");
    assert_eq!(asked(), 3);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_consent_api_that_stays_busy_is_an_error_to_try_again() {
    let sandbox = start(options()).await;
    let (phone, id, asked) = unread(&sandbox).await;
    sandbox
        .knobs()
        .update(|k| _ = k.server_errors.insert(PathClass::Consent, 3));
    let error = phone.app.review(id.clone()).await.expect_err("500");
    assert_eq!(
        (error.code(), error.class(), asked()),
        (ErrorCode::ServerBusy, ErrorClass::Retry, 3)
    );
    phone.app.review(id.clone()).await.expect("works again");
    // What was fetched once needs no patience.
    sandbox
        .knobs()
        .update(|k| _ = k.server_errors.insert(PathClass::Consent, 1));
    phone.app.review(id).await.expect("from the store");
    assert_eq!(asked(), 5);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_consent_api_that_wants_a_long_pause_is_left_to_the_app() {
    let sandbox = start(options()).await;
    let (phone, id, asked) = unread(&sandbox).await;
    sandbox.knobs().update(|k| {
        k.rate_limits.insert(PathClass::Consent, 1);
        k.retry_after_s = 30;
    });
    let error = phone.app.review(id.clone()).await.expect_err("429");
    assert_eq!(
        (error.code(), error.retry_after(), asked()),
        (ErrorCode::ServerBusy, Some(30), 1)
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn a_request_that_is_about_to_end_is_not_waited_for() {
    let sandbox = start(options()).await;
    let (phone, id, asked) = unread(&sandbox).await;
    let left = 199;
    let challenge = phone.app.challenge(id.clone()).await.expect("stored");
    let now = authenticator_core::Clock::now(phone.clock.as_ref());
    phone.clock.advance(challenge.expires_at - now - left);
    sandbox
        .knobs()
        .update(|k| _ = k.server_errors.insert(PathClass::Consent, 3));
    phone
        .app
        .review(id)
        .await
        .expect_err("too late, or too busy");
    assert!(asked() <= 1, "{} tries", asked());
    sandbox.stop().await;
}

#[tokio::test]
async fn an_answer_that_came_too_late_for_the_server_is_refused_not_delivered() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    Agent::new(&sandbox).ask().await;
    let review = phone.review().await;
    sandbox.knobs().update(|k| k.already_answered = true);
    let receipt = phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("a receipt");
    assert_eq!(
        (receipt.delivery, receipt.last_error),
        (Delivery::Refused, Some(ErrorCode::ChallengeAnswered))
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn a_slow_answer_is_waited_for() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    Agent::new(&sandbox).ask().await;
    let review = phone.review().await;
    sandbox.knobs().update(|k| k.slow_answer_ms = 700);
    let receipt = phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("a receipt");
    assert_eq!(receipt.delivery, Delivery::Delivered);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_server_error_at_enrolment_leaves_nothing_behind() {
    let sandbox = start(options()).await;
    let phone = Phone::ready(&sandbox).await;
    sandbox
        .knobs()
        .update(|k| _ = k.server_errors.insert(PathClass::Enroll, 1));
    let invitation = sandbox
        .invitation(&sandbox.ready().user_id)
        .expect("an invitation");
    let device = PhoneBuilder::new(&sandbox).device();
    let error = phone
        .app
        .enroll(invitation.clone(), Some("sandbox".into()), device.clone())
        .await
        .expect_err("500");
    assert_eq!(error.class(), ErrorClass::Retry);
    assert_eq!(phone.app.enrollments().await.expect("enrollments").len(), 1);
    phone
        .app
        .enroll(invitation, Some("sandbox".into()), device)
        .await
        .expect("the code is still good");
    sandbox.stop().await;
}
