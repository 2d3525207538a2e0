//! Disks that are full or read-only, and files that another process has locked: real ones.
//!
//! The disk is a small tmpfs in a mount namespace of its own, which vanishes with the process that uses it, however that
//! ends. A test starts itself once more inside it.

use std::fs::File as Plain;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

use super::*;
use crate::history::tests::{ALICE, History};
use crate::repair::StoreState;

/// Set in the process that a test starts: where its disk is, or that it is the other process.
const PLACE: &str = "AUTHENTICATOR_TEST_PLACE";
const PAGE: u64 = 4096;

/// This test program, told to run one test of this file.
fn again(test: &str) -> Vec<String> {
    let program = std::env::current_exe().unwrap();
    let (_, module) = module_path!().split_once("::").unwrap();
    vec![
        program.to_str().unwrap().into(),
        "--exact".into(),
        format!("{module}::{test}"),
        "--nocapture".into(),
    ]
}

/// Runs `story` in a process that has a disk of 2 MiB. A machine that lets nobody mount one fails the test.
fn on_a_small_disk(test: &str, story: impl FnOnce(&Disk)) {
    if let Some(place) = std::env::var_os(PLACE) {
        return story(&Disk(place.into()));
    }
    let place = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| -> Output {
        Command::new("unshare")
            .args(more)
            .args(["--mount", "sh", "-c"])
            .arg(r#"mount -t tmpfs -o size=2m tmpfs "$0" || exit 97; exec "$@""#)
            .arg(place.path())
            .args(again(test))
            .env(PLACE, place.path())
            .output()
            .expect("unshare (package util-linux) starts")
    };
    // Without user namespaces this takes root, without root it takes user namespaces.
    let mut output = run(&[]);
    let (mut out, mut err) = said(&output);
    if !out.contains("running 1 test") {
        output = run(&["--map-root-user"]);
        (out, err) = said(&output);
    }
    assert!(
        out.contains("running 1 test"),
        "no small disk can be mounted here, so what a full one does cannot be shown. Run the tests as root, or allow \
         unprivileged user namespaces (a container needs CAP_SYS_ADMIN). It said: {err}"
    );
    assert!(
        output.status.success() && out.contains("1 passed"),
        "{out}\n{err}"
    );
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

struct Disk(PathBuf);

impl Disk {
    fn folder(&self) -> TempDir {
        tempfile::tempdir_in(&self.0).unwrap()
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Leaves room for so many pages.
    fn leave(&self, pages: u64) {
        let mut file = Plain::create(self.ballast()).unwrap();
        while file.write_all(&[0xbb; PAGE as usize]).is_ok() {}
        let full = file.metadata().unwrap().len().next_multiple_of(PAGE);
        file.set_len(full.saturating_sub(pages * PAGE)).unwrap();
    }

    fn clear(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }

    fn remount(&self, mode: &str) {
        let done = Command::new("mount")
            .args(["-o", &format!("remount,{mode}")])
            .arg(&self.0)
            .status();
        assert!(done.unwrap().success());
    }
}

/// What the disk holds for good: another handle on the same files.
fn on_disk(history: &History, id: &str) -> Option<(Delivery, u32)> {
    let row = History::open(history.folder.path())
        .unwrap()
        .decision(id)
        .unwrap();
    row.map(|row| (row.receipt.delivery, row.receipt.attempts))
}

#[test]
fn on_a_full_disk_a_call_does_all_or_nothing_and_says_so() {
    on_a_small_disk(
        "on_a_full_disk_a_call_does_all_or_nothing_and_says_so",
        |disk| {
            let history = History::empty_in(disk.folder());
            let (mut done, mut refused) = (0, 0);
            for pages in 0..32 {
                let id = format!("c{pages}");
                history.ask(&id, 9000);
                history
                    .store
                    .connection()
                    .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                    .unwrap();
                disk.leave(pages);
                let result = history.commit(&id, Decision::Approve);
                let stored = history.store.decision(&id).unwrap();
                match result {
                    Ok(_) => {
                        done += 1;
                        disk.clear();
                        assert_eq!(on_disk(&history, &id), Some((Delivery::Queued, 0)));
                    }
                    Err(error) => {
                        refused += 1;
                        assert_eq!(error.code(), ErrorCode::StoreUnavailable, "{error}");
                        assert!(error.message().contains("disk is full"), "{error}");
                        assert!(
                            stored.is_none() && history.store.challenge(&id).unwrap().is_some()
                        );
                        disk.clear();
                        assert_eq!(on_disk(&history, &id), None);
                        history.commit(&id, Decision::Approve).unwrap();
                    }
                }
                assert_eq!(history.report().broken, None);
            }
            assert!(done > 3 && refused > 3, "{done} done, {refused} refused");
        },
    );
}

#[test]
fn a_full_disk_between_tap_and_receipt_loses_no_answer() {
    on_a_small_disk(
        "a_full_disk_between_tap_and_receipt_loses_no_answer",
        |disk| {
            let history = History::empty_in(disk.folder());
            history.ask("c1", 9000);
            history.commit("c1", Decision::Approve).unwrap();
            history
                .store
                .connection()
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                .unwrap();
            disk.leave(0);
            assert_eq!(
                code(history.store.begin_attempt("c1", "jwt", 5000, 6000)),
                ErrorCode::StoreUnavailable
            );
            let receipt = history.store.decision("c1").unwrap().unwrap().receipt;
            assert_eq!((receipt.delivery, receipt.attempts), (Delivery::Queued, 0));
            disk.clear();
            history.send("c1", Decision::Approve);
            history
                .store
                .connection()
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                .unwrap();
            disk.leave(0);
            let answered = Receipt {
                delivery: Delivery::Delivered,
                ..history.store.decision("c1").unwrap().unwrap().receipt
            };
            let result = history.store.end_attempt(&answered, false);
            assert_eq!(code(result), ErrorCode::StoreUnavailable);
            disk.clear();
            assert_eq!(
                on_disk(&history, "c1"),
                Some((Delivery::Queued, 1)),
                "it is known to be out"
            );
            history.settle("c1", Delivery::Delivered);
            let report = history.report();
            assert_eq!((report.answers, report.broken), (1, None));
        },
    );
}

#[test]
fn a_disk_that_fills_up_before_the_log_is_emptied_keeps_what_was_committed() {
    let test = "a_disk_that_fills_up_before_the_log_is_emptied_keeps_what_was_committed";
    on_a_small_disk(test, |disk| {
        let history = History::empty_in(disk.folder());
        for n in 1..=5 {
            history.ask(&format!("c{n}"), 9000);
            history.decide(&format!("c{n}"), Decision::Approve);
        }
        disk.leave(0);
        let emptied =
            history
                .store
                .connection()
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        assert!(emptied.is_err(), "the file has no room to grow into");
        let History {
            store, row, folder, ..
        } = history;
        drop(store);
        match History::open(folder.path()) {
            Ok(store) => assert_eq!(History::report_of(&store, &row).answers, 5),
            Err(error) => assert_eq!(error.code(), ErrorCode::StoreUnavailable, "{error}"),
        }
        disk.clear();
        let report = History::report_of(&History::open(folder.path()).unwrap(), &row);
        assert_eq!((report.answers, report.broken), (5, None));
    });
}

#[test]
fn a_store_that_finds_no_room_to_begin_begins_later() {
    on_a_small_disk("a_store_that_finds_no_room_to_begin_begins_later", |disk| {
        let (mut done, mut refused) = (0, 0);
        for pages in 0..48 {
            let folder = disk.folder();
            disk.leave(pages);
            match History::open(folder.path()) {
                Ok(_) => done += 1,
                Err(error) => {
                    refused += 1;
                    assert_eq!(
                        error.code(),
                        ErrorCode::StoreUnavailable,
                        "{pages} pages: {error}"
                    );
                }
            }
            disk.clear();
            assert!(
                History::open(folder.path())
                    .unwrap()
                    .enrollments()
                    .unwrap()
                    .is_empty()
            );
        }
        assert!(done > 3 && refused > 3, "{done} done, {refused} refused");
    });
}

#[test]
fn a_repair_without_room_leaves_the_old_file_in_place() {
    on_a_small_disk(
        "a_repair_without_room_leaves_the_old_file_in_place",
        |disk| {
            let history = History::empty_in(disk.folder());
            history.ask("c1", 9000);
            history.decide("c1", Decision::Deny);
            history.store.forge("DELETE FROM meta");
            let History {
                store, row, folder, ..
            } = history;
            drop(store);
            let path = History::path(folder.path());
            let before = std::fs::read(&path).unwrap();
            for pages in [0, 4, 8, 16] {
                disk.leave(pages);
                assert_eq!(
                    code(Store::repair(&path, &flip)),
                    ErrorCode::StoreUnavailable
                );
                assert!(std::fs::read(&path).unwrap() == before);
                disk.clear();
            }
            assert_eq!(
                Store::repair(&path, &flip).unwrap().state,
                StoreState::Damaged
            );
            let store = History::open(folder.path()).unwrap();
            assert_eq!(History::report_of(&store, &row).answers, 1);
        },
    );
}

#[test]
fn a_store_on_a_read_only_disk_is_unavailable_and_whole_later() {
    on_a_small_disk(
        "a_store_on_a_read_only_disk_is_unavailable_and_whole_later",
        |disk| {
            let history = History::empty_in(disk.folder());
            history.ask("c1", 9000);
            history.decide("c1", Decision::Deny);
            // As after a crash: the file with a log that was never taken over.
            let crashed = disk.folder();
            let (from, to) = (
                History::path(history.folder.path()),
                History::path(crashed.path()),
            );
            std::fs::copy(&from, &to).unwrap();
            std::fs::copy(from.with_extension("db-wal"), to.with_extension("db-wal")).unwrap();
            let History {
                store, row, folder, ..
            } = history;
            drop(store);
            let bytes = || {
                let all = [&from, &to, &to.with_extension("db-wal")];
                all.map(|file| std::fs::read(file).unwrap())
            };
            let before = bytes();
            disk.remount("ro");
            for folder in [&folder, &crashed] {
                let error = History::open(folder.path()).err().unwrap();
                assert_eq!(error.code(), ErrorCode::StoreUnavailable, "{error}");
                let error = Store::repair(&History::path(folder.path()), &flip).unwrap_err();
                assert_eq!(error.code(), ErrorCode::StoreUnavailable, "{error}");
            }
            disk.remount("rw");
            assert!(bytes() == before);
            for folder in [&folder, &crashed] {
                let store = History::open(folder.path()).unwrap();
                let report = History::report_of(&store, &row);
                assert_eq!((report.answers, report.broken), (1, None));
            }
        },
    );
}

#[test]
fn a_store_that_another_process_keeps_locked_is_unavailable_until_it_lets_go() {
    if let Some(file) = std::env::var_os(PLACE) {
        let other = Connection::open(file).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        println!("locked");
        // Until the first process closes its end.
        let _ = std::io::stdin().read_line(&mut String::new());
        return;
    }
    let history = History::empty();
    history.ask("c1", 9000);
    let [program, arguments @ ..] =
        &again("a_store_that_another_process_keeps_locked_is_unavailable_until_it_lets_go")[..]
    else {
        panic!("a command");
    };
    let mut other = Command::new(program)
        .args(arguments)
        .env(PLACE, History::path(history.folder.path()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(other.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("locked") {
        line.clear();
        assert!(
            said.read_line(&mut line).unwrap() > 0,
            "the other process ended"
        );
    }

    let hurry = "PRAGMA busy_timeout = 0";
    history.store.connection().execute_batch(hurry).unwrap();
    let refused = history.commit("c1", Decision::Deny);
    assert_eq!(code(refused), ErrorCode::StoreUnavailable);
    assert_eq!(
        history.store.open_challenges().unwrap().len(),
        1,
        "reading works"
    );
    drop(other.stdin.take());
    assert!(other.wait().unwrap().success());
    history.commit("c1", Decision::Deny).unwrap();
    assert!(history.store.enrollment(ALICE).unwrap().is_some());
}
