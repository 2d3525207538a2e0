//! The sandbox's clock: system time plus an offset that tests move.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

/// System time plus an offset, in milliseconds since 1970.
#[derive(Default)]
pub(crate) struct Clock {
    offset_ms: AtomicI64,
}

impl Clock {
    pub(crate) fn now_ms(&self) -> i64 {
        Timestamp::now()
            .as_millisecond()
            .saturating_add(self.offset_ms.load(Ordering::SeqCst))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX / 4);
        self.offset_ms.fetch_add(by, Ordering::SeqCst);
    }
}

/// `2026-01-15T10:30:00.000Z`: always three digits and `Z`, which both phone SDKs require.
pub(crate) fn rfc3339(ms: i64) -> String {
    format!("{:.3}", timestamp(ms))
}

/// The form of the `Date` header (RFC 9110 §5.6.7).
pub(crate) fn http_date(ms: i64) -> String {
    DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&timestamp(ms))
        .unwrap_or_default()
}

fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_always_have_milliseconds_and_z() {
        assert_eq!(rfc3339(1_768_473_000_000), "2026-01-15T10:30:00.000Z");
        assert_eq!(rfc3339(1_768_473_000_120), "2026-01-15T10:30:00.120Z");
        assert_eq!(
            http_date(1_768_473_000_000),
            "Thu, 15 Jan 2026 10:30:00 GMT"
        );
    }

    #[test]
    fn advancing_moves_every_later_reading() {
        let clock = Clock::default();
        let before = clock.now_ms();
        clock.advance(Duration::from_secs(3600));
        assert!(clock.now_ms() >= before + 3_600_000);
    }
}
