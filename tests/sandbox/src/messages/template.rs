//! What messages say: the e-mail template "Asynchronous Approval" and the SMS, in English and German.

use maud::{DOCTYPE, Markup, html};
use serde::{Deserialize, Serialize};

use crate::clock::rfc3339;
use crate::console::text::plain;
use crate::state::{Client, MessageContent, Setting, StateError, Tx, User};

const SETTING: &str = "email_template_async_approval";
pub(crate) const DEFAULT_LANGUAGE: Language = Language::English;

/// A language of messages and pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    German,
}

impl Language {
    /// The first of these tags that there are words for: `ui_locales`, separated by spaces (OpenID Connect Core
    /// §3.1.2.1).
    pub(crate) fn wanted(tags: Option<&str>) -> Option<Language> {
        tags?.split_ascii_whitespace().find_map(Language::of)
    }

    /// The language of a tag such as `de-AT`.
    pub(crate) fn of(tag: &str) -> Option<Language> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "en" => Some(Language::English),
            "de" => Some(Language::German),
            _ => None,
        }
    }

    /// The best of an `Accept-Language` header (RFC 9110 §12.5.4).
    pub(crate) fn accepted(header: &str) -> Option<Language> {
        let mut ranges: Vec<(f32, &str)> = header
            .split(',')
            .map(|range| {
                let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
                let weight = weight
                    .trim()
                    .strip_prefix("q=")
                    .map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0));
                (weight, tag.trim())
            })
            .filter(|(weight, _)| *weight > 0.0)
            .collect();
        ranges.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranges.into_iter().find_map(|(_, tag)| Language::of(tag))
    }

    pub(crate) fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::German => "de",
        }
    }
}

/// What a message is about.
pub(super) struct Facts<'a> {
    pub(super) tenant: &'a str,
    pub(super) client: &'a Client,
    pub(super) user: &'a User,
    pub(super) link: &'a str,
    pub(super) binding_message: Option<&'a str>,
    pub(super) expires_ms: i64,
    pub(super) language: Language,
}

impl Facts<'_> {
    fn application(&self) -> String {
        one_line(&self.client.name)
    }

    /// The binding message in one line, and as the page shows it.
    fn code(&self) -> Option<String> {
        self.binding_message.map(one_line)
    }

    /// `2026-01-15 10:35 UTC`.
    fn until(&self) -> String {
        let text = rfc3339(self.expires_ms);
        match (text.get(..10), text.get(11..16)) {
            (Some(day), Some(time)) => format!("{day} {time} UTC"),
            _ => text,
        }
    }
}

/// The template as an administrator set it; an absent part is the built-in one.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct EmailTemplate {
    pub(crate) enabled: bool,
    pub(crate) from: Option<String>,
    pub(crate) subject: Option<String>,
    /// HTML with Liquid variables.
    pub(crate) body: Option<String>,
}

impl Default for EmailTemplate {
    fn default() -> Self {
        EmailTemplate {
            enabled: true,
            from: None,
            subject: None,
            body: None,
        }
    }
}

impl EmailTemplate {
    pub(crate) fn stored(tx: &Tx<'_>) -> Result<Self, StateError> {
        let Some(setting) = tx.get::<Setting>(SETTING)? else {
            return Ok(Self::default());
        };
        Ok(serde_json::from_str(&setting.value)?)
    }

    pub(crate) fn store(&self, tx: &Tx<'_>) -> Result<(), StateError> {
        tx.put(&Setting {
            name: SETTING.to_owned(),
            value: serde_json::to_string(self)?,
        })
    }

    pub(super) fn email(&self, facts: &Facts<'_>) -> MessageContent {
        let words = Words::of(facts.language);
        let subject = match &self.subject {
            Some(subject) => one_line(&filled(subject, facts, str::to_owned)),
            None => format!("{} {}", words.subject, facts.application()),
        };
        let html = match &self.body {
            Some(body) => filled(body, facts, escaped),
            None => page(facts, &words).into_string(),
        };
        MessageContent {
            from: self.from.clone(),
            subject: Some(subject),
            text: text(facts, &words),
            html: Some(html),
            link: facts.link.to_owned(),
        }
    }
}

pub(super) fn sms(facts: &Facts<'_>) -> MessageContent {
    let words = Words::of(facts.language);
    // The link first: the code is the client's words, and may be made to look like one.
    let code = match facts.code() {
        Some(code) => format!(" {}: {code}", words.code),
        None => String::new(),
    };
    MessageContent {
        from: None,
        subject: None,
        text: format!(
            "{} {}: {}{code}",
            facts.application(),
            words.asks,
            facts.link
        ),
        html: None,
        link: facts.link.to_owned(),
    }
}

struct Words {
    subject: &'static str,
    hello: &'static str,
    asks: &'static str,
    code: &'static str,
    compare: &'static str,
    open: &'static str,
    button: &'static str,
    until: &'static str,
    stranger: &'static str,
}

impl Words {
    fn of(language: Language) -> Words {
        match language {
            Language::English => Words {
                subject: "Approval requested by",
                hello: "Hello",
                asks: "asks for your approval",
                code: "Request code",
                compare: "The same code stands where you started this.",
                open: "Open this link, sign in and decide:",
                button: "Review the request",
                until: "The link works once, until",
                stranger: "If you did not start this, deny it or leave it alone.",
            },
            Language::German => Words {
                subject: "Freigabe erbeten von",
                hello: "Guten Tag",
                asks: "bittet um Ihre Freigabe",
                code: "Vorgangscode",
                compare: "Derselbe Code steht dort, wo Sie den Vorgang begonnen haben.",
                open: "Öffnen Sie diesen Link, melden Sie sich an und entscheiden Sie:",
                button: "Anfrage prüfen",
                until: "Der Link gilt einmal, bis",
                stranger: "Haben Sie nichts begonnen, lehnen Sie ab oder tun Sie nichts.",
            },
        }
    }
}

fn text(facts: &Facts<'_>, words: &Words) -> String {
    let mut text = format!(
        "{},\n\n{} {}.\n\n",
        words.hello,
        facts.application(),
        words.asks
    );
    if let Some(code) = facts.code() {
        text += &format!("{}: {code}\n{}\n\n", words.code, words.compare);
    }
    text += &format!("{}\n{}\n\n", words.open, facts.link);
    text += &format!(
        "{} {}. {}\n\n{}\n",
        words.until,
        facts.until(),
        words.stranger,
        facts.tenant
    );
    text
}

/// Programs that show mail know tables and inline styles, and little else.
fn page(facts: &Facts<'_>, words: &Words) -> Markup {
    let (text, quiet) = ("color:#17181c", "color:#5c616e;font-size:13px");
    html! {
        (DOCTYPE)
        html lang=(facts.language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (words.subject) " " (facts.application()) }
            }
            body style="margin:0;background:#f7f7f9;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif" {
                table role="presentation" width="100%" cellpadding="0" cellspacing="0" {
                    tr { td align="center" style="padding:32px 16px" {
                        table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:520px;background:#ffffff;border:1px solid #e5e6eb;border-radius:10px" {
                            tr { td style="padding:28px 28px 24px" {
                                p style={ "margin:0 0 16px;" (quiet) } { (facts.tenant) }
                                h1 style={ "margin:0 0 20px;font-size:20px;line-height:1.3;" (text) } { (facts.application()) " " (words.asks) "." }
                                @if let Some(code) = facts.code() {
                                    p style={ "margin:0 0 4px;" (quiet) } { (words.code) }
                                    p style={ "margin:0 0 4px;padding:10px 14px;background:#eeedfd;border-radius:8px;font-size:18px;font-weight:600;" (text) } { bdi { (code) } }
                                    p style={ "margin:0 0 24px;" (quiet) } { (words.compare) }
                                }
                                p style="margin:0 0 20px" {
                                    a href=(facts.link) style="display:inline-block;padding:11px 20px;background:#4b45d1;border-radius:8px;color:#ffffff;font-weight:600;text-decoration:none" { (words.button) }
                                }
                                p style={ "margin:0 0 8px;" (quiet) } { (words.until) " " (facts.until()) ". " (words.stranger) }
                                p style={ "margin:0;overflow-wrap:anywhere;" (quiet) } { (facts.link) }
                            } }
                        }
                    } }
                }
            }
        }
    }
}

/// Whether a template uses nothing that is not understood here: variables, no tags.
pub(crate) fn understood(template: &str) -> bool {
    !template.contains("{%")
}

/// The template with its variables filled in; one that is not known is empty, as in Liquid.
fn filled(template: &str, facts: &Facts<'_>, put: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out += before;
        let Some((name, after)) = after.split_once("}}") else {
            out += "{{";
            rest = after;
            continue;
        };
        // A filter such as `escape` changes nothing: every value is escaped where it has to be.
        let name = name.split('|').next().unwrap_or_default().trim();
        out += &put(&variable(name, facts));
        rest = after;
    }
    out + rest
}

fn variable(name: &str, facts: &Facts<'_>) -> String {
    let user = facts.user;
    let maybe = |value: &Option<String>| value.clone().unwrap_or_default();
    match name {
        "url" => facts.link.to_owned(),
        "binding_message" => facts.code().unwrap_or_default(),
        "application.name" => facts.application(),
        "application.clientID" => facts.client.client_id.clone(),
        "tenant" | "friendly_name" => facts.tenant.to_owned(),
        "user.user_id" => user.user_id.clone(),
        "user.email" => maybe(&user.email),
        "user.email_verified" => user.email_verified.to_string(),
        "user.name" => maybe(&user.name),
        "user.nickname" => maybe(&user.nickname),
        "user.picture" => maybe(&user.picture),
        _ => String::new(),
    }
}

fn escaped(text: &str) -> String {
    html! { (text) }.into_string()
}

/// A name may hold anything; in a subject or a sentence it is one line, and what nobody would see in it, or what would
/// turn the rest around, stands there by its name.
fn one_line(text: &str) -> String {
    let blank = |c: char| if c.is_ascii_control() { ' ' } else { c };
    plain(&text.chars().map(blank).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(
        language: Language,
        message: Option<&str>,
        check: impl FnOnce(&Facts<'_>) -> T,
    ) -> T {
        let client = Client {
            name: "Shop <b>&\r\nco</b>".into(),
            client_id: "c1".into(),
            ..Client::default()
        };
        let user = User {
            email: Some("ana@example.com".into()),
            name: Some("Ana".into()),
            ..User::default()
        };
        check(&Facts {
            tenant: "bank-dev",
            client: &client,
            user: &user,
            link: "https://bank.example/bc-verify?consent=cns_1&x=1",
            binding_message: message,
            expires_ms: 1_768_473_300_000,
            language,
        })
    }

    #[test]
    fn the_mail_has_the_code_the_link_and_the_end_in_both_parts_and_languages() {
        for language in [Language::English, Language::German] {
            with(language, Some("TX-4711"), |facts| {
                let mail = EmailTemplate::default().email(facts);
                let html = mail.html.expect("HTML");
                for part in [&mail.text, &html] {
                    assert!(part.contains("TX-4711"), "{part}");
                    assert!(part.contains("2026-01-15 10:35 UTC"), "{part}");
                }
                assert!(mail.text.contains(facts.link));
                assert!(
                    html.contains("href=\"https://bank.example/bc-verify?consent=cns_1&amp;x=1\"")
                );
                assert!(html.contains(&format!("lang=\"{}\"", language.tag())));
                assert!(!html.contains("<b>") && html.contains("&lt;b&gt;"));
                let subject = mail.subject.expect("subject");
                assert!(!subject.contains(['\r', '\n']), "{subject:?}");
            });
        }
    }

    #[test]
    fn without_a_binding_message_no_code_is_spoken_of() {
        with(Language::English, None, |facts| {
            let mail = EmailTemplate::default().email(facts);
            assert!(!mail.text.contains("code") && !sms(facts).text.contains("code"));
        });
    }

    #[test]
    fn a_template_of_an_administrator_is_filled_and_its_values_are_escaped() {
        with(Language::English, Some("a&b"), |facts| {
            let template = EmailTemplate {
                from: Some("Bank <no-reply@bank.example>".into()),
                subject: Some("{{application.name}} / {{ user.name }}{{ nothing }}".into()),
                body: Some(
                    "<a href=\"{{ url | escape }}\">{{ binding_message }}</a> {{ user.email }} {{ open"
                        .into(),
                ),
                ..EmailTemplate::default()
            };
            let mail = template.email(facts);
            assert_eq!(mail.subject.as_deref(), Some("Shop <b>&  co</b> / Ana"));
            assert_eq!(
                mail.html.as_deref(),
                Some(
                    "<a href=\"https://bank.example/bc-verify?consent=cns_1&amp;x=1\">a&amp;b</a> ana@example.com {{ open"
                )
            );
        });
        assert!(understood("{{ url }}") && !understood("{% if x %}"));
    }

    #[test]
    fn an_sms_is_one_line_with_the_link_and_the_code() {
        with(Language::German, Some("TX-4711"), |facts| {
            assert_eq!(
                sms(facts).text,
                "Shop <b>&  co</b> bittet um Ihre Freigabe: https://bank.example/bc-verify?consent=cns_1&x=1 Vorgangscode: TX-4711"
            );
        });
    }

    #[test]
    fn what_hides_or_turns_text_around_is_named_in_every_part() {
        let message = "Pay\u{202e}1234\u{200b}\u{2028}x\u{85}y\u{feff}";
        with(Language::English, Some(message), |facts| {
            let mail = EmailTemplate {
                body: Some("{{ binding_message }}".into()),
                ..EmailTemplate::default()
            };
            let worded = mail.email(facts).html.expect("HTML");
            let mail = EmailTemplate::default().email(facts);
            let html = mail.html.expect("HTML");
            for part in [&sms(facts).text, &mail.text, &html, &worded] {
                assert!(part.contains("Pay⟨RLO⟩1234⟨ZWSP⟩⟨LS⟩x"), "{part}");
                let hidden = |c: char| {
                    matches!(
                        c,
                        '\u{80}'..='\u{9f}' | '\u{200b}' | '\u{2028}' | '\u{202e}' | '\u{feff}'
                    )
                };
                assert!(!part.contains(hidden), "{part:?}");
            }
        });
    }

    #[test]
    fn in_an_sms_the_link_comes_before_the_words_of_the_client() {
        with(
            Language::English,
            Some("https://evil.example/login"),
            |facts| {
                let text = sms(facts).text;
                let place = |part: &str| text.find(part).expect(part);
                assert!(place(facts.link) < place("https://evil.example"), "{text}");
            },
        );
    }

    #[test]
    fn browsers_weigh_their_languages() {
        for (header, expected) in [
            ("de-DE,de;q=0.9,en;q=0.8", Some(Language::German)),
            ("fr, de;q=0.3, en;q=0.7", Some(Language::English)),
            ("de;q=0, en;q=0.1", Some(Language::English)),
            ("fr", None),
            ("*", None),
            (";;,q=", None),
        ] {
            assert_eq!(Language::accepted(header), expected, "{header}");
        }
    }

    #[test]
    fn the_first_language_that_there_are_words_for_is_taken() {
        for (tags, expected) in [
            (Some("fr de-AT en"), Some(Language::German)),
            (Some("en-GB de"), Some(Language::English)),
            (Some("DE_de"), Some(Language::German)),
            (Some("fr"), None),
            (Some(""), None),
            (None, None),
        ] {
            assert_eq!(Language::wanted(tags), expected, "{tags:?}");
        }
    }
}
