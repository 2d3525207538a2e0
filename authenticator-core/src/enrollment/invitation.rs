//! What a QR code, link or typed ticket says.
//!
//! Only the credential is used. Everything else in it is a hint at most: it can choose among servers that are trusted
//! already, and it can change no setting.

use crate::error::{Error, ErrorCode, Result};

const LONGEST: usize = 4096;
const LONGEST_TICKET: usize = 512;
const CREDENTIAL: &str = "enrollment_tx_id";
/// Tickets of the management API; a web page turns them into a QR code.
const MANAGEMENT_TICKET: &str = "gten_";
const MANAGEMENT_PAGE: &str = "/guardian/enroll";

/// A usable invitation. Texts are as received and untrusted.
#[derive(Clone)]
pub(crate) struct Invitation {
    /// Enrolment credential, safe to put into a header.
    pub ticket: String,
    /// Server the invitation names: only good for choosing among confirmed ones.
    pub server_hint: Option<String>,
    /// Display defaults from the label.
    pub issuer: Option<String>,
    pub account: Option<String>,
}

/// Every kind of text that is not an invitation has its own error.
pub(crate) fn parse(text: &str) -> Result<Invitation> {
    let text = text.trim();
    if text.is_empty() {
        return Err(malformed("the code is empty"));
    }
    if text.len() > LONGEST {
        return Err(malformed("the code is longer than 4096 bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err(malformed("the code holds control characters"));
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return bare_ticket(text);
    };
    match scheme.to_ascii_lowercase().as_str() {
        "otpauth" => otpauth(rest),
        "https" => link(rest),
        "http" => Err(other(
            "this is a web address without https, not an enrolment code",
        )),
        "otpauth-migration" => Err(other(
            "this is an export of another authenticator app, not an enrolment code",
        )),
        "wifi" => Err(other("this is the QR code of a Wi-Fi network")),
        "fido" => Err(other("this is the QR code of a passkey sign-in")),
        "mailto" | "tel" | "sms" | "smsto" | "geo" | "mecard" | "begin" => Err(other(
            "this QR code holds an address, a contact or an event, not an enrolment code",
        )),
        scheme if is_scheme(scheme) => Err(other("this QR code is for another app")),
        _ => Err(malformed("this is no enrolment code, link or ticket")),
    }
}

/// RFC 3986 §3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

fn bare_ticket(text: &str) -> Result<Invitation> {
    if text.contains(&format!("ticket={MANAGEMENT_TICKET}")) {
        return Err(open_page());
    }
    if text.contains(&format!("{CREDENTIAL}=")) {
        return Err(malformed("this is a part of a link; copy all of it"));
    }
    Ok(Invitation {
        ticket: ticket(text.to_owned())?,
        server_hint: None,
        issuer: None,
        account: None,
    })
}

/// `rest` follows `otpauth:`.
fn otpauth(rest: &str) -> Result<Invitation> {
    let address = Address::split(rest)?;
    match address.authority.to_ascii_lowercase().as_str() {
        "totp" => {}
        "hotp" => {
            return Err(other(
                "this is a counter-based one-time-code QR, which this app does not support",
            ));
        }
        _ => return Err(malformed("the otpauth code is of an unknown kind")),
    }
    let query = Query::read(address.query)?;
    let Some(credential) = query.value(CREDENTIAL)? else {
        return Err(other(
            "this is a one-time-code QR for an authenticator app, not an enrolment code for push requests",
        ));
    };
    let (issuer, account) = read_label(address.path.trim_start_matches('/'));
    Ok(Invitation {
        ticket: ticket(credential)?,
        server_hint: query.value("base_url")?.filter(|hint| !hint.is_empty()),
        issuer: issuer.or_else(|| query.value("issuer").ok().flatten().and_then(non_empty)),
        account,
    })
}

/// An enrolment link: any host may show it, and is then the server hint. `rest` follows `https:`.
fn link(rest: &str) -> Result<Invitation> {
    let address = Address::split(rest)?;
    let query = Query::read(address.query)?;
    let page = address
        .path
        .trim_end_matches('/')
        .ends_with(MANAGEMENT_PAGE);
    if page || query.has_prefix("ticket", MANAGEMENT_TICKET) {
        return Err(open_page());
    }
    let Some(credential) = query.value(CREDENTIAL)? else {
        return Err(other("this is a web address, not an enrolment link"));
    };
    let host = address.authority;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b);
    if host.is_empty() || !host.bytes().all(is_plain) {
        return Err(malformed("the enrolment link has no usable host"));
    }
    Ok(Invitation {
        ticket: ticket(credential)?,
        server_hint: Some(format!("https://{}", host.to_ascii_lowercase())),
        issuer: None,
        account: None,
    })
}

/// The value goes into a header between quotes, so this check is also the guard against a forged header.
fn ticket(value: String) -> Result<String> {
    if value.is_empty() {
        return Err(malformed("the enrolment credential is empty"));
    }
    if value.starts_with(MANAGEMENT_TICKET) {
        return Err(open_page());
    }
    if value.len() > LONGEST_TICKET {
        return Err(malformed(
            "the enrolment credential is longer than 512 characters",
        ));
    }
    if !value
        .bytes()
        .all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
    {
        return Err(malformed(
            "the enrolment credential holds characters that cannot be sent",
        ));
    }
    Ok(value)
}

/// `issuer`, or `issuer:account`; the colon may be encoded. Only for display, so an unreadable label is no error.
fn read_label(label: &str) -> (Option<String>, Option<String>) {
    let (issuer, account) = match label.split_once(':') {
        Some((issuer, account)) => (decode(issuer), decode(account)),
        None => match decode(label) {
            Some(text) => match text.split_once(':') {
                Some((issuer, account)) => (Some(issuer.to_owned()), Some(account.to_owned())),
                None => (Some(text), None),
            },
            None => (None, None),
        },
    };
    (issuer.and_then(non_empty), account.and_then(non_empty))
}

fn non_empty(text: String) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// What follows the scheme, in the parts of RFC 3986 §3. A fragment is dropped.
struct Address<'a> {
    authority: &'a str,
    path: &'a str,
    query: &'a str,
}

impl<'a> Address<'a> {
    fn split(rest: &'a str) -> Result<Address<'a>> {
        let rest = rest
            .strip_prefix("//")
            .ok_or_else(|| malformed("the code lacks // behind its scheme"))?;
        let rest = rest.split('#').next().unwrap_or_default();
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path_at = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(path_at);
        Ok(Address {
            authority,
            path,
            query,
        })
    }
}

/// Decoded names with values that are decoded when they are asked for: values of unknown members do not matter.
struct Query<'a>(Vec<(String, &'a str)>);

impl<'a> Query<'a> {
    fn read(query: &'a str) -> Result<Query<'a>> {
        query
            .split('&')
            .filter(|member| !member.is_empty())
            .map(|member| {
                let (name, value) = member.split_once('=').unwrap_or((member, ""));
                let name = decode(name).ok_or_else(encoding)?;
                Ok((name, value))
            })
            .collect::<Result<Vec<_>>>()
            .map(Query)
    }

    /// The same value twice is one value; two values are an error.
    fn value(&self, name: &str) -> Result<Option<String>> {
        let mut found: Option<String> = None;
        for (_, value) in self.0.iter().filter(|(other, _)| other == name) {
            let value = decode(value).ok_or_else(encoding)?;
            if found.as_ref().is_some_and(|first| *first != value) {
                return Err(malformed(
                    "the code says the same thing twice in different ways",
                ));
            }
            found = Some(value);
        }
        Ok(found)
    }

    fn has_prefix(&self, name: &str, prefix: &str) -> bool {
        self.0
            .iter()
            .filter(|(other, _)| other == name)
            .any(|(_, value)| decode(value).is_some_and(|value| value.starts_with(prefix)))
    }
}

/// RFC 3986 §2.1, strict: two hexadecimal digits behind each `%`, valid UTF-8, no control characters. `+` is a plus.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (high, low) = (char::from(rest.next()?), char::from(rest.next()?));
        let value = high.to_digit(16)? * 16 + low.to_digit(16)?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|text| !text.chars().any(char::is_control))
}

fn malformed(what: &'static str) -> Error {
    Error::new(ErrorCode::InvitationMalformed, what)
}

fn other(what: &'static str) -> Error {
    Error::new(ErrorCode::InvitationOther, what)
}

fn encoding() -> Error {
    malformed("the code has a broken percent-encoding")
}

fn open_page() -> Error {
    Error::new(
        ErrorCode::InvitationOpenPage,
        "this is a link to an enrolment page: open it in a browser first, then scan the code that it shows",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn members_that_would_turn_off_tls_checks_have_no_effect() {
        let plain = parse("otpauth://totp/B?enrollment_tx_id=abc").unwrap();
        for member in ["sslverify=0", "sslverify=false", "ignoreSslCerts=true"] {
            let text = format!("otpauth://totp/B?{member}&enrollment_tx_id=abc");
            let invitation = parse(&text).unwrap();
            assert_eq!(invitation.ticket, plain.ticket, "{member}");
            assert_eq!(invitation.server_hint, None, "{member}");
        }
    }

    #[test]
    fn too_long_texts_are_refused_before_they_are_read() {
        let longest = "a".repeat(512);
        assert_eq!(parse(&longest).unwrap().ticket, longest);
        for length in [513, 4096, 4097, 1_000_000] {
            let error = parse(&"a".repeat(length)).err().unwrap();
            assert_eq!(error.code(), ErrorCode::InvitationMalformed, "{length}");
            assert!(error.message().contains("longer"), "{length}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_a_ticket_that_fits_into_a_header_or_an_error(text in prop_oneof![
            any::<String>(),
            "(otpauth|https|OTPAUTH|wifi|http):(//)?(totp|hotp|h\\.example)?/?[a-z:%0-9A-F]{0,12}\\?(enrollment_tx_id=[ -~]{0,20}&?){0,2}(base_url=[ -~]{0,20})?",
        ]) {
            if let Ok(invitation) = parse(&text) {
                let ticket = invitation.ticket;
                prop_assert!((1..=512).contains(&ticket.len()));
                prop_assert!(ticket.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\'));
                prop_assert!(!ticket.starts_with("gten_"));
            }
        }
    }
}
