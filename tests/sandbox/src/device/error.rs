//! Error bodies of the device API: one shape with the members both phone SDKs read.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;

use crate::state::StateError;

/// An error answer with its `errorCode`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeviceError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: &'static str,
}

impl DeviceError {
    pub(crate) const fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        DeviceError {
            status,
            code,
            message,
        }
    }

    pub(crate) const INVALID_TOKEN: Self =
        Self::new(StatusCode::UNAUTHORIZED, "invalid_token", "Invalid token");
    pub(crate) const INVALID_BODY: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "invalid_body",
        "Payload validation error",
    );
    pub(crate) const INVALID_CHALLENGE: Self = Self::new(
        StatusCode::UNAUTHORIZED,
        "invalid_challenge",
        "Invalid challenge response",
    );
    pub(crate) const INVALID_PROOF: Self = Self::new(
        StatusCode::FORBIDDEN,
        "invalid_dpop_assertion",
        "Invalid DPoP assertion",
    );
    pub(crate) const TRANSACTION_GONE: Self = Self::new(
        StatusCode::NOT_FOUND,
        "login_transaction_not_found",
        "Transaction not found",
    );
    pub(crate) const TICKET_GONE: Self = Self::new(
        StatusCode::NOT_FOUND,
        "enrollment_transaction_not_found",
        "Transaction not found",
    );
    pub(crate) const ENROLLMENT_GONE: Self = Self::new(
        StatusCode::NOT_FOUND,
        "enrollment_not_found",
        "Enrollment not found",
    );
    pub(crate) const ENROLLMENT_CONFLICT: Self = Self::new(
        StatusCode::CONFLICT,
        "enrollment_conflict",
        "The device is already enrolled",
    );
    pub(crate) const CONSENT_GONE: Self = Self::new(
        StatusCode::NOT_FOUND,
        "consent_not_found",
        "Consent not found",
    );
}

impl From<StateError> for DeviceError {
    fn from(error: StateError) -> Self {
        tracing::error!(%error, "state");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "Internal error",
        )
    }
}

impl IntoResponse for DeviceError {
    fn into_response(self) -> Response {
        let body = json!({
            "statusCode": self.status.as_u16(),
            "error": self.status.canonical_reason().unwrap_or_default(),
            "message": self.message,
            "errorCode": self.code,
            "description": self.message,
        });
        (self.status, Json(body)).into_response()
    }
}
