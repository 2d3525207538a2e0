//! AES-256-GCM under a random nonce, and the key for it from a passphrase.

use std::num::NonZeroU32;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::pbkdf2;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::{KeyStoreError, Result};

/// PBKDF2 rounds for a new file (OWASP's figure for HMAC-SHA256). Tests open many files.
#[cfg(not(test))]
const ROUNDS: NonZeroU32 = NonZeroU32::new(600_000).expect("not zero");
#[cfg(test)]
const ROUNDS: NonZeroU32 = NonZeroU32::new(1_000).expect("not zero");
/// A file that asks for more would only stall the app that opens it.
const MAX_ROUNDS: u32 = 10_000_000;

pub(super) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    SystemRandom::new()
        .fill(&mut *bytes)
        .map_err(|_| KeyStoreError::Failed)?;
    Ok(bytes)
}

/// A key to seal with. What it seals is nonce, ciphertext, tag.
pub(super) struct Cipher(LessSafeKey);

impl Cipher {
    pub(super) fn new(key: &[u8]) -> Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| KeyStoreError::Failed)?;
        Ok(Cipher(LessSafeKey::new(key)))
    }

    /// `context` must be the same when it is opened.
    pub(super) fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let nonce = random::<NONCE_LEN>()?;
        // Room for the tag: a vector that grows would leave a copy of the secret behind.
        let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(&*nonce);
        sealed.extend_from_slice(plain);
        let tag = self
            .0
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(context),
                &mut sealed[NONCE_LEN..],
            )
            .map_err(|_| KeyStoreError::Failed)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    pub(super) fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(KeyStoreError::Failed)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let length = self
            .0
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(context),
                &mut plain,
            )
            .map_err(|_| KeyStoreError::Failed)?
            .len();
        plain.truncate(length);
        Ok(plain)
    }
}

/// How a passphrase becomes a key.
#[derive(Clone)]
pub(super) struct Derivation {
    pub salt: Vec<u8>,
    pub rounds: NonZeroU32,
}

impl Derivation {
    pub(super) fn new() -> Result<Self> {
        Ok(Derivation {
            salt: random::<16>()?.to_vec(),
            rounds: ROUNDS,
        })
    }

    pub(super) fn cipher(&self, passphrase: &str) -> Result<Cipher> {
        if self.rounds.get() > MAX_ROUNDS {
            return Err(KeyStoreError::Failed);
        }
        let mut key = Zeroizing::new([0; 32]);
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            self.rounds,
            &self.salt,
            passphrase.as_bytes(),
            &mut *key,
        );
        Cipher::new(&*key)
    }
}
