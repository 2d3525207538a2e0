//! The two digests of signed consent, version 1: what the server sent (`source`) and what the screen said (`shown`).
//! SHA-256 over RFC 8785 bytes, base64url without padding. A fact that does not exist is an absent member.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::locale::zone;
use super::{
    Details, Digests, MarkCode, RENDERER, RenderInput, Rendered, ReviewRow, ReviewSection,
};
use crate::json::{self, Value};

/// base64url SHA-256 of a text.
pub(crate) fn sha256(text: &str) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    URL_SAFE_NO_PAD.encode(hash)
}

/// Both digests of a rendered request; the mark says why there is no canonical form.
pub(super) fn digests(
    input: &RenderInput<'_>,
    rendered: &Rendered,
    templates: &str,
) -> Result<Digests, MarkCode> {
    // Nobody knows what was sent: a digest would claim that there was nothing.
    if let Details::Unavailable(reason) = input.details {
        return Err(reason);
    }
    let source = json::canonical(&source_object(input)).map_err(|_| MarkCode::AmbiguousNumber)?;
    let source = sha256(&source);
    let shown = shown_object(input, rendered, Some(&source), templates);
    let shown_document = json::canonical(&shown).map_err(|_| MarkCode::AmbiguousNumber)?;
    Ok(Digests {
        shown: sha256(&shown_document),
        source,
        shown_document,
        templates: templates.to_owned(),
        zone: zone(input.display),
    })
}

/// Longest document that is kept of a review without digests.
const DOCUMENT: usize = 64 * 1024;

/// What was shown where it has no digest: the same document without `source`, for the history. `None`: too long to keep.
pub(super) fn unsigned_document(
    input: &RenderInput<'_>,
    rendered: &Rendered,
    templates: &str,
) -> Option<String> {
    let shown = shown_object(input, rendered, None, templates);
    json::canonical(&shown)
        .ok()
        .filter(|document| document.len() <= DOCUMENT)
}

pub(super) fn source_object(input: &RenderInput<'_>) -> Value {
    let mut members = vec![
        ("typ".to_owned(), "source".into()),
        ("v".to_owned(), 1i64.into()),
        ("server".to_owned(), input.server.into()),
        ("enrollment".to_owned(), input.enrollment.into()),
        ("user".to_owned(), input.user.into()),
        ("challenge".to_owned(), input.challenge.into()),
        ("requested_at".to_owned(), input.requested_at_text.into()),
    ];
    let origin: Vec<_> = [("s", input.source), ("l", input.location)]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.clone())))
        .collect();
    if !origin.is_empty() {
        members.push(("origin".to_owned(), Value::Object(origin)));
    }
    members.push(match input.details {
        Details::Body(body) => ("consent".to_owned(), body.clone()),
        Details::None | Details::Missing | Details::Unavailable(_) => {
            ("details".to_owned(), "none".into())
        }
    });
    Value::Object(members)
}

pub(super) fn shown_object(
    input: &RenderInput<'_>,
    rendered: &Rendered,
    source: Option<&str>,
    templates: &str,
) -> Value {
    let mut members = vec![
        ("typ".to_owned(), "shown".into()),
        ("v".to_owned(), 1i64.into()),
        ("renderer".to_owned(), RENDERER.into()),
        ("templates".to_owned(), templates.into()),
        ("locale".to_owned(), input.display.locale.as_str().into()),
        ("zone".to_owned(), zone(input.display).into()),
        (
            "account".to_owned(),
            json::object([
                ("issuer", input.account.issuer.as_str().into()),
                ("user", input.account.user.as_str().into()),
            ]),
        ),
        ("headline".to_owned(), rendered.headline.as_str().into()),
    ];
    if let Some(source) = source {
        members.push(("source".to_owned(), source.into()));
    }
    if let Some(message) = &rendered.binding_message {
        members.push(("binding_message".to_owned(), message.shown.as_str().into()));
    }
    let sections: Vec<Value> = rendered.sections.iter().map(section).collect();
    members.push(("sections".to_owned(), sections.into()));
    members.push((
        "marks".to_owned(),
        codes(rendered.marks.iter().map(|mark| mark.code)),
    ));
    Value::Object(members)
}

fn section(section: &ReviewSection) -> Value {
    let rows: Vec<Value> = section.rows.iter().map(row).collect();
    json::object([
        ("title", section.title.as_str().into()),
        ("type", section.kind.as_str().into()),
        ("rows", rows.into()),
    ])
}

fn row(row: &ReviewRow) -> Value {
    let mut members = vec![
        ("label".to_owned(), row.label.as_str().into()),
        ("text".to_owned(), row.text.as_str().into()),
    ];
    if let Some(help) = &row.help {
        members.push(("help".to_owned(), help.as_str().into()));
    }
    members.push((
        "marks".to_owned(),
        codes(row.marks.iter().map(|mark| mark.code)),
    ));
    Value::Object(members)
}

fn codes(codes: impl Iterator<Item = MarkCode>) -> Value {
    codes
        .map(|code| code.as_str().into())
        .collect::<Vec<Value>>()
        .into()
}
