//! The strict reader and the canonical writer.

use super::spelling::{reversed, spelled_out};
use crate::json::{Limits, Value, canonical, pointer_step, read, write};

/// What is read is written and read back the same, however it is spelled; the canonical form is its own canonical form
/// and does not depend on the order of members; a number without one is found where the error says.
pub fn json(data: &[u8]) -> bool {
    let Ok(value) = read(data, Limits::BODY) else {
        return false;
    };
    let text = write(&value);
    assert!(text.len() <= data.len(), "writing made the text longer");
    assert!(
        read(text.as_bytes(), Limits::BODY) == Ok(value.clone()),
        "what was written reads differently"
    );
    let spelled = spelled_out(&value);
    if spelled.len() <= Limits::BODY.bytes {
        assert!(
            read(spelled.as_bytes(), Limits::BODY) == Ok(value.clone()),
            "another spelling reads differently"
        );
    }
    match (canonical(&value), canonical(&reversed(&value))) {
        (Ok(text), other) => {
            assert!(other.as_ref() == Ok(&text), "the order of members matters");
            // Large numbers grow on the way: 1e20.
            if text.len() <= Limits::BODY.bytes {
                let again = read(text.as_bytes(), Limits::BODY).map(|value| canonical(&value));
                assert!(again == Ok(Ok(text)), "not its own canonical form");
            }
        }
        (Err(ambiguous), other) => {
            assert!(other.as_ref() == Err(&ambiguous), "the order matters");
            let place = value.pointer(&ambiguous.pointer);
            assert!(
                place.is_some_and(|place| place.as_number().is_some()),
                "no number where the error says"
            );
        }
    }
    found_by_its_pointer(&value, &value, String::new());
    true
}

fn found_by_its_pointer(whole: &Value, part: &Value, pointer: String) {
    let found = whole.pointer(&pointer);
    assert!(
        found.is_some_and(|found| std::ptr::eq(found, part)),
        "a pointer leads elsewhere"
    );
    match part {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                found_by_its_pointer(whole, item, format!("{pointer}/{index}"));
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                found_by_its_pointer(whole, member, format!("{pointer}{}", pointer_step(name)));
            }
        }
        _ => {}
    }
}
