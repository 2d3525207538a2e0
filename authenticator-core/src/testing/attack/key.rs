//! A key that everybody knows: good for tests and for nothing else.

use std::sync::OnceLock;

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use crate::error::{Error, ErrorCode, Result};
use crate::jose::{Jwk, Signer, from_base64url};

/// RFC 7515 appendix A.3.
const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const D: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";

/// Signs ES256.
pub(crate) struct Key {
    pair: EcdsaKeyPair,
    jwk: Jwk,
}

impl Signer for Key {
    fn jwk(&self) -> &Jwk {
        &self.jwk
    }
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let signature = self.pair.sign(&SystemRandom::new(), message);
        let signature = signature.map_err(|_| Error::new(ErrorCode::Internal, "not signed"))?;
        Ok(signature.as_ref().to_vec())
    }
}

/// The one key.
pub(crate) fn key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| {
        let number = |text| -> [u8; 32] {
            let bytes = from_base64url(text).expect("base64url");
            bytes.try_into().expect("32 octets")
        };
        let (x, y) = (number(X), number(Y));
        let point = [&[4], &x[..], &y[..]].concat();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &number(D),
            &point,
            &SystemRandom::new(),
        );
        Key {
            pair: pair.expect("the key of the RFC"),
            jwk: Jwk::P256 { x, y },
        }
    })
}
