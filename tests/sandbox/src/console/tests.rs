//! Pages rendered from fixed data.

use std::collections::BTreeMap;

use super::pages::{self, Token};
use super::{Invitation, samples};
use crate::knobs::{KnobState, PathClass};
use crate::ready::Ready;
use crate::signed_consent::{ConsentCheck, PersonCheck, Verified};
use crate::snapshot::{
    AnswerView, ApiView, ClientView, DeviceView, Exchange, PushView, RequestState, RequestView,
    Snapshot, UserView,
};

const TOKEN: Token<'static> = Token("form-token");
const CLAIMS: &str = r#"{"iss":"9774d56d682e549c","sub":"f3Zl","aud":"http://127.0.0.1:8300/appliance-mfa/api/resolve-transaction","iat":1772361009,"exp":1772361039,"auth0_guardian_method":"push","auth0_guardian_accepted":true,"urn:authenticator-core:consent":{"v":1,"reviewed":true,"source":"9Hx0m1gR","shown":"c2hvd24","locale":"en","zone":"Europe/Madrid"}}"#;

const APPROVAL_KEY: &str = "u8kDPn1Ue3W0bHSVFxrI-Ynb2bZpM9vqvYUBPDDQdMo";

#[test]
fn the_overview_looks_as_agreed() {
    let snapshot = busy();
    let page = pages::overview(&snapshot, &ready(), Some(&invitation(0)), TOKEN);
    insta::assert_snapshot!("overview", readable(&page.0));
}

#[test]
fn the_page_of_a_request_looks_as_agreed() {
    let snapshot = busy();
    let page = pages::request(&snapshot, &snapshot.requests[1], Some(CLAIMS), TOKEN);
    insta::assert_snapshot!("request", readable(&page.0));
}

#[test]
fn a_page_reloads_without_script_only_while_a_request_is_open() {
    let mut snapshot = busy();
    assert!(pages::requests(&snapshot).0.contains("http-equiv"));
    for request in &mut snapshot.requests {
        request.state = RequestState::Denied;
    }
    assert!(!pages::requests(&snapshot).0.contains("http-equiv"));
}

#[test]
fn a_fresh_sandbox_says_what_to_do_next() {
    let snapshot = fresh();
    assert!(
        pages::overview(&snapshot, &ready(), Some(&invitation(0)), TOKEN)
            .0
            .contains("First, connect a phone.")
    );
    assert!(pages::requests(&snapshot).0.contains("No requests yet"));
    assert!(
        pages::devices(&snapshot, TOKEN)
            .0
            .contains("No devices yet")
    );
    assert!(pages::log(&snapshot).0.contains("Nothing happened yet"));
}

#[test]
fn a_request_by_email_speaks_of_a_link_and_of_no_phone() {
    let mut snapshot = busy();
    snapshot.requests[0].channel = "email".to_owned();
    let page = pages::request(&snapshot, &snapshot.requests[0], None, TOKEN).0;
    assert!(page.contains("person behind the link") && page.contains("opens the link"));
    assert!(!page.contains("rich-consents") && !page.contains("phone approve"));
    snapshot.requests[0].channel.clear();
    let page = pages::request(&snapshot, &snapshot.requests[0], None, TOKEN).0;
    assert!(page.contains("It reaches nobody"));

    let mut only_email = fresh();
    only_email.clients[0].channels = vec!["email".to_owned()];
    let page = pages::overview(&only_email, &ready(), Some(&invitation(0)), TOKEN).0;
    assert!(!page.contains("First, connect a phone."));
}

#[test]
fn a_used_code_is_replaced_by_the_name_of_the_phone() {
    let page = pages::overview(&busy(), &ready(), Some(&invitation(0)), TOKEN).0;
    assert!(page.contains("connected") && !page.contains("<svg viewBox=\"0 0 41"));
    assert!(
        pages::overview(&busy(), &ready(), Some(&invitation(1)), TOKEN)
            .0
            .contains("QR code")
    );
}

#[test]
fn hidden_characters_of_a_payload_are_named() {
    let mut snapshot = busy();
    snapshot.requests[0].details = samples::find("hidden")
        .and_then(|sample| sample.details)
        .map(str::to_owned);
    let page = pages::request(&snapshot, &snapshot.requests[0], None, TOKEN).0;
    assert!(page.contains("⟨RLO⟩") && page.contains("⟨ZWSP⟩") && !page.contains('\u{202e}'));
}

#[test]
fn the_page_of_a_request_says_whether_the_decision_was_made_on_what_was_sent() {
    let mut snapshot = busy();
    let page = |snapshot: &Snapshot, i: usize| {
        pages::request(snapshot, &snapshot.requests[i], None, TOKEN).0
    };
    let row = |tone: &str, word: &str| {
        format!(
            "<dt>Decided on exactly what was sent</dt><dd><span class=\"pill {tone}\">{word}</span>"
        )
    };
    assert!(page(&snapshot, 1).contains(&row("good", "yes")));
    snapshot.requests[1].signed_consent = Some(ConsentCheck::No);
    assert!(page(&snapshot, 1).contains(&row("bad", "no")));
    snapshot.requests[1].signed_consent = Some(ConsentCheck::NotClaimed);
    assert!(page(&snapshot, 1).contains(&row("plain", "not claimed")));
    // Still pending: an approval was refused.
    assert!(page(&snapshot, 0).contains("No answer yet"));
    snapshot.requests[0].signed_consent = Some(ConsentCheck::No);
    let refused = page(&snapshot, 0);
    assert!(refused.contains("approval refused") && refused.contains(&row("bad", "no")));
}

#[test]
fn the_page_of_a_request_says_whether_a_person_was_verified_and_with_which_key() {
    let mut snapshot = busy();
    let page = |snapshot: &Snapshot, i: usize| {
        pages::request(snapshot, &snapshot.requests[i], None, TOKEN).0
    };
    let row = |tone: &str, word: &str| {
        format!("<dt>Person verified</dt><dd><span class=\"pill {tone}\">{word}</span>")
    };
    assert!(page(&snapshot, 1).contains(&row("good", "yes")));
    assert!(page(&snapshot, 1).contains(APPROVAL_KEY));
    for (verified, tone, word) in [
        (Verified::ChangedKey, "bad", "changed key"),
        (Verified::Invalid, "bad", "invalid"),
        (Verified::No, "plain", "no"),
    ] {
        snapshot.requests[1].person = person(verified);
        assert!(page(&snapshot, 1).contains(&row(tone, word)));
    }
    // A denial needs no prompt.
    snapshot.requests[2].person = person(Verified::No);
    assert!(!page(&snapshot, 2).contains("Person verified"));
    // Still pending: an approval was refused.
    snapshot.requests[0].signed_consent = Some(ConsentCheck::Yes);
    snapshot.requests[0].person = person(Verified::ChangedKey);
    let refused = page(&snapshot, 0);
    assert!(refused.contains("approval refused") && refused.contains(&row("bad", "changed key")));
}

#[test]
fn a_changed_approval_key_stands_with_its_device_and_can_be_trusted_there() {
    let mut snapshot = busy();
    let page = pages::devices(&snapshot, TOKEN).0;
    assert!(page.contains(APPROVAL_KEY) && !page.contains("/devices/trust"));
    snapshot.devices[0].other_approval_key = Some("another-thumbprint".to_owned());
    let page = pages::devices(&snapshot, TOKEN).0;
    assert!(page.contains("another-thumbprint") && page.contains("/devices/trust"));
}

#[test]
fn polls_and_refusals_stand_in_the_timeline_by_their_times() {
    let mut snapshot = busy();
    let of_p = |at: &str, path: &str, status, body: &str| Exchange {
        at: format!("2026-03-01T10:31:{at}.000Z"),
        path: path.to_owned(),
        status,
        response_body: body.to_owned(),
        request_id: Some("cns_p".to_owned()),
        ..exchanges().remove(0)
    };
    let pending = r#"{"error":"authorization_pending"}"#;
    let refused = r#"{"error":"Unauthorized","errorCode":"invalid_challenge"}"#;
    // Newest first, as in a snapshot.
    snapshot.exchanges = vec![
        of_p("40", "/oauth/token", 400, r#"{"error":"slow_down"}"#),
        of_p("35", "/appliance-mfa/api/resolve-transaction", 401, refused),
        of_p("30", "/oauth/token", 400, pending),
        of_p("25", "/oauth/token", 400, pending),
        of_p("20", "/rich-consents/cns_p", 200, "{}"),
        of_p("15", "/oauth/token", 400, pending),
        of_p("09", "/bc-authorize", 200, "{}"),
    ];
    let page = pages::request(&snapshot, &snapshot.requests[0], None, TOKEN).0;
    let (_, mut timeline) = page.split_once("id=\"timeline\"").expect("a timeline");
    for words in [
        ">10:31:08<",
        "Request started",
        "Push delivered",
        ">10:31:15<",
        "Polled, still pending",
        ">10:31:20<",
        "Consent fetched",
        ">10:31:25<",
        "Polled, still pending",
        "2 times in a row",
        ">10:31:35<",
        "Answer refused",
        "invalid_challenge",
        ">10:31:40<",
        "Polled too fast",
    ] {
        let (_, rest) = timeline.split_once(words).expect(words);
        timeline = rest;
    }
    assert!(!timeline.contains("<li"));
}

#[test]
fn text_of_a_client_never_becomes_markup() {
    let mut snapshot = busy();
    snapshot.requests[0].binding_message = Some("<img src=x onerror=alert(1)>".to_owned());
    snapshot.requests[0].client_name = "\"><script>".to_owned();
    for page in [
        pages::requests(&snapshot),
        pages::request(&snapshot, &snapshot.requests[0], None, TOKEN),
    ] {
        assert!(!page.0.contains("<img") && !page.0.contains("<script>"));
    }
}

fn person(verified: Verified) -> Option<PersonCheck> {
    let signed = matches!(verified, Verified::Yes | Verified::ChangedKey);
    Some(PersonCheck {
        verified,
        key: signed.then(|| APPROVAL_KEY.to_owned()),
    })
}

/// One element a line: a change of a page is a change of few lines.
fn readable(html: &str) -> String {
    html.replace("><", ">\n<")
}

fn ready() -> Ready {
    Ready {
        client_id: "sample-client".to_owned(),
        client_secret: "not-on-any-page".to_owned(),
        user_id: "auth0|ana".to_owned(),
        user_label: "ana@example.com".to_owned(),
        username: "ana".to_owned(),
        user_password: "nor-this-one".to_owned(),
        management_token: "not-on-any-page-either".to_owned(),
        audience: "https://api.bank.example".to_owned(),
    }
}

fn invitation(devices: usize) -> Invitation {
    Invitation {
        uri: "otpauth://totp/bank-dev:ana%40example.com?enrollment_tx_id=Jr7GmFdqJb0aR2Ck&base_url=http%3A%2F%2F127.0.0.1%3A8300".to_owned(),
        user_id: "auth0|ana".to_owned(),
        devices,
        made: "2026-03-01T10:29:00Z".to_owned(),
    }
}

fn fresh() -> Snapshot {
    Snapshot {
        dialect: "auth0".to_owned(),
        issuer: "http://127.0.0.1:8300/".to_owned(),
        channels: ["guardian-push", "email"].map(str::to_owned).to_vec(),
        ways: ["Push", "E-mail (10 minutes)"].map(str::to_owned).to_vec(),
        phones: true,
        rich: true,
        messages: vec![],
        now: "2026-03-01T10:31:08.000Z".to_owned(),
        users: vec![
            user("auth0|ana", "ana@example.com", 0),
            user("auth0|ben", "ben@example.com", 0),
        ],
        devices: vec![],
        clients: vec![ClientView {
            id: "sample-client".to_owned(),
            name: "Sample Shop".to_owned(),
            auth_method: "client_secret_post".to_owned(),
            grant_types: vec!["urn:openid:params:grant-type:ciba".to_owned()],
            channels: vec!["guardian-push".to_owned()],
        }],
        apis: vec![ApiView {
            identifier: "https://api.bank.example".to_owned(),
            name: "Bank API".to_owned(),
            detail_types: [
                "payment_initiation",
                "money_transfer",
                "account_information",
            ]
            .map(str::to_owned)
            .to_vec(),
            scopes: vec!["transfer:funds".to_owned()],
        }],
        requests: vec![],
        exchanges: vec![],
        knobs: KnobState::default(),
    }
}

fn busy() -> Snapshot {
    let payment = |state, id: &str, sample: &str, at: &str| {
        let sample = samples::find(sample).expect("a sample of the list");
        RequestView {
            id: id.to_owned(),
            auth_req_id: "XyVW…".to_owned(),
            client_id: "sample-client".to_owned(),
            client_name: "Sample Shop".to_owned(),
            user_id: "auth0|ana".to_owned(),
            user_label: "ana@example.com".to_owned(),
            state,
            channel: "guardian-push".to_owned(),
            binding_message: Some(sample.binding_message.to_owned()),
            scope: vec!["openid".to_owned()],
            audience: sample
                .details
                .map(|_| "https://api.bank.example".to_owned()),
            details: sample.details.map(str::to_owned),
            withheld: None,
            callback: None,
            created_at: at.to_owned(),
            expires_at: "2026-03-01T10:35:00.000Z".to_owned(),
            expires_in_s: 232,
            interval: 5,
            polls: 3,
            answer: None,
            signed_consent: None,
            person: None,
            pushes: vec![push()],
        }
    };
    let mut approved = payment(
        RequestState::Redeemed,
        "cns_0123456789abcdefghijkl",
        "payment",
        "2026-03-01T10:30:00.000Z",
    );
    approved.signed_consent = Some(ConsentCheck::Yes);
    approved.person = person(Verified::Yes);
    approved.answer = Some(AnswerView {
        device_id: Some("dev_ztQmUOx5Z3zeRi8t".to_owned()),
        in_browser: false,
        accepted: true,
        reason: None,
        at: "2026-03-01T10:30:09.000Z".to_owned(),
        consent_claim: Some(r#"{"v":1,"reviewed":true,"source":"9Hx0m1gR","shown":"c2hvd24","locale":"en","zone":"Europe/Madrid"}"#.to_owned()),
    });
    let mut denied = payment(
        RequestState::Denied,
        "cns_d",
        "transfer",
        "2026-03-01T10:12:41.000Z",
    );
    denied.answer = Some(AnswerView {
        device_id: Some("dev_ztQmUOx5Z3zeRi8t".to_owned()),
        in_browser: false,
        accepted: false,
        reason: Some("not me".to_owned()),
        at: "2026-03-01T10:12:55.000Z".to_owned(),
        consent_claim: None,
    });
    let mut snapshot = fresh();
    snapshot.users[0].devices = 1;
    snapshot.devices.push(DeviceView {
        id: "dev_ztQmUOx5Z3zeRi8t".to_owned(),
        user_id: "auth0|ana".to_owned(),
        name: "Ana's Pixel 9".to_owned(),
        key_thumbprint: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs".to_owned(),
        push_service: Some("APNS".to_owned()),
        push_token: Some("c4f1…".to_owned()),
        enrolled_at: "2026-03-01T10:05:00.000Z".to_owned(),
        last_auth: Some("2026-03-01T10:30:09.000Z".to_owned()),
        approval_key: Some(APPROVAL_KEY.to_owned()),
        other_approval_key: None,
    });
    snapshot.requests = vec![
        payment(
            RequestState::Pending,
            "cns_p",
            "accounts",
            "2026-03-01T10:31:08.000Z",
        ),
        approved,
        denied,
        payment(
            RequestState::Expired,
            "cns_e",
            "message",
            "2026-03-01T10:06:02.000Z",
        ),
    ];
    snapshot.exchanges = exchanges();
    snapshot.knobs.server_errors = BTreeMap::from([(PathClass::Resolve, 2)]);
    snapshot
}

fn user(id: &str, label: &str, devices: usize) -> UserView {
    UserView {
        id: id.to_owned(),
        label: label.to_owned(),
        email_verified: true,
        username: Some("ana".to_owned()),
        phone_number: None,
        blocked: false,
        devices,
    }
}

fn push() -> PushView {
    PushView {
        device_id: "dev_ztQmUOx5Z3zeRi8t".to_owned(),
        provider: "APNS".to_owned(),
        status: "delivered".to_owned(),
        payload: r#"{"aps":{"alert":{"title":"bank-dev","body":"Login with ana@example.com"},"category":"com.auth0.notification.authentication"},"mfa":{"dai":"dev_ztQmUOx5Z3zeRi8t","txtkn":"eyJ…","c":"f3Zl…","d":"2026-03-01T10:30:00.000Z","sh":"127.0.0.1:8300","txlnkid":"cns_0123456789abcdefghijkl","s":{"b":{"n":"Safari","v":"18.2"},"os":{"n":"Mac OS","v":"15.1"}},"l":{"n":"Madrid, Spain","lat":"40.4168","long":"-3.7038"}}}"#.to_owned(),
    }
}

fn exchanges() -> Vec<Exchange> {
    let call =
        |at: &str, method: &str, path: &str, status, request: &str, response: &str| Exchange {
            at: at.to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            status,
            request_headers: vec![
                ("host".to_owned(), "127.0.0.1:8300".to_owned()),
                ("authorization".to_owned(), "Bearer …".to_owned()),
            ],
            request_body: request.to_owned(),
            response_headers: vec![(
                "content-type".to_owned(),
                "application/json; charset=utf-8".to_owned(),
            )],
            response_body: response.to_owned(),
            took_ms: 3,
            request_id: Some("cns_0123456789abcdefghijkl".to_owned()),
        };
    vec![
        call(
            "2026-03-01T10:31:08.000Z",
            "POST",
            "/bc-authorize",
            200,
            "scope=openid&client_secret=…",
            r#"{"auth_req_id":"…","expires_in":300,"interval":5}"#,
        ),
        call(
            "2026-03-01T10:30:10.000Z",
            "POST",
            "/oauth/token",
            200,
            "grant_type=…&auth_req_id=…",
            r#"{"access_token":"…","token_type":"Bearer"}"#,
        ),
        call(
            "2026-03-01T10:30:09.000Z",
            "POST",
            "/appliance-mfa/api/resolve-transaction",
            204,
            r#"{"challenge_response":"…"}"#,
            "",
        ),
        call(
            "2026-03-01T10:30:05.000Z",
            "POST",
            "/oauth/token",
            400,
            "grant_type=…&auth_req_id=…",
            r#"{"error":"authorization_pending"}"#,
        ),
        call(
            "2026-03-01T10:30:02.000Z",
            "GET",
            "/rich-consents/cns_0123456789abcdefghijkl",
            200,
            "",
            r#"{"id":"cns_0123456789abcdefghijkl","requested_details":{"binding_message":"Order 4711","scope":["openid"]}}"#,
        ),
    ]
}
