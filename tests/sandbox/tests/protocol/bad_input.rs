//! Bad input at every endpoint, with credentials that are good: always a 4xx with the error body of that endpoint, never a
//! 500, never a hang.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use sandbox::{DialectName, KeycloakBridge, Options};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::bench::{Answer, Bench, CIBA, DETAILS, Phone, other_key, test_key, ticket_of};
use crate::browser::{Browser, newest_link};
use crate::keycloak::{Lab, Realm, token};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const PATIENCE: Duration = Duration::from_secs(30);

/// What an endpoint says when it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaks {
    /// `error` (RFC 6749 §5.2).
    OAuth,
    /// `errorCode` and `statusCode`, as phones read them.
    Device,
    /// `errorCode`, as the Management API.
    Management,
    /// A page for a person, or `error` where the call is none that a browser makes.
    Page,
}

#[derive(Clone)]
enum Content {
    None,
    Query(Vec<(&'static str, String)>),
    Form(Vec<(&'static str, String)>),
    Json(Value),
}

/// A call that is accepted; each mutation spoils it.
#[derive(Clone)]
struct Endpoint {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    content: Content,
    /// Parameters without which it is refused.
    required: &'static [&'static str],
    /// Parameters of which nonsense, or another type, is refused.
    strict: &'static [&'static str],
    speaks: Speaks,
}

/// Without credentials and content.
fn call(method: Method, path: &str, speaks: Speaks) -> Endpoint {
    Endpoint {
        method,
        path: path.to_owned(),
        headers: Vec::new(),
        content: Content::None,
        required: &[],
        strict: &[],
        speaks,
    }
}

impl Endpoint {
    fn with(self, name: &'static str, value: String) -> Self {
        let mut headers = self.headers;
        headers.push((name, value));
        Endpoint { headers, ..self }
    }

    fn takes(
        self,
        content: Content,
        required: &'static [&'static str],
        strict: &'static [&'static str],
    ) -> Self {
        Endpoint {
            content,
            required,
            strict,
            ..self
        }
    }
}

/// What the endpoints of both dialects are called with. Everything in it can be used once.
async fn common(bench: &Bench) -> Vec<Endpoint> {
    let (start, token) = bench.paths();
    let ready = bench.sandbox.ready();
    let auth0 = bench.sandbox.dialect() == DialectName::Auth0;
    let mut asks = bench.start_form();
    asks.push(("requested_expiry", "120".to_owned()));
    let strict: &[&str] = if auth0 {
        asks.push(("audience", ready.audience.clone()));
        asks.push(("authorization_details", DETAILS.to_owned()));
        &[
            "client_id",
            "client_secret",
            "scope",
            "login_hint",
            "requested_expiry",
            "audience",
            "authorization_details",
        ]
    } else {
        asks.push(("notification_channel", "external".to_owned()));
        &[
            "client_id",
            "client_secret",
            "scope",
            "login_hint",
            "requested_expiry",
            "notification_channel",
        ]
    };
    let granted = async || {
        let id = bench.start().await;
        bench.advance(2);
        assert!(bench.sandbox.decide(&id, true));
        id
    };
    let redeem = async || {
        vec![
            ("grant_type", CIBA.to_owned()),
            ("auth_req_id", granted().await),
            ("client_id", ready.client_id.clone()),
            ("client_secret", ready.client_secret.clone()),
        ]
    };
    let of_token: &[&str] = &["grant_type", "auth_req_id", "client_id", "client_secret"];
    let tokens = bench.poll(&granted().await).await;
    let access = tokens.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let (discovery, jwks, userinfo, link) = if auth0 {
        (
            "/.well-known/openid-configuration",
            "/.well-known/jwks.json",
            "/userinfo",
            "/bc-verify",
        )
    } else {
        (
            "/oauth2/token/.well-known/openid-configuration",
            "/oauth2/jwks",
            "/oauth2/userinfo",
            "/oauth2/ciba_authorize",
        )
    };
    let key = if auth0 { "consent" } else { "authCodeKey" };
    let expiry = if auth0 { "600" } else { "120" };
    let mailed = bench.start_with(&[("requested_expiry", expiry)]).await;
    assert_eq!(mailed.status, 200, "{}", mailed.text);
    let mailed = newest_link(bench);
    let (_, secret) = mailed.split_once('=').expect("a key");
    let mut browser = Browser::default();
    let page = browser
        .log_in(bench, &mailed, &ready.username, &ready.user_password)
        .await;
    let cookie = browser.cookie().expect("a cookie").to_owned();
    let answer = vec![
        (key, secret.to_owned()),
        ("form_token", page.field("form_token").expect("a token")),
        ("digest", page.field("digest").expect("a digest")),
        ("action", "deny".to_owned()),
    ];
    let shown = Content::Query(vec![(key, secret.to_owned())]);
    let mut all = vec![
        call(Method::GET, discovery, Speaks::OAuth),
        call(Method::GET, jwks, Speaks::OAuth),
        call(Method::GET, userinfo, Speaks::OAuth)
            .with("authorization", format!("Bearer {access}")),
        call(Method::POST, start, Speaks::OAuth).takes(
            Content::Form(asks),
            &["client_id", "client_secret", "scope", "login_hint"],
            strict,
        ),
        call(Method::POST, token, Speaks::OAuth).takes(
            Content::Form(redeem().await),
            of_token,
            of_token,
        ),
        call(Method::GET, link, Speaks::Page)
            .with("cookie", cookie.clone())
            .takes(shown, &[], &[]),
        call(Method::POST, link, Speaks::Page)
            .with("cookie", cookie)
            .takes(
                Content::Form(answer),
                &["form_token", "action"],
                &["form_token", "action"],
            ),
    ];
    if auth0 {
        let members = redeem().await.into_iter();
        let members = members.map(|(name, value)| (name.to_owned(), value.into()));
        all.push(call(Method::POST, token, Speaks::OAuth).takes(
            Content::Json(Value::Object(members.collect())),
            of_token,
            of_token,
        ));
    } else {
        for (of, content) in [
            (start, all[3].content.clone()),
            (token, Content::Form(redeem().await)),
        ] {
            let (required, strict) = match of == token {
                true => (of_token, of_token),
                false => (all[3].required, all[3].strict),
            };
            let path = format!("/t/bank-dev{of}");
            all.push(call(Method::POST, &path, Speaks::OAuth).takes(content, required, strict));
        }
    }
    all
}

/// Phones, management and the bridge.
async fn of_auth0(bench: &Bench, realm: &Realm, jti: &str) -> Vec<Endpoint> {
    // A key and an identifier are enrolled once for a person.
    let new_phone = || match jti {
        "good" => Phone::new(other_key(), "good-phone", "push-of-the-good-phone"),
        _ => Phone::new(test_key(), "bad-phone", "push-of-the-bad-phone"),
    };
    let phone = bench.enroll_phone(new_phone()).await;
    let (_, push) = bench.ring(&phone).await;
    let proof = phone.proof(&phone.proof_claims(bench, &push, &format!("proof-{jti}")));
    let claims = phone.answer_claims(bench, &push, json!(false));
    let invitation = bench.sandbox.invitation("keycloak|alice").expect("alice");
    let keycloak = token(other_key(), &realm.claims(bench, jti));
    let device = "/appliance-mfa/api";
    let bearer = |text: &str| format!("Bearer {text}");
    let manage = |method, path: &str| {
        call(method, &format!("/api/v2{path}"), Speaks::Management).with(
            "authorization",
            bearer(&bench.sandbox.ready().management_token),
        )
    };
    let ana = bench.sandbox.ready().user_id.replace('|', "%7C");
    let json = Content::Json;
    vec![
        call(Method::POST, &format!("{device}/enroll"), Speaks::Device)
            .with("authorization", format!("Ticket id=\"{}\"", ticket_of(&invitation)))
            .takes(
                json(new_phone().body()),
                &["identifier", "name", "public_key"],
                &["identifier", "name", "push_credentials", "public_key"],
            ),
        call(Method::PATCH, &format!("{device}/device-accounts/{}", phone.id), Speaks::Device)
            .with("authorization", bearer(&phone.token))
            .takes(
                json(json!({ "name": "New name", "push_credentials": { "service": "GCM", "token": "t" } })),
                &[],
                &["name", "push_credentials"],
            ),
        call(Method::GET, &format!("/rich-consents/{}", push.consent), Speaks::Device)
            .with("authorization", format!("MFA-DPoP {}", push.token))
            .with("mfa-dpop", proof),
        call(Method::POST, &format!("{device}/resolve-transaction"), Speaks::Device)
            .with("authorization", bearer(&push.token))
            .takes(
                json(json!({ "challenge_response": phone.sign(&claims) })),
                &["challenge_response"],
                &["challenge_response"],
            ),
        manage(Method::GET, "/users"),
        manage(Method::GET, &format!("/users/{ana}")),
        manage(Method::GET, "/logs"),
        manage(Method::POST, "/users").takes(
            json(json!({ "user_id": format!("made-{jti}"), "email": "x@example.com" })),
            &[],
            &["user_id", "email", "blocked"],
        ),
        manage(Method::PATCH, &format!("/users/{ana}")).takes(
            json(json!({ "nickname": "Ana" })),
            &[],
            &["nickname", "blocked", "permissions"],
        ),
        manage(Method::POST, "/clients").takes(
            json(json!({ "name": "Shop", "grant_types": [CIBA] })),
            &[],
            &["name", "grant_types"],
        ),
        manage(Method::POST, "/guardian/enrollments/ticket").takes(
            json(json!({ "user_id": bench.sandbox.ready().user_id })),
            &["user_id"],
            &["user_id"],
        ),
        manage(Method::PATCH, "/email-templates/async_approval").takes(
            json(json!({ "enabled": true })),
            &[],
            &["enabled", "subject", "from"],
        ),
        call(Method::POST, "/keycloak/authenticate", Speaks::OAuth)
            .with("authorization", bearer(&keycloak))
            .takes(
                json(Lab::body(&json!({ "authorization_details": DETAILS }))),
                &["login_hint"],
                &["login_hint", "scope", "binding_message"],
            ),
        call(Method::POST, "/keycloak/details", Speaks::OAuth).takes(
            json(serde_json::from_str(DETAILS).expect("JSON")),
            &[],
            &[],
        ),
    ]
}

async fn endpoints(bench: &Bench, realm: &Realm, jti: &str) -> Vec<Endpoint> {
    let mut all = common(bench).await;
    if bench.sandbox.dialect() == DialectName::Auth0 {
        all.extend(of_auth0(bench, realm, jti).await);
    }
    all
}

/// One call.
struct Sent {
    what: &'static str,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    kind: Option<&'static str>,
    body: Vec<u8>,
    speaks: Speaks,
}

fn form(members: &[(&str, String)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(members);
    form.finish()
}

impl Sent {
    fn good(of: &Endpoint) -> Sent {
        let mut sent = Sent {
            what: "as it should be",
            method: of.method.clone(),
            path: of.path.clone(),
            headers: of.headers.clone(),
            kind: None,
            body: Vec::new(),
            speaks: of.speaks,
        };
        sent.put(&of.content);
        sent
    }

    fn put(&mut self, content: &Content) {
        match content {
            Content::None => {}
            Content::Query(members) => {
                let path = self.path.split('?').next().unwrap_or_default();
                self.path = format!("{path}?{}", form(members));
            }
            Content::Form(members) => {
                (self.kind, self.body) = (Some(FORM), form(members).into_bytes());
            }
            Content::Json(value) => {
                (self.kind, self.body) = (Some(JSON), value.to_string().into_bytes());
            }
        }
    }
}

fn garbage(random: &mut StdRng, length: usize) -> Vec<u8> {
    (0..length).map(|_| random.random()).collect()
}

/// Text that no parameter may be: markup, control characters, half a JSON document, other scripts.
fn nonsense(random: &mut StdRng) -> String {
    let pieces = [
        "<x>", "\"", "\\", "\0", "\n", "{", "[", "]}", "%", "&=", "\u{202e}", "é", "null", "-1",
        "9e99", "🦀", "../", "'--",
    ];
    let count = random.random_range(1..40);
    let text: String = (0..count)
        .map(|_| *pieces.choose(random).expect("pieces"))
        .collect();
    format!("<{text}")
}

/// The content with a parameter that is gone.
fn without(content: &Content, name: &str) -> Content {
    let mut content = content.clone();
    match &mut content {
        Content::Form(members) | Content::Query(members) => {
            members.retain(|(known, _)| *known != name);
        }
        Content::Json(value) => {
            if let Some(members) = value.as_object_mut() {
                members.remove(name);
            }
        }
        Content::None => {}
    }
    content
}

/// The content with a parameter that cannot be right; in JSON it is of a type that it never has.
fn spoiled(random: &mut StdRng, content: &Content, name: &'static str) -> Content {
    let mut content = without(content, name);
    match &mut content {
        Content::Form(members) | Content::Query(members) => members.push((name, nonsense(random))),
        Content::Json(value) => {
            let types = [json!(1.5), json!([[1]]), json!({ "x": [] }), json!({})];
            value[name] = types.choose(random).expect("types").clone();
        }
        Content::None => {}
    }
    content
}

/// The content with a member that stands there twice.
fn doubled(sent: &mut Sent, content: &Content) {
    match content {
        Content::Form(members) => {
            let mut members = members.clone();
            members.extend(members.first().cloned());
            sent.body = form(&members).into_bytes();
        }
        Content::Query(members) => {
            let twice = [members.clone(), members.clone()].concat();
            sent.put(&Content::Query(twice));
        }
        Content::Json(Value::Object(members)) => {
            let (name, value) = members.iter().next().expect("a member");
            let text = Value::Object(members.clone()).to_string();
            let first = format!("{{{}:{value},", json!(name));
            sent.body = text.replacen('{', &first, 1).into_bytes();
        }
        // An array has no members; one of its objects may have one twice.
        Content::Json(_) => sent.body = br#"[{"type":"x","type":"y"}]"#.to_vec(),
        Content::None => {}
    }
}

fn spoil(random: &mut StdRng, of: &Endpoint) -> Sent {
    let mut bad = Sent::good(of);
    let writes = matches!(of.content, Content::Form(_) | Content::Json(_));
    let required = of.required.choose(random).copied();
    let strict = of.strict.choose(random).copied();
    match random.random_range(0..11) {
        0 if required.is_some() => {
            bad.what = "a missing parameter";
            bad.put(&without(&of.content, required.unwrap_or_default()));
        }
        1 | 2 if strict.is_some() => {
            bad.what = "nonsense in a parameter";
            let content = spoiled(random, &of.content, strict.unwrap_or_default());
            bad.put(&content);
        }
        3 if !matches!(of.content, Content::None) => {
            bad.what = "a doubled parameter";
            doubled(&mut bad, &of.content);
        }
        4 if writes => {
            bad.what = "a body that is too large";
            bad.body.resize(300_000, b' ');
        }
        5 if writes => {
            bad.what = "another content type";
            let kinds = [
                None,
                Some("text/plain"),
                Some("multipart/form-data"),
                Some("x"),
            ];
            bad.kind = *kinds.choose(random).expect("kinds");
        }
        6 if writes => {
            bad.what = "bytes that are no text";
            let length = random.random_range(1..2_000);
            bad.body = garbage(random, length);
            bad.body.push(0xff);
        }
        7 if matches!(of.content, Content::Json(_)) => {
            bad.what = "deep JSON";
            let depth = random.random_range(1_000..100_000);
            bad.body = b"[".repeat(depth);
        }
        8 if !of.headers.is_empty() && of.speaks != Speaks::Page => {
            bad.what = "credentials that are none";
            let schemes = ["Basic", "Bearer", "Ticket", "MFA-DPoP", "Negotiate", ""];
            let scheme = schemes.choose(random).expect("schemes");
            let token: String = (0..random.random_range(0..300))
                .map(|_| char::from(random.random_range(b'!'..=b'~')))
                .collect();
            bad.headers.retain(|(name, _)| *name != "authorization");
            bad.headers
                .push(("authorization", format!("{scheme} {token}")));
        }
        9 => {
            bad.what = "a path that is none";
            let ends = ["/%00/..%2f", "%ff", "/%ff", "/x/y"];
            let (path, query) = match bad.path.split_once('?') {
                Some((path, query)) => (path, format!("?{query}")),
                None => (bad.path.as_str(), String::new()),
            };
            bad.path = format!("{path}{}{query}", ends.choose(random).expect("ends"));
        }
        _ => {
            bad.what = "another method";
            let others = [Method::TRACE, Method::OPTIONS, Method::PUT];
            bad.method = others.choose(random).expect("methods").clone();
            // The template of the mail takes this one too.
            if of.path.contains("email-templates") {
                bad.method = Method::DELETE;
            }
        }
    }
    bad
}

async fn send(bench: &Bench, sent: &Sent) -> Answer {
    let mut request = bench
        .http
        .request(sent.method.clone(), bench.url(&sent.path))
        .body(sent.body.clone());
    if let Some(kind) = sent.kind {
        request = request.header(CONTENT_TYPE, kind);
    }
    for (name, value) in &sent.headers {
        request = request.header(*name, value);
    }
    tokio::time::timeout(PATIENCE, bench.send(request))
        .await
        .unwrap_or_else(|_| panic!("{} at {} hangs", sent.what, sent.path))
}

/// Whether a body is an error as the endpoint says it.
fn is_error(speaks: Speaks, kind: &str, text: &str) -> bool {
    let body: Value = serde_json::from_str(text).unwrap_or_default();
    let said = |name: &str| body[name].as_str().is_some_and(|text| !text.is_empty());
    match speaks {
        Speaks::OAuth => said("error") && body["errorCode"].is_null(),
        Speaks::Device => {
            said("errorCode") && body["statusCode"].is_number() && said("description")
        }
        Speaks::Management => said("errorCode") && body["statusCode"].is_number(),
        Speaks::Page => kind.starts_with("text/html") || said("error"),
    }
}

#[track_caller]
fn check(bad: &Sent, answer: &Answer) {
    let what = format!(
        "{} at {} {}: {} {}",
        bad.what, bad.method, bad.path, answer.status, answer.text
    );
    assert!((400..500).contains(&answer.status), "{what}");
    let kind = answer.header("content-type").unwrap_or_default();
    assert!(is_error(bad.speaks, kind, &answer.text), "{what}");
    if bad.what == "a body that is too large" {
        let large = bad.speaks == Speaks::Page || answer.status == 413;
        assert!(large, "{what}");
    }
}

async fn bench_of(dialect: DialectName, realm: &Realm) -> Bench {
    let bridge = KeycloakBridge {
        realm_url: realm.url.clone(),
        users: vec!["alice".to_owned()],
        require_details: false,
        ca_pem: None,
    };
    let auth0 = dialect == DialectName::Auth0;
    Bench::with(Options {
        per_user_limit: None,
        keycloak: auth0.then_some(bridge),
        ready_channels: auth0.then(|| vec!["guardian-push".into(), "email".into()]),
        quirks: false,
        ..Options::of(dialect)
    })
    .await
}

#[tokio::test]
async fn thousands_of_bad_requests_get_a_4xx_with_the_body_of_their_endpoint() {
    let mut random = StdRng::seed_from_u64(4711);
    let mut sent = 0;
    let realm = Realm::start().await;
    for dialect in [DialectName::Auth0, DialectName::Asgardeo] {
        let bench = bench_of(dialect, &realm).await;
        if dialect == DialectName::Auth0 {
            let alice = bench.sandbox.invitation("keycloak|alice").expect("alice");
            let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).expect("key");
            let phone = Phone::new(key, "first-phone-of-alice", "alice");
            let answer = bench.enroll_body(&ticket_of(&alice), &phone.body()).await;
            assert_eq!(answer.status, 201, "{}", answer.text);
        }
        // Unspoiled, every one of them is accepted: what follows fails for what is spoiled in it.
        for endpoint in endpoints(&bench, &realm, "good").await {
            let good = Sent::good(&endpoint);
            let answer = send(&bench, &good).await;
            let what = format!("{} {}: {}", good.method, good.path, answer.text);
            assert!(
                (200..300).contains(&answer.status),
                "{}: {what}",
                answer.status
            );
        }
        let endpoints = endpoints(&bench, &realm, "bad").await;
        let before = bench.sandbox.snapshot().requests.len();
        for _ in 0..25 {
            let batch: Vec<Sent> = (0..50)
                .map(|_| {
                    let of = endpoints.choose(&mut random).expect("endpoints");
                    spoil(&mut random, of)
                })
                .collect();
            let answers = join_all(batch.iter().map(|bad| send(&bench, bad))).await;
            for (bad, answer) in batch.iter().zip(&answers) {
                check(bad, answer);
                sent += 1;
            }
        }
        // Nothing was started, and it still works.
        assert_eq!(bench.sandbox.snapshot().requests.len(), before);
        bench.start().await;
    }
    assert!(sent >= 2_000, "{sent}");
}

/// Sends a head and a piece of its body, and reads what comes.
async fn half_a_body(
    bench: &Bench,
    url: &str,
    kind: &str,
    chunked: bool,
) -> (u16, String, Duration) {
    let url = reqwest::Url::parse(url).expect("a URL");
    let at = (
        url.host_str().expect("host").to_owned(),
        url.port().expect("port"),
    );
    let length = match chunked {
        true => "transfer-encoding: chunked",
        false => "content-length: 100",
    };
    let token = bench.sandbox.ready().management_token;
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: {}:{}\r\nauthorization: Bearer {token}\r\ncontent-type: {kind}\r\n{length}\r\n\r\n",
        url.path(),
        at.0,
        at.1
    );
    let begun = Instant::now();
    let mut socket = tokio::net::TcpStream::connect(at)
        .await
        .expect("connection");
    socket.write_all(head.as_bytes()).await.expect("head");
    let piece = if chunked { "5\r\na=b&c\r\n" } else { "a=b&c" };
    socket.write_all(piece.as_bytes()).await.expect("a piece");
    let mut text = String::new();
    let read = tokio::time::timeout(PATIENCE, socket.read_to_string(&mut text)).await;
    read.unwrap_or_else(|_| panic!("{url} hangs"))
        .expect("text");
    let status = text
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let (_, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    (status.expect("a status"), body.to_owned(), begun.elapsed())
}

#[tokio::test]
async fn a_body_that_never_ends_is_not_waited_for() {
    let realm = Realm::start().await;
    let auth0 = bench_of(DialectName::Auth0, &realm).await;
    let asgardeo = bench_of(DialectName::Asgardeo, &realm).await;
    let console = |bench: &Bench| format!("{}control/users", bench.sandbox.console_url());
    let calls = [
        (&auth0, auth0.url("/bc-authorize"), FORM, Speaks::OAuth),
        (&auth0, auth0.url("/oauth/token"), JSON, Speaks::OAuth),
        (
            &auth0,
            auth0.url("/appliance-mfa/api/enroll"),
            JSON,
            Speaks::Device,
        ),
        (&auth0, auth0.url("/api/v2/users"), JSON, Speaks::Management),
        (
            &auth0,
            auth0.url("/keycloak/authenticate"),
            JSON,
            Speaks::OAuth,
        ),
        (&auth0, console(&auth0), JSON, Speaks::OAuth),
        (&asgardeo, asgardeo.url("/oauth2/ciba"), FORM, Speaks::OAuth),
        (
            &asgardeo,
            asgardeo.url("/oauth2/ciba_authorize"),
            FORM,
            Speaks::Page,
        ),
        (
            &asgardeo,
            asgardeo.url("/t/bank-dev/oauth2/token"),
            FORM,
            Speaks::OAuth,
        ),
    ];
    let both = calls.iter().flat_map(|call| [(call, false), (call, true)]);
    join_all(
        both.map(|((bench, url, kind, speaks), chunked)| async move {
            let (status, body, took) = half_a_body(bench, url, kind, chunked).await;
            assert_eq!(status, 408, "{url}: {body}");
            // The client has hung up where its chunk is cut: what it got is the body as it stands.
            let start = body.find('{').expect("JSON");
            let end = body.rfind('}').expect("JSON");
            assert!(is_error(*speaks, "", &body[start..=end]), "{url}: {body}");
            assert!(took < Duration::from_secs(20), "{url}: {took:?}");
        }),
    )
    .await;
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_said_in_the_shape_of_its_api() {
    let bench = Bench::new().await;
    let token = bench.sandbox.ready().management_token;
    let send = async |method: Method, path: &str, kind: Option<&str>, body: &'static str| {
        let request = bench.http.request(method, bench.url(path));
        let request = request.bearer_auth(&token).body(body);
        let request = match kind {
            Some(kind) => request.header(CONTENT_TYPE, kind),
            None => request,
        };
        bench.send(request).await
    };
    for (method, path, kind, body, status) in [
        (Method::PUT, "/api/v2/users", Some(JSON), "{}", 405),
        (Method::GET, "/api/v2/nope", None, "", 404),
        (Method::GET, "/api/v2/users/%ff", None, "", 400),
        (Method::DELETE, "/api/v2/clients/%ff", None, "", 400),
        (
            Method::GET,
            "/api/v2/guardian/enrollments/%ff",
            None,
            "",
            400,
        ),
        (Method::POST, "/api/v2/users", Some("text/plain"), "{}", 400),
        (Method::POST, "/api/v2/users", Some(FORM), "{}", 400),
        (Method::POST, "/api/v2/users", None, "{}", 400),
        (
            Method::PUT,
            "/appliance-mfa/api/enroll",
            Some(JSON),
            "{}",
            405,
        ),
        (
            Method::POST,
            "/appliance-mfa/api/enroll",
            Some("text/plain"),
            "{}",
            400,
        ),
        (
            Method::POST,
            "/appliance-mfa/api/resolve-transaction",
            Some("text/plain"),
            "{}",
            400,
        ),
        (
            Method::PATCH,
            "/appliance-mfa/api/device-accounts/x",
            None,
            "{}",
            400,
        ),
        (
            Method::POST,
            "/appliance-mfa/api/nope",
            Some(JSON),
            "{}",
            404,
        ),
    ] {
        let answer = send(method.clone(), path, kind, body).await;
        let what = format!("{method} {path} {kind:?}: {}", answer.text);
        assert_eq!(answer.status, status, "{what}");
        let speaks = match path.starts_with("/api/v2") {
            true => Speaks::Management,
            false => Speaks::Device,
        };
        assert_eq!(
            answer.header("content-type"),
            Some("application/json; charset=utf-8"),
            "{what}"
        );
        assert!(is_error(speaks, "", &answer.text), "{what}");
    }
}
