//! Stores that older versions have written: each version so far is a folder of `tests/stores`, with the file and the keys
//! that belong to it. They must open, become the newest version, and have lost nothing.
//!
//! `cargo test --locked --workspace --all-features --test stores -- --ignored` writes the folder of the present version: until
//! that is released, whenever its schema changes; from then on it stays. The key file is encrypted under 32 known bytes;
//! nothing in it is or was of any use.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail as loudly as tests"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use authenticator_core::{
    Approval, Authenticator, Challenge, Clock, Config, Confirmation, Decision, Delivery, Device,
    DialectName, Enrollment, ErrorCode, HttpRequest, HttpResponse, HttpTransport, KeyAlgorithm,
    KeyStore, MarkCode, Platform, PushService, PushToken, Receipt, Review, Secret, Server,
    SoftwareKeyStore, StoreState, TransportError,
};
use rusqlite::Connection;
use serde_json::{Value, json};

/// 2026-01-15T00:00:00Z.
const MIDNIGHT: i64 = 1_768_435_200_000;
const MINUTE: i64 = 60_000;
/// When the phone was switched off.
const OFF_AT: i64 = MIDNIGHT + 630 * MINUTE;

/// The time that a test says it is.
struct Now(AtomicI64);

impl Clock for Now {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

fn rfc3339(unix_ms: i64) -> String {
    let seconds = (unix_ms - MIDNIGHT) / 1000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("2026-01-15T{hour:02}:{minute:02}:{second:02}.000Z")
}

/// A server that believes everything.
struct Bank {
    clock: Arc<Now>,
    enrolled: AtomicU32,
    /// Nobody reaches it.
    away: std::sync::atomic::AtomicBool,
    /// What was decided about which challenge, in the order of arrival.
    answers: Mutex<Vec<(String, bool)>>,
}

impl HttpTransport for Bank {
    fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(TransportError::Unreachable);
        }
        let (status, body) = match request.url.rsplit('/').next().unwrap() {
            "enroll" => (201, self.enroll()),
            "resolve-transaction" => {
                self.answers.lock().unwrap().push(answer(&request));
                (204, Value::Null)
            }
            consent => (200, self.consent(consent)),
        };
        let body = match body {
            Value::Null => Vec::new(),
            body => body.to_string().into_bytes(),
        };
        Ok(HttpResponse {
            status,
            headers: Vec::new(),
            body,
        })
    }
}

impl Bank {
    fn enroll(&self) -> Value {
        let number = self.enrolled.fetch_add(1, Ordering::SeqCst) + 1;
        // The third and the fourth device are the same person's.
        let user = ["ana", "ben", "cem", "cem"][number as usize - 1];
        json!({
            "id": format!("dev_{number}"), "issuer": "bank-dev", "user_id": format!("auth0|{user}"),
            "totp": { "secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "algorithm": "sha1", "digits": 6, "period": 30 },
        })
    }

    fn consent(&self, id: &str) -> Value {
        let now = self.clock.now();
        json!({
            "id": id,
            "requested_details": {
                "audience": "https://api.bank.example", "scope": ["openid"], "binding_message": "TX-4711",
                "authorization_details": [{
                    "type": "payment_initiation", "actions": ["initiate"], "locations": ["https://api.bank.example/payments"],
                    "instructedAmount": { "currency": "EUR", "amount": "249.00" }, "creditorName": "ExampleCorp",
                    "creditorAccount": { "iban": "DE02100100109307118603" },
                }],
            },
            "created_at": rfc3339(now), "expires_at": rfc3339(now + 5 * MINUTE),
        })
    }
}

/// Challenge and decision of an answer.
fn answer(request: &HttpRequest) -> (String, bool) {
    use base64::Engine;
    let body: Value = serde_json::from_slice(request.body.as_deref().unwrap()).unwrap();
    let jwt = body["challenge_response"].as_str().unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(jwt.split('.').nth(1).unwrap())
        .unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let challenge = claims["sub"].as_str().unwrap().to_owned();
    (
        challenge,
        claims["auth0_guardian_accepted"].as_bool().unwrap(),
    )
}

/// A phone on files.
struct Phone {
    app: Authenticator,
    keys: Arc<SoftwareKeyStore>,
    clock: Arc<Now>,
    bank: Arc<Bank>,
}

impl Phone {
    async fn open(folder: &Path, at: i64, user_verification: bool) -> Phone {
        Phone::try_open(folder, at, user_verification)
            .await
            .unwrap()
    }

    async fn try_open(
        folder: &Path,
        at: i64,
        user_verification: bool,
    ) -> Result<Phone, authenticator_core::Error> {
        let keys = Arc::new(SoftwareKeyStore::open(&folder.join("keys"), [7; 32]).unwrap());
        let clock = Arc::new(Now(at.into()));
        let bank = Arc::new(Bank {
            clock: clock.clone(),
            enrolled: 0.into(),
            away: false.into(),
            answers: Mutex::default(),
        });
        let platform = Platform {
            clock: Some(clock.clone()),
            transport: Some(bank.clone()),
            ..Platform::new(keys.clone())
        };
        let app = Authenticator::open(config(folder, user_verification), platform).await?;
        Ok(Phone {
            app,
            keys,
            clock,
            bank,
        })
    }

    fn at(&self, time: i64) {
        self.clock.0.store(time, Ordering::SeqCst);
    }

    async fn enroll(&self, push: &str) -> Enrollment {
        let device = Device {
            name: "Old phone".into(),
            identifier: Some(format!("device-{push}")),
            push: Some(PushToken {
                service: PushService::Fcm,
                token: Secret::new(push.into()),
            }),
        };
        let enrolled = self
            .app
            .enroll("ticket".into(), Some("bank".into()), device)
            .await;
        enrolled.unwrap()
    }

    async fn push(&self, enrollment: &str, challenge: &str) -> Challenge {
        let payload = json!({
            "dai": enrollment, "txtkn": format!("token-of-{challenge}"), "c": challenge, "d": rfc3339(self.clock.now()),
            "sh": "bank-dev.eu.auth0.com", "txlnkid": "cns_0123456789abcdefghijkl",
        });
        self.app.receive_push(payload.to_string()).await.unwrap()
    }

    async fn review(&self, enrollment: &str, challenge: &str) -> Review {
        let challenge = self.push(enrollment, challenge).await;
        self.app.review(challenge.id).await.unwrap()
    }

    async fn approve(&self, review: Review) -> Receipt {
        let typed = match review.approval {
            Approval::NeedsConfirmation {
                confirmation: Confirmation::AmountDigits { .. },
            } => Some("249".into()),
            Approval::NeedsConfirmation {
                confirmation: Confirmation::Number { number, .. },
            } => Some(number),
            _ => None,
        };
        let approved = self
            .app
            .approve(review.challenge, review.digest, typed)
            .await;
        approved.unwrap()
    }

    async fn approve_with_key(&self, review: Review) -> Receipt {
        let begun = self
            .app
            .begin_approval(review.challenge, review.digest, None)
            .await;
        let request = begun.unwrap();
        let signature = self.keys.sign(request.key_alias, request.message).unwrap();
        self.app
            .finish_approval(request.id, signature)
            .await
            .unwrap()
    }
}

fn config(folder: &Path, user_verification: bool) -> Config {
    let mut config = Config::new(folder.join("store.db").to_str().unwrap());
    config.servers.push(Server {
        name: "bank".into(),
        address: "bank-dev.eu.auth0.com".into(),
        dialect: DialectName::Guardian,
    });
    config.auto_retry = false;
    config.user_verification = user_verification;
    // The first account has the kind of key that the server's own clients use.
    config.key_algorithm = user_verification.then_some(KeyAlgorithm::P256);
    config
}

/// A morning: everything that a store can hold.
async fn live(folder: &Path) {
    let phone = Phone::open(folder, MIDNIGHT + 360 * MINUTE, false).await;
    phone
        .app
        .add_server("https://login.other.example".into())
        .await
        .unwrap();
    phone.enroll("push-of-ana").await;
    // 06:00, removed later; 09:00, approved and denied and missed; 10:29, open and queued.
    phone.approve(phone.review("dev_1", "early").await).await;
    phone.at(MIDNIGHT + 540 * MINUTE);
    phone.approve(phone.review("dev_1", "approved").await).await;
    let denied = phone.review("dev_1", "denied").await;
    let foreign = Some("not_me".into());
    phone
        .app
        .deny(denied.challenge, Some(denied.digest), foreign)
        .await
        .unwrap();
    phone.review("dev_1", "missed").await;
    phone.at(MIDNIGHT + 570 * MINUTE);
    assert!(phone.app.pending().await.unwrap().is_empty());
    let ana = phone.app.enrollments().await.unwrap().remove(0).id;
    assert_eq!(
        phone
            .app
            .prune_history(ana, MIDNIGHT + 480 * MINUTE)
            .await
            .unwrap(),
        2
    );
    phone.at(OFF_AT - MINUTE);
    phone.review("dev_1", "open").await;
    let queued = phone.review("dev_1", "queued").await;
    phone.bank.away.store(true, Ordering::SeqCst);
    assert_eq!(phone.approve(queued).await.delivery, Delivery::Queued);
    phone.app.shutdown().await.unwrap();

    let prompts = Phone::open(folder, OFF_AT, true).await;
    prompts.bank.enrolled.store(1, Ordering::SeqCst);
    prompts.enroll("push-of-ben").await;
    prompts
        .approve_with_key(prompts.review("dev_2", "with-prompt").await)
        .await;
    let before = key_names(folder);
    let lost = prompts.enroll("push-of-cem").await;
    prompts
        .approve_with_key(prompts.review("dev_3", "before-the-loss").await)
        .await;
    for alias in key_names(folder).difference(&before) {
        prompts.keys.delete(alias.clone()).unwrap();
    }
    let again = prompts.enroll("push-of-cem-again").await;
    assert_eq!(again.continues, [lost.id]);
    prompts
        .approve_with_key(prompts.review("dev_4", "after-the-loss").await)
        .await;
    prompts.app.shutdown().await.unwrap();
    let store = Connection::open(folder.join("store.db")).unwrap();
    store
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
}

/// Names of the keys in the key file: one line with its format, then JSON.
fn key_names(folder: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(folder.join("keys")).unwrap();
    let keys: Value = serde_json::from_str(text.split_once('\n').unwrap().1).unwrap();
    keys["keys"].as_object().unwrap().keys().cloned().collect()
}

fn version(folder: &Path) -> i64 {
    let store = Connection::open(folder.join("store.db")).unwrap();
    store
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap()
}

/// What SQLite was told to make, by name.
fn schema(folder: &Path) -> Vec<(String, String)> {
    let store = Connection::open(folder.join("store.db")).unwrap();
    let mut query = store
        .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
        .unwrap();
    let rows = query
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

fn stores() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores")
}

/// Every version so far, with its number.
fn old_stores() -> Vec<(i64, PathBuf)> {
    let folders = std::fs::read_dir(stores()).unwrap();
    let mut all: Vec<_> = folders
        .map(|entry| {
            let folder = entry.unwrap().path();
            let name = folder.file_name().unwrap().to_str().unwrap();
            (name.strip_prefix('v').unwrap().parse().unwrap(), folder)
        })
        .collect();
    all.sort();
    all
}

/// A copy that a test may write to.
fn copy(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in ["store.db", "keys"] {
        std::fs::copy(folder.join(name), copy.path().join(name)).unwrap();
    }
    copy
}

async fn fresh() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    Phone::open(folder.path(), OFF_AT, false)
        .await
        .app
        .shutdown()
        .await
        .unwrap();
    folder
}

#[tokio::test]
#[ignore = "writes tests/stores of the present version"]
async fn write_the_present_version() {
    let folder = tempfile::tempdir().unwrap();
    live(folder.path()).await;
    let target = stores().join(format!("v{}", version(folder.path())));
    std::fs::create_dir_all(&target).unwrap();
    for name in ["store.db", "keys"] {
        std::fs::copy(folder.path().join(name), target.join(name)).unwrap();
    }
}

#[tokio::test]
async fn there_is_a_store_of_every_version_and_each_is_of_its_own() {
    let present = version(fresh().await.path());
    let numbers: Vec<i64> = old_stores().iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=present).collect::<Vec<_>>());
    for (number, folder) in old_stores() {
        assert_eq!(version(copy(&folder).path()), number);
    }
}

#[tokio::test]
async fn an_old_store_becomes_the_newest_version_and_has_lost_nothing() {
    for (number, folder) in old_stores() {
        let folder = copy(&folder);
        let phone = Phone::open(folder.path(), OFF_AT + MINUTE / 2, false).await;
        let app = &phone.app;
        assert_eq!(
            schema(folder.path()),
            schema(fresh().await.path()),
            "version {number}"
        );
        let there = Connection::open(folder.path().join("store.db")).unwrap();
        let whole: String = there
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(whole, "ok");
        let orphans = there
            .prepare("PRAGMA foreign_key_check")
            .unwrap()
            .exists([])
            .unwrap();
        assert!(!orphans);

        let accounts = app.enrollments().await.unwrap();
        let known: Vec<_> = accounts
            .iter()
            .map(|a| {
                (
                    a.id.as_str(),
                    a.user_id.as_str(),
                    a.algorithm,
                    a.approval_thumbprint.is_some(),
                )
            })
            .collect();
        let expected = [
            ("dev_1", "auth0|ana", KeyAlgorithm::Rsa2048, false),
            ("dev_2", "auth0|ben", KeyAlgorithm::P256, true),
            ("dev_4", "auth0|cem", KeyAlgorithm::P256, true),
        ];
        assert_eq!(known, expected, "version {number}");
        let continued: Vec<_> = accounts[2].continues.iter().map(|id| id.as_str()).collect();
        assert_eq!(continued, ["dev_3"]);
        let code = app.one_time_code(accounts[0].id.clone()).await.unwrap();
        // Seed and time are given, so is the code (RFC 6238).
        assert_eq!(code.code.expose(), "134025");
        let keys = app.repair().await.unwrap();
        assert!(keys.iter().all(|account| account.keys.as_str() == "usable"));

        // Flushed first: its time runs out.
        let flushed = app.flush().await.unwrap();
        assert_eq!(
            (flushed.len(), flushed[0].delivery),
            (1, Delivery::Delivered)
        );
        let open = app.pending().await.unwrap();
        assert_eq!(open.len(), 1);
        let review = app.review(open[0].id.clone()).await.unwrap();
        assert!(review.headline.contains("249.00"));
        assert!(
            !review
                .marks
                .iter()
                .any(|mark| mark.code == MarkCode::NewAudience)
        );
        assert!(
            review
                .marks
                .iter()
                .any(|mark| mark.code == MarkCode::PreviouslyReported)
        );
        assert_eq!(phone.approve(review).await.delivery, Delivery::Delivered);
        let answers = phone.bank.answers.lock().unwrap().clone();
        assert_eq!(
            answers,
            [("queued".to_owned(), true), ("open".to_owned(), true)]
        );

        let told = async |id: &Enrollment| -> Vec<(Option<Decision>, Option<Delivery>)> {
            let entries = app.history(Some(id.id.clone()), None, 100).await.unwrap();
            entries
                .iter()
                .map(|entry| (entry.decision, entry.delivery))
                .collect()
        };
        let (approved, denied) = (Some(Decision::Approve), Some(Decision::Deny));
        let delivered = Some(Delivery::Delivered);
        assert_eq!(
            told(&accounts[0]).await,
            [
                (approved, delivered),
                (approved, delivered),
                (None, None),
                (denied, delivered),
                (approved, delivered)
            ]
        );
        assert_eq!(told(&accounts[1]).await, [(approved, delivered)]);
        assert_eq!(
            told(&accounts[2]).await,
            [(approved, delivered), (approved, delivered)]
        );

        let mut chains: Vec<_> = accounts.iter().map(|account| account.id.clone()).collect();
        chains.extend(accounts[2].continues.clone());
        let mut found = Vec::new();
        for id in chains {
            let report = app.verify_history(id).await.unwrap();
            assert_eq!(report.broken, None, "version {number}");
            found.push((report.pruned, report.answers));
        }
        assert_eq!(found, [(2, 4), (0, 1), (0, 1), (0, 1)]);
        app.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn a_newer_store_is_refused_and_not_touched() {
    for (_, folder) in old_stores() {
        let folder = copy(&folder);
        let newer = version(fresh().await.path()) + 1;
        Connection::open(folder.path().join("store.db"))
            .unwrap()
            .pragma_update(None, "user_version", newer)
            .unwrap();
        let bytes = || std::fs::read(folder.path().join("store.db")).unwrap();
        let before = bytes();
        let refused = Phone::try_open(folder.path(), OFF_AT, false)
            .await
            .err()
            .unwrap();
        assert_eq!(refused.code(), ErrorCode::StoreNewer);
        let keys = Arc::new(SoftwareKeyStore::open(&folder.path().join("keys"), [7; 32]).unwrap());
        let refused =
            Authenticator::repair_store(config(folder.path(), false), Platform::new(keys)).await;
        assert_eq!(refused.unwrap_err().code(), ErrorCode::StoreNewer);
        assert!(bytes() == before);
        let names = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        assert!(
            !names
                .into_iter()
                .any(|name| name.to_string_lossy().contains("corrupt"))
        );
    }
}

#[tokio::test]
async fn an_old_store_without_its_key_is_moved_aside_and_the_next_start_is_new() {
    for (_, folder) in old_stores() {
        let folder = copy(&folder);
        std::fs::remove_file(folder.path().join("keys")).unwrap();
        let refused = Phone::try_open(folder.path(), OFF_AT, false)
            .await
            .err()
            .unwrap();
        assert_eq!(refused.code(), ErrorCode::KeyMissing);
        let keys = Arc::new(SoftwareKeyStore::open(&folder.path().join("keys"), [7; 32]).unwrap());
        let repair =
            Authenticator::repair_store(config(folder.path(), false), Platform::new(keys)).await;
        let repair = repair.unwrap();
        assert_eq!(repair.state, StoreState::KeyMissing);
        let lost: Vec<_> = repair.lost.iter().map(|id| id.as_str()).collect();
        assert_eq!(lost, ["dev_1", "dev_2", "dev_4"]);
        assert_eq!(repair.lost_decisions.len(), 1);
        assert!(folder.path().join(repair.moved_to.unwrap()).exists());
        let phone = Phone::open(folder.path(), OFF_AT, false).await;
        assert!(phone.app.enrollments().await.unwrap().is_empty());
    }
}
