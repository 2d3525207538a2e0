//! What the buttons do. Each returns to a page that shows the effect.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::gate::refuse;
use super::{Console, Invitation, samples};
use crate::handle::StartRequest;
use crate::knobs::{KnobState, PathClass};
use crate::snapshot::Snapshot;
use crate::state::{Client, StateError, User};

#[derive(Deserialize)]
pub(super) struct Start {
    sample: String,
    user: String,
    /// Which of the dialect's ways.
    #[serde(default)]
    way: usize,
}

pub(super) async fn start(State(console): State<Console>, Form(form): Form<Start>) -> Response {
    let Some(sample) = samples::find(&form.sample) else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "No such sample",
            "Choose one of the samples on the overview.",
        );
    };
    let ways = console.handle.0.dialect.start.ways;
    let way = ways.get(form.way).or(ways.first());
    let request = StartRequest {
        channel: way.and_then(|way| way.channel).map(str::to_owned),
        requested_expiry: way.and_then(|way| way.expiry_s),
        user_id: form.user,
        binding_message: sample.binding_message.to_owned(),
        scope: "openid".to_owned(),
        details: sample.details.map(str::to_owned),
        ..StartRequest::default()
    };
    begin(&console, request)
}

#[derive(Deserialize)]
pub(super) struct OfRequest {
    request: String,
}

pub(super) async fn again(State(console): State<Console>, Form(form): Form<OfRequest>) -> Response {
    let snapshot = console.snapshot();
    let Some(request) = snapshot
        .requests
        .into_iter()
        .find(|request| request.id == form.request)
    else {
        return refuse(
            StatusCode::NOT_FOUND,
            "No such request",
            "The sandbox has forgotten it.",
        );
    };
    begin(
        &console,
        StartRequest {
            user_id: request.user_id,
            binding_message: request.binding_message.unwrap_or_default(),
            scope: request.scope.join(" "),
            audience: request.audience,
            details: request.details,
            requested_expiry: None,
            channel: None,
        },
    )
}

fn begin(console: &Console, request: StartRequest) -> Response {
    match console.handle.start_request(request) {
        Ok(started) => match &started.auth_url {
            // Nowhere kept: whoever started the request is shown it once, as a client would be.
            Some(link) => super::pages::hand_over(link, &started.id).into_response(),
            None => Redirect::to(&format!("/requests/{}", started.id)).into_response(),
        },
        Err(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
            let reason = if error.description.is_empty() {
                format!("The provider answered {}.", error.error)
            } else {
                format!(
                    "The provider answered {}: {}",
                    error.error, error.description
                )
            };
            let reason = match error.error.as_str() {
                "invalid_authorization_details" => format!(
                    "{reason} The knob \u{201c}Any detail type\u{201d} lets unregistered types through."
                ),
                _ if error.description.contains("verified email address") => format!(
                    "{reason}. Make a user with \u{201c}email\u{201d} and \u{201c}email_verified\u{201d}: true (the page \u{201c}Users\u{201d} says how), or connect a phone."
                ),
                _ if error.description.starts_with("No eligible") => format!(
                    "{reason}. Connect a phone, or give the client another channel on the page \u{201c}Clients\u{201d}."
                ),
                _ => reason,
            };
            refuse(status, "The request was refused", &reason)
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Decision {
    request: String,
    accept: bool,
}

pub(super) async fn decide(State(console): State<Console>, Form(form): Form<Decision>) -> Response {
    if console.handle.decide(&form.request, form.accept) {
        Redirect::to(&format!("/requests/{}", form.request)).into_response()
    } else {
        refuse(
            StatusCode::CONFLICT,
            "Not possible",
            "The request is no longer pending: it was answered, or its time is over. Or it cannot be approved here: its details did not arrive, or this sandbox takes approvals that a phone signed, and no others.",
        )
    }
}

/// Gives a client the channels that are ticked.
pub(super) async fn set_channels(
    State(console): State<Console>,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    let engine = &console.handle.0;
    let id = form.get("client").map_or("", String::as_str);
    let ticked = engine
        .dialect
        .start
        .channels
        .iter()
        .map(|channel| channel.name().to_owned())
        .filter(|name| form.contains_key(&format!("channel_{name}")))
        .collect();
    let done = engine.db.write(|tx| {
        let Some(client) = tx.get::<Client>(id)? else {
            return Ok(false);
        };
        tx.put(&Client {
            async_approval_notification_channels: ticked,
            ..client
        })?;
        Ok(true)
    });
    back("/clients", done)
}

#[derive(Deserialize)]
pub(super) struct OfUser {
    user: String,
}

pub(super) async fn block(State(console): State<Console>, Form(form): Form<OfUser>) -> Response {
    back("/users", set_blocked(&console, &form.user, true))
}

pub(super) async fn unblock(State(console): State<Console>, Form(form): Form<OfUser>) -> Response {
    back("/users", set_blocked(&console, &form.user, false))
}

fn set_blocked(console: &Console, user_id: &str, blocked: bool) -> Result<bool, StateError> {
    let engine = &console.handle.0;
    engine.db.write(|tx| {
        let Some(user) = tx.get::<User>(user_id)? else {
            return Ok(false);
        };
        engine.save_user(tx, User { blocked, ..user })?;
        Ok(true)
    })
}

pub(super) async fn delete_user(
    State(console): State<Console>,
    Form(form): Form<OfUser>,
) -> Response {
    let engine = &console.handle.0;
    back(
        "/users",
        engine.db.write(|tx| engine.delete_user(tx, &form.user)),
    )
}

#[derive(Deserialize)]
pub(super) struct OfDevice {
    device: String,
}

pub(super) async fn revoke(State(console): State<Console>, Form(form): Form<OfDevice>) -> Response {
    let engine = &console.handle.0;
    back(
        "/devices",
        engine
            .db
            .write(|tx| engine.delete_enrollment(tx, &form.device)),
    )
}

pub(super) async fn trust(State(console): State<Console>, Form(form): Form<OfDevice>) -> Response {
    let engine = &console.handle.0;
    back(
        "/devices",
        engine
            .db
            .write(|tx| engine.trust_approval_key(tx, &form.device)),
    )
}

/// To the page that shows the effect, if there was anything to act on.
fn back(path: &str, done: Result<bool, StateError>) -> Response {
    match done {
        Ok(true) => Redirect::to(path).into_response(),
        Ok(false) => refuse(
            StatusCode::NOT_FOUND,
            "Not there",
            "Somebody else removed it in the meantime.",
        ),
        Err(_) => refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Not done",
            "The sandbox could not write its state.",
        ),
    }
}

#[derive(Deserialize)]
pub(super) struct MaybeUser {
    user: Option<String>,
}

pub(super) async fn invite(
    State(console): State<Console>,
    Form(form): Form<MaybeUser>,
) -> Response {
    let user_id = form.user.unwrap_or_else(|| console.handle.ready().user_id);
    match new_invitation(&console, &console.snapshot(), &user_id) {
        Ok(()) => Redirect::to("/").into_response(),
        Err(_) => refuse(
            StatusCode::CONFLICT,
            "No code was made",
            "The user does not exist any more, or is blocked.",
        ),
    }
}

/// Makes a code where there is none or the last one has run out. Leaves a used one: the page says so.
pub(super) fn keep_invitation(console: &Console, snapshot: &Snapshot, user_id: &str) {
    let stale = match &*console.invitation() {
        Some(invitation) => {
            !super::pages::used(invitation, snapshot)
                && age(&invitation.made, &snapshot.now) >= LIFE_S
        }
        None => true,
    };
    if stale {
        // A blocked or deleted user has no code; the page says what to do.
        let _ = new_invitation(console, snapshot, user_id);
    }
}

/// How long an invitation may be used (`Handle::invitation`).
const LIFE_S: i64 = 300;

fn new_invitation(console: &Console, snapshot: &Snapshot, user_id: &str) -> anyhow::Result<()> {
    let uri = console.handle.invitation(user_id);
    let mut current = console.invitation();
    *current = None;
    *current = Some(Invitation {
        uri: uri?,
        user_id: user_id.to_owned(),
        devices: snapshot
            .devices
            .iter()
            .filter(|device| device.user_id == user_id)
            .count(),
        made: snapshot.now.clone(),
    });
    Ok(())
}

fn age(from: &str, to: &str) -> i64 {
    let second = |text: &str| {
        text.parse::<jiff::Timestamp>()
            .map_or(0, jiff::Timestamp::as_second)
    };
    second(to) - second(from)
}

#[derive(Deserialize)]
pub(super) struct Seconds {
    seconds: u32,
}

pub(super) async fn advance(State(console): State<Console>, Form(form): Form<Seconds>) -> Response {
    console
        .handle
        .advance(Duration::from_secs(form.seconds.into()));
    Redirect::to("/knobs").into_response()
}

pub(super) async fn reset_knobs(State(console): State<Console>) -> Response {
    console.handle.knobs().set(KnobState::default());
    Redirect::to("/knobs").into_response()
}

pub(super) async fn set_knobs(
    State(console): State<Console>,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    match knobs(&form) {
        Some(knobs) => {
            console.handle.knobs().set(knobs);
            Redirect::to("/knobs").into_response()
        }
        None => refuse(
            StatusCode::BAD_REQUEST,
            "Not a number",
            "One of the fields is not a whole number, or too large.",
        ),
    }
}

/// The knobs as the form has them: an unticked box is not sent, an empty number means 0.
fn knobs(form: &BTreeMap<String, String>) -> Option<KnobState> {
    Some(KnobState {
        push_delay_ms: number(form, "push_delay_ms")?,
        lose_push: form.contains_key("lose_push"),
        clock_skew_s: number(form, "clock_skew_s")?,
        server_errors: counted(form, "server_errors")?,
        rate_limits: counted(form, "rate_limits")?,
        retry_after_s: number(form, "retry_after_s")?,
        slow_answer_ms: number(form, "slow_answer_ms")?,
        truncate_body: counted(form, "truncate_body")?,
        lose_answer: counted(form, "lose_answer")?,
        stall_answer: counted(form, "stall_answer")?,
        already_answered: form.contains_key("already_answered"),
        unknown_rar_type: form.contains_key("unknown_rar_type"),
        revoked_device: form.contains_key("revoked_device"),
        consent_404: form.contains_key("consent_404"),
        tamper_consent: form.contains_key("tamper_consent"),
    })
}

fn counted(form: &BTreeMap<String, String>, fault: &str) -> Option<BTreeMap<PathClass, u32>> {
    let mut calls = BTreeMap::new();
    for (class, name, _) in super::pages::CALLS {
        match number(form, &format!("{fault}.{name}"))? {
            0 => {}
            n => {
                calls.insert(*class, n);
            }
        }
    }
    Some(calls)
}

fn number<N: std::str::FromStr + Default>(
    form: &BTreeMap<String, String>,
    name: &str,
) -> Option<N> {
    match form.get(name).map(|text| text.trim()) {
        None | Some("") => Some(N::default()),
        Some(text) => text.parse().ok(),
    }
}
