//! The log of exchanges, and the steps of one request read from it.

use maud::{Markup, html};

use super::super::text;
use super::frame::{Page, empty, head, time};
use super::request::device;
use crate::snapshot::{Exchange, RequestState, RequestView, Snapshot};

pub(in super::super) fn log(snapshot: &Snapshot) -> Markup {
    Page { snapshot, path: "/log", title: "Log", waiting: false }.html(html! {
        (head("Log", html! { "The last calls of clients and phones, newest first, with what they were told. Secrets are masked." }))
        section.card.calls id="log" data-live {
            @if snapshot.exchanges.is_empty() { (empty("Nothing happened yet", html! { "Connect a phone and start a request on the " a href="/" { "overview" } "." })) }
            @for exchange in &snapshot.exchanges { (call(exchange)) }
        }
    })
}

fn call(exchange: &Exchange) -> Markup {
    let tone = match exchange.status {
        200..=399 => "good",
        400..=499 => "pending",
        _ => "bad",
    };
    html! {
        details id={ "call-" (exchange.at) "-" (exchange.method) "-" (exchange.path.len()) "-" (exchange.took_ms) } {
            summary {
                (time(&exchange.at))
                span.method { (exchange.method) }
                span.path { (text::visible(&exchange.path)) }
                span.pill.flat.(tone) { @if exchange.status == 0 { "cut off" } @else { (exchange.status) } }
                span.took { (exchange.took_ms) " ms" }
            }
            (half("Asked", &exchange.request_headers, &exchange.request_body))
            (half("Told", &exchange.response_headers, &exchange.response_body))
        }
    }
}

fn half(title: &str, headers: &[(String, String)], body: &str) -> Markup {
    html! {
        h3 { (title) }
        pre tabindex="0" {
            @for (name, value) in headers { span.k { (text::visible(name)) } ": " (text::visible(value)) "\n" }
            @if !body.is_empty() { "\n" @if body.trim_start().starts_with(['{', '[']) { (text::json(body)) } @else { (text::visible(body)) } }
        }
    }
}

/// One thing that happened to a request.
pub(super) struct Step<'a> {
    /// `None` where the sandbox keeps no time.
    pub(super) at: Option<&'a str>,
    pub(super) what: &'static str,
    pub(super) detail: String,
    pub(super) tone: &'static str,
}

/// What happened to a request, in order: start, pushes, what phones fetched, answer, end.
pub(super) fn steps<'a>(snapshot: &'a Snapshot, request: &'a RequestView) -> Vec<Step<'a>> {
    let step = |at, what, detail, tone| Step {
        at,
        what,
        detail,
        tone,
    };
    let mut steps = vec![step(
        Some(request.created_at.as_str()),
        "Request started",
        format!("by {}", request.client_name),
        "mine",
    )];
    for push in &request.pushes {
        let detail = format!("{} to {}", push.provider, device(snapshot, &push.device_id));
        steps.push(match push.status.as_str() {
            "delivered" => step(None, "Push delivered", detail, "ok"),
            "lost" => step(None, "Push lost", detail, "fault"),
            _ => step(None, "Push waiting", detail, ""),
        });
    }
    let path = format!("/rich-consents/{}", request.id);
    for exchange in snapshot
        .exchanges
        .iter()
        .rev()
        .filter(|exchange| exchange.path.ends_with(&path))
    {
        steps.push(match exchange.status {
            200 => step(Some(&exchange.at), "Consent fetched", String::new(), "ok"),
            0 => step(
                Some(&exchange.at),
                "Consent cut off",
                "the connection was closed".to_owned(),
                "fault",
            ),
            status => step(
                Some(&exchange.at),
                "Consent refused",
                format!("HTTP {status}"),
                "fault",
            ),
        });
    }
    if let Some(answer) = &request.answer {
        let by = answer
            .device_id
            .as_deref()
            .map_or("this console", |id| device(snapshot, id));
        steps.push(match (answer.accepted, &answer.reason) {
            (true, _) => step(Some(&answer.at), "Approved", format!("by {by}"), "ok"),
            (false, None) => step(Some(&answer.at), "Denied", format!("by {by}"), "fault"),
            (false, Some(reason)) => step(
                Some(&answer.at),
                "Denied",
                format!("by {by}: {reason}"),
                "fault",
            ),
        });
    }
    match request.state {
        RequestState::Redeemed => steps.push(step(
            None,
            "Tokens handed out",
            format!("polls: {}", request.polls),
            "ok",
        )),
        RequestState::Expired => steps.push(step(
            Some(&request.expires_at),
            "Expired",
            String::new(),
            "fault",
        )),
        RequestState::Denied if request.answer.is_none() => steps.push(step(
            None,
            "Ended by the server",
            "the user can no longer answer".to_owned(),
            "fault",
        )),
        RequestState::Pending | RequestState::Approved | RequestState::Denied => {}
    }
    steps
}
