//! Error bodies of the Management API, and reading of its bodies.

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::state::StateError;

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: &'static str,
}

impl ApiError {
    pub(crate) const UNAUTHORIZED: Self = Self {
        status: StatusCode::UNAUTHORIZED,
        code: "invalid_token",
        message: "The management token is missing or wrong",
    };
    pub(crate) const NOT_FOUND: Self = Self {
        status: StatusCode::NOT_FOUND,
        code: "inexistent_resource",
        message: "There is no such resource",
    };
    pub(crate) const CONFLICT: Self = Self {
        status: StatusCode::CONFLICT,
        code: "resource_conflict",
        message: "The resource exists already",
    };

    pub(crate) const fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self {
            status,
            code,
            message,
        }
    }

    /// 400 `invalid_body`.
    pub(crate) const fn body(message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_body", message)
    }
}

impl From<StateError> for ApiError {
    fn from(error: StateError) -> Self {
        tracing::error!(%error, "state");
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: "internal_error",
            message: "Internal error",
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({
            "statusCode": self.status.as_u16(),
            "error": self.status.canonical_reason().unwrap_or_default(),
            "message": self.message,
            "errorCode": self.code,
        });
        (self.status, Json(body)).into_response()
    }
}

/// Reads a body; anything wrong with it is a 400.
pub(crate) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|_| ApiError::body("The body is malformed"))
}
