//! Does the history still say what was written? Links, signed answers, shown documents, signed checkpoints.
//!
//! Each record names the digest of the one before it, so a record is vouched for by its successor, and the last one by the
//! sealed note of its account and by a checkpoint: a compact JWS in which the enrolment key signs its number and digest.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::{BrokenEntry, HistoryFault, HistoryReport};
use crate::challenge::ChallengeId;
use crate::core::{Core, blocking, dialect};
use crate::enrollment::EnrollmentId;
use crate::error::{ErrorClass, Result};
use crate::jose::{self, Jwk, Signer, base64url, sha256};
use crate::json::{self, Value, object};
use crate::protocol::{Dialect, Verdict};
use crate::store::{APART, CONTINUES, ChainRecord, EnrollmentRow, Head, OPENS, SETTLES, Store};

/// `typ` of a checkpoint, so that no other token of the key can stand for one (RFC 8725 §3.11).
const CHECKPOINT: &str = "authenticator-core-checkpoint+jwt";
/// Records after which a call that signs anyway signs a checkpoint too.
const CHECKPOINT_EVERY: i64 = 50;
/// Records in memory at a time.
pub(super) const PAGE: u32 = 200;
/// Format of an export.
const EXPORT: &str = "authenticator-core-history/1";

impl Core {
    pub(crate) async fn verify_history(
        self: &Arc<Self>,
        id: &EnrollmentId,
    ) -> Result<HistoryReport> {
        let row = self.history_row(id.as_str())?;
        let core = Arc::clone(self);
        blocking(move || Ok(verify(&core.store, &row, dialect(row.dialect))?.report)).await
    }

    pub(crate) async fn export_history(self: &Arc<Self>, id: &EnrollmentId) -> Result<String> {
        let row = self.history_row(id.as_str())?;
        let (core, account) = (Arc::clone(self), row.clone());
        let found =
            blocking(move || verify(&core.store, &account, dialect(account.dialect))).await?;
        // What is broken is told, not vouched for.
        if let (None, Some(head)) = (&found.report.broken, found.head)
            && u64::try_from(head.seq).is_ok_and(|seq| seq > found.report.checkpointed)
        {
            match self.sign_checkpoint(&row, head).await {
                // A history outlives the key that signed it.
                Err(error) if error.class() != ErrorClass::ReEnroll => return Err(error),
                _ => {}
            }
        }
        let core = Arc::clone(self);
        blocking(move || export(&core.store, &row, &found.report, core.now(&row))).await
    }

    /// Signs a checkpoint when the last one is long ago. Best effort: the next call tries again.
    pub(crate) async fn checkpoint_if_due(self: &Arc<Self>, enrollment: &str) {
        if let Err(error) = self.try_checkpoint(enrollment).await {
            tracing::warn!(
                code = error.code().as_str(),
                "no checkpoint of the history was signed"
            );
        }
    }

    async fn try_checkpoint(self: &Arc<Self>, enrollment: &str) -> Result<()> {
        if self.store.records_since_checkpoint(enrollment)? < CHECKPOINT_EVERY {
            return Ok(());
        }
        let row = self.enrollment_row(enrollment)?;
        let (core, account) = (Arc::clone(self), row.clone());
        match blocking(move || linked_since_checkpoint(&core.store, &account)).await? {
            Some(head) => self.sign_checkpoint(&row, head).await,
            None => Ok(()),
        }
    }

    async fn sign_checkpoint(self: &Arc<Self>, row: &EnrollmentRow, head: Link) -> Result<()> {
        let core = Arc::clone(self);
        let enrollment = row.identity.enrollment.clone();
        self.signed(row, move |wire, _, signer| {
            let token = checkpoint(signer, &enrollment, &head, Kind::Plain, wire.now)?;
            core.store.add_checkpoint(&enrollment, head.seq, &token)
        })
        .await
    }
}

/// What a checkpoint says besides that a record has this digest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing.
    Plain,
    /// All records up to this one were removed on purpose: the chain starts after it.
    Anchor,
}

pub(crate) fn checkpoint(
    signer: &dyn Signer,
    enrollment: &str,
    link: &Link,
    kind: Kind,
    now: i64,
) -> Result<String> {
    let header = object([
        ("alg", jose::alg(signer.jwk()).into()),
        ("typ", CHECKPOINT.into()),
    ]);
    let mut claims = vec![
        ("enrollment".to_owned(), enrollment.into()),
        ("seq".to_owned(), link.seq.into()),
        ("hash".to_owned(), link.digest.as_str().into()),
        ("iat".to_owned(), now.div_euclid(1000).into()),
    ];
    if kind == Kind::Anchor {
        claims.push(("pruned".to_owned(), true.into()));
    }
    jose::sign_compact(signer, &header, &Value::Object(claims))
}

/// What a checkpoint vouches for.
struct Vouched {
    digest: String,
    kind: Kind,
}

/// `None` if it is not a checkpoint of this key, account and record.
fn vouched(key: &Jwk, enrollment: &str, seq: i64, token: &str) -> Option<Vouched> {
    let (header, claims) = jose::verify_compact(key, token)?;
    let fits = header.get("typ").and_then(Value::as_str) == Some(CHECKPOINT)
        && claims.get("enrollment").and_then(Value::as_str) == Some(enrollment)
        && integer(&claims, "seq") == Some(seq);
    let digest = text(&claims, "hash").filter(|_| fits)?.to_owned();
    let kind = match claims.get("pruned").and_then(Value::as_bool) {
        Some(true) => Kind::Anchor,
        _ => Kind::Plain,
    };
    Some(Vouched { digest, kind })
}

/// The record that the chain starts after, if it was pruned: number and digest. Its checkpoint is always the first one.
fn anchor(key: &Jwk, enrollment: &str, checkpoints: &[(i64, String)]) -> Option<(i64, String)> {
    let (seq, token) = checkpoints.first()?;
    let vouched = vouched(key, enrollment, *seq, token)?;
    (vouched.kind == Kind::Anchor).then_some((*seq, vouched.digest))
}

/// A report, and what a checkpoint would be signed over.
pub(crate) struct Found {
    pub(crate) report: HistoryReport,
    pub(crate) head: Option<Link>,
}

/// One record's place in the chain.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) seq: i64,
    pub(super) digest: String,
    prev: Option<String>,
    challenge: Option<ChallengeId>,
}

impl Link {
    pub(super) fn of(record: &ChainRecord) -> Link {
        let prev = record.record.as_ref().and_then(|value| text(value, "prev"));
        Link {
            seq: record.seq,
            digest: record.digest.clone(),
            prev: prev.map(str::to_owned),
            challenge: (!record.challenge.is_empty()).then(|| ChallengeId::new(&record.challenge)),
        }
    }
}

/// Reads a whole chain and its checkpoints.
pub(crate) fn verify(store: &Store, row: &EnrollmentRow, dialect: &dyn Dialect) -> Result<Found> {
    let enrollment = &row.identity.enrollment;
    let mut check = Check {
        enrollment,
        key: Jwk::from_json(&row.jwk)?,
        dialect,
        start: 0,
        links: Vec::new(),
        decided: HashMap::new(),
        answered: HashSet::new(),
        faults: BTreeMap::new(),
        answers: 0,
        approvals: Vec::new(),
        approval_key: None,
    };
    // Read first: a record that is added meanwhile is only ever after the last checkpoint.
    let checkpoints = store.checkpoints(enrollment)?;
    let mut vouchers: Vec<_> = store.vouched_by_successor(row)?.into_iter().collect();
    let noted = store.chain_head(enrollment)?;
    // Records from before the anchor would be shown too: then it is a checkpoint like any other.
    let first = store.chain(enrollment, 0, 1)?.pop();
    if let Some((seq, _)) = anchor(&check.key, enrollment, &checkpoints)
        && first.is_none_or(|first| first.seq > seq)
    {
        check.start = seq;
    }
    loop {
        let page = store.chain(enrollment, check.last(), PAGE)?;
        if page.is_empty() {
            break;
        }
        for record in &page {
            check.record(record);
        }
    }
    let key = row.approval_key.as_ref();
    let key = key.map(|(_, jwk)| Jwk::from_json(jwk)).transpose()?;
    check.approved_with(key.map(|key| key.thumbprint()).as_ref());
    let vouched = match noted {
        Head::At(seq, digest) => {
            vouchers.push((seq, digest));
            true
        }
        // The first record may have been added since.
        Head::None => {
            check.links.is_empty() || matches!(store.chain_head(enrollment)?, Head::At(..))
        }
        Head::Broken => false,
    };
    if !vouched {
        check.fault(check.last() + 1, None, HistoryFault::Missing);
    }
    let checkpointed = check.chain(&checkpoints, &vouchers);
    Ok(check.found(checkpointed))
}

/// The last record, if the chain holds from the last checkpoint up to it.
fn linked_since_checkpoint(store: &Store, row: &EnrollmentRow) -> Result<Option<Link>> {
    let enrollment = &row.identity.enrollment;
    let key = Jwk::from_json(&row.jwk)?;
    let noted = store.chain_head(enrollment)?;
    let checkpoints = store.checkpoints(enrollment)?;
    let last = checkpoints.last();
    let mut expected = last.map(|(seq, token)| (*seq, vouched(&key, enrollment, *seq, token)));
    let mut at = expected.as_ref().map_or(0, |(seq, _)| seq - 1);
    let mut head: Option<Link> = None;
    if let [_] = checkpoints.as_slice()
        && let Some((seq, digest)) = anchor(&key, enrollment, &checkpoints)
    {
        // Nothing was signed since the pruning, and the record that was signed then is gone.
        (at, expected) = (seq, None);
        head = Some(Link {
            seq,
            digest,
            prev: None,
            challenge: None,
        });
    }
    loop {
        let page = store.chain(enrollment, at, PAGE)?;
        if page.is_empty() {
            let whole = matches!(&noted, Head::At(seq, _) if head.as_ref().is_some_and(|head| head.seq >= *seq));
            return Ok(head.filter(|_| whole));
        }
        for record in &page {
            let link = Link::of(record);
            let number = record
                .record
                .as_ref()
                .and_then(|value| integer(value, "seq"));
            let follows = link.seq == at + 1
                && number == Some(link.seq)
                && head
                    .as_ref()
                    .is_none_or(|before| link.prev.as_ref() == Some(&before.digest))
                && expected
                    .take()
                    .is_none_or(|(_, vouched)| vouched.is_some_and(|v| v.digest == link.digest));
            if !follows {
                return Ok(None);
            }
            at = link.seq;
            head = Some(link);
        }
    }
}

/// What is known of a chain after reading a part of it.
struct Check<'a> {
    enrollment: &'a str,
    key: Jwk,
    dialect: &'a dyn Dialect,
    /// Number of the record that the chain starts after; 0: it is whole.
    start: i64,
    links: Vec<Link>,
    decided: HashMap<String, Decided>,
    /// The server's challenges that were decided.
    answered: HashSet<String>,
    /// The first fault of each record.
    faults: BTreeMap<i64, (Option<ChallengeId>, HistoryFault)>,
    answers: u64,
    /// Approvals since the approval key last changed, with the thumbprint of the key that signed each.
    approvals: Vec<(i64, ChallengeId, Option<String>)>,
    /// Thumbprint of the key that the last change made.
    approval_key: Option<String>,
}

/// A decision, as its record says.
struct Decided {
    at: i64,
    server_challenge: String,
    verdict: Verdict,
}

impl Check<'_> {
    fn last(&self) -> i64 {
        self.links.last().map_or(self.start, |link| link.seq)
    }

    fn fault(&mut self, seq: i64, challenge: Option<ChallengeId>, fault: HistoryFault) {
        self.faults.entry(seq).or_insert((challenge, fault));
    }

    /// What can be said of one record by itself and those before it.
    fn record(&mut self, record: &ChainRecord) {
        let expected = self.last() + 1;
        if record.seq != expected {
            self.fault(expected, None, HistoryFault::Missing);
        }
        let mut link = Link::of(record);
        let result = match record
            .record
            .as_ref()
            .and_then(|value| Some((value, value.get("body")?)))
        {
            None => Err(HistoryFault::Unreadable),
            Some((value, _))
                if integer(value, "seq") != Some(record.seq)
                    || (record.seq == 1) != link.prev.is_none() =>
            {
                Err(HistoryFault::Displaced)
            }
            Some((_, body)) => self.body(record, body),
        };
        if let Err(fault) = result {
            self.fault(record.seq, link.challenge.clone(), fault);
            if fault == HistoryFault::Displaced {
                // The record before it is another one than it speaks of.
                link.prev = None;
            }
        }
        self.links.push(link);
    }

    fn body(
        &mut self,
        record: &ChainRecord,
        body: &Value,
    ) -> std::result::Result<(), HistoryFault> {
        let event = text(body, "event").ok_or(HistoryFault::Unreadable)?;
        let settles = match event {
            "decided" | "missed" => OPENS,
            "settled" => SETTLES,
            "approval_key" | "pruned" | CONTINUES => APART,
            _ => return Err(HistoryFault::Unreadable),
        };
        if text(body, "challenge") != Some(&record.challenge) || settles != record.settles {
            return Err(HistoryFault::Displaced);
        }
        if event == "settled" {
            return self.settled(record, body);
        }
        if text(body, "enrollment") != Some(self.enrollment)
            || integer(body, "at") != Some(record.at)
        {
            return Err(HistoryFault::Displaced);
        }
        match event {
            "decided" => self.decision(record, body)?,
            "approval_key" => return self.key_change(body),
            "pruned" | CONTINUES => {
                // Numbers that whoever reads it relies on.
                let through = integer(body, "through").filter(|seq| *seq >= 0);
                return through.map(drop).ok_or(HistoryFault::Unreadable);
            }
            _ => {}
        }
        match body.get("review") {
            Some(review) if !document_fits(review) => Err(HistoryFault::Shown),
            _ => Ok(()),
        }
    }

    fn decision(
        &mut self,
        record: &ChainRecord,
        body: &Value,
    ) -> std::result::Result<(), HistoryFault> {
        let decided = decided(record.at, body).ok_or(HistoryFault::Unreadable)?;
        let approved = decided.verdict.approve;
        let signer = match &decided.verdict.consent_claim {
            Some(claim) => approval_signer(claim),
            None => Ok(None),
        };
        let fits = claim_fits(&decided.verdict, body.get("review"));
        // One request of the server has one decision.
        let again = !self.answered.insert(decided.server_challenge.clone());
        let first = self.decided.insert(record.challenge.clone(), decided);
        if again || first.is_some() {
            return Err(HistoryFault::Displaced);
        }
        if !fits {
            return Err(HistoryFault::Shown);
        }
        let signer = signer?;
        if approved {
            let challenge = ChallengeId::new(&record.challenge);
            self.approvals.push((record.seq, challenge, signer));
        }
        Ok(())
    }

    fn key_change(&mut self, body: &Value) -> std::result::Result<(), HistoryFault> {
        let old = text(body, "old").map(str::to_owned);
        let new = text(body, "new").ok_or(HistoryFault::Unreadable)?;
        self.approved_with(old.as_ref());
        match self.approval_key.replace(new.to_owned()) {
            Some(before) if Some(&before) != old.as_ref() => Err(HistoryFault::UserVerification),
            _ => Ok(()),
        }
    }

    /// Which key must have signed the approvals since the last change: the next change, or the account, says so.
    fn approved_with(&mut self, key: Option<&String>) {
        for (seq, challenge, signer) in std::mem::take(&mut self.approvals) {
            if signer.as_ref() != key {
                self.fault(seq, Some(challenge), HistoryFault::UserVerification);
            }
        }
    }

    fn settled(
        &mut self,
        record: &ChainRecord,
        body: &Value,
    ) -> std::result::Result<(), HistoryFault> {
        let decided = self
            .decided
            .get(&record.challenge)
            .ok_or(HistoryFault::Displaced)?;
        if decided.at != record.at {
            return Err(HistoryFault::Displaced);
        }
        let Some(answer) = text(body, "answer") else {
            // Only what was never sent has no answer.
            return match text(body, "delivery") {
                Some("undelivered") => Ok(()),
                _ => Err(HistoryFault::Answer),
            };
        };
        let said = jose::verify_compact(&self.key, answer)
            .and_then(|(_, claims)| self.dialect.read_answer(&claims));
        match said {
            Some((challenge, verdict))
                if challenge == decided.server_challenge && verdict == decided.verdict =>
            {
                self.answers += 1;
                Ok(())
            }
            _ => Err(HistoryFault::Answer),
        }
    }

    /// From the end to the start: each record against what vouches for it. Returns how far checkpoints reach.
    fn chain(&mut self, checkpoints: &[(i64, String)], vouchers: &[(i64, String)]) -> i64 {
        let mut vouched_for = BTreeMap::new();
        for (seq, token) in checkpoints {
            match vouched(&self.key, self.enrollment, *seq, token) {
                Some(vouched) => drop(vouched_for.insert(*seq, vouched.digest)),
                None => self.fault(*seq, None, HistoryFault::Checkpoint),
            }
        }
        let ends = checkpoints.iter().map(|(seq, _)| *seq);
        let ends = ends.chain(vouchers.iter().map(|(seq, _)| *seq));
        // What was pruned is followed by the record that says so.
        let reach = ends.chain([self.start + i64::from(self.start > 0)]).max();
        if reach.is_some_and(|reach| reach > self.last()) {
            self.fault(self.last() + 1, None, HistoryFault::Missing);
        }
        let mut expected: Option<(i64, String)> = None;
        let links = std::mem::take(&mut self.links);
        for link in links.iter().rev() {
            let by_next = expected
                .take()
                .filter(|(seq, _)| *seq == link.seq)
                .map(|(_, digest)| digest);
            let by_others = vouchers
                .iter()
                .filter(|(seq, _)| *seq == link.seq)
                .map(|(_, digest)| digest);
            let mut digests = by_next
                .iter()
                .chain(vouched_for.get(&link.seq))
                .chain(by_others);
            if digests.any(|digest| *digest != link.digest) {
                // Neither is what it says of the record before it to be believed.
                self.fault(link.seq, link.challenge.clone(), HistoryFault::Altered);
            } else {
                expected = link.prev.clone().map(|digest| (link.seq - 1, digest));
            }
        }
        if let (Some((seq, digest)), Some(link)) = (expected, links.first())
            && seq == self.start
            && vouched_for.get(&seq) != Some(&digest)
        {
            // It does not follow the record that the chain was cut after.
            self.fault(link.seq, link.challenge.clone(), HistoryFault::Displaced);
        }
        self.links = links;
        vouched_for
            .keys()
            .copied()
            .filter(|seq| *seq <= self.last())
            .max()
            .unwrap_or(0)
    }

    fn found(self, checkpointed: i64) -> Found {
        let number = |seq: i64| u64::try_from(seq).unwrap_or(0);
        let broken = self.faults.into_iter().next();
        Found {
            report: HistoryReport {
                enrollment: EnrollmentId::new(self.enrollment),
                records: self.links.len() as u64,
                pruned: number(self.start),
                answers: self.answers,
                checkpointed: number(checkpointed),
                broken: broken.map(|(seq, (challenge, fault))| BrokenEntry {
                    seq: number(seq),
                    challenge,
                    fault,
                }),
            },
            head: self.links.into_iter().next_back(),
        }
    }
}

fn decided(at: i64, body: &Value) -> Option<Decided> {
    let approve = match text(body, "decision")? {
        "approve" => true,
        "deny" => false,
        _ => return None,
    };
    let consent_claim = match text(body, "claim") {
        Some(claim) => Some(json::read(claim.as_bytes(), json::Limits::BODY).ok()?),
        None => None,
    };
    let reason = text(body, "reason").map(str::to_owned);
    let server_challenge = text(body, "server_challenge")?.to_owned();
    Some(Decided {
        at,
        server_challenge,
        verdict: Verdict {
            approve,
            reason,
            consent_claim,
        },
    })
}

/// Whether the claim commits to the review beside it, and an approval to one at all.
fn claim_fits(verdict: &Verdict, review: Option<&Value>) -> bool {
    let Some(claim) = &verdict.consent_claim else {
        return review.is_some() || !verdict.approve;
    };
    match claim.get("reviewed").and_then(Value::as_bool) {
        Some(false) => !verdict.approve,
        Some(true) => review.is_some_and(|review| {
            let same =
                |name| text(claim, name).is_some_and(|digest| text(review, name) == Some(digest));
            same("source") && same("shown")
        }),
        None => false,
    }
}

/// Thumbprint of the approval key that signed what was shown, if the claim says that one did.
fn approval_signer(claim: &Value) -> std::result::Result<Option<String>, HistoryFault> {
    let (key, signature) = match (claim.get("uv_key"), text(claim, "uv_sig")) {
        (None, None) => return Ok(None),
        (Some(key), Some(signature)) => (key, signature),
        _ => return Err(HistoryFault::UserVerification),
    };
    let signed = || {
        let key = Jwk::from_json(key).ok()?;
        let shown = text(claim, "shown")?;
        let verified = key.verify(shown.as_bytes(), &jose::from_base64url(signature)?);
        verified.then(|| key.thumbprint())
    };
    signed().map(Some).ok_or(HistoryFault::UserVerification)
}

/// Whether the document that was shown has the digest `shown`, and names `source`. A review without digests could not be
/// approved: its document stands for itself, and names no source.
fn document_fits(review: &Value) -> bool {
    let (Some(document), Some(shown), Some(source)) = (
        text(review, "document"),
        text(review, "shown"),
        text(review, "source"),
    ) else {
        return false;
    };
    let named = json::read(document.as_bytes(), json::Limits::STORED).ok();
    if shown.is_empty() && source.is_empty() {
        return document.is_empty() || named.is_some_and(|value| value.get("source").is_none());
    }
    shown == base64url(&sha256(document.as_bytes()))
        && named.is_some_and(|value| text(&value, "source") == Some(source))
}

/// The whole chain as JSON text; it starts with the record after number `pruned`. A record that cannot be read is `null`.
fn export(store: &Store, row: &EnrollmentRow, report: &HistoryReport, now: i64) -> Result<String> {
    let enrollment = &row.identity.enrollment;
    let (mut records, mut after) = (Vec::new(), 0);
    loop {
        let page = store.chain(enrollment, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        records.extend(
            page.into_iter()
                .map(|record| record.record.unwrap_or(Value::Null)),
        );
    }
    let checkpoints = store
        .checkpoints(enrollment)?
        .into_iter()
        .map(|(_, token)| token.into())
        .collect::<Vec<Value>>();
    let broken = report.broken.as_ref().map(|broken| {
        object([
            ("seq", i64::try_from(broken.seq).unwrap_or(i64::MAX).into()),
            (
                "challenge",
                broken
                    .challenge
                    .as_ref()
                    .map_or(Value::Null, |id| id.as_str().into()),
            ),
            ("fault", broken.fault.as_str().into()),
        ])
    });
    Ok(json::write(&object([
        ("format", EXPORT.into()),
        ("exported_at", now.into()),
        ("server", row.identity.base_url.as_str().into()),
        ("enrollment", enrollment.as_str().into()),
        ("user", row.identity.user.as_str().into()),
        ("key", row.jwk.clone()),
        ("broken", broken.unwrap_or(Value::Null)),
        (
            "pruned",
            i64::try_from(report.pruned).unwrap_or(i64::MAX).into(),
        ),
        ("records", records.into()),
        ("checkpoints", checkpoints.into()),
    ])))
}

pub(super) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

fn integer(value: &Value, name: &str) -> Option<i64> {
    value.get(name)?.as_number()?.as_i64()
}
