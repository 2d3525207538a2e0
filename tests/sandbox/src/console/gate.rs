//! What protects the pages, beside the check of `Host` and `Origin` that the whole listener has:
//! headers that forbid anything foreign, and forms that only this run of the console can have made.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use subtle::ConstantTimeEq as _;

use super::{Console, pages};

/// A form of the console is smaller; a payload never comes in through one.
const LARGEST_FORM: usize = 16 * 1024;

const HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Not `no-referrer`: with it browsers send `Origin: null` for our own forms too
    // (Fetch standard, "append a request `Origin` header"), and the check of `Origin` refuses that.
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Puts the protective headers on every answer.
pub(super) async fn protect(request: Request, next: Next) -> Response {
    let mut answer = next.run(request).await;
    for (name, value) in HEADERS {
        answer
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// Refuses a POST that lacks the token: another site can make a browser send one, but cannot read the token.
pub(super) async fn own_forms_only(
    State(console): State<Console>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(form) = to_bytes(body, LARGEST_FORM).await else {
        return refuse(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Too large",
            "No form of the console is that large.",
        );
    };
    let sent = form_urlencoded::parse(&form)
        .find(|(name, _)| name == "token")
        .map(|(_, value)| value);
    if sent.is_some_and(|sent| sent.as_bytes().ct_eq(console.token.as_bytes()).into()) {
        return next.run(Request::from_parts(parts, Body::from(form))).await;
    }
    let reason = "The form is not of this run of the sandbox. Load the page again and repeat.";
    refuse(StatusCode::FORBIDDEN, "Not done", reason)
}

pub(super) fn refuse(status: StatusCode, title: &str, reason: &str) -> Response {
    (status, pages::refusal(title, reason)).into_response()
}
