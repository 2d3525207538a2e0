//! `login_hint` in the form `iss_sub`.

use std::collections::BTreeMap;

/// What is wrong with a hint.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HintError {
    /// Not JSON, not an object of exactly three strings, or another format.
    Malformed,
    /// `sub` is missing or not text.
    Sub,
}

/// A parsed hint.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) iss: String,
    pub(crate) sub: String,
}

/// Reads `{"format":"iss_sub","iss":…,"sub":…}`; white space is fine, other members are not.
pub(crate) fn parse(text: &str) -> Result<Hint, HintError> {
    let members: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(text).map_err(|_| HintError::Malformed)?;
    let member = |name: &str| {
        members
            .get(name)
            .and_then(|v| v.as_str())
            .map(str::to_owned)
    };
    if member("format").as_deref() != Some("iss_sub") {
        return Err(HintError::Malformed);
    }
    let iss = member("iss").ok_or(HintError::Malformed)?;
    let sub = member("sub")
        .filter(|s| !s.is_empty())
        .ok_or(HintError::Sub)?;
    if members.len() != 3 {
        return Err(HintError::Malformed);
    }
    Ok(Hint { iss, sub })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_hint_has_exactly_format_iss_and_sub() {
        let good = r#" { "format":"iss_sub", "iss":"https://a/", "sub":"auth0|1" } "#;
        assert_eq!(
            parse(good),
            Ok(Hint {
                iss: "https://a/".into(),
                sub: "auth0|1".into()
            })
        );
        for (text, error) in [
            ("auth0|1", HintError::Malformed),
            ("[]", HintError::Malformed),
            (r#"{"format":"email","email":"a@b"}"#, HintError::Malformed),
            (r#"{"format":"iss_sub","iss":"https://a/"}"#, HintError::Sub),
            (
                r#"{"format":"iss_sub","iss":"https://a/","sub":7}"#,
                HintError::Sub,
            ),
            (
                r#"{"format":"iss_sub","sub":"auth0|1"}"#,
                HintError::Malformed,
            ),
            (
                r#"{"format":"iss_sub","iss":"https://a/","sub":"auth0|1","x":1}"#,
                HintError::Malformed,
            ),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,200}") {
            let _ = parse(&text);
        }
    }
}
