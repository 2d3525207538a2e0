//! Detail templates: data that says which members of an authorization detail are shown, in which order and how.
//! A template that could hide something, or show it twice, is refused when it is loaded.

use super::catalogue::{Words, language, placeholders};
use super::digest::sha256;
use crate::error::{Error, ErrorCode, Result};
use crate::json::{self, Limits, Value};

const BUILT_IN: [&str; 4] = [
    include_str!("templates/payment.json"),
    include_str!("templates/account_information.json"),
    include_str!("templates/signing.json"),
    include_str!("templates/auth0_v1.json"),
];

/// The loaded detail templates: the app's first, then the built-in ones.
pub(crate) struct Templates {
    loaded: Vec<Template>,
    digest: String,
}

impl Templates {
    /// Built-in templates plus the app's JSON documents; the app's win over built-in ones of the same type.
    /// Errors name the template and what is wrong with it (`template_invalid`).
    pub(crate) fn load(app: &[String]) -> Result<Templates> {
        let mut loaded: Vec<Template> = Vec::new();
        let mut documents = Vec::new();
        let files = app.iter().map(String::as_str).map(|file| (file, false));
        let files = files.chain(BUILT_IN.map(|file| (file, true)));
        for (index, (file, built_in)) in files.enumerate() {
            let document = json::read(file.as_bytes(), Limits::BODY)
                .map_err(|_| invalid(&format!("number {}", index + 1), "it is not strict JSON"))?;
            let template = Template::read(&document, index, built_in)?;
            let known = loaded.iter().filter(|other| other.built_in == built_in);
            let known: Vec<_> = known.flat_map(|other| &other.types).collect();
            if let Some(twice) = template.types.iter().find(|name| known.contains(name)) {
                return Err(invalid(twice, "two templates have this type"));
            }
            loaded.push(template);
            documents.push(document);
        }
        let canonical = json::canonical(&Value::Array(documents))
            .map_err(|_| invalid("set", "a number in it has no canonical form"))?;
        Ok(Templates {
            loaded,
            digest: sha256(&canonical),
        })
    }

    /// base64url SHA-256 over the canonical form (RFC 8785) of the whole set, an array in order of precedence.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// The template of a type: the app's before built-in ones, exact names before prefixes, long prefixes before short ones.
    pub(super) fn of(&self, kind: &str) -> Option<&Template> {
        let rank = |template: &Template| {
            let best = template
                .types
                .iter()
                .filter_map(|name| match name.strip_suffix('*') {
                    Some(prefix) => kind.starts_with(prefix).then_some(prefix.len()),
                    None => (name == kind).then_some(usize::MAX),
                });
            best.max().map(|length| (!template.built_in, length))
        };
        self.loaded
            .iter()
            .filter_map(|template| Some((rank(template)?, template)))
            .max_by_key(|(rank, _)| *rank)
            .map(|(_, template)| template)
    }
}

/// How one type of authorization detail is shown.
pub(super) struct Template {
    types: Vec<String>,
    pub title: Phrase,
    pub headline: Phrase,
    pub rows: Vec<TemplateRow>,
    /// Each entry is satisfied by any of its paths.
    pub required: Vec<Vec<String>>,
    /// Members for the section of technical details.
    pub internal: Vec<String>,
    built_in: bool,
}

/// One row of a template.
pub(super) struct TemplateRow {
    /// JSON pointer (RFC 6901) inside the detail.
    pub path: String,
    pub label: Phrase,
    pub format: Format,
}

/// How the value of a row is read and written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    Text,
    Quote,
    Number,
    Amount,
    Date,
    Account,
    Url,
    Boolean,
    List,
    Documents,
    Properties,
    Any,
}

const FORMATS: [(&str, Format); 12] = [
    ("text", Format::Text),
    ("quote", Format::Quote),
    ("number", Format::Number),
    ("amount", Format::Amount),
    ("date", Format::Date),
    ("account", Format::Account),
    ("url", Format::Url),
    ("boolean", Format::Boolean),
    ("list", Format::List),
    ("documents", Format::Documents),
    ("properties", Format::Properties),
    ("any", Format::Any),
];

/// Words of a template: a key of the catalogue, or the app's own words by language.
pub(super) enum Phrase {
    Key(String),
    Own(Vec<(String, String)>),
}

impl Phrase {
    /// The words for a locale. Own words: by tag, then by language, then the first given.
    pub(super) fn text<'a>(&'a self, prefix: &str, locale: &str) -> &'a str {
        match self {
            Phrase::Key(key) => {
                let full = format!("{prefix}{key}");
                match Words::of(locale).find(&full) {
                    Some(text) => text,
                    None => Words::of("en").find(&full).unwrap_or(key),
                }
            }
            Phrase::Own(words) => {
                let by = |wanted: &str| {
                    words
                        .iter()
                        .find(|(tag, _)| tag.eq_ignore_ascii_case(wanted))
                };
                by(locale)
                    .or_else(|| by(&language(locale)))
                    .or(words.first())
                    .map_or("", |(_, text)| text)
            }
        }
    }

    /// The key that a row carries: the catalogue's, or `app` for an app's own words.
    pub(super) fn key(&self) -> &str {
        match self {
            Phrase::Key(key) => key,
            Phrase::Own(_) => "app",
        }
    }
}

impl Template {
    fn read(document: &Value, index: usize, built_in: bool) -> Result<Template> {
        let unnamed = format!("number {}", index + 1);
        let types = document.get("type").and_then(names).unwrap_or_default();
        let name = types.first().unwrap_or(&unnamed).clone();
        let fail = |what: &str| invalid(&name, what);

        members(
            document,
            &["type", "title", "headline", "rows", "required", "internal"],
        )
        .map_err(|what| fail(&what))?;
        if types.is_empty()
            || types
                .iter()
                .any(|name| name.trim_end_matches('*').is_empty())
        {
            return Err(fail("`type` is missing, empty, or only `*`"));
        }
        if types
            .iter()
            .any(|name| name.trim_end_matches('*').contains('*') || name.ends_with("**"))
        {
            return Err(fail("`*` may only be the last character of a type"));
        }
        let title = phrase(document.get("title"), "")
            .ok_or_else(|| fail("`title` is missing or no text"))?;
        let headline = phrase(document.get("headline"), "")
            .ok_or_else(|| fail("`headline` is missing or no text"))?;
        let rows = document
            .get("rows")
            .and_then(Value::as_array)
            .ok_or_else(|| fail("`rows` is missing or no array"))?
            .iter()
            .map(|row| TemplateRow::read(row).map_err(|what| fail(&what)))
            .collect::<Result<Vec<_>>>()?;
        let internal = match document.get("internal") {
            None => Vec::new(),
            Some(value) => strings(value).ok_or_else(|| fail("`internal` is no array of paths"))?,
        };
        let required = match document.get("required") {
            None => Vec::new(),
            Some(value) => value
                .as_array()
                .and_then(|entries| entries.iter().map(names).collect::<Option<Vec<_>>>())
                .ok_or_else(|| fail("`required` is no array of paths"))?,
        };
        let template = Template {
            types,
            title,
            headline,
            rows,
            required,
            internal,
            built_in,
        };
        template.check().map_err(|what| fail(&what))?;
        Ok(template)
    }

    /// The rules that keep a template from hiding or doubling a member.
    fn check(&self) -> std::result::Result<(), String> {
        let shown = self.rows.iter().map(|row| &row.path);
        let paths: Vec<&String> = shown.chain(&self.internal).collect();
        for (index, path) in paths.iter().enumerate() {
            if !is_pointer(path) {
                return Err(format!("`{path}` is no JSON pointer"));
            }
            if is_within(path, "/type") {
                return Err("`/type` is always shown and cannot be a path".into());
            }
            for other in &paths[..index] {
                if path == other {
                    return Err(format!("`{path}` is named twice"));
                }
                if is_within(path, other) || is_within(other, path) {
                    return Err(format!("`{path}` and `{other}` overlap"));
                }
            }
        }
        for path in self.required.iter().flatten() {
            if !self.rows.iter().any(|row| row.path == *path) {
                return Err(format!("`{path}` is required but not shown"));
            }
        }
        if self.required.iter().any(Vec::is_empty) {
            return Err("an entry of `required` names no path".into());
        }
        let headlines: Vec<&str> = match &self.headline {
            Phrase::Key(key) => vec![Words::of("en").get(key)],
            Phrase::Own(words) => words.iter().map(|(_, text)| text.as_str()).collect(),
        };
        for name in headlines.into_iter().flat_map(placeholders) {
            if name != "type" && self.row_of(name).next().is_none() {
                return Err(format!("the headline uses `{name}`, which is not shown"));
            }
        }
        Ok(())
    }

    /// Rows that a placeholder of the headline means: a label's key, or a path.
    pub(super) fn row_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a TemplateRow> {
        self.rows.iter().filter(move |row| {
            row.path == name || matches!(&row.label, Phrase::Key(key) if key == name)
        })
    }

    pub(super) fn is_required(&self, path: &str) -> bool {
        self.required.iter().flatten().any(|one| one == path)
    }

    /// The part of the type that a prefix template leaves open, or the whole type.
    pub(super) fn open_part<'a>(&self, kind: &'a str) -> &'a str {
        let prefixes = self.types.iter().filter_map(|name| name.strip_suffix('*'));
        prefixes
            .filter_map(|prefix| kind.strip_prefix(prefix))
            .find(|rest| !rest.is_empty())
            .unwrap_or(kind)
    }
}

impl TemplateRow {
    fn read(value: &Value) -> std::result::Result<TemplateRow, String> {
        members(value, &["path", "label", "format"])?;
        let path = value.get("path").and_then(Value::as_str);
        let path = path.ok_or("a row has no `path`")?.to_owned();
        let label = phrase(value.get("label"), "label.")
            .ok_or_else(|| format!("the row `{path}` has no label"))?;
        let format = value
            .get("format")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let format = FORMATS
            .iter()
            .find(|(name, _)| *name == format)
            .map(|(_, format)| *format)
            .ok_or_else(|| format!("the row `{path}` has an unknown format"))?;
        Ok(TemplateRow {
            path,
            label,
            format,
        })
    }
}

fn invalid(name: &str, what: &str) -> Error {
    Error::new(
        ErrorCode::TemplateInvalid,
        format!("detail template {name}: {what}"),
    )
}

fn members(value: &Value, allowed: &[&str]) -> std::result::Result<(), String> {
    let Some(members) = value.as_object() else {
        return Err("it is no JSON object".into());
    };
    match members
        .iter()
        .find(|(name, _)| !allowed.contains(&name.as_str()))
    {
        Some((name, _)) => Err(format!("unknown member `{name}`")),
        None => Ok(()),
    }
}

/// One text, or an array of texts.
fn names(value: &Value) -> Option<Vec<String>> {
    match value.as_str() {
        Some(text) => Some(vec![text.to_owned()]),
        None => strings(value),
    }
}

fn strings(value: &Value) -> Option<Vec<String>> {
    let items = value.as_array()?.iter();
    items.map(|item| item.as_str().map(str::to_owned)).collect()
}

/// A text that is a key of the catalogue, any other text, or an object of texts by language.
fn phrase(value: Option<&Value>, prefix: &str) -> Option<Phrase> {
    match value? {
        Value::String(text) if Words::of("en").find(&format!("{prefix}{text}")).is_some() => {
            Some(Phrase::Key(text.clone()))
        }
        Value::String(text) if !text.is_empty() => {
            Some(Phrase::Own(vec![(String::new(), text.clone())]))
        }
        Value::Object(words) if !words.is_empty() => {
            let words = words.iter().map(|(tag, text)| {
                let text = text.as_str().filter(|text| !text.is_empty())?;
                Some((tag.clone(), text.to_owned()))
            });
            words.collect::<Option<Vec<_>>>().map(Phrase::Own)
        }
        _ => None,
    }
}

/// RFC 6901 §3: starts with a slash, and a tilde only before 0 or 1.
fn is_pointer(path: &str) -> bool {
    let mut bytes = path.bytes().peekable();
    if bytes.peek() != Some(&b'/') {
        return false;
    }
    while let Some(byte) = bytes.next() {
        if byte == b'~' && !matches!(bytes.peek(), Some(b'0' | b'1')) {
            return false;
        }
    }
    true
}

/// Whether a pointer is another one or lies below it.
pub(super) fn is_within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(document: &str) -> String {
        match Templates::load(&[document.to_owned()]) {
            Ok(_) => panic!("was loaded: {document}"),
            Err(error) => {
                assert_eq!(error.code(), ErrorCode::TemplateInvalid);
                error.message().to_owned()
            }
        }
    }

    fn parcel(change: impl Fn(String) -> String) -> String {
        change(
            r#"{"type":"parcel","title":"Parcel","headline":"Send {/what}",
            "rows":[{"path":"/what","label":"What","format":"text"}],"required":["/what"],"internal":["/trace"]}"#
                .to_owned(),
        )
    }

    #[test]
    fn a_sound_template_is_loaded_and_changes_the_digest() {
        let plain = Templates::load(&[]).unwrap();
        let more = Templates::load(&[parcel(|text| text)]).unwrap();
        assert!(more.of("parcel").is_some());
        assert!(plain.of("parcel").is_none());
        assert_ne!(plain.digest(), more.digest());
        assert_eq!(plain.digest(), Templates::load(&[]).unwrap().digest());
    }

    #[test]
    fn the_digest_does_not_depend_on_white_space_or_member_order() {
        let a = Templates::load(&[parcel(|text| text)]).unwrap();
        let b = Templates::load(&[parcel(|text| text.replace('\n', " "))]).unwrap();
        assert_eq!(a.digest(), b.digest());
    }

    #[test]
    fn what_is_wrong_with_a_template_is_named() {
        let cases = [
            (
                r#""internal":["/trace"]"#,
                r#""internal":["/what"]"#,
                "`/what` is named twice",
            ),
            (
                r#""internal":["/trace"]"#,
                r#""internal":["/what/x"]"#,
                "overlap",
            ),
            (
                r#""internal":["/trace"]"#,
                r#""internal":["trace"]"#,
                "no JSON pointer",
            ),
            (
                r#""internal":["/trace"]"#,
                r#""internal":["/type"]"#,
                "always shown",
            ),
            (
                r#""required":["/what"]"#,
                r#""required":["/who"]"#,
                "`/who` is required but not shown",
            ),
            (
                r#""required":["/what"]"#,
                r#""required":["/trace"]"#,
                "`/trace` is required but not shown",
            ),
            (
                r#""format":"text""#,
                r#""format":"html""#,
                "`/what` has an unknown format",
            ),
            (
                r#""title":"Parcel""#,
                r#""titel":"Parcel""#,
                "unknown member `titel`",
            ),
            (
                r#""label":"What""#,
                r#""label":"What","help":"x""#,
                "unknown member `help`",
            ),
            (r#""type":"parcel""#, r#""type":"*""#, "only `*`"),
            (r#""type":"parcel""#, r#""type":"a*b""#, "last character"),
            ("{/what}", "{recipient}", "`recipient`, which is not shown"),
        ];
        for (from, to, expected) in cases {
            let document = parcel(|text| text.replace(from, to));
            assert_ne!(document, parcel(|text| text), "{from}");
            let found = message(&document);
            assert!(found.contains(expected), "{found} lacks {expected}");
            assert!(found.starts_with("detail template "), "{found}");
        }
        assert!(message("[]").contains("no JSON object"));
        assert!(message("{").contains("strict JSON"));
    }

    #[test]
    fn app_templates_win_then_exact_names_then_long_prefixes() {
        let with = |name: &str, title: &str| {
            parcel(|text| {
                text.replace("\"parcel\"", &format!("\"{name}\""))
                    .replace("Parcel", title)
            })
        };
        let set = Templates::load(&[
            with("pay*", "short"),
            with("payment_*", "long"),
            with("payment_x", "exact"),
        ])
        .unwrap();
        let title = |kind: &str| set.of(kind).map(|template| template.title.text("", "en"));
        assert_eq!(title("pay"), Some("short"));
        assert_eq!(title("payment_y"), Some("long"));
        assert_eq!(title("payment_x"), Some("exact"));
        assert_eq!(
            title("payment_initiation"),
            Some("long"),
            "the app's prefix beats a built-in name"
        );
        assert_eq!(title("money_transfer"), Some("Payment"));
        assert_eq!(title("other"), None);
    }

    #[test]
    fn two_templates_of_an_app_for_one_type_are_refused() {
        let error = Templates::load(&[parcel(|text| text), parcel(|text| text)]);
        assert_eq!(
            error.err().map(|error| error.code()),
            Some(ErrorCode::TemplateInvalid)
        );
    }

    #[test]
    fn own_words_are_chosen_by_language() {
        let document = parcel(|text| {
            text.replace(
                r#""title":"Parcel""#,
                r#""title":{"en":"Parcel","de":"Paket"}"#,
            )
        });
        let set = Templates::load(&[document]).unwrap();
        let title = |locale| set.of("parcel").unwrap().title.text("", locale).to_owned();
        assert_eq!(title("de-AT"), "Paket");
        assert_eq!(title("fr"), "Parcel");
    }
}
