//! Each knob of the sandbox, and what the core makes of it.

use std::time::Duration;

use authenticator_core::{Delivery, ErrorClass, ErrorCode};
use e2e::{Agent, PATIENCE, Phone, PhoneBuilder, options, start};
use sandbox::PathClass;

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

#[tokio::test]
async fn a_busy_consent_api_is_an_error_to_try_again() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    Agent::new(&sandbox).ask().await;
    let challenge = phone.challenge().await;
    sandbox
        .knobs()
        .update(|k| _ = k.server_errors.insert(PathClass::Consent, 1));
    let error = phone
        .app
        .review(challenge.id.clone())
        .await
        .expect_err("500");
    assert_eq!(
        (error.code(), error.class()),
        (ErrorCode::ServerBusy, ErrorClass::Retry)
    );
    phone.app.review(challenge.id).await.expect("works again");
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
