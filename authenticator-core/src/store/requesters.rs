//! What the device remembers of the APIs that asked: for the marks that compare a request with earlier ones.

use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, OptionalExtension, Transaction, params_from_iter};

use super::document::{self, Document, amounts, document, integer, read_amounts};
use super::enrollments::row_key;
use super::seal::{Column, Sealer};
use super::{Aftermath, RequesterRow, Store};
use crate::error::Result;
use crate::json::Value;

const MEMORY: Column = Column {
    table: "requesters",
    name: "memory",
};

impl Store {
    /// `None`: this API never asked before.
    pub(crate) fn requester(
        &self,
        enrollment: &str,
        audience: &str,
    ) -> Result<Option<RequesterRow>> {
        let key = self.sealer.lookup("requesters", audience);
        self.read(|store| find(store, &self.sealer, enrollment, &key))
    }
}

impl Aftermath<'_> {
    /// Changes what is remembered of an API; of one that is new, starting from `first_seen` at `at` and zeros.
    pub(crate) fn record_requester(
        &self,
        enrollment: &str,
        audience: &str,
        at: i64,
        change: impl FnOnce(&mut RequesterRow),
    ) -> Result<()> {
        let key = self.sealer.lookup("requesters", audience);
        let known = find(self.change, self.sealer, enrollment, &key)?;
        let mut row = known.unwrap_or(RequesterRow {
            first_seen: at,
            ..RequesterRow::default()
        });
        change(&mut row);
        let place = place(enrollment, &key);
        let memory = document::seal(self.sealer, MEMORY, &place, &memory(&row))?;
        self.change.execute(
            "INSERT INTO requesters (enrollment, audience, memory) VALUES (?1, ?2, ?3)
             ON CONFLICT (enrollment, audience) DO UPDATE SET memory = excluded.memory",
            (enrollment, &key, memory),
        )?;
        Ok(())
    }
}

/// Gives what an account remembers to the one that continues it.
pub(super) fn hand_over(
    change: &Transaction<'_>,
    sealer: &Sealer,
    old: &str,
    new: &str,
) -> Result<()> {
    let memories = {
        let mut query =
            change.prepare("SELECT audience, memory FROM requesters WHERE enrollment = ?1")?;
        let rows = query.query_map([old], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<rusqlite::Result<Vec<(Vec<u8>, Vec<u8>)>>>()?
    };
    for (key, sealed) in memories {
        let memory = sealer.open(MEMORY, &place(old, &key), &sealed)?;
        let memory = sealer.seal(MEMORY, &place(new, &key), &memory)?;
        change.execute(
            "INSERT INTO requesters (enrollment, audience, memory) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            (new, &key, memory),
        )?;
    }
    change.execute("DELETE FROM requesters WHERE enrollment = ?1", [old])?;
    Ok(())
}

/// Whether the row of this key opens.
pub(super) fn opens(store: &Connection, sealer: &Sealer, key: &[SqlValue]) -> Result<()> {
    let query = "SELECT enrollment, audience, memory FROM requesters WHERE enrollment = ?1 AND audience = ?2";
    let (enrollment, key, sealed): (String, Vec<u8>, Vec<u8>) =
        store.query_row(query, params_from_iter(key), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    read(sealer, &enrollment, &key, &sealed).map(drop)
}

fn find(
    store: &Connection,
    sealer: &Sealer,
    enrollment: &str,
    key: &[u8],
) -> Result<Option<RequesterRow>> {
    let sealed: Option<Vec<u8>> = store
        .query_row(
            "SELECT memory FROM requesters WHERE enrollment = ?1 AND audience = ?2",
            (enrollment, key),
            |row| row.get(0),
        )
        .optional()?;
    sealed
        .map(|sealed| read(sealer, enrollment, key, &sealed))
        .transpose()
}

fn read(sealer: &Sealer, enrollment: &str, key: &[u8], sealed: &[u8]) -> Result<RequesterRow> {
    let memory = Document::open(sealer, MEMORY, &place(enrollment, key), sealed)?;
    Ok(RequesterRow {
        first_seen: memory.integer("first_seen")?,
        approved: memory.integer("approved")?,
        denied: memory.integer("denied")?,
        reported: memory.integer("reported")?,
        highest: read_amounts(&memory, "highest")?,
    })
}

fn memory(row: &RequesterRow) -> Value {
    document([
        ("first_seen", integer(row.first_seen)),
        ("approved", integer(row.approved)),
        ("denied", integer(row.denied)),
        ("reported", integer(row.reported)),
        ("highest", Some(amounts(&row.highest))),
    ])
}

fn place(enrollment: &str, key: &[u8]) -> String {
    format!("{enrollment}\0{}", row_key(key))
}
