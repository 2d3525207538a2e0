//! Details that are too long for Keycloak, lodged here by the client and named by their digest.
//!
//! Keycloak passes on at most five further parameters of at most 200 characters and drops the rest
//! without a word. A reference of 50 characters gets through. It is the digest of what it stands
//! for, so that nobody can exchange the details between lodging and asking, whoever lodged them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Json, Response};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{BridgeEvent, fits};
use crate::engine::Engine;
use crate::engine::refusal::Refusal;
use crate::op::media_type;
use crate::text::sha256_b64;

/// Largest details.
pub(super) const MAX_BYTES: usize = 16 * 1024;
/// Longer than any request lives before it is sent.
const LIFE_S: i64 = 600;
/// The oldest make room for new ones.
const MAX_LODGED: usize = 1_000;

/// What was lodged, oldest first.
#[derive(Default)]
pub(super) struct Lodged(Mutex<VecDeque<Item>>);

struct Item {
    reference: String,
    text: String,
    expires_ms: i64,
}

impl Lodged {
    /// Keeps details; the same ones again live as long as new ones.
    fn put(&self, text: &str, now_ms: i64) -> String {
        let reference = reference(text);
        let mut items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        items.retain(|item| item.expires_ms > now_ms && item.reference != reference);
        if items.len() == MAX_LODGED {
            items.pop_front();
        }
        items.push_back(Item {
            reference: reference.clone(),
            text: text.to_owned(),
            expires_ms: now_ms + LIFE_S * 1000,
        });
        reference
    }

    pub(super) fn get(&self, reference: &str, now_ms: i64) -> Option<String> {
        let items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        items
            .iter()
            .find(|item| item.reference == reference && item.expires_ms > now_ms)
            .map(|item| item.text.clone())
    }
}

/// `sha256.` and the digest of the bytes as lodged, base64url.
fn reference(text: &str) -> String {
    format!("sha256.{}", sha256_b64(text))
}

/// `POST /keycloak/details`: `authorization_details` as JSON, exactly as the phone is to get them.
pub(super) async fn lodge(
    State(engine): State<Arc<Engine>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let bridge = engine.bridge.as_ref().ok_or_else(unknown)?;
    // Also keeps web pages of other origins out: a form cannot send this type.
    if media_type(&headers).as_deref() != Some("application/json") {
        return Err(Refusal::invalid("The body must be application/json"));
    }
    fits(&body)?;
    let text = std::str::from_utf8(&body)
        .ok()
        .filter(|text| acceptable(text))
        .ok_or_else(malformed)?;
    let reference = bridge.lodged.put(text, engine.now_ms());
    bridge.tell(BridgeEvent::Lodged {
        reference: reference.clone(),
    });
    let answer = json!({ "authorization_details_ref": reference, "expires_in": LIFE_S });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// RFC 9396 §2: an array of objects, each with a `type`. Everything else is for the person to judge.
pub(super) fn acceptable(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Typed {
        r#type: String,
    }
    let objects: Option<Vec<&RawValue>> = serde_json::from_str(text).ok();
    objects.is_some_and(|objects| {
        !objects.is_empty()
            && text.len() <= MAX_BYTES
            && objects.iter().all(|object| {
                object.get().starts_with('{')
                    && serde_json::from_str::<Typed>(object.get())
                        .is_ok_and(|typed| !typed.r#type.is_empty())
            })
    })
}

pub(super) fn malformed() -> Refusal {
    Refusal::new(
        400,
        "invalid_authorization_details",
        "authorization_details must be an array of objects with a type, 16 KB at most",
    )
}

fn unknown() -> Refusal {
    Refusal::new(404, "not_found", "There is nothing at this path")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"[{"type":"x","amount":249.00}]"#;

    #[test]
    fn details_are_found_by_their_digest_until_they_are_too_old() {
        let lodged = Lodged::default();
        let reference = lodged.put(TEXT, 0);
        assert_eq!(reference.len(), 50);
        assert_eq!(lodged.get(&reference, 599_999).as_deref(), Some(TEXT));
        assert_eq!(lodged.get(&reference, 600_000), None);
        assert_eq!(lodged.get("sha256.", 0), None);
    }

    #[test]
    fn lodging_again_renews_and_never_doubles() {
        let lodged = Lodged::default();
        let reference = lodged.put(TEXT, 0);
        assert_eq!(lodged.put(TEXT, 300_000), reference);
        assert_eq!(lodged.get(&reference, 899_999).as_deref(), Some(TEXT));
        assert_eq!(lodged.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_flood_pushes_out_the_oldest_and_takes_no_more_room() {
        let lodged = Lodged::default();
        let first = lodged.put(TEXT, 0);
        for i in 0..MAX_LODGED {
            lodged.put(&format!(r#"[{{"type":"t{i}"}}]"#), 0);
        }
        assert_eq!(lodged.get(&first, 0), None);
        assert_eq!(lodged.0.lock().unwrap().len(), MAX_LODGED);
    }

    #[test]
    fn what_is_no_array_of_typed_objects_is_not_taken() {
        assert!(acceptable(TEXT));
        for text in [
            "",
            "[]",
            "{}",
            "[1]",
            r#"["type"]"#,
            "[{}]",
            r#"[{"type":1}]"#,
            r#"[{"type":""}]"#,
            r#"[{"type":"a","type":"b"}]"#,
            r#"[{"type":"a"}] x"#,
        ] {
            assert!(!acceptable(text), "{text}");
        }
        let long = format!(r#"[{{"type":"{}"}}]"#, "x".repeat(MAX_BYTES));
        assert!(!acceptable(&long));
    }
}
