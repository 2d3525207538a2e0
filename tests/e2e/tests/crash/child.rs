//! The process that dies: started, told to tap, killed.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use authenticator_core::Decision;
use serde_json::Value;

/// How a process ends before its time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Death {
    /// It aborts where the core, or the phone itself, has a point of this name.
    At(&'static str),
    /// SIGKILL from outside, so long after it was told to tap.
    After(Duration),
}

/// What a process said until its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// It ended by itself, not by its death.
    pub(crate) lived: bool,
    /// The decision of its receipt, if it came to hold one.
    pub(crate) receipt: Option<Decision>,
    /// Code of the error that its tap ended with.
    pub(crate) error: Option<String>,
}

/// A phone that is open and waits for the signal to tap.
pub(crate) struct Phone {
    child: Child,
    output: BufReader<ChildStdout>,
    death: Option<Death>,
}

impl Phone {
    pub(crate) fn start(orders: &Value, death: Option<Death>) -> Phone {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crash-phone"));
        command.arg(orders.to_string());
        if let Some(Death::At(point)) = death {
            command.env("AUTHENTICATOR_CRASH_POINT", point);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the phone starts");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Phone {
            child,
            output,
            death,
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
        let mut input = self.child.stdin.take().expect("its input");
        input.write_all(b"now\n").expect("it listens");
    }

    /// Kills it if that is its death, and waits for its end.
    pub(crate) fn end(mut self) -> Said {
        if let Some(Death::After(pause)) = self.death {
            // The one place where real time is what is tested: SIGKILL comes from outside, at any moment.
            std::thread::sleep(pause);
            self.child.kill().expect("SIGKILL");
        }
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
