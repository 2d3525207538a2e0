//! Answering a request: once, and only while it is alive.

use super::Engine;
use crate::state::{Answer, CibaRequest, Stage, StateError, Tx, User};

impl Engine {
    /// Whether a request can still be answered.
    pub(crate) fn answerable(
        &self,
        tx: &Tx<'_>,
        request: &CibaRequest,
    ) -> Result<bool, StateError> {
        if request.state != Stage::Pending || self.now_ms() >= request.expires_ms {
            return Ok(false);
        }
        Ok(tx
            .get::<User>(&request.user_id)?
            .is_some_and(|user| !user.blocked))
    }

    /// Records the one answer; `false` if the request is over, or cannot be approved.
    pub(crate) fn answer(
        &self,
        tx: &Tx<'_>,
        mut request: CibaRequest,
        answer: Answer,
    ) -> Result<bool, StateError> {
        let unsigned = answer.enrollment_id.is_none() && self.wants_signature();
        let refused = answer.accepted && (unsigned || request.withheld.is_some());
        if refused || !self.answerable(tx, &request)? {
            return Ok(false);
        }
        let (state, event) = if answer.accepted {
            (
                Stage::Approved {
                    at_ms: answer.at_ms,
                },
                "gd_auth_succeed",
            )
        } else {
            (
                Stage::Denied {
                    at_ms: answer.at_ms,
                },
                "gd_auth_rejected",
            )
        };
        let details = serde_json::json!({ "transaction_linking_id": request.consent_id, "reason": answer.reason });
        self.event(tx, event, Some(&request.user_id), details)?;
        request.state = state;
        request.answer = Some(answer);
        tx.put(&request)?;
        if let Some(bridge) = &self.bridge {
            bridge.answered();
        }
        Ok(true)
    }

    /// Answers without a device, for automation; `id` is an `auth_req_id` or a consent id.
    pub(crate) fn decide(&self, id: &str, accept: bool) -> Result<bool, StateError> {
        self.db.write(|tx| {
            let request = match tx.get::<CibaRequest>(id)? {
                Some(request) => Some(request),
                None => tx
                    .all::<CibaRequest>()?
                    .into_iter()
                    .find(|request| request.consent_id == id),
            };
            let Some(request) = request else {
                return Ok(false);
            };
            let answer = Answer {
                enrollment_id: None,
                in_browser: false,
                accepted: accept,
                reason: None,
                at_ms: self.now_ms(),
                jwt: None,
                consent_claim: None,
                consent_check: None,
                person_check: None,
                record: None,
            };
            self.answer(tx, request, answer)
        })
    }
}
