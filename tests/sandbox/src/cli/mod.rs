//! The command line: what there is, how it ends, and how errors are told.

mod agent;
mod bridge;
mod ciba_client;
mod demo;
mod handset;
mod hints;
mod http;
mod mail;
mod phone;
mod ports;
mod prompt;
mod push_stream;
mod render;
mod report;
mod serve;
mod terminal;
mod text;
mod verify_consent;

use std::io::Write as _;
use std::process::ExitCode;

use authenticator_core::ErrorCode;
use clap::{ArgAction, Parser, Subcommand};

use terminal::Terminal;

const EXAMPLES: &str = "\
Examples:
  sandbox demo                                    the whole story in this terminal
  sandbox serve                                   a server; prints what the next two need
  sandbox phone enroll 'otpauth://…' --server http://127.0.0.1:8300
  sandbox phone watch                             answer requests here
  sandbox agent request --user 'auth0|…' --message 'Order 4711'

Exit status: 0 done, 1 failed, 2 wrong usage, 3 the request was denied, expired or not confirmed (agent).";

/// A CIBA server on one machine, with a terminal phone and an agent to try it with.
#[derive(Parser)]
#[command(name = "sandbox", version, after_help = EXAMPLES)]
struct Cli {
    /// Print JSON for scripts instead of text for people.
    #[arg(long, global = true, help_heading = "Output")]
    json: bool,
    /// Say more about what goes on, on standard error; twice for still more.
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Output")]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run one approval from end to end: server, phone and agent in this terminal.
    Demo(demo::Args),
    /// Run the server: OpenID Provider, device API and console.
    Serve(serve::Args),
    /// Let a real identity provider ask the phones of this sandbox.
    Bridge(bridge::Args),
    /// Be the phone: enrol, watch, approve, deny.
    Phone(phone::Args),
    /// Be the agent: ask for an approval and wait for the outcome.
    Agent(agent::Args),
    /// Read the messages of a running sandbox: e-mail and SMS with their links.
    Mail(mail::Args),
    /// Check an answer in a dispute, from the phone's history and the server's record.
    VerifyConsent(verify_consent::Args),
}

/// How a command ended when nothing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    /// The request was denied or expired.
    Refused,
    Interrupted,
    /// Two sides were compared and do not agree.
    Differs,
}

/// The command line asks for something that cannot be; exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// An error with what to do about it, told on a line of its own.
#[derive(Debug, thiserror::Error)]
#[error("{error:#}")]
pub(crate) struct Helped {
    error: anyhow::Error,
    help: String,
}

/// `error` with what to do about it, in terms of this command line.
pub(crate) fn helped(error: impl Into<anyhow::Error>, help: impl Into<String>) -> anyhow::Error {
    Helped {
        error: error.into(),
        help: help.into(),
    }
    .into()
}

/// What every command is given.
#[derive(Clone, Copy)]
pub(crate) struct Context {
    pub(crate) terminal: Terminal,
    pub(crate) json: bool,
}

pub(crate) async fn run() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| misspelt(&error));
    let context = Context {
        terminal: Terminal::detect(),
        json: cli.json,
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(match cli.verbose {
            // Whoever runs a server is told what came to nothing: a request that reaches nobody, a message that failed.
            0 if matches!(cli.command, Command::Serve(_)) => tracing::Level::WARN,
            0 => tracing::Level::ERROR,
            1 => tracing::Level::INFO,
            _ => tracing::Level::DEBUG,
        })
        .with_target(false)
        .init();
    let result = match cli.command {
        Command::Demo(args) => demo::run(args, context).await,
        Command::Serve(args) => serve::run(args, context).await,
        Command::Bridge(args) => bridge::run(args, context).await,
        Command::Phone(args) => phone::run(args, context).await,
        Command::Agent(args) => agent::run(args, context).await,
        Command::Mail(args) => mail::run(args, context).await,
        Command::VerifyConsent(args) => verify_consent::run(&args, context),
    };
    match result {
        Ok(Exit::Done) => ExitCode::SUCCESS,
        Ok(Exit::Differs) => ExitCode::FAILURE,
        Ok(Exit::Refused) => ExitCode::from(3),
        Ok(Exit::Interrupted) => ExitCode::from(130),
        Err(error) => {
            tell(&error, context);
            ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
        }
    }
}

/// Ends as clap does, and says where the values come from that nobody wants to type.
fn misspelt(error: &clap::Error) -> ! {
    let _ = error.print();
    if error.kind() == clap::error::ErrorKind::MissingRequiredArgument {
        let words = error.render().to_string();
        let values = match (
            words.contains("--client-secret"),
            words.contains("--console"),
        ) {
            (true, _) => "SANDBOX_ISSUER, SANDBOX_CLIENT_ID and SANDBOX_CLIENT_SECRET",
            (_, true) => "SANDBOX_CONSOLE",
            _ => std::process::exit(error.exit_code()),
        };
        let mut err = std::io::stderr().lock();
        let _ = writeln!(
            err,
            "  help: `{} serve` prints a line that begins with `export`; pasted into this terminal, it sets {values}",
            program()
        );
    }
    std::process::exit(error.exit_code())
}

fn tell(error: &anyhow::Error, context: Context) {
    let (error, help) = match error.downcast_ref::<Helped>() {
        Some(helped) => (&helped.error, Some(helped.help.clone())),
        None => (error, None),
    };
    let core = error.downcast_ref::<authenticator_core::Error>();
    let message = match core {
        Some(core) if error.to_string() == core.to_string() => core.message().to_owned(),
        Some(core) => format!("{}. {error}", core.message()),
        None => format!("{error:#}"),
    };
    let message = text::printable(&message);
    let code = core.map(|core| core.code());
    let advice = code.and_then(advice).map(str::to_owned).or(help);
    let advice = advice.map(|words| words.replace("`sandbox ", &format!("`{} ", program())));
    if context.json {
        context.terminal.json(&serde_json::json!({
            "error": code.map_or("failed", ErrorCode::as_str),
            "message": message,
            "advice": advice,
        }));
    }
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "error: {message}");
    if let Some(code) = code {
        let _ = writeln!(err, "  code: {}", code.as_str());
    }
    if let Some(advice) = advice {
        let _ = writeln!(err, "  help: {advice}");
    }
}

/// What to do about an error of the core, in terms of this command line.
fn advice(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::UnknownServer => "name the server you trust with --server",
        ErrorCode::InvitationExpired => {
            "make a new code: `sandbox serve` shows one, and the console makes more. Is --server the server's address, and \
             not its console's?"
        }
        ErrorCode::InvitationMalformed => "pass the text of the QR code in quotes: 'otpauth://…'",
        ErrorCode::ServerAddress => "use https; plain http works for this machine only",
        ErrorCode::TlsFailed => "for a sandbox with --tls, pass its certificate with --ca",
        ErrorCode::Unreachable => "is the server running? `sandbox serve` starts one",
        ErrorCode::EnrollmentGone => {
            "remove the account with `remove ID --local-only` and enrol again"
        }
        ErrorCode::UnknownEnrollment => "`sandbox phone list` shows the accounts",
        ErrorCode::UnknownChallenge => "`sandbox phone list` shows the open requests",
        ErrorCode::ConfirmationNeeded => "pass what the screen asks for with --confirm",
        ErrorCode::ReviewMissing | ErrorCode::ReviewChanged => {
            "look at it again with `sandbox phone show ID`"
        }
        ErrorCode::ApprovalBlocked => "`sandbox phone deny ID` is always possible",
        ErrorCode::StoreCorrupt | ErrorCode::KeyMissing | ErrorCode::KeyInvalidated => {
            "`sandbox phone repair` says what is left and what to do"
        }
        ErrorCode::HistoryBroken => {
            "`sandbox phone history --verify` says where; export it before anything else"
        }
        ErrorCode::StoreUnavailable => "is another command using the same --store?",
        _ => return None,
    })
}

/// How this program was started, for commands to copy.
pub(crate) fn program() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    let in_path = std::path::Path::new(&path).components().count() == 1;
    if std::env::var_os("CARGO").is_some() {
        "cargo run -qp sandbox --".into()
    } else if in_path {
        "sandbox".into()
    } else {
        quoted(&path.to_string_lossy())
    }
}

/// Text as one word of a POSIX shell.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@%+=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn words_for_a_shell_are_quoted_where_needed() {
        assert_eq!(quoted("auth0|65f"), "'auth0|65f'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("http://127.0.0.1:80/"), "http://127.0.0.1:80/");
    }
}
