//! The outbox: what people were sent, with the links that only they should have.

use maud::{Markup, html};

use super::super::text;
use super::frame::{Page, bare, empty, head, time};
use crate::messages::OutboxMessage;
use crate::snapshot::Snapshot;

pub(in super::super) fn mail(snapshot: &Snapshot, messages: &[OutboxMessage]) -> Markup {
    Page { snapshot, path: "/mail", title: "Mail", waiting: false }.html(html! {
        (head("Mail", html! { "E-mail and SMS to the sandbox's users. Without a mail server and SMS gateway they stay here: this page plays the mailbox and the phone." }))
        section.card.mail id="mail" data-live {
            @if messages.is_empty() { (empty("No messages yet", html! { "A request by e-mail or SMS makes one. Give a client the channel on the page " a href="/clients" { "Clients" } "." })) }
            @for (i, message) in messages.iter().enumerate() { (one(snapshot, i, message)) }
        }
    })
}

fn one(snapshot: &Snapshot, i: usize, message: &OutboxMessage) -> Markup {
    let known = snapshot
        .requests
        .iter()
        .any(|request| request.id == message.request_id);
    html! {
        details id={ "message-" (message.id) } open[i == 0] {
            summary {
                (time(&message.at))
                span.what { (kind(&message.channel)) " to " (text::visible(&message.to)) }
                (status(&message.status))
            }
            div.body {
                @if let Some(reason) = &message.reason { p.alert { (text::visible(reason)) } }
                @if let Some(subject) = &message.subject { p.subject { (text::visible(subject)) } }
                @match &message.text {
                    Some(said) => (letter(said, message.link.as_deref())),
                    None => p.quiet { "Its text went out with it, and is not kept." },
                }
                @if let Some(html) = &message.html {
                    details id={ "html-" (message.id) } {
                        summary { "The HTML part, which a template words" }
                        pre tabindex="0" aria-label="HTML part" { @for line in html.lines() { (text::visible(line)) "\n" } }
                    }
                }
                p.buttons {
                    @if let Some(link) = &message.link { a.button.primary href=(link) rel="noreferrer" { "Open its link" } }
                    @if known { a.button href={ "/requests/" (message.request_id) } { "Its request" } }
                }
            }
        }
    }
}

/// The text line by line; the link stands below as a button and is not repeated.
fn letter(said: &str, link: Option<&str>) -> Markup {
    html! {
        div.letter {
            @for line in said.lines() {
                @if line.is_empty() { br; } @else if Some(line) == link { p { code { (line) } } } @else { p { (text::visible(line)) } }
            }
        }
    }
}

pub(super) fn kind(channel: &str) -> &'static str {
    match channel {
        "email" => "E-mail",
        _ => "SMS",
    }
}

pub(super) fn status(status: &str) -> Markup {
    let (tone, words) = match status {
        "outbox" => ("plain", "in the outbox"),
        "sending" => ("pending", "sending"),
        "sent" => ("good", "sent"),
        _ => ("bad", "failed"),
    };
    html! { span.pill.(tone) { (words) } }
}

/// What a client does with a link of its own: here the person at the console is the client.
pub(in super::super) fn hand_over(link: &str, request: &str) -> Markup {
    bare(
        "Hand this link over",
        html! {
            strong { "Hand this link over" }
            p { "The provider sends nothing: bringing the link to the person is the client's part. It is shown here once." }
            p { code { (link) } }
            div.back {
                a.button.primary href=(link) rel="noreferrer" { "Open it" } " "
                a.button href={ "/requests/" (request) } { "The request" }
            }
        },
    )
}
