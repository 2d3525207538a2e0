//! `sandbox demo`: one approval from end to end, phone and agent side by side.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use authenticator_core::{ErrorCode, PushService, Receipt, Review};
use sandbox::{Options, Sandbox};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::agent::{self, OutcomeReport, Polls};
use super::ciba_client::{Ack, CibaError, Client, Outcome, Request};
use super::handset::{Handset, Settings, now};
use super::phone::AutoAnswer;
use super::prompt::{Answer, Prompt};
use super::push_stream::{News, Source};
use super::render::{self, View};
use super::serve::ExpiryWord;
use super::terminal::{Keys, Live, Terminal, stop_signal};
use super::text::{Line, Tone, beside, minutes, wrapped};
use super::{Context, Exit, http, report};

const EXAMPLES: &str = "\
Examples:
  sandbox demo                          answer with y, n, or not at all
  sandbox demo --answer approve         unattended; also deny, ignore
  sandbox demo --details payment.json   your own authorization_details
  sandbox demo --answer deny --json     one JSON object for scripts

Without a terminal it behaves as with --answer approve. Everything runs on this machine and is gone
afterwards.";

/// What the agent asks for when the reader has nothing of their own.
const DETAILS: &str = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"249.00"},"creditorName":"ExampleCorp","creditorAccount":{"iban":"DE89370400440532013000"},"remittanceInformationUnstructured":"Order 4711"}]"#;

const MESSAGE: &str = "Order 4711";
const SCOPE: &str = "openid";

/// From this width on, phone and agent stand side by side.
const WIDE: usize = 100;

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Answer by itself instead of asking.
    #[arg(long, value_enum)]
    answer: Option<AutoAnswer>,
    /// File with authorization_details as JSON; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    details: Option<PathBuf>,
    /// Seconds the person has [default: 60; 10 with --answer ignore].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=300))]
    expiry: Option<u64>,
    /// Error that an expired request gives.
    #[arg(long, value_enum, default_value = "access_denied")]
    expiry_error: ExpiryWord,
    /// What the person types where the request needs more than a tap, with --answer approve.
    #[arg(long, value_name = "TEXT")]
    confirm: Option<String>,
    /// Keep the phone's folder and say where it is.
    #[arg(long)]
    keep: bool,
}

/// The whole story for a script.
#[derive(Serialize)]
struct Story<'a> {
    enrollment: Value,
    request: Asked<'a>,
    review: Value,
    /// The receipt, or null when nobody answered.
    decision: Option<Value>,
    #[serde(flatten)]
    outcome: OutcomeReport<'a>,
    took_ms: u128,
}

/// What the agent asked for; the details as they were written.
#[derive(Serialize)]
struct Asked<'a> {
    user: &'a str,
    binding_message: &'a str,
    scope: &'a str,
    audience: &'a str,
    authorization_details: &'a RawValue,
}

pub(crate) async fn run(args: Args, context: Context) -> anyhow::Result<Exit> {
    let keep = args.keep;
    let folder = tempfile::Builder::new()
        .prefix("sandbox-demo-")
        .disable_cleanup(true)
        .tempdir()
        .context("cannot make a folder for the phone")?;
    // Dropping the story puts the terminal back.
    let exit = tokio::select! {
        exit = tell(args, context, folder.path()) => exit,
        _ = stop_signal() => Ok(Exit::Interrupted),
    };
    if !keep {
        remove(folder.path()).await;
    }
    exit
}

/// A task of the core that was cut short may still be writing into the folder; then removing it takes a second try.
async fn remove(folder: &Path) {
    for _ in 0..30 {
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            _ => return,
        }
    }
}

async fn tell(args: Args, context: Context, folder: &Path) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let terminal = context.terminal;
    let asks = args.answer.is_none() && terminal.interactive && !context.json;
    let answer = if asks {
        None
    } else {
        Some(args.answer.unwrap_or(AutoAnswer::Approve))
    };
    let details = match &args.details {
        Some(file) => agent::read_details(file)?,
        None => DETAILS.to_owned(),
    };
    let say = |lines: &[Line]| {
        if !context.json {
            terminal.lines(lines);
        }
    };

    let options = Options {
        interval: 1,
        expiry_error: args.expiry_error.into(),
        ..Options::default()
    };
    let sandbox = Sandbox::start(options)
        .await
        .context("the sandbox cannot start")?;
    // The reader's own types are not registered on the sandbox's API.
    sandbox
        .knobs()
        .update(|knobs| knobs.unknown_rar_type = args.details.is_some());
    let ready = sandbox.ready();
    say(&chapter("1", "A server starts on this machine"));
    say(&[
        Line::toned(Tone::Faint, "   issuer   ").and(Tone::Plain, sandbox.issuer()),
        Line::toned(Tone::Faint, "   console  ").and(Tone::Plain, sandbox.console_url()),
    ]);

    let invitation = sandbox.invitation(&ready.user_id)?;
    say(&chapter("2", "A phone is enrolled from a QR code"));
    say(&qr_and_text(&invitation, terminal.width));
    let phone = Handset::open(folder, Settings::default()).await?;
    let enrollment = phone
        .enroll(
            &invitation,
            &sandbox.origin(),
            "Demo phone".into(),
            PushService::Fcm,
        )
        .await?;
    say(&[Line::toned(Tone::Good, "   ✔ ").and(
        Tone::Plain,
        format!(
            "{} · {} enrolled with a new {} key",
            enrollment.issuer,
            enrollment.user,
            report::algorithm(enrollment.algorithm)
        ),
    )]);
    let source = Source::find(&enrollment.base_url, None).await?;
    let (send, mut news) = mpsc::channel(16);
    let listener = tokio::spawn(source.listen(phone.push_token.clone(), send));

    let request = Request {
        user: ready.user_id.clone(),
        message: Some(MESSAGE.into()),
        scope: SCOPE.into(),
        audience: Some(ready.audience.clone()),
        details: Some(details.clone()),
        expiry: Some(
            args.expiry
                .unwrap_or(if answer == Some(AutoAnswer::Ignore) {
                    10
                } else {
                    60
                }),
        ),
        ..Request::default()
    };
    let issuer = http::address(&sandbox.issuer())?;
    let client = Client::discover(
        http::client(&issuer, None)?,
        &issuer,
        None,
        ready.client_id.clone(),
        ready.client_secret.clone(),
    )
    .await?;
    let ack = client.start(&request).await?;
    let mut story = Scene::new(terminal, context.json);
    let mut asked = agent::intro(&client, &request, story.agent_width());
    asked.extend(agent::acknowledged(&client, &ack));
    let agent = Agent::start(client, request, ack);

    let review = arrival(&phone, &mut news).await?;
    say(&chapter("3", "An agent asks, the phone shows what for"));
    story.open(render::consent(&review, now(), story.phone_view()), asked);
    let decision = story
        .answer(&phone, &review, answer, args.confirm.clone(), &agent)
        .await?;
    let Decision::Made(receipt) = decision else {
        phone.authenticator.shutdown().await?;
        return Ok(Exit::Interrupted);
    };
    let (outcome, polls) = story.outcome(agent, receipt.as_ref()).await?;

    listener.abort();
    phone.authenticator.shutdown().await?;
    sandbox.stop().await;
    if context.json {
        terminal.json(&Story {
            enrollment: report::enrollment(&enrollment),
            request: Asked {
                user: &ready.user_id,
                binding_message: MESSAGE,
                scope: SCOPE,
                audience: &ready.audience,
                authorization_details: serde_json::from_str(&details)?,
            },
            review: report::review(&review),
            decision: receipt.as_ref().map(report::receipt),
            outcome: OutcomeReport::new(&outcome, polls, false),
            took_ms: started.elapsed().as_millis(),
        });
    } else {
        story.close(receipt.as_ref(), &outcome, polls);
        let seconds = started.elapsed().as_secs_f64();
        say(&[
            Line::new(),
            Line::toned(Tone::Faint, format!("Took {seconds:.1} s.")),
        ]);
        if args.keep {
            say(&[Line::plain(format!(
                "The phone is kept: {} phone --store {} history",
                super::program(),
                super::quoted(&folder.display().to_string())
            ))]);
        }
    }
    Ok(Exit::Done)
}

fn chapter(number: &str, title: &str) -> [Line; 2] {
    [
        Line::new(),
        Line::toned(Tone::Accent, format!("{number}  ")).and(Tone::Strong, title),
    ]
}

fn qr_and_text(invitation: &str, width: usize) -> Vec<Line> {
    let code: Vec<Line> = render::qr(invitation)
        .into_iter()
        .map(|row| row.indented(3))
        .collect();
    let code_width = code.first().map_or(0, Line::width);
    let mut lines = vec![Line::new()];
    if width >= code_width + 40 {
        let room = width - code_width - 4;
        let mut text = vec![Line::new()];
        text.extend(wrapped(Tone::Plain, "A person would scan this with the authenticator app. The terminal phone reads its text:", room));
        text.push(Line::new());
        text.extend(wrapped(Tone::Faint, invitation, room));
        lines.extend(beside(code, text, code_width + 2));
    } else {
        lines.extend(code);
        lines.extend(
            wrapped(Tone::Faint, invitation, width - 3)
                .into_iter()
                .map(|line| line.indented(3)),
        );
    }
    lines
}

/// Waits for the push and reads what it asks for.
async fn arrival(phone: &Handset, news: &mut mpsc::Receiver<News>) -> anyhow::Result<Review> {
    let push = async {
        let mut why = None;
        while let Some(next) = news.recv().await {
            match next {
                News::Push(payload) => return Ok(payload),
                News::Connected { .. } => {}
                News::Lost(reason) => why = Some(reason),
            }
        }
        bail!("the push stream ended ({})", why.unwrap_or_default())
    };
    let payload = tokio::time::timeout(Duration::from_secs(10), push)
        .await
        .context("no push came within 10 s")??;
    let challenge = phone.authenticator.receive_push(payload).await?;
    Ok(phone.authenticator.review(challenge.id).await?)
}

/// The agent, polling beside the phone.
struct Agent {
    task: tokio::task::JoinHandle<Result<Outcome, CibaError>>,
    polls: Polls,
    started: Instant,
    total: Duration,
}

impl Agent {
    fn start(client: Client, request: Request, ack: Ack) -> Agent {
        let polls = Polls::default();
        let seen = polls.clone();
        let total = Duration::from_secs(ack.expires_in);
        Agent {
            task: tokio::spawn(async move {
                client
                    .wait(&request, &ack, |progress| seen.note(progress))
                    .await
            }),
            polls,
            started: Instant::now(),
            total,
        }
    }

    /// The bar runs empty as time runs out.
    fn lines(&self, width: usize) -> Vec<Line> {
        let left = self.total.saturating_sub(self.started.elapsed());
        let cells = width.saturating_sub(14).clamp(8, 40);
        let share = left.as_secs_f64() / self.total.as_secs_f64().max(1.0);
        let full = (share * cells as f64).ceil() as usize;
        let seconds = left.as_secs_f64().ceil() as i64;
        let mut lines = vec![
            Line::toned(Tone::Accent, "█".repeat(full.min(cells)))
                .and(Tone::Faint, "░".repeat(cells - full.min(cells)))
                .and(Tone::Plain, format!(" {} left", minutes(seconds))),
        ];
        lines.extend(wrapped(
            Tone::Faint,
            &self.polls.status(self.started.elapsed()),
            width,
        ));
        lines
    }
}

enum Decision {
    /// `None`: nobody answered.
    Made(Option<Receipt>),
    Interrupted,
}

/// Phone and agent on the screen: side by side where there is room, else one after the other.
struct Scene {
    terminal: Terminal,
    silent: bool,
    wide: bool,
    live: Live,
    /// Drawn again with every tick, as long as it fits the screen.
    phone: Vec<Line>,
    agent: Vec<Line>,
    /// Height of what the person has to read.
    shown: usize,
}

impl Scene {
    fn new(terminal: Terminal, silent: bool) -> Scene {
        Scene {
            terminal,
            silent,
            wide: terminal.shown && terminal.width >= WIDE,
            live: Live::new(terminal),
            phone: Vec::new(),
            agent: Vec::new(),
            shown: 0,
        }
    }

    fn phone_width(&self) -> usize {
        if self.wide {
            (self.terminal.width / 2 - 2).min(66)
        } else {
            self.terminal.width.min(72)
        }
    }

    fn agent_width(&self) -> usize {
        if self.wide {
            (self.terminal.width - self.phone_width() - 3).min(90)
        } else {
            self.terminal.width.min(90)
        }
    }

    fn phone_view(&self) -> View {
        View {
            width: self.phone_width(),
            drawn: self.terminal.shown,
            full: false,
            live: self.terminal.shown,
        }
    }

    /// Both halves under their headings. What does not fit the screen scrolls away above the live lines.
    fn open(&mut self, consent: Vec<Line>, asked: Vec<Line>) {
        if self.silent {
            return;
        }
        self.shown = consent.len();
        self.phone = vec![heading("PHONE", self.phone_width()), Line::new()];
        self.phone.extend(consent);
        self.phone.push(Line::new());
        self.agent = vec![heading("AGENT", self.agent_width()), Line::new()];
        self.agent.extend(asked);
        self.agent.push(Line::new());
        self.terminal.line(Line::new());
        if !self.wide {
            let agent = std::mem::take(&mut self.agent);
            let phone = std::mem::take(&mut self.phone);
            self.terminal.lines(&agent);
            self.terminal.lines(&phone);
        } else if self.phone.len().max(self.agent.len()) + 6 > self.terminal.height {
            let both = self.halves(Vec::new(), Vec::new());
            self.terminal.lines(&both);
            self.phone.clear();
            self.agent.clear();
        }
    }

    fn halves(&self, phone: Vec<Line>, agent: Vec<Line>) -> Vec<Line> {
        let left = [self.phone.clone(), phone].concat();
        let right = [self.agent.clone(), agent].concat();
        if self.wide {
            beside(left, right, self.phone_width() + 1)
        } else {
            [left, vec![Line::new()], right].concat()
        }
    }

    fn draw(&mut self, phone: Vec<Line>, agent: &Agent) {
        if self.terminal.shown && !self.silent {
            let lines = self.halves(phone, agent.lines(self.agent_width()));
            self.live.draw(&lines);
        }
    }

    async fn answer(
        &mut self,
        phone: &Handset,
        review: &Review,
        automatic: Option<AutoAnswer>,
        confirm: Option<String>,
        agent: &Agent,
    ) -> anyhow::Result<Decision> {
        let core = &phone.authenticator;
        loop {
            let answer = match automatic {
                Some(AutoAnswer::Approve) => Answer::Approve {
                    confirmation: confirm.clone(),
                },
                Some(AutoAnswer::Deny) => Answer::Deny,
                Some(AutoAnswer::Ignore) => return Ok(Decision::Made(None)),
                None => self.ask(review, agent).await?,
            };
            let (id, digest) = (review.challenge.clone(), review.digest.clone());
            let receipt = match answer {
                Answer::Approve { confirmation } => core.approve(id, digest, confirmation).await,
                Answer::Deny => core.deny(id, Some(digest), None).await,
                Answer::Nothing => return Ok(Decision::Made(None)),
                Answer::Interrupted => return Ok(Decision::Interrupted),
            };
            match receipt {
                // Typed wrongly: the person is asked again, with nothing decided.
                Err(error)
                    if error.code() == ErrorCode::ConfirmationNeeded && automatic.is_none() => {}
                receipt => return Ok(Decision::Made(Some(receipt?))),
            }
        }
    }

    async fn ask(&mut self, review: &Review, agent: &Agent) -> anyhow::Result<Answer> {
        let mut keys = Keys::start().context("keys cannot be read from this terminal")?;
        let mut prompt = Prompt::new(review, self.shown, self.terminal);
        self.draw(prompt.lines(now()), agent);
        if keys.forget().await.is_some() {
            return Ok(Answer::Interrupted);
        }
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        loop {
            self.draw(prompt.lines(now()), agent);
            tokio::select! {
                key = keys.next() => if let Some(answer) = prompt.key(key) {
                    return Ok(answer);
                },
                _ = tick.tick() => if prompt.expired(now()) || agent.task.is_finished() {
                    return Ok(Answer::Nothing);
                },
            }
        }
    }

    /// Waits for the agent.
    async fn outcome(
        &mut self,
        mut agent: Agent,
        receipt: Option<&Receipt>,
    ) -> anyhow::Result<(Outcome, u32)> {
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        loop {
            tokio::select! {
                outcome = &mut agent.task => return Ok((outcome??, agent.polls.count())),
                _ = tick.tick() => {
                    let phone = self.phone_end(receipt, "Nobody answers …");
                    self.draw(phone, &agent);
                }
            }
        }
    }

    fn phone_end(&self, receipt: Option<&Receipt>, otherwise: &str) -> Vec<Line> {
        match receipt {
            Some(receipt) => render::receipt(receipt, self.phone_width()),
            None => vec![Line::toned(Tone::Faint, otherwise)],
        }
    }

    fn close(&mut self, receipt: Option<&Receipt>, outcome: &Outcome, polls: u32) {
        let phone = self.phone_end(receipt, "Nobody answered.");
        let mut agent = agent::ending(outcome, polls, self.agent_width());
        if !self.wide {
            agent.insert(0, heading("AGENT", self.agent_width()));
            agent.insert(1, Line::new());
        }
        let lines = self.halves(phone, agent);
        if self.terminal.shown {
            self.live.keep(&lines);
        } else {
            self.terminal.lines(&lines);
        }
    }
}

fn heading(name: &str, width: usize) -> Line {
    Line::toned(Tone::Accent, "━━ ")
        .and(Tone::Strong, name)
        .and(
            Tone::Accent,
            format!(" {}", "━".repeat(width.saturating_sub(name.len() + 4))),
        )
}
