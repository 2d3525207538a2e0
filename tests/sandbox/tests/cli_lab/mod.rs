//! The `sandbox` command as separate processes: a server, a phone folder, an agent.

#![allow(dead_code, reason = "each test program uses a part")]

use std::io::{BufRead, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) fn sandbox(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command
        .args(args)
        .stdin(Stdio::null())
        .env_remove("LC_ALL")
        .env("LANG", "C");
    for name in [
        "SANDBOX_ISSUER",
        "SANDBOX_PHONE",
        "SANDBOX_CA",
        "SANDBOX_AUDIENCE",
        "SANDBOX_USER",
        "SANDBOX_CONSOLE",
        "SANDBOX_DIALECT",
        "SANDBOX_SMTP_URL",
        "SANDBOX_SMS_URL",
    ] {
        command.env_remove(name);
    }
    command
}

pub(crate) fn run(args: &[&str]) -> Output {
    sandbox(args).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The one JSON line of a command that must have ended well.
pub(crate) fn json(output: &Output) -> Value {
    assert!(
        output.status.success(),
        "{}\n{}",
        stdout(output),
        stderr(output)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A command that runs until it is dropped, read line by line.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) lines: BufReader<ChildStdout>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Running { child, lines }
    }

    pub(crate) fn line(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"))
    }

    /// Reads on until this event comes.
    pub(crate) fn event(&mut self, name: &str) -> Value {
        loop {
            let event = self.line();
            if event["event"] == name {
                return event;
            }
        }
    }
}

impl Running {
    /// Asked first, so that it takes its files along.
    pub(crate) fn stop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let pid = self.child.id().to_string();
        let _ = Command::new("kill")
            .args(["-TERM", &pid])
            .stderr(Stdio::null())
            .status();
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if asked.elapsed() > Duration::from_secs(3) {
                let _ = self.child.kill();
            }
            std::thread::yield_now();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A server with quick polling, and a phone folder enrolled with it.
pub(crate) struct Lab {
    pub(crate) server: Running,
    pub(crate) values: Value,
    pub(crate) phone: tempfile::TempDir,
    tls: bool,
}

impl Lab {
    pub(crate) fn new(more: &[&str]) -> Lab {
        Lab::enrolled_with(more, &[])
    }

    /// With more options of `phone enroll`.
    pub(crate) fn enrolled_with(more: &[&str], enroll: &[&str]) -> Lab {
        let (server, values) = Lab::serve(more);
        let lab = Lab {
            server,
            values,
            phone: tempfile::tempdir().unwrap(),
            tls: more.contains(&"--tls"),
        };
        let enrolled = json(
            &lab.phone(&["enroll", lab.text("invitation"), "--server", lab.origin()])
                .args(enroll)
                .output()
                .unwrap(),
        );
        assert_eq!(enrolled["user"], lab.values["user_label"]);
        lab
    }

    /// A server and its values.
    pub(crate) fn serve(more: &[&str]) -> (Running, Value) {
        let mut server = Running::start(sandbox(
            &[&["serve", "--json", "--interval", "1"], more].concat(),
        ));
        let values = server.line();
        (server, values)
    }

    /// Ends the server and starts it anew.
    pub(crate) fn restart(&mut self, more: &[&str]) {
        self.server.stop();
        (self.server, self.values) = Lab::serve(more);
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.values[name]
            .as_str()
            .unwrap_or_else(|| panic!("{name} is missing"))
    }

    pub(crate) fn origin(&self) -> &str {
        self.text(if self.tls { "tls_origin" } else { "origin" })
    }

    pub(crate) fn phone(&self, args: &[&str]) -> Command {
        let mut command = sandbox(&["phone", "--json"]);
        command.arg("--store").arg(self.phone.path()).args(args);
        self.trust(&mut command);
        command
    }

    fn trust(&self, command: &mut Command) {
        if self.tls {
            command.env("SANDBOX_CA", self.text("ca"));
        }
    }

    /// What a command of the phone tells a person, once it has ended well.
    pub(crate) fn told(&self, args: &[&str]) -> String {
        let mut command = sandbox(&["phone", "--store"]);
        command.arg(self.phone.path()).args(args);
        self.trust(&mut command);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    }

    /// A phone that answers like this, connected.
    pub(crate) fn watch(&self, answer: &str) -> Running {
        let mut watch = Running::start(self.phone(&["watch", "--once", "--answer", answer]));
        watch.event("connected");
        watch
    }

    pub(crate) fn agent(&self, more: &[&str]) -> Output {
        let mut command = sandbox(&["agent", "request", "--json", "--message", "Order 4711"]);
        let issuer = if self.tls {
            format!("{}/", self.origin())
        } else {
            self.text("issuer").to_owned()
        };
        command
            .args(["--user", self.text("user_id"), "--issuer", &issuer])
            .args([
                "--audience",
                self.text("audience"),
                "--client-id",
                self.text("client_id"),
            ])
            .env("SANDBOX_CLIENT_SECRET", self.text("client_secret"))
            .args(more);
        self.trust(&mut command);
        command.output().unwrap()
    }
}

pub(crate) fn details(folder: &Path) -> String {
    let file = folder.join("details.json");
    std::fs::write(
        &file,
        r#"[{"type":"payment_initiation","instructedAmount":{"amount":"249.00","currency":"EUR"},"creditorName":"ExampleCorp"}]"#,
    )
    .unwrap();
    file.to_str().unwrap().to_owned()
}

/// What the console tells programs.
pub(crate) fn control(lab: &Lab, path: &str) -> String {
    call_control(lab.text("console_url"), "GET", path)
}

/// A call of the control surface that must go well.
pub(crate) fn call_control(console: &str, method: &str, path: &str) -> String {
    let (status, body) = try_control(console, method, path, "");
    assert_eq!(status / 100, 2, "{status} {body}");
    body
}

/// A call of the control surface, in as few words of HTTP as it takes: status and body.
pub(crate) fn try_control(console: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let authority = console.split('/').nth(2).unwrap();
    let mut socket = std::net::TcpStream::connect(authority).unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}
