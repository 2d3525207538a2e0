//! See `authenticator_core::testing::attack::json`. Here other people's reader and writer are asked as well.
#![no_main]

use authenticator_core::testing::{attack, canonical_json};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let read = attack::json(data);
    let theirs = serde_json::from_slice::<Value>(data);
    if read && let Err(error) = &theirs {
        // It keeps numbers as doubles and refuses those that are too large for one.
        assert!(
            error.to_string().starts_with("number out of range"),
            "{error}"
        );
    }
    if let Some(ours) = canonical_json(data) {
        let theirs = theirs.expect("what has a canonical form can be read");
        let theirs = serde_json_canonicalizer::to_string(&theirs).expect("it can be written");
        assert_eq!(ours, theirs, "RFC 8785");
    }
});
