//! Builders for whole flows: a sandbox, phones built on the core, an agent that speaks CIBA over HTTP.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use authenticator_core::{
    Approval, Authenticator, Challenge, Clock, Config, Confirmation, Device, DialectName,
    Enrollment, HttpHeader, HttpRequest, HttpResponse, HttpTransport, KeyAlgorithm, KeyInfo,
    KeyPurpose, KeyStore, KeyStoreError, Platform, PublicKey, PushService, PushToken, Review,
    ReviewRow, Secret, Server, SoftwareKeyStore, SystemClock, TransportError,
};
use futures_util::{Stream, StreamExt};
use sandbox::{Options, PushEvent, Ready, Sandbox};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longest wait for something that must happen; reached only when a test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A payment as RFC 9396 shows it.
pub fn payment() -> Value {
    json!([{
        "type": "payment_initiation",
        "actions": ["initiate"],
        "locations": ["https://api.bank.example/payments"],
        "instructedAmount": { "currency": "EUR", "amount": "249.00" },
        "creditorName": "ExampleCorp",
        "creditorAccount": { "iban": "DE02100100109307118603" },
        "remittanceInformationUnstructured": "Ref 2026-0042"
    }])
}

/// Whether every phone and agent speaks TLS: the whole suite runs once in clear and once with `E2E_TLS` set.
pub fn over_tls() -> bool {
    std::env::var_os("E2E_TLS").is_some()
}

/// Where phones and agents reach a sandbox in this run.
pub fn origin(sandbox: &Sandbox) -> String {
    match over_tls() {
        true => sandbox.tls_origin().expect("a TLS listener"),
        false => sandbox.origin(),
    }
}

/// A sandbox with fast polling and no per-user limit.
pub fn options() -> Options {
    Options {
        interval: 1,
        per_user_limit: None,
        tls: over_tls(),
        ..Options::default()
    }
}

/// Starts a sandbox or panics with the reason.
pub async fn start(options: Options) -> Sandbox {
    Sandbox::start(options)
        .await
        .expect("the sandbox starts on loopback")
}

/// The device clock, movable.
#[derive(Default)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Moves the device clock.
    pub fn advance(&self, by_ms: i64) {
        self.0.fetch_add(by_ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> i64 {
        SystemClock.now() + self.0.load(Ordering::SeqCst)
    }
}

/// An HTTP stack that the test can cut, standing in for the radio of a phone.
pub struct Radio {
    client: reqwest::Client,
    handle: tokio::runtime::Handle,
    patience: Option<Duration>,
    off: std::sync::atomic::AtomicBool,
    dead_spots: std::sync::atomic::AtomicU32,
    log: Mutex<Vec<String>>,
    traffic: Mutex<Vec<(HttpRequest, Option<HttpResponse>)>>,
    rewrite: Mutex<Option<Rewrite>>,
}

/// What somebody between phone and server makes of an answer.
type Rewrite = Box<dyn Fn(&HttpRequest, HttpResponse) -> HttpResponse + Send>;

impl Radio {
    /// A radio that gives up after `patience`, where the core would wait longer.
    pub fn new(client: reqwest::ClientBuilder, patience: Option<Duration>) -> Radio {
        Radio {
            client: client.build().expect("an HTTP client"),
            handle: tokio::runtime::Handle::current(),
            patience,
            off: false.into(),
            dead_spots: 0.into(),
            log: Default::default(),
            traffic: Default::default(),
            rewrite: Default::default(),
        }
    }
    /// What went over the air so far; an answer that never came is `None`.
    pub fn traffic(&self) -> Vec<(HttpRequest, Option<HttpResponse>)> {
        self.traffic
            .lock()
            .expect("no test panics while holding it")
            .clone()
    }
    /// Changes every answer from now on.
    pub fn rewrite(
        &self,
        change: impl Fn(&HttpRequest, HttpResponse) -> HttpResponse + Send + 'static,
    ) {
        *self
            .rewrite
            .lock()
            .expect("no test panics while holding it") = Some(Box::new(change));
    }
    /// Flight mode on or off.
    pub fn set_off(&self, off: bool) {
        self.off.store(off, Ordering::SeqCst);
    }
    /// So many requests from now on find no network.
    pub fn set_dead_spots(&self, requests: u32) {
        self.dead_spots.store(requests, Ordering::SeqCst);
    }
    /// `METHOD URL` of every request so far.
    pub fn requests(&self) -> Vec<String> {
        self.log
            .lock()
            .expect("no test panics while holding it")
            .clone()
    }
}

impl HttpTransport for Radio {
    fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let answer = self.transmit(request.clone()).map(|answer| {
            let rewrite = self
                .rewrite
                .lock()
                .expect("no test panics while holding it");
            match rewrite.as_ref() {
                Some(rewrite) => rewrite(&request, answer),
                None => answer,
            }
        });
        self.traffic
            .lock()
            .expect("no test panics while holding it")
            .push((request, answer.as_ref().ok().cloned()));
        answer
    }
}

impl Radio {
    fn transmit(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        if self.off.load(Ordering::SeqCst) {
            return Err(TransportError::Unreachable);
        }
        self.log
            .lock()
            .expect("no test panics while holding it")
            .push(format!("{} {}", request.method, request.url));
        let one_less = |left: u32| left.checked_sub(1);
        if self
            .dead_spots
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
            .is_ok()
        {
            return Err(TransportError::Unreachable);
        }
        let method = request
            .method
            .parse()
            .map_err(|_| TransportError::Invalid)?;
        let asked = Duration::from_millis(request.timeout_ms.into());
        let mut call = self
            .client
            .request(method, &request.url)
            .timeout(self.patience.unwrap_or(asked).min(asked));
        for header in &request.headers {
            call = call.header(&header.name, &header.value);
        }
        if let Some(body) = request.body {
            call = call.body(body);
        }
        self.handle.block_on(async move {
            let answer = call.send().await.map_err(|e| {
                if e.is_connect() {
                    TransportError::Unreachable
                } else {
                    TransportError::Interrupted
                }
            })?;
            let status = answer.status().as_u16();
            let headers = answer
                .headers()
                .iter()
                .filter_map(|(name, value)| {
                    Some(HttpHeader {
                        name: name.to_string(),
                        value: value.to_str().ok()?.to_owned(),
                    })
                })
                .collect();
            let body = answer
                .bytes()
                .await
                .map_err(|_| TransportError::Interrupted)?
                .to_vec();
            Ok(HttpResponse {
                status,
                headers,
                body,
            })
        })
    }
}

/// The platform's keys, some of which the platform may lose.
pub struct KeyRing {
    keys: SoftwareKeyStore,
    made: Mutex<Vec<(String, KeyPurpose)>>,
    invalidated: Mutex<Vec<String>>,
}

impl Default for KeyRing {
    fn default() -> Self {
        KeyRing {
            keys: SoftwareKeyStore::in_memory(),
            made: Mutex::default(),
            invalidated: Mutex::default(),
        }
    }
}

impl KeyRing {
    fn valid(&self, alias: &str) -> Result<(), KeyStoreError> {
        let invalidated = self
            .invalidated
            .lock()
            .expect("no test panics while holding it");
        match invalidated.iter().any(|one| one == alias) {
            true => Err(KeyStoreError::Invalidated),
            false => Ok(()),
        }
    }
}

impl KeyStore for KeyRing {
    fn generate(
        &self,
        alias: String,
        algorithm: KeyAlgorithm,
        purpose: KeyPurpose,
    ) -> Result<KeyInfo, KeyStoreError> {
        let mut made = self.made.lock().expect("no test panics while holding it");
        made.push((alias.clone(), purpose));
        self.keys.generate(alias, algorithm, purpose)
    }
    fn public_key(&self, alias: String) -> Result<PublicKey, KeyStoreError> {
        self.keys.public_key(alias)
    }
    fn sign(&self, alias: String, message: Vec<u8>) -> Result<Vec<u8>, KeyStoreError> {
        // As on Android: the public half of an invalidated key can still be read.
        self.valid(&alias)?;
        self.keys.sign(alias, message)
    }
    fn delete(&self, alias: String) -> Result<(), KeyStoreError> {
        self.keys.delete(alias)
    }
    fn wrap(&self, data_key: Vec<u8>) -> Result<Vec<u8>, KeyStoreError> {
        self.keys.wrap(data_key)
    }
    fn unwrap(&self, wrapped: Vec<u8>) -> Result<Vec<u8>, KeyStoreError> {
        self.keys.unwrap(wrapped)
    }
}

/// How to build a [`Phone`].
pub struct PhoneBuilder {
    /// Configuration, without the store path.
    pub config: Config,
    /// Push service to register with.
    pub push: Option<PushService>,
    /// Use a cuttable radio instead of the built-in client.
    pub radio: bool,
    /// Server address; the sandbox's plain origin when empty.
    pub address: String,
    /// Name of the push token, unique per phone.
    pub token: String,
    /// Milliseconds the device clock is ahead from the start.
    pub clock_off_by: i64,
}

/// A phone: the core on a real file, with a push stream.
pub struct Phone {
    /// The library under test.
    pub app: Authenticator,
    /// Its account.
    pub enrollment: Enrollment,
    /// Its clock.
    pub clock: Arc<TestClock>,
    /// Its radio, when built with one.
    pub radio: Option<Arc<Radio>>,
    /// Folder of its store.
    pub folder: TempDir,
    keys: Arc<KeyRing>,
    config: Config,
    pushes: Pin<Box<dyn Stream<Item = PushEvent> + Send>>,
}

impl PhoneBuilder {
    /// A phone for this sandbox over plain loopback http.
    pub fn new(sandbox: &Sandbox) -> Self {
        let mut config = Config::new("");
        config.allow_loopback_cleartext = true;
        config.auto_retry = false;
        config.extra_root_pem = sandbox.ca_pem();
        PhoneBuilder {
            config,
            push: Some(PushService::Fcm),
            radio: false,
            address: origin(sandbox),
            token: format!("token-{}", unique()),
            clock_off_by: 0,
        }
    }

    /// Enrols for a user and listens for pushes.
    pub async fn enroll(mut self, sandbox: &Sandbox, user: &str) -> Phone {
        let folder = tempfile::tempdir().expect("a temporary folder");
        self.config.store = store_path(&folder);
        if self.config.servers.is_empty() {
            self.config.servers.push(Server {
                name: "sandbox".into(),
                address: self.address.clone(),
                dialect: DialectName::Guardian,
            });
        }
        let keys = Arc::new(KeyRing::default());
        let clock = Arc::new(TestClock::default());
        clock.advance(self.clock_off_by);
        let radio = self.radio.then(|| radio(sandbox));
        let app = open(&self.config, &keys, &clock, radio.as_ref()).await;
        let device = self.device();
        let invitation = sandbox
            .invitation(user)
            .expect("an invitation for a known user");
        let enrollment = app
            .enroll(invitation, Some("sandbox".into()), device)
            .await
            .expect("enrolment");
        let pushes = Box::pin(sandbox.pushes(&self.token));
        Phone {
            app,
            enrollment,
            clock,
            radio,
            folder,
            keys,
            config: self.config,
            pushes,
        }
    }

    /// The device as it introduces itself.
    pub fn device(&self) -> Device {
        let push = self.push.map(|service| PushToken {
            service,
            token: Secret::new(self.token.clone()),
        });
        Device {
            name: "Test phone".into(),
            identifier: None,
            push,
        }
    }
}

impl Phone {
    /// A phone for the ready user over plain http with FCM.
    pub async fn ready(sandbox: &Sandbox) -> Phone {
        let user = sandbox.ready().user_id;
        PhoneBuilder::new(sandbox).enroll(sandbox, &user).await
    }

    /// The next push as text.
    pub async fn push(&mut self) -> String {
        let event = tokio::time::timeout(PATIENCE, self.pushes.next())
            .await
            .expect("a push in time")
            .expect("an open push stream");
        event.payload.to_string()
    }

    /// The next push, received.
    pub async fn challenge(&mut self) -> Challenge {
        let payload = self.push().await;
        self.app
            .receive_push(payload)
            .await
            .expect("a push for this phone")
    }

    /// The next push, received and reviewed.
    pub async fn review(&mut self) -> Review {
        let challenge = self.challenge().await;
        self.app.review(challenge.id).await.expect("a review")
    }

    /// Ends the process and starts it again on the same files.
    pub async fn restart(&mut self) {
        self.app.shutdown().await.expect("shutdown");
        self.app = open(&self.config, &self.keys, &self.clock, self.radio.as_ref()).await;
    }

    /// As [`Phone::restart`], as another version of the app that is configured otherwise.
    pub async fn reconfigure(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        self.restart().await;
    }

    /// What the platform signs behind its prompt.
    pub fn sign(&self, alias: &str, message: &[u8]) -> Vec<u8> {
        self.keys
            .sign(alias.to_owned(), message.to_vec())
            .expect("a signature")
    }

    /// What happens to a key when fingerprints change.
    pub fn lose_key(&self, alias: &str) {
        self.keys.delete(alias.to_owned()).expect("deleted");
    }

    /// Names of the enrolment keys made so far, in their order.
    pub fn enrollment_keys(&self) -> Vec<String> {
        let made = self
            .keys
            .made
            .lock()
            .expect("no test panics while holding it");
        let enrolment = made
            .iter()
            .filter(|(_, purpose)| *purpose == KeyPurpose::Enrollment);
        enrolment.map(|(alias, _)| alias.clone()).collect()
    }

    /// The platform makes a key useless, as when the screen lock is removed.
    pub fn invalidate_key(&self, alias: &str) {
        let mut invalidated = self
            .keys
            .invalidated
            .lock()
            .expect("no test panics while holding it");
        invalidated.push(alias.to_owned());
    }

    /// Ends the process and starts it again with another configuration.
    pub async fn restart_with(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        self.restart().await;
    }

    /// Follows another push token from now on.
    pub fn listen(&mut self, sandbox: &Sandbox, token: &str) {
        self.pushes = Box::pin(sandbox.pushes(token));
    }

    /// The store file.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }
}

async fn open(
    config: &Config,
    keys: &Arc<KeyRing>,
    clock: &Arc<TestClock>,
    radio: Option<&Arc<Radio>>,
) -> Authenticator {
    let platform = Platform {
        clock: Some(clock.clone()),
        transport: radio.map(|r| r.clone() as Arc<dyn HttpTransport>),
        ..Platform::new(keys.clone())
    };
    Authenticator::open(config.clone(), platform)
        .await
        .expect("the authenticator opens")
}

/// A radio for phones of this sandbox.
pub fn radio(sandbox: &Sandbox) -> Arc<Radio> {
    let client = client_builder(sandbox.ca_pem().as_deref());
    Arc::new(Radio::new(client, None))
}

/// A phone whose files outlive its process: store and keys lie in `folder`.
#[derive(Clone)]
pub struct OnFiles {
    /// Where the files lie.
    pub folder: PathBuf,
    /// Address of its server.
    pub origin: String,
    /// Root certificate of its server, PEM.
    pub root: Option<String>,
    /// Its clock.
    pub clock: Arc<TestClock>,
    /// Give each account that it enrols an approval key.
    pub user_verification: bool,
    /// Longest wait for an answer of the server; `None`: the built-in client, as long as the core waits.
    pub patience: Option<Duration>,
}

impl OnFiles {
    /// A new phone in this folder.
    pub fn new(folder: &TempDir, sandbox: &Sandbox) -> OnFiles {
        OnFiles {
            folder: folder.path().to_owned(),
            origin: origin(sandbox),
            root: sandbox.ca_pem(),
            clock: Arc::new(TestClock::default()),
            user_verification: false,
            patience: None,
        }
    }

    /// Enrols for the ready user; gives the account and the pushes for it.
    pub async fn enroll(
        &self,
        sandbox: &Sandbox,
    ) -> (Enrollment, Pin<Box<dyn Stream<Item = PushEvent> + Send>>) {
        let app = self.open().await;
        let push = PushToken {
            service: PushService::Fcm,
            token: Secret::new("on-files".into()),
        };
        let device = Device {
            name: "Phone on files".into(),
            identifier: None,
            push: Some(push),
        };
        let user = sandbox.ready().user_id;
        let invitation = sandbox.invitation(&user).expect("an invitation");
        let enrolled = app
            .enroll(invitation, Some("sandbox".into()), device)
            .await
            .expect("enrolment");
        app.shutdown().await.expect("shutdown");
        (enrolled, Box::pin(sandbox.pushes("on-files")))
    }

    /// Starts its process.
    pub async fn open(&self) -> Authenticator {
        self.open_with(Platform::new(self.keys())).await
    }

    /// Starts its process with parts of the platform replaced.
    pub async fn open_with(&self, platform: Platform) -> Authenticator {
        let store = self.folder.join("store.db");
        let mut config = Config::new(store.to_str().expect("a readable path"));
        config.allow_loopback_cleartext = true;
        config.auto_retry = false;
        config.user_verification = self.user_verification;
        config.extra_root_pem = self.root.clone();
        config.servers.push(Server {
            name: "sandbox".into(),
            address: self.origin.clone(),
            dialect: DialectName::Guardian,
        });
        let platform = Platform {
            clock: Some(self.clock.clone()),
            transport: platform
                .transport
                .or_else(|| Some(self.radio(self.patience?) as Arc<dyn HttpTransport>)),
            ..platform
        };
        Authenticator::open(config, platform)
            .await
            .expect("the authenticator opens")
    }

    /// A way to its server that gives up so soon.
    pub fn radio(&self, patience: Duration) -> Arc<Radio> {
        let client = client_builder(self.root.as_deref());
        Arc::new(Radio::new(client, Some(patience)))
    }

    /// Its keys.
    pub fn keys(&self) -> Arc<SoftwareKeyStore> {
        let keys = SoftwareKeyStore::open(&self.folder.join("keys"), [7; 32]);
        Arc::new(keys.expect("the key file"))
    }
}

/// A plain client that follows nothing; it has TLS from ring like everything else here.
fn client_builder(root: Option<&str>) -> reqwest::ClientBuilder {
    // Fails only when another test of this process was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy();
    if let Some(pem) = root {
        builder = builder.add_root_certificate(
            reqwest::Certificate::from_pem(pem.as_bytes()).expect("the sandbox's root"),
        );
    }
    builder
}

fn http_client(sandbox: &Sandbox) -> reqwest::Client {
    client_builder(sandbox.ca_pem().as_deref())
        .build()
        .expect("an HTTP client")
}

fn store_path(folder: &TempDir) -> String {
    folder
        .path()
        .join("store.db")
        .to_str()
        .expect("a readable path")
        .to_owned()
}

fn unique() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A program that asks for approval, over real HTTP.
pub struct Agent {
    http: reqwest::Client,
    origin: String,
    ready: Ready,
    hint_issuer: String,
}

/// A started request.
pub struct Request {
    /// Secret id to poll with.
    pub auth_req_id: String,
    /// Seconds it lives.
    pub expires_in: u64,
}

impl Agent {
    /// The ready client of a sandbox, over its plain listener.
    pub fn new(sandbox: &Sandbox) -> Agent {
        Agent {
            http: http_client(sandbox),
            origin: origin(sandbox),
            ready: sandbox.ready(),
            hint_issuer: sandbox.issuer(),
        }
    }

    /// Another client of the same sandbox, made for this.
    pub async fn another(&self, sandbox: &Sandbox) -> Agent {
        let url = format!("{}control/clients", sandbox.console_url());
        let client = json!({
            "name": "Another agent", "grant_types": ["urn:openid:params:grant-type:ciba"],
        });
        let answer = self.http.post(url).json(&client).send().await;
        let made: Value = answer.expect("an answer").json().await.expect("JSON");
        let text = |name: &str| made[name].as_str().expect(name).to_owned();
        Agent {
            http: self.http.clone(),
            origin: self.origin.clone(),
            ready: Ready {
                client_id: text("client_id"),
                client_secret: text("client_secret"),
                ..self.ready.clone()
            },
            hint_issuer: self.hint_issuer.clone(),
        }
    }

    /// Id of the client.
    pub fn client_id(&self) -> &str {
        &self.ready.client_id
    }

    /// Asks for the payment of [`payment`].
    pub async fn ask(&self) -> Request {
        self.ask_for(&self.ready.user_id, Some(&payment()), &[])
            .await
    }

    /// Asks a user; `extra` adds parameters or, with the same name, replaces them.
    pub async fn ask_for(
        &self,
        user: &str,
        details: Option<&Value>,
        extra: &[(&str, &str)],
    ) -> Request {
        let (status, body) = self.try_ask(user, details, extra).await;
        assert_eq!(status, 200, "the request was not accepted: {body}");
        Request {
            auth_req_id: body["auth_req_id"]
                .as_str()
                .expect("auth_req_id")
                .to_owned(),
            expires_in: body["expires_in"].as_u64().expect("expires_in"),
        }
    }

    /// As [`Agent::ask_for`], with whatever the provider answers.
    pub async fn try_ask(
        &self,
        user: &str,
        details: Option<&Value>,
        extra: &[(&str, &str)],
    ) -> (u16, Value) {
        let hint = json!({ "format": "iss_sub", "iss": self.hint_issuer, "sub": user }).to_string();
        let details = details.map(Value::to_string);
        let mut form = vec![
            ("client_id", self.ready.client_id.as_str()),
            ("client_secret", &self.ready.client_secret),
            ("scope", "openid profile"),
            ("binding_message", "TX-4711"),
            ("login_hint", &hint),
        ];
        if let Some(details) = &details {
            form.push(("audience", &self.ready.audience));
            form.push(("authorization_details", details));
        }
        form.retain(|(name, _)| extra.iter().all(|(other, _)| other != name));
        form.extend(extra);
        let answer = self
            .http
            .post(format!("{}/bc-authorize", self.origin))
            .form(&form)
            .send()
            .await
            .expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// One poll.
    pub async fn poll(&self, request: &Request) -> (u16, Value) {
        let form = [
            ("grant_type", "urn:openid:params:grant-type:ciba"),
            ("auth_req_id", &request.auth_req_id),
            ("client_id", &self.ready.client_id),
            ("client_secret", &self.ready.client_secret),
        ];
        let answer = self
            .http
            .post(format!("{}/oauth/token", self.origin))
            .form(&form)
            .send()
            .await
            .expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// One poll that must end in this error.
    pub async fn refused(&self, request: &Request, error: &str) {
        let (status, body) = self.poll(request).await;
        assert_eq!(
            (status, body["error"].as_str()),
            (400, Some(error)),
            "{body}"
        );
    }

    /// One poll that must give tokens.
    pub async fn tokens(&self, request: &Request) -> Value {
        let (status, body) = self.poll(request).await;
        assert_eq!(status, 200, "no tokens: {body}");
        body
    }
}

/// Claims of a JWT, unverified.
pub fn claims(token: &str) -> Value {
    use base64::Engine;
    let payload = token.split('.').nth(1).expect("three parts");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(payload)
        .expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON claims")
}

/// All rows of a review.
pub fn rows(review: &Review) -> Vec<&ReviewRow> {
    review
        .sections
        .iter()
        .flat_map(|section| &section.rows)
        .collect()
}

/// Text of the row with this label.
pub fn text<'a>(review: &'a Review, label: &str) -> &'a str {
    let found = rows(review).into_iter().find(|row| row.label == label);
    &found
        .unwrap_or_else(|| {
            panic!(
                "no row {label} in {:?}",
                rows(review).iter().map(|r| &r.label).collect::<Vec<_>>()
            )
        })
        .text
}

/// What a person types to confirm the payment of [`payment`], where that is asked for.
pub fn typed(review: &Review) -> String {
    match &review.approval {
        Approval::NeedsConfirmation {
            confirmation: Confirmation::Number { number, .. },
        } => number.clone(),
        Approval::NeedsConfirmation {
            confirmation: Confirmation::AmountDigits { .. },
        } => "249".into(),
        _ => String::new(),
    }
}
