//! What changed, without a callback: `next_change`, and an app that goes to the background and comes back.

use std::sync::Arc;
use std::time::Duration;

use authenticator_core::{Cancellation, Delivery, ErrorCode};
use e2e::{Agent, PATIENCE, Phone, PhoneBuilder, options, start};
use sandbox::PathClass;

/// Long enough for a call that does not wait to be over; only tests that pass wait this long.
const A_MOMENT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_request_that_comes_and_goes_is_two_changes() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let none = phone.app.next_change(None, None).await.expect("at once");
    assert!(none.challenges.is_empty() && none.outcomes.is_empty());

    agent.ask().await;
    let payload = phone.push().await;
    let (came, received) = tokio::join!(
        phone.app.next_change(Some(none.cursor), None),
        phone.app.receive_push(payload)
    );
    let (came, received) = (came.expect("a change"), received.expect("a challenge"));
    assert_eq!(came.challenges.len(), 1);
    assert_eq!(came.challenges[0].id, received.id);

    phone.app.review(received.id.clone()).await.expect("review");
    let seen = phone.app.next_change(None, None).await.expect("at once");
    let (gone, denied) = tokio::join!(
        phone.app.next_change(Some(seen.cursor), None),
        phone.app.deny(received.id.clone(), None, None)
    );
    let denied = denied.expect("a receipt");
    let mut gone = gone.expect("a change");
    let mut outcomes = gone.outcomes.clone();
    while outcomes.is_empty() {
        gone = tokio::time::timeout(PATIENCE, phone.app.next_change(Some(gone.cursor), None))
            .await
            .expect("the outcome in time")
            .expect("a change");
        outcomes.extend(gone.outcomes.clone());
    }
    assert!(gone.challenges.is_empty());
    assert_eq!(outcomes, [denied]);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_caller_that_comes_back_late_gets_the_outcomes_since_its_cursor() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let before = phone.app.next_change(None, None).await.expect("at once");
    let mut decided = Vec::new();
    for _ in 0..2 {
        agent.ask().await;
        let challenge = phone.challenge().await;
        decided.push(
            phone
                .app
                .deny(challenge.id, None, None)
                .await
                .expect("deny"),
        );
    }
    let after = phone
        .app
        .next_change(Some(before.cursor), None)
        .await
        .expect("at once");
    assert_eq!(after.outcomes, decided);
    let again = phone
        .app
        .next_change(Some(before.cursor), None)
        .await
        .expect("nothing is used up");
    assert_eq!(again, after);
    sandbox.stop().await;
}

#[tokio::test]
async fn an_expiry_is_a_change_although_nobody_calls() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    Agent::new(&sandbox).ask().await;
    phone.challenge().await;
    let open = phone.app.next_change(None, None).await.expect("at once");
    assert_eq!(open.challenges.len(), 1);
    phone.clock.advance(600_000);
    let over = tokio::time::timeout(PATIENCE, phone.app.next_change(Some(open.cursor), None))
        .await
        .expect("in time")
        .expect("a change");
    assert!(over.challenges.is_empty());
    sandbox.stop().await;
}

#[tokio::test]
async fn a_wait_ends_by_cancellation_and_by_shutdown() {
    let sandbox = start(options()).await;
    let phone = Phone::ready(&sandbox).await;
    let now = phone.app.next_change(None, None).await.expect("at once");
    let waiting = phone.app.next_change(Some(now.cursor), None);
    let waited = tokio::time::timeout(A_MOMENT, waiting).await;
    assert!(waited.is_err(), "nothing changed, so it waits");

    let cancellation = Arc::new(Cancellation::new());
    let (ended, ()) = tokio::join!(
        phone
            .app
            .next_change(Some(now.cursor), Some(cancellation.clone())),
        async { cancellation.cancel() }
    );
    assert_eq!(ended.expect("what there is").cursor, now.cursor);

    let (closed, shut) = tokio::join!(
        phone.app.next_change(Some(now.cursor), None),
        phone.app.shutdown()
    );
    assert_eq!(closed.expect_err("closed").code(), ErrorCode::Closed);
    shut.expect("nothing keeps it from shutting down");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_paused_app_sends_nothing_by_itself_until_it_resumes() {
    let sandbox = start(options()).await;
    let mut builder = PhoneBuilder::new(&sandbox);
    builder.config.auto_retry = true;
    let mut phone = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let challenge = phone.challenge().await;
    let before = phone.app.next_change(None, None).await.expect("at once");
    sandbox
        .knobs()
        .update(|k| _ = k.server_errors.insert(PathClass::Resolve, 1));
    phone.app.pause().await.expect("nothing is running");
    let receipt = phone.app.deny(challenge.id, None, None).await;
    assert_eq!(receipt.expect("queued").delivery, Delivery::Queued);
    // The first retry would come after a second at most.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    agent.refused(&request, "authorization_pending").await;

    phone.app.resume().await.expect("resume");
    let mut cursor = before.cursor;
    let outcome = loop {
        let next = tokio::time::timeout(PATIENCE, phone.app.next_change(Some(cursor), None))
            .await
            .expect("the outcome in time")
            .expect("a change");
        if let Some(outcome) = next.outcomes.first() {
            break outcome.clone();
        }
        cursor = next.cursor;
    };
    // The server failed once: after that attempt of unknown outcome, it confirmed.
    assert_eq!(outcome.delivery, Delivery::Delivered);
    agent.refused(&request, "access_denied").await;
    sandbox.stop().await;
}
