//! Hardening: vectors, properties, and the generator of the Unicode tables.

use std::fmt::Write;
use std::sync::LazyLock;

use proptest::prelude::*;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};
use unicode_security::confusable_detection::skeleton;

use super::tables::{IGNORABLE, LOOKS_ASCII, MARKS, OVERLAYS, contains};
use super::*;

fn is_ascii_double(c: char) -> bool {
    let double: String = skeleton(c.encode_utf8(&mut [0; 4])).collect();
    let letters = !double.is_empty() && double.bytes().all(|byte| byte.is_ascii_alphanumeric());
    !c.is_ascii() && c.is_alphanumeric() && letters
}

/// The characters of a class in the notation of regular expressions.
fn class(pattern: &str) -> Vec<(char, char)> {
    use regex_syntax::hir::{Class, HirKind};
    let parsed = regex_syntax::parse(pattern).unwrap();
    let HirKind::Class(Class::Unicode(class)) = parsed.kind() else {
        panic!("{pattern} is no class");
    };
    let ranges = class.ranges().iter();
    ranges.map(|range| (range.start(), range.end())).collect()
}

fn within(class: &[(char, char)], c: char) -> bool {
    class
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&c))
}

fn is_ignorable(c: char) -> bool {
    static CLASS: LazyLock<Vec<(char, char)>> =
        LazyLock::new(|| class(r"[\p{Default_Ignorable_Code_Point}\p{Cf}]"));
    within(&CLASS, c)
}

fn is_overlay(c: char) -> bool {
    static CLASS: LazyLock<Vec<(char, char)>> = LazyLock::new(|| class(r"\p{Me}"));
    canonical_combining_class(c) == 1 || within(&CLASS, c)
}

#[test]
fn the_tables_agree_with_the_unicode_crates() {
    for c in '\0'..=char::MAX {
        for (name, table, expected) in [
            ("IGNORABLE", IGNORABLE, is_ignorable(c)),
            ("OVERLAYS", OVERLAYS, is_overlay(c)),
        ] {
            assert_eq!(contains(table, c), expected, "{name} {:04X}", u32::from(c));
        }
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
        "IGNORABLE",
        "Default_Ignorable_Code_Point, and general category Cf: format characters.",
        is_ignorable,
    );
    table(
        &mut out,
        "OVERLAYS",
        "Marks over or around a character (combining class 1, general category Me): they strike it out or frame it.",
        is_overlay,
    );
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
fn a_double_is_found_alone_and_in_pieces_but_not_in_a_text_of_its_script() {
    let doubles = |text: &str| harden(text).marks.contains(&MarkCode::LookAlike);
    for text in [
        "ВР",
        "ее",
        "а",
        "ВР plc",
        "ВР ВР",
        "р\u{13437}а\u{338}у",
        "с\u{ad}о",
    ] {
        assert!(doubles(text), "{text:?}");
    }
    for text in ["со мной", "за услуги и с ее налогом", "\u{661}\u{665}", "я"]
    {
        assert!(!doubles(text), "{text:?}");
    }
    assert!(is_deceptive("со") && is_deceptive("a\u{13437}b") && !is_deceptive("bank"));
}

#[test]
fn what_strikes_out_a_digit_or_hides_in_a_word_is_printed() {
    for (text, shown) in [
        ("98\u{338}000", "98⟨U+0338⟩000"),
        ("9\u{20d2}8", "9⟨U+20D2⟩8"),
        ("9\u{20dd}", "9⟨U+20DD⟩"),
        ("a\u{13437}b", "a⟨U+13437⟩b"),
        ("a\u{600}b", "a⟨U+0600⟩b"),
    ] {
        let found = harden(text);
        assert_eq!(found.shown, shown);
        assert!(
            found.marks.contains(&MarkCode::InvisibleCharacters),
            "{text:?}"
        );
    }
    assert_eq!(harden("1\u{fe0f}\u{20e3}").marks, []);
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
        "\u{13437}",
        "5\u{338}",
        "\u{20e3}",
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
        let struck = |c: char| contains(OVERLAYS, c) && c != '\u{20e3}';
        prop_assert!(!inner.chars().any(struck));
        for c in ['\u{200b}', '\u{13437}', '\u{34f}', '\u{e0041}', '\u{a0}', '\u{feff}', '\u{e000}'] {
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
