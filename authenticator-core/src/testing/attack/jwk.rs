//! Public keys, as JWK and as platforms export them.

use super::signature::tagged;
use super::spelling::{reversed, sorted};
use crate::error::ErrorCode;
use crate::jose::{Jwk, base64url, sha256};
use crate::json::{Limits, Value, read, write};
use crate::keys::{KeyAlgorithm, PublicKey, PublicKeyFormat};

/// The first byte chooses: a JWK, or one of the forms of a platform; the key follows.
///
/// A key has one form: a JWK is written and read back the same, with the same thumbprint whatever else stood in it, and
/// never has a private member; the bytes of a platform are the only ones that give that key.
pub fn jwk(data: &[u8]) -> bool {
    let Some((choice, data)) = data.split_first() else {
        return false;
    };
    let (algorithm, format) = match choice % 5 {
        0 => return from_json(data),
        1 => (KeyAlgorithm::Rsa2048, PublicKeyFormat::Spki),
        2 => (KeyAlgorithm::Rsa2048, PublicKeyFormat::Pkcs1),
        3 => (KeyAlgorithm::P256, PublicKeyFormat::Spki),
        _ => (KeyAlgorithm::P256, PublicKeyFormat::X963),
    };
    from_platform(algorithm, format, data)
}

fn from_json(data: &[u8]) -> bool {
    let Ok(value) = read(data, Limits::BODY) else {
        return false;
    };
    let key = match Jwk::from_json(&value) {
        Ok(key) => key,
        Err(error) => {
            assert_eq!(error.code(), ErrorCode::ArgumentInvalid);
            assert!(Jwk::from_json(&reversed(&value)).is_err());
            return false;
        }
    };
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert!(value.get(private).is_none(), "a private member");
    }
    assert!(Jwk::from_json(&reversed(&value)).is_ok_and(|other| other == key));
    check(&key);
    true
}

fn from_platform(algorithm: KeyAlgorithm, format: PublicKeyFormat, data: &[u8]) -> bool {
    let key = Jwk::from_platform(&PublicKey {
        algorithm,
        format,
        bytes: data.to_vec(),
    });
    let key = match key {
        Ok(key) => key,
        Err(error) => {
            assert_eq!(error.code(), ErrorCode::KeyStoreFailed);
            return false;
        }
    };
    assert_eq!(key.algorithm(), algorithm);
    assert!(exported(&key, format) == data, "a second form of one key");
    check(&key);
    true
}

fn check(key: &Jwk) {
    for written in [key.to_json(), key.to_signed_json()] {
        let again = Jwk::from_json(&written);
        assert!(again.is_ok_and(|again| again == *key), "not read back");
        let required: Vec<_> = written
            .as_object()
            .expect("a key is an object")
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "alg" | "use"))
            .cloned()
            .collect();
        let hash = sha256(write(&sorted(&Value::Object(required))).as_bytes());
        if written == key.to_json() {
            assert_eq!(key.thumbprint(), base64url(&hash), "RFC 7638");
        }
    }
    // No key verifies nothing.
    assert!(!key.verify(b"", b""));
}

/// What a platform returns for the key.
fn exported(key: &Jwk, format: PublicKeyFormat) -> Vec<u8> {
    let (identifier, bytes) = match key {
        Jwk::Rsa { n, e } => {
            let integer = |number: &[u8]| {
                let sign = usize::from(number[0] >= 0x80);
                tagged(0x02, &[&[0][..sign], number].concat())
            };
            (
                &b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"[..],
                tagged(0x30, &[integer(n), integer(e)].concat()),
            )
        }
        Jwk::P256 { x, y } => (
            &b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"[..],
            [&[4], &x[..], &y[..]].concat(),
        ),
    };
    match format {
        PublicKeyFormat::Spki => {
            let string = tagged(0x03, &[&[0], &*bytes].concat());
            tagged(0x30, &[identifier, &string].concat())
        }
        PublicKeyFormat::Pkcs1 | PublicKeyFormat::X963 => bytes,
    }
}
