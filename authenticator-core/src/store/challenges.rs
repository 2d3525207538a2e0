//! Challenges: received, reviewed, over, and after a while gone: the history keeps what mattered.

use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params_from_iter};

use super::document::{
    self, Document, amounts, check_owner, document, integer, optional, read_amounts, text,
};
use super::fault::{challenge_expired, unknown_challenge, unknown_enrollment};
use super::names::Named;
use super::seal::{Column, Sealer};
use super::{AlikeRow, ChallengeRow, Received, ReviewRow, Store, decisions, enrollments, history};
use crate::challenge::{Alert, ChallengeState};
use crate::error::{Error, ErrorCode, Result};
use crate::json::Value;
use crate::protocol::Push;
use crate::secret::Secret;

/// A challenge that is over stays this long, for the apps that still ask about it and for the guard's memory of repeats.
const KEPT_MS: i64 = 24 * 60 * 60_000;
/// Of an account no more than this many that are over stay, so that a flood of pushes does not fill the disk.
const KEPT: u32 = 200;

const PUSH: Column = column("push");
const TOKEN: Column = column("token");
const CONSENT: Column = column("consent");
const REVIEW: Column = column("review");

const fn column(name: &'static str) -> Column {
    Column {
        table: "challenges",
        name,
    }
}

impl Store {
    /// Takes a challenge in, unless its id exists already or `open_limit` of its enrollment are open; forgets old ones that
    /// are over on the way. `asks`: what it asks for, where the push alone tells that.
    pub(crate) fn receive(
        &self,
        row: &ChallengeRow,
        asks: Option<&str>,
        open_limit: u32,
    ) -> Result<Received> {
        let (id, sealer) = (row.id.as_str(), &self.sealer);
        let asks = asks.map(|asks| sealer.lookup("challenges", asks));
        let push = document::seal(sealer, PUSH, id, &push_document(&row.push))?;
        let token = row.push.transaction_token.expose();
        let token = sealer.seal(TOKEN, id, token.as_bytes())?;
        let consent = sealer.seal_text(CONSENT, id, row.consent.as_deref())?;
        let review = row.review.as_ref().map(review_document);
        let review = review
            .map(|review| document::seal(sealer, REVIEW, id, &review))
            .transpose()?;
        let state = match row.expired {
            true => ChallengeState::Expired,
            false => ChallengeState::Open,
        };
        self.write(|change| {
            if enrollments::find(change, &row.enrollment)?.is_none() {
                return Err(unknown_enrollment());
            }
            if find(change, id)?.is_some() {
                return Ok(Received::Known);
            }
            prune(change, &row.enrollment, row.received_at)?;
            if open_count(change, &row.enrollment)? >= open_limit {
                return Ok(Received::Full);
            }
            change.execute(
                "INSERT INTO challenges
                 (id, enrollment, received_at, expires_at, state, alert, asks, push, token, consent, review)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                (
                    id,
                    &row.enrollment,
                    row.received_at,
                    row.expires_at,
                    Named(state),
                    Named(row.alert),
                    asks,
                    push,
                    token,
                    consent,
                    review,
                ),
            )?;
            Ok(Received::New)
        })
    }

    /// The push of an open challenge came again and says something else: it counts from now on, and what was fetched and
    /// reviewed for the one before does not, unless it lacks the details that the one before had. `None`: nothing changed.
    pub(crate) fn renew(
        &self,
        row: &ChallengeRow,
        asks: Option<&str>,
    ) -> Result<Option<ChallengeRow>> {
        let (id, sealer) = (row.id.as_str(), &self.sealer);
        let asks = asks.map(|asks| sealer.lookup("challenges", asks));
        let push = document::seal(sealer, PUSH, id, &push_document(&row.push))?;
        let token = row.push.transaction_token.expose();
        let token = sealer.seal(TOKEN, id, token.as_bytes())?;
        self.write(|change| {
            let Some(stored) = find(change, id)?.filter(|one| one.state.0 == ChallengeState::Open)
            else {
                return Ok(None);
            };
            let before = stored.open(sealer)?;
            if !says_more(&row.push, &before.push) {
                return Ok(None);
            }
            change.execute(
                "UPDATE challenges
                 SET expires_at = ?2, asks = ?3, push = ?4, token = ?5, consent = NULL, review = NULL
                 WHERE id = ?1",
                (id, row.expires_at, asks, push, token),
            )?;
            find(change, id)?
                .map(|stored| stored.open(sealer))
                .transpose()
        })
    }

    /// Whether the history has the end of this challenge, which may be forgotten otherwise.
    pub(crate) fn is_over(&self, id: &str) -> Result<bool> {
        self.read(|store| Ok(store.prepare(OVER)?.exists([id])?))
    }

    /// [`Store::receive`] for tests that do not care about limits. `false` if the id exists already.
    #[cfg(test)]
    pub(crate) fn add_challenge(&self, row: &ChallengeRow) -> Result<bool> {
        let received = self.receive(row, None, u32::MAX)?;
        Ok(received == Received::New)
    }

    /// The consent body and the transaction token of a challenge that is over are gone.
    pub(crate) fn challenge(&self, id: &str) -> Result<Option<ChallengeRow>> {
        let stored = self.read(|store| find(store, id))?;
        stored.map(|stored| stored.open(&self.sealer)).transpose()
    }

    /// Neither decided nor expired, the soonest to expire first.
    pub(crate) fn open_challenges(&self) -> Result<Vec<ChallengeRow>> {
        let stored = self.read(|store| {
            let mut query = store.prepare(&format!(
                "{SELECT} WHERE state = 'open' ORDER BY expires_at, id"
            ))?;
            let rows = query.query_map([], Stored::from_row)?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
        })?;
        stored
            .into_iter()
            .map(|stored| stored.open(&self.sealer))
            .collect()
    }

    /// Stores the consent of an open challenge. A body other than the stored one ends the review made from that.
    pub(crate) fn set_consent(&self, id: &str, body: Option<&str>, expires_at: i64) -> Result<()> {
        self.set_consent_asking(id, body, expires_at, None)
    }

    /// [`Store::set_consent`] where it can be told what the consent asks for.
    pub(crate) fn set_consent_asking(
        &self,
        id: &str,
        body: Option<&str>,
        expires_at: i64,
        asks: Option<&str>,
    ) -> Result<()> {
        let sealed = self.sealer.seal_text(CONSENT, id, body)?;
        let asks = asks.map(|asks| self.sealer.lookup("challenges", asks));
        self.write(|change| {
            let stored = open_one(change, id)?;
            let before = self.sealer.open_optional(CONSENT, id, stored.consent)?;
            change.execute(
                "UPDATE challenges SET consent = ?2, expires_at = ?3, asks = ?4 WHERE id = ?1",
                (id, sealed, expires_at, asks),
            )?;
            if before.as_deref() != body {
                change.execute("UPDATE challenges SET review = NULL WHERE id = ?1", [id])?;
            }
            Ok(())
        })
    }

    /// Freezes what a review of an open challenge shows.
    pub(crate) fn set_review(&self, id: &str, review: &ReviewRow) -> Result<()> {
        let review = document::seal(&self.sealer, REVIEW, id, &review_document(review))?;
        self.write(|change| {
            open_one(change, id)?;
            change.execute(
                "UPDATE challenges SET review = ?2 WHERE id = ?1",
                (id, review),
            )?;
            Ok(())
        })
    }

    /// Changes how an open challenge is announced.
    pub(crate) fn set_alert(&self, id: &str, alert: Alert) -> Result<()> {
        self.write(|change| {
            open_one(change, id)?;
            change.execute(
                "UPDATE challenges SET alert = ?2 WHERE id = ?1",
                (id, Named(alert)),
            )?;
            Ok(())
        })
    }

    /// Challenges that ask the same enrollment for the same, open or over, the newest first, this one among them. None where
    /// it is not known what this one asks for.
    pub(crate) fn alike(&self, id: &str) -> Result<Vec<AlikeRow>> {
        let stored = self.read(|store| {
            let mut query = store.prepare(ALIKE)?;
            let rows = query.query_map([id], |row| {
                let decided: (Option<i64>, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?);
                Ok((row.get::<_, String>(0)?, row.get(1)?, decided))
            })?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
        })?;
        stored
            .into_iter()
            .map(|(id, expires_at, (decided_at, verdict))| {
                Ok(AlikeRow {
                    approved: match verdict {
                        Some(verdict) => decisions::is_approval(&self.sealer, &id, &verdict)?,
                        None => false,
                    },
                    id,
                    expires_at,
                    decided_at,
                })
            })
            .collect()
    }

    /// Marks an enrollment's challenges that are past `now` (by its server's clock) and undecided as expired, writes their
    /// history; returns their ids.
    pub(crate) fn expire(&self, enrollment: &str, now: i64) -> Result<Vec<String>> {
        // Usually there is none, and no need to wait for another writer.
        if self.read(|store| due(store, enrollment, now))?.is_empty() {
            return Ok(Vec::new());
        }
        self.write(|change| {
            let ids = due(change, enrollment, now)?;
            for id in &ids {
                close(change, &self.sealer, id, i64::MAX)?;
            }
            Ok(ids)
        })
    }

    /// How many challenges this enrollment received at `since` or later.
    pub(crate) fn received_since(&self, enrollment: &str, since: i64) -> Result<u32> {
        self.read(|store| {
            Ok(store.query_row(
                "SELECT count(*) FROM challenges WHERE enrollment = ?1 AND received_at >= ?2",
                (enrollment, since),
                |row| row.get(0),
            )?)
        })
    }

    /// How many challenges of this enrollment are open.
    pub(crate) fn open_count(&self, enrollment: &str) -> Result<u32> {
        self.read(|store| open_count(store, enrollment))
    }
}

/// In the order of their arrival, whatever the clock did meanwhile.
pub(super) const ALIKE: &str = "SELECT other.id, other.expires_at, decided_at, verdict
     FROM challenges AS this
     JOIN challenges AS other ON other.enrollment = this.enrollment AND other.asks = this.asks
     LEFT JOIN decisions ON challenge = other.id
     WHERE this.id = ?1
     ORDER BY other.rowid DESC";

pub(super) const OVER: &str =
    "SELECT 1 FROM history WHERE challenge = ?1 AND settles IN (0, 1) LIMIT 1";

pub(super) const OPEN_COUNT: &str =
    "SELECT count(*) FROM challenges WHERE enrollment = ?1 AND state = 'open'";

fn open_count(store: &Connection, enrollment: &str) -> Result<u32> {
    Ok(store.query_row(OPEN_COUNT, [enrollment], |row| row.get(0))?)
}

/// Over, and received and ended before ?2. An answer that is still being sent keeps its challenge.
pub(super) const OLD: &str = "DELETE FROM challenges
     WHERE enrollment = ?1 AND received_at < ?2 AND state <> 'open'
       AND CASE state
           WHEN 'expired' THEN expires_at < ?2
           ELSE (SELECT decided_at < ?2 AND delivery <> 'queued' FROM decisions WHERE challenge = challenges.id)
           END";

/// Over, and not among the last ?2.
pub(super) const SURPLUS: &str = "DELETE FROM challenges
     WHERE rowid IN (SELECT rowid FROM challenges WHERE enrollment = ?1 AND state <> 'open'
                     ORDER BY received_at DESC LIMIT -1 OFFSET ?2)
       AND NOT EXISTS (SELECT 1 FROM decisions WHERE challenge = challenges.id AND delivery = 'queued')";

/// Forgets challenges that are over, with their decisions; the history has both.
fn prune(change: &Transaction<'_>, enrollment: &str, now: i64) -> Result<()> {
    change.execute(OLD, (enrollment, now.saturating_sub(KEPT_MS)))?;
    change.execute(SURPLUS, (enrollment, KEPT))?;
    Ok(())
}

/// Ends what nobody can answer any more.
pub(super) fn close_open(
    change: &Transaction<'_>,
    sealer: &Sealer,
    enrollment: &str,
    at: i64,
) -> Result<()> {
    for id in due(change, enrollment, i64::MAX)? {
        close(change, sealer, &id, at)?;
    }
    Ok(())
}

/// Ends an open challenge that was not decided: at its expiry, or earlier.
fn close(change: &Transaction<'_>, sealer: &Sealer, id: &str, at: i64) -> Result<()> {
    let row = open_one(change, id)?.open(sealer)?;
    history::record_missed(change, sealer, &row, at.min(row.expires_at))?;
    set_state(change, id, ChallengeState::Expired)?;
    erase_credentials(change, id)
}

/// Whether a push of the same challenge differs in what an answer rests on, and not by having lost the details.
fn says_more(new: &Push, old: &Push) -> bool {
    let differs = new.consent_id != old.consent_id
        || new.transaction_token.expose() != old.transaction_token.expose();
    differs && (new.consent_id.is_some() || old.consent_id.is_none())
}

/// Whether the row of this key opens.
pub(super) fn opens(store: &Connection, sealer: &Sealer, key: &[SqlValue]) -> Result<()> {
    let query = format!("{SELECT} WHERE rowid = ?1");
    let stored = store.query_row(&query, params_from_iter(key), Stored::from_row)?;
    stored.open(sealer).map(drop)
}

/// The challenge, if it is still open.
pub(super) fn open_one(change: &Transaction<'_>, id: &str) -> Result<Stored> {
    let stored = find(change, id)?.ok_or_else(unknown_challenge)?;
    match stored.state.0 {
        ChallengeState::Open => Ok(stored),
        ChallengeState::Expired => Err(challenge_expired()),
        ChallengeState::Decided => Err(Error::new(
            ErrorCode::ChallengeAnswered,
            "the challenge was answered before",
        )),
    }
}

pub(super) fn set_state(change: &Transaction<'_>, id: &str, state: ChallengeState) -> Result<()> {
    change.execute(
        "UPDATE challenges SET state = ?2 WHERE id = ?1",
        (id, Named(state)),
    )?;
    Ok(())
}

/// What nobody needs any more once a challenge is over.
pub(super) fn erase_credentials(change: &Transaction<'_>, id: &str) -> Result<()> {
    change.execute(
        "UPDATE challenges SET token = NULL, consent = NULL WHERE id = ?1",
        [id],
    )?;
    Ok(())
}

fn due(store: &Connection, enrollment: &str, now: i64) -> Result<Vec<String>> {
    let mut query = store.prepare(
        "SELECT id FROM challenges WHERE enrollment = ?1 AND state = 'open' AND expires_at <= ?2 ORDER BY expires_at, id",
    )?;
    let ids = query.query_map((enrollment, now), |row| row.get(0))?;
    Ok(ids.collect::<rusqlite::Result<Vec<String>>>()?)
}

const SELECT: &str =
    "SELECT id, enrollment, received_at, expires_at, state, alert, push, token, consent, review
     FROM challenges";

/// A challenge with its columns still sealed.
pub(super) struct Stored {
    id: String,
    enrollment: String,
    received_at: i64,
    expires_at: i64,
    state: Named<ChallengeState>,
    alert: Named<Alert>,
    push: Vec<u8>,
    token: Option<Vec<u8>>,
    consent: Option<Vec<u8>>,
    review: Option<Vec<u8>>,
}

fn find(store: &Connection, id: &str) -> Result<Option<Stored>> {
    Ok(store
        .query_row(&format!("{SELECT} WHERE id = ?1"), [id], Stored::from_row)
        .optional()?)
}

impl Stored {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Stored> {
        Ok(Stored {
            id: row.get(0)?,
            enrollment: row.get(1)?,
            received_at: row.get(2)?,
            expires_at: row.get(3)?,
            state: row.get(4)?,
            alert: row.get(5)?,
            push: row.get(6)?,
            token: row.get(7)?,
            consent: row.get(8)?,
            review: row.get(9)?,
        })
    }

    pub(super) fn open(self, sealer: &Sealer) -> Result<ChallengeRow> {
        let id = self.id;
        let push = Document::open(sealer, PUSH, &id, &self.push)?;
        check_owner(&push, &self.enrollment)?;
        let token = sealer.open_optional(TOKEN, &id, self.token)?;
        let review = self
            .review
            .map(|sealed| read_review(&Document::open(sealer, REVIEW, &id, &sealed)?))
            .transpose()?;
        Ok(ChallengeRow {
            push: Push {
                enrollment: self.enrollment.clone(),
                transaction_token: Secret::new(token.unwrap_or_default()),
                challenge: push.text("challenge")?,
                requested_at: push.integer("requested_at")?,
                requested_at_text: push.text("requested_at_text")?,
                source: push.optional_value("source").cloned(),
                location: push.optional_value("location").cloned(),
                consent_id: push.optional_text("consent_id")?,
                server_hint: push.text("server_hint")?,
            },
            consent: sealer.open_optional(CONSENT, &id, self.consent)?,
            review,
            expired: self.state.0 == ChallengeState::Expired,
            alert: self.alert.0,
            enrollment: self.enrollment,
            received_at: self.received_at,
            expires_at: self.expires_at,
            id,
        })
    }
}

fn push_document(push: &Push) -> Value {
    document([
        ("enrollment", text(&push.enrollment)),
        ("challenge", text(&push.challenge)),
        ("requested_at", integer(push.requested_at)),
        ("requested_at_text", text(&push.requested_at_text)),
        ("source", push.source.clone()),
        ("location", push.location.clone()),
        ("consent_id", optional(push.consent_id.as_deref())),
        ("server_hint", text(&push.server_hint)),
    ])
}

fn review_document(review: &ReviewRow) -> Value {
    document([
        ("headline", text(&review.headline)),
        ("source", text(&review.source)),
        ("shown", text(&review.shown)),
        ("shown_document", text(&review.shown_document)),
        ("templates", text(&review.templates)),
        ("locale", text(&review.locale)),
        ("zone", text(&review.zone)),
        ("blocked", optional(review.blocked.as_deref())),
        ("confirmation", optional(review.confirmation.as_deref())),
        ("audience", optional(review.audience.as_deref())),
        ("amounts", Some(amounts(&review.amounts))),
        ("at", integer(review.at)),
    ])
}

fn read_review(review: &Document) -> Result<ReviewRow> {
    Ok(ReviewRow {
        headline: review.text("headline")?,
        source: review.text("source")?,
        shown: review.text("shown")?,
        shown_document: review.text("shown_document")?,
        templates: review.text("templates")?,
        locale: review.text("locale")?,
        zone: review.text("zone")?,
        blocked: review.optional_text("blocked")?,
        confirmation: review.optional_text("confirmation")?,
        audience: review.optional_text("audience")?,
        amounts: read_amounts(review, "amounts")?,
        at: review.integer("at")?,
    })
}
