//! What a person was asked before a request, and what became of it, as the server has it: told to the phone that shows the
//! request.

use std::collections::HashMap;
use std::sync::Arc;

use authenticator_core::{Approval, Authenticator, ChallengeId, Confirmation, Review, RowValue};

use super::{ScreenError, Time, push};
use crate::device::consent_body;
use crate::engine::Engine;
use crate::state::{Answer, CibaRequest, StateError, User};

/// Other requests of the person that a look remembers, the newest. More than it takes to be many.
const REMEMBERED: usize = 20;

/// A request with those around it, in the order in which they were started.
pub(super) struct Past<'a> {
    user: &'a User,
    /// Consent id of the request that is looked at.
    current: &'a str,
    requests: Vec<CibaRequest>,
}

/// What happened to a request at some time.
enum Event<'a> {
    Asked,
    Answered(&'a Answer),
}

impl<'a> Past<'a> {
    pub(super) fn of(
        engine: &Arc<Engine>,
        request: &'a CibaRequest,
        user: &'a User,
    ) -> Result<Past<'a>, StateError> {
        let mut others: Vec<CibaRequest> = engine.db.write(|tx| tx.of(&user.user_id))?;
        others.retain(|other| other.auth_req_id != request.auth_req_id);
        let mut requests = others.split_off(others.len().saturating_sub(REMEMBERED));
        requests.push(request.clone());
        requests.sort_by_key(|request| request.created_ms);
        Ok(Past {
            user,
            current: &request.consent_id,
            requests,
        })
    }

    pub(super) fn begins_ms(&self) -> i64 {
        self.requests
            .first()
            .map_or(0, |request| request.created_ms)
    }

    /// The consents as a phone would fetch them, by id.
    pub(super) fn bodies(
        &self,
        engine: &Engine,
        base: &str,
    ) -> Result<HashMap<String, String>, ScreenError> {
        let written = self.requests.iter().map(|request| {
            let body = consent_body(request.clone(), base, engine.dialect)
                .map_err(|error| ScreenError::Request(error.to_string()))?;
            Ok((request.consent_id.clone(), body))
        });
        written.collect()
    }

    /// Lets a phone live through it; gives its challenge of the request that is looked at.
    pub(super) async fn live(
        &self,
        engine: &Engine,
        phone: &Authenticator,
        time: &Time,
    ) -> Result<ChallengeId, ScreenError> {
        let mut events = Vec::new();
        for request in &self.requests {
            events.push((request.created_ms, request, Event::Asked));
            if let Some(answer) = &request.answer {
                events.push((answer.at_ms, request, Event::Answered(answer)));
            }
        }
        events.sort_by_key(|(at_ms, ..)| *at_ms);
        let mut reviews: HashMap<&str, Review> = HashMap::new();
        for (at_ms, request, event) in events {
            time.is(at_ms);
            let id = request.consent_id.as_str();
            match event {
                Event::Asked => match asked(engine, phone, request, self.user).await {
                    Ok(review) => drop(reviews.insert(id, review)),
                    Err(error) if id == self.current => return Err(error),
                    // One that cannot be shown is remembered as far as it goes.
                    Err(_) => {}
                },
                Event::Answered(answer) => {
                    if let Some(review) = reviews.get(id) {
                        repeat(phone, review, answer).await;
                    }
                }
            }
        }
        let current = reviews.remove(self.current);
        let missing = || ScreenError::Request("it is not among those of its person".to_owned());
        Ok(current.ok_or_else(missing)?.challenge)
    }
}

async fn asked(
    engine: &Engine,
    phone: &Authenticator,
    request: &CibaRequest,
    user: &User,
) -> Result<Review, ScreenError> {
    let challenge = phone.receive_push(push(engine, request, user)?).await?;
    Ok(phone.review(challenge.id).await?)
}

/// Decides as the person did. What this phone would not have let them approve it does not remember as approved.
async fn repeat(phone: &Authenticator, review: &Review, answer: &Answer) {
    let digest = review.digest.clone();
    if !answer.accepted {
        let reason = answer.reason.clone();
        let denied = phone.deny(review.challenge.clone(), Some(digest), reason);
        let _ = denied.await;
        return;
    }
    for typed in confirmations(review) {
        let approved = phone.approve(review.challenge.clone(), digest.clone(), typed);
        if approved.await.is_ok() {
            return;
        }
    }
}

/// What the person may have typed.
fn confirmations(review: &Review) -> Vec<Option<String>> {
    match &review.approval {
        Approval::Blocked { .. } => Vec::new(),
        Approval::Allowed => vec![None],
        Approval::NeedsConfirmation {
            confirmation: Confirmation::Number { number, .. },
        } => vec![Some(number.clone())],
        Approval::NeedsConfirmation {
            confirmation: Confirmation::AmountDigits { .. },
        } => {
            let rows = review.sections.iter().flat_map(|section| &section.rows);
            let units = rows.filter_map(|row| match &row.value {
                RowValue::Amount { decimal, .. } => {
                    let units = decimal.trim_start_matches('-').split('.').next();
                    units.map(|units| Some(units.to_owned()))
                }
                _ => None,
            });
            units.collect()
        }
    }
}
