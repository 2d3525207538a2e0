//! Push in, stored challenge out; what is open; what has ended.

use super::{Alert, Arrival, Challenge, ChallengeId, ChallengeState, Origin};
use crate::authenticator::DialectName;
use crate::consent::{Account, harden_label};
use crate::core::{Core, dialects};
use crate::enrollment::EnrollmentId;
use crate::error::{Error, ErrorCode, Result};
use crate::guard;
use crate::jose::{base64url, sha256};
use crate::json::{self, Limits, Value};
use crate::protocol::{Push, PushPayload};
use crate::store::{ChallengeRow, EnrollmentRow, Received};

/// A challenge lives this long before its consent tells otherwise.
pub(super) const DEFAULT_LIFE_MS: i64 = 300_000;

impl Core {
    pub(crate) fn receive_push(&self, payload: &str) -> Result<Challenge> {
        let (dialect, push) = parse(payload)?;
        let mut row = self
            .store
            .enrollment(&push.enrollment)?
            .filter(|row| row.dialect == dialect && row.continued_by.is_none())
            .ok_or_else(|| {
                Error::new(
                    ErrorCode::UnknownEnrollment,
                    "the push is for an account that is not on this device",
                )
            })?;
        let id = challenge_id(&push);
        let now = self.now(&row);
        let mut arrived = ChallengeRow {
            id: id.as_str().to_owned(),
            enrollment: push.enrollment.clone(),
            received_at: now,
            expires_at: now.saturating_add(life(&push, now).max(life(&push, self.clock.now()))),
            consent: None,
            review: None,
            expired: false,
            alert: Alert::Normal,
            push,
        };
        let asks = match arrived.push.consent_id {
            Some(_) => None,
            None => guard::asked_without_details(&arrived.push),
        };
        let fresh = arrived.expires_at > now;
        if let Some(stored) = self.store.challenge(id.as_str())? {
            let renewed = match fresh {
                true => self.store.renew(&arrived, asks.as_deref())?,
                false => None,
            };
            return self.describe(&row, &renewed.unwrap_or(stored), Arrival::Repeated);
        }
        // Forgotten, but not undone: what is over stays over.
        if self.store.is_over(id.as_str())? {
            return Err(over_long_ago());
        }
        if !fresh {
            return Err(Error::new(
                ErrorCode::ChallengeExpired,
                "the push is older than its request may be",
            ));
        }
        self.store.expire(&row.identity.enrollment, now)?;
        arrived.alert = self.alert(&row, None)?;
        let limit = self.config.guard.open_limit;
        let arrival = match self.store.receive(&arrived, asks.as_deref(), limit)? {
            Received::New => Arrival::New,
            Received::Known => Arrival::Repeated,
            Received::Full => {
                return Err(Error::new(
                    ErrorCode::TooManyChallenges,
                    "so many requests of this account are open that no further one is taken: answer some",
                ));
            }
        };
        self.store.touch(&row.identity.enrollment, now)?;
        row.last_used_at = Some(now);
        self.describe(&row, &arrived, arrival)
    }

    /// Open challenges; those that have ended meanwhile are closed on the way.
    pub(crate) fn pending(&self) -> Result<Vec<Challenge>> {
        let mut open = Vec::new();
        for challenge in self.store.open_challenges()? {
            let row = self.enrollment_row(&challenge.enrollment)?;
            if !self.end_if_expired(&row, &challenge)? {
                open.push(self.describe(&row, &challenge, Arrival::Repeated)?);
            }
        }
        Ok(open)
    }

    pub(crate) fn challenge(&self, id: &ChallengeId) -> Result<Challenge> {
        let challenge = self.challenge_row(id)?;
        let row = self.history_row(&challenge.enrollment)?;
        self.describe(&row, &challenge, Arrival::Repeated)
    }

    pub(crate) fn challenge_row(&self, id: &ChallengeId) -> Result<ChallengeRow> {
        match self.store.challenge(id.as_str())? {
            Some(challenge) => Ok(challenge),
            None if self.store.settled_receipt(id.as_str())?.is_some() => Err(over_long_ago()),
            None => Err(Error::new(
                ErrorCode::UnknownChallenge,
                "there is no such challenge on this device",
            )),
        }
    }

    /// A challenge that can still be decided, with its account.
    pub(crate) fn open_challenge(&self, id: &ChallengeId) -> Result<(EnrollmentRow, ChallengeRow)> {
        let challenge = self.challenge_row(id)?;
        let row = self.enrollment_row(&challenge.enrollment)?;
        if self.end_if_expired(&row, &challenge)? {
            return Err(Error::new(
                ErrorCode::ChallengeExpired,
                "the request has expired",
            ));
        }
        if self.store.decision(id.as_str())?.is_some() {
            return Err(Error::new(
                ErrorCode::ChallengeAnswered,
                "the request was answered on this device",
            ));
        }
        Ok((row, challenge))
    }

    fn end_if_expired(&self, row: &EnrollmentRow, challenge: &ChallengeRow) -> Result<bool> {
        if challenge.expired {
            return Ok(true);
        }
        if self.now(row) < challenge.expires_at {
            return Ok(false);
        }
        self.store.expire(&challenge.enrollment, self.now(row))?;
        Ok(true)
    }

    fn describe(
        &self,
        row: &EnrollmentRow,
        challenge: &ChallengeRow,
        arrival: Arrival,
    ) -> Result<Challenge> {
        let state = if self.store.decision(&challenge.id)?.is_some() {
            ChallengeState::Decided
        } else if challenge.expired || self.now(row) >= challenge.expires_at {
            ChallengeState::Expired
        } else {
            ChallengeState::Open
        };
        Ok(Challenge {
            id: ChallengeId::new(challenge.id.clone()),
            enrollment: EnrollmentId::new(challenge.enrollment.clone()),
            account: account(row),
            requested_at: challenge.push.requested_at,
            received_at: challenge.received_at,
            expires_at: challenge.expires_at,
            origin: origin(
                challenge.push.source.as_ref(),
                challenge.push.location.as_ref(),
            ),
            has_details: challenge.push.consent_id.is_some(),
            state,
            arrival,
            alert: challenge.alert,
            repeats: self.repeats(row, challenge)?,
        })
    }
}

fn over_long_ago() -> Error {
    Error::new(
        ErrorCode::ChallengeAnswered,
        "the request was answered or missed on this device a while ago; the history has it",
    )
}

/// How long a challenge lives, in milliseconds from `now` on, before its consent tells otherwise. Asked for by the server's
/// clock and by the device's own: a push that is old by the one and fresh by the other means that the learnt offset is
/// stale, and the server's next answer will correct it. An unsigned push cannot.
fn life(push: &Push, now: i64) -> i64 {
    push.requested_at
        .min(now)
        .saturating_add(DEFAULT_LIFE_MS)
        .saturating_sub(now)
}

/// Names of an account for a screen.
pub(crate) fn account(row: &EnrollmentRow) -> Account {
    Account {
        issuer: row.issuer.clone(),
        user: row.label.clone(),
    }
}

pub(super) fn parse(payload: &str) -> Result<(DialectName, Push)> {
    let not_ours = || {
        Error::new(
            ErrorCode::PushNotOurs,
            "the payload is not a challenge for this app",
        )
    };
    let value = json::read(payload.as_bytes(), Limits::PUSH).map_err(|_| {
        Error::new(
            ErrorCode::PushMalformed,
            "the payload is not JSON that can be read in one way, or it is too large",
        )
    })?;
    for (name, dialect) in dialects() {
        match dialect.push(&value) {
            PushPayload::NotOurs => {}
            PushPayload::Malformed { member } => {
                return Err(Error::new(
                    ErrorCode::PushMalformed,
                    format!("the payload's member `{member}` is missing or wrong"),
                ));
            }
            PushPayload::Push(push) => return Ok((name, *push)),
        }
    }
    Err(not_ours())
}

/// One request of the server is one challenge, however often and in whatever words it is pushed: an answer counts for the
/// server's challenge, so there must not be a second one to decide about.
pub(crate) fn challenge_id(push: &Push) -> ChallengeId {
    let mut facts = String::new();
    for part in [&push.enrollment, &push.challenge] {
        facts.push_str(&format!("{}:{part};", part.len()));
    }
    ChallengeId::new(format!("chl_{}", base64url(&sha256(facts.as_bytes()))))
}

/// Browser, system and place as the push claims them; whatever cannot be read is left out.
pub(crate) fn origin(source: Option<&Value>, location: Option<&Value>) -> Origin {
    let name_and_version = |member: &str| {
        let thing = source?.get(member)?;
        let words: Vec<&str> = ["n", "v"]
            .iter()
            .filter_map(|part| thing.get(part)?.as_str())
            .filter(|s| !s.trim().is_empty())
            .collect();
        (!words.is_empty()).then(|| harden_label(&words.join(" ")))
    };
    let degrees = |member: &str, bound: f64| {
        let value = location?.get(member)?;
        let number = match value {
            Value::String(text) => text.trim().parse::<f64>().ok()?,
            other => other.as_number()?.as_f64(),
        };
        (number.is_finite() && number.abs() <= bound).then_some(number)
    };
    Origin {
        browser: name_and_version("b"),
        system: name_and_version("os"),
        place: location
            .and_then(|l| l.get("n")?.as_str())
            .filter(|s| !s.trim().is_empty())
            .map(harden_label),
        latitude: degrees("lat", 90.0),
        longitude: degrees("long", 180.0),
    }
}
