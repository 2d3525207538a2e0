//! `display/*.json`, `consent_digest.json`, `amounts.json` and `hardening.json`.

use super::amount::{amount, grouped};
use super::locale::NumberStyle;
use super::text::{harden, harden_label};
use super::{
    Account, Details, Display, Mark, MarkCode, RenderInput, Rendered, ReviewRow, ReviewSection,
    RowValue, Templates, UnknownTypes, render,
};
use crate::json::{self, Limits, Value, object};
use crate::vectors::{Outcome, Refused, number, optional, optional_text, text, texts};

/// What a case asks to render.
pub(crate) struct Given {
    pub body: Option<Value>,
    pub source: Option<Value>,
    pub location: Option<Value>,
    pub details: String,
    pub account: Account,
    pub display: Display,
    pub unknown_types: UnknownTypes,
    pub templates: Templates,
}

impl Given {
    pub(crate) fn read(input: &Value) -> Given {
        let parsed = |name: &str| {
            optional_text(input, name)
                .map(|text| json::read(text.as_bytes(), Limits::BODY).expect("JSON text"))
        };
        let or =
            |name: &str, default: &str| optional_text(input, name).unwrap_or(default).to_owned();
        let templates = input.get("templates").and_then(Value::as_array);
        let app: Vec<String> = templates
            .unwrap_or_default()
            .iter()
            .map(json::write)
            .collect();
        Given {
            body: parsed("body"),
            source: parsed("source"),
            location: parsed("location"),
            details: or("details", "none"),
            account: Account {
                issuer: "Example Bank".into(),
                user: "ana@example.com".into(),
            },
            display: Display {
                locale: or("locale", "en-GB"),
                zone: or("zone", "Europe/Berlin"),
                utc_offset_minutes: number(input, "utc_offset_minutes").unwrap_or(60) as i32,
            },
            unknown_types: match optional_text(input, "unknown_types") {
                Some("block") => UnknownTypes::Block,
                _ => UnknownTypes::Show,
            },
            templates: Templates::load(&app).expect("the templates of a case"),
        }
    }

    pub(crate) fn render(&self) -> Rendered {
        let details = match (&self.body, self.details.as_str()) {
            (Some(body), _) => Details::Body(body),
            (None, "no_details") => Details::Missing,
            (None, "none") => Details::None,
            (None, code) => {
                let mut all = MarkCode::ALL.iter();
                let mark = all.find(|mark| mark.as_str() == code);
                Details::Unavailable(*mark.expect("the code of a mark"))
            }
        };
        let input = RenderInput {
            server: "https://bank-dev.eu.auth0.com/appliance-mfa",
            enrollment: "dev_ztQmUOx5Z3zeRi8t",
            user: "auth0|ana",
            challenge: "f3Zl",
            requested_at_text: "2026-01-15T10:30:00.000Z",
            requested_at: 1_768_473_000_000,
            source: self.source.as_ref(),
            location: self.location.as_ref(),
            details,
            account: &self.account,
            display: &self.display,
            unknown_types: self.unknown_types,
        };
        render(&input, &self.templates)
    }
}

pub(crate) fn display(input: &Value) -> Outcome {
    Outcome::Gives(model(&Given::read(input).render()))
}

pub(crate) fn digest(input: &Value) -> Outcome {
    let digests = Given::read(input).render().digests;
    let digests = digests.expect("a request with a canonical form");
    let shown = json::read(digests.shown_document.as_bytes(), Limits::STORED);
    Outcome::Gives(object([
        ("source", digests.source.into()),
        ("shown", digests.shown.into()),
        ("shown_object", shown.expect("the document is JSON")),
    ]))
}

pub(crate) fn amounts(input: &Value) -> Outcome {
    let Some(found) = amount(text(input, "amount"), text(input, "currency")) else {
        return Outcome::Refuses(Refused::new("incomplete_details", ""));
    };
    let style = NumberStyle::of(text(input, "locale"));
    Outcome::Gives(object([
        ("text", grouped(&found.decimal, &style).into()),
        ("decimal", found.decimal.into()),
        ("marks", texts(found.marks.iter().map(|mark| mark.as_str()))),
    ]))
}

pub(crate) fn hardening(input: &Value) -> Outcome {
    let times = number(input, "times").unwrap_or(1) as usize;
    let whole = text(input, "text").repeat(times);
    let found = match optional_text(input, "kind") {
        Some("label") => harden_label(&whole),
        _ => harden(&whole),
    };
    assert_eq!(
        found.full.is_some(),
        found.marks.contains(&MarkCode::Shortened)
    );
    Outcome::Gives(object([
        ("shown", found.shown.into()),
        ("marks", texts(found.marks.iter().map(|mark| mark.as_str()))),
    ]))
}

/// The display model in the stable JSON form of the vectors. Empty and absent parts are left out.
pub(crate) fn model(rendered: &Rendered) -> Value {
    let sections: Vec<Value> = rendered.sections.iter().map(section_model).collect();
    let marks: Vec<Value> = rendered.marks.iter().map(mark_model).collect();
    let message = rendered.binding_message.as_ref();
    object([
        ("headline", rendered.headline.as_str().into()),
        (
            "binding_message",
            optional(message.map(|m| m.shown.as_str())),
        ),
        ("sections", sections.into()),
        ("marks", marks.into()),
        ("blocked", optional(rendered.blocked.map(MarkCode::as_str))),
    ])
}

fn mark_model(mark: &Mark) -> Value {
    object([
        ("code", mark.code.as_str().into()),
        ("text", mark.text.as_str().into()),
    ])
}

fn section_model(section: &ReviewSection) -> Value {
    let rows: Vec<Value> = section.rows.iter().map(row_model).collect();
    object([
        ("title", section.title.as_str().into()),
        ("type", section.kind.as_str().into()),
        ("rows", rows.into()),
    ])
}

fn row_model(row: &ReviewRow) -> Value {
    let mut members: Vec<(String, Value)> = vec![
        ("label".into(), row.label.as_str().into()),
        ("text".into(), row.text.as_str().into()),
        ("value".into(), value_model(&row.value)),
    ];
    let mut put = |name: &str, value: Value| members.push((name.to_owned(), value));
    if !row.label_key.is_empty() {
        put("label_key", row.label_key.as_str().into());
    }
    if row.indent > 0 {
        put("indent", i64::from(row.indent).into());
    }
    for (name, text) in [
        ("full_text", &row.full_text),
        ("full_label", &row.full_label),
        ("help", &row.help),
        ("full_help", &row.full_help),
    ] {
        if let Some(text) = text {
            put(name, text.as_str().into());
        }
    }
    if !row.marks.is_empty() {
        put(
            "marks",
            texts(row.marks.iter().map(|mark| mark.code.as_str())),
        );
    }
    if !row.sources.is_empty() {
        put("sources", texts(row.sources.iter().map(String::as_str)));
    }
    Value::Object(members)
}

fn value_model(value: &RowValue) -> Value {
    let kind = |kind: &str| ("kind", Value::from(kind));
    match value {
        RowValue::Text => object([kind("text")]),
        RowValue::Amount { decimal, currency } => object([
            kind("amount"),
            ("decimal", decimal.as_str().into()),
            ("currency", currency.as_str().into()),
        ]),
        RowValue::Number { decimal } => {
            object([kind("number"), ("number", decimal.as_str().into())])
        }
        RowValue::Date { date } => object([kind("date"), ("date", date.as_str().into())]),
        RowValue::Account { scheme, value } => object([
            kind("account"),
            ("scheme", scheme.as_str().into()),
            ("value", value.as_str().into()),
        ]),
        RowValue::Url { host, rest } => object([
            kind("url"),
            ("host", host.as_str().into()),
            ("rest", rest.as_str().into()),
        ]),
        RowValue::Boolean { yes } => object([kind("boolean"), ("boolean", (*yes).into())]),
        RowValue::Lines { lines } => object([
            kind("list"),
            ("items", texts(lines.iter().map(String::as_str))),
        ]),
    }
}
