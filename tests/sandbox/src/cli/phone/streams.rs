//! The push streams of a watch: one for each server that an account is on.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use authenticator_core::{Enrollment, EnrollmentId};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::super::helped;
use super::super::push_stream::{News, Source, Unreachable, seek};
use super::super::text::{Line, Tone, printable, wrapped};
use super::{Phone, account_name};

/// A server that cannot be listened to.
struct Missing {
    server: String,
    accounts: Vec<Enrollment>,
    why: anyhow::Error,
}

impl Missing {
    /// Whether the server may be gone: not one that is there and cannot be used.
    fn gone(&self) -> bool {
        self.why.is::<Unreachable>() && !self.why.to_string().contains("--ca")
    }
}

impl Phone {
    /// Listens to every server that answers; those that do not are told about, and looked for again. Fails only where
    /// no server answers.
    pub(super) async fn listen(&self) -> anyhow::Result<mpsc::Receiver<News>> {
        let mut servers: BTreeMap<String, Vec<Enrollment>> = BTreeMap::new();
        for enrollment in self.handset.authenticator.enrollments().await? {
            let accounts = servers.entry(enrollment.base_url.clone()).or_default();
            accounts.push(enrollment);
        }
        if servers.is_empty() {
            bail!(
                "there is no account yet; `{} enroll URI` adds one",
                self.command
            );
        }
        // All at once: one that takes its time does not keep the others waiting.
        let mut looks = JoinSet::new();
        for (server, accounts) in servers {
            let ca = self.handset.ca.clone();
            looks.spawn(async move {
                let found = Source::find(&server, ca.as_deref()).await;
                (server, accounts, found)
            });
        }
        let (send, receive) = mpsc::channel(16);
        let (mut found, mut missing) = (false, Vec::new());
        while let Some(look) = looks.join_next().await {
            match look? {
                (_, _, Ok(source)) => {
                    found = true;
                    tokio::spawn(source.listen(self.handset.push_token.clone(), send.clone()));
                }
                (server, accounts, Err(why)) => missing.push(Missing {
                    server,
                    accounts,
                    why,
                }),
            }
        }
        if !found {
            return Err(self.nobody_answers(missing));
        }
        for missing in missing {
            self.tell_missing(&missing);
            if missing.why.is::<Unreachable>() {
                let (ca, token) = (self.handset.ca.clone(), self.handset.push_token.clone());
                tokio::spawn(seek(missing.server, ca, token, send.clone()));
            }
        }
        Ok(receive)
    }

    /// The error of a watch that has nothing to listen to.
    fn nobody_answers(&self, missing: Vec<Missing>) -> anyhow::Error {
        let reasons: Vec<String> = missing.iter().map(|m| format!("{:#}", m.why)).collect();
        let removals: Vec<String> = missing
            .iter()
            .filter(|missing| missing.gone())
            .flat_map(|missing| &missing.accounts)
            .map(|account| format!("`{}`", self.removal(&account.id)))
            .collect();
        let error = anyhow::anyhow!("{}", reasons.join("; "));
        if removals.is_empty() {
            return error;
        }
        let help = format!(
            "is the server running? If it is gone for good, remove its account here: {}",
            removals.join(", ")
        );
        helped(error, help)
    }

    fn tell_missing(&self, missing: &Missing) {
        let ids: Vec<&str> = missing.accounts.iter().map(|a| a.id.as_str()).collect();
        let why = format!("{:#}", missing.why);
        self.say(
            json!({ "event": "not_watched", "server": missing.server, "accounts": ids, "why": why }),
            || {
                let mut lines = Vec::new();
                for account in &missing.accounts {
                    let name = account_name(&account.issuer, &account.user);
                    lines.extend(wrapped(
                        Tone::Caution,
                        &format!("Not watched: {name}. {}.", printable(&why)),
                        self.view(false).width,
                    ));
                    if missing.gone() {
                        lines.push(
                            Line::plain("  Is that server gone for good? ")
                                .and(Tone::Accent, self.removal(&account.id)),
                        );
                    }
                }
                lines
            },
        );
    }

    /// Notes that a stream is open, and which accounts its server has forgotten: they would wait for ever.
    pub(super) async fn connected(
        &self,
        server: &str,
        known: Option<&BTreeSet<String>>,
    ) -> anyhow::Result<()> {
        self.say(json!({ "event": "connected" }), Vec::new);
        let Some(known) = known else {
            return Ok(());
        };
        for account in self.handset.authenticator.enrollments().await? {
            // The stream says which Guardian accounts it knows, and nothing about those of a realm.
            let asked = account.base_url == server && !server.contains("/realms/");
            if !asked || known.contains(account.id.as_str()) {
                continue;
            }
            self.say(
                json!({ "event": "unknown_account", "account": account.id.as_str() }),
                || {
                    let name = account_name(&account.issuer, &account.user);
                    let mut lines = wrapped(
                        Tone::Caution,
                        &format!("The server does not know the account {name} of this phone any more. Remove it here, and enrol again:"),
                        self.view(false).width,
                    );
                    lines.push(Line::toned(Tone::Accent, format!("  {}", self.removal(&account.id))));
                    lines
                },
            );
        }
        Ok(())
    }

    /// The command that removes an account here alone.
    fn removal(&self, id: &EnrollmentId) -> String {
        format!("{} remove {} --local-only", self.command, id.as_str())
    }
}
