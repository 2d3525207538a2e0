//! Compact JWS: what a key has signed, and what it has not.

use super::key::key;
use crate::jose::{self, Signer, base64url};
use crate::json::{self, Limits, Value};

/// RFC 7515 appendix A.3, by the key of [`key()`].
const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

/// With a zero byte: header and claims, which are signed as they are, and then changed. Without: a token as received.
///
/// A token verifies where the key signed it, its header names the key's algorithm and no critical extension, and both
/// parts are JSON objects; it then says what was signed. One changed character, and it does not verify. A token that the
/// key has not signed does not verify.
pub fn jws(data: &[u8]) -> bool {
    match data.iter().position(|byte| *byte == 0) {
        Some(end) => signed(&data[..end], &data[end + 1..]),
        None => received(data),
    }
}

fn received(data: &[u8]) -> bool {
    let Ok(token) = std::str::from_utf8(data) else {
        return false;
    };
    let verified = jose::verify_compact(key().jwk(), token).is_some();
    // An ECDSA signature has a second form, with n - s: what was signed is what counts.
    let is_known = input_of(token) == input_of(TOKEN);
    assert!(!verified || is_known, "a forged token");
    verified
}

fn input_of(token: &str) -> Option<&str> {
    token.rsplit_once('.').map(|(input, _)| input)
}

fn signed(header: &[u8], claims: &[u8]) -> bool {
    let input = format!("{}.{}", base64url(header), base64url(claims));
    let signature = key()
        .sign(input.as_bytes())
        .expect("the key signs anything");
    let token = format!("{input}.{}", base64url(&signature));
    let object = |bytes: &[u8]| {
        json::read(bytes, Limits::BODY)
            .ok()
            .filter(|value| value.as_object().is_some())
    };
    let (header, claims) = (object(header), object(claims));
    let plain = header.as_ref().is_some_and(|header| {
        header.get("alg").and_then(Value::as_str) == Some("ES256") && header.get("crit").is_none()
    });
    let expected = header.zip(claims).filter(|_| plain);
    let verified = jose::verify_compact(key().jwk(), &token);
    assert!(verified == expected, "verified as something else");
    changed(&token, input.bytes().map(usize::from).sum());
    verified.is_some()
}

fn changed(token: &str, place: usize) {
    let at = place % token.len();
    for other in ["A", "."] {
        let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
        let same = changed == token;
        let verified = jose::verify_compact(key().jwk(), &changed).is_some();
        assert!(same || !verified, "a changed token verifies");
    }
}
