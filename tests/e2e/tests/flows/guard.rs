//! Nobody is worn down: the same request again, too many of them, one that a person has reported.

use std::time::Duration;

use authenticator_core::{
    Alert, Approval, Authenticator, Challenge, ChallengeId, Config, Decision, Delivery, ErrorClass,
    ErrorCode, GuardPolicy, MarkCode, Platform, Review, SoftwareKeyStore,
};
use e2e::{Agent, Phone, PhoneBuilder, Request, options, payment, start};
use sandbox::Sandbox;
use serde_json::json;

const MINUTE: Duration = Duration::from_secs(60);

/// A phone whose app has chosen its own policy.
async fn careful(sandbox: &Sandbox, guard: GuardPolicy) -> Phone {
    let mut builder = PhoneBuilder::new(sandbox);
    builder.config.guard = guard;
    builder.enroll(sandbox, &sandbox.ready().user_id).await
}

/// Asks for the payment of the example, under this binding message.
async fn ask(agent: &Agent, sandbox: &Sandbox, message: &str) -> Request {
    let user = sandbox.ready().user_id;
    agent
        .ask_for(&user, Some(&payment()), &[("binding_message", message)])
        .await
}

/// Asks for a login: another API than the one of payments.
async fn ask_for_login(agent: &Agent, sandbox: &Sandbox) -> Request {
    agent.ask_for(&sandbox.ready().user_id, None, &[]).await
}

fn marked(review: &Review, code: MarkCode) -> bool {
    review.marks.iter().any(|mark| mark.code == code)
}

/// Lets time pass everywhere.
fn pass(sandbox: &Sandbox, phone: &Phone, time: Duration) {
    sandbox.advance(time);
    phone.clock.advance(time.as_millis() as i64);
}

async fn open(phone: &Phone) -> Vec<Challenge> {
    phone.app.pending().await.expect("pending")
}

async fn challenge(phone: &Phone, id: &ChallengeId) -> Challenge {
    let challenge = phone.app.challenge(id.clone()).await;
    challenge.expect("a stored challenge")
}

async fn deny(phone: &Phone, review: &Review, reason: Option<&str>) {
    let (id, digest) = (review.challenge.clone(), review.digest.clone());
    phone
        .app
        .deny(id, Some(digest), reason.map(str::to_owned))
        .await
        .expect("deny");
}

async fn approve(phone: &Phone, review: &Review, typed: Option<&str>) -> Decision {
    let (id, digest) = (review.challenge.clone(), review.digest.clone());
    let receipt = phone
        .app
        .approve(id, digest, typed.map(str::to_owned))
        .await
        .expect("approve");
    assert_eq!(receipt.delivery, Delivery::Delivered);
    receipt.decision
}

async fn quiet_until(phone: &Phone) -> Option<i64> {
    phone.app.enrollments().await.expect("accounts")[0].quiet_until
}

#[tokio::test]
async fn the_same_request_again_is_one_card_and_two_decisions() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let first_request = ask(&agent, &sandbox, "TX-1").await;
    let first = phone.challenge().await;
    let second_request = ask(&agent, &sandbox, "TX-2").await;
    let second = phone.challenge().await;
    // A push does not say what it asks for: until somebody looks, each stands alone.
    for one in open(&phone).await {
        assert!(one.repeats.leads && one.repeats.times == 1 && one.repeats.others.is_empty());
    }

    let first = phone.app.review(first.id).await.expect("a review");
    let second = phone.app.review(second.id).await.expect("a review");
    assert!(!marked(&first, MarkCode::RepeatedRequest));
    assert!(marked(&second, MarkCode::RepeatedRequest));
    let cards: Vec<Challenge> = open(&phone).await;
    let cards: Vec<_> = cards.iter().filter(|one| one.repeats.leads).collect();
    assert_eq!(cards.len(), 1);
    assert_eq!(cards[0].id, second.challenge, "the newest leads");
    assert_eq!(cards[0].repeats.times, 2);
    assert_eq!(
        cards[0].repeats.others,
        std::slice::from_ref(&first.challenge)
    );

    // What was shown of one is no approval of the other.
    let mixed = phone
        .app
        .approve(first.challenge.clone(), second.digest.clone(), None)
        .await
        .expect_err("another challenge's digest");
    assert_eq!(mixed.code(), ErrorCode::ReviewChanged);
    approve(&phone, &second, None).await;
    agent.tokens(&second_request).await;
    agent.refused(&first_request, "authorization_pending").await;
    let left = open(&phone).await;
    assert_eq!(left.len(), 1);
    assert!(left[0].repeats.leads && left[0].repeats.others.is_empty());
    sandbox.stop().await;
}

#[tokio::test]
async fn a_person_denies_all_of_a_card_by_its_ids() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let mut requests = Vec::new();
    for message in ["TX-1", "TX-2", "TX-3"] {
        requests.push(ask(&agent, &sandbox, message).await);
        phone.review().await;
    }
    let other = ask_for_login(&agent, &sandbox).await;
    phone.review().await;
    let cards = open(&phone).await;
    let card = cards
        .iter()
        .find(|one| one.repeats.leads && one.repeats.times == 3)
        .expect("the card of the payment");
    for id in [
        std::slice::from_ref(&card.id),
        card.repeats.others.as_slice(),
    ]
    .concat()
    {
        phone.app.deny(id, None, None).await.expect("deny");
    }
    for request in &requests {
        agent.refused(request, "access_denied").await;
    }
    agent.refused(&other, "authorization_pending").await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_request_that_was_denied_or_missed_comes_back_marked_for_a_while() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    ask(&agent, &sandbox, "TX-1").await;
    let first = phone.review().await;
    deny(&phone, &first, None).await;
    ask(&agent, &sandbox, "TX-2").await;
    let second = phone.review().await;
    assert!(marked(&second, MarkCode::RepeatedRequest));
    assert_eq!(challenge(&phone, &second.challenge).await.repeats.times, 2);

    // The second one is missed after five minutes; eight minutes later the third is its repeat, not one of the first.
    pass(&sandbox, &phone, 13 * MINUTE);
    ask(&agent, &sandbox, "TX-3").await;
    let third = phone.review().await;
    assert!(marked(&third, MarkCode::RepeatedRequest));
    assert_eq!(challenge(&phone, &third.challenge).await.repeats.times, 2);

    deny(&phone, &third, None).await;
    pass(&sandbox, &phone, 11 * MINUTE);
    ask(&agent, &sandbox, "TX-4").await;
    assert!(!marked(&phone.review().await, MarkCode::RepeatedRequest));
    sandbox.stop().await;
}

#[tokio::test]
async fn asking_again_for_what_was_approved_or_for_something_else_is_no_repeat() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    ask(&agent, &sandbox, "TX-1").await;
    let first = phone.review().await;
    approve(&phone, &first, None).await;
    ask(&agent, &sandbox, "TX-1").await;
    assert!(!marked(&phone.review().await, MarkCode::RepeatedRequest));

    let mut other = payment();
    other[0]["creditorName"] = json!("Another Corp");
    agent
        .ask_for(&sandbox.ready().user_id, Some(&other), &[])
        .await;
    assert!(!marked(&phone.review().await, MarkCode::RepeatedRequest));
    sandbox.stop().await;
}

#[tokio::test]
async fn what_the_device_remembers_is_neither_signed_nor_sent() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    for message in ["TX-1", "TX-2"] {
        ask(&agent, &sandbox, message).await;
        let review = phone.review().await;
        deny(&phone, &review, None).await;
    }
    let history = phone.app.history(None, None, 1).await.expect("history");
    let shown = history[0]
        .shown_document
        .as_deref()
        .expect("what was shown");
    assert!(shown.contains("TX-2") && !shown.contains("repeated_request"));
    let exchanges = format!("{:?}", sandbox.snapshot().exchanges);
    assert!(!exchanges.contains("repeated_request"));
    sandbox.stop().await;
}

#[tokio::test]
async fn after_not_me_requests_arrive_silently_for_a_while_even_after_a_restart() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    ask(&agent, &sandbox, "TX-1").await;
    let review = phone.review().await;
    assert_eq!(quiet_until(&phone).await, None);
    deny(&phone, &review, Some("not_me")).await;
    let until = quiet_until(&phone).await.expect("a quiet period");
    phone.restart().await;
    assert_eq!(quiet_until(&phone).await, Some(until));

    ask(&agent, &sandbox, "TX-2").await;
    let silent = phone.challenge().await;
    assert_eq!(silent.alert, Alert::Silent);
    phone.restart().await;
    let listed = open(&phone).await;
    assert_eq!((listed.len(), listed[0].alert), (1, Alert::Silent));
    // The same requester, now that it is known: it stays quiet.
    phone.app.review(silent.id.clone()).await.expect("a review");
    assert_eq!(challenge(&phone, &silent.id).await.alert, Alert::Silent);

    pass(&sandbox, &phone, 21 * MINUTE);
    assert_eq!(quiet_until(&phone).await, None);
    ask(&agent, &sandbox, "TX-3").await;
    assert_eq!(phone.challenge().await.alert, Alert::Normal);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_silent_request_of_somebody_else_is_an_ordinary_one_once_it_is_read() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    ask(&agent, &sandbox, "TX-1").await;
    let review = phone.review().await;
    deny(&phone, &review, Some("not_me")).await;

    ask_for_login(&agent, &sandbox).await;
    let login = phone.challenge().await;
    assert_eq!(login.alert, Alert::Silent, "a push names no requester");
    phone.app.review(login.id.clone()).await.expect("a review");
    assert_eq!(challenge(&phone, &login.id).await.alert, Alert::Normal);
    // The period itself goes on.
    ask(&agent, &sandbox, "TX-2").await;
    assert_eq!(phone.challenge().await.alert, Alert::Silent);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_report_without_a_look_keeps_every_requester_of_the_account_quiet() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    ask(&agent, &sandbox, "TX-1").await;
    let unread = phone.challenge().await;
    let reason = Some("not_me".into());
    phone.app.deny(unread.id, None, reason).await.expect("deny");
    ask_for_login(&agent, &sandbox).await;
    let login = phone.challenge().await;
    phone.app.review(login.id.clone()).await.expect("a review");
    assert_eq!(challenge(&phone, &login.id).await.alert, Alert::Silent);
    sandbox.stop().await;
}

#[tokio::test]
async fn only_not_me_starts_a_quiet_period_and_an_approval_ends_it() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    ask(&agent, &sandbox, "TX-1").await;
    let review = phone.review().await;
    deny(&phone, &review, Some("wrong amount")).await;
    assert_eq!(quiet_until(&phone).await, None);
    ask(&agent, &sandbox, "TX-2").await;
    let review = phone.review().await;
    deny(&phone, &review, Some("not_me")).await;
    assert!(quiet_until(&phone).await.is_some());

    ask(&agent, &sandbox, "TX-3").await;
    let review = phone.review().await;
    assert!(marked(&review, MarkCode::PreviouslyReported));
    approve(&phone, &review, Some("249")).await;
    assert_eq!(quiet_until(&phone).await, None);
    sandbox.stop().await;
}

#[tokio::test]
async fn the_app_chooses_the_quiet_period_and_may_have_none() {
    for (period, quiet) in [(Duration::ZERO, false), (2 * MINUTE, true)] {
        let sandbox = start(options()).await;
        let guard = GuardPolicy {
            quiet_period: period,
            ..GuardPolicy::default()
        };
        let mut phone = careful(&sandbox, guard).await;
        let agent = Agent::new(&sandbox);
        ask(&agent, &sandbox, "TX-1").await;
        let review = phone.review().await;
        deny(&phone, &review, Some("not_me")).await;
        assert_eq!(quiet_until(&phone).await.is_some(), quiet);
        pass(&sandbox, &phone, 2 * MINUTE);
        assert_eq!(quiet_until(&phone).await, None);
        sandbox.stop().await;
    }
}

#[tokio::test]
async fn too_many_requests_arrive_silently_and_ask_for_a_typed_confirmation() {
    let sandbox = start(options()).await;
    let guard = GuardPolicy {
        many: 3,
        window: 5 * MINUTE,
        ..GuardPolicy::default()
    };
    let mut phone = careful(&sandbox, guard).await;
    let agent = Agent::new(&sandbox);
    for message in ["TX-1", "TX-2"] {
        ask(&agent, &sandbox, message).await;
        let review = phone.review().await;
        assert!(!marked(&review, MarkCode::ManyRequests));
        let quiet = challenge(&phone, &review.challenge).await.alert;
        assert_eq!(quiet, Alert::Normal);
        approve(&phone, &review, None).await;
    }
    let request = ask(&agent, &sandbox, "TX-3").await;
    assert_eq!(phone.challenge().await.alert, Alert::Silent);
    let third = open(&phone).await.remove(0).id;
    let review = phone.app.review(third).await.expect("a review");
    assert!(marked(&review, MarkCode::ManyRequests));
    assert!(matches!(
        review.approval,
        Approval::NeedsConfirmation { .. }
    ));
    let error = phone
        .app
        .approve(review.challenge.clone(), review.digest.clone(), None)
        .await
        .expect_err("nothing was typed");
    assert_eq!(error.code(), ErrorCode::ConfirmationNeeded);
    agent.refused(&request, "authorization_pending").await;
    approve(&phone, &review, Some("249")).await;
    agent.tokens(&request).await;

    pass(&sandbox, &phone, 6 * MINUTE);
    ask(&agent, &sandbox, "TX-4").await;
    assert_eq!(phone.review().await.approval, Approval::Allowed);
    sandbox.stop().await;
}

#[tokio::test]
async fn the_app_chooses_what_asks_for_a_confirmation() {
    let sandbox = start(options()).await;
    let guard = GuardPolicy {
        many: 2,
        also_confirm: vec![MarkCode::NewAudience],
        never_confirm: vec![MarkCode::ManyRequests],
        ..GuardPolicy::default()
    };
    let mut phone = careful(&sandbox, guard).await;
    let agent = Agent::new(&sandbox);
    ask(&agent, &sandbox, "TX-1").await;
    let first = phone.review().await;
    assert!(matches!(first.approval, Approval::NeedsConfirmation { .. }));
    approve(&phone, &first, Some("249")).await;
    ask(&agent, &sandbox, "TX-2").await;
    let second = phone.review().await;
    assert!(marked(&second, MarkCode::ManyRequests), "it is still said");
    assert_eq!(second.approval, Approval::Allowed);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_dangerous_request_is_not_approved_from_a_notification() {
    let sandbox = start(options()).await;
    let guard = GuardPolicy {
        many: 2,
        ..GuardPolicy::default()
    };
    let mut phone = careful(&sandbox, guard).await;
    let agent = Agent::new(&sandbox);
    ask(&agent, &sandbox, "TX-1").await;
    phone.challenge().await;
    let request = ask(&agent, &sandbox, "TX-2").await;
    let id = phone.challenge().await.id;
    // A tap on the notification has no digest …
    for digest in [String::new(), "guess".into()] {
        let error = phone
            .app
            .approve(id.clone(), digest, None)
            .await
            .expect_err("nobody looked");
        assert_eq!(error.code(), ErrorCode::ReviewMissing);
    }
    // … and an app that fetches one behind the person's back lacks what the person would have typed.
    let review = phone.app.review(id.clone()).await.expect("a review");
    let error = phone
        .app
        .approve(id.clone(), review.digest, None)
        .await
        .expect_err("nobody typed");
    assert_eq!(error.code(), ErrorCode::ConfirmationNeeded);
    agent.refused(&request, "authorization_pending").await;
    // Denying is always possible from there.
    phone.app.deny(id, None, None).await.expect("deny");
    agent.refused(&request, "access_denied").await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_flood_fills_the_list_and_no_more() {
    let sandbox = start(options()).await;
    let guard = GuardPolicy {
        many: 100,
        open_limit: 3,
        ..GuardPolicy::default()
    };
    let mut phone = careful(&sandbox, guard).await;
    let agent = Agent::new(&sandbox);
    for message in ["TX-1", "TX-2", "TX-3", "TX-4"] {
        ask(&agent, &sandbox, message).await;
    }
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(phone.challenge().await.id);
    }
    let surplus = phone.push().await;
    let error = phone
        .app
        .receive_push(surplus.clone())
        .await
        .expect_err("the list is full");
    assert_eq!(
        (error.code(), error.class()),
        (ErrorCode::TooManyChallenges, ErrorClass::AskUser)
    );
    assert_eq!(open(&phone).await.len(), 3, "those that came first stay");
    let review = phone.app.review(ids[0].clone()).await.expect("a review");
    assert!(marked(&review, MarkCode::ManyRequests));

    deny(&phone, &review, None).await;
    let taken = phone.app.receive_push(surplus).await.expect("room again");
    assert_eq!(open(&phone).await.len(), 3);
    let review = phone.app.review(taken.id).await.expect("a review");
    assert!(marked(&review, MarkCode::ManyRequests));
    // Requests that nobody answered in time make room by themselves.
    pass(&sandbox, &phone, 6 * MINUTE);
    ask(&agent, &sandbox, "TX-5").await;
    phone.challenge().await;
    assert_eq!(open(&phone).await.len(), 1);
    sandbox.stop().await;
}

#[tokio::test]
async fn what_was_decided_stands_after_the_challenge_is_forgotten() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    ask(&agent, &sandbox, "TX-1").await;
    let payload = phone.push().await;
    let old = phone.app.receive_push(payload.clone()).await.expect("new");
    let review = phone.app.review(old.id.clone()).await.expect("a review");
    let (id, digest) = (review.challenge, review.digest);
    let first = phone
        .app
        .approve(id.clone(), digest.clone(), None)
        .await
        .expect("approve");
    ask(&agent, &sandbox, "TX-2").await;
    let missed = phone.challenge().await.id;
    pass(&sandbox, &phone, 25 * 60 * MINUTE);
    phone.app.pending().await.expect("pending");
    pass(&sandbox, &phone, 25 * 60 * MINUTE);
    ask(&agent, &sandbox, "TX-3").await;
    phone.challenge().await;

    let error = phone
        .app
        .challenge(id.clone())
        .await
        .expect_err("forgotten");
    assert_eq!(error.code(), ErrorCode::ChallengeAnswered);
    let again = phone.app.approve(id.clone(), digest, None).await;
    assert_eq!(again.expect("the first receipt"), first);
    let denied = phone.app.deny(id.clone(), None, None).await;
    assert_eq!(denied.expect("the first receipt"), first);
    let begun = phone.app.begin_approval(id, "x".into(), None).await;
    assert_eq!(
        begun.expect_err("over").code(),
        ErrorCode::ChallengeAnswered
    );
    let replayed = phone.app.receive_push(payload).await.expect_err("old");
    assert_eq!(replayed.code(), ErrorCode::ChallengeAnswered);
    let error = phone.app.approve(missed, "x".into(), None).await;
    assert_eq!(
        error.expect_err("missed and forgotten").code(),
        ErrorCode::UnknownChallenge
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn a_policy_that_cannot_be_meant_is_refused_when_the_store_opens() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store.db");
    let mut config = Config::new(store.to_str().expect("a readable path"));
    config.guard.many = 0;
    let keys = std::sync::Arc::new(SoftwareKeyStore::in_memory());
    let opened = Authenticator::open(config, Platform::new(keys)).await;
    let error = opened.err().expect("refused");
    assert_eq!(error.code(), ErrorCode::ConfigurationInvalid);
    assert!(error.message().contains("guard.many"));
    assert!(!store.exists(), "nothing was made");
}
