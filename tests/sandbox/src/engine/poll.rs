//! What a poll of a request gives: a pure function of the request, the time and the dialect.

use super::dialect::{Check, Polling};
use crate::state::{CibaRequest, Stage};

/// The outcome of one poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Over for so long that it is forgotten.
    Gone,
    /// Its tokens were handed out.
    Used,
    Denied,
    Expired,
    Approved {
        at_ms: i64,
    },
    /// Too fast; the new interval.
    SlowDown(u32),
    Pending,
}

/// Where the request stands, whatever the rhythm of the polls.
pub(crate) fn outcome(request: &CibaRequest, now_ms: i64, polling: &Polling) -> Outcome {
    look(request, now_ms, polling, None)
}

/// The dialect's checks in their order. `grown` is the new interval of a poll that is too fast.
fn look(request: &CibaRequest, now_ms: i64, polling: &Polling, grown: Option<u32>) -> Outcome {
    let forgotten = |since: i64| now_ms >= since.saturating_add(polling.remember_ms);
    let over_since = match request.state {
        Stage::Denied { at_ms } => at_ms.min(request.expires_ms),
        _ => request.expires_ms,
    };
    if forgotten(over_since) {
        return Outcome::Gone;
    }
    let check = |check: &Check| match (check, request.state) {
        (Check::Used, Stage::Redeemed) => Some(Outcome::Used),
        (Check::Denied, Stage::Denied { .. }) => Some(Outcome::Denied),
        (Check::Approved, Stage::Approved { at_ms }) => Some(Outcome::Approved { at_ms }),
        (Check::Expired, _) if now_ms >= request.expires_ms => Some(Outcome::Expired),
        (Check::TooFast, _) => grown.map(Outcome::SlowDown),
        _ => None,
    };
    polling
        .order
        .iter()
        .find_map(check)
        .unwrap_or(Outcome::Pending)
}

/// A poll: applies the rate rule, and notes the poll where it counts.
pub(crate) fn poll(request: &mut CibaRequest, now_ms: i64, polling: &Polling) -> Outcome {
    let rate = &polling.rate;
    request.polls = request.polls.saturating_add(1);
    let started = rate.from_start.then_some(request.created_ms);
    let earliest = request
        .last_poll_ms
        .or(started)
        .map(|last| last + i64::from(request.interval) * 1000 - rate.tolerance_ms);
    let too_fast = earliest.is_some_and(|earliest| now_ms < earliest);
    // A base interval above the cap stays: an interval never shrinks.
    let cap = rate.max_s.max(request.interval);
    let grown = too_fast.then(|| request.interval.saturating_add(rate.step_s).min(cap));
    let outcome = look(request, now_ms, polling, grown);
    if let Outcome::SlowDown(interval) = outcome {
        request.interval = interval;
    }
    if !rate.only_pending || outcome == Outcome::Pending {
        request.last_poll_ms = Some(now_ms);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::super::dialect;
    use super::*;
    use crate::options::{DialectName, Options};
    use crate::state::Channel;

    fn auth0() -> &'static Polling {
        &dialect::of(&Options::default()).polling
    }

    fn asgardeo(quirks: bool) -> &'static Polling {
        let options = Options {
            quirks,
            ..Options::of(DialectName::Asgardeo)
        };
        &dialect::of(&options).polling
    }

    fn request() -> CibaRequest {
        CibaRequest {
            auth_req_id: "id".into(),
            consent_id: "cns_1".into(),
            client_id: "c".into(),
            user_id: "u".into(),
            channels: vec![Channel::Push],
            scope: vec![],
            audience: None,
            binding_message: None,
            details: None,
            ui_locales: None,
            withheld: None,
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
        assert_eq!(poll(&mut request, 0, auth0()), Outcome::Pending);
        let grown: Vec<_> = (1..=13).map(|t| poll(&mut request, t, auth0())).collect();
        let expected: Vec<_> = (2..=14)
            .map(|n| Outcome::SlowDown((n * 5).min(60)))
            .collect();
        assert_eq!(grown, expected);
    }

    #[test]
    fn half_a_second_of_haste_is_tolerated_and_not_more() {
        for (at, expected) in [(4_500, Outcome::Pending), (4_499, Outcome::SlowDown(10))] {
            let mut request = request();
            poll(&mut request, 0, auth0());
            assert_eq!(poll(&mut request, at, auth0()), expected);
        }
    }

    #[test]
    fn a_client_that_slows_down_once_and_stays_there_is_fine() {
        let mut request = request();
        poll(&mut request, 0, auth0());
        assert_eq!(poll(&mut request, 1_000, auth0()), Outcome::SlowDown(10));
        assert_eq!(poll(&mut request, 11_000, auth0()), Outcome::Pending);
        assert_eq!(poll(&mut request, 21_000, auth0()), Outcome::Pending);
    }

    #[test]
    fn a_final_state_wins_over_the_rate_check() {
        for (state, expected) in [
            (Stage::Approved { at_ms: 1 }, Outcome::Approved { at_ms: 1 }),
            (Stage::Denied { at_ms: 1 }, Outcome::Denied),
        ] {
            let mut request = request();
            poll(&mut request, 0, auth0());
            request.state = state;
            assert_eq!(poll(&mut request, 1, auth0()), expected);
        }
    }

    #[test]
    fn an_approval_that_nobody_fetched_expires() {
        let approved = CibaRequest {
            state: Stage::Approved { at_ms: 1 },
            ..request()
        };
        assert_eq!(
            outcome(&approved, 299_999, auth0()),
            Outcome::Approved { at_ms: 1 }
        );
        assert_eq!(outcome(&approved, 300_000, auth0()), Outcome::Expired);
    }

    #[test]
    fn final_errors_are_repeated_for_five_minutes_and_then_forgotten() {
        assert_eq!(outcome(&request(), 599_999, auth0()), Outcome::Expired);
        assert_eq!(outcome(&request(), 600_000, auth0()), Outcome::Gone);
        let denied = CibaRequest {
            state: Stage::Denied { at_ms: 10_000 },
            ..request()
        };
        assert_eq!(outcome(&denied, 309_999, auth0()), Outcome::Denied);
        assert_eq!(outcome(&denied, 310_000, auth0()), Outcome::Gone);
    }

    fn of_120_s() -> CibaRequest {
        CibaRequest {
            interval: 2,
            expires_ms: 120_000,
            ..request()
        }
    }

    #[test]
    fn with_quirks_a_poll_within_two_seconds_of_the_start_is_too_fast_and_adds_three() {
        let mut request = of_120_s();
        let polling = asgardeo(true);
        assert_eq!(poll(&mut request, 1_999, polling), Outcome::SlowDown(5));
        // Measured from the start still: only a pending answer counts.
        assert_eq!(poll(&mut request, 4_999, polling), Outcome::SlowDown(8));
        assert_eq!(poll(&mut request, 8_000, polling), Outcome::Pending);
        assert_eq!(poll(&mut request, 15_999, polling), Outcome::SlowDown(11));
        assert_eq!(poll(&mut request, 19_000, polling), Outcome::Pending);
    }

    #[test]
    fn with_quirks_the_rhythm_is_checked_even_when_the_request_is_approved() {
        let approved = CibaRequest {
            state: Stage::Approved { at_ms: 1 },
            ..of_120_s()
        };
        let at = |ms, quirks| poll(&mut approved.clone(), ms, asgardeo(quirks));
        assert_eq!(at(1_000, true), Outcome::SlowDown(5));
        assert_eq!(at(2_000, true), Outcome::Approved { at_ms: 1 });
        assert_eq!(at(0, false), Outcome::Approved { at_ms: 1 });
    }

    #[test]
    fn expiry_comes_before_everything_else_and_denial_before_the_rhythm() {
        let polling = asgardeo(true);
        for state in [
            Stage::Pending,
            Stage::Approved { at_ms: 1 },
            Stage::Denied { at_ms: 1 },
            Stage::Redeemed,
        ] {
            let request = CibaRequest {
                state,
                ..of_120_s()
            };
            assert_eq!(outcome(&request, 120_000, polling), Outcome::Expired);
        }
        let denied = CibaRequest {
            state: Stage::Denied { at_ms: 1 },
            ..of_120_s()
        };
        assert_eq!(poll(&mut denied.clone(), 2, polling), Outcome::Denied);
        let used = CibaRequest {
            state: Stage::Redeemed,
            ..of_120_s()
        };
        assert_eq!(poll(&mut used.clone(), 2, polling), Outcome::Used);
    }

    #[test]
    fn without_quirks_the_rhythm_is_that_of_the_specification() {
        let mut request = of_120_s();
        let polling = asgardeo(false);
        assert_eq!(poll(&mut request, 0, polling), Outcome::Pending);
        assert_eq!(poll(&mut request, 1, polling), Outcome::SlowDown(7));
        assert_eq!(poll(&mut request, 7_001, polling), Outcome::Pending);
    }
}
