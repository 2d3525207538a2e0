//! JSON read without losing anything: no member twice, no number that a double or RFC 8785 would change.
//! Whatever is let through has exactly one canonical form.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

/// Deeper than any consent, and far from the end of the stack.
const MAX_DEPTH: usize = 64;

/// The value of JSON text; `None` if it is no JSON or has no single canonical form.
pub(super) fn read(text: &str) -> Option<Value> {
    value(text, 0)
}

fn value(text: &str, depth: usize) -> Option<Value> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    if depth > MAX_DEPTH {
        return None;
    }
    match text.bytes().next()? {
        b'{' => {
            let Members(members) = serde_json::from_str(text).ok()?;
            let mut object = Map::new();
            for (name, member) in members {
                if object
                    .insert(name, value(member.get(), depth + 1)?)
                    .is_some()
                {
                    return None;
                }
            }
            Some(Value::Object(object))
        }
        b'[' => {
            let items: Vec<Box<RawValue>> = serde_json::from_str(text).ok()?;
            let items = items.iter().map(|item| value(item.get(), depth + 1));
            items.collect::<Option<Vec<_>>>().map(Value::Array)
        }
        b'-' | b'0'..=b'9' => number(text).map(Value::Number),
        _ => serde_json::from_str(text).ok(),
    }
}

/// The number, if RFC 8785 writes it with the same decimal value.
fn number(text: &str) -> Option<Number> {
    // The grammar is that of JSON; the rounding is that of Rust, which is correct.
    let _: Box<RawValue> = serde_json::from_str(text).ok()?;
    let number = Number::from_f64(text.parse().ok()?)?;
    let canonical = serde_json_canonicalizer::to_string(&number).ok()?;
    (decimal(&canonical)? == decimal(text)?).then_some(number)
}

/// Sign, significant digits and exponent: equal exactly when the decimal values are.
fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let dropped = i64::try_from(digits.len() - significant.len()).ok()?;
    let places = i64::try_from(fraction.len()).ok()?;
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Some((false, String::new(), 0));
    }
    let exponent: i64 = exponent.parse().ok()?;
    let exponent = exponent.checked_sub(places)?.checked_add(dropped)?;
    Some((negative, significant.to_owned(), exponent))
}

/// The members of an object as they stand, repeated ones too.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_that_keep_their_value_are_read_and_others_are_not() {
        for (text, canonical) in [
            ("249.00", "249"),
            ("0.10", "0.1"),
            ("1e2", "100"),
            ("-0", "0"),
            ("0e9", "0"),
            ("1E+21", "1e+21"),
            ("9007199254740992", "9007199254740992"),
        ] {
            let read = read(text).expect(text);
            let written = serde_json_canonicalizer::to_string(&read).expect("number");
            assert_eq!(written, canonical);
        }
        for text in [
            "9007199254740993",
            "0.1000000000000000055511151231257827",
            "1e400",
            "1e-400",
            "1e99999999999999999999",
            "01",
            "1.",
            "+1",
            "1 2",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn text_without_a_single_meaning_is_not_read() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":{"b":1,"\u0062":2}}"#,
            r#"["\ud800"]"#,
            r#"{"a":1"#,
            "",
            "nul",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(read(&deep), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,100}") {
            let _ = read(&text);
        }

        #[test]
        fn what_a_double_can_hold_is_read(number in any::<f64>().prop_filter("JSON", |n| n.is_finite())) {
            let text = format!("{number:e}");
            prop_assert!(read(&text).is_some());
        }
    }
}
