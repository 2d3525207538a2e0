//! `jcs.json`: JSON text, `{"hex": …}` bytes that are no text, or `{"double": …}` the bits of one.

use super::number::ecmascript;
use super::{Limits, ReadError, Value, canonical, read};
use crate::vectors::{Outcome, Refused, optional_text, text};

pub(crate) fn canonical_text(input: &Value) -> Outcome {
    let text = match (input.as_str(), optional_text(input, "double")) {
        (Some(text), _) => canonical_of(text.as_bytes()),
        (None, Some(bits)) => {
            let bits = u64::from_str_radix(bits, 16).expect("sixteen hexadecimal digits");
            ecmascript(f64::from_bits(bits)).ok_or_else(|| Refused::new("not_a_number", ""))
        }
        (None, None) => canonical_of(&bytes(text(input, "hex"))),
    };
    text.map(Value::from).into()
}

fn canonical_of(bytes: &[u8]) -> Result<String, Refused> {
    let value = read(bytes, Limits::BODY).map_err(|error| {
        let (code, pointer) = code(error);
        at(code, pointer)
    })?;
    canonical(&value).map_err(|error| at("ambiguous_number", Some(error.pointer)))
}

fn at(code: &str, pointer: Option<String>) -> Refused {
    Refused {
        pointer,
        ..Refused::new(code, "")
    }
}

fn code(error: ReadError) -> (&'static str, Option<String>) {
    match error {
        ReadError::TooLarge => ("too_large", None),
        ReadError::TooDeep => ("too_deep", None),
        ReadError::NotUtf8 => ("not_utf8", None),
        ReadError::Syntax { .. } => ("syntax", None),
        ReadError::TrailingBytes { .. } => ("trailing_bytes", None),
        ReadError::DuplicateName { pointer } => ("duplicate_name", Some(pointer)),
        ReadError::LoneSurrogate { pointer } => ("lone_surrogate", Some(pointer)),
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hexadecimal digits"))
        .collect()
}
