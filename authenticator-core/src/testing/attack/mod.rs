//! What the core promises about any input, as functions that take bytes and panic where a promise is broken.
//!
//! The fuzz targets of `authenticator-core/fuzz` and the tests in `tests/attacks.rs` call the same functions. Each tells
//! whether the input was read (`true`) or refused in the way that its module says (`false`).

mod consent;
mod errors;
mod invitation;
mod json;
mod jwk;
mod jws;
mod key;
mod page;
mod printable;
mod push;
mod requests;
mod signature;
mod spelling;
mod stored;
mod text;

pub use consent::{consent, details};
pub use errors::errors;
pub use invitation::invitation;
pub use json::json;
pub use jwk::jwk;
pub use jws::jws;
pub(crate) use key::key;
pub use push::push;
pub use signature::signature;
pub use stored::{stored_file, stored_rows};
pub use text::text;

/// One attack: bytes in; whether they were read.
pub type Attack = fn(&[u8]) -> bool;

/// Every attack, by the name of its fuzz target.
pub const ALL: &[(&str, Attack)] = &[
    ("json", json),
    ("text", text),
    ("invitation", invitation),
    ("push", push),
    ("consent", consent),
    ("details", details),
    ("errors", errors),
    ("jwk", jwk),
    ("jws", jws),
    ("signature", signature),
    ("stored_rows", stored_rows),
    ("stored_file", stored_file),
];
