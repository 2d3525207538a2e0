//! Marks: what is odd about a row or a request, how serious it is, and the typed confirmation that follows.

use super::catalogue::Words;
use super::text::harden_name;
use super::{Confirmation, Rendered, RowValue, compare};

/// How serious a mark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Severity {
    /// Good to know.
    Info,
    /// Look twice.
    Caution,
    /// Approval needs a typed confirmation, unless [`crate::GuardPolicy`] says otherwise.
    Danger,
}

macro_rules! marks {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $severity:ident;)*) => {
        /// What is odd about a row or about the request.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
        pub enum MarkCode { $($(#[$doc])* $name,)* }

        impl MarkCode {
            /// Every code there is.
            pub const ALL: &'static [MarkCode] = &[$(MarkCode::$name,)*];
            /// Stable text such as `hidden_direction`.
            pub fn as_str(self) -> &'static str { match self { $(MarkCode::$name => $text,)* } }
            /// How serious it is.
            pub fn severity(self) -> Severity { match self { $(MarkCode::$name => Severity::$severity,)* } }
        }
    };
}

marks! {
    /// Direction controls, made visible.
    HiddenDirection = "hidden_direction", Danger;
    /// Zero-width and other invisible characters, made visible.
    InvisibleCharacters = "invisible_characters", Danger;
    /// Control characters and line breaks, made visible.
    ControlCharacters = "control_characters", Caution;
    /// Letters of several scripts in one word.
    MixedScripts = "mixed_scripts", Caution;
    /// Looks like another word or host name.
    LookAlike = "look_alike", Danger;
    /// Piled-up combining marks, cut.
    StackedMarks = "stacked_marks", Caution;
    /// Cut; the whole text is one tap away.
    Shortened = "shortened", Info;
    /// White space where none is expected, made visible.
    OddSpaces = "odd_spaces", Info;
    /// A type that neither the core nor the app knows.
    UnknownType = "unknown_type", Caution;
    /// A member that the type does not define.
    UnexpectedMember = "unexpected_member", Caution;
    /// The sender asked not to show this.
    HiddenBySender = "hidden_by_sender", Caution;
    /// A negative amount.
    NegativeAmount = "negative_amount", Danger;
    /// An amount of zero.
    ZeroAmount = "zero_amount", Caution;
    /// An amount in exponent notation.
    ExponentAmount = "exponent_amount", Danger;
    /// More than 18 digits.
    LongAmount = "long_amount", Danger;
    /// More decimals than the currency has.
    OddDecimals = "odd_decimals", Danger;
    /// Not an ISO 4217 currency.
    UnknownCurrency = "unknown_currency", Caution;
    /// More than one authorization detail.
    SeveralDetails = "several_details", Info;
    /// A required member is missing or has the wrong type.
    IncompleteDetails = "incomplete_details", Danger;
    /// The same bytes can be read in two ways.
    DuplicateMember = "duplicate_member", Danger;
    /// A number that implementations read differently.
    AmbiguousNumber = "ambiguous_number", Danger;
    /// Beyond the caps; not everything can be shown.
    TooLarge = "too_large", Danger;
    /// Text without a valid encoding.
    InvalidText = "invalid_text", Danger;
    /// The details could not be fetched.
    DetailsUnavailable = "details_unavailable", Danger;
    /// There are no details: the push names none, or the server says that there are none.
    NoDetails = "no_details", Danger;
    /// First request for this API.
    NewAudience = "new_audience", Caution;
    /// More than was ever approved for this API in this currency.
    HighestAmountYet = "highest_amount_yet", Caution;
    /// The same request again.
    RepeatedRequest = "repeated_request", Caution;
    /// Many requests in a short time.
    ManyRequests = "many_requests", Danger;
    /// The device clock differs from the server's.
    ClockOff = "clock_off", Caution;
    /// A request of this kind was reported as fraud before.
    PreviouslyReported = "previously_reported", Danger;
}

/// A mark with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Mark {
    /// Stable code.
    pub code: MarkCode,
    /// How serious.
    pub severity: Severity,
    /// One sentence in the language of the review.
    pub text: String,
}

/// A mark with its words in the language of a locale.
pub(crate) fn mark(code: MarkCode, locale: &str) -> Mark {
    words_for(code, Words::of(locale))
}

pub(super) fn words_for(code: MarkCode, words: &Words) -> Mark {
    Mark {
        code,
        severity: code.severity(),
        text: words.get(&format!("mark.{}", code.as_str())).to_owned(),
    }
}

/// Why a request can only be denied, in the language of a locale: names what is missing where something is.
pub(crate) fn blocked_because(code: MarkCode, missing: &[String], locale: &str) -> String {
    match (code, missing) {
        (MarkCode::IncompleteDetails, [_, ..]) => {
            Words::of(locale).fill("blocked.incomplete", &[("names", &missing.join(", "))])
        }
        _ => mark(code, locale).text,
    }
}

/// What a person has to type before approving where a mark asks for that, and the text that the core then compares with.
/// `seed` stands in for the digest of a review that has none.
pub(crate) fn confirmation(
    rendered: &Rendered,
    seed: &str,
    locale: &str,
) -> (Confirmation, String) {
    let words = Words::of(locale);
    if let Some((units, currency)) = asked_amount(rendered) {
        let currency = harden_name(currency, words).shown;
        let prompt = words.fill("confirm.amount", &[("currency", &currency)]);
        return (Confirmation::AmountDigits { prompt }, units);
    }
    let digest = rendered.digests.as_ref().map_or(seed, |d| &d.shown);
    let number = two_digits(digest);
    let prompt = words.fill("confirm.number", &[("number", &number)]);
    let confirmation = Confirmation::Number {
        number: number.clone(),
        prompt,
    };
    (confirmation, number)
}

/// Whole units and currency of the amount to type: the only one, or the largest of several where it is marked. The
/// requester chooses how many there are and in which order, so a small one never stands for a large one, and `0` for none.
fn asked_amount(rendered: &Rendered) -> Option<(String, &str)> {
    let rows = rendered.sections.iter().flat_map(|section| &section.rows);
    let amounts = rows.filter_map(|row| match &row.value {
        RowValue::Amount { decimal, currency } => {
            let size = decimal.trim_start_matches('-');
            Some((size, currency.as_str(), !row.marks.is_empty()))
        }
        _ => None,
    });
    let several = rendered.facts.amounts.len() > 1;
    let largest = amounts.max_by(|one, other| compare(one.0, other.0).then(one.2.cmp(&other.2)))?;
    let (size, currency, marked) = largest;
    let units = size.split('.').next().unwrap_or(size);
    let tells = (marked || !several) && units.bytes().any(|digit| digit != b'0');
    tells.then(|| (units.to_owned(), currency))
}

/// 10 to 99, from the digest of what is shown: the same review always asks for the same number.
fn two_digits(digest: &str) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, digest.as_bytes());
    let first = hash
        .as_ref()
        .iter()
        .take(4)
        .fold(0u32, |number, byte| number << 8 | u32::from(*byte));
    (first % 90 + 10).to_string()
}
