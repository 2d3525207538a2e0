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
    for word in text.split(|c: char| !is_word(c)) {
        if word.is_ascii() {
            continue;
        }
        if is_mixed(word) {
            marks.insert(MarkCode::MixedScripts);
        }
        if looks_ascii(word) {
            marks.insert(MarkCode::LookAlike);
        }
    }
}

/// Whether a word mixes scripts, or is another's double: the two reasons to distrust a host name.
pub(in super::super) fn is_deceptive(word: &str) -> bool {
    !word.is_ascii() && (is_mixed(word) || looks_ascii(word))
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

/// A word whose skeleton (UTS 39 §4) is an ASCII word. Two exceptions keep ordinary text quiet: digits of another script
/// are numbers, and words of one or two letters of a single other script (Russian "со", "ее") imitate nothing.
fn looks_ascii(word: &str) -> bool {
    let similar = |c: char| c.is_ascii_alphanumeric() || contains(tables::LOOKS_ASCII, c);
    if !word.chars().all(similar) || word.chars().all(char::is_numeric) {
        return false;
    }
    word.chars().count() > 2
        || word
            .chars()
            .any(|c| c.is_ascii() || c.script() == Script::Common)
}
