//! The process that dies: started, told to tap, killed or held.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use authenticator_core::Decision;
use e2e::PATIENCE;
use serde_json::Value;

/// What happens to a process before its time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// It aborts where the core, or the phone itself, has a point of this name.
    DiesAt(&'static str),
    /// SIGKILL from outside, so long after it was told to tap.
    DiesAfter(Duration),
    /// It stands still at this point, as a system freezes an app, until it is let go.
    HeldAt(&'static str),
}

/// What a process said until its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// It came to its own end.
    pub(crate) lived: bool,
    /// The decision of its receipt, if it came to hold one.
    pub(crate) receipt: Option<Decision>,
    /// Code of the error that its tap ended with.
    pub(crate) error: Option<String>,
}

/// A phone that is open and waits for the signal to tap.
pub(crate) struct Phone {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    fate: Option<Fate>,
    /// There while it stands still.
    held: PathBuf,
}

impl Phone {
    /// `folder` is the phone's.
    pub(crate) fn start(folder: &Path, orders: &Value, fate: Option<Fate>) -> Phone {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crash-phone"));
        command.arg(orders.to_string());
        let held = folder.join("held");
        match fate {
            Some(Fate::DiesAt(point)) => {
                command.env("AUTHENTICATOR_CRASH_POINT", point);
            }
            Some(Fate::HeldAt(point)) => {
                command.env("AUTHENTICATOR_HOLD_POINT", point);
                command.env("AUTHENTICATOR_HELD", &held);
            }
            _ => {}
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the phone starts");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Phone {
            input: child.stdin.take(),
            child,
            output,
            fate,
            held,
        }
    }

    /// Waits until it is open.
    pub(crate) fn ready(&mut self) {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        assert_eq!(line, "tap\n", "the phone did not come to its tap");
    }

    /// Tells it to tap.
    pub(crate) fn go(&mut self) {
        self.tell("now");
    }

    fn tell(&mut self, word: &str) {
        let input = self.input.as_mut().expect("its input");
        writeln!(input, "{word}").expect("it listens");
    }

    /// Waits until it stands still.
    pub(crate) fn is_held(&self) {
        let asked = Instant::now();
        while !self.held.exists() {
            assert!(asked.elapsed() < PATIENCE, "it never came to its point");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lets it go on, so much later.
    pub(crate) fn let_go(&mut self, later: Duration) {
        self.tell(&later.as_millis().to_string());
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        assert_eq!(line, "passed\n");
        std::fs::remove_file(&self.held).expect("it is held");
    }

    /// Kills it if that is its fate, and waits for its end.
    pub(crate) fn end(mut self) -> Said {
        if let Some(Fate::DiesAfter(pause)) = self.fate {
            // The one place where real time is what is tested: SIGKILL comes from outside, at any moment.
            std::thread::sleep(pause);
            self.child.kill().expect("SIGKILL");
        }
        drop(self.input.take());
        let mut text = String::new();
        self.output.read_to_string(&mut text).expect("the rest");
        let status = self.child.wait().expect("it ends");
        let after = |word: &str| text.lines().find_map(|line| line.strip_prefix(word));
        let lived = text.lines().any(|line| line == "done");
        assert!(lived || status.code().is_none(), "it failed: {text}");
        Said {
            lived,
            receipt: after("receipt: ").map(|word| match word {
                "approve" => Decision::Approve,
                _ => Decision::Deny,
            }),
            error: after("error: ").map(str::to_owned),
        }
    }
}
