//! The bridge to Keycloak, against a realm of a few lines that counts what it gets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::traits::PublicKeyParts as _;
use sandbox::{BridgeEvent, CallbackState, KeycloakBridge, Options};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use crate::bench::{Answer, Bench, DETAILS, Phone, Push, other_key, test_key, ticket_of};

/// How the realm answers a callback.
#[derive(Clone, Copy)]
enum Mood {
    Answers(u16),
    /// Reads it and says nothing more.
    HangsUp,
    /// Reads it and keeps the line open.
    Silent,
}

/// The two endpoints of a realm that the bridge calls.
pub(crate) struct Realm {
    pub(crate) url: String,
    address: std::net::SocketAddr,
    callbacks: Arc<Mutex<Vec<(String, Value)>>>,
    mood: Arc<Mutex<Mood>>,
    task: JoinHandle<()>,
}

impl Realm {
    pub(crate) async fn start() -> Realm {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let address = listener.local_addr().expect("address");
        let callbacks = Arc::default();
        let mood = Arc::new(Mutex::new(Mood::Answers(200)));
        Realm {
            url: format!("http://localhost:{}/realms/demo", address.port()),
            address,
            task: tokio::spawn(serve(listener, Arc::clone(&callbacks), Arc::clone(&mood))),
            callbacks,
            mood,
        }
    }

    fn becomes(&self, mood: Mood) {
        *self.mood.lock().expect("lock") = mood;
    }

    async fn goes_down(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    async fn comes_back(&mut self) {
        let listener = TcpListener::bind(self.address)
            .await
            .expect("the same port");
        self.task = tokio::spawn(serve(
            listener,
            Arc::clone(&self.callbacks),
            Arc::clone(&self.mood),
        ));
    }

    fn statuses(&self) -> Vec<String> {
        let callbacks = self.callbacks.lock().expect("lock");
        callbacks
            .iter()
            .map(|(_, body)| body["status"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// The claims of a bearer token of the channel.
    pub(crate) fn claims(&self, bench: &Bench, jti: &str) -> Value {
        json!({
            "iss": self.url, "aud": self.url, "sub": "d19479ca", "azp": "agent", "typ": "Bearer",
            "jti": jti, "iat": bench.now(), "exp": bench.now() + 60,
        })
    }
}

/// `kid` of the realm's key.
const KID: &str = "realm-key";

pub(crate) fn token(key: rsa::RsaPrivateKey, claims: &Value) -> String {
    let signer = Phone::new(key, "", "");
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": KID });
    signer.sign_with(&header, &claims.to_string())
}

async fn serve(
    listener: TcpListener,
    callbacks: Arc<Mutex<Vec<(String, Value)>>>,
    mood: Arc<Mutex<Mood>>,
) {
    while let Ok((mut socket, _)) = listener.accept().await {
        let (callbacks, mood) = (Arc::clone(&callbacks), Arc::clone(&mood));
        tokio::spawn(async move {
            let (head, body) = read(&mut socket).await;
            if head.starts_with("GET /realms/demo/protocol/openid-connect/certs ") {
                let b64 = |number: &rsa::BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
                let key = other_key();
                let keys = json!({ "keys": [
                    { "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KID, "n": b64(key.n()), "e": b64(key.e()) },
                    { "kty": "RSA", "use": "enc", "alg": "RSA-OAEP", "kid": "other", "n": b64(key.n()), "e": b64(key.e()) },
                ] });
                return write(&mut socket, 200, &keys.to_string()).await;
            }
            let callback = "POST /realms/demo/protocol/openid-connect/ext/ciba/auth/callback ";
            assert!(head.starts_with(callback), "{head}");
            let bearer = head
                .lines()
                .find_map(|line| line.strip_prefix("authorization: Bearer "))
                .unwrap_or_default();
            let body = serde_json::from_slice(&body).unwrap_or_default();
            callbacks
                .lock()
                .expect("lock")
                .push((bearer.to_owned(), body));
            let mood = *mood.lock().expect("lock");
            match mood {
                Mood::Answers(status) => write(&mut socket, status, "{}").await,
                Mood::HangsUp => {}
                Mood::Silent => std::future::pending().await,
            }
        });
    }
}

async fn read(socket: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |text| text.parse().expect("length"));
            if bytes.len() >= end + 4 + length {
                return (head, bytes[end + 4..].to_vec());
            }
        }
        assert!(
            socket.read_buf(&mut bytes).await.expect("request") > 0,
            "a whole request"
        );
    }
}

async fn write(socket: &mut TcpStream, status: u16, body: &str) {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    let _ = socket.write_all(text.as_bytes()).await;
}

/// A realm, a bridge to it, and the phone of its user alice.
pub(crate) struct Lab {
    realm: Realm,
    bench: Bench,
    phone: Phone,
    events: broadcast::Receiver<BridgeEvent>,
    asked: u32,
}

impl Lab {
    async fn new() -> Lab {
        Lab::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Options)) -> Lab {
        let realm = Realm::start().await;
        let mut options = options(&realm);
        change(&mut options);
        let bench = Bench::with(options).await;
        let invitation = bench.sandbox.invitation("keycloak|alice").expect("alice");
        let mut phone = Phone::new(test_key(), "9774d56d682e549c", "fcm-token-of-alice");
        let answer = bench
            .enroll_body(&ticket_of(&invitation), &phone.body())
            .await;
        phone.id = answer.json()["id"].as_str().expect("id").to_owned();
        Lab {
            events: bench.sandbox.bridge_events().expect("bridge"),
            realm,
            bench,
            phone,
            asked: 0,
        }
    }

    /// What Keycloak sends, with more members.
    pub(crate) fn body(more: &Value) -> Value {
        let mut body = json!({
            "scope": "openid profile roles profile", "login_hint": "alice", "binding_message": "W4/SCT!",
            "is_consent_required": false,
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        body
    }

    async fn hand_over(&self, bearer: &str, more: &Value) -> Answer {
        let request = self
            .bench
            .http
            .post(self.bench.url("/keycloak/authenticate"));
        let request = request.bearer_auth(bearer).json(&Self::body(more));
        self.bench.send(request).await
    }

    /// A request that rings the phone.
    async fn ring(&mut self, more: Value) -> Push {
        self.asked += 1;
        let claims = self
            .realm
            .claims(&self.bench, &format!("jti-{}", self.asked));
        let answer = self.hand_over(&token(other_key(), &claims), &more).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        self.bench.push(&self.phone)
    }

    async fn consent(&self, push: &Push) -> Value {
        let claims = self.phone.proof_claims(&self.bench, push, &push.challenge);
        let answer = self.bench.consent(push, &self.phone.proof(&claims)).await;
        answer.json()["requested_details"].clone()
    }

    async fn answers(&self, push: &Push, accepted: bool) -> u16 {
        self.bench.answer(&self.phone, push, accepted).await.status
    }

    /// What became of the next callback.
    async fn returned(&mut self) -> CallbackState {
        loop {
            let event = tokio::time::timeout(Duration::from_secs(30), self.events.recv());
            if let BridgeEvent::Returned { callback, .. } =
                event.await.expect("in time").expect("event")
            {
                return callback.state;
            }
        }
    }
}

fn options(realm: &Realm) -> Options {
    Options {
        per_user_limit: None,
        keycloak: Some(KeycloakBridge {
            realm_url: realm.url.clone(),
            users: vec!["alice".to_owned()],
            require_details: false,
            ca_pem: None,
        }),
        ..Options::default()
    }
}

fn requiring(options: &mut Options) {
    if let Some(bridge) = &mut options.keycloak {
        bridge.require_details = true;
    }
}

#[tokio::test]
async fn an_answer_goes_back_to_keycloak_once_with_the_token_it_came_with() {
    let mut lab = Lab::new().await;
    for (accepted, status) in [(true, "SUCCEED"), (false, "CANCELLED")] {
        let push = lab.ring(json!({})).await;
        assert_eq!(lab.answers(&push, accepted).await, 204);
        assert_eq!(lab.returned().await, CallbackState::Delivered);
        assert_eq!(lab.answers(&push, accepted).await, 404, "answered already");
        assert_eq!(
            lab.realm.statuses().last().map(String::as_str),
            Some(status)
        );
    }
    let callbacks = lab.realm.callbacks.lock().expect("lock");
    assert_eq!(callbacks.len(), 2);
    assert!(
        callbacks
            .iter()
            .all(|(bearer, _)| bearer.matches('.').count() == 2)
    );
    assert_ne!(callbacks[0].0, callbacks[1].0);
}

#[tokio::test]
async fn after_an_unclear_outcome_nothing_is_sent_again() {
    let mut lab = Lab::new().await;
    for mood in [Mood::HangsUp, Mood::Answers(500)] {
        lab.realm.becomes(mood);
        let push = lab.ring(json!({})).await;
        assert_eq!(lab.answers(&push, true).await, 204);
        assert_eq!(lab.returned().await, CallbackState::Unclear);
    }
    lab.realm.becomes(Mood::Answers(403));
    let push = lab.ring(json!({})).await;
    lab.answers(&push, true).await;
    assert_eq!(lab.returned().await, CallbackState::Refused);
    lab.realm.becomes(Mood::Answers(200));
    let push = lab.ring(json!({})).await;
    lab.answers(&push, false).await;
    assert_eq!(lab.returned().await, CallbackState::Delivered);
    assert_eq!(
        lab.realm.statuses(),
        ["SUCCEED", "SUCCEED", "SUCCEED", "CANCELLED"]
    );
}

#[tokio::test]
async fn a_keycloak_that_is_down_for_a_moment_still_gets_the_answer_and_gets_it_once() {
    let mut lab = Lab::new().await;
    let push = lab.ring(json!({})).await;
    lab.realm.goes_down().await;
    assert_eq!(lab.answers(&push, true).await, 204);
    tried(&lab.bench).await;
    lab.realm.comes_back().await;
    assert_eq!(lab.returned().await, CallbackState::Delivered);
    assert_eq!(lab.realm.statuses(), ["SUCCEED"]);
}

/// Waits until a callback could not leave.
async fn tried(bench: &Bench) {
    loop {
        let callback = bench.sandbox.snapshot().requests[0].callback.clone();
        let callback = callback.expect("a callback");
        if callback.note.is_some() {
            assert_eq!(callback.state, CallbackState::Waiting);
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_answer_that_never_left_is_sent_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut lab = Lab::with(|options| options.data = Some(folder.path().to_owned())).await;
    let push = lab.ring(json!({})).await;
    lab.realm.goes_down().await;
    assert_eq!(lab.answers(&push, true).await, 204);
    tried(&lab.bench).await;
    let Lab {
        mut realm, bench, ..
    } = lab;
    let Bench { sandbox, .. } = bench;
    let stopping = std::time::Instant::now();
    sandbox.stop().await;
    assert!(
        stopping.elapsed() < Duration::from_secs(5),
        "nothing was on its way"
    );
    realm.comes_back().await;
    let mut second = options(&realm);
    second.data = Some(folder.path().to_owned());
    let bench = Bench::with(second).await;
    let state = || {
        let snapshot = bench.sandbox.snapshot();
        snapshot.requests[0].callback.clone().unwrap().state
    };
    while matches!(state(), CallbackState::Waiting | CallbackState::Sending) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(state(), CallbackState::Delivered);
    assert_eq!(realm.statuses(), ["SUCCEED"]);
}

#[tokio::test]
async fn another_spelling_of_the_same_account_rings_its_phone() {
    let mut lab = Lab::new().await;
    for hint in ["Alice", "alice", "alice@example.com"] {
        lab.ring(json!({ "login_hint": hint })).await;
    }
    assert_eq!(lab.bench.sandbox.snapshot().requests.len(), 3);
}

#[tokio::test]
async fn the_sixth_request_of_a_minute_is_refused_unless_the_limit_is_off() {
    for (limit, last) in [(Some(5), 429), (None, 201)] {
        let mut lab = Lab::with(|options| options.per_user_limit = limit).await;
        for _ in 0..5 {
            lab.ring(json!({})).await;
        }
        let claims = lab.realm.claims(&lab.bench, "sixth");
        let sixth = lab
            .hand_over(&token(other_key(), &claims), &json!({}))
            .await;
        assert_eq!(sixth.status, last);
    }
}

#[tokio::test]
async fn a_callback_cut_off_by_the_end_of_the_bridge_is_unclear_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let data = Some(folder.path().to_owned());
    let realm = Realm::start().await;
    realm.becomes(Mood::Silent);
    let mut first = options(&realm);
    first.data.clone_from(&data);
    // A runtime of its own: when it goes, everything in it stops where it stands, as in a killed process.
    let seen = Arc::clone(&realm.callbacks);
    let url = realm.url.clone();
    let killed = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let bench = Bench::with(first).await;
            let invitation = bench.sandbox.invitation("keycloak|alice").unwrap();
            let phone = Phone::new(test_key(), "9774d56d682e549c", "fcm-token-of-alice");
            bench.enroll_body(&ticket_of(&invitation), &phone.body()).await;
            let claims = json!({
                "iss": url, "aud": url, "sub": "d19479ca", "azp": "agent", "typ": "Bearer", "jti": "1",
                "exp": bench.now() + 60,
            });
            let request = bench.http.post(bench.url("/keycloak/authenticate"));
            let request = request.bearer_auth(token(other_key(), &claims)).json(&Lab::body(&json!({})));
            assert_eq!(bench.send(request).await.status, 201);
            let push = bench.push(&phone);
            assert_eq!(bench.answer(&phone, &push, true).await.status, 204);
            while seen.lock().expect("lock").is_empty() {
                tokio::task::yield_now().await;
            }
            // Gives the folder free. The callback has 10 s to wait for an answer, and ends with the runtime before.
            drop(bench);
        });
        runtime.shutdown_background();
    });
    tokio::task::spawn_blocking(|| killed.join().unwrap())
        .await
        .unwrap();
    realm.becomes(Mood::Answers(200));

    let mut second = options(&realm);
    second.data = data;
    let bench = Bench::with(second).await;
    let state = || {
        let snapshot = bench.sandbox.snapshot();
        let callback = snapshot.requests[0].callback.clone().unwrap();
        callback.state
    };
    while state() == CallbackState::Sending {
        tokio::task::yield_now().await;
    }
    assert_eq!(state(), CallbackState::Unclear);
    assert_eq!(realm.statuses(), ["SUCCEED"]);
}

#[tokio::test]
async fn a_request_that_nobody_answers_calls_nobody_back() {
    let mut lab = Lab::new().await;
    let push = lab.ring(json!({})).await;
    lab.bench.advance(59);
    assert_eq!(
        lab.answers(&push, true).await,
        404,
        "the phone's time is over before the token's"
    );
    lab.bench.advance(1);
    assert_eq!(lab.returned().await, CallbackState::NotSent);
    assert_eq!(lab.realm.statuses().len(), 0);
}

#[tokio::test]
async fn a_blocked_user_ends_the_request_for_keycloak_too() {
    let mut lab = Lab::new().await;
    lab.ring(json!({})).await;
    let blocked = json!({ "blocked": true });
    let answer = lab
        .bench
        .manage(reqwest::Method::PATCH, "/users/keycloak%7Calice", blocked)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(lab.returned().await, CallbackState::Delivered);
    assert_eq!(lab.realm.statuses(), ["CANCELLED"]);
}

#[tokio::test]
async fn only_a_token_of_this_realms_channel_rings_a_phone_and_only_once() {
    let lab = Lab::new().await;
    let good = lab.realm.claims(&lab.bench, "once");
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let url = &lab.realm.url;
    for claims in [
        with("iss", json!("http://localhost/realms/demo")),
        with("aud", json!("agent")),
        with("aud", json!([url, "account"])),
        with("typ", json!("Refresh")),
        with("azp", json!("")),
        with("exp", json!(lab.bench.now())),
        with("exp", json!("soon")),
    ] {
        let answer = lab
            .hand_over(&token(other_key(), &claims), &json!({}))
            .await;
        assert_eq!(
            answer.error(),
            (401, "invalid_token".to_owned()),
            "{claims}"
        );
    }
    // Keycloak names itself as it was called: whoever reads the refusal sees both names.
    let called = "http://127.0.0.1:1/realms/demo";
    let bearer = token(other_key(), &with("iss", json!(called)));
    let refused = lab.hand_over(&bearer, &json!({})).await.json();
    let why = refused["error_description"].as_str().unwrap_or_default();
    assert!(why.contains(called) && why.contains(url.as_str()), "{why}");
    let forged = token(test_key(), &good);
    for bearer in [forged.as_str(), "", "a.b.c"] {
        assert_eq!(lab.hand_over(bearer, &json!({})).await.status, 401);
    }
    let bearer = token(other_key(), &good);
    assert_eq!(lab.hand_over(&bearer, &json!({})).await.status, 201);
    assert_eq!(
        lab.hand_over(&bearer, &json!({})).await.status,
        400,
        "a second time"
    );
    assert_eq!(lab.bench.sandbox.snapshot().requests.len(), 1);
}

#[tokio::test]
async fn a_name_that_goes_to_another_account_does_not_ring_the_phone_of_the_first() {
    let mut lab = Lab::new().await;
    lab.ring(json!({})).await;
    let mut claims = lab.realm.claims(&lab.bench, "other");
    claims["sub"] = json!("another-account");
    let answer = lab
        .hand_over(&token(other_key(), &claims), &json!({}))
        .await;
    assert_eq!(answer.error(), (400, "unknown_user_id".to_owned()));
    let mut claims = lab.realm.claims(&lab.bench, "unknown");
    claims["sub"] = json!("account-of-bob");
    let answer = lab
        .hand_over(
            &token(other_key(), &claims),
            &json!({ "login_hint": "bob" }),
        )
        .await;
    assert_eq!(answer.error(), (400, "unknown_user_id".to_owned()));
    assert_eq!(lab.bench.sandbox.snapshot().requests.len(), 1);
}

#[tokio::test]
async fn the_phone_is_told_the_client_the_message_and_no_invented_place() {
    let mut lab = Lab::new().await;
    let push = lab.ring(json!({ "authorization_details": DETAILS })).await;
    assert_eq!((push.source.as_str(), push.location.as_str()), ("", ""));
    let asked = lab.consent(&push).await;
    assert_eq!(asked["audience"], "agent");
    assert_eq!(asked["binding_message"], "W4/SCT!");
    assert_eq!(asked["scope"], json!(["openid", "profile", "roles"]));
    assert_eq!(
        asked["authorization_details"][0]["creditorName"],
        "ExampleCorp"
    );
}

#[tokio::test]
async fn lodged_details_reach_the_phone_under_the_name_of_their_digest() {
    let mut lab = Lab::new().await;
    let long = DETAILS.replace("ExampleCorp", &"E".repeat(300));
    let lodge = |text: String, kind: &'static str| {
        let request = lab.bench.http.post(lab.bench.url("/keycloak/details"));
        lab.bench
            .send(request.header("content-type", kind).body(text))
    };
    assert_eq!(lodge(long.clone(), "text/plain").await.status, 400);
    assert_eq!(lodge("[]".into(), "application/json").await.status, 400);
    assert_eq!(
        lodge(" ".repeat(20_000), "application/json").await.status,
        413
    );
    let lodged = lodge(long.clone(), "application/json").await;
    assert_eq!(lodged.status, 201);
    let reference = lodged.json()["authorization_details_ref"].clone();
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(&long));
    assert_eq!(reference, json!(format!("sha256.{digest}")));

    let push = lab
        .ring(json!({ "authorization_details_ref": reference }))
        .await;
    let asked = lab.consent(&push).await;
    assert_eq!(
        asked["authorization_details"],
        serde_json::from_str::<Value>(&long).unwrap()
    );
    assert_eq!(lab.answers(&push, true).await, 204);
    assert_eq!(lab.returned().await, CallbackState::Delivered);
}

#[tokio::test]
async fn a_request_whose_details_did_not_arrive_can_only_be_denied() {
    let mut lab = Lab::with(requiring).await;
    for more in [
        json!({}),
        json!({ "authorization_details_ref": "sha256.nothing" }),
    ] {
        let push = lab.ring(more).await;
        let asked = lab.consent(&push).await;
        let shown = asked["authorization_details"][0]
            .as_str()
            .expect("a text instead of an object");
        assert!(shown.contains("did not arrive"), "{shown}");
        assert_eq!(lab.answers(&push, true).await, 404, "a forged approval");
        assert!(
            !lab.bench.sandbox.decide(&push.consent, true),
            "the console's button"
        );
        assert_eq!(lab.answers(&push, false).await, 204);
        assert_eq!(lab.returned().await, CallbackState::Delivered);
    }
    assert_eq!(lab.realm.statuses(), ["CANCELLED", "CANCELLED"]);
    let push = lab.ring(json!({ "authorization_details": DETAILS })).await;
    assert_eq!(lab.answers(&push, true).await, 204);
}

#[tokio::test]
async fn a_sandbox_without_a_bridge_has_no_such_paths() {
    let bench = Bench::new().await;
    for path in ["/keycloak/authenticate", "/keycloak/details"] {
        assert_eq!(bench.form(path, &[]).await.status, 404);
    }
    assert!(bench.sandbox.bridge_events().is_none());
}
