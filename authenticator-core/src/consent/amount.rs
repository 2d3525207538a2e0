//! Money and numbers as exact decimal text, from the wire to the screen: no binary floating point anywhere.

use std::cmp::Ordering;

use super::MarkCode;
use super::locale::NumberStyle;

/// ISO 4217 list one (SIX maintenance agency, as amended to January 2026), active codes with two minor units.
const TWO: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF \
    CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS \
    INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD \
    NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL \
    THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG";
/// Currencies without minor units.
const ZERO: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
/// Currencies with thousandths.
const THREE: &str = "BHD IQD JOD KWD LYD OMR TND";
/// Accounting units with ten-thousandths.
const FOUR: &str = "CLF UYW";
/// Metals and units of account: ISO 4217 gives no minor unit ("N.A."), so any number of decimals is right.
const OPEN: &str = "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XUA";

/// An amount that could be read, with what is odd about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Amount {
    /// Exact plain decimal: an exponent is expanded, missing minor units are filled.
    pub decimal: String,
    pub marks: Vec<MarkCode>,
}

/// Longest text and largest exponent that are expanded; beyond them an amount is not readable.
const LONGEST: usize = 64;

/// Reads the text of an amount. `None`: not a decimal number, or one of absurd length.
pub(crate) fn amount(text: &str, currency: &str) -> Option<Amount> {
    let decimal = Decimal::read(text)?;
    let mut marks = Vec::new();
    if decimal.exponent_notation {
        marks.push(MarkCode::ExponentAmount);
    }
    let zero = (decimal.whole.bytes().chain(decimal.fraction.bytes())).all(|digit| digit == b'0');
    if decimal.negative {
        marks.push(MarkCode::NegativeAmount);
    }
    if zero {
        marks.push(MarkCode::ZeroAmount);
    }
    if decimal.whole.len() + decimal.fraction.len() > 18 {
        marks.push(MarkCode::LongAmount);
    }
    let mut fraction = decimal.fraction.clone();
    match minor_units(currency) {
        None => marks.push(MarkCode::UnknownCurrency),
        Some(None) => {}
        Some(Some(units)) => {
            if fraction.len() > units {
                marks.push(MarkCode::OddDecimals);
            }
            while fraction.len() < units {
                fraction.push('0');
            }
        }
    }
    let sign = if decimal.negative { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(Amount {
        decimal: format!("{sign}{}{point}{fraction}", decimal.whole),
        marks,
    })
}

/// `None`: no active ISO 4217 code. `Some(None)`: a code without a fixed number of decimals.
fn minor_units(currency: &str) -> Option<Option<usize>> {
    if currency.len() != 3 {
        return None;
    }
    let within = |list: &str| list.split_ascii_whitespace().any(|code| code == currency);
    [
        (TWO, Some(2)),
        (ZERO, Some(0)),
        (THREE, Some(3)),
        (FOUR, Some(4)),
        (OPEN, None),
    ]
    .into_iter()
    .find(|(list, _)| within(list))
    .map(|(_, units)| units)
}

/// Compares two plain decimals as [`amount`] writes them, exactly.
pub(crate) fn compare(left: &str, right: &str) -> Ordering {
    match (left.strip_prefix('-'), right.strip_prefix('-')) {
        (None, None) => compare_unsigned(left, right),
        (Some(left), Some(right)) => compare_unsigned(right, left),
        (Some(left), None) => compare_unsigned("0", left).then(compare_unsigned("0", right)),
        (None, Some(right)) => compare_unsigned(left, "0").then(compare_unsigned(right, "0")),
    }
}

fn compare_unsigned(left: &str, right: &str) -> Ordering {
    let parts = |text: &str| {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        (
            whole.trim_start_matches('0').to_owned(),
            fraction.trim_end_matches('0').to_owned(),
        )
    };
    let ((left, left_fraction), (right, right_fraction)) = (parts(left), parts(right));
    (left.len().cmp(&right.len()))
        .then_with(|| left.cmp(&right))
        .then_with(|| left_fraction.cmp(&right_fraction))
}

/// Writes a plain decimal in the manner of a locale, with groups.
pub(crate) fn grouped(decimal: &str, style: &NumberStyle) -> String {
    let (sign, digits) = match decimal.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", decimal),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut out = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        let left = whole.len() - index;
        if index > 0 && whole.len() >= style.group_from && style.breaks_before(left) {
            out.push_str(&style.group);
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push_str(&style.decimal);
        out.push_str(fraction);
    }
    out
}

/// Writes a number that is no money: as received, with the decimal mark of the locale and no groups,
/// because it may be a year or an account number.
pub(crate) fn plain(number: &str, style: &NumberStyle) -> String {
    number.replacen('.', &style.decimal, 1)
}

struct Decimal {
    negative: bool,
    whole: String,
    fraction: String,
    exponent_notation: bool,
}

impl Decimal {
    /// RFC 8259 §6 grammar, for numbers and for numbers in text alike: no plus sign, no leading zeros, ASCII digits.
    fn read(text: &str) -> Option<Decimal> {
        if text.len() > LONGEST {
            return None;
        }
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (digits, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) if is_digits(fraction) => (whole, fraction),
            Some(_) => return None,
            None => (mantissa, ""),
        };
        if !is_digits(whole) || (whole.len() > 1 && whole.starts_with('0')) {
            return None;
        }
        let shift = match exponent {
            None => 0,
            Some(text) => {
                let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
                if !is_digits(digits) {
                    return None;
                }
                let shift: i64 = text.strip_prefix('+').unwrap_or(text).parse().ok()?;
                if shift.unsigned_abs() > LONGEST as u64 {
                    return None;
                }
                shift
            }
        };
        let (whole, fraction) = shifted(whole, fraction, shift);
        Some(Decimal {
            negative,
            whole,
            fraction,
            exponent_notation: exponent.is_some(),
        })
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Moves the decimal point `shift` places to the right.
fn shifted(whole: &str, fraction: &str, shift: i64) -> (String, String) {
    if shift == 0 {
        return (whole.to_owned(), fraction.to_owned());
    }
    let mut digits = format!("{whole}{fraction}");
    let mut point = whole.len() as i64 + shift;
    while point < 1 {
        digits.insert(0, '0');
        point += 1;
    }
    let point = point as usize;
    while digits.len() < point {
        digits.push('0');
    }
    let (whole, fraction) = digits.split_at(point);
    let trimmed = whole.trim_start_matches('0');
    let whole = if trimmed.is_empty() { "0" } else { trimmed };
    (whole.to_owned(), fraction.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_compared_by_value() {
        let rising = [
            "-10",
            "-9.50",
            "-0.01",
            "0",
            "0.005",
            "0.01",
            "1",
            "1.5",
            "2.00",
            "10",
            "100000000000000000000.01",
        ];
        for (i, left) in rising.iter().enumerate() {
            for (j, right) in rising.iter().enumerate() {
                assert_eq!(compare(left, right), i.cmp(&j), "{left} {right}");
            }
        }
        for (left, right) in [("2.00", "2"), ("-0", "0"), ("0.10", "0.1"), ("-0.00", "0")] {
            assert_eq!(compare(left, right), Ordering::Equal, "{left} {right}");
        }
    }
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_digit_is_lost_or_added_before_the_minor_units(whole in "0|[1-9][0-9]{0,20}", fraction in "[0-9]{0,6}") {
            let text = if fraction.is_empty() { whole.clone() } else { format!("{whole}.{fraction}") };
            let found = amount(&text, "EUR").unwrap();
            let padded = format!("{whole}.{fraction:0<2}");
            prop_assert_eq!(&found.decimal, &padded);
            let shown = grouped(&found.decimal, &NumberStyle::of("de"));
            let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
            prop_assert_eq!(digits, padded.replace('.', ""));
        }

        #[test]
        fn arbitrary_text_is_read_or_refused(text in ".{0,80}") {
            let _ = amount(&text, "EUR");
        }

        #[test]
        fn an_exponent_moves_the_point_exactly(whole in 1u32..100_000, shift in -8i64..8) {
            let found = amount(&format!("{whole}e{shift}"), "XAU").unwrap();
            let scaled = if shift >= 0 {
                (u128::from(whole) * 10u128.pow(shift as u32)).to_string()
            } else {
                let scale = 10u128.pow((-shift) as u32);
                let width = (-shift) as usize;
                format!("{}.{:0width$}", u128::from(whole) / scale, u128::from(whole) % scale)
            };
            prop_assert_eq!(found.decimal, scaled);
            prop_assert!(found.marks.contains(&MarkCode::ExponentAmount));
        }
    }
}
