//! Guard against push bombing and quiet changes of habit: marks that follow from what this device remembers.
//!
//! They are shown, never signed and never sent: a server could otherwise guess what the device remembers.

use crate::consent::{MarkCode, compare};
use crate::store::RequesterRow;

/// Requests are counted over this time.
pub(crate) const WINDOW_MS: i64 = 10 * 60_000;
/// So many requests within [`WINDOW_MS`] are many.
const MANY: u32 = 6;
/// An offset beyond this deserves a word.
const CLOCK_OFF_MS: i64 = 2 * 60_000;

/// What the device remembers when a request is reviewed.
pub(crate) struct Memory {
    /// `None`: the request names no API. `Some(None)`: this API never asked before.
    pub requester: Option<Option<RequesterRow>>,
    /// Challenges of this account within [`WINDOW_MS`], this one included.
    pub received: u32,
    /// Server minus device clock in milliseconds.
    pub clock_offset: i64,
}

/// What is odd about a request with these amounts (exact decimal, currency), given that memory.
pub(crate) fn marks(memory: &Memory, amounts: &[(String, String)]) -> Vec<MarkCode> {
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
    if memory.received >= MANY {
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
            received: 1,
            clock_offset: 0,
        }
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
    fn many_requests_a_report_and_a_wrong_clock_are_named() {
        let known = RequesterRow {
            reported: 1,
            ..RequesterRow::default()
        };
        let memory = Memory {
            requester: Some(Some(known)),
            received: MANY,
            clock_offset: -CLOCK_OFF_MS - 1,
        };
        assert_eq!(
            marks(&memory, &[]),
            [
                MarkCode::PreviouslyReported,
                MarkCode::ManyRequests,
                MarkCode::ClockOff
            ]
        );
    }
}
