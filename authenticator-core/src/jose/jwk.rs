//! Public keys: from platforms and JWK, to JWK, thumbprint, verification.

use ring::rand::SystemRandom;
use ring::{agreement, signature};

use super::der::Der;
use super::{alg, base64url, from_base64url, sha256};
use crate::error::{Error, ErrorCode, Result};
use crate::json::{self, Value, object};
use crate::keys::{KeyAlgorithm, PublicKey, PublicKeyFormat};

/// Modulus sizes accepted, in bits: what RFC 7518 §3.3 asks for, and what `ring` verifies.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Content of the `AlgorithmIdentifier` of RSA: `rsaEncryption`, NULL (RFC 3279 §2.3.1).
const RSA_ENCRYPTION: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
/// Content of the `AlgorithmIdentifier` of P-256: `id-ecPublicKey`, `prime256v1` (RFC 5480 §2.1.1).
const EC_P256: &[u8] =
    b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";

/// Members that only a private or symmetric key has (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A public key in its canonical form: no leading zero octets in `n`, fixed-length coordinates.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum Jwk {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256 { x: [u8; 32], y: [u8; 32] },
}

impl Jwk {
    /// From what a platform exports: SubjectPublicKeyInfo, PKCS#1 `RSAPublicKey` (Apple) or the X9.63 point (Apple).
    /// Anything else, and a key that is not of the kind it says, is `key_store_failed`.
    pub(crate) fn from_platform(key: &PublicKey) -> Result<Jwk> {
        let jwk = match (key.algorithm, key.format) {
            (KeyAlgorithm::Rsa2048, PublicKeyFormat::Spki) => {
                spki(&key.bytes, RSA_ENCRYPTION).and_then(pkcs1)
            }
            (KeyAlgorithm::Rsa2048, PublicKeyFormat::Pkcs1) => pkcs1(&key.bytes),
            (KeyAlgorithm::P256, PublicKeyFormat::Spki) => spki(&key.bytes, EC_P256).and_then(x963),
            (KeyAlgorithm::P256, PublicKeyFormat::X963) => x963(&key.bytes),
            (KeyAlgorithm::Rsa2048, PublicKeyFormat::X963)
            | (KeyAlgorithm::P256, PublicKeyFormat::Pkcs1) => None,
        };
        jwk.ok_or_else(|| {
            Error::new(
                ErrorCode::KeyStoreFailed,
                "the key store returned a public key that cannot be read",
            )
        })
    }

    /// From a stored or received JWK object. Errors (`argument_invalid`) name the member.
    pub(crate) fn from_json(value: &Value) -> Result<Jwk> {
        let members = value
            .as_object()
            .ok_or_else(|| invalid("is not an object"))?;
        if let Some((name, _)) = members
            .iter()
            .find(|(name, _)| PRIVATE_MEMBERS.contains(&name.as_str()))
        {
            return Err(invalid(&format!("has the private member {name}")));
        }
        let jwk = match text(value, "kty")? {
            "RSA" => rsa(&octets(value, "n")?, &octets(value, "e")?)
                .ok_or_else(|| invalid("n or e: the RSA key is too short, too long or not one"))?,
            "EC" => {
                if text(value, "crv")? != "P-256" {
                    return Err(invalid("crv is not P-256"));
                }
                let coordinate = |name| {
                    <[u8; 32]>::try_from(octets(value, name)?)
                        .map_err(|_| invalid(&format!("{name} is not 32 octets")))
                };
                p256(coordinate("x")?, coordinate("y")?)
                    .ok_or_else(|| invalid("x, y: no such point on P-256"))?
            }
            _ => return Err(invalid("kty is not RSA or EC")),
        };
        if value.get("alg").is_some() && text(value, "alg")? != alg(&jwk) {
            return Err(invalid("alg does not fit the key"));
        }
        if value.get("use").is_some() && text(value, "use")? != "sig" {
            return Err(invalid("use is not sig"));
        }
        Ok(jwk)
    }

    /// `kty`, `alg`, `use`, `e`, `n` (RSA) or `kty`, `crv`, `alg`, `use`, `x`, `y`, in this order.
    pub(crate) fn to_json(&self) -> Value {
        self.written(false)
    }

    /// [`Jwk::to_json`], with a zero octet before the modulus where its top bit is set: the signed integer that the
    /// published Guardian SDKs send, against RFC 7518 §6.3.1.1, for a server that takes nothing else.
    pub(crate) fn to_signed_json(&self) -> Value {
        self.written(true)
    }

    fn written(&self, signed: bool) -> Value {
        let alg = alg(self).into();
        match self {
            Jwk::Rsa { n, e } => object([
                ("kty", "RSA".into()),
                ("alg", alg),
                ("use", "sig".into()),
                ("e", base64url(e).into()),
                ("n", base64url(&integer(n, signed)).into()),
            ]),
            Jwk::P256 { x, y } => object([
                ("kty", "EC".into()),
                ("crv", "P-256".into()),
                ("alg", alg),
                ("use", "sig".into()),
                ("x", base64url(x).into()),
                ("y", base64url(y).into()),
            ]),
        }
    }

    pub(crate) fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Jwk::Rsa { .. } => KeyAlgorithm::Rsa2048,
            Jwk::P256 { .. } => KeyAlgorithm::P256,
        }
    }

    /// RFC 7638 §3, SHA-256, base64url without padding.
    pub(crate) fn thumbprint(&self) -> String {
        // The required members alone, in alphabetical order (RFC 7638 §3.2).
        let required = match self {
            Jwk::Rsa { n, e } => object([
                ("e", base64url(e).into()),
                ("kty", "RSA".into()),
                ("n", base64url(n).into()),
            ]),
            Jwk::P256 { x, y } => object([
                ("crv", "P-256".into()),
                ("kty", "EC".into()),
                ("x", base64url(x).into()),
                ("y", base64url(y).into()),
            ]),
        };
        base64url(&sha256(json::write(&required).as_bytes()))
    }

    /// Checks a JWS signature (RSASSA-PKCS1-v1_5 or 64-byte `r‖s`).
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Jwk::Rsa { n, e } => signature::RsaPublicKeyComponents { n, e }
                .verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            Jwk::P256 { x, y } => {
                signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point(x, y))
                    .verify(message, signature)
                    .is_ok()
            }
        }
    }
}

/// The key inside a `SubjectPublicKeyInfo` (RFC 5280 §4.1) of exactly that algorithm.
fn spki<'a>(bytes: &'a [u8], algorithm: &[u8]) -> Option<&'a [u8]> {
    let mut outer = Der(bytes);
    let mut info = Der(outer.sequence()?);
    let found = info.sequence()?;
    let key = info.bit_string()?;
    (found == algorithm && info.is_empty() && outer.is_empty()).then_some(key)
}

/// RFC 8017 §A.1.1.
fn pkcs1(bytes: &[u8]) -> Option<Jwk> {
    let mut outer = Der(bytes);
    let mut key = Der(outer.sequence()?);
    let n = key.positive_integer()?;
    let e = key.positive_integer()?;
    if !key.is_empty() || !outer.is_empty() {
        return None;
    }
    rsa(n, e)
}

/// The uncompressed point, `04‖x‖y`.
fn x963(bytes: &[u8]) -> Option<Jwk> {
    let (x, y) = bytes.strip_prefix(&[4])?.split_at_checked(32)?;
    p256(x.try_into().ok()?, y.try_into().ok()?)
}

/// Leading zero octets are dropped: RFC 7518 §6.3.1.1 forbids them, and published clients send one.
fn rsa(n: &[u8], e: &[u8]) -> Option<Jwk> {
    let n = without_leading_zeros(n);
    let e = without_leading_zeros(e);
    let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
    let odd = |number: &[u8]| number.last().is_some_and(|octet| octet & 1 == 1);
    // `ring` takes exponents up to 2^33 - 1; a longer one is no public exponent anybody uses.
    let exponent_fits = match e {
        [] | [1] => false,
        [first, _, _, _, _] => *first == 1,
        _ => e.len() < 5,
    };
    let sound = MODULUS_BITS.contains(&bits) && odd(n) && odd(e) && exponent_fits;
    sound.then(|| Jwk::Rsa {
        n: n.to_vec(),
        e: e.to_vec(),
    })
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|octet| **octet == 0).count();
    &number[zeros..]
}

/// Coordinates below the field's prime, and a point on the curve: `ring` checks both before it agrees on
/// a secret with it (NIST SP 800-56A §5.6.2.3.3), and has no other way to ask.
fn p256(x: [u8; 32], y: [u8; 32]) -> Option<Jwk> {
    let ours =
        agreement::EphemeralPrivateKey::generate(&agreement::ECDH_P256, &SystemRandom::new())
            .ok()?;
    let theirs = agreement::UnparsedPublicKey::new(&agreement::ECDH_P256, point(&x, &y));
    agreement::agree_ephemeral(ours, &theirs, |_secret| ()).ok()?;
    Some(Jwk::P256 { x, y })
}

fn point(x: &[u8; 32], y: &[u8; 32]) -> [u8; 65] {
    let mut point = [4; 65];
    point[1..33].copy_from_slice(x);
    point[33..].copy_from_slice(y);
    point
}

fn text<'a>(jwk: &'a Value, name: &str) -> Result<&'a str> {
    jwk.get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| invalid(&format!("{name} is missing or no text")))
}

fn octets(jwk: &Value, name: &str) -> Result<Vec<u8>> {
    from_base64url(text(jwk, name)?).ok_or_else(|| invalid(&format!("{name} is not base64url")))
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorCode::ArgumentInvalid, format!("JWK: {what}"))
}

/// Big-endian octets; as a signed integer they need a zero in front where the top bit is set.
fn integer(octets: &[u8], signed: bool) -> Vec<u8> {
    let zero = signed && octets.first().is_some_and(|first| first & 0x80 != 0);
    [&[0][..usize::from(zero)], octets].concat()
}
