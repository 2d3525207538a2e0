//! Words that are not what they seem: letters of scripts that do not belong together, and look-alikes of ASCII words (UTS 39).

use std::collections::BTreeSet;

use unicode_script::{Script, ScriptExtension, UnicodeScript};

use super::MarkCode;
use super::tables::{self, contains};

/// Scripts that one word may join beyond a single script: highly restrictive level (UTS 39 §5.2).
const JOINED: [&[Script]; 3] = [
    &[
        Script::Latin,
        Script::Han,
        Script::Hiragana,
        Script::Katakana,
    ],
    &[Script::Latin, Script::Han, Script::Bopomofo],
    &[Script::Latin, Script::Han, Script::Hangul],
];

/// Adds the marks that the words of a text deserve.
pub(super) fn judge(text: &str, marks: &mut BTreeSet<MarkCode>) {
    if text.is_ascii() {
        return;
    }
    let text = letters(text);
    let words: Vec<&str> = text
        .split(|c: char| !is_word(c))
        .filter(|word| !word.is_ascii())
        .collect();
    let written = scripts_of_long_words(&words);
    for word in words {
        if is_mixed(word) {
            marks.insert(MarkCode::MixedScripts);
        }
        if looks_ascii(word) && !is_particle(word, &written) {
            marks.insert(MarkCode::LookAlike);
        }
    }
}

/// Whether a word mixes scripts, is another's double, or hides something: the reasons to distrust a host name.
pub(in super::super) fn is_deceptive(word: &str) -> bool {
    let seen = letters(word);
    seen.len() != word.len() || !word.is_ascii() && (is_mixed(word) || looks_ascii(word))
}

/// The text without what nobody reads as a letter: invisible characters and strokes through letters part no word.
fn letters(text: &str) -> String {
    let parts = |c: &char| !contains(tables::IGNORABLE, *c) && !contains(tables::OVERLAYS, *c);
    text.chars().filter(parts).collect()
}

/// Scripts that the text is really written in: those of words that are long, and no doubles.
fn scripts_of_long_words(words: &[&str]) -> Vec<Script> {
    let long = words
        .iter()
        .filter(|word| word.chars().count() > 2 && !looks_ascii(word));
    let mut scripts = Vec::new();
    for script in long.flat_map(|word| word.chars().map(|c| c.script())) {
        if !scripts.contains(&script) {
            scripts.push(script);
        }
    }
    scripts
}

/// A word of one or two letters inside a text of the same script (Russian "со", "ее") imitates nothing.
fn is_particle(word: &str, written: &[Script]) -> bool {
    let other = |c: char| !c.is_ascii() && c.script() != Script::Common;
    word.chars().count() <= 2
        && word
            .chars()
            .all(|c| other(c) && written.contains(&c.script()))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || contains(tables::MARKS, c)
}

fn is_mixed(word: &str) -> bool {
    let sets: Vec<ScriptExtension> = word.chars().map(|c| c.script_extension()).collect();
    let all = ScriptExtension::from(Script::Common);
    if !sets
        .iter()
        .fold(all, |common, set| common.intersection(*set))
        .is_empty()
    {
        return false;
    }
    !JOINED.iter().any(|scripts| {
        sets.iter().all(|set| {
            set.is_common()
                || set.is_inherited()
                || scripts.iter().any(|one| set.contains_script(*one))
        })
    })
}

/// A word whose skeleton (UTS 39 §4) is an ASCII word. Digits of another script are numbers.
fn looks_ascii(word: &str) -> bool {
    let similar = |c: char| c.is_ascii_alphanumeric() || contains(tables::LOOKS_ASCII, c);
    !word.is_empty() && word.chars().all(similar) && !word.chars().all(char::is_numeric)
}
