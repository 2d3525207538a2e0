//! The shared vectors (RFC 4226 appendix D, RFC 6238 appendix B), and properties.

use proptest::prelude::*;

use super::*;

#[test]
fn every_case_of_the_shared_vectors_gives_its_code_or_its_error() {
    let file: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/vectors/totp.json")).expect("JSON");
    let cases = file["cases"].as_array().expect("cases");
    assert!(cases.len() > 50);
    for case in cases {
        let name = &case["name"];
        let input = &case["input"];
        let totp = Totp::new(
            input["secret"].as_str().expect("secret"),
            input["algorithm"].as_str().expect("algorithm"),
            input["digits"].as_i64().expect("digits"),
            input["period"].as_i64().expect("period"),
        );
        match (totp, case["error"].as_str()) {
            (Ok(totp), None) => {
                let code = totp.at(input["unix_ms"].as_i64().expect("unix_ms"));
                let expected = &case["expected"];
                assert_eq!(
                    Some(code.code.expose().as_str()),
                    expected["code"].as_str(),
                    "{name}"
                );
                assert_eq!(
                    Some(i64::from(code.seconds_left)),
                    expected["seconds_left"].as_i64(),
                    "{name}"
                );
                assert_eq!(code.period, totp.period);
            }
            (Err(e), Some(error)) => {
                assert_eq!(e.code().as_str(), error, "{name}");
                let member = case["member"].as_str().expect("member");
                assert!(e.message().starts_with(member), "{name}: {e}");
            }
            _ => panic!("{name}: accepted or refused against the vector"),
        }
    }
}

#[test]
fn a_code_is_not_printed() {
    let totp = Totp::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "sha1", 6, 30).expect("valid");
    let printed = format!("{:?}", totp.at(59_000));
    assert!(!printed.contains("287082"), "{printed}");
    assert!(printed.contains("seconds_left: 1"), "{printed}");
}

#[test]
fn an_error_does_not_repeat_the_secret() {
    let error = Totp::new("GEZDGNBVGY3TQOJ1", "sha1", 6, 30)
        .err()
        .expect("refused");
    assert!(!error.to_string().contains("GEZDGNBV"));
}

/// The plain reading of RFC 4648 §6, to compare with.
fn encode(bytes: &[u8]) -> String {
    let bit = |i: usize| bytes.get(i / 8).map_or(0, |b| b >> (7 - i % 8) & 1);
    (0..(bytes.len() * 8).div_ceil(5))
        .map(|i| (0..5).fold(0, |n, j| n << 1 | bit(i * 5 + j)))
        .map(|digit| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(digit)]))
        .collect()
}

proptest! {
    #[test]
    fn base32_decodes_what_was_encoded(bytes in prop::collection::vec(any::<u8>(), 0..140)) {
        let text = encode(&bytes);
        prop_assert_eq!(base32(&text).map(|s| s.expose().clone()), Some(bytes.clone()));
        let typed = text.to_lowercase().chars().map(|c| format!("{c}- ")).collect::<String>() + "====";
        prop_assert_eq!(base32(&typed).map(|s| s.expose().clone()), Some(bytes));
    }

    #[test]
    fn parameters_never_panic(
        secret in any::<String>(),
        algorithm in "(?i)sha(1|256|512)|.{0,8}",
        digits in any::<i64>(),
        period in any::<i64>(),
    ) {
        let _ = Totp::new(&secret, &algorithm, digits, period);
    }

    #[test]
    fn a_code_has_its_digits_at_any_time(
        secret in prop::collection::vec(any::<u8>(), 1..=128),
        digits in 6i64..=8,
        period in 1i64..=3600,
        now in any::<i64>(),
    ) {
        let totp = Totp::new(&encode(&secret), "SHA512", digits, period).expect("valid");
        let code = totp.at(now);
        prop_assert_eq!(code.code.expose().len() as i64, digits);
        prop_assert!((1..=totp.period).contains(&code.seconds_left));
    }
}
