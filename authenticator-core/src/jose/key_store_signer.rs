//! Signatures of a [`KeyStore`], checked before anything is done with them.

use std::sync::Arc;

use super::{Jwk, Signer, der_to_raw};
use crate::error::{Error, ErrorCode, Result};
use crate::keys::{KeyStore, guarded};

/// One key of a key store. `sign` may block (the platform may do anything): never on a caller's thread.
pub(crate) struct KeyStoreSigner {
    store: Arc<dyn KeyStore>,
    alias: String,
    jwk: Jwk,
}

impl KeyStoreSigner {
    /// `jwk` is the public half that was enrolled: a signature that does not fit it is an error.
    pub(crate) fn new(store: Arc<dyn KeyStore>, alias: impl Into<String>, jwk: Jwk) -> Self {
        KeyStoreSigner {
            store,
            alias: alias.into(),
            jwk,
        }
    }
}

impl Signer for KeyStoreSigner {
    fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let signature = guarded(|| self.store.sign(self.alias.clone(), message.to_vec()))?;
        let signature = match self.jwk {
            Jwk::Rsa { .. } => Some(signature),
            Jwk::P256 { .. } => der_to_raw(&signature).map(Vec::from),
        };
        signature
            .filter(|signature| self.jwk.verify(message, signature))
            .ok_or_else(|| {
                Error::new(
                    ErrorCode::KeyStoreFailed,
                    "the key store gave a signature that does not verify with the enrolled key",
                )
            })
    }
}
