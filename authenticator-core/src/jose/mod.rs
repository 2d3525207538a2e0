//! Compact JWS, JWK, thumbprints and DPoP proofs: RS256 and ES256 and nothing else
//! (RFC 7515, 7517, 7518, 7638, 9449).

use crate::error::Result;
use crate::json::Value;
use crate::keys::{KeyAlgorithm, PublicKey};

/// A public key in its canonical form: no leading zero octets in `n`, fixed-length coordinates.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Jwk {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256 { x: [u8; 32], y: [u8; 32] },
}

impl Jwk {
    /// From what a platform exports: SubjectPublicKeyInfo, PKCS#1 `RSAPublicKey` (Apple) or the X9.63 point (Apple).
    pub(crate) fn from_platform(_key: &PublicKey) -> Result<Jwk> {
        todo!()
    }
    /// From a stored or received JWK object; private members are refused.
    pub(crate) fn from_json(_value: &Value) -> Result<Jwk> {
        todo!()
    }
    /// `kty`, `alg`, `use`, `e`, `n` (RSA) or `kty`, `crv`, `alg`, `use`, `x`, `y`, in this order.
    pub(crate) fn to_json(&self) -> Value {
        todo!()
    }
    pub(crate) fn algorithm(&self) -> KeyAlgorithm {
        todo!()
    }
    /// RFC 7638 §3, SHA-256, base64url without padding.
    pub(crate) fn thumbprint(&self) -> String {
        todo!()
    }
    /// Checks a JWS signature (RSASSA-PKCS1-v1_5 or 64-byte `r‖s`).
    pub(crate) fn verify(&self, _message: &[u8], _signature: &[u8]) -> bool {
        todo!()
    }
}

/// Signs bytes with one key. Implemented over a `KeyStore` (DER converted, signature verified before it is returned).
pub(crate) trait Signer {
    fn jwk(&self) -> &Jwk;
    /// The signature in JWS form.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>>;
}

/// A compact JWS over `header` and `claims`, members written in the order given.
pub(crate) fn sign_compact(
    _signer: &dyn Signer,
    _header: &Value,
    _claims: &Value,
) -> Result<String> {
    todo!()
}
/// Header `alg` of a signer: `RS256` or `ES256`.
pub(crate) fn alg(_jwk: &Jwk) -> &'static str {
    todo!()
}
/// Verified claims of a compact JWS; used by `verify_history` and by tests.
pub(crate) fn verify_compact(_jwk: &Jwk, _token: &str) -> Option<(Value, Value)> {
    todo!()
}
pub(crate) fn base64url(_bytes: &[u8]) -> String {
    todo!()
}
/// Strict: no padding, no other alphabet, no stray bits.
pub(crate) fn from_base64url(_text: &str) -> Option<Vec<u8>> {
    todo!()
}
pub(crate) fn sha256(_bytes: &[u8]) -> [u8; 32] {
    todo!()
}
/// ECDSA DER (`SEQUENCE{r,s}`) to 64 bytes `r‖s`; strict DER.
pub(crate) fn der_to_raw(_der: &[u8]) -> Option<[u8; 64]> {
    todo!()
}
