//! `sandbox verify-consent`: what a phone's history and a server's record prove together.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sandbox::{ConsentRecord, Finding, Verdict, verify};
use serde::Deserialize;
use serde_json::json;

use super::text::{Line, Tone};
use super::{Context, Exit, Usage};

const EXAMPLES: &str = "\
Examples:
  sandbox phone history --json > history.json
  curl http://127.0.0.1:PORT/control/requests/cns_… > record.json     PORT is that of the console
  sandbox verify-consent --entry history.json --record record.json

The entry has at least `answer` (the signed JWT), `source`, `shown` and `shown_document`; in a list, or in a whole history
(`sandbox phone history --export FILE`), the one that answers the record's challenge counts. Nothing in it is believed that
the signature or a digest does not cover.
Where an approval key signed what was shown, its signature is checked, and the key against the one that the server had
pinned. A `-` stands before what nobody claims.

Exit status: 0 everything matches, 1 something does not match or is missing, 2 wrong usage.";

/// Check an answer in a dispute: signature, decision, what was sent and what was shown.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Exported history of the phone, an entry of it, or a list of entries, JSON.
    #[arg(long, value_name = "FILE")]
    entry: PathBuf,
    /// The server's record of the request, JSON.
    #[arg(long, value_name = "FILE")]
    record: PathBuf,
}

/// The record alone, or inside what the control call answers.
#[derive(Deserialize)]
#[serde(untagged)]
enum RecordFile {
    Alone(Box<ConsentRecord>),
    Request { record: Option<Box<ConsentRecord>> },
}

pub(crate) fn run(args: &Args, context: Context) -> anyhow::Result<Exit> {
    let record = match serde_json::from_str(&read(&args.record)?) {
        Ok(RecordFile::Alone(record)) => record,
        Ok(RecordFile::Request {
            record: Some(record),
        }) => record,
        Ok(RecordFile::Request { record: None }) => {
            return Err(Usage("the record is of a request that no phone answered".into()).into());
        }
        Err(_) => return Err(unusable(&args.record, "the record of a request")),
    };
    let findings = verify(&read(&args.entry)?, &record)
        .map_err(|_| unusable(&args.entry, "an exported history entry"))?;
    let holds = findings
        .iter()
        .all(|finding| matches!(finding.verdict, Verdict::Match | Verdict::NotClaimed));
    if context.json {
        context
            .terminal
            .json(&json!({ "match": holds, "checks": findings }));
    } else {
        let answered = findings
            .iter()
            .any(|finding| finding.verdict != Verdict::Missing);
        if !answered {
            context.terminal.line(Line::toned(
                Tone::Danger,
                format!("{} holds no answer to this request.", args.entry.display()),
            ));
        }
        for finding in &findings {
            context.terminal.line(line(finding));
        }
        context.terminal.line(Line::new());
        context.terminal.line(if holds {
            Line::toned(Tone::Good, "Everything matches.")
        } else {
            Line::toned(Tone::Danger, "Not everything matches.")
        });
    }
    Ok(if holds { Exit::Done } else { Exit::Differs })
}

fn line(finding: &Finding) -> Line {
    let (tone, word) = match finding.verdict {
        Verdict::Match => (Tone::Good, "match"),
        Verdict::Mismatch => (Tone::Danger, "differs"),
        Verdict::Missing => (Tone::Faint, "missing"),
        Verdict::NotClaimed => (Tone::Faint, "-"),
    };
    let line = Line::toned(tone, format!("  {word:<9}")).and(Tone::Plain, finding.check);
    match finding.note.as_str() {
        "" => line,
        note => line.and(Tone::Faint, format!("  ({})", super::text::printable(note))),
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn unusable(file: &Path, what: &str) -> anyhow::Error {
    if std::fs::metadata(file).is_ok_and(|file| file.len() == 0) {
        let why = format!(
            "{} is empty: is the id in the address right that it was fetched from?",
            file.display()
        );
        return Usage(why).into();
    }
    Usage(format!("{} is not {what}", file.display())).into()
}
