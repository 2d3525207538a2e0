//! Fetch the consent, freeze what is to be shown.

use std::sync::Arc;

use super::fetch::Fetched;
use super::{
    Approval, Details, Mark, MarkCode, RenderInput, Rendered, Review, blocked_because,
    confirmation, mark, render,
};
use crate::challenge::{Alert, ChallengeId, account};
use crate::core::Core;
use crate::enrollment::EnrollmentId;
use crate::error::Result;
use crate::guard;
use crate::store::{ChallengeRow, EnrollmentRow, ReviewRow};

impl Core {
    pub(crate) async fn review(self: &Arc<Self>, id: &ChallengeId) -> Result<Review> {
        let (mut row, challenge) = self.open_challenge(id)?;
        let fetched = self.fetch_consent(&mut row, &challenge).await?;
        // The fetch may have taught the clock, or shown that the request is over.
        let (row, challenge) = self.open_challenge(id)?;
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

    /// What the device remembers that bears on this request.
    fn memory(
        &self,
        row: &EnrollmentRow,
        challenge: &ChallengeRow,
        audience: Option<&str>,
    ) -> Result<guard::Memory> {
        let (id, window) = (&challenge.enrollment, guard::ms(self.config.guard.window));
        let since = self.now(row).saturating_sub(window);
        let requester = audience.map(|audience| self.store.requester(id, audience));
        Ok(guard::Memory {
            requester: requester.transpose()?,
            repeated: self.repeats(row, challenge)?.times > 1,
            received: self.store.received_since(id, since)?,
            open: self.store.open_count(id)?,
            clock_offset: row.clock_offset,
        })
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
        let audience = rendered.facts.audience.as_deref();
        let mut marks = rendered.marks.clone();
        let remembered = guard::marks(
            &self.memory(row, challenge, audience)?,
            &rendered.facts.amounts,
            &self.config.guard,
        );
        marks.extend(remembered.into_iter().map(|code| mark(code, locale)));
        let needed = all_marks(&rendered, &marks)
            .any(|mark| self.config.guard.confirms(mark))
            .then(|| confirmation(&rendered, &challenge.id, locale));
        if challenge.alert == Alert::Silent
            && audience.is_some()
            && self.alert(row, audience)? == Alert::Normal
        {
            self.store.set_alert(&challenge.id, Alert::Normal)?;
        }
        let blocked = match (rendered.blocked, &rendered.digests) {
            (Some(code), _) => Some(code),
            (None, Some(_)) => None,
            // Nothing without a digest can be approved.
            (None, None) => Some(MarkCode::InvalidText),
        };
        let approval = match (blocked, &needed) {
            (Some(code), _) => Approval::Blocked {
                reason: code,
                text: blocked_because(code, &rendered.facts.missing, locale),
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
                .or(rendered.unsigned)
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
}

/// Marks of the request and of its rows.
fn all_marks<'a>(rendered: &'a Rendered, whole: &'a [Mark]) -> impl Iterator<Item = &'a Mark> {
    let rows = rendered
        .sections
        .iter()
        .flat_map(|section| &section.rows)
        .flat_map(|row| &row.marks);
    whole.iter().chain(rows)
}
