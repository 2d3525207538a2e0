//! Consent → display model → digests: what a person sees, and what the signed answer commits to.
//!
//! The way through: [`render`] walks the body with the [`template`]s, [`rows`] words each value, [`text`] makes odd
//! characters visible, [`amount`], [`locale`] and [`url`] format, [`catalogue`] has the words, [`digest`] freezes the page.
//! All of it is pure. The rules come from RFC 9396 (details), RFC 8785 (canonical form) and UTS 39 (deceptive text).

mod amount;
mod catalogue;
mod digest;
mod fetch;
mod locale;
mod marks;
mod render;
mod review;
mod rows;
mod template;
mod text;
mod url;

#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod vectors;

#[cfg(feature = "testing")]
pub(crate) use amount::amount as read_amount;
pub(crate) use amount::compare;
pub use marks::{Mark, MarkCode, Severity};
pub(crate) use marks::{blocked_because, confirmation, mark};
pub(crate) use render::render;
pub(crate) use template::Templates;
pub use text::ShownText;
#[cfg(feature = "testing")]
pub(crate) use text::harden;
pub(crate) use text::harden_label;

use crate::json::Value;

/// Version of the rendering rules; changes whenever the same input gives another model.
pub const RENDERER: &str = "authenticator-core/1";

/// Whose account is asked.
#[derive(Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
pub struct Account {
    /// Name of the issuer, cleaned.
    pub issuer: String,
    /// Label of the user, cleaned.
    pub user: String,
}

/// A value with its meaning, for screens that lay amounts and dates out by themselves. `ReviewRow::text` is always enough.
#[derive(Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
pub enum RowValue {
    /// Free text.
    Text,
    /// Money: exact decimal text and currency code.
    Amount {
        /// As received, e.g. `249.00`.
        decimal: String,
        /// ISO 4217 code as received, cleaned.
        currency: String,
    },
    /// A number.
    Number {
        /// Exact decimal text.
        decimal: String,
    },
    /// A date or time.
    Date {
        /// As received.
        date: String,
    },
    /// A bank account or the like.
    Account {
        /// `iban`, `bban`, …
        scheme: String,
        /// Value without grouping.
        value: String,
    },
    /// An address on the web; the host decides.
    Url {
        /// Host, with punycode where it matters.
        host: String,
        /// Everything after it.
        rest: String,
    },
    /// Yes or no.
    Boolean {
        /// Which of them.
        yes: bool,
    },
    /// Several values, printed one a line.
    Lines {
        /// The values, in order.
        lines: Vec<String>,
    },
}

/// One labelled line of a review.
#[derive(Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
pub struct ReviewRow {
    /// Catalogue key such as `amount`; empty when the label is the member's own name.
    pub label_key: String,
    /// Words in the review's language, or the member's own name, hardened.
    pub label: String,
    /// Meaning of the value.
    pub value: RowValue,
    /// What to print and what a screen reader speaks.
    pub text: String,
    /// The whole text where `text` was cut.
    pub full_text: Option<String>,
    /// The whole label where `label` was cut.
    pub full_label: Option<String>,
    /// Extra explanation by the sender, hardened.
    pub help: Option<String>,
    /// The whole explanation where `help` was cut.
    pub full_help: Option<String>,
    /// Depth in nested details, 0 for the top.
    pub indent: u8,
    /// What is odd about it.
    pub marks: Vec<Mark>,
    /// JSON pointers into the received body (an amount row has two: value and currency).
    pub sources: Vec<String>,
}

/// A group of rows.
#[derive(Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
pub struct ReviewSection {
    /// Heading in the review's language.
    pub title: String,
    /// `type` of the authorization detail, hardened; `request`, `origin` or `technical` for the core's own sections.
    pub kind: String,
    /// Its lines, in order.
    pub rows: Vec<ReviewRow>,
}

/// What a person must do before approving.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Approval {
    /// One tap (and the prompt, where one is configured).
    Allowed,
    /// Type this first.
    NeedsConfirmation {
        /// What to ask for.
        confirmation: Confirmation,
    },
    /// Deny only; the sentence says why.
    Blocked {
        /// The mark that blocks.
        reason: MarkCode,
        /// Sentence in the review's language.
        text: String,
    },
}

/// A typed confirmation, checked by the core.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Confirmation {
    /// The whole-unit digits of the amount, e.g. `249`.
    AmountDigits {
        /// The prompt in the review's language.
        prompt: String,
    },
    /// This two-digit number.
    Number {
        /// The number to type.
        number: String,
        /// The prompt in the review's language.
        prompt: String,
    },
}

/// Exactly what a person is about to allow. Frozen: its digest covers everything printable in it.
#[derive(Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
pub struct Review {
    /// Which challenge.
    pub challenge: crate::challenge::ChallengeId,
    /// Which account.
    pub enrollment: crate::enrollment::EnrollmentId,
    /// Names of the account.
    pub account: Account,
    /// One sentence made of the details.
    pub headline: String,
    /// The requester's words, to be compared with the other screen.
    pub binding_message: Option<ShownText>,
    /// Details, then request, then origin.
    pub sections: Vec<ReviewSection>,
    /// What is odd about the request as a whole.
    pub marks: Vec<Mark>,
    /// What approval needs.
    pub approval: Approval,
    /// Unix milliseconds.
    pub expires_at: i64,
    /// The `shown` digest; hand it back to `approve`.
    pub digest: String,
    /// BCP 47 tag of its language.
    pub locale: String,
}

/// Language and zone of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Display {
    /// BCP 47 tag, e.g. `de-DE`.
    pub locale: String,
    /// IANA name, e.g. `Europe/Berlin`.
    pub zone: String,
    /// Offset of that zone from UTC now, in minutes, −1080 to 1080; printed behind every time.
    pub utc_offset_minutes: i32,
}

/// What becomes of types that no template knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum UnknownTypes {
    /// Shown by the generic rule, with a mark.
    #[default]
    Show,
    /// Deny only.
    Block,
}

/// What the details turned out to be.
pub(crate) enum Details<'a> {
    /// The consent body as received.
    Body(&'a Value),
    /// There is no linking id.
    None,
    /// 404 for an id that does not promise details, or allowed by configuration.
    Missing,
    /// Could not be fetched, or is not readable; deny only. The code is the mark that says why.
    Unavailable(MarkCode),
}

/// All that `shown` depends on, and nothing else.
pub(crate) struct RenderInput<'a> {
    pub server: &'a str,
    pub enrollment: &'a str,
    pub user: &'a str,
    pub challenge: &'a str,
    /// `d` as pushed.
    pub requested_at_text: &'a str,
    /// Unix milliseconds.
    pub requested_at: i64,
    pub source: Option<&'a Value>,
    pub location: Option<&'a Value>,
    pub details: Details<'a>,
    pub account: &'a Account,
    pub display: &'a Display,
    pub unknown_types: UnknownTypes,
}

/// The frozen result.
#[derive(Clone)]
pub(crate) struct Rendered {
    pub headline: String,
    pub binding_message: Option<ShownText>,
    pub sections: Vec<ReviewSection>,
    /// Marks that follow from the input alone.
    pub marks: Vec<Mark>,
    /// First reason that blocks, if any.
    pub blocked: Option<MarkCode>,
    /// Digests and documents; `None` when the input has no canonical form (then `blocked` is set).
    pub digests: Option<Digests>,
    /// What was shown, for the history, where there are no digests.
    pub unsigned: Option<String>,
    /// Facts that requester memory and confirmations work with.
    pub facts: Facts,
}

#[derive(Clone)]
pub(crate) struct Digests {
    /// base64url SHA-256.
    pub source: String,
    pub shown: String,
    /// RFC 8785 text of the `shown` object, kept by the history.
    pub shown_document: String,
    pub templates: String,
    /// As it stands in `shown`.
    pub zone: String,
}

#[derive(Clone, Default)]
pub(crate) struct Facts {
    pub audience: Option<String>,
    /// Exact decimals with their currencies, in order of appearance.
    pub amounts: Vec<(String, String)>,
    pub detail_count: usize,
    /// Names of required members that are not there, or do not fit.
    pub missing: Vec<String>,
}

/// What was sent or shown is payload: it never reaches a log by way of `{:?}`. Only its shape does.
mod redacted {
    use std::fmt::{Debug, Formatter, Result};

    use super::{Account, Review, ReviewRow, ReviewSection, RowValue, ShownText};

    impl Debug for ShownText {
        fn fmt(&self, f: &mut Formatter<'_>) -> Result {
            f.debug_struct("Text")
                .field("marks", &self.marks)
                .finish_non_exhaustive()
        }
    }

    impl Debug for Account {
        fn fmt(&self, f: &mut Formatter<'_>) -> Result {
            f.debug_struct("Account").finish_non_exhaustive()
        }
    }

    impl Debug for RowValue {
        fn fmt(&self, f: &mut Formatter<'_>) -> Result {
            f.write_str(match self {
                RowValue::Text => "Text",
                RowValue::Amount { .. } => "Amount",
                RowValue::Number { .. } => "Number",
                RowValue::Date { .. } => "Date",
                RowValue::Account { .. } => "Account",
                RowValue::Url { .. } => "Url",
                RowValue::Boolean { .. } => "Boolean",
                RowValue::Lines { .. } => "Lines",
            })
        }
    }

    impl Debug for ReviewRow {
        fn fmt(&self, f: &mut Formatter<'_>) -> Result {
            f.debug_struct("Row")
                .field("label_key", &self.label_key)
                .field("value", &self.value)
                .field("marks", &self.marks)
                .finish_non_exhaustive()
        }
    }

    impl Debug for ReviewSection {
        fn fmt(&self, f: &mut Formatter<'_>) -> Result {
            f.debug_struct("Section")
                .field("rows", &self.rows)
                .finish_non_exhaustive()
        }
    }

    impl Debug for Review {
        fn fmt(&self, f: &mut Formatter<'_>) -> Result {
            f.debug_struct("Review")
                .field("challenge", &self.challenge)
                .field("enrollment", &self.enrollment)
                .field("marks", &self.marks)
                .field("digest", &self.digest)
                .field("expires_at", &self.expires_at)
                .finish_non_exhaustive()
        }
    }
}
