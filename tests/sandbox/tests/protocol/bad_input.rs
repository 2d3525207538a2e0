//! Bad input at every endpoint: always a 4xx with the error body of that endpoint, never a 500, never a hang.

use std::time::Duration;

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use sandbox::{DialectName, KeycloakBridge};

use crate::bench::{Answer, Bench, CIBA};

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

struct Endpoint {
    method: Method,
    path: String,
    takes: &'static str,
    speaks: Speaks,
    /// A call that is accepted, or would be with the right credentials; each mutation spoils it.
    good: Vec<(&'static str, String)>,
    required: &'static [&'static str],
}

fn endpoints(bench: &Bench) -> Vec<Endpoint> {
    let (start, token) = bench.paths();
    let ready = bench.sandbox.ready();
    let auth0 = bench.sandbox.dialect() == DialectName::Auth0;
    let poll = vec![
        ("grant_type", CIBA.to_owned()),
        ("auth_req_id", "unknown".to_owned()),
        ("client_id", ready.client_id.clone()),
        ("client_secret", ready.client_secret.clone()),
    ];
    let link = if auth0 {
        "/bc-verify"
    } else {
        "/oauth2/ciba_authorize"
    };
    let call = |method, path: &str, takes, speaks, good, required| Endpoint {
        method,
        path: path.to_owned(),
        takes,
        speaks,
        good,
        required,
    };
    let form = vec![
        ("consent", "x".to_owned()),
        ("form_token", "x".to_owned()),
        ("action", "allow".to_owned()),
    ];
    let mut all = vec![
        call(
            Method::POST,
            start,
            FORM,
            Speaks::OAuth,
            bench.start_form(),
            &["client_id", "client_secret", "scope", "login_hint"],
        ),
        call(
            Method::POST,
            token,
            FORM,
            Speaks::OAuth,
            poll,
            &["grant_type", "auth_req_id", "client_id", "client_secret"],
        ),
        call(
            Method::POST,
            link,
            FORM,
            Speaks::Page,
            form,
            &["form_token"],
        ),
    ];
    if !auth0 {
        return all;
    }
    let text = |name: &'static str| (name, "x".to_owned());
    let device = "/appliance-mfa/api";
    all.extend([
        call(
            Method::POST,
            &format!("{device}/enroll"),
            JSON,
            Speaks::Device,
            vec![text("identifier"), text("name"), text("public_key")],
            &["identifier", "name"],
        ),
        call(
            Method::POST,
            &format!("{device}/resolve-transaction"),
            JSON,
            Speaks::Device,
            vec![text("challenge_response")],
            &["challenge_response"],
        ),
        call(
            Method::PATCH,
            &format!("{device}/device-accounts/dev_1"),
            JSON,
            Speaks::Device,
            vec![text("identifier")],
            &[],
        ),
        call(
            Method::GET,
            "/rich-consents/cns_1",
            JSON,
            Speaks::Device,
            Vec::new(),
            &[],
        ),
        call(
            Method::POST,
            "/api/v2/users",
            JSON,
            Speaks::Management,
            vec![text("user_id")],
            &[],
        ),
        call(
            Method::POST,
            "/keycloak/authenticate",
            JSON,
            Speaks::OAuth,
            vec![text("login_hint"), text("scope")],
            &["login_hint"],
        ),
        call(
            Method::POST,
            "/keycloak/details",
            JSON,
            Speaks::OAuth,
            vec![text("type")],
            &["type"],
        ),
    ]);
    all
}

/// One call that cannot be right.
struct Bad {
    what: &'static str,
    method: Method,
    path: String,
    kind: Option<&'static str>,
    body: Vec<u8>,
    authorization: Option<String>,
    speaks: Speaks,
}

fn encoded(takes: &str, members: &[(&str, String)]) -> Vec<u8> {
    if takes == FORM {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(members);
        return form.finish().into_bytes();
    }
    let object: serde_json::Map<String, serde_json::Value> = members
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone().into()))
        .collect();
    serde_json::to_vec(&object).expect("JSON")
}

fn garbage(random: &mut StdRng, length: usize) -> Vec<u8> {
    (0..length).map(|_| random.random()).collect()
}

/// Text that no parameter may be: markup, control characters, half a JSON document, other scripts.
fn nonsense(random: &mut StdRng) -> String {
    let pieces = [
        "<x>", "\"", "\\", "\0", "\n", "{", "[", "]}", "%", "&=", "\u{202e}", "é", "null", "-1",
        "9e99", "🦀", " ", "../", "'--",
    ];
    let count = random.random_range(1..40);
    (0..count)
        .map(|_| *pieces.choose(random).expect("pieces"))
        .collect()
}

fn spoil(random: &mut StdRng, of: &Endpoint) -> Bad {
    let mut members = of.good.clone();
    let mut bad = Bad {
        what: "",
        method: of.method.clone(),
        path: of.path.clone(),
        kind: Some(of.takes),
        body: Vec::new(),
        authorization: None,
        speaks: of.speaks,
    };
    let required = of.required.choose(random).copied();
    match (random.random_range(0..10), required) {
        (0, Some(name)) => {
            bad.what = "a missing parameter";
            members.retain(|(known, _)| *known != name);
        }
        (1, Some(name)) if of.takes == FORM => {
            bad.what = "a doubled parameter";
            members.push((name, nonsense(random)));
        }
        (2, Some(name)) => {
            bad.what = "nonsense in a parameter";
            members.retain(|(known, _)| *known != name);
            members.push((name, nonsense(random)));
        }
        (3, Some(name)) => {
            bad.what = "a parameter that is too long";
            members.retain(|(known, _)| *known != name);
            let length = *[300, 5_000, 300_000].choose(random).expect("lengths");
            members.push((name, "A".repeat(length)));
        }
        (4, _) => {
            bad.what = "another method";
            let others = [Method::PUT, Method::TRACE, Method::OPTIONS];
            bad.method = others.choose(random).expect("methods").clone();
        }
        (5, _) if of.method != Method::GET => {
            bad.what = "another content type";
            let kinds = [
                None,
                Some("text/plain"),
                Some("multipart/form-data"),
                Some("x"),
            ];
            bad.kind = *kinds.choose(random).expect("kinds");
            bad.body = garbage(random, 50);
            return bad;
        }
        (6, _) => {
            bad.what = "bytes that are no text";
            let length = random.random_range(1..2_000);
            bad.body = garbage(random, length);
            bad.body.push(0xff);
            return bad;
        }
        (7, _) => {
            bad.what = "deep JSON";
            let depth = random.random_range(1_000..100_000);
            bad.body = b"[".repeat(depth);
            return bad;
        }
        (8, _) => {
            bad.what = "credentials that are none";
            let schemes = ["Basic", "Bearer", "Ticket", "MFA-DPoP", "Negotiate", ""];
            let scheme = schemes.choose(random).expect("schemes");
            let token: String = (0..random.random_range(0..300))
                .map(|_| char::from(random.random_range(b'!'..=b'~')))
                .collect();
            bad.authorization = Some(format!("{scheme} {token}"));
            // An assertion beside it, so that nothing else can prove the client.
            members.retain(|(known, _)| *known != "client_secret");
        }
        _ => {
            bad.what = "a path that is none";
            bad.path += "/%00/..%2f";
            bad.speaks = Speaks::OAuth;
        }
    }
    bad.body = encoded(of.takes, &members);
    bad
}

#[track_caller]
fn check(bad: &Bad, answer: &Answer) {
    let what = format!(
        "{} at {} {}: {}",
        bad.what, bad.method, bad.path, answer.text
    );
    assert!(
        (400..500).contains(&answer.status),
        "{}: {what}",
        answer.status
    );
    let kind = answer.header("content-type").unwrap_or_default();
    let body = answer.json();
    let said = |name: &str| body[name].as_str().is_some_and(|text| !text.is_empty());
    match bad.speaks {
        _ if answer.status == 413 => assert!(said("error"), "{what}"),
        Speaks::OAuth => assert!(said("error"), "{what}"),
        Speaks::Device => assert!(
            said("errorCode") && body["statusCode"].is_number(),
            "{what}"
        ),
        Speaks::Management => assert!(said("errorCode"), "{what}"),
        Speaks::Page => assert!(kind.starts_with("text/html") || said("error"), "{what}"),
    }
}

#[tokio::test]
async fn thousands_of_bad_requests_get_a_4xx_with_the_body_of_their_endpoint() {
    let seed = 4711;
    let mut random = StdRng::seed_from_u64(seed);
    let mut sent = 0;
    for dialect in [DialectName::Auth0, DialectName::Asgardeo] {
        // A realm that nobody asks: what is handed over comes without a token of it.
        let bridge = KeycloakBridge {
            realm_url: "http://localhost:9/realms/demo".to_owned(),
            users: Vec::new(),
            require_details: false,
            ca_pem: None,
        };
        let bench = Bench::with(sandbox::Options {
            per_user_limit: None,
            keycloak: (dialect == DialectName::Auth0).then_some(bridge),
            ..sandbox::Options::of(dialect)
        })
        .await;
        let endpoints = endpoints(&bench);
        for _ in 0..25 {
            let batch: Vec<Bad> = (0..50)
                .map(|_| {
                    let of = endpoints.choose(&mut random).expect("endpoints");
                    spoil(&mut random, of)
                })
                .collect();
            let answers = join_all(batch.iter().map(async |bad| {
                let mut request = bench
                    .http
                    .request(bad.method.clone(), bench.url(&bad.path))
                    .body(bad.body.clone());
                if let Some(kind) = bad.kind {
                    request = request.header(CONTENT_TYPE, kind);
                }
                if let Some(value) = &bad.authorization {
                    request = request.header("authorization", value);
                }
                tokio::time::timeout(PATIENCE, bench.send(request))
                    .await
                    .unwrap_or_else(|_| panic!("{} at {} hangs", bad.what, bad.path))
            }))
            .await;
            for (bad, answer) in batch.iter().zip(&answers) {
                check(bad, answer);
                sent += 1;
            }
        }
        // It still works, and nothing was started.
        assert!(bench.sandbox.snapshot().requests.is_empty());
        let ok = bench.get(match dialect {
            DialectName::Auth0 => "/.well-known/jwks.json",
            DialectName::Asgardeo => "/oauth2/jwks",
        });
        assert_eq!(ok.await.status, 200);
    }
    assert!(sent >= 2_000, "{sent}");
}
