//! Parameters of a call: a form, or at the token endpoint also a JSON object.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use percent_encoding::percent_decode_str;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::engine::refusal::Refusal;

/// Parameters by name. An empty one counts as absent (RFC 6749 §3.1).
#[derive(Default, Debug)]
pub(crate) struct Params {
    values: BTreeMap<String, String>,
    repeated: BTreeSet<String>,
}

impl Params {
    /// Reads a form; text that is not UTF-8 is refused.
    pub(crate) fn form(body: &[u8]) -> Result<Self, Refusal> {
        let malformed = || Refusal::invalid("The body is malformed");
        let body = std::str::from_utf8(body).map_err(|_| malformed())?;
        let mut params = Params::default();
        for pair in body.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or_else(malformed)?;
            let value = decode(value).ok_or_else(malformed)?;
            params.add(name, value);
        }
        Ok(params)
    }

    /// Reads a JSON object of texts.
    pub(crate) fn json(body: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(body)
            .map_err(|_| Refusal::invalid("The body must be a JSON object of strings"))
    }

    fn add(&mut self, name: String, value: String) {
        if self.values.insert(name.clone(), value).is_some() {
            self.repeated.insert(name);
        }
    }

    /// The value, unless it is absent or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// As [`Params::get`], refusing a repeated parameter: what credentials are read with.
    pub(crate) fn single(&self, name: &str) -> Result<Option<&str>, Refusal> {
        if self.repeated.contains(name) {
            return Err(Refusal::invalid("A parameter is repeated"));
        }
        Ok(self.get(name))
    }

    /// Refuses repeated parameters; `resource` may repeat (RFC 8707 §2).
    pub(crate) fn no_repeats(&self) -> Result<(), Refusal> {
        match self.repeated.iter().any(|name| name != "resource") {
            true => Err(Refusal::invalid("A parameter is repeated")),
            false => Ok(()),
        }
    }
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    Some(percent_decode_str(&spaced).decode_utf8().ok()?.into_owned())
}

/// What the token endpoint reads, as a form or as JSON.
const READ_AT_TOKEN: [&str; 8] = [
    "grant_type",
    "auth_req_id",
    "refresh_token",
    "scope",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
];

impl<'de> Deserialize<'de> for Params {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Params;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Params, A::Error> {
                let mut params = Params::default();
                while let Some((name, value)) = map.next_entry::<String, serde_json::Value>()? {
                    match value {
                        serde_json::Value::String(text) => params.add(name, text),
                        serde_json::Value::Null => {}
                        _ if READ_AT_TOKEN.contains(&name.as_str()) => {
                            return Err(A::Error::custom("not text"));
                        }
                        // Unknown parameters are ignored, whatever they are (RFC 6749 §3.2).
                        _ => {}
                    }
                }
                Ok(params)
            }
        }
        reader.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_empty_parameter_is_absent_and_a_repeated_one_is_refused() {
        let params = Params::form(b"a=1&b=&c=x+y%2B&a=2").expect("form");
        assert_eq!(params.get("b"), None);
        assert_eq!(params.get("c"), Some("x y+"));
        assert!(params.single("a").is_err());
        assert!(params.no_repeats().is_err());
        assert!(
            Params::form(b"resource=1&resource=2")
                .expect("form")
                .no_repeats()
                .is_ok()
        );
    }

    #[test]
    fn in_json_only_parameters_that_are_read_must_be_text() {
        let read = |text: &str| serde_json::from_str::<Params>(text);
        let params = read(r#"{"grant_type":"x","extra":5,"more":{"a":[1]}}"#).expect("JSON");
        assert_eq!(params.get("grant_type"), Some("x"));
        assert_eq!(params.get("extra"), None);
        assert!(read(r#"{"auth_req_id":5}"#).is_err());
    }

    #[test]
    fn a_form_that_is_not_utf8_is_refused() {
        assert!(Params::form(b"a=%FF").is_err());
        assert!(Params::form(b"a=\xff").is_err());
    }

    #[test]
    fn a_json_body_is_an_object_of_strings_without_repeats() {
        assert_eq!(
            Params::json(br#"{"a":"1"}"#).expect("json").get("a"),
            Some("1")
        );
        assert!(
            Params::json(br#"{"a":"1","a":"2"}"#)
                .expect("json")
                .no_repeats()
                .is_err()
        );
        for body in ["[]", "1", "", r#"{"scope":1}"#, r#"{"scope":{}}"#, "{"] {
            assert!(Params::json(body.as_bytes()).is_err(), "{body}");
        }
        let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
        assert!(Params::json(deep.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Params::form(&body);
            let _ = Params::json(&body);
        }
    }
}
