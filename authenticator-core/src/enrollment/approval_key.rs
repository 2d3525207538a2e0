//! The key that a person unlocks to approve: made, and made anew when it is lost.

use std::sync::Arc;

use super::{Enrollment, EnrollmentId};
use crate::core::{Core, blocking};
use crate::error::{Error, ErrorCode, Result};
use crate::jose::{Jwk, base64url};
use crate::json::Value;
use crate::keys::{KeyAlgorithm, KeyPurpose, guarded};

impl Core {
    /// Alias and public JWK of a new approval key.
    pub(super) async fn make_approval_key(self: &Arc<Self>) -> Result<(String, Value)> {
        let core = Arc::clone(self);
        let alias = format!("apr-{}", base64url(&self.random::<16>()));
        blocking(move || {
            let info = guarded(|| {
                core.keys
                    .generate(alias.clone(), KeyAlgorithm::P256, KeyPurpose::Approval)
            })?;
            let jwk = Jwk::from_platform(&info.public_key)?;
            if jwk.algorithm() != KeyAlgorithm::P256 {
                return Err(Error::new(
                    ErrorCode::KeyStoreFailed,
                    "the key store made another kind of key than asked",
                ));
            }
            Ok((alias, jwk.to_json()))
        })
        .await
    }

    pub(crate) async fn replace_approval_key(
        self: &Arc<Self>,
        id: &EnrollmentId,
    ) -> Result<Enrollment> {
        let at = self.now(&self.enrollment_row(id.as_str())?);
        let key = self.make_approval_key().await?;
        match self.store.replace_approval_key(id.as_str(), &key, at) {
            Ok(old) => {
                if let Some(alias) = old {
                    self.delete_key(&alias).await;
                }
                self.enrollment(&self.enrollment_row(id.as_str())?)
            }
            Err(error) => {
                self.delete_key(&key.0).await;
                Err(error)
            }
        }
    }
}
