//! What every flow works with: configuration, store, keys, clock, network. The flows themselves live beside their types.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::watch;

use crate::authenticator::{Config, DialectName, Server};
use crate::changes::Changes;
use crate::clock::{Clock, Entropy};
use crate::consent::{Display, Templates};
use crate::decision::Pending;
use crate::error::{Error, ErrorCode, Result};
use crate::jose::{Jwk, KeyStoreSigner};
use crate::keys::KeyStore;
use crate::protocol::guardian::Guardian;
use crate::protocol::{Dialect, Identity, Refusal, Wire, http_date};
use crate::store::{EnrollmentRow, ServerRow, Store};
pub(crate) use crate::task::blocking;
use crate::transport::{HttpRequest, HttpResponse, Transport, TransportError};

/// Differences below this are network delay and the one-second grain of `Date` headers.
const CLOCK_TOLERANCE_MS: i64 = 5_000;
/// One answer may not move time by more than this.
const CLOCK_BOUND_MS: i64 = 24 * 60 * 60 * 1000;

pub(crate) struct Core {
    pub config: Config,
    pub display: RwLock<Display>,
    pub servers: RwLock<Vec<ServerRow>>,
    pub store: Store,
    pub keys: Arc<dyn KeyStore>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub transport: Transport,
    pub templates: Templates,
    /// Value of `Auth0-Client`.
    pub client: String,
    /// What `next_change` waits for.
    pub changes: Changes,
    /// Set by `shutdown`: nothing more is sent.
    pub closed: AtomicBool,
    /// Set by `pause`: nothing is sent again by itself.
    pub paused: AtomicBool,
    /// Attempts of the background that are running.
    pub background: watch::Sender<usize>,
    /// Challenges whose answer is waiting for its next attempt in this process.
    pub retrying: Mutex<HashSet<String>>,
    /// Approvals that wait for the signature of their approval key.
    pub signing: Mutex<Vec<Pending>>,
}

/// The dialect behind a name: the only place outside `protocol` that knows which ones there are.
pub(crate) fn dialect(name: DialectName) -> &'static dyn Dialect {
    match name {
        DialectName::Guardian => &Guardian,
    }
}

/// Every dialect, for payloads that do not say which one they belong to.
pub(crate) fn dialects() -> impl Iterator<Item = (DialectName, &'static dyn Dialect)> {
    [DialectName::Guardian]
        .into_iter()
        .map(|name| (name, dialect(name)))
}

impl Core {
    /// Normalises a server of the configuration.
    pub(crate) fn known_server(config: &Config, server: &Server) -> Result<ServerRow> {
        if server.name.is_empty() {
            return Err(Error::new(
                ErrorCode::ConfigurationInvalid,
                "a server in the configuration has no name",
            ));
        }
        let base_url =
            dialect(server.dialect).base_url(&server.address, config.allow_loopback_cleartext)?;
        Ok(ServerRow {
            name: server.name.clone(),
            base_url,
            dialect: server.dialect,
        })
    }

    pub(crate) fn display(&self) -> Display {
        self.display
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// An account that must exist.
    pub(crate) fn enrollment_row(&self, id: &str) -> Result<EnrollmentRow> {
        let row = self.history_row(id)?;
        match row.continued_by {
            None => Ok(row),
            Some(_) => Err(unknown_enrollment()),
        }
    }

    /// An account that must exist, or have ended and left its history.
    pub(crate) fn history_row(&self, id: &str) -> Result<EnrollmentRow> {
        self.store.enrollment(id)?.ok_or_else(unknown_enrollment)
    }

    /// Device time corrected by what the account's server taught.
    pub(crate) fn now(&self, row: &EnrollmentRow) -> i64 {
        self.clock.now().saturating_add(row.clock_offset)
    }

    /// Runs `build` with a signer for the account, on a thread where key stores may block.
    pub(crate) async fn signed<T: Send + 'static>(
        self: &Arc<Self>,
        row: &EnrollmentRow,
        build: impl FnOnce(&Wire<'_>, &Identity, &KeyStoreSigner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let core = Arc::clone(self);
        let row = row.clone();
        blocking(move || {
            let signer = KeyStoreSigner::new(
                Arc::clone(&core.keys),
                row.key_alias.clone(),
                Jwk::from_json(&row.jwk)?,
            );
            let locale = core.display().locale;
            let wire = Wire {
                now: core.now(&row),
                entropy: core.entropy.as_ref(),
                client: &core.client,
                locale: &locale,
                signed_modulus: core.config.signed_modulus,
            };
            build(&wire, &row.identity, &signer)
        })
        .await
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }

    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse> {
        self.transmit(request).await.map_err(network_error)
    }

    /// The one way out. An account enrolled over cleartext stays silent when the configuration no longer permits that.
    pub(crate) async fn transmit(
        &self,
        request: HttpRequest,
    ) -> std::result::Result<HttpResponse, TransportError> {
        if !self.config.allow_loopback_cleartext && !request.url.starts_with("https://") {
            return Err(TransportError::Cleartext);
        }
        self.transport.send(request).await
    }

    /// Learns the offset from a refusal that a wrong clock may explain. `true`: it changed, try once more.
    pub(crate) fn correct_clock(&self, row: &mut EnrollmentRow, refusal: &Refusal) -> Result<bool> {
        let Some(date) = refusal.date else {
            return Ok(false);
        };
        self.learn_offset(row, date)
    }

    /// Takes the `Date` of a success into account: a phone whose clock was repaired must not stay wrong by the old offset.
    /// Refusals are left to [`Core::correct_clock`], which tells whether trying again makes sense.
    pub(crate) fn learn_from(&self, row: &mut EnrollmentRow, answer: &HttpResponse) {
        let date = answer
            .header("date")
            .filter(|_| (200..300).contains(&answer.status))
            .and_then(http_date);
        if let Some(Err(error)) = date.map(|date| self.learn_offset(row, date)) {
            tracing::warn!(
                code = error.code().as_str(),
                "the clock offset could not be stored"
            );
        }
    }

    /// Takes a server's `Date` into account, within bounds.
    fn learn_offset(&self, row: &mut EnrollmentRow, date: i64) -> Result<bool> {
        let Some(offset) = clock_offset(self.clock.now(), date, row.clock_offset) else {
            return Ok(false);
        };
        tracing::info!(enrollment = %row.identity.enrollment, offset_ms = offset, "clock offset learnt from the server");
        self.store
            .set_clock_offset(&row.identity.enrollment, offset)?;
        row.clock_offset = offset;
        Ok(true)
    }

    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }
}

/// Counts something as running until dropped, however it ends.
pub(crate) struct Running(watch::Sender<usize>);

impl Running {
    pub(crate) fn new(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|running| *running += 1);
        Running(count.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}

fn unknown_enrollment() -> Error {
    Error::new(
        ErrorCode::UnknownEnrollment,
        "there is no such enrollment on this device",
    )
}

/// The offset to use from now on, if it differs enough to matter and little enough to be believed.
pub(crate) fn clock_offset(device_now: i64, server_now: i64, current: i64) -> Option<i64> {
    let offset = server_now.checked_sub(device_now)?;
    let change = offset.checked_sub(current)?.checked_abs()?;
    (change > CLOCK_TOLERANCE_MS && offset.checked_abs()? < CLOCK_BOUND_MS).then_some(offset)
}

/// A transport failure as a public error.
pub(crate) fn network_error(error: TransportError) -> Error {
    let code = match error {
        TransportError::Unreachable => ErrorCode::Unreachable,
        TransportError::Interrupted => ErrorCode::Interrupted,
        TransportError::Tls => ErrorCode::TlsFailed,
        TransportError::TlsUnavailable => ErrorCode::TlsUnavailable,
        TransportError::TooLarge => ErrorCode::AnswerInvalid,
        TransportError::Cleartext => ErrorCode::ServerAddress,
        TransportError::Invalid => ErrorCode::Internal,
    };
    Error::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_seconds_are_not_a_wrong_clock() {
        assert_eq!(clock_offset(1_000_000, 1_004_999, 0), None);
        assert_eq!(clock_offset(1_000_000, 995_001, 0), None);
    }

    #[test]
    fn three_minutes_are_learnt_once() {
        assert_eq!(clock_offset(1_000_000, 1_180_000, 0), Some(180_000));
        assert_eq!(clock_offset(1_000_000, 1_180_000, 180_000), None);
    }

    #[test]
    fn one_answer_cannot_move_time_by_a_day() {
        assert_eq!(clock_offset(0, CLOCK_BOUND_MS, 0), None);
        assert_eq!(clock_offset(0, -CLOCK_BOUND_MS, 0), None);
        assert_eq!(clock_offset(i64::MIN, i64::MAX, 0), None);
    }
}
