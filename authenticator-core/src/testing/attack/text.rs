//! Hardening of untrusted text.

use super::printable::assert_printable;
use crate::consent::{MarkCode, ShownText, harden, harden_label};

/// Hardened text is printable and as short as promised, keeps every letter and digit, says what it changed, and hardening
/// it again changes nothing.
pub fn text(data: &[u8]) -> bool {
    let Ok(received) = std::str::from_utf8(data) else {
        return false;
    };
    check(received, &harden(received), harden, 500);
    check(received, &harden_label(received), harden_label, 64);
    true
}

fn check(received: &str, text: &ShownText, harden: fn(&str) -> ShownText, longest: usize) {
    let whole = text.full.as_ref().unwrap_or(&text.shown);
    assert_printable(&text.shown, false);
    assert_printable(whole, false);
    // Two for the isolate around it.
    assert!(text.shown.chars().count() <= longest + 2, "too long");
    assert_eq!(
        text.full.is_some(),
        text.marks.contains(&MarkCode::Shortened),
        "cut without saying so"
    );
    assert!(text.marks.is_sorted(), "marks have no order");
    let changed = *whole != received;
    let only_judged = |mark: &MarkCode| {
        matches!(
            mark,
            MarkCode::MixedScripts | MarkCode::LookAlike | MarkCode::Shortened
        )
    };
    assert!(
        !changed || !text.marks.iter().all(only_judged),
        "changed without saying so"
    );
    assert!(harden(&text.shown).shown == text.shown, "hardened twice");
    if !text.marks.contains(&MarkCode::StackedMarks) {
        assert!(keeps_letters(received, whole), "a letter is lost");
    }
}

/// Every letter and digit that can be seen stands in the other text, in the same order.
fn keeps_letters(received: &str, whole: &str) -> bool {
    let is_seen = |c: &char| {
        c.is_ascii_alphanumeric()
            || c.is_alphanumeric() && harden(c.encode_utf8(&mut [0; 4])).marks.is_empty()
    };
    let mut rest = whole.chars();
    received
        .chars()
        .filter(is_seen)
        .all(|c| rest.any(|other| other == c))
}
