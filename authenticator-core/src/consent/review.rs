//! Fetch the consent, freeze what is to be shown.

use std::sync::Arc;

use super::{
    Approval, Details, Mark, MarkCode, RenderInput, Rendered, Review, confirmation, mark, render,
};
use crate::challenge::{ChallengeId, account};
use crate::core::{Core, dialect};
use crate::enrollment::EnrollmentId;
use crate::error::{Error, ErrorCode, Result};
use crate::guard;
use crate::json;
use crate::protocol::{ConsentAnswer, Dialect};
use crate::store::{ChallengeRow, EnrollmentRow, ReviewRow};

/// What is known of the details after asking the server.
enum Fetched {
    /// `readable`: every member that matters has the right type; otherwise it is shown and blocked.
    Body {
        body: json::Value,
        readable: bool,
    },
    /// Nothing to ask for, or the server says that there is nothing.
    None,
    Missing,
    Unavailable(MarkCode),
}

impl Core {
    pub(crate) async fn review(self: &Arc<Self>, id: &ChallengeId) -> Result<Review> {
        let (mut row, mut challenge) = self.open_challenge(id)?;
        let fetched = self.fetch_consent(&mut row, &mut challenge).await?;
        // The fetch may have taught the clock, or shown that the request is over.
        let (row, challenge) = {
            drop(challenge);
            self.open_challenge(id)?
        };
        let display = self.display();
        let names = account(&row);
        let details = match &fetched {
            Fetched::Body { body, .. } => Details::Body(body),
            Fetched::None => Details::None,
            Fetched::Missing => Details::Missing,
            Fetched::Unavailable(code) => Details::Unavailable(*code),
        };
        let input = RenderInput {
            server: &row.identity.base_url,
            enrollment: &row.identity.enrollment,
            user: &row.identity.user,
            challenge: &challenge.push.challenge,
            requested_at_text: &challenge.push.requested_at_text,
            requested_at: challenge.push.requested_at,
            source: challenge.push.source.as_ref(),
            location: challenge.push.location.as_ref(),
            details,
            account: &names,
            display: &display,
            unknown_types: self.config.unknown_types,
        };
        let mut rendered = render(&input, &self.templates);
        if matches!(
            fetched,
            Fetched::Body {
                readable: false,
                ..
            }
        ) {
            rendered.blocked.get_or_insert(MarkCode::IncompleteDetails);
        }
        self.freeze(&row, &challenge, rendered, &display.locale)
    }

    /// Adds what memory and clock know, decides what approval needs, and stores it: from here on the digest stands.
    fn freeze(
        &self,
        row: &EnrollmentRow,
        challenge: &ChallengeRow,
        rendered: Rendered,
        locale: &str,
    ) -> Result<Review> {
        let now = self.now(row);
        let mut marks = rendered.marks.clone();
        let memory = guard::Memory {
            requester: match &rendered.facts.audience {
                Some(audience) => Some(self.store.requester(&challenge.enrollment, audience)?),
                None => None,
            },
            received: self
                .store
                .received_since(&challenge.enrollment, now - guard::WINDOW_MS)?,
            clock_offset: row.clock_offset,
        };
        marks.extend(
            guard::marks(&memory, &rendered.facts.amounts)
                .into_iter()
                .map(|code| mark(code, locale)),
        );
        let needed = confirmation(
            &rendered,
            &all_marks(&rendered, &marks),
            &challenge.id,
            locale,
        );
        let blocked = match (rendered.blocked, &rendered.digests) {
            (Some(code), _) => Some(code),
            (None, Some(_)) => None,
            // Nothing without a digest can be approved.
            (None, None) => Some(MarkCode::InvalidText),
        };
        let approval = match (blocked, &needed) {
            (Some(code), _) => Approval::Blocked {
                reason: code,
                text: mark(code, locale).text,
            },
            (None, Some((confirmation, _))) => Approval::NeedsConfirmation {
                confirmation: confirmation.clone(),
            },
            (None, None) => Approval::Allowed,
        };
        let digests = rendered.digests;
        let stored = ReviewRow {
            headline: rendered.headline.clone(),
            source: digests
                .as_ref()
                .map(|d| d.source.clone())
                .unwrap_or_default(),
            shown: digests
                .as_ref()
                .map(|d| d.shown.clone())
                .unwrap_or_default(),
            shown_document: digests
                .as_ref()
                .map(|d| d.shown_document.clone())
                .unwrap_or_default(),
            templates: digests
                .as_ref()
                .map(|d| d.templates.clone())
                .unwrap_or_default(),
            locale: locale.to_owned(),
            zone: digests.as_ref().map(|d| d.zone.clone()).unwrap_or_default(),
            blocked: blocked.map(|code| code.as_str().to_owned()),
            confirmation: needed.map(|(_, expected)| expected),
            audience: rendered.facts.audience,
            amounts: rendered.facts.amounts,
            at: now,
        };
        self.store.set_review(&challenge.id, &stored)?;
        Ok(Review {
            challenge: ChallengeId::new(challenge.id.clone()),
            enrollment: EnrollmentId::new(challenge.enrollment.clone()),
            account: account(row),
            headline: rendered.headline,
            binding_message: rendered.binding_message,
            sections: rendered.sections,
            marks,
            approval,
            expires_at: challenge.expires_at,
            digest: stored.shown,
            locale: locale.to_owned(),
        })
    }

    /// Asks the server; a temporary failure is an error unless the details were fetched before.
    async fn fetch_consent(
        self: &Arc<Self>,
        row: &mut EnrollmentRow,
        challenge: &mut ChallengeRow,
    ) -> Result<Fetched> {
        let dialect = dialect(row.dialect);
        let mut corrected = false;
        loop {
            let push = challenge.push.clone();
            let request = self
                .signed(row, move |wire, identity, signer| {
                    dialect.consent_request(wire, identity, signer, &push)
                })
                .await;
            let request = match request {
                Ok(Some(request)) => request,
                Ok(None) => return Ok(Fetched::None),
                // A linking id that cannot be asked for names details that cannot be had.
                Err(error) if error.code() == ErrorCode::PushMalformed => {
                    return self.unavailable(challenge, MarkCode::DetailsUnavailable);
                }
                Err(error) => return Err(error),
            };
            let answer = match self.send(request).await {
                Ok(answer) => answer,
                // An answer that is too large is an answer: it will not become smaller.
                Err(error) if error.code() == ErrorCode::AnswerInvalid => {
                    return self.unavailable(challenge, MarkCode::TooLarge);
                }
                Err(error) => return self.cached(dialect, challenge, error),
            };
            self.learn_from(row, &answer);
            match dialect.consent_answer(&challenge.push, &answer) {
                ConsentAnswer::Body(body) => return self.accept_consent(dialect, challenge, body),
                ConsentAnswer::NotFound {
                    details_existed: true,
                } if !self.config.allow_missing_consent => {
                    return self.unavailable(challenge, MarkCode::DetailsUnavailable);
                }
                ConsentAnswer::NotFound { .. } => {
                    self.store
                        .set_consent(&challenge.id, None, challenge.expires_at)?;
                    return Ok(Fetched::Missing);
                }
                ConsentAnswer::Invalid { reason } => {
                    tracing::warn!(reason, "the consent cannot be read");
                    return self.unavailable(challenge, invalid_mark(&reason));
                }
                ConsentAnswer::Refused(refusal) => {
                    if refusal.clock_suspect && !corrected {
                        // With the clock corrected or not: a new proof is worth one try.
                        self.correct_clock(row, &refusal)?;
                        corrected = true;
                    } else if refusal.class == crate::error::ErrorClass::Retry {
                        return self.cached(
                            dialect,
                            challenge,
                            refusal.into_error("the server cannot give the details now"),
                        );
                    } else {
                        return self.unavailable(challenge, MarkCode::DetailsUnavailable);
                    }
                }
            }
        }
    }

    fn accept_consent(
        &self,
        dialect: &dyn Dialect,
        challenge: &ChallengeRow,
        body: json::Value,
    ) -> Result<Fetched> {
        let expiry = dialect.consent_expiry(&body);
        let expires_at = expiry
            .as_ref()
            .ok()
            .copied()
            .flatten()
            .unwrap_or(challenge.expires_at);
        self.store
            .set_consent(&challenge.id, Some(&json::write(&body)), expires_at)?;
        Ok(Fetched::Body {
            body,
            readable: expiry.is_ok(),
        })
    }

    fn unavailable(&self, challenge: &ChallengeRow, code: MarkCode) -> Result<Fetched> {
        self.store
            .set_consent(&challenge.id, None, challenge.expires_at)?;
        Ok(Fetched::Unavailable(code))
    }

    /// What was fetched before, if anything; a consent never changes under its id.
    fn cached(
        &self,
        dialect: &dyn Dialect,
        challenge: &ChallengeRow,
        error: Error,
    ) -> Result<Fetched> {
        let Some(text) = &challenge.consent else {
            return Err(error);
        };
        let body = json::read(text.as_bytes(), json::Limits::BODY)
            .map_err(|_| Error::new(ErrorCode::Internal, "a stored consent cannot be read"))?;
        let readable = dialect.consent_expiry(&body).is_ok();
        Ok(Fetched::Body { body, readable })
    }
}

/// Marks of the request and of its rows.
fn all_marks(rendered: &Rendered, whole: &[Mark]) -> Vec<Mark> {
    let rows = rendered
        .sections
        .iter()
        .flat_map(|section| &section.rows)
        .flat_map(|row| &row.marks);
    whole.iter().chain(rows).cloned().collect()
}

/// The mark behind a reader's complaint.
fn invalid_mark(reason: &str) -> MarkCode {
    match reason {
        "duplicate_member" => MarkCode::DuplicateMember,
        "not_utf8" | "lone_surrogate" => MarkCode::InvalidText,
        "too_large" | "too_deep" => MarkCode::TooLarge,
        _ => MarkCode::DetailsUnavailable,
    }
}
