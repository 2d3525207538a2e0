//! A true history, and what becomes of the report when somebody who has the data key changes it.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::prune::prunable;
use super::verify::{Kind, Link, checkpoint, verify};
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
use crate::store::{ChallengeRow, Committed, DecisionRow, EnrollmentRow, ReviewRow, Store};

pub(crate) const ALICE: &str = "dev_alice";

fn flip(key: Vec<u8>) -> Result<Vec<u8>> {
    Ok(key.into_iter().map(|byte| !byte).collect())
}

/// The store on a file, the account [`ALICE`] with the published key.
pub(crate) struct History {
    pub(crate) store: Store,
    pub(crate) row: EnrollmentRow,
    pub(crate) key: TestKey,
    pub(crate) folder: TempDir,
}

impl History {
    /// Three requests: approved, denied without a look, missed. Records 1 to 5.
    fn new() -> History {
        let history = History::empty();
        history.ask("c1", 9000);
        history.decide("c1", Decision::Approve);
        history.ask("c2", 9000);
        history.decide("c2", Decision::Deny);
        history.ask("c3", 100);
        history.store.expire(ALICE, 100).unwrap();
        history
    }

    pub(crate) fn path(folder: &Path) -> PathBuf {
        folder.join("s.db")
    }

    pub(crate) fn open(folder: &Path) -> Result<Store> {
        Store::open(&History::path(folder), &flip, &flip, &SystemEntropy)
    }

    /// An account of which nothing was asked yet.
    pub(crate) fn empty() -> History {
        History::empty_in(tempfile::tempdir().unwrap())
    }

    pub(crate) fn empty_in(folder: TempDir) -> History {
        let store = History::open(folder.path()).unwrap();
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
            continued_by: None,
        };
        store.add_enrollment(&row, &[]).unwrap();
        History {
            store,
            row,
            key,
            folder,
        }
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

    pub(crate) fn ask(&self, id: &str, expires_at: i64) {
        self.receive(id, expires_at);
        self.review(id);
    }

    pub(crate) fn review(&self, id: &str) {
        self.store.set_review(id, &review(id)).unwrap();
    }

    pub(crate) fn receive(&self, id: &str, expires_at: i64) {
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
    }

    /// Decided, sent, confirmed.
    pub(crate) fn decide(&self, id: &str, decision: Decision) {
        self.commit(id, decision).unwrap();
        self.send(id, decision);
        self.settle(id, Delivery::Delivered);
    }

    fn claim(id: &str, decision: Decision) -> Value {
        let review = review(id);
        match decision {
            Decision::Approve => object([
                ("v", 1.into()),
                ("reviewed", true.into()),
                ("source", review.source.as_str().into()),
                ("shown", review.shown.as_str().into()),
            ]),
            Decision::Deny => object([("v", 1.into()), ("reviewed", false.into())]),
        }
    }

    pub(crate) fn commit(&self, id: &str, decision: Decision) -> Result<Committed> {
        self.commit_at(id, decision, 5000)
    }

    pub(crate) fn commit_at(&self, id: &str, decision: Decision, at: i64) -> Result<Committed> {
        let receipt = Receipt {
            challenge: ChallengeId::new(id),
            decision,
            reason: None,
            delivery: Delivery::Queued,
            decided_at: at,
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
            claim: Some(json::write(&History::claim(id, decision))),
            decided_at: at,
            expires_at: 9000,
            approved_with: None,
            receipt,
        };
        let shown = review(id).shown;
        let shown = (decision == Decision::Approve).then_some(shown.as_str());
        self.store.decide_only(&row, shown)
    }

    pub(crate) fn send(&self, id: &str, decision: Decision) {
        let claim = History::claim(id, decision);
        let jwt = self.answer(id, decision == Decision::Approve, &claim);
        assert!(self.store.begin_attempt(id, &jwt, 5000, 6000).unwrap());
    }

    pub(crate) fn settle(&self, id: &str, delivery: Delivery) {
        let before = self.store.decision(id).unwrap().unwrap().receipt;
        let settled = Receipt { delivery, ..before };
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

    pub(crate) fn report(&self) -> HistoryReport {
        History::report_of(&self.store, &self.row)
    }

    pub(crate) fn report_of(store: &Store, row: &EnrollmentRow) -> HistoryReport {
        verify(store, row, &Guardian).unwrap().report
    }

    /// Signs a checkpoint over the last record.
    pub(crate) fn checkpoint(&self) {
        let head = verify(&self.store, &self.row, &Guardian)
            .unwrap()
            .head
            .unwrap();
        let token = checkpoint(&self.key, ALICE, &head, Kind::Plain, 6000).unwrap();
        self.store.add_checkpoint(ALICE, head.seq, &token).unwrap();
    }

    /// As [`crate::Authenticator::prune_history`], with this key.
    pub(crate) fn prune(&self, before: i64) -> Result<usize> {
        let Some(last) = prunable(&self.store, &self.row, before)? else {
            return Ok(0);
        };
        let anchor = checkpoint(&self.key, ALICE, &last, Kind::Anchor, 6500).unwrap();
        self.store
            .prune(ALICE, last.seq, &last.digest, &anchor, 6500)
    }

    fn record(&self, seq: i64) -> Value {
        self.store
            .chain(ALICE, seq - 1, 1)
            .unwrap()
            .remove(0)
            .record
            .unwrap()
    }

    /// The bytes of a record in the file.
    fn sealed(&self, seq: i64) -> Vec<u8> {
        self.store.sealed_record(ALICE, seq)
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
    history
        .store
        .forge("DELETE FROM history; UPDATE enrollments SET head = NULL");
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
fn a_changed_last_record_is_named_by_a_checkpoint_or_by_its_account() {
    let history = History::new();
    history.forge(5, "/body/user", "mallory".into());
    assert_eq!(
        history.broken(),
        (5, Some("c3".into()), HistoryFault::Altered)
    );
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
fn records_cut_off_at_the_end_are_missed_without_a_checkpoint_too_and_for_good() {
    let history = History::new();
    history.store.forge("DELETE FROM history WHERE seq > 3");
    assert_eq!(history.broken(), (4, None, HistoryFault::Missing));
    // What comes later does not close the gap, and nothing is signed over it.
    history.ask("c5", 9000);
    history.decide("c5", Decision::Deny);
    assert_eq!(history.broken(), (4, None, HistoryFault::Missing));

    for note in ["NULL", "x'00'"] {
        let history = History::new();
        history.store.forge(&format!(
            "DELETE FROM history WHERE seq > 3; UPDATE enrollments SET head = {note}"
        ));
        assert_eq!(history.broken(), (4, None, HistoryFault::Missing));
        history.ask("c5", 9000);
        history.decide("c5", Decision::Deny);
        assert_eq!(history.broken(), (6, None, HistoryFault::Missing));
    }
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
    let link = |seq: i64| Link::of(&history.store.chain(ALICE, seq - 1, 1).unwrap()[0]);
    let claim = object([("v", 1.into())]);
    let wrong = [
        checkpoint(&history.key, "dev_bob", &link(3), Kind::Plain, 1).unwrap(),
        checkpoint(&history.key, ALICE, &link(2), Kind::Plain, 1).unwrap(),
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

mod pruning {
    use super::*;
    use crate::error::ErrorCode;

    /// Requests decided at 1000, 2000 and 3000 (records 1 to 6), and one that nobody answered (record 7, at 3500).
    fn old() -> History {
        let history = History::empty();
        for (id, at) in [("c1", 1000), ("c2", 2000), ("c3", 3000)] {
            history.ask(id, 9000);
            history.commit_at(id, Decision::Approve, at).unwrap();
            history.send(id, Decision::Approve);
            history.settle(id, Delivery::Delivered);
        }
        history.ask("c4", 3500);
        history.store.expire(ALICE, 3500).unwrap();
        history
    }

    fn shown(history: &History) -> Vec<String> {
        let entries = history.store.history(Some(ALICE), None, 10).unwrap();
        entries
            .into_iter()
            .map(|entry| entry.challenge.as_str().to_owned())
            .collect()
    }

    #[test]
    fn what_is_older_goes_and_the_rest_still_holds() {
        for (before, removed, left) in [
            (1000, 0, vec!["c4", "c3", "c2", "c1"]),
            (1001, 2, vec!["c4", "c3", "c2"]),
            (3000, 4, vec!["c4", "c3"]),
            (3500, 6, vec!["c4"]),
            (9999, 7, vec![]),
        ] {
            let history = old();
            assert_eq!(history.prune(before).unwrap(), removed);
            assert_eq!(shown(&history), left);
            let report = history.report();
            let mark = usize::from(removed > 0);
            assert_eq!((report.pruned, report.broken), (removed as u64, None));
            assert_eq!(report.records, (7 - removed + mark) as u64);
            assert_eq!(report.checkpointed, removed as u64);
        }
    }

    #[test]
    fn a_pruned_history_goes_on_and_can_be_pruned_again() {
        let history = old();
        history.prune(2500).unwrap();
        history.ask("c5", 9000);
        history.decide("c5", Decision::Deny);
        history.checkpoint();
        assert_eq!(history.report().broken, None);
        assert_eq!(history.prune(4000).unwrap(), 3);
        let report = history.report();
        assert_eq!((report.pruned, report.broken), (7, None));
        assert_eq!(history.prune(4000).unwrap(), 0);
        assert_eq!(shown(&history), ["c5"]);
    }

    #[test]
    fn an_answer_that_may_still_change_keeps_its_entry_and_all_after_it() {
        let history = History::empty();
        history.ask("c1", 9000);
        history.commit_at("c1", Decision::Approve, 1000).unwrap();
        history.ask("c2", 9000);
        history.commit_at("c2", Decision::Deny, 1001).unwrap();
        history.send("c2", Decision::Deny);
        history.settle("c2", Delivery::Delivered);
        assert_eq!(history.prune(9000).unwrap(), 0, "the first is still queued");
        history.send("c1", Decision::Approve);
        history.settle("c1", Delivery::Unconfirmed);
        assert_eq!(history.prune(9000).unwrap(), 4);

        let history = History::empty();
        history.ask("c1", 9000);
        history.commit("c1", Decision::Approve).unwrap();
        history.send("c1", Decision::Approve);
        history.settle("c1", Delivery::Unconfirmed);
        history
            .store
            .forge("UPDATE decisions SET lease_until = 7000");
        let error = history.prune(9000).unwrap_err();
        assert_eq!(error.code(), ErrorCode::StoreUnavailable);
        assert_eq!(history.report().records, 2);
    }

    #[test]
    fn a_start_that_is_missing_without_a_signature_is_a_fault() {
        let history = old();
        // A plain checkpoint allows nobody to cut there.
        let head = Link::of(&history.store.chain(ALICE, 1, 1).unwrap()[0]);
        let token = checkpoint(&history.key, ALICE, &head, Kind::Plain, 1).unwrap();
        history.store.add_checkpoint(ALICE, 2, &token).unwrap();
        history.store.forge("DELETE FROM history WHERE seq <= 2");
        assert_eq!(history.broken(), (1, None, HistoryFault::Missing));

        let history = old();
        history.prune(2500).unwrap();
        history.store.forge("DELETE FROM history WHERE seq <= 6");
        assert_eq!(history.broken(), (5, None, HistoryFault::Missing));
        history.store.forge("DELETE FROM history");
        assert_eq!(history.broken(), (5, None, HistoryFault::Missing));

        let history = old();
        history.prune(2500).unwrap();
        history.store.forge("DELETE FROM checkpoints");
        assert_eq!(history.broken(), (1, None, HistoryFault::Missing));
    }

    #[test]
    fn faults_behind_the_start_are_named_as_before() {
        let history = old();
        history.prune(2500).unwrap();
        history.forge(5, "/body/user", "mallory".into());
        assert_eq!(
            history.broken(),
            (5, Some("c3".into()), HistoryFault::Altered)
        );

        let history = old();
        history.prune(2500).unwrap();
        history.forge(5, "/prev", "AAAA".into());
        let digest = history.store.chain(ALICE, 4, 1).unwrap().remove(0).digest;
        history.forge(6, "/prev", digest.into());
        let digest = history.store.chain(ALICE, 5, 1).unwrap().remove(0).digest;
        history.forge(7, "/prev", digest.into());
        let digest = history.store.chain(ALICE, 6, 1).unwrap().remove(0).digest;
        history.forge(8, "/prev", digest.into());
        assert_eq!(
            history.broken(),
            (5, Some("c3".into()), HistoryFault::Displaced)
        );
    }

    #[test]
    fn old_records_put_back_are_checked_like_any_other() {
        let history = old();
        let first = history.record(1);
        history.prune(2500).unwrap();
        history.store.forge(
            "INSERT INTO history (enrollment, seq, challenge, at, settles, record)
             VALUES ('dev_alice', 4, 'c1', 1000, 0, x'00')",
        );
        history.store.forge_record(ALICE, 4, &first);
        assert_eq!(history.broken(), (1, None, HistoryFault::Missing));
    }

    #[test]
    fn a_history_that_does_not_hold_is_not_pruned() {
        let history = old();
        history.forge(3, "/body/user", "mallory".into());
        let error = history.prune(9000).unwrap_err();
        assert_eq!(error.code(), ErrorCode::HistoryBroken);
        assert_eq!(history.report().records, 7);
    }

    #[test]
    fn a_record_that_changed_since_it_was_signed_for_is_not_removed() {
        let history = old();
        let anchor = checkpoint(
            &history.key,
            ALICE,
            &Link::of(&history.store.chain(ALICE, 1, 1).unwrap()[0]),
            Kind::Anchor,
            1,
        )
        .unwrap();
        let error = history
            .store
            .prune(ALICE, 2, "another", &anchor, 1)
            .unwrap_err();
        assert_eq!(error.code(), ErrorCode::StoreUnavailable);
        assert_eq!(history.report().records, 7);
    }

    #[test]
    fn no_byte_of_what_was_removed_stays_on_the_disk() {
        let history = old();
        let sealed: Vec<u8> = history.sealed(1);
        let on_disk = |bytes: &[u8]| {
            ["", "-wal"].iter().any(|ending| {
                let file = History::path(history.folder.path());
                let file = file.with_extension(format!("db{ending}"));
                let all = std::fs::read(file).unwrap_or_default();
                all.windows(32).any(|window| window == &bytes[..32])
            })
        };
        assert!(on_disk(&sealed));
        history.prune(2500).unwrap();
        assert!(!on_disk(&sealed));
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
