//! Passwords of the sandbox's users, kept as salted hashes.

use std::num::NonZeroU32;

use ring::pbkdf2;
use serde::{Deserialize, Serialize};

use crate::text::{b64, random_token, unb64};

/// A test server's users type often, and the tests type more often still.
const ROUNDS: NonZeroU32 = NonZeroU32::new(20_000).expect("not zero");

/// Salt and PBKDF2-HMAC-SHA-256 (RFC 8018 §5.2) of a password. Has no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PasswordHash {
    salt: String,
    hash: String,
}

impl PasswordHash {
    pub(crate) fn of(password: &str) -> Self {
        let salt = random_token(16);
        let mut hash = [0_u8; 32];
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::derive(
            algorithm,
            ROUNDS,
            salt.as_bytes(),
            password.as_bytes(),
            &mut hash,
        );
        PasswordHash {
            salt,
            hash: b64(&hash),
        }
    }

    /// Whether it is of this password, in a time that tells nothing about it.
    pub(crate) fn is_of(&self, password: &str) -> bool {
        let Some(hash) = unb64(&self.hash) else {
            return false;
        };
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::verify(
            algorithm,
            ROUNDS,
            self.salt.as_bytes(),
            password.as_bytes(),
            &hash,
        )
        .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_fits_its_password_only_and_is_salted() {
        let hash = PasswordHash::of("correct horse");
        assert!(hash.is_of("correct horse"));
        for other in ["", "correct", "Correct horse", "correct horse "] {
            assert!(!hash.is_of(other), "{other:?}");
        }
        assert_ne!(hash.hash, PasswordHash::of("correct horse").hash);
    }
}
