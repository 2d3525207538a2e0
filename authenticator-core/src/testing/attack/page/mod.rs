//! What holds for every page that a person is shown, whatever it was made of.

mod coverage;
mod variants;

use std::sync::OnceLock;

pub(super) use coverage::{is_cut, leaves, letters};

use super::printable::assert_printable;
use crate::consent::{
    self, Account, Details, Display, RenderInput, Rendered, ReviewRow, RowValue, Templates,
    UnknownTypes,
};
use crate::jose::{base64url, sha256};
use crate::json::{Limits, Value, canonical, read};
use crate::protocol::Push;
use crate::secret::Secret;

/// A template of an app that uses every format, beside the built-in ones.
const PARCEL: &str = r#"{
  "type": "parcel", "title": "Parcel", "headline": "Send {/what} on {/day}",
  "rows": [
    { "path": "/what", "label": "What", "format": "text" },
    { "path": "/note", "label": "Note", "format": "quote" },
    { "path": "/weight", "label": "Weight", "format": "number" },
    { "path": "/price", "label": "Price", "format": "amount" },
    { "path": "/day", "label": "Day", "format": "date" },
    { "path": "/from/account", "label": "Account", "format": "account" },
    { "path": "/track", "label": "Track", "format": "url" },
    { "path": "/express", "label": "Express", "format": "boolean" },
    { "path": "/stops", "label": "Stops", "format": "list" },
    { "path": "/papers", "label": "Papers", "format": "documents" },
    { "path": "/properties", "label": "Properties", "format": "properties" },
    { "path": "/box", "label": "Box", "format": "any" }
  ],
  "required": ["/what"],
  "internal": ["/trace", "/a~1b/c~0d"]
}"#;

fn templates() -> &'static Templates {
    static TEMPLATES: OnceLock<Templates> = OnceLock::new();
    TEMPLATES.get_or_init(|| Templates::load(&[PARCEL.to_owned()]).expect("templates load"))
}

/// A push that names this consent.
pub(in crate::testing) fn push(consent: Option<&str>) -> Push {
    Push {
        enrollment: "dev_1".into(),
        transaction_token: Secret::new("token".into()),
        challenge: "challenge".into(),
        requested_at: 1_768_473_000_000,
        requested_at_text: "2026-01-15T10:30:00.000Z".into(),
        source: None,
        location: None,
        consent_id: consent.map(str::to_owned),
        server_hint: "bank-dev.eu.auth0.com".into(),
    }
}

/// The details of a push for one account.
pub(in crate::testing) fn input<'a>(
    details: Details<'a>,
    push: &'a Push,
    display: &'a Display,
) -> RenderInput<'a> {
    static ACCOUNT: OnceLock<Account> = OnceLock::new();
    RenderInput {
        server: "https://bank-dev.eu.auth0.com/appliance-mfa",
        enrollment: &push.enrollment,
        user: "auth0|ana",
        challenge: &push.challenge,
        requested_at_text: &push.requested_at_text,
        requested_at: push.requested_at,
        source: push.source.as_ref(),
        location: push.location.as_ref(),
        details,
        account: ACCOUNT.get_or_init(|| Account {
            issuer: "bank-dev".into(),
            user: "ana@example.com".into(),
        }),
        display,
        unknown_types: UnknownTypes::Show,
    }
}

pub(in crate::testing) fn render(input: &RenderInput<'_>) -> Rendered {
    consent::render(input, templates())
}

/// Renders, and checks all that can be told from one page.
pub(in crate::testing) fn check(input: &RenderInput<'_>) -> Rendered {
    let rendered = render(input);
    assert!(!rendered.headline.is_empty(), "no headline");
    for text in texts(&rendered) {
        assert_printable(&text.text, text.lines);
    }
    frozen(input, &rendered);
    if let Details::Body(body) = input.details {
        coverage::everything_is_shown(body, &rendered);
        variants::order_does_not_matter(input, body, &rendered);
        variants::binding_message_stands_apart(input, body, &rendered);
    }
    rendered
}

/// A text of the page; `lines` where line feeds divide the values of a list.
struct Printed {
    text: String,
    lines: bool,
}

fn texts(rendered: &Rendered) -> Vec<Printed> {
    let mut out = Vec::new();
    let mut add = |text: &str, lines| {
        out.push(Printed {
            text: text.to_owned(),
            lines,
        });
    };
    add(&rendered.headline, false);
    if let Some(message) = &rendered.binding_message {
        add(&message.shown, false);
        add(message.full.as_deref().unwrap_or_default(), false);
    }
    for mark in &rendered.marks {
        add(&mark.text, false);
    }
    for section in &rendered.sections {
        add(&section.title, false);
        add(&section.kind, false);
        for row in &section.rows {
            let lines = matches!(row.value, RowValue::Lines { .. });
            add(&row.text, lines);
            add(row.full_text.as_deref().unwrap_or_default(), lines);
            add(&row.label, false);
            for text in [&row.full_label, &row.help, &row.full_help]
                .into_iter()
                .flatten()
            {
                add(text, false);
            }
            for text in values(&row.value) {
                add(&text, false);
            }
        }
    }
    out
}

/// Everything that a screen may print, one tap away included.
pub(in crate::testing) fn printed(rendered: &Rendered) -> Vec<String> {
    texts(rendered).into_iter().map(|text| text.text).collect()
}

/// The parts of a typed value, for screens that lay it out by themselves.
fn values(value: &RowValue) -> Vec<String> {
    match value {
        RowValue::Text | RowValue::Boolean { .. } => Vec::new(),
        RowValue::Amount { decimal, currency } => vec![decimal.clone(), currency.clone()],
        RowValue::Number { decimal: text } | RowValue::Date { date: text } => vec![text.clone()],
        RowValue::Account { scheme, value } => vec![scheme.clone(), value.clone()],
        RowValue::Url { host, rest } => vec![host.clone(), rest.clone()],
        RowValue::Lines { lines } => lines.clone(),
    }
}

/// The same input gives the same digests; `shown` is the digest of a document that holds what is printed, row by row.
fn frozen(input: &RenderInput<'_>, rendered: &Rendered) {
    let again = render(input);
    let Some(digests) = &rendered.digests else {
        assert!(rendered.blocked.is_some(), "approvable without a digest");
        assert!(again.digests.is_none());
        assert!(
            again.unsigned == rendered.unsigned,
            "shown twice, two documents"
        );
        return;
    };
    let document = &digests.shown_document;
    let same = again.digests.is_some_and(|again| {
        again.shown == digests.shown
            && again.source == digests.source
            && again.shown_document == *document
    });
    assert!(same, "rendered twice, two digests");
    assert_eq!(digests.shown, base64url(&sha256(document.as_bytes())));
    let shown = read(document.as_bytes(), Limits::STORED).expect("the document is JSON");
    assert!(canonical(&shown).is_ok_and(|text| text == *document));
    let text =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    assert!(text(&shown, "headline").as_ref() == Some(&rendered.headline));
    assert!(text(&shown, "source").as_ref() == Some(&digests.source));
    let rows = shown
        .get("sections")
        .and_then(Value::as_array)
        .expect("sections")
        .iter()
        .flat_map(|section| section.get("rows").and_then(Value::as_array).expect("rows"));
    let rows: Vec<_> = rows
        .map(|row| (text(row, "label"), text(row, "text")))
        .collect();
    let printed: Vec<_> = all_rows(rendered)
        .map(|row| (Some(row.label.clone()), Some(row.text.clone())))
        .collect();
    assert!(rows == printed, "the document is not what is printed");
}

fn all_rows(rendered: &Rendered) -> impl Iterator<Item = &ReviewRow> {
    rendered.sections.iter().flat_map(|section| &section.rows)
}
