//! The moment of decision: checked against what was shown, committed before anything is sent.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Decision, Delivery, Receipt};
use crate::challenge::ChallengeId;
use crate::consent::RENDERER;
use crate::core::Core;
use crate::crash::crash_point;
use crate::error::{Error, ErrorCode, Result};
use crate::guard;
use crate::json::{self, Value, object};
use crate::store::{Aftermath, ChallengeRow, Committed, DecisionRow, EnrollmentRow, ReviewRow};

/// A reason longer than this is no reason any more.
const MAX_REASON_CHARS: usize = 256;
/// The reason that reports a request as foreign.
const NOT_ME: &str = "not_me";

impl Core {
    pub(crate) async fn approve(
        self: &Arc<Self>,
        id: &ChallengeId,
        digest: &str,
        typed: Option<&str>,
    ) -> Result<Receipt> {
        let (row, challenge) = match self.undecided(id)? {
            ControlFlow::Continue(open) => open,
            ControlFlow::Break(first) => return Ok(first),
        };
        if self.config.user_verification || row.approval_key.is_some() {
            return Err(Error::new(
                ErrorCode::UserVerificationNeeded,
                "this account approves with a prompt: call begin_approval",
            ));
        }
        let review = reviewed(&challenge, digest, typed)?;
        let claim = self.config.signed_consent.then(|| reviewed_claim(review));
        let decision = self.decision_row(&row, &challenge, Decision::Approve, None, claim);
        self.commit(&challenge, decision, Some(digest)).await
    }

    pub(crate) async fn deny(
        self: &Arc<Self>,
        id: &ChallengeId,
        digest: Option<&str>,
        reason: Option<String>,
    ) -> Result<Receipt> {
        let reason = reason.filter(|r| !r.trim().is_empty());
        if reason.as_ref().is_some_and(|r| {
            r.chars().count() > MAX_REASON_CHARS || r.chars().any(char::is_control)
        }) {
            let message = format!(
                "the reason must have at most {MAX_REASON_CHARS} characters and no control characters"
            );
            return Err(Error::new(ErrorCode::ArgumentInvalid, message));
        }
        let (row, challenge) = match self.undecided(id)? {
            ControlFlow::Continue(open) => open,
            ControlFlow::Break(first) => return Ok(first),
        };
        let claim = self.config.signed_consent.then(|| {
            match challenge
                .review
                .as_ref()
                .filter(|r| digest.is_some_and(|d| !d.is_empty() && d == r.shown))
            {
                Some(review) => reviewed_claim(review),
                None => object([("v", 1.into()), ("reviewed", false.into())]),
            }
        });
        let decision = self.decision_row(&row, &challenge, Decision::Deny, reason, claim);
        self.commit(&challenge, decision, None).await
    }

    /// A challenge that can still be decided, or the receipt of its decision. Asked for last, so that a decision that
    /// another tap makes meanwhile is found too.
    pub(super) fn undecided(
        &self,
        id: &ChallengeId,
    ) -> Result<ControlFlow<Receipt, (EnrollmentRow, ChallengeRow)>> {
        let open = self.open_challenge(id);
        if let Some(first) = self.store.decision(id.as_str())? {
            return Ok(ControlFlow::Break(first.receipt));
        }
        match open {
            // Decided so long ago that only the history knows.
            Err(error) if error.code() == ErrorCode::ChallengeAnswered => {
                let first = self.store.settled_receipt(id.as_str())?;
                first.map(ControlFlow::Break).ok_or(error)
            }
            open => open.map(ControlFlow::Continue),
        }
    }

    pub(super) fn decision_row(
        &self,
        row: &EnrollmentRow,
        challenge: &ChallengeRow,
        decision: Decision,
        reason: Option<String>,
        claim: Option<Value>,
    ) -> DecisionRow {
        let decided_at = self.now(row);
        DecisionRow {
            challenge: challenge.id.clone(),
            enrollment: challenge.enrollment.clone(),
            decision,
            reason: reason.clone(),
            claim: claim.as_ref().map(json::write),
            decided_at,
            expires_at: challenge.expires_at,
            approved_with: None,
            receipt: Receipt {
                challenge: ChallengeId::new(challenge.id.clone()),
                decision,
                reason,
                delivery: Delivery::Queued,
                decided_at,
                attempts: 0,
                next_attempt_at: None,
                last_error: None,
                server_code: None,
            },
        }
    }

    /// Durable first, network second; whoever was first has decided.
    pub(super) async fn commit(
        self: &Arc<Self>,
        challenge: &ChallengeRow,
        decision: DecisionRow,
        expected_shown: Option<&str>,
    ) -> Result<Receipt> {
        crash_point("tapped");
        let committed = self.store.decide(&decision, expected_shown, |aftermath| {
            self.remember(aftermath, challenge, &decision)
        })?;
        match committed {
            Committed::Now(decided) => {
                crash_point("decided");
                Ok(self.deliver_or_keep(decided.receipt).await)
            }
            Committed::Before(first) => Ok(first.receipt),
        }
    }

    /// Keeps what later requests are compared with, and a report's quiet period.
    fn remember(
        &self,
        aftermath: &Aftermath<'_>,
        challenge: &ChallengeRow,
        decision: &DecisionRow,
    ) -> Result<()> {
        let (enrollment, at) = (&challenge.enrollment, decision.decided_at);
        let review = challenge.review.as_ref();
        let audience = review.and_then(|review| review.audience.as_deref());
        let reported = decision.reason.as_deref() == Some(NOT_ME);
        if reported {
            self.keep_quiet(aftermath, enrollment, audience, at)?;
        }
        let (Some(review), Some(audience)) = (review, audience) else {
            return Ok(());
        };
        aftermath.record_requester(enrollment, audience, at, |known| match decision.decision {
            Decision::Approve => guard::remember_approval(known, &review.amounts),
            Decision::Deny => {
                known.denied += 1;
                known.reported += i64::from(reported);
            }
        })?;
        match decision.decision {
            Decision::Approve => aftermath.end_quiet(enrollment, audience),
            Decision::Deny => Ok(()),
        }
    }
}

/// The stored review, if it is the one the person looked at and allows approval.
pub(super) fn reviewed<'a>(
    challenge: &'a ChallengeRow,
    digest: &str,
    typed: Option<&str>,
) -> Result<&'a ReviewRow> {
    let Some(review) = &challenge.review else {
        return Err(Error::new(
            ErrorCode::ReviewMissing,
            "nothing was reviewed yet: call review and show it",
        ));
    };
    if let Some(reason) = &review.blocked {
        return Err(Error::new(
            ErrorCode::ApprovalBlocked,
            format!("this request can only be denied: {reason}"),
        ));
    }
    if review.shown.is_empty() || review.shown != digest {
        return Err(Error::new(
            ErrorCode::ReviewChanged,
            "this is not what was reviewed last: review again",
        ));
    }
    match &review.confirmation {
        Some(expected) if typed.map(str::trim) != Some(expected) => Err(Error::new(
            ErrorCode::ConfirmationNeeded,
            "the typed confirmation is missing or wrong",
        )),
        _ => Ok(review),
    }
}

pub(super) fn reviewed_claim(review: &ReviewRow) -> Value {
    object([
        ("v", 1.into()),
        ("reviewed", true.into()),
        ("source", review.source.as_str().into()),
        ("shown", review.shown.as_str().into()),
        ("renderer", RENDERER.into()),
        ("templates", review.templates.as_str().into()),
        ("locale", review.locale.as_str().into()),
        ("zone", review.zone.as_str().into()),
    ])
}
