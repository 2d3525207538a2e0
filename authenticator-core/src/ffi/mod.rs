//! What other languages need beside the façade: how to open it, and how errors, ids and secrets cross.
//!
//! Everything else they call is exported where it is defined. Nothing here decides anything.

mod error;
mod log_sink;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;

pub use error::{AuthenticatorError, ErrorParts};
pub use log_sink::{LogEntry, LogLevel, LogSink, install_log_sink};

use std::collections::HashMap;
use std::sync::Arc;

use crate::authenticator::{Authenticator, Config, Platform};
use crate::challenge::Challenge;
use crate::error::Result;
use crate::json::{self, Value};
use crate::keys::{KeyStore, KeyStoreError};
use crate::repair::StoreRepair;
use crate::secret::Secret;
use crate::transport::{HttpTransport, TransportError};

/// A token or code, as a type that other languages do not print by accident.
pub type SecretText = Secret<String>;

uniffi::custom_type!(
    /// A token or code. It does not show its text in logs.
    SecretText, String, {
        lower: |secret| secret.expose().clone(),
        try_lift: |text| Ok(Secret::new(text)),
    }
);

/// Settings with the defaults of [`Config::new`]: this store file, English and UTC.
#[uniffi::export]
pub fn default_config(store: String) -> Config {
    Config::new(store)
}

#[uniffi::export]
impl Authenticator {
    /// Opens or creates the store, recovers unfinished decisions, sends nothing. `transport` takes the place of the
    /// built-in HTTP client.
    ///
    /// Errors: `configuration_invalid`, `server_address`, `template_invalid`, `store_newer`, `store_unavailable`,
    /// `keys_locked`, `tls_unavailable`; `key_missing` and `key_invalidated` (the store was restored without its key) and
    /// `store_corrupt` (it is damaged): the file stays as it is, see [`repair_store`].
    #[uniffi::constructor(name = "open", default(transport = None))]
    pub async fn open_with(
        config: Config,
        keys: Arc<dyn KeyStore>,
        transport: Option<Arc<dyn HttpTransport>>,
    ) -> Result<Authenticator> {
        let mut platform = Platform::new(keys);
        platform.transport = transport;
        Authenticator::open(config, platform).await
    }

    /// As `receive_push`, for a push that the platform hands over as names and texts, as FCM does.
    ///
    /// Errors: `push_not_ours`, `push_malformed`, `unknown_enrollment`, `challenge_expired`.
    pub async fn receive_push_data(&self, data: HashMap<String, String>) -> Result<Challenge> {
        let members = data.into_iter().map(|(name, text)| (name, text.into()));
        let payload = json::write(&Value::Object(members.collect()));
        self.receive_push(payload).await
    }
}

/// [`Authenticator::repair_store`]: for a store that cannot be opened for want of its key, or because it is damaged. Replaces
/// it by what is left, destroys nothing, and reports what is missing: show that. No [`Authenticator`] may have the store
/// open. Offline.
///
/// Errors: `store_newer`, `store_unavailable` (in use, or no room for the new file), `keys_locked`, `key_store_failed`.
#[uniffi::export]
pub async fn repair_store(config: Config, keys: Arc<dyn KeyStore>) -> Result<StoreRepair> {
    Authenticator::repair_store(config, Platform::new(keys)).await
}

/// A key store that throws what it does not declare has failed; what it says stays unsaid.
impl From<uniffi::UnexpectedUniFFICallbackError> for KeyStoreError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        KeyStoreError::Failed
    }
}

/// Whether the request has left is not known.
impl From<uniffi::UnexpectedUniFFICallbackError> for TransportError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        TransportError::Interrupted
    }
}
