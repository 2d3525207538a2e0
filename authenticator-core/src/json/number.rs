//! Numbers by their text, and the one text RFC 8785 has for each double.

/// A number by its text, valid by RFC 8259 §6.
#[derive(Clone, PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Number(String);

impl Number {
    /// `text` is a number by RFC 8259 §6: only the reader, which has checked it, calls this.
    pub(super) fn from_checked(text: &str) -> Self {
        Number(text.to_owned())
    }
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
    /// The integer, if it is one without fraction or exponent and fits.
    pub(crate) fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }
    /// The nearest double; infinite where the number is beyond all of them.
    pub(crate) fn as_f64(&self) -> f64 {
        // RFC 8259 numbers are a subset of what `f64` parses.
        self.0.parse().unwrap_or(f64::NAN)
    }
    /// The text RFC 8785 §3.2.2.3 writes; `None` if its decimal value is another than the one that was read.
    pub(super) fn canonical(&self) -> Option<String> {
        let text = ecmascript(self.as_f64())?;
        (Decimal::of(&text) == Decimal::of(&self.0)).then_some(text)
    }
}

impl From<i64> for Number {
    fn from(n: i64) -> Self {
        Number(n.to_string())
    }
}

/// `Number::toString` of ECMA-262, which RFC 8785 §3.2.2.3 prescribes; `None` for NaN and the infinities.
pub(super) fn ecmascript(number: f64) -> Option<String> {
    if !number.is_finite() {
        return None;
    }
    if number == 0.0 {
        return Some("0".to_owned());
    }
    let written = shortest(number.abs());
    let (mantissa, exponent) = written.split_once('e')?;
    let digits = mantissa.replace('.', "");
    let exponent: i32 = exponent.parse().ok()?;

    let sign = if number < 0.0 { "-" } else { "" };
    let count = digits.len() as i32;
    // Digits before the decimal point.
    let point = exponent + 1;
    Some(match point {
        _ if count <= point && point <= 21 => {
            format!("{sign}{digits}{}", "0".repeat((point - count) as usize))
        }
        1..=21 => {
            let (whole, fraction) = digits.split_at(point as usize);
            format!("{sign}{whole}.{fraction}")
        }
        -5..=0 => format!("{sign}0.{}{digits}", "0".repeat(-point as usize)),
        _ => {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            format!("{sign}{first}{dot}{rest}e{exponent:+}")
        }
    })
}

/// `d.ddde±x` with the digits ECMA-262 asks for: as few as read back as the same double, of those the nearest,
/// of two that are equally near the even one.
fn shortest(number: f64) -> String {
    // Rust has all of it but the last rule (1424953923781206.25 becomes …06.3). Rounding to as many digits has
    // that one too, but at a power of two, where doubles below are closer, it can name a neighbour.
    let shortest = format!("{number:e}");
    let digits = shortest.bytes().take_while(|&b| b != b'e');
    let places = digits.filter(u8::is_ascii_digit).count().saturating_sub(1);
    let rounded = format!("{number:.places$e}");
    if rounded.parse() == Ok(number) {
        rounded
    } else {
        shortest
    }
}

/// The exact value of a number's text: `digits` (no zeros at either end) times ten to `exponent`.
#[derive(PartialEq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// `text` is a number by RFC 8259 §6. Zero has one form, whatever its sign and exponent.
    fn of(text: &str) -> Decimal {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));

        let written = format!("{whole}{fraction}");
        let digits = written.trim_matches('0');
        if digits.is_empty() {
            return Decimal {
                negative: false,
                digits: String::new(),
                exponent: 0,
            };
        }
        let trailing_zeros = written.len() - written.trim_end_matches('0').len();
        Decimal {
            negative,
            digits: digits.to_owned(),
            exponent: parse_exponent(exponent)
                .saturating_sub(fraction.len() as i64)
                .saturating_add(trailing_zeros as i64),
        }
    }
}

/// An exponent that does not fit is further out than any double can be: the exact figure then does not matter.
fn parse_exponent(text: &str) -> i64 {
    let furthest = if text.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    text.parse().unwrap_or(furthest)
}
