//! Properties of one-time codes.

use proptest::prelude::*;

use super::*;

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
