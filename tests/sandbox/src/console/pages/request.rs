//! The list of requests, and one request with everything that went over the wire for it.

use maud::{Markup, html};

use super::super::text;
use super::super::view::{Answer, Push, Request, View};
use super::frame::{Page, Token, button, chips, empty, head, left, masked, pill, time, tone};

pub(in super::super) fn requests(view: &View) -> Markup {
    let waiting = view.requests.iter().any(|request| request.state.open());
    Page { view, path: "/requests", title: "Requests", waiting }.html(html! {
        (head("Requests", html! { "Every call of " code { "/bc-authorize" } " that was accepted, newest first." }))
        section.card id="requests" data-live { (rows(view, usize::MAX)) }
    })
}

/// A table of at most `most` requests.
pub(super) fn rows(view: &View, most: usize) -> Markup {
    if view.requests.is_empty() {
        return empty("No requests yet", html! { "Start one on the overview, or send " code { "POST /bc-authorize" } " from your own client." });
    }
    html! {
        table {
            thead { tr { th { "Request" } th { "Client and user" } th { "Started" } th { "State" } } }
            tbody {
                @for request in view.requests.iter().take(most) {
                    tr.link {
                        td { a.what href={ "/requests/" (request.id) } { (text::visible(&request.binding_message)) } span.sub { (kinds(request)) } }
                        td data-label="From" { (text::visible(&request.client)) " " span.sub { (text::visible(&request.user)) } }
                        td data-label="Started" { (time(request.started)) }
                        td data-label="State" { (pill(request.state)) " " span.sub { (left(view, request)) } }
                    }
                }
            }
        }
    }
}

/// The types of the details, for the eye; the page of the request has the text itself.
fn kinds(request: &Request) -> String {
    #[derive(serde::Deserialize)]
    struct Typed {
        r#type: String,
    }
    let Some(details) = &request.details else { return "no details".to_owned() };
    let typed: Vec<Typed> = serde_json::from_str(details).unwrap_or_default();
    let names: Vec<_> = typed.into_iter().map(|detail| detail.r#type).collect();
    if names.is_empty() { "no details".to_owned() } else { names.join(", ") }
}

pub(in super::super) fn request(view: &View, request: &Request, token: Token<'_>) -> Markup {
    let title = format!("Request {}", request.binding_message);
    Page { view, path: "/requests", title: &title, waiting: request.state.open() }.html(html! {
        a.crumb href="/requests" { "← Requests" }
        div.head {
            div { h1 { (text::visible(&request.binding_message)) } p { "The binding message: the same words must stand on both screens." } }
            div id="state" data-live { (pill(request.state)) " " (left(view, request)) }
        }
        div.split {
            div.stack id="exchange" data-live {
                (summary(request))
                (details(request))
                (pushes(request))
                (consent(request))
                (answer(request.answer.as_ref()))
            }
            div.stack {
                section.card id="timeline" data-live { (timeline(request)) }
                section.card {
                    header { h2 { "Again" } }
                    div.body { p.quiet { "Send the same request once more, as a new one." } (button(token, "/requests/again", &[("request", &request.id)], "Start again", "")) }
                }
            }
        }
    })
}

fn summary(request: &Request) -> Markup {
    html! {
        section.card {
            header { h2 { "Request" } p { time datetime=(request.started.to_string()) { (request.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()) } } }
            div.body {
                dl.facts {
                    dt { "Client" } dd { (text::visible(&request.client)) }
                    dt { "User" } dd { (text::visible(&request.user)) }
                    dt { "Audience" } dd { @if let Some(audience) = &request.audience { code { (text::visible(audience)) } } @else { span.quiet { "none" } } }
                    dt { "Scope" } dd { (chips(&request.scope)) }
                    dt { "auth_req_id" } dd { (masked(request.auth_req_id)) }
                    dt { "Ends" } dd { (time(request.expires)) }
                    dt { "Polls" } dd { (request.polls) span.quiet { ", at most one every " (request.interval) " s" } }
                }
            }
        }
    }
}

fn details(request: &Request) -> Markup {
    html! {
        section.card {
            header { h2 { "Authorization details" } p { "as received" } }
            @match &request.details {
                Some(details) => pre tabindex="0" aria-label="Authorization details" { (text::json(details)) },
                None => (empty("No details", html! { "The client sent a binding message only: a plain login." })),
            }
        }
    }
}

fn pushes(request: &Request) -> Markup {
    html! {
        section.card {
            header { h2 { "The push that went out" } p { "secrets masked" } }
            @if request.pushes.is_empty() {
                (empty("No push was sent", html! { "The user had no device when the request started, or a knob held the push back." }))
            }
            @for (i, push) in request.pushes.iter().enumerate() { (one_push(i, push)) }
        }
    }
}

fn one_push(i: usize, push: &Push) -> Markup {
    html! {
        details id={ "push-" (i) } open[i == 0] {
            summary { (push.service) span.quiet { " to " (text::visible(&push.device)) ", " (push.outcome) } }
            pre tabindex="0" aria-label={ "Push by " (push.service) } { (text::json(&push.payload)) }
        }
    }
}

fn consent(request: &Request) -> Markup {
    html! {
        section.card {
            header { h2 { "Consent" } p { code { "GET /rich-consents" } } }
            @match &request.consent {
                Some(consent) => details id="consent" { summary { "What a phone is given" } pre tabindex="0" aria-label="Consent" { (text::json(consent)) } },
                None => (empty("No consent", html! { "It is made when the request goes out as a push." })),
            }
        }
    }
}

fn answer(answer: Option<&Answer>) -> Markup {
    html! {
        section.card {
            header { h2 { "Answer" } @if answer.is_some() { p { "signature verified" } } }
            @match answer {
                Some(answer) => {
                    pre tabindex="0" aria-label="Claims of the answer" { (text::json(&answer.claims)) }
                    @match &answer.consent_claim {
                        Some(claim) => {
                            div.then { span.pill.good { "signed consent claimed" } " " span.quiet { "the phone names what it showed and what it was sent" } }
                            details id="claim" { summary { "The claim" } pre tabindex="0" aria-label="Signed consent" { (text::json(claim)) } }
                        }
                        None => div.then { span.pill.plain { "no signed consent" } " " span.quiet { "the answer does not say what was shown" } },
                    }
                }
                None => (empty("No answer yet", html! { "Approve or deny on a connected phone, or with " code { "sandbox phone approve" } "." })),
            }
        }
    }
}

fn timeline(request: &Request) -> Markup {
    html! {
        header { h2 { "Exchange" } p { "oldest first" } }
        ol.line {
            @for event in &request.timeline {
                li class=(tone(event.tone)) { (time(event.at)) b { (text::visible(&event.what)) } @if !event.detail.is_empty() { span { (text::visible(&event.detail)) } } }
            }
        }
    }
}
