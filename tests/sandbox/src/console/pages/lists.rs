//! Users, devices, clients, APIs, the log and the knobs.

use maud::{Markup, html};

use super::super::text;
use super::super::view::{Knob, KnobValue, View};
use super::frame::{Page, Token, button, chips, empty, head, hidden, masked, time, tone};

pub(in super::super) fn users(view: &View, token: Token<'_>) -> Markup {
    list(view, "/users", "Users", html! { "Whom a client can ask. A blocked user is refused at the start, at the answer and at redemption." }, html! {
        @if view.users.is_empty() { (empty("No users", html! { "Create one with " code { "POST /api/v2/users" } "." })) } @else {
            table {
                thead { tr { th { "User" } th { "Devices" } th { "Status" } th {} } }
                tbody {
                    @for user in &view.users {
                        tr {
                            td { span.what { (text::visible(&user.label)) } span.sub.mono { (text::visible(&user.id)) } }
                            td data-label="Devices" { (user.devices) }
                            td data-label="Status" { @if user.blocked { span.pill.bad { "blocked" } } @else { span.pill.good { "active" } } }
                            td.act {
                                @let this = [("user", user.id.as_str())];
                                @if user.blocked { (button(token, "/users/unblock", &this, "Unblock", "")) } @else { (button(token, "/users/block", &this, "Block", "")) }
                                (button(token, "/users/delete", &this, "Delete", "danger"))
                            }
                        }
                    }
                }
            }
        }
    })
}

pub(in super::super) fn devices(view: &View, token: Token<'_>) -> Markup {
    list(view, "/devices", "Devices", html! { "Phones enrolled for push approval. A revoked one gets no pushes and its answers are refused." }, html! {
        @if view.devices.is_empty() { (empty("No devices yet", html! { "Scan the code on the " a href="/" { "overview" } ", or run " code { "sandbox phone enroll" } " with its link." })) } @else {
            table {
                thead { tr { th { "Device" } th { "User" } th { "Push" } th { "Key" } th { "Status" } th {} } }
                tbody {
                    @for device in &view.devices {
                        tr {
                            td { span.what { (text::visible(&device.name)) } span.sub.mono { (device.id) } }
                            td data-label="User" { (text::visible(&device.user)) }
                            td data-label="Push" { (device.service) " " span.sub { (masked(device.push_token)) } }
                            td data-label="Key" { (device.key) }
                            td data-label="Status" {
                                @if device.revoked { span.pill.bad { "revoked" } }
                                @else if device.connected { span.pill.good { "listening" } }
                                @else { span.pill.plain { "not listening" } }
                            }
                            td.act { @if !device.revoked { (button(token, "/devices/revoke", &[("device", &device.id)], "Revoke", "danger")) } }
                        }
                    }
                }
            }
        }
    })
}

pub(in super::super) fn clients(view: &View) -> Markup {
    list(view, "/clients", "Clients", html! { "Applications that may ask. CIBA needs a first-party, confidential, OIDC-conformant client with the grant." }, html! {
        @if view.clients.is_empty() { (empty("No clients", html! { "Create one with " code { "POST /api/v2/clients" } "." })) } @else {
            table {
                thead { tr { th { "Client" } th { "Authentication" } th { "Channels" } th { "CIBA" } } }
                tbody {
                    @for client in &view.clients {
                        tr {
                            td { span.what { (text::visible(&client.name)) } span.sub.mono { (text::visible(&client.id)) } }
                            td data-label="Login" { code { (client.authentication) } " " @if let Some(secret) = client.secret { span.sub { (masked(secret)) } } }
                            td { (chips(&client.channels)) }
                            td data-label="CIBA" { @match client.unfit { Some(reason) => { span.pill.bad { "refused" } " " span.sub { (reason) } } None => span.pill.good { "allowed" } } }
                        }
                    }
                }
            }
        }
    })
}

pub(in super::super) fn apis(view: &View) -> Markup {
    list(view, "/apis", "APIs", html! { "Audiences, and the detail types registered on each. Any other type is refused." }, html! {
        @if view.apis.is_empty() { (empty("No APIs", html! { "Create one with " code { "POST /api/v2/resource-servers" } " to use authorization details." })) } @else {
            table {
                thead { tr { th { "API" } th { "Detail types" } } }
                tbody {
                    @for api in &view.apis {
                        tr {
                            td { span.what { (text::visible(&api.name)) } span.sub.mono { (text::visible(&api.audience)) } }
                            td { @if api.types.is_empty() { span.quiet { "none: requests with details are refused" } } @else { (chips(&api.types)) } }
                        }
                    }
                }
            }
        }
    })
}

pub(in super::super) fn log(view: &View) -> Markup {
    list(view, "/log", "Log", html! { "What clients and phones asked and what they were told, newest first." }, html! {
        @if view.log.is_empty() { (empty("Nothing happened yet", html! { "Start a request on the " a href="/" { "overview" } "." })) } @else {
            ol.line {
                @for entry in &view.log {
                    li class=(tone(entry.tone)) {
                        (time(entry.at))
                        b { @match &entry.request { Some(id) => a href={ "/requests/" (id) } { (text::visible(&entry.what)) }, None => (text::visible(&entry.what)) } }
                        @if !entry.detail.is_empty() { span { (text::visible(&entry.detail)) } }
                    }
                }
            }
        }
    })
}

pub(in super::super) fn knobs(view: &View, token: Token<'_>) -> Markup {
    Page { view, path: "/knobs", title: "Knobs", waiting: false }.html(html! {
        (head("Knobs", html! { "Make the sandbox misbehave, to see what a client or a phone does. They apply to the next call." }))
        section.card {
            form method="post" action="/knobs" {
                (hidden(token))
                @for knob in &view.knobs { (turn(knob)) }
                div.save { button.primary { "Apply" } }
            }
        }
    })
}

fn turn(knob: &Knob) -> Markup {
    html! {
        div.knob.changed[knob.changed] {
            div { label for=(knob.name) { (knob.label) } p { (knob.help) } }
            div {
                @match &knob.value {
                    KnobValue::Switch(on) => input type="checkbox" id=(knob.name) name=(knob.name) value="on" checked[*on];,
                    KnobValue::Number { value, unit } => { input type="number" id=(knob.name) name=(knob.name) value=(value); span.unit { (unit) } }
                    KnobValue::Choice { value, options } => select id=(knob.name) name=(knob.name) { @for option in options { option selected[option == value] { (option) } } },
                }
            }
        }
    }
}

fn list(view: &View, path: &str, title: &str, about: Markup, content: Markup) -> Markup {
    Page { view, path, title, waiting: false }.html(html! {
        (head(title, about))
        section.card id="list" data-live { (content) }
    })
}
