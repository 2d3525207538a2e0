//! Strict JSON: lexical numbers, member order kept, duplicates and lone surrogates refused, RFC 8785 writer.
//!
//! Everything that is shown, signed or digested is read and written here and nowhere else.

mod number;
mod reader;
mod writer;

#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod vectors;

pub(crate) use number::Number;
pub(crate) use reader::read;
pub(crate) use writer::{canonical, write};

/// A JSON value as it was written: numbers keep their text, members their order.
#[derive(Clone, PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<Value>),
    /// Names are unique; order as received.
    Object(Vec<(String, Value)>),
}

/// Caps for [`read`].
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub bytes: usize,
    /// Objects and arrays inside one another. Reader and writers recurse this deep, so it stays small.
    pub depth: usize,
    /// Values of any kind, containers included.
    pub values: usize,
}

impl Limits {
    pub(crate) const BODY: Limits = Limits {
        bytes: 256 * 1024,
        depth: 32,
        values: 20_000,
    };
    /// What this device has written itself: capped on its way in, these only bound the damage of a defect.
    pub(crate) const STORED: Limits = Limits {
        bytes: 16 * 1024 * 1024,
        depth: 64,
        values: 500_000,
    };
    pub(crate) const PUSH: Limits = Limits {
        bytes: 16 * 1024,
        depth: 12,
        values: 500,
    };
}

/// Why bytes were refused. `pointer` is the JSON pointer of the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReadError {
    /// Too many bytes, or too many values.
    TooLarge,
    TooDeep,
    NotUtf8,
    Syntax {
        offset: usize,
    },
    /// Points to the member that occurs twice.
    DuplicateName {
        pointer: String,
    },
    /// Points to the text; for a member's name, which then cannot be written, to its object.
    LoneSurrogate {
        pointer: String,
    },
    TrailingBytes {
        offset: usize,
    },
}

/// Why a value has no canonical form: a number's decimal value is not the one RFC 8785 would write,
/// so two implementations could read two amounts in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AmbiguousNumber {
    pub pointer: String,
}

/// `object([("a", "x".into())])`
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(
        members
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v))
            .collect(),
    )
}

/// `/` and the name of a member or the number of an element, escaped as RFC 6901 §3 asks:
/// one step of a JSON pointer.
pub(crate) fn pointer_step(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

impl Value {
    /// The member of that name, if this is an object that has it.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let (_, value) = self.as_object()?.iter().find(|(n, _)| n == name)?;
        Some(value)
    }
    /// RFC 6901.
    pub(crate) fn pointer(&self, pointer: &str) -> Option<&Value> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer
            .strip_prefix('/')?
            .split('/')
            .try_fold(self, |value, step| match value {
                Value::Object(_) => value.get(&unescape_step(step)?),
                Value::Array(items) => items.get(array_index(step)?),
                _ => None,
            })
    }
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }
    pub(crate) fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }
    pub(crate) fn as_object(&self) -> Option<&[(String, Value)]> {
        match self {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }
    pub(crate) fn as_number(&self) -> Option<&Number> {
        match self {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }
}

/// RFC 6901 §4: `~1` before `~0`; a tilde before anything else is an error.
fn unescape_step(step: &str) -> Option<String> {
    let mut parts = step.split('~');
    let mut name = parts.next()?.to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(1)?;
        name.push(match code {
            "0" => '~',
            "1" => '/',
            _ => return None,
        });
        name.push_str(rest);
    }
    Some(name)
}

/// RFC 6901 §4: digits without leading zeros.
fn array_index(step: &str) -> Option<usize> {
    let digits = !step.is_empty() && step.bytes().all(|b| b.is_ascii_digit());
    let canonical = digits && (step == "0" || !step.starts_with('0'));
    canonical.then(|| step.parse().ok())?
}

impl From<&str> for Value {
    fn from(s: &str) -> Self {
        Value::String(s.to_owned())
    }
}
impl From<String> for Value {
    fn from(s: String) -> Self {
        Value::String(s)
    }
}
impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Value::Bool(b)
    }
}
impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Value::Number(Number::from(n))
    }
}
impl From<Vec<Value>> for Value {
    fn from(v: Vec<Value>) -> Self {
        Value::Array(v)
    }
}
