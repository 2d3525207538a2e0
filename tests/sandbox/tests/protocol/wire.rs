//! Each body of the server as it goes over the wire, with everything that differs from run to run replaced.

use reqwest::Method;
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, DETAILS, Phone, Push};

/// Status, the headers a client acts on, and the body byte for byte but for `names`.
fn wire(bench: &Bench, answer: &Answer, names: &[(&str, &str)]) -> String {
    let mut text = format!("{}\n", answer.status);
    for name in ["content-type", "cache-control", "retry-after", "location"] {
        if let Some(value) = answer.header(name) {
            text.push_str(&format!("{name}: {value}\n"));
        }
    }
    text.push_str(&answer.text);
    let (origin, ready) = (bench.sandbox.origin(), bench.sandbox.ready());
    let console = bench.sandbox.console_url();
    let common = [
        (origin.as_str(), "{origin}"),
        (console.as_str(), "{console}/"),
        (ready.user_id.as_str(), "{user}"),
    ];
    for (value, name) in names.iter().chain(&common) {
        text = text.replace(value, name);
    }
    without_times(&text)
}

/// Replaces RFC 3339 times with milliseconds.
fn without_times(text: &str) -> String {
    const SHAPE: &str = "0000-00-00T00:00:00.000Z";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let is_time = rest.get(..SHAPE.len()).is_some_and(|part| {
            part.chars()
                .map(|c| if c.is_ascii_digit() { '0' } else { c })
                .eq(SHAPE.chars())
        });
        let length = if is_time {
            SHAPE.len()
        } else {
            next.len_utf8()
        };
        out.push_str(if is_time { "{time}" } else { &rest[..length] });
        rest = &rest[length..];
    }
    out
}

fn text(answer: &Answer, name: &str) -> String {
    answer.json()[name].as_str().expect(name).to_owned()
}

async fn payment(bench: &Bench, phone: &Phone) -> (Answer, Push) {
    let ready = bench.sandbox.ready();
    let started = bench
        .start_with(&[
            ("audience", &ready.audience),
            ("authorization_details", DETAILS),
            ("scope", "openid offline_access"),
        ])
        .await;
    (started, bench.push(phone))
}

async fn consent(bench: &Bench, phone: &Phone, push: &Push) -> Answer {
    let proof = phone.proof(&phone.proof_claims(bench, push, "proof-1"));
    bench.consent(push, &proof).await
}

#[tokio::test]
async fn the_discovery_document() {
    let bench = Bench::new().await;
    let answer = bench.get("/.well-known/openid-configuration").await;
    insta::assert_snapshot!(wire(&bench, &answer, &[]));
}

#[tokio::test]
async fn the_answers_to_a_client_from_start_to_denial() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let (started, push) = payment(&bench, &phone).await;
    let id = text(&started, "auth_req_id");
    insta::assert_snapshot!("started", wire(&bench, &started, &[(&id, "{auth_req_id}")]));
    insta::assert_snapshot!("pending", wire(&bench, &bench.poll(&id).await, &[]));
    insta::assert_snapshot!("slow_down", wire(&bench, &bench.poll(&id).await, &[]));
    bench.answer(&phone, &push, false).await;
    insta::assert_snapshot!("denied", wire(&bench, &bench.poll(&id).await, &[]));
}

#[tokio::test]
async fn the_tokens() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let (started, push) = payment(&bench, &phone).await;
    bench.answer(&phone, &push, true).await;
    let tokens = bench.poll(&text(&started, "auth_req_id")).await;
    let secrets = ["access_token", "id_token", "refresh_token"].map(|name| text(&tokens, name));
    let names = [
        (secrets[0].as_str(), "{access token}"),
        (secrets[1].as_str(), "{ID token}"),
        (secrets[2].as_str(), "{refresh token}"),
    ];
    insta::assert_snapshot!(wire(&bench, &tokens, &names));
}

#[tokio::test]
async fn the_answer_to_an_enrolment() {
    let bench = Bench::new().await;
    let phone = Phone::new(crate::bench::test_key(), "9774d56d682e549c", "push-token");
    let answer = bench.enroll_body(&bench.ticket(), &phone.body()).await;
    let (id, token) = (text(&answer, "id"), text(&answer, "token"));
    let seed = answer.json()["totp"]["secret"]
        .as_str()
        .expect("seed")
        .to_owned();
    let names = [
        (id.as_str(), "{enrolment}"),
        (token.as_str(), "{device token}"),
        (seed.as_str(), "{seed}"),
    ];
    insta::assert_snapshot!(wire(&bench, &answer, &names));
}

#[tokio::test]
async fn a_consent_with_details() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let (_, push) = payment(&bench, &phone).await;
    let answer = consent(&bench, &phone, &push).await;
    insta::assert_snapshot!(wire(&bench, &answer, &[(&push.consent, "{consent}")]));
}

#[tokio::test]
async fn a_consent_with_a_binding_message_only() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let (_, push) = bench.ring(&phone).await;
    let answer = consent(&bench, &phone, &push).await;
    insta::assert_snapshot!(wire(&bench, &answer, &[(&push.consent, "{consent}")]));
}

#[tokio::test]
async fn an_error_of_the_device_api() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let (_, push) = bench.ring(&phone).await;
    bench.answer(&phone, &push, true).await;
    let late = bench.answer(&phone, &push, true).await;
    insta::assert_snapshot!(wire(&bench, &late, &[]));
}

#[tokio::test]
async fn a_ticket_of_the_management_api() {
    let bench = Bench::new().await;
    let body: Value = json!({ "user_id": bench.sandbox.ready().user_id });
    let answer = bench
        .manage(Method::POST, "/guardian/enrollments/ticket", body)
        .await;
    let ticket = text(&answer, "ticket_id");
    insta::assert_snapshot!(wire(&bench, &answer, &[(&ticket, "{ticket}")]));
}
