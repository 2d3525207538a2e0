//! History: one chain of records an enrollment. A record is the RFC 8785 text of `{"body", "prev", "seq"}`; `prev` is the
//! base64url SHA-256 of the record before and absent in the first. Records are added, never changed: a decision or a missed
//! challenge is one, what became of its answer is another, and a page shows the two together.

use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params_from_iter};

use super::document::{self, Document, document, integer, named, optional, text};
use super::fault::{damaged, internal, unknown_enrollment};
use super::seal::{Column, Sealer};
use super::{ChallengeRow, DecisionRow, EnrollmentRow, Store, enrollments};
use crate::challenge::ChallengeId;
use crate::consent::Account;
use crate::decision::{Delivery, Receipt};
use crate::enrollment::EnrollmentId;
use crate::error::{Error, ErrorCode, Result};
use crate::history::HistoryEntry;
use crate::jose::{self, Jwk};
use crate::json::{self, Value};

const RECORD: Column = Column {
    table: "history",
    name: "record",
};

/// What vouches for the end of a chain: number and digest of its last record. Rows that are cut off leave it behind.
const HEAD: Column = Column {
    table: "enrollments",
    name: "head",
};

/// Entries of a page at most, whatever is asked for.
const PAGE: u32 = 500;

/// Values of the column `settles`: what a record is to the entries of a page.
pub(crate) const OPENS: i64 = 0;
pub(crate) const SETTLES: i64 = 1;
pub(crate) const APART: i64 = 2;

/// A record of a chain as it lies in the store, for whoever checks it.
pub(crate) struct ChainRecord {
    pub seq: i64,
    /// As the columns beside the record say.
    pub challenge: String,
    pub at: i64,
    pub settles: i64,
    /// `None`: it does not open at this place, or is not the RFC 8785 text of anything.
    pub record: Option<Value>,
    /// Digest of its text; empty where it does not open.
    pub digest: String,
}

impl Store {
    /// Newest first. `before` is the `at` of the last entry of the page before; a page is longer than `limit` where
    /// entries of the same millisecond would be torn apart. The history of an account starts with that of those it continues.
    pub(crate) fn history(
        &self,
        enrollment: Option<&str>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>> {
        let mut entries = self.page(enrollment, before, limit)?;
        for ended in enrollment.map_or(Ok(Vec::new()), |id| self.continued(id))? {
            entries.extend(self.page(Some(&ended), before, limit)?);
        }
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.at));
        let last = limit.clamp(1, PAGE) as usize - 1;
        if let Some(oldest) = entries.get(last).map(|entry| entry.at) {
            entries.retain(|entry| entry.at >= oldest);
        }
        Ok(entries)
    }

    fn page(
        &self,
        enrollment: Option<&str>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>> {
        let before = before.unwrap_or(i64::MAX);
        let last = limit.clamp(1, PAGE) - 1;
        let stored = self.read(|store| {
            let mut query = store.prepare(match enrollment {
                Some(_) => PAGE_OF_ONE,
                None => PAGE_OF_ALL,
            })?;
            let rows = match enrollment {
                Some(enrollment) => query.query_map((before, last, enrollment), Stored::from_row),
                None => query.query_map((before, last), Stored::from_row),
            }?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
        })?;
        stored
            .into_iter()
            .map(|stored| stored.open(&self.sealer))
            .collect()
    }

    /// At most `limit` records of a chain with numbers above `after`, in their order.
    pub(crate) fn chain(
        &self,
        enrollment: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<ChainRecord>> {
        let stored = self.read(|store| {
            let mut query = store.prepare(CHAIN)?;
            let rows = query.query_map((enrollment, after, limit), |row| {
                let sealed: Vec<u8> = row.get(4)?;
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, sealed))
            })?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
        })?;
        let records = stored
            .into_iter()
            .map(|(seq, challenge, at, settles, sealed)| {
                let text = self
                    .sealer
                    .open(RECORD, &row_key(enrollment, seq), &sealed)
                    .ok();
                let digest = text.as_ref().map(|text| digest(text)).unwrap_or_default();
                let record = text.and_then(|text| {
                    let value = Document::read(&text).ok()?.into_value();
                    json::canonical(&value)
                        .is_ok_and(|canonical| canonical.as_bytes() == text.as_slice())
                        .then_some(value)
                });
                ChainRecord {
                    seq,
                    challenge,
                    at,
                    settles,
                    record,
                    digest,
                }
            });
        Ok(records.collect())
    }

    /// What vouches for the end of a chain.
    pub(crate) fn chain_head(&self, enrollment: &str) -> Result<Head> {
        self.read(|store| noted_head(store, &self.sealer, enrollment))
    }

    /// The receipt of a decision that is settled, for when the decision itself is no longer kept.
    pub(crate) fn settled_receipt(&self, challenge: &str) -> Result<Option<Receipt>> {
        let stored = self.read(|store| {
            Ok(store
                .query_row(SETTLED, [challenge], |row| {
                    let opened: (i64, Vec<u8>) = (row.get(3)?, row.get(4)?);
                    let settled: (i64, Vec<u8>) = (row.get(1)?, row.get(2)?);
                    Ok((row.get::<_, String>(0)?, opened, settled, row.get(5)?))
                })
                .optional()?)
        })?;
        let Some((enrollment, opened, settled, decided_at)) = stored else {
            return Ok(None);
        };
        let body = |(seq, sealed): (i64, Vec<u8>)| {
            body_about(challenge, &self.sealer, &row_key(&enrollment, seq), &sealed)
        };
        let (opened, settled) = (body(opened)?, body(settled)?);
        Ok(Some(Receipt {
            challenge: ChallengeId::new(challenge),
            decision: opened.named("decision")?,
            reason: opened.optional_text("reason")?,
            delivery: settled.named("delivery")?,
            decided_at,
            attempts: settled.small("attempts")?,
            next_attempt_at: None,
            last_error: settled.optional_named("error")?,
            server_code: settled.optional_text("server_code")?,
        }))
    }

    /// Signed checkpoints of a chain: (number of the record, token), in their order.
    pub(crate) fn checkpoints(&self, enrollment: &str) -> Result<Vec<(i64, String)>> {
        self.read(|store| {
            let mut query = store
                .prepare("SELECT seq, token FROM checkpoints WHERE enrollment = ?1 ORDER BY seq")?;
            let rows = query.query_map([enrollment], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
        })
    }

    /// A checkpoint of a record that has one already changes nothing.
    pub(crate) fn add_checkpoint(&self, enrollment: &str, seq: i64, token: &str) -> Result<()> {
        self.write(|change| {
            if enrollments::find(change, enrollment)?.is_none() {
                return Err(unknown_enrollment());
            }
            change.execute(
                "INSERT INTO checkpoints (enrollment, seq, token) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                (enrollment, seq, token),
            )?;
            Ok(())
        })
    }

    /// What the history of the account that continues this one says of its end: number and digest of a record.
    pub(crate) fn vouched_by_successor(
        &self,
        row: &EnrollmentRow,
    ) -> Result<Option<(i64, String)>> {
        let Some(successor) = &row.continued_by else {
            return Ok(None);
        };
        let mut after = 0;
        // It says so in its first records; other accounts that ended with this one are named beside it.
        while let Some(record) = self.chain(successor, after, 1)?.pop() {
            after = record.seq;
            let body = record.record.as_ref().and_then(|value| value.get("body"));
            let text = |name: &str| body.and_then(|body| body.get(name)?.as_str());
            if text("event") != Some(CONTINUES) {
                break;
            }
            if text("of") == Some(&row.identity.enrollment) {
                let seq = body.and_then(|body| body.get("through")?.as_number()?.as_i64());
                return Ok(seq.zip(text("hash").map(str::to_owned)));
            }
        }
        Ok(None)
    }

    /// Removes the records up to number `through`, which has this digest, and writes that into the history. `anchor` is the
    /// checkpoint that vouches for them from now on. Returns how many there were; the error is `store_unavailable` while an
    /// answer is on its way, and where the record is not the one that was signed for.
    pub(crate) fn prune(
        &self,
        enrollment: &str,
        through: i64,
        digest: &str,
        anchor: &str,
        now: i64,
    ) -> Result<usize> {
        let removed = self.write(|change| {
            if enrollments::find(change, enrollment)?.is_none() {
                return Err(unknown_enrollment());
            }
            let busy = "SELECT EXISTS (SELECT 1 FROM decisions WHERE enrollment = ?1 AND lease_until > ?2)";
            if change.query_row(busy, (enrollment, now), |row| row.get(0))? {
                return Err(Error::new(
                    ErrorCode::StoreUnavailable,
                    "an answer of this account is being sent; try again",
                ));
            }
            let query = "SELECT record FROM history WHERE enrollment = ?1 AND seq = ?2";
            let sealed: Option<Vec<u8>> = change
                .query_row(query, (enrollment, through), |row| row.get(0))
                .optional()?;
            let place = row_key(enrollment, through);
            let same = sealed
                .and_then(|sealed| self.sealer.open(RECORD, &place, &sealed).ok())
                .is_some_and(|record| self::digest(&record) == digest);
            if !same {
                return Err(Error::new(
                    ErrorCode::StoreUnavailable,
                    "the history has changed meanwhile; try again",
                ));
            }
            record_pruned(change, &self.sealer, enrollment, now, through)?;
            let removed = change.execute(
                "DELETE FROM history WHERE enrollment = ?1 AND seq <= ?2",
                (enrollment, through),
            )?;
            change.execute(
                "DELETE FROM checkpoints WHERE enrollment = ?1 AND seq <= ?2",
                (enrollment, through),
            )?;
            change.execute(
                "INSERT INTO checkpoints (enrollment, seq, token) VALUES (?1, ?2, ?3)",
                (enrollment, through, anchor),
            )?;
            Ok(removed)
        })?;
        self.empty_log()?;
        Ok(removed)
    }

    /// Records since the last checkpoint, or since the start.
    pub(crate) fn records_since_checkpoint(&self, enrollment: &str) -> Result<i64> {
        self.read(|store| {
            Ok(store.query_row(
                "SELECT coalesce((SELECT max(seq) FROM history WHERE enrollment = ?1), 0)
                      - coalesce((SELECT max(seq) FROM checkpoints WHERE enrollment = ?1), 0)",
                [enrollment],
                |row| row.get(0),
            )?)
        })
    }

    /// Seals another record in the place of one, as somebody could who has the data key.
    #[cfg(test)]
    pub(crate) fn forge_record(&self, enrollment: &str, seq: i64, record: &Value) {
        let text = json::canonical(record).unwrap();
        let sealed = self
            .sealer
            .seal(RECORD, &row_key(enrollment, seq), text.as_bytes())
            .unwrap();
        let change = "UPDATE history SET record = ?3 WHERE enrollment = ?1 AND seq = ?2";
        assert_eq!(
            self.connection()
                .execute(change, (enrollment, seq, sealed))
                .unwrap(),
            1
        );
    }

    #[cfg(test)]
    pub(crate) fn sealed_record(&self, enrollment: &str, seq: i64) -> Vec<u8> {
        let query = "SELECT record FROM history WHERE enrollment = ?1 AND seq = ?2";
        let row = self.connection();
        row.query_row(query, (enrollment, seq), |row| row.get(0))
            .unwrap()
    }

    /// SQL as somebody could run it who has the file.
    #[cfg(test)]
    pub(crate) fn forge(&self, sql: &str) {
        self.connection().execute_batch(sql).unwrap();
    }
}

/// The two records of a decision carry the same time, by which the one that opened the entry is found.
pub(super) const SETTLED: &str =
    "SELECT settled.enrollment, settled.seq, settled.record, opened.seq, opened.record, settled.at
     FROM history AS settled
     JOIN history AS opened ON opened.settles = 0 AND opened.enrollment = settled.enrollment
          AND opened.at = settled.at AND opened.challenge = settled.challenge
     WHERE settled.settles = 1 AND settled.challenge = ?1
     ORDER BY settled.seq DESC LIMIT 1";

/// The event of the record that an account starts with that continues another.
pub(crate) const CONTINUES: &str = "continues";

pub(super) const CHAIN: &str = "SELECT seq, challenge, at, settles, record FROM history
                                WHERE enrollment = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";

macro_rules! page {
    ($filter:literal) => {
        concat!(
            "SELECT enrollment, challenge, at, seq, record,
                    (SELECT max(seq) FROM history AS later
                     WHERE later.settles = 1 AND later.challenge = history.challenge) AS settled,
                    (SELECT record FROM history AS later
                     WHERE later.settles = 1 AND later.challenge = history.challenge
                     ORDER BY seq DESC LIMIT 1)
             FROM history
             WHERE settles = 0 ", $filter, " AND at < ?1
               AND at >= coalesce(
                   (SELECT at FROM history WHERE settles = 0 ", $filter, " AND at < ?1
                    ORDER BY at DESC LIMIT 1 OFFSET ?2),
                   -9223372036854775808)
             ORDER BY at DESC, rowid DESC"
        )
    };
}
pub(super) const PAGE_OF_ALL: &str = page!("");
pub(super) const PAGE_OF_ONE: &str = page!("AND enrollment = ?3");

/// The entry that a decision opens.
pub(super) fn record_decided(
    change: &Transaction<'_>,
    sealer: &Sealer,
    challenge: &ChallengeRow,
    row: &DecisionRow,
) -> Result<()> {
    let made = [
        ("decision", named(row.decision)),
        ("reason", optional(row.reason.as_deref())),
        ("claim", optional(row.claim.as_deref())),
    ];
    let body = opening(change, sealer, challenge, "decided", row.decided_at, made)?;
    append(
        change,
        sealer,
        &challenge.enrollment,
        &row.challenge,
        row.decided_at,
        OPENS,
        body,
    )
}

/// The entry of a challenge that nobody decided in time.
pub(super) fn record_missed(
    change: &Transaction<'_>,
    sealer: &Sealer,
    challenge: &ChallengeRow,
    at: i64,
) -> Result<()> {
    let body = opening(change, sealer, challenge, "missed", at, [])?;
    append(
        change,
        sealer,
        &challenge.enrollment,
        &challenge.id,
        at,
        OPENS,
        body,
    )
}

/// What became of the answer.
pub(super) fn record_settled(
    change: &Transaction<'_>,
    sealer: &Sealer,
    row: &DecisionRow,
    answer: Option<&str>,
) -> Result<()> {
    let receipt = &row.receipt;
    let body = document([
        ("event", text("settled")),
        ("challenge", text(&row.challenge)),
        ("delivery", named(receipt.delivery)),
        ("attempts", integer(receipt.attempts.into())),
        ("error", receipt.last_error.and_then(named)),
        ("server_code", optional(receipt.server_code.as_deref())),
        ("answer", optional(answer)),
    ]);
    append(
        change,
        sealer,
        &row.enrollment,
        &row.challenge,
        row.decided_at,
        SETTLES,
        body,
    )
}

/// Another approval key. It belongs to no challenge and to no entry.
pub(super) fn record_approval_key(
    change: &Transaction<'_>,
    sealer: &Sealer,
    enrollment: &str,
    at: i64,
    old: Option<&Value>,
    new: &Value,
) -> Result<()> {
    let old = old.map(|jwk| Ok::<_, Error>(Jwk::from_json(jwk)?.thumbprint()));
    let body = document([
        ("event", text("approval_key")),
        ("challenge", text("")),
        ("enrollment", text(enrollment)),
        ("at", integer(at)),
        ("old", old.transpose()?.map(Value::from)),
        ("new", text(Jwk::from_json(new)?.thumbprint())),
    ]);
    append(change, sealer, enrollment, "", at, APART, body)
}

/// The account takes the place of another, whose key is lost: names the last record of that one, which nothing else can sign
/// for any more.
pub(super) fn record_continues(
    change: &Transaction<'_>,
    sealer: &Sealer,
    enrollment: &str,
    at: i64,
    old: &EnrollmentRow,
) -> Result<()> {
    let of = old.identity.enrollment.as_str();
    let head = last(change, sealer, of)?;
    let body = document([
        ("event", text(CONTINUES)),
        ("challenge", text("")),
        ("enrollment", text(enrollment)),
        ("at", integer(at)),
        ("of", text(of)),
        ("key", text(Jwk::from_json(&old.jwk)?.thumbprint())),
        ("through", integer(head.as_ref().map_or(0, |head| head.0))),
        ("hash", head.and_then(|head| head.1).map(Value::from)),
    ]);
    append(change, sealer, enrollment, "", at, APART, body)
}

/// Records before this one were removed on purpose.
fn record_pruned(
    change: &Transaction<'_>,
    sealer: &Sealer,
    enrollment: &str,
    at: i64,
    through: i64,
) -> Result<()> {
    let body = document([
        ("event", text("pruned")),
        ("challenge", text("")),
        ("enrollment", text(enrollment)),
        ("at", integer(at)),
        ("through", integer(through)),
    ]);
    append(change, sealer, enrollment, "", at, APART, body)
}

/// Members of a record that opens an entry: who, what was shown, and what is added by `more`.
fn opening<const N: usize>(
    change: &Transaction<'_>,
    sealer: &Sealer,
    challenge: &ChallengeRow,
    event: &str,
    at: i64,
    more: [(&str, Option<Value>); N],
) -> Result<Value> {
    let enrollment = enrollments::find(change, &challenge.enrollment)?
        .ok_or_else(unknown_enrollment)?
        .open(sealer)?;
    let user = match enrollment.label.is_empty() {
        true => enrollment.identity.user,
        false => enrollment.label,
    };
    let review = challenge.review.as_ref();
    let shown = review.map(|review| {
        document([
            ("headline", text(&review.headline)),
            ("source", text(&review.source)),
            ("shown", text(&review.shown)),
            ("document", text(&review.shown_document)),
            ("templates", text(&review.templates)),
            ("locale", text(&review.locale)),
            ("zone", text(&review.zone)),
            ("at", integer(review.at)),
        ])
    });
    let Value::Object(mut members) = document([
        ("event", text(event)),
        ("challenge", text(&challenge.id)),
        ("server_challenge", text(&challenge.push.challenge)),
        ("enrollment", text(&challenge.enrollment)),
        ("issuer", text(enrollment.issuer)),
        ("user", text(user)),
        ("at", integer(at)),
        ("review", shown),
    ]) else {
        return Err(internal("a history record is not an object"));
    };
    if let Value::Object(more) = document(more) {
        members.extend(more);
    }
    Ok(Value::Object(members))
}

/// Adds a record to the end of the enrollment's chain.
fn append(
    change: &Transaction<'_>,
    sealer: &Sealer,
    enrollment: &str,
    challenge: &str,
    at: i64,
    settles: i64,
    body: Value,
) -> Result<()> {
    let noted = noted_head(change, sealer, enrollment)?;
    let (seq, prev) = match (last(change, sealer, enrollment)?, &noted) {
        // Records that were cut off stay missing: the chain goes on after them.
        (last, Head::At(end, digest)) if last.as_ref().is_none_or(|(seq, _)| seq < end) => {
            (end + 1, Some(Value::from(digest.as_str())))
        }
        (Some((seq, digest)), _) => (seq + 1, digest.map(Value::from)),
        (None, _) => (1, None),
    };
    let record = document([("body", Some(body)), ("prev", prev), ("seq", integer(seq))]);
    let record = json::canonical(&record)
        .map_err(|_| internal("a history record holds a number without a canonical form"))?;
    let sealed = sealer.seal(RECORD, &row_key(enrollment, seq), record.as_bytes())?;
    change.execute(
        "INSERT INTO history (enrollment, seq, challenge, at, settles, record)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (enrollment, seq, challenge, at, settles, sealed),
    )?;
    // Where it was taken away it stays away, for whoever checks the chain.
    if seq == 1 || matches!(noted, Head::At(..)) {
        let head = document([
            ("seq", integer(seq)),
            ("hash", text(digest(record.as_bytes()))),
        ]);
        let head = document::seal(sealer, HEAD, enrollment, &head)?;
        change.execute(
            "UPDATE enrollments SET head = ?2 WHERE id = ?1",
            (enrollment, head),
        )?;
    }
    Ok(())
}

/// What an account says of the end of its chain.
pub(crate) enum Head {
    /// Nothing: there is no record yet.
    None,
    /// Number and digest of the last record.
    At(i64, String),
    /// It does not open.
    Broken,
}

fn noted_head(store: &Connection, sealer: &Sealer, enrollment: &str) -> Result<Head> {
    let sealed: Option<Option<Vec<u8>>> = store
        .query_row(
            "SELECT head FROM enrollments WHERE id = ?1",
            [enrollment],
            |row| row.get(0),
        )
        .optional()?;
    let Some(sealed) = sealed.flatten() else {
        return Ok(Head::None);
    };
    let read = || -> Result<Head> {
        let head = Document::open(sealer, HEAD, enrollment, &sealed)?;
        Ok(Head::At(head.integer("seq")?, head.text("hash")?))
    };
    Ok(read().unwrap_or(Head::Broken))
}

/// Number and digest of the last record of a chain. One that does not open has no digest: it must not keep a person from
/// deciding, and whoever checks the chain finds it.
fn last(
    change: &Transaction<'_>,
    sealer: &Sealer,
    enrollment: &str,
) -> Result<Option<(i64, Option<String>)>> {
    let last: Option<(i64, Vec<u8>)> = change
        .query_row(
            "SELECT seq, record FROM history WHERE enrollment = ?1 ORDER BY seq DESC LIMIT 1",
            [enrollment],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    Ok(last.map(|(seq, sealed)| {
        let record = sealer.open(RECORD, &row_key(enrollment, seq), &sealed);
        (seq, record.ok().map(|record| digest(&record)))
    }))
}

/// Whether the record of this key opens, or was given up in an earlier repair.
pub(super) fn opens(store: &Connection, sealer: &Sealer, key: &[SqlValue]) -> Result<()> {
    let query = "SELECT enrollment, seq, challenge, settles, record FROM history WHERE rowid = ?1";
    let (place, challenge, settles, sealed): (String, String, i64, Vec<u8>) =
        store.query_row(query, params_from_iter(key), |row| {
            let enrollment: String = row.get(0)?;
            let place = row_key(&enrollment, row.get(1)?);
            Ok((place, row.get(2)?, row.get(3)?, row.get(4)?))
        })?;
    if sealed.is_empty() && settles == APART {
        return Ok(());
    }
    let body = body_about(&challenge, sealer, &place, &sealed)?;
    let kind = match body.text("event")?.as_str() {
        "decided" | "missed" => OPENS,
        "settled" => SETTLES,
        _ => APART,
    };
    match kind == settles {
        true => Ok(()),
        false => Err(damaged("a record is of another kind")),
    }
}

/// Thumbprint of the approval key that a claim names.
fn approval_thumbprint(claim: &str) -> Option<String> {
    let claim = json::read(claim.as_bytes(), json::Limits::STORED).ok()?;
    Some(Jwk::from_json(claim.get("uv_key")?).ok()?.thumbprint())
}

/// What the next record calls one by.
fn digest(record: &[u8]) -> String {
    jose::base64url(&jose::sha256(record))
}

/// The body of a record. The record must say itself what it is about: the column beside it can be changed by whoever can
/// write to the file.
fn body_about(challenge: &str, sealer: &Sealer, place: &str, sealed: &[u8]) -> Result<Document> {
    let body = Document::open(sealer, RECORD, place, sealed)?.document("body")?;
    match body.text("challenge")? == challenge {
        true => Ok(body),
        false => Err(damaged("a record was moved to another challenge")),
    }
}

/// What a sealed record is bound to.
fn row_key(enrollment: &str, seq: i64) -> String {
    format!("{enrollment}\0{seq}")
}

/// An entry with its records still sealed.
struct Stored {
    enrollment: String,
    challenge: String,
    at: i64,
    seq: i64,
    record: Vec<u8>,
    settled: Option<(i64, Vec<u8>)>,
}

impl Stored {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Stored> {
        let settled: (Option<i64>, Option<Vec<u8>>) = (row.get(5)?, row.get(6)?);
        Ok(Stored {
            enrollment: row.get(0)?,
            challenge: row.get(1)?,
            at: row.get(2)?,
            seq: row.get(3)?,
            record: row.get(4)?,
            settled: settled.0.zip(settled.1),
        })
    }

    fn open(self, sealer: &Sealer) -> Result<HistoryEntry> {
        let body = |seq: i64, sealed: &[u8]| {
            let place = row_key(&self.enrollment, seq);
            body_about(&self.challenge, sealer, &place, sealed)
        };
        let opened = body(self.seq, &self.record)?;
        let settled = self
            .settled
            .as_ref()
            .map(|(seq, sealed)| body(*seq, sealed))
            .transpose()?;
        let decision = opened.optional_named("decision")?;
        let delivery = match &settled {
            Some(settled) => Some(settled.named("delivery")?),
            None => decision.map(|_| Delivery::Queued),
        };
        let answer = settled.map(|settled| settled.optional_text("answer"));
        let review = opened.optional_document("review");
        let shown = |name: &str| {
            let value = review.as_ref().map(|review| review.text(name));
            value.transpose()
        };
        Ok(HistoryEntry {
            account: Account {
                issuer: opened.text("issuer")?,
                user: opened.text("user")?,
            },
            headline: shown("headline")?.unwrap_or_default(),
            decision,
            reason: opened.optional_text("reason")?,
            delivery,
            at: self.at,
            source: shown("source")?,
            shown: shown("shown")?,
            shown_document: shown("document")?,
            answer: answer.transpose()?.flatten(),
            approval_thumbprint: opened
                .optional_text("claim")?
                .and_then(|claim| approval_thumbprint(&claim)),
            challenge: ChallengeId::new(self.challenge),
            enrollment: EnrollmentId::new(self.enrollment),
        })
    }
}
