//! The engine: one state machine behind the OpenID Provider, the device API, management and console.

pub(crate) mod answer;
pub(crate) mod approval_key;
pub(crate) mod binding;
pub(crate) mod dialect;
pub(crate) mod enroll;
pub(crate) mod hint;
pub(crate) mod origins;
pub(crate) mod poll;
pub(crate) mod rar;
pub(crate) mod redeem;
pub(crate) mod refusal;
pub(crate) mod seed;
pub(crate) mod start;
pub(crate) mod tokens;
pub(crate) mod users;

use tokio::runtime;
use tokio::sync::watch;

use crate::bridge::Bridge;
use crate::clock::Clock;
use crate::jose::SigningKey;
use crate::knobs::Knobs;
use crate::messages::Outgoing;
use crate::options::Options;
use crate::push::Hub;
use crate::ready::Ready;
use crate::state::{Client, Db, Event, StateError, Tx};
use crate::text::random_alphanumeric;
use crate::tls::Ca;
use dialect::Dialect;
use origins::Origins;

/// Grant type of CIBA.
pub(crate) const CIBA_GRANT: &str = "urn:openid:params:grant-type:ciba";

/// Whether a client has the grant.
pub(crate) fn may_use_ciba(client: &Client) -> bool {
    client.grant_types.iter().any(|grant| grant == CIBA_GRANT)
}

const KEEP_EVENTS: u32 = 1_000;

/// Everything a running sandbox is made of.
pub(crate) struct Engine {
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) options: Options,
    pub(crate) knobs: Knobs,
    pub(crate) hub: Hub,
    pub(crate) outgoing: Outgoing,
    pub(crate) key: SigningKey,
    pub(crate) origins: Origins,
    pub(crate) ca: Option<Ca>,
    pub(crate) ready: Ready,
    pub(crate) dialect: &'static Dialect,
    /// Where requests come from a Keycloak.
    pub(crate) bridge: Option<Bridge>,
    /// Becomes `true` when the sandbox stops.
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) runtime: runtime::Handle,
}

impl Engine {
    /// The time that lifetimes are measured with, in milliseconds.
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// The time the `Date` header and the checks of device JWTs use: skewed by the knob.
    pub(crate) fn wire_now_ms(&self) -> i64 {
        let skew = self.knobs.get().clock_skew_s.saturating_mul(1000);
        self.now_ms().saturating_add(skew)
    }

    /// Adds an entry to the tenant's log.
    pub(crate) fn event(
        &self,
        tx: &Tx<'_>,
        kind: &str,
        user_id: Option<&str>,
        details: serde_json::Value,
    ) -> Result<(), StateError> {
        tx.put(&Event {
            log_id: random_alphanumeric(24),
            at_ms: self.now_ms(),
            kind: kind.to_owned(),
            user_id: user_id.map(str::to_owned),
            details,
        })?;
        tx.keep_newest::<Event>(KEEP_EVENTS)
    }
}
