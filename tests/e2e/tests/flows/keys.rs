//! Keys that the platform loses, and answers that a server spoils: what is left, and how an account goes on.

use authenticator_core::{Delivery, ErrorClass, ErrorCode, KeyState, MarkCode};
use e2e::{Agent, Phone, PhoneBuilder, options, start};
use serde_json::Value;

async fn approved(phone: &mut Phone, agent: &Agent) {
    agent.ask().await;
    let review = phone.review().await;
    let receipt = phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("a receipt");
    assert_eq!(receipt.delivery, Delivery::Delivered);
}

async fn keys(phone: &Phone) -> Vec<KeyState> {
    let accounts = phone.app.repair().await.expect("a report");
    accounts.into_iter().map(|account| account.keys).collect()
}

#[tokio::test]
async fn an_account_without_its_key_is_enrolled_again_and_keeps_its_history() {
    for invalidated in [false, true] {
        let sandbox = start(options()).await;
        let user = sandbox.ready().user_id;
        let mut builder = PhoneBuilder::new(&sandbox);
        builder.radio = true;
        let mut phone = builder.enroll(&sandbox, &user).await;
        let agent = Agent::new(&sandbox);
        approved(&mut phone, &agent).await;
        agent.ask().await;
        let queued = phone.challenge().await;
        phone.radio.as_ref().expect("a radio").set_off(true);
        let receipt = phone
            .app
            .deny(queued.id.clone(), None, None)
            .await
            .expect("queued");
        assert_eq!(receipt.delivery, Delivery::Queued);
        phone.radio.as_ref().expect("a radio").set_off(false);

        let alias = phone.enrollment_keys().remove(0);
        match invalidated {
            true => phone.invalidate_key(&alias),
            false => phone.lose_key(&alias),
        }
        let followed = phone.app.next_change(None, None).await.expect("a start");
        let report = phone.app.repair().await.expect("a report").remove(0);
        let change = phone.app.next_change(Some(followed.cursor), None).await;
        let outcomes = change.expect("a change").outcomes;
        assert_eq!(
            outcomes
                .iter()
                .map(|receipt| receipt.delivery)
                .collect::<Vec<_>>(),
            [Delivery::Undelivered]
        );
        let (state, code) = match invalidated {
            true => (KeyState::KeyInvalidated, ErrorCode::KeyInvalidated),
            false => (KeyState::KeyMissing, ErrorCode::KeyMissing),
        };
        assert_eq!(
            (report.keys, &report.given_up),
            (state, &vec![queued.id.clone()])
        );
        let again = phone
            .app
            .deny(queued.id, None, None)
            .await
            .expect("the first receipt");
        assert_eq!(
            (again.delivery, again.last_error),
            (Delivery::Undelivered, Some(code))
        );
        assert_eq!(
            (code.class(), code.as_str()),
            (ErrorClass::ReEnroll, report.keys.as_str())
        );
        let old = phone.enrollment.id.clone();
        // Its codes still let the person in to ask for a new ticket.
        assert!(phone.app.one_time_code(old.clone()).await.is_ok());

        let invitation = sandbox.invitation(&user).expect("an invitation");
        let device = PhoneBuilder::new(&sandbox).device();
        let token = device
            .push
            .as_ref()
            .expect("a token")
            .token
            .expose()
            .clone();
        let new = phone
            .app
            .enroll(invitation, Some("sandbox".into()), device)
            .await
            .expect("enrolled again");
        assert_eq!(new.continues, std::slice::from_ref(&old));
        let accounts = phone.app.enrollments().await.expect("accounts");
        assert_eq!(
            accounts.iter().map(|a| &a.id).collect::<Vec<_>>(),
            [&new.id]
        );
        assert_eq!(accounts[0].continues, std::slice::from_ref(&old));
        assert_eq!(keys(&phone).await, [KeyState::Usable]);

        // What the server still sends to the old device rings nowhere; the new one goes on where the old one was.
        agent.ask().await;
        let stale = phone.push().await;
        if stale.contains(old.as_str()) {
            let error = phone
                .app
                .receive_push(stale)
                .await
                .expect_err("of an account that ended");
            assert_eq!(error.code(), ErrorCode::UnknownEnrollment);
        }
        phone.listen(&sandbox, &token);
        agent.ask().await;
        let review = phone.review().await;
        assert!(
            !review
                .marks
                .iter()
                .any(|mark| mark.code == MarkCode::NewAudience),
            "it remembers"
        );
        phone
            .app
            .approve(review.challenge, review.digest, None)
            .await
            .expect("approve");
        phone.restart().await;

        let entries = phone
            .app
            .history(Some(new.id.clone()), None, 10)
            .await
            .expect("history");
        assert_eq!(entries.len(), 3, "all of it");
        // The answer that was signed and never sent counts as an answer.
        for (id, answers) in [(&old, 2), (&new.id, 1)] {
            let report = phone
                .app
                .verify_history(id.clone())
                .await
                .expect("a report");
            assert_eq!((report.answers, report.broken), (answers, None));
        }
        let export = phone
            .app
            .export_history(old.clone())
            .await
            .expect("an export");
        let export: Value = serde_json::from_str(&export).expect("JSON");
        assert_eq!(export["broken"], Value::Null);
        let pruned = phone
            .app
            .prune_history(old.clone(), i64::MAX)
            .await
            .expect_err("nothing signs");
        assert_eq!(pruned.code(), code);

        phone.app.unenroll(new.id.clone()).await.expect("removed");
        assert!(
            phone
                .app
                .history(None, None, 10)
                .await
                .expect("history")
                .is_empty()
        );
        let gone = phone
            .app
            .verify_history(old)
            .await
            .expect_err("erased with it");
        assert_eq!(gone.code(), ErrorCode::UnknownEnrollment);
        sandbox.stop().await;
    }
}

#[tokio::test]
async fn an_account_that_has_its_key_is_not_replaced_and_a_person_can_erase_what_ended() {
    let sandbox = start(options()).await;
    let user = sandbox.ready().user_id;
    let mut phone = PhoneBuilder::new(&sandbox).enroll(&sandbox, &user).await;
    let enroll = async |phone: &Phone| {
        let invitation = sandbox.invitation(&user).expect("an invitation");
        let device = PhoneBuilder::new(&sandbox).device();
        let enrolled = phone
            .app
            .enroll(invitation, Some("sandbox".into()), device)
            .await;
        enrolled.expect("enrolled")
    };
    let agent = Agent::new(&sandbox);
    approved(&mut phone, &agent).await;
    let second = enroll(&phone).await;
    assert!(second.continues.is_empty());
    assert_eq!(keys(&phone).await, [KeyState::Usable, KeyState::Usable]);

    let first = phone.enrollment.id.clone();
    phone.lose_key(&phone.enrollment_keys()[0]);
    assert_eq!(keys(&phone).await, [KeyState::KeyMissing, KeyState::Usable]);
    let third = enroll(&phone).await;
    assert_eq!(third.continues, std::slice::from_ref(&first));
    phone.app.forget(first).await.expect("only its history");
    let left = phone.app.enrollments().await.expect("accounts");
    assert_eq!(
        left.iter().map(|a| &a.id).collect::<Vec<_>>(),
        [&second.id, &third.id]
    );
    assert!(left.iter().all(|account| account.continues.is_empty()));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_lost_approval_key_is_told_and_the_account_is_left_alone() {
    let sandbox = start(options()).await;
    let mut builder = PhoneBuilder::new(&sandbox);
    builder.config.user_verification = true;
    let mut phone = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
    Agent::new(&sandbox).ask().await;
    let review = phone.review().await;
    let request = phone
        .app
        .begin_approval(review.challenge, review.digest, None)
        .await
        .expect("a request");
    assert_eq!(keys(&phone).await, [KeyState::Usable]);
    phone.lose_key(&request.key_alias);
    assert_eq!(keys(&phone).await, [KeyState::ApprovalKeyMissing]);
    phone
        .app
        .replace_approval_key(phone.enrollment.id.clone())
        .await
        .expect("a new one");
    assert_eq!(keys(&phone).await, [KeyState::Usable]);
    sandbox.stop().await;
}

#[tokio::test]
async fn unusable_one_time_codes_cost_the_codes_and_not_the_enrolment() {
    let sandbox = start(options()).await;
    let mut builder = PhoneBuilder::new(&sandbox);
    builder.radio = true;
    let mut phone = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
    phone
        .radio
        .as_ref()
        .expect("a radio")
        .rewrite(|request, mut answer| {
            if request.url.ends_with("/api/enroll") {
                let mut body: Value = serde_json::from_slice(&answer.body).expect("JSON");
                body["totp"]["digits"] = 12.into();
                answer.body = body.to_string().into_bytes();
            }
            answer
        });
    let invitation = sandbox
        .invitation(&sandbox.ready().user_id)
        .expect("an invitation");
    let device = PhoneBuilder::new(&sandbox).device();
    let token = device
        .push
        .as_ref()
        .expect("a token")
        .token
        .expose()
        .clone();
    let enrolled = phone
        .app
        .enroll(invitation, Some("sandbox".into()), device)
        .await
        .expect("an account");
    let error = enrolled.one_time_code_error.expect("it says so");
    assert_eq!(error.code(), ErrorCode::AnswerInvalid);
    assert!(error.message().contains("totp.digits"), "{error}");
    assert!(!enrolled.has_one_time_code);
    phone
        .app
        .unenroll(phone.enrollment.id.clone())
        .await
        .expect("the other one");

    phone.listen(&sandbox, &token);
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("it approves");
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_pruned_history_goes_on_and_says_so_in_its_export() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    approved(&mut phone, &agent).await;
    phone.clock.advance(2_000);
    let cut = phone.app.history(None, None, 1).await.expect("history")[0].at + 1;
    approved(&mut phone, &agent).await;
    let id = phone.enrollment.id.clone();
    assert_eq!(
        phone
            .app
            .prune_history(id.clone(), cut)
            .await
            .expect("pruned"),
        2
    );
    assert_eq!(
        phone
            .app
            .prune_history(id.clone(), cut)
            .await
            .expect("pruned"),
        0
    );
    approved(&mut phone, &agent).await;
    let report = phone
        .app
        .verify_history(id.clone())
        .await
        .expect("a report");
    assert_eq!((report.pruned, report.records, report.broken), (2, 5, None));
    let export = phone.app.export_history(id).await.expect("an export");
    let export: Value = serde_json::from_str(&export).expect("JSON");
    assert_eq!(
        (&export["pruned"], &export["records"][0]["seq"]),
        (&2.into(), &3.into())
    );
    let anchor = export["checkpoints"][0].as_str().expect("a token");
    let claims = e2e::claims(anchor);
    assert_eq!(
        (&claims["seq"], &claims["pruned"]),
        (&2.into(), &true.into())
    );
    assert_eq!(claims["hash"], export["records"][0]["prev"]);
    sandbox.stop().await;
}
