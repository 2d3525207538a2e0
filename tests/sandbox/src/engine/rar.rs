//! Limits of `authorization_details` (RFC 9396 §2, and the vendor's documented numbers).
//! The text itself is never rewritten: what passes here travels on byte for byte.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

const MAX_BYTES: usize = 5 * 1024;
const MAX_OBJECTS: usize = 5;
const MAX_PROPERTIES: usize = 10;
const MAX_CHARS: usize = 255;
const MAX_NESTING: usize = 5;

/// The types of the objects, in order; `None` if any limit is broken.
pub(crate) fn types(text: &str) -> Option<Vec<String>> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let objects: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    if objects.len() > MAX_OBJECTS {
        return None;
    }
    objects.iter().map(|object| type_of(object.get())).collect()
}

fn type_of(object: &str) -> Option<String> {
    if !object.starts_with('{') {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_str(object);
    Limits { depth: 1 }.deserialize(&mut reader).ok()?
}

/// Walks a value and fails at the first broken limit. Gives the member `type` of the outer object.
struct Limits {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Limits {
    type Value = Option<String>;
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Limits {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value within the limits")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        if self.depth > MAX_NESTING {
            return Err(A::Error::custom("nesting"));
        }
        let mut names = HashSet::new();
        let mut kind = None;
        while let Some(name) = map.next_key::<String>()? {
            if !name_ok(&name) || names.len() == MAX_PROPERTIES {
                return Err(A::Error::custom("name"));
            }
            let value = map.next_value_seed(Limits {
                depth: self.depth + 1,
            })?;
            if name == "type" {
                kind = value;
            }
            if !names.insert(name) {
                return Err(A::Error::custom("name twice"));
            }
        }
        Ok(kind)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        // Arrays are no level of objects, but they recurse: the reader's own limit holds them.
        while seq
            .next_element_seed(Limits { depth: self.depth })?
            .is_some()
        {}
        Ok(None)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.chars().count() > MAX_CHARS {
            return Err(E::custom("value"));
        }
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

fn name_ok(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    !name.is_empty() && name.chars().count() <= MAX_CHARS && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nested(levels: usize) -> String {
        let inner = r#"{"a":"#.repeat(levels - 1) + "1" + &"}".repeat(levels - 1);
        format!(r#"[{{"type":"t","a":{inner}}}]"#)
    }

    fn properties(count: usize) -> String {
        let more: String = (1..count).map(|i| format!(r#","p{i}":{i}"#)).collect();
        format!(r#"[{{"type":"t"{more}}}]"#)
    }

    #[test]
    fn each_limit_holds_at_its_edge() {
        let text = |n: usize| format!(r#"[{{"type":"t","v":"{}"}}]"#, "x".repeat(n));
        let name = |n: usize| format!(r#"[{{"type":"t","{}":1}}]"#, "x".repeat(n));
        let objects = |n: usize| format!("[{}]", vec![r#"{"type":"t"}"#; n].join(","));
        for (limit, good, bad) in [
            ("objects", objects(5), objects(6)),
            ("properties", properties(10), properties(11)),
            ("value", text(255), text(256)),
            ("name", name(255), name(256)),
            ("nesting", nested(5), nested(6)),
            (
                "size",
                "[]".to_owned() + &" ".repeat(5118),
                "[]".to_owned() + &" ".repeat(5119),
            ),
        ] {
            assert!(types(&good).is_some(), "{limit} at the edge");
            assert!(types(&bad).is_none(), "{limit} over the edge");
        }
    }

    #[test]
    fn what_is_no_array_of_typed_objects_is_refused() {
        for text in [
            "",
            "{}",
            "null",
            "7",
            "[1]",
            "[[]]",
            r#"["type"]"#,
            "[{}]",
            r#"[{"type":7}]"#,
            r#"[{"type":""}]"#,
            r#"[{"type":"t","a b":1}]"#,
            r#"[{"type":"t","":1}]"#,
            r#"[{"type":"t","a":1,"a":2}]"#,
            r#"[{"type":"t"}] x"#,
        ] {
            assert!(types(text).is_none(), "{text}");
        }
    }

    #[test]
    fn types_come_in_the_order_of_the_objects() {
        let text = r#"[{"a":{"type":"inner"},"type":"one"},{"type":"two"}]"#;
        assert_eq!(types(text), Some(vec!["one".to_owned(), "two".to_owned()]));
    }

    #[test]
    fn deep_arrays_end_in_a_refusal_not_in_a_stack_overflow() {
        let deep = format!(
            r#"[{{"type":"t","a":{}{}}}]"#,
            "[".repeat(2000),
            "]".repeat(2000)
        );
        assert!(types(&deep).is_none());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,300}") {
            let _ = types(&text);
        }
    }
}
