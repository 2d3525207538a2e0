//! A whole exported history: is it the chain that the phone's key signed for, and does the record in dispute say what was
//! shown and when? Written from `docs/signed-consent.md` alone.

use serde::Deserialize;
use serde_json::Value;

use super::verify::{Finding, Verdict, canonical, verdict};
use super::{ConsentRecord, exact};
use crate::jose::{Compact, DeviceKey};
use crate::text::sha256_b64;

/// `typ` of a checkpoint.
const CHECKPOINT: &str = "authenticator-core-checkpoint+jwt";
/// The format of exports.
const FORMAT: &str = "authenticator-core-history/1";
/// How far the clocks of phone and server may differ, in milliseconds.
const CLOCKS: i64 = 60_000;

#[derive(Deserialize)]
struct Checkpoint {
    enrollment: String,
    seq: i64,
    hash: String,
    #[serde(default)]
    pruned: bool,
}

/// An export, its numbers and digests.
struct Chain<'a> {
    export: &'a Value,
    /// Number of the record that the chain starts after.
    pruned: Option<i64>,
    records: &'a [Value],
    /// Digest of each record.
    digests: Vec<String>,
    key: Option<DeviceKey>,
    enrollment: &'a str,
}

/// What the export proves as a whole, and about the decision on the record's challenge.
pub(super) fn check(exported: &str, record: &ConsentRecord) -> Vec<Finding> {
    let Some(export) = exact::read(exported) else {
        return vec![finding(
            "the export can be read in one way only",
            Some(false),
            "",
        )];
    };
    let records = export["records"].as_array().map_or(&[][..], Vec::as_slice);
    let chain = Chain {
        export: &export,
        pruned: integer(&export["pruned"]).filter(|seq| *seq >= 0),
        records,
        digests: records
            .iter()
            .map(|record| sha256_b64(&canonical(record)))
            .collect(),
        key: DeviceKey::from_jwk(&record.public_key, true),
        enrollment: &record.enrollment,
    };
    let mut findings = chain.whole(record);
    findings.extend(chain.decision(record));
    findings
}

impl Chain<'_> {
    fn whole(&self, record: &ConsentRecord) -> Vec<Finding> {
        let own_key = DeviceKey::from_jwk(&self.export["key"], true);
        let same_key = self.key.is_some() && own_key == self.key;
        let account = self.export["enrollment"] == record.enrollment.as_str()
            && self.export["user"] == record.user.as_str();
        let broken = self.export.get("broken").map(Value::is_null);
        vec![
            finding(
                "the export has the format that is described",
                Some(self.export["format"] == FORMAT),
                "",
            ),
            finding("the export names the enrolled key", Some(same_key), ""),
            finding(
                "the export is of this enrolment and user",
                Some(account),
                "",
            ),
            finding("the phone found nothing broken in it", broken, ""),
            finding(
                "the records are numbered without a gap",
                Some(self.is_numbered()),
                "",
            ),
            finding(
                "each record names the digest of the one before",
                Some(self.is_linked()),
                "",
            ),
            finding(
                "every checkpoint is signed by the enrolled key and holds",
                self.checkpoints()
                    .map(|all| all.iter().all(Option::is_some)),
                "",
            ),
        ]
    }

    fn number(&self, index: usize) -> Option<i64> {
        self.pruned?
            .checked_add(i64::try_from(index).ok()?.checked_add(1)?)
    }

    fn is_numbered(&self) -> bool {
        let mut all = self.records.iter().enumerate();
        !self.records.is_empty()
            && all.all(|(index, record)| {
                let number = integer(&record["seq"]);
                number.is_some() && number == self.number(index)
            })
    }

    /// The first record has no `prev`, or that of the anchor; `None` where the anchor does not hold.
    fn start(&self) -> Option<Option<String>> {
        match self.pruned? {
            0 => Some(None),
            pruned => {
                let anchor = self.read(self.export["checkpoints"].get(0)?)?;
                (anchor.pruned && anchor.seq == pruned).then_some(Some(anchor.hash))
            }
        }
    }

    fn is_linked(&self) -> bool {
        let Some(start) = self.start() else {
            return false;
        };
        let before =
            std::iter::once(start.as_deref()).chain(self.digests.iter().map(|d| Some(d.as_str())));
        let mut pairs = self.records.iter().zip(before);
        pairs.all(|(record, before)| match record.get("prev") {
            None => before.is_none(),
            Some(prev) => prev.as_str().is_some() && prev.as_str() == before,
        })
    }

    /// Number of the record that each checkpoint signs for, `None` for one that does not hold; nothing where there are none.
    fn checkpoints(&self) -> Option<Vec<Option<i64>>> {
        let all = self.export["checkpoints"].as_array();
        let all = all.filter(|all| !all.is_empty())?;
        let pruned = self.pruned.unwrap_or(0);
        let holds = |(index, token): (usize, &Value)| {
            let checkpoint = self.read(token)?;
            if index == 0 && pruned > 0 {
                return (checkpoint.pruned && checkpoint.seq == pruned).then_some(pruned);
            }
            let place = checkpoint.seq.checked_sub(pruned)?.checked_sub(1)?;
            let digest = self.digests.get(usize::try_from(place).ok()?)?;
            (*digest == checkpoint.hash).then_some(checkpoint.seq)
        };
        Some(all.iter().enumerate().map(holds).collect())
    }

    /// The claims of a checkpoint of this enrolment, signed by its key.
    fn read(&self, token: &Value) -> Option<Checkpoint> {
        let jws = Compact::parse(token.as_str()?)?;
        let signed =
            self.key.as_ref()?.signed(&jws) && jws.header.typ.as_deref() == Some(CHECKPOINT);
        let claims: Checkpoint = jws.claims()?;
        (signed && claims.enrollment == self.enrollment).then_some(claims)
    }

    /// The record of the decision in dispute, against what was shown and what the server knows.
    fn decision(&self, record: &ConsentRecord) -> Vec<Finding> {
        let about = |(_, one): &(usize, &Value)| {
            let body = &one["body"];
            body["event"] == "decided" && body["server_challenge"] == record.challenge.as_str()
        };
        let found: Vec<_> = self.records.iter().enumerate().filter(about).collect();
        let once = finding(
            "the chain has one decision on this challenge",
            (!found.is_empty()).then_some(found.len() == 1),
            "",
        );
        let Some((index, decided)) = found.first() else {
            return vec![once];
        };
        let body = &decided["body"];
        let document = body["review"]["document"].as_str().and_then(exact::read);
        let document = document.unwrap_or_default();
        vec![
            once,
            self.covered(*index),
            finding(
                "its headline is the one that was shown",
                document["headline"]
                    .as_str()
                    .map(|shown| body["review"]["headline"] == shown),
                "",
            ),
            finding(
                "its account is the one that was shown",
                document.get("account").map(|shown| is_account(body, shown)),
                "",
            ),
            finding(
                "it is of this enrolment",
                Some(body["enrollment"] == record.enrollment.as_str()),
                "",
            ),
            self.time(body, record),
        ]
    }

    /// Without a checkpoint at or after it, anyone can write a record with a digest of its own.
    fn covered(&self, index: usize) -> Finding {
        let reach = self
            .checkpoints()
            .unwrap_or_default()
            .into_iter()
            .flatten()
            .max();
        let covered = self
            .number(index)
            .zip(reach)
            .is_some_and(|(seq, reach)| seq <= reach);
        let note = match reach {
            None => {
                "no checkpoint: nothing proves that no record was removed, added or put elsewhere"
                    .to_owned()
            }
            Some(reach) => {
                format!("signed up to record {reach}; what came after may have been removed")
            }
        };
        finding("a checkpoint covers it", covered.then_some(true), &note)
    }

    /// Between the request and the arrival of the answer.
    fn time(&self, body: &Value, record: &ConsentRecord) -> Finding {
        let moment = |text: &str| {
            text.parse::<jiff::Timestamp>()
                .ok()
                .map(|t| t.as_millisecond())
        };
        let answered = record
            .decision
            .as_ref()
            .and_then(|decision| moment(&decision.at));
        let holds = integer(&body["at"])
            .zip(moment(&record.requested_at))
            .zip(answered);
        let holds =
            holds.map(|((at, asked), answered)| (asked - CLOCKS..=answered + CLOCKS).contains(&at));
        finding("its time lies between request and answer", holds, "")
    }
}

/// The names as they stood on the screen; an account without a label has its user's id in the record.
fn is_account(body: &Value, shown: &Value) -> bool {
    body["issuer"] == shown["issuer"] && (shown["user"] == "" || body["user"] == shown["user"])
}

/// A number of the export: a double, as JSON has it.
#[allow(
    clippy::cast_possible_truncation,
    reason = "checked to be a whole number in range"
)]
fn integer(value: &Value) -> Option<i64> {
    let number = value.as_f64()?;
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

fn finding(check: &'static str, holds: Option<bool>, note: &str) -> Finding {
    let note = match verdict(holds) {
        Verdict::Mismatch => "",
        _ => note,
    };
    Finding {
        check,
        verdict: verdict(holds),
        note: note.to_owned(),
    }
}

#[cfg(test)]
mod tests;
