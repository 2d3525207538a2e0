//! Power cuts, from copies of the files as the disk may hold them. A killed process is another matter: its writes all reach
//! the disk. Here only those before the last sync have, and of the rest any part.

use super::*;
use crate::history::tests::{ALICE, History};

const FRAME: usize = 24 + 4096;
const HEADER: usize = 32;

/// What a person would miss: decisions with how far they got, and what the history says.
#[derive(Debug, Clone, PartialEq)]
struct State {
    enrolled: bool,
    decisions: Vec<(String, Decision, Delivery, u32)>,
    open: usize,
    records: u64,
    checkpointed: u64,
}

impl State {
    fn of(store: &Store) -> State {
        let Some(row) = store.enrollment(ALICE).unwrap() else {
            return State {
                enrolled: false,
                decisions: Vec::new(),
                open: 0,
                records: 0,
                checkpointed: 0,
            };
        };
        let report = History::report_of(store, &row);
        assert_eq!(report.broken, None, "what is there holds");
        let decisions = (1..=6).filter_map(|n| store.decision(&format!("c{n}")).unwrap());
        State {
            enrolled: true,
            decisions: decisions
                .map(|row| {
                    let receipt = row.receipt;
                    (
                        row.challenge,
                        row.decision,
                        receipt.delivery,
                        receipt.attempts,
                    )
                })
                .collect(),
            open: store.open_challenges().unwrap().len(),
            records: report.records,
            checkpointed: report.checkpointed,
        }
    }
}

type Step = Box<dyn Fn(&History)>;

/// A day on a phone, each step one commit.
fn steps() -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (n, decision) in [Decision::Approve, Decision::Deny, Decision::Approve]
        .into_iter()
        .enumerate()
    {
        let id = format!("c{}", n + 1);
        let own = || id.clone();
        let (a, b, c, d, e) = (own(), own(), own(), own(), own());
        steps.push(Box::new(move |h| h.receive(&a, 9000)));
        steps.push(Box::new(move |h| h.review(&b)));
        steps.push(Box::new(move |h| drop(h.commit(&c, decision).unwrap())));
        steps.push(Box::new(move |h| h.send(&d, decision)));
        if n < 2 {
            steps.push(Box::new(move |h| h.settle(&e, Delivery::Delivered)));
        }
    }
    steps.push(Box::new(History::checkpoint));
    steps.push(Box::new(|h| h.receive("c4", 100)));
    steps.push(Box::new(|h| drop(h.store.expire(ALICE, 100).unwrap())));
    steps
}

/// Opens copies of these files, as after the power came back.
fn after_cut(database: &[u8], log: &[u8]) -> State {
    let folder = tempfile::tempdir().unwrap();
    let path = History::path(folder.path());
    std::fs::write(&path, database).unwrap();
    std::fs::write(path.with_extension("db-wal"), log).unwrap();
    State::of(&History::open(folder.path()).unwrap())
}

struct Files {
    database: Vec<u8>,
    log: Vec<u8>,
}

impl Files {
    fn of(history: &History) -> Files {
        let path = History::path(history.folder.path());
        Files {
            database: std::fs::read(&path).unwrap(),
            log: std::fs::read(path.with_extension("db-wal")).unwrap(),
        }
    }
}

/// What must be there when the log is cut at `end`: what the last call that had returned by then had done.
fn expected(returned: &[(usize, State)], end: usize) -> &State {
    let (_, state) = returned
        .iter()
        .rev()
        .find(|(length, _)| *length <= end)
        .unwrap();
    state
}

fn checkpoint(store: &Store, mode: &str) {
    let busy: i64 = store
        .connection()
        .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(busy, 0);
}

#[test]
fn whatever_had_returned_is_there_wherever_the_log_is_cut() {
    let history = History::empty();
    let nothing = State {
        enrolled: false,
        decisions: Vec::new(),
        open: 0,
        records: 0,
        checkpointed: 0,
    };
    let length = |history: &History| Files::of(history).log.len();
    let mut returned = vec![(0, nothing), (length(&history), State::of(&history.store))];
    for step in steps() {
        step(&history);
        returned.push((length(&history), State::of(&history.store)));
    }
    let Files { database, log } = Files::of(&history);
    assert_eq!((log.len() - HEADER) % FRAME, 0);
    let ends = (HEADER..=log.len()).step_by(FRAME);
    assert!(log.len() / FRAME > 40, "too small a log to show anything");

    // The account's own commit lies in the part that is not in `returned`: there it is whole or not there at all.
    let start = returned[1].0;
    for end in ends.chain([0, HEADER / 2]) {
        for cut in [end, end + 10, end + 24 + 2000] {
            let cut = cut.min(log.len());
            let found = after_cut(&database, &log[..cut]);
            if cut >= start || !found.enrolled {
                assert_eq!(&found, expected(&returned, cut), "cut at {cut}");
            }
            // The rest of the frame was never written, or something else was.
            let fillers: &[u8] = if cut > end + 10 { &[0x00, 0xa5] } else { &[] };
            for &filler in fillers {
                let mut torn = log[..cut].to_vec();
                torn.resize(log.len(), filler);
                assert_eq!(after_cut(&database, &torn), found, "torn at {cut}");
            }
        }
    }
}

#[test]
fn a_checkpoint_that_is_cut_short_loses_nothing() {
    let history = History::empty();
    steps().iter().for_each(|step| step(&history));
    let state = State::of(&history.store);
    let before = Files::of(&history);
    checkpoint(&history.store, "PASSIVE");
    let after = Files::of(&history);
    assert!(after.log == before.log && after.database != before.database);
    assert_eq!(after_cut(&after.database, &after.log), state);

    let pages = after.database.len() / 4096;
    for page in 0..pages {
        for bytes in [0, 1000] {
            let done = page * 4096 + bytes;
            let mut mixed = after.database[..done].to_vec();
            mixed.extend_from_slice(before.database.get(done..).unwrap_or_default());
            assert_eq!(after_cut(&mixed, &before.log), state, "cut at {done}");
        }
    }
}

#[test]
fn frames_from_before_a_checkpoint_are_not_read_again() {
    let history = History::empty();
    steps().iter().for_each(|step| step(&history));
    checkpoint(&history.store, "RESTART");
    let old = Files::of(&history);
    // The log starts again at its beginning: its length tells nothing, what has changed in it does.
    let written = |log: &[u8]| {
        let last = log.iter().zip(&old.log).rposition(|(new, old)| new != old);
        last.map_or(0, |last| {
            HEADER + (last + 1 - HEADER).div_ceil(FRAME) * FRAME
        })
    };
    let mut returned = vec![(0, State::of(&history.store))];
    history.settle("c3", Delivery::Delivered);
    for id in ["c5", "c6"] {
        returned.push((written(&Files::of(&history).log), State::of(&history.store)));
        history.receive(id, 9000);
        returned.push((written(&Files::of(&history).log), State::of(&history.store)));
        history.commit(id, Decision::Deny).unwrap();
    }
    let new = Files::of(&history);
    let end = written(&new.log);
    returned.push((end, State::of(&history.store)));
    assert!(end < old.log.len() && returned.windows(2).all(|pair| pair[0].0 < pair[1].0));
    for frame in (HEADER..=end).step_by(FRAME) {
        for cut in [frame, frame + 10, frame + 24 + 2000] {
            let mut mixed = new.log[..cut].to_vec();
            mixed.extend_from_slice(&old.log[cut..]);
            let found = after_cut(&old.database, &mixed);
            assert_eq!(&found, expected(&returned, cut.min(end)), "cut at {cut}");
        }
    }
}
