//! Hardening: vectors, properties, and the generator of the Unicode tables.

use std::fmt::Write;

use proptest::prelude::*;
use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;

use super::tables::{LOOKS_ASCII, MARKS, contains};
use super::*;

fn is_ascii_double(c: char) -> bool {
    let double: String = skeleton(c.encode_utf8(&mut [0; 4])).collect();
    let letters = !double.is_empty() && double.bytes().all(|byte| byte.is_ascii_alphanumeric());
    !c.is_ascii() && c.is_alphanumeric() && letters
}

#[test]
fn the_tables_agree_with_the_unicode_crates() {
    for c in '\0'..=char::MAX {
        assert_eq!(
            contains(MARKS, c),
            is_combining_mark(c),
            "{:04X}",
            u32::from(c)
        );
        assert_eq!(
            contains(LOOKS_ASCII, c),
            is_ascii_double(c),
            "{:04X}",
            u32::from(c)
        );
    }
}

#[test]
#[ignore = "writes src/consent/text/tables.rs: cargo test -p authenticator-core regenerate_unicode_tables -- --ignored"]
fn regenerate_unicode_tables() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/consent/text/tables.rs");
    let file = std::fs::read_to_string(path).unwrap();
    let (head, _) = file.split_once("// Generated from here on.").unwrap();
    let mut out = format!("{head}// Generated from here on.\n");
    table(
        &mut out,
        "MARKS",
        "General category M: combining marks.",
        is_combining_mark,
    );
    table(
        &mut out,
        "LOOKS_ASCII",
        "Letters and digits beyond ASCII whose UTS 39 skeleton is ASCII letters and digits.",
        is_ascii_double,
    );
    std::fs::write(path, out).unwrap();
}

fn table(out: &mut String, name: &str, about: &str, holds: fn(char) -> bool) {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for code in ('\0'..=char::MAX).filter(|c| holds(*c)).map(u32::from) {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == code => *last = code,
            _ => ranges.push((code, code)),
        }
    }
    write!(
        out,
        "\n/// {about}\n#[rustfmt::skip]\npub(super) const {name}: &[(u32, u32)] = &["
    )
    .unwrap();
    for (index, (first, last)) in ranges.iter().enumerate() {
        let lead = if index % 7 == 0 { "\n    " } else { " " };
        write!(out, "{lead}({first:#x}, {last:#x}),").unwrap();
    }
    out.push_str("\n];\n");
}

#[test]
fn a_sentence_is_safe_around_words_that_run_from_right_to_left() {
    assert_eq!(embedded("Hanna"), "Hanna");
    assert_eq!(embedded("חנה"), "\u{2068}חנה\u{2069}");
}

/// Text made of what matters here: odd characters next to ordinary ones.
fn odd_text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        " ",
        "  ",
        "a",
        "pay",
        "а",
        "ра",
        "é",
        "\u{301}",
        "\u{301}\u{301}\u{301}",
        "\u{202e}",
        "\u{2068}",
        "\u{2069}",
        "\u{200b}",
        "\u{200d}",
        "\u{fe0f}",
        "👩",
        "1\u{fe0f}\u{20e3}",
        "\u{3000}",
        "株",
        "\u{a0}",
        "\r\n",
        "\n",
        "\0",
        "\u{7f}",
        "\u{e0041}",
        "\u{e000}",
        "\u{2800}",
        "⟨RLO⟩",
        "␣",
        "… (+ 9 characters)",
        "x\u{34f}",
    ]);
    let piece = prop_oneof![4 => odd.prop_map(str::to_owned), 1 => any::<String>()];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn hardening_twice_is_hardening_once(text in odd_text()) {
        for harden in [harden, harden_label] {
            let once = harden(&text);
            prop_assert_eq!(&harden(&once.shown).shown, &once.shown);
        }
    }

    #[test]
    fn nothing_invisible_survives(text in odd_text()) {
        let found = harden(&text);
        let inner = without_isolate(&found.shown).0;
        prop_assert!(!inner.chars().any(|c| c.is_control() || is_direction(c)), "{:?}", inner);
        for c in ['\u{200b}', '\u{34f}', '\u{e0041}', '\u{a0}', '\u{feff}', '\u{e000}'] {
            prop_assert!(!inner.contains(c));
        }
        prop_assert!(!inner.starts_with(' ') && !inner.ends_with(' ') && !inner.contains("  "));
    }

    #[test]
    fn what_was_changed_is_marked(text in odd_text()) {
        let found = harden(&text);
        prop_assert!(found.shown == text || !found.marks.is_empty());
    }

    #[test]
    fn limits_are_kept(text in odd_text(), times in 1usize..30) {
        let text = text.repeat(times);
        let length = |text: &ShownText| without_isolate(&text.shown).0.chars().count();
        prop_assert!(length(&harden(&text)) <= VALUE);
        let label = harden_label(&text);
        prop_assert!(length(&label) <= LABEL);
        prop_assert_eq!(label.full.is_some(), label.marks.contains(&MarkCode::Shortened));
    }
}
