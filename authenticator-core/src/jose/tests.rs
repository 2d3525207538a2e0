//! Properties of tokens, keys and signatures.

use std::result::Result;
use std::sync::Arc;

use proptest::prelude::*;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

use super::test_key::TestKey;
use super::*;
use crate::keys::{
    KeyAlgorithm, KeyInfo, KeyPurpose, KeyStore, KeyStoreError, PublicKey, PublicKeyFormat,
};

#[test]
fn strict_der_alone_becomes_raw() {
    let integer = |bytes: &[u8]| [&[2, bytes.len() as u8], bytes].concat();
    let sequence = |parts: &[Vec<u8>]| {
        let body = parts.concat();
        [&[0x30, body.len() as u8], &*body].concat()
    };
    let one = integer(&[1]);
    let full = integer(&[&[0][..], &[0xff; 32]].concat());

    let raw = der_to_raw(&sequence(&[one.clone(), full.clone()])).expect("strict");
    assert_eq!(raw[..31], [0; 31]);
    assert_eq!(raw[31], 1);
    assert_eq!(raw[32..], [0xff; 32]);

    let good = sequence(&[one.clone(), one.clone()]);
    for (name, der) in [
        ("empty", vec![]),
        ("raw r and s", vec![1; 64]),
        ("a byte behind", [&*good, &[0]].concat()),
        ("cut", good[..good.len() - 1].to_vec()),
        ("one number", sequence(std::slice::from_ref(&one))),
        (
            "three numbers",
            sequence(&[one.clone(), one.clone(), one.clone()]),
        ),
        ("zero", sequence(&[integer(&[0]), one.clone()])),
        ("empty number", sequence(&[integer(&[]), one.clone()])),
        ("negative", sequence(&[integer(&[0x80]), one.clone()])),
        ("needless zero", sequence(&[integer(&[0, 1]), one.clone()])),
        ("33 octets", sequence(&[integer(&[1; 33]), one.clone()])),
        (
            "long form of a short length",
            [&[0x30, 0x81, 6], &good[2..]].concat(),
        ),
        (
            "indefinite length",
            [&[0x30, 0x80], &good[2..], &[0, 0]].concat(),
        ),
        ("set", [&[0x31], &good[1..]].concat()),
    ] {
        assert!(der_to_raw(&der).is_none(), "{name}");
    }
}

/// A P-256 key that the test holds, behind a key store that does what the test tells it to.
struct OneKey {
    pair: EcdsaKeyPair,
    sign: fn(&EcdsaKeyPair, &[u8]) -> Result<Vec<u8>, KeyStoreError>,
}

fn sign_der(pair: &EcdsaKeyPair, message: &[u8]) -> Result<Vec<u8>, KeyStoreError> {
    let signature = pair.sign(&ring::rand::SystemRandom::new(), message);
    Ok(signature
        .map_err(|_| KeyStoreError::Failed)?
        .as_ref()
        .to_vec())
}

fn one_key(
    sign: fn(&EcdsaKeyPair, &[u8]) -> Result<Vec<u8>, KeyStoreError>,
) -> (KeyStoreSigner, Jwk) {
    let random = ring::rand::SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).expect("a key");
    let jwk = Jwk::from_platform(&PublicKey {
        algorithm: KeyAlgorithm::P256,
        format: PublicKeyFormat::X963,
        bytes: pair.public_key().as_ref().to_vec(),
    })
    .expect("a public key");
    let signer = KeyStoreSigner::new(Arc::new(OneKey { pair, sign }), "k", jwk.clone());
    (signer, jwk)
}

impl KeyStore for OneKey {
    fn generate(
        &self,
        _alias: String,
        _algorithm: KeyAlgorithm,
        _purpose: KeyPurpose,
    ) -> Result<KeyInfo, KeyStoreError> {
        Err(KeyStoreError::Unsupported)
    }
    fn public_key(&self, _alias: String) -> Result<PublicKey, KeyStoreError> {
        Err(KeyStoreError::Unsupported)
    }
    fn sign(&self, alias: String, message: Vec<u8>) -> Result<Vec<u8>, KeyStoreError> {
        assert_eq!(alias, "k");
        (self.sign)(&self.pair, &message)
    }
    fn delete(&self, _alias: String) -> Result<(), KeyStoreError> {
        Ok(())
    }
    fn wrap(&self, _data_key: Vec<u8>) -> Result<Vec<u8>, KeyStoreError> {
        Err(KeyStoreError::Unsupported)
    }
    fn unwrap(&self, _wrapped: Vec<u8>) -> Result<Vec<u8>, KeyStoreError> {
        Err(KeyStoreError::Unsupported)
    }
}

#[test]
fn a_der_signature_of_a_key_store_becomes_a_jws_that_verifies() {
    let (signer, jwk) = one_key(sign_der);
    let header = json::object([("alg", alg(&jwk).into()), ("typ", "JWT".into())]);
    let claims = json::object([("iat", 1.into())]);
    let token = sign_compact(&signer, &header, &claims).expect("signed");
    assert!(verify_compact(&jwk, &token) == Some((header, claims)));
}

#[test]
fn a_key_store_that_signs_something_else_is_found_out() {
    for sign in [
        (|pair, _| sign_der(pair, b"something else")) as fn(&_, &_) -> _,
        |_, _| Ok(vec![]),
        // Raw where DER is agreed.
        |pair, message| Ok(der_to_raw(&sign_der(pair, message)?).expect("DER").to_vec()),
    ] {
        let (signer, _) = one_key(sign);
        let error = signer.sign(b"message").expect_err("not a signature");
        assert_eq!(error.code(), ErrorCode::KeyStoreFailed);
    }
}

#[test]
fn errors_of_a_key_store_keep_their_meaning() {
    for (sign, code) in [
        (
            (|_, _| Err(KeyStoreError::Locked)) as fn(&_, &_) -> _,
            ErrorCode::KeysLocked,
        ),
        (|_, _| Err(KeyStoreError::Missing), ErrorCode::KeyMissing),
        (
            |_, _| Err(KeyStoreError::Invalidated),
            ErrorCode::KeyInvalidated,
        ),
        (
            |_, _| Err(KeyStoreError::UserVerificationFailed),
            ErrorCode::UserVerificationFailed,
        ),
        (
            |_, _| Err(KeyStoreError::Unsupported),
            ErrorCode::KeyStoreFailed,
        ),
        (|_, _| Err(KeyStoreError::Failed), ErrorCode::KeyStoreFailed),
        (
            |_, _| panic!("a foreign exception"),
            ErrorCode::KeyStoreFailed,
        ),
    ] {
        let (signer, _) = one_key(sign);
        assert_eq!(signer.sign(b"message").expect_err("refused").code(), code);
    }
}

proptest! {
    #[test]
    fn base64url_reads_back_and_has_one_form(bytes in prop::collection::vec(any::<u8>(), 0..40), text in "[A-Za-z0-9_=+/-]{0,12}") {
        prop_assert_eq!(from_base64url(&base64url(&bytes)), Some(bytes));
        if let Some(bytes) = from_base64url(&text) {
            prop_assert_eq!(base64url(&bytes), text);
        }
    }

    #[test]
    fn der_and_keys_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = der_to_raw(&bytes);
        let nested = [&[0x30, bytes.len() as u8], &*bytes].concat();
        let _ = der_to_raw(&nested);
        for algorithm in [KeyAlgorithm::Rsa2048, KeyAlgorithm::P256] {
            for format in [PublicKeyFormat::Spki, PublicKeyFormat::Pkcs1, PublicKeyFormat::X963] {
                for bytes in [&bytes, &nested] {
                    let _ = Jwk::from_platform(&PublicKey { algorithm, format, bytes: bytes.clone() });
                }
            }
        }
    }

    #[test]
    fn a_signature_has_one_raw_form(r in prop::array::uniform32(any::<u8>()), s in prop::array::uniform32(any::<u8>())) {
        let number = |n: &[u8; 32]| {
            let digits: Vec<u8> = n.iter().copied().skip_while(|b| *b == 0).collect();
            let sign = digits.first().is_none_or(|b| *b >= 0x80);
            let content = [&[0][..usize::from(sign)], &*digits].concat();
            [&[2, content.len() as u8], &*content].concat()
        };
        let body = [number(&r), number(&s)].concat();
        let der = [&[0x30, body.len() as u8], &*body].concat();
        let zero = r == [0; 32] || s == [0; 32];
        prop_assert_eq!(der_to_raw(&der).map(Vec::from), (!zero).then(|| [r, s].concat()));
    }

    #[test]
    fn one_changed_character_is_never_the_same_token(place in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.=-]") {
        let token = include_str!("../../../tests/vectors/jws.json")
            .split('"').find(|text| text.starts_with("eyJ")).expect("a token");
        let at = place.index(token.len());
        let changed = format!("{}{to}{}", &token[..at], &token[at + 1..]);
        let key = TestKey::published();
        prop_assert_eq!(verify_compact(key.jwk(), &changed).is_some(), changed == token);
    }

    #[test]
    fn tokens_never_panic(token in "[A-Za-z0-9_.=-]{0,40}|\\PC{0,20}") {
        prop_assert!(verify_compact(TestKey::published().jwk(), &token).is_none());
    }
}
