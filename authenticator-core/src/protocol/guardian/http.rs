//! What all requests of the dialect have in common: headers, time limit, size limit.

use crate::error::{Error, ErrorCode, Result};
use crate::json::{self, Value};
use crate::protocol::Wire;
use crate::transport::{HttpHeader, HttpRequest};

/// The answer JWT lives 30 s; a request must not outlive it.
const TIMEOUT_MS: u32 = 25_000;
pub(super) const SMALL_ANSWER: u32 = 64 * 1024;
pub(super) const CONSENT_ANSWER: u32 = 256 * 1024;

pub(super) struct Call<'a> {
    pub method: &'a str,
    pub url: String,
    pub authorization: String,
    /// Further header, by name.
    pub proof: Option<(&'a str, String)>,
    pub body: Option<&'a Value>,
    pub max_answer: u32,
}

pub(super) fn request(wire: &Wire<'_>, call: Call<'_>) -> Result<HttpRequest> {
    let mut headers = vec![header("Authorization", call.authorization)?];
    if let Some((name, proof)) = call.proof {
        headers.push(header(name, proof)?);
    }
    headers.push(header("Auth0-Client", wire.client.to_owned())?);
    // An unusable language tag is left out: it must never keep a denial from being sent.
    if is_language_tag(wire.locale) {
        headers.push(header("Accept-Language", wire.locale.to_owned())?);
    }
    if call.body.is_some() {
        headers.push(header("Content-Type", "application/json".to_owned())?);
    }
    Ok(HttpRequest {
        method: call.method.to_owned(),
        url: call.url,
        headers,
        body: call.body.map(|body| json::write(body).into_bytes()),
        timeout_ms: TIMEOUT_MS,
        max_answer: call.max_answer,
    })
}

/// Only printable ASCII: nothing that came from outside can start a header of its own.
fn header(name: &str, value: String) -> Result<HttpHeader> {
    if value.is_empty() || !value.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return Err(Error::new(
            ErrorCode::ArgumentInvalid,
            format!("the header {name} would hold characters that HTTP cannot carry"),
        ));
    }
    Ok(HttpHeader {
        name: name.to_owned(),
        value,
    })
}

/// The shape of a tag of RFC 5646.
fn is_language_tag(text: &str) -> bool {
    text.len() <= 64
        && text.split('-').all(|subtag| {
            (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric())
        })
}

/// A printable token without spaces, as it may stand behind `Bearer` and its like.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}
