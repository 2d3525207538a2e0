//! One-time codes: TOTP (RFC 6238) over HOTP (RFC 4226), and Base32.

use std::fmt;

use ring::hmac;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorCode, Result};
use crate::secret::Secret;

#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod vectors;

/// Longest secret in bytes, after decoding.
const MAX_SECRET: usize = 128;

/// Hash of a TOTP secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

/// Parameters of a one-time code, already validated: digits 6–8, period 1–3600 s, secret 1–128 bytes.
#[derive(Clone)]
pub(crate) struct Totp {
    pub secret: Secret<Vec<u8>>,
    pub hash: Hash,
    pub digits: u8,
    pub period: u32,
}

/// A one-time code and how long it can be used.
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
pub struct OneTimeCode {
    /// The code, with its leading zeros.
    pub code: Secret<String>,
    /// Seconds until the next code.
    pub seconds_left: u32,
    /// Length of a period in seconds.
    pub period: u32,
}

/// Without the code.
impl fmt::Debug for OneTimeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneTimeCode")
            .field("seconds_left", &self.seconds_left)
            .field("period", &self.period)
            .finish_non_exhaustive()
    }
}

impl Totp {
    /// `algorithm` in any case; numbers as the server wrote them; errors (`answer_invalid`) name the member.
    pub(crate) fn new(
        secret_base32: &str,
        algorithm: &str,
        digits: i64,
        period: i64,
    ) -> Result<Totp> {
        let secret = base32(secret_base32)
            .filter(|secret| (1..=MAX_SECRET).contains(&secret.expose().len()))
            .ok_or_else(|| invalid("totp.secret is not 1 to 128 bytes in Base32"))?;
        let hash = match algorithm.to_ascii_lowercase().as_str() {
            "sha1" => Hash::Sha1,
            "sha256" => Hash::Sha256,
            "sha512" => Hash::Sha512,
            _ => return Err(invalid("totp.algorithm is not sha1, sha256 or sha512")),
        };
        let digits = u8::try_from(digits)
            .ok()
            .filter(|digits| (6..=8).contains(digits))
            .ok_or_else(|| invalid("totp.digits is not 6, 7 or 8"))?;
        let period = u32::try_from(period)
            .ok()
            .filter(|period| (1..=3600).contains(period))
            .ok_or_else(|| invalid("totp.period is not 1 to 3600 seconds"))?;
        Ok(Totp {
            secret,
            hash,
            digits,
            period,
        })
    }

    /// The code of that moment (RFC 6238 §4.2). A clock before 1970 counts as 1970.
    pub(crate) fn at(&self, now_ms: i64) -> OneTimeCode {
        let seconds = u64::try_from(now_ms / 1000).unwrap_or(0);
        let period = u64::from(self.period);
        OneTimeCode {
            code: self.hotp(seconds / period),
            // At most `period`, which is a `u32`.
            seconds_left: (period - seconds % period) as u32,
            period: self.period,
        }
    }

    /// RFC 4226 §5.3.
    fn hotp(&self, counter: u64) -> Secret<String> {
        let algorithm = match self.hash {
            Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => hmac::HMAC_SHA256,
            Hash::Sha512 => hmac::HMAC_SHA512,
        };
        let key = hmac::Key::new(algorithm, self.secret.expose());
        let tag = hmac::sign(&key, &counter.to_be_bytes());
        let mac = tag.as_ref();

        // The last four bits choose where to read; a MAC has 20 bytes or more, so there are always four left.
        let offset = usize::from(mac[mac.len() - 1] & 0x0f);
        let number = mac[offset..offset + 4]
            .iter()
            .fold(0, |n: u32, byte| n << 8 | u32::from(*byte))
            & 0x7fff_ffff;
        let code = number % 10u32.pow(u32::from(self.digits));
        Secret::new(format!("{code:0width$}", width = usize::from(self.digits)))
    }
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorCode::AnswerInvalid, message)
}

/// RFC 4648 §6 as people type it: either case, spaces and dashes anywhere, padding or none.
/// Bits that do not fill a byte are dropped, whatever they are.
fn base32(text: &str) -> Option<Secret<Vec<u8>>> {
    // Room for all of it at once: a vector that grows would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() * 5 / 8));
    let mut bits = 0u32;
    let mut count = 0;
    let mut padded = false;
    for c in text.bytes() {
        let digit = match c {
            b' ' | b'-' => continue,
            b'=' => {
                padded = true;
                continue;
            }
            _ if padded => return None,
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a',
            b'2'..=b'7' => c - b'2' + 26,
            _ => return None,
        };
        bits = (bits << 5 | u32::from(digit)) & 0xfff;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(Secret::new(std::mem::take(&mut *bytes)))
}
