//! Entry points for the tests of other languages. Never in a shipped build.

use std::sync::Arc;
use std::time::Instant;

use crate::authenticator::{Authenticator, Config, Platform};
use crate::clock::Clock;
use crate::error::Result;
use crate::keys::KeyStore;
use crate::transport::HttpTransport;

/// The device clock, set by a test.
#[uniffi::export(foreign)]
pub trait DeviceClock: Send + Sync {
    /// Unix milliseconds.
    fn now(&self) -> i64;
}

struct Foreign(Arc<dyn DeviceClock>);

impl Clock for Foreign {
    fn now(&self) -> i64 {
        self.0.now()
    }
}

#[uniffi::export]
impl Authenticator {
    /// As `open`, with a clock that the test sets.
    #[uniffi::constructor(default(transport = None))]
    pub async fn open_with_clock(
        config: Config,
        keys: Arc<dyn KeyStore>,
        clock: Arc<dyn DeviceClock>,
        transport: Option<Arc<dyn HttpTransport>>,
    ) -> Result<Authenticator> {
        let mut platform = Platform::new(keys);
        platform.clock = Some(Arc::new(Foreign(clock)));
        platform.transport = transport;
        Authenticator::open(config, platform).await
    }

    /// A defect, in the middle of a call.
    pub async fn panic_in_a_call(&self) -> Result<()> {
        self.run(|_| async { panic!("as asked for by a test") })
            .await
    }

    /// Nanoseconds that so many calls of `pending` take with no other language in between.
    pub async fn time_pending(&self, calls: u32) -> Result<u64> {
        let start = Instant::now();
        for _ in 0..calls {
            self.pending().await?;
        }
        Ok(nanoseconds(start))
    }

    /// Nanoseconds that so many calls of `invitation_host` take with no other language in between.
    pub fn time_invitation_host(&self, invitation: &str, calls: u32) -> Result<u64> {
        let start = Instant::now();
        for _ in 0..calls {
            self.invitation_host(invitation)?;
        }
        Ok(nanoseconds(start))
    }

    /// A defect, in a call that does not wait.
    pub fn panic_at_once(&self) -> Result<()> {
        crate::authenticator::unwinding(|| panic!("as asked for by a test"))
    }
}

/// Nanoseconds that so many calls of a key store take which have nothing to do.
#[uniffi::export]
pub fn time_key_store(keys: Arc<dyn KeyStore>, calls: u32) -> u64 {
    let start = Instant::now();
    for _ in 0..calls {
        // A key that is not there counts as deleted.
        let _ = keys.delete("none".into());
    }
    nanoseconds(start)
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Keys made and held in Rust.
#[cfg(feature = "software-keys")]
#[uniffi::export]
pub fn software_key_store() -> Arc<dyn KeyStore> {
    Arc::new(crate::keys::SoftwareKeyStore::in_memory())
}

/// What the library makes of the `input` of a case in `tests/vectors/{file}`: JSON text of an object with `expected`, or
/// with `error`. `None`: nothing reads this file.
#[uniffi::export]
pub fn run_vector(file: &str, input: &str) -> Option<String> {
    crate::testing::run_vector(file, input)
}
