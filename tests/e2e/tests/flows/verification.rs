//! Approvals behind a prompt: two calls, and the evidence that travels with the answer.

use authenticator_core::{Config, Decision, Delivery, Display, ErrorCode, SigningRequest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use e2e::{Agent, PATIENCE, Phone, PhoneBuilder, claims, options, start};
use ring::digest::{SHA256, digest};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use sandbox::{PathClass, Sandbox};
use serde_json::{Value, json};

async fn guarded(sandbox: &Sandbox) -> Phone {
    let mut builder = PhoneBuilder::new(sandbox);
    builder.config.user_verification = true;
    builder.enroll(sandbox, &sandbox.ready().user_id).await
}

/// A request on screen: the agent's half, and the review's digest in a signing request.
async fn begun(phone: &mut Phone) -> SigningRequest {
    let review = phone.review().await;
    phone
        .app
        .begin_approval(review.challenge, review.digest, None)
        .await
        .expect("a signing request")
}

/// The consent claim of the newest answer, as it was signed.
async fn consent(phone: &Phone) -> Value {
    let history = phone.app.history(None, None, 1).await.expect("history");
    claims(history[0].answer.as_deref().expect("an answer"))["urn:authenticator-core:consent"]
        .clone()
}

/// What a server does: checks the signature over `shown`, returns the RFC 7638 thumbprint of the key to pin.
fn checked_by_a_server(claim: &Value) -> String {
    let octets = |value: &Value| {
        URL_SAFE_NO_PAD
            .decode(value.as_str().expect("text"))
            .expect("base64url")
    };
    let key = &claim["uv_key"];
    let point = [vec![4], octets(&key["x"]), octets(&key["y"])].concat();
    let shown = claim["shown"].as_str().expect("a digest");
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(shown.as_bytes(), &octets(&claim["uv_sig"]))
        .expect("the approval key signed what was shown");
    let required =
        json!({ "crv": key["crv"], "kty": key["kty"], "x": key["x"], "y": key["y"] }).to_string();
    URL_SAFE_NO_PAD.encode(digest(&SHA256, required.as_bytes()))
}

#[tokio::test]
async fn an_approval_carries_the_signature_of_the_approval_key() {
    let sandbox = start(options()).await;
    let mut phone = guarded(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    let (id, digest) = (review.challenge, review.digest);

    let error = phone
        .app
        .approve(id.clone(), digest.clone(), None)
        .await
        .expect_err("no prompt, no approval");
    assert_eq!(error.code(), ErrorCode::UserVerificationNeeded);
    let signing = phone
        .app
        .begin_approval(id.clone(), digest.clone(), None)
        .await
        .expect("a signing request");
    assert_eq!(signing.message, digest.as_bytes());
    assert_eq!(
        (&signing.challenge, signing.expires_at),
        (&id, review.expires_at)
    );
    agent.refused(&request, "authorization_pending").await;

    let receipt = phone
        .app
        .finish_approval(signing.id, phone.sign(&signing.key_alias, &signing.message))
        .await
        .expect("a receipt");
    assert_eq!(
        (receipt.decision, receipt.delivery),
        (Decision::Approve, Delivery::Delivered)
    );
    agent.tokens(&request).await;

    let thumbprint = checked_by_a_server(&consent(&phone).await);
    assert_eq!(
        phone.enrollment.approval_thumbprint.as_deref(),
        Some(thumbprint.as_str())
    );
    let history = phone.app.history(None, None, 1).await.expect("history");
    assert_eq!(
        history[0].approval_thumbprint,
        phone.enrollment.approval_thumbprint
    );
    let report = phone
        .app
        .verify_history(phone.enrollment.id.clone())
        .await
        .expect("a report");
    assert_eq!(
        (report.records, report.answers, report.broken),
        (2, 1, None)
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn a_wrong_signature_decides_nothing_and_the_request_can_still_be_used() {
    let sandbox = start(options()).await;
    let mut phone = guarded(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let signing = begun(&mut phone).await;
    let right = phone.sign(&signing.key_alias, &signing.message);
    for wrong in [
        Vec::new(),
        b"no DER".to_vec(),
        phone.sign(&signing.key_alias, b"something else"),
        right[..right.len() - 1].to_vec(),
    ] {
        let error = phone
            .app
            .finish_approval(signing.id.clone(), wrong)
            .await
            .expect_err("a wrong signature");
        assert_eq!(error.code(), ErrorCode::KeyStoreFailed);
    }
    agent.refused(&request, "authorization_pending").await;
    assert!(
        phone
            .app
            .history(None, None, 1)
            .await
            .expect("history")
            .is_empty()
    );
    let receipt = phone
        .app
        .finish_approval(signing.id.clone(), right.clone())
        .await
        .expect("a receipt");
    assert_eq!(receipt.delivery, Delivery::Delivered);
    let again = phone
        .app
        .finish_approval(signing.id, right)
        .await
        .expect("the first receipt");
    assert_eq!(again, receipt);
    sandbox.stop().await;
}

#[tokio::test]
async fn an_unfinished_request_decides_nothing_and_a_denial_needs_no_prompt() {
    let sandbox = start(options()).await;
    let mut phone = guarded(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let signing = begun(&mut phone).await;
    assert_eq!(phone.app.pending().await.expect("pending").len(), 1);
    let receipt = phone
        .app
        .deny(signing.challenge.clone(), None, None)
        .await
        .expect("deny");
    assert_eq!(
        (receipt.decision, receipt.delivery),
        (Decision::Deny, Delivery::Delivered)
    );
    let late = phone
        .app
        .finish_approval(
            signing.id.clone(),
            phone.sign(&signing.key_alias, &signing.message),
        )
        .await;
    assert_eq!(late.expect("what was decided first"), receipt);
    agent.refused(&request, "access_denied").await;
    assert!(consent(&phone).await.get("uv_key").is_none());
    sandbox.stop().await;
}

#[tokio::test]
async fn what_is_sent_again_needs_no_second_prompt_and_carries_the_same_evidence() {
    let sandbox = start(options()).await;
    let mut phone = guarded(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let signing = begun(&mut phone).await;
    sandbox
        .knobs()
        .update(|k| drop(k.server_errors.insert(PathClass::Resolve, 2)));
    let receipt = phone
        .app
        .finish_approval(signing.id, phone.sign(&signing.key_alias, &signing.message))
        .await
        .expect("a receipt");
    assert_eq!(receipt.delivery, Delivery::Queued);
    assert_eq!(
        phone.app.flush().await.expect("flush")[0].delivery,
        Delivery::Queued
    );
    phone.restart().await;
    assert_eq!(
        phone.app.flush().await.expect("flush")[0].delivery,
        Delivery::Delivered
    );
    agent.tokens(&request).await;
    assert_eq!(
        Some(checked_by_a_server(&consent(&phone).await)),
        phone.enrollment.approval_thumbprint
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn a_tap_that_nobody_waits_for_is_finished() {
    let sandbox = start(options()).await;
    let mut phone = guarded(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let signing = begun(&mut phone).await;
    let signature = phone.sign(&signing.key_alias, &signing.message);
    {
        let finish = std::pin::pin!(phone.app.finish_approval(signing.id, signature));
        assert!(futures_util::poll!(finish).is_pending());
    }
    let delivered = async {
        // `shutdown` waits for what runs; the answer is out when it returns.
        phone.restart().await;
        agent.tokens(&request).await;
    };
    tokio::time::timeout(PATIENCE, delivered)
        .await
        .expect("delivered");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_request_ends_with_its_review_its_challenge_and_its_process() {
    let sandbox = start(options()).await;
    let mut phone = guarded(&sandbox).await;
    let agent = Agent::new(&sandbox);
    agent.ask().await;
    let signing = begun(&mut phone).await;
    let signature = phone.sign(&signing.key_alias, &signing.message);

    phone
        .app
        .set_display(Display {
            locale: "de-DE".into(),
            zone: "UTC".into(),
            utc_offset_minutes: 0,
        })
        .expect("German");
    let review = phone
        .app
        .review(signing.challenge.clone())
        .await
        .expect("another review");
    let error = phone
        .app
        .finish_approval(signing.id, signature)
        .await
        .expect_err("signed for another page");
    assert_eq!(error.code(), ErrorCode::ReviewChanged);

    let begin = || {
        phone
            .app
            .begin_approval(review.challenge.clone(), review.digest.clone(), None)
    };
    let first = begin().await.expect("a signing request");
    assert_eq!(begin().await.expect("the same one"), first);
    let signature = phone.sign(&first.key_alias, &first.message);
    phone.restart().await;
    let error = phone
        .app
        .finish_approval(first.id, signature.clone())
        .await
        .expect_err("of another process");
    assert_eq!(error.code(), ErrorCode::SigningRequestGone);

    let last = phone
        .app
        .begin_approval(review.challenge, review.digest, None)
        .await
        .expect("a signing request");
    phone.clock.advance(600_000);
    let error = phone
        .app
        .finish_approval(last.id, signature)
        .await
        .expect_err("too late");
    assert_eq!(error.code(), ErrorCode::ChallengeExpired);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_lost_approval_key_is_replaced_and_the_history_tells() {
    let sandbox = start(options()).await;
    let mut phone = guarded(&sandbox).await;
    let agent = Agent::new(&sandbox);
    agent.ask().await;
    let signing = begun(&mut phone).await;
    let signature = phone.sign(&signing.key_alias, &signing.message);
    phone
        .app
        .finish_approval(signing.id, signature)
        .await
        .expect("a receipt");

    let request = agent.ask().await;
    let signing = begun(&mut phone).await;
    let late = phone.sign(&signing.key_alias, &signing.message);
    let review = phone
        .app
        .review(signing.challenge.clone())
        .await
        .expect("a review");
    phone.lose_key(&signing.key_alias);
    let error = phone
        .app
        .begin_approval(review.challenge.clone(), review.digest.clone(), None)
        .await
        .expect_err("no key");
    assert_eq!(error.code(), ErrorCode::ApprovalKeyMissing);

    let id = phone.enrollment.id.clone();
    let renewed = phone
        .app
        .replace_approval_key(id.clone())
        .await
        .expect("a new key");
    assert_ne!(
        renewed.approval_thumbprint,
        phone.enrollment.approval_thumbprint
    );
    let error = phone
        .app
        .finish_approval(signing.id, late)
        .await
        .expect_err("signed by the old key");
    assert_eq!(error.code(), ErrorCode::SigningRequestGone);
    let signing = phone
        .app
        .begin_approval(review.challenge, review.digest, None)
        .await
        .expect("a signing request");
    phone
        .app
        .finish_approval(signing.id, phone.sign(&signing.key_alias, &signing.message))
        .await
        .expect("a receipt");
    agent.tokens(&request).await;
    assert_eq!(
        Some(checked_by_a_server(&consent(&phone).await)),
        renewed.approval_thumbprint
    );

    assert_eq!(
        phone
            .app
            .verify_history(id.clone())
            .await
            .expect("a report")
            .broken,
        None
    );
    let export: Value =
        serde_json::from_str(&phone.app.export_history(id).await.expect("an export"))
            .expect("JSON");
    let events: Vec<&Value> = export["records"]
        .as_array()
        .expect("records")
        .iter()
        .map(|record| &record["body"])
        .collect();
    let change = events
        .iter()
        .find(|body| body["event"] == "approval_key")
        .expect("the change");
    assert_eq!(
        change["old"].as_str(),
        phone.enrollment.approval_thumbprint.as_deref()
    );
    assert_eq!(
        change["new"].as_str(),
        renewed.approval_thumbprint.as_deref()
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn an_account_from_before_gets_its_key_and_approves_with_it() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    agent.ask().await;
    let review = phone.review().await;
    phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("no prompt was asked for");
    phone
        .reconfigure(|config| config.user_verification = true)
        .await;

    let request = agent.ask().await;
    let review = phone.review().await;
    let error = phone
        .app
        .approve(review.challenge.clone(), review.digest.clone(), None)
        .await
        .expect_err("a prompt now");
    assert_eq!(error.code(), ErrorCode::UserVerificationNeeded);
    let error = phone
        .app
        .begin_approval(review.challenge.clone(), review.digest.clone(), None)
        .await
        .expect_err("no key yet");
    assert_eq!(error.code(), ErrorCode::ApprovalKeyMissing);
    phone
        .app
        .replace_approval_key(phone.enrollment.id.clone())
        .await
        .expect("a key");
    let signing = phone
        .app
        .begin_approval(review.challenge, review.digest, None)
        .await
        .expect("a signing request");
    phone
        .app
        .finish_approval(signing.id, phone.sign(&signing.key_alias, &signing.message))
        .await
        .expect("a receipt");
    agent.tokens(&request).await;
    let report = phone
        .app
        .verify_history(phone.enrollment.id.clone())
        .await
        .expect("a report");
    assert_eq!((report.answers, report.broken), (2, None));
    sandbox.stop().await;
}

#[tokio::test]
async fn evidence_without_the_claim_that_carries_it_is_no_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = Config::new(folder.path().join("s.db").to_str().expect("a path"));
    (config.user_verification, config.signed_consent) = (true, false);
    let keys = std::sync::Arc::new(authenticator_core::SoftwareKeyStore::in_memory());
    let opened =
        authenticator_core::Authenticator::open(config, authenticator_core::Platform::new(keys))
            .await;
    assert_eq!(
        opened.err().expect("refused").code(),
        ErrorCode::ConfigurationInvalid
    );
}

#[tokio::test]
async fn a_long_history_gets_its_checkpoints_by_itself_and_an_export_adds_one() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let id = phone.enrollment.id.clone();
    for round in 1..=26 {
        agent.ask().await;
        let challenge = phone.challenge().await;
        phone
            .app
            .deny(challenge.id, None, None)
            .await
            .expect("deny");
        let report = phone
            .app
            .verify_history(id.clone())
            .await
            .expect("a report");
        assert_eq!((report.records, report.broken), (2 * round, None));
        assert_eq!(report.checkpointed, if round < 25 { 0 } else { 50 });
    }
    let export: Value = serde_json::from_str(
        &phone
            .app
            .export_history(id.clone())
            .await
            .expect("an export"),
    )
    .expect("JSON");
    assert_eq!(export["records"].as_array().map(Vec::len), Some(52));
    assert_eq!(export["broken"], Value::Null);
    let signed: Vec<Value> = export["checkpoints"]
        .as_array()
        .expect("checkpoints")
        .iter()
        .map(|c| claims(c.as_str().expect("a token")))
        .collect();
    assert_eq!(
        signed.iter().map(|c| c["seq"].as_i64()).collect::<Vec<_>>(),
        [Some(50), Some(52)]
    );
    assert_eq!(
        phone
            .app
            .verify_history(id)
            .await
            .expect("a report")
            .checkpointed,
        52
    );
    sandbox.stop().await;
}
