//! Somebody between server and phone changes what is asked for; the server finds out from the signed answer.

use authenticator_core::{Delivery, HistoryEntry, PushService};
use e2e::{Agent, Phone, PhoneBuilder, options, rows, start};
use sandbox::{ConsentCheck, Finding, Options, Sandbox, Verdict, verify};
use serde_json::{Value, json};

fn strict() -> Options {
    Options {
        require_signed_consent: true,
        ..options()
    }
}

fn check(sandbox: &Sandbox) -> Option<ConsentCheck> {
    sandbox.snapshot().requests[0].signed_consent
}

#[tokio::test]
async fn what_was_sent_is_what_was_signed_with_either_push_service() {
    for service in [PushService::Fcm, PushService::Apns] {
        let sandbox = start(strict()).await;
        let mut builder = PhoneBuilder::new(&sandbox);
        builder.push = Some(service);
        let mut phone = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
        let agent = Agent::new(&sandbox);
        let request = agent.ask().await;
        let review = phone.review().await;
        let receipt = phone
            .app
            .approve(review.challenge, review.digest, None)
            .await
            .expect("approve");
        assert_eq!(receipt.delivery, Delivery::Delivered);
        assert_eq!(check(&sandbox), Some(ConsentCheck::Yes));
        agent.tokens(&request).await;
        sandbox.stop().await;
    }
}

#[tokio::test]
async fn numbers_are_the_same_however_they_are_written() {
    let sandbox = start(strict()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    // Written as text, so that the spelling stays.
    let details = r#"[{"type":"money_transfer","instructedAmount":{"amount":2500.00,"currency":"USD"},"beneficiary":"Ana","destinationAccount":"xx9876"}]"#;
    let request = [
        ("authorization_details", details),
        ("audience", &sandbox.ready().audience),
    ];
    agent
        .ask_for(&sandbox.ready().user_id, None, &request)
        .await;
    let review = phone.review().await;
    phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("approve");
    assert_eq!(check(&sandbox), Some(ConsentCheck::Yes));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_changed_amount_is_approved_by_the_person_and_refused_by_the_server() {
    let sandbox = start(strict()).await;
    sandbox.knobs().update(|k| k.tamper_consent = true);
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    assert!(
        rows(&review).iter().any(|row| row.text.contains("349.00")),
        "the phone shows what it was given"
    );
    let receipt = phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("a receipt");
    assert_eq!(receipt.delivery, Delivery::Refused);
    assert_eq!(check(&sandbox), Some(ConsentCheck::No));
    agent.refused(&request, "authorization_pending").await;
    sandbox.advance(std::time::Duration::from_secs(request.expires_in + 1));
    agent.refused(&request, "access_denied").await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_server_that_does_not_insist_still_sees_the_change() {
    let sandbox = start(options()).await;
    sandbox.knobs().update(|k| k.tamper_consent = true);
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("approve");
    assert_eq!(check(&sandbox), Some(ConsentCheck::No));
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_server_that_insists_refuses_a_phone_that_claims_nothing() {
    let sandbox = start(strict()).await;
    let mut builder = PhoneBuilder::new(&sandbox);
    builder.config.signed_consent = false;
    let mut phone = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    let receipt = phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("a receipt");
    assert_eq!(
        (receipt.delivery, check(&sandbox)),
        (Delivery::Refused, Some(ConsentCheck::NotClaimed))
    );
    agent.refused(&request, "authorization_pending").await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_denial_is_always_taken() {
    let sandbox = start(strict()).await;
    sandbox.knobs().update(|k| k.tamper_consent = true);
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let (unread, read) = (agent.ask().await, phone.challenge().await);
    phone.app.deny(read.id, None, None).await.expect("deny");
    assert_eq!(check(&sandbox), Some(ConsentCheck::NotReviewed));
    agent.refused(&unread, "access_denied").await;
    let request = agent.ask().await;
    let review = phone.review().await;
    phone
        .app
        .deny(review.challenge, Some(review.digest), None)
        .await
        .expect("deny");
    assert_eq!(
        sandbox
            .snapshot()
            .requests
            .iter()
            .filter(|r| r.signed_consent == Some(ConsentCheck::No))
            .count(),
        1
    );
    agent.refused(&request, "access_denied").await;
    sandbox.stop().await;
}

/// An entry as an app exports it.
fn exported(entry: &HistoryEntry) -> Value {
    json!({
        "decision": "approve", "answer": entry.answer, "source": entry.source, "shown": entry.shown,
        "shown_document": entry.shown_document,
    })
}

fn differing(findings: &[Finding]) -> Vec<&str> {
    findings
        .iter()
        .filter(|f| !matches!(f.verdict, Verdict::Match | Verdict::NotClaimed))
        .map(|f| f.check)
        .collect()
}

#[tokio::test]
async fn in_a_dispute_entry_and_record_prove_what_was_sent_and_shown() {
    for tampered in [false, true] {
        let sandbox = start(options()).await;
        sandbox.knobs().update(|k| k.tamper_consent = tampered);
        let mut phone = Phone::ready(&sandbox).await;
        Agent::new(&sandbox).ask().await;
        let review = phone.review().await;
        phone
            .app
            .approve(review.challenge, review.digest, None)
            .await
            .expect("approve");
        let entry = phone
            .app
            .history(None, None, 1)
            .await
            .expect("history")
            .remove(0);
        let id = sandbox.snapshot().requests[0].id.clone();
        let record = sandbox
            .request(&id)
            .expect("request")
            .record
            .expect("a record");
        let findings = verify(&exported(&entry).to_string(), &record).expect("an entry");
        let expected: &[&str] = if tampered {
            &["the answer was given to exactly what the server sent"]
        } else {
            &[]
        };
        assert_eq!(differing(&findings), expected, "{findings:#?}");

        let mut forged = exported(&entry);
        let document = forged["shown_document"]
            .as_str()
            .expect("a document")
            .replace("249.00", "1.00")
            .replace("349.00", "1.00");
        forged["shown_document"] = document.into();
        let findings = verify(&forged.to_string(), &record).expect("an entry");
        assert!(differing(&findings).contains(&"the shown document has the signed digest"));
        let mut other = record.clone();
        other.public_key = json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" });
        let findings = verify(&exported(&entry).to_string(), &other).expect("an entry");
        assert!(differing(&findings).contains(&"the answer is signed by the enrolled key"));
        sandbox.stop().await;
    }
}
