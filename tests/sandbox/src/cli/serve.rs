//! `sandbox serve`: the server, and everything one needs to try it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;
use sandbox::{
    BindingMessagePolicy, DialectName, ExpiryError, NotEnrolledStatus, Options, Sandbox,
    SmsGateway, SmtpServer,
};
use serde_json::json;

use super::ports::{self, Ports, Wanted};
use super::text::{Line, Tone, pair, wrapped};
use super::{Context, Exit, Usage, program, quoted, render, terminal};

const EXAMPLES: &str = "\
Examples:
  sandbox serve                                     a fresh server on a free port, state in memory
  sandbox serve --listen 127.0.0.1:8300 --data ./sandbox-data
  sandbox serve --tls                               https too, with a certificate of its own
  sandbox serve --dialect asgardeo                  a link and a browser instead of a phone
  sandbox serve --channel guardian-push --channel email --smtp-url smtp://127.0.0.1:1025
  sandbox serve --expiry-error expired_token        for callers written for CIBA Core
  sandbox serve --json                              one line with all values, for scripts

It runs until Ctrl-C or SIGTERM. This is a test server: it holds no real secret and must not be reachable
from other machines.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Whose wire format to speak.
    #[arg(long, value_enum, default_value = "auth0", env = "SANDBOX_DIALECT")]
    dialect: DialectWord,
    /// Behave as CIBA Core says where the dialect's real server does not (Asgardeo: the rhythm of polls).
    #[arg(long)]
    no_quirks: bool,
    /// Channel that the ready client of a fresh sandbox may use, may be repeated: guardian-push and email (auth0),
    /// email, sms and external (asgardeo). [default: auth0: guardian-push; asgardeo: all]
    #[arg(long, value_name = "CHANNEL", help_heading = "Channels")]
    channel: Vec<String>,
    /// Mail server: smtp://HOST (this machine only), smtp://USER:PASSWORD@HOST?tls=required, smtps://… Without one
    /// mail lands in the outbox: see `sandbox mail`, and the console.
    #[arg(
        long,
        value_name = "URL",
        env = "SANDBOX_SMTP_URL",
        hide_env_values = true,
        help_heading = "Channels"
    )]
    smtp_url: Option<String>,
    /// Trust only the root certificates in this PEM file for the mail server.
    #[arg(
        long,
        value_name = "FILE",
        requires = "smtp_url",
        help_heading = "Channels"
    )]
    smtp_ca: Option<PathBuf>,
    /// Sender of mail, e.g. 'Bank <no-reply@bank.example>'.
    #[arg(
        long,
        value_name = "ADDRESS",
        requires = "smtp_url",
        help_heading = "Channels"
    )]
    mail_from: Option<String>,
    /// SMS gateway: gets POST {"id":"…","to":"+1…","text":"…"}. Without one SMS land in the outbox.
    #[arg(
        long,
        value_name = "URL",
        env = "SANDBOX_SMS_URL",
        hide_env_values = true,
        help_heading = "Channels"
    )]
    sms_url: Option<String>,
    /// Bearer token for the SMS gateway.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "SANDBOX_SMS_TOKEN",
        hide_env_values = true,
        requires = "sms_url",
        help_heading = "Channels"
    )]
    sms_token: Option<String>,
    /// Address of the http listener; port 0 takes a free one. [default: that of the last time with this --data, else a free
    /// port]
    #[arg(long, value_name = "ADDR:PORT", value_parser = ports::parse)]
    listen: Option<SocketAddr>,
    /// Add an https listener with a certificate of the sandbox's own CA.
    #[arg(long)]
    tls: bool,
    /// Address of the https listener. [default: as --listen]
    #[arg(long, value_name = "ADDR:PORT", requires = "tls", value_parser = ports::parse)]
    tls_listen: Option<SocketAddr>,
    /// Address of the console; always loopback. [default: as --listen]
    #[arg(long, value_name = "ADDR:PORT", value_parser = ports::parse)]
    console_listen: Option<SocketAddr>,
    /// Listen on an address that other machines can reach. Anybody there can use the ready client.
    #[arg(long)]
    allow_remote: bool,
    /// Keep the state and the ports in this folder; without it, they are gone at the end.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Issuer in tokens and metadata, where a proxy stands in front.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// Further origin under which the sandbox is reached; may be repeated.
    #[arg(long, value_name = "URL")]
    public_origin: Vec<String>,
    /// Name of the tenant, shown on the phone.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Seconds between two polls [default: 5; 2 for asgardeo].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=60))]
    interval: Option<u32>,
    /// Error that an expired request gives (auth0).
    #[arg(long, value_enum, default_value = "access_denied")]
    expiry_error: ExpiryWord,
    /// Characters that a binding message may have.
    #[arg(long, value_enum, default_value = "examples")]
    binding_message_policy: MessagePolicy,
    /// Answer for a user without a phone.
    #[arg(long, value_enum, default_value = "400")]
    not_enrolled_status: NotEnrolled,
    /// Let one user get more than 5 requests a minute.
    #[arg(long)]
    no_per_user_limit: bool,
    /// Accept P-256 device keys too.
    #[arg(long)]
    allow_es256: bool,
    /// Accept a consent proof only 5 s (instead of 60 s) around its time.
    #[arg(long)]
    strict_dpop: bool,
    /// Refuse a device update without push credentials.
    #[arg(long)]
    strict_patch: bool,
    /// Refuse an approval whose signature does not cover exactly what was sent. In a browser and in the console one can
    /// then only deny.
    #[arg(long)]
    require_signed_consent: bool,
    /// Refuse an approval without the signature of the device's approval key, which is pinned at first use. Implies
    /// --require-signed-consent.
    #[arg(long)]
    require_user_verification: bool,
    /// Bind tokens to the key of a client that sends a DPoP proof.
    #[arg(long)]
    dpop: bool,
    /// Enrol without a one-time-code secret.
    #[arg(long)]
    no_totp: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum DialectWord {
    /// Pushes to an authenticator, and e-mail.
    Auth0,
    /// Asgardeo and WSO2 Identity Server: a link by e-mail or SMS, or handed to the client.
    Asgardeo,
}

impl From<DialectWord> for DialectName {
    fn from(word: DialectWord) -> Self {
        match word {
            DialectWord::Auth0 => DialectName::Auth0,
            DialectWord::Asgardeo => DialectName::Asgardeo,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum ExpiryWord {
    /// As the Auth0 dialect documents.
    AccessDenied,
    /// As CIBA Core defines.
    ExpiredToken,
}

impl From<ExpiryWord> for ExpiryError {
    fn from(word: ExpiryWord) -> Self {
        match word {
            ExpiryWord::AccessDenied => ExpiryError::AccessDenied,
            ExpiryWord::ExpiredToken => ExpiryError::ExpiredToken,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum MessagePolicy {
    /// The documented characters plus space and $, which published examples use.
    Examples,
    /// Exactly the documented characters.
    Documented,
}

#[derive(Clone, Copy, ValueEnum)]
enum NotEnrolled {
    /// invalid_request, as observed.
    #[value(name = "400")]
    BadRequest,
    /// access_denied, as one client library documents.
    #[value(name = "403")]
    Forbidden,
}

pub(crate) async fn run(args: Args, context: Context) -> anyhow::Result<Exit> {
    let ports = Ports::choose(
        args.data.as_deref(),
        Wanted {
            http: args.listen,
            https: args.tls_listen,
            console: args.console_listen,
        },
    );
    let remote = [ports.http, ports.https]
        .into_iter()
        .find(|address| !address.ip().is_loopback());
    if let Some(address) = remote.filter(|_| !args.allow_remote) {
        return Err(Usage(format!(
            "{address} can be reached from other machines, and whoever reaches it can use the ready client. \
             Listen on 127.0.0.1, or add --allow-remote if that is what you want"
        ))
        .into());
    }
    // Before anything is printed: whoever reads it may ask for the end at once.
    let stopped_by = terminal::stop_signal();
    let keep = args.data.clone();
    let verify_user = args.require_user_verification;
    let idle = idle(&args);
    let wanted = args.channel.clone();
    let sandbox = Sandbox::start(options(args, &ports)?)
        .await
        .context("the sandbox cannot start")?;
    let https = sandbox.tls_origin();
    ports.keep(&sandbox.origin(), https.as_deref(), &sandbox.console_url())?;
    let ways = Ways::of(&sandbox, &idle);
    let notes = [ports.notes, idle.notes(&sandbox, &ways, &wanted)].concat();
    let ca_file = sandbox.ca_pem().map(|pem| write_ca(&pem)).transpose()?;
    let ca = ca_file
        .as_ref()
        .map(|file| file.path().display().to_string());
    let ready = sandbox.ready();
    // A dialect without phones has nobody to invite.
    let invitation = match sandbox.dialect() {
        DialectName::Auth0 => Some(sandbox.invitation(&ready.user_id)?),
        DialectName::Asgardeo => None,
    };
    if context.json {
        context.terminal.json(&json!({
            "dialect": sandbox.dialect().as_str(),
            "issuer": sandbox.issuer(),
            "origin": sandbox.origin(),
            "tls_origin": sandbox.tls_origin(),
            "ca": ca,
            "console_url": sandbox.console_url(),
            "client_id": ready.client_id,
            "client_secret": ready.client_secret,
            "user_id": ready.user_id,
            "user_label": ready.user_label,
            "username": ready.username,
            "user_password": ready.user_password,
            "audience": ready.audience,
            "management_token": ready.management_token,
            "invitation": invitation,
            "notes": notes,
        }));
    } else {
        let state = keep.map_or("in memory, gone at the end".into(), |folder| {
            folder.display().to_string()
        });
        let screen = context.terminal;
        screen.line(
            Line::toned(Tone::Strong, "Sandbox is running. ").and(Tone::Faint, "Ctrl-C ends it."),
        );
        screen.line(Line::new());
        for (label, text) in values(&sandbox, ca.clone(), state) {
            // Not wrapped: these are for copying.
            screen.line(Line::toned(Tone::Faint, format!("  {label:<15}")).and(Tone::Plain, text));
        }
        for note in &notes {
            screen.lines(&wrapped(Tone::Caution, &format!("▲ {note}"), screen.width));
        }
        let invitation = invitation.as_deref().filter(|_| ways.push);
        if let Some(invitation) = invitation {
            enrol(screen, invitation);
        }
        let next = Next {
            sandbox: &sandbox,
            ca: ca.as_deref(),
            invitation,
            verify_user,
            ways,
        };
        screen.lines(&next.lines());
    }
    let signal = stopped_by.await;
    // Whoever asked for the end waits for it: open exchanges get most of a second.
    let stopped = tokio::time::timeout(Duration::from_millis(800), sandbox.stop()).await;
    if !context.json {
        let word = if stopped.is_ok() {
            "Stopped"
        } else {
            "Stopped, with exchanges still open"
        };
        context
            .terminal
            .line(Line::plain(format!("\n{word} ({signal}). Goodbye.")));
    }
    Ok(Exit::Done)
}

/// What a client, a phone and a person need, for copying.
fn values(sandbox: &Sandbox, ca: Option<String>, state: String) -> Vec<(&'static str, String)> {
    let ready = sandbox.ready();
    let phones = sandbox.dialect() == DialectName::Auth0;
    let mut values = vec![
        ("issuer", sandbox.issuer()),
        ("console", sandbox.console_url()),
    ];
    values.extend(sandbox.tls_origin().map(|origin| ("https", origin)));
    values.extend(ca.map(|file| ("its CA", file)));
    values.extend([
        ("client id", ready.client_id),
        ("client secret", ready.client_secret),
        ("user", format!("{} ({})", ready.user_id, ready.user_label)),
        (
            "logs in as",
            format!("{}, password {}", ready.username, ready.user_password),
        ),
    ]);
    if phones {
        values.extend([
            ("audience", ready.audience),
            ("management", format!("Bearer {}", ready.management_token)),
        ]);
    }
    values.push(("state", state));
    values
}

fn enrol(screen: terminal::Terminal, invitation: &str) {
    screen.lines(&[
        Line::new(),
        Line::toned(Tone::Strong, "Enrol a phone"),
        Line::new(),
    ]);
    let code = render::qr(invitation);
    screen.lines(
        &code
            .into_iter()
            .map(|row| row.indented(2))
            .collect::<Vec<_>>(),
    );
    screen.line(Line::plain(format!("  {invitation}")));
    screen.lines(&pair(
        "",
        0,
        (
            Tone::Faint,
            "Works once, for 5 minutes; the console makes new ones.",
        ),
        screen.width,
    ));
}

/// How requests of the ready client reach people.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ways {
    push: bool,
    email: bool,
    sms: bool,
    /// Whether messages lie in the outbox, where somebody has to look.
    outbox: bool,
}

impl Ways {
    fn of(sandbox: &Sandbox, idle: &Idle) -> Ways {
        let id = sandbox.ready().client_id;
        let clients = sandbox.snapshot().clients;
        let client = clients.iter().find(|client| client.id == id);
        let on = |name: &str| {
            client.is_some_and(|client| client.channels.iter().any(|channel| channel == name))
        };
        let (email, sms) = (on("email"), on("sms"));
        Ways {
            push: on("guardian-push"),
            email,
            sms,
            outbox: (email && !idle.smtp) || (sms && !idle.sms),
        }
    }
}

/// Options that have nothing to act on in some cases.
struct Idle {
    smtp: bool,
    sms: bool,
    no_quirks: bool,
    expiry_error: bool,
}

fn idle(args: &Args) -> Idle {
    Idle {
        smtp: args.smtp_url.is_some(),
        sms: args.sms_url.is_some(),
        no_quirks: args.no_quirks,
        expiry_error: matches!(args.expiry_error, ExpiryWord::ExpiredToken),
    }
}

impl Idle {
    /// What was asked for and changes nothing, with the way to it. `wanted` are the channels of the command line.
    fn notes(&self, sandbox: &Sandbox, ways: &Ways, wanted: &[String]) -> Vec<String> {
        let auth0 = sandbox.dialect() == DialectName::Auth0;
        let has = [
            ("guardian-push", ways.push),
            ("email", ways.email),
            ("sms", ways.sms),
        ];
        let kept = wanted
            .iter()
            .any(|name| has.contains(&(name.as_str(), false)))
            || (!wanted.is_empty()
                && has
                    .iter()
                    .any(|(name, on)| *on && !wanted.iter().any(|wanted| wanted == name)));
        let mut notes = Vec::new();
        let mut note = |applies: bool, text: &str| {
            if applies {
                notes.push(text.to_owned());
            }
        };
        note(
            kept,
            "--channel is for a fresh sandbox: the ready client of this folder keeps its channels. The console's page \
             Clients changes them.",
        );
        note(
            self.smtp && !ways.email,
            "--smtp-url: the ready client does not use e-mail, so nothing goes out. Add --channel email to a fresh \
             sandbox, or tick it on the console's page Clients.",
        );
        note(
            self.sms && auth0,
            "--sms-url: this dialect has no SMS. --dialect asgardeo has.",
        );
        note(
            self.sms && !auth0 && !ways.sms,
            "--sms-url: the ready client does not use SMS, so nothing goes out. Add --channel sms to a fresh sandbox, \
             or tick it on the console's page Clients.",
        );
        note(
            self.no_quirks && auth0,
            "--no-quirks changes nothing in this dialect; --expiry-error does.",
        );
        note(
            self.expiry_error && !auth0,
            "--expiry-error changes nothing in this dialect; it is for --dialect auth0.",
        );
        notes
    }
}

/// The commands that come next, with values that work.
struct Next<'a> {
    sandbox: &'a Sandbox,
    ca: Option<&'a str>,
    invitation: Option<&'a str>,
    verify_user: bool,
    ways: Ways,
}

impl Next<'_> {
    fn lines(&self) -> Vec<Line> {
        let second = self.second();
        let mut lines = vec![
            Line::new(),
            Line::toned(Tone::Strong, "Next, in another terminal"),
        ];
        if !second.is_empty() {
            lines.extend(second);
            lines.extend([Line::new(), Line::toned(Tone::Strong, "and in a third one")]);
        }
        lines.extend(self.agent());
        lines
    }

    /// `--ca …` for a server with a certificate of its own.
    fn ca(&self) -> String {
        self.ca
            .map_or(String::new(), |file| format!("--ca {} ", quoted(file)))
    }

    fn server(&self) -> String {
        self.sandbox
            .tls_origin()
            .unwrap_or_else(|| self.sandbox.origin())
    }

    /// Where people see what is asked: a phone, a mailbox.
    fn second(&self) -> Vec<Line> {
        let (program, ca) = (program(), self.ca());
        let mut lines = Vec::new();
        if let Some(invitation) = self.invitation {
            lines.push(Line::plain(format!(
                "  {program} phone {ca}enroll {} --server {}{}",
                quoted(invitation),
                quoted(&self.server()),
                if self.verify_user {
                    " --verify-user"
                } else {
                    ""
                }
            )));
            lines.push(Line::plain(format!("  {program} phone {ca}watch")));
        }
        if self.ways.outbox {
            lines.push(Line::plain(format!(
                "  {program} mail --console {} --watch",
                quoted(&self.sandbox.console_url())
            )));
        }
        lines
    }

    fn agent(&self) -> Vec<Line> {
        let ready = self.sandbox.ready();
        let (program, ca) = (program(), self.ca());
        let issuer = self
            .sandbox
            .issuer()
            .replacen(&self.sandbox.origin(), &self.server(), 1);
        let auth0 = self.sandbox.dialect() == DialectName::Auth0;
        let (audience, user) = match auth0 {
            true => (
                format!(" SANDBOX_AUDIENCE={}", quoted(&ready.audience)),
                &ready.user_id,
            ),
            false => (String::new(), &ready.username),
        };
        let ask = |more: &str| {
            Line::plain(format!(
                "  {program} agent request {ca}--user {} --message 'Order 4711'{more}",
                quoted(user)
            ))
        };
        let mut lines = vec![Line::plain(format!(
            "  export SANDBOX_ISSUER={} SANDBOX_CLIENT_ID={} SANDBOX_CLIENT_SECRET={} SANDBOX_CONSOLE={}{audience}",
            quoted(&issuer),
            quoted(&ready.client_id),
            quoted(&ready.client_secret),
            quoted(&self.sandbox.console_url()),
        ))];
        if !auth0 || self.ways.push || !self.ways.email {
            lines.push(ask(""));
        }
        // The wanted life chooses the channel: what a phone need not answer at once goes by e-mail.
        if auth0 && self.ways.email {
            lines.push(ask(" --expiry 600").and(Tone::Faint, "    # by e-mail"));
        }
        lines
    }
}

fn options(args: Args, ports: &Ports) -> anyhow::Result<Options> {
    let dialect = DialectName::from(args.dialect);
    let default = Options::of(dialect);
    let known: &[&str] = match dialect {
        DialectName::Auth0 => &["guardian-push", "email"],
        DialectName::Asgardeo => &["email", "sms", "external"],
    };
    if let Some(unknown) = args
        .channel
        .iter()
        .find(|channel| !known.contains(&channel.as_str()))
    {
        let other = match (dialect, unknown.as_str()) {
            (DialectName::Auth0, "sms" | "external") => "; --dialect asgardeo has it",
            (DialectName::Asgardeo, "guardian-push") => "; --dialect auth0 has it",
            _ => "",
        };
        return Err(Usage(format!(
            "--channel: {unknown} is no channel of this dialect; there are {}{other}",
            known.join(", ")
        ))
        .into());
    }
    if let Some(issuer) = &args.issuer {
        let web = url::Url::parse(issuer).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !web {
            let why = format!("--issuer: {issuer} is no URL; write https://… or http://…");
            return Err(Usage(why).into());
        }
    }
    let wrong = |what: &'static str| {
        move |error: sandbox::AddressError| anyhow::Error::from(Usage(format!("{what}: {error}")))
    };
    let smtp_ca = super::http::read_ca(args.smtp_ca.as_deref())?;
    let smtp = args
        .smtp_url
        .map(|url| SmtpServer::parse(&url, smtp_ca, args.mail_from))
        .transpose()
        .map_err(|error| match error.to_string() {
            text if text.contains("the sender") => wrong("--mail-from")(error),
            _ => wrong("--smtp-url")(error),
        })?;
    let sms = args
        .sms_url
        .map(|url| SmsGateway::parse(&url, args.sms_token))
        .transpose()
        .map_err(wrong("--sms-url"))?;
    Ok(Options {
        dialect,
        quirks: !args.no_quirks,
        smtp,
        sms,
        ready_channels: Some(args.channel).filter(|channels| !channels.is_empty()),
        listen: ports.http,
        tls: args.tls,
        tls_listen: ports.https,
        console_listen: ports.console,
        data: args.data,
        issuer: args.issuer,
        public_origins: args.public_origin,
        tenant_name: args.tenant.unwrap_or_else(|| default.tenant_name.clone()),
        interval: args.interval.unwrap_or(default.interval),
        expiry_error: args.expiry_error.into(),
        binding_message_policy: match args.binding_message_policy {
            MessagePolicy::Examples => BindingMessagePolicy::Examples,
            MessagePolicy::Documented => BindingMessagePolicy::Documented,
        },
        not_enrolled_status: match args.not_enrolled_status {
            NotEnrolled::BadRequest => NotEnrolledStatus::BadRequest,
            NotEnrolled::Forbidden => NotEnrolledStatus::Forbidden,
        },
        per_user_limit: default.per_user_limit.filter(|_| !args.no_per_user_limit),
        allow_es256: args.allow_es256,
        strict_dpop: args.strict_dpop,
        strict_patch: args.strict_patch,
        require_signed_consent: args.require_signed_consent,
        require_user_verification: args.require_user_verification,
        totp: !args.no_totp,
        dpop: args.dpop,
        ..default
    })
}

/// The CA's certificate as a file for other programs, gone with this one.
fn write_ca(pem: &str) -> anyhow::Result<tempfile::NamedTempFile> {
    let file = tempfile::Builder::new()
        .prefix("sandbox-ca-")
        .suffix(".pem")
        .tempfile()
        .context("cannot write the CA certificate")?;
    std::fs::write(file.path(), pem).context("cannot write the CA certificate")?;
    Ok(file)
}
