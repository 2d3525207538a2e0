//! Compact JWS, JWK, thumbprints and DPoP proofs: RS256 and ES256 and nothing else
//! (RFC 7515, 7517, 7518, 7638, 9449).

mod der;
mod jwk;
mod key_store_signer;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod test_key;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod vectors;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Error, ErrorCode, Result};
use crate::json::{self, Value};

pub(crate) use der::der_to_raw;
pub(crate) use jwk::Jwk;
pub(crate) use key_store_signer::KeyStoreSigner;

/// Signs bytes with one key.
pub(crate) trait Signer {
    fn jwk(&self) -> &Jwk;
    /// The signature in JWS form: RSASSA-PKCS1-v1_5, or `r‖s` (RFC 7518 §3.4).
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>>;
}

/// A compact JWS over `header` and `claims`, members written in the order given.
/// The header's `alg` must be [`alg`] of the signer's key.
pub(crate) fn sign_compact(signer: &dyn Signer, header: &Value, claims: &Value) -> Result<String> {
    if !names_algorithm(header, signer.jwk()) {
        return Err(Error::new(
            ErrorCode::Internal,
            "the header of a token names another algorithm than its key has",
        ));
    }
    let input = format!(
        "{}.{}",
        base64url(json::write(header).as_bytes()),
        base64url(json::write(claims).as_bytes())
    );
    let signature = signer.sign(input.as_bytes())?;
    Ok(format!("{input}.{}", base64url(&signature)))
}

/// Header `alg` of a signer: `RS256` or `ES256`.
pub(crate) fn alg(jwk: &Jwk) -> &'static str {
    match jwk {
        Jwk::Rsa { .. } => "RS256",
        Jwk::P256 { .. } => "ES256",
    }
}

/// Verified header and claims of a compact JWS; used by `verify_history` and by tests.
pub(crate) fn verify_compact(jwk: &Jwk, token: &str) -> Option<(Value, Value)> {
    let (input, signature) = token.rsplit_once('.')?;
    // A third dot would be in the claims, where base64url has none.
    let (header, claims) = input.split_once('.')?;
    if !jwk.verify(input.as_bytes(), &from_base64url(signature)?) {
        return None;
    }
    let header = read_part(header)?;
    let claims = read_part(claims)?;
    // The algorithm is the key's, never the token's choice. RFC 7515 §4.1.11: no extension is understood here.
    let plain = names_algorithm(&header, jwk) && header.get("crit").is_none();
    plain.then_some((header, claims))
}

fn names_algorithm(header: &Value, jwk: &Jwk) -> bool {
    header.get("alg").and_then(Value::as_str) == Some(alg(jwk))
}

/// A JSON object in base64url.
fn read_part(text: &str) -> Option<Value> {
    let value = json::read(&from_base64url(text)?, json::Limits::BODY).ok()?;
    value.as_object()?;
    Some(value)
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
/// Strict: no padding, no other alphabet, no stray bits.
pub(crate) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    hash
}
