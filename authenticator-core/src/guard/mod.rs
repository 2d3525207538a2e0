//! Guard against push bombing and quiet changes of habit: marks that follow from what this device remembers, requests that
//! come again ([`repeats`]), requesters that are kept quiet ([`quiet`]), and how careful to be ([`policy`]).
//!
//! The marks are shown, never signed and never sent: a server could otherwise guess what the device remembers.

mod policy;
mod quiet;
mod repeats;

pub use policy::GuardPolicy;
pub(crate) use policy::ms;
pub(crate) use repeats::{asked_for, asked_without_details};

use crate::consent::{MarkCode, compare};
use crate::store::RequesterRow;

/// An offset beyond this deserves a word.
const CLOCK_OFF_MS: i64 = 2 * 60_000;

/// What the device remembers when a request is reviewed.
pub(crate) struct Memory {
    /// `None`: the request names no API. `Some(None)`: this API never asked before.
    pub requester: Option<Option<RequesterRow>>,
    /// An earlier request for the same is open, or was denied or missed a short while ago.
    pub repeated: bool,
    /// Challenges of this account within [`GuardPolicy::window`], this one included.
    pub received: u32,
    /// Challenges of this account that are open, this one included.
    pub open: u32,
    /// Server minus device clock in milliseconds.
    pub clock_offset: i64,
}

/// What is odd about a request with these amounts (exact decimal, currency), given that memory.
pub(crate) fn marks(
    memory: &Memory,
    amounts: &[(String, String)],
    policy: &GuardPolicy,
) -> Vec<MarkCode> {
    let mut marks = Vec::new();
    match &memory.requester {
        None => {}
        Some(None) => marks.push(MarkCode::NewAudience),
        Some(Some(known)) => {
            if amounts
                .iter()
                .any(|(decimal, currency)| is_highest(known, decimal, currency))
            {
                marks.push(MarkCode::HighestAmountYet);
            }
            if known.reported > 0 {
                marks.push(MarkCode::PreviouslyReported);
            }
        }
    }
    if memory.repeated {
        marks.push(MarkCode::RepeatedRequest);
    }
    // With the list full, further ones were refused: nobody counts those.
    if memory.received >= policy.many || memory.open >= policy.open_limit {
        marks.push(MarkCode::ManyRequests);
    }
    if memory.clock_offset.saturating_abs() > CLOCK_OFF_MS {
        marks.push(MarkCode::ClockOff);
    }
    marks
}

/// Takes an approval into the memory.
pub(crate) fn remember_approval(known: &mut RequesterRow, amounts: &[(String, String)]) {
    known.approved += 1;
    for (decimal, currency) in amounts {
        match known.highest.iter_mut().find(|(of, _)| of == currency) {
            None => known.highest.push((currency.clone(), decimal.clone())),
            Some((_, highest)) if compare(decimal, highest).is_gt() => highest.clone_from(decimal),
            Some(_) => {}
        }
    }
}

/// A currency that was never approved has no highest amount to exceed.
fn is_highest(known: &RequesterRow, decimal: &str, currency: &str) -> bool {
    let highest = known.highest.iter().find(|(of, _)| of == currency);
    highest.is_some_and(|(_, highest)| compare(decimal, highest).is_gt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(requester: Option<RequesterRow>) -> Memory {
        Memory {
            requester: Some(requester),
            repeated: false,
            received: 1,
            open: 1,
            clock_offset: 0,
        }
    }

    fn marks(memory: &Memory, amounts: &[(String, String)]) -> Vec<MarkCode> {
        super::marks(memory, amounts, &GuardPolicy::default())
    }

    fn amounts(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|(decimal, currency)| ((*decimal).to_owned(), (*currency).to_owned()))
            .collect()
    }

    #[test]
    fn an_api_is_new_until_something_was_decided_about_it() {
        assert_eq!(marks(&memory(None), &[]), [MarkCode::NewAudience]);
        assert_eq!(marks(&memory(Some(RequesterRow::default())), &[]), []);
    }

    #[test]
    fn only_more_than_ever_approved_in_the_same_currency_is_marked() {
        let mut known = RequesterRow::default();
        remember_approval(&mut known, &amounts(&[("249.00", "EUR"), ("9.00", "EUR")]));
        remember_approval(&mut known, &amounts(&[("80.00", "EUR")]));
        let marked = |decimal, currency| {
            marks(
                &memory(Some(known.clone())),
                &amounts(&[(decimal, currency)]),
            )
        };
        assert_eq!(marked("249.00", "EUR"), []);
        assert_eq!(marked("249", "EUR"), []);
        assert_eq!(marked("249.01", "EUR"), [MarkCode::HighestAmountYet]);
        assert_eq!(marked("1000.00", "EUR"), [MarkCode::HighestAmountYet]);
        assert_eq!(marked("1000.00", "USD"), []);
    }

    #[test]
    fn a_report_a_repeat_many_requests_and_a_wrong_clock_are_named() {
        let known = RequesterRow {
            reported: 1,
            ..RequesterRow::default()
        };
        let memory = Memory {
            requester: Some(Some(known)),
            repeated: true,
            received: GuardPolicy::default().many,
            open: 1,
            clock_offset: -CLOCK_OFF_MS - 1,
        };
        assert_eq!(
            marks(&memory, &[]),
            [
                MarkCode::PreviouslyReported,
                MarkCode::RepeatedRequest,
                MarkCode::ManyRequests,
                MarkCode::ClockOff
            ]
        );
    }

    #[test]
    fn the_policy_says_how_many_are_many_and_a_full_list_always_is() {
        let policy = GuardPolicy {
            many: 3,
            open_limit: 5,
            ..GuardPolicy::default()
        };
        let marked = |received, open| {
            let memory = Memory {
                received,
                open,
                ..memory(Some(RequesterRow::default()))
            };
            !super::marks(&memory, &[], &policy).is_empty()
        };
        assert!(!marked(2, 4));
        assert!(marked(3, 1));
        assert!(marked(0, 5));
    }
}
