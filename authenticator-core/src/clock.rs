//! Time and randomness, handed in so that tests can choose them.

use std::time::{SystemTime, UNIX_EPOCH};

use ring::rand::SecureRandom;

/// Where the core learns the time.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z, as the device believes.
    fn now(&self) -> i64;
}

/// The clock of the device.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.as_millis() as i64)
    }
}

/// Where the core takes random bytes from.
pub trait Entropy: Send + Sync {
    /// Fills the whole slice.
    fn fill(&self, bytes: &mut [u8]);
}

/// The random generator of the operating system.
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // There is nothing safe to do without randomness: not even a fallback that reports it.
        ring::rand::SystemRandom::new()
            .fill(bytes)
            .expect("the operating system always has random bytes");
    }
}

/// Text of a random UUID, version 4 (RFC 9562 §5.4), in lower case.
pub(crate) fn uuid(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let (mut a, mut b) = ([0; 32], [0; 32]);
        SystemEntropy.fill(&mut a);
        SystemEntropy.fill(&mut b);
        assert_ne!(a, b);
    }

    #[test]
    fn the_clock_counts_milliseconds() {
        // 2025-01-01 and 2100-01-01.
        assert!((1_735_689_600_000..4_102_444_800_000).contains(&SystemClock.now()));
    }
}
