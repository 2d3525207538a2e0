//! `totp.json`: parameters and a time to the code shown then.

use super::Totp;
use crate::error::Result;
use crate::json::{Value, object};
use crate::vectors::{Outcome, number, text};

pub(crate) fn code(input: &Value) -> Outcome {
    shown(input).into()
}

fn shown(input: &Value) -> Result<Value> {
    let number = |name| number(input, name).expect("a number");
    let totp = Totp::new(
        text(input, "secret"),
        text(input, "algorithm"),
        number("digits"),
        number("period"),
    )?;
    let code = totp.at(number("unix_ms"));
    Ok(object([
        ("code", code.code.expose().as_str().into()),
        ("seconds_left", i64::from(code.seconds_left).into()),
    ]))
}
