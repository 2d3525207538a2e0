//! The store on real files.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::thread;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::challenge::{Alert, ChallengeId};
use crate::clock::Entropy;
use crate::consent::Account;
use crate::decision::Delivery;
use crate::error::{Error, ErrorCode};
use crate::history::HistoryEntry;
use crate::otp::Hash;
use crate::protocol::PushService;
use crate::secret::Secret;
use crate::{jose, json};

mod continuing;
mod damage;
#[cfg(target_os = "linux")]
mod disk;
mod power;

const ALICE: &str = "dev_alice";
const BOB: &str = "dev_bob";

/// Entropy of tests: each call gives other bytes.
struct Counting(std::sync::atomic::AtomicU8);
impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
    }
}

/// Stands in for the platform: "wraps" by turning the bits over.
fn flip(key: Vec<u8>) -> Result<Vec<u8>> {
    Ok(key.into_iter().map(|byte| !byte).collect())
}

fn no_key(_: Vec<u8>) -> Result<Vec<u8>> {
    Err(Error::new(ErrorCode::KeyMissing, "no such key"))
}

struct File {
    folder: TempDir,
}

impl File {
    fn new() -> File {
        File {
            folder: tempfile::tempdir().unwrap(),
        }
    }
    fn path(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }
    fn open(&self) -> Store {
        self.try_open().unwrap()
    }
    fn try_open(&self) -> Result<Store> {
        Store::open(&self.path(), &flip, &flip, &Counting(1.into()))
    }
    fn refusal(&self) -> Error {
        self.try_open().err().expect("the store is refused")
    }
    /// SQL as an attacker or a defect could run it.
    fn sql(&self, sql: &str) {
        Connection::open(self.path())
            .unwrap()
            .execute_batch(sql)
            .unwrap();
    }
    /// Every byte that is on the disk: the file, its log and its shared memory.
    fn bytes(&self) -> Vec<u8> {
        names(self.folder.path())
            .iter()
            .flat_map(|name| std::fs::read(self.folder.path().join(name)).unwrap())
            .collect()
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

fn code<T>(result: Result<T>) -> ErrorCode {
    result.err().expect("an error").code()
}

fn enrollment(id: &str) -> EnrollmentRow {
    EnrollmentRow {
        identity: Identity {
            enrollment: id.into(),
            user: "auth0|secret-user".into(),
            identifier: "secret-identifier".into(),
            base_url: "https://secret-server.example".into(),
        },
        server: "secret-server-name".into(),
        dialect: DialectName::Guardian,
        issuer: "SecretIssuer".into(),
        label: "secret-label@example.com".into(),
        device_name: "Secret Phone".into(),
        key_alias: "secret-alias".into(),
        algorithm: KeyAlgorithm::Rsa2048,
        protection: ProtectionLevel::TrustedEnvironment,
        jwk: json::object([("kty", "RSA".into()), ("n", "secret-modulus".into())]),
        approval_key: Some((
            "secret-approval".into(),
            json::object([("kty", "EC".into())]),
        )),
        push: Some(PushToken {
            service: PushService::Fcm,
            token: Secret::new("secret-push-token".into()),
        }),
        totp: Some(Totp {
            secret: Secret::new(b"secret-totp-seed".to_vec()),
            hash: Hash::Sha256,
            digits: 8,
            period: 60,
        }),
        enrolled_at: 1000,
        last_used_at: None,
        clock_offset: -7,
        continued_by: None,
    }
}

fn challenge(id: &str, enrollment: &str, expires_at: i64) -> ChallengeRow {
    ChallengeRow {
        id: id.into(),
        enrollment: enrollment.into(),
        push: Push {
            enrollment: enrollment.into(),
            transaction_token: Secret::new("secret-txtkn".into()),
            challenge: "secret-challenge".into(),
            requested_at: 2000,
            requested_at_text: "secret-time".into(),
            source: Some(json::object([("ip", "secret-address".into())])),
            location: None,
            consent_id: Some("cns_secret".into()),
            server_hint: "secret-hint".into(),
        },
        received_at: expires_at - 300,
        expires_at,
        consent: None,
        review: None,
        expired: false,
        alert: Alert::Normal,
    }
}

fn server(name: &str, base_url: &str) -> ServerRow {
    ServerRow {
        name: name.into(),
        base_url: base_url.into(),
        dialect: DialectName::Guardian,
    }
}

fn review(shown: &str) -> ReviewRow {
    ReviewRow {
        headline: "Pay secret-amount".into(),
        source: "secret-source-digest".into(),
        shown: shown.into(),
        shown_document: "secret-document".into(),
        templates: "t".into(),
        locale: "de-DE".into(),
        zone: "UTC".into(),
        blocked: None,
        confirmation: None,
        audience: Some("https://secret-audience".into()),
        amounts: vec![("249.00".into(), "EUR".into())],
        at: 3000,
    }
}

fn decision(challenge: &str, decision: Decision) -> DecisionRow {
    let reason = (decision == Decision::Deny).then(|| "secret-reason".to_owned());
    DecisionRow {
        challenge: challenge.into(),
        enrollment: ALICE.into(),
        decision,
        reason: reason.clone(),
        claim: Some("{\"shown\":\"secret-claim\"}".into()),
        decided_at: 5000,
        expires_at: 9000,
        approved_with: (decision == Decision::Approve).then(|| "secret-approval".into()),
        receipt: Receipt {
            challenge: ChallengeId::new(challenge),
            decision,
            reason,
            delivery: Delivery::Queued,
            decided_at: 5000,
            attempts: 0,
            next_attempt_at: Some(5000),
            last_error: None,
            server_code: None,
        },
    }
}

/// One enrollment with one reviewed challenge `c1`, shown as `S`, that expires at 9000.
fn reviewed() -> (File, Store) {
    let file = File::new();
    let store = file.open();
    store.add_enrollment(&enrollment(ALICE), &[]).unwrap();
    store.add_challenge(&challenge("c1", ALICE, 9000)).unwrap();
    store
        .set_consent("c1", Some("{\"secret-consent\":1}"), 9000)
        .unwrap();
    store.set_review("c1", &review("S")).unwrap();
    (file, store)
}

/// The same, denied.
fn denied() -> (File, Store) {
    let (file, store) = reviewed();
    store
        .decide_only(&decision("c1", Decision::Deny), None)
        .unwrap();
    (file, store)
}

/// What a decision leaves behind, without one.
impl Store {
    fn aftermath(&self, leave: impl FnOnce(&Aftermath<'_>) -> Result<()>) -> Result<()> {
        self.write(|change| {
            leave(&Aftermath {
                change,
                sealer: &self.sealer,
            })
        })
    }

    fn keep_quiet(&self, id: &str, audience: Option<&str>, now: i64, until: i64) -> Result<()> {
        self.aftermath(|after| after.keep_quiet(id, audience, now, until))
    }

    fn end_quiet(&self, id: &str, audience: &str) -> Result<()> {
        self.aftermath(|after| after.end_quiet(id, audience))
    }

    fn record_requester(
        &self,
        id: &str,
        audience: &str,
        at: i64,
        change: impl FnOnce(&mut RequesterRow),
    ) -> Result<()> {
        self.aftermath(|after| after.record_requester(id, audience, at, change))
    }
}

fn decided(committed: Committed) -> (bool, DecisionRow) {
    match committed {
        Committed::Now(row) => (true, row),
        Committed::Before(row) => (false, row),
    }
}

fn ended(store: &Store, delivery: Delivery) -> Receipt {
    let before = store.decision("c1").unwrap().unwrap().receipt;
    Receipt {
        delivery,
        next_attempt_at: None,
        ..before
    }
}

mod opening {
    use super::*;

    #[test]
    fn what_was_stored_is_there_after_a_restart() {
        let (file, store) = reviewed();
        store
            .add_server(&server("bank", "https://bank.example"))
            .unwrap();
        drop(store);
        let store = file.open();

        let row = store.enrollment(ALICE).unwrap().unwrap();
        let given = enrollment(ALICE);
        assert_eq!(row.identity.enrollment, given.identity.enrollment);
        assert_eq!(row.identity.user, given.identity.user);
        assert_eq!(row.identity.identifier, given.identity.identifier);
        assert_eq!(row.identity.base_url, given.identity.base_url);
        assert_eq!(
            (
                row.server,
                row.issuer,
                row.label,
                row.device_name,
                row.key_alias
            ),
            (
                given.server,
                given.issuer,
                given.label,
                given.device_name,
                given.key_alias
            )
        );
        assert_eq!(
            (row.algorithm, row.protection),
            (given.algorithm, given.protection)
        );
        assert!(row.jwk == given.jwk && row.approval_key == given.approval_key);
        let push = row.push.unwrap();
        assert_eq!(push.service, PushService::Fcm);
        assert_eq!(push.token.expose(), "secret-push-token");
        let totp = row.totp.unwrap();
        assert_eq!((totp.hash, totp.digits, totp.period), (Hash::Sha256, 8, 60));
        assert_eq!(totp.secret.expose(), b"secret-totp-seed");
        assert_eq!(
            (row.enrolled_at, row.last_used_at, row.clock_offset),
            (1000, None, -7)
        );

        let row = store.challenge("c1").unwrap().unwrap();
        let given = challenge("c1", ALICE, 9000);
        assert_eq!(row.push.transaction_token.expose(), "secret-txtkn");
        assert_eq!(row.push.challenge, given.push.challenge);
        assert_eq!(row.push.requested_at, given.push.requested_at);
        assert_eq!(row.push.requested_at_text, given.push.requested_at_text);
        assert!(row.push.source == given.push.source && row.push.location == given.push.location);
        assert_eq!(row.push.consent_id, given.push.consent_id);
        assert_eq!(row.push.server_hint, given.push.server_hint);
        assert_eq!(
            (row.enrollment.as_str(), row.received_at, row.expires_at),
            (ALICE, 8700, 9000)
        );
        assert_eq!(row.consent.as_deref(), Some("{\"secret-consent\":1}"));
        let (shown, frozen) = (row.review.unwrap(), review("S"));
        assert_eq!(shown.shown_document, frozen.shown_document);
        assert_eq!(
            (shown.headline, shown.source, shown.shown),
            (frozen.headline, frozen.source, frozen.shown)
        );
        assert_eq!(
            (shown.templates, shown.locale, shown.zone),
            (frozen.templates, frozen.locale, frozen.zone)
        );
        assert_eq!(
            (shown.blocked, shown.confirmation, shown.at),
            (None, None, 3000)
        );

        assert_eq!(
            store.servers().unwrap(),
            [server("bank", "https://bank.example")]
        );
    }

    #[test]
    fn a_newer_file_is_refused_and_stays_as_it_is() {
        let (file, store) = reviewed();
        drop(store);
        file.sql("PRAGMA user_version = 99");
        let before = std::fs::read(file.path()).unwrap();
        assert_eq!(file.refusal().code(), ErrorCode::StoreNewer);
        assert!(std::fs::read(file.path()).unwrap() == before);
    }

    #[test]
    fn a_store_without_its_key_is_refused_and_stays_as_it_is() {
        let (file, store) = reviewed();
        drop(store);
        let before = std::fs::read(file.path()).unwrap();
        let lost = Store::open(&file.path(), &no_key, &flip, &Counting(1.into()));
        assert_eq!(code(lost), ErrorCode::KeyMissing);
        let other = |_| Ok(vec![9; 32]);
        let replaced = Store::open(&file.path(), &other, &flip, &Counting(1.into()));
        assert_eq!(code(replaced), ErrorCode::KeyMissing);
        let short = |_| Ok(vec![9; 31]);
        let short = Store::open(&file.path(), &short, &flip, &Counting(1.into()));
        assert_eq!(code(short), ErrorCode::KeyMissing);
        assert!(std::fs::read(file.path()).unwrap() == before);
        assert!(file.open().enrollment(ALICE).unwrap().is_some());
    }

    #[test]
    fn a_key_store_that_fails_at_first_does_not_spoil_the_new_file() {
        let file = File::new();
        let locked = |_| Err(Error::new(ErrorCode::KeysLocked, "locked"));
        let failed = Store::open(&file.path(), &flip, &locked, &Counting(1.into()));
        assert_eq!(code(failed), ErrorCode::KeysLocked);
        assert!(file.open().enrollments().unwrap().is_empty());
    }

    #[test]
    fn a_place_that_cannot_hold_a_store_is_unavailable() {
        let file = File::new();
        let folder = Store::open(file.folder.path(), &flip, &flip, &Counting(1.into()));
        assert_eq!(code(folder), ErrorCode::StoreUnavailable);
        let nowhere = file.folder.path().join("missing/store.db");
        let nowhere = Store::open(&nowhere, &flip, &flip, &Counting(1.into()));
        assert_eq!(code(nowhere), ErrorCode::StoreUnavailable);
    }

    #[test]
    fn the_store_is_durable_before_a_call_returns() {
        let (_file, store) = reviewed();
        let pragma = |name: &str| -> String {
            let value = store
                .connection()
                .query_row(&format!("PRAGMA {name}"), [], |row| {
                    row.get::<_, rusqlite::types::Value>(0)
                });
            match value.unwrap() {
                rusqlite::types::Value::Text(text) => text,
                rusqlite::types::Value::Integer(number) => number.to_string(),
                other => panic!("{other:?}"),
            }
        };
        let found = [
            "journal_mode",
            "synchronous",
            "foreign_keys",
            "secure_delete",
            "trusted_schema",
            "busy_timeout",
        ]
        .map(pragma);
        assert_eq!(found, ["wal", "2", "1", "1", "0", "5000"]);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_the_files() {
        use std::os::unix::fs::PermissionsExt;
        let (file, _store) = reviewed();
        let names = names(file.folder.path());
        assert!(names.len() > 1, "{names:?}");
        for name in names {
            let metadata = std::fs::metadata(file.folder.path().join(name)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn sqlite_is_built_without_what_the_store_does_not_use() {
        let connection = Connection::open_in_memory().unwrap();
        let mut query = connection.prepare("PRAGMA compile_options").unwrap();
        let options: Vec<String> = query
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        for word in [
            "FTS",
            "RTREE",
            "STAT4",
            "DBSTAT",
            "SOUNDEX",
            "ENABLE_LOAD_EXTENSION",
        ] {
            assert!(
                !options.iter().any(|option| option.contains(word)),
                "{word} in {options:?}"
            );
        }
        for word in ["DQS=0", "OMIT_LOAD_EXTENSION"] {
            assert!(
                options.iter().any(|option| option == word),
                "{word} not in {options:?}"
            );
        }
    }

    #[test]
    fn the_store_can_be_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Store>();
    }
}

mod enrolling {
    use super::*;

    #[test]
    fn a_second_enrollment_of_the_same_id_is_a_conflict_and_changes_nothing() {
        let (_file, store) = reviewed();
        let mut second = enrollment(ALICE);
        second.label = "other".into();
        assert_eq!(
            code(store.add_enrollment(&second, &[])),
            ErrorCode::EnrollmentConflict
        );
        let kept = store.enrollment(ALICE).unwrap().unwrap();
        assert_eq!(kept.label, enrollment(ALICE).label);
    }

    #[test]
    fn enrollments_are_listed_oldest_first() {
        let file = File::new();
        let store = file.open();
        for (id, at) in [("dev_2", 20), ("dev_3", 30), ("dev_1", 10)] {
            let mut row = enrollment(id);
            row.enrolled_at = at;
            row.push = None;
            row.totp = None;
            row.approval_key = None;
            store.add_enrollment(&row, &[]).unwrap();
        }
        let rows = store.enrollments().unwrap();
        let ids: Vec<_> = rows
            .iter()
            .map(|row| row.identity.enrollment.as_str())
            .collect();
        assert_eq!(ids, ["dev_1", "dev_2", "dev_3"]);
        assert!(rows[0].push.is_none() && rows[0].totp.is_none() && rows[0].approval_key.is_none());
    }

    #[test]
    fn push_address_clock_and_last_use_can_change() {
        let (_file, store) = reviewed();
        let push = PushToken {
            service: PushService::Apns,
            token: Secret::new("next".into()),
        };
        store.set_push(ALICE, &push).unwrap();
        store.set_clock_offset(ALICE, 1234).unwrap();
        store.touch(ALICE, 77).unwrap();
        store.touch(ALICE, 55).unwrap();
        let row = store.enrollment(ALICE).unwrap().unwrap();
        let stored = row.push.unwrap();
        assert_eq!(
            (stored.service, stored.token.expose().as_str()),
            (PushService::Apns, "next")
        );
        assert_eq!((row.clock_offset, row.last_used_at), (1234, Some(77)));
        assert_eq!(
            code(store.set_push(BOB, &push)),
            ErrorCode::UnknownEnrollment
        );
        assert_eq!(
            code(store.set_clock_offset(BOB, 1)),
            ErrorCode::UnknownEnrollment
        );
        assert_eq!(code(store.touch(BOB, 1)), ErrorCode::UnknownEnrollment);
    }

    #[test]
    fn a_removed_enrollment_leaves_no_byte_behind_and_others_stay() {
        let (file, store) = denied();
        store.add_enrollment(&enrollment(BOB), &[]).unwrap();
        store.add_challenge(&challenge("c2", BOB, 9000)).unwrap();
        store
            .record_requester(ALICE, "api", 1, |row| row.approved += 1)
            .unwrap();
        assert!(contains(&file.bytes(), ALICE) && contains(&file.bytes(), "c1"));

        store.remove_enrollment(ALICE).unwrap();
        store.remove_enrollment(ALICE).unwrap();

        assert!(store.enrollment(ALICE).unwrap().is_none());
        assert!(store.challenge("c1").unwrap().is_none());
        assert!(store.decision("c1").unwrap().is_none());
        assert!(store.history(None, None, 10).unwrap().is_empty());
        assert!(store.requester(ALICE, "api").unwrap().is_none());
        assert!(store.enrollment(BOB).unwrap().is_some());
        assert!(store.challenge("c2").unwrap().is_some());
        drop(store);
        assert!(!contains(&file.bytes(), ALICE));
        assert!(contains(&file.bytes(), BOB));
    }

    #[test]
    fn a_server_that_is_added_again_gets_its_new_address() {
        let file = File::new();
        let store = file.open();
        store.add_server(&server("a", "https://a.example")).unwrap();
        store.add_server(&server("b", "https://b.example")).unwrap();
        store
            .add_server(&server("a", "https://new.example"))
            .unwrap();
        let expected = [("a", "https://new.example"), ("b", "https://b.example")];
        assert_eq!(
            store.servers().unwrap(),
            expected.map(|(n, u)| server(n, u))
        );
    }
}

mod sealing {
    use super::*;

    #[test]
    fn no_secret_and_no_personal_text_is_readable_on_the_disk() {
        let (file, store) = reviewed();
        store
            .add_server(&server("secret-host", "https://secret-host.example"))
            .unwrap();
        store
            .record_requester(ALICE, "https://secret-audience", 1, |row| {
                row.highest
                    .push(("secret-currency".into(), "249.00".into()));
            })
            .unwrap();
        store
            .decide_only(&decision("c1", Decision::Deny), None)
            .unwrap();
        store.begin_attempt("c1", "secret-jwt", 5000, 6000).unwrap();
        let mut receipt = ended(&store, Delivery::Refused);
        receipt.server_code = Some("secret_code".into());
        store.end_attempt(&receipt, false).unwrap();
        store.add_challenge(&challenge("c3", ALICE, 100)).unwrap();
        store.expire(ALICE, 200).unwrap();

        for _ in 0..2 {
            let bytes = file.bytes();
            assert!(contains(&bytes, ALICE), "the test looks at the right bytes");
            for secret in ["secret", "Secret", "249.00", "auth0|"] {
                assert!(!contains(&bytes, secret), "{secret}");
            }
            // Once in the log, once in the file.
            store
                .connection()
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                .unwrap();
        }
    }

    #[test]
    fn a_sealed_value_moved_to_another_row_does_not_open() {
        let (file, store) = reviewed();
        store.add_enrollment(&enrollment(BOB), &[]).unwrap();
        store.add_challenge(&challenge("c2", BOB, 9000)).unwrap();
        store
            .decide_only(&decision("c1", Decision::Deny), None)
            .unwrap();
        store
            .decide_only(&decision("c2", Decision::Deny), None)
            .unwrap();
        let swaps = [
            "UPDATE enrollments SET push_token = (SELECT push_token FROM enrollments WHERE id = 'dev_bob') WHERE id = 'dev_alice'",
            "UPDATE challenges SET token = (SELECT token FROM challenges WHERE id = 'c2') WHERE id = 'c1'",
            "UPDATE decisions SET verdict = (SELECT verdict FROM decisions WHERE challenge = 'c2') WHERE challenge = 'c1'",
            "UPDATE history SET record = (SELECT record FROM history WHERE challenge = 'c2') WHERE challenge = 'c1'",
        ];
        for sql in swaps {
            file.sql(sql);
        }
        assert_eq!(code(store.enrollment(ALICE)), ErrorCode::StoreCorrupt);
        assert_eq!(code(store.challenge("c1")), ErrorCode::StoreCorrupt);
        assert_eq!(code(store.decision("c1")), ErrorCode::StoreCorrupt);
        assert_eq!(
            code(store.history(Some(ALICE), None, 10)),
            ErrorCode::StoreCorrupt
        );
        assert!(store.enrollment(BOB).unwrap().is_some());
        assert!(store.decision("c2").unwrap().is_some());
    }

    #[test]
    fn a_sealed_value_moved_to_another_column_does_not_open() {
        let (file, store) = reviewed();
        file.sql("UPDATE challenges SET consent = token");
        assert_eq!(code(store.challenge("c1")), ErrorCode::StoreCorrupt);
    }

    #[test]
    fn a_request_or_a_decision_moved_to_another_account_is_refused() {
        let (file, store) = denied();
        store.add_enrollment(&enrollment(BOB), &[]).unwrap();
        for table in ["challenges", "decisions"] {
            file.sql(&format!("UPDATE {table} SET enrollment = 'dev_bob'"));
        }
        assert_eq!(code(store.challenge("c1")), ErrorCode::StoreCorrupt);
        assert_eq!(code(store.decision("c1")), ErrorCode::StoreCorrupt);
        assert_eq!(code(store.queued()), ErrorCode::StoreCorrupt);
    }

    #[test]
    fn a_history_moved_to_another_request_is_neither_its_entry_nor_its_receipt() {
        let (file, store) = denied();
        store.begin_attempt("c1", "secret-jwt", 5000, 6000).unwrap();
        store
            .end_attempt(&ended(&store, Delivery::Delivered), false)
            .unwrap();
        store.add_challenge(&challenge("c2", ALICE, 9000)).unwrap();
        file.sql("UPDATE history SET challenge = 'c2'");
        assert_eq!(code(store.settled_receipt("c2")), ErrorCode::StoreCorrupt);
        assert_eq!(code(store.history(None, None, 10)), ErrorCode::StoreCorrupt);
    }

    #[test]
    fn errors_tell_no_values() {
        let (file, store) = reviewed();
        file.sql("UPDATE challenges SET push = x'736563726574'");
        let error = store.challenge("c1").err().unwrap();
        assert!(
            !format!("{error} {error:?}")
                .to_lowercase()
                .contains("secret")
        );
    }
}

mod receiving {
    use super::*;

    #[test]
    fn the_same_challenge_is_stored_once() {
        let (_file, store) = reviewed();
        let mut again = challenge("c1", ALICE, 1);
        again.push.challenge = "other".into();
        assert!(!store.add_challenge(&again).unwrap());
        let kept = store.challenge("c1").unwrap().unwrap();
        assert_eq!(
            (kept.expires_at, kept.push.challenge.as_str()),
            (9000, "secret-challenge")
        );
    }

    #[test]
    fn a_challenge_for_an_unknown_enrollment_is_refused() {
        let (_file, store) = reviewed();
        let stray = challenge("c9", BOB, 1);
        assert_eq!(
            code(store.add_challenge(&stray)),
            ErrorCode::UnknownEnrollment
        );
    }

    #[test]
    fn open_challenges_come_soonest_first_without_those_that_are_over() {
        let (_file, store) = reviewed();
        for (id, expires_at) in [("c2", 9500), ("c3", 8000), ("c4", 100)] {
            store
                .add_challenge(&challenge(id, ALICE, expires_at))
                .unwrap();
        }
        assert_eq!(store.expire(ALICE, 100).unwrap(), ["c4"]);
        store
            .decide_only(&decision("c2", Decision::Deny), None)
            .unwrap();
        let ids: Vec<_> = store
            .open_challenges()
            .unwrap()
            .into_iter()
            .map(|row| row.id)
            .collect();
        assert_eq!(ids, ["c3", "c1"]);
    }

    #[test]
    fn another_consent_ends_the_review_and_the_same_one_does_not() {
        let (_file, store) = reviewed();
        store
            .set_consent("c1", Some("{\"secret-consent\":1}"), 9100)
            .unwrap();
        let kept = store.challenge("c1").unwrap().unwrap();
        assert!(kept.review.is_some());
        assert_eq!(kept.expires_at, 9100);
        store.set_consent("c1", Some("{}"), 9100).unwrap();
        assert!(store.challenge("c1").unwrap().unwrap().review.is_none());
    }

    #[test]
    fn a_challenge_that_is_over_takes_no_review_and_no_consent() {
        let (_file, store) = denied();
        store.add_challenge(&challenge("c2", ALICE, 100)).unwrap();
        store.expire(ALICE, 100).unwrap();
        let over = [
            ("c1", ErrorCode::ChallengeAnswered),
            ("c2", ErrorCode::ChallengeExpired),
            ("c9", ErrorCode::UnknownChallenge),
        ];
        for (id, expected) in over {
            assert_eq!(code(store.set_consent(id, None, 1)), expected);
            assert_eq!(code(store.set_review(id, &review("T"))), expected);
        }
    }

    #[test]
    fn an_expired_challenge_is_written_into_the_history_once_and_loses_its_token() {
        let (_file, store) = reviewed();
        assert!(store.expire(ALICE, 8999).unwrap().is_empty());
        assert_eq!(store.expire(ALICE, 9000).unwrap(), ["c1"]);
        assert!(store.expire(ALICE, 9001).unwrap().is_empty());
        let row = store.challenge("c1").unwrap().unwrap();
        assert!(row.expired && row.consent.is_none());
        assert!(row.push.transaction_token.expose().is_empty());
        let [entry] = store.history(None, None, 10).unwrap().try_into().unwrap();
        assert_eq!(
            (entry.decision, entry.delivery, entry.at),
            (None, None, 9000)
        );
        assert_eq!(entry.headline, "Pay secret-amount");
    }

    #[test]
    fn challenges_of_one_enrollment_are_counted_since_a_time() {
        let (_file, store) = reviewed();
        store.add_enrollment(&enrollment(BOB), &[]).unwrap();
        for (id, account, expires_at) in
            [("c2", ALICE, 1300), ("c3", ALICE, 1301), ("c4", BOB, 1301)]
        {
            store
                .add_challenge(&challenge(id, account, expires_at))
                .unwrap();
        }
        let counts = [0, 1000, 1001, 8701].map(|since| store.received_since(ALICE, since).unwrap());
        assert_eq!(counts, [3, 3, 2, 0]);
    }
}

mod guarding {
    use super::*;

    const DAY: i64 = 24 * 60 * 60_000;
    /// Of those that are over, so many are kept.
    const KEPT: usize = 200;

    fn at(id: &str, received_at: i64) -> ChallengeRow {
        ChallengeRow {
            received_at,
            ..challenge(id, ALICE, received_at + 300)
        }
    }

    fn stored(store: &Store, id: &str) -> bool {
        store.challenge(id).unwrap().is_some()
    }

    /// `c1` was denied, and the server has confirmed that.
    fn delivered() -> (File, Store, Receipt) {
        let (file, store) = denied();
        store.begin_attempt("c1", "secret-jwt", 5000, 6000).unwrap();
        let receipt = store
            .end_attempt(&ended(&store, Delivery::Delivered), false)
            .unwrap();
        (file, store, receipt)
    }

    #[test]
    fn a_full_list_takes_no_further_challenge_until_one_is_over() {
        let (_file, store) = reviewed();
        store.add_enrollment(&enrollment(BOB), &[]).unwrap();
        let receive = |row: &ChallengeRow| store.receive(row, None, 2).unwrap();
        assert_eq!(receive(&challenge("c2", ALICE, 9000)), Received::New);
        assert_eq!(receive(&challenge("c3", ALICE, 9000)), Received::Full);
        assert!(!stored(&store, "c3"));
        assert_eq!(store.open_count(ALICE).unwrap(), 2);
        // Known is known, and another account has a list of its own.
        assert_eq!(receive(&challenge("c2", ALICE, 9000)), Received::Known);
        assert_eq!(receive(&challenge("b1", BOB, 9000)), Received::New);
        store
            .decide_only(&decision("c2", Decision::Deny), None)
            .unwrap();
        assert_eq!(receive(&challenge("c3", ALICE, 9000)), Received::New);
    }

    #[test]
    fn what_is_over_for_a_day_is_forgotten_and_its_receipt_is_in_the_history() {
        let (_file, store, receipt) = delivered();
        store.add_challenge(&at("c2", 0)).unwrap();
        store.expire(ALICE, 300).unwrap();
        store.add_challenge(&at("c3", 301 + DAY)).unwrap();
        assert!(!stored(&store, "c2"), "missed a day ago");
        assert!(stored(&store, "c1"), "answered at 5000, received at 8700");

        store.add_challenge(&at("c4", 8701 + DAY)).unwrap();
        assert!(!stored(&store, "c1"));
        assert!(store.decision("c1").unwrap().is_none());
        assert!(stored(&store, "c3"), "it is still open");
        assert_eq!(store.settled_receipt("c1").unwrap(), Some(receipt));
        assert_eq!(store.settled_receipt("c2").unwrap(), None);
        assert_eq!(store.history(None, None, 10).unwrap().len(), 2);
    }

    #[test]
    fn an_answer_that_is_still_being_sent_keeps_its_challenge() {
        let (_file, store) = denied();
        for number in 0..KEPT as i64 + 2 {
            store
                .add_challenge(&at(&format!("f{number}"), 9000 + number))
                .unwrap();
            store.expire(ALICE, 9300 + number).unwrap();
        }
        store.add_challenge(&at("late", 9 * DAY)).unwrap();
        assert!(stored(&store, "c1") && store.decision("c1").unwrap().is_some());
        assert!(!stored(&store, "f0"));
    }

    #[test]
    fn a_flood_leaves_no_more_than_a_fixed_number_behind() {
        let (_file, store, _) = delivered();
        for number in 0..KEPT as i64 + 20 {
            store
                .add_challenge(&at(&format!("f{number}"), 9000 + number))
                .unwrap();
            store.expire(ALICE, 9300 + number).unwrap();
        }
        let left: u32 = store
            .connection()
            .query_row("SELECT count(*) FROM challenges", [], |row| row.get(0))
            .unwrap();
        assert_eq!(left, KEPT as u32 + 1);
        assert!(stored(&store, "f219") && !stored(&store, "f0"));
    }

    #[test]
    fn the_receipt_from_the_history_is_the_one_that_was_given() {
        let (_file, store) = denied();
        assert_eq!(
            store.settled_receipt("c1").unwrap(),
            None,
            "nothing is settled"
        );
        store.begin_attempt("c1", "secret-jwt", 5000, 6000).unwrap();
        let mut refused = ended(&store, Delivery::Refused);
        refused.last_error = Some(ErrorCode::ServerRefused);
        refused.server_code = Some("invalid_challenge".into());
        let given = store.end_attempt(&refused, true).unwrap();
        assert_eq!(given.reason.as_deref(), Some("secret-reason"));
        assert_eq!(store.settled_receipt("c1").unwrap(), Some(given));
        // A late confirmation has the last word.
        let confirmed = store
            .end_attempt(&ended(&store, Delivery::Delivered), false)
            .unwrap();
        assert_eq!(store.settled_receipt("c1").unwrap(), Some(confirmed));
    }

    #[test]
    fn challenges_that_ask_an_account_for_the_same_are_found_newest_first() {
        let (_file, store) = reviewed();
        store.add_enrollment(&enrollment(BOB), &[]).unwrap();
        let asks = |id: &str, asks: Option<&str>| {
            store
                .set_consent_asking(id, Some("{}"), 9000, asks)
                .unwrap();
        };
        asks("c1", Some("pay"));
        store.receive(&at("c2", 10), Some("pay"), 99).unwrap();
        store.receive(&at("c3", 20), Some("share"), 99).unwrap();
        store.receive(&at("c4", 30), None, 99).unwrap();
        let foreign = challenge("b1", BOB, 9000);
        store.receive(&foreign, Some("pay"), 99).unwrap();
        let alike = |id: &str| {
            let rows = store.alike(id).unwrap();
            rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!(alike("c1"), ["c2", "c1"]);
        assert_eq!(alike("c3"), ["c3"]);
        assert!(alike("c4").is_empty(), "nobody knows what it asks for");

        asks("c4", Some("pay"));
        assert_eq!(alike("c1"), ["c4", "c2", "c1"]);
        asks("c4", None);
        assert_eq!(alike("c1"), ["c2", "c1"]);
        store.set_review("c1", &review("S")).unwrap();
        store
            .decide_only(&decision("c1", Decision::Approve), Some("S"))
            .unwrap();
        let rows = store.alike("c2").unwrap();
        assert_eq!((rows[1].decided_at, rows[1].approved), (Some(5000), true));
        assert_eq!((rows[0].decided_at, rows[0].approved), (None, false));
    }

    #[test]
    fn what_is_asked_for_cannot_be_guessed_from_the_file() {
        let (file, store) = reviewed();
        store
            .set_consent_asking("c1", None, 9000, Some("secret-asked"))
            .unwrap();
        store
            .keep_quiet(ALICE, Some("secret-audience"), 0, 9)
            .unwrap();
        let bytes = file.bytes();
        for text in ["secret-asked", "secret-audience"] {
            let digest = jose::sha256(text.as_bytes());
            assert!(!contains(&bytes, text));
            assert!(!bytes.windows(32).any(|window| window == digest));
        }
    }

    #[test]
    fn how_a_challenge_is_announced_is_stored_with_it() {
        let (file, store) = reviewed();
        let silent = ChallengeRow {
            alert: Alert::Silent,
            ..at("c2", 10)
        };
        store.add_challenge(&silent).unwrap();
        drop(store);
        let store = file.open();
        let alert = |id: &str| store.challenge(id).unwrap().unwrap().alert;
        assert_eq!((alert("c1"), alert("c2")), (Alert::Normal, Alert::Silent));
        store.set_alert("c2", Alert::Normal).unwrap();
        assert_eq!(alert("c2"), Alert::Normal);
        store
            .decide_only(&decision("c1", Decision::Deny), None)
            .unwrap();
        assert_eq!(
            code(store.set_alert("c1", Alert::Silent)),
            ErrorCode::ChallengeAnswered
        );
    }

    #[test]
    fn a_decision_and_what_it_leaves_behind_are_one() {
        let (_file, store) = reviewed();
        let deny = decision("c1", Decision::Deny);
        let failed = store.decide(&deny, None, |_| {
            Err(Error::new(ErrorCode::StoreUnavailable, "full"))
        });
        assert_eq!(code(failed), ErrorCode::StoreUnavailable);
        assert!(store.decision("c1").unwrap().is_none());
        let quiet = |after: &Aftermath<'_>| after.keep_quiet(ALICE, None, 100, 200);
        assert!(decided(store.decide(&deny, None, quiet).unwrap()).0);
        assert_eq!(store.quiet_until(ALICE, None, 150, 250).unwrap(), Some(200));
    }

    #[test]
    fn a_memory_that_cannot_be_read_does_not_cost_the_decision() {
        let (_file, store) = reviewed();
        store
            .record_requester(ALICE, "api", 10, |row| row.denied += 1)
            .unwrap();
        store.forge("UPDATE requesters SET memory = x'00'");
        let remember = |after: &Aftermath<'_>| after.record_requester(ALICE, "api", 20, |_| {});
        let deny = decision("c1", Decision::Deny);
        assert!(decided(store.decide(&deny, None, remember).unwrap()).0);
    }

    #[test]
    fn a_quiet_period_is_one_requesters_or_everybodys_and_survives_a_restart() {
        let (file, store) = reviewed();
        store.add_enrollment(&enrollment(BOB), &[]).unwrap();
        store.keep_quiet(ALICE, Some("a"), 100, 200).unwrap();
        drop(store);
        let store = file.open();
        let until = |audience, now| store.quiet_until(ALICE, audience, now, now + 100).unwrap();
        assert_eq!(until(None, 150), Some(200), "a push names nobody");
        assert_eq!(until(Some("a"), 150), Some(200));
        assert_eq!(until(Some("b"), 150), None);
        assert_eq!(until(None, 200), None, "it is over");
        assert_eq!(until(None, 99), None, "written by another clock");
        assert_eq!(store.quiet_until(BOB, None, 150, 250).unwrap(), None);

        store.keep_quiet(ALICE, None, 150, 220).unwrap();
        assert_eq!(until(Some("b"), 150), Some(220));
        store.end_quiet(ALICE, "a").unwrap();
        assert_eq!(until(Some("a"), 150), Some(220));
        store.keep_quiet(ALICE, Some("c"), 220, 300).unwrap();
        assert_eq!(until(Some("b"), 219), None, "what is over is forgotten");
    }
}

mod deciding {
    use super::*;

    #[test]
    fn a_second_decision_gets_the_first_one() {
        let (file, store) = reviewed();
        let (now, first) = decided(
            store
                .decide_only(&decision("c1", Decision::Approve), Some("S"))
                .unwrap(),
        );
        assert!(now);
        assert_eq!(first.claim.as_deref(), Some("{\"shown\":\"secret-claim\"}"));
        assert_eq!((first.decided_at, first.expires_at), (5000, 9000));
        assert_eq!(first.receipt, decision("c1", Decision::Approve).receipt);
        drop(store);
        let store = file.open();
        let (now, second) = decided(
            store
                .decide_only(&decision("c1", Decision::Deny), None)
                .unwrap(),
        );
        assert!(!now);
        assert_eq!((second.decision, second.reason), (Decision::Approve, None));
        assert_eq!(second.receipt, first.receipt);
    }

    #[test]
    fn of_many_that_decide_at_once_through_two_handles_exactly_one_does() {
        for _ in 0..20 {
            let (file, store) = reviewed();
            let stores = [Arc::new(store), Arc::new(file.open())];
            let start = Arc::new(Barrier::new(8));
            let threads: Vec<_> = (0..8)
                .map(|n| {
                    let (store, start) = (Arc::clone(&stores[n % 2]), Arc::clone(&start));
                    let verdict = [Decision::Approve, Decision::Deny][n / 2 % 2];
                    thread::spawn(move || {
                        start.wait();
                        decided(
                            store
                                .decide_only(&decision("c1", verdict), Some("S"))
                                .unwrap(),
                        )
                    })
                })
                .collect();
            let results: Vec<_> = threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect();
            let winners: Vec<_> = results.iter().filter(|(now, _)| *now).collect();
            assert_eq!(winners.len(), 1);
            assert!(
                results
                    .iter()
                    .all(|(_, row)| row.decision == winners[0].1.decision)
            );
            assert_eq!(stores[0].history(None, None, 10).unwrap().len(), 1);
        }
    }

    #[test]
    fn an_approval_needs_the_review_that_is_stored_and_not_blocked() {
        let (_file, store) = reviewed();
        let approve = decision("c1", Decision::Approve);
        assert_eq!(
            code(store.decide_only(&approve, Some("other"))),
            ErrorCode::ReviewChanged
        );
        assert_eq!(
            code(store.decide_only(&approve, None)),
            ErrorCode::ReviewMissing
        );
        let mut blocked = review("B");
        blocked.blocked = Some("too_large".into());
        store.set_review("c1", &blocked).unwrap();
        assert_eq!(
            code(store.decide_only(&approve, Some("S"))),
            ErrorCode::ReviewChanged
        );
        assert_eq!(
            code(store.decide_only(&approve, Some("B"))),
            ErrorCode::ApprovalBlocked
        );
        store.add_challenge(&challenge("c2", ALICE, 9000)).unwrap();
        let unseen = decision("c2", Decision::Approve);
        assert_eq!(
            code(store.decide_only(&unseen, Some("S"))),
            ErrorCode::ReviewMissing
        );
        assert!(store.decision("c1").unwrap().is_none() && store.decision("c2").unwrap().is_none());
        assert!(store.history(None, None, 10).unwrap().is_empty());
        assert!(
            decided(
                store
                    .decide_only(&decision("c1", Decision::Deny), Some("B"))
                    .unwrap()
            )
            .0
        );
    }

    #[test]
    fn nothing_is_decided_after_the_challenge_is_over() {
        let (_file, store) = reviewed();
        let mut late = decision("c1", Decision::Deny);
        late.decided_at = 9000;
        assert_eq!(
            code(store.decide_only(&late, None)),
            ErrorCode::ChallengeExpired
        );
        store.expire(ALICE, 9000).unwrap();
        let deny = decision("c1", Decision::Deny);
        assert_eq!(
            code(store.decide_only(&deny, None)),
            ErrorCode::ChallengeExpired
        );
        assert_eq!(
            code(store.decide_only(&decision("c9", Decision::Deny), None)),
            ErrorCode::UnknownChallenge
        );
        assert!(store.decision("c1").unwrap().is_none());
    }

    #[test]
    fn queued_decisions_come_soonest_to_expire_first() {
        let (_file, store) = denied();
        for (id, expires_at) in [("c2", 9500), ("c3", 8000)] {
            store
                .add_challenge(&challenge(id, ALICE, expires_at))
                .unwrap();
            let mut row = decision(id, Decision::Deny);
            row.expires_at = expires_at;
            store.decide_only(&row, None).unwrap();
        }
        let queued = || -> Vec<String> {
            store
                .queued()
                .unwrap()
                .into_iter()
                .map(|row| row.challenge)
                .collect()
        };
        assert_eq!(queued(), ["c3", "c1", "c2"]);
        store
            .end_attempt(&ended(&store, Delivery::Delivered), false)
            .unwrap();
        assert_eq!(queued(), ["c3", "c2"]);
    }
}

mod sending {
    use super::*;

    #[test]
    fn only_one_holds_the_right_to_send_until_its_lease_ends() {
        let (file, store) = denied();
        let other = file.open();
        assert!(store.begin_attempt("c1", "jwt-1", 5000, 6000).unwrap());
        assert!(!other.begin_attempt("c1", "jwt-2", 5999, 7000).unwrap());
        assert!(other.begin_attempt("c1", "jwt-2", 6000, 7000).unwrap());
        assert!(!store.begin_attempt("c9", "jwt", 6000, 7000).unwrap());
    }

    #[test]
    fn an_attempt_is_on_the_disk_before_it_starts() {
        let (file, store) = denied();
        store.begin_attempt("c1", "jwt-1", 5000, 6000).unwrap();
        // As after a power cut: the handle is never closed, another one reads the files.
        let reread = file.open();
        let row = reread.decision("c1").unwrap().unwrap();
        assert_eq!(row.receipt.attempts, 1);
        assert!(!reread.begin_attempt("c1", "jwt-2", 5999, 7000).unwrap());
        drop(store);
    }

    #[test]
    fn after_a_clear_failure_the_next_attempt_may_start_at_once() {
        let (_file, store) = denied();
        store.begin_attempt("c1", "jwt-1", 5000, 6000).unwrap();
        let mut receipt = ended(&store, Delivery::Queued);
        receipt.next_attempt_at = Some(5200);
        receipt.last_error = Some(ErrorCode::Unreachable);
        receipt.server_code = Some("x".into());
        assert_eq!(store.end_attempt(&receipt, false).unwrap(), receipt);
        let row = store.decision("c1").unwrap().unwrap();
        assert_eq!(row.receipt, receipt);
        assert!(store.begin_attempt("c1", "jwt-2", 5100, 6000).unwrap());
    }

    #[test]
    fn a_settled_decision_is_not_sent_again_and_its_challenge_loses_its_token() {
        let (_file, store) = denied();
        store.begin_attempt("c1", "jwt-1", 5000, 6000).unwrap();
        store
            .end_attempt(&ended(&store, Delivery::Delivered), false)
            .unwrap();
        assert!(!store.begin_attempt("c1", "jwt-2", 7000, 8000).unwrap());
        let row = store.challenge("c1").unwrap().unwrap();
        assert!(row.consent.is_none() && row.push.transaction_token.expose().is_empty());
        assert!(row.review.is_some());
    }

    #[test]
    fn a_refusal_after_an_attempt_of_unknown_outcome_is_unconfirmed() {
        let (_file, store) = denied();
        store.begin_attempt("c1", "jwt-1", 5000, 6000).unwrap();
        store
            .end_attempt(&ended(&store, Delivery::Queued), true)
            .unwrap();
        store.begin_attempt("c1", "jwt-2", 5000, 6000).unwrap();
        // What a later attempt came to does not take the doubt away.
        store
            .end_attempt(&ended(&store, Delivery::Queued), false)
            .unwrap();
        store.begin_attempt("c1", "jwt-3", 5000, 6000).unwrap();
        let stored = store
            .end_attempt(&ended(&store, Delivery::Refused), false)
            .unwrap();
        assert_eq!(stored.delivery, Delivery::Unconfirmed);
    }

    #[test]
    fn a_refusal_after_an_attempt_that_died_with_its_process_is_unconfirmed() {
        let (file, store) = denied();
        store.begin_attempt("c1", "jwt-1", 5000, 6000).unwrap();
        drop(store);
        let store = file.open();
        store.begin_attempt("c1", "jwt-2", 6000, 7000).unwrap();
        let stored = store
            .end_attempt(&ended(&store, Delivery::Refused), false)
            .unwrap();
        assert_eq!(stored.delivery, Delivery::Unconfirmed);
    }

    #[test]
    fn a_refusal_of_the_only_attempt_is_a_refusal() {
        let (_file, store) = denied();
        store.begin_attempt("c1", "jwt-1", 5000, 6000).unwrap();
        let stored = store
            .end_attempt(&ended(&store, Delivery::Refused), false)
            .unwrap();
        assert_eq!(stored.delivery, Delivery::Refused);
    }

    #[test]
    fn expiry_is_undelivered_only_if_no_attempt_is_in_doubt() {
        let (_file, store) = denied();
        let stored = store
            .end_attempt(&ended(&store, Delivery::Undelivered), false)
            .unwrap();
        assert_eq!(stored.delivery, Delivery::Undelivered);
        let (_file, store) = denied();
        store.begin_attempt("c1", "jwt-1", 5000, 6000).unwrap();
        let stored = store
            .end_attempt(&ended(&store, Delivery::Undelivered), false)
            .unwrap();
        assert_eq!(stored.delivery, Delivery::Unconfirmed);
    }

    #[test]
    fn a_confirmation_settles_a_doubt_and_nothing_unsettles_a_confirmation() {
        let (_file, store) = denied();
        store.begin_attempt("c1", "jwt-1", 5000, 6000).unwrap();
        store
            .end_attempt(&ended(&store, Delivery::Unconfirmed), true)
            .unwrap();
        for delivery in [Delivery::Queued, Delivery::Refused, Delivery::Undelivered] {
            let stored = store.end_attempt(&ended(&store, delivery), false).unwrap();
            assert_eq!(stored.delivery, Delivery::Unconfirmed);
        }
        store
            .end_attempt(&ended(&store, Delivery::Delivered), false)
            .unwrap();
        let stored = store
            .end_attempt(&ended(&store, Delivery::Unconfirmed), true)
            .unwrap();
        assert_eq!(stored.delivery, Delivery::Delivered);
    }

    #[test]
    fn what_was_decided_cannot_be_changed_by_a_receipt() {
        let (_file, store) = denied();
        let mut receipt = ended(&store, Delivery::Delivered);
        receipt.decision = Decision::Approve;
        receipt.reason = None;
        receipt.decided_at = 1;
        let stored = store.end_attempt(&receipt, false).unwrap();
        assert_eq!(stored.decision, Decision::Deny);
        assert_eq!(stored.reason.as_deref(), Some("secret-reason"));
        assert_eq!(stored.decided_at, 5000);
    }
}

mod remembering {
    use super::*;

    #[test]
    fn an_entry_tells_what_was_shown_decided_and_sent() {
        let (_file, store) = denied();
        let entry = || -> HistoryEntry {
            let [entry] = store
                .history(Some(ALICE), None, 10)
                .unwrap()
                .try_into()
                .unwrap();
            entry
        };
        let mut expected = HistoryEntry {
            challenge: ChallengeId::new("c1"),
            enrollment: crate::enrollment::EnrollmentId::new(ALICE),
            account: Account {
                issuer: "SecretIssuer".into(),
                user: "secret-label@example.com".into(),
            },
            headline: "Pay secret-amount".into(),
            decision: Some(Decision::Deny),
            reason: Some("secret-reason".into()),
            delivery: Some(Delivery::Queued),
            at: 5000,
            source: Some("secret-source-digest".into()),
            shown: Some("S".into()),
            shown_document: Some("secret-document".into()),
            answer: None,
            approval_thumbprint: None,
        };
        assert_eq!(entry(), expected);
        store.begin_attempt("c1", "jwt-1", 5000, 6000).unwrap();
        store
            .end_attempt(&ended(&store, Delivery::Queued), true)
            .unwrap();
        assert_eq!(entry(), expected);
        store.begin_attempt("c1", "jwt-2", 5000, 6000).unwrap();
        store
            .end_attempt(&ended(&store, Delivery::Unconfirmed), true)
            .unwrap();
        expected.delivery = Some(Delivery::Unconfirmed);
        expected.answer = Some("jwt-2".into());
        assert_eq!(entry(), expected);
        store
            .end_attempt(&ended(&store, Delivery::Delivered), false)
            .unwrap();
        expected.delivery = Some(Delivery::Delivered);
        assert_eq!(entry(), expected);
    }

    #[test]
    fn the_records_of_an_enrollment_are_a_chain() {
        let (_file, store) = denied();
        store.add_enrollment(&enrollment(BOB), &[]).unwrap();
        store.add_challenge(&challenge("c2", BOB, 100)).unwrap();
        store.add_challenge(&challenge("c3", ALICE, 100)).unwrap();
        store.expire(ALICE, 100).unwrap();
        store.expire(BOB, 100).unwrap();
        store
            .end_attempt(&ended(&store, Delivery::Delivered), false)
            .unwrap();

        let column = seal::Column {
            table: "history",
            name: "record",
        };
        let chain = |enrollment: &str| -> Vec<(Vec<u8>, Value)> {
            let connection = store.connection();
            let mut query = connection
                .prepare("SELECT seq, record FROM history WHERE enrollment = ?1 ORDER BY seq")
                .unwrap();
            query
                .query_map([enrollment], |row| {
                    let (seq, sealed): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
                    let place = format!("{enrollment}\0{seq}");
                    let record = store.sealer.open(column, &place, &sealed).unwrap().to_vec();
                    let value = json::read(&record, json::Limits::BODY).unwrap();
                    assert_eq!(json::canonical(&value).unwrap().as_bytes(), record);
                    assert_eq!(
                        value.get("seq").unwrap().as_number().unwrap().as_i64(),
                        Some(seq)
                    );
                    Ok((record, value))
                })
                .unwrap()
                .collect::<rusqlite::Result<_>>()
                .unwrap()
        };
        let alice = chain(ALICE);
        let events: Vec<_> = alice
            .iter()
            .map(|(_, record)| {
                record
                    .pointer("/body/event")
                    .and_then(Value::as_str)
                    .unwrap()
            })
            .collect();
        assert_eq!(events, ["decided", "missed", "settled"]);
        assert!(alice[0].1.get("prev").is_none());
        for pair in alice.windows(2) {
            let digest = jose::base64url(&jose::sha256(&pair[0].0));
            assert_eq!(
                pair[1].1.get("prev").and_then(Value::as_str),
                Some(&*digest)
            );
        }
        let bob = chain(BOB);
        assert_eq!(bob.len(), 1);
        assert!(bob[0].1.get("prev").is_none());
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_repetition() {
        let file = File::new();
        let store = file.open();
        store.add_enrollment(&enrollment(ALICE), &[]).unwrap();
        store.add_enrollment(&enrollment(BOB), &[]).unwrap();
        // Several of the same millisecond, also across a page end.
        let times = [100, 200, 300, 300, 300, 400, 500];
        for (n, at) in times.iter().enumerate() {
            let account = if n % 2 == 0 { ALICE } else { BOB };
            store
                .add_challenge(&challenge(&format!("c{n}"), account, *at))
                .unwrap();
        }
        store.expire(ALICE, 500).unwrap();
        store.expire(BOB, 500).unwrap();
        for (enrollment, expected) in [(None, 7), (Some(ALICE), 4), (Some(BOB), 3), (Some("x"), 0)]
        {
            for limit in [0, 1, 2, 3, 10] {
                let (mut seen, mut before) = (Vec::new(), None);
                loop {
                    let page = store.history(enrollment, before, limit).unwrap();
                    let Some(last) = page.last() else { break };
                    before = Some(last.at);
                    seen.extend(page);
                }
                let times: Vec<_> = seen.iter().map(|entry| entry.at).collect();
                assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
                let mut ids: Vec<_> = seen.iter().map(|entry| entry.challenge.as_str()).collect();
                ids.sort();
                ids.dedup();
                assert_eq!(
                    (ids.len(), seen.len()),
                    (expected, expected),
                    "limit {limit}"
                );
            }
        }
    }

    #[test]
    fn requesters_are_remembered_per_enrollment_and_audience() {
        let (_file, store) = reviewed();
        store.add_enrollment(&enrollment(BOB), &[]).unwrap();
        assert_eq!(store.requester(ALICE, "api").unwrap(), None);
        store
            .record_requester(ALICE, "api", 10, |row| row.denied += 1)
            .unwrap();
        store
            .record_requester(ALICE, "api", 20, |row| {
                row.approved += 1;
                row.highest = vec![("EUR".into(), "249.00".into()), ("JPY".into(), "9".into())];
            })
            .unwrap();
        store
            .record_requester(BOB, "api", 30, |row| row.reported += 1)
            .unwrap();
        let expected = RequesterRow {
            first_seen: 10,
            approved: 1,
            denied: 1,
            reported: 0,
            highest: vec![("EUR".into(), "249.00".into()), ("JPY".into(), "9".into())],
        };
        assert_eq!(store.requester(ALICE, "api").unwrap(), Some(expected));
        assert_eq!(store.requester(BOB, "api").unwrap().unwrap().reported, 1);
        assert_eq!(store.requester(ALICE, "api2").unwrap(), None);
    }

    #[test]
    fn no_query_walks_a_whole_table() {
        let (_file, store) = reviewed();
        let plan = |sql: &str| -> String {
            let connection = store.connection();
            let mut query = connection
                .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
                .unwrap();
            // Values do not matter to the plan.
            let rows = query.raw_query().mapped(|row| row.get::<_, String>(3));
            rows.collect::<rusqlite::Result<Vec<_>>>()
                .unwrap()
                .join("\n")
        };
        let queries = [
            history::PAGE_OF_ALL,
            history::PAGE_OF_ONE,
            "SELECT seq, record FROM history WHERE enrollment = ?1 ORDER BY seq DESC LIMIT 1",
            "SELECT id FROM challenges WHERE state = 'open' ORDER BY expires_at, id",
            "SELECT id FROM challenges WHERE state = 'open' AND expires_at <= ?1 ORDER BY expires_at, id",
            "SELECT count(*) FROM challenges WHERE enrollment = ?1 AND received_at >= ?2",
            challenges::OPEN_COUNT,
            challenges::ALIKE,
            challenges::OLD,
            challenges::SURPLUS,
            history::SETTLED,
            challenges::OVER,
            "DELETE FROM quiet WHERE enrollment = ?1",
            "SELECT * FROM decisions WHERE delivery = 'queued' ORDER BY expires_at, challenge",
            "DELETE FROM challenges WHERE enrollment = ?1",
            "DELETE FROM decisions WHERE enrollment = ?1",
            history::CHAIN,
            enrollments::CONTINUED,
            "DELETE FROM enrollments WHERE continued_by = ?1",
            "SELECT 1 FROM decisions WHERE enrollment = ?1 AND lease_until > ?2",
            "SELECT seq, token FROM checkpoints WHERE enrollment = ?1 ORDER BY seq",
            "DELETE FROM history WHERE enrollment = ?1",
            "DELETE FROM checkpoints WHERE enrollment = ?1",
            "DELETE FROM requesters WHERE enrollment = ?1",
        ];
        for sql in queries {
            let plan = plan(sql);
            let walks = plan
                .lines()
                .any(|line| line.starts_with("SCAN") && !line.contains("USING"));
            assert!(!walks && !plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
        }
    }
}
