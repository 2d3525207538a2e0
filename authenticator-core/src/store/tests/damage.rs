//! Damaged files, stores without their key, and what a repair leaves of them.

use super::*;
use crate::history::HistoryFault;
use crate::history::tests::{ALICE, History};
use crate::repair::{StoreRepair, StoreState};

const PAGE: usize = 4096;

fn repair(path: &Path) -> Result<StoreRepair> {
    Store::repair(path, &flip)
}

/// Decided and confirmed, decided and queued, missed, open; a second account with a queued decision.
fn busy() -> History {
    let history = History::empty();
    history.ask("c1", 9000);
    history.decide("c1", Decision::Approve);
    history.ask("c2", 9000);
    history.commit("c2", Decision::Deny).unwrap();
    history.ask("c3", 100);
    history.store.expire(ALICE, 100).unwrap();
    history.ask("c4", 9000);
    history.checkpoint();
    let store = &history.store;
    store.add_enrollment(&enrollment(BOB), &[]).unwrap();
    store.add_challenge(&challenge("b1", BOB, 9000)).unwrap();
    let mut denied = decision("b1", Decision::Deny);
    denied.enrollment = BOB.into();
    store.decide_only(&denied, None).unwrap();
    store
        .add_server(&server("bank", "https://bank.example"))
        .unwrap();
    store
        .record_requester(BOB, "api", 1, |row| row.denied += 1)
        .unwrap();
    history
}

const DECIDED: [&str; 3] = ["c1", "c2", "b1"];

/// What was decided, which nothing may change.
type Verdict = (Decision, Option<String>, Option<String>);

fn verdict(store: &Store, id: &str) -> Result<Option<Verdict>> {
    let row = store.decision(id)?;
    Ok(row.map(|row| (row.decision, row.reason, row.claim)))
}

/// Every call that reads; the codes of those that fail.
fn read_all(store: &Store) -> Vec<ErrorCode> {
    let rows = store.enrollments();
    let mut results = vec![
        store.servers().map(drop),
        store.open_challenges().map(drop),
        store.queued().map(drop),
        store.history(None, None, 100).map(drop),
        store.requester(BOB, "api").map(drop),
    ];
    for row in rows.iter().flatten() {
        results.push(
            store
                .history(Some(&row.identity.enrollment), None, 100)
                .map(drop),
        );
        results.push(store.checkpoints(&row.identity.enrollment).map(drop));
    }
    for id in ["c1", "c2", "c3", "c4", "b1"] {
        results.push(store.challenge(id).map(drop));
        results.push(store.decision(id).map(drop));
    }
    results.push(rows.map(drop));
    results
        .into_iter()
        .filter_map(|r| r.err().map(|e| e.code()))
        .collect()
}

/// The whole store in one file.
fn file_of(history: History) -> Vec<u8> {
    let path = History::path(history.folder.path());
    let History { store, folder, .. } = history;
    drop(store);
    let bytes = std::fs::read(&path).unwrap();
    assert!(!path.with_extension("db-wal").exists());
    drop(folder);
    bytes
}

/// Ways in which a page goes bad: never written, worn out, single bits.
fn damages(file: &[u8], page: usize) -> Vec<Vec<u8>> {
    let (start, end) = (page * PAGE, (page + 1) * PAGE);
    let mut all = Vec::new();
    for filler in [0x00, 0xff] {
        let mut bytes = file.to_vec();
        bytes[start..end].fill(filler);
        all.push(bytes);
    }
    // Page headers and cell pointers, then anywhere; always the same places.
    let spread = (0..5).map(|n| (page * 977 + n * 1543 + 101) % PAGE);
    for at in [3, 5, 8, 9].into_iter().chain(spread) {
        let mut bytes = file.to_vec();
        bytes[start + at] ^= 1 << (at % 8);
        all.push(bytes);
    }
    all
}

#[test]
fn a_damaged_page_is_told_and_repaired_and_never_changes_a_decision() {
    let file = file_of(busy());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("good.db");
    std::fs::write(&path, &file).unwrap();
    let good = Store::open(&path, &flip, &flip, &Counting(1.into())).unwrap();
    let truth = DECIDED.map(|id| verdict(&good, id).unwrap().unwrap());

    let (mut told, mut repaired, mut unreadable) = (0, 0, std::collections::BTreeSet::new());
    for page in 0..file.len() / PAGE {
        for (n, bytes) in damages(&file, page).into_iter().enumerate() {
            let place = format!("page {}, damage {n}", page + 1);
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("store.db");
            std::fs::write(&path, &bytes).unwrap();
            let open = || Store::open(&path, &flip, &flip, &Counting(1.into()));

            let codes = match open() {
                Ok(store) => {
                    for (id, truth) in DECIDED.iter().zip(&truth) {
                        let found = verdict(&store, id);
                        assert!(
                            !matches!(&found, Ok(Some(found)) if found != truth),
                            "{place}"
                        );
                    }
                    read_all(&store)
                }
                Err(error) => vec![error.code()],
            };
            let typed = [ErrorCode::StoreCorrupt, ErrorCode::StoreNewer];
            assert!(
                codes.iter().all(|code| typed.contains(code)),
                "{place}: {codes:?}"
            );
            told += usize::from(!codes.is_empty());

            let report = match repair(&path) {
                Ok(report) => report,
                // The number of its format was hit: an old library must not touch a newer file.
                Err(error) if error.code() == ErrorCode::StoreNewer => continue,
                Err(error) => panic!("{place}: {error}"),
            };
            let store = open().unwrap_or_else(|error| panic!("{place}: {error}"));
            assert_eq!(read_all(&store), [], "{place}: {report:?}");
            assert_eq!(repair_again(store, &path), StoreState::Intact, "{place}");
            let store = open().unwrap();
            let nothing_known = report.state == StoreState::Damaged
                && report.kept.is_empty()
                && report.lost.is_empty();
            if nothing_known {
                unreadable.insert(page + 1);
                continue;
            }
            repaired += usize::from(report.state == StoreState::Damaged);
            for (id, truth) in DECIDED.iter().zip(&truth) {
                match verdict(&store, id).unwrap() {
                    Some(found) => assert_eq!(&found, truth, "{place}"),
                    None => assert!(
                        report
                            .lost_decisions
                            .iter()
                            .any(|lost| lost.as_str() == *id),
                        "{place}: {id} is lost and not reported: {report:?}"
                    ),
                }
            }
            for id in [ALICE, BOB] {
                let kept = report.kept.iter().any(|kept| kept.as_str() == id);
                let lost = report.lost.iter().any(|lost| lost.as_str() == id);
                let there = store.enrollment(id).unwrap().is_some();
                let intact = report.state == StoreState::Intact;
                assert!(
                    there == (kept || intact) && there != lost,
                    "{place}: {report:?}"
                );
            }
        }
    }
    assert!(
        told > 50 && repaired > 50,
        "{told} told, {repaired} repaired"
    );
    // The first page and those behind it that hold the list of tables.
    let schema = schema_pages_of(&file);
    assert!(
        unreadable.iter().all(|page| schema.contains(page)),
        "nothing was saved with one of these pages damaged: {unreadable:?}; the schema lies on {schema:?}"
    );
}

fn repair_again(store: Store, path: &Path) -> StoreState {
    drop(store);
    repair(path).unwrap().state
}

/// Pages that are the root of no table and hold `CREATE`.
fn schema_pages_of(file: &[u8]) -> Vec<usize> {
    let holds_sql = |page: &[u8]| page.windows(7).any(|window| window == b"CREATE ");
    let pages = file.chunks(PAGE).enumerate();
    pages
        .filter(|(number, page)| *number == 0 || holds_sql(page))
        .map(|(number, _)| number + 1)
        .collect()
}

#[test]
fn the_rows_before_and_behind_a_damaged_page_are_saved() {
    let history = History::empty();
    for n in 0..40 {
        history.ask(&format!("c{n}"), 9000);
        history.decide(&format!("c{n}"), Decision::Approve);
    }
    let row = history.row.clone();
    let file = file_of(history);
    // Table leaves, by their first byte; the page behind the schema's is the earliest one with rows.
    let leaves = file
        .chunks(PAGE)
        .enumerate()
        .filter(|(page, bytes)| *page > 0 && bytes[0] == 0x0d);
    let mut saved_on_both_sides = 0;
    for (page, _) in leaves {
        let folder = tempfile::tempdir().unwrap();
        let path = History::path(folder.path());
        let mut bytes = file.clone();
        bytes[page * PAGE..(page + 1) * PAGE].fill(0);
        std::fs::write(&path, bytes).unwrap();
        let report = repair(&path).unwrap();
        if report.kept.is_empty() || report.lost_records == 0 {
            continue;
        }
        let store = History::open(folder.path()).unwrap();
        let numbers: Vec<i64> = store
            .chain(ALICE, 0, 1000)
            .unwrap()
            .iter()
            .map(|r| r.seq)
            .collect();
        assert!(report.lost_records < 10, "page {}: {report:?}", page + 1);
        assert_eq!(numbers.len() as u64 + report.lost_records, 80);
        saved_on_both_sides +=
            usize::from(numbers.first() == Some(&1) && numbers.last() == Some(&80));
        assert!(History::report_of(&store, &row).broken.is_some());
    }
    assert!(saved_on_both_sides > 5, "{saved_on_both_sides}");
}

#[test]
fn one_account_that_cannot_be_read_does_not_take_the_others_along() {
    let history = busy();
    history
        .store
        .forge("UPDATE enrollments SET profile = x'00' WHERE id = 'dev_bob'");
    assert_eq!(code(history.store.enrollments()), ErrorCode::StoreCorrupt);
    let History {
        store, row, folder, ..
    } = history;
    drop(store);
    let path = History::path(folder.path());
    let report = repair(&path).unwrap();
    assert_eq!(report.state, StoreState::Damaged);
    let ids = |ids: &[crate::enrollment::EnrollmentId]| -> Vec<String> {
        ids.iter().map(|id| id.as_str().to_owned()).collect()
    };
    assert_eq!(
        (ids(&report.kept), ids(&report.lost)),
        (vec![ALICE.into()], vec![BOB.into()])
    );
    assert_eq!(report.lost_decisions, [ChallengeId::new("b1")]);
    assert_eq!(report.lost_records, 0);

    let store = History::open(folder.path()).unwrap();
    assert_eq!(History::report_of(&store, &row).broken, None);
    let queued: Vec<_> = store
        .queued()
        .unwrap()
        .into_iter()
        .map(|row| row.challenge)
        .collect();
    assert_eq!(queued, ["c2"]);
    let open: Vec<_> = store
        .open_challenges()
        .unwrap()
        .into_iter()
        .map(|row| row.id)
        .collect();
    assert_eq!(open, ["c4"]);
    assert_eq!(
        store.servers().unwrap(),
        [server("bank", "https://bank.example")]
    );
    let kept = folder.path().join(report.moved_to.unwrap());
    assert!(contains(&std::fs::read(kept).unwrap(), BOB));
}

#[test]
fn a_record_that_cannot_be_read_leaves_a_hole_that_is_found_and_nobody_is_kept_from_deciding() {
    let history = busy();
    let last = history.report().records;
    history.store.forge(&format!(
        "UPDATE history SET record = x'00' WHERE enrollment = 'dev_alice' AND seq = {last}"
    ));
    assert_eq!(
        code(history.store.history(None, None, 9)),
        ErrorCode::StoreCorrupt
    );
    history.commit("c4", Decision::Deny).unwrap();
    let History {
        store, row, folder, ..
    } = history;
    drop(store);
    let report = repair(&History::path(folder.path())).unwrap();
    assert_eq!(
        (report.state, report.lost_records),
        (StoreState::Damaged, 1)
    );
    assert_eq!(report.lost_decisions, []);
    let store = History::open(folder.path()).unwrap();
    assert_eq!(store.history(Some(ALICE), None, 9).unwrap().len(), 3);
    let broken = History::report_of(&store, &row).broken.unwrap();
    assert_eq!((broken.seq, broken.fault), (last, HistoryFault::Unreadable));
}

#[test]
fn an_index_that_lost_an_entry_is_made_anew() {
    let history = busy();
    // What a flipped bit in an index page does: the row is there and nobody finds it.
    history.store.forge(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, '''queued''', '''nobody''') WHERE name = 'decisions_queued';
         PRAGMA writable_schema = RESET;",
    );
    history.store.forge("REINDEX decisions_queued");
    history.store.forge(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, '''nobody''', '''queued''') WHERE name = 'decisions_queued';
         PRAGMA writable_schema = RESET;",
    );
    assert!(
        history.store.queued().unwrap().is_empty(),
        "the test made its damage"
    );
    let History { store, folder, .. } = history;
    drop(store);
    let report = repair(&History::path(folder.path())).unwrap();
    assert_eq!(
        (report.state, report.lost_decisions),
        (StoreState::Damaged, vec![])
    );
    let store = History::open(folder.path()).unwrap();
    assert_eq!(store.queued().unwrap().len(), 2);
}

#[test]
fn either_copy_of_the_key_is_enough() {
    for gone in ["meta", "meta_copy"] {
        for damage in [
            format!("DELETE FROM {gone}"),
            format!("UPDATE {gone} SET value = x'00' WHERE name = 'data_key'"),
            format!("UPDATE {gone} SET value = x'00' WHERE name = 'check'"),
            format!("DELETE FROM {gone} WHERE name = 'digest'"),
        ] {
            let (file, store) = denied();
            drop(store);
            file.sql(&damage);
            assert_eq!(file.open().queued().unwrap().len(), 1, "{damage}");
            let report = repair(&file.path()).unwrap();
            assert_eq!((report.state, report.kept.len()), (StoreState::Damaged, 1));
            assert_eq!(repair(&file.path()).unwrap().state, StoreState::Intact);
            assert_eq!(file.open().queued().unwrap().len(), 1);
        }
    }
}

#[test]
fn without_any_key_a_store_with_accounts_gets_no_new_one() {
    let (file, store) = denied();
    drop(store);
    file.sql("DELETE FROM meta; DELETE FROM meta_copy");
    assert_eq!(file.refusal().code(), ErrorCode::StoreCorrupt);
}

#[test]
fn a_file_that_is_no_database_is_moved_aside_when_asked_and_only_then() {
    let file = File::new();
    let text = "not a database ".repeat(1000);
    std::fs::write(file.path(), &text).unwrap();
    let error = file.refusal();
    assert_eq!(error.code(), ErrorCode::StoreCorrupt);
    assert!(error.message().contains("repair_store"), "{error}");
    assert_eq!(names(file.folder.path()), ["store.db"]);
    let report = repair(&file.path()).unwrap();
    assert_eq!(report.state, StoreState::Damaged);
    let kept = report.moved_to.unwrap();
    assert!(kept.starts_with("store.db.corrupt-"), "{kept}");
    assert_eq!(
        std::fs::read_to_string(file.folder.path().join(kept)).unwrap(),
        text
    );
    assert!(file.open().enrollments().unwrap().is_empty());
}

#[test]
fn a_store_without_its_key_is_moved_aside_with_its_log_and_works_again_with_the_key() {
    let (file, store) = denied();
    // As a backup that was taken while the app ran: the file and its log.
    let copy = File::new();
    for name in names(file.folder.path()) {
        std::fs::copy(
            file.folder.path().join(&name),
            copy.folder.path().join(&name),
        )
        .unwrap();
    }
    drop(store);
    let refused = Store::open(&copy.path(), &no_key, &flip, &Counting(1.into()))
        .err()
        .unwrap();
    assert_eq!(refused.code(), ErrorCode::KeyMissing);
    assert!(refused.message().contains("repair_store"), "{refused}");

    let report = Store::repair(&copy.path(), &no_key).unwrap();
    assert_eq!(report.state, StoreState::KeyMissing);
    assert_eq!(
        (report.kept.len(), report.lost.len(), report.lost_records),
        (0, 1, 1)
    );
    assert_eq!(report.lost_decisions, [ChallengeId::new("c1")]);
    assert!(copy.open().enrollments().unwrap().is_empty(), "a new start");

    let kept = report.moved_to.unwrap();
    assert!(kept.starts_with("store.db.no-key-"), "{kept}");
    let kept = Store::open(
        &copy.folder.path().join(kept),
        &flip,
        &flip,
        &Counting(1.into()),
    );
    assert_eq!(
        kept.unwrap().queued().unwrap().len(),
        1,
        "the key came back"
    );
}

#[test]
fn a_key_store_that_is_locked_or_fails_moves_nothing() {
    for failure in [ErrorCode::KeysLocked, ErrorCode::KeyStoreFailed] {
        let (file, store) = denied();
        drop(store);
        let before = std::fs::read(file.path()).unwrap();
        let fails = |_| Err(Error::new(failure, "no"));
        assert_eq!(code(Store::repair(&file.path(), &fails)), failure);
        assert!(std::fs::read(file.path()).unwrap() == before);
        let names = names(file.folder.path());
        assert!(
            !names.iter().any(|name| name.contains("no-key")),
            "{names:?}"
        );
    }
}

#[test]
fn a_store_in_order_or_not_there_is_left_alone() {
    let (file, store) = denied();
    drop(store);
    let before = std::fs::read(file.path()).unwrap();
    let report = repair(&file.path()).unwrap();
    assert_eq!((report.state, report.moved_to), (StoreState::Intact, None));
    assert!(std::fs::read(file.path()).unwrap() == before);
    let nothing = File::new();
    assert_eq!(repair(&nothing.path()).unwrap().state, StoreState::Intact);
    assert!(names(nothing.folder.path()).is_empty());
}

#[test]
fn a_store_that_is_open_is_not_repaired() {
    let (file, store) = denied();
    assert_eq!(code(repair(&file.path())), ErrorCode::StoreUnavailable);
    drop(store);
    assert_eq!(repair(&file.path()).unwrap().state, StoreState::Intact);
}

#[test]
fn a_repair_that_dies_has_done_nothing_or_is_finished_at_the_next_start() {
    let (file, store) = denied();
    drop(store);
    let complete = std::fs::read(file.path()).unwrap();
    let beside = |ending: &str| super::super::open::suffixed(&file.path(), ending);

    // Died while it wrote the new file.
    std::fs::write(beside(".repair"), "half of").unwrap();
    assert_eq!(file.open().queued().unwrap().len(), 1);
    file.sql("DELETE FROM meta");
    assert_eq!(repair(&file.path()).unwrap().kept.len(), 1);

    // Died when the new file was complete: before, while and after it moved the old one aside.
    for parts in [vec!["", "-wal"], vec![""], vec![]] {
        for part in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(beside(part));
        }
        for part in parts {
            std::fs::write(beside(part), "damaged").unwrap();
        }
        std::fs::write(beside(".repaired"), &complete).unwrap();
        assert_eq!(file.open().queued().unwrap().len(), 1);
        assert!(!beside(".repaired").exists() && !beside(".repair-lock").exists());
    }
}
