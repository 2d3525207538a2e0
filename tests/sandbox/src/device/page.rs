//! The page behind an enrolment ticket: it shows the QR code that a device scans.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use fast_qr::QRBuilder;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Deserialize;

use crate::engine::Engine;
use crate::engine::refusal::Refusal;
use crate::server::Called;
use crate::state::{TicketKind, User};
use crate::text::sha256_b64;

const CSP: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

#[derive(Deserialize)]
pub(super) struct Params {
    #[serde(default)]
    ticket: String,
}

/// Each visit makes a fresh invitation. The ticket is used up when a device enrols, not when the
/// page opens, because mail scanners open links.
pub(super) async fn show(
    State(engine): State<Arc<Engine>>,
    Extension(called): Extension<Called>,
    params: Result<Query<Params>, QueryRejection>,
) -> Response {
    let ticket = params
        .map(|Query(params)| params.ticket)
        .unwrap_or_default();
    let invitation = engine.db.write(|tx| {
        let Some(page) = engine.live_ticket(tx, &ticket, TicketKind::Page)? else {
            return Ok(None);
        };
        let user = tx.get::<User>(&page.user_id)?.filter(|user| !user.blocked);
        match user {
            Some(user) => Ok(Some(engine.invite(
                tx,
                &user,
                Some(sha256_b64(&ticket)),
                &called.base,
            )?)),
            None => Ok::<_, Refusal>(None),
        }
    });
    let (status, content) = match invitation {
        Ok(Some(text)) => (
            StatusCode::OK,
            with_code(&engine.options.tenant_name, &text),
        ),
        Ok(None) => (
            StatusCode::NOT_FOUND,
            html! { p { "This link is unknown, used or expired. Ask for a new one." } },
        ),
        Err(refusal) => return refusal.into_response(),
    };
    let headers = [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, document(&content)).into_response()
}

fn document(content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Enrol a device" }
                style { "body{font:1rem/1.5 system-ui,sans-serif;max-width:28rem;margin:2rem auto;padding:0 1rem}svg{width:100%;height:auto}code{overflow-wrap:anywhere}" }
            }
            body { h1 { "Enrol a device" } (content) }
        }
    }
}

fn with_code(tenant: &str, invitation: &str) -> Markup {
    html! {
        p { "Scan this code with the authenticator app of " strong { (tenant) } ". It works once and for five minutes; reload the page for a new one." }
        @if let Some(svg) = qr_svg(invitation) { (svg) }
        p { "Without a camera, copy this text into the app:" }
        p { code { (invitation) } }
    }
}

/// The code as an SVG path of unit squares with the quiet zone of four modules.
fn qr_svg(text: &str) -> Option<Markup> {
    let code = QRBuilder::new(text).build().ok()?;
    let side = code.size + 8;
    let mut path = String::new();
    for y in 0..code.size {
        for x in 0..code.size {
            if code[y][x].value() {
                path.push_str(&format!("M{} {}h1v1h-1z", x + 4, y + 4));
            }
        }
    }
    Some(html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {side} {side}")) role="img" aria-label="Enrolment QR code" {
            rect width=(side) height=(side) fill="#fff" {}
            (PreEscaped(format!(r##"<path d="{path}" fill="#000"/>"##)))
        }
    })
}
