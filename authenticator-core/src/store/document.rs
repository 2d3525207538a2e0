//! The JSON documents inside sealed columns, written and read member by member. An absent member is `None`.

use super::fault::damaged;
use super::names::Name;
use super::seal::{Column, Sealer};
use crate::error::Result;
use crate::json::{self, Limits, Value};

/// A document of these members, without those that are `None`.
pub(super) fn document<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    Value::Object(
        members
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect(),
    )
}

/// A present text member.
pub(super) fn text(value: impl Into<String>) -> Option<Value> {
    Some(Value::from(value.into()))
}

/// A text member that may be absent.
pub(super) fn optional(value: Option<&str>) -> Option<Value> {
    value.map(Value::from)
}

/// A present member that is one of a fixed set.
pub(super) fn named(value: impl Name) -> Option<Value> {
    Some(Value::from(value.name()))
}

/// A present whole number.
pub(super) fn integer(value: i64) -> Option<Value> {
    Some(Value::from(value))
}

/// Seals a document for a column.
pub(super) fn seal(sealer: &Sealer, column: Column, row: &str, value: &Value) -> Result<Vec<u8>> {
    sealer.seal(column, row, json::write(value).as_bytes())
}

/// A document as read. A member that is missing or has the wrong type means that the store is damaged.
pub(super) struct Document(Value);

impl Document {
    pub(super) fn open(
        sealer: &Sealer,
        column: Column,
        row: &str,
        sealed: &[u8],
    ) -> Result<Document> {
        Document::read(&sealer.open(column, row, sealed)?)
    }

    pub(super) fn read(text: &[u8]) -> Result<Document> {
        json::read(text, Limits::STORED)
            .map(Document)
            .map_err(|_| damaged("a sealed document is not JSON"))
    }

    pub(super) fn into_value(self) -> Value {
        self.0
    }

    pub(super) fn optional_value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(super) fn value(&self, name: &str) -> Result<&Value> {
        self.0.get(name).ok_or_else(|| wrong(name))
    }

    /// A member that is a document itself.
    pub(super) fn document(&self, name: &str) -> Result<Document> {
        self.value(name).cloned().map(Document)
    }

    pub(super) fn optional_document(&self, name: &str) -> Option<Document> {
        self.0.get(name).cloned().map(Document)
    }

    pub(super) fn text(&self, name: &str) -> Result<String> {
        let value = self.value(name)?.as_str();
        value.map(str::to_owned).ok_or_else(|| wrong(name))
    }

    pub(super) fn optional_text(&self, name: &str) -> Result<Option<String>> {
        self.0.get(name).map(|_| self.text(name)).transpose()
    }

    pub(super) fn integer(&self, name: &str) -> Result<i64> {
        let value = self.value(name)?.as_number();
        value
            .and_then(json::Number::as_i64)
            .ok_or_else(|| wrong(name))
    }

    pub(super) fn small<T: TryFrom<i64>>(&self, name: &str) -> Result<T> {
        T::try_from(self.integer(name)?).map_err(|_| wrong(name))
    }

    pub(super) fn named<T: Name>(&self, name: &str) -> Result<T> {
        T::from_name(&self.text(name)?).ok_or_else(|| wrong(name))
    }

    pub(super) fn optional_named<T: Name>(&self, name: &str) -> Result<Option<T>> {
        self.0.get(name).map(|_| self.named(name)).transpose()
    }
}

/// The document must say itself whose it is: the column beside it can be changed by whoever can write to the file.
pub(super) fn check_owner(document: &Document, enrollment: &str) -> Result<()> {
    match document.text("enrollment")? == enrollment {
        true => Ok(()),
        false => Err(damaged("a row was moved to another account")),
    }
}

/// Pairs of texts (decimal and currency, in the order of the caller), as an array of arrays.
pub(super) fn amounts(pairs: &[(String, String)]) -> Value {
    let pair = |(left, right): &(String, String)| {
        Value::Array(vec![left.as_str().into(), right.as_str().into()])
    };
    Value::Array(pairs.iter().map(pair).collect())
}

/// What [`amounts`] wrote.
pub(super) fn read_amounts(document: &Document, name: &str) -> Result<Vec<(String, String)>> {
    let pairs = document
        .value(name)?
        .as_array()
        .ok_or_else(|| wrong(name))?;
    let pair = |pair: &Value| match pair.as_array() {
        Some([left, right]) => Some((left.as_str()?.to_owned(), right.as_str()?.to_owned())),
        _ => None,
    };
    pairs
        .iter()
        .map(pair)
        .collect::<Option<_>>()
        .ok_or_else(|| wrong(name))
}

fn wrong(name: &str) -> crate::error::Error {
    damaged(&format!("a sealed document has no usable member {name}"))
}
