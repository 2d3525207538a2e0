//! A true history, and what becomes of the report when somebody who has the data key changes it.

use tempfile::TempDir;

use super::verify::{checkpoint, verify};
use super::{BrokenEntry, HistoryFault, HistoryReport};
use crate::challenge::{Alert, ChallengeId};
use crate::clock::SystemEntropy;
use crate::decision::{Decision, Delivery, Receipt};
use crate::error::Result;
use crate::jose::test_key::TestKey;
use crate::jose::{Jwk, Signer, base64url, der_to_raw, sha256};
use crate::json::{self, Value, object};
use crate::keys::{KeyAlgorithm, KeyPurpose, KeyStore, ProtectionLevel, SoftwareKeyStore};
use crate::protocol::guardian::Guardian;
use crate::protocol::{Dialect, Identity, Push, Verdict, Wire};
use crate::secret::Secret;
use crate::store::{ChallengeRow, DecisionRow, EnrollmentRow, ReviewRow, Store};

const ALICE: &str = "dev_alice";

fn flip(key: Vec<u8>) -> Result<Vec<u8>> {
    Ok(key.into_iter().map(|byte| !byte).collect())
}

/// Three requests: approved, denied without a look, missed. Records 1 to 5.
struct History {
    store: Store,
    row: EnrollmentRow,
    key: TestKey,
    _folder: TempDir,
}

impl History {
    fn new() -> History {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("s.db"), &flip, &flip, &SystemEntropy).unwrap();
        let key = TestKey::published();
        let row = EnrollmentRow {
            identity: Identity {
                enrollment: ALICE.into(),
                user: "auth0|alice".into(),
                identifier: "phone".into(),
                base_url: "https://bank.example".into(),
            },
            server: "bank".into(),
            dialect: crate::authenticator::DialectName::Guardian,
            issuer: "Bank".into(),
            label: "alice".into(),
            device_name: "Phone".into(),
            key_alias: "k".into(),
            algorithm: KeyAlgorithm::Rsa2048,
            protection: ProtectionLevel::Software,
            jwk: key.jwk().to_json(),
            approval_key: None,
            push: None,
            totp: None,
            enrolled_at: 1,
            last_used_at: None,
            clock_offset: 0,
        };
        store.add_enrollment(&row).unwrap();
        let history = History {
            store,
            row,
            key,
            _folder: folder,
        };
        history.ask("c1", 9000);
        history.decide("c1", Decision::Approve);
        history.ask("c2", 9000);
        history.decide("c2", Decision::Deny);
        history.ask("c3", 100);
        history.store.expire(ALICE, 100).unwrap();
        history
    }

    fn push(id: &str) -> Push {
        Push {
            enrollment: ALICE.into(),
            transaction_token: Secret::new("txtkn".into()),
            challenge: format!("server-{id}"),
            requested_at: 2000,
            requested_at_text: "2".into(),
            source: None,
            location: None,
            consent_id: None,
            server_hint: String::new(),
        }
    }

    fn ask(&self, id: &str, expires_at: i64) {
        let challenge = ChallengeRow {
            id: id.into(),
            enrollment: ALICE.into(),
            push: History::push(id),
            received_at: 1,
            expires_at,
            consent: None,
            review: None,
            expired: false,
            alert: Alert::Normal,
        };
        self.store.add_challenge(&challenge).unwrap();
        self.store.set_review(id, &review(id)).unwrap();
    }

    fn decide(&self, id: &str, decision: Decision) {
        let review = review(id);
        let claim = match decision {
            Decision::Approve => object([
                ("v", 1.into()),
                ("reviewed", true.into()),
                ("source", review.source.as_str().into()),
                ("shown", review.shown.as_str().into()),
            ]),
            Decision::Deny => object([("v", 1.into()), ("reviewed", false.into())]),
        };
        let receipt = Receipt {
            challenge: ChallengeId::new(id),
            decision,
            reason: None,
            delivery: Delivery::Queued,
            decided_at: 5000,
            attempts: 0,
            next_attempt_at: None,
            last_error: None,
            server_code: None,
        };
        let row = DecisionRow {
            challenge: id.into(),
            enrollment: ALICE.into(),
            decision,
            reason: None,
            claim: Some(json::write(&claim)),
            decided_at: 5000,
            expires_at: 9000,
            approved_with: None,
            receipt: receipt.clone(),
        };
        self.store
            .decide(
                &row,
                (decision == Decision::Approve).then_some(review.shown.as_str()),
            )
            .unwrap();
        let jwt = self.answer(id, decision == Decision::Approve, &claim);
        assert!(self.store.begin_attempt(id, &jwt, 5000, 6000).unwrap());
        let settled = Receipt {
            delivery: Delivery::Delivered,
            attempts: 1,
            ..receipt
        };
        self.store.end_attempt(&settled, false).unwrap();
    }

    fn answer(&self, id: &str, approve: bool, claim: &Value) -> String {
        let wire = Wire {
            now: 5000,
            entropy: &SystemEntropy,
            client: "e30",
            locale: "en",
            signed_modulus: false,
        };
        let verdict = Verdict {
            approve,
            reason: None,
            consent_claim: Some(claim.clone()),
        };
        Guardian
            .answer_request(
                &wire,
                &self.row.identity,
                &self.key,
                &History::push(id),
                &verdict,
            )
            .unwrap()
            .jwt
    }

    fn report(&self) -> HistoryReport {
        verify(&self.store, &self.row, &Guardian).unwrap().report
    }

    /// Signs a checkpoint over the last record.
    fn checkpoint(&self) {
        let head = verify(&self.store, &self.row, &Guardian)
            .unwrap()
            .head
            .unwrap();
        let token = checkpoint(&self.key, ALICE, head.seq, &head.digest, 6000).unwrap();
        self.store.add_checkpoint(ALICE, head.seq, &token).unwrap();
    }

    fn record(&self, seq: i64) -> Value {
        self.store
            .chain(ALICE, seq - 1, 1)
            .unwrap()
            .remove(0)
            .record
            .unwrap()
    }

    /// Replaces the text at a JSON pointer of a record, and seals it again.
    fn forge(&self, seq: i64, pointer: &str, value: Value) {
        let mut record = self.record(seq);
        *place(&mut record, pointer) = value;
        self.store.forge_record(ALICE, seq, &record);
    }

    fn broken(&self) -> (u64, Option<String>, HistoryFault) {
        let BrokenEntry {
            seq,
            challenge,
            fault,
        } = self.report().broken.expect("something is broken");
        (seq, challenge.map(|id| id.as_str().to_owned()), fault)
    }
}

fn place<'a>(record: &'a mut Value, pointer: &str) -> &'a mut Value {
    pointer
        .split('/')
        .skip(1)
        .fold(record, |value, name| match value {
            Value::Object(members) => {
                &mut members
                    .iter_mut()
                    .find(|(member, _)| member == name)
                    .unwrap()
                    .1
            }
            _ => panic!("{name} is in no object"),
        })
}

fn review(id: &str) -> ReviewRow {
    let source = base64url(&sha256(id.as_bytes()));
    let document = json::canonical(&object([
        ("source", source.as_str().into()),
        ("headline", "Pay".into()),
    ]))
    .unwrap();
    ReviewRow {
        headline: "Pay".into(),
        source,
        shown: base64url(&sha256(document.as_bytes())),
        shown_document: document,
        templates: "t".into(),
        locale: "en-US".into(),
        zone: "UTC".into(),
        blocked: None,
        confirmation: None,
        at: 3000,
        audience: None,
        amounts: Vec::new(),
    }
}

#[test]
fn a_true_history_holds() {
    let history = History::new();
    let report = history.report();
    assert_eq!(
        (
            report.records,
            report.answers,
            report.checkpointed,
            report.broken
        ),
        (5, 2, 0, None)
    );
    history.checkpoint();
    let report = history.report();
    assert_eq!((report.checkpointed, report.broken), (5, None));
}

#[test]
fn an_account_without_history_holds() {
    let history = History::new();
    history.store.forge("DELETE FROM history");
    let report = history.report();
    assert_eq!((report.records, report.broken), (0, None));
}

#[test]
fn a_changed_record_is_named_by_the_next_one() {
    let history = History::new();
    history.forge(3, "/body/user", "mallory".into());
    assert_eq!(
        history.broken(),
        (3, Some("c2".into()), HistoryFault::Altered)
    );
}

#[test]
fn a_changed_last_record_is_named_by_a_checkpoint_and_by_nothing_else() {
    let history = History::new();
    history.forge(5, "/body/user", "mallory".into());
    assert_eq!(history.report().broken, None);
    let history = History::new();
    history.checkpoint();
    history.forge(5, "/body/user", "mallory".into());
    assert_eq!(
        history.broken(),
        (5, Some("c3".into()), HistoryFault::Altered)
    );
}

#[test]
fn a_chain_written_anew_does_not_fit_its_checkpoint() {
    let history = History::new();
    history.checkpoint();
    history.forge(4, "/body/attempts", 7.into());
    let digest = history.store.chain(ALICE, 3, 1).unwrap().remove(0).digest;
    history.forge(5, "/prev", digest.into());
    assert_eq!(
        history.broken(),
        (5, Some("c3".into()), HistoryFault::Altered)
    );
}

#[test]
fn a_missing_record_is_named_by_its_number() {
    let history = History::new();
    history.store.forge("DELETE FROM history WHERE seq = 2");
    assert_eq!(history.broken(), (2, None, HistoryFault::Missing));
    history.store.forge("DELETE FROM history WHERE seq = 1");
    assert_eq!(history.broken(), (1, None, HistoryFault::Missing));
}

#[test]
fn records_cut_off_at_the_end_are_missed_by_a_checkpoint() {
    let history = History::new();
    history.checkpoint();
    history.store.forge("DELETE FROM history WHERE seq > 3");
    assert_eq!(history.broken(), (4, None, HistoryFault::Missing));
}

#[test]
fn swapped_records_are_named() {
    let history = History::new();
    let (third, fifth) = (history.record(3), history.record(5));
    history.store.forge_record(ALICE, 3, &fifth);
    history.store.forge_record(ALICE, 5, &third);
    assert_eq!(
        history.broken(),
        (3, Some("c2".into()), HistoryFault::Displaced)
    );
}

#[test]
fn a_record_filed_under_another_challenge_or_time_is_named() {
    for change in ["challenge = 'c9'", "at = 1", "settles = 1 - settles"] {
        let history = History::new();
        history
            .store
            .forge(&format!("UPDATE history SET {change} WHERE seq = 3"));
        let (seq, _, fault) = history.broken();
        assert_eq!((seq, fault), (3, HistoryFault::Displaced), "{change}");
    }
}

#[test]
fn a_record_that_this_store_did_not_seal_is_named() {
    let history = History::new();
    history
        .store
        .forge("UPDATE history SET record = x'00' WHERE seq = 2");
    assert_eq!(
        history.broken(),
        (2, Some("c1".into()), HistoryFault::Unreadable)
    );
}

#[test]
fn an_answer_that_says_something_else_or_nothing_is_named() {
    let history = History::new();
    let claim = object([("v", 1.into()), ("reviewed", false.into())]);
    let true_one = history
        .record(4)
        .pointer("/body/answer")
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned();
    let mut unsigned = true_one.clone();
    unsigned.replace_range(unsigned.len() - 8.., "AAAAAAAA");
    let other_claim = object([("v", 1.into()), ("reviewed", true.into())]);
    let wrong = [
        history.answer("c2", true, &claim),
        history.answer("c1", false, &claim),
        history.answer("c2", false, &other_claim),
        unsigned,
        String::new(),
    ];
    for answer in wrong {
        history.forge(4, "/body/answer", answer.into());
        assert_eq!(
            history.broken(),
            (4, Some("c2".into()), HistoryFault::Answer)
        );
    }
    let mut without = history.record(4);
    let Value::Object(members) = place(&mut without, "/body") else {
        panic!("a body")
    };
    members.retain(|(name, _)| name != "answer");
    history.store.forge_record(ALICE, 4, &without);
    assert_eq!(
        history.broken(),
        (4, Some("c2".into()), HistoryFault::Answer)
    );
}

#[test]
fn a_shown_document_that_was_not_shown_is_named() {
    for (pointer, value) in [
        ("/body/review/document", "{}"),
        ("/body/review/shown", "AAAA"),
        ("/body/review/source", "AAAA"),
        ("/body/claim", r#"{"v":1,"reviewed":false}"#),
        (
            "/body/claim",
            r#"{"v":1,"reviewed":true,"source":"x","shown":"y"}"#,
        ),
    ] {
        let history = History::new();
        history.forge(1, pointer, value.into());
        assert_eq!(
            history.broken(),
            (1, Some("c1".into()), HistoryFault::Shown),
            "{pointer}"
        );
    }
}

#[test]
fn a_checkpoint_of_another_kind_account_or_record_is_named() {
    let history = History::new();
    let digest = history.store.chain(ALICE, 2, 1).unwrap().remove(0).digest;
    let claim = object([("v", 1.into())]);
    let wrong = [
        checkpoint(&history.key, "dev_bob", 3, &digest, 1).unwrap(),
        checkpoint(&history.key, ALICE, 2, &digest, 1).unwrap(),
        history.answer("c1", true, &claim),
        "no.token.atall".into(),
    ];
    for token in wrong {
        history.store.forge("DELETE FROM checkpoints");
        history.store.add_checkpoint(ALICE, 3, &token).unwrap();
        let (seq, _, fault) = history.broken();
        assert_eq!((seq, fault), (3, HistoryFault::Checkpoint));
    }
}

#[test]
fn an_approval_without_the_key_that_the_account_had_is_named() {
    let keys = SoftwareKeyStore::in_memory();
    let key = |alias: &str| {
        let made = keys.generate(alias.into(), KeyAlgorithm::P256, KeyPurpose::Approval);
        let jwk = Jwk::from_platform(&made.unwrap().public_key).unwrap();
        (alias.to_owned(), jwk.to_json())
    };
    let mut history = History::new();
    history.row.approval_key = Some(key("a"));
    let c1 = Some("c1".to_owned());
    assert_eq!(
        history.broken(),
        (1, c1.clone(), HistoryFault::UserVerification)
    );

    // The account got its key after that approval, and another one later.
    for name in ["a", "b"] {
        let made = key(name);
        history
            .store
            .replace_approval_key(ALICE, &made, 7000)
            .unwrap();
        history.row.approval_key = Some(made);
    }
    assert_eq!(history.report().broken, None);
    history.forge(7, "/body/old", "another".into());
    assert_eq!(history.broken(), (7, None, HistoryFault::UserVerification));

    let history = History::new();
    let claim = history
        .record(1)
        .pointer("/body/claim")
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned();
    let (alias, jwk) = key("c");
    let other = der_to_raw(&keys.sign(alias, b"something else".to_vec()).unwrap()).unwrap();
    let evidence = format!(
        r#","uv_key":{},"uv_sig":"{}"}}"#,
        json::write(&jwk),
        base64url(&other)
    );
    for evidence in [
        evidence.as_str(),
        r#","uv_sig":"AAAA"}"#,
        r#","uv_key":{},"uv_sig":"AAAA"}"#,
    ] {
        history.forge(1, "/body/claim", claim.replace('}', evidence).into());
        assert_eq!(
            history.broken(),
            (1, c1.clone(), HistoryFault::UserVerification)
        );
    }
}

#[test]
fn words_for_faults_are_stable() {
    use HistoryFault as F;
    let all = [
        F::Missing,
        F::Unreadable,
        F::Displaced,
        F::Altered,
        F::Shown,
        F::Answer,
        F::UserVerification,
        F::Checkpoint,
    ];
    let words = all.map(HistoryFault::as_str);
    assert_eq!(
        words,
        [
            "missing",
            "unreadable",
            "displaced",
            "altered",
            "shown",
            "answer",
            "user_verification",
            "checkpoint"
        ]
    );
}
