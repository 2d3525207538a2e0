//! Everything that a store says and that nobody without its data key may change.

use std::collections::{BTreeMap, BTreeSet};

use super::sample::{ANA, AUDIENCE, BEN, CHALLENGES, START};
use crate::core::dialect;
use crate::decision::{Decision, Delivery, Receipt};
use crate::error::{Error, ErrorCode, Result};
use crate::history::{HistoryEntry, verify};
use crate::json::{Value, write};
use crate::store::{AlikeRow, ChainRecord, ChallengeRow, DecisionRow, EnrollmentRow, Store};

/// When every quiet period is over.
const LONGEST_QUIET: i64 = START + 24 * 3_600_000;

/// Facts by what they are about and by name. A fact that could not be read is absent; one that was read twice and
/// differently is there twice.
pub(super) struct Seen {
    facts: BTreeMap<(String, &'static str), BTreeSet<String>>,
    /// Calls that ended in a typed error.
    pub failures: usize,
}

impl Seen {
    /// Panics where this says something that was never true.
    pub(super) fn says_nothing_but(&self, truth: &Seen) {
        for ((about, name), facts) in &self.facts {
            let known = truth.facts.get(&(about.clone(), *name));
            let known = known.unwrap_or_else(|| panic!("{about}: {name} was never written"));
            assert!(facts.is_subset(known), "{about}: another {name}");
        }
    }

    /// What was true at one time or another.
    pub(super) fn and(mut self, later: Seen) -> Seen {
        for (about, facts) in later.facts {
            self.facts.entry(about).or_default().extend(facts);
        }
        self
    }

    fn add<const N: usize>(&mut self, about: String, facts: [(&'static str, Option<String>); N]) {
        for (name, fact) in facts {
            if let Some(fact) = fact {
                let known = self.facts.entry((about.clone(), name)).or_default();
                known.insert(fact);
            }
        }
    }

    /// Counts an error, which must have one of these codes.
    fn read<T>(&mut self, codes: &[ErrorCode], result: Result<T>) -> Option<T> {
        let expected = |error: &Error| codes.contains(&error.code());
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                assert!(expected(&error), "{error} ({})", error.code().as_str());
                self.failures += 1;
                None
            }
        }
    }
}

/// Calls everything that reads. Errors must have one of these codes.
pub(super) fn look(store: &Store, codes: &[ErrorCode]) -> Seen {
    let mut seen = Seen {
        facts: BTreeMap::new(),
        failures: 0,
    };
    for id in [ANA, BEN] {
        let row = seen.read(codes, store.enrollment(id)).flatten();
        let chain = seen
            .read(codes, store.chain(id, 0, 100))
            .unwrap_or_default();
        records(&mut seen, id, &chain);
        if let Some(row) = &row {
            account(&mut seen, row);
            history_holds(&mut seen, codes, store, row, &chain);
        }
        let memory = seen.read(codes, store.requester(id, AUDIENCE)).flatten();
        if let Some(memory) = memory {
            seen.add(
                format!("memory {id}"),
                [("memory", Some(format!("{memory:?}")))],
            );
        }
        for audience in [Some(AUDIENCE), None] {
            quiet(
                &mut seen,
                codes,
                store.quiet_until(id, audience, START, LONGEST_QUIET),
            );
        }
    }
    let accounts = seen.read(codes, store.enrollments());
    accounts
        .iter()
        .flatten()
        .for_each(|row| account(&mut seen, row));
    for id in CHALLENGES {
        let one = seen.read(codes, store.challenge(id)).flatten();
        one.iter().for_each(|row| challenge(&mut seen, row));
        let one = seen.read(codes, store.decision(id)).flatten();
        one.iter().for_each(|row| decision(&mut seen, row));
        let one = seen.read(codes, store.settled_receipt(id)).flatten();
        one.iter().for_each(|found| receipt(&mut seen, id, found));
        let alike = seen.read(codes, store.alike(id));
        alike
            .iter()
            .flatten()
            .for_each(|row| approved(&mut seen, row));
    }
    let open = seen.read(codes, store.open_challenges());
    open.iter()
        .flatten()
        .for_each(|row| challenge(&mut seen, row));
    let queued = seen.read(codes, store.queued());
    queued
        .iter()
        .flatten()
        .for_each(|row| decision(&mut seen, row));
    let entries = seen.read(codes, store.history(None, None, 100));
    entries
        .iter()
        .flatten()
        .for_each(|found| entry(&mut seen, found));
    for server in seen.read(codes, store.servers()).iter().flatten() {
        let about = format!("server {}", server.name);
        seen.add(about, [("address", Some(server.base_url.clone()))]);
    }
    seen
}

fn account(seen: &mut Seen, row: &EnrollmentRow) {
    let identity = &row.identity;
    let some = |text: &str| Some(text.to_owned());
    let totp = row.totp.as_ref().map(|totp| {
        format!(
            "{:?} {:?} {} {}",
            totp.secret.expose(),
            totp.hash,
            totp.digits,
            totp.period
        )
    });
    seen.add(
        format!("account {}", identity.enrollment),
        [
            ("user", some(&identity.user)),
            ("identifier", some(&identity.identifier)),
            ("base_url", some(&identity.base_url)),
            ("server", some(&row.server)),
            ("issuer", some(&row.issuer)),
            ("label", some(&row.label)),
            ("device_name", some(&row.device_name)),
            ("key_alias", some(&row.key_alias)),
            (
                "algorithm",
                Some(format!("{:?} {:?}", row.algorithm, row.protection)),
            ),
            ("jwk", Some(write(&row.jwk))),
            (
                "approval_key",
                row.approval_key
                    .as_ref()
                    .map(|(alias, jwk)| format!("{alias} {}", write(jwk))),
            ),
            (
                "push",
                row.push.as_ref().map(|push| push.token.expose().clone()),
            ),
            ("totp", totp),
        ],
    );
}

fn challenge(seen: &mut Seen, row: &ChallengeRow) {
    let push = &row.push;
    let json = |value: &Option<Value>| value.as_ref().map(write);
    let token = push.transaction_token.expose();
    let review = row.review.as_ref().map(|review| {
        format!(
            "{} {} {} {} {} {} {} {:?} {:?} {:?} {:?} {}",
            review.headline,
            review.source,
            review.shown,
            review.shown_document,
            review.templates,
            review.locale,
            review.zone,
            review.blocked,
            review.confirmation,
            review.audience,
            review.amounts,
            review.at
        )
    });
    seen.add(
        format!("challenge {}", row.id),
        [
            ("enrollment", Some(row.enrollment.clone())),
            ("asked of", Some(push.enrollment.clone())),
            ("token", (!token.is_empty()).then(|| token.clone())),
            ("challenge", Some(push.challenge.clone())),
            (
                "requested_at",
                Some(format!("{} {}", push.requested_at, push.requested_at_text)),
            ),
            ("source", json(&push.source)),
            ("location", json(&push.location)),
            ("consent_id", push.consent_id.clone()),
            ("server_hint", Some(push.server_hint.clone())),
            ("consent", row.consent.clone()),
            ("review", review),
        ],
    );
}

fn decision(seen: &mut Seen, row: &DecisionRow) {
    let named = |decision| match decision {
        Decision::Approve => "approve",
        Decision::Deny => "deny",
    };
    assert!(row.decision == row.receipt.decision && row.reason == row.receipt.reason);
    assert!(row.receipt.challenge.as_str() == row.challenge);
    seen.add(
        format!("decision {}", row.challenge),
        [
            ("enrollment", Some(row.enrollment.clone())),
            ("decision", Some(named(row.decision).to_owned())),
            ("reason", Some(format!("{:?}", row.reason))),
            ("claim", Some(format!("{:?}", row.claim))),
            ("server_code", row.receipt.server_code.clone()),
        ],
    );
}

/// What became of a decision that is no longer kept.
fn receipt(seen: &mut Seen, id: &str, found: &Receipt) {
    assert!(found.challenge.as_str() == id);
    seen.add(
        format!("receipt {id}"),
        [
            (
                "decision",
                Some(format!("{:?} {:?}", found.decision, found.reason)),
            ),
            (
                "delivery",
                Some(format!("{:?} {:?}", found.delivery, found.last_error)),
            ),
        ],
    );
}

/// Nobody but the person makes an approval; that one is gone can be seen elsewhere.
fn approved(seen: &mut Seen, row: &AlikeRow) {
    let approved = row.approved.then(|| "yes".to_owned());
    seen.add(format!("decision {}", row.id), [("approved", approved)]);
}

/// A period stands in the clear: it may be another, or gone, but it ends.
fn quiet(seen: &mut Seen, codes: &[ErrorCode], found: Result<Option<i64>>) {
    if let Some(until) = seen.read(codes, found).flatten() {
        assert!(until > START && until <= LONGEST_QUIET, "quiet for ever");
    }
}

fn entry(seen: &mut Seen, found: &HistoryEntry) {
    // A record of what became of the answer may be gone; another one may not stand in for it.
    let settled = found
        .delivery
        .filter(|delivery| *delivery != Delivery::Queued);
    seen.add(
        format!("entry {}", found.challenge),
        [
            ("enrollment", Some(found.enrollment.as_str().to_owned())),
            (
                "account",
                Some(format!("{} {}", found.account.issuer, found.account.user)),
            ),
            ("headline", Some(found.headline.clone())),
            (
                "decision",
                Some(format!("{:?} {:?}", found.decision, found.reason)),
            ),
            ("delivery", settled.map(|delivery| format!("{delivery:?}"))),
            (
                "shown",
                Some(format!(
                    "{:?} {:?} {:?}",
                    found.source, found.shown, found.shown_document
                )),
            ),
            ("answer", found.answer.clone()),
            (
                "approval key",
                Some(format!("{:?}", found.approval_thumbprint)),
            ),
        ],
    );
}

fn records(seen: &mut Seen, id: &str, chain: &[ChainRecord]) {
    for record in chain {
        if let Some(value) = &record.record {
            let about = format!("record {id} {}", record.seq);
            seen.add(about, [("record", Some(write(value)))]);
        }
    }
}

/// Where nothing is said to be broken, every record up to the last one that a checkpoint covers is there.
fn history_holds(
    seen: &mut Seen,
    codes: &[ErrorCode],
    store: &Store,
    row: &EnrollmentRow,
    chain: &[ChainRecord],
) {
    let Some(found) = seen.read(codes, verify(store, row, dialect(row.dialect))) else {
        return;
    };
    let report = found.report;
    if report.broken.is_none() {
        assert!(report.records >= report.checkpointed, "records are missing");
        assert!(
            chain
                .iter()
                .map(|record| record.seq)
                .eq(1..=report.records as i64)
        );
        assert!(chain.iter().all(|record| record.record.is_some()));
    }
}
