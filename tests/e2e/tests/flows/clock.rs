//! Phones whose clock is wrong.

use authenticator_core::{Delivery, ErrorCode};
use e2e::{Agent, Phone, PhoneBuilder, options, start};
use sandbox::Options;

#[tokio::test]
async fn a_phone_three_minutes_off_enrols_and_approves() {
    for offset in [-180_000, 180_000] {
        let sandbox = start(Options {
            strict_dpop: true,
            ..options()
        })
        .await;
        let mut phone = Phone::ready(&sandbox).await;
        // Wrong only after enrolment, so that the correction is learnt from a refusal.
        phone.clock.advance(offset);
        let agent = Agent::new(&sandbox);
        let request = agent.ask().await;
        let review = phone.review().await;
        let receipt = phone
            .app
            .approve(review.challenge, review.digest, None)
            .await
            .expect("approve");
        assert_eq!(receipt.delivery, Delivery::Delivered);
        agent.tokens(&request).await;
        let learnt = phone.app.enrollments().await.expect("enrollments")[0].clock_offset;
        assert!(
            (learnt + offset).abs() < 5_000,
            "learnt {learnt} for {offset}"
        );
        sandbox.stop().await;
    }
}

#[tokio::test]
async fn a_phone_that_is_off_from_the_start_enrols_and_approves() {
    for offset in [-180_000, 180_000] {
        let sandbox = start(Options {
            strict_dpop: true,
            ..options()
        })
        .await;
        let mut builder = PhoneBuilder::new(&sandbox);
        builder.clock_off_by = offset;
        let mut phone = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
        assert!((phone.enrollment.clock_offset + offset).abs() < 5_000);
        let agent = Agent::new(&sandbox);
        let request = agent.ask().await;
        let review = phone.review().await;
        let receipt = phone
            .app
            .approve(review.challenge, review.digest, None)
            .await
            .expect("approve");
        assert_eq!(
            (receipt.delivery, receipt.attempts),
            (Delivery::Delivered, 1)
        );
        agent.tokens(&request).await;
        sandbox.stop().await;
    }
}

#[tokio::test]
async fn a_repaired_clock_is_not_spoilt_by_the_old_offset() {
    let sandbox = start(options()).await;
    let mut builder = PhoneBuilder::new(&sandbox);
    builder.clock_off_by = -600_000;
    let mut phone = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
    phone.clock.advance(600_000);
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("approve");
    agent.tokens(&request).await;
    assert!(
        phone.app.enrollments().await.expect("enrollments")[0]
            .clock_offset
            .abs()
            < 5_000
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn no_push_changes_what_was_learnt_of_the_clock() {
    let sandbox = start(options()).await;
    let mut builder = PhoneBuilder::new(&sandbox);
    builder.clock_off_by = -600_000;
    let mut phone = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
    let offset =
        async |phone: &Phone| phone.app.enrollments().await.expect("enrollments")[0].clock_offset;
    let learnt = offset(&phone).await;
    assert!((595_000..605_000).contains(&learnt), "{learnt}");
    Agent::new(&sandbox).ask().await;
    let payload = phone.push().await;
    // Eight minutes old by the server's clock, fresh by the device's own.
    phone.clock.advance(480_000);
    phone.app.receive_push(payload).await.expect("a push");
    assert_eq!(offset(&phone).await, learnt);
    sandbox.stop().await;
}

#[tokio::test]
async fn an_answer_refused_for_the_clock_is_signed_afresh_once() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    phone.clock.advance(-170_000);
    let receipt = phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("approve");
    assert_eq!(
        (receipt.delivery, receipt.attempts),
        (Delivery::Delivered, 2)
    );
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_skewed_server_cannot_move_the_phone_by_more_than_a_day() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    Agent::new(&sandbox).ask().await;
    let challenge = phone.challenge().await;
    sandbox.knobs().update(|k| k.clock_skew_s = 3 * 24 * 3600);
    let review = phone
        .app
        .review(challenge.id.clone())
        .await
        .expect("a review that allows denying only");
    assert!(matches!(
        review.approval,
        authenticator_core::Approval::Blocked { .. }
    ));
    assert_eq!(
        phone.app.enrollments().await.expect("enrollments")[0].clock_offset,
        0
    );
    let error = phone
        .app
        .approve(challenge.id, review.digest, None)
        .await
        .expect_err("blocked");
    assert_eq!(error.code(), ErrorCode::ApprovalBlocked);
    sandbox.stop().await;
}

#[tokio::test]
async fn an_old_push_is_expired_on_arrival() {
    let sandbox = start(options()).await;
    let builder = PhoneBuilder::new(&sandbox);
    let mut phone = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
    Agent::new(&sandbox).ask().await;
    let payload = phone.push().await;
    phone.clock.advance(301_000);
    let error = phone.app.receive_push(payload).await.expect_err("too old");
    assert_eq!(error.code(), ErrorCode::ChallengeExpired);
    assert!(phone.app.pending().await.expect("pending").is_empty());
    sandbox.stop().await;
}
