//! Random names and tokens, hashes, and masks for everything that is shown.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng as _;
use rand::distr::Alphanumeric;
use sha2::{Digest as _, Sha256};

/// `bytes` random bytes as base64url.
pub(crate) fn random_token(bytes: usize) -> String {
    let mut buffer = vec![0_u8; bytes];
    rand::rng().fill(buffer.as_mut_slice());
    b64(&buffer)
}

/// A random UUID (RFC 9562 §5.4).
pub(crate) fn random_uuid() -> String {
    let mut bytes: [u8; 16] = rand::rng().random();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| &hex[from..to];
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

/// Random letters and digits.
pub(crate) fn random_alphanumeric(length: usize) -> String {
    rand::rng()
        .sample_iter(Alphanumeric)
        .take(length)
        .map(char::from)
        .collect()
}

/// base64url without padding.
pub(crate) fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Strict base64url without padding.
pub(crate) fn unb64(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// base64url of SHA-256: how bearer tokens are kept.
pub(crate) fn sha256_b64(text: &str) -> String {
    b64(&Sha256::digest(text.as_bytes()))
}

/// What may be shown of a secret: enough to tell two apart, too little to use one.
pub(crate) fn mask(secret: &str) -> String {
    if secret.chars().count() < 24 {
        return "•••".to_owned();
    }
    let head: String = secret.chars().take(4).collect();
    format!("{head}•••")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_never_shows_a_short_secret_and_little_of_a_long_one() {
        assert_eq!(mask("hunter2"), "•••");
        assert_eq!(mask("abcdefghijklmnopqrstuvwxyz"), "abcd•••");
    }

    #[test]
    fn a_uuid_has_its_form_version_and_variant() {
        let uuid = random_uuid();
        let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]));
        assert_ne!(uuid, random_uuid());
    }

    #[test]
    fn the_published_ath_vector_is_met() {
        assert_eq!(
            sha256_b64("aValidTransactionToken"),
            "CzMD9-OOC7tzMpYDBdgrSUtmhx8Jw9cZMSf4KXVRC5A"
        );
    }
}
