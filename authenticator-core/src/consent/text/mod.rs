//! Untrusted text → [`ShownText`]: everything odd is made visible and marked, nothing is interpreted. Unicode data: [`tables`].
//!
//! All text of servers, clients and pushes passes here once. Hardening hardened text again changes nothing.

mod tables;
mod words;

pub(super) use words::is_deceptive;

use std::collections::BTreeSet;

use super::MarkCode;
use super::catalogue::Words;
use tables::contains;

/// Text that came from outside and went through hardening: safe to print as it is, odd things made visible.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
pub struct ShownText {
    /// What to print and speak.
    pub shown: String,
    /// The whole hardened text where `shown` was cut; one tap away.
    pub full: Option<String>,
    /// What was odd about it.
    pub marks: Vec<MarkCode>,
}

/// Characters of a value before it is cut, the note about the cut included.
const VALUE: usize = 500;
/// Characters of a name or label.
const LABEL: usize = 64;
/// Combining marks that one base may carry.
const STACK: usize = 4;

const FSI: char = '\u{2068}';
const PDI: char = '\u{2069}';
const ZWJ: char = '\u{200d}';

/// Hardening of one value, with English notes.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn harden(text: &str) -> ShownText {
    harden_value(text, Words::of("en"))
}

/// Hardening of a name or label (64 characters).
pub(crate) fn harden_label(text: &str) -> ShownText {
    harden_name(text, Words::of("en"))
}

/// Hardening of one value; the note about a cut is in the language of the review.
pub(super) fn harden_value(text: &str, words: &Words) -> ShownText {
    harden_to(text, VALUE, words)
}

pub(super) fn harden_name(text: &str, words: &Words) -> ShownText {
    harden_to(text, LABEL, words)
}

fn harden_to(text: &str, limit: usize, words: &Words) -> ShownText {
    if is_plain(text) && text.len() <= limit {
        return ShownText {
            shown: text.to_owned(),
            ..ShownText::default()
        };
    }
    let mut marks = BTreeSet::new();
    let (inner, isolated) = without_isolate(text);
    if isolated {
        marks.insert(MarkCode::HiddenDirection);
    }
    let visible = make_visible(inner, &mut marks);
    words::judge(inner, &mut marks);

    let (mut shown, mut full) = match cut(&visible, limit, words) {
        Some(short) => {
            marks.insert(MarkCode::Shortened);
            (short, Some(visible))
        }
        None => (visible, None),
    };
    if marks.contains(&MarkCode::HiddenDirection) {
        shown = isolate(&shown);
        full = full.map(|full| isolate(&full));
    }
    ShownText {
        shown,
        full,
        marks: marks.into_iter().collect(),
    }
}

/// Printable ASCII with single spaces between words: nearly all that is ever received.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !text.contains("  ")
}

/// Keeps the order of the letters inside from touching what stands around (UAX 9 §2.4.2).
pub(super) fn isolate(text: &str) -> String {
    format!("{FSI}{text}{PDI}")
}

/// Isolated, if letters that run from right to left are in it: for text that becomes part of a sentence.
pub(super) fn embedded(text: &str) -> String {
    let runs_left = |c| matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}');
    if text.chars().any(runs_left) && !text.starts_with(FSI) {
        isolate(text)
    } else {
        text.to_owned()
    }
}

/// Our own isolate around text that was hardened before is no finding; any other direction control is.
fn without_isolate(text: &str) -> (&str, bool) {
    let inner = text
        .strip_prefix(FSI)
        .and_then(|rest| rest.strip_suffix(PDI));
    match inner {
        Some(inner) if !inner.chars().any(is_direction) => (inner, true),
        _ => (text, false),
    }
}

fn make_visible(text: &str, marks: &mut BTreeSet<MarkCode>) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    let mut last: Option<char> = None;
    let mut stack = 0;
    let mut in_run = false;
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        let run = c == ' ' && (in_run || next == Some(' '));
        in_run = c == ' ';
        if contains(tables::MARKS, c) && !is_hidden(c) {
            stack += 1;
            if stack > STACK {
                marks.insert(MarkCode::StackedMarks);
                continue;
            }
        } else {
            stack = 0;
        }
        match kind(c, last, next, run) {
            Kind::Plain => out.push(c),
            Kind::Space => {
                marks.insert(MarkCode::OddSpaces);
                out.push('␣');
            }
            Kind::LineBreak => {
                marks.insert(MarkCode::ControlCharacters);
                if c == '\r' && next == Some('\n') {
                    chars.next();
                }
                out.push('⏎');
            }
            Kind::Control => {
                marks.insert(MarkCode::ControlCharacters);
                push_control(&mut out, c);
            }
            Kind::Direction => {
                marks.insert(MarkCode::HiddenDirection);
                push_name(&mut out, c);
            }
            Kind::Invisible => {
                marks.insert(MarkCode::InvisibleCharacters);
                push_name(&mut out, c);
            }
        }
        last = out.chars().next_back();
    }
    out
}

enum Kind {
    Plain,
    Space,
    LineBreak,
    Control,
    Direction,
    Invisible,
}

fn kind(c: char, last: Option<char>, next: Option<char>, run: bool) -> Kind {
    match c {
        ' ' if run || last.is_none() || next.is_none() => Kind::Space,
        ' '..='~' => Kind::Plain,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Kind::LineBreak,
        c if c.is_control() => Kind::Control,
        c if is_direction(c) => Kind::Direction,
        // Japanese and Chinese write this space between words and names.
        '\u{3000}' if last.is_some_and(is_wide) && next.is_some_and(is_wide) => Kind::Plain,
        c if c.is_whitespace() => Kind::Space,
        // Emoji are spelled with these two.
        '\u{fe0e}' | '\u{fe0f}' if is_emoji_part(c, last, next) => Kind::Plain,
        ZWJ if last.is_some_and(in_emoji) && next.is_some_and(is_pictograph) => Kind::Plain,
        '\u{2800}' => Kind::Invisible,
        '\u{20e3}' if last == Some('\u{fe0f}') => Kind::Plain,
        c if is_hidden(c) || is_unprintable(c) => Kind::Invisible,
        _ => Kind::Plain,
    }
}

/// Not seen, or seen only as a stroke or frame that hides the character before it.
fn is_hidden(c: char) -> bool {
    contains(tables::IGNORABLE, c) || contains(tables::OVERLAYS, c)
}

/// Bidirectional controls (UAX 9 §2).
fn is_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Interlinear annotations, private use and noncharacters: no screen agrees with another about them.
fn is_unprintable(c: char) -> bool {
    matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' | '\u{fdd0}'..='\u{fdef}')
        || u32::from(c) & 0xfffe == 0xfffe
}

fn is_wide(c: char) -> bool {
    matches!(c, '\u{3001}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{ff01}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
        && !contains(tables::IGNORABLE, c)
        && !is_unprintable(c)
}

/// A variation selector that spells an emoji: after a pictograph, or inside a keycap, where it is U+FE0F (UTS 51 §1.4).
fn is_emoji_part(selector: char, last: Option<char>, next: Option<char>) -> bool {
    match last {
        Some('0'..='9' | '#' | '*') => selector == '\u{fe0f}' && next == Some('\u{20e3}'),
        Some(c) => is_pictograph(c),
        None => false,
    }
}

fn in_emoji(c: char) -> bool {
    is_pictograph(c) || c == '\u{fe0f}'
}

/// The blocks that hold UTS 51 pictographs.
fn is_pictograph(c: char) -> bool {
    matches!(c, '©' | '®' | '‼' | '⁉' | '™' | 'ℹ' | '\u{2194}'..='\u{21aa}' | '\u{231a}'..='\u{23ff}' | 'Ⓜ'
        | '\u{25aa}'..='\u{25fe}' | '\u{2600}'..='\u{27bf}' | '⤴' | '⤵' | '\u{2b05}'..='\u{2b55}' | '〰' | '〽' | '㊗' | '㊙'
        | '\u{1f000}'..='\u{1faff}')
}

fn push_control(out: &mut String, c: char) {
    match (c, char::from_u32(0x2400 + u32::from(c))) {
        ('\u{7f}', _) => out.push('␡'),
        ('\0'..='\u{1f}', Some(picture)) => out.push(picture),
        _ => push_name(out, c),
    }
}

fn push_name(out: &mut String, c: char) {
    let name = match c {
        '\u{ad}' => "SHY",
        '\u{34f}' => "CGJ",
        '\u{61c}' => "ALM",
        '\u{180e}' => "MVS",
        '\u{200b}' => "ZWSP",
        '\u{200c}' => "ZWNJ",
        ZWJ => "ZWJ",
        '\u{200e}' => "LRM",
        '\u{200f}' => "RLM",
        '\u{202a}' => "LRE",
        '\u{202b}' => "RLE",
        '\u{202c}' => "PDF",
        '\u{202d}' => "LRO",
        '\u{202e}' => "RLO",
        '\u{2060}' => "WJ",
        '\u{2066}' => "LRI",
        '\u{2067}' => "RLI",
        FSI => "FSI",
        PDI => "PDI",
        '\u{feff}' => "BOM",
        _ => "",
    };
    let code = u32::from(c);
    let name = match c {
        '\u{fe00}'..='\u{fe0f}' => format!("VS{}", code - 0xfe00 + 1),
        '\u{e0100}'..='\u{e01ef}' => format!("VS{}", code - 0xe0100 + 17),
        '\u{e0021}'..='\u{e007e}' => {
            format!("TAG {}", char::from_u32(code - 0xe0000).unwrap_or(' '))
        }
        _ if name.is_empty() => format!("U+{code:04X}"),
        _ => name.to_owned(),
    };
    out.push('⟨');
    out.push_str(&name);
    out.push('⟩');
}

/// The first part of a text that is too long, with a note; together they keep the limit.
fn cut(text: &str, limit: usize, words: &Words) -> Option<String> {
    let count = text.chars().count();
    if count <= limit {
        return None;
    }
    let note = |left: usize| words.fill("cut", &[("n", &left.to_string())]);
    let mut keep = limit.saturating_sub(note(count).chars().count());
    let mut kept: String = text.chars().take(keep).collect();
    // Half an emoji, or a space that ends a line, would read as something else.
    while kept.ends_with(|c: char| c.is_whitespace() || matches!(c, ZWJ | '\u{fe0e}' | '\u{fe0f}'))
    {
        kept.pop();
        keep -= 1;
    }
    kept.push_str(&note(count - keep));
    Some(kept)
}

#[cfg(test)]
mod tests;
