//! `sandbox bridge`: a real identity provider asks, the phones of this sandbox answer.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Subcommand;
use sandbox::{BridgeEvent, CallbackState, KeycloakBridge, Options, Sandbox};
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::ports::{self, Ports, Wanted};
use super::text::{Line, Tone, printable, wrapped};
use super::{Context, Exit, Usage, http, program, quoted, render, terminal};

const EXAMPLES: &str = "\
Example, in four terminals:
  sandbox bridge keycloak --realm-url http://localhost:8080/realms/demo --user alice --listen 127.0.0.1:8400
  bin/kc.sh start-dev --spi-ciba-auth-channel--ciba-http-auth-channel--http-authentication-channel-uri=\\
      http://127.0.0.1:8400/keycloak/authenticate
  sandbox phone enroll 'otpauth://…' --server http://127.0.0.1:8400 && sandbox phone watch
  sandbox agent request --issuer http://localhost:8080/realms/demo --client-id agent --client-secret agent-secret \\
      --audience '' --login-hint alice --message W4-SCT --details payment.json \\
      --lodge http://127.0.0.1:8400/keycloak/details

Keycloak passes on at most 5 parameters of at most 200 characters and drops the rest without a word. Longer
authorization_details are lodged first (POST, application/json), and the answer's authorization_details_ref is
sent to Keycloak instead. A request whose details did not arrive can only be denied, and without --allow-bare so
can every request that comes without any: only the client knows whether some were dropped.";

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    provider: Provider,
}

#[derive(Subcommand)]
enum Provider {
    /// Be the authentication device service of a Keycloak realm.
    Keycloak(KeycloakArgs),
}

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
struct KeycloakArgs {
    /// URL of the realm, as its tokens name their issuer.
    #[arg(long, value_name = "URL")]
    realm_url: String,
    /// Name of a user of the realm whose phone may be enrolled; may be repeated.
    #[arg(long, value_name = "NAME", required = true)]
    user: Vec<String>,
    /// Let requests that come without details be approved: for a realm whose requests are logins and nothing else.
    #[arg(long)]
    allow_bare: bool,
    /// Let one user get more than 5 requests a minute.
    #[arg(long)]
    no_per_user_limit: bool,
    /// Trust only the root certificates in this PEM file for the realm.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Address for Keycloak, clients that lodge details, and phones; loopback. Port 0 takes a free one. [default: that of
    /// the last time with this --data, else a free port]
    #[arg(long, value_name = "ADDR:PORT", value_parser = ports::parse)]
    listen: Option<SocketAddr>,
    /// Address of the console; always loopback. [default: as --listen]
    #[arg(long, value_name = "ADDR:PORT", value_parser = ports::parse)]
    console_listen: Option<SocketAddr>,
    /// Keep the state and the ports in this folder; without it, they are gone at the end.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, context: Context) -> anyhow::Result<Exit> {
    let Provider::Keycloak(args) = args.provider;
    let realm_url = realm(&args.realm_url)?;
    let ports = Ports::choose(
        args.data.as_deref(),
        Wanted {
            http: args.listen,
            https: None,
            console: args.console_listen,
        },
    );
    if !ports.http.ip().is_loopback() {
        return Err(Usage(
            "the bridge listens on this machine only: let a proxy with TLS stand in front".into(),
        )
        .into());
    }
    let options = Options {
        listen: ports.http,
        console_listen: ports.console,
        data: args.data,
        tenant_name: printable(realm_url.rsplit('/').next().unwrap_or("keycloak")),
        keycloak: Some(KeycloakBridge {
            realm_url: realm_url.clone(),
            users: args.user.clone(),
            require_details: !args.allow_bare,
            ca_pem: http::read_ca(args.ca.as_deref())?,
        }),
        ..Options::default()
    };
    let options = Options {
        per_user_limit: options.per_user_limit.filter(|_| !args.no_per_user_limit),
        ..options
    };
    let sandbox = Sandbox::start(options)
        .await
        .context("the bridge cannot start")?;
    let mut events = sandbox.bridge_events().context("there is no bridge")?;
    let origin = sandbox.origin();
    ports.keep(&origin, None, &sandbox.console_url())?;
    let channel = format!("{origin}/keycloak/authenticate");
    let details = format!("{origin}/keycloak/details");
    let invitations = args
        .user
        .iter()
        .map(|name| {
            let invitation = sandbox.invitation(&KeycloakBridge::user_id(name))?;
            Ok((name.clone(), invitation))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    if context.json {
        let users: Vec<_> = invitations
            .iter()
            .map(|(name, invitation)| json!({ "user": name, "invitation": invitation }))
            .collect();
        context.terminal.json(&json!({
            "realm_url": realm_url, "origin": origin, "channel_url": channel, "details_url": details,
            "console_url": sandbox.console_url(), "users": users, "notes": ports.notes,
        }));
    } else {
        let rows = [
            ("realm", realm_url.clone()),
            ("channel", channel.clone()),
            ("details", details.clone()),
            ("console", sandbox.console_url()),
        ];
        context.terminal.lines(&introduction(&rows, &channel));
        for note in &ports.notes {
            let lines = wrapped(Tone::Caution, &format!("▲ {note}"), context.terminal.width);
            context.terminal.lines(&lines);
        }
        for (name, invitation) in &invitations {
            context
                .terminal
                .lines(&enrolment(name, invitation, &origin));
        }
        context
            .terminal
            .lines(&asking(&realm_url, &args.user, &details));
    }
    let signal = tokio::select! {
        signal = terminal::stop_signal() => signal,
        () = watch(&mut events, context) => "the bridge ended",
    };
    // A callback on its way gets its time: cut off, nobody would know whether it arrived.
    let stopped = tokio::time::timeout(Duration::from_secs(12), sandbox.stop()).await;
    if stopped.is_err() {
        tracing::warn!("stopped with exchanges still open");
    }
    if !context.json {
        context
            .terminal
            .line(Line::plain(format!("\nStopped ({signal}). Goodbye.")));
    }
    Ok(Exit::Done)
}

/// A realm's URL in the form its tokens have, without a slash at the end.
fn realm(text: &str) -> anyhow::Result<String> {
    if !text.contains("://") {
        let why = format!(
            "--realm-url: write http:// or https:// in front, as the realm's tokens name their issuer: http://{text} ?"
        );
        return Err(Usage(why).into());
    }
    let url = http::address(text).map_err(|error| Usage(format!("--realm-url: {error:#}")))?;
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !plain || !url.path().contains("/realms/") {
        let why = "--realm-url: this must be the URL of a realm, https://host/realms/name";
        return Err(Usage(why.into()).into());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn introduction(rows: &[(&str, String)], channel: &str) -> Vec<Line> {
    let mut lines = vec![
        Line::toned(Tone::Strong, "The bridge is running. ").and(Tone::Faint, "Ctrl-C ends it."),
        Line::new(),
    ];
    lines.extend(rows.iter().map(|(label, text)| {
        Line::toned(Tone::Faint, format!("  {label:<10}")).and(Tone::Plain, text.as_str())
    }));
    lines.extend([
        Line::new(),
        Line::toned(Tone::Strong, "Start Keycloak with"),
        Line::plain(format!(
            "  --spi-ciba-auth-channel--ciba-http-auth-channel--http-authentication-channel-uri={channel}"
        )),
    ]);
    lines
}

fn enrolment(name: &str, invitation: &str, origin: &str) -> Vec<Line> {
    let mut lines = vec![
        Line::new(),
        Line::toned(
            Tone::Strong,
            format!("Enrol the phone of {}", printable(name)),
        ),
        Line::new(),
    ];
    lines.extend(
        render::qr(invitation)
            .into_iter()
            .map(|row| row.indented(2)),
    );
    lines.push(Line::plain(format!(
        "  {} phone enroll {} --server {origin}",
        program(),
        quoted(invitation)
    )));
    lines.push(Line::new());
    lines
}

/// The commands that come next: a phone that waits, and a client of the realm. The audience of a sandbox, which may
/// stand in the environment, is none of the realm's.
fn asking(realm_url: &str, users: &[String], details: &str) -> Vec<Line> {
    let program = program();
    let user = users.first().map_or("alice", String::as_str);
    vec![
        Line::toned(Tone::Strong, "Then, in another terminal"),
        Line::plain(format!("  {program} phone watch")),
        Line::new(),
        Line::toned(
            Tone::Strong,
            "and in a third one, with a client of the realm",
        ),
        Line::plain(format!(
            "  {program} agent request --issuer {} --client-id agent --client-secret agent-secret --audience '' \\",
            quoted(realm_url)
        )),
        Line::plain(format!(
            "      --login-hint {} --message W4-SCT --details payment.json --lodge {}",
            quoted(user),
            quoted(details)
        )),
        Line::new(),
    ]
}

async fn watch(events: &mut Receiver<BridgeEvent>, context: Context) {
    loop {
        match events.recv().await {
            Ok(event) if context.json => context.terminal.json(&event),
            Ok(event) => context.terminal.lines(&told(&event)),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// One event for a person.
fn told(event: &BridgeEvent) -> Vec<Line> {
    match event {
        BridgeEvent::Lodged { reference } => vec![
            Line::toned(Tone::Accent, "→ ")
                .and(Tone::Plain, format!("details lodged as {reference}")),
        ],
        BridgeEvent::Asked {
            request,
            user,
            client,
            details,
            withheld,
        } => {
            let mut lines = vec![Line::toned(Tone::Accent, "→ ").and(
                Tone::Plain,
                format!(
                    "{} asks {} ({}), details: {details}",
                    printable(client),
                    printable(user),
                    printable(request)
                ),
            )];
            if let Some(why) = withheld {
                lines.push(
                    Line::toned(Tone::Danger, "  deny only: ").and(Tone::Plain, printable(why)),
                );
            } else if *details == "none" {
                let hint = "  no details came; were some sent that are longer than 200 characters, Keycloak dropped them";
                lines.push(Line::toned(Tone::Faint, hint));
            }
            lines
        }
        BridgeEvent::Refused { why } => vec![Line::toned(Tone::Danger, "✖ ").and(
            Tone::Plain,
            format!(
                "a request of Keycloak is refused, no phone rings: {}",
                printable(why)
            ),
        )],
        BridgeEvent::Returned { request, callback } => {
            let (tone, sign) = match callback.state {
                CallbackState::Delivered => (Tone::Good, "← "),
                _ => (Tone::Danger, "✖ "),
            };
            let note = callback
                .note
                .as_deref()
                .map_or(String::new(), |note| format!(" ({})", printable(note)));
            let status = callback.status.as_deref().unwrap_or("no answer");
            vec![Line::toned(tone, sign).and(
                Tone::Plain,
                format!(
                    "{status} for {}: {}{note}",
                    printable(request),
                    callback.state.as_str()
                ),
            )]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_is_named_as_its_tokens_name_it() {
        let realm_url = realm("http://localhost:8080/realms/demo/").unwrap();
        assert_eq!(realm_url, "http://localhost:8080/realms/demo");
        for wrong in [
            "http://idp.example/realms/demo",
            "https://idp.example/",
            "https://idp.example/realms/demo?x=1",
            "localhost:8080/realms/demo",
        ] {
            assert!(realm(wrong).unwrap_err().is::<Usage>(), "{wrong}");
        }
    }
}
