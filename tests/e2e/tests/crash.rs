//! A phone dies between tap and receipt, by abort at each named point or by SIGKILL at any moment, while the server has
//! faults; it starts again and sends what is queued. One answer, the first one, reaches the server: counted and printed.
//!
//! `AUTHENTICATOR_CRASH_RUNS` sets the number of random runs (60; the long mode is 1000).

#![expect(clippy::print_stdout, reason = "the counts are to be read")]

use std::io::{BufRead, BufReader, Read};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use authenticator_core::{
    Approval, Authenticator, Confirmation, Decision, Delivery, Device, EnrollmentId, ErrorCode,
    PushService, PushToken, Receipt, Review, Secret,
};
use e2e::{Agent, PATIENCE, TestClock, open_on_files, options, payment, start};
use futures_util::{Stream, StreamExt};
use sandbox::{KnobState, PathClass, PushEvent, Sandbox};
use tempfile::TempDir;

/// In the order in which an answer passes them.
const POINTS: [&str; 6] = [
    "deciding",
    "committed",
    "signed",
    "begun",
    "answered",
    "recorded",
];
/// Longer than the lease that a dead process leaves behind.
const LEASE: Duration = Duration::from_secs(41);
/// Longer than the server asks to wait ([`Fault::Busy`]).
const WAIT: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    /// The server takes the answer, the phone never hears of it.
    LostAnswer,
    /// 500, nothing done.
    Error,
    /// 429, nothing done.
    Busy,
    Slow,
}

const FAULTS: [Fault; 5] = [
    Fault::None,
    Fault::LostAnswer,
    Fault::Error,
    Fault::Busy,
    Fault::Slow,
];

#[derive(Clone, Copy, Debug)]
enum Death {
    At(&'static str),
    After(Duration),
}

#[derive(Default, Debug)]
struct Counts {
    runs: u32,
    /// Died before the decision was committed, before the server had it, and after.
    undecided: u32,
    undelivered: u32,
    delivered: u32,
    lost: u32,
    doubled: u32,
    flipped: u32,
}

struct Bench {
    sandbox: Sandbox,
    agent: Agent,
    folder: TempDir,
    clock: Arc<TestClock>,
    ahead: Duration,
    enrollment: EnrollmentId,
    pushes: Pin<Box<dyn Stream<Item = PushEvent> + Send>>,
    counts: Counts,
}

impl Bench {
    async fn new() -> Bench {
        let sandbox = start(options()).await;
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(TestClock::default());
        let app = open_on_files(folder.path(), &sandbox.origin(), clock.clone()).await;
        let push = PushToken {
            service: PushService::Fcm,
            token: Secret::new("crash".into()),
        };
        let device = Device {
            name: "Crash phone".into(),
            identifier: None,
            push: Some(push),
        };
        let invitation = sandbox
            .invitation(&sandbox.ready().user_id)
            .expect("an invitation");
        let enrollment = app
            .enroll(invitation, None, device)
            .await
            .expect("enrolment")
            .id;
        app.shutdown().await.expect("shutdown");
        let pushes = Box::pin(sandbox.pushes("crash"));
        let agent = Agent::new(&sandbox);
        Bench {
            sandbox,
            agent,
            folder,
            clock,
            ahead: Duration::ZERO,
            enrollment,
            pushes,
            counts: Counts::default(),
        }
    }

    async fn open(&self) -> Authenticator {
        open_on_files(
            self.folder.path(),
            &self.sandbox.origin(),
            self.clock.clone(),
        )
        .await
    }

    async fn run(&mut self, death: Death, tapped: Decision, fault: Fault) {
        let run = self.counts.runs;
        let story = format!("run {run}: {tapped:?}, {death:?}, {fault:?}");
        let name = format!("RUN-{run}");
        self.counts.runs += 1;
        let user = self.sandbox.ready().user_id;
        let request = self
            .agent
            .ask_for(&user, Some(&payment()), &[("binding_message", &name)])
            .await;
        let push = tokio::time::timeout(PATIENCE, self.pushes.next())
            .await
            .expect("a push in time")
            .expect("an open stream");
        let app = self.open().await;
        let challenge = app
            .receive_push(push.payload.to_string())
            .await
            .expect("a push for this phone");
        let review = app.review(challenge.id.clone()).await.expect("a review");
        app.shutdown().await.expect("shutdown");
        drop(app);

        self.sandbox.knobs().set(knobs(fault));
        let said_receipt = self.tap_and_die(&review, tapped, death).await;

        self.pass(LEASE);
        let answered = self.answer(&name).is_some();
        let app = self.open().await;
        let stored = app.history(None, None, 1).await.expect("history");
        let stored = stored
            .iter()
            .find(|entry| entry.challenge == challenge.id)
            .and_then(|entry| entry.decision);
        match (stored, answered) {
            (None, _) => self.counts.undecided += 1,
            (_, false) => self.counts.undelivered += 1,
            (_, true) => self.counts.delivered += 1,
        }
        if stored.is_none() && (answered || said_receipt) {
            self.counts.lost += 1;
            println!("LOST before the restart: {story}");
        }
        // Whoever taps after the restart taps the opposite: it counts only where nothing was committed.
        let opposite = match tapped {
            Decision::Approve => Decision::Deny,
            Decision::Deny => Decision::Approve,
        };
        let decided = stored.unwrap_or(opposite);
        let receipt = tap(&app, &review, opposite).await;
        if receipt.decision != decided || stored.is_some_and(|stored| stored != tapped) {
            self.counts.flipped += 1;
            println!("FLIPPED: {story}");
        }
        let mut delivery = receipt.delivery;
        for _ in 0..4 {
            if let Some(sent) = app.flush().await.expect("flush").first() {
                delivery = sent.delivery;
                if sent.last_error == Some(ErrorCode::RateLimited) {
                    self.pass(WAIT);
                }
            }
        }
        match self.answer(&name) {
            None => {
                self.counts.lost += 1;
                println!("LOST: {story}");
            }
            Some(accepted) if accepted != (decided == Decision::Approve) => {
                self.counts.flipped += 1;
                println!("FLIPPED at the server: {story}");
            }
            Some(_) => {}
        }
        // After a death in mid-attempt nobody can know, and the receipt says so.
        assert!(
            matches!(delivery, Delivery::Delivered | Delivery::Unconfirmed),
            "{delivery:?}: {story}"
        );
        if self.answers_taken() > 1 {
            self.counts.doubled += 1;
            println!("DOUBLED: {story}");
        }
        match decided {
            Decision::Approve => drop(self.agent.tokens(&request).await),
            Decision::Deny => self.agent.refused(&request, "access_denied").await,
        }
        self.sandbox.knobs().set(KnobState::default());
        app.shutdown().await.expect("shutdown");
    }

    /// Lets time pass everywhere.
    fn pass(&mut self, time: Duration) {
        self.sandbox.advance(time);
        self.clock.advance(time.as_millis() as i64);
        self.ahead += time;
    }

    /// Whether the child lived to say that it had its receipt.
    async fn tap_and_die(&self, review: &Review, decision: Decision, death: Death) -> bool {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crash-phone"));
        command
            .arg(self.folder.path())
            .arg(self.sandbox.origin())
            .arg(self.ahead.as_millis().to_string());
        command
            .arg(review.challenge.as_str())
            .arg(&review.digest)
            .arg(if decision == Decision::Approve {
                "approve"
            } else {
                "deny"
            });
        command.arg(typed(review));
        if let Death::At(point) = death {
            command.env("AUTHENTICATOR_CRASH_POINT", point);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the phone starts");
        tokio::task::spawn_blocking(move || watch(child, death))
            .await
            .expect("the watcher lives")
    }

    /// What the server has taken as the answer to a request: accepted or not.
    fn answer(&self, name: &str) -> Option<bool> {
        let requests = self.sandbox.snapshot().requests;
        let request = requests
            .into_iter()
            .find(|request| request.binding_message.as_deref() == Some(name));
        request
            .expect("the request is known")
            .answer
            .map(|answer| answer.accepted)
    }

    /// Answers that the server has accepted since the request was made.
    fn answers_taken(&self) -> usize {
        let exchanges = self.sandbox.snapshot().exchanges;
        let since = exchanges
            .iter()
            .take_while(|exchange| exchange.path != "/bc-authorize");
        since
            .filter(|exchange| {
                exchange.path.ends_with("/resolve-transaction")
                    && (200..300).contains(&exchange.status)
            })
            .count()
    }
}

async fn tap(app: &Authenticator, review: &Review, decision: Decision) -> Receipt {
    let (id, digest) = (review.challenge.clone(), review.digest.clone());
    let receipt = match decision {
        Decision::Approve => app.approve(id, digest, Some(typed(review))).await,
        Decision::Deny => app.deny(id, Some(digest), None).await,
    };
    receipt.expect("a receipt")
}

/// What a person types to confirm: that many requests in a row are suspicious.
fn typed(review: &Review) -> String {
    match &review.approval {
        Approval::NeedsConfirmation {
            confirmation: Confirmation::Number { number, .. },
        } => number.clone(),
        Approval::NeedsConfirmation {
            confirmation: Confirmation::AmountDigits { .. },
        } => "249".into(),
        _ => String::new(),
    }
}

fn watch(mut child: Child, death: Death) -> bool {
    let mut output = BufReader::new(child.stdout.take().expect("its output"));
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    assert_eq!(line, "tap\n", "the phone did not come to its tap");
    if let Death::After(pause) = death {
        // The one place where real time is what is tested: SIGKILL comes from outside, at any moment.
        std::thread::sleep(pause);
        child.kill().expect("SIGKILL");
    }
    let status = child.wait().expect("it ends");
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("the rest");
    if let Death::At(point) = death {
        assert!(status.code().is_none(), "it did not die at {point}");
    }
    rest.contains("receipt")
}

fn knobs(fault: Fault) -> KnobState {
    let once = || [(PathClass::Resolve, 1)].into();
    match fault {
        Fault::None => KnobState::default(),
        Fault::LostAnswer => KnobState {
            lose_answer: once(),
            ..KnobState::default()
        },
        Fault::Error => KnobState {
            server_errors: once(),
            ..KnobState::default()
        },
        Fault::Busy => KnobState {
            rate_limits: once(),
            ..KnobState::default()
        },
        Fault::Slow => KnobState {
            slow_answer_ms: 20,
            ..KnobState::default()
        },
    }
}

/// Xorshift: enough to pick moments.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[tokio::test]
async fn a_phone_that_dies_at_any_moment_gives_one_answer_and_never_the_other_one() {
    let mut bench = Bench::new().await;
    for point in POINTS {
        for fault in FAULTS {
            for decision in [Decision::Approve, Decision::Deny] {
                bench.run(Death::At(point), decision, fault).await;
            }
        }
    }
    let chosen = bench.counts.runs;
    assert_eq!(
        (bench.counts.undecided, bench.counts.delivered > 0),
        (chosen / 6, true),
        "{:?}",
        bench.counts
    );

    let random: u32 = std::env::var("AUTHENTICATOR_CRASH_RUNS")
        .map_or(60, |runs| runs.parse().expect("a number of runs"));
    let seed = std::time::UNIX_EPOCH
        .elapsed()
        .expect("after 1970")
        .as_nanos() as u64
        | 1;
    let mut dice = Dice(seed);
    for _ in 0..random {
        let fault = FAULTS[dice.below(5) as usize];
        let decision = [Decision::Approve, Decision::Deny][dice.below(2) as usize];
        // Most answers take 10 to 40 ms after the tap.
        let pause = Duration::from_micros(dice.below(50_000));
        bench.run(Death::After(pause), decision, fault).await;
    }
    println!(
        "{:?} ({chosen} of them at named points; seed {seed})",
        bench.counts
    );
    assert_eq!(
        (
            bench.counts.lost,
            bench.counts.doubled,
            bench.counts.flipped
        ),
        (0, 0, 0)
    );

    let app = bench.open().await;
    let report = app
        .verify_history(bench.enrollment.clone())
        .await
        .expect("a report");
    assert_eq!(report.broken, None);
    assert!(report.checkpointed >= 50, "{report:?}");
    bench.sandbox.stop().await;
}
