//! A QR code as one inline SVG path: no file, no script, sharp at any size.

use std::fmt::Write as _;

use fast_qr::{ECL, QRBuilder};
use maud::{Markup, html};

/// Modules of white around the code that a camera needs (ISO/IEC 18004).
const QUIET_ZONE: usize = 4;

/// `None` if the text is too long for any QR code.
pub(super) fn svg(text: &str) -> Option<Markup> {
    let code = QRBuilder::new(text).ecl(ECL::L).build().ok()?;
    let mut path = String::new();
    for y in 0..code.size {
        let row = &code[y];
        let mut x = 0;
        while x < code.size {
            let run = row[x..code.size]
                .iter()
                .take_while(|module| module.value())
                .count();
            if run > 0 {
                let _ = write!(
                    path,
                    "M{} {}h{run}v1h-{run}z",
                    x + QUIET_ZONE,
                    y + QUIET_ZONE
                );
            }
            x += run.max(1);
        }
    }
    let side = code.size + 2 * QUIET_ZONE;
    Some(html! {
        svg viewBox=(format!("0 0 {side} {side}")) role="img" aria-label="QR code with the enrolment link" shape-rendering="crispEdges" {
            path fill="#000" d=(path);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_beyond_the_largest_code_has_no_picture() {
        assert!(svg(&"x".repeat(2953)).is_some());
        assert!(svg(&"x".repeat(2954)).is_none());
    }
}
