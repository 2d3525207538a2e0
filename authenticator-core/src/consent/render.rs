//! The pure function from what was received to what is shown: sections, headline, marks, and whether all of it could be shown.

use std::collections::HashSet;

use super::catalogue::{Words, fill, placeholders};
use super::digest::{digests, unsigned_document};
use super::locale::moment;
use super::marks::words_for;
use super::rows::{Label, Page};
use super::template::{Format, Phrase, Template, Templates};
use super::text::{embedded, harden_name, harden_value};
use super::{
    Details, MarkCode, RenderInput, Rendered, ReviewRow, ReviewSection, RowValue, UnknownTypes,
};
use crate::json::{self, Value, pointer_step};

/// Largest compact text of a body that is shown.
const BYTES: usize = 64 * 1024;
/// Most authorization details of one request.
const OBJECTS: usize = 64;
/// Where the members that people are asked about stand in the body.
const ASKED: &str = "/requested_details";

/// Renders a request. Total: whatever was received gives a page; what cannot be approved has `blocked` set.
pub(crate) fn render(input: &RenderInput<'_>, templates: &Templates) -> Rendered {
    let words = Words::of(&input.display.locale);
    let mut page = Page::new(input.display, words);
    let mut out = Rendered {
        headline: String::new(),
        binding_message: None,
        sections: Vec::new(),
        marks: Vec::new(),
        blocked: None,
        digests: None,
        unsigned: None,
        facts: super::Facts::default(),
    };
    let mut findings = Vec::new();
    let mut technical = Vec::new();
    match input.details {
        Details::Body(body) => {
            if json::write(body).len() > BYTES {
                findings.push(MarkCode::TooLarge);
            }
            let asked = body.get("requested_details").unwrap_or(&Value::Null);
            technical = requested(asked, input, templates, &mut page, &mut out, &mut findings);
            envelope(body, &mut page, &mut technical);
        }
        Details::None | Details::Missing => {
            out.headline = words.get("headline.plain").to_owned();
            findings.push(MarkCode::NoDetails);
        }
        Details::Unavailable(reason) => {
            out.headline = words.get("headline.unavailable").to_owned();
            findings.push(reason);
        }
    }
    let (origin, missing) = origin(input, &mut page);
    out.sections.push(origin);
    if !technical.is_empty() {
        out.sections.push(section(
            words.get("title.technical"),
            "technical",
            technical,
        ));
    }
    out.facts.amounts = page.amounts;
    finish(input, templates, words, findings, missing, &mut out);
    out
}

/// Members of the body beside what is asked: nobody approves them, and nothing is left out.
fn envelope(body: &Value, page: &mut Page<'_>, rows: &mut Vec<ReviewRow>) {
    for (name, value) in body.as_object().unwrap_or_default() {
        let pointer = pointer_step(name);
        if pointer != ASKED {
            page.generic(rows, Label::Own(name), value, &pointer, 0, &[]);
        }
    }
}

/// Marks, blocking and digests. `missing` counts what was received besides the body and could not be shown.
fn finish(
    input: &RenderInput<'_>,
    templates: &Templates,
    words: &Words,
    mut findings: Vec<MarkCode>,
    mut missing: usize,
    out: &mut Rendered,
) {
    if let Details::Body(body) = input.details {
        missing += not_shown(body, out);
        if json::canonical(body).is_err() {
            findings.push(MarkCode::AmbiguousNumber);
        }
    }
    if missing > 0 {
        findings.push(MarkCode::TooLarge);
    }
    if let Some(message) = &out.binding_message {
        findings.extend(&message.marks);
    }
    findings.sort_unstable();
    findings.dedup();
    out.marks = findings
        .iter()
        .map(|code| words_for(*code, words))
        .collect();
    if missing > 0 {
        let count = words.fill("too_large.count", &[("n", &missing.to_string())]);
        let large = out
            .marks
            .iter_mut()
            .find(|mark| mark.code == MarkCode::TooLarge);
        if let Some(mark) = large {
            mark.text = count;
        }
    }
    let blocks = |code: &MarkCode| {
        matches!(
            code,
            MarkCode::DetailsUnavailable
                | MarkCode::DuplicateMember
                | MarkCode::InvalidText
                | MarkCode::AmbiguousNumber
                | MarkCode::TooLarge
                | MarkCode::IncompleteDetails
        )
    };
    let unreadable = match input.details {
        Details::Unavailable(reason) => Some(reason),
        _ => None,
    };
    let unknown =
        input.unknown_types == UnknownTypes::Block && findings.contains(&MarkCode::UnknownType);
    out.blocked = unreadable
        .or_else(|| findings.iter().copied().find(blocks))
        .or(unknown.then_some(MarkCode::UnknownType));
    match digests(input, out, templates.digest()) {
        Ok(digests) => out.digests = Some(digests),
        Err(reason) => {
            out.blocked = out.blocked.or(Some(reason));
            out.unsigned = unsigned_document(input, out, templates.digest());
        }
    }
}

/// Everything below `requested_details`; returns the rows for the section of technical details, which comes last.
fn requested(
    asked: &Value,
    input: &RenderInput<'_>,
    templates: &Templates,
    page: &mut Page<'_>,
    out: &mut Rendered,
    findings: &mut Vec<MarkCode>,
) -> Vec<ReviewRow> {
    let words = page.words;
    let members = asked.as_object().unwrap_or_default();
    if asked.as_object().is_none() {
        findings.push(MarkCode::IncompleteDetails);
    }
    let mut technical = Vec::new();
    let details = asked
        .get("authorization_details")
        .and_then(Value::as_array)
        .unwrap_or_default();
    let mut first_headline = None;
    for (index, detail) in details.iter().enumerate() {
        let pointer = format!("{ASKED}/authorization_details/{index}");
        let one = one_detail(
            detail,
            &pointer,
            input,
            templates,
            page,
            &mut technical,
            findings,
        );
        out.sections.push(one.section);
        first_headline.get_or_insert(one.headline);
        out.facts.missing.extend(one.missing);
    }
    out.facts.detail_count = details.len();
    if details.len() > 1 {
        findings.push(MarkCode::SeveralDetails);
    }
    if details.len() > OBJECTS {
        findings.push(MarkCode::TooLarge);
    }

    let mut rows = Vec::new();
    // Nothing inside: one row, so that this is seen. An object: its members, audience and scopes first.
    if members.is_empty() {
        page.generic(&mut rows, Label::Key("details"), asked, ASKED, 0, &[]);
    }
    let rank = |name: &str| match name {
        "audience" => 0,
        "scope" => 1,
        "authorization_details" => 2,
        _ => 3,
    };
    let mut ordered: Vec<_> = members.iter().collect();
    ordered.sort_by_key(|(name, _)| rank(name));
    let mut audience_host = None;
    for (name, value) in ordered {
        let pointer = format!("{ASKED}{}", pointer_step(name));
        match (name.as_str(), value) {
            ("binding_message", Value::String(text)) => {
                out.binding_message = Some(harden_value(text, words));
            }
            ("audience", Value::String(text)) => {
                out.facts.audience = Some(text.clone());
                let (label, row) = (Label::Key("audience"), rows.len());
                let address = page.formatted(&mut rows, label, value, &pointer, Format::Url);
                if address.is_none() {
                    page.generic(&mut rows, label, value, &pointer, 0, &[]);
                }
                audience_host = rows.get(row).and_then(|row| match &row.value {
                    RowValue::Url { host, .. } => Some(host.clone()),
                    _ => None,
                });
            }
            ("audience", Value::Null) => {
                page.generic(&mut rows, Label::Key("audience"), value, &pointer, 0, &[]);
            }
            ("scope", Value::Null | Value::String(_)) => {
                page.generic(&mut rows, Label::Key("scope"), value, &pointer, 0, &[]);
            }
            ("scope", Value::Array(items)) if items.iter().all(|item| item.as_str().is_some()) => {
                page.generic(&mut rows, Label::Key("scope"), value, &pointer, 0, &[]);
            }
            ("authorization_details", Value::Array(items)) if !items.is_empty() => {}
            ("authorization_details", Value::Array(_) | Value::Null) => {
                page.generic(&mut rows, Label::Key("details"), value, &pointer, 0, &[]);
            }
            ("binding_message", Value::Null) => {
                page.generic(&mut rows, Label::Own(name), value, &pointer, 0, &[]);
            }
            ("audience" | "scope" | "authorization_details" | "binding_message", _) => {
                findings.push(MarkCode::IncompleteDetails);
                out.facts.missing.push(name.clone());
                page.generic(&mut rows, Label::Own(name), value, &pointer, 0, &[]);
            }
            _ => {
                let marks = [MarkCode::UnexpectedMember];
                page.generic(&mut rows, Label::Own(name), value, &pointer, 0, &marks);
            }
        }
    }
    if !rows.is_empty() {
        out.sections
            .push(section(words.get("title.request"), "request", rows));
    }
    out.headline = match (first_headline, &out.facts.audience) {
        (Some(first), _) if details.len() > 1 => {
            let count = details.len().to_string();
            words.fill("headline.several", &[("n", &count), ("headline", &first)])
        }
        (Some(first), _) => first,
        (None, _) if findings.contains(&MarkCode::IncompleteDetails) => {
            words.get("headline.incomplete").to_owned()
        }
        (None, Some(audience)) => {
            let audience = harden_name(audience_host.as_ref().unwrap_or(audience), words).shown;
            words.fill("headline.audience", &[("audience", &embedded(&audience))])
        }
        (None, None) => words.get("headline.plain").to_owned(),
    };
    technical
}

/// One of the details, as it is shown.
struct Detail {
    section: ReviewSection,
    headline: String,
    /// Required members that are not there, or do not fit.
    missing: Vec<String>,
}

fn one_detail(
    detail: &Value,
    pointer: &str,
    input: &RenderInput<'_>,
    templates: &Templates,
    page: &mut Page<'_>,
    technical: &mut Vec<ReviewRow>,
    findings: &mut Vec<MarkCode>,
) -> Detail {
    let words = page.words;
    let kind = detail.get("type").and_then(Value::as_str);
    let Some(kind) = kind else {
        // RFC 9396 §2: every detail is an object with a `type` text.
        findings.push(MarkCode::IncompleteDetails);
        let mut rows = Vec::new();
        page.generic(&mut rows, Label::Key("details"), detail, pointer, 0, &[]);
        let title = words.get("title.unknown");
        return Detail {
            section: section(title, "", rows),
            headline: words.get("headline.incomplete").to_owned(),
            missing: vec!["type".to_owned()],
        };
    };
    let shown_kind = harden_value(kind, words);
    let mut rows = Vec::new();
    let Some(template) = templates.of(kind) else {
        if input.unknown_types == UnknownTypes::Block {
            findings.push(MarkCode::UnknownType);
        }
        for (name, member) in detail.as_object().unwrap_or_default() {
            let below = format!("{pointer}{}", pointer_step(name));
            let (label, marks): (_, &[MarkCode]) = match name.as_str() {
                "type" => (Label::Key("type"), &[MarkCode::UnknownType]),
                _ => (Label::Own(name), &[]),
            };
            page.generic(&mut rows, label, member, &below, 0, marks);
        }
        let name = harden_name(kind, words).shown;
        let headline = words.fill("headline.type", &[("type", &quoted(&name, words))]);
        return Detail {
            section: section(words.get("title.unknown"), &shown_kind.shown, rows),
            headline,
            missing: Vec::new(),
        };
    };
    let locale = &input.display.locale;
    let mut fitting: Vec<(&str, String)> = Vec::new();
    let mut used: Vec<String> = Vec::new();
    let mut said_keys: Vec<&str> = Vec::new();
    for row in &template.rows {
        // A second recipient (or amount …) under another name is not what the headline says: left to the generic rule, marked.
        let key = row.label.key();
        if matches!(row.label, Phrase::Key(_)) && said_keys.contains(&key) {
            continue;
        }
        let path = format!("{pointer}{}", row.path);
        let Some(value) = detail.pointer(&row.path) else {
            continue;
        };
        // What must be there as text is no number and no yes: left to the generic rule.
        if row.format == Format::Text && template.is_required(&row.path) && value.as_str().is_none()
        {
            continue;
        }
        let label = Label::Phrase(key, row.label.text("label.", locale));
        if let Some(said) = page.formatted(&mut rows, label, value, &path, row.format) {
            fitting.push((&row.path, said));
            said_keys.push(key);
            used.push(path);
        }
    }
    for internal in &template.internal {
        if let Some(value) = detail.pointer(internal) {
            let path = format!("{pointer}{internal}");
            let name = internal.rsplit('/').next().unwrap_or(internal);
            let name = name.replace("~1", "/").replace("~0", "~");
            page.generic(technical, Label::Own(&name), value, &path, 0, &[]);
            used.push(path);
        }
    }
    let type_pointer = format!("{pointer}/type");
    page.generic(
        &mut rows,
        Label::Key("type"),
        &Value::from(kind),
        &type_pointer,
        0,
        &[],
    );
    used.push(type_pointer);
    let unexpected = [MarkCode::UnexpectedMember];
    page.members(&mut rows, detail, pointer, 0, &used, &unexpected);

    let fits = |path: &String| fitting.iter().any(|(fit, _)| fit == path);
    let missing: Vec<String> = template
        .required
        .iter()
        .filter(|any| !any.iter().any(fits))
        .filter_map(|any| any.first())
        .map(|path| path.trim_start_matches('/').replace('/', "."))
        .collect();
    let headline = if missing.is_empty() {
        headline(template, kind, &fitting, locale, words)
    } else {
        findings.push(MarkCode::IncompleteDetails);
        words.get("headline.incomplete").to_owned()
    };
    let title = template.title.text("", locale);
    Detail {
        section: section(title, &shown_kind.shown, rows),
        headline,
        missing,
    }
}

/// One sentence made of the details; the title where a part of it was not sent.
fn headline(
    template: &Template,
    kind: &str,
    fitting: &[(&str, String)],
    locale: &str,
    words: &Words,
) -> String {
    let pattern = template.headline.text("", locale);
    let mut values = Vec::new();
    for name in placeholders(pattern) {
        let said = match name {
            "type" => Some(quoted(
                &harden_name(template.open_part(kind), words).shown,
                words,
            )),
            _ => template.row_of(name).find_map(|row| {
                let (_, said) = fitting.iter().find(|(path, _)| *path == row.path)?;
                let plain = matches!(row.format, Format::Amount | Format::Documents);
                Some(match harden_name(said, words).shown {
                    _ if plain => said.clone(),
                    name if is_plain_name(&name) => name,
                    name => quoted(&name, words),
                })
            }),
        };
        match said {
            Some(said) => values.push((name, embedded(&said))),
            None => return template.title.text("", locale).to_owned(),
        }
    }
    let values: Vec<_> = values
        .iter()
        .map(|(name, said)| (*name, said.as_str()))
        .collect();
    fill(pattern, &values)
}

/// A name that cannot be taken for a part of the sentence it stands in: few words, nothing that ends or joins sentences.
fn is_plain_name(name: &str) -> bool {
    const WORDS: usize = 4;
    name.split(' ').count() <= WORDS
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || " &'’.-/+".contains(c))
        && !name.contains(". ")
}

fn quoted(text: &str, words: &Words) -> String {
    words.fill("quote", &[("text", text)])
}

fn section(title: &str, kind: &str, rows: Vec<ReviewRow>) -> ReviewSection {
    ReviewSection {
        title: title.to_owned(),
        kind: kind.to_owned(),
        rows,
    }
}

/// What the server claims about the requesting device, and when it asked; with it, how many leaves of that claim found no
/// place. Not part of the body: its rows have no sources.
fn origin(input: &RenderInput<'_>, page: &mut Page<'_>) -> (ReviewSection, usize) {
    let words = page.words;
    let claimed: Vec<_> = [("s", input.source), ("l", input.location)]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.clone())))
        .collect();
    let claimed = Value::Object(claimed);
    let text = |path: &str| match claimed.pointer(path)? {
        Value::String(text) if !text.is_empty() => Some(text.as_str()),
        Value::Number(number) => Some(number.text()),
        _ => None,
    };
    let mut rows = Vec::new();
    let mut used: Vec<String> = Vec::new();
    for (key, paths, joint) in [
        ("browser", &["/s/b/n", "/s/b/v"][..], " "),
        ("system", &["/s/os/n", "/s/os/v"][..], " "),
        ("place", &["/l/n"][..], ""),
        ("place", &["/l/lat", "/l/long"][..], ", "),
    ] {
        // A version without a name, or half a position, is left to the generic rule.
        let parts: Vec<&str> = paths.iter().map_while(|path| text(path)).collect();
        if parts.is_empty() || (key == "place" && parts.len() < paths.len()) {
            continue;
        }
        used.extend(paths[..parts.len()].iter().map(|path| (*path).to_owned()));
        let said = harden_value(&parts.join(joint), words);
        rows.push(plain_row(key, said, RowValue::Text, words));
    }
    let time = super::ShownText {
        shown: moment(input.requested_at, input.display, words, false),
        ..super::ShownText::default()
    };
    let date = RowValue::Date {
        date: harden_value(input.requested_at_text, words).shown,
    };
    rows.push(plain_row("time", time, date, words));
    let groups = claimed.as_object().unwrap_or_default();
    for (name, group) in groups {
        page.members(&mut rows, group, &pointer_step(name), 0, &used, &[]);
    }
    used.extend(
        rows.iter_mut()
            .flat_map(|row| std::mem::take(&mut row.sources)),
    );
    let shown = used.iter().map(String::as_str).collect();
    let missing = groups
        .iter()
        .map(|(name, group)| leaves_outside(group, &pointer_step(name), &shown))
        .sum();
    (section(words.get("title.origin"), "origin", rows), missing)
}

fn plain_row(key: &str, text: super::ShownText, value: RowValue, words: &Words) -> ReviewRow {
    ReviewRow {
        label_key: key.to_owned(),
        label: words.get(&format!("label.{key}")).to_owned(),
        value,
        text: text.shown,
        full_text: text.full,
        full_label: None,
        help: None,
        full_help: None,
        indent: 0,
        marks: text
            .marks
            .iter()
            .map(|code| words_for(*code, words))
            .collect(),
        sources: Vec::new(),
    }
}

/// Leaves of the body that are the source of no row: the proof that nothing disappeared, made for every review.
fn not_shown(body: &Value, out: &Rendered) -> usize {
    let rows = out.sections.iter().flat_map(|section| &section.rows);
    let mut shown: HashSet<&str> = rows
        .flat_map(|row| &row.sources)
        .map(String::as_str)
        .collect();
    if out.binding_message.is_some() {
        shown.insert("/requested_details/binding_message");
    }
    leaves_outside(body, "", &shown)
}

/// How many leaves of the members of an object are not among these pointers.
fn leaves_outside(object: &Value, pointer: &str, shown: &HashSet<&str>) -> usize {
    let mut leaves = Vec::new();
    for (name, member) in object.as_object().unwrap_or_default() {
        collect_leaves(
            member,
            format!("{pointer}{}", pointer_step(name)),
            &mut leaves,
        );
    }
    let missing = leaves.iter().filter(|leaf| !shown.contains(leaf.as_str()));
    missing.count()
}

/// Pointers of all leaves: values that hold no others, empty objects and arrays among them.
pub(super) fn collect_leaves(value: &Value, pointer: String, out: &mut Vec<String>) {
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
        _ => out.push(pointer),
    }
}
