//! How numbers, dates and times are written in a locale. Small on purpose: the five languages of the catalogue,
//! and the regions that write numbers differently from their language.

use super::Display;
use super::catalogue::{Words, language, region};

/// Grouping and decimal mark. Facts from CLDR 46.
pub(crate) struct NumberStyle {
    pub decimal: String,
    pub group: String,
    /// Fewest whole digits that are grouped at all (Spanish writes 1234 but 12.345).
    pub group_from: usize,
    /// India groups by two beyond the thousands.
    lakh: bool,
}

impl NumberStyle {
    pub(crate) fn of(locale: &str) -> NumberStyle {
        let words = Words::of(locale);
        let (language, region) = (language(locale), region(locale));
        let mut style = NumberStyle {
            decimal: words.get("decimal").to_owned(),
            group: words.get("group").to_owned(),
            group_from: if language == "es" { 5 } else { 4 },
            lakh: false,
        };
        match (language.as_str(), region.as_deref()) {
            ("de", Some("CH" | "LI")) => {
                style.decimal = ".".into();
                style.group = "’".into();
            }
            (
                "es",
                Some("419" | "DO" | "GT" | "HN" | "MX" | "NI" | "PA" | "PE" | "PR" | "SV" | "US"),
            ) => {
                style.decimal = ".".into();
                style.group = ",".into();
                style.group_from = 4;
            }
            ("en", Some("IN")) => style.lakh = true,
            ("en", Some("ZA")) => {
                style.decimal = ",".into();
                style.group = "\u{a0}".into();
            }
            _ => {}
        }
        style
    }

    /// Whether a group ends where `left` whole digits are still to come.
    pub(crate) fn breaks_before(&self, left: usize) -> bool {
        if self.lakh && left > 3 {
            (left - 3).is_multiple_of(2)
        } else {
            left.is_multiple_of(3)
        }
    }
}

/// The zone member of the `shown` object: offset and name in the manner of RFC 9557, so that the same member
/// always gives the same printed times.
pub(crate) fn zone(display: &Display) -> String {
    let offset = match display.utc_offset_minutes {
        0 => "Z".to_owned(),
        minutes => offset(minutes),
    };
    format!("{offset}[{}]", display.zone)
}

fn offset(minutes: i32) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.unsigned_abs();
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// A moment in the zone of the display, e.g. `15 Jan 2026, 11:30 (UTC+01:00)`. Seconds where there are any and `seconds` asks.
pub(crate) fn moment(unix_ms: i64, display: &Display, words: &Words, seconds: bool) -> String {
    let local = unix_ms
        .div_euclid(1000)
        .saturating_add(i64::from(display.utc_offset_minutes) * 60);
    let (day, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let mut time = format!("{:02}:{:02}", second / 3600, second / 60 % 60);
    if seconds && second % 60 != 0 {
        time.push_str(&format!(":{:02}", second % 60));
    }
    let (year, month, day) = civil(day);
    words.fill(
        "date_time",
        &[
            ("date", &date(year, month, day, words)),
            ("time", &time),
            (
                "offset",
                &format!("UTC{}", offset(display.utc_offset_minutes)),
            ),
        ],
    )
}

fn date(year: i64, month: i64, day: i64, words: &Words) -> String {
    words.fill(
        "date",
        &[
            ("day", &day.to_string()),
            ("month", words.get(&format!("month.{month}"))),
            ("year", &year.to_string()),
        ],
    )
}

/// A date (`2026-01-15`) or date and time (RFC 3339) of the details for the screen; `None`: neither, or finer than a second.
pub(crate) fn date_text(text: &str, display: &Display, words: &Words) -> Option<String> {
    let day_part = text.get(..10)?;
    let (year, month, day) = read_day(day_part)?;
    let rest = &text[10..];
    if rest.is_empty() {
        return Some(date(year, month, day, words));
    }
    let time = rest.strip_prefix(['T', 't'])?;
    let (clock, zone) = (time.get(..8)?, time.get(8..)?);
    let zone = match zone.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches('0'),
        None => zone,
    };
    let [hour, minute, second] = numbers(clock, ':')?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let shift = if matches!(zone, "Z" | "z") {
        0
    } else {
        let sign = match zone.get(..1)? {
            "+" => 1,
            "-" => -1,
            _ => return None,
        };
        let [hours, minutes] = numbers(zone.get(1..)?, ':')?;
        if hours > 23 || minutes > 59 {
            return None;
        }
        sign * (hours * 60 + minutes)
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - shift * 60;
    Some(moment(seconds * 1000, display, words, true))
}

fn read_day(text: &str) -> Option<(i64, i64, i64)> {
    let year = text.get(..4)?;
    let [month, day] = numbers(text.get(5..)?, '-')?;
    if text.as_bytes()[4] != b'-' || !year.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let year = year.parse().ok()?;
    let valid = (1..=12).contains(&month) && civil(days(year, month, day)) == (year, month, day);
    valid.then_some((year, month, day))
}

/// Exactly `N` two-digit numbers between separators.
fn numbers<const N: usize>(text: &str, separator: char) -> Option<[i64; N]> {
    let mut out = [0; N];
    let mut parts = text.split(separator);
    for slot in &mut out {
        let part = parts.next()?;
        if part.len() != 2 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *slot = part.parse().ok()?;
    }
    parts.next().is_none().then_some(out)
}

/// Days since 1 January 1970 of a date of the proleptic Gregorian calendar (the year starts in March, so the leap day is last).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month < 3 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a day number; the inverse of [`days`].
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = (shifted + 2) % 12 + 1;
    let year = era * 400 + year + i64::from(month < 3);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn display(locale: &str, minutes: i32) -> Display {
        Display {
            locale: locale.into(),
            zone: "Europe/Berlin".into(),
            utc_offset_minutes: minutes,
        }
    }

    #[test]
    fn a_moment_is_printed_with_its_offset() {
        let at = 1_768_473_000_000;
        let show =
            |locale: &str, minutes| moment(at, &display(locale, minutes), Words::of(locale), false);
        assert_eq!(show("en-GB", 60), "15 Jan 2026, 11:30 (UTC+01:00)");
        assert_eq!(show("en-GB", 0), "15 Jan 2026, 10:30 (UTC+00:00)");
        assert_eq!(show("de-DE", -210), "15. Jan. 2026, 07:00 (UTC-03:30)");
        assert_eq!(show("ja-JP", 540), "2026年1月15日 19:30（UTC+09:00）");
    }

    #[test]
    fn the_zone_names_its_offset() {
        assert_eq!(zone(&display("en", 60)), "+01:00[Europe/Berlin]");
        let utc = Display {
            zone: "UTC".into(),
            ..display("en", 0)
        };
        assert_eq!(zone(&utc), "Z[UTC]");
    }

    #[test]
    fn dates_of_the_details_are_read_strictly() {
        let read = |text: &str| date_text(text, &display("en", 60), Words::of("en"));
        assert_eq!(read("2026-02-28").as_deref(), Some("28 Feb 2026"));
        assert_eq!(
            read("2026-01-15T10:30:00.000Z").as_deref(),
            Some("15 Jan 2026, 11:30 (UTC+01:00)")
        );
        assert_eq!(
            read("2026-01-15T23:30:05-01:00").as_deref(),
            Some("16 Jan 2026, 01:30:05 (UTC+01:00)")
        );
        for wrong in [
            "2026-02-30",
            "2026-13-01",
            "2026-1-05",
            "15.01.2026",
            "2026-01-15T10:30:00.5Z",
            "2026-01-15T24:00:00Z",
            "2026-01-15T10:30:00",
            "2026-01-15 10:30:00Z",
            "２０２６-01-15",
            "",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn day_numbers_and_dates_are_inverse(day in -800_000i64..3_000_000) {
            let (year, month, date) = civil(day);
            prop_assert_eq!(days(year, month, date), day);
        }

        #[test]
        fn arbitrary_text_is_a_date_or_not(text in ".{0,40}") {
            let _ = date_text(&text, &display("en", 60), Words::of("en"));
        }
    }
}
