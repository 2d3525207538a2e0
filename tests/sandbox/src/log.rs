//! The log of exchanges: what went over the wire, with every secret masked.

use axum::body::Bytes;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Uri};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::engine::Engine;
use crate::snapshot::Exchange;
use crate::state::{LoggedExchange, StateError};
use crate::text::{mask, random_token};

const MAX_BODY_CHARS: usize = 8_192;
const KEEP: u32 = 500;

/// Members, parameters and query keys whose values are secrets.
const SECRET_NAMES: &[&str] = &[
    "auth_url",
    "authcodekey",
    "access_token",
    "auth_req_id",
    "aws_access_key_id",
    "aws_secret_access_key",
    "challenge_response",
    "assertion",
    "client_assertion",
    "code_verifier",
    "client_notification_token",
    "client_secret",
    "consent",
    "enrollment_tx_id",
    "form_token",
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
/// Members of a private JWK (RFC 7518 §6). A device that sends one by mistake is refused, not exposed.
const PRIVATE_JWK: &[&str] = &["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
const SECRET_HEADERS: &[&str] = &[
    "authorization",
    "cookie",
    "dpop",
    "mfa-dpop",
    "proxy-authorization",
    "set-cookie",
];
/// What may stand in front of a secret in a header. Another first word may be the secret itself.
const SCHEMES: &[&str] = &["basic", "bearer", "dpop", "mfa-dpop", "ticket"];
/// Headers that may carry a URL with a secret in its query.
const URL_HEADERS: &[&str] = &["content-location", "location", "referer"];

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
        request_id: None,
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

/// Lenient about what a server would refuse: a misspelt secret is still one.
fn secret_name(name: &str) -> bool {
    let name = name.split('[').next().unwrap_or_default().trim();
    SECRET_NAMES
        .iter()
        .any(|secret| name.eq_ignore_ascii_case(secret))
}

/// An invitation holds a ticket.
fn secret_text(text: &str) -> bool {
    let scheme = text.trim_start().as_bytes().get(..8);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"otpauth:"))
}

fn masked_uri(uri: &Uri) -> String {
    masked_url(uri.path_and_query().map_or("", PathAndQuery::as_str))
}

fn masked_url(url: &str) -> String {
    match url.split_once('?') {
        Some((path, query)) => format!("{path}?{}", masked_form(query)),
        None => url.to_owned(),
    }
}

fn masked_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let masked = |name: &str, value: &str| {
        if URL_HEADERS.contains(&name) {
            return masked_url(value);
        }
        if !SECRET_HEADERS.contains(&name) {
            return value.to_owned();
        }
        match value.split_once(' ') {
            Some((scheme, secret)) if SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) => {
                format!("{scheme} {}", mask(secret))
            }
            _ => mask(value),
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
        return size_only(side.body.len());
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
        _ => size_only(text.len()),
    };
    if masked.chars().count() <= MAX_BODY_CHARS {
        return masked;
    }
    let mut cut: String = masked.chars().take(MAX_BODY_CHARS).collect();
    cut.push('…');
    cut
}

/// What is kept of a body that cannot be masked.
fn size_only(bytes: usize) -> String {
    format!("({bytes} bytes)")
}

fn masked_form(text: &str) -> String {
    // A body that is no form is one long name to the parser.
    let plain = |name: &str| {
        name.len() <= 64
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-.[] ".contains(&b))
    };
    let pairs = form_urlencoded::parse(text.as_bytes()).map(|(name, value)| {
        if !plain(&name) {
            return mask(&name);
        }
        if secret_name(&name) || secret_text(&value) {
            return format!("{name}={}", mask(&value));
        }
        format!("{name}={value}")
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// Masks everything below secret members of JSON text and leaves every other character as it is, so
/// that numbers are shown as they were sent. Of text that is no JSON only the length is kept.
pub(crate) fn masked_json(text: &str) -> String {
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return size_only(text.len());
    }
    // Only where there is a key: the time of a push is called `d` too.
    let key = serde_json::from_str(text).map_or(true, |value| holds_jwk(&value));
    let is_secret = |name: &str| secret_name(name) || (key && PRIVATE_JWK.contains(&name));
    let mut out = String::with_capacity(text.len());
    // For each open object or array: whether all of it is secret.
    let mut open = Vec::new();
    let mut secret = false;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (token, after) = rest.split_at(token_end(rest, first));
        let within = open.last().copied().unwrap_or(false);
        match first {
            '{' | '[' => open.push(secret),
            '}' | ']' => {
                open.pop();
            }
            ',' => secret = within,
            _ => {}
        }
        match first {
            '"' => {
                let is_name = after.trim_start().starts_with(':');
                // Half a surrogate pair has no text; then the value is masked to be safe.
                let decoded: Option<String> = serde_json::from_str(token).ok();
                if is_name {
                    secret = within || decoded.as_deref().is_none_or(is_secret);
                }
                let hide = match (&decoded, is_name) {
                    (_, true) => within,
                    (Some(value), false) => secret || secret_text(value),
                    (None, false) => secret,
                };
                if hide {
                    // In quotes again: what is left of the secret may need escapes.
                    let masked = mask(decoded.as_deref().unwrap_or_default());
                    out.push_str(&Value::String(masked).to_string());
                } else {
                    out.push_str(token);
                }
            }
            '-' | '0'..='9' | 't' | 'f' | 'n' if secret => {
                out.push_str(&Value::String(mask("")).to_string());
            }
            _ => out.push_str(token),
        }
        rest = after;
    }
    out
}

fn holds_jwk(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.contains_key("kty") || members.values().any(holds_jwk),
        Value::Array(items) => items.iter().any(holds_jwk),
        _ => false,
    }
}

/// Length of the string, number, word or single character that `text` starts with.
fn token_end(text: &str, first: char) -> usize {
    match first {
        '"' => string_end(text),
        '-' | '0'..='9' | 't' | 'f' | 'n' => text
            .find(|c: char| matches!(c, ',' | ']' | '}') || c.is_ascii_whitespace())
            .unwrap_or(text.len()),
        _ => first.len_utf8(),
    }
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
    fn a_secret_member_is_known_by_its_decoded_name() {
        for name in [
            r"client\u005fsecret",
            r"\u0063lient_secret",
            "Client_Secret",
            " client_secret",
        ] {
            let masked = masked_json(&format!(r#"{{"{name}":"hunter2"}}"#));
            assert!(!masked.contains("hunter2"), "{masked}");
        }
    }

    #[test]
    fn everything_below_a_secret_name_is_masked() {
        for value in [
            r#"["hunter2"]"#,
            r#"["a",["hunter2"]]"#,
            r#"{"a":"b","c":"hunter2"}"#,
            r#"{"a":[{"b":"hunter2"}]}"#,
            r#"{"hunter2":1}"#,
            "[1,4711]",
            "4711",
        ] {
            let masked = masked_json(&format!(r#"{{"token":{value},"after":"kept"}}"#));
            assert!(
                !masked.contains("hunter2") && !masked.contains("4711"),
                "{masked}"
            );
            assert!(masked.ends_with(r#""after":"kept"}"#), "{masked}");
        }
    }

    #[test]
    fn the_private_half_of_a_key_is_masked_and_other_short_names_are_not() {
        for kty in ["kty", r"\u006bty"] {
            let body = format!(r#"{{"public_key":{{"{kty}":"RSA","n":"abc","d":"hunter2"}}}}"#);
            let masked = masked_json(&body);
            assert!(
                masked.contains("abc") && !masked.contains("hunter2"),
                "{masked}"
            );
        }
        let push = r#"{"d":"2026-01-15T10:30:00.000Z","k":1}"#;
        assert_eq!(masked_json(push), push);
    }

    #[test]
    fn of_text_that_is_no_json_only_the_length_is_kept() {
        for text in [
            r#"{"client_secret":"hunter2"#,
            r#"{"client_secret":hunter2}"#,
            r#"{"client_secret":"a"} hunter2"#,
            r#"{'client_secret':'hunter2'}"#,
            "hunter2",
        ] {
            assert_eq!(masked_json(text), size_only(text.len()));
        }
    }

    #[test]
    fn an_invitation_is_masked_wherever_it_stands() {
        for text in [
            r#"{"invitation":"otpauth://totp/x?enrollment_tx_id=hunter2"}"#,
            r#"["\u006ftpauth://totp/x?enrollment_tx_id=hunter2"]"#,
        ] {
            assert!(!masked_json(text).contains("hunter2"));
        }
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
    fn no_spelling_of_a_parameter_shows_its_secret() {
        for text in [
            "client%5Fsecret=hunter2",
            "CLIENT_SECRET=hunter2",
            "client_secret[]=hunter2",
            "+client_secret=hunter2",
            "client_secret=a&client_secret=hunter2",
            // JSON under the wrong content type.
            r#"{"client_secret":"hunter2"}"#,
        ] {
            assert!(!masked_form(text).contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn secret_headers_keep_their_scheme_only() {
        let masked = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().expect("header"));
            masked_headers(&headers).remove(0).1
        };
        assert_eq!(masked("authorization", "Bearer abc"), "Bearer •••");
        assert_eq!(masked("authorization", "ticket id=\"abc\""), "ticket •••");
        assert_eq!(masked("authorization", "hunter2"), "•••");
        assert_eq!(masked("authorization", "hunter2 again"), "•••");
        assert_eq!(
            masked("proxy-authorization", "Basic aHVudGVyMg=="),
            "Basic •••"
        );
        assert_eq!(
            masked("referer", "http://localhost/guardian/enroll?ticket=abc"),
            "http://localhost/guardian/enroll?ticket=•••"
        );
        assert_eq!(masked("user-agent", "phone 1"), "phone 1");
    }

    #[test]
    fn a_body_of_another_type_is_kept_as_its_length() {
        let (headers, body) = (
            HeaderMap::new(),
            Bytes::from_static(b"client_secret=hunter2"),
        );
        let side = Side {
            headers: &headers,
            body: &body,
        };
        assert_eq!(masked_body(&side), "(21 bytes)");
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "\\PC{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::btree_map("[a-z\"\\\\]{0,6}", inner, 0..5)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_text_can_be_masked(text in ".{0,200}") {
            let _ = masked_json(&text);
            let _ = masked_form(&text);
        }

        #[test]
        fn json_without_a_secret_stays_byte_for_byte(value in json()) {
            let text = format!("{value:#}");
            prop_assume!(!SECRET_NAMES.iter().any(|name| text.contains(name)));
            prop_assert_eq!(masked_json(&text), text);
        }

        #[test]
        fn nothing_below_a_secret_name_survives(value in json()) {
            let masked = masked_json(&serde_json::json!({ "secret": value }).to_string());
            let read: serde_json::Value = serde_json::from_str(&masked).expect("still JSON");
            let mut left = Vec::new();
            leaves(&read["secret"], &mut left);
            prop_assert!(left.iter().all(|leaf| leaf == "•••"));
        }
    }

    fn leaves(value: &serde_json::Value, found: &mut Vec<serde_json::Value>) {
        match value {
            serde_json::Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
            serde_json::Value::Object(members) => {
                members.values().for_each(|item| leaves(item, found));
            }
            leaf => found.push(leaf.clone()),
        }
    }
}
