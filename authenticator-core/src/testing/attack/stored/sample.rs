//! A phone with two accounts in the middle of its life.

use super::super::{key, page};
use crate::authenticator::DialectName;
use crate::challenge::{Alert, ChallengeId};
use crate::clock::SystemEntropy;
use crate::consent::{Details, Display};
use crate::core::dialect;
use crate::decision::{Decision, Delivery, Receipt};
use crate::error::{ErrorCode, Result};
use crate::history::{Kind, checkpoint, verify};
use crate::jose::Signer;
use crate::json::{Limits, object, read, write};
use crate::keys::{KeyAlgorithm, ProtectionLevel};
use crate::otp::Totp;
use crate::protocol::{Identity, Push, PushService, PushToken, Verdict, Wire};
use crate::secret::Secret;
use crate::store::{ChallengeRow, DecisionRow, EnrollmentRow, ReviewRow, ServerRow, Store};

pub(super) const ANA: &str = "dev_ana";
pub(super) const BEN: &str = "dev_ben";
pub(super) const AUDIENCE: &str = "https://api.bank.example";
/// Open, with a review; queued, begun to be sent; denied and delivered; missed; two of the other account.
pub(super) const CHALLENGES: [&str; 6] = [
    "chl_open",
    "chl_sent",
    "chl_done",
    "chl_missed",
    "chl_ben",
    "chl_not_me",
];
const SERVER: &str = "https://bank-dev.eu.auth0.com/appliance-mfa";
const CONSENT: &str = r#"{"id":"cns_1","requested_details":{"binding_message":"TX-1"}}"#;
pub(super) const START: i64 = 1_768_473_000_000;
const END: i64 = START + 300_000;
const QUIET: i64 = START + 3_600_000;

/// All of it.
pub(super) fn fill(store: &Store) -> Result<()> {
    begin(store)?;
    finish(store)
}

/// Accounts, requests, first decisions.
pub(super) fn begin(store: &Store) -> Result<()> {
    store.add_server(&ServerRow {
        name: "bank".into(),
        base_url: SERVER.into(),
        dialect: DialectName::Guardian,
    })?;
    store.add_enrollment(&account(ANA), &[])?;
    store.add_enrollment(&account(BEN), &[])?;
    for id in ["chl_open", "chl_sent", "chl_done"] {
        ask(store, id, ANA, END)?;
    }
    ask(store, "chl_missed", ANA, START + 1)?;
    ask(store, "chl_ben", BEN, END)?;
    ask(store, "chl_not_me", BEN, END)?;
    decide(store, "chl_done", Decision::Deny, None)?;
    send(store, "chl_done")?;
    settle(store, "chl_done", Delivery::Delivered)
}

/// What happened after.
pub(super) fn finish(store: &Store) -> Result<()> {
    store.expire(ANA, START + 2)?;
    let row = store.enrollment(ANA)?.expect("an account");
    let head = verify(store, &row, dialect(row.dialect))?.head;
    let head = head.expect("a record");
    let token = checkpoint(key(), ANA, &head, Kind::Plain, START)?;
    store.add_checkpoint(ANA, head.seq, &token)?;
    decide(store, "chl_sent", Decision::Approve, None)?;
    send(store, "chl_sent")?;
    let approval = ("approval".to_owned(), key().jwk().to_json());
    store.replace_approval_key(BEN, &approval, START)?;
    decide(store, "chl_not_me", Decision::Deny, Some("not_me"))?;
    send(store, "chl_not_me")?;
    settle(store, "chl_not_me", Delivery::Refused)
}

fn account(id: &str) -> EnrollmentRow {
    EnrollmentRow {
        identity: Identity {
            enrollment: id.into(),
            user: format!("auth0|{id}"),
            identifier: format!("phone-{id}"),
            base_url: SERVER.into(),
        },
        server: "bank".into(),
        dialect: DialectName::Guardian,
        issuer: "bank-dev".into(),
        label: format!("{id}@example.com"),
        device_name: "Phone".into(),
        key_alias: format!("key-{id}"),
        algorithm: KeyAlgorithm::P256,
        protection: ProtectionLevel::Software,
        jwk: key().jwk().to_json(),
        approval_key: None,
        push: Some(PushToken {
            service: PushService::Fcm,
            token: Secret::new(format!("push-{id}")),
        }),
        totp: Totp::new("GEZDGNBVGY3TQOJQ", "sha1", 6, 30).ok(),
        enrolled_at: START - 1000,
        last_used_at: None,
        clock_offset: 0,
        continued_by: None,
    }
}

fn push(id: &str, account: &str) -> Push {
    Push {
        enrollment: account.into(),
        transaction_token: Secret::new(format!("token-{id}")),
        challenge: format!("server-{id}"),
        source: Some(object([("b", object([("n", "Safari".into())]))])),
        ..page::push(Some("cns_1"))
    }
}

fn ask(store: &Store, id: &str, account: &str, expires_at: i64) -> Result<()> {
    let push = push(id, account);
    let display = Display {
        locale: "en-GB".into(),
        zone: "UTC".into(),
        utc_offset_minutes: 0,
    };
    // Shorter than what belongs to the consent: it is read many times over.
    let rendered = page::render(&page::input(Details::None, &push, &display));
    let digests = rendered.digests.expect("digests");
    let row = ChallengeRow {
        id: id.into(),
        enrollment: account.into(),
        push,
        received_at: START,
        expires_at,
        consent: None,
        review: None,
        expired: false,
        alert: Alert::Normal,
    };
    store.receive(&row, None, u32::MAX)?;
    store.set_consent_asking(id, Some(CONSENT), expires_at, Some("the same"))?;
    store.set_review(
        id,
        &ReviewRow {
            headline: rendered.headline,
            source: digests.source,
            shown: digests.shown,
            shown_document: digests.shown_document,
            templates: digests.templates,
            locale: display.locale,
            zone: digests.zone,
            blocked: None,
            confirmation: Some("249".into()),
            audience: Some(AUDIENCE.into()),
            amounts: vec![("249.00".into(), "EUR".into())],
            at: START,
        },
    )
}

fn decide(store: &Store, id: &str, decision: Decision, reason: Option<&str>) -> Result<()> {
    let challenge = store.challenge(id)?.expect("a challenge");
    let review = challenge.review.expect("a review");
    let claim = match decision {
        Decision::Approve => object([
            ("v", 1.into()),
            ("reviewed", true.into()),
            ("source", review.source.as_str().into()),
            ("shown", review.shown.as_str().into()),
        ]),
        Decision::Deny => object([("v", 1.into()), ("reviewed", false.into())]),
    };
    let reason = reason.map(str::to_owned);
    let row = DecisionRow {
        challenge: id.into(),
        enrollment: challenge.enrollment,
        decision,
        reason: reason.clone(),
        claim: Some(write(&claim)),
        decided_at: START,
        expires_at: END,
        approved_with: None,
        receipt: Receipt {
            challenge: ChallengeId::new(id),
            decision,
            reason,
            delivery: Delivery::Queued,
            decided_at: START,
            attempts: 0,
            next_attempt_at: Some(START),
            last_error: None,
            server_code: None,
        },
    };
    let committed = store.decide(&row, Some(&review.shown), |aftermath| {
        if row.reason.is_some() {
            aftermath.keep_quiet(&row.enrollment, Some(AUDIENCE), START, QUIET)?;
        }
        aftermath.record_requester(&row.enrollment, AUDIENCE, START, |memory| {
            memory.approved += i64::from(decision == Decision::Approve);
            memory.highest = vec![("EUR".into(), "249.00".into())];
        })
    });
    committed.map(drop)
}

/// An attempt that never ended.
fn send(store: &Store, id: &str) -> Result<()> {
    let challenge = store.challenge(id)?.expect("a challenge");
    let decided = store.decision(id)?.expect("a decision");
    let account = store
        .enrollment(&challenge.enrollment)?
        .expect("an account");
    let claim = decided.claim.expect("a claim");
    let verdict = Verdict {
        approve: decided.decision == Decision::Approve,
        reason: decided.reason,
        consent_claim: read(claim.as_bytes(), Limits::BODY).ok(),
    };
    let wire = Wire {
        now: START,
        entropy: &SystemEntropy,
        client: "e30",
        locale: "en",
        signed_modulus: false,
    };
    let answer = dialect(DialectName::Guardian).answer_request(
        &wire,
        &account.identity,
        key(),
        &challenge.push,
        &verdict,
    )?;
    store
        .begin_attempt(id, &answer.jwt, START, START + 30_000)
        .map(drop)
}

fn settle(store: &Store, id: &str, delivery: Delivery) -> Result<()> {
    let before = store.decision(id)?.expect("a decision").receipt;
    let refused = delivery == Delivery::Refused;
    let receipt = Receipt {
        delivery,
        next_attempt_at: None,
        last_error: refused.then_some(ErrorCode::ServerRefused),
        server_code: refused.then(|| "invalid_body".to_owned()),
        ..before
    };
    store.end_attempt(&receipt, false).map(drop)
}
