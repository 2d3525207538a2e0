//! Messages to people: e-mail and SMS with the link to a request. With a provider they go out, without one they lie in
//! the outbox, which plays the mailbox and the phone.

mod sms;
mod smtp;
mod template;

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::watch;
use url::{Host, Url};

use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::snapshot::MessageView;
use crate::state::{
    Channel, CibaRequest, Client, Message, MessageContent, MessageStatus, StateError, Tx, User,
};
use crate::text::random_token;
pub use sms::SmsGateway;
pub use smtp::SmtpServer;
pub(crate) use smtp::is_address;
pub(crate) use template::{DEFAULT_LANGUAGE, EmailTemplate, Language, understood};

const KEEP: u32 = 200;

/// An address of a mail server or SMS gateway that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AddressError(pub(crate) String);

/// A message that has to go out. Has no `Debug`: it holds the link.
pub(crate) struct Draft {
    message: Message,
    content: MessageContent,
}

/// Messages on their way: a sandbox that stops waits for them a while.
#[derive(Clone)]
pub(crate) struct Outgoing(Arc<watch::Sender<usize>>);

impl Default for Outgoing {
    fn default() -> Self {
        Outgoing(Arc::new(watch::Sender::new(0)))
    }
}

impl Outgoing {
    /// Waits until none is.
    pub(crate) async fn none_left(&self) {
        // The sender lives as long as `self`.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// A message as the outbox shows it. Has no `Debug`: it holds the link, as the mailbox it stands for would.
#[derive(Clone, Serialize)]
pub struct OutboxMessage {
    /// Its own id.
    pub id: String,
    /// When it was made, RFC 3339.
    pub at: String,
    /// `email` or `sms`.
    pub channel: String,
    /// Consent id of its request.
    pub request_id: String,
    /// Address or number.
    pub to: String,
    /// `outbox`, `sending`, `sent` or `failed`.
    pub status: String,
    /// Why it failed.
    pub reason: Option<String>,
    /// Sender of an e-mail.
    pub from: Option<String>,
    /// Subject of an e-mail.
    pub subject: Option<String>,
    /// The text; absent once a provider has it.
    pub text: Option<String>,
    /// The same as HTML, for an e-mail.
    pub html: Option<String>,
    /// The link in it.
    pub link: Option<String>,
}

/// Writes the messages of a new request, one a channel, and keeps them. Gives those that a provider has to take.
pub(crate) fn compose(
    engine: &Engine,
    tx: &Tx<'_>,
    request: &CibaRequest,
    client: &Client,
    user: &User,
    link: &str,
) -> Result<Vec<Draft>, StateError> {
    let facts = template::Facts {
        tenant: &engine.options.tenant_name,
        client,
        user,
        link,
        binding_message: request.binding_message.as_deref(),
        expires_ms: request.expires_ms,
        language: Language::wanted(request.ui_locales.as_deref()).unwrap_or(DEFAULT_LANGUAGE),
    };
    let mut drafts = Vec::new();
    for channel in &request.channels {
        let (to, content, provider) = match channel {
            Channel::Email => {
                let template = EmailTemplate::stored(tx)?;
                let content = match template.enabled {
                    true => Ok(template.email(&facts)),
                    false => Err("the e-mail template is disabled"),
                };
                (&user.email, content, engine.options.smtp.is_some())
            }
            Channel::Sms => (
                &user.phone_number,
                Ok(template::sms(&facts)),
                engine.options.sms.is_some(),
            ),
            Channel::Push | Channel::External => continue,
        };
        let (status, content) = match content {
            Ok(content) if provider => (MessageStatus::Sending, Some(content)),
            Ok(content) => (MessageStatus::Outbox, Some(content)),
            Err(why) => (MessageStatus::Failed(why.to_owned()), None),
        };
        let message = Message {
            id: random_token(12),
            at_ms: request.created_ms,
            channel: *channel,
            user_id: user.user_id.clone(),
            request_id: request.consent_id.clone(),
            to: to.clone().unwrap_or_default(),
            status,
            content,
        };
        if message.status == MessageStatus::Sending {
            // Its text stays until it has gone out: a process may end before.
            drafts.extend(message.content.clone().map(|content| Draft {
                message: message.clone(),
                content,
            }));
        }
        tx.put(&message)?;
    }
    tx.keep_newest::<Message>(KEEP)?;
    Ok(drafts)
}

/// Hands drafts to their providers, in the background: a start never waits for a mail server. One attempt each; what
/// became of it stands in the outbox.
pub(crate) fn send(engine: &Arc<Engine>, drafts: Vec<Draft>) {
    for Draft { message, content } in drafts {
        let engine = Arc::clone(engine);
        let runtime = engine.runtime.clone();
        engine.outgoing.0.send_modify(|count| *count += 1);
        runtime.spawn(async move {
            let sent = match (message.channel, &engine.options.smtp, &engine.options.sms) {
                (Channel::Email, Some(server), _) => server.send(&message.to, &content).await,
                (Channel::Sms, _, Some(gateway)) => gateway.send(&message, &content).await,
                _ => Err("there is no provider".to_owned()),
            };
            let status = match sent {
                Ok(()) => MessageStatus::Sent,
                Err(reason) => {
                    tracing::warn!(channel = message.channel.name(), %reason, "a message was not sent");
                    MessageStatus::Failed(reason)
                }
            };
            // A provider has it, or has refused it: its text is nobody's here any more.
            let kept = engine.db.write(|tx| {
                tx.put(&Message {
                    status,
                    content: None,
                    ..message
                })
            });
            engine.outgoing.0.send_modify(|count| *count -= 1);
            if let Err::<(), StateError>(error) = kept {
                tracing::error!(%error, "outbox");
            }
        });
    }
}

/// Messages that were on their way when the last process ended: nobody knows whether they left, and they are not sent
/// again. Their text lies in the outbox.
pub(crate) fn interrupted(engine: &Engine) -> Result<(), StateError> {
    engine.db.write(|tx| {
        for message in tx.all::<Message>()? {
            if message.status == MessageStatus::Sending {
                let reason = "the sandbox ended while it was on its way".to_owned();
                tx.put(&Message {
                    status: MessageStatus::Failed(reason),
                    ..message
                })?;
            }
        }
        Ok(())
    })
}

/// What the console shows on every page: no text, no link.
pub(crate) fn summaries(tx: &Tx<'_>) -> Result<Vec<MessageView>, StateError> {
    let kept: Vec<Message> = tx.newest(KEEP)?;
    let summary = |message: Message| {
        let shown = view(message);
        MessageView {
            id: shown.id,
            at: shown.at,
            channel: shown.channel,
            request_id: shown.request_id,
            to: shown.to,
            status: shown.status,
            reason: shown.reason,
        }
    };
    Ok(kept.into_iter().map(summary).collect())
}

/// What the outbox holds, newest first.
pub(crate) fn outbox(engine: &Engine) -> Vec<OutboxMessage> {
    let kept: Result<Vec<Message>, StateError> = engine.db.write(|tx| tx.newest(KEEP));
    kept.unwrap_or_else(|error| {
        tracing::error!(%error, "outbox");
        Vec::new()
    })
    .into_iter()
    .map(view)
    .collect()
}

fn view(mut message: Message) -> OutboxMessage {
    if message.status == MessageStatus::Sending {
        message.content = None;
    }
    let (status, reason) = match message.status {
        MessageStatus::Outbox => ("outbox", None),
        MessageStatus::Sending => ("sending", None),
        MessageStatus::Sent => ("sent", None),
        MessageStatus::Failed(reason) => ("failed", Some(reason)),
    };
    let mut shown = OutboxMessage {
        id: message.id,
        at: rfc3339(message.at_ms),
        channel: message.channel.name().to_owned(),
        request_id: message.request_id,
        to: message.to,
        status: status.to_owned(),
        reason,
        from: None,
        subject: None,
        text: None,
        html: None,
        link: None,
    };
    if let Some(content) = message.content {
        shown.from = content.from;
        shown.subject = content.subject;
        shown.text = Some(content.text);
        shown.html = content.html;
        shown.link = Some(content.link);
    }
    shown
}

/// A message holds a link that lets its reader ask for a login: in cleartext it may go to this machine only.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
