//! Who may talk to the console: a browser that called it by a loopback name, and forms that the console made itself.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq as _;

use super::{Console, pages};

/// A form of the console is smaller; a payload never comes in through one.
const LARGEST_FORM: usize = 16 * 1024;

const PROTECTIONS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Refuses every call under a name that is not loopback: a site whose name was rebound to 127.0.0.1
/// sends its own name. Puts the protective headers on every answer.
pub(super) async fn loopback_only(request: Request, next: Next) -> Response {
    let mut answer = if host(request.headers()).is_some_and(is_loopback) {
        next.run(request).await
    } else {
        refuse(
            StatusCode::MISDIRECTED_REQUEST,
            "Wrong name",
            "The console answers under localhost, 127.0.0.1 and [::1] only.",
        )
    };
    for (name, value) in PROTECTIONS {
        answer
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// Refuses a POST that did not come from a form of this console.
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
    let own = sent.is_some_and(|sent| bool::from(sent.as_bytes().ct_eq(console.token.as_bytes())));
    if !own || !same_origin(&parts.headers) {
        return refuse(
            StatusCode::FORBIDDEN,
            "Not done",
            "The form is not of this run of the sandbox. Load the page again and repeat.",
        );
    }
    next.run(Request::from_parts(parts, Body::from(form))).await
}

/// Browsers say where a form comes from in two headers. Under `Referrer-Policy: no-referrer` they send
/// `Origin: null` even for our own forms (Fetch standard, "append a request Origin header"),
/// which therefore counts only beside `Sec-Fetch-Site: same-origin`.
fn same_origin(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let origin = match headers.get(header::ORIGIN).map(HeaderValue::to_str) {
        None => return site.is_none_or(|site| site == b"same-origin"),
        Some(Err(_)) => return false,
        Some(Ok(origin)) => origin,
    };
    if origin == "null" {
        return site == Some(b"same-origin");
    }
    let named = origin.split_once("://").map(|(_, authority)| authority);
    named.is_some() && named == host(headers) && site.is_none_or(|site| site == b"same-origin")
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    name.eq_ignore_ascii_case("localhost") || name == "127.0.0.1" || name == "[::1]"
}

pub(super) fn refuse(status: StatusCode, title: &str, reason: &str) -> Response {
    (status, pages::refusal(title, reason)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_are_answered() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:1",
            "[::1]:8080",
            "[::1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "example.com",
            "127.0.0.1.example.com",
            "localhost.example.com:80",
            "127.0.0.1:80@evil.example",
            "0.0.0.0",
            "::1",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn a_form_of_another_origin_is_not_ours() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            [("host", "localhost:7000")]
                .iter()
                .chain(pairs)
                .map(|(name, value)| {
                    (
                        HeaderName::from_static(name),
                        HeaderValue::from_static(value),
                    )
                })
                .collect()
        };
        assert!(same_origin(&headers(&[])));
        assert!(same_origin(&headers(&[(
            "origin",
            "http://localhost:7000"
        )])));
        assert!(same_origin(&headers(&[
            ("origin", "null"),
            ("sec-fetch-site", "same-origin")
        ])));
        assert!(!same_origin(&headers(&[("origin", "null")])));
        assert!(!same_origin(&headers(&[(
            "origin",
            "http://localhost:7001"
        )])));
        assert!(!same_origin(&headers(&[(
            "origin",
            "https://evil.example"
        )])));
        assert!(!same_origin(&headers(&[("sec-fetch-site", "cross-site")])));
        assert!(!same_origin(&headers(&[
            ("sec-fetch-site", "same-site"),
            ("origin", "http://localhost:7000")
        ])));
    }
}
