//! The log of exchanges: what went over the wire, with every secret masked.

use axum::body::Bytes;
use axum::http::{HeaderMap, Uri};

use crate::engine::Engine;
use crate::snapshot::Exchange;
use crate::state::{LoggedExchange, StateError};
use crate::text::{mask, random_token};

const MAX_BODY_CHARS: usize = 8_192;
const KEEP: u32 = 500;

/// Members, parameters and query keys whose values are secrets.
const SECRET_NAMES: &[&str] = &[
    "access_token",
    "auth_req_id",
    "aws_access_key_id",
    "aws_secret_access_key",
    "challenge_response",
    "client_assertion",
    "client_notification_token",
    "client_secret",
    "consent",
    "enrollment_tx_id",
    "id_token",
    "id_token_hint",
    "login_hint_token",
    "p12",
    "password",
    "recovery_code",
    "refresh_token",
    "request",
    "secret",
    "server_credentials",
    "server_key",
    "ticket",
    "ticket_id",
    "ticket_url",
    "token",
    "txtkn",
];
const SECRET_HEADERS: &[&str] = &["authorization", "cookie", "mfa-dpop", "set-cookie", "dpop"];

/// One side of an exchange as it is kept.
pub(crate) struct Side<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
}

/// The masked record of an exchange.
pub(crate) fn exchange(
    at: String,
    method: &str,
    uri: &Uri,
    status: u16,
    took_ms: u64,
    request: &Side<'_>,
    response: &Side<'_>,
) -> Exchange {
    Exchange {
        at,
        method: method.to_owned(),
        path: masked_uri(uri),
        status,
        request_headers: masked_headers(request.headers),
        request_body: masked_body(request),
        response_headers: masked_headers(response.headers),
        response_body: masked_body(response),
        took_ms,
    }
}

/// Keeps an exchange, and only the newest ones.
pub(crate) fn keep(engine: &Engine, at_ms: i64, exchange: Exchange) {
    let record = LoggedExchange {
        id: random_token(12),
        at_ms,
        exchange,
    };
    let kept = engine.db.write(|tx| {
        tx.put(&record)?;
        tx.keep_newest::<LoggedExchange>(KEEP)
    });
    if let Err::<(), StateError>(error) = kept {
        tracing::warn!(%error, "exchange log");
    }
}

fn secret_name(name: &str) -> bool {
    SECRET_NAMES.contains(&name)
}

fn masked_uri(uri: &Uri) -> String {
    match uri.query() {
        Some(query) => format!("{}?{}", uri.path(), masked_form(query)),
        None => uri.path().to_owned(),
    }
}

fn masked_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let masked = |name: &str, value: &str| {
        if !SECRET_HEADERS.contains(&name) {
            return value.to_owned();
        }
        match value.split_once(' ') {
            Some((scheme, secret)) => format!("{scheme} {}", mask(secret)),
            None => mask(value),
        }
    };
    headers
        .iter()
        .map(|(name, value)| {
            (
                name.to_string(),
                masked(name.as_str(), &String::from_utf8_lossy(value.as_bytes())),
            )
        })
        .collect()
}

fn masked_body(side: &Side<'_>) -> String {
    let Ok(text) = std::str::from_utf8(side.body) else {
        return format!("[{} bytes]", side.body.len());
    };
    let kind = side
        .headers
        .get("content-type")
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let masked = match kind.split(';').next().unwrap_or_default().trim() {
        _ if text.is_empty() => String::new(),
        "application/json" => masked_json(text),
        "application/x-www-form-urlencoded" => masked_form(text),
        // A page may show an invitation, unknown types anything.
        _ => format!("[{} bytes]", text.len()),
    };
    if masked.chars().count() <= MAX_BODY_CHARS {
        return masked;
    }
    let mut cut: String = masked.chars().take(MAX_BODY_CHARS).collect();
    cut.push('…');
    cut
}

fn masked_form(text: &str) -> String {
    let pairs = form_urlencoded::parse(text.as_bytes()).map(|(name, value)| {
        let value = if secret_name(&name) {
            mask(&value)
        } else {
            value.into_owned()
        };
        format!("{name}={value}")
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// Masks the values of secret members in JSON text and leaves every other character as it is, so
/// that numbers are shown as they were sent. Text that is no JSON is masked as far as it goes.
pub(crate) fn masked_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut secret = false;
    while let Some(start) = rest.find('"') {
        let (before, quoted) = rest.split_at(start);
        out.push_str(before);
        let end = string_end(quoted);
        let (string, after) = quoted.split_at(end);
        let content = string.trim_matches('"');
        let is_name = after.trim_start().starts_with(':');
        if is_name {
            // A secret object is masked member by member.
            secret = secret_name(content) || (secret && before.trim_end().ends_with('{'));
            out.push_str(string);
        } else if secret {
            out.push('"');
            out.push_str(&mask(content));
            out.push('"');
            secret = false;
        } else {
            out.push_str(&if content.starts_with("otpauth:") {
                format!("\"{}\"", mask(content))
            } else {
                string.to_owned()
            });
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Index after the closing quote of the string that `text` starts with.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_in_json_are_masked_and_everything_else_stays_as_it_was() {
        let text = r#"{"client_secret":"s3cr\"et","amount":249.00,"list":["token"],"token" : "abc","x":{"id_token":"abcdefghijklmnopqrstuvwxyz"}}"#;
        let expected = r#"{"client_secret":"•••","amount":249.00,"list":["token"],"token" : "•••","x":{"id_token":"abcd•••"}}"#;
        assert_eq!(masked_json(text), expected);
    }

    #[test]
    fn secrets_in_forms_and_queries_are_masked() {
        assert_eq!(
            masked_form("client_id=a&client_secret=hunter2&auth_req_id=x%2By"),
            "client_id=a&client_secret=•••&auth_req_id=•••"
        );
        let uri: Uri = "/guardian/enroll?ticket=gten_1".parse().expect("uri");
        assert_eq!(masked_uri(&uri), "/guardian/enroll?ticket=•••");
    }

    #[test]
    fn secret_headers_keep_their_scheme_only() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer abc".parse().expect("header"));
        headers.insert("user-agent", "phone".parse().expect("header"));
        let masked = masked_headers(&headers);
        assert!(masked.contains(&("authorization".into(), "Bearer •••".into())));
        assert!(masked.contains(&("user-agent".into(), "phone".into())));
    }

    proptest! {
        #[test]
        fn any_text_can_be_masked(text in ".{0,200}") {
            let _ = masked_json(&text);
        }
    }
}
