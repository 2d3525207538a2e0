//! Lines of a terminal screen: text with a tone, measured in cells. Wrapping, padding, boxes and columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How a piece of text is meant; colours follow from it where there are any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Strong,
    Faint,
    Good,
    Caution,
    Danger,
    Accent,
    /// White on black, whatever the theme: the light and dark of a QR code.
    Code,
}

impl Tone {
    fn ansi(self) -> &'static str {
        match self {
            Tone::Plain => "",
            Tone::Strong => "\x1b[1m",
            Tone::Faint => "\x1b[2m",
            Tone::Good => "\x1b[1;32m",
            Tone::Caution => "\x1b[1;33m",
            Tone::Danger => "\x1b[1;31m",
            Tone::Accent => "\x1b[36m",
            Tone::Code => "\x1b[38;5;231;48;5;16m",
        }
    }
}

/// One line, without a line break.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line(Vec<(Tone, String)>);

impl Line {
    pub(crate) fn new() -> Line {
        Line::default()
    }

    pub(crate) fn plain(text: impl Into<String>) -> Line {
        Line::toned(Tone::Plain, text)
    }

    pub(crate) fn toned(tone: Tone, text: impl Into<String>) -> Line {
        Line(vec![(tone, text.into())])
    }

    /// The line with more text behind it.
    pub(crate) fn and(mut self, tone: Tone, text: impl Into<String>) -> Line {
        self.0.push((tone, text.into()));
        self
    }

    /// The line with another one behind it.
    pub(crate) fn join(mut self, other: Line) -> Line {
        self.0.extend(other.0);
        self
    }

    /// The line filled with spaces to `width` cells.
    pub(crate) fn padded(self, width: usize) -> Line {
        let missing = width.saturating_sub(self.width());
        self.and(Tone::Plain, " ".repeat(missing))
    }

    pub(crate) fn indented(self, by: usize) -> Line {
        Line::plain(" ".repeat(by)).join(self)
    }

    pub(crate) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| text.width()).sum()
    }

    /// The line cut to `width` cells.
    pub(crate) fn clipped(self, width: usize) -> Line {
        let mut room = width;
        let mut out = Line::new();
        for (tone, text) in self.0 {
            let fits: String = text
                .chars()
                .take_while(|c| {
                    let cells = c.width().unwrap_or(0);
                    let fits = cells <= room;
                    room -= if fits { cells } else { room };
                    fits
                })
                .collect();
            out = out.and(tone, fits);
        }
        out
    }

    pub(crate) fn render(&self, colour: bool) -> String {
        let mut out = String::new();
        for (tone, text) in &self.0 {
            if colour && *tone != Tone::Plain && !text.is_empty() {
                out.push_str(tone.ansi());
                out.push_str(text);
                out.push_str("\x1b[0m");
            } else {
                out.push_str(text);
            }
        }
        out.truncate(out.trim_end_matches(' ').len());
        out
    }
}

/// `text` broken at spaces, and inside words that are too long, into pieces of at most `width` cells.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(4);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let joined = if line.is_empty() { 0 } else { 1 } + line.width() + word.width();
        if joined <= width {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for letter in word.chars() {
            if line.width() + letter.width().unwrap_or(0) > width {
                lines.push(std::mem::take(&mut line));
            }
            line.push(letter);
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// [`wrap`], each piece in one tone.
pub(crate) fn wrapped(tone: Tone, text: &str, width: usize) -> Vec<Line> {
    wrap(text, width)
        .into_iter()
        .map(|piece| Line::toned(tone, piece))
        .collect()
}

/// `label` and `text` in two columns, the text wrapped under itself.
pub(crate) fn pair(
    label: &str,
    label_width: usize,
    value: (Tone, &str),
    width: usize,
) -> Vec<Line> {
    let (tone, text) = value;
    let room = width.saturating_sub(label_width + 2);
    let labels = wrap(label, label_width);
    let texts = wrap(text, room);
    (0..labels.len().max(texts.len()))
        .map(|i| {
            let label = labels.get(i).map_or("", String::as_str);
            let text = texts.get(i).map_or("", String::as_str);
            Line::toned(Tone::Faint, label)
                .padded(label_width + 2)
                .and(tone, text)
        })
        .collect()
}

/// Lines that divide a box.
pub(crate) enum Part {
    Lines(Vec<Line>),
    Rule,
}

/// A box of exactly `width` cells, with a title in its upper edge.
pub(crate) fn boxed(title: &str, parts: Vec<Part>, width: usize) -> Vec<Line> {
    let inner = width.saturating_sub(4);
    let edge = |left: &str, middle: String, right: &str| {
        Line::toned(Tone::Accent, left.to_owned() + &middle + right)
    };
    let title = if title.is_empty() {
        String::new()
    } else {
        format!(" {title} ")
    };
    let title = Line::toned(Tone::Strong, title).clipped(inner + 1);
    let rest = inner + 1 - title.width();
    let mut lines = vec![
        Line::toned(Tone::Accent, "╭─")
            .join(title)
            .and(Tone::Accent, "─".repeat(rest) + "╮"),
    ];
    for part in parts {
        match part {
            Part::Rule => lines.push(edge("├", "─".repeat(inner + 2), "┤")),
            Part::Lines(body) => lines.extend(body.into_iter().map(|line| {
                Line::toned(Tone::Accent, "│ ")
                    .join(line.padded(inner))
                    .and(Tone::Accent, " │")
            })),
        }
    }
    lines.push(edge("╰", "─".repeat(inner + 2), "╯"));
    lines
}

/// Two blocks beside each other, the left one `left_width` cells wide.
pub(crate) fn beside(left: Vec<Line>, right: Vec<Line>, left_width: usize) -> Vec<Line> {
    let rows = left.len().max(right.len());
    let mut left = left.into_iter();
    let mut right = right.into_iter();
    (0..rows)
        .map(|_| {
            left.next()
                .unwrap_or_default()
                .padded(left_width)
                .and(Tone::Faint, "  ")
                .join(right.next().unwrap_or_default())
        })
        .collect()
}

/// Text that came over the wire and went through no hardening: controls and direction marks become visible.
pub(crate) fn printable(text: &str) -> String {
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
    };
    text.chars()
        .map(|c| {
            if odd(c) {
                c.escape_unicode().to_string()
            } else {
                c.to_string()
            }
        })
        .collect()
}

/// JSON text, one member a line down to `levels`, deeper ones in the line of their owner;
/// every number and string stays as it was written.
pub(crate) fn pretty_json(json: &str, levels: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    let mut letters = json.chars().peekable();
    while let Some(c) = letters.next() {
        if in_string {
            line.push(c);
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match c {
            ' ' | '\t' | '\n' | '\r' => {}
            '"' => {
                in_string = true;
                line.push(c);
            }
            '{' | '[' => {
                line.push(c);
                while letters
                    .peek()
                    .is_some_and(|next| next.is_ascii_whitespace())
                {
                    letters.next();
                }
                let close = if c == '{' { '}' } else { ']' };
                if letters.next_if_eq(&close).is_some() {
                    line.push(close);
                } else {
                    depth += 1;
                    if depth > levels {
                        continue;
                    }
                    lines.push(std::mem::replace(&mut line, "  ".repeat(depth)));
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if depth >= levels {
                    line.push(c);
                    continue;
                }
                lines.push(std::mem::replace(&mut line, "  ".repeat(depth)));
                line.push(c);
            }
            ',' => {
                line.push(c);
                if depth > levels {
                    line.push(' ');
                    continue;
                }
                lines.push(std::mem::replace(&mut line, "  ".repeat(depth)));
            }
            ':' => line.push_str(": "),
            _ => line.push(c),
        }
    }
    lines.push(line);
    lines.iter().map(|line| printable(line)).collect()
}

/// `4:59`, or `1:02:03` from an hour on.
pub(crate) fn minutes(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if h > 0 {
        format!("{h}:{m:02}:{s:02}")
    } else {
        format!("{m}:{s:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_word_is_broken_and_nothing_is_lost() {
        assert_eq!(wrap("ab abcdefgh", 4), ["ab", "abcd", "efgh"]);
    }

    #[test]
    fn wide_letters_count_two_cells() {
        assert_eq!(Line::plain("日本").width(), 4);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
    }

    #[test]
    fn every_line_of_a_box_has_its_width() {
        let lines = boxed(
            "Title",
            vec![
                Part::Lines(vec![Line::plain("日本"), Line::new()]),
                Part::Rule,
                Part::Lines(vec![Line::toned(Tone::Danger, "x")]),
            ],
            24,
        );
        assert!(lines.iter().all(|line| line.width() == 24));
    }

    #[test]
    fn colours_appear_only_where_asked_for() {
        let line = Line::toned(Tone::Good, "yes");
        assert_eq!(line.render(false), "yes");
        assert_eq!(line.render(true), "\x1b[1;32myes\x1b[0m");
    }

    #[test]
    fn pretty_json_keeps_numbers_as_written() {
        assert_eq!(
            pretty_json(r#"[{"amount":249.00,"empty":{ },"text":"a,b{"}]"#, 9),
            [
                "[",
                "  {",
                "    \"amount\": 249.00,",
                "    \"empty\": {},",
                "    \"text\": \"a,b{\"",
                "  }",
                "]"
            ]
        );
    }

    #[test]
    fn deeper_levels_of_json_stay_in_one_line() {
        assert_eq!(
            pretty_json(r#"{"a":[{"b":1,"c":[]}],"d":2}"#, 1),
            ["{", r#"  "a": [{"b": 1, "c": []}],"#, r#"  "d": 2"#, "}"]
        );
    }

    #[test]
    fn escape_sequences_of_a_server_do_not_reach_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\u{202e}c"), "a\\u{1b}[2Jb\\u{202e}c");
    }

    proptest! {
        #[test]
        fn wrapping_keeps_every_letter_and_the_width(text in "[a-z 日é]{0,80}", width in 4_usize..40) {
            let lines = wrap(&text, width);
            prop_assert!(lines.iter().all(|line| line.width() <= width));
            let letters = |s: &str| s.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }

        #[test]
        fn pretty_json_means_the_same(text in "[a-z,:{}\\[\\]\"\\\\ ]{0,20}", number in any::<i64>(), levels in 0_usize..4) {
            let value = serde_json::json!({"a": [text.clone(), {"b": number}], text: []});
            let pretty = pretty_json(&value.to_string(), levels).join("\n");
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&pretty).unwrap(), value);
        }
    }
}
