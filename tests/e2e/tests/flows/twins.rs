//! One request of the server is one request on the phone, however often and in whatever words its push comes.

use authenticator_core::{
    Approval, Arrival, Challenge, ChallengeState, Decision, Delivery, MarkCode,
};
use e2e::{Agent, Phone, Request, options, payment, start, typed};
use sandbox::Sandbox;
use serde_json::Value;

async fn asked(sandbox: &Sandbox) -> (Phone, Agent, Request, String) {
    let mut phone = Phone::ready(sandbox).await;
    let agent = Agent::new(sandbox);
    let request = agent
        .ask_for(&sandbox.ready().user_id, Some(&payment()), &[])
        .await;
    let payload = phone.push().await;
    (phone, agent, request, payload)
}

/// The push as somebody on its way might change it.
fn changed(payload: &str, change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> String {
    let mut payload: Value = serde_json::from_str(payload).expect("JSON");
    let data = match payload.get_mut("data") {
        Some(data) => data,
        None => &mut payload,
    };
    change(data.as_object_mut().expect("an object"));
    payload.to_string()
}

fn stripped(payload: &str) -> String {
    changed(payload, |data| {
        data.remove("txlnkid").expect("a linking id");
    })
}

async fn receive(phone: &Phone, payload: &str) -> Challenge {
    phone
        .app
        .receive_push(payload.to_owned())
        .await
        .expect("a push")
}

#[tokio::test]
async fn a_push_that_lost_its_details_adds_nothing_to_the_one_that_has_them() {
    let sandbox = start(options()).await;
    let (phone, agent, request, payload) = asked(&sandbox).await;
    let first = receive(&phone, &payload).await;
    let twin = receive(&phone, &stripped(&payload)).await;
    assert_eq!(
        (twin.id, twin.arrival),
        (first.id.clone(), Arrival::Repeated)
    );
    assert_eq!(phone.app.pending().await.expect("pending").len(), 1);

    let review = phone.app.review(first.id.clone()).await.expect("a review");
    assert!(review.headline.contains("249.00"), "{}", review.headline);
    let denied = phone
        .app
        .deny(first.id.clone(), Some(review.digest), None)
        .await
        .expect("deny");
    assert_eq!(denied.delivery, Delivery::Delivered);

    // Neither does it open the request again, nor can the answer be turned round.
    let late = receive(&phone, &stripped(&payload)).await;
    assert_eq!(late.state, ChallengeState::Decided);
    let again = phone.app.approve(first.id, "x".into(), None).await;
    assert_eq!(again.expect("the receipt").decision, Decision::Deny);
    agent.refused(&request, "access_denied").await;
    sandbox.stop().await;
}

#[tokio::test]
async fn details_that_come_second_count_and_end_the_review_without_them() {
    let sandbox = start(options()).await;
    let (phone, agent, request, payload) = asked(&sandbox).await;
    let bare = receive(&phone, &stripped(&payload)).await;
    assert!(!bare.has_details);
    let blind = phone.app.review(bare.id.clone()).await.expect("a review");

    let whole = receive(&phone, &payload).await;
    assert_eq!((whole.id, whole.has_details), (bare.id.clone(), true));
    let confirmation = Some(typed(&blind));
    let approved = phone
        .app
        .approve(bare.id.clone(), blind.digest, confirmation)
        .await;
    assert_eq!(
        approved.expect_err("not what is asked").code().as_str(),
        "review_missing"
    );
    let review = phone.app.review(bare.id.clone()).await.expect("a review");
    assert!(review.headline.contains("249.00"), "{}", review.headline);
    phone
        .app
        .approve(bare.id, review.digest, None)
        .await
        .expect("approve");
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_request_without_details_is_never_approved_by_a_tap() {
    let sandbox = start(options()).await;
    let (phone, agent, request, payload) = asked(&sandbox).await;
    let bare = receive(&phone, &stripped(&payload)).await;
    let review = phone.app.review(bare.id.clone()).await.expect("a review");
    assert!(
        review
            .marks
            .iter()
            .any(|mark| mark.code == MarkCode::NoDetails)
    );
    assert!(
        matches!(review.approval, Approval::NeedsConfirmation { .. }),
        "{:?}",
        review.approval
    );
    let tapped = phone
        .app
        .approve(bare.id.clone(), review.digest.clone(), None)
        .await;
    assert_eq!(
        tapped.expect_err("a tap").code().as_str(),
        "confirmation_needed"
    );
    phone
        .app
        .deny(bare.id, Some(review.digest), None)
        .await
        .expect("deny");
    agent.refused(&request, "access_denied").await;
    sandbox.stop().await;
}

#[tokio::test]
async fn the_newest_token_of_a_request_is_the_one_that_is_used() {
    let sandbox = start(options()).await;
    let (phone, agent, request, payload) = asked(&sandbox).await;
    let stale = changed(&payload, |data| {
        data.insert("txtkn".into(), "spent".into());
    });
    let first = receive(&phone, &stale).await;
    let second = receive(&phone, &payload).await;
    assert_eq!(first.id, second.id);
    let review = phone.app.review(first.id.clone()).await.expect("a review");
    phone
        .app
        .approve(first.id, review.digest, None)
        .await
        .expect("approve");
    agent.tokens(&request).await;
    sandbox.stop().await;
}
