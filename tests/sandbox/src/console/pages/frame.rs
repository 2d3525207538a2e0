//! What every page has: the document, the navigation, and the small pieces the pages are made of.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::super::text;
use crate::snapshot::{RequestState, RequestView, Snapshot, UserView};

/// The anti-forgery value that every form carries.
#[derive(Clone, Copy)]
pub(in super::super) struct Token<'a>(pub(in super::super) &'a str);

/// One page. Its `data-live` regions are swapped by the script when something changes.
pub(super) struct Page<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) path: &'a str,
    pub(super) title: &'a str,
    /// Reload without script while something on the page is still open.
    pub(super) waiting: bool,
}

impl Page<'_> {
    pub(super) fn html(&self, content: Markup) -> Markup {
        let open = self
            .snapshot
            .requests
            .iter()
            .filter(|request| request.state == RequestState::Pending)
            .count();
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    title { @if open > 0 { "(" (open) ") " } (self.title) " · Sandbox" }
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    link rel="icon" href=(ICON);
                    link rel="stylesheet" href="/console.css";
                    script src="/console.js" defer {}
                    @if self.waiting { noscript { meta http-equiv="refresh" content="4"; } }
                }
                body {
                    a.skip href="#content" { "Skip to content" }
                    (self.side(open))
                    main id="content" { (content) }
                }
            }
        }
    }

    fn side(&self, open: usize) -> Markup {
        html! {
            header.side {
                a.brand href="/" {
                    (PreEscaped(MARK))
                    span { "Sandbox" small { "Authenticator Core" } }
                }
                nav aria-label="Console" {
                    ul id="nav" data-live {
                        @for (path, name, icon) in SECTIONS.iter().filter(|(path, _, _)| self.snapshot.phones || *path != "/devices") {
                            li {
                                a href=(path) aria-current=[(*path == self.path).then_some("page")] {
                                    svg viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" { path d=(icon); }
                                    (name)
                                    @if *path == "/requests" && open > 0 { span.count title="pending" { (open) } }
                                }
                            }
                        }
                    }
                }
                p.foot { "Times are UTC." br; "Runs on this machine only." }
            }
        }
    }
}

/// A page that says why something was not done.
pub(in super::super) fn refusal(title: &str, reason: &str) -> Markup {
    bare(
        title,
        html! { strong { (title) } p { (reason) } div.back { a.button href="/" { "Back to the overview" } } },
    )
}

/// A page of one card, without navigation.
pub(super) fn bare(title: &str, content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) " · Sandbox" }
                meta name="viewport" content="width=device-width, initial-scale=1";
                link rel="icon" href=(ICON);
                link rel="stylesheet" href="/console.css";
            }
            body.bare {
                main {
                    a.brand href="/" { (PreEscaped(MARK)) span { "Sandbox" } }
                    section.card { div.empty { (content) } }
                }
            }
        }
    }
}

pub(super) fn head(title: &str, about: Markup) -> Markup {
    html! { div.head { div { h1 { (title) } p { (about) } } } }
}

/// What a user is called: the label, or the login name of somebody without name and address.
pub(super) fn name(user: &UserView) -> &str {
    match &user.username {
        Some(username) if user.label == user.id => username,
        _ => &user.label,
    }
}

/// A form that is one button.
pub(super) fn button(
    token: Token<'_>,
    path: &str,
    fields: &[(&str, &str)],
    label: &str,
    class: &str,
) -> Markup {
    html! {
        form method="post" action=(path) {
            (hidden(token))
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button.small.(class) { (label) }
        }
    }
}

pub(super) fn hidden(token: Token<'_>) -> Markup {
    html! { input type="hidden" name="token" value=(token.0); }
}

pub(super) fn pill(state: RequestState) -> Markup {
    let name = match state {
        RequestState::Pending => "pending",
        RequestState::Approved => "approved",
        RequestState::Denied => "denied",
        RequestState::Expired => "expired",
        RequestState::Redeemed => "redeemed",
    };
    html! { span.pill.(name) { (name) } }
}

/// Whether time or the client can still change the request.
pub(super) fn open(request: &RequestView) -> bool {
    matches!(
        request.state,
        RequestState::Pending | RequestState::Approved
    )
}

/// How long an open request still has.
pub(super) fn left(request: &RequestView) -> Markup {
    let seconds = request.expires_in_s;
    html! {
        @if open(request) && seconds > 0 {
            span.left data-left=(seconds) { (seconds / 60) ":" (format!("{:02}", seconds % 60)) " left" }
        }
    }
}

/// The time of day of an RFC 3339 time, the rest on hovering.
pub(super) fn time(at: &str) -> Markup {
    html! { time datetime=(at) title=(at) { (at.get(11..19).unwrap_or(at)) } }
}

/// The day and time of an RFC 3339 time.
pub(super) fn day(at: &str) -> Markup {
    html! { time datetime=(at) { (at.get(..10).unwrap_or(at)) " " (at.get(11..19).unwrap_or_default()) } }
}

pub(super) fn chips(values: &[String]) -> Markup {
    html! { div.chips { @for value in values { span.chip { (text::visible(value)) } } } }
}

pub(super) fn empty(title: &str, next: Markup) -> Markup {
    html! { div.empty { strong { (title) } p { (next) } } }
}

const SECTIONS: &[(&str, &str, &str)] = &[
    (
        "/",
        "Overview",
        "M2.5 7 8 2.5 13.5 7v6.5h-11zM6.5 13.5v-4h3v4",
    ),
    (
        "/requests",
        "Requests",
        "M2.5 8.5h3l1.5 2h2l1.5-2h3M2.5 8.5l2-5h7l2 5v4h-11z",
    ),
    (
        "/users",
        "Users",
        "M8 8a2.75 2.75 0 1 0 0-5.5A2.75 2.75 0 0 0 8 8zM2.75 13.5c.6-2.2 2.6-3.4 5.25-3.4s4.65 1.2 5.25 3.4",
    ),
    ("/devices", "Devices", "M4.5 1.75h7v12.5h-7zM7.25 12h1.5"),
    ("/clients", "Clients", "M5.5 5 2.5 8l3 3M10.5 5l3 3-3 3"),
    (
        "/apis",
        "APIs",
        "M8 2 13.5 5v6L8 14 2.5 11V5zM2.5 5 8 8l5.5-3M8 8v6",
    ),
    ("/mail", "Mail", "M2.5 4h11v8h-11zM2.5 4.5 8 9l5.5-4.5"),
    ("/log", "Log", "M3 4h10M3 8h10M3 12h6"),
    (
        "/knobs",
        "Knobs",
        "M2.5 5h6M11.5 5h2M2.5 11h2M7.5 11h6M10 6.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM6 12.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3z",
    ),
];

const MARK: &str = r##"<svg viewBox="0 0 26 26" aria-hidden="true"><rect width="26" height="26" rx="7" fill="#4b45d1"/><path d="M7.5 13.4l3.6 3.6 7.4-8" fill="none" stroke="#fff" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round"/></svg>"##;

const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 26 26'%3E%3Crect width='26' height='26' rx='7' fill='%234b45d1'/%3E%3Cpath d='M7.5 13.4l3.6 3.6 7.4-8' fill='none' stroke='%23fff' stroke-width='2.4' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E";
