//! DPoP at the token and the user-info endpoint (RFC 9449), with a client that knows nothing but the RFC.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use sandbox::Options;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::bench::{Answer, Bench, CIBA};

struct Key(rcgen::KeyPair);

impl Key {
    fn new() -> Key {
        Key(rcgen::KeyPair::generate().expect("P-256 key"))
    }

    fn jwk(&self) -> Value {
        let point = self.0.public_key_raw();
        json!({ "kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..]) })
    }

    /// RFC 7638.
    fn thumbprint(&self) -> String {
        let (jwk, text) = (self.jwk(), |value: &Value| {
            value.as_str().unwrap_or_default().to_owned()
        });
        let (x, y) = (text(&jwk["x"]), text(&jwk["y"]));
        b64(&Sha256::digest(format!(
            r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#
        )))
    }

    fn proof(&self, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": self.jwk() });
        let input = format!(
            "{}.{}",
            b64(header.to_string().as_bytes()),
            b64(claims.to_string().as_bytes())
        );
        let key = EncodingKey::from_ec_der(&self.0.serialize_der());
        let signature = jsonwebtoken::crypto::sign(input.as_bytes(), &key, Algorithm::ES256)
            .expect("signature");
        format!("{input}.{signature}")
    }
}

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

async fn bench() -> Bench {
    Bench::with(Options {
        dpop: true,
        per_user_limit: None,
        ..Options::default()
    })
    .await
}

fn claims(bench: &Bench, jti: &str) -> Value {
    json!({ "htm": "POST", "htu": bench.url("/oauth/token"), "jti": jti, "iat": bench.now() })
}

async fn redeem(bench: &Bench, id: &str, proof: &str) -> Answer {
    let ready = bench.sandbox.ready();
    let form = [
        ("grant_type", CIBA),
        ("auth_req_id", id),
        ("client_id", &ready.client_id),
        ("client_secret", &ready.client_secret),
    ];
    let request = bench.http.post(bench.url("/oauth/token")).form(&form);
    bench.send(request.header("dpop", proof)).await
}

async fn approved(bench: &Bench) -> String {
    bench.enroll().await;
    let id = bench.start().await;
    assert!(bench.sandbox.decide(&id, true));
    id
}

#[tokio::test]
async fn a_token_for_a_proof_is_bound_to_its_key_and_works_with_it_only() {
    let (bench, key) = (bench().await, Key::new());
    let id = approved(&bench).await;
    let answer = redeem(&bench, &id, &key.proof(&claims(&bench, "1"))).await;
    assert_eq!(answer.json()["token_type"], "DPoP", "{}", answer.text);
    let token = answer.json()["access_token"]
        .as_str()
        .expect("token")
        .to_owned();
    let payload = token
        .split('.')
        .nth(1)
        .and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let payload: Value = serde_json::from_slice(&payload.expect("payload")).expect("claims");
    assert_eq!(payload["cnf"]["jkt"], key.thumbprint());

    let userinfo = |scheme: &'static str, proof: Option<String>| {
        let request = bench.http.get(bench.url("/userinfo"));
        let request = request.header("authorization", format!("{scheme} {token}"));
        bench.send(match proof {
            Some(proof) => request.header("dpop", proof),
            None => request,
        })
    };
    let of = |key: &Key, jti: &str, ath: &str| {
        let claims = json!({
            "htm": "GET", "htu": bench.url("/userinfo"), "jti": jti, "iat": bench.now(), "ath": ath,
        });
        Some(key.proof(&claims))
    };
    let ath = b64(&Sha256::digest(&token));
    assert_eq!(userinfo("DPoP", of(&key, "2", &ath)).await.status, 200);
    let stranger = of(&Key::new(), "3", &ath);
    for (scheme, proof) in [
        ("DPoP", None),
        ("DPoP", stranger),
        ("DPoP", of(&key, "2", &ath)),
        ("DPoP", of(&key, "4", "other")),
        ("Bearer", None),
        ("Bearer", of(&key, "5", &ath)),
    ] {
        assert_eq!(userinfo(scheme, proof).await.status, 401, "{scheme}");
    }
}

#[tokio::test]
async fn a_bad_proof_is_refused_and_does_not_use_up_the_request() {
    let (bench, key) = (bench().await, Key::new());
    let id = approved(&bench).await;
    let with = |name: &str, value: Value| {
        let mut claims = claims(&bench, "bad");
        claims[name] = value;
        key.proof(&claims)
    };
    let mut foreign = key.proof(&claims(&bench, "bad"));
    foreign.replace_range(foreign.len() - 4.., "AAAA");
    for proof in [
        with("htm", json!("GET")),
        with("htu", json!(bench.url("/userinfo"))),
        with("htu", json!("http://127.0.0.1:1/oauth/token")),
        with("iat", json!(bench.now() - 120)),
        with("iat", json!(bench.now() + 120)),
        with("jti", json!("")),
        with("ath", json!("x")),
        foreign,
        "no.jwt".to_owned(),
    ] {
        let answer = redeem(&bench, &id, &proof).await;
        assert_eq!(
            answer.error(),
            (400, "invalid_dpop_proof".to_owned()),
            "{proof}"
        );
    }
    let proof = key.proof(&claims(&bench, "good"));
    assert_eq!(redeem(&bench, &id, &proof).await.status, 200);
    let again = redeem(&bench, &id, &proof).await;
    assert_eq!(again.error().1, "invalid_dpop_proof", "a proof works once");
}

#[tokio::test]
async fn without_the_switch_the_header_is_ignored_and_not_offered() {
    let key = Key::new();
    for (dpop, token_type) in [(true, "DPoP"), (false, "Bearer")] {
        let bench = Bench::with(Options {
            dpop,
            ..Options::default()
        })
        .await;
        let metadata = bench.get("/.well-known/openid-configuration").await.json();
        assert_eq!(
            metadata["dpop_signing_alg_values_supported"].is_array(),
            dpop
        );
        let id = approved(&bench).await;
        let answer = redeem(&bench, &id, &key.proof(&claims(&bench, "1"))).await;
        assert_eq!(answer.json()["token_type"], token_type);
    }
}
