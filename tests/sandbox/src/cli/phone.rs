//! `sandbox phone`: an authenticator in a terminal, on the real core.

mod history;
mod repair;
mod streams;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use authenticator_core::{
    Arrival, Challenge, ChallengeId, ChallengeState, Decision, Enrollment, EnrollmentId, ErrorCode,
    HistoryEntry, PushService, Receipt, Review, StoreRepair,
};
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::handset::{Handset, Settings, address_for, now};
use super::prompt::{self, Answer};
use super::push_stream::News;
use super::render::{self, View};
use super::terminal::{Keys, Terminal};
use super::text::{Line, Tone, minutes, pair, printable};
use super::{Context, Exit, Usage, http, report};

const EXAMPLES: &str = "\
Examples:
  sandbox phone enroll 'otpauth://totp/…' --server http://127.0.0.1:8300
  sandbox phone watch                    show requests as they come and ask y/n
  sandbox phone list                     accounts and open requests
  sandbox phone show 3f                  an id may be cut as long as it is clear
  sandbox phone approve 3f
  sandbox phone deny 3f --reason not_me  it was not you: the requester is kept quiet for a while
  sandbox phone history --verify         is it still what was written?
  sandbox phone repair                   after a lost key or a damaged file

The keys of this phone lie in files of the store folder, next to the key that encrypts them:
good for trying things out, not for an account that matters.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Folder of this phone: accounts, keys, history. One folder is one phone.
    #[arg(
        long,
        value_name = "DIR",
        env = "SANDBOX_PHONE",
        global = true,
        help_heading = "Phone"
    )]
    store: Option<PathBuf>,
    /// Trust only the root certificates in this PEM file (a sandbox with --tls).
    #[arg(
        long,
        value_name = "FILE",
        env = "SANDBOX_CA",
        global = true,
        help_heading = "Phone"
    )]
    ca: Option<PathBuf>,
    /// Language of what is shown, e.g. de-DE [default: the environment's].
    #[arg(long, value_name = "TAG", global = true, help_heading = "Phone")]
    locale: Option<String>,
    #[command(subcommand)]
    command: PhoneCommand,
}

#[derive(Subcommand)]
enum PhoneCommand {
    /// Add an account from the text of a QR code, an enrolment link or a ticket.
    #[command(visible_alias = "enrol")]
    Enroll {
        /// Text of the QR code (in quotes), link or ticket.
        #[arg(value_name = "URI")]
        invitation: String,
        /// Server you trust for this account: its name or URL. Without it you are asked.
        #[arg(long, value_name = "NAME-OR-URL")]
        server: Option<String>,
        /// Name of this phone, shown to you and to administrators.
        #[arg(long, default_value = "Terminal phone")]
        name: String,
        /// Kind of pushes this phone gets.
        #[arg(long, value_enum, default_value = "fcm")]
        push: PushKind,
        /// Have each approval signed by a key of its own, as behind a fingerprint prompt. A terminal has none: your yes
        /// stands for it.
        #[arg(long)]
        verify_user: bool,
    },
    /// List accounts and open requests.
    List,
    /// Take pushes from the sandbox and ask about each request.
    Watch {
        /// Answer every request like this instead of asking.
        #[arg(long, value_enum)]
        answer: Option<AutoAnswer>,
        /// Stop after the first request.
        #[arg(long)]
        once: bool,
    },
    /// Show what a request asks for.
    Show {
        /// Id of the request, or its beginning.
        id: String,
        /// Show long texts whole.
        #[arg(long)]
        full: bool,
    },
    /// Approve a request.
    Approve {
        /// Id of the request, or its beginning.
        id: String,
        /// What the screen asks to be typed.
        #[arg(long, value_name = "TEXT")]
        confirm: Option<String>,
        /// Approve only what has this digest (`show --json` prints it).
        #[arg(long, allow_hyphen_values = true)]
        digest: Option<String>,
        /// Do not ask on the terminal: approve whatever is shown.
        #[arg(long, short = 'y')]
        yes: bool,
    },
    /// Deny a request.
    Deny {
        /// Id of the request, or its beginning.
        id: String,
        /// Reason for the server, e.g. 'wrong amount'; not_me reports the request as foreign.
        #[arg(long, allow_hyphen_values = true)]
        reason: Option<String>,
    },
    /// Show the one-time code of an account.
    Code {
        /// Id of the account, or its beginning.
        id: String,
    },
    /// Show what was asked and answered, the newest first; check, export or shorten it.
    History(history::Args),
    /// Find out what is the matter with this phone's files and keys, and save what can be saved.
    #[command(after_help = repair::ABOUT)]
    Repair,
    /// Remove an account on the server and here, with its keys.
    Remove {
        /// Id of the account, or its beginning.
        id: String,
        /// Remove it here only; the server keeps the device.
        #[arg(long)]
        local_only: bool,
    },
    /// Send answers again that could not be delivered.
    Flush,
}

#[derive(Clone, Copy, ValueEnum)]
enum PushKind {
    Fcm,
    Apns,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AutoAnswer {
    Approve,
    Deny,
    Ignore,
}

pub(crate) async fn run(args: Args, context: Context) -> anyhow::Result<Exit> {
    let (folder, store) = match args.store {
        Some(folder) => {
            let flag = format!(" --store {}", super::quoted(&folder.display().to_string()));
            (folder, flag)
        }
        None => (default_folder()?, String::new()),
    };
    let ca = args.ca.as_ref().map_or(String::new(), |file| {
        format!(" --ca {}", super::quoted(&file.display().to_string()))
    });
    let settings = Settings {
        ca: http::read_ca(args.ca.as_deref())?,
        locale: args.locale,
        user_verification: matches!(
            args.command,
            PhoneCommand::Enroll {
                verify_user: true,
                ..
            }
        ),
    };
    let saved = match args.command {
        // Before the store is opened: it may be what keeps it from opening.
        PhoneCommand::Repair => Some(Handset::repair_store(&folder, &settings).await?),
        _ => None,
    };
    let phone = Phone {
        handset: Handset::open(&folder, settings).await?,
        saved,
        context,
        command: format!("{} phone{store}{ca}", super::program()),
    };
    let result = phone.run(args.command).await;
    let closed = phone.handset.authenticator.shutdown().await;
    let exit = result?;
    closed?;
    Ok(exit)
}

fn default_folder() -> anyhow::Result<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    let base = set("XDG_DATA_HOME")
        .or_else(|| set("LOCALAPPDATA"))
        .or_else(|| set("HOME").map(|home| home.join(".local").join("share")))
        .ok_or_else(|| Usage("no home folder is known; choose one with --store DIR".into()))?;
    Ok(base.join("authenticator-sandbox").join("phone"))
}

struct Phone {
    handset: Handset,
    /// What became of the store, where its repair was asked for.
    saved: Option<StoreRepair>,
    context: Context,
    /// How to call this phone again, for commands to copy.
    command: String,
}

impl Phone {
    async fn run(&self, command: PhoneCommand) -> anyhow::Result<Exit> {
        match command {
            PhoneCommand::Enroll {
                invitation,
                server,
                name,
                push,
                verify_user: _,
            } => self.enroll(&invitation, server, name, push).await,
            PhoneCommand::List => self.list().await,
            PhoneCommand::Watch { answer, once } => self.watch(answer, once).await,
            PhoneCommand::Show { id, full } => self.show(&id, full).await,
            PhoneCommand::Approve {
                id,
                confirm,
                digest,
                yes,
            } => self.approve(&id, confirm, digest, yes).await,
            PhoneCommand::Deny { id, reason } => self.deny(&id, reason).await,
            PhoneCommand::Code { id } => self.code(&id).await,
            PhoneCommand::History(args) => self.history(args).await,
            PhoneCommand::Repair => self.repair_keys().await,
            PhoneCommand::Remove { id, local_only } => self.remove(&id, local_only).await,
            PhoneCommand::Flush => self.flush().await,
        }
    }

    fn out(&self) -> &Terminal {
        &self.context.terminal
    }

    fn view(&self, full: bool) -> View {
        let terminal = self.out();
        View {
            width: terminal.width.min(if terminal.shown { 72 } else { 80 }),
            drawn: terminal.shown,
            full,
            live: false,
        }
    }

    async fn enroll(
        &self,
        invitation: &str,
        server: Option<String>,
        name: String,
        push: PushKind,
    ) -> anyhow::Result<Exit> {
        let server = match server {
            Some(server) => server,
            None => match self.confirm_server(invitation).await? {
                Some(server) => server,
                None => return Ok(Exit::Interrupted),
            },
        };
        let service = match push {
            PushKind::Fcm => PushService::Fcm,
            PushKind::Apns => PushService::Apns,
        };
        let enrollment = self
            .handset
            .enroll(invitation, &server, name, service)
            .await?;
        if self.context.json {
            let mut json = report::enrollment(&enrollment);
            json["recovery_code"] =
                json!(enrollment.recovery_code.as_ref().map(|code| code.expose()));
            self.out().json(&json);
            return Ok(Exit::Done);
        }
        self.out().line(
            Line::toned(Tone::Good, "✔ ")
                .and(Tone::Plain, "Enrolled ")
                .and(
                    Tone::Strong,
                    account_name(&enrollment.issuer, &enrollment.user),
                ),
        );
        self.out().lines(&enrollment_lines(&enrollment));
        if let Some(error) = &enrollment.one_time_code_error {
            self.out().line(Line::toned(
                Tone::Caution,
                format!("    without one-time codes: {}", error.message()),
            ));
        }
        if let Some(code) = &enrollment.recovery_code {
            self.out().lines(&[
                Line::new(),
                Line::plain("Recovery code, shown this once: ")
                    .and(Tone::Strong, code.expose().as_str()),
            ]);
        }
        self.out().lines(&[
            Line::new(),
            Line::plain("Next: ").and(Tone::Accent, format!("{} watch", self.command)),
        ]);
        Ok(Exit::Done)
    }

    /// A code may name a server; only a person can trust it.
    async fn confirm_server(&self, invitation: &str) -> anyhow::Result<Option<String>> {
        let host = self.handset.authenticator.invitation_host(invitation)?;
        let Some(host) = host else {
            return Err(Usage(
                "this code names no server; say which one with --server NAME-OR-URL".into(),
            )
            .into());
        };
        let host = printable(&host);
        if !self.out().interactive || self.context.json {
            return Err(Usage(format!(
                "this code names the server {host}. If you trust it, say so with --server {}",
                super::quoted(&address_for(&host, invitation))
            ))
            .into());
        }
        self.out().line(
            Line::plain("This code names the server ")
                .and(Tone::Strong, host.as_str())
                .and(Tone::Plain, ". Trust it? [y/N]"),
        );
        let mut keys = Keys::start()?;
        let trusted = matches!(keys.next().await, super::terminal::Key::Letter('y' | 'Y'));
        drop(keys);
        if trusted {
            return Ok(Some(address_for(&host, invitation)));
        }
        self.out()
            .line(Line::plain("Not trusted; nothing was sent."));
        Ok(None)
    }

    async fn list(&self) -> anyhow::Result<Exit> {
        let enrollments = self.handset.authenticator.enrollments().await?;
        let pending = self.handset.authenticator.pending().await?;
        if self.context.json {
            self.out().json(&json!({
                "enrollments": enrollments.iter().map(report::enrollment).collect::<Vec<_>>(),
                "pending": pending.iter().map(report::challenge).collect::<Vec<_>>(),
            }));
            return Ok(Exit::Done);
        }
        self.out().line(Line::toned(Tone::Strong, "Accounts"));
        if enrollments.is_empty() {
            self.out().line(Line::toned(
                Tone::Faint,
                format!("  none yet: `{} enroll URI` adds one", self.command),
            ));
        }
        for enrollment in &enrollments {
            self.out().line(Line::plain("  ").and(
                Tone::Plain,
                account_name(&enrollment.issuer, &enrollment.user),
            ));
            self.out().lines(&enrollment_lines(enrollment));
        }
        self.out()
            .lines(&[Line::new(), Line::toned(Tone::Strong, "Open requests")]);
        if pending.is_empty() {
            self.out().line(Line::toned(Tone::Faint, "  none"));
        }
        for challenge in pending.iter().filter(|challenge| challenge.repeats.leads) {
            self.out().line(
                Line::plain("  ")
                    .and(Tone::Strong, challenge.id.as_str())
                    .and(
                        Tone::Plain,
                        format!(
                            "  {}  ",
                            account_name(&challenge.account.issuer, &challenge.account.user)
                        ),
                    )
                    .join(render::time_left(challenge.expires_at, now())),
            );
            let arrival = render::arrival(challenge, self.view(false).width.saturating_sub(4));
            self.out().lines(&indented(arrival));
        }
        Ok(Exit::Done)
    }

    async fn show(&self, id: &str, full: bool) -> anyhow::Result<Exit> {
        let id = match self.challenge(id).await? {
            Found::Open(challenge) => challenge,
            Found::Over(entry) => return self.show_kept(&entry),
        };
        let core = &self.handset.authenticator;
        let review = core.review(id.clone()).await?;
        if !self.context.json {
            // Only now is it known what it asks for, and whether that was asked before.
            let challenge = core.challenge(id).await?;
            let arrival = render::arrival(&challenge, self.view(false).width);
            self.out().lines(&arrival);
        }
        self.print_review(&review, full);
        Ok(Exit::Done)
    }

    /// What was shown when it was decided, from the history.
    fn show_kept(&self, entry: &HistoryEntry) -> anyhow::Result<Exit> {
        if self.context.json {
            self.out().json(&report::history(entry));
            return Ok(Exit::Done);
        }
        self.out()
            .line(Line::toned(Tone::Strong, format!("{}.", over(entry))));
        match entry.shown_document.as_deref() {
            Some(document) => {
                let lines = render::kept(document, self.view(true).width)
                    .context("what was shown then cannot be read")?;
                self.out().lines(&lines);
            }
            None => self
                .out()
                .line(Line::toned(Tone::Faint, "Nobody looked at it.")),
        }
        Ok(Exit::Done)
    }

    fn print_review(&self, review: &Review, full: bool) {
        if self.context.json {
            self.out().json(&report::review(review));
        } else {
            self.out()
                .lines(&render::consent(review, now(), self.view(full)));
        }
    }

    async fn approve(
        &self,
        id: &str,
        confirm: Option<String>,
        digest: Option<String>,
        yes: bool,
    ) -> anyhow::Result<Exit> {
        let core = &self.handset.authenticator;
        let id = match self.challenge(id).await? {
            Found::Open(id) => id,
            Found::Over(entry) => {
                return self.answered_before(Decision::Approve, &entry).await;
            }
        };
        let (digest, confirm) = match digest {
            Some(digest) => (digest, confirm),
            None => {
                let review = core.review(id.clone()).await?;
                if !self.context.json {
                    self.print_review(&review, false);
                }
                let mut confirmation = confirm;
                if !yes {
                    if !self.out().interactive || self.context.json {
                        return Err(Usage(
                            "nobody can be asked here: pass --digest DIGEST of what was looked at, or --yes".into(),
                        )
                        .into());
                    }
                    match self.ask(&review).await? {
                        Answer::Approve {
                            confirmation: typed,
                        } => confirmation = typed.or(confirmation),
                        Answer::Deny => {
                            let receipt = core.deny(id, Some(review.digest), None).await?;
                            return self.print_receipt(Decision::Deny, &receipt);
                        }
                        Answer::Nothing | Answer::Interrupted => return Ok(Exit::Interrupted),
                    }
                }
                (review.digest, confirmation)
            }
        };
        let receipt = self.handset.approve(id, digest, confirm).await?;
        self.print_receipt(Decision::Approve, &receipt)
    }

    /// The core gives the receipt of the first answer, whatever is asked of it now.
    async fn answered_before(
        &self,
        wanted: Decision,
        entry: &HistoryEntry,
    ) -> anyhow::Result<Exit> {
        if entry.decision.is_none() {
            bail!("{}", over(entry));
        }
        let core = &self.handset.authenticator;
        let first = core.deny(entry.challenge.clone(), None, None).await?;
        if !self.context.json {
            self.out().line(Line::plain(format!("{}.", over(entry))));
        }
        self.print_receipt(wanted, &first)
    }

    async fn ask(&self, review: &Review) -> anyhow::Result<Answer> {
        let mut keys = Keys::start()?;
        let shown = render::consent(review, now(), self.view(false)).len();
        Ok(prompt::ask(*self.out(), &mut keys, review, shown).await)
    }

    async fn deny(&self, id: &str, reason: Option<String>) -> anyhow::Result<Exit> {
        let id = match self.challenge(id).await? {
            Found::Open(id) => id,
            Found::Over(entry) => return self.answered_before(Decision::Deny, &entry).await,
        };
        let core = &self.handset.authenticator;
        let challenge = core.challenge(id).await?;
        let receipt = core.deny(challenge.id, None, reason).await?;
        let exit = self.print_receipt(Decision::Deny, &receipt)?;
        if self.context.json || receipt.reason.as_deref() != Some("not_me") {
            return Ok(exit);
        }
        let account = self.enrollment(challenge.enrollment.as_str()).await?;
        if let Some(until) = account.quiet_until {
            self.out().line(Line::plain(format!(
                "  Reported. Requests to this account arrive silently until {}.",
                local_time(until)
            )));
        }
        Ok(exit)
    }

    fn print_receipt(&self, wanted: Decision, receipt: &Receipt) -> anyhow::Result<Exit> {
        if self.context.json {
            self.out().json(&report::receipt(receipt));
        } else {
            self.out().lines(&render::receipt_for(
                wanted,
                receipt,
                self.view(false).width,
            ));
        }
        Ok(match receipt.decision == wanted {
            true => Exit::Done,
            false => Exit::Differs,
        })
    }

    async fn code(&self, id: &str) -> anyhow::Result<Exit> {
        let id = self.enrollment(id).await?.id;
        let code = self.handset.authenticator.one_time_code(id).await?;
        if self.context.json {
            self.out().json(&json!({
                "code": code.code.expose(), "seconds_left": code.seconds_left, "period": code.period,
            }));
        } else {
            self.out().line(
                Line::toned(Tone::Strong, code.code.expose().as_str())
                    .and(Tone::Faint, format!("   {} s left", code.seconds_left)),
            );
        }
        Ok(Exit::Done)
    }

    async fn remove(&self, id: &str, local_only: bool) -> anyhow::Result<Exit> {
        let enrollment = self.enrollment(id).await?;
        let core = &self.handset.authenticator;
        if local_only {
            core.forget(enrollment.id.clone()).await?;
        } else {
            core.unenroll(enrollment.id.clone()).await.with_context(|| {
                format!(
                    "The account was not removed; `{} remove {} --local-only` removes it here only",
                    self.command, enrollment.id
                )
            })?;
        }
        if self.context.json {
            self.out()
                .json(&json!({ "removed": enrollment.id.as_str(), "local_only": local_only }));
        } else {
            self.out().line(
                Line::toned(Tone::Good, "✔ ")
                    .and(Tone::Plain, "Removed ")
                    .and(
                        Tone::Strong,
                        account_name(&enrollment.issuer, &enrollment.user),
                    )
                    .and(
                        Tone::Plain,
                        if local_only {
                            " here; the server still knows it."
                        } else {
                            "."
                        },
                    ),
            );
        }
        Ok(Exit::Done)
    }

    async fn flush(&self) -> anyhow::Result<Exit> {
        let receipts = self.handset.authenticator.flush().await?;
        if self.context.json {
            self.out()
                .json(&receipts.iter().map(report::receipt).collect::<Vec<_>>());
            return Ok(Exit::Done);
        }
        if receipts.is_empty() {
            self.out().line(Line::plain("Nothing was waiting."));
        }
        for receipt in &receipts {
            self.print_receipt(receipt.decision, receipt)?;
        }
        Ok(Exit::Done)
    }

    async fn watch(&self, answer: Option<AutoAnswer>, once: bool) -> anyhow::Result<Exit> {
        let asks = answer.is_none() && self.out().interactive && !self.context.json;
        let answer = answer.unwrap_or(AutoAnswer::Ignore);
        let mut news = self.listen().await?;
        self.say(json!({ "event": "watching" }), || {
            vec![Line::toned(
                Tone::Faint,
                "Waiting for requests. Ctrl-C ends.",
            )]
        });
        for challenge in self.handset.authenticator.pending().await? {
            match self.handle(challenge, asks, answer).await? {
                Exit::Interrupted => return Ok(Exit::Done),
                exit if once => return Ok(exit),
                _ => {}
            }
        }
        let mut stop = std::pin::pin!(super::terminal::stop_signal());
        loop {
            let next = tokio::select! {
                next = news.recv() => next,
                _ = &mut stop => {
                    self.say(json!({ "event": "stopped" }), || vec![Line::plain("\nStopped.")]);
                    return Ok(Exit::Done);
                }
            };
            match next {
                None => bail!("the push streams have ended"),
                Some(News::Connected { server, known }) => {
                    self.connected(&server, known.as_ref()).await?;
                }
                Some(News::Lost(why)) => {
                    self.say(json!({ "event": "disconnected", "why": why }), || {
                        vec![Line::toned(
                            Tone::Caution,
                            format!("Push stream lost ({why}); trying again."),
                        )]
                    })
                }
                Some(News::Push(payload)) => {
                    let challenge = match self.handset.authenticator.receive_push(payload).await {
                        Ok(challenge) => challenge,
                        Err(error) => {
                            self.say(
                                json!({ "event": "push_refused", "error": error.code().as_str() }),
                                || {
                                    vec![Line::toned(
                                        Tone::Caution,
                                        format!("A push was not used: {}", error.message()),
                                    )]
                                },
                            );
                            continue;
                        }
                    };
                    if challenge.arrival == Arrival::Repeated
                        || challenge.state != ChallengeState::Open
                    {
                        continue;
                    }
                    match self.handle(challenge, asks, answer).await? {
                        Exit::Interrupted => return Ok(Exit::Done),
                        exit if once => return Ok(exit),
                        _ => {}
                    }
                }
            }
        }
    }

    /// Shows one request and answers it. Trouble with one request does not end the watch; [`Exit::Differs`] says that a
    /// wanted answer was not given.
    async fn handle(
        &self,
        challenge: Challenge,
        asks: bool,
        answer: AutoAnswer,
    ) -> anyhow::Result<Exit> {
        let core = &self.handset.authenticator;
        let id = challenge.id.clone();
        let review = match core.review(id.clone()).await {
            Ok(review) => review,
            Err(error) => {
                self.say(
                    json!({ "event": "review_failed", "challenge": id.as_str(), "error": error.code().as_str() }),
                    || vec![Line::toned(Tone::Danger, format!("Request {id} cannot be shown: {}", error.message()))],
                );
                return Ok(Exit::Differs);
            }
        };
        let challenge = core.challenge(id.clone()).await.unwrap_or(challenge);
        self.say(
            json!({ "event": "request", "challenge": report::challenge(&challenge), "review": report::review(&review) }),
            || {
                let view = View {
                    live: asks,
                    ..self.view(false)
                };
                let mut lines = render::arrival(&challenge, view.width);
                lines.extend(render::consent(&review, now(), view));
                if !asks {
                    lines.push(Line::toned(Tone::Faint, format!("Request {id}")));
                }
                lines
            },
        );
        let (wanted, receipt) = loop {
            let answer = if asks {
                self.ask(&review).await?
            } else {
                match answer {
                    AutoAnswer::Approve => Answer::Approve { confirmation: None },
                    AutoAnswer::Deny => Answer::Deny,
                    AutoAnswer::Ignore => return Ok(Exit::Done),
                }
            };
            let (id, digest) = (id.clone(), review.digest.clone());
            let (wanted, receipt) = match answer {
                Answer::Approve { confirmation } => (
                    Decision::Approve,
                    self.handset.approve(id, digest, confirmation).await,
                ),
                Answer::Deny => (Decision::Deny, core.deny(id, Some(digest), None).await),
                Answer::Nothing => {
                    self.out()
                        .line(Line::toned(Tone::Danger, "Expired; nothing was answered."));
                    return Ok(Exit::Done);
                }
                Answer::Interrupted => return Ok(Exit::Interrupted),
            };
            match receipt {
                Err(error) if asks && error.code() == ErrorCode::ConfirmationNeeded => {
                    self.out().line(Line::toned(
                        Tone::Danger,
                        "That is not what was asked for. Nothing was answered; try again.",
                    ));
                }
                receipt => break (wanted, receipt),
            }
        };
        match receipt {
            Ok(receipt) => {
                self.say(
                    json!({ "event": "receipt", "receipt": report::receipt(&receipt) }),
                    || render::receipt_for(wanted, &receipt, self.view(false).width),
                );
                Ok(Exit::Done)
            }
            Err(error) => {
                self.say(
                    json!({ "event": "answer_failed", "error": error.code().as_str() }),
                    || {
                        vec![Line::toned(
                            Tone::Danger,
                            format!("Not answered: {}", error.message()),
                        )]
                    },
                );
                Ok(Exit::Differs)
            }
        }
    }

    /// One event, for a script or for a person.
    fn say(&self, json: serde_json::Value, lines: impl FnOnce() -> Vec<Line>) {
        if self.context.json {
            self.out().json(&json);
        } else {
            self.out().lines(&lines());
        }
    }

    async fn challenge(&self, prefix: &str) -> anyhow::Result<Found> {
        let core = &self.handset.authenticator;
        let pending = core.pending().await?;
        let ids: Vec<&str> = pending.iter().map(|c| c.id.as_str()).collect();
        if let Some(id) = by_prefix(&ids, prefix)? {
            return Ok(Found::Open(ChallengeId::new(id)));
        }
        let over = core.history(None, None, 500).await?;
        let ids: Vec<&str> = over.iter().map(|entry| entry.challenge.as_str()).collect();
        if let Some(id) = by_prefix(&ids, prefix)? {
            let entry = over
                .into_iter()
                .find(|entry| entry.challenge.as_str() == id);
            return Ok(Found::Over(Box::new(
                entry.context("the account has just been removed")?,
            )));
        }
        // The core says exactly what is wrong with it.
        let known = core.challenge(ChallengeId::new(prefix)).await?;
        Ok(Found::Open(known.id))
    }

    async fn enrollment(&self, prefix: &str) -> anyhow::Result<Enrollment> {
        let all = self.handset.authenticator.enrollments().await?;
        let ids: Vec<&str> = all.iter().map(|e| e.id.as_str()).collect();
        let id = match by_prefix(&ids, prefix)? {
            Some(id) => EnrollmentId::new(id),
            None => bail!(
                "there is no account {}; `{} list` shows them",
                printable(prefix),
                self.command
            ),
        };
        all.into_iter()
            .find(|enrollment| enrollment.id == id)
            .context("the account has just been removed")
    }
}

/// What a person meant by an id.
enum Found {
    Open(ChallengeId),
    /// It was answered, or nobody answered it in time.
    Over(Box<HistoryEntry>),
}

/// What became of a request that is not open any more.
fn over(entry: &HistoryEntry) -> String {
    let at = local_time(entry.at);
    match entry.decision {
        Some(Decision::Approve) => format!("This request was approved on {at}"),
        Some(Decision::Deny) => format!("This request was denied on {at}"),
        None => "Nobody answered this request in time".to_owned(),
    }
}

/// The id itself, or the only one that starts like this; the kind in front of it (`dev_`, `chl_`) may be left out.
fn by_prefix(ids: &[&str], prefix: &str) -> anyhow::Result<Option<String>> {
    if let Some(exact) = ids.iter().find(|id| **id == prefix) {
        return Ok(Some((*exact).to_owned()));
    }
    let starts = |id: &&&str| {
        let bare = id.split_once('_').map_or(**id, |(_, bare)| bare);
        id.starts_with(prefix) || bare.starts_with(prefix)
    };
    let found: Vec<&&str> = ids.iter().filter(starts).collect();
    match (prefix, found.as_slice()) {
        ("", _) => Err(Usage("the id is empty".into()).into()),
        (_, []) => Ok(None),
        (_, [one]) => Ok(Some((**one).to_owned())),
        (_, several) => Err(Usage(format!(
            "`{}` is the beginning of {} ids; add letters",
            printable(prefix),
            several.len()
        ))
        .into()),
    }
}

fn account_name(issuer: &str, user: &str) -> String {
    match (issuer, user) {
        ("", user) => user.to_owned(),
        (issuer, "") => issuer.to_owned(),
        (issuer, user) => format!("{issuer} · {user}"),
    }
}

fn enrollment_lines(enrollment: &Enrollment) -> Vec<Line> {
    let key = format!(
        "{}, {}",
        report::algorithm(enrollment.algorithm),
        report::protection(enrollment.protection)
    );
    let mut rows = vec![
        ("id", printable(enrollment.id.as_str())),
        ("server", printable(&enrollment.base_url)),
        ("key", key),
        (
            "prompt",
            match enrollment.approval_thumbprint {
                Some(_) => "each approval is signed by an approval key".to_owned(),
                None => String::new(),
            },
        ),
        ("since", local_time(enrollment.enrolled_at)),
    ];
    if let Some(until) = enrollment.quiet_until {
        rows.push(("quiet", format!("until {}", local_time(until))));
    }
    let continues: Vec<&str> = enrollment
        .continues
        .iter()
        .map(EnrollmentId::as_str)
        .collect();
    if !continues.is_empty() {
        rows.push(("before", printable(&continues.join(", "))));
    }
    if enrollment.clock_offset.abs() >= 1_000 {
        let seconds = enrollment.clock_offset / 1_000;
        rows.push((
            "clock",
            format!("{} off, corrected", minutes(seconds.abs())),
        ));
    }
    rows.iter()
        .filter(|(_, text)| !text.is_empty())
        .flat_map(|(label, text)| pair(label, 6, (Tone::Plain, text), 96))
        .map(|line| line.indented(4))
        .collect()
}

fn indented(lines: Vec<Line>) -> Vec<Line> {
    lines.into_iter().map(|line| line.indented(4)).collect()
}

fn local_time(unix_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms).map_or_else(
        |_| String::from("?"),
        |at| {
            at.to_zoned(jiff::tz::TimeZone::system())
                .strftime("%Y-%m-%d %H:%M:%S")
                .to_string()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_may_be_cut_as_long_as_it_is_clear() {
        let ids = ["dev_abc", "dev_abd", "dev_x"];
        assert_eq!(by_prefix(&ids, "x").unwrap().as_deref(), Some("dev_x"));
        assert_eq!(
            by_prefix(&ids, "dev_abd").unwrap().as_deref(),
            Some("dev_abd")
        );
        assert_eq!(by_prefix(&ids, "zz").unwrap(), None);
        assert!(by_prefix(&ids, "ab").is_err());
        assert!(by_prefix(&ids, "").is_err());
    }

    #[test]
    fn a_whole_id_wins_over_a_longer_one() {
        assert_eq!(
            by_prefix(&["ab", "abc"], "ab").unwrap().as_deref(),
            Some("ab")
        );
    }
}
