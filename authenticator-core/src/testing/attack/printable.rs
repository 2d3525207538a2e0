//! What a screen prints: nothing that acts on other text, and nothing that cannot be seen. A second opinion on the tables
//! of `consent::text`, in ranges written down by hand from the Unicode standard.

/// Panics where `text` holds what a screen must not be given. `lines`: line feeds divide the values of a list.
pub(super) fn assert_printable(text: &str, lines: bool) {
    let mut isolates = 0;
    for c in text.chars() {
        match c {
            '\n' if lines => assert!(isolates == 0, "an isolate reaches over lines"),
            '\u{2068}' => isolates += 1,
            '\u{2069}' => {
                assert!(isolates > 0, "an isolate ends that never began");
                isolates -= 1;
            }
            _ => assert!(!acts_or_hides(c), "U+{:04X} is printed", u32::from(c)),
        }
        assert!(isolates <= 3, "isolates inside isolates");
    }
    assert!(isolates == 0, "an isolate does not end");
}

fn acts_or_hides(c: char) -> bool {
    // Controls, line and paragraph separators.
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
        // Directions (UAX 9 §2) other than the isolates.
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}' | '\u{2067}')
        // Zero width, fillers, blank patterns, interlinear annotations, tags.
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}' | '\u{200c}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0d}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        // Strokes through and frames around the character before, which nobody can read then; of a keycap that is wanted.
        || matches!(c, '\u{334}'..='\u{338}' | '\u{488}' | '\u{489}' | '\u{1abe}' | '\u{20d2}' | '\u{20d3}'
            | '\u{20d8}'..='\u{20da}' | '\u{20dd}'..='\u{20e0}' | '\u{20e2}' | '\u{20e4}'..='\u{20e6}'
            | '\u{20ea}' | '\u{20eb}' | '\u{a670}'..='\u{a672}')
        // Private use and noncharacters: every font has its own idea of them.
        || matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' | '\u{fdd0}'..='\u{fdef}')
        || u32::from(c) & 0xfffe == 0xfffe
}
