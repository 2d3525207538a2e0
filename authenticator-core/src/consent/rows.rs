//! Values → rows: the generic rule that shows any JSON, and the formats that templates ask for.

use super::amount::{amount, grouped, plain};
use super::catalogue::Words;
use super::locale::{NumberStyle, date_text};
use super::marks::words_for;
use super::template::{Format, is_within};
use super::text::{harden_name, harden_value};
use super::url::Address;
use super::{Display, MarkCode, ReviewRow, RowValue, ShownText};
use crate::json::{Value, pointer_step};

/// Most leaves that are shown.
const LEAVES: usize = 512;
/// Levels of objects and arrays inside a detail, the detail itself being the first.
const LEVELS: u8 = 16;

/// What a row is called.
#[derive(Clone, Copy)]
pub(super) enum Label<'a> {
    /// A key of the catalogue.
    Key(&'a str),
    /// The member's own name.
    Own(&'a str),
    /// The nth entry of an array.
    Item(usize),
    /// Key and words of a template.
    Phrase(&'a str, &'a str),
}

/// What a page is made with, and how much of it is left.
pub(super) struct Page<'a> {
    pub words: &'a Words,
    /// Exact decimals with their currencies, in order of appearance.
    pub amounts: Vec<(String, String)>,
    display: &'a Display,
    style: NumberStyle,
    leaves_left: usize,
}

/// A value in words.
struct Said {
    value: RowValue,
    text: ShownText,
}

impl<'a> Page<'a> {
    pub(super) fn new(display: &'a Display, words: &'a Words) -> Page<'a> {
        Page {
            words,
            amounts: Vec::new(),
            display,
            style: NumberStyle::of(&display.locale),
            leaves_left: LEAVES,
        }
    }

    /// Shows any value: scalars as they are, arrays of scalars as lists, everything else indented below its name.
    pub(super) fn generic(
        &mut self,
        rows: &mut Vec<ReviewRow>,
        label: Label<'_>,
        value: &Value,
        pointer: &str,
        indent: u8,
        marks: &[MarkCode],
    ) {
        self.walk(rows, label, value, pointer, indent, &[], marks);
    }

    /// The members of a value that `used` has not shown, by the generic rule.
    pub(super) fn members(
        &mut self,
        rows: &mut Vec<ReviewRow>,
        value: &Value,
        pointer: &str,
        indent: u8,
        used: &[String],
        marks: &[MarkCode],
    ) {
        for (name, member) in value.as_object().unwrap_or_default() {
            let below = format!("{pointer}{}", pointer_step(name));
            self.walk(rows, Label::Own(name), member, &below, indent, used, marks);
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one recursive walk; a struct would only rename them"
    )]
    fn walk(
        &mut self,
        rows: &mut Vec<ReviewRow>,
        label: Label<'_>,
        value: &Value,
        pointer: &str,
        indent: u8,
        used: &[String],
        marks: &[MarkCode],
    ) {
        if used.iter().any(|path| is_within(pointer, path)) {
            return;
        }
        if let Some(said) = self.scalar(value) {
            self.push(rows, label, said, indent, marks, vec![pointer.to_owned()]);
            return;
        }
        let touched = used.iter().any(|path| is_within(path, pointer));
        if let (Value::Array(items), false) = (value, touched)
            && items.iter().all(is_scalar)
        {
            return self.list(rows, label, items, pointer, indent, marks);
        }
        if indent + 1 >= LEVELS {
            return;
        }
        let mut below = Vec::new();
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{pointer}/{index}");
                    self.walk(
                        &mut below,
                        Label::Item(index + 1),
                        item,
                        &path,
                        indent + 1,
                        used,
                        marks,
                    );
                }
            }
            _ => self.members(&mut below, value, pointer, indent + 1, used, marks),
        }
        if !below.is_empty() {
            let heading = Said {
                value: RowValue::Text,
                text: ShownText::default(),
            };
            self.push(rows, label, heading, indent, &[], Vec::new());
            rows.append(&mut below);
        }
    }

    fn list(
        &mut self,
        rows: &mut Vec<ReviewRow>,
        label: Label<'_>,
        items: &[Value],
        pointer: &str,
        indent: u8,
        marks: &[MarkCode],
    ) {
        let shown = &items[..items.len().min(self.leaves_left)];
        if shown.is_empty() {
            return;
        }
        let lines: Vec<ShownText> = shown
            .iter()
            .filter_map(|item| self.scalar(item))
            .map(|said| said.text)
            .collect();
        let said = joined(&lines);
        let sources = (0..shown.len())
            .map(|index| format!("{pointer}/{index}"))
            .collect();
        self.push(rows, label, said, indent, marks, sources);
    }

    /// Adds a row, unless the page is full: then the caller counts what is missing.
    fn push<'r>(
        &mut self,
        rows: &'r mut Vec<ReviewRow>,
        label: Label<'_>,
        said: Said,
        indent: u8,
        marks: &[MarkCode],
        sources: Vec<String>,
    ) -> Option<&'r mut ReviewRow> {
        if sources.len() > self.leaves_left {
            return None;
        }
        self.leaves_left -= sources.len();
        let (label_key, label) = self.label(label);
        let mut all = [marks, &label.marks, &said.text.marks].concat();
        all.sort_unstable();
        all.dedup();
        rows.push(ReviewRow {
            label_key,
            label: label.shown,
            value: said.value,
            text: said.text.shown,
            full_text: said.text.full,
            full_label: label.full,
            help: None,
            full_help: None,
            indent,
            marks: all
                .iter()
                .map(|code| words_for(*code, self.words))
                .collect(),
            sources,
        });
        rows.last_mut()
    }

    fn label(&self, label: Label<'_>) -> (String, ShownText) {
        let plain = |text: &str| ShownText {
            shown: text.to_owned(),
            ..ShownText::default()
        };
        match label {
            Label::Key(key) => (
                key.to_owned(),
                plain(self.words.get(&format!("label.{key}"))),
            ),
            Label::Phrase(key, text) => (key.to_owned(), plain(text)),
            Label::Item(number) => {
                let text = self.words.fill("label.item", &[("n", &number.to_string())]);
                ("item".to_owned(), plain(&text))
            }
            Label::Own("") => (
                String::new(),
                plain(&self.words.fill("quote", &[("text", "")])),
            ),
            Label::Own(name) => (String::new(), harden_name(&humanised(name), self.words)),
        }
    }

    /// A value without others inside it; `None` for objects and arrays that hold something.
    fn scalar(&self, value: &Value) -> Option<Said> {
        let words = self.words;
        let plain_text = |text: &str| ShownText {
            shown: text.to_owned(),
            ..ShownText::default()
        };
        Some(match value {
            Value::Null => Said {
                value: RowValue::Text,
                text: plain_text(words.get("none")),
            },
            Value::Bool(yes) => Said {
                value: RowValue::Boolean { yes: *yes },
                text: plain_text(words.get(if *yes { "yes" } else { "no" })),
            },
            Value::Number(number) => Said {
                value: RowValue::Number {
                    decimal: number.text().to_owned(),
                },
                text: harden_value(&plain(number.text(), &self.style), words),
            },
            Value::String(text) => self.string(text),
            Value::Array(items) if items.is_empty() => Said {
                value: RowValue::Text,
                text: plain_text(words.get("none")),
            },
            Value::Object(members) if members.is_empty() => Said {
                value: RowValue::Text,
                text: plain_text(words.get("none")),
            },
            Value::Array(_) | Value::Object(_) => return None,
        })
    }

    fn string(&self, text: &str) -> Said {
        if let Some(mut address) = Address::read(text) {
            // Only where an address is asked for is its scheme left out: `https://Alice` is not `Alice`.
            if !address.text.ends_with(text) {
                address.text = text.to_owned();
            }
            return self.address(&address);
        }
        let text = if text.is_empty() {
            // An empty value must not look like a heading.
            harden_value(&self.words.fill("quote", &[("text", "")]), self.words)
        } else {
            harden_value(text, self.words)
        };
        Said {
            value: RowValue::Text,
            text,
        }
    }

    fn address(&self, address: &Address) -> Said {
        let mut text = harden_value(&address.text, self.words);
        if address.deceptive && !text.marks.contains(&MarkCode::LookAlike) {
            text.marks.push(MarkCode::LookAlike);
        }
        Said {
            value: RowValue::Url {
                host: harden_value(&address.host, self.words).shown,
                rest: harden_value(&address.rest, self.words).shown,
            },
            text,
        }
    }

    /// Shows a value the way a template asks. What it says is returned for the headline; `None`: the value does not fit
    /// the format, nothing was added, and the generic rule has to show it.
    pub(super) fn formatted(
        &mut self,
        rows: &mut Vec<ReviewRow>,
        label: Label<'_>,
        value: &Value,
        pointer: &str,
        format: Format,
    ) -> Option<String> {
        let said = match format {
            Format::Amount => return self.amount(rows, label, value, pointer),
            Format::Account => return self.account(rows, label, value, pointer),
            Format::Documents => return self.documents(rows, value, pointer),
            Format::Properties => return self.properties(rows, value, pointer),
            Format::Any => {
                self.generic(rows, label, value, pointer, 0, &[]);
                return Some(String::new());
            }
            Format::List => {
                let items = value
                    .as_array()
                    .filter(|items| !items.is_empty() && items.iter().all(is_scalar))?;
                let before = rows.len();
                self.list(rows, label, items, pointer, 0, &[]);
                return rows.get(before).map(|row| row.text.replace('\n', ", "));
            }
            Format::Text => match value {
                Value::String(text) if text.trim().is_empty() => return None,
                Value::String(text) => Said {
                    value: RowValue::Text,
                    ..self.string(text)
                },
                Value::Number(_) | Value::Bool(_) => self.scalar(value)?,
                _ => return None,
            },
            Format::Quote => self.quote(value.as_str().filter(|text| !text.trim().is_empty())?),
            Format::Number => value.as_number().and_then(|_| self.scalar(value))?,
            Format::Boolean => value.as_bool().and_then(|_| self.scalar(value))?,
            Format::Url => self.address(&Address::read(value.as_str()?)?),
            Format::Date => {
                let received = value.as_str()?;
                Said {
                    text: harden_value(&date_text(received, self.display, self.words)?, self.words),
                    value: RowValue::Date {
                        date: received.to_owned(),
                    },
                }
            }
        };
        let text = said.text.shown.clone();
        self.push(rows, label, said, 0, &[], vec![pointer.to_owned()]);
        Some(text)
    }

    /// In quotation marks: the requester's own words.
    fn quote(&self, text: &str) -> Said {
        let hard = harden_value(text, self.words);
        let quote = |text: &str| self.words.fill("quote", &[("text", text)]);
        Said {
            value: RowValue::Text,
            text: ShownText {
                shown: quote(&hard.shown),
                full: hard.full.as_deref().map(quote),
                marks: hard.marks,
            },
        }
    }

    /// `{"amount": "249.00", "currency": "EUR"}`, the amount as number or text.
    fn amount(
        &mut self,
        rows: &mut Vec<ReviewRow>,
        label: Label<'_>,
        value: &Value,
        pointer: &str,
    ) -> Option<String> {
        let digits = match value.get("amount")? {
            Value::Number(number) => number.text(),
            Value::String(text) => text,
            _ => return None,
        };
        let currency = value
            .get("currency")?
            .as_str()
            .filter(|text| is_currency(text))?;
        let found = amount(digits, currency)?;
        let hard = harden_name(currency, self.words);
        let text = format!("{} {}", grouped(&found.decimal, &self.style), hard.shown);
        self.amounts
            .push((found.decimal.clone(), currency.to_owned()));
        let said = Said {
            value: RowValue::Amount {
                decimal: found.decimal,
                currency: hard.shown,
            },
            text: ShownText {
                shown: text.clone(),
                full: hard.full,
                marks: [found.marks, hard.marks].concat(),
            },
        };
        let sources = vec![format!("{pointer}/amount"), format!("{pointer}/currency")];
        self.push(rows, label, said, 0, &[], sources.clone());
        self.members(
            rows,
            value,
            pointer,
            1,
            &sources,
            &[MarkCode::UnexpectedMember],
        );
        Some(text)
    }

    /// An account number as text, or an object that names its scheme.
    fn account(
        &mut self,
        rows: &mut Vec<ReviewRow>,
        label: Label<'_>,
        value: &Value,
        pointer: &str,
    ) -> Option<String> {
        const SCHEMES: [&str; 8] = [
            "iban",
            "bban",
            "maskedPan",
            "pan",
            "msisdn",
            "accountNumber",
            "identification",
            "id",
        ];
        let filled = |value: &Value| {
            value
                .as_str()
                .filter(|text| !text.trim().is_empty())
                .map(str::to_owned)
        };
        let (scheme, number, source) = match value {
            Value::String(_) => ("account", filled(value)?, pointer.to_owned()),
            _ => SCHEMES.iter().find_map(|scheme| {
                Some((
                    *scheme,
                    filled(value.get(scheme)?)?,
                    format!("{pointer}/{scheme}"),
                ))
            })?,
        };
        let compact: String = number.split(' ').collect();
        let iban = is_iban(&compact) && matches!(scheme, "iban" | "account");
        let text = if iban {
            fours(&compact)
        } else {
            number.clone()
        };
        let said = Said {
            text: harden_value(&text, self.words),
            value: RowValue::Account {
                scheme: if iban { "iban" } else { scheme }.to_owned(),
                value: harden_value(if iban { &compact } else { &number }, self.words).shown,
            },
        };
        let text = said.text.shown.clone();
        self.push(rows, label, said, 0, &[], vec![source.clone()]);
        self.members(
            rows,
            value,
            pointer,
            1,
            &[source],
            &[MarkCode::UnexpectedMember],
        );
        Some(text)
    }

    /// Documents to be signed: name and hash of each. One without a hash commits to nothing, so the whole does not fit.
    fn documents(
        &mut self,
        rows: &mut Vec<ReviewRow>,
        value: &Value,
        pointer: &str,
    ) -> Option<String> {
        let items = value.as_array().filter(|items| !items.is_empty())?;
        let filled = |value: Option<&'_ Value>| {
            value
                .and_then(Value::as_str)
                .filter(|text| !text.trim().is_empty())
                .map(str::to_owned)
        };
        let hashes: Vec<String> = items
            .iter()
            .map(|item| filled(item.get("hash")))
            .collect::<Option<_>>()?;
        let words = self.words;
        for (index, (item, hash)) in items.iter().zip(&hashes).enumerate() {
            let here = format!("{pointer}/{index}");
            let name = words.fill("label.document", &[("n", &(index + 1).to_string())]);
            let mut lines = Vec::new();
            let mut sources = vec![format!("{here}/hash")];
            if let Some(label) = filled(item.get("label")) {
                lines.push(harden_value(&label, words));
                sources.push(format!("{here}/label"));
            }
            lines.push(harden_value(&fours(hash), words));
            self.push(
                rows,
                Label::Phrase("document", &name),
                joined(&lines),
                0,
                &[],
                sources.clone(),
            );
            if let Some(algorithm @ Value::String(_)) = item.get("hashAlgorithmOID") {
                let path = format!("{here}/hashAlgorithmOID");
                self.generic(rows, Label::Key("hash_algorithm"), algorithm, &path, 1, &[]);
                sources.push(path);
            }
            self.members(
                rows,
                item,
                &here,
                1,
                &sources,
                &[MarkCode::UnexpectedMember],
            );
        }
        Some(match (items, filled(items[0].get("label"))) {
            ([_], Some(label)) => {
                words.fill("quote", &[("text", &harden_name(&label, words).shown)])
            }
            ([_], None) => words.fill("label.document", &[("n", "1")]),
            _ => words.fill("headline.documents", &[("n", &items.len().to_string())]),
        })
    }

    /// The properties of Auth0's own schema: by `display_order`, those that the sender wants hidden below the others.
    fn properties(
        &mut self,
        rows: &mut Vec<ReviewRow>,
        value: &Value,
        pointer: &str,
    ) -> Option<String> {
        let members = value.as_object().filter(|members| !members.is_empty())?;
        let mut properties = members
            .iter()
            .map(|(key, member)| {
                Property::read(key, member, format!("{pointer}{}", pointer_step(key)))
            })
            .collect::<Option<Vec<_>>>()?;
        properties.sort_by(|a, b| a.hidden.cmp(&b.hidden).then(a.order.total_cmp(&b.order)));
        for property in &properties {
            self.property(rows, property);
        }
        Some(String::new())
    }

    fn property(&mut self, rows: &mut Vec<ReviewRow>, property: &Property<'_>) {
        let marks: &[MarkCode] = if property.hidden {
            &[MarkCode::HiddenBySender]
        } else {
            &[]
        };
        let name = property.name.unwrap_or_default();
        let named = harden_name(name, self.words);
        let help = property
            .description
            .map(|text| harden_value(text, self.words));
        let extra = [
            marks,
            &named.marks,
            help.as_ref().map_or(&[], |help| &help.marks),
        ]
        .concat();
        let label = match property.name {
            Some(_) => Label::Phrase("", &named.shown),
            None => Label::Own(property.key),
        };
        let path = format!("{}/value", property.pointer);
        let mut nested = false;
        let mut sources = property.sources.clone();
        let row = match (self.scalar(property.value), property.value) {
            (Some(said), _) => {
                sources.push(path.clone());
                self.push(rows, label, said, 0, &extra, sources)
            }
            (None, Value::Array(items))
                if items.iter().all(is_scalar) && items.len() <= self.leaves_left =>
            {
                let lines: Vec<ShownText> = items
                    .iter()
                    .filter_map(|item| self.scalar(item))
                    .map(|said| said.text)
                    .collect();
                sources.extend((0..items.len()).map(|index| format!("{path}/{index}")));
                self.push(rows, label, joined(&lines), 0, &extra, sources)
            }
            (None, _) => {
                let heading = Said {
                    value: RowValue::Text,
                    text: ShownText::default(),
                };
                nested = true;
                self.push(rows, label, heading, 0, &extra, sources)
            }
        };
        if let Some(row) = row {
            row.full_label = row.full_label.take().or(named.full);
            if let Some(help) = help {
                row.help = Some(help.shown);
                row.full_help = help.full;
            }
        }
        let mut used = property.sources.clone();
        used.push(path.clone());
        if nested {
            self.generic(rows, Label::Own("value"), property.value, &path, 1, marks);
        }
        let unexpected = [MarkCode::UnexpectedMember];
        self.members(
            rows,
            property.member,
            &property.pointer,
            1,
            &used,
            &unexpected,
        );
    }
}

/// One property of Auth0's schema, with the pointers of the members that were understood.
struct Property<'v> {
    key: &'v str,
    name: Option<&'v str>,
    description: Option<&'v str>,
    order: f64,
    hidden: bool,
    value: &'v Value,
    member: &'v Value,
    pointer: String,
    sources: Vec<String>,
}

impl<'v> Property<'v> {
    /// `None`: no object, or one without a value. Other members of a wrong type are left to the generic rule.
    fn read(key: &'v str, member: &'v Value, pointer: String) -> Option<Property<'v>> {
        let value = member.get("value")?;
        let name = member
            .get("name")
            .and_then(Value::as_str)
            .filter(|name| !name.is_empty());
        let description = member.get("description").and_then(Value::as_str);
        let display = member.get("display").and_then(Value::as_bool);
        // The documentation has both forms. It only sorts: a binary number is good enough.
        let order = match member.get("display_order") {
            Some(Value::Number(number)) => Some(number.as_f64()),
            Some(Value::String(text)) => text.parse::<f64>().ok().filter(|order| order.is_finite()),
            _ => None,
        };
        let understood = [
            ("name", name.is_some()),
            ("description", description.is_some()),
            ("display", display.is_some()),
            ("display_order", order.is_some()),
        ];
        let sources = understood
            .iter()
            .filter(|(_, yes)| *yes)
            .map(|(member, _)| format!("{pointer}/{member}"))
            .collect();
        Some(Property {
            key,
            name,
            description,
            order: order.unwrap_or(f64::INFINITY),
            hidden: display == Some(false),
            value,
            member,
            pointer,
            sources,
        })
    }
}

fn is_scalar(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => true,
    }
}

/// What may stand beside an amount: letters, few enough that they cannot make a sentence of the headline. Whether it is
/// a currency of ISO 4217 is another question, and a mark.
fn is_currency(text: &str) -> bool {
    (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Several texts as one, a line each. Lines inside them are visible symbols by now, so this stays unambiguous.
fn joined(lines: &[ShownText]) -> Said {
    let join = |pick: fn(&ShownText) -> &str| lines.iter().map(pick).collect::<Vec<_>>().join("\n");
    let cut = lines.iter().any(|line| line.full.is_some());
    Said {
        value: RowValue::Lines {
            lines: lines.iter().map(|line| line.shown.clone()).collect(),
        },
        text: ShownText {
            shown: join(|line| &line.shown),
            full: cut.then(|| join(|line| line.full.as_deref().unwrap_or(&line.shown))),
            marks: lines.iter().flat_map(|line| line.marks.clone()).collect(),
        },
    }
}

/// `creditorAgent_id` → `Creditor agent id`: only ASCII names are taken apart.
fn humanised(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut last = ' ';
    for c in name.chars() {
        let c = if matches!(c, '_' | '-') { ' ' } else { c };
        if c.is_ascii_uppercase() && (last.is_ascii_lowercase() || last.is_ascii_digit()) {
            out.push(' ');
            out.push(c.to_ascii_lowercase());
        } else if out.is_empty() {
            out.push(c.to_ascii_uppercase());
        } else {
            out.push(c);
        }
        last = c;
    }
    out
}

/// Shape of an IBAN (ISO 13616): country, two check digits, up to thirty letters and digits.
fn is_iban(text: &str) -> bool {
    let bytes = text.as_bytes();
    (15..=34).contains(&bytes.len())
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && bytes.iter().all(u8::is_ascii_alphanumeric)
}

/// In groups of four, for reading aloud. Only graphic ASCII is grouped; anything else is left for hardening to see whole.
fn fours(text: &str) -> String {
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return text.to_owned();
    }
    let groups: Vec<&str> = (0..text.len())
        .step_by(4)
        .map(|start| &text[start..(start + 4).min(text.len())])
        .collect();
    groups.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_readable() {
        for (name, label) in [
            ("creditorName", "Creditor name"),
            ("recurring_indicator", "Recurring indicator"),
            ("IBAN", "IBAN"),
            ("end-to-end", "End to end"),
            ("größe", "Größe"),
        ] {
            assert_eq!(
                humanised(name),
                if name == "größe" { "Größe" } else { label }
            );
        }
    }

    #[test]
    fn only_account_numbers_are_grouped() {
        assert!(is_iban("DE89370400440532013000"));
        assert!(!is_iban("60916d31-932e-4820-ba82-1fcead1c9ea3"));
        assert_eq!(fours("DE8937040"), "DE89 3704 0");
        assert_eq!(fours("größe"), "größe");
    }
}
