//! The faults that a tester switches on.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::frame::{Page, Token, button, head, hidden};
use crate::knobs::{KnobState, PathClass};
use crate::snapshot::Snapshot;

/// The device calls that counted faults apply to, with their names in the form and on the page.
pub(in super::super) const CALLS: &[(PathClass, &str, &str)] = &[
    (PathClass::Enroll, "enroll", "Enrol"),
    (PathClass::Device, "device", "Device"),
    (PathClass::Consent, "consent", "Consent"),
    (PathClass::Resolve, "resolve", "Answer"),
];

pub(in super::super) fn knobs(snapshot: &Snapshot, token: Token<'_>) -> Markup {
    let knobs = &snapshot.knobs;
    Page { snapshot, path: "/knobs", title: "Knobs", waiting: false }.html(html! {
        (head("Knobs", html! { "Make the server misbehave, and see what a client or a phone does." }))
        div.stack {
            form.stack method="post" action="/knobs/set" {
                (hidden(token))
                (counted(knobs))
                section.card {
                    header { h2 { "Push" } }
                    (number("push_delay_ms", "Late push", "Time between the start of a request and its push.", knobs.push_delay_ms, "ms"))
                    (switch("lose_push", "Lost push", "Pushes are recorded here, but never arrive.", knobs.lose_push))
                }
                section.card {
                    header { h2 { "Answers to phones" } }
                    (number("slow_answer_ms", "Slow answers", "Every answer to a phone is held back.", knobs.slow_answer_ms, "ms"))
                    (number("clock_skew_s", "Clock ahead", "The server's clock as phones see it; negative is behind.", knobs.clock_skew_s, "s"))
                    (switch("already_answered", "Already answered", "Every answer of a phone comes too late, as if another one had been faster.", knobs.already_answered))
                    (switch("revoked_device", "Revoked devices", "Every phone is treated as removed.", knobs.revoked_device))
                    (switch("consent_404", "Details missing", "No consent is found.", knobs.consent_404))
                    (switch("tamper_consent", "Tampered details", "One digit of the amount is changed on the way to the phone, as somebody in the middle could.", knobs.tamper_consent))
                }
                section.card {
                    header { h2 { "Requests" } }
                    (switch("unknown_rar_type", "Any detail type", "Details of types that are not registered on the API are let through.", knobs.unknown_rar_type))
                }
                div.save {
                    @if *knobs != KnobState::default() { span.pill.pending { "faults are on" } }
                    button.primary { "Apply" }
                }
            }
            section.card {
                header { h2 { "Clock" } p { (super::frame::day(&snapshot.now)) } }
                form.knob method="post" action="/clock" {
                    (hidden(token))
                    div { label for="seconds" { "Move forward" } p { "Let requests expire without waiting. It does not go back." } }
                    div { input type="number" id="seconds" name="seconds" value="300" min="1" max="2592000"; span.unit { "s" } " " button { "Move" } }
                }
            }
            (button(token, "/knobs/reset", &[], "Switch all faults off", ""))
        }
    })
}

fn counted(knobs: &KnobState) -> Markup {
    let faults: [(&str, &str, &str, &BTreeMap<PathClass, u32>); 5] = [
        (
            "server_errors",
            "Server error",
            "500, nothing done",
            &knobs.server_errors,
        ),
        (
            "rate_limits",
            "Too many requests",
            "429, nothing done",
            &knobs.rate_limits,
        ),
        (
            "truncate_body",
            "Cut body",
            "half an answer",
            &knobs.truncate_body,
        ),
        (
            "lose_answer",
            "Lost answer",
            "done, but no answer",
            &knobs.lose_answer,
        ),
        (
            "stall_answer",
            "No answer",
            "done, then silence until the phone gives up",
            &knobs.stall_answer,
        ),
    ];
    html! {
        section.card {
            header { h2 { "The next calls of a phone" } p { "how many fail" } }
            table.grid {
                thead { tr { th { "Fault" } @for (_, _, label) in CALLS { th { (label) } } } }
                tbody {
                    @for (name, label, help, on) in faults {
                        tr {
                            td { span.what { (label) } span.sub { (help) } }
                            @for (class, call, title) in CALLS {
                                td data-label=(title) { input type="number" min="0" max="1000000" name={ (name) "." (call) } value=(on.get(class).copied().unwrap_or(0)) aria-label={ (label) ", " (title) }; }
                            }
                        }
                    }
                }
            }
            (number("retry_after_s", "Retry-After of a 429", "0 means 1.", knobs.retry_after_s, "s"))
        }
    }
}

fn number(
    name: &str,
    label: &str,
    help: &str,
    value: impl std::fmt::Display,
    unit: &str,
) -> Markup {
    html! {
        div.knob {
            div { label for=(name) { (label) } p { (help) } }
            div { input type="number" id=(name) name=(name) value=(value.to_string()); span.unit { (unit) } }
        }
    }
}

fn switch(name: &str, label: &str, help: &str, on: bool) -> Markup {
    html! {
        div.knob {
            div { label for=(name) { (label) } p { (help) } }
            input type="checkbox" id=(name) name=(name) value="on" checked[on];
        }
    }
}
