//! A phone dies between tap and receipt, by abort at each named point or by SIGKILL at any moment, alone or beside a second
//! process on the same store, or is frozen there while the second one overtakes it; the server has faults meanwhile. It
//! starts again and sends what is queued. One answer, the first one, reaches the server: counted and printed.
//!
//! `AUTHENTICATOR_CRASH_RUNS` is the long mode: that many deaths at random moments in all, and every combination of point,
//! fault and decision. Without it, 80 and a part of the combinations in which each pair occurs.

#![expect(clippy::print_stdout, reason = "the counts are to be read")]

mod bench;
mod child;
mod fault;
mod wiretap;

use std::time::Duration;

use authenticator_core::Decision::{self, Approve, Deny};
use authenticator_core::ErrorCode;

use bench::{Bench, LEASE};
use child::{Fate, Phone, Said};
use fault::{FAULTS, Fault};

/// In the order in which an answer passes them; each but the first lies in the core.
const POINTS: [&str; 11] = [
    // The platform's prompt is on screen.
    "begun_approval",
    "tapped",
    "deciding",
    "decided",
    "committed",
    "signed",
    "beginning",
    "begun",
    "answered",
    "recording",
    "recorded",
];
/// Points before the commit: whoever dies there has decided nothing.
const BEFORE: usize = 3;
/// Points at which nothing is locked, so that another process can overtake one that stands still there.
const STANDS: [&str; 7] = [
    "tapped",
    "decided",
    "committed",
    "signed",
    "begun",
    "answered",
    "recorded",
];
const QUICK: u32 = 80;

fn long_mode() -> Option<u32> {
    let runs = std::env::var("AUTHENTICATOR_CRASH_RUNS").ok()?;
    Some(runs.parse().expect("a number of runs"))
}

/// The share of one of the four tests.
fn random_deaths() -> u32 {
    long_mode().unwrap_or(QUICK).div_ceil(4)
}

/// Xorshift: enough to pick moments.
struct Dice(u64);

impl Dice {
    fn new() -> Dice {
        let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
        Dice(now.as_nanos() as u64 | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }

    /// Most answers take 10 to 40 ms after the tap, and somebody who gives up waits longer.
    fn moment(&mut self, fault: Fault) -> Duration {
        let patience = fault.patience().unwrap_or_default();
        Duration::from_micros(self.below(50_000 + patience.as_micros() as u64))
    }
}

async fn ended(mut phones: Vec<Phone>) -> Vec<Said> {
    blocking(move || {
        phones.iter_mut().for_each(Phone::ready);
        phones.iter_mut().for_each(Phone::go);
        phones.into_iter().map(Phone::end).collect()
    })
    .await
}

/// One phone dies this death over this tap.
async fn alone(bench: &mut Bench, fate: Fate, tap: Decision, fault: Fault) {
    let story = format!("{tap:?}, {fate:?}, {fault:?}");
    let asked = bench.ask(fault).await;
    let phone = bench.start(&asked, tap, fault, Some(fate));
    let said = ended(vec![phone]).await;
    if let Fate::DiesAt(point) = fate {
        assert!(!said[0].lived, "it did not die at {point}");
    }
    assert_eq!(said[0].error, None, "{story}");
    bench.settle(asked, fault, &[tap], &said, &story).await;
}

/// Every point with every fault and decision, then deaths at random moments.
async fn one_phone(user_verification: bool) {
    let mut bench = Bench::new(user_verification).await;
    let mut undecided = 0;
    for (p, point) in POINTS.into_iter().enumerate() {
        for (f, fault) in FAULTS.into_iter().enumerate() {
            for (d, tap) in [Approve, Deny].into_iter().enumerate() {
                let prompt = point == "begun_approval";
                let happens = !prompt || (user_verification && tap == Approve);
                if happens && ((p + f + d) % 2 == 0 || long_mode().is_some()) {
                    alone(&mut bench, Fate::DiesAt(point), tap, fault).await;
                    undecided += u32::from(p < BEFORE);
                }
            }
        }
    }
    let chosen = bench.counts.runs;
    assert_eq!(bench.counts.undecided, undecided, "{:?}", bench.counts);
    let mut dice = Dice::new();
    let seed = dice.0;
    for _ in 0..random_deaths() {
        let (fault, tap) = (dice.one_of(&FAULTS), dice.one_of(&[Approve, Deny]));
        let fate = Fate::DiesAfter(dice.moment(fault));
        alone(&mut bench, fate, tap, fault).await;
    }
    finish(bench, chosen, seed).await;
}

/// Two processes tap at once, the first one dies, the second one lives and has its receipt.
async fn beside_another(bench: &mut Bench, fate: Fate, taps: [Decision; 2], fault: Fault) {
    let story = format!("{taps:?}, {fate:?}, {fault:?}");
    let asked = bench.ask(fault).await;
    let phones = vec![
        bench.start(&asked, taps[0], fault, Some(fate)),
        bench.start(&asked, taps[1], fault, None),
    ];
    let said = ended(phones).await;
    lived(&said[1], &story);
    bench.settle(asked, fault, &taps, &said, &story).await;
}

/// One process taps and stands still at a point; time may pass; another one taps and sends; then the first one goes on.
async fn overtaken(
    bench: &mut Bench,
    point: &'static str,
    taps: [Decision; 2],
    fault: Fault,
    later: Duration,
) {
    let story = format!("{taps:?}, held at {point} for {later:?}, {fault:?}");
    let asked = bench.ask(fault).await;
    let mut first = bench.start(&asked, taps[0], fault, Some(Fate::HeldAt(point)));
    let mut first = blocking(move || {
        first.ready();
        first.go();
        first.is_held();
        first
    })
    .await;
    bench.pass(later);
    let second = bench.start(&asked, taps[1], fault, None);
    let mut said = ended(vec![second]).await;
    let held = blocking(move || {
        first.let_go(later);
        first.end()
    });
    said.insert(0, held.await);
    for said in &said {
        lived(said, &story);
    }
    bench.settle(asked, fault, &taps, &said, &story).await;
}

/// Nothing happened to it: it has its receipt, or found the request answered before it asked for a signature.
fn lived(said: &Said, story: &str) {
    let late = Some(ErrorCode::ChallengeAnswered.as_str());
    assert!(
        said.lived && (said.receipt.is_some() || said.error.as_deref() == late),
        "{said:?}: {story}"
    );
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work)
        .await
        .expect("the watcher lives")
}

async fn two_processes(user_verification: bool) {
    const TAPS: [[Decision; 2]; 4] = [
        [Approve, Deny],
        [Deny, Approve],
        [Approve, Approve],
        [Deny, Deny],
    ];
    let mut bench = Bench::new(user_verification).await;
    for (p, point) in POINTS.into_iter().enumerate() {
        for (t, taps) in TAPS.into_iter().enumerate() {
            for (f, fault) in FAULTS.into_iter().enumerate() {
                if long_mode().is_some() || f == (p + 2 * t) % FAULTS.len() {
                    beside_another(&mut bench, Fate::DiesAt(point), taps, fault).await;
                }
            }
        }
    }
    for (p, point) in STANDS.into_iter().enumerate() {
        for (t, taps) in TAPS.into_iter().enumerate() {
            for (f, fault) in FAULTS.into_iter().enumerate() {
                for (l, later) in [Duration::ZERO, LEASE].into_iter().enumerate() {
                    if long_mode().is_some()
                        || (f == (p + 2 * t) % FAULTS.len() && l == (p + t) % 2)
                    {
                        overtaken(&mut bench, point, taps, fault, later).await;
                    }
                }
            }
        }
    }
    let chosen = bench.counts.runs;
    let mut dice = Dice::new();
    let seed = dice.0;
    for _ in 0..random_deaths() {
        let (fault, taps) = (dice.one_of(&FAULTS), dice.one_of(&TAPS));
        let fate = Fate::DiesAfter(dice.moment(fault));
        beside_another(&mut bench, fate, taps, fault).await;
    }
    assert_eq!(bench.counts.undecided, 0, "{:?}", bench.counts);
    finish(bench, chosen, seed).await;
}

async fn finish(bench: Bench, chosen: u32, seed: u64) {
    println!(
        "{:?} ({chosen} of them at named points; seed {seed})",
        bench.counts
    );
    let counts = &bench.counts;
    assert_eq!((counts.lost, counts.doubled, counts.flipped), (0, 0, 0));
    bench.verify_history().await;
    bench.sandbox.stop().await;
}

#[tokio::test]
async fn a_phone_that_dies_at_any_moment_gives_one_answer_and_never_the_other_one() {
    one_phone(false).await;
}

#[tokio::test]
async fn a_phone_that_dies_over_a_prompt_has_decided_nothing_and_after_it_keeps_the_approval() {
    one_phone(true).await;
}

#[tokio::test]
async fn of_two_processes_that_tap_at_once_one_decides_although_the_other_dies() {
    two_processes(false).await;
}

#[tokio::test]
async fn of_two_processes_that_show_the_prompt_at_once_one_decides_although_the_other_dies() {
    two_processes(true).await;
}
