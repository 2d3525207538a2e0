//! An export as a phone writes it, and the ways to forge one.

use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::json;

use super::super::tests::record;
use super::super::{RecordedDecision, SentDetails};
use super::*;
use crate::text::b64;

/// A phone's key, and the server's record of a decision by it.
struct Case {
    key: EncodingKey,
    record: ConsentRecord,
    records: Vec<Value>,
}

impl Case {
    fn new() -> Case {
        let pair = rcgen::KeyPair::generate().expect("P-256 key");
        let (x, y) = pair.public_key_raw()[1..].split_at(32);
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y) });
        let mut record = record(SentDetails::None);
        record.public_key = jwk;
        record.decision = Some(RecordedDecision {
            accepted: true,
            at: "2026-01-15T10:30:20.000Z".into(),
            consent_claim: None,
        });
        let document = json!({ "headline": "Pay 249.00 EUR to Hanna", "account": { "issuer": "Bank", "user": "ana" } });
        let bodies = ["before", &record.challenge].map(|challenge| {
            json!({
                "event": "decided", "server_challenge": challenge, "enrollment": record.enrollment,
                "issuer": "Bank", "user": "ana", "at": 1_768_473_010_000_i64,
                "review": { "headline": "Pay 249.00 EUR to Hanna", "document": document.to_string() },
            })
        });
        let settled = json!({ "event": "settled" });
        let bodies = [&bodies[0], &settled, &bodies[1], &settled];
        let mut case = Case {
            key: EncodingKey::from_ec_der(&pair.serialize_der()),
            record,
            records: bodies
                .into_iter()
                .map(|body| json!({ "body": body }))
                .collect(),
        };
        case.link(0, None);
        case
    }

    /// Numbers and digests, as whoever has no key can write them too.
    fn link(&mut self, start: i64, mut prev: Option<String>) {
        for (record, seq) in self.records.iter_mut().zip(start + 1..) {
            let members = record.as_object_mut().expect("a record");
            members.insert("seq".into(), json!(seq));
            members.remove("prev");
            if let Some(prev) = prev {
                members.insert("prev".into(), json!(prev));
            }
            prev = Some(sha256_b64(&canonical(record)));
        }
    }

    fn checkpoint(&self, index: usize, more: Value) -> Value {
        let mut claims = json!({
            "enrollment": self.record.enrollment, "seq": self.records[index]["seq"],
            "hash": sha256_b64(&canonical(&self.records[index])), "iat": 1,
        });
        if let (Some(claims), Some(more)) = (claims.as_object_mut(), more.as_object()) {
            claims.extend(more.clone());
        }
        let header = json!({ "alg": "ES256", "typ": CHECKPOINT });
        let input = [header, claims]
            .map(|part| b64(part.to_string().as_bytes()))
            .join(".");
        let signature = crypto::sign(input.as_bytes(), &self.key, Algorithm::ES256);
        json!(format!("{input}.{}", signature.expect("signature")))
    }

    fn export(&self, checkpoints: Vec<Value>) -> Value {
        json!({
            "format": "authenticator-core-history/1", "key": self.record.public_key, "broken": null,
            "enrollment": self.record.enrollment, "user": self.record.user, "pruned": 0,
            "records": self.records, "checkpoints": checkpoints,
        })
    }

    fn faults(&self, export: &Value) -> Vec<&'static str> {
        let findings = check(&export.to_string(), &self.record);
        let wrong = findings
            .iter()
            .filter(|finding| finding.verdict != Verdict::Match);
        wrong.map(|finding| finding.check).collect()
    }
}

const LINKS: &str = "each record names the digest of the one before";
const CHECKPOINTS: &str = "every checkpoint is signed by the enrolled key and holds";
const COVERED: &str = "a checkpoint covers it";

#[test]
fn an_honest_export_holds_whole_and_pruned() {
    let mut case = Case::new();
    let mut export = case.export(vec![
        case.checkpoint(1, json!({})),
        case.checkpoint(3, json!({})),
    ]);
    assert_eq!(case.faults(&export), [""; 0]);

    let anchor = case.checkpoint(1, json!({ "pruned": true }));
    export = case.export(vec![anchor, case.checkpoint(3, json!({}))]);
    case.records.drain(..2);
    export["records"] = json!(case.records);
    export["pruned"] = json!(2);
    assert_eq!(case.faults(&export), [""; 0]);
    export["pruned"] = json!(0);
    assert!(case.faults(&export).contains(&LINKS));
}

#[test]
fn what_was_rewritten_is_found() {
    let mut case = Case::new();
    let signed = vec![case.checkpoint(3, json!({}))];
    let honest = case.export(signed.clone());

    // Another record than the one in dispute; its links as they were, then linked again.
    case.records[0]["body"]["reason"] = json!("forged");
    assert_eq!(case.faults(&case.export(signed.clone())), [LINKS]);
    case.link(0, None);
    assert_eq!(case.faults(&case.export(signed)), [CHECKPOINTS, COVERED]);

    let mut export = honest.clone();
    for record in export["records"].as_array_mut().expect("records") {
        record["prev"] = json!("AAAA");
    }
    assert_eq!(case.faults(&export), [LINKS, CHECKPOINTS, COVERED]);

    let mut export = honest.clone();
    export["checkpoints"] = json!(["a.b.c"]);
    assert_eq!(case.faults(&export), [CHECKPOINTS, COVERED]);

    let mut export = honest.clone();
    export["records"][2]["body"]["review"]["headline"] = json!("Pay 1.00 EUR to Hanna");
    assert!(
        case.faults(&export)
            .contains(&"its headline is the one that was shown")
    );
    let mut export = honest.clone();
    export["records"][2]["body"]["user"] = json!("eva");
    assert!(
        case.faults(&export)
            .contains(&"its account is the one that was shown")
    );
    let mut export = honest.clone();
    export["records"][2]["body"]["at"] = json!(1_768_472_000_000_i64);
    assert!(
        case.faults(&export)
            .contains(&"its time lies between request and answer")
    );
    let mut export = honest.clone();
    export["records"][1] = Value::Null;
    assert!(
        case.faults(&export)
            .contains(&"the records are numbered without a gap")
    );
    let mut export = honest.clone();
    export["broken"] = json!({ "seq": 1 });
    assert_eq!(
        case.faults(&export),
        ["the phone found nothing broken in it"]
    );
    let mut export = honest;
    export["key"] = Case::new().record.public_key;
    assert_eq!(case.faults(&export), ["the export names the enrolled key"]);
}

#[test]
fn a_chain_without_checkpoints_proves_no_order_and_no_completeness() {
    let mut case = Case::new();
    case.records.drain(..2);
    case.link(0, None);
    // Consistent in itself: only that nobody signed it tells.
    let export = case.export(Vec::new());
    assert_eq!(case.faults(&export), [CHECKPOINTS, COVERED]);
    let findings = check(&export.to_string(), &case.record);
    let covered = findings
        .iter()
        .find(|finding| finding.check == COVERED)
        .expect("said");
    assert_eq!(covered.verdict, Verdict::Missing);
    assert!(covered.note.contains("no record was removed"));
}

#[test]
fn a_key_that_signs_for_another_account_signs_for_none_here() {
    let case = Case::new();
    let other = case.checkpoint(3, json!({ "enrollment": "dev_other" }));
    assert_eq!(
        case.faults(&case.export(vec![other])),
        [CHECKPOINTS, COVERED]
    );
    let early = case.checkpoint(1, json!({}));
    assert_eq!(case.faults(&case.export(vec![early])), [COVERED]);
}
