//! In a dispute: what an exported history entry of a phone and a server's record prove together.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CLAIM, ConsentCheck, ConsentRecord, PersonCheck, Verified, chain, exact};
use crate::jose::{Compact, DeviceKey};
use crate::text::sha256_b64;

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What should hold, stable text.
    pub check: &'static str,
    /// Whether it does.
    pub verdict: Verdict,
    /// Why not, or what else there is to know; may be empty.
    pub note: String,
}

/// The outcome of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Match,
    /// It does not.
    Mismatch,
    /// The entry or the record does not have what it takes.
    Missing,
    /// Nobody claims it: there is nothing to check.
    NotClaimed,
}

/// What a phone exported.
#[derive(Deserialize)]
#[serde(untagged)]
enum Exported {
    /// The whole chain of an account; a record that the phone could not read is `null`.
    Chain {
        records: Vec<Option<Record>>,
    },
    History(Vec<Entry>),
    Entry(Entry),
}

/// A record of a chain, of whatever kind.
#[derive(Deserialize)]
struct Record {
    body: Body,
}

#[derive(Clone, Deserialize)]
struct Body {
    event: String,
    challenge: String,
    decision: Option<String>,
    review: Option<Shown>,
    claim: Option<String>,
    answer: Option<String>,
}

#[derive(Clone, Deserialize)]
struct Shown {
    source: Option<String>,
    shown: Option<String>,
    document: Option<Value>,
}

/// Entries as a page of the history shows them: a decision, and the answer that was last sent for it.
fn entries(records: Vec<Option<Record>>) -> Vec<Entry> {
    let bodies: Vec<Body> = records.into_iter().flatten().map(|r| r.body).collect();
    let decided = bodies.iter().filter(|body| body.event == "decided");
    decided
        .map(|decided| {
            let answer = bodies.iter().rev().find(|body| {
                body.event == "settled"
                    && body.challenge == decided.challenge
                    && body.answer.is_some()
            });
            let shown = decided.review.clone();
            Entry {
                answer: answer.and_then(|settled| settled.answer.clone()),
                source: shown.as_ref().and_then(|shown| shown.source.clone()),
                shown: shown.as_ref().and_then(|shown| shown.shown.clone()),
                shown_document: shown.and_then(|shown| shown.document),
                decision: decided.decision.clone(),
                approval_thumbprint: PersonCheck::of(decided.claim.as_deref(), None).key,
            }
        })
        .collect()
}

/// The members of an exported entry that matter here.
#[derive(Default, Deserialize)]
struct Entry {
    answer: Option<String>,
    source: Option<String>,
    shown: Option<String>,
    /// The document as its canonical text, or as JSON.
    shown_document: Option<Value>,
    decision: Option<String>,
    approval_thumbprint: Option<String>,
}

impl Entry {
    fn answers(&self, challenge: &str) -> bool {
        let jws = self.answer.as_deref().and_then(Compact::parse);
        let claims = jws.and_then(|jws| jws.claims::<AnswerClaims>());
        claims.is_some_and(|claims| claims.sub == challenge)
    }
}

#[derive(Deserialize)]
struct AnswerClaims {
    iss: String,
    sub: String,
    auth0_guardian_accepted: Value,
}

/// Checks an exported history entry (JSON text) against a server's record; in a list of entries, or in the whole
/// exported history of an account, the one that answers the record's challenge, and the whole chain with it. Every check is made, so that the result says what holds and what
/// does not.
///
/// # Errors
/// When the text is not the JSON of an entry or of a list of them.
pub fn verify(exported: &str, record: &ConsentRecord) -> Result<Vec<Finding>, serde_json::Error> {
    let mut whole = Vec::new();
    let entry = match serde_json::from_str(exported)? {
        Exported::Entry(entry) => entry,
        Exported::History(entries) => the_one_for(record, entries),
        Exported::Chain { records } => {
            whole = chain::check(exported, record);
            the_one_for(record, entries(records))
        }
    };
    let jws = entry.answer.as_deref().and_then(Compact::parse);
    let claims: Option<AnswerClaims> = jws.as_ref().and_then(Compact::claims);
    let accepted = claims
        .as_ref()
        .and_then(|claims| claims.auth0_guardian_accepted.as_bool());
    let all: Option<Value> = jws.as_ref().and_then(Compact::claims);
    let claim = all.as_ref().and_then(|all| all.get(CLAIM));
    let text = |name: &str| claim.and_then(|claim| claim.get(name)?.as_str());
    let document = entry.shown_document.as_ref().map(document);
    let shown = document.as_ref().and_then(|text| exact::read(text));

    let mut findings = Vec::new();
    let mut add = |check, verdict, note: &str| {
        findings.push(Finding {
            check,
            verdict,
            note: note.to_owned(),
        });
    };

    let key = DeviceKey::from_jwk(&record.public_key, true);
    let signed = key.and_then(|key| Some(key.signed(jws.as_ref()?)));
    add(
        "the answer is signed by the enrolled key",
        verdict(signed),
        "",
    );
    add(
        "the answer is by this device, to this challenge",
        verdict(
            claims
                .as_ref()
                .map(|claims| claims.iss == record.identifier && claims.sub == record.challenge),
        ),
        "",
    );
    let recorded = record.decision.as_ref();
    add(
        "phone and server have the same decision",
        verdict(recorded.map(|recorded| Some(recorded.accepted) == accepted)),
        &decisions(accepted, recorded.map(|recorded| recorded.accepted)),
    );
    if let (Some(told), Some(accepted)) = (&entry.decision, accepted) {
        let same = told.to_ascii_lowercase().starts_with("approve") == accepted;
        add(
            "the entry's decision is the signed one",
            verdict(Some(same)),
            told,
        );
    }
    let server_claim = recorded.and_then(|recorded| recorded.consent_claim.as_deref());
    add(
        "phone and server have the same consent claim",
        verdict(
            claim
                .zip(server_claim.and_then(exact::read).as_ref())
                .map(|(own, server)| canonical(own) == canonical(server)),
        ),
        "",
    );

    let check = record.check(claim.map(Value::to_string).as_deref());
    add(
        "the answer was given to exactly what the server sent",
        match check {
            ConsentCheck::Yes => Verdict::Match,
            ConsentCheck::No => Verdict::Mismatch,
            _ => Verdict::Missing,
        },
        check.as_str(),
    );
    add(
        "the entry names the signed source",
        same(entry.source.as_deref(), text("source")),
        "",
    );
    add(
        "the shown document has the signed digest",
        match (&document, text("shown")) {
            (Some(document), Some(digest)) => verdict(Some(sha256_b64(document) == digest)),
            _ => Verdict::Missing,
        },
        "",
    );
    add(
        "the entry names the signed digest of it",
        same(entry.shown.as_deref(), text("shown")),
        "",
    );
    for (check, name) in [
        ("the shown document names the signed source", "source"),
        ("the shown document names the signed renderer", "renderer"),
        ("the shown document names the signed templates", "templates"),
        ("the shown document names the signed locale", "locale"),
        ("the shown document names the signed time zone", "zone"),
    ] {
        let inside = shown.as_ref().and_then(|shown| shown.get(name)?.as_str());
        add(check, same(inside, text(name)), "");
    }
    findings.extend(person(&entry, record, claim, accepted));
    findings.extend(whole);
    Ok(findings)
}

fn the_one_for(record: &ConsentRecord, entries: Vec<Entry>) -> Entry {
    let found = entries
        .into_iter()
        .find(|entry| entry.answers(&record.challenge));
    found.unwrap_or_default()
}

/// Whether a person was verified. A denial needs no prompt, and an account without an approval key has none.
fn person(
    entry: &Entry,
    record: &ConsentRecord,
    claim: Option<&Value>,
    accepted: Option<bool>,
) -> [Finding; 3] {
    let check = record.check_person(claim.map(Value::to_string).as_deref());
    let told = entry.approval_thumbprint.as_deref();
    let pinned = record.approval_key.as_deref();
    let expected = told.is_some() || (pinned.is_some() && accepted == Some(true));
    let finding = |check, verdict, note: &str| Finding {
        check,
        verdict,
        note: note.to_owned(),
    };
    let signed = match check.verified {
        Verified::Yes | Verified::ChangedKey => Verdict::Match,
        Verified::No if !expected => Verdict::NotClaimed,
        Verified::No | Verified::Invalid => Verdict::Mismatch,
    };
    let key = check.key.as_deref();
    [
        finding(
            "a person was verified: an approval key signed what was shown",
            signed,
            key.unwrap_or(check.verified.as_str()),
        ),
        match (key, pinned) {
            (None, _) => finding(PINNED, Verdict::NotClaimed, ""),
            (Some(_), None) => finding(PINNED, Verdict::NotClaimed, "first use of a key"),
            (Some(key), Some(pinned)) => finding(PINNED, same(Some(key), Some(pinned)), pinned),
        },
        match (told, key) {
            (None, None) => finding(TOLD, Verdict::NotClaimed, ""),
            _ => finding(TOLD, verdict(Some(told == key)), ""),
        },
    ]
}

const PINNED: &str = "the approval key is the one pinned for this device";
const TOLD: &str = "the entry names the approval key that signed";

pub(super) fn verdict(holds: Option<bool>) -> Verdict {
    match holds {
        Some(true) => Verdict::Match,
        Some(false) => Verdict::Mismatch,
        None => Verdict::Missing,
    }
}

fn same(one: Option<&str>, other: Option<&str>) -> Verdict {
    verdict(one.zip(other).map(|(one, other)| one == other))
}

fn decisions(phone: Option<bool>, server: Option<bool>) -> String {
    let word = |accepted| match accepted {
        Some(true) => "approved",
        Some(false) => "denied",
        None => "unknown",
    };
    format!("phone: {}, server: {}", word(phone), word(server))
}

/// The bytes that the digest is over.
fn document(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => canonical(other),
    }
}

/// Of a value that was read, so it has a canonical form.
pub(super) fn canonical(value: &Value) -> String {
    serde_json_canonicalizer::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::SentDetails;
    use super::super::tests::record;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_entry_without_an_answer_proves_nothing() {
        let record = record(SentDetails::None);
        for entry in ["{}", "[]", r#"[{"answer":"a.b.c"}]"#, r#"{"answer":null}"#] {
            let findings = verify(entry, &record).expect("an entry");
            assert!(!findings.is_empty());
            assert!(findings.iter().all(|f| f.verdict != Verdict::Match));
        }
        assert!(verify("history", &record).is_err());
    }

    proptest! {
        #[test]
        fn any_entry_can_be_looked_at(answer in ".{0,40}", document in ".{0,40}") {
            let entry = serde_json::json!({ "answer": answer, "shown_document": document });
            let findings = verify(&entry.to_string(), &record(SentDetails::None));
            prop_assert!(findings.is_ok_and(|all| all.iter().all(|f| f.verdict != Verdict::Match)));
        }
    }
}
