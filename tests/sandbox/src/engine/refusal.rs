//! Why a client application's call is refused: the errors of CIBA Core §11 and §13, RFC 6749 §5.2.

use crate::state::StateError;

/// An error answer of the OpenID Provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) error: &'static str,
    pub(crate) description: String,
    /// Seconds to wait, also sent as `Retry-After`.
    pub(crate) retry_after: Option<u32>,
    /// The new polling interval, for `slow_down`.
    pub(crate) interval: Option<u32>,
    /// Whether the client tried the Basic scheme, which then has to be challenged.
    pub(crate) challenge_basic: bool,
}

impl Refusal {
    pub(crate) fn new(status: u16, error: &'static str, description: &str) -> Self {
        Refusal {
            status,
            error,
            description: printable(description),
            retry_after: None,
            interval: None,
            challenge_basic: false,
        }
    }

    /// 400 `invalid_request`.
    pub(crate) fn invalid(description: &str) -> Self {
        Self::new(400, "invalid_request", description)
    }

    /// 401 `invalid_client`.
    pub(crate) fn client() -> Self {
        Self::new(401, "invalid_client", "Client authentication failed")
    }

    /// 400 `unauthorized_client`.
    pub(crate) fn unauthorized(description: &str) -> Self {
        Self::new(400, "unauthorized_client", description)
    }

    /// 429 with the seconds to wait.
    pub(crate) fn too_many(seconds: u32) -> Self {
        Refusal {
            retry_after: Some(seconds),
            ..Self::new(429, "too_many_requests", "Rate limit exceeded.")
        }
    }
}

impl From<StateError> for Refusal {
    fn from(error: StateError) -> Self {
        tracing::error!(%error, "state");
        Self::new(500, "server_error", "")
    }
}

/// Keeps a description within the characters RFC 6749 §5.2 allows.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            ' '..='!' | '#'..='[' | ']'..='~' => c,
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_never_leaves_the_allowed_characters() {
        let refusal = Refusal::invalid("a \"quoted\" \\ text\r\n é");
        assert_eq!(refusal.description, "a ?quoted? ? text?? ?");
    }
}
