//! One-time codes: TOTP (RFC 6238) over HOTP (RFC 4226), and Base32.

use crate::error::Result;
use crate::secret::Secret;

/// Hash of a TOTP secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

/// Parameters of a one-time code, already validated (guardian.md §9: digits 6–8, period 1–3600, secret 1–128 bytes).
#[derive(Clone)]
pub(crate) struct Totp {
    pub secret: Secret<Vec<u8>>,
    pub hash: Hash,
    pub digits: u8,
    pub period: u32,
}

/// A one-time code and how long it can be used.
pub struct OneTimeCode {
    /// The code, with its leading zeros.
    pub code: Secret<String>,
    /// Seconds until the next code.
    pub seconds_left: u32,
    /// Length of a period in seconds.
    pub period: u32,
}

impl Totp {
    /// `algorithm` in any case; numbers as the server wrote them; errors name the member.
    pub(crate) fn new(
        _secret_base32: &str,
        _algorithm: &str,
        _digits: i64,
        _period: i64,
    ) -> Result<Totp> {
        todo!()
    }
    pub(crate) fn at(&self, _now_ms: i64) -> OneTimeCode {
        todo!()
    }
}
