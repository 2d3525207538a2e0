//! The pages behind a link: pure functions from what is known to HTML. No script, no style but the sheet, all text
//! escaped.

use authenticator_core::{
    Approval, Confirmation, Mark, MarkCode, Review, ReviewRow, ReviewSection, RowValue, Severity,
    ShownText,
};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::STYLE;
use super::words::{Ending, Words};
use crate::console::text;
use crate::messages::Language;

/// What every form sends back.
#[derive(Clone, Copy)]
pub(super) struct Form<'a> {
    /// Path that it is sent to.
    pub(super) path: &'a str,
    /// What stands in front of it.
    pub(super) prefix: &'a str,
    /// Name and value of the link's key.
    pub(super) key: (&'a str, &'a str),
    pub(super) form_token: &'a str,
    /// Languages that the link itself asked for.
    pub(super) ui_locales: Option<&'a str>,
}

/// The surroundings of a page.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) language: Language,
    pub(super) tenant: &'a str,
}

impl Frame<'_> {
    fn words(&self) -> &'static Words {
        Words::of(self.language)
    }

    /// A page of one small card.
    fn small(&self, title: &str, content: Markup) -> Markup {
        self.html(title, html! {}, content, "small")
    }

    fn html(&self, title: &str, account: Markup, content: Markup, size: &str) -> Markup {
        html! {
            (DOCTYPE)
            html lang=(self.language.tag()) {
                head {
                    meta charset="utf-8";
                    title { (title) " · " (text::plain(self.tenant)) }
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    link rel="icon" href=(ICON);
                    link rel="stylesheet" href=(STYLE);
                }
                body.(size) {
                    header.top {
                        div.brand { (PreEscaped(MARK)) span { (text::visible(self.tenant)) } }
                        (account)
                    }
                    main { (content) }
                }
            }
        }
    }
}

/// Asks who sits there, and tells nothing of the request.
pub(super) fn login(frame: Frame<'_>, form: Form<'_>, failed: bool) -> Markup {
    let words = frame.words();
    let content = html! {
        section.card {
            h1 { (words.sign_in) }
            p.quiet { (words.sign_in_why) }
            @if failed { p.alert role="alert" id="wrong" { (words.wrong_login) } }
            form method="post" action={ (form.prefix) (form.path) } {
                (hidden(form))
                input type="hidden" name="action" value="login";
                div.field {
                    label for="username" { (words.user_name) }
                    input id="username" name="username" type="text" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="255" aria-describedby=[failed.then_some("wrong")];
                }
                div.field {
                    label for="password" { (words.password) }
                    input id="password" name="password" type="password" autocomplete="current-password" required maxlength="1024" aria-describedby=[failed.then_some("wrong")];
                }
                button.primary.wide { (words.sign_in) }
            }
        }
    };
    frame.small(words.sign_in, content)
}

/// A request as its person sees it.
pub(super) struct Asked<'a> {
    pub(super) client: &'a str,
    pub(super) account: &'a str,
    /// `None` where the core could not be asked: then only a no is possible.
    pub(super) review: Option<&'a Review>,
    /// Only a phone's signature approves: then only a no is possible too.
    pub(super) phone_only: bool,
    /// Why the page is shown again.
    pub(super) notice: Option<Notice>,
    /// `2026-01-15 10:35 UTC`.
    pub(super) until: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    Changed,
    NotConfirmed,
}

pub(super) fn consent(frame: Frame<'_>, form: Form<'_>, asked: &Asked<'_>) -> Markup {
    let words = frame.words();
    let title = asked
        .review
        .map_or(words.cannot_show, |review| review.headline.as_str());
    let content = html! {
        section.card {
            p.asks { strong { (text::visible(asked.client)) } " " (words.asks) }
            @match asked.review {
                Some(review) => (request(words, review)),
                None => h1 { (words.cannot_show) },
            }
            form.decide method="post" action={ (form.prefix) (form.path) } {
                (hidden(form))
                @if let Some(review) = asked.review { input type="hidden" name="digest" value=(review.digest); }
                @match asked.notice {
                    Some(Notice::Changed) => p.alert role="alert" { (words.changed) },
                    Some(Notice::NotConfirmed) => p.alert role="alert" { (words.not_confirmed) },
                    None => {},
                }
                (needed(words, asked))
                p.quiet.until { (words.until) " " (asked.until) }
            }
        }
    };
    frame.html(title, account(words, form, asked.account), content, "large")
}

/// What approval takes, and the buttons. The first one is what the Enter key presses.
fn needed(words: &Words, asked: &Asked<'_>) -> Markup {
    let deny = html! { button name="action" value="deny" formnovalidate { (words.deny) } };
    let approval = asked.review.map(|review| &review.approval);
    match approval {
        None => html! { div.buttons { (deny) } },
        Some(_) if asked.phone_only => html! {
            p.alert role="alert" { strong { (words.only_deny) } " " (words.phone_only) }
            div.buttons { (deny) }
        },
        Some(Approval::Blocked { text, .. }) => html! {
            p.alert role="alert" { strong { (words.only_deny) } " " (text) }
            div.buttons { (deny) }
        },
        Some(Approval::NeedsConfirmation {
            confirmation:
                Confirmation::AmountDigits { prompt } | Confirmation::Number { prompt, .. },
        }) => html! {
            div.field {
                label for="confirmation" { (prompt) }
                input id="confirmation" name="confirmation" type="text" inputmode="numeric" autocomplete="off" required maxlength="64" aria-invalid=[(asked.notice == Some(Notice::NotConfirmed)).then_some("true")];
            }
            div.buttons { (approve(words)) (deny) }
        },
        Some(Approval::Allowed) => html! { div.buttons { (approve(words)) (deny) } },
    }
}

fn approve(words: &Words) -> Markup {
    html! { button.primary name="action" value="allow" { (words.approve) } }
}

fn account(words: &Words, form: Form<'_>, account: &str) -> Markup {
    html! {
        form.account method="post" action={ (form.prefix) (form.path) } {
            (hidden(form))
            span { span.quiet { (words.signed_in_as) } " " (text::visible(account)) }
            button.slim name="action" value="logout" { (words.sign_out) }
        }
    }
}

/// Everything that the core says is to be shown, in its order.
fn request(words: &Words, review: &Review) -> Markup {
    html! {
        h1 { (review.headline) }
        @if let Some(amount) = large_amount(review) { p.amount aria-hidden="true" { (amount) } }
        @if !review.marks.is_empty() { ul.marks { @for mark in &review.marks { li { (self::mark(words, mark)) } } } }
        @if let Some(message) = &review.binding_message { (binding(words, message)) }
        @for section in &review.sections { (self::section(words, section)) }
    }
}

fn binding(words: &Words, message: &ShownText) -> Markup {
    html! {
        div.binding {
            p.quiet id="binding" { (words.compare) }
            blockquote aria-labelledby="binding" { (message.shown) }
            (whole(words, message.full.as_deref()))
            p.quiet { (words.compare_why) }
        }
    }
}

fn section(words: &Words, section: &ReviewSection) -> Markup {
    let own = matches!(section.kind.as_str(), "request" | "origin" | "technical");
    html! {
        h2.quiet[own] { (section.title) }
        dl.rows { @for row in &section.rows { (self::row(words, row)) } }
    }
}

fn row(words: &Words, row: &ReviewRow) -> Markup {
    // The sheet has a class for each depth: the page carries no style of its own.
    let depth = format!("in{}", row.indent.min(8));
    html! {
        div.(depth) {
            dt { (row.label) (whole(words, row.full_label.as_deref())) }
            dd {
                @match &row.value {
                    RowValue::Lines { lines } if !lines.is_empty() => ul { @for line in lines { li { (line) } } },
                    RowValue::Amount { .. } => strong { (row.text) },
                    _ => span.text { (row.text) },
                }
                (whole(words, row.full_text.as_deref()))
                @if let Some(help) = &row.help { p.quiet { (help) (whole(words, row.full_help.as_deref())) } }
                @for mark in &row.marks { (self::mark(words, mark)) }
            }
        }
    }
}

/// The whole text where the core cut it, one tap away.
fn whole(words: &Words, text: Option<&str>) -> Markup {
    html! {
        @if let Some(text) = text { details { summary { (words.whole_text) } p.text { (text) } } }
    }
}

/// Colour and sign for the eye, a word for those who do not see them.
fn mark(words: &Words, mark: &Mark) -> Markup {
    let (class, sign, word) = match mark.severity {
        Severity::Info => ("info", "i", words.note),
        Severity::Caution => ("caution", "▲", words.caution),
        Severity::Danger => ("danger", "✖", words.danger),
    };
    html! {
        span.mark.(class) data-mark=(mark.code.as_str()) {
            span.sign aria-hidden="true" { (sign) }
            span { span.unseen { (word) " " } (mark.text) }
        }
    }
}

/// The text of the amount, if there is exactly one and nothing is odd about it.
fn large_amount(review: &Review) -> Option<&str> {
    let mut amounts = review
        .sections
        .iter()
        .flat_map(|section| &section.rows)
        .filter(|row| matches!(row.value, RowValue::Amount { .. }));
    let amount = amounts.next()?;
    let several = review
        .marks
        .iter()
        .any(|mark| mark.code == MarkCode::SeveralDetails);
    (amounts.next().is_none() && amount.marks.is_empty() && !several).then_some(&amount.text)
}

/// The end of something; `back` leads to the request again.
pub(super) fn ending(frame: Frame<'_>, ending: Ending, tone: &str, back: Option<&str>) -> Markup {
    let words = frame.words();
    let content = html! {
        section.card.ending {
            p.badge.(tone) aria-hidden="true" { (badge(tone)) }
            h1 { (ending.title) }
            p.quiet { (ending.text) }
            @if let Some(link) = back { p { a.button href=(link) { (words.try_again) } } }
        }
    };
    frame.small(ending.title, content)
}

/// Somebody is signed in, and it is not who was asked. Whom else is not said.
pub(super) fn other_user(frame: Frame<'_>, form: Form<'_>, account_name: &str) -> Markup {
    let words = frame.words();
    let content = html! {
        section.card.ending {
            p.badge.warn aria-hidden="true" { (badge("warn")) }
            h1 { (words.other_user.title) }
            p.quiet { (words.signed_in_as) " " (text::visible(account_name)) }
            p.quiet { (words.other_user.text) }
            form method="post" action={ (form.prefix) (form.path) } {
                (hidden(form))
                button.primary.wide name="action" value="logout" { (words.sign_out_and_retry) }
            }
        }
    };
    frame.small(words.other_user.title, content)
}

fn hidden(form: Form<'_>) -> Markup {
    html! {
        input type="hidden" name=(form.key.0) value=(form.key.1);
        input type="hidden" name="form_token" value=(form.form_token);
        @if let Some(tags) = form.ui_locales { input type="hidden" name="ui_locales" value=(tags); }
    }
}

fn badge(tone: &str) -> &'static str {
    match tone {
        "good" => "✓",
        "bad" => "✕",
        _ => "!",
    }
}

const MARK: &str = r##"<svg viewBox="0 0 26 26" aria-hidden="true"><rect width="26" height="26" rx="7" fill="#4b45d1"/><path d="M7.5 13.4l3.6 3.6 7.4-8" fill="none" stroke="#fff" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round"/></svg>"##;

const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 26 26'%3E%3Crect width='26' height='26' rx='7' fill='%234b45d1'/%3E%3Cpath d='M7.5 13.4l3.6 3.6 7.4-8' fill='none' stroke='%23fff' stroke-width='2.4' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E";
