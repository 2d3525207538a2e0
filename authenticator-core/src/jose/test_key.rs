//! The RSA key of the shared vectors. It is publicly known: good for tests, and for nothing else.

use ring::rand::SystemRandom;
use ring::rsa::{KeyPairComponents, PublicKeyComponents};
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

use super::{Jwk, Signer, from_base64url};
use crate::error::Result;
use crate::json::{self, Limits};
use crate::vectors::text;

/// Signs with the publicly known key.
pub(crate) struct TestKey {
    pair: RsaKeyPair,
    jwk: Jwk,
}

impl TestKey {
    /// From `keys.public_test_key` of `jws.json`.
    pub(crate) fn published() -> TestKey {
        let file = include_str!("../../../tests/vectors/jws.json");
        let file = json::read(file.as_bytes(), Limits::BODY).ok();
        let file = file.expect("JSON");
        let key = file.pointer("/keys/public_test_key").expect("the key");
        let member = |name: &str| from_base64url(text(key, name)).expect("base64url");
        let (n, e) = (member("n"), member("e"));
        let pair = RsaKeyPair::from_components(&KeyPairComponents {
            public_key: PublicKeyComponents {
                n: n.clone(),
                e: e.clone(),
            },
            d: member("d"),
            p: member("p"),
            q: member("q"),
            dP: member("dp"),
            dQ: member("dq"),
            qInv: member("qi"),
        })
        .expect("an RSA key");
        TestKey {
            pair,
            jwk: Jwk::Rsa { n, e },
        }
    }
}

impl Signer for TestKey {
    fn jwk(&self) -> &Jwk {
        &self.jwk
    }
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .expect("a signature");
        Ok(signature)
    }
}
