//! Enrollments, and servers that a person confirmed.

use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params_from_iter};

use super::document::{self, Document, document, integer, named, text};
use super::fault::{damaged, unknown_enrollment};
use super::names::Named;
use super::seal::{Column, Sealer};
use super::{Continued, EnrollmentRow, ServerRow, Store, challenges, history, quiet, requesters};
use crate::decision::Receipt;
use crate::error::{Error, ErrorCode, Result};
use crate::json::Value;
use crate::otp::Totp;
use crate::protocol::{Identity, PushService, PushToken};
use crate::secret::Secret;

const PROFILE: Column = column("profile");
const PUSH_TOKEN: Column = column("push_token");
const TOTP_SEED: Column = column("totp_seed");
const SERVER: Column = Column {
    table: "servers",
    name: "entry",
};

const fn column(name: &'static str) -> Column {
    Column {
        table: "enrollments",
        name,
    }
}

impl Store {
    /// `enrollment_conflict` if the id exists. The accounts that it `continues` end with it, in the same transaction: of
    /// them only the history stays, and the new one's starts by naming its last record.
    /// Returns what became of their answers that were still queued.
    pub(crate) fn add_enrollment(
        &self,
        row: &EnrollmentRow,
        continues: &[Continued],
    ) -> Result<Vec<Receipt>> {
        let id = row.identity.enrollment.as_str();
        let sealer = &self.sealer;
        let profile = document::seal(sealer, PROFILE, id, &profile(row))?;
        let (service, token) = match &row.push {
            Some(push) => (
                Some(Named(push.service)),
                Some(push.token.expose().as_str()),
            ),
            None => (None, None),
        };
        let token = sealer.seal_text(PUSH_TOKEN, id, token)?;
        let secret = row.totp.as_ref().map(|totp| totp.secret.expose());
        let secret = secret
            .map(|secret| sealer.seal(TOTP_SEED, id, secret))
            .transpose()?;
        self.write(|change| {
            let added = change.execute(
                "INSERT INTO enrollments
                 (id, enrolled_at, last_used_at, clock_offset, profile, push_service, push_token, totp_seed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
                (
                    id,
                    row.enrolled_at,
                    row.last_used_at,
                    row.clock_offset,
                    profile,
                    service,
                    token,
                    secret,
                ),
            )?;
            if added == 0 {
                return Err(Error::new(
                    ErrorCode::EnrollmentConflict,
                    "this account is enrolled on this device already",
                ));
            }
            let mut settled = Vec::new();
            for old in continues {
                settled.extend(self.end(change, old, id, row.enrolled_at)?);
            }
            Ok(settled)
        })
    }

    /// Ends an account whose key is lost, for the sake of the one that continues it.
    fn end(
        &self,
        change: &Transaction<'_>,
        old: &Continued,
        new: &str,
        at: i64,
    ) -> Result<Vec<Receipt>> {
        let id = old.enrollment.as_str();
        let Some(stored) = find(change, id)?.filter(|stored| stored.continued_by.is_none()) else {
            return Ok(Vec::new());
        };
        let mut row = stored.open(&self.sealer)?;
        let settled = self.give_up(change, id, old.lost)?;
        challenges::close_open(change, &self.sealer, id, at)?;
        requesters::hand_over(change, &self.sealer, id, new)?;
        quiet::hand_over(change, id, new)?;
        history::record_continues(change, &self.sealer, new, at, &row)?;
        row.totp = None;
        let profile = document::seal(&self.sealer, PROFILE, id, &profile(&row))?;
        change.execute(
            "UPDATE enrollments
             SET continued_by = ?2, profile = ?3, push_service = NULL, push_token = NULL, totp_seed = NULL
             WHERE id = ?1",
            (id, new, profile),
        )?;
        change.execute(
            "UPDATE enrollments SET continued_by = ?2 WHERE continued_by = ?1",
            (id, new),
        )?;
        Ok(settled)
    }

    /// An account, or one that has ended and left its history.
    pub(crate) fn enrollment(&self, id: &str) -> Result<Option<EnrollmentRow>> {
        let stored = self.read(|store| find(store, id))?;
        stored.map(|stored| stored.open(&self.sealer)).transpose()
    }

    /// The ended ones that this one continues, oldest first.
    pub(crate) fn continued(&self, id: &str) -> Result<Vec<String>> {
        self.read(|store| {
            let mut query = store.prepare(CONTINUED)?;
            let rows = query.query_map([id], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Without those that have ended, oldest first.
    pub(crate) fn enrollments(&self) -> Result<Vec<EnrollmentRow>> {
        let stored = self.read(|store| {
            let mut query = store.prepare(&format!(
                "{SELECT} WHERE continued_by IS NULL ORDER BY enrolled_at, id"
            ))?;
            let rows = query.query_map([], Stored::from_row)?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
        })?;
        stored
            .into_iter()
            .map(|stored| stored.open(&self.sealer))
            .collect()
    }

    pub(crate) fn set_push(&self, id: &str, push: &PushToken) -> Result<()> {
        let token = self
            .sealer
            .seal(PUSH_TOKEN, id, push.token.expose().as_bytes())?;
        self.write(|change| {
            require(change.execute(
                "UPDATE enrollments SET push_service = ?2, push_token = ?3 WHERE id = ?1",
                (id, Named(push.service), token),
            )?)
        })
    }

    pub(crate) fn set_clock_offset(&self, id: &str, offset: i64) -> Result<()> {
        self.write(|change| {
            require(change.execute(
                "UPDATE enrollments SET clock_offset = ?2 WHERE id = ?1",
                (id, offset),
            )?)
        })
    }

    /// Gives the enrollment another approval key and writes it into the history; returns the alias of the one before.
    pub(crate) fn replace_approval_key(
        &self,
        id: &str,
        key: &(String, Value),
        at: i64,
    ) -> Result<Option<String>> {
        self.write(|change| {
            let mut row = find(change, id)?
                .ok_or_else(unknown_enrollment)?
                .open(&self.sealer)?;
            let old = row.approval_key.replace(key.clone());
            let sealed = document::seal(&self.sealer, PROFILE, id, &profile(&row))?;
            change.execute(
                "UPDATE enrollments SET profile = ?2 WHERE id = ?1",
                (id, sealed),
            )?;
            let old_jwk = old.as_ref().map(|(_, jwk)| jwk);
            history::record_approval_key(change, &self.sealer, id, at, old_jwk, &key.1)?;
            Ok(old.map(|(alias, _)| alias))
        })
    }

    /// Notes that the enrollment was used; an earlier time than the stored one changes nothing.
    pub(crate) fn touch(&self, id: &str, at: i64) -> Result<()> {
        self.write(|change| {
            require(change.execute(
                "UPDATE enrollments SET last_used_at = max(coalesce(last_used_at, ?2), ?2) WHERE id = ?1",
                (id, at),
            )?)
        })
    }

    /// With those it continues, their challenges, decisions and history, in one transaction; free pages are overwritten
    /// (`secure_delete`), and the write-ahead log is emptied. One that is not there counts as done.
    pub(crate) fn remove_enrollment(&self, id: &str) -> Result<()> {
        self.write(|change| {
            change.execute("DELETE FROM enrollments WHERE id = ?1", [id])?;
            Ok(())
        })?;
        self.empty_log()
    }

    /// Servers that a person confirmed, in the order they were added.
    pub(crate) fn servers(&self) -> Result<Vec<ServerRow>> {
        let stored = self.read(|store| {
            let mut query = store.prepare("SELECT key, entry FROM servers ORDER BY rowid")?;
            let rows = query.query_map([], |row| {
                Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?))
            })?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
        })?;
        stored
            .into_iter()
            .map(|(key, entry)| read_server(&self.sealer, &key, &entry))
            .collect()
    }

    /// Adds a server, or gives a known one another base URL.
    pub(crate) fn add_server(&self, server: &ServerRow) -> Result<()> {
        let key = self.sealer.lookup("servers", &server.name);
        let entry = document([
            ("name", text(&server.name)),
            ("base_url", text(&server.base_url)),
            ("dialect", named(server.dialect)),
        ]);
        let entry = document::seal(&self.sealer, SERVER, &row_key(&key), &entry)?;
        self.write(|change| {
            change.execute(
                "INSERT INTO servers (key, entry) VALUES (?1, ?2)
                 ON CONFLICT (key) DO UPDATE SET entry = excluded.entry",
                (key, entry),
            )?;
            Ok(())
        })
    }
}

const SELECT: &str = "SELECT id, enrolled_at, last_used_at, clock_offset, profile, push_service, push_token, totp_seed,
                             continued_by
                      FROM enrollments";
pub(super) const CONTINUED: &str =
    "SELECT id FROM enrollments WHERE continued_by = ?1 ORDER BY enrolled_at, id";

/// Whether the row of this key opens.
pub(super) fn opens(store: &Connection, sealer: &Sealer, key: &[SqlValue]) -> Result<()> {
    let query = format!("{SELECT} WHERE rowid = ?1");
    let stored = store.query_row(&query, params_from_iter(key), Stored::from_row)?;
    stored.open(sealer).map(drop)
}

/// Likewise, for a server.
pub(super) fn server_opens(store: &Connection, sealer: &Sealer, key: &[SqlValue]) -> Result<()> {
    let query = "SELECT key, entry FROM servers WHERE rowid = ?1";
    let (key, entry): (Vec<u8>, Vec<u8>) =
        store.query_row(query, params_from_iter(key), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    read_server(sealer, &key, &entry).map(drop)
}

fn read_server(sealer: &Sealer, key: &[u8], entry: &[u8]) -> Result<ServerRow> {
    let entry = Document::open(sealer, SERVER, &row_key(key), entry)?;
    Ok(ServerRow {
        name: entry.text("name")?,
        base_url: entry.text("base_url")?,
        dialect: entry.named("dialect")?,
    })
}

/// An enrollment with its columns still sealed.
pub(super) struct Stored {
    id: String,
    enrolled_at: i64,
    last_used_at: Option<i64>,
    clock_offset: i64,
    profile: Vec<u8>,
    push_service: Option<Named<PushService>>,
    push_token: Option<Vec<u8>>,
    totp_seed: Option<Vec<u8>>,
    continued_by: Option<String>,
}

pub(super) fn find(store: &Connection, id: &str) -> Result<Option<Stored>> {
    Ok(store
        .query_row(&format!("{SELECT} WHERE id = ?1"), [id], Stored::from_row)
        .optional()?)
}

impl Stored {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Stored> {
        Ok(Stored {
            id: row.get(0)?,
            enrolled_at: row.get(1)?,
            last_used_at: row.get(2)?,
            clock_offset: row.get(3)?,
            profile: row.get(4)?,
            push_service: row.get(5)?,
            push_token: row.get(6)?,
            totp_seed: row.get(7)?,
            continued_by: row.get(8)?,
        })
    }

    pub(super) fn open(self, sealer: &Sealer) -> Result<EnrollmentRow> {
        let profile = Document::open(sealer, PROFILE, &self.id, &self.profile)?;
        let token = sealer.open_optional(PUSH_TOKEN, &self.id, self.push_token)?;
        let push = match (self.push_service, token) {
            (Some(Named(service)), Some(token)) => Some(PushToken {
                service,
                token: Secret::new(token),
            }),
            _ => None,
        };
        let totp = match (self.totp_seed, profile.optional_document("totp")) {
            (Some(sealed), Some(totp)) => Some(Totp {
                secret: Secret::new(sealer.open(TOTP_SEED, &self.id, &sealed)?.to_vec()),
                hash: totp.named("hash")?,
                digits: totp.small("digits")?,
                period: totp.small("period")?,
            }),
            (None, None) => None,
            _ => return Err(damaged("a one-time code lacks a part")),
        };
        let approval_key = match profile.optional_document("approval") {
            Some(key) => Some((key.text("alias")?, key.value("jwk")?.clone())),
            None => None,
        };
        Ok(EnrollmentRow {
            identity: Identity {
                user: profile.text("user")?,
                identifier: profile.text("identifier")?,
                base_url: profile.text("base_url")?,
                enrollment: self.id,
            },
            server: profile.text("server")?,
            dialect: profile.named("dialect")?,
            issuer: profile.text("issuer")?,
            label: profile.text("label")?,
            device_name: profile.text("device_name")?,
            key_alias: profile.text("key_alias")?,
            algorithm: profile.named("algorithm")?,
            protection: profile.named("protection")?,
            jwk: profile.value("jwk")?.clone(),
            approval_key,
            push,
            totp,
            enrolled_at: self.enrolled_at,
            last_used_at: self.last_used_at,
            clock_offset: self.clock_offset,
            continued_by: self.continued_by,
        })
    }
}

fn profile(row: &EnrollmentRow) -> Value {
    let approval = row.approval_key.as_ref();
    let approval =
        approval.map(|(alias, jwk)| document([("alias", text(alias)), ("jwk", Some(jwk.clone()))]));
    let totp = row.totp.as_ref().map(|totp| {
        document([
            ("hash", named(totp.hash)),
            ("digits", integer(totp.digits.into())),
            ("period", integer(totp.period.into())),
        ])
    });
    document([
        ("user", text(&row.identity.user)),
        ("identifier", text(&row.identity.identifier)),
        ("base_url", text(&row.identity.base_url)),
        ("server", text(&row.server)),
        ("dialect", named(row.dialect)),
        ("issuer", text(&row.issuer)),
        ("label", text(&row.label)),
        ("device_name", text(&row.device_name)),
        ("key_alias", text(&row.key_alias)),
        ("algorithm", named(row.algorithm)),
        ("protection", named(row.protection)),
        ("jwk", Some(row.jwk.clone())),
        ("approval", approval),
        ("totp", totp),
    ])
}

/// A hash as the text that a sealed value is bound to.
pub(super) fn row_key(hash: &[u8]) -> String {
    crate::jose::base64url(hash)
}

fn require(changed: usize) -> Result<()> {
    match changed {
        0 => Err(unknown_enrollment()),
        _ => Ok(()),
    }
}
