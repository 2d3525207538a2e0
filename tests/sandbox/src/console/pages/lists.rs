//! Users, devices, clients and APIs.

use maud::{Markup, html};

use super::super::text;
use super::frame::{Page, Token, button, chips, day, empty, head, hidden, name};
use crate::snapshot::{ClientView, DeviceView, Snapshot};

pub(in super::super) fn users(snapshot: &Snapshot, token: Token<'_>) -> Markup {
    let about = html! { "Whom clients can ask. A blocked user is refused at the start, at the answer and at redemption. More of them, and verified addresses: " code { "POST /control/users" } " at this address, with " code { "username" } ", " code { "password" } ", " code { "email" } ", " code { "email_verified" } ", " code { "phone_number" } "." };
    list(
        snapshot,
        "/users",
        "Users",
        about,
        html! {
            @if snapshot.users.is_empty() { (empty("No users", html! { "Create one with " code { "POST /control/users" } " at this address." })) } @else {
                table {
                    thead { tr { th { "User" } @if snapshot.phones { th { "Devices" } } th { "E-mail" } th { "Status" } td {} } }
                    tbody {
                        @for user in &snapshot.users {
                            @let this = [("user", user.id.as_str())];
                            tr {
                                td {
                                    span.what { (text::visible(name(user))) } span.sub.mono { (text::visible(&user.id)) }
                                    @if let Some(name) = &user.username { span.sub { "logs in as " (text::visible(name)) } }
                                    @if let Some(number) = &user.phone_number { span.sub { (text::visible(number)) } }
                                }
                                @if snapshot.phones { td data-label="Devices" { (user.devices) } }
                                td data-label="E-mail" { @if user.email_verified { "verified" } @else { span.quiet { @if user.label.contains('@') { "not verified" } @else { "none" } } } }
                                td data-label="Status" { @if user.blocked { span.pill.bad { "blocked" } } @else { span.pill.good { "active" } } }
                                td.act {
                                    @if user.blocked { (button(token, "/users/unblock", &this, "Unblock", "")) } @else {
                                        @if snapshot.phones { (button(token, "/invitation", &this, "Invite", "")) }
                                        (button(token, "/users/block", &this, "Block", ""))
                                    }
                                    (button(token, "/users/delete", &this, "Delete", "danger"))
                                }
                            }
                        }
                    }
                }
            }
        },
    )
}

pub(in super::super) fn devices(snapshot: &Snapshot, token: Token<'_>) -> Markup {
    let about = html! { "Phones that can approve. A revoked one gets no pushes, and its answers are refused." };
    list(
        snapshot,
        "/devices",
        "Devices",
        about,
        html! {
            @if snapshot.devices.is_empty() { (empty("No devices yet", html! { "Scan the code on the " a href="/" { "overview" } ", or hand its link to " code { "sandbox phone enroll" } "." })) } @else {
                table {
                    thead { tr { th { "Device" } th { "User" } th { "Push" } th { "Last answer" } td {} } }
                    tbody {
                        @for device in &snapshot.devices {
                            tr {
                                td { span.what { (text::visible(&device.name)) } span.sub.mono { (device.id) } span.sub { "key " code { (device.key_thumbprint) } } (approval_keys(device)) }
                                td data-label="User" { (text::visible(snapshot.users.iter().find(|user| user.id == device.user_id).map_or(&device.user_id, |user| &user.label))) }
                                td data-label="Push" {
                                    @match &device.push_service { Some(service) => (service), None => span.quiet { "no push address" } }
                                    @if let Some(token) = &device.push_token { " " span.sub.mono.nowrap { (token) } }
                                }
                                td data-label="Answered" { @match &device.last_auth { Some(at) => (day(at)), None => span.quiet { "never" } } }
                                td.act {
                                    @if device.other_approval_key.is_some() { (button(token, "/devices/trust", &[("device", &device.id)], "Trust the new key", "")) }
                                    (button(token, "/devices/revoke", &[("device", &device.id)], "Revoke", "danger"))
                                }
                            }
                        }
                    }
                }
            }
        },
    )
}

fn approval_keys(device: &DeviceView) -> Markup {
    html! {
        @if let Some(key) = &device.approval_key { span.sub { "approval key " code { (key) } } }
        @if let Some(key) = &device.other_approval_key { span.sub { span.pill.bad { "changed" } " approval key " code { (key) } } }
    }
}

pub(in super::super) fn clients(snapshot: &Snapshot, token: Token<'_>) -> Markup {
    let about = html! { "Applications that ask. CIBA is for confidential ones that have the grant; a channel is a way in which they may reach people." };
    list(
        snapshot,
        "/clients",
        "Clients",
        about,
        html! {
            @if snapshot.clients.is_empty() { (empty("No clients", html! { "Create one with " code { "POST /api/v2/clients" } "." })) } @else {
                table {
                    thead { tr { th { "Client" } th { "Authentication" } th { "Channels" } th { "CIBA grant" } } }
                    tbody {
                        @for client in &snapshot.clients {
                            tr {
                                td { span.what { (text::visible(&client.name)) } span.sub.mono { (text::visible(&client.id)) } }
                                td data-label="Login" { code { (client.auth_method) } }
                                td data-label="Channels" { (channels(snapshot, client, token)) }
                                td data-label="CIBA" { @if may_ask(client) { span.pill.good { "yes" } } @else { span.pill.plain { "no" } } }
                            }
                        }
                    }
                }
            }
        },
    )
}

fn channels(snapshot: &Snapshot, client: &ClientView, token: Token<'_>) -> Markup {
    html! {
        form.ticks method="post" action="/clients/channels" {
            (hidden(token))
            input type="hidden" name="client" value=(client.id);
            @for name in &snapshot.channels {
                label { input type="checkbox" name={ "channel_" (name) } checked[client.channels.contains(name)]; (name) }
            }
            button.small { "Save" }
        }
    }
}

fn may_ask(client: &ClientView) -> bool {
    client
        .grant_types
        .iter()
        .any(|grant| grant == "urn:openid:params:grant-type:ciba")
}

pub(in super::super) fn apis(snapshot: &Snapshot) -> Markup {
    let about = html! { "Audiences, and the types of details registered on each. Other types are refused." };
    list(
        snapshot,
        "/apis",
        "APIs",
        about,
        html! {
            @if snapshot.apis.is_empty() { (empty("No APIs", html! { "Create one with " code { "POST /api/v2/resource-servers" } " to use authorization details." })) } @else {
                table {
                    thead { tr { th { "API" } th { "Detail types" } th { "Scopes" } } }
                    tbody {
                        @for api in &snapshot.apis {
                            tr {
                                td { span.what { (text::visible(&api.name)) } span.sub.mono { (text::visible(&api.identifier)) } }
                                td { @if api.detail_types.is_empty() { span.quiet { "none: requests with details are refused" } } @else { (chips(&api.detail_types)) } }
                                td { (chips(&api.scopes)) }
                            }
                        }
                    }
                }
            }
        },
    )
}

fn list(snapshot: &Snapshot, path: &str, title: &str, about: Markup, content: Markup) -> Markup {
    Page {
        snapshot,
        path,
        title,
        waiting: false,
    }
    .html(html! {
        (head(title, about))
        section.card id="list" data-live { (content) }
    })
}
