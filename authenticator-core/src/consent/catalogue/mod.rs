//! Words of the core in five languages: labels, titles, headlines, marks, and how numbers and dates are written.
//!
//! One JSON file a language; `en.json` is complete and stands in for what another lacks.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::json::{self, Limits, Value};

const FILES: [(&str, &str); 5] = [
    ("en", include_str!("en.json")),
    ("de", include_str!("de.json")),
    ("es", include_str!("es.json")),
    ("fr", include_str!("fr.json")),
    ("ja", include_str!("ja.json")),
];

/// The words of one language.
pub(crate) struct Words {
    texts: BTreeMap<String, String>,
}

impl Words {
    /// Words for a BCP 47 tag, by its language; English where there are none.
    pub(crate) fn of(locale: &str) -> &'static Words {
        static LOADED: [OnceLock<Words>; FILES.len()] = [const { OnceLock::new() }; FILES.len()];
        let language = language(locale);
        let index = FILES
            .iter()
            .position(|(name, _)| *name == language)
            .unwrap_or(0);
        LOADED[index].get_or_init(|| Words::parse(FILES[index].1))
    }

    fn parse(file: &str) -> Words {
        let texts = match json::read(file.as_bytes(), Limits::BODY) {
            Ok(Value::Object(members)) => members
                .into_iter()
                .filter_map(|(key, value)| Some((key, value.as_str()?.to_owned())))
                .collect(),
            _ => BTreeMap::new(),
        };
        Words { texts }
    }

    /// The text of a key; English where this language lacks it, the key itself where nobody has it.
    pub(crate) fn get<'a>(&'a self, key: &'a str) -> &'a str {
        match self.find(key) {
            Some(text) => text,
            None => Words::of("en").find(key).unwrap_or(key),
        }
    }

    /// The text of a key, in this language only.
    pub(crate) fn find(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(String::as_str)
    }

    /// The text of a key with its placeholders filled.
    pub(crate) fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        fill(self.get(key), values)
    }
}

/// Replaces each `{name}` once. What is put in is never searched again: it may hold braces of its own.
pub(crate) fn fill(pattern: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(pattern.len() + 32);
    let mut rest = pattern;
    while let Some(start) = rest.find('{') {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let Some(end) = from.find('}') else {
            rest = from;
            break;
        };
        let name = &from[1..end];
        match values.iter().find(|(key, _)| *key == name) {
            Some((_, value)) => out.push_str(value),
            None => out.push_str(&from[..=end]),
        }
        rest = &from[end + 1..];
    }
    out.push_str(rest);
    out
}

/// Names of the placeholders of a pattern, in order.
pub(crate) fn placeholders(pattern: &str) -> Vec<&str> {
    pattern
        .split('{')
        .skip(1)
        .filter_map(|part| part.split_once('}').map(|(name, _)| name))
        .collect()
}

/// Language subtag of a BCP 47 tag, lower case.
pub(crate) fn language(locale: &str) -> String {
    locale
        .split(['-', '_'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase()
}

/// Region subtag of a BCP 47 tag, upper case: two letters or three digits.
pub(crate) fn region(locale: &str) -> Option<String> {
    locale
        .split(['-', '_'])
        .skip(1)
        .find(|part| {
            (part.len() == 2 && part.bytes().all(|b| b.is_ascii_alphabetic()))
                || (part.len() == 3 && part.bytes().all(|b| b.is_ascii_digit()))
        })
        .map(str::to_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::MarkCode;

    #[test]
    fn every_language_has_every_key_with_the_same_placeholders() {
        let english = Words::of("en");
        assert!(english.texts.len() > 60);
        for (language, _) in FILES {
            let words = Words::of(language);
            let keys: Vec<_> = words.texts.keys().collect();
            assert_eq!(keys, english.texts.keys().collect::<Vec<_>>(), "{language}");
            for (key, text) in &words.texts {
                let mut here = placeholders(text);
                let mut there = placeholders(english.get(key));
                here.sort_unstable();
                there.sort_unstable();
                assert_eq!(here, there, "{language} {key}");
                assert!(!text.is_empty(), "{language} {key}");
            }
        }
    }

    #[test]
    fn every_mark_has_words() {
        for code in MarkCode::ALL {
            assert!(
                Words::of("en")
                    .find(&format!("mark.{}", code.as_str()))
                    .is_some(),
                "{code:?}"
            );
        }
    }

    #[test]
    fn a_value_that_looks_like_a_placeholder_is_not_filled_again() {
        let out = fill("{a} to {b}", &[("a", "{b}"), ("b", "x")]);
        assert_eq!(out, "{b} to x");
    }

    #[test]
    fn an_unclosed_brace_and_an_unknown_name_stay() {
        assert_eq!(fill("{a} {", &[]), "{a} {");
    }

    #[test]
    fn unknown_languages_fall_back_to_english() {
        assert_eq!(Words::of("tlh").get("yes"), "yes");
        assert_eq!(Words::of("de-AT").get("yes"), "ja");
        assert_eq!(region("zh-Hant-TW").as_deref(), Some("TW"));
        assert_eq!(region("es-419").as_deref(), Some("419"));
    }
}
