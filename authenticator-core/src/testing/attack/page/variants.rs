//! The same request in other words, and another request in nearly the same.

use super::{all_rows, render};
use crate::consent::{Details, MarkCode, RenderInput, Rendered};
use crate::guard;
use crate::json::{Limits, Value, read, write};
use crate::testing::attack::spelling::reversed;

/// The order of members changes the order of rows, and neither the source digest, nor what is shown, nor whether it may
/// be approved, nor what counts as the same request.
pub(super) fn order_does_not_matter(input: &RenderInput<'_>, body: &Value, rendered: &Rendered) {
    let other = reversed(body);
    assert!(
        guard::asked_for(&other) == guard::asked_for(body),
        "another order asks for something else"
    );
    let other = render(&RenderInput {
        details: Details::Body(&other),
        ..copy(input)
    });
    let source = |rendered: &Rendered| {
        rendered
            .digests
            .as_ref()
            .map(|digests| digests.source.clone())
    };
    assert!(
        source(&other) == source(rendered),
        "the order of members matters"
    );
    assert_eq!(
        other.blocked, rendered.blocked,
        "the order of members matters"
    );
    let sources = |rendered: &Rendered| {
        let mut sources: Vec<_> = all_rows(rendered)
            .flat_map(|row| row.sources.clone())
            .collect();
        sources.sort();
        sources
    };
    let cut = rendered.blocked == Some(MarkCode::TooLarge);
    assert!(
        cut || sources(&other) == sources(rendered),
        "the order of members matters"
    );
    let text = write(body);
    let again = read(text.as_bytes(), Limits::STORED).expect("what was written is JSON");
    assert!(again == *body, "white space matters");
}

/// Another binding message changes the message and the digests, and no other word of the page.
pub(super) fn binding_message_stands_apart(
    input: &RenderInput<'_>,
    body: &Value,
    rendered: &Rendered,
) {
    if rendered.binding_message.is_none() {
        return;
    }
    let mut body = body.clone();
    let member = |value: &mut Value, name: &str, change: &mut dyn FnMut(&mut Value)| {
        if let Value::Object(members) = value {
            members
                .iter_mut()
                .filter(|(other, _)| other == name)
                .for_each(|(_, member)| change(member));
        }
    };
    member(&mut body, "requested_details", &mut |asked| {
        member(asked, "binding_message", &mut |message| {
            *message = "another".into()
        });
    });
    let other = render(&RenderInput {
        details: Details::Body(&body),
        ..copy(input)
    });
    assert!(
        other.headline == rendered.headline,
        "it speaks in the headline"
    );
    assert!(other.sections == rendered.sections, "it speaks in a row");
    if let (Some(one), Some(two)) = (&rendered.digests, &other.digests)
        && rendered
            .binding_message
            .as_ref()
            .is_some_and(|message| message.shown != "another")
    {
        assert!(
            one.source != two.source && one.shown != two.shown,
            "not bound"
        );
    }
}

fn copy<'a>(input: &RenderInput<'a>) -> RenderInput<'a> {
    RenderInput {
        details: Details::None,
        ..*input
    }
}
