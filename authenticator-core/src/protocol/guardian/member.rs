//! Reading members of a JSON object: absent and `null` are the same, a wrong type is an error.

use crate::json::Value;

/// The member has another type than the dialect says.
pub(super) struct WrongType;

/// A member that is there and not `null`.
pub(super) fn present<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object
        .get(name)
        .filter(|value| !matches!(value, Value::Null))
}

pub(super) fn optional_text<'a>(
    object: &'a Value,
    name: &str,
) -> Result<Option<&'a str>, WrongType> {
    match present(object, name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(WrongType),
    }
}

/// A text that is there and not empty.
pub(super) fn required_text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}
