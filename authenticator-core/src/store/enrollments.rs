//! Enrollments, and servers that a person confirmed.

use rusqlite::{Connection, OptionalExtension, Row};

use super::document::{self, Document, document, integer, named, text};
use super::fault::{damaged, unknown_enrollment};
use super::names::Named;
use super::seal::{Column, Sealer};
use super::{EnrollmentRow, Store, history};
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
    /// `enrollment_conflict` if the id exists.
    pub(crate) fn add_enrollment(&self, row: &EnrollmentRow) -> Result<()> {
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
        let added = self.write(|change| {
            Ok(change.execute(
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
            )?)
        })?;
        match added {
            0 => Err(Error::new(
                ErrorCode::EnrollmentConflict,
                "this account is enrolled on this device already",
            )),
            _ => Ok(()),
        }
    }

    pub(crate) fn enrollment(&self, id: &str) -> Result<Option<EnrollmentRow>> {
        let stored = self.read(|store| find(store, id))?;
        stored.map(|stored| stored.open(&self.sealer)).transpose()
    }

    /// Oldest first.
    pub(crate) fn enrollments(&self) -> Result<Vec<EnrollmentRow>> {
        let stored = self.read(|store| {
            let mut query = store.prepare(&format!("{SELECT} ORDER BY enrolled_at, id"))?;
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

    /// With its challenges, decisions and history, in one transaction; free pages are overwritten (`secure_delete`), and
    /// the write-ahead log is emptied. One that is not there counts as done.
    pub(crate) fn remove_enrollment(&self, id: &str) -> Result<()> {
        self.write(|change| {
            change.execute("DELETE FROM enrollments WHERE id = ?1", [id])?;
            Ok(())
        })?;
        // The log still holds old pages. Another process that reads them keeps it; then its next checkpoint does this.
        self.read(|store| {
            store.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            Ok(())
        })
    }

    /// Servers that a person confirmed: (name, base URL), in the order they were added.
    pub(crate) fn servers(&self) -> Result<Vec<(String, String)>> {
        let stored = self.read(|store| {
            let mut query = store.prepare("SELECT key, entry FROM servers ORDER BY rowid")?;
            let rows = query.query_map([], |row| {
                Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?))
            })?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
        })?;
        stored
            .into_iter()
            .map(|(key, entry)| {
                let entry = Document::open(&self.sealer, SERVER, &row_key(&key), &entry)?;
                Ok((entry.text("name")?, entry.text("base_url")?))
            })
            .collect()
    }

    /// Adds a server, or gives a known one another base URL.
    pub(crate) fn add_server(&self, name: &str, base_url: &str) -> Result<()> {
        let key = self.sealer.lookup("servers", name);
        let entry = document([("name", text(name)), ("base_url", text(base_url))]);
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

const SELECT: &str = "SELECT id, enrolled_at, last_used_at, clock_offset, profile, push_service, push_token, totp_seed
                      FROM enrollments";

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
