//! A running sandbox with an HTTP client, and a phone written from the wire description alone.

use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{FutureExt as _, StreamExt as _};
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use sandbox::{DialectName, Options, Sandbox};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) const CIBA: &str = "urn:openid:params:grant-type:ciba";
pub(crate) const DETAILS: &str = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":249.00},"creditorName":"ExampleCorp"}]"#;

/// An answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer {
            status,
            headers,
            text: response.text().await.expect("body"),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Status and code of an OAuth error, whose body and headers are then as they must be (RFC 6749 §5.2).
    #[track_caller]
    pub(crate) fn error(&self) -> (u16, String) {
        let body = self.json();
        if self.status >= 400 {
            assert_eq!(self.header("cache-control"), Some("no-store"), "{body}");
            self.is_dated_json();
        }
        (
            self.status,
            body["error"].as_str().unwrap_or_default().to_owned(),
        )
    }

    /// Status and code of an error of the device API, whose body and headers are then as they must be: the five members
    /// that the SDKs between them read.
    #[track_caller]
    pub(crate) fn device_error(&self) -> (u16, String) {
        let members = ["description", "error", "errorCode", "message", "statusCode"];
        let refused = self.coded_error(&members);
        let body = self.json();
        if self.status >= 400 {
            assert_eq!(body["message"], body["description"]);
        }
        refused
    }

    /// The same of the Management API, which has no `description`.
    #[track_caller]
    pub(crate) fn management_error(&self) -> (u16, String) {
        self.coded_error(&["error", "errorCode", "message", "statusCode"])
    }

    #[track_caller]
    fn coded_error(&self, expected: &[&str]) -> (u16, String) {
        let body = self.json();
        if self.status >= 400 {
            let members: Vec<&str> = body
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, _)| name.as_str())
                .collect();
            assert_eq!(members, expected, "{}", self.text);
            assert_eq!(body["statusCode"], self.status, "{body}");
            assert!(
                body["message"]
                    .as_str()
                    .is_some_and(|words| !words.is_empty()),
                "{body}"
            );
            self.is_dated_json();
        }
        (
            self.status,
            body["errorCode"].as_str().unwrap_or_default().to_owned(),
        )
    }

    /// `Date` is what a phone corrects its clock by.
    #[track_caller]
    fn is_dated_json(&self) {
        let kind = self.header("content-type").unwrap_or_default();
        assert!(
            kind.starts_with("application/json"),
            "{kind}: {}",
            self.text
        );
        assert!(self.header("date").is_some(), "{}", self.text);
    }
}

pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: reqwest::Client,
    data: Option<tempfile::TempDir>,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(Options {
            per_user_limit: None,
            ..Options::default()
        })
        .await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let sandbox = Sandbox::start(options).await.expect("sandbox");
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("client");
        Bench {
            sandbox,
            http,
            data: None,
        }
    }

    /// A sandbox of the Asgardeo dialect without a limit per user.
    pub(crate) async fn asgardeo() -> Self {
        Self::with(Options {
            per_user_limit: None,
            ..Options::of(DialectName::Asgardeo)
        })
        .await
    }

    /// One whose state lies in a file, so that [`Bench::edit`] can do what no interface allows.
    pub(crate) async fn on_disk(dialect: DialectName) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let bench = Self::with(Options {
            per_user_limit: None,
            data: Some(folder.path().to_owned()),
            ..Options::of(dialect)
        })
        .await;
        Bench {
            data: Some(folder),
            ..bench
        }
    }

    /// Changes the state behind the sandbox's back.
    pub(crate) fn edit(&self, sql: &str) {
        self.state().execute_batch(sql).expect("SQL");
    }

    fn state(&self) -> rusqlite::Connection {
        let folder = self.data.as_ref().expect("a bench on disk");
        let file = folder.path().join("sandbox.db");
        let connection = rusqlite::Connection::open(file).expect("the state");
        connection
            .busy_timeout(Duration::from_secs(5))
            .expect("patience");
        connection
    }

    /// Sets a member of every row behind the sandbox's back. The bundled SQLite has no functions for JSON.
    pub(crate) fn set(&self, table: &str, member: &str, value: &str) {
        let connection = self.state();
        let mut rows = connection
            .prepare(&format!("SELECT rowid, doc FROM {table}"))
            .expect("a table");
        let rows: Vec<(i64, String)> = rows
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("rows")
            .map(|row| row.expect("a row"))
            .collect();
        for (id, doc) in rows {
            let mut doc: Value = serde_json::from_str(&doc).expect("JSON");
            doc[member] = serde_json::from_str(value).expect("JSON");
            let change = format!("UPDATE {table} SET doc = ?1 WHERE rowid = ?2");
            let changed = connection.execute(&change, (doc.to_string(), id));
            assert_eq!(changed.expect("a change"), 1);
        }
    }

    /// Path of the backchannel endpoint and of the token endpoint.
    pub(crate) fn paths(&self) -> (&'static str, &'static str) {
        match self.sandbox.dialect() {
            DialectName::Auth0 => ("/bc-authorize", "/oauth/token"),
            DialectName::Asgardeo => ("/oauth2/ciba", "/oauth2/token"),
        }
    }

    /// A call of the sandbox's own surface.
    pub(crate) async fn control(&self, path: &str, body: Value) -> Value {
        let url = format!("{}control/{path}", self.sandbox.console_url());
        let answer = self.send(self.http.post(url).json(&body)).await;
        assert!(ok(answer.status), "{path}: {}", answer.text);
        answer.json()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.origin())
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        Answer::of(request.send().await.expect("answer")).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(self.url(path))).await
    }

    pub(crate) async fn form(&self, path: &str, form: &[(&str, String)]) -> Answer {
        self.send(self.http.post(self.url(path)).form(form)).await
    }

    /// A management call.
    pub(crate) async fn manage(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = self
            .http
            .request(method, self.url(&format!("/api/v2{path}")));
        self.send(
            request
                .bearer_auth(self.sandbox.ready().management_token)
                .json(&body),
        )
        .await
    }

    /// The hint for a user by id; in the Asgardeo dialect an id is a hint already.
    pub(crate) fn hint(&self, sub: &str) -> String {
        if self.sandbox.dialect() == DialectName::Asgardeo {
            return sub.to_owned();
        }
        json!({ "format": "iss_sub", "iss": self.sandbox.issuer(), "sub": sub }).to_string()
    }

    /// Parameters of a start that is accepted.
    pub(crate) fn start_form(&self) -> Vec<(&'static str, String)> {
        let ready = self.sandbox.ready();
        vec![
            ("client_id", ready.client_id),
            ("client_secret", ready.client_secret),
            ("scope", "openid".to_owned()),
            ("binding_message", "TX-4711".to_owned()),
            ("login_hint", self.hint(&ready.user_id)),
        ]
    }

    /// The same with one parameter set; an empty value takes it out.
    pub(crate) async fn start_with(&self, changes: &[(&'static str, &str)]) -> Answer {
        let mut form = self.start_form();
        for (name, value) in changes {
            form.retain(|(known, _)| known != name);
            if !value.is_empty() {
                form.push((name, (*value).to_owned()));
            }
        }
        self.form(self.paths().0, &form).await
    }

    pub(crate) async fn start(&self) -> String {
        let answer = self.start_with(&[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["auth_req_id"]
            .as_str()
            .expect("id")
            .to_owned()
    }

    pub(crate) async fn poll(&self, auth_req_id: &str) -> Answer {
        let ready = self.sandbox.ready();
        self.poll_as(&ready.client_id, &ready.client_secret, auth_req_id)
            .await
    }

    pub(crate) async fn poll_as(&self, id: &str, secret: &str, auth_req_id: &str) -> Answer {
        let form = [
            ("grant_type", CIBA.to_owned()),
            ("auth_req_id", auth_req_id.to_owned()),
            ("client_id", id.to_owned()),
            ("client_secret", secret.to_owned()),
        ];
        self.form(self.paths().1, &form).await
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.sandbox.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn ticket(&self) -> String {
        let text = self
            .sandbox
            .invitation(&self.sandbox.ready().user_id)
            .expect("invitation");
        ticket_of(&text)
    }

    pub(crate) async fn enroll(&self) -> Phone {
        let phone = Phone::new(
            test_key(),
            "9774d56d682e549c",
            "fcm-token-of-the-first-phone",
        );
        self.enroll_phone(phone).await
    }

    pub(crate) async fn enroll_phone(&self, mut phone: Phone) -> Phone {
        let answer = self.enroll_body(&self.ticket(), &phone.body()).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        phone.id = answer.json()["id"].as_str().expect("id").to_owned();
        phone.token = answer.json()["token"].as_str().expect("token").to_owned();
        phone.user_id = answer.json()["user_id"].as_str().expect("user").to_owned();
        phone
    }

    pub(crate) async fn enroll_body(&self, ticket: &str, body: &Value) -> Answer {
        let request = self
            .http
            .post(self.url("/appliance-mfa/api/enroll"))
            .json(body);
        self.send(request.header(AUTHORIZATION, format!("Ticket id=\"{ticket}\"")))
            .await
    }

    /// The next push that is waiting for a phone.
    pub(crate) fn push(&self, phone: &Phone) -> Push {
        let mut pushes = Box::pin(self.sandbox.pushes(&phone.push_token));
        let event = pushes
            .next()
            .now_or_never()
            .flatten()
            .expect("a push is waiting");
        let payload: Value = serde_json::from_str(event.payload.get()).expect("JSON");
        let data = &payload["data"];
        let text = |name: &str| data[name].as_str().expect("text").to_owned();
        let origin = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
        Push {
            token: text("txtkn"),
            challenge: text("c"),
            consent: text("txlnkid"),
            enrollment: text("dai"),
            requested_at: text("d"),
            source: origin("s"),
            location: origin("l"),
        }
    }

    /// Starts a request and gives its id and push.
    pub(crate) async fn ring(&self, phone: &Phone) -> (String, Push) {
        let id = self.start().await;
        (id, self.push(phone))
    }

    pub(crate) async fn answer(&self, phone: &Phone, push: &Push, accepted: bool) -> Answer {
        let claims = phone.answer_claims(self, push, json!(accepted));
        self.resolve(&push.token, &phone.sign(&claims)).await
    }

    pub(crate) async fn resolve(&self, token: &str, jwt: &str) -> Answer {
        let request = self
            .http
            .post(self.url("/appliance-mfa/api/resolve-transaction"));
        self.send(
            request
                .bearer_auth(token)
                .json(&json!({ "challenge_response": jwt })),
        )
        .await
    }

    pub(crate) async fn consent(&self, push: &Push, proof: &str) -> Answer {
        let request = self
            .http
            .get(self.url(&format!("/rich-consents/{}", push.consent)));
        let request = request.header(AUTHORIZATION, format!("MFA-DPoP {}", push.token));
        self.send(request.header("MFA-DPoP", proof)).await
    }

    pub(crate) fn now(&self) -> i64 {
        let now: jiff::Timestamp = self.sandbox.snapshot().now.parse().expect("time");
        now.as_second()
    }
}

pub(crate) fn ticket_of(invitation: &str) -> String {
    let (_, rest) = invitation.split_once("enrollment_tx_id=").expect("ticket");
    rest.split('&').next().expect("ticket").to_owned()
}

#[derive(Clone)]
pub(crate) struct Push {
    pub(crate) token: String,
    pub(crate) challenge: String,
    pub(crate) consent: String,
    pub(crate) enrollment: String,
    pub(crate) requested_at: String,
    pub(crate) source: String,
    pub(crate) location: String,
}

pub(crate) struct Phone {
    pub(crate) id: String,
    pub(crate) user_id: String,
    pub(crate) token: String,
    pub(crate) identifier: &'static str,
    pub(crate) push_token: String,
    pub(crate) key: rsa::RsaPrivateKey,
}

impl Phone {
    pub(crate) fn new(key: rsa::RsaPrivateKey, identifier: &'static str, push_token: &str) -> Self {
        Phone {
            id: String::new(),
            user_id: String::new(),
            token: String::new(),
            identifier,
            push_token: push_token.to_owned(),
            key,
        }
    }

    pub(crate) fn jwk(&self) -> Value {
        let b64 = |number: &rsa::BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
        json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "e": b64(self.key.e()), "n": b64(self.key.n()) })
    }

    pub(crate) fn body(&self) -> Value {
        json!({
            "identifier": self.identifier,
            "name": "Pixel 9",
            "push_credentials": { "service": "GCM", "token": self.push_token },
            "public_key": self.jwk(),
        })
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_with(
            &json!({ "alg": "RS256", "typ": "JWT" }),
            &claims.to_string(),
        )
    }

    pub(crate) fn sign_with(&self, header: &Value, payload: &str) -> String {
        let der = self.key.to_pkcs1_der().expect("DER");
        let input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(payload)
        );
        let signature = sign(
            input.as_bytes(),
            &EncodingKey::from_rsa_der(der.as_bytes()),
            Algorithm::RS256,
        )
        .expect("signature");
        format!("{input}.{signature}")
    }

    pub(crate) fn answer_claims(&self, bench: &Bench, push: &Push, accepted: Value) -> Value {
        json!({
            "iss": self.identifier,
            "sub": push.challenge,
            "aud": bench.url("/appliance-mfa/api/resolve-transaction"),
            "iat": bench.now(),
            "exp": bench.now() + 30,
            "auth0_guardian_method": "push",
            "auth0_guardian_accepted": accepted,
        })
    }

    pub(crate) fn proof_claims(&self, bench: &Bench, push: &Push, jti: &str) -> Value {
        json!({
            "htm": "GET",
            "htu": bench.url(&format!("/rich-consents/{}", push.consent)),
            "ath": URL_SAFE_NO_PAD.encode(Sha256::digest(&push.token)),
            "jti": jti,
            "iat": bench.now(),
        })
    }

    pub(crate) fn proof(&self, claims: &Value) -> String {
        self.sign_with(
            &json!({ "alg": "RS256", "typ": "dpop+jwt", "jwk": self.jwk() }),
            &claims.to_string(),
        )
    }

    pub(crate) fn device_jwt(&self, bench: &Bench) -> String {
        self.sign(&json!({
            "iss": self.id,
            "sub": self.user_id,
            "aud": bench.url("/appliance-mfa/api/device-accounts"),
            "iat": bench.now(),
            "exp": bench.now() + 7200,
        }))
    }
}

/// The published key of the wire description; known to everybody.
pub(crate) fn test_key() -> rsa::RsaPrivateKey {
    let number =
        |text: &str| rsa::BigUint::from_bytes_be(&URL_SAFE_NO_PAD.decode(text).expect("base64url"));
    rsa::RsaPrivateKey::from_components(
        number("qaVhmQRH5CnWOKZJeCBA05XrXYMpeSqJDkgs0yP55O2FzgDqlNBEfKFNCQjGJUCdBX-JZNDhtu8sJa21Bqj3Xd6KGffcFbW7S-W9EoRsPZD3c2Ewx8530a7yIwXpX4vJCynXtJz-9-K4FR8ZTM4xKO57bp6dzqPbYDtuET9w-9Y0yVf3ZgzzfViFAZvs40IYIPaRqST7HhcqHjtaN7x4q6cqBmazN1f5XnWuoJxecPhnem3rMF-9TZUnvs_4ceqKWUvoRDsv0k6olS3eQcYZi2eSYUAV_DBej4yF6Tmclyz0Hl04Wvqc2fgaQOZtbWTFRQSLA-vHILO5J0WyZmSchQ"),
        number("AQAB"),
        number("EoxcAux2ZcpzOydnQgSYwemS3dsQ5kgRyyd2CzHUSUT1C8SK4XFyA4RpVVMJwxnw8SB0J7s06pj05Tu8XrmLrk4-ID-65v7DNzWrugITiZm3jHx0Zmw7KohrvguP7BvvA9Lz3DIMKJM32EtZq02iD10fzsT18Rl2S2vECYu7sTUZT2yXnNZUK21uNF3hscXcyy8fJ8j3duHpiEwY5cIUONABWmCkFTF7p_U9zm6nS5yFGuOhbjz-KzkU-hNNGAWLFzA8FufWE6ENcTRkWrZ98f-o_DngXWwF5a-CooV6NzyN3FekfeUf-ig2bZgJeeDkMbfPf0vdMEMPfbkzrn9Kcw"),
        vec![
            number("3iTyPmFoQ7y0QkllbYh4PjGd1bn-P0e9nvWyv3C4rQk6C4qKHXfDLNP1TmQHOWTJc9z6jIR2volMHRFO5tJPHHztIqJemh4p0hCBehjA36sKeWK96LOOpvuZfnUfmhNPKQDkCr2homMdaY4gPHGQ-yxPfDUSVw5vUYp9bDMTpNM"),
            number("w4AxGI3ReEJ8px51sicN2tOSdNde7EnE-hmqqcCIAMOXJUtBcWb-ksp0vMfUOuKRfwGVlajgR_sigNadoFcc2GPDUKPY3q1DCtlHvzTDG6t3aTRs07AwjyC3TOe6KhMoHpOV-th4nnU0PHxz8iS0FFCek_nDG-4snpqGTuSOwkc"),
        ],
    )
    .expect("test key")
}

/// Another key, made once per run.
pub(crate) fn other_key() -> rsa::RsaPrivateKey {
    static KEY: OnceLock<rsa::RsaPrivateKey> = OnceLock::new();
    KEY.get_or_init(|| rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).expect("key"))
        .clone()
}

pub(crate) fn ok(status: u16) -> bool {
    StatusCode::from_u16(status).is_ok_and(|status| status.is_success())
}
