//! A server that checks whether a person was verified: the approval key is pinned at first use, another one is told apart.

use authenticator_core::{Delivery, HistoryEntry, Receipt};
use e2e::{Agent, Phone, PhoneBuilder, options, start};
use sandbox::{Finding, Options, PersonCheck, Sandbox, Verdict, Verified, verify};
use serde_json::{Value, json};

async fn prompting(sandbox: &Sandbox) -> Phone {
    let mut builder = PhoneBuilder::new(sandbox);
    builder.config.user_verification = true;
    builder.enroll(sandbox, &sandbox.ready().user_id).await
}

/// The next request, approved behind the prompt.
async fn approve(phone: &mut Phone) -> Receipt {
    let review = phone.review().await;
    let app = &phone.app;
    let signing = app
        .begin_approval(review.challenge, review.digest, None)
        .await
        .expect("a signing request");
    let signature = phone.sign(&signing.key_alias, &signing.message);
    app.finish_approval(signing.id, signature)
        .await
        .expect("a receipt")
}

/// What the server found in the newest answer.
fn person(sandbox: &Sandbox) -> PersonCheck {
    let person = sandbox.snapshot().requests[0].person.clone();
    person.expect("a device has answered")
}

fn found(verified: Verified, key: Option<&str>) -> PersonCheck {
    PersonCheck {
        verified,
        key: key.map(str::to_owned),
    }
}

#[tokio::test]
async fn the_first_approval_key_is_pinned_and_another_one_is_shown_until_somebody_trusts_it() {
    let sandbox = start(options()).await;
    let mut phone = prompting(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let first = phone.enrollment.approval_thumbprint.clone();
    for _ in 0..2 {
        let request = agent.ask().await;
        approve(&mut phone).await;
        assert_eq!(person(&sandbox), found(Verified::Yes, first.as_deref()));
        assert_eq!(sandbox.snapshot().devices[0].approval_key, first);
        agent.tokens(&request).await;
    }

    let id = phone.enrollment.id.clone();
    let renewed = phone.app.replace_approval_key(id.clone()).await;
    let second = renewed.expect("a new key").approval_thumbprint;
    for _ in 0..2 {
        let request = agent.ask().await;
        approve(&mut phone).await;
        let expected = found(Verified::ChangedKey, second.as_deref());
        assert_eq!(person(&sandbox), expected);
        let device = sandbox.snapshot().devices.remove(0);
        assert_eq!(
            (device.approval_key, device.other_approval_key),
            (first.clone(), second.clone())
        );
        agent.tokens(&request).await;
    }

    assert!(sandbox.trust_approval_key(id.as_str()));
    agent.ask().await;
    approve(&mut phone).await;
    assert_eq!(person(&sandbox), found(Verified::Yes, second.as_deref()));
    assert!(!sandbox.trust_approval_key(id.as_str()));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_server_that_requires_verification_refuses_a_changed_key_and_takes_it_once_trusted() {
    let sandbox = start(Options {
        require_user_verification: true,
        ..options()
    })
    .await;
    let mut phone = prompting(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    assert_eq!(approve(&mut phone).await.delivery, Delivery::Delivered);
    agent.tokens(&request).await;

    let id = phone.enrollment.id.clone();
    let renewed = phone.app.replace_approval_key(id.clone()).await;
    let second = renewed.expect("a new key").approval_thumbprint;
    let request = agent.ask().await;
    assert_eq!(approve(&mut phone).await.delivery, Delivery::Refused);
    agent.refused(&request, "authorization_pending").await;
    let expected = found(Verified::ChangedKey, second.as_deref());
    assert_eq!(person(&sandbox), expected);
    assert_eq!(sandbox.snapshot().devices[0].other_approval_key, second);

    assert!(sandbox.trust_approval_key(id.as_str()));
    let request = agent.ask().await;
    assert_eq!(approve(&mut phone).await.delivery, Delivery::Delivered);
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_server_that_requires_verification_refuses_an_approval_without_a_prompt_and_takes_a_denial()
 {
    let sandbox = start(Options {
        require_user_verification: true,
        ..options()
    })
    .await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    let receipt = phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("a receipt");
    assert_eq!(receipt.delivery, Delivery::Refused);
    assert_eq!(person(&sandbox), found(Verified::No, None));
    assert_eq!(sandbox.snapshot().devices[0].approval_key, None);
    agent.refused(&request, "authorization_pending").await;

    let request = agent.ask().await;
    let challenge = phone.challenge().await;
    let receipt = phone.app.deny(challenge.id, None, None).await;
    assert_eq!(receipt.expect("a receipt").delivery, Delivery::Delivered);
    agent.refused(&request, "access_denied").await;
    sandbox.stop().await;
}

/// An entry as an app exports it.
fn exported(entry: &HistoryEntry) -> Value {
    json!({
        "decision": "approve", "answer": entry.answer, "source": entry.source, "shown": entry.shown,
        "shown_document": entry.shown_document, "approval_thumbprint": entry.approval_thumbprint,
    })
}

/// Verdicts on the person, in order: the signature, the pinned key, the key that the entry names.
fn verdicts(findings: &[Finding]) -> Vec<Verdict> {
    let about = |finding: &&Finding| finding.check.contains("approval key");
    findings.iter().filter(about).map(|f| f.verdict).collect()
}

#[tokio::test]
async fn in_a_dispute_entry_and_record_prove_which_approval_key_signed_what_was_shown() {
    use Verdict::{Match, Mismatch, NotClaimed};
    let sandbox = start(options()).await;
    let mut phone = prompting(&sandbox).await;
    for pinned in [NotClaimed, Match] {
        Agent::new(&sandbox).ask().await;
        approve(&mut phone).await;
        let history = phone.app.history(None, None, 1).await.expect("history");
        let entry = exported(&history[0]);
        let id = sandbox.snapshot().requests[0].id.clone();
        let request = sandbox.request(&id).expect("the request");
        let record = request.record.expect("a record");
        let findings = verify(&entry.to_string(), &record).expect("an entry");
        assert_eq!(verdicts(&findings), [Match, pinned, Match], "{findings:#?}");
        assert!(
            findings
                .iter()
                .all(|f| matches!(f.verdict, Match | NotClaimed))
        );

        let mut other = record.clone();
        other.approval_key = Some("another".into());
        let findings = verify(&entry.to_string(), &other).expect("an entry");
        assert_eq!(verdicts(&findings), [Match, Mismatch, Match]);

        let mut forged = entry.clone();
        forged["approval_thumbprint"] = "another".into();
        let findings = verify(&forged.to_string(), &record).expect("an entry");
        assert_eq!(verdicts(&findings), [Match, pinned, Mismatch]);
    }
    sandbox.stop().await;
}
