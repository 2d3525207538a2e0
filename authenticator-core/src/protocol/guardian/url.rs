//! Server addresses: the API base as configured, the consent address that follows from it, ids as path segments.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::error::{Error, ErrorCode, Result};

/// Path segment under which tenant hosts and custom domains serve the API.
const API: &str = "appliance-mfa";
const LONGEST: usize = 2048;
const LONGEST_ID: usize = 512;

/// The API base of a configured address, in the one spelling that is sent, signed and compared.
pub(super) fn base(address: &str, allow_loopback_cleartext: bool) -> Result<String> {
    let mut address = Address::parse(address, allow_loopback_cleartext)?;
    if !address.is_guardian_host() && !address.segments.iter().any(|s| s == API) {
        address.segments.push(API.to_owned());
    }
    let text = address.text();
    // What is stored is read again for every consent.
    if text.len() > LONGEST {
        return Err(wrong("is longer than 2048 bytes"));
    }
    Ok(text)
}

/// Whether two addresses mean one tenant: its own host and its Guardian host serve the same consents.
pub(super) fn same_server(base_url: &str, address: &str) -> bool {
    let tenant = |text: &str| consents(&base(text, true).ok()?).ok();
    tenant(base_url).is_some_and(|known| tenant(address).is_some_and(|other| known == other))
}

/// Where the consent with this id is read. `base` is what [`base`] returned when the server was configured.
pub(super) fn consent(base: &str, id: &str) -> Result<String> {
    let id = segment(id).ok_or_else(|| {
        Error::new(
            ErrorCode::PushMalformed,
            "txlnkid cannot be used as a consent id",
        )
    })?;
    Ok(format!("{}/{id}", consents(base)?))
}

/// The collection of consents. It lives on the tenant's own host, beside the API.
pub(super) fn consents(base: &str) -> Result<String> {
    let mut address = Address::parse(base, true)?;
    if address.host.ends_with(".auth0.com") {
        let labels = address.host.split('.').enumerate();
        address.host = labels
            .filter(|(place, label)| *place == 0 || *label != "guardian")
            .map(|(_, label)| label)
            .collect::<Vec<_>>()
            .join(".");
    }
    if let Some(place) = address.segments.iter().position(|s| s == API) {
        address.segments.remove(place);
    }
    address.segments.push("rich-consents".to_owned());
    Ok(address.text())
}

/// An id as exactly one path segment; `None` for an id that no encoding makes one.
///
/// Dots alone cannot be encoded: URL libraries resolve `%2e%2e` like `..`.
pub(super) fn segment(id: &str) -> Option<String> {
    if id.is_empty() || id.len() > LONGEST_ID || id == "." || id == ".." {
        return None;
    }
    let mut encoded = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    Some(encoded)
}

/// An absolute address that every URL library reads the same way, because whatever they differ about is refused.
struct Address {
    scheme: &'static str,
    host: String,
    port: Option<u16>,
    segments: Vec<String>,
}

impl Address {
    fn parse(text: &str, allow_loopback_cleartext: bool) -> Result<Address> {
        let text = text.trim();
        if text.is_empty() {
            return Err(wrong("is empty"));
        }
        if text.len() > LONGEST {
            return Err(wrong("is longer than 2048 bytes"));
        }
        let (scheme, rest) = match text.split_once("://") {
            None => ("https", text),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => ("https", rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => ("http", rest),
            Some(_) => return Err(wrong("must start with https://")),
        };
        if rest.contains('#') {
            return Err(wrong("has a fragment (#…)"));
        }
        if rest.contains('?') {
            return Err(wrong("has a query (?…)"));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err(wrong("has a user name in front of the host"));
        }
        let (host, port) = split_port(authority)?;
        let host = read_host(host)?;
        if scheme == "http" {
            if !is_loopback(&host) {
                return Err(wrong(
                    "uses http, which is possible only to this machine; use https",
                ));
            }
            if !allow_loopback_cleartext {
                return Err(wrong(
                    "uses http, which needs allow_loopback_cleartext in the configuration",
                ));
            }
        }
        let usual_port = if scheme == "https" { 443 } else { 80 };
        Ok(Address {
            scheme,
            host,
            port: port.filter(|port| *port != usual_port),
            segments: read_path(path)?,
        })
    }

    /// `TENANT.guardian.auth0.com` or `TENANT.guardian.REGION.auth0.com`: the API is at the root there.
    fn is_guardian_host(&self) -> bool {
        let labels: Vec<&str> = self.host.split('.').collect();
        matches!(
            labels.as_slice(),
            [_, .., "guardian", "auth0", "com"] | [_, .., "guardian", _, "auth0", "com"]
        )
    }

    fn text(&self) -> String {
        let mut text = format!("{}://{}", self.scheme, self.host);
        if let Some(port) = self.port {
            text.push_str(&format!(":{port}"));
        }
        for segment in &self.segments {
            text.push('/');
            text.push_str(segment);
        }
        text
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>)> {
    let (host, port) = match authority.rfind(']') {
        Some(end) => match authority[end + 1..].strip_prefix(':') {
            Some(port) => (&authority[..=end], Some(port)),
            None => (authority, None),
        },
        None => match authority.split_once(':') {
            Some((_, rest)) if rest.contains(':') => {
                return Err(wrong("has an IPv6 address without [brackets]"));
            }
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let Some(port) = port else {
        return Ok((host, None));
    };
    match port.parse::<u16>() {
        Ok(number) if number > 0 && port.bytes().all(|b| b.is_ascii_digit()) => {
            Ok((host, Some(number)))
        }
        _ => Err(wrong("has a port that is no number from 1 to 65535")),
    }
}

/// Lower case. URL libraries also read forms like `0x7f.1` as addresses; those are refused.
fn read_host(text: &str) -> Result<String> {
    if let Some(inner) = text.strip_prefix('[') {
        let ip: Option<Ipv6Addr> = inner.strip_suffix(']').and_then(|ip| ip.parse().ok());
        return match ip {
            Some(ip) if ip.to_ipv4_mapped().is_none() => Ok(format!("[{ip}]")),
            _ => Err(wrong("has no valid IPv6 address in its brackets")),
        };
    }
    if text.is_empty() {
        return Err(wrong("has no host"));
    }
    if !text.is_ascii() {
        return Err(wrong(
            "has a host with letters outside ASCII; write it in its xn-- form",
        ));
    }
    let host = text.to_ascii_lowercase();
    let label_is_valid = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if host.len() > 253 || !host.split('.').all(label_is_valid) {
        return Err(wrong("has a host that is no valid domain name"));
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|b| b.is_ascii_digit())
        || last
            .strip_prefix("0x")
            .is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    if is_number && host.parse::<Ipv4Addr>().is_err() {
        return Err(wrong("has a host that is no valid IPv4 address"));
    }
    Ok(host)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host == "[::1]"
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Segments of RFC 3986 §3.3 without empty ones and without dot segments, which libraries resolve.
fn read_path(path: &str) -> Result<Vec<String>> {
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let mut segments = Vec::new();
    for segment in path.split('/') {
        let dots = segment.to_ascii_lowercase().replace("%2e", ".");
        if segment.is_empty() || dots == "." || dots == ".." {
            return Err(wrong("has an empty or a dot segment in its path"));
        }
        if !is_path_text(segment) {
            return Err(wrong(
                "has a character in its path that needs percent-encoding",
            ));
        }
        segments.push(segment.to_owned());
    }
    Ok(segments)
}

fn is_path_text(segment: &str) -> bool {
    let mut pieces = segment.split('%');
    let plain = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&b))
    };
    pieces.next().is_some_and(plain)
        && pieces.all(|piece| {
            piece.len() >= 2 && piece.bytes().take(2).all(|b| b.is_ascii_hexdigit()) && plain(piece)
        })
}

fn wrong(what: &str) -> Error {
    Error::new(
        ErrorCode::ServerAddress,
        format!("the server address {what}"),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the HTTP client's URL library makes of a URL is what will be sent.
    fn as_sent(url: &str) -> reqwest::Url {
        reqwest::Url::parse(url).unwrap()
    }

    proptest! {
        #[test]
        fn a_base_is_sent_byte_for_byte_and_never_in_cleartext_abroad(
            address in prop_oneof![
                any::<String>(),
                "(https?://)?[a-zA-Z0-9.@:%/?#\\\\\\[\\] -]{0,40}",
                "https?://(localhost|127\\.0\\.0\\.1|\\[::1\\]|a\\.b|10\\.1|0x7f\\.1)(:[0-9]{0,6})?[/a-z.%0-9]{0,20}",
            ],
            allowed in any::<bool>(),
        ) {
            if let Ok(base) = base(&address, allowed) {
                let url = format!("{base}/api/enroll");
                let sent = as_sent(&url);
                prop_assert_eq!(sent.as_str(), &url);
                let again = super::base(&base, allowed);
                prop_assert_eq!(again.ok(), Some(base.clone()), "not stable");
                if base.starts_with("http:") {
                    prop_assert!(allowed);
                    let host = sent.host_str().unwrap_or_default();
                    prop_assert!(is_loopback(host), "{}", host);
                }
            }
        }

        #[test]
        fn no_consent_id_changes_host_or_path(id in prop_oneof![
            any::<String>(),
            "[./\\\\?#%@:;2eE]{0,8}",
            "cns_[A-Za-z0-9_-]{22}",
        ]) {
            let base = "https://bank.guardian.eu.auth0.com/tenant";
            if let Ok(url) = consent(base, &id) {
                let sent = as_sent(&url);
                prop_assert_eq!(sent.as_str(), &url);
                prop_assert_eq!(sent.host_str(), Some("bank.eu.auth0.com"));
                prop_assert_eq!(sent.query(), None);
                let segments: Vec<_> = sent.path_segments().unwrap().collect();
                prop_assert_eq!(segments.len(), 3);
                prop_assert_eq!(&segments[..2], ["tenant", "rich-consents"].as_slice());
            }
        }
    }
}
