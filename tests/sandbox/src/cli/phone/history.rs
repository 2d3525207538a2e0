//! `sandbox phone history`: shown, checked, exported, shortened.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use authenticator_core::{Decision, Enrollment, EnrollmentId, HistoryEntry, HistoryReport};
use serde_json::json;

use super::super::text::{Line, Tone, printable};
use super::super::{Exit, Usage, report};
use super::{Phone, account_name, local_time};

const EXAMPLES: &str = "\
Examples:
  sandbox phone history                              what was asked and answered
  sandbox phone history --verify                     is it still what was written?
  sandbox phone history --export history.json        all of it, to keep elsewhere
  sandbox phone history --prune-before 90d           remove what is older than 90 days

An export holds what was shown, word for word. `sandbox verify-consent` checks an answer in it against a server's record.

What --verify cannot tell: that the newest entries were cut off together with the signatures behind them (an older export
kept elsewhere shows it), what stood in entries that were pruned, and whether anybody read what was shown.

Exit status: 0 done, 1 an entry does not hold or the command failed, 2 wrong usage.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Only this account: its id, or its beginning.
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// At most this many entries.
    #[arg(long, default_value_t = 20, value_name = "N", conflicts_with_all = ["verify", "export", "prune_before"])]
    limit: u32,
    /// Check every record: links, signed answers, shown documents, checkpoints.
    #[arg(long, conflicts_with_all = ["export", "prune_before"])]
    verify: bool,
    /// Write the whole history of an account as JSON to this file (`-`: standard output), with a fresh checkpoint.
    #[arg(long, value_name = "FILE", conflicts_with = "prune_before")]
    export: Option<PathBuf>,
    /// Remove entries older than this: an age (90d, 12h), a day (2026-01-31) or a time (2026-01-31T12:00:00Z). There is
    /// no way back.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    prune_before: Option<i64>,
}

impl Phone {
    pub(super) async fn history(&self, args: Args) -> anyhow::Result<Exit> {
        let account = match &args.account {
            Some(id) => Some(self.enrollment(id).await?),
            None => None,
        };
        if args.verify {
            return self.verify(account).await;
        }
        if let Some(file) = &args.export {
            return self.export(account, file).await;
        }
        match args.prune_before {
            Some(before) => self.prune(account, before).await,
            None => self.entries(account, args.limit).await,
        }
    }

    async fn entries(&self, account: Option<Enrollment>, limit: u32) -> anyhow::Result<Exit> {
        let core = &self.handset.authenticator;
        let account = account.map(|account| account.id);
        let entries = core.history(account.clone(), None, limit).await?;
        if self.context.json {
            self.out()
                .json(&entries.iter().map(report::history).collect::<Vec<_>>());
            return Ok(Exit::Done);
        }
        if entries.is_empty() {
            self.out()
                .line(Line::toned(Tone::Faint, self.nothing(account).await?));
        }
        for entry in &entries {
            self.out().line(line(entry));
            if let Some(message) = report::binding_message(entry) {
                let message = Line::toned(Tone::Faint, format!("“{}”", printable(&message)));
                self.out().line(message.indented(32));
            }
        }
        Ok(Exit::Done)
    }

    /// Why there is no entry.
    async fn nothing(&self, account: Option<EnrollmentId>) -> anyhow::Result<String> {
        let core = &self.handset.authenticator;
        let mut pruned = 0;
        for enrollment in core.enrollments().await? {
            if account.as_ref().is_none_or(|id| *id == enrollment.id) {
                pruned += core.verify_history(enrollment.id).await?.pruned;
            }
        }
        Ok(match pruned {
            0 => "Nothing was asked yet.".to_owned(),
            pruned => format!("Nothing is left: {} removed on purpose.", records(pruned)),
        })
    }

    async fn verify(&self, account: Option<Enrollment>) -> anyhow::Result<Exit> {
        let core = &self.handset.authenticator;
        let accounts = match account {
            Some(account) => vec![account],
            None => core.enrollments().await?,
        };
        let mut found = Vec::new();
        for account in &accounts {
            // What came before it first: that is the order in which it was written.
            for id in account.continues.iter().chain([&account.id]) {
                found.push((account, core.verify_history(id.clone()).await?));
            }
        }
        if self.context.json {
            let reports = found.iter().map(|(_, report)| report::verified(report));
            self.out().json(&reports.collect::<Vec<_>>());
        } else if found.is_empty() {
            self.out()
                .line(Line::toned(Tone::Faint, "There is no account."));
        } else {
            for (account, report) in &found {
                self.out().lines(&verdict(account, report));
            }
        }
        let holds = found.iter().all(|(_, report)| report.broken.is_none());
        Ok(if holds { Exit::Done } else { Exit::Differs })
    }

    async fn export(&self, account: Option<Enrollment>, file: &Path) -> anyhow::Result<Exit> {
        let id = self.the_account(account, "--export").await?.id;
        let text = self
            .handset
            .authenticator
            .export_history(id.clone())
            .await?;
        if file.as_os_str() == "-" {
            self.out().text(&text);
            return Ok(Exit::Done);
        }
        write_private(file, &text).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => Usage(format!(
                "{} exists, and an older export may be the only proof of what was removed since: choose another name",
                file.display()
            ))
            .into(),
            _ => anyhow::Error::from(error).context(format!("cannot write {}", file.display())),
        })?;
        let broken = self
            .handset
            .authenticator
            .verify_history(id.clone())
            .await?
            .broken;
        if self.context.json {
            self.out().json(&json!({
                "exported": id.as_str(),
                "file": file.display().to_string(),
                "broken": broken.as_ref().map(|broken| broken.fault.as_str()),
            }));
        } else {
            self.out().line(
                Line::toned(Tone::Good, "✔ ")
                    .and(Tone::Plain, "Exported to ")
                    .and(Tone::Strong, printable(&file.display().to_string()))
                    .and(Tone::Plain, ". It holds what was shown, word for word."),
            );
            if let Some(broken) = &broken {
                self.out().line(Line::toned(Tone::Danger, "✘ ").and(
                    Tone::Danger,
                    format!(
                        "Record {} does not hold ({}): `{} history --verify` says more.",
                        broken.seq,
                        broken.fault.as_str(),
                        self.command
                    ),
                ));
            }
        }
        Ok(Exit::Done)
    }

    async fn prune(&self, account: Option<Enrollment>, before: i64) -> anyhow::Result<Exit> {
        let account = self.the_account(account, "--prune-before").await?;
        let core = &self.handset.authenticator;
        let count = core.prune_history(account.id.clone(), before).await?;
        let removed = [(account, count)];
        if self.context.json {
            let counts = removed.iter().map(
                |(account, count)| json!({ "enrollment": account.id.as_str(), "removed": count }),
            );
            self.out().json(&counts.collect::<Vec<_>>());
            return Ok(Exit::Done);
        }
        for (account, count) in &removed {
            self.out().line(
                Line::plain(account_name(&account.issuer, &account.user))
                    .and(Tone::Plain, format!(": {} removed", records(*count))),
            );
        }
        Ok(Exit::Done)
    }

    /// The one that was named, else the only one there is.
    async fn the_account(
        &self,
        named: Option<Enrollment>,
        option: &str,
    ) -> anyhow::Result<Enrollment> {
        if let Some(account) = named {
            return Ok(account);
        }
        let mut all = self.handset.authenticator.enrollments().await?;
        match (all.pop(), all.len()) {
            (Some(only), 0) => Ok(only),
            (None, _) => Err(Usage("there is no account yet".into()).into()),
            (Some(_), _) => Err(Usage(format!(
                "there is more than one account: say which one with {option} … --account ID"
            ))
            .into()),
        }
    }
}

fn records(count: u64) -> String {
    match count {
        1 => "1 record".to_owned(),
        count => format!("{count} records"),
    }
}

fn line(entry: &HistoryEntry) -> Line {
    let (tone, word) = match entry.decision {
        Some(Decision::Approve) => (Tone::Good, "approved"),
        Some(Decision::Deny) => (Tone::Danger, "denied"),
        None => (Tone::Faint, "missed"),
    };
    let headline = if entry.headline.is_empty() {
        "(never looked at)"
    } else {
        &entry.headline
    };
    let mut line = Line::toned(Tone::Faint, format!("{}  ", local_time(entry.at)))
        .and(tone, format!("{word:<9}"))
        .and(Tone::Plain, headline);
    if let Some(delivery) = entry
        .delivery
        .map(report::delivery)
        .filter(|word| *word != "delivered")
    {
        line = line.and(Tone::Caution, format!("  ({delivery})"));
    }
    if let Some(reason) = &entry.reason {
        line = line.and(Tone::Faint, format!("  reason: {}", printable(reason)));
    }
    line
}

fn verdict(account: &Enrollment, report: &HistoryReport) -> Vec<Line> {
    let name = account_name(&account.issuer, &account.user);
    let ended = match report.enrollment == account.id {
        true => "",
        false => "  (before its key was lost)",
    };
    let first = match &report.broken {
        None => Line::toned(Tone::Good, "✔ ")
            .and(Tone::Strong, name)
            .and(Tone::Plain, ": every record holds"),
        Some(broken) => Line::toned(Tone::Danger, "✘ ").and(Tone::Strong, name).and(
            Tone::Danger,
            format!(
                ": record {} does not hold ({})",
                broken.seq,
                broken.fault.as_str()
            ),
        ),
    };
    let mut facts = format!(
        "  {}: {}, {} signed answers, signed up to record {}",
        printable(report.enrollment.as_str()),
        records(report.records),
        report.answers,
        report.checkpointed
    );
    if report.pruned > 0 {
        facts.push_str(&format!(
            ", {} before them removed on purpose",
            report.pruned
        ));
    }
    vec![
        first.and(Tone::Faint, ended),
        Line::toned(Tone::Faint, facts),
    ]
}

/// Readable by its owner only. A file of that name stays: it may be the only proof of what was pruned since.
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Unix milliseconds of an age before now, a local day's start, or a time.
fn moment(text: &str) -> Result<i64, String> {
    let age = |unit: char, hours: i64| -> Option<i64> {
        let number: i64 = text.strip_suffix(unit)?.parse().ok()?;
        let age = number.checked_mul(hours)?.checked_mul(3_600_000)?;
        (number >= 0)
            .then(|| super::now().checked_sub(age))
            .flatten()
    };
    let day = || {
        let day: jiff::civil::Date = text.parse().ok()?;
        let start = day.to_zoned(jiff::tz::TimeZone::system()).ok()?;
        Some(start.timestamp().as_millisecond())
    };
    let time = || {
        text.parse::<jiff::Timestamp>()
            .ok()
            .map(|t| t.as_millisecond())
    };
    age('d', 24)
        .or_else(|| age('h', 1))
        .or_else(time)
        .or_else(day)
        .ok_or_else(|| "say 90d, 12h, 2026-01-31 or 2026-01-31T12:00:00Z".to_owned())
        .and_then(|moment| match moment <= super::now() {
            true => Ok(moment),
            false => Err("that lies in the future, and would remove everything".to_owned()),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_an_age_a_day_or_a_time() {
        assert_eq!(moment("1970-01-02T00:00:00Z"), Ok(86_400_000));
        let now = super::super::now();
        for (text, hours) in [("2d", 48), ("12h", 12), ("0h", 0)] {
            let age = now - moment(text).unwrap();
            assert!((age - hours * 3_600_000).abs() < 5_000, "{text}: {age}");
        }
        let day = moment("2026-01-31").unwrap();
        assert!((day - 1_769_817_600_000).abs() <= 14 * 3_600_000, "{day}");
        for wrong in [
            "",
            "d",
            "-1d",
            "yesterday",
            "9999999999999999d",
            "2999-01-01",
        ] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }
}
