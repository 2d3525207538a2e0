//! The server's side of signed consent, version 1: was the answer given to exactly what was sent, and was a person verified?
//! `docs/signed-consent.md` has the construction.

mod chain;
mod exact;
mod person;
mod verify;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::text::sha256_b64;
pub use person::{PersonCheck, Verified};
pub use verify::{Finding, Verdict, verify};

/// The claim of an answer that ties it to what was sent and shown.
pub(crate) const CLAIM: &str = "urn:authenticator-core:consent";

/// Whether an answer was given to exactly what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentCheck {
    /// The answer names the digest of what was sent.
    Yes,
    /// The answer names something else, or claims that there were no details where there were.
    No,
    /// The answer has no claim.
    NotClaimed,
    /// The answer says that nobody looked at the details.
    NotReviewed,
    /// What was sent has no canonical form, or the claim is of an unknown version.
    CannotBeChecked,
}

impl ConsentCheck {
    /// The check in words, as the console prints it.
    pub fn as_str(self) -> &'static str {
        match self {
            ConsentCheck::Yes => "yes",
            ConsentCheck::No => "no",
            ConsentCheck::NotClaimed => "not claimed",
            ConsentCheck::NotReviewed => "not reviewed",
            ConsentCheck::CannotBeChecked => "cannot be checked",
        }
    }
}

/// What a server knows of a request to one device: enough to check an answer, now or in a dispute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentRecord {
    /// Base URLs under which the device may have enrolled.
    pub servers: Vec<String>,
    /// Enrolment id.
    pub enrollment: String,
    /// User id.
    pub user: String,
    /// Local identifier of the device: `iss` of its answers.
    pub identifier: String,
    /// Public key of the enrolment, a JWK.
    pub public_key: Value,
    /// Challenge as pushed.
    pub challenge: String,
    /// Time of the request as pushed.
    pub requested_at: String,
    /// Source of the request as pushed, JSON text.
    pub source: Option<String>,
    /// Location of the request as pushed, JSON text.
    pub location: Option<String>,
    /// What the device was told about the details.
    pub details: SentDetails,
    /// Thumbprint of the approval key that was pinned for the device before this answer, if one was.
    #[serde(default)]
    pub approval_key: Option<String>,
    /// The decision the server accepted, if it accepted one.
    pub decision: Option<RecordedDecision>,
}

/// What a device was told about the details of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SentDetails {
    /// It never asked.
    #[default]
    NotSent,
    /// That there are none.
    None,
    /// The consent body, byte for byte.
    Consent(String),
}

/// A decision as the server recorded it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedDecision {
    /// Approved or refused.
    pub accepted: bool,
    /// When it came, RFC 3339.
    pub at: String,
    /// The consent claim as it was signed, JSON text.
    pub consent_claim: Option<String>,
}

/// The members of the claim that a server can check.
#[derive(Deserialize)]
struct Claim {
    v: u64,
    reviewed: bool,
    source: Option<String>,
}

impl ConsentRecord {
    /// Compares the claim of an answer (JSON text) with what was sent.
    pub fn check(&self, claim: Option<&str>) -> ConsentCheck {
        let Some(claim) = claim else {
            return ConsentCheck::NotClaimed;
        };
        let Ok(claim) = serde_json::from_str::<Claim>(claim) else {
            return ConsentCheck::No;
        };
        match (claim.v, claim.reviewed, claim.source) {
            (1, false, _) => ConsentCheck::NotReviewed,
            (1, true, Some(source)) => match self.sources() {
                None => ConsentCheck::CannotBeChecked,
                Some(own) if own.contains(&source) => ConsentCheck::Yes,
                Some(_) => ConsentCheck::No,
            },
            (1, true, None) => ConsentCheck::No,
            _ => ConsentCheck::CannotBeChecked,
        }
    }

    /// Whether the claim of an answer (JSON text) is evidence that a person was verified.
    pub fn check_person(&self, claim: Option<&str>) -> PersonCheck {
        PersonCheck::of(claim, self.approval_key.as_deref())
    }

    /// The source digest for each base URL; empty if nothing was sent, `None` if what was sent has no
    /// canonical form.
    fn sources(&self) -> Option<Vec<String>> {
        let (name, details) = match &self.details {
            SentDetails::NotSent => return Some(Vec::new()),
            SentDetails::None => ("details", json!("none")),
            SentDetails::Consent(body) => ("consent", exact::read(body)?),
        };
        let mut origin = Map::new();
        for (name, text) in [("s", &self.source), ("l", &self.location)] {
            if let Some(text) = text {
                origin.insert(name.to_owned(), exact::read(text)?);
            }
        }
        let mut source = json!({
            "typ": "source",
            "v": 1,
            "enrollment": self.enrollment,
            "user": self.user,
            "challenge": self.challenge,
            "requested_at": self.requested_at,
        });
        source[name] = details;
        if !origin.is_empty() {
            source["origin"] = Value::Object(origin);
        }
        let digest = |server: &String| {
            source["server"] = json!(server);
            let canonical = serde_json_canonicalizer::to_string(&source).ok()?;
            Some(sha256_b64(&canonical))
        };
        self.servers.iter().map(digest).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        input: Input,
        expected: Expected,
    }

    #[derive(Deserialize)]
    struct Input {
        body: Option<String>,
        source: Option<String>,
        location: Option<String>,
    }

    #[derive(Deserialize)]
    struct Expected {
        source: String,
    }

    /// The facts that are fixed in the vectors.
    pub(crate) fn record(details: SentDetails) -> ConsentRecord {
        ConsentRecord {
            servers: vec!["https://bank-dev.eu.auth0.com/appliance-mfa".into()],
            enrollment: "dev_ztQmUOx5Z3zeRi8t".into(),
            user: "auth0|ana".into(),
            identifier: "9774d56d682e549c".into(),
            public_key: Value::Null,
            challenge: "f3Zl".into(),
            requested_at: "2026-01-15T10:30:00.000Z".into(),
            source: None,
            location: None,
            details,
            approval_key: None,
            decision: None,
        }
    }

    #[test]
    fn the_source_of_each_vector_is_rebuilt() {
        let text = include_str!("../../../vectors/consent_digest.json");
        let vectors: Vectors = serde_json::from_str(text).expect("vectors");
        assert!(!vectors.cases.is_empty());
        for case in vectors.cases {
            let details = case
                .input
                .body
                .map_or(SentDetails::None, SentDetails::Consent);
            let record = ConsentRecord {
                source: case.input.source,
                location: case.input.location,
                ..record(details)
            };
            let expected = Some(vec![case.expected.source]);
            assert_eq!(record.sources(), expected, "{}", case.name);
        }
    }

    fn claim(source: &str) -> String {
        json!({ "v": 1, "reviewed": true, "source": source }).to_string()
    }

    fn source(record: &ConsentRecord) -> String {
        record.sources().expect("canonical").remove(0)
    }

    #[test]
    fn a_claim_of_no_details_does_not_stand_where_there_were_some() {
        let (none, some) = (
            record(SentDetails::None),
            record(SentDetails::Consent("{}".into())),
        );
        assert_eq!(none.check(Some(&claim(&source(&none)))), ConsentCheck::Yes);
        assert_eq!(some.check(Some(&claim(&source(&none)))), ConsentCheck::No);
        assert_eq!(some.check(Some(&claim(&source(&some)))), ConsentCheck::Yes);
    }

    #[test]
    fn each_fact_of_the_request_changes_the_digest() {
        let sent = record(SentDetails::Consent(r#"{"a":1}"#.into()));
        let original = claim(&source(&sent));
        let change = |change: fn(&mut ConsentRecord)| {
            let mut other = sent.clone();
            change(&mut other);
            other.check(Some(&original))
        };
        let changes: [fn(&mut ConsentRecord); 8] = [
            |r| r.servers = vec!["https://other.example".into()],
            |r| r.enrollment.push('x'),
            |r| r.user.push('x'),
            |r| r.challenge.push('x'),
            |r| r.requested_at.push('x'),
            |r| r.source = Some("{}".into()),
            |r| r.location = Some("{}".into()),
            |r| r.details = SentDetails::Consent(r#"{"a":2}"#.into()),
        ];
        for changed in changes {
            assert_eq!(change(changed), ConsentCheck::No);
        }
        let spelt = change(|r| r.details = SentDetails::Consent(r#"{ "a": 1.0 }"#.into()));
        assert_eq!(spelt, ConsentCheck::Yes);
    }

    #[test]
    fn what_cannot_be_said_is_not_said() {
        let sent = record(SentDetails::Consent(r#"{"a":9007199254740993}"#.into()));
        let check = |claim: &str| sent.check(Some(claim));
        assert_eq!(check(&claim("x")), ConsentCheck::CannotBeChecked);
        assert_eq!(sent.check(None), ConsentCheck::NotClaimed);
        assert_eq!(
            check(r#"{"v":1,"reviewed":false}"#),
            ConsentCheck::NotReviewed
        );
        assert_eq!(
            check(r#"{"v":2,"reviewed":true}"#),
            ConsentCheck::CannotBeChecked
        );
        assert_eq!(check(r#"{"v":1,"reviewed":true}"#), ConsentCheck::No);
        assert_eq!(check("[]"), ConsentCheck::No);
        let unread = record(SentDetails::NotSent);
        assert_eq!(unread.check(Some(&claim("x"))), ConsentCheck::No);
    }
}
