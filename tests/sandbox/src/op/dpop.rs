//! DPoP (RFC 9449) at the token and the user-info endpoint: tokens that only their client can use.
//! Switched on with [`crate::Options::dpop`]; without it the header is ignored, as by a server that
//! does not know it.

use axum::http::{HeaderMap, header};
use serde::Deserialize;

use crate::device::accepted_urls;
use crate::engine::Engine;
use crate::engine::refusal::Refusal;
use crate::jose::{Compact, DeviceKey, numeric_date_ms};
use crate::server::Called;
use crate::state::UsedJti;
use crate::text::sha256_b64;

/// Algorithms of proofs, for the metadata.
pub(super) const ALGORITHMS: [&str; 2] = ["ES256", "RS256"];
const NAME: &str = "dpop";
const WINDOW_MS: i64 = 60_000;

#[derive(Deserialize)]
struct Claims {
    htm: String,
    htu: String,
    ath: Option<String>,
    jti: String,
    iat: f64,
}

/// What a proof is of.
pub(super) struct Use<'a> {
    pub(super) called: &'a Called,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    /// The access token that is presented with it.
    pub(super) token: Option<&'a str>,
}

/// The thumbprint of the key that a request proves to have; `None` without a proof.
pub(super) fn proven(
    engine: &Engine,
    headers: &HeaderMap,
    of: &Use<'_>,
) -> Result<Option<String>, Refusal> {
    if !engine.options.dpop {
        return Ok(None);
    }
    let mut proofs = headers.get_all(NAME).iter();
    let proof = match (proofs.next(), proofs.next()) {
        (None, _) => return Ok(None),
        (Some(proof), None) => proof.to_str().map_err(|_| refused())?,
        (Some(_), Some(_)) => return Err(refused()),
    };
    let jws = Compact::parse(proof).ok_or_else(refused)?;
    let jwk = jws.header.jwk.as_ref().ok_or_else(refused)?;
    let key = DeviceKey::from_jwk(jwk, true).ok_or_else(refused)?;
    if jws.header.typ.as_deref() != Some("dpop+jwt") || !key.signed(&jws) {
        return Err(refused());
    }
    let claims: Claims = jws.claims().ok_or_else(refused)?;
    let age = numeric_date_ms(claims.iat).map(|iat| (engine.now_ms() - iat).abs());
    let fits = claims.htm == of.method
        && accepted_urls(engine, of.called, of.path).contains(&claims.htu)
        && claims.ath == of.token.map(sha256_b64)
        && age.is_some_and(|age| age <= WINDOW_MS)
        && (1..=256).contains(&claims.jti.len());
    let thumbprint = key.thumbprint();
    let jti = UsedJti {
        id: format!("{NAME}|{thumbprint}|{}", claims.jti),
        until_ms: engine.now_ms() + 2 * WINDOW_MS,
    };
    let fresh = fits
        && engine
            .db
            .write(|tx| tx.insert(&jti).map_err(Refusal::from))?;
    if fresh {
        Ok(Some(thumbprint))
    } else {
        Err(refused())
    }
}

/// The token of an `Authorization: DPoP` header (RFC 9449 §7.1).
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case(NAME).then_some(token.trim())
}

fn refused() -> Refusal {
    Refusal::new(400, "invalid_dpop_proof", "The DPoP proof is not valid")
}
