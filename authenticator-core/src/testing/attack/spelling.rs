//! Other spellings of the same JSON value, which must make no difference.

use crate::json::{Value, write};

/// The same value with the members of every object in the opposite order.
pub(super) fn reversed(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(reversed).collect()),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .rev()
                .map(|(name, member)| (name.clone(), reversed(member)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// The same value with the members of every object in one order.
pub(super) fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Object(members) => {
            let mut members: Vec<_> = members
                .iter()
                .map(|(name, member)| (name.clone(), sorted(member)))
                .collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(members)
        }
        other => other.clone(),
    }
}

/// The text of a value as somebody else could have written it: white space between all tokens, every character of a
/// text as its UTF-16 code units, numbers as they are.
pub(super) fn spelled_out(value: &Value) -> String {
    const SPACE: &str = " \t\r\n";
    let list = |open: char, parts: Vec<String>, close: char| {
        let parts = parts.join(&format!("{SPACE},{SPACE}"));
        format!("{open}{SPACE}{parts}{SPACE}{close}")
    };
    match value {
        Value::String(text) => escaped(text),
        Value::Array(items) => list('[', items.iter().map(spelled_out).collect(), ']'),
        Value::Object(members) => {
            let member = |(name, member): &(String, Value)| {
                format!("{}{SPACE}:{SPACE}{}", escaped(name), spelled_out(member))
            };
            list('{', members.iter().map(member).collect(), '}')
        }
        scalar => write(scalar),
    }
}

fn escaped(text: &str) -> String {
    let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
    format!("\"{}\"", units.collect::<String>())
}
