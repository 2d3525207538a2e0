//! QR text, link or ticket.

use crate::core::dialects;
use crate::enrollment::invitation::{Invitation, parse};
use crate::error::ErrorKind;
use crate::jose::Jwk;
use crate::protocol::{Dialect, EnrollInput, Wire};

/// The one server that is configured.
const SERVER: &str = "https://bank-dev.eu.auth0.com/appliance-mfa";
/// Longest text of an invitation.
const LONGEST: usize = 4096;

/// An invitation survives being written and read again; its ticket makes exactly one header; what it says about a server
/// leads to none but the configured one.
pub fn invitation(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let invitation = match parse(text) {
        Ok(invitation) => invitation,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Invitation, "{error}");
            return false;
        }
    };
    let written = written(&invitation);
    if written.len() <= LONGEST {
        let again = parse(&written).ok();
        assert!(
            again.is_some_and(|again| facts(&again) == facts(&invitation)),
            "an invitation written down reads differently"
        );
    }
    let around = parse(&format!(" {text}\n")).ok();
    assert!(
        around.is_some_and(|again| facts(&again) == facts(&invitation)),
        "space around it matters"
    );
    for (_, dialect) in dialects() {
        one_header(dialect, &invitation.ticket);
        if let Some(hint) = &invitation.server_hint {
            only_the_server(dialect, hint);
        }
    }
    true
}

type Facts<'a> = (&'a str, Option<&'a str>, Option<&'a str>, Option<&'a str>);

fn facts(invitation: &Invitation) -> Facts<'_> {
    (
        &invitation.ticket,
        invitation.server_hint.as_deref(),
        invitation.issuer.as_deref(),
        invitation.account.as_deref(),
    )
}

/// The key URI with the same facts.
fn written(invitation: &Invitation) -> String {
    let encoded = |text: &str| -> String {
        let byte = |byte: u8| match byte.is_ascii_alphanumeric() {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02x}"),
        };
        text.bytes().map(byte).collect()
    };
    let mut text = "otpauth://totp/".to_owned();
    match (&invitation.issuer, &invitation.account) {
        (Some(issuer), account) => {
            text += &encoded(issuer);
            text += ":";
            text += &encoded(account.as_deref().unwrap_or_default());
        }
        (None, Some(account)) => {
            text += ":";
            text += &encoded(account);
        }
        (None, None) => {}
    }
    text += "?enrollment_tx_id=";
    text += &encoded(&invitation.ticket);
    if let Some(hint) = &invitation.server_hint {
        text += "&base_url=";
        text += &encoded(hint);
    }
    text
}

fn one_header(dialect: &dyn Dialect, ticket: &str) {
    let wire = Wire {
        now: 0,
        entropy: &crate::clock::SystemEntropy,
        client: "e30",
        locale: "en",
        signed_modulus: false,
    };
    let input = EnrollInput {
        base_url: SERVER,
        ticket,
        identifier: "id",
        device_name: "phone",
        push: None,
        key: &Jwk::P256 {
            x: [1; 32],
            y: [2; 32],
        },
    };
    let request = dialect
        .enroll_request(&wire, &input)
        .expect("every ticket of an invitation can be sent");
    let carrying: Vec<_> = request
        .headers
        .iter()
        .filter(|header| header.value.contains(ticket))
        .map(|header| header.value.as_str())
        .filter(|value| value.starts_with("Ticket "))
        .collect();
    assert_eq!(carrying, [format!("Ticket id=\"{ticket}\"")]);
    assert!(request.url.starts_with(SERVER), "another host");
}

/// A hint that counts as the configured server has the host of that tenant and no cleartext; every other hint names
/// another server and is refused by whoever asked.
fn only_the_server(dialect: &dyn Dialect, hint: &str) {
    let base = dialect.base_url(hint, false);
    if let Ok(base) = &base {
        assert!(base.starts_with("https://"), "cleartext");
        let again = dialect.base_url(base, false);
        assert!(again.is_ok_and(|again| again == *base), "not one spelling");
    }
    if dialect.same_server(SERVER, hint) {
        let base = base.expect("what is the same server has an address");
        assert!(
            base == SERVER || base == "https://bank-dev.guardian.eu.auth0.com",
            "{base} is another server"
        );
    }
}
