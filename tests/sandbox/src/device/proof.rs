//! The proof of possession that goes with a consent request (RFC 9449 §4.3, under the header name
//! `MFA-DPoP`).

use axum::http::HeaderMap;
use serde::Deserialize;

use super::DeviceError;
use crate::engine::Engine;
use crate::jose::{Compact, DeviceKey, numeric_date_ms};
use crate::state::{Tx, UsedJti};
use crate::text::sha256_b64;

/// Scheme and proof header have the same name.
pub(super) const NAME: &str = "MFA-DPoP";
const WINDOW_MS: i64 = 60_000;
const STRICT_WINDOW_MS: i64 = 5_000;

#[derive(Deserialize)]
struct Claims {
    htm: String,
    htu: String,
    ath: String,
    jti: String,
    iat: f64,
}

/// Checks the proof for a GET of one of `urls` with `token`, and uses up its `jti`.
pub(super) fn check(
    engine: &Engine,
    tx: &Tx<'_>,
    headers: &HeaderMap,
    key: &DeviceKey,
    token: &str,
    urls: &[String],
) -> Result<(), DeviceError> {
    let mut proofs = headers.get_all(NAME).iter();
    let (Some(proof), None) = (proofs.next(), proofs.next()) else {
        return Err(DeviceError::INVALID_PROOF);
    };
    let jws = proof
        .to_str()
        .ok()
        .and_then(Compact::parse)
        .ok_or(DeviceError::INVALID_PROOF)?;
    let embedded = jws
        .header
        .jwk
        .as_ref()
        .and_then(|jwk| DeviceKey::from_jwk(jwk, engine.options.allow_es256));
    let typ = jws.header.typ.as_deref();
    if typ != Some("dpop+jwt") || embedded.as_ref() != Some(key) || !key.signed(&jws) {
        return Err(DeviceError::INVALID_PROOF);
    }
    let claims: Claims = jws.claims().ok_or(DeviceError::INVALID_PROOF)?;
    let window = if engine.options.strict_dpop {
        STRICT_WINDOW_MS
    } else {
        WINDOW_MS
    };
    let age = numeric_date_ms(claims.iat).map(|iat| (engine.wire_now_ms() - iat).abs());
    let fits = claims.htm == "GET"
        && urls.contains(&claims.htu)
        && claims.ath == sha256_b64(token)
        && age.is_some_and(|age| age <= window)
        && (1..=256).contains(&claims.jti.len());
    let jti = UsedJti {
        id: format!("dpop|{}|{}", key.thumbprint(), claims.jti),
        until_ms: engine.now_ms() + 2 * WINDOW_MS,
    };
    if fits && tx.insert(&jti)? {
        Ok(())
    } else {
        Err(DeviceError::INVALID_PROOF)
    }
}
