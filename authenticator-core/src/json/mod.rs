//! Strict JSON: lexical numbers, member order kept, duplicates and lone surrogates refused, RFC 8785 writer.
//!
//! Everything that is shown, signed or digested is read and written here and nowhere else.

/// A JSON value as it was written: numbers keep their text, members their order.
#[derive(Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<Value>),
    /// Names are unique; order as received.
    Object(Vec<(String, Value)>),
}

/// A number by its text, valid by RFC 8259 §6.
#[derive(Clone, PartialEq)]
pub(crate) struct Number(String);

/// Caps for [`read`].
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub bytes: usize,
    pub depth: usize,
    pub values: usize,
}

impl Limits {
    pub(crate) const BODY: Limits = Limits {
        bytes: 256 * 1024,
        depth: 32,
        values: 20_000,
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
    TooLarge,
    TooDeep,
    NotUtf8,
    Syntax { offset: usize },
    DuplicateName { pointer: String },
    LoneSurrogate { pointer: String },
    TrailingBytes { offset: usize },
}

/// Why a value has no canonical form (consent.md §2: its decimal value is not the one RFC 8785 would write).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AmbiguousNumber {
    pub pointer: String,
}

pub(crate) fn read(_bytes: &[u8], _limits: Limits) -> Result<Value, ReadError> {
    todo!()
}
/// Compact text, order and numbers kept.
pub(crate) fn write(_value: &Value) -> String {
    todo!()
}
/// RFC 8785 text.
pub(crate) fn canonical(_value: &Value) -> Result<String, AmbiguousNumber> {
    todo!()
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

impl Value {
    pub(crate) fn get(&self, _name: &str) -> Option<&Value> {
        todo!()
    }
    /// RFC 6901.
    pub(crate) fn pointer(&self, _pointer: &str) -> Option<&Value> {
        todo!()
    }
    pub(crate) fn as_str(&self) -> Option<&str> {
        todo!()
    }
    pub(crate) fn as_bool(&self) -> Option<bool> {
        todo!()
    }
    pub(crate) fn as_array(&self) -> Option<&[Value]> {
        todo!()
    }
    pub(crate) fn as_object(&self) -> Option<&[(String, Value)]> {
        todo!()
    }
    pub(crate) fn as_number(&self) -> Option<&Number> {
        todo!()
    }
}
impl Number {
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
    /// The integer, if it is one without fraction or exponent and fits.
    pub(crate) fn as_i64(&self) -> Option<i64> {
        todo!()
    }
    pub(crate) fn as_f64(&self) -> f64 {
        todo!()
    }
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
        Value::Number(Number(n.to_string()))
    }
}
impl From<Vec<Value>> for Value {
    fn from(v: Vec<Value>) -> Self {
        Value::Array(v)
    }
}
