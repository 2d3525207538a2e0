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

use super::text::{Line, Tone, pair};
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
    /// Address of the http listener; port 0 takes a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Add an https listener with a certificate of the sandbox's own CA.
    #[arg(long)]
    tls: bool,
    /// Address of the https listener.
    #[arg(
        long,
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:0",
        requires = "tls"
    )]
    tls_listen: SocketAddr,
    /// Address of the console; always loopback.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    console_listen: SocketAddr,
    /// Listen on an address that other machines can reach. Anybody there can use the ready client.
    #[arg(long)]
    allow_remote: bool,
    /// Keep the state in this folder; without it, it is gone at the end.
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
    /// Refuse an approval whose signature does not cover exactly what was sent.
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
    let remote = [args.listen, args.tls_listen]
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
    let sandbox = Sandbox::start(options(args)?)
        .await
        .context("the sandbox cannot start")?;
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
        if let Some(invitation) = &invitation {
            enrol(screen, invitation);
        }
        next(
            screen,
            &sandbox,
            ca.as_deref(),
            invitation.as_deref(),
            verify_user,
        );
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

/// The commands that come next, with values that work.
fn next(
    screen: terminal::Terminal,
    sandbox: &Sandbox,
    ca: Option<&str>,
    invitation: Option<&str>,
    verify_user: bool,
) {
    let ready = sandbox.ready();
    let program = program();
    let server = sandbox.tls_origin().unwrap_or_else(|| sandbox.origin());
    let ca = ca.map_or(String::new(), |file| format!("--ca {} ", quoted(file)));
    let mut lines = vec![
        Line::new(),
        Line::toned(Tone::Strong, "Next, in another terminal"),
    ];
    match invitation {
        Some(invitation) => lines.extend([
            Line::plain(format!(
                "  {program} phone {ca}enroll {} --server {}{}",
                quoted(invitation),
                quoted(&server),
                if verify_user { " --verify-user" } else { "" }
            )),
            Line::plain(format!("  {program} phone {ca}watch")),
        ]),
        None => lines.push(Line::plain(format!(
            "  {program} mail --console {} --watch",
            quoted(&sandbox.console_url())
        ))),
    }
    let issuer = sandbox.issuer().replacen(&sandbox.origin(), &server, 1);
    let (audience, user) = match sandbox.dialect() {
        DialectName::Auth0 => (
            format!(" SANDBOX_AUDIENCE={}", quoted(&ready.audience)),
            &ready.user_id,
        ),
        DialectName::Asgardeo => (String::new(), &ready.username),
    };
    lines.extend([
        Line::new(),
        Line::toned(Tone::Strong, "and in a third one"),
        Line::plain(format!(
            "  export SANDBOX_ISSUER={} SANDBOX_CLIENT_ID={} SANDBOX_CLIENT_SECRET={}{audience}",
            quoted(&issuer),
            quoted(&ready.client_id),
            quoted(&ready.client_secret),
        )),
        Line::plain(format!(
            "  {program} agent request {ca}--user {} --message 'Order 4711'",
            quoted(user)
        )),
    ]);
    screen.lines(&lines);
}

fn options(args: Args) -> anyhow::Result<Options> {
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
        return Err(Usage(format!(
            "--channel: {unknown} is no channel of this dialect; there are {}",
            known.join(", ")
        ))
        .into());
    }
    let wrong = |what: &'static str| {
        move |error: sandbox::AddressError| anyhow::Error::from(Usage(format!("{what}: {error}")))
    };
    let smtp_ca = super::http::read_ca(args.smtp_ca.as_deref())?;
    let smtp = args
        .smtp_url
        .map(|url| SmtpServer::parse(&url, smtp_ca, args.mail_from))
        .transpose()
        .map_err(wrong("--smtp-url"))?;
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
        listen: args.listen,
        tls: args.tls,
        tls_listen: args.tls_listen,
        console_listen: args.console_listen,
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
