//! What a push says, without a store: for a notification extension, which has little memory and must sign nothing.

use super::receive::{DEFAULT_LIFE_MS, challenge_id, origin, parse};
use super::{ChallengeId, Origin};
use crate::authenticator::unwinding;
use crate::enrollment::EnrollmentId;
use crate::error::Result;

/// What a push says about itself. A hint and nothing more: nobody has checked that its account is on this device.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
pub struct PushPreview {
    /// The id that [`crate::Authenticator::receive_push`] will give it: the same push always has the same.
    pub challenge: ChallengeId,
    /// The account it names.
    pub enrollment: EnrollmentId,
    /// Unix milliseconds, by the server's clock.
    pub requested_at: i64,
    /// Unix milliseconds, by the server's clock: when it ends unless its consent tells otherwise.
    pub expires_at: i64,
    /// Where the request came from, as the server claims, cleaned for a screen.
    pub origin: Origin,
    /// Whether there are details to fetch.
    pub has_details: bool,
}

/// Reads a push as [`crate::Authenticator::receive_push`] does, and keeps nothing of it: no store is opened, no key is
/// used, nothing is sent. For a notification extension; the app itself still has to receive the push.
///
/// Errors: `push_not_ours`, `push_malformed`.
///
/// ```
/// let push = r#"{"dai": "dev_1", "txtkn": "token", "c": "f3Zl", "d": "2026-01-15T10:30:00.000Z",
///                "sh": "bank-dev.eu.auth0.com", "s": {"b": {"n": "Safari", "v": "18.2"}}}"#;
/// let preview = authenticator_core::preview_push(push).unwrap();
/// assert_eq!(preview.enrollment.as_str(), "dev_1");
/// assert_eq!(preview.origin.browser.unwrap().shown, "Safari 18.2");
/// ```
#[cfg_attr(feature = "uniffi", uniffi::export)]
pub fn preview_push(payload: &str) -> Result<PushPreview> {
    unwinding(|| {
        let (_, push) = parse(payload)?;
        Ok(PushPreview {
            challenge: challenge_id(&push),
            enrollment: EnrollmentId::new(&push.enrollment),
            requested_at: push.requested_at,
            expires_at: push.requested_at.saturating_add(DEFAULT_LIFE_MS),
            origin: origin(push.source.as_ref(), push.location.as_ref()),
            has_details: push.consent_id.is_some(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    const PUSH: &str = r#"{"data": {"dai": "dev_1", "txtkn": "secret", "c": "f3Zl", "d": "2026-01-15T10:30:00.000Z",
        "sh": "bank-dev.eu.auth0.com", "txlnkid": "cns_0123456789abcdefghijkl"}}"#;

    #[test]
    fn a_preview_holds_what_a_notification_needs_and_no_secret() {
        let preview = preview_push(PUSH).expect("a push");
        assert!(preview.has_details);
        assert_eq!(preview.expires_at - preview.requested_at, 300_000);
        assert!(preview.challenge.as_str().starts_with("chl_"));
        assert!(!format!("{preview:?}").contains("secret"));
    }

    #[test]
    fn what_is_not_ours_or_not_whole_says_so() {
        let code = |payload: &str| preview_push(payload).expect_err("no push").code();
        assert_eq!(code(r#"{"aps": {}}"#), ErrorCode::PushNotOurs);
        assert_eq!(code(r#"{"dai": "dev_1"}"#), ErrorCode::PushMalformed);
        assert_eq!(code("not JSON"), ErrorCode::PushMalformed);
    }
}
