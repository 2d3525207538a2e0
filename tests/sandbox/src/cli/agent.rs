//! `sandbox agent`: a CIBA client that asks for an approval and waits for the outcome.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::ciba_client::{
    Ack, Client, ClientAuth, Details, Dialect, Outcome, PollAnswer, Progress, Request,
};
use super::text::{Line, Tone, minutes, pair, pretty_json, printable, wrapped};
use super::{Context, Exit, Usage, http};

const EXAMPLES: &str = "\
Examples (`sandbox serve` prints values that work):
  export SANDBOX_ISSUER=http://127.0.0.1:8300/ SANDBOX_CLIENT_ID=… SANDBOX_CLIENT_SECRET=…
  sandbox agent request --user 'auth0|…' --message 'Order 4711'
  sandbox agent request --user ana --channel external         with an Asgardeo server
  sandbox agent request --user 'auth0|…' --message 'Order 4711' --audience https://api.bank.example \\
      --details payment.json --expiry 120

Another CIBA server in poll mode, found by its metadata (--param and --lodge are for servers that need them):
  sandbox agent request --issuer https://idp.example/realms/demo --login-hint alice --message W4-SCT

payment.json holds authorization_details (RFC 9396), an array of objects with a `type`:
  [{\"type\":\"payment_initiation\",\"creditorName\":\"ExampleCorp\",
    \"instructedAmount\":{\"amount\":\"249.00\",\"currency\":\"EUR\"}}]

Details that the tokens do not name, or not as they were sent, are not approved, whatever else the tokens grant
(RFC 9396 §7): the outcome is `unconfirmed`. Details that were lodged are vouched for by the bridge.

Exit status: 0 approved, 1 failed, 2 wrong usage, 3 denied, expired or unconfirmed.";

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: AgentCommand,
}

#[derive(Subcommand)]
enum AgentCommand {
    /// Start a request, poll as the server asks, check and print the outcome.
    Request(RequestArgs),
}

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
struct RequestArgs {
    /// User to ask: a user id, e.g. 'auth0|65f…'; with an Asgardeo server a user name.
    #[arg(long, env = "SANDBOX_USER", required_unless_present = "login_hint")]
    user: Option<String>,
    /// Hint to send as it is, for other servers; counts more than --user, and the ID token may be about anybody.
    #[arg(long, value_name = "TEXT")]
    login_hint: Option<String>,
    /// Binding message: words that the person sees on both screens.
    /// Auth0 needs one.
    #[arg(long)]
    message: Option<String>,
    /// File with authorization_details as JSON; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    details: Option<PathBuf>,
    /// Scopes, separated by spaces.
    #[arg(long, default_value = "openid")]
    scope: String,
    /// Identifier of the API that the access is for. Needed with --details.
    #[arg(long, env = "SANDBOX_AUDIENCE")]
    audience: Option<String>,
    /// Seconds the person has.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=259_200))]
    expiry: Option<u64>,
    /// How to reach the person, where the server takes a wish: email, sms or external.
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<String>,
    /// Whose wire format the server speaks; by itself the agent reads it off the metadata.
    #[arg(long, value_enum)]
    dialect: Option<Dialect>,
    /// Issuer URL of the server.
    #[arg(long, value_name = "URL", env = "SANDBOX_ISSUER")]
    issuer: String,
    #[arg(long, env = "SANDBOX_CLIENT_ID", help = "Client id")]
    client_id: String,
    /// Client secret. Better given in the environment: other users can see command lines.
    #[arg(long, env = "SANDBOX_CLIENT_SECRET", hide_env_values = true)]
    client_secret: String,
    /// How the client proves who it is.
    #[arg(long, value_enum, default_value = "auto")]
    client_auth: ClientAuth,
    /// Further parameter of the request; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = param)]
    param: Vec<(String, String)>,
    /// Lodge the details here first and send the reference (`sandbox bridge keycloak` prints the address).
    #[arg(long, value_name = "URL", requires = "details")]
    lodge: Option<String>,
    /// Trust only the root certificates in this PEM file (a sandbox with --tls).
    #[arg(long, value_name = "FILE", env = "SANDBOX_CA")]
    ca: Option<PathBuf>,
    /// Print the tokens themselves too. They are secrets: who has them has the access.
    #[arg(long)]
    print_tokens: bool,
}

pub(crate) async fn run(args: Args, context: Context) -> anyhow::Result<Exit> {
    let AgentCommand::Request(args) = args.command;
    let issuer = http::address(&args.issuer).map_err(|e| Usage(format!("--issuer: {e:#}")))?;
    let ca = http::read_ca(args.ca.as_deref())?;
    let mut request = Request {
        user: args.user.unwrap_or_default(),
        login_hint: args.login_hint,
        message: args.message,
        scope: args.scope,
        audience: args.audience.filter(|audience| !audience.is_empty()),
        details: args.details.as_deref().map(read_details).transpose()?,
        expiry: args.expiry,
        channel: args.channel,
        params: args.param,
    };
    let client = Client::discover(
        http::client(&issuer, ca.as_deref())?,
        &issuer,
        args.dialect,
        args.client_id,
        args.client_secret,
    )
    .await
    .map_err(|error| error.at_its_address())?
    .with_auth(args.client_auth);
    if request.details.is_some() && client.ignores_details() {
        let why = "--details: a server of this dialect ignores authorization_details, so the person would not see them";
        return Err(Usage(why.into()).into());
    }
    if let Some(place) = &args.lodge {
        lodge(place, ca.as_deref(), &mut request).await?;
    }
    let terminal = context.terminal;
    let width = terminal.width.min(100);
    if !context.json {
        terminal.lines(&intro(&client, &request, width));
    }
    if request.channel.is_some() && client.speaks() == Some(Dialect::Auth0) {
        let why = "--channel: a server of this dialect takes no wish; what lives longer than 300 s (--expiry) goes by e-mail";
        return Err(Usage(why.into()).into());
    }
    let ack = client
        .start(&request)
        .await
        .map_err(|error| error.with_help(&client, &request))?;
    if !context.json {
        terminal.lines(&acknowledged(&client, &ack));
    }
    if let Some(link) = &ack.auth_url {
        hand_over(link, context)?;
    }
    let polls = Polls::default();
    let outcome = tokio::select! {
        outcome = wait_with_bar(&client, &request, &ack, &polls, context) => outcome?,
        _ = super::terminal::stop_signal() => return Ok(Exit::Interrupted),
    };
    if context.json {
        terminal.json(&OutcomeReport::new(
            &outcome,
            polls.count(),
            args.print_tokens,
        ));
    } else {
        terminal.lines(&ending(&outcome, polls.count(), width));
        if let Outcome::Granted(grant) = &outcome
            && args.print_tokens
        {
            terminal.lines(&[
                Line::new(),
                Line::plain(format!("access_token {}", printable(&grant.access_token))),
                Line::plain(format!("id_token     {}", printable(&grant.id_token))),
            ]);
        }
    }
    Ok(match outcome {
        Outcome::Granted(grant) if grant.details.confirmed() => Exit::Done,
        Outcome::Granted(_) => Exit::Refused,
        Outcome::TimeUp => Exit::Refused,
        Outcome::Refused { error, .. } if is_answer(&error) => Exit::Refused,
        Outcome::Refused { error, description } => {
            anyhow::bail!(
                "the server ended the request: {error} {}",
                description.unwrap_or_default()
            )
        }
    })
}

fn param(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a parameter is written NAME=VALUE".into()),
    }
}

/// Leaves the details at a bridge, and sends their reference in their place. What the bridge calls
/// them is checked: it is their digest, so nobody can put others in their place.
async fn lodge(place: &str, ca: Option<&str>, request: &mut Request) -> anyhow::Result<()> {
    #[derive(serde::Deserialize)]
    struct Lodged {
        authorization_details_ref: String,
    }
    let url = http::address(place).map_err(|e| Usage(format!("--lodge: {e:#}")))?;
    let details = request.details.take().unwrap_or_default();
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(&details));
    let post = http::client(&url, ca)?
        .post(url)
        .header("content-type", "application/json")
        .body(details);
    let answer = http::send(post)
        .await
        .map_err(|why| anyhow::anyhow!("the details cannot be lodged: {why}"))?;
    let lodged: Option<Lodged> = serde_json::from_slice(&answer.body).ok();
    let reference = lodged
        .filter(|_| answer.status == 201)
        .map(|lodged| lodged.authorization_details_ref)
        .with_context(|| format!("the details were not lodged (status {})", answer.status))?;
    anyhow::ensure!(
        reference == format!("sha256.{digest}"),
        "the details were lodged under a name that is not their digest"
    );
    let name = "authorization_details_ref".to_owned();
    request.params.push((name, reference));
    Ok(())
}

/// Whether an error says that the person refused or did not answer in time.
fn is_answer(error: &str) -> bool {
    matches!(error, "access_denied" | "expired_token")
}

/// `authorization_details` as the file has them; only their shape is checked here.
pub(crate) fn read_details(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    if file.as_os_str() == "-" {
        std::io::stdin()
            .read_to_string(&mut text)
            .context("cannot read standard input")?;
    } else {
        text = std::fs::read_to_string(file)
            .map_err(|e| Usage(format!("--details: cannot read {}: {e}", file.display())))?;
    }
    let wrong = |what: String| Usage(format!("--details: {}: {what}", file.display()));
    let objects: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(&text)
        .map_err(|e| wrong(format!("this must be a JSON array of objects ({e})")))?;
    if let Some(at) = objects
        .iter()
        .position(|o| !o.get("type").is_some_and(serde_json::Value::is_string))
    {
        return Err(wrong(format!("object {} has no text member `type`", at + 1)).into());
    }
    Ok(text.trim().to_owned())
}

/// What the polling looks like from outside, shared with whoever draws it.
#[derive(Clone, Default)]
pub(crate) struct Polls(Arc<Mutex<PollState>>);

#[derive(Default)]
struct PollState {
    count: u32,
    last: Option<String>,
    next: Duration,
    interval: Duration,
}

impl Polls {
    pub(crate) fn note(&self, progress: Progress<'_>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match progress {
            Progress::Waiting { next, interval } => {
                state.next = next;
                state.interval = interval;
            }
            Progress::Answered(answer) => {
                state.count += 1;
                state.last = Some(match answer {
                    PollAnswer::Tokens => "tokens".into(),
                    PollAnswer::Error { error, .. } => error.clone(),
                    PollAnswer::Trouble { why, .. } => format!("no answer ({why})"),
                });
            }
        }
    }

    pub(crate) fn count(&self) -> u32 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).count
    }

    /// `poll 3: authorization_pending, next in 1 s`
    pub(crate) fn status(&self, elapsed: Duration) -> String {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = match &state.last {
            Some(last) => format!("poll {}: {last}", state.count),
            None => "waiting".to_owned(),
        };
        let wait = state.next.saturating_sub(elapsed).as_secs_f64().ceil();
        format!(
            "{last}, next in {wait} s (every {} s)",
            state.interval.as_secs()
        )
    }
}

async fn wait_with_bar(
    client: &Client,
    request: &Request,
    ack: &Ack,
    polls: &Polls,
    context: Context,
) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let total = Duration::from_secs(ack.expires_in);
    let bar = ProgressBar::with_draw_target(
        Some(total.as_millis().try_into().unwrap_or(u64::MAX)),
        if context.terminal.shown && !context.json {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        },
    );
    let style = ProgressStyle::with_template("  {bar:28.cyan} {prefix:>6} left   {wide_msg}");
    bar.set_style(
        style
            .context("the template of the progress bar")?
            .progress_chars("█▉▊▋▌▍▎▏░"),
    );
    let waiting = client.wait(request, ack, |progress| polls.note(progress));
    let mut waiting = std::pin::pin!(waiting);
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    let outcome = loop {
        tokio::select! {
            outcome = &mut waiting => break outcome,
            _ = tick.tick() => {
                let left = total.saturating_sub(started.elapsed());
                bar.set_position(left.as_millis().try_into().unwrap_or(u64::MAX));
                bar.set_prefix(minutes(left.as_secs_f64().ceil() as i64));
                bar.set_message(polls.status(started.elapsed()));
            }
        }
    };
    bar.finish_and_clear();
    Ok(outcome?)
}

/// What the agent asks, before it asks.
pub(crate) fn intro(client: &Client, request: &Request, width: usize) -> Vec<Line> {
    let mut rows = vec![
        ("server", printable(client.issuer())),
        (
            "user",
            printable(request.login_hint.as_deref().unwrap_or(&request.user)),
        ),
        ("scope", printable(&request.scope)),
    ];
    if let Some(message) = &request.message {
        rows.insert(2, ("message", printable(message)));
    }
    if let Some(channel) = &request.channel {
        rows.push(("channel", printable(channel)));
    }
    rows.extend(
        request
            .audience
            .as_deref()
            .map(|audience| ("audience", printable(audience))),
    );
    let mut lines = vec![Line::toned(Tone::Accent, "→ ").and(
        Tone::Strong,
        format!("POST {}", printable(client.start_path())),
    )];
    lines.extend(
        rows.iter()
            .flat_map(|(label, text)| pair(label, 8, (Tone::Plain, text), width.saturating_sub(2)))
            .map(|line| line.indented(2)),
    );
    for (name, value) in &request.params {
        let text = format!("{} = {}", printable(name), printable(value));
        lines.push(Line::toned(Tone::Faint, format!("  {text}")));
    }
    if let Some(details) = &request.details {
        lines.push(Line::toned(Tone::Faint, "  authorization_details"));
        let json = json_lines(details, usize::MAX, width.saturating_sub(2));
        lines.extend(json.into_iter().map(|line| line.indented(2)));
    }
    lines
}

/// The link goes to whoever starts the agent: handing it to the person is the client's part.
fn hand_over(link: &str, context: Context) -> anyhow::Result<()> {
    let url = http::address(link).context("the server's auth_url cannot be used")?;
    if context.json {
        context
            .terminal
            .json(&serde_json::json!({ "auth_url": url.as_str() }));
        return Ok(());
    }
    context.terminal.lines(&[
        Line::toned(Tone::Strong, "  Open this in the person's browser:"),
        // Not wrapped: it is for copying.
        Line::plain(format!("  {}", printable(url.as_str()))),
    ]);
    Ok(())
}

pub(crate) fn acknowledged(client: &Client, ack: &Ack) -> Vec<Line> {
    vec![
        Line::toned(Tone::Accent, "← ")
            .and(Tone::Strong, "200 ")
            .and(
                Tone::Plain,
                format!("the request lives {} s", ack.expires_in),
            ),
        Line::toned(Tone::Accent, "→ ")
            .and(
                Tone::Strong,
                format!("POST {} ", printable(client.token_path())),
            )
            .and(Tone::Plain, format!("every {} s", ack.interval)),
    ]
}

/// The outcome for a person. Tokens themselves are not printed.
pub(crate) fn ending(outcome: &Outcome, polls: u32, width: usize) -> Vec<Line> {
    let polls = if polls == 1 {
        "1 poll".to_owned()
    } else {
        format!("{polls} polls")
    };
    match outcome {
        Outcome::Granted(grant) => {
            let (tone, title) = match grant.details.confirmed() {
                true => (Tone::Good, "✔ Tokens received"),
                false => (
                    Tone::Danger,
                    "✖ Tokens received, the details are not approved",
                ),
            };
            let mut lines = vec![Line::toned(tone, title).and(
                Tone::Plain,
                format!(
                    " after {polls}; scope {}",
                    printable(grant.scope.as_deref().unwrap_or("-"))
                ),
            )];
            if let Some(why) = unconfirmed(grant.details) {
                lines.extend(
                    wrapped(Tone::Danger, why, width.saturating_sub(2))
                        .into_iter()
                        .map(|line| line.indented(2)),
                );
            }
            lines.extend([
                Line::new(),
                Line::toned(Tone::Strong, "ID token ")
                    .and(Tone::Faint, "signature and claims checked"),
            ]);
            lines.extend(json_lines(grant.id_claims.get(), 1, width));
            if let Some(details) = &grant.authorization_details {
                lines.push(Line::new());
                lines.push(Line::toned(Tone::Strong, "authorization_details granted"));
                lines.extend(json_lines(details.get(), usize::MAX, width));
            }
            if let Some(claims) = &grant.access_claims {
                lines.push(Line::new());
                lines.push(
                    Line::toned(Tone::Strong, "Access token ")
                        .and(Tone::Faint, "for its API to check"),
                );
                lines.extend(json_lines(claims.get(), 1, width));
            }
            lines
        }
        Outcome::Refused { error, description } => {
            let mut lines = vec![
                Line::toned(Tone::Danger, format!("✖ {error}"))
                    .and(Tone::Plain, format!(" after {polls}")),
            ];
            if let Some(description) = description {
                lines.extend(
                    wrapped(Tone::Faint, description, width.saturating_sub(2))
                        .into_iter()
                        .map(|l| l.indented(2)),
                );
            }
            lines.push(Line::plain("  No tokens were issued."));
            lines
        }
        Outcome::TimeUp => vec![
            Line::toned(Tone::Danger, "✖ Time is up")
                .and(Tone::Plain, format!(" after {polls}; nobody answered.")),
            Line::plain("  No tokens were issued."),
        ],
    }
}

/// Why tokens are not an approval of what was asked.
fn unconfirmed(details: Details) -> Option<&'static str> {
    match details {
        Details::NotAsked | Details::Granted => None,
        Details::Unnamed => Some(
            "The tokens name no authorization_details: nothing shows that the person saw any. Do not act on them.",
        ),
        Details::Different => Some(
            "The tokens name other authorization_details than were asked for. Do not act on what was asked.",
        ),
    }
}

fn json_lines(json: &str, levels: usize, width: usize) -> Vec<Line> {
    pretty_json(json, levels)
        .iter()
        .flat_map(|line| {
            let indent = line.len() - line.trim_start().len();
            // The pieces after the first stand two cells further in.
            let room = width.saturating_sub(indent + 4);
            wrapped(Tone::Plain, line.trim_start(), room)
                .into_iter()
                .enumerate()
                .map(move |(i, piece)| piece.indented(indent + 2 + if i == 0 { 0 } else { 2 }))
        })
        .collect()
}

/// The outcome for a script.
#[derive(Serialize)]
pub(crate) struct OutcomeReport<'a> {
    /// `approved`, `unconfirmed`, `access_denied`, `expired_token`, `time_up`, or another error of the server.
    pub(crate) outcome: &'a str,
    error_description: Option<&'a str>,
    polls: u32,
    pub(crate) tokens: Option<TokenReport<'a>>,
}

/// What the tokens say; the tokens themselves only when asked for.
#[derive(Serialize)]
pub(crate) struct TokenReport<'a> {
    id_token_claims: &'a RawValue,
    access_token_claims: Option<&'a RawValue>,
    authorization_details: Option<&'a RawValue>,
    /// `granted`, `not_named` or `different`, where details were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'static str>,
    scope: Option<&'a str>,
    token_type: &'a str,
    expires_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
}

impl<'a> OutcomeReport<'a> {
    pub(crate) fn new(outcome: &'a Outcome, polls: u32, with_tokens: bool) -> Self {
        let (word, error_description, tokens) = match outcome {
            Outcome::Granted(grant) => {
                let tokens = TokenReport {
                    id_token_claims: &grant.id_claims,
                    access_token_claims: grant.access_claims.as_deref(),
                    authorization_details: grant.authorization_details.as_deref(),
                    details: grant.details.word(),
                    scope: grant.scope.as_deref(),
                    token_type: &grant.token_type,
                    expires_in: grant.expires_in,
                    access_token: with_tokens.then_some(grant.access_token.as_str()),
                    id_token: with_tokens.then_some(grant.id_token.as_str()),
                };
                let word = match grant.details.confirmed() {
                    true => "approved",
                    false => "unconfirmed",
                };
                (word, None, Some(tokens))
            }
            Outcome::Refused { error, description } => {
                (error.as_str(), description.as_deref(), None)
            }
            Outcome::TimeUp => ("time_up", None, None),
        };
        OutcomeReport {
            outcome: word,
            error_description,
            polls,
            tokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(text: &str) -> anyhow::Result<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read_details(file.path())
    }

    #[test]
    fn details_are_sent_as_they_were_written() {
        let text = r#"[{"type":"x","amount":249.00}]"#;
        assert_eq!(details(&format!(" {text}\n")).unwrap(), text);
    }

    #[test]
    fn details_of_another_shape_are_wrong_usage() {
        for text in ["{}", "[1]", "[{}]", "[{\"type\":1}]", "[", ""] {
            assert!(details(text).unwrap_err().is::<Usage>(), "{text}");
        }
    }

    #[test]
    fn the_status_counts_down_to_the_next_poll() {
        let polls = Polls::default();
        polls.note(Progress::Answered(&PollAnswer::Error {
            error: "authorization_pending".into(),
            description: None,
            interval: None,
            retry_after: None,
        }));
        polls.note(Progress::Waiting {
            next: Duration::from_secs(10),
            interval: Duration::from_secs(5),
        });
        assert_eq!(
            polls.status(Duration::from_millis(7_500)),
            "poll 1: authorization_pending, next in 3 s (every 5 s)"
        );
    }
}
