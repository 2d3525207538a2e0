//! The binding message's alphabet.

use crate::options::BindingMessagePolicy;

const MAX_CHARS: usize = 64;

/// Whether a binding message may be shown.
pub(crate) fn acceptable(message: &str, policy: BindingMessagePolicy) -> bool {
    let examples = policy == BindingMessagePolicy::Examples;
    let allowed = |c: char| {
        c.is_ascii_alphanumeric() || "+-_.,:#".contains(c) || (examples && " $".contains(c))
    };
    message.chars().count() <= MAX_CHARS
        && message.chars().all(allowed)
        && !message.trim().is_empty()
}

/// The rule in words, for a client whose message breaks it.
pub(crate) fn rule(policy: BindingMessagePolicy) -> String {
    let more = match policy {
        BindingMessagePolicy::Examples => ", spaces and $",
        BindingMessagePolicy::Documented => "",
    };
    format!(
        "A binding message has 1 to {MAX_CHARS} characters: letters from A to Z, digits, + - _ . , : #{more}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use BindingMessagePolicy::{Documented, Examples};

    #[test]
    fn published_examples_pass_by_default_and_fail_the_documented_rule() {
        for text in [
            "Confirm payment of 2500",
            "Approve payment of $100 to Merchant XYZ",
        ] {
            assert!(acceptable(text, Examples));
            assert!(!acceptable(text, Documented));
        }
        assert!(acceptable("TX-4711_a.b,c:d#e+f", Documented));
    }

    #[test]
    fn everything_else_is_refused() {
        let long = "A".repeat(65);
        for text in [
            "",
            "   ",
            "é",
            "a<b",
            "a\nb",
            "a/b",
            "a(b)",
            "a!",
            long.as_str(),
        ] {
            assert!(!acceptable(text, Examples), "{text:?}");
        }
        assert!(acceptable(&"A".repeat(64), Examples));
    }
}
