//! A store in the hands of somebody who can write to its file: for `testing::attack`.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension};

use super::enrollments::row_key;
use super::seal::{Column, Sealer};
use super::{Mutex, Store, schema};
use crate::error::Result;

/// Every column, with one that tells the rows of its table apart. A new one goes to the end: kept scripts count them.
const CELLS: &[(&str, &str, &str)] = &[
    ("meta", "name", "name"),
    ("meta", "value", "name"),
    ("meta_copy", "value", "name"),
    ("servers", "key", "key"),
    ("servers", "entry", "key"),
    ("enrollments", "id", "id"),
    ("enrollments", "enrolled_at", "id"),
    ("enrollments", "last_used_at", "id"),
    ("enrollments", "clock_offset", "id"),
    ("enrollments", "profile", "id"),
    ("enrollments", "push_service", "id"),
    ("enrollments", "push_token", "id"),
    ("enrollments", "totp_seed", "id"),
    ("enrollments", "continued_by", "id"),
    ("challenges", "id", "id"),
    ("challenges", "enrollment", "id"),
    ("challenges", "received_at", "id"),
    ("challenges", "expires_at", "id"),
    ("challenges", "state", "id"),
    ("challenges", "alert", "id"),
    ("challenges", "asks", "id"),
    ("challenges", "push", "id"),
    ("challenges", "token", "id"),
    ("challenges", "consent", "id"),
    ("challenges", "review", "id"),
    ("decisions", "challenge", "challenge"),
    ("decisions", "enrollment", "challenge"),
    ("decisions", "decided_at", "challenge"),
    ("decisions", "expires_at", "challenge"),
    ("decisions", "verdict", "challenge"),
    ("decisions", "delivery", "challenge"),
    ("decisions", "attempts", "challenge"),
    ("decisions", "last_error", "challenge"),
    ("decisions", "server_code", "challenge"),
    ("decisions", "answer", "challenge"),
    ("decisions", "unknown_outcome", "challenge"),
    ("history", "enrollment", "rowid"),
    ("history", "seq", "rowid"),
    ("history", "challenge", "rowid"),
    ("history", "at", "rowid"),
    ("history", "settles", "rowid"),
    ("history", "record", "rowid"),
    ("checkpoints", "seq", "token"),
    ("checkpoints", "token", "token"),
    ("requesters", "enrollment", "memory"),
    ("requesters", "audience", "memory"),
    ("requesters", "memory", "memory"),
    ("checkpoints", "enrollment", "token"),
    ("decisions", "next_attempt_at", "challenge"),
    ("decisions", "open_attempts", "challenge"),
    ("decisions", "lease_until", "challenge"),
    ("quiet", "enrollment", "audience"),
    ("quiet", "audience", "audience"),
    ("quiet", "until", "audience"),
    ("meta_copy", "name", "name"),
    ("enrollments", "head", "id"),
];

/// Sealed columns, with what their values are bound to (SQL over the row; blobs by their base64url text).
const SEALED: &[(Column, &str)] = &[
    (sealed("servers", "entry"), "key"),
    (sealed("enrollments", "profile"), "id"),
    (sealed("enrollments", "push_token"), "id"),
    (sealed("enrollments", "totp_seed"), "id"),
    (sealed("challenges", "push"), "id"),
    (sealed("challenges", "token"), "id"),
    (sealed("challenges", "consent"), "id"),
    (sealed("challenges", "review"), "id"),
    (sealed("decisions", "verdict"), "challenge"),
    (sealed("decisions", "server_code"), "challenge"),
    (sealed("decisions", "answer"), "challenge"),
    (sealed("history", "record"), "enrollment || char(0) || seq"),
    (sealed("enrollments", "head"), "id"),
];

const fn sealed(table: &'static str, name: &'static str) -> Column {
    Column { table, name }
}

impl Store {
    /// A store in memory, with a data key that everybody knows.
    pub(crate) fn in_memory() -> Result<Store> {
        let mut connection = Connection::open_in_memory()?;
        schema::migrate(&mut connection, schema::STEPS)?;
        Ok(Store {
            connection: Mutex::new(connection),
            sealer: Sealer::new(&[7; Sealer::KEY_LENGTH]).expect("a data key"),
        })
    }

    /// What `look` finds after somebody without the data key has changed cells; the changes are undone.
    pub(crate) fn tampered<T>(&self, script: &[u8], look: impl FnOnce(&Store) -> T) -> T {
        self.undone(|connection| tamper(connection, Script(script)), look)
    }

    /// What `look` finds after somebody with the data key has written another document; the change is undone.
    pub(crate) fn rewritten<T>(&self, script: &[u8], look: impl FnOnce(&Store) -> T) -> T {
        self.undone(
            |connection| rewrite(connection, &self.sealer, Script(script)),
            look,
        )
    }

    fn undone<T>(
        &self,
        change: impl FnOnce(&Connection) -> Option<()>,
        look: impl FnOnce(&Store) -> T,
    ) -> T {
        let run = |sql| self.connection().execute_batch(sql).expect("a transaction");
        run("PRAGMA foreign_keys = OFF; BEGIN");
        let _ended_early = change(&self.connection());
        let found = look(self);
        run("ROLLBACK");
        found
    }
}

/// Bytes read as a list of commands; what is missing ends it.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> Option<usize> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(usize::from(*first))
    }
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.byte()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}

/// `None` at the end of the script, or where SQLite refuses: then what was done until there stays.
fn tamper(connection: &Connection, mut script: Script<'_>) -> Option<()> {
    loop {
        let cell = CELLS[script.byte()? % CELLS.len()];
        let row = script.byte()? % 8;
        let what = script.byte()?;
        let Some(before) = value(connection, cell, row) else {
            continue;
        };
        let after = match what % 6 {
            0 => other_value(&before, script.bytes()?),
            1 => flipped(before, script.byte()?, script.byte()?),
            2 => cut(before, script.byte()?),
            3 => {
                let other = CELLS[script.byte()? % CELLS.len()];
                let Some(found) = value(connection, other, script.byte()? % 8) else {
                    continue;
                };
                found
            }
            4 => Value::Null,
            _ => {
                delete(connection, cell, row);
                continue;
            }
        };
        write(connection, cell, row, &after);
    }
}

fn value(connection: &Connection, cell: (&str, &str, &str), row: usize) -> Option<Value> {
    let (table, column, key) = cell;
    let query = format!("SELECT {column} FROM {table} ORDER BY {key} LIMIT 1 OFFSET {row}");
    let mut query = connection.prepare(&query).expect("a known column");
    query
        .query_row([], |row| row.get(0))
        .optional()
        .expect("a row")
}

/// The schema refuses some: then somebody else has to try.
fn write(connection: &Connection, cell: (&str, &str, &str), row: usize, value: &Value) {
    let (table, column, key) = cell;
    let change = format!(
        "UPDATE {table} SET {column} = ?1 WHERE {key} = (SELECT {key} FROM {table} ORDER BY {key} LIMIT 1 OFFSET {row})"
    );
    let mut change = connection.prepare(&change).expect("a known column");
    let _ = change.execute([value]);
}

fn delete(connection: &Connection, cell: (&str, &str, &str), row: usize) {
    let (table, _, key) = cell;
    let change = format!(
        "DELETE FROM {table} WHERE {key} = (SELECT {key} FROM {table} ORDER BY {key} LIMIT 1 OFFSET {row})"
    );
    let mut change = connection.prepare(&change).expect("a known table");
    change.execute([]).expect("nothing holds a row");
}

/// Of the type that the column has.
fn other_value(before: &Value, bytes: &[u8]) -> Value {
    match before {
        Value::Integer(_) => {
            let mut number = [0; 8];
            let length = bytes.len().min(8);
            number[..length].copy_from_slice(&bytes[..length]);
            Value::Integer(i64::from_le_bytes(number))
        }
        Value::Text(_) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        _ => Value::Blob(bytes.to_vec()),
    }
}

fn flipped(before: Value, place: usize, with: usize) -> Value {
    match before {
        Value::Integer(number) => Value::Integer(number ^ (with as i64) << (place % 56)),
        Value::Text(text) => {
            let mut bytes = text.into_bytes();
            flip(&mut bytes, place, with);
            Value::Text(String::from_utf8_lossy(&bytes).into_owned())
        }
        Value::Blob(mut bytes) => {
            flip(&mut bytes, place, with);
            Value::Blob(bytes)
        }
        other => other,
    }
}

fn flip(bytes: &mut [u8], place: usize, with: usize) {
    if !bytes.is_empty() {
        let place = place % bytes.len();
        bytes[place] ^= with as u8;
    }
}

fn cut(before: Value, length: usize) -> Value {
    match before {
        Value::Text(text) => Value::Text(text.chars().take(length).collect()),
        Value::Blob(mut bytes) => {
            bytes.truncate(length);
            Value::Blob(bytes)
        }
        other => other,
    }
}

/// One document in its place; the rest of the script is its text.
fn rewrite(connection: &Connection, sealer: &Sealer, mut script: Script<'_>) -> Option<()> {
    let (column, bound_to) = SEALED[script.byte()? % SEALED.len()];
    let row = script.byte()? % 8;
    let (table, name) = (column.table, column.name);
    let place =
        format!("SELECT rowid, {bound_to} FROM {table} ORDER BY rowid LIMIT 1 OFFSET {row}");
    let mut place = connection.prepare(&place).expect("a known column");
    let (rowid, place): (i64, Value) = place
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .expect("a row")?;
    let place = match place {
        Value::Text(text) => text,
        Value::Blob(key) => row_key(&key),
        _ => return None,
    };
    let value = sealer.seal(column, &place, script.0).expect("sealed");
    let change = format!("UPDATE {table} SET {name} = ?1 WHERE rowid = ?2");
    let mut change = connection.prepare(&change).expect("a known column");
    change.execute((value, rowid)).expect("a blob");
    Some(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_script_can_change_every_column() {
        let store = Store::in_memory().unwrap();
        let connection = store.connection();
        let mut columns = connection
            .prepare("SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'")
            .unwrap();
        let columns: BTreeSet<(String, String)> = columns
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .map(|column| column.unwrap())
            .collect();
        let cells = CELLS
            .iter()
            .map(|(table, column, _)| ((*table).to_owned(), (*column).to_owned()));
        assert_eq!(cells.collect::<BTreeSet<_>>(), columns);
        for (column, _) in SEALED {
            assert!(columns.contains(&(column.table.to_owned(), column.name.to_owned())));
        }
    }
}
