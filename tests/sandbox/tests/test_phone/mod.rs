//! A phone of a few lines for tests: enrols with a P-256 key, fetches a consent, answers. Built from crates, not from
//! the core, and it keeps every secret it met, so that a test can look for them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::StreamExt as _;
use jsonwebtoken::{Algorithm, EncodingKey};
use sandbox::{Handle, Options, Sandbox};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A sandbox that takes P-256 phones.
pub(crate) async fn sandbox(change: impl FnOnce(&mut Options)) -> Sandbox {
    let mut options = Options {
        allow_es256: true,
        ..Options::default()
    };
    change(&mut options);
    Sandbox::start(options).await.unwrap()
}

/// A client that shows redirects instead of following them.
pub(crate) fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap()
}

/// An enrolled phone.
pub(crate) struct TestPhone {
    key: rcgen::KeyPair,
    origin: String,
    identifier: String,
    push_token: String,
    /// Every token, seed and signed text this phone sent or got.
    pub(crate) secrets: Vec<String>,
}

/// What a push says.
pub(crate) struct Pushed {
    token: String,
    challenge: String,
    pub(crate) consent_id: String,
}

impl TestPhone {
    /// Enrols for the ready user.
    pub(crate) async fn enroll(sandbox: &Handle) -> TestPhone {
        let invitation = sandbox.invitation(&sandbox.ready().user_id).unwrap();
        let ticket = invitation
            .split(['?', '&'])
            .find_map(|pair| pair.strip_prefix("enrollment_tx_id="))
            .unwrap()
            .to_owned();
        let key = rcgen::KeyPair::generate().unwrap();
        let push_token = format!("push-token-{}", b64(&Sha256::digest(&ticket)));
        let origin = sandbox.origin();
        let answer = http()
            .post(format!("{origin}/appliance-mfa/api/enroll"))
            .header("authorization", format!("Ticket id=\"{ticket}\""))
            .json(&json!({
                "identifier": "test-phone", "name": "Test phone", "public_key": jwk(&key),
                "push_credentials": { "service": "APNS", "token": push_token },
            }))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201);
        let enrolled: Value = answer.json().await.unwrap();
        let secrets = [&enrolled["token"], &enrolled["totp"]["secret"]]
            .map(|secret| secret.as_str().unwrap().to_owned());
        TestPhone {
            secrets: [vec![ticket, push_token.clone()], secrets.to_vec()].concat(),
            key,
            origin,
            identifier: "test-phone".to_owned(),
            push_token,
        }
    }

    /// Waits for the next push.
    pub(crate) async fn push(&mut self, sandbox: &Handle) -> Pushed {
        let event = std::pin::pin!(sandbox.pushes(&self.push_token))
            .next()
            .await
            .unwrap();
        let payload: Value = serde_json::from_str(event.payload.get()).unwrap();
        let text = |name: &str| payload["mfa"][name].as_str().unwrap().to_owned();
        self.secrets.push(text("txtkn"));
        Pushed {
            token: text("txtkn"),
            challenge: text("c"),
            consent_id: text("txlnkid"),
        }
    }

    /// `GET /rich-consents/{id}` with a proof of possession (RFC 9449 §4.2).
    pub(crate) async fn consent(&mut self, pushed: &Pushed) -> reqwest::Response {
        let url = format!("{}/rich-consents/{}", self.origin, pushed.consent_id);
        let header = json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": jwk(&self.key) });
        let claims = json!({
            "htm": "GET", "htu": url, "iat": now(), "jti": format!("{:032x}", rand::random::<u128>()),
            "ath": b64(&Sha256::digest(&pushed.token)),
        });
        let proof = self.sign(&header, &claims);
        http()
            .get(url)
            .header("authorization", format!("MFA-DPoP {}", pushed.token))
            .header("MFA-DPoP", proof)
            .send()
            .await
            .unwrap()
    }

    /// `POST …/resolve-transaction`; `more` are further claims.
    pub(crate) async fn answer(
        &mut self,
        pushed: &Pushed,
        accepted: bool,
        more: Value,
    ) -> reqwest::Response {
        let url = format!("{}/appliance-mfa/api/resolve-transaction", self.origin);
        let mut claims = json!({
            "iss": self.identifier, "sub": pushed.challenge, "aud": url, "iat": now(), "exp": now() + 30,
            "auth0_guardian_method": "push", "auth0_guardian_accepted": accepted,
        });
        claims
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().cloned().unwrap_or_default());
        let token = self.sign(&json!({ "alg": "ES256", "typ": "JWT" }), &claims);
        http()
            .post(url)
            .bearer_auth(&pushed.token)
            .json(&json!({ "challenge_response": token }))
            .send()
            .await
            .unwrap()
    }

    fn sign(&mut self, header: &Value, claims: &Value) -> String {
        let signed = format!(
            "{}.{}",
            b64(header.to_string().as_bytes()),
            b64(claims.to_string().as_bytes())
        );
        let key = EncodingKey::from_ec_pem(self.key.serialize_pem().as_bytes()).unwrap();
        let signature =
            jsonwebtoken::crypto::sign(signed.as_bytes(), &key, Algorithm::ES256).unwrap();
        let token = format!("{signed}.{signature}");
        self.secrets.push(token.clone());
        token
    }
}

fn jwk(key: &rcgen::KeyPair) -> Value {
    // SEC 1 §2.3.3: 04, x, y.
    let point = key.public_key_raw();
    json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "x": b64(&point[1..33]), "y": b64(&point[33..]) })
}

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
