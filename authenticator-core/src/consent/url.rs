//! Web addresses for the screen: the host first, because the host decides; look-alike hosts also as punycode.

use super::text::is_deceptive;

/// An address split for reading. `None` from [`Address::read`] means: print it as any other text.
pub(super) struct Address {
    /// Host, followed by its punycode form in brackets where it has letters beyond ASCII.
    pub host: String,
    /// Everything after the host.
    pub rest: String,
    /// What the screen prints.
    pub text: String,
    /// The host imitates another, or something before it does.
    pub deceptive: bool,
}

/// Longest label and longest host of DNS (RFC 1035 §2.3.4): whatever is longer leads nowhere, and is not worth encoding.
const LABEL: usize = 63;
const HOST: usize = 253;

impl Address {
    /// Reads `http` and `https` addresses. A backslash ends the host as browsers have it (WHATWG URL §4.4).
    pub(super) fn read(text: &str) -> Option<Address> {
        let (scheme, after) = text.split_once("://")?;
        let secure = scheme.eq_ignore_ascii_case("https");
        if !secure && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let end = after.find(['/', '?', '#', '\\']).unwrap_or(after.len());
        let (authority, path) = after.split_at(end);
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let (name, port) = split_port(place);
        if name.is_empty() {
            return None;
        }
        let long = is_too_long(name);
        let deceptive = user.is_some()
            || long
            || name.split('.').any(is_deceptive)
            || name.contains(|c: char| c.is_ascii() && !is_host_byte(c));
        let ascii = if long { None } else { ascii_host(name) };
        let host = match ascii {
            Some(ascii) if ascii != name => format!("{name} ({ascii})"),
            _ => name.to_owned(),
        };
        let rest = format!("{port}{path}");
        // https without a user is what everybody expects and needs no words; anything else is shown as received, too.
        let text = match (secure, user) {
            (true, None) if host == name => format!("{host}{rest}"),
            _ => format!("{host} – {text}"),
        };
        Some(Address {
            host,
            rest,
            text,
            deceptive,
        })
    }
}

fn is_too_long(host: &str) -> bool {
    let long = |text: &str, limit| text.chars().nth(limit).is_some();
    long(host, HOST) || host.split('.').any(|label| long(label, LABEL))
}

/// Splits `:8443` off; the brackets of an IPv6 address keep their colons.
fn split_port(place: &str) -> (&str, &str) {
    match place.rfind(':') {
        Some(colon) if !place[colon..].contains(']') => place.split_at(colon),
        _ => (place, ""),
    }
}

fn is_host_byte(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '[' | ']' | ':')
}

/// The host as DNS sees it: labels with letters beyond ASCII in punycode (RFC 3492). `None` where a label cannot be written so.
fn ascii_host(host: &str) -> Option<String> {
    let labels = host.split('.').map(|label| {
        if label.is_ascii() {
            return Some(label.to_owned());
        }
        let lower: Vec<char> = label.chars().flat_map(char::to_lowercase).collect();
        punycode(&lower).map(|code| format!("xn--{code}"))
    });
    Some(labels.collect::<Option<Vec<_>>>()?.join("."))
}

/// RFC 3492 §6.3, with the parameters of §5.
fn punycode(input: &[char]) -> Option<String> {
    let mut out: String = input.iter().filter(|c| c.is_ascii()).collect();
    let basic = out.len() as u32;
    if basic > 0 {
        out.push('-');
    }
    let total = u32::try_from(input.len()).ok()?;
    let (mut n, mut delta, mut bias, mut done) = (128u32, 0u32, 72u32, basic);
    while done < total {
        let next = input
            .iter()
            .map(|c| u32::from(*c))
            .filter(|c| *c >= n)
            .min()?;
        delta = delta.checked_add((next - n).checked_mul(done + 1)?)?;
        n = next;
        for c in input.iter().map(|c| u32::from(*c)) {
            if c < n {
                delta = delta.checked_add(1)?;
            }
            if c == n {
                push_delta(&mut out, delta, bias);
                bias = adapt(delta, done + 1, done == basic);
                delta = 0;
                done += 1;
            }
        }
        delta = delta.checked_add(1)?;
        n += 1;
    }
    Some(out)
}

fn push_delta(out: &mut String, delta: u32, bias: u32) {
    let mut rest = delta;
    for k in (36u32..).step_by(36) {
        let threshold = k.saturating_sub(bias).clamp(1, 26);
        if rest < threshold {
            break;
        }
        out.push(digit(threshold + (rest - threshold) % (36 - threshold)));
        rest = (rest - threshold) / (36 - threshold);
    }
    out.push(digit(rest));
}

fn digit(value: u32) -> char {
    let value = (value % 36) as u8;
    char::from(if value < 26 {
        b'a' + value
    } else {
        b'0' + value - 26
    })
}

fn adapt(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn published_punycode_samples_come_out() {
        // RFC 3492 §7.1, samples (A), (B), (L) and (S) among them.
        for (text, code) in [
            ("ليهمابتكلموشعربي؟", "egbpdaj6bu4bxfgehfvwxn"),
            ("他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"),
            ("3年b組金八先生", "3b-ww4c5e180e575a65lsy2b"),
            ("-> $1.00 <-", "-> $1.00 <--"),
            ("münchen", "mnchen-3ya"),
        ] {
            let text: Vec<char> = text.chars().collect();
            assert_eq!(punycode(&text).as_deref(), Some(code));
        }
    }

    #[test]
    fn the_host_comes_first() {
        let text = |address: &str| Address::read(address).map(|found| found.text);
        assert_eq!(
            text("https://api.bank.example/pay?x=1").as_deref(),
            Some("api.bank.example/pay?x=1")
        );
        assert_eq!(
            text("HTTPS://bank.example:8443/").as_deref(),
            Some("bank.example:8443/")
        );
        assert_eq!(
            text("http://bank.example/").as_deref(),
            Some("bank.example – http://bank.example/")
        );
        assert_eq!(text("https://[::1]:80/a").as_deref(), Some("[::1]:80/a"));
        assert_eq!(text("ftp://bank.example/"), None);
        assert_eq!(text("https:///x"), None);
        assert_eq!(text("urn:bank"), None);
    }

    #[test]
    fn what_stands_before_the_host_deceives_nobody() {
        let address = Address::read("https://bank.example@evil.example/").unwrap();
        assert_eq!(address.host, "evil.example");
        assert!(address.deceptive);
        assert!(address.text.starts_with("evil.example – "));
        let address = Address::read("https://evil.example\\@bank.example/").unwrap();
        assert_eq!(address.host, "evil.example");
        let address = Address::read("https://evil%2eexample/").unwrap();
        assert!(address.deceptive);
    }

    #[test]
    fn a_look_alike_host_is_shown_as_punycode_too() {
        let address = Address::read("https://аррӏе.com/id").unwrap();
        assert_eq!(address.host, "аррӏе.com (xn--80ak6aa92e.com)");
        assert!(address.deceptive);
        let address = Address::read("https://münchen.example/").unwrap();
        assert_eq!(address.host, "münchen.example (xn--mnchen-3ya.example)");
        assert!(!address.deceptive);
    }

    #[test]
    fn hosts_beyond_the_limits_of_dns_are_marked_and_not_encoded() {
        for host in [
            "\u{4e00}".repeat(64),
            "\u{4e00}.".repeat(127),
            "a".repeat(64),
        ] {
            let address = Address::read(&format!("https://{host}/x")).unwrap();
            assert_eq!(address.host, host);
            assert!(address.deceptive);
        }
        let longest = ["a"; 63].concat();
        assert!(
            !Address::read(&format!("https://{longest}.example/"))
                .unwrap()
                .deceptive
        );
        // Quadratic work would take minutes here.
        let huge: String = (0..80_000u32)
            .filter_map(|n| char::from_u32(0x4e00 + n % 20_000))
            .collect();
        assert!(
            Address::read(&format!("https://{huge}/"))
                .unwrap()
                .deceptive
        );
    }

    proptest! {
        #[test]
        fn arbitrary_addresses_are_split_without_loss(host in "[a-zа-я0-9.@:\\[\\]\\\\-]{1,20}", path in ".{0,20}") {
            let text = format!("https://{host}{path}");
            if let Some(address) = Address::read(&text) {
                prop_assert!(address.text.ends_with(&address.rest));
                let host = address.host.split(" (").next().unwrap_or_default();
                let tail = [host, &address.rest].concat();
                prop_assert!(text.contains(&tail));
            }
        }
    }
}
