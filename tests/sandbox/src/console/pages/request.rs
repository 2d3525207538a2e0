//! The list of requests, and one request with everything that went over the wire for it.

use maud::{Markup, html};

use super::super::text;
use super::frame::{Page, Token, button, chips, day, empty, head, left, open, pill, time};
use super::log::{Step, steps};
use super::mail::{kind, status};
use crate::bridge::{Callback, CallbackState};
use crate::signed_consent::{ConsentCheck, PersonCheck, Verified};
use crate::snapshot::{AnswerView, PushView, RequestState, RequestView, Snapshot};

pub(in super::super) fn requests(snapshot: &Snapshot) -> Markup {
    let waiting = snapshot.requests.iter().any(open);
    Page { snapshot, path: "/requests", title: "Requests", waiting }.html(html! {
        (head("Requests", html! { "What clients asked at the backchannel endpoint, newest first." }))
        section.card id="requests" data-live { (rows(snapshot, usize::MAX)) }
    })
}

/// A table of at most `most` requests.
pub(super) fn rows(snapshot: &Snapshot, most: usize) -> Markup {
    if snapshot.requests.is_empty() {
        return empty(
            "No requests yet",
            html! { "Start one on the " a href="/" { "overview" } ", or send one from your own client." },
        );
    }
    html! {
        table.requests {
            thead { tr { th { "Request" } th { "Client and user" } th { "Started" } th { "State" } } }
            tbody {
                @for request in snapshot.requests.iter().take(most) {
                    tr.link {
                        td { a.what href={ "/requests/" (request.id) } { (title(request)) } span.sub { (text::visible(&kinds(request))) } }
                        td data-label="From" { (text::visible(&request.client_name)) " " span.sub { (text::visible(&request.user_label)) } }
                        td data-label="Started" { (time(&request.created_at)) }
                        td data-label="State" { (pill(request.state)) " " span.sub { (left(request)) } }
                    }
                }
            }
        }
    }
}

fn title(request: &RequestView) -> Markup {
    match &request.binding_message {
        Some(message) => text::visible(message),
        None => html! { "No binding message" },
    }
}

/// The types of the details, for the eye; the page of the request has the text itself.
fn kinds(request: &RequestView) -> String {
    #[derive(serde::Deserialize)]
    struct Typed {
        r#type: String,
    }
    let typed: Vec<Typed> = request
        .details
        .as_deref()
        .and_then(|details| serde_json::from_str(details).ok())
        .unwrap_or_default();
    match typed.len() {
        0 => "no details".to_owned(),
        _ => typed
            .into_iter()
            .map(|detail| detail.r#type)
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// `claims` are those of the answer's JWT, which was verified when it came.
pub(in super::super) fn request(
    snapshot: &Snapshot,
    request: &RequestView,
    claims: Option<&str>,
    token: Token<'_>,
) -> Markup {
    Page { snapshot, path: "/requests", title: request.binding_message.as_deref().unwrap_or("Request"), waiting: open(request) }.html(html! {
        a.crumb href="/requests" { "← Requests" }
        div.head {
            div { h1 { (title(request)) } p { "The binding message. The same words stand on both screens." } }
            div.state id="state" data-live { (left(request)) (pill(request.state)) }
        }
        div.split {
            div.stack id="exchange" data-live {
                (details(request))
                (pushes(snapshot, request))
                (consent(snapshot, request))
                (answer(snapshot, request, claims))
            }
            div.stack {
                (decide(request, token))
                (summary(request))
                section.card id="timeline" data-live { (timeline(snapshot, request)) }
            }
        }
    })
}

fn decide(request: &RequestView, token: Token<'_>) -> Markup {
    html! {
        section.card id="decide" data-live {
            div.body {
                @if request.state == RequestState::Pending {
                    p.quiet { (waiting(request)) }
                    div.buttons {
                        @if request.withheld.is_none() {
                            (button(token, "/requests/decide", &[("request", &request.id), ("accept", "true")], "Approve", ""))
                        }
                        (button(token, "/requests/decide", &[("request", &request.id), ("accept", "false")], "Deny", "danger"))
                    }
                } @else {
                    p.quiet { (outcome(request.state)) }
                    // Only Keycloak can ask again for Keycloak.
                    @if request.callback.is_none() {
                        (button(token, "/requests/again", &[("request", &request.id)], "Send it again", ""))
                    }
                }
            }
        }
    }
}

/// Whom a pending request waits for.
fn waiting(request: &RequestView) -> &'static str {
    match request.channel.as_str() {
        "" => "It reaches nobody. To go on all the same:",
        channel if channel.contains("push") => "Waiting for a phone. To go on without one:",
        _ => "Waiting for the person behind the link. To go on without them:",
    }
}

fn outcome(state: RequestState) -> &'static str {
    match state {
        RequestState::Pending => "Waiting for an answer.",
        RequestState::Approved => "Approved. The client gets its tokens with its next poll.",
        RequestState::Denied => "Denied. The client is told so with its next poll.",
        RequestState::Expired => "Nobody answered, or the client did not fetch its tokens in time.",
        RequestState::Redeemed => "Approved, and the client has its tokens.",
    }
}

fn summary(request: &RequestView) -> Markup {
    html! {
        section.card id="summary" data-live {
            header { h2 { "Request" } }
            div.body {
                dl.facts.narrow {
                    dt { "Client" } dd { (text::visible(&request.client_name)) }
                    dt { "User" } dd { (text::visible(&request.user_label)) }
                    dt { "Audience" } dd { @match &request.audience { Some(audience) => code { (text::visible(audience)) }, None => span.quiet { "none" } } }
                    dt { "Scope" } dd { (chips(&request.scope)) }
                    dt { "Consent" } dd { code { (request.id) } }
                    dt { "auth_req_id" } dd { code { (request.auth_req_id) } }
                    dt { "Channel" } dd { (request.channel) }
                    dt { "Started" } dd { (day(&request.created_at)) }
                    dt { "Ends" } dd { (day(&request.expires_at)) }
                    dt { "Polls" } dd { (request.polls) span.quiet { ", one every " (request.interval) " s" } }
                }
            }
        }
    }
}

fn details(request: &RequestView) -> Markup {
    html! {
        section.card {
            header { h2 { "Authorization details" } p { "exactly as received" } }
            @if let Some(why) = &request.withheld {
                div.body { p { span.pill.bad { "deny only" } " " (text::visible(why)) } }
            }
            @match &request.details {
                Some(details) => pre tabindex="0" aria-label="Authorization details" { (text::json(details)) },
                None if request.withheld.is_some() => {},
                None => (empty("No details", html! { "The client sent a binding message only." })),
            }
        }
    }
}

/// What reached the person: pushes, or messages with a link.
fn pushes(snapshot: &Snapshot, request: &RequestView) -> Markup {
    if !request.channel.contains("push") {
        return messages(snapshot, request);
    }
    html! {
        section.card {
            header { h2 { "The push that went out" } p { "transaction token masked" } }
            @if request.pushes.is_empty() {
                (empty("No push yet", html! { "The user has no device, or a knob holds the push back." }))
            }
            @for (i, push) in request.pushes.iter().enumerate() { (one_push(snapshot, i, push)) }
        }
    }
}

fn one_push(snapshot: &Snapshot, i: usize, push: &PushView) -> Markup {
    html! {
        details id={ "push-" (i) } open[i == 0] {
            summary { (push.provider) span.quiet { " to " (text::visible(device(snapshot, &push.device_id))) } " " span.pill.(delivery(&push.status)) { (push.status) } }
            pre tabindex="0" aria-label={ "Push by " (push.provider) } { (text::json(&push.payload)) }
        }
    }
}

fn messages(snapshot: &Snapshot, request: &RequestView) -> Markup {
    let sent: Vec<_> = snapshot
        .messages
        .iter()
        .filter(|message| message.request_id == request.id)
        .collect();
    html! {
        section.card {
            header { h2 { "The person's link" } @if !sent.is_empty() { a href="/mail" { "It is in Mail" } } }
            @match (sent.is_empty(), request.channel.as_str()) {
                (true, "external") => (empty("Handed to the client", html! { "The client got it as " code { "auth_url" } " and brings it to the person." })),
                (true, _) => (empty("Nobody was reached", html! { "No channel of the client reaches the user. The request waits until its time is over." })),
                _ => {},
            }
            @if !sent.is_empty() {
                div.body { dl.facts {
                    @for message in sent {
                        dt { (kind(&message.channel)) }
                        dd { (text::visible(&message.to)) " " (status(&message.status)) @if let Some(reason) = &message.reason { " " span.quiet { (text::visible(reason)) } } }
                    }
                } }
            }
        }
    }
}

fn delivery(status: &str) -> &'static str {
    match status {
        "delivered" => "good",
        "lost" => "bad",
        _ => "plain",
    }
}

/// The device's own name, or its id when it is gone.
pub(super) fn device<'a>(snapshot: &'a Snapshot, id: &'a str) -> &'a str {
    snapshot
        .devices
        .iter()
        .find(|device| device.id == id)
        .map_or(id, |device| device.name.as_str())
}

fn consent(snapshot: &Snapshot, request: &RequestView) -> Markup {
    if !request.channel.contains("push") {
        return html! {};
    }
    let fetched = snapshot.exchanges.iter().find(|exchange| {
        exchange.request_id.as_ref() == Some(&request.id)
            && exchange.path.contains("/rich-consents/")
            && exchange.status == 200
    });
    html! {
        section.card {
            header { h2 { "Consent" } p { "what the phone was given" } }
            @match fetched {
                Some(exchange) => pre tabindex="0" aria-label="Consent" { (text::json(&exchange.response_body)) },
                None => (empty("Not fetched yet", html! { "A phone asks for it with " code { "GET /rich-consents/…" } " when the person opens the request." })),
            }
        }
    }
}

fn answer(snapshot: &Snapshot, request: &RequestView, claims: Option<&str>) -> Markup {
    let answer = request.answer.as_ref();
    html! {
        section.card {
            header { h2 { "Answer" } @if answer.is_some_and(|answer| answer.device_id.is_some()) { p { "signature verified" } } }
            @match answer {
                Some(answer) => {
                    (decision(snapshot, answer, request))
                    @if let Some(claims) = claims { pre.below tabindex="0" aria-label="Claims of the answer" { (text::json(claims)) } }
                },
                None if request.signed_consent.is_some() => div.body { dl.facts {
                    dt { "Decision" } dd { span.pill.bad { "approval refused" } " " span.quiet { "this sandbox requires more than it proves" } }
                    (signed(request.signed_consent))
                    (person(request.person.as_ref()))
                } },
                None if request.callback.as_ref().is_some_and(|callback| callback.state != CallbackState::Waiting) => {},
                None if request.channel.contains("push") => (empty("No answer yet", html! { "Approve or deny on a connected phone, or run " code { "sandbox phone approve" } "." })),
                None => (empty("No answer yet", html! { "The person opens the link in a browser, logs in, and approves or denies." })),
            }
            @if let Some(state) = &request.callback { (callback(state)) }
        }
    }
}

/// What became of the one callback to Keycloak.
fn callback(callback: &Callback) -> Markup {
    let tone = match callback.state {
        CallbackState::Delivered => "good",
        CallbackState::Waiting | CallbackState::Sending => "plain",
        CallbackState::Refused | CallbackState::Unclear | CallbackState::NotSent => "bad",
    };
    html! {
        div.body { dl.facts {
            dt { "Callback to Keycloak" }
            dd {
                span.pill.(tone) { (callback.state.as_str()) }
                @if let Some(status) = &callback.status { " " code { (status) } }
                @if let Some(note) = &callback.note { " " span.quiet { (text::visible(note)) } }
            }
        } }
    }
}

fn decision(snapshot: &Snapshot, answer: &AnswerView, request: &RequestView) -> Markup {
    // A denial needs no prompt: that it had none says nothing.
    let verified = request
        .person
        .as_ref()
        .filter(|person| answer.accepted || person.verified != Verified::No);
    html! {
        div.body {
            dl.facts {
                dt { "Decision" } dd { @if answer.accepted { span.pill.good { "approved" } } @else { span.pill.bad { "denied" } } }
                @if let Some(reason) = &answer.reason { dt { "Reason" } dd { (text::visible(reason)) } }
                dt { "By" } dd { @match &answer.device_id { Some(id) => (text::visible(device(snapshot, id))), None if answer.in_browser => "the person, in a browser", None => "this console, without a phone" } }
                dt { "At" } dd { (day(&answer.at)) }
                (signed(request.signed_consent))
                (person(verified))
            }
        }
    }
}

/// Whether the decision was made on what was sent; nothing where no phone decided.
fn signed(check: Option<ConsentCheck>) -> Markup {
    let Some(check) = check else {
        return html! {};
    };
    let (tone, why) = match check {
        ConsentCheck::Yes => ("good", "the signed answer has the digest of what was sent"),
        ConsentCheck::No => ("bad", "the signed answer has the digest of something else"),
        ConsentCheck::NotClaimed => ("plain", "the answer does not say what was shown"),
        ConsentCheck::NotReviewed => ("plain", "denied without a look at the details"),
        ConsentCheck::CannotBeChecked => (
            "pending",
            "what was sent has no canonical form, or the claim is of another version",
        ),
    };
    html! {
        dt { "Decided on exactly what was sent" }
        dd { span.pill.(tone) { (check.as_str()) } " " span.quiet { (why) } }
    }
}

/// Whether an approval key signed what was shown, and which one.
fn person(check: Option<&PersonCheck>) -> Markup {
    let Some(check) = check else {
        return html! {};
    };
    let (tone, why) = match check.verified {
        Verified::Yes => ("good", "by the approval key pinned for this device"),
        Verified::ChangedKey => ("bad", "another key than the one pinned for this device"),
        Verified::No => ("plain", "the phone asked for no prompt, or does not say so"),
        Verified::Invalid => ("bad", "the signature of the approval key does not hold"),
    };
    html! {
        dt { "Person verified" }
        dd {
            span.pill.(tone) { (check.verified.as_str()) } " " span.quiet { (why) }
            @if let Some(key) = &check.key { div { code { (key) } } }
        }
    }
}

fn timeline(snapshot: &Snapshot, request: &RequestView) -> Markup {
    html! {
        header { h2 { "Exchange" } p { "oldest first" } }
        ol.line {
            @for Step { at, what, detail, tone } in steps(snapshot, request) {
                li class=(tone) { @if let Some(at) = at { (time(at)) } b { (what) } @if !detail.is_empty() { span { (text::visible(&detail)) } } }
            }
        }
    }
}
