//! Many requests at once: none is lost, doubled or crossed with another.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use authenticator_core::{Decision, Delivery, KeyAlgorithm};
use e2e::{Agent, PATIENCE, Phone, PhoneBuilder, Request, claims, options, start, text};
use futures_util::future::join_all;
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};

const USERS: usize = 20;
const REQUESTS: usize = 200;

/// Which of the two clients asks: each person gets as much from one as from the other.
fn client(number: usize) -> usize {
    number / (2 * USERS) % 2
}

/// Whether the person approves the request of this number: as many as not, for each of them.
fn approves(number: usize) -> bool {
    (number / USERS).is_multiple_of(2)
}

/// Whole euros that nobody else pays.
fn amount(number: usize) -> usize {
    1_000 + number
}

fn details(number: usize) -> Value {
    json!([{
        "type": "payment_initiation",
        "instructedAmount": { "currency": "EUR", "amount": format!("{}.00", amount(number)) },
        "creditorName": "ExampleCorp",
    }])
}

async fn user(sandbox: &Sandbox, index: usize) -> String {
    let answer = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .expect("a client")
        .post(format!("{}control/users", sandbox.console_url()))
        .json(&json!({ "user_id": format!("auth0|user{index}") }))
        .send()
        .await
        .expect("an answer");
    let body: Value = answer.json().await.expect("JSON");
    body["user_id"].as_str().expect("a user").to_owned()
}

async fn phone(sandbox: &Sandbox, user: &str) -> Phone {
    let mut builder = PhoneBuilder::new(sandbox);
    builder.config.key_algorithm = Some(KeyAlgorithm::P256);
    builder.enroll(sandbox, user).await
}

/// Answers as many requests as come to the phone of the user with this index, each as its amount says; gives the numbers
/// of the requests, and how long the phone took for each answer.
async fn answer_all(index: usize, mut phone: Phone, count: usize) -> Vec<(usize, Duration)> {
    let mut answered = Vec::new();
    for _ in 0..count {
        let review = phone.review().await;
        let shown = text(&review, "Amount").replace(',', "");
        let euros: usize = shown
            .split('.')
            .next()
            .and_then(|units| units.parse().ok())
            .expect("an amount");
        let number = euros - 1_000;
        assert_eq!(number % USERS, index, "the request of another person");
        let (id, digest) = (review.challenge, review.digest);
        let decided = Instant::now();
        let receipt = if approves(number) {
            // Many requests in a row ask for the amount.
            let typed = Some(euros.to_string());
            phone.app.approve(id, digest, typed).await
        } else {
            phone.app.deny(id, Some(digest), None).await
        }
        .expect("a receipt");
        assert_eq!(receipt.delivery, Delivery::Delivered, "request {number}");
        assert_eq!(receipt.decision == Decision::Approve, approves(number));
        answered.push((number, decided.elapsed()));
    }
    answered
}

/// Polls as the server asks until the request is over.
async fn outcome(agent: &Agent, request: &Request) -> (u16, Value) {
    let end = Instant::now() + 3 * PATIENCE;
    loop {
        let (status, body) = agent.poll(request).await;
        if body["error"] != "authorization_pending" {
            return (status, body);
        }
        assert!(Instant::now() < end, "nobody answered");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// The median, the 95th percentile and the longest of some times, as text.
fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    format!(
        "median {:.2?}, 95th percentile {:.2?}, longest {:.2?}",
        at(50),
        at(95),
        at(100)
    )
}

/// A line of `/proc/self/status` in MB; there is none outside Linux.
fn memory(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let rest = status.lines().find_map(|text| text.strip_prefix(line))?;
    let kilobytes: u64 = rest.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes / 1024)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_requests_of_two_clients_at_once_each_get_their_own_answer() {
    let sandbox = start(Options {
        allow_es256: true,
        ..options()
    })
    .await;
    // First: it also chooses the cryptography of every HTTP client in this process.
    let agent = Agent::new(&sandbox);
    let another = agent.another(&sandbox).await;
    let agents = [agent, another];
    let users = join_all((0..USERS).map(|index| user(&sandbox, index))).await;
    let phones = join_all(users.iter().map(|user| phone(&sandbox, user))).await;

    let empty = memory("VmRSS:");
    let begun = Instant::now();
    let people: Vec<_> = phones
        .into_iter()
        .enumerate()
        .map(|(index, phone)| tokio::spawn(answer_all(index, phone, REQUESTS / USERS)))
        .collect();
    let flows = (0..REQUESTS).map(|number| {
        let (agent, users) = (&agents[client(number)], &users);
        async move {
            let message = format!("TX-{number}");
            let extra = [("binding_message", message.as_str())];
            let of = &users[number % USERS];
            let request = agent.ask_for(of, Some(&details(number)), &extra).await;
            let outcome = outcome(agent, &request).await;
            (number, request, outcome, begun.elapsed())
        }
    });
    let outcomes = join_all(flows).await;
    let took = begun.elapsed();

    let mut answered = Vec::new();
    for person in people {
        answered.extend(person.await.expect("a person who answers"));
    }
    let answer_times = answered.iter().map(|(_, took)| *took).collect();
    let mut answered: Vec<_> = answered.into_iter().map(|(number, _)| number).collect();
    answered.sort_unstable();
    assert_eq!(
        answered,
        (0..REQUESTS).collect::<Vec<_>>(),
        "each one answered once"
    );
    let (mut ids, mut flow_times) = (HashSet::new(), Vec::new());
    for (number, request, (status, body), took) in outcomes {
        flow_times.push(took);
        let (agent, other) = (&agents[client(number)], &agents[1 - client(number)]);
        other.refused(&request, "invalid_grant").await;
        if approves(number) {
            assert_eq!(status, 200, "request {number}: {body}");
            assert_eq!(body["authorization_details"], details(number));
            let token = claims(body["id_token"].as_str().expect("a token"));
            assert_eq!(token["sub"], users[number % USERS].as_str());
            assert_eq!(token["aud"], agent.client_id());
            let claim = "urn:openid:params:jwt:claim:auth_req_id";
            assert_eq!(token[claim], request.auth_req_id.as_str());
            agent.refused(&request, "invalid_grant").await;
        } else {
            assert_eq!(
                (status, body["error"].as_str()),
                (400, Some("access_denied"))
            );
            agent.refused(&request, "access_denied").await;
        }
        assert!(ids.insert(request.auth_req_id), "an id twice");
    }
    println!(
        "\n{REQUESTS} flows at once, {USERS} phones: {took:.1?}, {:.0} a second",
        REQUESTS as f64 / took.as_secs_f64()
    );
    println!("  start to outcome: {}", spread(flow_times));
    println!(
        "  a phone's decision to its receipt: {}",
        spread(answer_times)
    );
    if let (Some(empty), Some(now)) = (empty, memory("VmRSS:")) {
        println!("  server, phones and agent in one process: {empty} MB before, {now} MB after");
    }
    sandbox.stop().await;
}
