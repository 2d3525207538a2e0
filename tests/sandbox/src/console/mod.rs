//! The console in the browser: server-rendered pages over a [`Snapshot`](crate::Snapshot), which holds no secret.
//! Works without script and without a network; changes nothing but by its own forms.

mod actions;
mod gate;
mod live;
mod pages;
mod qr;
mod samples;
pub(crate) mod text;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use maud::Markup;

use crate::handle::Handle;
use crate::snapshot::Snapshot;
use crate::state::CibaRequest;
use crate::text::{random_token, unb64};

/// Pages of the console, served at the root of the console listener.
pub(crate) fn router(handle: Handle) -> Router {
    let console = Console {
        handle,
        token: random_token(32).into(),
        invitation: Arc::default(),
    };
    let actions = Router::new()
        .route("/requests/start", post(actions::start))
        .route("/requests/again", post(actions::again))
        .route("/requests/decide", post(actions::decide))
        .route("/invitation", post(actions::invite))
        .route("/clients/channels", post(actions::set_channels))
        .route("/users/block", post(actions::block))
        .route("/users/unblock", post(actions::unblock))
        .route("/users/delete", post(actions::delete_user))
        .route("/devices/revoke", post(actions::revoke))
        .route("/devices/trust", post(actions::trust))
        .route("/knobs/set", post(actions::set_knobs))
        .route("/knobs/reset", post(actions::reset_knobs))
        .route("/clock", post(actions::advance))
        .layer(axum::middleware::from_fn_with_state(
            console.clone(),
            gate::own_forms_only,
        ));
    Router::new()
        .route("/", get(overview))
        .route(
            "/requests",
            get(async |State(c): State<Console>| pages::requests(&c.snapshot())),
        )
        .route("/requests/{id}", get(request))
        .route(
            "/users",
            get(async |State(c): State<Console>| pages::users(&c.snapshot(), c.token())),
        )
        .route(
            "/devices",
            get(async |State(c): State<Console>| pages::devices(&c.snapshot(), c.token())),
        )
        .route(
            "/clients",
            get(async |State(c): State<Console>| pages::clients(&c.snapshot(), c.token())),
        )
        .route(
            "/apis",
            get(async |State(c): State<Console>| pages::apis(&c.snapshot())),
        )
        .route(
            "/mail",
            get(async |State(c): State<Console>| pages::mail(&c.snapshot(), &c.handle.outbox())),
        )
        .route(
            "/log",
            get(async |State(c): State<Console>| pages::log(&c.snapshot())),
        )
        .route(
            "/knobs",
            get(async |State(c): State<Console>| pages::knobs(&c.snapshot(), c.token())),
        )
        .route("/events", get(live::events))
        .route(
            "/console.css",
            get(async || ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], CSS)),
        )
        .route(
            "/console.js",
            get(async || {
                (
                    [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")],
                    SCRIPT,
                )
            }),
        )
        .merge(actions)
        .fallback(nowhere)
        .layer(axum::middleware::from_fn(gate::protect))
        .with_state(console)
}

const CSS: &str = concat!(include_str!("../look.css"), include_str!("console.css"));
const SCRIPT: &str = include_str!("console.js");

#[derive(Clone)]
struct Console {
    handle: Handle,
    /// Anti-forgery value of this run. Another site cannot read a page, so it cannot know it.
    token: Arc<str>,
    /// The enrolment code on the overview.
    invitation: Arc<Mutex<Option<Invitation>>>,
}

/// An enrolment code that was made here. Its text is meant to be shown: it is short-lived and works once.
#[derive(Clone)]
struct Invitation {
    uri: String,
    user_id: String,
    /// Devices the user had when it was made: one more means that it was used.
    devices: usize,
    /// Time on the sandbox's clock.
    made: String,
}

impl Console {
    fn snapshot(&self) -> Snapshot {
        self.handle.snapshot()
    }

    fn token(&self) -> pages::Token<'_> {
        pages::Token(&self.token)
    }

    /// The claims of a request's answer as the device signed them, JSON text.
    fn answer_claims(&self, id: &str) -> Option<String> {
        let requests = self.handle.0.db.write(|tx| tx.all::<CibaRequest>()).ok()?;
        let jwt = requests
            .into_iter()
            .find(|request| request.consent_id == id)?
            .answer?
            .jwt?;
        String::from_utf8(unb64(jwt.split('.').nth(1)?)?).ok()
    }

    fn invitation(&self) -> MutexGuard<'_, Option<Invitation>> {
        self.invitation
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

async fn nowhere() -> Response {
    let reason = "The console has no page at this address.";
    (
        StatusCode::NOT_FOUND,
        pages::refusal("No such page", reason),
    )
        .into_response()
}

async fn overview(State(console): State<Console>) -> Markup {
    let snapshot = console.snapshot();
    let ready = console.handle.ready();
    if snapshot.phones {
        actions::keep_invitation(&console, &snapshot, &ready.user_id);
    }
    let invitation = console.invitation().clone();
    pages::overview(&snapshot, &ready, invitation.as_ref(), console.token())
}

async fn request(State(console): State<Console>, Path(id): Path<String>) -> Response {
    let snapshot = console.snapshot();
    match snapshot.requests.iter().find(|request| request.id == id) {
        Some(request) => {
            let claims = console.answer_claims(&request.id);
            pages::request(&snapshot, request, claims.as_deref(), console.token()).into_response()
        }
        None => (
            StatusCode::NOT_FOUND,
            pages::refusal(
                "No such request",
                "It was never made, or it is so old that the sandbox has forgotten it.",
            ),
        )
            .into_response(),
    }
}
