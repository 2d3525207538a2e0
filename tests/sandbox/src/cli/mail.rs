//! `sandbox mail`: what lies in the outbox of a running sandbox, e-mail and SMS alike.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use url::Url;

use super::terminal::Terminal;
use super::text::{Line, Tone, printable, wrapped};
use super::{Context, Exit, Usage, http};

const EXAMPLES: &str = "\
Examples (`sandbox serve` prints the console's address):
  sandbox mail --console http://127.0.0.1:41907/            every message, the newest last
  sandbox mail --console http://127.0.0.1:41907/ --watch    and new ones as they come
  sandbox mail --console http://127.0.0.1:41907/ --link     only the newest link, for scripts

With --smtp-url or --sms-url messages go out instead, and only what became of them is shown here.
A link is a secret: whoever has it can ask for a login.";

const LOOK_EVERY: Duration = Duration::from_millis(300);

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Address of the sandbox's console.
    #[arg(long, value_name = "URL", env = "SANDBOX_CONSOLE")]
    console: String,
    /// Go on and print new messages.
    #[arg(long)]
    watch: bool,
    /// Print only the newest link.
    #[arg(long, conflicts_with = "watch")]
    link: bool,
    /// With --link: wait so long for one.
    #[arg(long, value_name = "SECONDS", requires = "link", default_value_t = 0)]
    wait: u64,
}

/// A message of `/control/outbox`.
#[derive(Deserialize, Serialize)]
struct Message {
    id: String,
    at: String,
    channel: String,
    request_id: String,
    to: String,
    status: String,
    reason: Option<String>,
    subject: Option<String>,
    text: Option<String>,
    html: Option<String>,
    link: Option<String>,
}

pub(crate) async fn run(args: Args, context: Context) -> anyhow::Result<Exit> {
    let console = http::address(&args.console).map_err(|e| Usage(format!("--console: {e:#}")))?;
    let outbox = Outbox {
        url: console.join("/control/outbox")?,
        http: http::client(&console, None)?,
    };
    if args.link {
        return newest_link(&outbox, Duration::from_secs(args.wait), context).await;
    }
    let mut seen = HashSet::new();
    let mut print = |messages: Vec<Message>| {
        for message in messages {
            // A message that went out is told again when its outcome is known.
            if seen.insert((message.id.clone(), message.status.clone())) {
                show(&message, context);
            }
        }
    };
    let messages = outbox.messages().await?;
    let none = messages.is_empty();
    print(messages);
    if !args.watch {
        if none && !context.json {
            context.terminal.line(Line::toned(
                Tone::Faint,
                "No messages yet. A request by e-mail or SMS makes one.",
            ));
        }
        return Ok(Exit::Done);
    }
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => print(outbox.messages().await?),
            _ = super::terminal::stop_signal() => return Ok(Exit::Interrupted),
        }
    }
}

struct Outbox {
    url: Url,
    http: reqwest::Client,
}

impl Outbox {
    /// Oldest first.
    async fn messages(&self) -> anyhow::Result<Vec<Message>> {
        let answer = http::send(self.http.get(self.url.clone()))
            .await
            .map_err(|why| {
                super::helped(
                    anyhow::anyhow!("{} cannot be read: {why}", self.url),
                    "is the sandbox running? `sandbox serve` prints the address of its console",
                )
            })?;
        if answer.status != 200 {
            bail!(
                "the outbox cannot be read (status {}): is this the console's address?",
                answer.status
            );
        }
        let mut messages: Vec<Message> =
            serde_json::from_slice(&answer.body).context("the outbox cannot be read")?;
        messages.reverse();
        Ok(messages)
    }
}

async fn newest_link(outbox: &Outbox, wait: Duration, context: Context) -> anyhow::Result<Exit> {
    let begun = Instant::now();
    loop {
        let messages = outbox.messages().await?;
        let newest = messages
            .iter()
            .rev()
            .find_map(|message| message.link.as_ref());
        if let Some(link) = newest {
            if context.json {
                context.terminal.json(&serde_json::json!({ "link": link }));
            } else {
                context.terminal.line(Line::plain(printable(link)));
            }
            return Ok(Exit::Done);
        }
        if begun.elapsed() >= wait {
            bail!("there is no message with a link in the outbox");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn show(message: &Message, context: Context) {
    if context.json {
        return context.terminal.json(message);
    }
    context.terminal.lines(&lines(message, context.terminal));
}

/// A line of a message, wrapped; the link in it stands whole on a line of its own, for copying.
fn around_the_link(line: &str, link: Option<&str>, room: usize) -> Vec<Line> {
    let wrap = |text: &str| match text.trim() {
        "" => Vec::new(),
        text => wrapped(Tone::Plain, text, room),
    };
    let parts = link.and_then(|link| Some((line.split_once(link)?, link)));
    let lines = match parts {
        Some(((before, after), link)) => {
            [wrap(before), vec![Line::plain(link)], wrap(after)].concat()
        }
        None => wrapped(Tone::Plain, line, room),
    };
    lines.into_iter().map(|line| line.indented(2)).collect()
}

fn lines(message: &Message, terminal: Terminal) -> Vec<Line> {
    let kind = match message.channel.as_str() {
        "email" => "E-mail",
        _ => "SMS",
    };
    let mut head = Line::toned(Tone::Accent, "✉ ")
        .and(
            Tone::Strong,
            format!("{kind} to {}", printable(&message.to)),
        )
        .and(
            Tone::Faint,
            format!("  {}", message.at.get(11..19).unwrap_or_default()),
        );
    head = match (message.status.as_str(), &message.reason) {
        ("outbox", _) => head,
        (status, None) => head.and(Tone::Faint, format!("  {}", printable(status))),
        (status, Some(reason)) => head.and(
            Tone::Danger,
            format!("  {}: {}", printable(status), printable(reason)),
        ),
    };
    let mut lines = vec![head];
    if let Some(subject) = &message.subject {
        lines.push(Line::toned(
            Tone::Strong,
            format!("  {}", printable(subject)),
        ));
    }
    for line in message.text.as_deref().unwrap_or_default().lines() {
        lines.extend(around_the_link(
            &printable(line),
            message.link.as_deref(),
            terminal.width.min(100).saturating_sub(2),
        ));
    }
    if message.html.is_some() {
        let hint = "  It has an HTML part too, which is what a template words; the console's page Mail shows it.";
        lines.push(Line::toned(Tone::Faint, hint));
    }
    lines.push(Line::new());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_not_broken_wherever_it_stands() {
        let link = format!("http://127.0.0.1:8300/ciba?key={}", "x".repeat(80));
        let line = format!("Sandbox agent asks for your approval. {link} Thank you.");
        let shown: Vec<String> = around_the_link(&line, Some(&link), 40)
            .iter()
            .map(|line| line.render(false))
            .collect();
        assert!(shown.contains(&format!("  {link}")), "{shown:?}");
        assert_eq!(shown.last().map(String::as_str), Some("  Thank you."));
        assert!(around_the_link("", None, 40).len() == 1);
    }
}
