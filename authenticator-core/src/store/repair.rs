//! A store that does not open, or not whole: what can be read and unsealed goes into a new file, and the old one is moved
//! aside as it is. After a crash at any point there is the old file, or the new one, or [`finish`] makes it the new one.

use std::fs::File;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::types::Value;
use rusqlite::{Connection, Row, Transaction, TransactionBehavior};

use super::fault::damaged;
use super::open::{self, KeyCall, Locked, suffixed};
use super::seal::Sealer;
use super::{challenges, decisions, enrollments, history, requesters, schema};
use crate::challenge::ChallengeId;
use crate::enrollment::EnrollmentId;
use crate::error::{Error, ErrorCode, Result};
use crate::repair::{StoreRepair, StoreState};

/// A new file that is being written; worthless after a crash.
const DRAFT: &str = ".repair";
/// A new file that is complete and waits to take the place of the old one.
const READY: &str = ".repaired";

/// See [`super::Store::repair`].
pub(super) fn repair(path: &Path, unwrap: KeyCall<'_>) -> Result<StoreRepair> {
    finish(path)?;
    if !path.exists() {
        return Ok(report(StoreState::Intact));
    }
    let old = open::connect(path)?;
    let repaired = examine(&old, unwrap).and_then(|found| match found {
        Found::Intact => Ok(report(StoreState::Intact)),
        Found::Keyless => without_key(&old),
        Found::Unreadable => Ok(report(StoreState::Damaged)),
        Found::Damaged(sealer, version) => save(path, &old, &sealer, version),
    });
    open::leave(old)?;
    let mut repaired = repaired?;
    repaired.moved_to = match repaired.state {
        StoreState::Intact => None,
        StoreState::KeyMissing => Some(move_aside(path, "no-key")?),
        StoreState::Damaged if suffixed(path, READY).exists() => finish(path)?,
        StoreState::Damaged => Some(move_aside(path, "corrupt")?),
    };
    Ok(repaired)
}

/// Puts a repaired file in its place, if there is one; the name of the file that was there.
pub(super) fn finish(path: &Path) -> Result<Option<String>> {
    let ready = suffixed(path, READY);
    if !ready.exists() {
        return Ok(None);
    }
    // Two processes must not both move aside what they find: the second would find the new file.
    let lock = suffixed(path, ".repair-lock");
    let held = File::create(&lock).and_then(|file| file.lock().map(|()| file));
    let _held = held.map_err(|error| unavailable("cannot be locked for its repair", &error))?;
    if !ready.exists() {
        return Ok(None);
    }
    let moved_to = move_aside(path, "corrupt")?;
    std::fs::rename(&ready, path)
        .and_then(|()| sync_folder(path))
        .map_err(|error| unavailable("cannot be replaced by the repaired one", &error))?;
    let _ = std::fs::remove_file(lock);
    Ok(Some(moved_to))
}

/// What is the matter with a file.
enum Found {
    Intact,
    /// Its data key is gone.
    Keyless,
    /// Without its schema or its key nothing in it can be told.
    Unreadable,
    /// Some of it cannot be read or unsealed. It has this version.
    Damaged(Box<Sealer>, usize),
}

fn examine(old: &Connection, unwrap: KeyCall<'_>) -> Result<Found> {
    // Refused while another connection has the store open: what that one writes would go into the file moved aside.
    old.execute_batch("PRAGMA locking_mode = EXCLUSIVE")?;
    let unlocked = schema::version(old, schema::STEPS).and_then(|version| match version {
        0 => Ok(None),
        _ => Ok(open::unlock(old, unwrap)?.map(|sealer| (sealer, version))),
    });
    let (sealer, version) = match unlocked {
        Ok(Some(unlocked)) => unlocked,
        Ok(None) => return Ok(Found::Intact),
        Err(error) => {
            return match error.code() {
                ErrorCode::StoreCorrupt => Ok(Found::Unreadable),
                ErrorCode::KeyMissing | ErrorCode::KeyInvalidated => Ok(Found::Keyless),
                _ => Err(error),
            };
        }
    };
    match is_whole(old) && opens(old, &sealer) {
        true => Ok(Found::Intact),
        false => Ok(Found::Damaged(Box::new(sealer), version)),
    }
}

/// Whether SQLite finds nothing wrong with pages, rows and indices.
fn is_whole(store: &Connection) -> bool {
    let check = |pragma: &str| store.query_row(pragma, [], |row| row.get::<_, String>(0));
    let orphans = store.prepare("PRAGMA foreign_key_check");
    check("PRAGMA integrity_check(1)").is_ok_and(|found| found == "ok")
        && orphans.is_ok_and(|mut query| query.exists([]).is_ok_and(|found| !found))
        && Locked::is_kept_twice(store)
}

/// Whether every sealed value opens at its place.
fn opens(store: &Connection, sealer: &Sealer) -> bool {
    TABLES.iter().all(|table| {
        each_key(store, table, |key| {
            match (table.opens)(store, sealer, key) {
                Ok(()) => Ok(()),
                Err(_) => Err(damaged("a row does not open")),
            }
        })
        .is_ok()
    })
}

/// Plain columns tell which accounts were there and which decisions had not been settled.
fn without_key(old: &Connection) -> Result<StoreRepair> {
    let queued =
        "SELECT challenge FROM decisions WHERE delivery = 'queued' ORDER BY decided_at, challenge";
    Ok(StoreRepair {
        lost: texts(old, KEPT)?
            .into_iter()
            .map(EnrollmentId::new)
            .collect(),
        lost_decisions: texts(old, queued)?
            .into_iter()
            .map(ChallengeId::new)
            .collect(),
        lost_records: count(old, "SELECT count(*) FROM history")?,
        ..report(StoreState::KeyMissing)
    })
}

/// Writes what is left of `old` into a file beside it that is ready to take its place.
fn save(path: &Path, old: &Connection, sealer: &Sealer, version: usize) -> Result<StoreRepair> {
    let draft = suffixed(path, DRAFT);
    for part in ["-wal", "-shm", ""] {
        let _ = std::fs::remove_file(suffixed(&draft, part));
    }
    open::create_private(&draft)?;
    let mut new = open::connect(&draft)?;
    open::make_durable(&new)?;
    schema::migrate(&mut new, &schema::STEPS[..version])?;
    if let Some(locked) = Locked::read(old)? {
        locked.write(&mut new)?;
    }
    let change = new.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let repaired = fill(old, &change, sealer)?;
    change.commit()?;
    schema::migrate(&mut new, schema::STEPS)?;
    new.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    drop(new);
    File::open(&draft)
        .and_then(|file| file.sync_all())
        .and_then(|()| std::fs::rename(&draft, suffixed(path, READY)))
        .and_then(|()| sync_folder(path))
        .map_err(|error| unavailable("cannot be written anew", &error))?;
    Ok(repaired)
}

fn fill(old: &Connection, new: &Transaction<'_>, sealer: &Sealer) -> Result<StoreRepair> {
    new.execute_batch("PRAGMA defer_foreign_keys = ON")?;
    for table in TABLES {
        copy(old, new, table)?;
    }
    let mut known = texts(new, ACCOUNTS)?;
    known.extend(legible(old, "SELECT id FROM enrollments ORDER BY id"));
    let mut decided = texts(new, "SELECT challenge FROM decisions")?;
    // Answered from an index, which lies on other pages than the rows.
    decided.extend(legible(
        old,
        "SELECT challenge FROM decisions ORDER BY challenge",
    ));
    for table in TABLES {
        let mut bad = Vec::new();
        each_key(new, table, |key| {
            if (table.opens)(new, sealer, key).is_err() {
                bad.push(key.to_vec());
            }
            Ok(())
        })?;
        for key in bad {
            new.execute(table.strike, rusqlite::params_from_iter(key))?;
        }
    }
    for sql in ORPHANS {
        new.execute_batch(sql)?;
    }
    let lives = texts(new, "SELECT id FROM enrollments")?;
    known.retain(|id| !lives.contains(id));
    let answers = texts(new, "SELECT challenge FROM decisions")?;
    decided.retain(|id| !answers.contains(id));
    decided.extend(texts(new, DECIDED_WITHOUT_DECISION)?);
    Ok(StoreRepair {
        lost: sorted(known).into_iter().map(EnrollmentId::new).collect(),
        kept: texts(new, KEPT)?
            .into_iter()
            .map(EnrollmentId::new)
            .collect(),
        lost_decisions: sorted(decided).into_iter().map(ChallengeId::new).collect(),
        lost_records: count(new, HOLES)?,
        ..report(StoreState::Damaged)
    })
}

/// Every account that anything speaks of.
const ACCOUNTS: &str = "SELECT id FROM enrollments UNION SELECT enrollment FROM challenges
    UNION SELECT enrollment FROM decisions UNION SELECT enrollment FROM history";
const KEPT: &str = "SELECT id FROM enrollments WHERE continued_by IS NULL ORDER BY enrolled_at, id";
const DECIDED_WITHOUT_DECISION: &str = "SELECT id FROM challenges
    WHERE state = 'decided' AND id NOT IN (SELECT challenge FROM decisions)";
/// Records that are there and unreadable, and numbers between the first and the last that nobody has.
const HOLES: &str = "SELECT coalesce(sum(missing), 0) FROM (
        SELECT max(seq) - min(seq) + 1 - count(*) AS missing FROM history GROUP BY enrollment
        UNION ALL SELECT count(*) FROM history WHERE length(record) = 0)";
/// Rows whose account or challenge could not be saved.
const ORPHANS: &[&str] = &[
    "UPDATE enrollments SET continued_by = NULL WHERE continued_by NOT IN (SELECT id FROM enrollments)",
    "DELETE FROM challenges WHERE enrollment NOT IN (SELECT id FROM enrollments)",
    "DELETE FROM decisions WHERE challenge NOT IN (SELECT id FROM challenges)
                              OR enrollment NOT IN (SELECT id FROM enrollments)",
    "DELETE FROM history WHERE enrollment NOT IN (SELECT id FROM enrollments)",
    "DELETE FROM checkpoints WHERE enrollment NOT IN (SELECT id FROM enrollments)",
    "DELETE FROM requesters WHERE enrollment NOT IN (SELECT id FROM enrollments)",
    "DELETE FROM quiet WHERE enrollment NOT IN (SELECT id FROM enrollments)",
];

/// Whether the sealed values of a row open.
type Opens = fn(&Connection, &Sealer, &[Value]) -> Result<()>;

/// How the rows of a table are found, copied and judged.
struct Table {
    name: &'static str,
    /// Columns that order the rows, with `rowid` where there is one: it is kept.
    key: &'static str,
    /// Whether `SELECT *` leaves the key out.
    has_rowid: bool,
    opens: Opens,
    /// What is done with a row that does not open, found by its key.
    strike: &'static str,
}

/// All tables but the one of the key, parents first.
const TABLES: &[Table] = &[
    Table {
        name: "servers",
        key: "rowid",
        has_rowid: true,
        opens: enrollments::server_opens,
        strike: "DELETE FROM servers WHERE rowid = ?1",
    },
    Table {
        name: "enrollments",
        key: "rowid",
        has_rowid: true,
        opens: enrollments::opens,
        strike: "DELETE FROM enrollments WHERE rowid = ?1",
    },
    Table {
        name: "challenges",
        key: "rowid",
        has_rowid: true,
        opens: challenges::opens,
        strike: "DELETE FROM challenges WHERE rowid = ?1",
    },
    Table {
        name: "decisions",
        key: "rowid",
        has_rowid: true,
        opens: decisions::opens,
        strike: "DELETE FROM decisions WHERE rowid = ?1",
    },
    Table {
        name: "history",
        key: "rowid",
        has_rowid: true,
        opens: history::opens,
        // Its number stays taken, so that whoever checks the chain finds the hole.
        strike: "UPDATE history SET settles = 2, record = zeroblob(0) WHERE rowid = ?1",
    },
    Table {
        name: "checkpoints",
        key: "enrollment, seq",
        has_rowid: false,
        opens: |_, _, _| Ok(()),
        strike: "",
    },
    Table {
        name: "requesters",
        key: "enrollment, audience",
        has_rowid: false,
        opens: requesters::opens,
        strike: "DELETE FROM requesters WHERE enrollment = ?1 AND audience = ?2",
    },
    Table {
        name: "quiet",
        key: "enrollment, audience",
        has_rowid: false,
        opens: |_, _, _| Ok(()),
        strike: "",
    },
];

impl Table {
    fn ordered(&self, direction: &str) -> String {
        let columns: Vec<String> = self
            .key
            .split(", ")
            .map(|column| format!("{column} {direction}"))
            .collect();
        columns.join(", ")
    }
}

/// Copies what can be read: from the start to the first damage, and from the end back to the last.
fn copy(old: &Connection, new: &Connection, table: &Table) -> Result<()> {
    let rowid = if table.has_rowid { "rowid, " } else { "" };
    // By place, not by name: the names may be what was damaged.
    let shape = new.prepare(&format!("SELECT {rowid}* FROM {}", table.name))?;
    let width = shape.column_count();
    let insert = format!(
        "INSERT OR IGNORE INTO {} ({}) VALUES ({})",
        table.name,
        shape.column_names().collect::<Vec<_>>().join(", "),
        vec!["?"; width].join(", ")
    );
    for direction in ["ASC", "DESC"] {
        let order = table.ordered(direction);
        let query = format!("SELECT {rowid}* FROM {} ORDER BY {order}", table.name);
        let Ok(mut query) = old.prepare(&query) else {
            return Ok(());
        };
        if query.column_count() != width {
            return Ok(());
        }
        let mut insert = new.prepare(&insert)?;
        let Ok(mut rows) = query.query([]) else {
            continue;
        };
        loop {
            match rows.next() {
                Ok(None) => return Ok(()),
                Err(_) => break,
                Ok(Some(row)) => {
                    let Ok(values) = values_of(row, width) else {
                        continue;
                    };
                    match insert.execute(rusqlite::params_from_iter(values)) {
                        // Where both ways meet; or damage has made the same row come twice.
                        Ok(0) => break,
                        Ok(_) => {}
                        Err(error) => match Error::from(error) {
                            error if error.code() == ErrorCode::StoreUnavailable => {
                                return Err(error);
                            }
                            // No row that this library writes.
                            _ => {}
                        },
                    }
                }
            }
        }
    }
    Ok(())
}

fn values_of(row: &Row<'_>, width: usize) -> rusqlite::Result<Vec<Value>> {
    (0..width).map(|column| row.get(column)).collect()
}

fn each_key(
    store: &Connection,
    table: &Table,
    mut visit: impl FnMut(&[Value]) -> Result<()>,
) -> Result<()> {
    let order = table.ordered("ASC");
    let query = format!("SELECT {} FROM {} ORDER BY {order}", table.key, table.name);
    let mut query = store.prepare(&query)?;
    let width = query.column_count();
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        visit(&values_of(row, width)?)?;
    }
    Ok(())
}

fn texts(store: &Connection, query: &str) -> Result<Vec<String>> {
    let mut query = store.prepare(query)?;
    let rows = query.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn count(store: &Connection, query: &str) -> Result<u64> {
    let count: i64 = store.query_row(query, [], |row| row.get(0))?;
    Ok(count.try_into().unwrap_or(0))
}

/// As [`texts`], up to the first damage.
fn legible(store: &Connection, query: &str) -> Vec<String> {
    let Ok(mut query) = store.prepare(query) else {
        return Vec::new();
    };
    query
        .query_map([], |row| row.get(0))
        .map(|rows| rows.map_while(std::result::Result::ok).collect())
        .unwrap_or_default()
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts.dedup();
    texts
}

fn report(state: StoreState) -> StoreRepair {
    StoreRepair {
        state,
        moved_to: None,
        kept: Vec::new(),
        lost: Vec::new(),
        lost_decisions: Vec::new(),
        lost_records: 0,
    }
}

/// Renames the file and what SQLite keeps next to it; the new name. Nothing is destroyed.
fn move_aside(path: &Path, why: &str) -> Result<String> {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs());
    let target = (seconds..)
        .map(|seconds| suffixed(path, &format!(".{why}-{seconds}")))
        .find(|target| !target.exists())
        .unwrap_or_else(|| suffixed(path, why));
    // The log goes first: a log left behind would be read into the new file.
    for part in ["-wal", "-shm", ""] {
        match std::fs::rename(suffixed(path, part), suffixed(&target, part)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(unavailable("cannot be moved aside", &error));
            }
            _ => {}
        }
    }
    let name = target.file_name().unwrap_or_default();
    Ok(name.to_string_lossy().into_owned())
}

/// Makes a renaming durable, where folders can be synced.
#[cfg(unix)]
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> std::io::Result<()> {
    Ok(())
}

fn unavailable(what: &str, error: &std::io::Error) -> Error {
    Error::new(
        ErrorCode::StoreUnavailable,
        format!("the store {what}: {}", error.kind()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_saved() {
        let mut store = Connection::open_in_memory().unwrap();
        schema::migrate(&mut store, schema::STEPS).unwrap();
        let all = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
        let mut saved: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
        // The key is written anew, from whichever copy is whole.
        saved.extend(["meta", "meta_copy"]);
        saved.sort_unstable();
        assert_eq!(texts(&store, all).unwrap(), saved);
        for table in TABLES {
            let owned = format!("SELECT 1 FROM pragma_foreign_key_list('{}')", table.name);
            let owned = store.prepare(&owned).unwrap().exists([]).unwrap();
            let orphans = ORPHANS.iter().any(|sql| sql.contains(table.name));
            assert_eq!(owned, orphans, "{}", table.name);
        }
    }
}
