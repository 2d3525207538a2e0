//! Dates on the wire, as Unix milliseconds: RFC 3339 in payloads, RFC 9110 §5.6.7 in headers.

/// `2026-01-15T10:30:00.123Z`, with or without fraction, `Z` or offset.
pub(super) fn rfc3339(text: &str) -> Option<i64> {
    if !text.is_ascii() || text.len() > 64 {
        return None;
    }
    let (date, time) = text.split_once(['T', 't'])?;
    let mut date = date.split('-');
    let (year, month, day) = (date.next()?, date.next()?, date.next()?);
    if date.next().is_some() {
        return None;
    }
    let zone_at = time.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at(zone_at);
    let (time, fraction) = match time.split_once('.') {
        Some((time, fraction)) => (time, milliseconds(fraction)?),
        None => (time, 0),
    };
    let local = unix_ms(digits(year, 4)?, digits(month, 2)?, digits(day, 2)?, time)?;
    Some(local + fraction - offset_ms(zone)?)
}

/// The three forms that RFC 9110 §5.6.7 tells a recipient to read.
pub(crate) fn http_date(text: &str) -> Option<i64> {
    let words: Vec<&str> = text
        .split([' ', ',', '-'])
        .filter(|word| !word.is_empty())
        .collect();
    let (day, month, year, time) = match words.as_slice() {
        [_, day, month, year, time, "GMT"] => (digits(day, 2)?, month, *year, time),
        // asctime: a day below ten has a space in place of the zero.
        [_, month, day, time, year] => {
            let day = digits(day, 2).or_else(|| digits(day, 1))?;
            (day, month, *year, time)
        }
        _ => return None,
    };
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = MONTHS.iter().position(|name| name == month)? as i64 + 1;
    let year = match digits(year, 2) {
        Some(short) if short < 70 => 2000 + short,
        Some(short) => 1900 + short,
        None => digits(year, 4)?,
    };
    unix_ms(year, month, day, time)
}

/// `time` is `HH:MM:SS`. A leap second counts as the second after it.
fn unix_ms(year: i64, month: i64, day: i64, time: &str) -> Option<i64> {
    let mut parts = time.split(':');
    let hour = digits(parts.next()?, 2)?;
    let minute = digits(parts.next()?, 2)?;
    let second = digits(parts.next()?, 2)?;
    let valid = parts.next().is_none()
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    valid.then(|| {
        (((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000
    })
}

fn offset_ms(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000)
}

/// The first three digits of a fraction; the rest is cut.
fn milliseconds(fraction: &str) -> Option<i64> {
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let three: String = fraction.chars().chain("00".chars()).take(3).collect();
    digits(&three, 3)
}

fn digits(text: &str, length: usize) -> Option<i64> {
    if text.len() != length || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar. Years are counted from March, so that the leap day is the last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let from_march_of_year_0 = year * 365 + leap_days + (153 * month + 2) / 5 + day - 1;
    from_march_of_year_0 - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn payload_dates_come_with_fraction_or_offset_or_neither() {
        let expected = 1_768_473_000_000;
        for (text, ms) in [
            ("2026-01-15T10:30:00Z", expected),
            ("2026-01-15T10:30:00.000Z", expected),
            ("2026-01-15t10:30:00.5z", expected + 500),
            ("2026-01-15T10:30:00.123456789Z", expected + 123),
            ("2026-01-15T12:30:00+02:00", expected),
            ("2026-01-15T05:00:00.250-05:30", expected + 250),
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59Z", -1000),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ] {
            assert_eq!(rfc3339(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn impossible_dates_are_refused() {
        for text in [
            "",
            "2026-01-15",
            "2026-01-15 10:30:00Z",
            "2026-01-15T10:30:00",
            "2026-01-15T10:30Z",
            "2026-1-15T10:30:00Z",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2026-00-10T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-15T24:00:00Z",
            "2026-01-15T10:60:00Z",
            "2026-01-15T10:30:61Z",
            "2026-01-15T10:30:00.Z",
            "2026-01-15T10:30:00.1x2Z",
            "2026-01-15T10:30:00Zjunk",
            "2026-01-15T10:30:00+0200",
            "2026-01-15T10:30:00+24:00",
            "+026-01-15T10:30:00Z",
            "1768473000",
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn header_dates_are_read_in_all_three_forms() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(http_date(text), Some(784_111_777_000), "{text}");
        }
        for text in [
            "",
            "soon",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 31 Feb 1994 08:49:37 GMT",
        ] {
            assert_eq!(http_date(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in prop_oneof![any::<String>(), "[0-9TZtz:.+ -]{0,32}"]) {
            let _ = (rfc3339(&text), http_date(&text));
        }

        #[test]
        fn days_follow_each_other(day in -700_000i64..2_000_000) {
            // Walks the calendar: the day after has the next number.
            let mut year = 1970 + day.div_euclid(365).min(day.div_euclid(366)) - 1;
            while days_since_1970(year + 1, 1, 1) <= day { year += 1; }
            let mut month = 1;
            while month < 12 && days_since_1970(year, month + 1, 1) <= day { month += 1; }
            let left = day - days_since_1970(year, month, 1);
            prop_assert!((0..days_in(year, month)).contains(&left), "{year}-{month}+{left}");
        }
    }
}
