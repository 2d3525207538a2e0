//! The device account: new push address, unenrolment. Both are signed by the device itself.

use super::errors::{self, Call};
use super::{http, jwt, push, seconds, url};
use crate::error::{Error, ErrorCode, Result};
use crate::jose::Signer;
use crate::json::{self, Value};
use crate::protocol::{Answer, Identity, PushToken, Wire};
use crate::transport::{HttpRequest, HttpResponse};

const LIFETIME_SECONDS: i64 = 7200;

/// Other members stay as they are; the push address is always there because live servers demand it.
pub(super) fn update(
    wire: &Wire<'_>,
    identity: &Identity,
    signer: &dyn Signer,
    token: &PushToken,
) -> Result<HttpRequest> {
    let body = json::object([("push_credentials", push::credentials(token))]);
    request(wire, identity, signer, "PATCH", Some(&body))
}

pub(super) fn updated(answer: &HttpResponse) -> Answer<()> {
    if errors::is_success(answer) {
        return Ok(());
    }
    Err(errors::refusal(answer, Call::Device))
}

pub(super) fn unenroll(
    wire: &Wire<'_>,
    identity: &Identity,
    signer: &dyn Signer,
) -> Result<HttpRequest> {
    request(wire, identity, signer, "DELETE", None)
}

/// 404 means that there is nothing left to remove, unless it is the tenant that is unknown.
pub(super) fn unenrolled(answer: &HttpResponse) -> Answer<()> {
    if errors::is_success(answer) {
        return Ok(());
    }
    let refusal = errors::refusal(answer, Call::Device);
    match refusal.code.as_deref() {
        Some("enrollment_not_found") => Ok(()),
        Some("tenant_not_found") => Err(refusal),
        _ if refusal.status == 404 => Ok(()),
        _ => Err(refusal),
    }
}

fn request(
    wire: &Wire<'_>,
    identity: &Identity,
    signer: &dyn Signer,
    method: &str,
    body: Option<&Value>,
) -> Result<HttpRequest> {
    let accounts = format!("{}/api/device-accounts", identity.base_url);
    let account = url::segment(&identity.enrollment).ok_or_else(|| {
        Error::new(
            ErrorCode::ArgumentInvalid,
            "the enrollment id cannot be used in an address",
        )
    })?;
    let token = device_token(wire, identity, signer, &accounts)?;
    http::request(
        wire,
        http::Call {
            method,
            url: format!("{accounts}/{account}"),
            authorization: format!("Bearer {token}"),
            proof: None,
            body,
            max_answer: http::SMALL_ANSWER,
        },
    )
}

/// `aud` is the collection, without the id of the account.
fn device_token(
    wire: &Wire<'_>,
    identity: &Identity,
    signer: &dyn Signer,
    accounts: &str,
) -> Result<String> {
    let now = seconds(wire);
    let claims = json::object([
        ("iss", identity.enrollment.as_str().into()),
        ("sub", identity.user.as_str().into()),
        ("aud", accounts.into()),
        ("iat", now.into()),
        ("exp", (now + LIFETIME_SECONDS).into()),
    ]);
    jwt(signer, &claims)
}
