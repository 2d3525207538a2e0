//! Time and randomness, handed in so that tests can choose them.

use std::time::{SystemTime, UNIX_EPOCH};

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
