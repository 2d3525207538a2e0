//! The store, read back after somebody else has written to it.

mod sample;
mod seen;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::clock::SystemEntropy;
use crate::error::{ErrorCode, Result};
use crate::repair::StoreState;
use crate::store::Store;
use seen::{Seen, look};

/// What a damaged or foreign store may answer.
const DAMAGED: &[ErrorCode] = &[ErrorCode::StoreCorrupt];

/// An even first byte: somebody without the data key has changed cells of the database, as the script that follows says.
/// Whatever can still be read says what was written: no other decision, account, request or history; all else is a typed
/// error. An odd one: somebody with the data key has written another document. Then anything may be said, but nothing
/// crashes.
pub fn stored_rows(data: &[u8]) -> bool {
    thread_local!(static STORE: (Store, Seen) = {
        let store = Store::in_memory().expect("a store");
        sample::fill(&store).expect("a sample");
        let truth = look(&store, &[]);
        (store, truth)
    });
    let Some((choice, script)) = data.split_first() else {
        return false;
    };
    STORE.with(|(store, truth)| match choice % 2 {
        0 => {
            let seen = store.tampered(script, |store| look(store, DAMAGED));
            seen.says_nothing_but(truth);
            seen.failures == 0
        }
        _ => {
            // A key in an account is read when it is used.
            let codes = &[ErrorCode::StoreCorrupt, ErrorCode::ArgumentInvalid];
            store.rewritten(script, |store| look(store, codes)).failures == 0
        }
    })
}

/// Bytes of the file, or of the write-ahead log beside it, are others: the first byte chooses the log, then come places
/// (three bytes, little endian) with the byte to write there; a place beyond the end cuts the file at it.
///
/// Opening gives a typed error or a store, and what can be read there is what was written. What does not open, or not
/// whole, is repaired: then it opens, all of it can be read, and nothing in it is new.
pub fn stored_file(data: &[u8]) -> bool {
    let Some((choice, edits)) = data.split_first() else {
        return false;
    };
    let template = template();
    let (mut file, mut log) = (template.file.clone(), template.log.clone());
    match choice % 2 {
        0 => edit(&mut file, edits),
        _ => edit(&mut log, edits),
    }
    let folder = Folder::new();
    let path = folder.0.join("store.db");
    std::fs::write(&path, file).expect("a file");
    std::fs::write(folder.0.join("store.db-wal"), log).expect("a log");
    match Store::open(&path, &turn, &turn, &SystemEntropy) {
        Ok(store) => {
            let seen = look(&store, DAMAGED);
            seen.says_nothing_but(&template.truth);
            if seen.failures == 0 {
                return true;
            }
        }
        Err(error) if DAMAGED.contains(&error.code()) => {}
        Err(error) => {
            let codes = [
                ErrorCode::StoreNewer,
                ErrorCode::StoreUnavailable,
                ErrorCode::KeyMissing,
            ];
            assert!(codes.contains(&error.code()), "{error}");
            return false;
        }
    }
    let repaired = Store::repair(&path, &turn).expect("a damaged store can be repaired");
    assert!(repaired.state != StoreState::Intact, "it is damaged");
    let store = Store::open(&path, &turn, &turn, &SystemEntropy).expect("a repaired store opens");
    let seen = look(&store, &[]);
    seen.says_nothing_but(&template.truth);
    false
}

fn edit(bytes: &mut Vec<u8>, edits: &[u8]) {
    for edit in edits.chunks_exact(4) {
        let place = u32::from_le_bytes([edit[0], edit[1], edit[2], 0]) as usize;
        // Also reachable by small changes of a script: places count twice around.
        match bytes.len() {
            0 => return,
            length if place < 2 * length => bytes[place % length] = edit[3],
            length => bytes.truncate(place % length),
        }
    }
}

/// A store as it lies on the disk in the middle of its life: a part of it only in the log.
struct Template {
    file: Vec<u8>,
    log: Vec<u8>,
    truth: Seen,
}

fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let folder = Folder::new();
        let path = folder.0.join("store.db");
        let open = || Store::open(&path, &turn, &turn, &SystemEntropy);
        let store = open().expect("a store");
        sample::begin(&store).expect("a sample");
        let before = look(&store, &[]);
        // Closing moves the log into the file.
        drop(store);
        let store = open().expect("a store");
        sample::finish(&store).expect("a sample");
        let read = |name| std::fs::read(folder.0.join(name)).expect("a file");
        Template {
            file: read("store.db"),
            log: read("store.db-wal"),
            // A log that is cut gives an earlier state.
            truth: before.and(look(&store, &[])),
        }
    })
}

/// Stands in for the platform: "wraps" by turning the bits over.
fn turn(key: Vec<u8>) -> Result<Vec<u8>> {
    Ok(key.into_iter().map(|byte| !byte).collect())
}

/// A folder that vanishes; in memory where the system has such a place.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let shared = PathBuf::from("/dev/shm");
        let parent = match shared.is_dir() {
            true => shared,
            false => std::env::temp_dir(),
        };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("authenticator-core-{}-{number}", std::process::id());
        let folder = parent.join(name);
        std::fs::create_dir(&folder).expect("a folder");
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
