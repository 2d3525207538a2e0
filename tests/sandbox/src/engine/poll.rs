//! What a poll of a request gives: a pure function of the request, the time and the dialect.

use super::dialect::Dialect;
use crate::state::{CibaRequest, Stage};

/// The outcome of one poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Used before, or over for so long that it is forgotten.
    Gone,
    Denied,
    Expired,
    Approved {
        at_ms: i64,
    },
    /// Too fast; the new interval.
    SlowDown(u32),
    Pending,
}

/// Where the request stands, whatever the rhythm of the polls. A final state always wins over the
/// rate check, so that a client with a wrong rhythm still gets its result.
pub(crate) fn outcome(request: &CibaRequest, now_ms: i64, dialect: &Dialect) -> Outcome {
    let forgotten = |since: i64| now_ms >= since.saturating_add(dialect.remember_ms);
    let expired = now_ms >= request.expires_ms;
    match request.state {
        Stage::Redeemed => Outcome::Gone,
        Stage::Denied { at_ms } if forgotten(at_ms) => Outcome::Gone,
        Stage::Denied { .. } => Outcome::Denied,
        _ if expired && forgotten(request.expires_ms) => Outcome::Gone,
        _ if expired => Outcome::Expired,
        Stage::Approved { at_ms } => Outcome::Approved { at_ms },
        Stage::Pending => Outcome::Pending,
    }
}

/// A poll: notes its time, and applies the rate rule while the request is pending.
pub(crate) fn poll(request: &mut CibaRequest, now_ms: i64, dialect: &Dialect) -> Outcome {
    let outcome = outcome(request, now_ms, dialect);
    request.polls = request.polls.saturating_add(1);
    let last = request.last_poll_ms.replace(now_ms);
    let earliest =
        last.map(|last| last + i64::from(request.interval) * 1000 - dialect.poll_tolerance_ms);
    if outcome == Outcome::Pending && earliest.is_some_and(|earliest| now_ms < earliest) {
        // A base interval above the cap stays: an interval never shrinks.
        let cap = dialect.max_interval_s.max(request.interval);
        request.interval = (request.interval + dialect.slow_down_step_s).min(cap);
        return Outcome::SlowDown(request.interval);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::super::dialect::AUTH0;
    use super::*;
    use crate::state::Channel;

    fn request() -> CibaRequest {
        CibaRequest {
            auth_req_id: "id".into(),
            consent_id: "cns_1".into(),
            client_id: "c".into(),
            user_id: "u".into(),
            channel: Channel::Push,
            scope: vec![],
            audience: None,
            binding_message: None,
            details: None,
            created_ms: 0,
            expires_ms: 300_000,
            interval: 5,
            last_poll_ms: None,
            polls: 0,
            state: Stage::Pending,
            answer: None,
            refused: None,
            refused_person: None,
            pushes: vec![],
        }
    }

    #[test]
    fn the_first_poll_is_never_too_fast_and_each_violation_adds_five_seconds_up_to_sixty() {
        let mut request = request();
        assert_eq!(poll(&mut request, 0, &AUTH0), Outcome::Pending);
        let grown: Vec<_> = (1..=13).map(|t| poll(&mut request, t, &AUTH0)).collect();
        let expected: Vec<_> = (2..=14)
            .map(|n| Outcome::SlowDown((n * 5).min(60)))
            .collect();
        assert_eq!(grown, expected);
    }

    #[test]
    fn half_a_second_of_haste_is_tolerated_and_not_more() {
        for (at, expected) in [(4_500, Outcome::Pending), (4_499, Outcome::SlowDown(10))] {
            let mut request = request();
            poll(&mut request, 0, &AUTH0);
            assert_eq!(poll(&mut request, at, &AUTH0), expected);
        }
    }

    #[test]
    fn a_client_that_slows_down_once_and_stays_there_is_fine() {
        let mut request = request();
        poll(&mut request, 0, &AUTH0);
        assert_eq!(poll(&mut request, 1_000, &AUTH0), Outcome::SlowDown(10));
        assert_eq!(poll(&mut request, 11_000, &AUTH0), Outcome::Pending);
        assert_eq!(poll(&mut request, 21_000, &AUTH0), Outcome::Pending);
    }

    #[test]
    fn a_final_state_wins_over_the_rate_check() {
        for (state, expected) in [
            (Stage::Approved { at_ms: 1 }, Outcome::Approved { at_ms: 1 }),
            (Stage::Denied { at_ms: 1 }, Outcome::Denied),
        ] {
            let mut request = request();
            poll(&mut request, 0, &AUTH0);
            request.state = state;
            assert_eq!(poll(&mut request, 1, &AUTH0), expected);
        }
    }

    #[test]
    fn an_approval_that_nobody_fetched_expires() {
        let approved = CibaRequest {
            state: Stage::Approved { at_ms: 1 },
            ..request()
        };
        assert_eq!(
            outcome(&approved, 299_999, &AUTH0),
            Outcome::Approved { at_ms: 1 }
        );
        assert_eq!(outcome(&approved, 300_000, &AUTH0), Outcome::Expired);
    }

    #[test]
    fn final_errors_are_repeated_for_five_minutes_and_then_forgotten() {
        assert_eq!(outcome(&request(), 599_999, &AUTH0), Outcome::Expired);
        assert_eq!(outcome(&request(), 600_000, &AUTH0), Outcome::Gone);
        let denied = CibaRequest {
            state: Stage::Denied { at_ms: 10_000 },
            ..request()
        };
        assert_eq!(outcome(&denied, 309_999, &AUTH0), Outcome::Denied);
        assert_eq!(outcome(&denied, 310_000, &AUTH0), Outcome::Gone);
    }
}
