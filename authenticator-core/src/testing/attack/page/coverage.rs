//! Nothing disappears: every leaf that was sent is said by one row.

use std::collections::HashMap;

use super::all_rows;
use crate::consent::{self, MarkCode, Rendered, ReviewRow, RowValue, ShownText, harden};
use crate::json::{Value, pointer_step};

/// Every leaf of the body is the source of exactly one row (the binding message stands apart), and that row says it. Where
/// not everything can be shown, approval is blocked and the reason is among the marks.
pub(super) fn everything_is_shown(body: &Value, rendered: &Rendered) {
    let mut leaves = leaves(body);
    // Nothing at all is a leaf, too: a row says so.
    if body.get("requested_details").is_none() {
        leaves.push(("/requested_details".to_owned(), &Value::Null));
    }
    let mut shown: HashMap<&str, &ReviewRow> = HashMap::new();
    for row in all_rows(rendered) {
        for source in &row.sources {
            assert!(shown.insert(source, row).is_none(), "shown twice");
        }
    }
    let cut = is_cut(rendered);
    assert!(
        !cut || rendered.blocked.is_some(),
        "too large, and approvable"
    );
    for (pointer, leaf) in leaves {
        if pointer == "/requested_details/binding_message"
            && let Some(message) = &rendered.binding_message
        {
            let text = leaf.as_str().expect("a message is text");
            assert!(whole(message) == whole(&harden(text)), "another message");
            continue;
        }
        match shown.remove(pointer.as_str()) {
            Some(row) => assert!(says(row, &pointer, leaf), "a row does not say its value"),
            None => assert!(cut, "not shown"),
        }
    }
    assert!(shown.is_empty(), "a row has a source that was not sent");
}

/// Whether the page says that not everything is on it.
pub(in crate::testing) fn is_cut(rendered: &Rendered) -> bool {
    rendered
        .marks
        .iter()
        .any(|mark| mark.code == MarkCode::TooLarge)
}

/// All values in an object that hold no others, empty objects and arrays among them, with their pointers.
pub(in crate::testing) fn leaves(object: &Value) -> Vec<(String, &Value)> {
    let mut leaves = Vec::new();
    for (name, member) in object.as_object().unwrap_or_default() {
        collect_leaves(member, pointer_step(name), &mut leaves);
    }
    leaves
}

fn collect_leaves<'v>(value: &'v Value, pointer: String, out: &mut Vec<(String, &'v Value)>) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                collect_leaves(item, format!("{pointer}/{index}"), out);
            }
        }
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                collect_leaves(member, format!("{pointer}{}", pointer_step(name)), out);
            }
        }
        leaf => out.push((pointer, leaf)),
    }
}

/// Whether a row says a leaf: numbers, dates and truth by their value, texts by their words.
fn says(row: &ReviewRow, pointer: &str, leaf: &Value) -> bool {
    if arranges(row, pointer) {
        return true;
    }
    match (leaf, &row.value) {
        (Value::Bool(sent), RowValue::Boolean { yes: shown }) => {
            sent == shown && !row.text.is_empty()
        }
        // Said in words of the language.
        (Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_), _) => {
            !row.text.is_empty()
        }
        (Value::Number(number), RowValue::Amount { decimal, .. }) => {
            same_amount(decimal, number.text())
        }
        (Value::Number(number), RowValue::Number { decimal: exact }) => {
            exact == number.text() && has_words(row, exact)
        }
        (Value::Number(number), _) => has_words(row, number.text()),
        (Value::String(text), RowValue::Amount { decimal, currency }) => {
            same_amount(decimal, text) || currency == &whole(&harden(text))
        }
        (Value::String(text), RowValue::Date { date: received }) => {
            received == text && !row.text.is_empty()
        }
        // Of an address that everybody expects to be https only the rest is said.
        (Value::String(text), RowValue::Url { .. }) => {
            let rest = text.split_once("://").map(|(_, rest)| rest);
            has_words(row, text) || rest.is_some_and(|rest| has_words(row, rest))
        }
        (Value::String(text), _) => has_words(row, text),
    }
}

/// Members that sort and hide the properties of Auth0's schema instead of being printed: beside the value of a property,
/// or in the heading above it.
fn arranges(row: &ReviewRow, pointer: &str) -> bool {
    let Some(property) = ["/display", "/display_order"]
        .iter()
        .find_map(|name| pointer.strip_suffix(name))
    else {
        return false;
    };
    let value = format!("{property}/value");
    row.text.is_empty() || row.sources.iter().any(|source| source.starts_with(&value))
}

/// Whether everything in a text stands in the row. Formats add spaces, groups, quotation marks and isolates; they take
/// away nothing, so that letters and digits stay in their order; where there are none, all characters do.
fn has_words(row: &ReviewRow, text: &str) -> bool {
    let words = [&row.full_text, &row.full_label, &row.help, &row.full_help];
    let mut words = words.into_iter().flatten().chain([&row.text, &row.label]);
    let text = whole(&harden(text));
    match letters(&text) {
        none if none.is_empty() => words.any(|words| solid(words).contains(&solid(&text))),
        letters_of => words.any(|words| letters(words).contains(&letters_of)),
    }
}

fn solid(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '␣' | '\u{2068}' | '\u{2069}'))
        .collect()
}

fn same_amount(decimal: &str, received: &str) -> bool {
    consent::read_amount(received, "XAU")
        .is_some_and(|exact| consent::compare(decimal, &exact.decimal).is_eq())
}

/// Letters and digits alone.
pub(in crate::testing) fn letters(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn whole(text: &ShownText) -> String {
    text.full.as_ref().unwrap_or(&text.shown).clone()
}
