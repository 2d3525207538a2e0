//! Approval in two steps: the core says what is to be signed, the app has the approval key sign it behind a prompt, the
//! core checks the signature and commits. Until then nothing is decided.

use std::ops::ControlFlow;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::decide::{reviewed, reviewed_claim};
use super::{Decision, Receipt, SigningRequest, SigningRequestId};
use crate::challenge::ChallengeId;
use crate::core::{Core, blocking};
use crate::enrollment::EnrollmentId;
use crate::error::{Error, ErrorCode, Result};
use crate::jose::{Jwk, base64url, der_to_raw};
use crate::json::Value;

/// An approval that waits for its signature. In memory only: a prompt does not outlive its process either.
#[derive(Clone)]
pub(crate) struct Pending {
    request: SigningRequest,
    digest: String,
    typed: Option<String>,
}

impl Core {
    pub(crate) async fn begin_approval(
        self: &Arc<Self>,
        id: &ChallengeId,
        digest: String,
        typed: Option<String>,
    ) -> Result<SigningRequest> {
        let (row, challenge) = self.open_challenge(id)?;
        reviewed(&challenge, &digest, typed.as_deref())?;
        let (alias, jwk) = row.approval_key.clone().ok_or_else(no_key)?;
        self.check_approval_key(&alias, jwk).await?;
        let request = SigningRequest {
            id: SigningRequestId::new(format!("sig_{}", base64url(&self.random::<16>()))),
            challenge: id.clone(),
            enrollment: EnrollmentId::new(challenge.enrollment),
            key_alias: alias,
            message: digest.as_bytes().to_vec(),
            expires_at: challenge.expires_at,
        };
        let now = self.now(&row);
        let mut all = self.signing();
        all.retain(|one| {
            one.request.enrollment != request.enrollment || one.request.expires_at > now
        });
        let same = |one: &&Pending| {
            one.request.challenge == *id
                && one.digest == digest
                && one.request.key_alias == request.key_alias
        };
        // A second tap while the prompt is up: whichever of the two signatures comes first counts.
        if let Some(first) = all.iter().find(same) {
            return Ok(first.request.clone());
        }
        all.retain(|one| one.request.challenge != *id);
        all.push(Pending {
            request: request.clone(),
            digest,
            typed,
        });
        Ok(request)
    }

    pub(crate) async fn finish_approval(
        self: &Arc<Self>,
        id: &SigningRequestId,
        signature: &[u8],
    ) -> Result<Receipt> {
        let pending = self
            .signing()
            .iter()
            .find(|one| one.request.id == *id)
            .cloned()
            .ok_or_else(gone)?;
        let Pending {
            request,
            digest,
            typed,
        } = pending;
        let (row, challenge) = match self.undecided(&request.challenge)? {
            ControlFlow::Continue(open) => open,
            ControlFlow::Break(first) => return Ok(first),
        };
        let review = reviewed(&challenge, &digest, typed.as_deref())?;
        let key = row
            .approval_key
            .as_ref()
            .filter(|(alias, _)| *alias == request.key_alias);
        let (alias, jwk) = key.ok_or_else(gone)?;
        let jwk = Jwk::from_json(jwk)?;
        let signature = der_to_raw(signature)
            .filter(|raw| jwk.verify(&request.message, raw))
            .ok_or_else(|| {
                Error::new(
                    ErrorCode::KeyStoreFailed,
                    "the signature does not verify with the approval key; nothing was decided",
                )
            })?;
        let claim = self
            .config
            .signed_consent
            .then(|| with_evidence(reviewed_claim(review), &jwk, &signature));
        let mut decision = self.decision_row(&row, &challenge, Decision::Approve, None, claim);
        decision.approved_with = Some(alias.clone());
        self.commit(&challenge, decision, Some(&digest)).await
    }

    /// Tells a lost key before the app shows a prompt for it.
    async fn check_approval_key(self: &Arc<Self>, alias: &str, jwk: Value) -> Result<()> {
        let (core, alias) = (Arc::clone(self), alias.to_owned());
        blocking(move || {
            core.public_key_is(&alias, &Jwk::from_json(&jwk)?)
                .map_err(|error| match error.code() {
                    ErrorCode::KeyMissing | ErrorCode::KeyInvalidated => no_key(),
                    _ => error,
                })
        })
        .await
    }

    fn signing(&self) -> MutexGuard<'_, Vec<Pending>> {
        self.signing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The claim with the proof that the approval key signed what was shown.
fn with_evidence(claim: Value, key: &Jwk, signature: &[u8]) -> Value {
    let Value::Object(mut members) = claim else {
        return claim;
    };
    members.push(("uv_key".to_owned(), key.to_json()));
    members.push(("uv_sig".to_owned(), base64url(signature).into()));
    Value::Object(members)
}

fn no_key() -> Error {
    Error::new(
        ErrorCode::ApprovalKeyMissing,
        "this account has no usable approval key: make a new one with replace_approval_key",
    )
}

fn gone() -> Error {
    Error::new(
        ErrorCode::SigningRequestGone,
        "there is no such signing request any more: begin the approval again",
    )
}
