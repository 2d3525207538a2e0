//! `sandbox phone repair`: what is the matter with a phone's files and keys, and what is left.

use authenticator_core::{EnrollmentRepair, KeyState, StoreRepair, StoreState};
use serde_json::json;

use super::super::text::{Line, Tone, printable};
use super::super::{Exit, report};
use super::{Phone, account_name};

pub(super) const ABOUT: &str = "\
Nothing is destroyed: a store that cannot be used as it is, is moved aside and named. Accounts that have their keys are left
alone. Other commands must not use the same --store meanwhile.

After a lost key, enrol the account again: its history is kept and goes on.";

impl Phone {
    pub(super) async fn repair_keys(&self) -> anyhow::Result<Exit> {
        let accounts = self.handset.authenticator.repair().await?;
        if self.context.json {
            self.out().json(&json!({
                "store": self.saved.as_ref().map(report::saved),
                "enrollments": accounts.iter().map(report::repaired).collect::<Vec<_>>(),
            }));
            return Ok(Exit::Done);
        }
        if let Some(saved) = &self.saved {
            self.out().lines(&store(saved));
        }
        let enrollments = self.handset.authenticator.enrollments().await?;
        for account in &accounts {
            let name = enrollments
                .iter()
                .find(|enrollment| enrollment.id == account.enrollment)
                .map(|enrollment| account_name(&enrollment.issuer, &enrollment.user))
                .unwrap_or_default();
            self.out().lines(&self.account(&name, account));
        }
        Ok(Exit::Done)
    }

    fn account(&self, name: &str, account: &EnrollmentRepair) -> Vec<Line> {
        let id = printable(account.enrollment.as_str());
        let (tone, state) = match account.keys {
            KeyState::Usable => (Tone::Good, "has its keys"),
            KeyState::KeyMissing => (Tone::Danger, "its key is gone"),
            KeyState::KeyInvalidated => (Tone::Danger, "its key was invalidated"),
            KeyState::ApprovalKeyMissing => (Tone::Caution, "its approval key is gone"),
            _ => (Tone::Caution, account.keys.as_str()),
        };
        let mut lines = vec![
            Line::toned(tone, "• ")
                .and(Tone::Strong, name)
                .and(Tone::Plain, format!(" ({id}): {state}")),
        ];
        for challenge in &account.given_up {
            lines.push(Line::toned(
                Tone::Caution,
                format!("  the answer to {challenge} can no longer be sent"),
            ));
        }
        if matches!(
            account.keys,
            KeyState::KeyMissing | KeyState::KeyInvalidated
        ) {
            lines.push(
                Line::plain("  Next: ")
                    .and(Tone::Accent, format!("{} enroll URI", self.command))
                    .and(Tone::Plain, " keeps its history; ")
                    .and(
                        Tone::Accent,
                        format!("{} remove {id} --local-only", self.command),
                    )
                    .and(Tone::Plain, " removes it"),
            );
        }
        lines
    }
}

fn store(saved: &StoreRepair) -> Vec<Line> {
    let first = match saved.state {
        StoreState::Intact => {
            Line::toned(Tone::Good, "✔ ").and(Tone::Plain, "The store is in order.")
        }
        StoreState::KeyMissing => Line::toned(Tone::Danger, "✘ ").and(
            Tone::Plain,
            "The key of the store is gone: nothing in it can be read. A new one was begun.",
        ),
        _ if saved.kept.is_empty() => Line::toned(Tone::Danger, "✘ ").and(
            Tone::Plain,
            "The file is no store, or too damaged: no account could be read from it. A new one was begun.",
        ),
        _ => Line::toned(Tone::Caution, "! ").and(
            Tone::Plain,
            "The store was damaged. What could be read is in use again.",
        ),
    };
    let mut lines = vec![first];
    let mut say = |text: String| lines.push(Line::toned(Tone::Plain, format!("  {text}")));
    if let Some(name) = &saved.moved_to {
        say(format!("The old file is kept as {}.", printable(name)));
    }
    for id in &saved.lost {
        say(format!(
            "Lost: account {}; enrol it again.",
            printable(id.as_str())
        ));
    }
    for id in &saved.lost_decisions {
        say(format!("Lost: the answer to {}.", printable(id.as_str())));
    }
    if saved.lost_records > 0 {
        say(format!(
            "Lost: {} records of the history.",
            saved.lost_records
        ));
    }
    lines
}
