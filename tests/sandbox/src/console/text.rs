//! Untrusted text and JSON as received, made safe to look at: nothing in it can hide, reorder or disappear.

use maud::{Markup, PreEscaped, Render, html};

/// Text with every invisible, direction-changing or control character replaced by its visible name,
/// isolated from the direction of its surroundings.
pub(crate) fn visible(text: &str) -> Markup {
    html! { bdi { (marked(text)) } }
}

/// The same for places that hold plain text only, like an option of a list.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| name_of(c).unwrap_or_else(|| c.to_string()))
        .collect()
}

/// The JSON text laid out one member a line (a short list or object inside another on one line),
/// every token exactly as received and in the order received.
/// Text that is not JSON is laid out as far as it goes: no byte is added to or taken from a token.
pub(super) fn json(raw: &str) -> Markup {
    let tokens: Vec<Token<'_>> = Tokens { rest: raw }.collect();
    let mut page = String::with_capacity(raw.len() * 4);
    let mut depth = 0usize;
    let mut short = false;
    let mut before = None;
    for (i, token) in tokens.iter().enumerate() {
        let next = tokens.get(i + 1);
        match token {
            Token::Open(text) => {
                page.push_str(text);
                short = depth > 0 && fits_a_line(&tokens[i + 1..]);
                if !matches!(next, Some(Token::Close(_))) {
                    depth += 1;
                    line_break(&mut page, depth, short);
                }
            }
            Token::Close(text) => {
                if !matches!(before, Some(Token::Open(_))) {
                    depth = depth.saturating_sub(1);
                    line_break(&mut page, depth, short);
                }
                page.push_str(text);
                short = false;
            }
            Token::Comma => {
                page.push(',');
                line_break(&mut page, depth, short);
            }
            Token::Colon => page.push_str(": "),
            Token::Scalar(text) => {
                html! { span class=(class(text, next)) { (visible(text)) } }.render_to(&mut page);
            }
        }
        before = Some(*token);
    }
    PreEscaped(page)
}

fn class(scalar: &str, next: Option<&Token<'_>>) -> &'static str {
    match scalar.as_bytes().first() {
        Some(b'"') if matches!(next, Some(Token::Colon)) => "k",
        Some(b'"') => "s",
        Some(b'-' | b'0'..=b'9') => "n",
        _ => "l",
    }
}

/// Whether the list or object whose inside comes next is short and has none inside.
fn fits_a_line(inside: &[Token<'_>]) -> bool {
    let mut width = 0;
    for token in inside {
        match token {
            Token::Open(_) => return false,
            Token::Close(_) => return true,
            Token::Comma | Token::Colon => width += 2,
            Token::Scalar(text) => width += text.len(),
        }
        if width > 48 {
            return false;
        }
    }
    false
}

/// The name under which a character is shown, for one that would not be seen or would mislead.
pub(super) fn name_of(c: char) -> Option<String> {
    let name = match c {
        '\u{0}'..='\u{1f}' => return char::from_u32(0x2400 + u32::from(c)).map(String::from),
        '\u{7f}' => "␡",
        '\u{ad}' => "⟨SHY⟩",
        '\u{34f}' => "⟨CGJ⟩",
        '\u{61c}' => "⟨ALM⟩",
        '\u{200b}' => "⟨ZWSP⟩",
        '\u{200c}' => "⟨ZWNJ⟩",
        '\u{200d}' => "⟨ZWJ⟩",
        '\u{200e}' => "⟨LRM⟩",
        '\u{200f}' => "⟨RLM⟩",
        '\u{2028}' => "⟨LS⟩",
        '\u{2029}' => "⟨PS⟩",
        '\u{202a}' => "⟨LRE⟩",
        '\u{202b}' => "⟨RLE⟩",
        '\u{202c}' => "⟨PDF⟩",
        '\u{202d}' => "⟨LRO⟩",
        '\u{202e}' => "⟨RLO⟩",
        '\u{2060}' => "⟨WJ⟩",
        '\u{2066}' => "⟨LRI⟩",
        '\u{2067}' => "⟨RLI⟩",
        '\u{2068}' => "⟨FSI⟩",
        '\u{2069}' => "⟨PDI⟩",
        '\u{feff}' => "⟨BOM⟩",
        '\u{a0}' => "⟨NBSP⟩",
        '\u{80}'..='\u{9f}'
        | '\u{115f}'..='\u{1160}'
        | '\u{1680}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{2000}'..='\u{200a}'
        | '\u{202f}'
        | '\u{205f}'
        | '\u{2061}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{2800}'
        | '\u{3000}'
        | '\u{3164}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}'
        | '\u{f0000}'..='\u{10ffff}' => return Some(format!("⟨U+{:04X}⟩", u32::from(c))),
        _ => return None,
    };
    Some(name.to_owned())
}

fn marked(text: &str) -> Markup {
    let mut page = String::with_capacity(text.len());
    let mut plain = 0;
    for (at, c) in text.char_indices() {
        if let Some(name) = name_of(c) {
            breakable(&text[plain..at]).render_to(&mut page);
            html! { mark title=(format!("U+{:04X}", u32::from(c))) { (name) } }
                .render_to(&mut page);
            plain = at + c.len_utf8();
        }
    }
    breakable(&text[plain..]).render_to(&mut page);
    PreEscaped(page)
}

/// Words longer than this may be broken.
const LONG: usize = 20;

/// Text whose long words (addresses, identifiers) may be broken where their parts meet, instead of anywhere.
fn breakable(text: &str) -> Markup {
    let mut page = String::with_capacity(text.len());
    for word in text.split_inclusive(char::is_whitespace) {
        let mut piece = 0;
        if word.len() > LONG {
            for at in joints(word) {
                word[piece..at].render_to(&mut page);
                page.push_str("<wbr>");
                piece = at;
            }
        }
        word[piece..].render_to(&mut page);
    }
    PreEscaped(page)
}

/// Before `@` and before the `.` of a name, after the other characters that separate the parts of an address; never inside
/// `://`.
fn joints(word: &str) -> Vec<usize> {
    let bytes = word.as_bytes();
    let inside = 1..bytes.len();
    inside
        .filter(|at| match (bytes[at - 1], bytes[*at]) {
            (b':' | b'/', b'/') => false,
            (b'/' | b':' | b'|' | b'?' | b'&' | b'=' | b'_', _) | (_, b'@') => true,
            (_, b'.') => bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic),
            _ => false,
        })
        .collect()
}

/// Beyond this depth a line is not indented any further: a phone has no room, and the sender chose the depth.
const DEEPEST: usize = 24;

fn line_break(page: &mut String, depth: usize, short: bool) {
    if short {
        page.push(' ');
        return;
    }
    page.push('\n');
    page.extend(std::iter::repeat_n("  ", depth.min(DEEPEST)));
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Open(&'a str),
    Close(&'a str),
    Comma,
    Colon,
    Scalar(&'a str),
}

/// Cuts text into tokens by RFC 8259 §2, and anything else into scalars: it has no error.
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        let end = match self.rest.chars().next()? {
            '"' => string_end(self.rest),
            '{' | '[' | '}' | ']' | ',' | ':' => 1,
            _ => self
                .rest
                .find(['{', '}', '[', ']', ',', ':', '"', ' ', '\t', '\n', '\r'])
                .unwrap_or(self.rest.len()),
        };
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(match token {
            "{" | "[" => Token::Open(token),
            "}" | "]" => Token::Close(token),
            "," => Token::Comma,
            ":" => Token::Colon,
            _ => Token::Scalar(token),
        })
    }
}

/// The end of the string that `text` opens with; all of it if the string is not closed.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a reader sees: the page without its tags, entities resolved.
    fn seen(page: &Markup) -> String {
        let mut text = String::new();
        let mut tag = false;
        for c in page.0.chars() {
            match c {
                '<' => tag = true,
                '>' => tag = false,
                c if !tag => text.push(c),
                _ => {}
            }
        }
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&amp;", "&")
    }

    #[test]
    fn numbers_and_order_stay_as_received() {
        let page = seen(&json(
            r#"[{"z":249.00,"a":1E+2,"z":12345678901234567890,"e":{},"l":[true,null]}]"#,
        ));
        let expected = "[\n  {\n    \"z\": 249.00,\n    \"a\": 1E+2,\n    \"z\": 12345678901234567890,\n    \"e\": {},\n    \
                        \"l\": [ true, null ]\n  }\n]";
        assert_eq!(page, expected);
    }

    #[test]
    fn direction_and_invisible_characters_are_named() {
        assert_eq!(seen(&visible("a\u{202e}b\u{200b}c\nd")), "a⟨RLO⟩b⟨ZWSP⟩c␊d");
        assert_eq!(
            seen(&json("{\"a\":\"\u{2066}x\u{e0041}\"}")),
            "{\n  \"a\": \"⟨LRI⟩x⟨U+E0041⟩\"\n}"
        );
    }

    #[test]
    fn a_long_address_breaks_where_its_parts_meet_and_a_short_one_does_not() {
        let pieces = |text: &str| visible(text).0.replace("<wbr>", "·");
        for (text, broken) in [
            ("ana@example.com", "ana@example.com"),
            (
                "anastasia.longname@subsidiary.example.com",
                "anastasia·.longname·@subsidiary·.example·.com",
            ),
            (
                "pay at https://api.bank.example/v2/payments?id=4711",
                "pay at https://·api·.bank·.example/·v2/·payments?·id=·4711",
            ),
            ("http://127.0.0.1:8300/é/x", "http://·127.0.0.1:·8300/·é/·x"),
        ] {
            assert_eq!(pieces(text), format!("<bdi>{broken}</bdi>"));
            assert_eq!(seen(&visible(text)), text);
        }
    }

    #[test]
    fn markup_in_a_payload_is_text() {
        let page = json(r#"{"<script>":"</pre><img src=x>"}"#);
        assert!(!page.0.contains("<script") && !page.0.contains("<img"));
    }

    proptest! {
        #[test]
        fn no_token_is_lost_changed_or_moved(raw in any::<String>()) {
            let kept: String = Tokens { rest: &raw }
                .map(|token| match token {
                    Token::Open(text) | Token::Close(text) | Token::Scalar(text) => text,
                    Token::Comma => ",",
                    Token::Colon => ":",
                })
                .collect();
            prop_assert_eq!(without_outer_space(&kept), without_outer_space(&raw));
        }

        #[test]
        fn no_page_carries_a_character_that_hides(raw in any::<String>()) {
            prop_assert!(visible(&raw).0.chars().all(|c| name_of(c).is_none()));
            prop_assert!(json(&raw).0.chars().all(|c| c == '\n' || name_of(c).is_none()));
        }
    }

    fn without_outer_space(text: &str) -> String {
        text.chars()
            .filter(|c| !matches!(c, ' ' | '\t' | '\n' | '\r'))
            .collect()
    }
}
