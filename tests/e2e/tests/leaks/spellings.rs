//! How a secret may be written.

use base64::Engine;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

/// Name and bytes of each spelling.
pub(crate) fn of(secret: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![
        ("raw".to_owned(), secret.to_vec()),
        ("hex".to_owned(), hex(secret).into_bytes()),
        ("HEX".to_owned(), hex(secret).to_uppercase().into_bytes()),
        ("numbers".to_owned(), numbers(secret).into_bytes()),
    ];
    for (name, alphabet) in [
        ("base64", alphabet::STANDARD),
        ("base64url", alphabet::URL_SAFE),
    ] {
        // Alone, or anywhere inside a longer text that was encoded as a whole.
        for shift in 0..3 {
            all.push((format!("{name}+{shift}"), encoded(&alphabet, secret, shift)));
        }
    }
    if let Ok(text) = std::str::from_utf8(secret) {
        let json = serde_json::Value::from(text).to_string();
        all.push(("JSON".to_owned(), json[1..json.len() - 1].into()));
        let escaped = json[1..json.len() - 1]
            .replace('\\', r"\\")
            .replace('"', r#"\""#);
        all.push(("JSON in JSON".to_owned(), escaped.into()));
        let debug = format!("{text:?}");
        all.push(("debug".to_owned(), debug[1..debug.len() - 1].into()));
        all.push(("percent".to_owned(), percent(text).into_bytes()));
        let wide = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        all.push(("UTF-16".to_owned(), wide));
    }
    all.dedup_by(|one, other| one.1 == other.1);
    all
}

/// Whether `needle` is in `bytes`.
pub(crate) fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(bytes, needle).is_some()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As a list of bytes is printed, without its ends.
fn numbers(bytes: &[u8]) -> String {
    let list = format!("{bytes:?}");
    list[1..list.len() - 1].to_owned()
}

/// The characters that depend on the secret alone when `shift` bytes stand before it.
fn encoded(alphabet: &alphabet::Alphabet, secret: &[u8], shift: usize) -> Vec<u8> {
    let engine = GeneralPurpose::new(
        alphabet,
        GeneralPurposeConfig::new().with_encode_padding(false),
    );
    let text = engine
        .encode([vec![0; shift], secret.to_vec()].concat())
        .into_bytes();
    let bits = (shift + secret.len()) * 8;
    text[(shift * 8).div_ceil(6)..bits / 6].to_vec()
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[test]
fn a_secret_is_recognised_in_every_spelling() {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let secret = "tok\"en/ü~?>";
    let bytes = secret.as_bytes();
    let found =
        |text: &[u8]| -> bool { of(bytes).iter().any(|(_, needle)| contains(text, needle)) };
    for before in ["", "a", "ab", "abc"] {
        let longer = format!("{before}{secret} and more");
        assert!(found(longer.as_bytes()));
        assert!(found(STANDARD.encode(&longer).as_bytes()), "{before}");
        assert!(
            found(URL_SAFE_NO_PAD.encode(&longer).as_bytes()),
            "{before}"
        );
        assert!(found(
            serde_json::json!({ "a": longer }).to_string().as_bytes()
        ));
        let twice = serde_json::json!({ "a": serde_json::json!([longer]).to_string() });
        assert!(found(twice.to_string().as_bytes()));
        assert!(found(format!("{longer:?}").as_bytes()));
        assert!(found(format!("{:?}", longer.as_bytes()).as_bytes()));
        assert!(found(hex(longer.as_bytes()).as_bytes()));
    }
    assert!(!found(b"tok"));
}
