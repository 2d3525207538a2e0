//! The main job: ask, show, answer, tokens or a refusal.

use authenticator_core::{Approval, Arrival, ChallengeState, Decision, Delivery, ErrorCode, KeyAlgorithm, PushService};
use e2e::{Agent, Phone, PhoneBuilder, claims, options, payment, rows, start, text};
use sandbox::{ExpiryError, Options};
use serde_json::json;

#[tokio::test]
async fn an_approved_payment_gives_tokens_with_the_details_as_granted() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    agent.refused(&request, "authorization_pending").await;

    let review = phone.review().await;
    assert_eq!(review.headline, "Pay 249.00 EUR to ExampleCorp");
    assert_eq!(review.binding_message.as_ref().map(|m| m.shown.as_str()), Some("TX-4711"));
    assert_eq!(text(&review, "Amount"), "249.00 EUR");
    assert_eq!(text(&review, "Recipient"), "ExampleCorp");
    assert_eq!(review.approval, Approval::Allowed);

    let receipt = phone.app.approve(review.challenge.clone(), review.digest.clone(), None).await.expect("approve");
    assert_eq!((receipt.decision, receipt.delivery, receipt.attempts), (Decision::Approve, Delivery::Delivered, 1));

    let tokens = agent.tokens(&request).await;
    assert_eq!(tokens["authorization_details"], payment());
    let id = claims(tokens["id_token"].as_str().expect("an ID token"));
    assert_eq!(id["sub"], sandbox.ready().user_id);
    assert_eq!(id["urn:openid:params:jwt:claim:auth_req_id"], request.auth_req_id);
    agent.refused(&request, "invalid_grant").await;

    let history = phone.app.history(None, None, 10).await.expect("history");
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].headline, review.headline);
    assert_eq!(history[0].shown.as_deref(), Some(review.digest.as_str()));
    assert_eq!(history[0].delivery, Some(Delivery::Delivered));
    let signed = claims(history[0].answer.as_deref().expect("the answer JWT"));
    assert_eq!(signed["auth0_guardian_accepted"], true);
    assert_eq!(signed["urn:authenticator-core:consent"]["shown"], review.digest);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_denial_reaches_the_server_with_its_reason() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    let receipt = phone.app.deny(review.challenge, Some(review.digest), Some("wrong amount".into())).await.expect("deny");
    assert_eq!((receipt.decision, receipt.delivery), (Decision::Deny, Delivery::Delivered));
    agent.refused(&request, "access_denied").await;
    let answer = sandbox.snapshot().requests[0].answer.clone().expect("an answer");
    assert!(!answer.accepted);
    assert_eq!(answer.reason.as_deref(), Some("wrong amount"));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_denial_from_the_notification_needs_no_review_and_says_so() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let challenge = phone.challenge().await;
    phone.app.deny(challenge.id, None, None).await.expect("deny");
    agent.refused(&request, "access_denied").await;
    let history = phone.app.history(None, None, 1).await.expect("history");
    let signed = claims(history[0].answer.as_deref().expect("the answer JWT"));
    assert_eq!(signed["urn:authenticator-core:consent"], json!({ "v": 1, "reviewed": false }));
    assert!(signed.get("auth0_guardian_reason").is_none());
    sandbox.stop().await;
}

#[tokio::test]
async fn ignoring_a_request_ends_in_access_denied_and_in_the_history_as_missed() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask_for(&sandbox.ready().user_id, Some(&payment()), &[("requested_expiry", "30")]).await;
    let review = phone.review().await;
    let id = review.challenge.clone();
    sandbox.advance(std::time::Duration::from_secs(31));
    phone.clock.advance(31_000);
    agent.refused(&request, "access_denied").await;
    let late = phone.app.approve(id.clone(), review.digest, None).await.expect_err("too late");
    assert_eq!(late.code(), ErrorCode::ChallengeExpired);
    assert_eq!(phone.app.deny(id.clone(), None, None).await.expect_err("too late").code(), ErrorCode::ChallengeExpired);
    assert!(phone.app.pending().await.expect("pending").is_empty());
    assert_eq!(phone.app.challenge(id).await.expect("known").state, ChallengeState::Expired);
    let history = phone.app.history(None, None, 10).await.expect("history");
    assert_eq!((history.len(), history[0].decision), (1, None));
    sandbox.stop().await;
}

#[tokio::test]
async fn expiry_says_expired_token_where_the_switch_is_set() {
    let sandbox = start(Options { expiry_error: ExpiryError::ExpiredToken, ..options() }).await;
    let _phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask_for(&sandbox.ready().user_id, None, &[("requested_expiry", "10")]).await;
    sandbox.advance(std::time::Duration::from_secs(11));
    agent.refused(&request, "expired_token").await;
    sandbox.stop().await;
}

#[tokio::test]
async fn the_whole_story_over_tls_with_a_private_root() {
    let sandbox = start(Options { tls: true, ..options() }).await;
    let mut builder = PhoneBuilder::new(&sandbox);
    builder.address = sandbox.tls_origin().expect("a TLS listener");
    builder.config.allow_loopback_cleartext = false;
    builder.push = Some(PushService::Apns);
    let mut phone = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    phone.app.approve(review.challenge, review.digest, None).await.expect("approve");
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_phone_without_the_private_root_does_not_trust_the_server() {
    let sandbox = start(Options { tls: true, ..options() }).await;
    let mut builder = PhoneBuilder::new(&sandbox);
    builder.config.extra_root_pem = None;
    let folder = tempfile::tempdir().expect("a folder");
    builder.config.store = folder.path().join("s.db").to_str().expect("a path").into();
    let app = authenticator_core::Authenticator::open(
        builder.config.clone(),
        authenticator_core::Platform::new(std::sync::Arc::new(authenticator_core::SoftwareKeyStore::in_memory())),
    )
    .await
    .expect("open");
    let host = app.add_server(sandbox.tls_origin().expect("TLS")).await.expect("an https address");
    let invitation = sandbox.invitation(&sandbox.ready().user_id).expect("an invitation");
    let error = app.enroll(invitation, Some(host), builder.device()).await.expect_err("an untrusted certificate");
    assert_eq!(error.code(), ErrorCode::TlsFailed);
    assert!(app.enrollments().await.expect("enrollments").is_empty());
    sandbox.stop().await;
}

#[tokio::test]
async fn p256_keys_work_where_the_server_takes_them() {
    let sandbox = start(Options { allow_es256: true, ..options() }).await;
    let mut builder = PhoneBuilder::new(&sandbox);
    builder.config.key_algorithm = Some(KeyAlgorithm::P256);
    let mut phone = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
    assert_eq!(phone.enrollment.algorithm, KeyAlgorithm::P256);
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    phone.app.approve(review.challenge, review.digest, None).await.expect("approve");
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_server_that_wants_the_modulus_of_the_published_sdks_gets_it() {
    let sandbox = start(options()).await;
    let mut builder = PhoneBuilder::new(&sandbox);
    builder.config.signed_modulus = true;
    let mut phone = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    phone.app.approve(review.challenge, review.digest, None).await.expect("approve");
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn one_approval_takes_two_requests() {
    let sandbox = start(options()).await;
    let mut builder = PhoneBuilder::new(&sandbox);
    builder.radio = true;
    let mut phone = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
    let agent = Agent::new(&sandbox);
    agent.ask().await;
    let radio = phone.radio.clone().expect("a radio");
    let before = radio.requests().len();
    let review = phone.review().await;
    phone.app.approve(review.challenge, review.digest, None).await.expect("approve");
    let sent = radio.requests()[before..].to_vec();
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent[0].starts_with("GET ") && sent[0].contains("/rich-consents/cns_"));
    assert!(sent[1].ends_with("/appliance-mfa/api/resolve-transaction"));
    sandbox.stop().await;
}

#[tokio::test]
async fn two_phones_ring_and_the_first_answer_counts() {
    let sandbox = start(options()).await;
    let mut first = Phone::ready(&sandbox).await;
    let mut second = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let (one, two) = (first.review().await, second.review().await);
    first.app.deny(one.challenge, Some(one.digest), None).await.expect("deny");
    let late = second.app.approve(two.challenge.clone(), two.digest, None).await.expect("a receipt");
    assert_eq!((late.delivery, late.last_error), (Delivery::Refused, Some(ErrorCode::ChallengeAnswered)));
    assert_eq!(late.server_code.as_deref(), Some("login_transaction_not_found"));
    agent.refused(&request, "access_denied").await;
    sandbox.stop().await;
}

#[tokio::test]
async fn one_phone_serves_two_tenants() {
    let (red, blue) = (start(options()).await, start(options()).await);
    let mut phone = Phone::ready(&red).await;
    let name = phone.app.add_server(blue.origin()).await.expect("a second server");
    let device = PhoneBuilder::new(&blue).device();
    let token = device.push.as_ref().expect("a push token").token.expose().clone();
    let invitation = blue.invitation(&blue.ready().user_id).expect("an invitation");
    phone.app.enroll(invitation, Some(name), device).await.expect("a second account");
    let (red_agent, blue_agent) = (Agent::new(&red), Agent::new(&blue));
    let (red_request, blue_request) = (red_agent.ask().await, blue_agent.ask().await);

    let red_review = phone.review().await;
    phone.listen(&blue, &token);
    let blue_review = phone.review().await;
    assert_ne!(red_review.enrollment, blue_review.enrollment);
    assert_eq!(phone.app.pending().await.expect("pending").len(), 2);

    phone.app.approve(blue_review.challenge, blue_review.digest, None).await.expect("approve");
    phone.app.deny(red_review.challenge, None, None).await.expect("deny");
    blue_agent.tokens(&blue_request).await;
    red_agent.refused(&red_request, "access_denied").await;
    red.stop().await;
    blue.stop().await;
}

#[tokio::test]
async fn the_same_push_twice_is_one_challenge() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    Agent::new(&sandbox).ask().await;
    let payload = phone.push().await;
    let first = phone.app.receive_push(payload.clone()).await.expect("a push");
    let second = phone.app.receive_push(payload).await.expect("the same push");
    assert_eq!((first.arrival, second.arrival), (Arrival::New, Arrival::Repeated));
    assert_eq!(first.id, second.id);
    assert_eq!(phone.app.pending().await.expect("pending").len(), 1);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_push_for_a_stranger_is_told_apart_from_one_that_is_not_ours() {
    let sandbox = start(options()).await;
    let phone = Phone::ready(&sandbox).await;
    let mut other = Phone::ready(&sandbox).await;
    Agent::new(&sandbox).ask().await;
    let error = phone.app.receive_push(other.push().await).await.expect_err("somebody else's push");
    assert_eq!(error.code(), ErrorCode::UnknownEnrollment);
    let error = phone.app.receive_push(json!({ "aps": { "alert": "news" } }).to_string()).await.expect_err("not ours");
    assert_eq!(error.code(), ErrorCode::PushNotOurs);
    sandbox.stop().await;
}

#[tokio::test]
async fn several_requests_wait_in_the_order_in_which_they_end() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let user = sandbox.ready().user_id;
    for expiry in ["200", "60", "120"] {
        agent.ask_for(&user, Some(&payment()), &[("requested_expiry", expiry)]).await;
        phone.review().await;
    }
    let left: Vec<i64> = phone.app.pending().await.expect("pending").iter().map(|c| c.expires_at).collect();
    assert!(left.is_sorted() && left[2] - left[0] > 130_000, "{left:?}");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_binding_message_alone_is_a_request_without_details() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask_for(&sandbox.ready().user_id, None, &[]).await;
    let review = phone.review().await;
    assert_eq!(review.approval, Approval::Allowed);
    assert_eq!(review.binding_message.as_ref().map(|m| m.shown.as_str()), Some("TX-4711"));
    assert!(rows(&review).iter().any(|row| row.text.contains("openid")));
    phone.app.approve(review.challenge, review.digest, None).await.expect("approve");
    assert!(agent.tokens(&request).await.get("authorization_details").is_none());
    sandbox.stop().await;
}
