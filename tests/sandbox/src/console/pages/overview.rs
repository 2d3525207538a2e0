//! The first page: connect a phone, start a request, see what happened.

use maud::{Markup, html};

use super::super::samples::SAMPLES;
use super::super::{Invitation, qr, text};
use super::frame::{Page, Token, button, head, hidden, name, open};
use super::request::rows;
use crate::ready::Ready;
use crate::snapshot::Snapshot;

/// As many as fit beside the QR code.
const LATEST: usize = 6;

pub(in super::super) fn overview(
    snapshot: &Snapshot,
    ready: &Ready,
    invitation: Option<&Invitation>,
    token: Token<'_>,
) -> Markup {
    let waiting = snapshot.requests.iter().any(open);
    Page { snapshot, path: "/", title: "Overview", waiting }.html(html! {
        (head("Overview", html! { @if snapshot.phones { "An OpenID Provider with CIBA and push approval, on this machine." } @else { "An OpenID Provider with CIBA and approval in the browser, on this machine." } }))
        div id="hint" data-live {
            @if pushes(snapshot) && snapshot.devices.is_empty() {
                p.callout { strong { "First, connect a phone." } " Scan the code, or hand its link to " code { "sandbox phone enroll" } ". Then start a request." }
            }
        }
        div.split {
            div.stack {
                (start(snapshot, ready, token))
                section.card {
                    header { h2 { "Latest requests" } a href="/requests" { "All requests" } }
                    div id="latest" data-live { (rows(snapshot, LATEST)) }
                }
            }
            div.stack {
                @if snapshot.phones {
                    section.card {
                        header { h2 { "Connect a phone" } }
                        div.body.center id="invitation" data-live {
                            (connect(snapshot, invitation))
                            (button(token, "/invitation", &[], "New code", ""))
                        }
                    }
                } @else { (answering()) }
                (credentials(snapshot, ready))
            }
        }
    })
}

/// Whether a client may ask phones.
fn pushes(snapshot: &Snapshot) -> bool {
    let push = |channel: &String| channel == "guardian-push";
    snapshot.phones
        && snapshot
            .clients
            .iter()
            .any(|client| client.channels.iter().any(push))
}

/// Whether a device was enrolled for the user since the code was made.
pub(in super::super) fn used(invitation: &Invitation, snapshot: &Snapshot) -> bool {
    snapshot
        .devices
        .iter()
        .filter(|device| device.user_id == invitation.user_id)
        .count()
        > invitation.devices
}

fn start(snapshot: &Snapshot, ready: &Ready, token: Token<'_>) -> Markup {
    html! {
        section.card {
            header { h2 { "Start a request" } p { "as the sample client" } }
            form.body method="post" action="/requests/start" {
                (hidden(token))
                fieldset.samples aria-label="Sample" {
                    @for (i, sample) in SAMPLES.iter().enumerate() {
                        label {
                            input type="radio" name="sample" value=(sample.name) checked[i == 0];
                            span { b { (sample.title) } span { @if snapshot.rich { (sample.about) } @else { "Binding message: " (sample.binding_message) } } }
                        }
                    }
                }
                div.go {
                    @if snapshot.ways.len() > 1 {
                        label {
                            "By"
                            select name="way" { @for (i, way) in snapshot.ways.iter().enumerate() { option value=(i) { (way) } } }
                        }
                    }
                    label {
                        "User"
                        select name="user" {
                            @for user in &snapshot.users { option value=(user.id) selected[user.id == ready.user_id] { (text::plain(name(user))) } }
                        }
                    }
                    button.primary { "Start request" }
                }
            }
        }
    }
}

/// How a person answers where there are no phones.
fn answering() -> Markup {
    html! {
        section.card {
            header { h2 { "Answer a request" } }
            div.body {
                p { "The person gets a link, opens it in a browser, logs in and decides." }
                p.quiet { "Without a mail server and SMS gateway, messages wait on the page " a href="/mail" { "Mail" } "." }
            }
        }
    }
}

fn connect(snapshot: &Snapshot, invitation: Option<&Invitation>) -> Markup {
    let Some(invitation) = invitation else {
        return html! { p.quiet { "No code: the user is blocked or was deleted. Invite another one on the page " a href="/users" { "Users" } "." } };
    };
    let label = snapshot
        .users
        .iter()
        .find(|user| user.id == invitation.user_id)
        .map_or("", |user| user.label.as_str());
    if used(invitation, snapshot) {
        let name = snapshot
            .devices
            .iter()
            .rev()
            .find(|device| device.user_id == invitation.user_id)
            .map_or("", |device| device.name.as_str());
        return html! {
            p { span.pill.good { "connected" } }
            p { strong { (text::visible(name)) } br; span.quiet { "is enrolled for " (text::visible(label)) } }
        };
    }
    html! {
        @if let Some(picture) = qr::svg(&invitation.uri) { div.qr { (picture) } }
        p.quiet { "Works once, within five minutes," br; "for " (text::visible(label)) }
        details id="link" { summary { "Cannot scan? Use the link" } p { code { (invitation.uri) } } }
    }
}

fn credentials(snapshot: &Snapshot, ready: &Ready) -> Markup {
    html! {
        section.card {
            header { h2 { "For your client" } }
            div.body {
                dl.facts.narrow {
                    dt { "Issuer" } dd { code { (snapshot.issuer) } }
                    dt { "Client id" } dd { code { (ready.client_id) } }
                    dt { "Secret" } dd { span.secret { "in the terminal that started the sandbox" } }
                    @if snapshot.phones { dt { "User" } dd { code { (ready.user_id) } } }
                    dt { "Logs in as" } dd { code { (ready.username) } }
                    dt { "Password" } dd { span.secret { "in the terminal too" } }
                    @if snapshot.rich { dt { "Audience" } dd { code { (ready.audience) } } }
                }
            }
        }
    }
}
