//! [`Value`] to text: as it was written, or in the one form of RFC 8785.

use std::fmt::Write;

use super::{AmbiguousNumber, Value, pointer_step};

/// Compact text, order and numbers kept.
pub(crate) fn write(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value);
    out
}

/// RFC 8785 text.
pub(crate) fn canonical(value: &Value) -> Result<String, AmbiguousNumber> {
    let mut out = String::new();
    write_canonical(&mut out, value)?;
    Ok(out)
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(number.text()),
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                separate(out, i);
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (i, (name, member)) in members.iter().enumerate() {
                separate(out, i);
                write_string(out, name);
                out.push(':');
                write_value(out, member);
            }
            out.push('}');
        }
    }
}

fn write_canonical(out: &mut String, value: &Value) -> Result<(), AmbiguousNumber> {
    match value {
        Value::Number(number) => {
            let text = number.canonical().ok_or_else(|| AmbiguousNumber {
                pointer: String::new(),
            })?;
            out.push_str(&text);
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                separate(out, i);
                write_canonical(out, item).map_err(|e| e.inside(&i.to_string()))?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            // RFC 8785 §3.2.3: names in the order of their UTF-16 code units, which is not that of UTF-8.
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (i, (name, member)) in sorted.into_iter().enumerate() {
                separate(out, i);
                write_string(out, name);
                out.push(':');
                write_canonical(out, member).map_err(|e| e.inside(name))?;
            }
            out.push('}');
        }
        Value::Null | Value::Bool(_) | Value::String(_) => write_value(out, value),
    }
    Ok(())
}

fn separate(out: &mut String, index: usize) {
    if index > 0 {
        out.push(',');
    }
}

/// RFC 8785 §3.2.2.2: only what must be escaped is, and each in one way.
fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..='\u{1f}' => {
                // Writing to a `String` cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

impl AmbiguousNumber {
    fn inside(mut self, step: &str) -> Self {
        self.pointer.insert_str(0, &pointer_step(step));
        self
    }
}
