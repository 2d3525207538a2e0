//! A whole life of a phone: enrolled, asked, approved, denied, lied to, refused, damaged, removed.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use authenticator_core::{
    Authenticator, Config, Device, DialectName, Enrollment, Error, HttpTransport, KeyAlgorithm,
    KeyInfo, KeyPurpose, KeyStore, KeyStoreError, Platform, PublicKey, PushService, PushToken,
    Receipt, Result, Review, Server, SoftwareKeyStore,
};
use e2e::{Agent, PATIENCE, Radio, Request, options, origin, radio, start};
use futures_util::{Stream, StreamExt};
use sandbox::{Options, PathClass, PushEvent, Sandbox};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::collected::{Kind, Secrets};
use super::places::{self, Places};

/// Encrypts the key file.
const FILE_KEY: [u8; 32] = *b"thirty-two bytes of a file's key";
const PUSH_TOKEN: &str = "push-token-0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const BINDING: &str = "binding-message-4711";
const REASON: &str = "that \"was\" not me, my card was stolen in Málaga";

/// How the phone reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    /// By a stack that notes all that goes over the wire.
    Recorded,
    /// By the built-in one, which logs as it likes.
    BuiltIn,
}

/// Lives it; what was secret in it, and where to look for that.
pub(crate) async fn live(network: Network) -> (Secrets, Places) {
    places::listen();
    let mut life = Life::begin(network).await;
    life.enrol().await;
    life.decide().await;
    life.be_lied_to().await;
    life.lose_keys().await;
    life.be_damaged().await;
    life.remove().await;
    life.end().await
}

fn details() -> Value {
    json!([{
        "type": "payment_initiation", "actions": ["initiate-payment"], "locations": ["https://api.bank.example/secret-path"],
        "instructedAmount": { "currency": "EUR", "amount": "7249.31" }, "creditorName": "Señora \"Quote\" Corp",
        "creditorAccount": { "iban": "DE02100100109307118603" },
        "remittanceInformationUnstructured": "Invoice 2026-0042 / private",
    }])
}

struct Life {
    sandbox: Sandbox,
    agent: Agent,
    folder: TempDir,
    radio: Option<Arc<Radio>>,
    config: Config,
    keys: Arc<Moody>,
    app: Authenticator,
    pushes: Pin<Box<dyn Stream<Item = PushEvent> + Send>>,
    account: Option<Enrollment>,
    /// The newest one of the agent.
    request: Option<Request>,
    secrets: Secrets,
    places: Places,
    errors: String,
    debug: String,
}

impl Life {
    async fn begin(network: Network) -> Life {
        let sandbox = start(Options {
            require_signed_consent: true,
            allow_es256: true,
            ..options()
        })
        .await;
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config::new(
            folder
                .path()
                .join("store.db")
                .to_str()
                .expect("a readable path"),
        );
        config.allow_loopback_cleartext = true;
        config.auto_retry = false;
        config.extra_root_pem = sandbox.ca_pem();
        config.user_verification = network == Network::BuiltIn;
        config.key_algorithm = (network == Network::BuiltIn).then_some(KeyAlgorithm::P256);
        config.servers.push(Server {
            name: "sandbox".into(),
            address: origin(&sandbox),
            dialect: DialectName::Guardian,
        });
        let file = folder.path().join("keys");
        let keys = Arc::new(Moody {
            keys: SoftwareKeyStore::open(&file, FILE_KEY).expect("a key file"),
            locked: false.into(),
            panics: false.into(),
        });
        let radio = (network == Network::Recorded).then(|| radio(&sandbox));
        let app = open(&config, &keys, radio.as_ref())
            .await
            .expect("it opens");
        let pushes = Box::pin(sandbox.pushes(PUSH_TOKEN));
        let mut secrets = Secrets::default();
        let ready = sandbox.ready();
        secrets.add(Kind::Credential, "client secret", &ready.client_secret);
        secrets.add(
            Kind::Credential,
            "management token",
            &ready.management_token,
        );
        secrets.add(Kind::Credential, "push token", PUSH_TOKEN);
        secrets.add(Kind::Content, "user id", &ready.user_id);
        secrets.add(Kind::Content, "user label", &ready.user_label);
        secrets.add(Kind::Content, "binding message", BINDING);
        secrets.add(Kind::Content, "reason", REASON);
        secrets.add_details(&details());
        Life {
            agent: Agent::new(&sandbox),
            sandbox,
            folder,
            radio,
            config,
            keys,
            app,
            pushes,
            account: None,
            request: None,
            secrets,
            places: Places::default(),
            errors: String::new(),
            debug: String::new(),
        }
    }

    /// Notes what a call said; the value, if there is one.
    fn note<T: Debug>(&mut self, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => {
                self.debug.push_str(&format!("{value:?}\n"));
                Some(value)
            }
            Err(error) => {
                self.fails(&error);
                None
            }
        }
    }

    fn fails(&mut self, error: &Error) {
        let source = std::error::Error::source(error).map(ToString::to_string);
        self.errors.push_str(&format!(
            "{error}\n{error:?}\n{}\n{source:?}\n",
            error.message()
        ));
    }

    fn must_fail<T: Debug>(&mut self, result: Result<T>, what: &str) {
        assert!(self.note(result).is_none(), "{what} must fail");
    }

    fn invitation(&mut self) -> String {
        let user = self.sandbox.ready().user_id;
        let text = self.sandbox.invitation(&user).expect("an invitation");
        let ticket = text.split_once("enrollment_tx_id=").expect("a ticket").1;
        self.secrets.add(
            Kind::Credential,
            "ticket",
            ticket.split('&').next().unwrap_or_default(),
        );
        self.secrets
            .add(Kind::Content, "ticket's invitation", &text);
        text
    }

    async fn enrol(&mut self) {
        let device = Device {
            name: "Ana's private phone".into(),
            identifier: Some("identifier-of-the-device-1234".into()),
            push: Some(PushToken {
                service: PushService::Fcm,
                token: authenticator_core::Secret::new(PUSH_TOKEN.into()),
            }),
        };
        self.secrets.add(Kind::Content, "device name", &device.name);
        let invitation = self.invitation();
        // What people paste: cut, doubled, with a line break in it, for another server, as a picture of something else.
        for wrong in [
            invitation.replacen("otpauth", "otpauth-migration", 1),
            format!("{invitation}%"),
            format!("{invitation}\n"),
            format!("{invitation}&enrollment_tx_id=another-ticket-000111"),
            invitation.replace("enrollment_tx_id", "secret"),
            format!(
                "\"{}\"",
                invitation
                    .split_once("enrollment_tx_id=")
                    .expect("a ticket")
                    .1
            ),
        ] {
            let result = self
                .app
                .enroll(wrong, Some("nowhere".into()), device.clone())
                .await;
            self.must_fail(result, "a wrong invitation");
        }
        self.sandbox.knobs().update(|k| {
            k.server_errors.insert(PathClass::Enroll, 1);
        });
        for expected in [false, true, false] {
            let result = self
                .app
                .enroll(invitation.clone(), Some("sandbox".into()), device.clone())
                .await;
            // Out of order, good, used up.
            let enrolled = self.note(result);
            assert_eq!(enrolled.is_some(), expected);
            if let Some(enrolled) = enrolled {
                if let Some(code) = &enrolled.recovery_code {
                    self.secrets
                        .add(Kind::Credential, "recovery code", code.expose());
                }
                self.account = Some(enrolled);
            }
        }
        self.secrets.add_keys(self.folder.path(), FILE_KEY);
        self.look("after the enrolment");
    }

    fn id(&self) -> authenticator_core::EnrollmentId {
        self.account.as_ref().expect("an account").id.clone()
    }

    /// A request that rings, as the text of its push.
    async fn ring(&mut self) -> String {
        let user = self.sandbox.ready().user_id;
        let extra = [("scope", "openid"), ("binding_message", BINDING)];
        let request = self.agent.ask_for(&user, Some(&details()), &extra).await;
        self.secrets
            .add(Kind::Credential, "request id", &request.auth_req_id);
        self.request = Some(request);
        let event = tokio::time::timeout(PATIENCE, self.pushes.next())
            .await
            .expect("in time")
            .expect("a push");
        let text = event.payload.to_string();
        let payload: Value = serde_json::from_str(&text).expect("JSON");
        if let Some(token) = find(&payload, "txtkn") {
            self.secrets
                .add(Kind::Credential, "transaction token", token);
        }
        if let Some(challenge) = find(&payload, "c") {
            self.secrets.add(Kind::Content, "challenge", challenge);
        }
        text
    }

    async fn review(&mut self) -> Review {
        let push = self.ring().await;
        let challenge = self.app.receive_push(push).await;
        let challenge = self.note(challenge).expect("a challenge");
        let review = self.app.review(challenge.id).await;
        let review = self.note(review).expect("a review");
        self.secrets
            .add(Kind::Content, "consent text headline", &review.headline);
        review
    }

    async fn approve(&mut self, review: Review) -> Option<Receipt> {
        let typed = Some("7249".to_owned());
        if !self.config.user_verification {
            let receipt = self
                .app
                .approve(review.challenge, review.digest, typed)
                .await;
            return self.note(receipt);
        }
        let request = self
            .app
            .begin_approval(review.challenge, review.digest, typed)
            .await;
        let request = self.note(request)?;
        let wrong = self
            .app
            .finish_approval(request.id.clone(), vec![0x30; 70])
            .await;
        self.must_fail(wrong, "a signature of nothing");
        let signature = self
            .keys
            .keys
            .sign(request.key_alias, request.message)
            .expect("a signature");
        let receipt = self.app.finish_approval(request.id, signature).await;
        self.note(receipt)
    }

    async fn decide(&mut self) {
        let review = self.review().await;
        let changed = self
            .app
            .approve(review.challenge.clone(), "another".into(), None)
            .await;
        self.must_fail(changed, "another digest");
        self.approve(review).await.expect("an approval");
        let tokens = self
            .agent
            .tokens(self.request.as_ref().expect("a request"))
            .await;
        for name in ["access_token", "id_token"] {
            let token = tokens[name].as_str().expect("a token");
            self.secrets.add(Kind::Credential, "access token", token);
        }
        let push = self.ring().await;
        let challenge = self.app.receive_push(push).await;
        let challenge = self.note(challenge).expect("a challenge");
        let denied = self.app.deny(challenge.id, None, Some(REASON.into())).await;
        self.note(denied).expect("a denial");
        let code = self.app.one_time_code(self.id()).await;
        if let Some(code) = self.note(code) {
            self.secrets
                .add(Kind::Credential, "one-time code", code.code.expose());
        }
        let token = PushToken {
            service: PushService::Fcm,
            token: authenticator_core::Secret::new("a-new-push-token-that-nobody-may-know".into()),
        };
        self.secrets
            .add(Kind::Credential, "push token", token.token.expose());
        let updates = self.app.update_push_token(token.clone()).await;
        self.note(updates);
        // The stream follows; what the store keeps of it is what the test is about.
        self.pushes = Box::pin(self.sandbox.pushes(token.token.expose()));
        self.look("after decisions");
    }

    async fn be_lied_to(&mut self) {
        let push = self.ring().await;
        let token = find(&serde_json::from_str(&push).expect("JSON"), "txtkn")
            .expect("a token")
            .to_owned();
        for wrong in [
            push.replace(&token, "a token with spaces that is still secret"),
            push.replacen('{', "{\"txtkn\":\"doubled\",\"txtkn\":\"doubled\",", 1),
            push.replace("\"c\"", "\"k\""),
            push[..push.len() - 5].to_owned(),
            format!("{push}{}", "x".repeat(100_000)),
            push.replace("dev_", "dex_"),
        ] {
            let result = self.app.receive_push(wrong).await;
            self.must_fail(result, "a push that was changed");
        }
        let challenge = self.app.receive_push(push).await;
        let challenge = self.note(challenge).expect("a challenge");
        for _ in 0..2 {
            // As often as one review asks.
            self.sandbox.knobs().update(|k| {
                k.server_errors.insert(PathClass::Consent, 3);
            });
            let result = self.app.review(challenge.id.clone()).await;
            self.must_fail(result, "a server that is out of order");
        }
        // A review is still possible; the body it is made from was changed on the way.
        self.sandbox.knobs().update(|k| k.tamper_consent = true);
        let review = self.app.review(challenge.id).await;
        let review = self.note(review).expect("a review");
        let refused = self.approve_whatever_it_takes(review).await;
        assert!(refused.is_some_and(|receipt| receipt.server_code.is_some()));
        self.sandbox.knobs().update(|k| k.tamper_consent = false);

        let review = self.review().await;
        self.sandbox.knobs().update(|k| {
            k.lose_answer.insert(PathClass::Resolve, 1);
            k.rate_limits.insert(PathClass::Resolve, 1);
        });
        self.approve(review).await.expect("queued");
        self.look("while an answer is queued");
        let flushed = self.app.flush().await;
        self.note(flushed);
        let review = self.review().await;
        self.sandbox.knobs().update(|k| k.already_answered = true);
        self.approve(review).await.expect("refused");
        self.sandbox.knobs().update(|k| k.already_answered = false);
        for page in [
            self.app.history(None, None, 100).await,
            self.app.history(Some(self.id()), None, 1).await,
        ] {
            for entry in self.note(page).expect("a history") {
                for (name, text) in [
                    ("answer", entry.answer),
                    ("consent text document", entry.shown_document),
                ] {
                    if let Some(text) = text {
                        self.secrets.add(Kind::Content, name, text);
                    }
                }
            }
        }
        let report = self.app.verify_history(self.id()).await;
        self.note(report).expect("a report");
        self.look("after refusals");
    }

    /// With the amount that the screen shows, whatever that is.
    async fn approve_whatever_it_takes(&mut self, review: Review) -> Option<Receipt> {
        let digits: String = review
            .headline
            .split(|c: char| !c.is_ascii_digit() && c != '.' && c != ',')
            .find(|word| word.contains('.'))
            .unwrap_or_default()
            .split('.')
            .next()
            .unwrap_or_default()
            .replace(',', "");
        let (id, digest) = (review.challenge.clone(), review.digest.clone());
        if !self.config.user_verification {
            let receipt = self.app.approve(id, digest, Some(digits)).await;
            return self.note(receipt);
        }
        let request = self.app.begin_approval(id, digest, Some(digits)).await;
        let request = self.note(request)?;
        let signature = self
            .keys
            .keys
            .sign(request.key_alias, request.message)
            .expect("a signature");
        let receipt = self.app.finish_approval(request.id, signature).await;
        self.note(receipt)
    }

    async fn lose_keys(&mut self) {
        let review = self.review().await;
        let (id, digest) = (review.challenge.clone(), review.digest.clone());
        for mood in [&self.keys.locked, &self.keys.panics] {
            mood.store(true, Ordering::SeqCst);
        }
        let refused = self.app.begin_approval(id.clone(), digest, None).await;
        self.must_fail(refused, "a key store that panics");
        let updates = self.app.repair().await;
        self.must_fail(updates, "a key store that panics");
        self.keys.panics.store(false, Ordering::SeqCst);
        let updates = self.app.repair().await;
        self.must_fail(updates, "a key store that is locked");
        let denied = self.app.deny(id, None, Some(REASON.into())).await;
        self.note(denied).expect("queued");
        self.keys.locked.store(false, Ordering::SeqCst);
        let flushed = self.app.flush().await;
        self.note(flushed);
        let repaired = self.app.repair().await;
        self.note(repaired).expect("in order");
    }

    async fn be_damaged(&mut self) {
        self.app.shutdown().await.expect("it ends");
        self.look("after a shutdown");
        let file = self.folder.path().join("store.db");
        {
            let store = rusqlite::Connection::open(&file).expect("the store");
            store
                .execute("UPDATE challenges SET push = substr(push, 2)", [])
                .expect("damage");
            store
                .execute(
                    "UPDATE history SET record = substr(record, 2) WHERE rowid % 2 = 0",
                    [],
                )
                .expect("damage");
        }
        let opened = open(&self.config, &self.keys, self.radio.as_ref()).await;
        self.app = match opened {
            Ok(app) => app,
            Err(error) => panic!("{error}"),
        };
        let history = self.app.history(None, None, 10).await;
        self.must_fail(history, "a damaged record");
        let report = self.app.verify_history(self.id()).await;
        assert!(
            self.note(report)
                .is_some_and(|report| report.broken.is_some())
        );
        let pruned = self.app.prune_history(self.id(), i64::MAX).await;
        self.must_fail(pruned, "a broken history");
        self.app.shutdown().await.expect("it ends");
        self.restart().await;
        self.look("after a repair");
    }

    /// Repaired and opened again, once nobody has the store open any more.
    async fn restart(&mut self) {
        let nowhere = Config::new(
            self.folder
                .path()
                .join("elsewhere.db")
                .to_str()
                .expect("a readable path"),
        );
        let platform = Platform::new(self.keys.clone());
        let closed = Authenticator::open(nowhere, platform.clone())
            .await
            .expect("another store");
        drop(std::mem::replace(&mut self.app, closed));
        let repaired = loop {
            match Authenticator::repair_store(self.config.clone(), platform.clone()).await {
                Err(error) if error.class() == authenticator_core::ErrorClass::Retry => {
                    self.fails(&error);
                }
                result => break result,
            }
        };
        let repaired = self.note(repaired).expect("repaired");
        assert!(repaired.moved_to.is_some());
        self.app = open(&self.config, &self.keys, self.radio.as_ref())
            .await
            .expect("it opens again");
    }

    async fn remove(&mut self) {
        self.sandbox.knobs().update(|k| {
            k.server_errors.insert(PathClass::Device, 1);
        });
        let failed = self.app.unenroll(self.id()).await;
        self.must_fail(failed, "a server that is out of order");
        let removed = self.app.unenroll(self.id()).await;
        self.note(removed).expect("removed");
        let again = self.app.unenroll(self.id()).await;
        self.must_fail(again, "an account that is gone");
        self.look("after the removal");
    }

    /// Every file of the phone as it is now: sealed, or it leaks.
    fn look(&mut self, when: &str) {
        self.places.add_files(when, self.folder.path());
    }

    async fn end(mut self) -> (Secrets, Places) {
        if let Some(radio) = &self.radio {
            for (request, answer) in radio.traffic() {
                self.secrets.add_exchange(&request, answer.as_ref());
            }
        }
        let exchanges = self.sandbox.snapshot().exchanges;
        self.places.add_display(
            "the sandbox's log",
            serde_json::to_vec(&exchanges).expect("JSON"),
        );
        self.places.add("error texts", self.errors);
        self.places.add("debug texts", self.debug);
        self.app.shutdown().await.expect("it ends");
        self.sandbox.stop().await;
        self.places.add("log and panics", places::heard());
        (self.secrets, self.places)
    }
}

async fn open(
    config: &Config,
    keys: &Arc<Moody>,
    radio: Option<&Arc<Radio>>,
) -> Result<Authenticator> {
    let platform = Platform {
        transport: radio.map(|radio| radio.clone() as Arc<dyn HttpTransport>),
        ..Platform::new(keys.clone())
    };
    Authenticator::open(config.clone(), platform).await
}

/// The text of this name, anywhere in a payload.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    match value {
        Value::Object(members) => members.iter().find_map(|(member, value)| match value {
            Value::String(text) if member == name => Some(text.as_str()),
            value => find(value, name),
        }),
        Value::Array(items) => items.iter().find_map(|item| find(item, name)),
        _ => None,
    }
}

/// A key store that is locked, or panics, when the test says so.
struct Moody {
    keys: SoftwareKeyStore,
    locked: AtomicBool,
    panics: AtomicBool,
}

impl Moody {
    fn mood(&self) -> std::result::Result<&SoftwareKeyStore, KeyStoreError> {
        assert!(
            !self.panics.load(Ordering::SeqCst),
            "the key store of the test panics"
        );
        match self.locked.load(Ordering::SeqCst) {
            true => Err(KeyStoreError::Locked),
            false => Ok(&self.keys),
        }
    }
}

impl KeyStore for Moody {
    fn generate(
        &self,
        alias: String,
        algorithm: KeyAlgorithm,
        purpose: KeyPurpose,
    ) -> std::result::Result<KeyInfo, KeyStoreError> {
        self.mood()?.generate(alias, algorithm, purpose)
    }
    fn public_key(&self, alias: String) -> std::result::Result<PublicKey, KeyStoreError> {
        self.mood()?.public_key(alias)
    }
    fn sign(&self, alias: String, message: Vec<u8>) -> std::result::Result<Vec<u8>, KeyStoreError> {
        self.mood()?.sign(alias, message)
    }
    fn delete(&self, alias: String) -> std::result::Result<(), KeyStoreError> {
        self.mood()?.delete(alias)
    }
    fn wrap(&self, data_key: Vec<u8>) -> std::result::Result<Vec<u8>, KeyStoreError> {
        self.mood()?.wrap(data_key)
    }
    fn unwrap(&self, wrapped: Vec<u8>) -> std::result::Result<Vec<u8>, KeyStoreError> {
        self.mood()?.unwrap(wrapped)
    }
}
