//! Until when the requesters that a person has reported stay quiet.

use rusqlite::Transaction;

use super::{Aftermath, Store};
use crate::error::Result;

/// Stands for a requester that nobody knows.
const UNKNOWN: &[u8] = &[];

impl Store {
    /// The latest end, after `now` and at `longest` at the latest, of the periods that concern this audience; without one,
    /// of all periods of the enrollment.
    pub(crate) fn quiet_until(
        &self,
        enrollment: &str,
        audience: Option<&str>,
        now: i64,
        longest: i64,
    ) -> Result<Option<i64>> {
        let key = audience.map(|audience| self.sealer.lookup("quiet", audience));
        self.read(|store| {
            Ok(store.query_row(
                "SELECT max(until) FROM quiet
                 WHERE enrollment = ?1 AND until > ?2 AND until <= ?3 AND (?4 IS NULL OR audience IN (?4, ?5))",
                (enrollment, now, longest, key, UNKNOWN),
                |row| row.get(0),
            )?)
        })
    }
}

impl Aftermath<'_> {
    /// Starts, or starts anew, the period of an audience; without one, of a requester that nobody knows. Forgets those
    /// that are over.
    pub(crate) fn keep_quiet(
        &self,
        enrollment: &str,
        audience: Option<&str>,
        now: i64,
        until: i64,
    ) -> Result<()> {
        let key = match audience {
            Some(audience) => self.sealer.lookup("quiet", audience),
            None => UNKNOWN.to_vec(),
        };
        self.change.execute(
            "DELETE FROM quiet WHERE enrollment = ?1 AND until <= ?2",
            (enrollment, now),
        )?;
        self.change.execute(
            "INSERT INTO quiet (enrollment, audience, until) VALUES (?1, ?2, ?3)
             ON CONFLICT (enrollment, audience) DO UPDATE SET until = excluded.until",
            (enrollment, key, until),
        )?;
        Ok(())
    }

    /// Ends the period of an audience.
    pub(crate) fn end_quiet(&self, enrollment: &str, audience: &str) -> Result<()> {
        let key = self.sealer.lookup("quiet", audience);
        self.change.execute(
            "DELETE FROM quiet WHERE enrollment = ?1 AND audience = ?2",
            (enrollment, key),
        )?;
        Ok(())
    }
}

/// Gives the periods of an account to the one that continues it.
pub(super) fn hand_over(change: &Transaction<'_>, old: &str, new: &str) -> Result<()> {
    change.execute(
        "UPDATE quiet SET enrollment = ?2 WHERE enrollment = ?1",
        (old, new),
    )?;
    Ok(())
}
