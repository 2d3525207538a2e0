//! What the core costs, as ratios to plain references measured in the same run.
//!
//! `tests/run bench`, or `cargo bench -p authenticator-core --all-features --bench core -- approve`.

use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use authenticator_core::{
    Approval, Authenticator, Clock, Config, Confirmation, Device, DialectName, HttpRequest,
    HttpResponse, HttpTransport, KeyAlgorithm, Platform, Server, SoftwareKeyStore, TransportError,
    testing,
};
use criterion::{Criterion, SamplingMode};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rsa::pkcs8::EncodePrivateKey;
use tokio::runtime::Runtime;

const PUSH: &str = r#"{
  "aps": { "alert": { "title": "bank-dev", "body": "Login" }, "category": "com.auth0.notification.authentication" },
  "mfa": {
    "dai": "dev_ztQmUOx5Z3zeRi8t", "txtkn": "transaction-token", "c": "CHALLENGE", "d": "2026-01-15T10:30:00.000Z",
    "sh": "bank-dev.eu.auth0.com", "txlnkid": "cns_0123456789abcdefghijkl",
    "s": { "b": { "n": "Safari", "v": "18.2" }, "os": { "n": "Mac OS", "v": "15.1" } },
    "l": { "n": "Madrid, Spain", "lat": "40.4168", "long": "-3.7038" }
  }
}"#;

const CONSENT: &str = r#"{
  "id": "cns_0123456789abcdefghijkl",
  "requested_details": {
    "audience": "https://api.bank.example",
    "scope": ["openid", "transfer:funds"],
    "binding_message": "TX-4711",
    "authorization_details": [{
      "type": "payment_initiation", "actions": ["initiate"], "locations": ["https://api.bank.example/payments"],
      "instructedAmount": { "currency": "EUR", "amount": "249.00" }, "creditorName": "ExampleCorp",
      "creditorAccount": { "iban": "DE02100100109307118603" }, "remittanceInformationUnstructured": "Ref 2026-0042"
    }]
  },
  "created_at": "2026-01-15T10:30:00.000Z",
  "expires_at": "2026-01-15T10:35:00.000Z"
}"#;

const ENROLLED: &str = r#"{
  "id": "dev_ztQmUOx5Z3zeRi8t", "url": "https://bank-dev.eu.auth0.com", "issuer": "bank-dev",
  "user_id": "auth0|5fadc2e53f6a96006f998832", "token": "device-token"
}"#;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut criterion = Criterion::default()
        .output_directory(folder.path())
        .configure_from_args();
    push(&mut criterion);
    consent(&mut criterion);
    approve(&mut criterion, "approve RS256", KeyAlgorithm::Rsa2048);
    approve(&mut criterion, "approve ES256", KeyAlgorithm::P256);
    open(&mut criterion);
    criterion.final_summary();
    print_ratios(folder.path());
}

/// Bytes of a push to the values that are stored; reference: serde_json into its own value.
fn push(criterion: &mut Criterion) {
    assert!(
        testing::parse_push(PUSH.as_bytes()),
        "the sample push must be readable"
    );
    let mut group = criterion.benchmark_group("push parse");
    group.bench_function("core", |b| {
        b.iter(|| testing::parse_push(black_box(PUSH.as_bytes())))
    });
    group.bench_function("serde_json", |b| {
        b.iter(|| serde_json::from_str::<serde_json::Value>(black_box(PUSH)))
    });
    group.finish();
}

/// Bytes of a consent to rows and digest; reference: serde_json into its own value.
fn consent(criterion: &mut Criterion) {
    let screen = testing::Screen::new().expect("the built-in templates load");
    assert!(
        screen.show(CONSENT.as_bytes()).is_some(),
        "the sample consent must be approvable"
    );
    let mut group = criterion.benchmark_group("consent to display");
    group.bench_function("core", |b| {
        b.iter(|| screen.show(black_box(CONSENT.as_bytes())))
    });
    group.bench_function("serde_json", |b| {
        b.iter(|| serde_json::from_str::<serde_json::Value>(black_box(CONSENT)))
    });
    group.finish();
}

/// From the tap until the request is handed to the network: decision and attempt durable, answer signed and checked.
/// Reference: the bare signature by ring.
fn approve(criterion: &mut Criterion, name: &str, algorithm: KeyAlgorithm) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let phone = Phone::enroll(&folder.path().join("store.db"), algorithm);
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    group.bench_function("core", |b| {
        b.iter_custom(|times| (0..times).map(|_| phone.approve_one()).sum());
    });
    let message = [b'x'; 600];
    let random = SystemRandom::new();
    match algorithm {
        KeyAlgorithm::P256 => {
            let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
                .expect("a key");
            let key =
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref(), &random)
                    .expect("the key just made");
            group.bench_function("ring signature", |b| {
                b.iter(|| key.sign(&random, black_box(&message)))
            });
        }
        KeyAlgorithm::Rsa2048 => {
            let der = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048)
                .expect("a key")
                .to_pkcs8_der()
                .expect("its encoding");
            let key = RsaKeyPair::from_pkcs8(der.as_bytes()).expect("the key just made");
            let mut signature = vec![0; key.public().modulus_len()];
            group.bench_function("ring signature", |b| {
                b.iter(|| {
                    key.sign(
                        &RSA_PKCS1_SHA256,
                        &random,
                        black_box(&message),
                        &mut signature,
                    )
                });
            });
        }
    }
    group.finish();
}

/// Opening the store of an enrolled phone, runtime and templates included; reference: SQLite opening the same file.
fn open(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("store.db");
    let phone = Phone::enroll(&file, KeyAlgorithm::P256);
    let (config, platform) = (phone.config.clone(), phone.platform.clone());
    let runtime = phone.close();
    let mut group = criterion.benchmark_group("store open");
    group.sample_size(20);
    group.bench_function("core", |b| {
        b.iter(|| {
            runtime
                .block_on(Authenticator::open(config.clone(), platform.clone()))
                .map(drop)
        });
    });
    group.bench_function("sqlite", |b| {
        b.iter(|| {
            let connection = rusqlite::Connection::open(&file).expect("the file just written");
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
                row.get::<_, i64>(0)
            })
        });
    });
    group.finish();
}

/// An enrolled phone whose server answers at once.
struct Phone {
    runtime: Runtime,
    core: Authenticator,
    server: Arc<InstantServer>,
    config: Config,
    platform: Platform,
    challenges: AtomicU32,
}

impl Phone {
    fn enroll(file: &Path, algorithm: KeyAlgorithm) -> Phone {
        let runtime = Runtime::new().expect("a runtime");
        let server = Arc::new(InstantServer::default());
        let mut config = Config::new(file.to_str().expect("a temporary folder in UTF-8"));
        config.servers = vec![Server {
            name: "bank".into(),
            address: "bank-dev.eu.auth0.com".into(),
            dialect: DialectName::Guardian,
        }];
        config.key_algorithm = Some(algorithm);
        let mut platform = Platform::new(Arc::new(SoftwareKeyStore::in_memory()));
        platform.transport = Some(server.clone());
        platform.clock = Some(Arc::new(Noon));
        let core = runtime.block_on(async {
            let core = Authenticator::open(config.clone(), platform.clone())
                .await
                .expect("a new store");
            let device = Device {
                name: "Bench".into(),
                identifier: None,
                push: None,
            };
            core.enroll("ticket".into(), Some("bank".into()), device)
                .await
                .expect("an enrolment");
            core
        });
        Phone {
            runtime,
            core,
            server,
            config,
            platform,
            challenges: AtomicU32::new(0),
        }
    }

    /// A new request, reviewed; then the time from the tap until the answer is handed to the network.
    fn approve_one(&self) -> Duration {
        let number = self.challenges.fetch_add(1, Ordering::Relaxed);
        self.runtime.block_on(async {
            let push = PUSH.replace("CHALLENGE", &format!("challenge-{number}"));
            let challenge = self.core.receive_push(push).await.expect("a readable push");
            let review = self.core.review(challenge.id).await.expect("a review");
            // So many requests at once make the guard ask for more than a tap.
            let confirmation = match review.approval {
                Approval::NeedsConfirmation {
                    confirmation: Confirmation::Number { number, .. },
                } => Some(number),
                Approval::NeedsConfirmation {
                    confirmation: Confirmation::AmountDigits { .. },
                } => Some("249".into()),
                _ => None,
            };
            let tap = Instant::now();
            self.core
                .approve(review.challenge, review.digest, confirmation)
                .await
                .expect("an approval");
            self.server.answered_at().duration_since(tap)
        })
    }

    fn close(self) -> Runtime {
        drop(self.core);
        self.runtime
    }
}

/// Answers every request without a network and notes when an answer arrived.
#[derive(Default)]
struct InstantServer(Mutex<Option<Instant>>);

impl InstantServer {
    fn answered_at(&self) -> Instant {
        self.0
            .lock()
            .expect("nobody panics while holding it")
            .expect("an answer was sent")
    }
}

impl HttpTransport for InstantServer {
    fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let now = Instant::now();
        let (status, body) = match request.url.rsplit('/').next() {
            Some("enroll") => (201, ENROLLED),
            Some("resolve-transaction") => {
                *self.0.lock().expect("nobody panics while holding it") = Some(now);
                (204, "")
            }
            _ => (200, CONSENT),
        };
        Ok(HttpResponse {
            status,
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        })
    }
}

/// One second after the request of the sample push.
struct Noon;

impl Clock for Noon {
    fn now(&self) -> i64 {
        1_768_473_001_000
    }
}

/// The median of each measurement beside the one of its reference.
#[expect(clippy::print_stdout, reason = "what this program is for")]
fn print_ratios(folder: &Path) {
    let pairs = [
        ("push parse", "serde_json"),
        ("consent to display", "serde_json"),
        ("approve RS256", "ring signature"),
        ("approve ES256", "ring signature"),
        ("store open", "sqlite"),
    ];
    println!();
    for (group, reference) in pairs {
        let (Some(core), Some(plain)) = (
            median(folder, group, "core"),
            median(folder, group, reference),
        ) else {
            continue;
        };
        println!(
            "{group:<20} {:>9.1} µs   {:>9.1} µs {reference:<15} ratio {:>6.1}",
            core / 1e3,
            plain / 1e3,
            core / plain
        );
    }
}

/// Nanoseconds; `None` where a filter left the measurement out.
fn median(folder: &Path, group: &str, name: &str) -> Option<f64> {
    let text =
        std::fs::read_to_string(folder.join(group).join(name).join("new/estimates.json")).ok()?;
    let estimates: serde_json::Value = serde_json::from_str(&text).ok()?;
    estimates["median"]["point_estimate"].as_f64()
}
