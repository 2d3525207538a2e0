//! Enrolment, push addresses, one-time codes, removal.

use authenticator_core::{ErrorClass, ErrorCode, PushService, PushToken, Secret};
use e2e::{Agent, Phone, PhoneBuilder, options, start};
use sandbox::{Options, PathClass};

#[tokio::test]
async fn an_invitation_works_once() {
    let sandbox = start(options()).await;
    let phone = Phone::ready(&sandbox).await;
    let builder = PhoneBuilder::new(&sandbox);
    let invitation = sandbox
        .invitation(&sandbox.ready().user_id)
        .expect("an invitation");
    phone
        .app
        .enroll(invitation.clone(), Some("sandbox".into()), builder.device())
        .await
        .expect("first use");
    let error = phone
        .app
        .enroll(invitation, Some("sandbox".into()), builder.device())
        .await
        .expect_err("second use");
    assert_eq!(error.code(), ErrorCode::InvitationExpired);
    assert_eq!(
        error.server_code(),
        Some("enrollment_transaction_not_found")
    );
    assert_eq!(phone.app.enrollments().await.expect("enrollments").len(), 2);
    sandbox.stop().await;
}

#[tokio::test]
async fn an_invitation_older_than_five_minutes_is_refused() {
    let sandbox = start(options()).await;
    let phone = Phone::ready(&sandbox).await;
    let invitation = sandbox
        .invitation(&sandbox.ready().user_id)
        .expect("an invitation");
    sandbox.advance(std::time::Duration::from_secs(301));
    let device = PhoneBuilder::new(&sandbox).device();
    let error = phone
        .app
        .enroll(invitation, Some("sandbox".into()), device)
        .await
        .expect_err("too old");
    assert_eq!(
        (error.code(), error.class()),
        (ErrorCode::InvitationExpired, ErrorClass::AskUser)
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn an_invitation_never_chooses_a_server_that_nobody_confirmed() {
    let (known, stranger) = (start(options()).await, start(options()).await);
    let phone = Phone::ready(&known).await;
    let invitation = stranger
        .invitation(&stranger.ready().user_id)
        .expect("an invitation");
    let device = PhoneBuilder::new(&stranger).device();
    let error = phone
        .app
        .enroll(invitation.clone(), None, device.clone())
        .await
        .expect_err("an unknown host");
    assert_eq!(error.code(), ErrorCode::UnknownServer);

    let host = phone
        .app
        .invitation_host(&invitation)
        .expect("an invitation")
        .expect("it names a host");
    assert!(stranger.origin().ends_with(&host));
    phone
        .app
        .add_server(stranger.origin())
        .await
        .expect("a person said yes");
    let enrolled = phone
        .app
        .enroll(invitation, None, device)
        .await
        .expect("now it may choose it");
    assert_eq!(enrolled.server, host);
    known.stop().await;
    stranger.stop().await;
}

#[tokio::test]
async fn a_mistyped_server_gets_its_right_address_until_an_account_uses_it() {
    let (known, stranger) = (start(options()).await, start(options()).await);
    let phone = Phone::ready(&known).await;
    let mistyped = format!("{}/elsewhere", stranger.origin());
    let host = phone.app.add_server(mistyped.clone()).await;
    let host = host.expect("nobody can tell yet");
    let right = phone.app.add_server(stranger.origin()).await;
    assert_eq!(right.expect("the right address"), host);
    let invitation = stranger
        .invitation(&stranger.ready().user_id)
        .expect("an invitation");
    let device = PhoneBuilder::new(&stranger).device();
    phone
        .app
        .enroll(invitation, Some(host), device)
        .await
        .expect("enrolled there");
    let late = phone.app.add_server(mistyped).await;
    assert_eq!(late.expect_err("in use").code(), ErrorCode::ServerAddress);
    known.stop().await;
    stranger.stop().await;
}

#[tokio::test]
async fn an_enrollment_survives_a_restart_with_its_confirmed_server() {
    let (first, second) = (start(options()).await, start(options()).await);
    let mut phone = Phone::ready(&first).await;
    let host = phone
        .app
        .add_server(second.origin())
        .await
        .expect("a server");
    phone.restart().await;
    let invitation = second
        .invitation(&second.ready().user_id)
        .expect("an invitation");
    phone
        .app
        .enroll(invitation, Some(host), PhoneBuilder::new(&second).device())
        .await
        .expect("still known");
    let accounts = phone.app.enrollments().await.expect("enrollments");
    assert_eq!(accounts.len(), 2);
    assert_eq!(accounts[0].id, phone.enrollment.id);
    assert_eq!(accounts[0].thumbprint, phone.enrollment.thumbprint);
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_new_push_token_is_where_the_next_push_goes() {
    let sandbox = start(Options {
        strict_patch: true,
        ..options()
    })
    .await;
    let mut phone = Phone::ready(&sandbox).await;
    let token = PushToken {
        service: PushService::Apns,
        token: Secret::new("0F1E2D3C4B5A".into()),
    };
    let updates = phone.app.update_push_token(token).await.expect("update");
    assert!(updates.iter().all(|u| u.error.is_none()) && updates.len() == 1);
    phone.listen(&sandbox, "0F1E2D3C4B5A");
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let review = phone.review().await;
    phone
        .app
        .approve(review.challenge, review.digest, None)
        .await
        .expect("approve");
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn one_server_that_fails_does_not_keep_the_others_from_the_new_token() {
    let (broken, working) = (start(options()).await, start(options()).await);
    let phone = Phone::ready(&broken).await;
    let name = phone
        .app
        .add_server(working.origin())
        .await
        .expect("a server");
    let invitation = working
        .invitation(&working.ready().user_id)
        .expect("an invitation");
    phone
        .app
        .enroll(invitation, Some(name), PhoneBuilder::new(&working).device())
        .await
        .expect("enrolled");
    broken
        .knobs()
        .update(|k| _ = k.server_errors.insert(PathClass::Device, 1));
    let token = PushToken {
        service: PushService::Fcm,
        token: Secret::new("fresh".into()),
    };
    let updates = phone.app.update_push_token(token).await.expect("update");
    let errors: Vec<_> = updates
        .iter()
        .map(|u| u.error.as_ref().map(|e| (e.code(), e.class())))
        .collect();
    assert_eq!(
        errors,
        [Some((ErrorCode::ServerBusy, ErrorClass::Retry)), None]
    );
    broken.stop().await;
    working.stop().await;
}

#[tokio::test]
async fn removing_an_account_removes_it_everywhere() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    Agent::new(&sandbox).ask().await;
    let challenge = phone.challenge().await;
    phone
        .app
        .deny(challenge.id.clone(), None, None)
        .await
        .expect("deny");
    phone
        .app
        .unenroll(phone.enrollment.id.clone())
        .await
        .expect("unenrol");
    assert!(
        phone
            .app
            .enrollments()
            .await
            .expect("enrollments")
            .is_empty()
    );
    assert!(
        phone
            .app
            .history(None, None, 10)
            .await
            .expect("history")
            .is_empty()
    );
    assert_eq!(
        phone
            .app
            .challenge(challenge.id)
            .await
            .expect_err("gone")
            .code(),
        ErrorCode::UnknownChallenge
    );
    assert!(sandbox.snapshot().devices.is_empty());
    let error = phone
        .app
        .unenroll(phone.enrollment.id.clone())
        .await
        .expect_err("gone");
    assert_eq!(error.code(), ErrorCode::UnknownEnrollment);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_device_the_server_forgot_counts_as_removed() {
    let sandbox = start(options()).await;
    let phone = Phone::ready(&sandbox).await;
    sandbox.knobs().update(|k| k.revoked_device = true);
    let token = PushToken {
        service: PushService::Fcm,
        token: Secret::new("fresh".into()),
    };
    let updates = phone.app.update_push_token(token).await.expect("update");
    let error = updates[0]
        .error
        .as_ref()
        .expect("the server no longer knows it");
    assert_eq!(
        (error.code(), error.class()),
        (ErrorCode::EnrollmentGone, ErrorClass::ReEnroll)
    );
    phone
        .app
        .unenroll(phone.enrollment.id.clone())
        .await
        .expect("gone is done");
    assert!(
        phone
            .app
            .enrollments()
            .await
            .expect("enrollments")
            .is_empty()
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn without_the_server_an_account_can_be_forgotten_but_not_unenrolled() {
    let sandbox = start(options()).await;
    let mut builder = PhoneBuilder::new(&sandbox);
    builder.radio = true;
    let phone = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
    phone.radio.as_ref().expect("a radio").set_off(true);
    let error = phone
        .app
        .unenroll(phone.enrollment.id.clone())
        .await
        .expect_err("no network");
    assert_eq!(error.class(), ErrorClass::Retry);
    assert_eq!(phone.app.enrollments().await.expect("still here").len(), 1);
    phone
        .app
        .forget(phone.enrollment.id.clone())
        .await
        .expect("forget");
    assert!(
        phone
            .app
            .enrollments()
            .await
            .expect("enrollments")
            .is_empty()
    );
    assert_eq!(sandbox.snapshot().devices.len(), 1);
    sandbox.stop().await;
}

#[tokio::test]
async fn one_time_codes_have_six_digits_and_an_end() {
    let sandbox = start(options()).await;
    let phone = Phone::ready(&sandbox).await;
    assert!(phone.enrollment.has_one_time_code);
    let code = phone
        .app
        .one_time_code(phone.enrollment.id.clone())
        .await
        .expect("a code");
    assert!(
        code.code.expose().len() == 6 && code.code.expose().bytes().all(|b| b.is_ascii_digit())
    );
    assert!((1..=code.period).contains(&code.seconds_left));
    sandbox.stop().await;

    let without = start(Options {
        totp: false,
        ..options()
    })
    .await;
    let phone = Phone::ready(&without).await;
    assert!(!phone.enrollment.has_one_time_code);
    let Err(error) = phone.app.one_time_code(phone.enrollment.id.clone()).await else {
        panic!("a code without a seed")
    };
    assert_eq!(error.code(), ErrorCode::ArgumentInvalid);
    without.stop().await;
}

#[tokio::test]
async fn after_shutdown_every_call_says_closed() {
    let sandbox = start(options()).await;
    let phone = Phone::ready(&sandbox).await;
    phone.app.shutdown().await.expect("shutdown");
    assert_eq!(
        phone.app.pending().await.expect_err("closed").code(),
        ErrorCode::Closed
    );
    sandbox.stop().await;
}
