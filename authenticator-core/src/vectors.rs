//! Runs the cases of `tests/vectors`, for the tests of every language. What a file asks is answered beside the code it is
//! about; each case is compared by whoever runs it (`tests/vectors/README.md`).

use crate::error::Error;
use crate::json::{self, Limits, Value, object};

/// What a case comes to.
pub(crate) enum Outcome {
    Gives(Value),
    Refuses(Refused),
}

/// An error of a case: its code, the text or the member that it names, and the place in the input.
pub(crate) struct Refused {
    pub error: String,
    pub says: String,
    pub pointer: Option<String>,
}

impl Refused {
    pub(crate) fn new(error: &str, says: impl Into<String>) -> Self {
        Refused {
            error: error.to_owned(),
            says: says.into(),
            pointer: None,
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Refused::new(error.code().as_str(), error.message())
    }
}

impl<E: Into<Refused>> From<Result<Value, E>> for Outcome {
    fn from(result: Result<Value, E>) -> Self {
        match result {
            Ok(value) => Outcome::Gives(value),
            Err(refused) => Outcome::Refuses(refused.into()),
        }
    }
}

impl Outcome {
    fn to_json(&self) -> Value {
        match self {
            Outcome::Gives(value) => object([("expected", value.clone())]),
            Outcome::Refuses(refused) => object([
                ("error", refused.error.as_str().into()),
                ("says", refused.says.as_str().into()),
                ("pointer", optional(refused.pointer.as_deref())),
            ]),
        }
    }
}

/// The `input` of a case of `tests/vectors/{file}`, as JSON text; `None` if nothing reads that file.
pub(crate) fn run_text(file: &str, input: &str) -> Option<String> {
    let input = json::read(input.as_bytes(), Limits::STORED).expect("the input of a case is JSON");
    Some(json::write(&run(file, &input)?.to_json()))
}

fn run(file: &str, input: &Value) -> Option<Outcome> {
    Some(match file {
        "amounts.json" => crate::consent::vectors::amounts(input),
        "consent_digest.json" => crate::consent::vectors::digest(input),
        "hardening.json" => crate::consent::vectors::hardening(input),
        "invitation.json" => crate::enrollment::vectors::invitation(input),
        "jcs.json" => crate::json::vectors::canonical_text(input),
        "jwk.json" => crate::jose::vectors::key(input),
        "jws.json" => crate::jose::vectors::token(input),
        "dpop_ath.json" => crate::jose::vectors::access_token_hash(input),
        "user_verification.json" => crate::jose::vectors::person(input),
        "totp.json" => crate::otp::vectors::code(input),
        _ if file.starts_with("display/") => crate::consent::vectors::display(input),
        _ => return crate::protocol::guardian::vectors::run(file, input),
    })
}

/// A member that is text.
pub(crate) fn text<'a>(input: &'a Value, name: &str) -> &'a str {
    optional_text(input, name).expect("a member of the input is missing")
}

pub(crate) fn optional_text<'a>(input: &'a Value, name: &str) -> Option<&'a str> {
    input.get(name).and_then(Value::as_str)
}

/// A member that is a whole number.
pub(crate) fn number(input: &Value, name: &str) -> Option<i64> {
    input.get(name)?.as_number()?.as_i64()
}

/// Text, or null.
pub(crate) fn optional(text: Option<&str>) -> Value {
    text.map_or(Value::Null, Value::from)
}

pub(crate) fn texts<'a>(items: impl IntoIterator<Item = &'a str>) -> Value {
    Value::Array(items.into_iter().map(Value::from).collect())
}
