//! The log of exchanges, and the steps of one request read from it.

use maud::{Markup, html};

use super::super::text;
use super::frame::{Page, empty, head, time};
use super::request::device;
use crate::snapshot::{AnswerView, Exchange, MessageView, RequestState, RequestView, Snapshot};

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

impl<'a> Step<'a> {
    fn new(at: Option<&'a str>, what: &'static str, detail: String, tone: &'static str) -> Self {
        Step {
            at,
            what,
            detail,
            tone,
        }
    }
}

/// What happened to a request, in order: start, pushes, then every call about it, the answer and
/// the end by their times.
pub(super) fn steps<'a>(snapshot: &'a Snapshot, request: &'a RequestView) -> Vec<Step<'a>> {
    let started = format!("by {}", request.client_name);
    let mut steps = vec![Step::new(
        Some(&request.created_at),
        "Request started",
        started,
        "mine",
    )];
    for push in &request.pushes {
        let detail = format!("{} to {}", push.provider, device(snapshot, &push.device_id));
        steps.push(match push.status.as_str() {
            "delivered" => Step::new(None, "Push delivered", detail, "ok"),
            "lost" => Step::new(None, "Push lost", detail, "fault"),
            _ => Step::new(None, "Push waiting", detail, ""),
        });
    }
    let of_this = |message: &&MessageView| message.request_id == request.id;
    for message in snapshot.messages.iter().filter(of_this) {
        let detail = format!("{} to {}", super::mail::kind(&message.channel), message.to);
        steps.push(match message.status.as_str() {
            "sent" => Step::new(None, "Message sent", detail, "ok"),
            "failed" => Step::new(None, "Message not sent", detail, "fault"),
            "sending" => Step::new(None, "Message on its way", detail, ""),
            _ => Step::new(None, "Message in the outbox", detail, "ok"),
        });
    }
    let mut timed: Vec<Step<'a>> = calls(snapshot, request);
    timed.extend(
        request
            .answer
            .as_ref()
            .map(|answer| decision(snapshot, answer)),
    );
    if request.state == RequestState::Expired {
        let at = Some(request.expires_at.as_str());
        timed.push(Step::new(at, "Expired", String::new(), "fault"));
    }
    timed.sort_by_key(|step| step.at);
    steps.append(&mut timed);
    // The log forgets old calls before it forgets their request.
    if request.state == RequestState::Redeemed && steps.iter().all(|step| step.what != TOKENS) {
        steps.push(Step::new(None, TOKENS, String::new(), "ok"));
    }
    if request.state == RequestState::Denied && request.answer.is_none() {
        let why = "the user can no longer answer".to_owned();
        steps.push(Step::new(None, "Ended by the server", why, "fault"));
    }
    steps
}

/// The calls about a request, oldest first; a row of polls without news is one step.
fn calls<'a>(snapshot: &'a Snapshot, request: &RequestView) -> Vec<Step<'a>> {
    let mut steps: Vec<Step<'a>> = Vec::new();
    let mut waiting = 0;
    let of_this = |call: &&Exchange| call.request_id.as_ref() == Some(&request.id);
    for call in snapshot.exchanges.iter().rev().filter(of_this) {
        let Some(step) = call_step(call) else {
            continue;
        };
        waiting = if step.what == WAITING { waiting + 1 } else { 0 };
        match steps.last_mut() {
            Some(last) if waiting > 1 => {
                last.detail = format!("{waiting} times in a row");
            }
            _ => steps.push(step),
        }
    }
    steps
}

const TOKENS: &str = "Tokens handed out";
const WAITING: &str = "Polled, still pending";

fn call_step(call: &Exchange) -> Option<Step<'_>> {
    /// The device API has its code in a member of its own.
    #[derive(serde::Deserialize)]
    struct Refused {
        error: String,
        #[serde(rename = "errorCode")]
        code: Option<String>,
    }
    let refused = || match serde_json::from_str(&call.response_body) {
        Ok(Refused { error, code }) => code.unwrap_or(error),
        Err(_) => format!("HTTP {}", call.status),
    };
    let at = Some(call.at.as_str());
    let (path, _) = call.path.split_once('?').unwrap_or((&call.path, ""));
    let last = path.rsplit('/').next().unwrap_or_default();
    let consent = path.contains("/rich-consents/");
    Some(match (last, call.status) {
        // The start has a step of its own, and so has an accepted answer.
        ("bc-authorize" | "ciba", _) | ("resolve-transaction", 200..=299) => return None,
        ("bc-verify" | "ciba_authorize", status) => {
            let (what, tone) = match (call.method.as_str(), status) {
                ("GET", 200..=299) => ("Link opened", "ok"),
                ("GET", _) => ("Link refused", "fault"),
                (_, 303) => ("Signed in or out", "ok"),
                // What an accepted form decided has a step of its own.
                (_, 200..=299) => return None,
                (_, _) => ("Form refused", "fault"),
            };
            Step::new(at, what, String::new(), tone)
        }
        ("token", 200) => Step::new(at, TOKENS, String::new(), "ok"),
        ("token", 0) => Step::new(at, "Poll cut off", String::new(), "fault"),
        ("token", _) => match refused().as_str() {
            "authorization_pending" => Step::new(at, WAITING, String::new(), ""),
            "slow_down" => Step::new(at, "Polled too fast", "slow_down".to_owned(), "fault"),
            error => Step::new(at, "Poll refused", error.to_owned(), "fault"),
        },
        _ if consent && call.status == 200 => Step::new(at, "Consent fetched", String::new(), "ok"),
        (_, 0) => {
            let what = if consent {
                "Consent cut off"
            } else {
                "Answer cut off"
            };
            let why = "the connection was closed".to_owned();
            Step::new(at, what, why, "fault")
        }
        _ if consent => Step::new(at, "Consent refused", refused(), "fault"),
        _ => Step::new(at, "Answer refused", refused(), "fault"),
    })
}

fn decision<'a>(snapshot: &'a Snapshot, answer: &'a AnswerView) -> Step<'a> {
    let by = match &answer.device_id {
        Some(id) => device(snapshot, id),
        None if answer.in_browser => "the person, in a browser",
        None => "this console",
    };
    let at = Some(answer.at.as_str());
    match (answer.accepted, &answer.reason) {
        (true, _) => Step::new(at, "Approved", format!("by {by}"), "ok"),
        (false, None) => Step::new(at, "Denied", format!("by {by}"), "fault"),
        (false, Some(reason)) => Step::new(at, "Denied", format!("by {by}: {reason}"), "fault"),
    }
}
