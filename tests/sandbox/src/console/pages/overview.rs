//! The first page: connect a phone, start a request, see what happened.

use maud::{Markup, html};

use super::super::samples::SAMPLES;
use super::super::view::{Invitation, View};
use super::super::{qr, text};
use super::frame::{Page, Token, button, head, hidden, masked};
use super::request::rows;

/// As many as fit beside the QR code.
const LATEST: usize = 6;

pub(in super::super) fn overview(view: &View, token: Token<'_>) -> Markup {
    let waiting = view.requests.iter().any(|request| request.state.open());
    Page { view, path: "/", title: "Overview", waiting }.html(html! {
        (head("Overview", html! { "An OpenID Provider with CIBA and push approval, on this machine." }))
        div id="hint" data-live { (hint(view)) }
        div.split {
            div.stack {
                (start(view, token))
                section.card {
                    header { h2 { "Latest requests" } a href="/requests" { "All requests" } }
                    div id="latest" data-live { (rows(view, LATEST)) }
                }
            }
            div.stack {
                (connect(view, token))
                (credentials(view))
            }
        }
    })
}

fn hint(view: &View) -> Markup {
    let connected = view.devices.iter().any(|device| !device.revoked);
    html! {
        @if !connected {
            div.callout { p { strong { "Next: connect a phone. " } "Scan the code with an app built on the core, or run " code { "sandbox phone enroll" } " with its link. Then start a request." } }
        }
    }
}

fn start(view: &View, token: Token<'_>) -> Markup {
    html! {
        section.card {
            header { h2 { "Start a request" } p { "as the sample client" } }
            div.body {
                form method="post" action="/requests" {
                    (hidden(token))
                    fieldset.samples aria-label="Sample" {
                        @for (i, sample) in SAMPLES.iter().enumerate() {
                            label {
                                input type="radio" name="sample" value=(sample.name) checked[i == 0];
                                span { b { (sample.title) } span { (sample.about) } }
                            }
                        }
                    }
                    div.go {
                        label {
                            "User"
                            select name="user" {
                                @for user in &view.users {
                                    option value=(user.id) selected[view.ready.as_ref().is_some_and(|ready| ready.user_id == user.id)] { (user.label) }
                                }
                            }
                        }
                        button.primary { "Start request" }
                    }
                }
            }
        }
    }
}

fn connect(view: &View, token: Token<'_>) -> Markup {
    html! {
        section.card {
            header { h2 { "Connect a phone" } }
            div.body.center id="invitation" data-live {
                @match &view.invitation {
                    Some(invitation) => (code(invitation)),
                    None => p.quiet { "The last code was used. Make a new one to connect another phone." },
                }
                (button(token, "/invitation", &[], "New code", ""))
            }
        }
    }
}

fn code(invitation: &Invitation) -> Markup {
    html! {
        @if let Some(picture) = qr::svg(&invitation.uri) { div.qr { (picture) } }
        p.quiet { "Works once, for " (text::visible(&invitation.user)) "." }
        details id="link" { summary { "Cannot scan? Use the link" } p { code { (invitation.uri) } } }
    }
}

fn credentials(view: &View) -> Markup {
    html! {
        section.card {
            header { h2 { "For your client" } }
            div.body {
                dl.facts {
                    dt { "Issuer" } dd { code { (view.issuer) } }
                    @if let Some(ready) = &view.ready {
                        dt { "Client id" } dd { code { (ready.client_id) } }
                        dt { "Secret" } dd { (masked(ready.client_secret)) }
                        dt { "User" } dd { code { (ready.user_id) } }
                    }
                }
            }
            p.note { "The secret stands in the terminal where the sandbox was started." }
        }
    }
}
