//! The phone's screen in a terminal: what is asked, exactly as the core froze it.
//!
//! Only hardened text of the core is printed here (`ShownText`, rows, marks, account names).

use authenticator_core::{
    Alert, Approval, Challenge, Confirmation, Decision, Delivery, Mark, Receipt, Review, ReviewRow,
    ReviewSection, RowValue, Severity,
};
use fast_qr::{ECL, QRBuilder};

use super::text::{Line, Part, Tone, boxed, minutes, pair, printable, wrapped};

/// How much room there is, and whether to draw boxes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) width: usize,
    /// Box, large amount; otherwise plain lines for files and screen readers.
    pub(crate) drawn: bool,
    /// Print the whole text where the core cut it.
    pub(crate) full: bool,
    /// A clock runs below the screen, so the screen itself shows none.
    pub(crate) live: bool,
}

/// The consent screen. `now` in Unix milliseconds.
pub(crate) fn consent(review: &Review, now: i64, view: View) -> Vec<Line> {
    let view_inside = View {
        width: if view.drawn {
            view.width.saturating_sub(4)
        } else {
            view.width
        },
        ..view
    };
    let mut body = vec![
        Part::Lines(heading(review, view_inside)),
        Part::Lines(details(review, view_inside)),
    ];
    let question = question(review, now, view_inside);
    if !question.is_empty() {
        body.extend([Part::Rule, Part::Lines(question)]);
    }
    if view.drawn {
        return boxed("Approval request", body, view.width);
    }
    body.into_iter()
        .flat_map(|part| match part {
            Part::Lines(lines) => lines,
            Part::Rule => vec![Line::new()],
        })
        .collect()
}

/// What is unusual about the arrival of a request: asked before, or without a sound. Usually nothing.
pub(crate) fn arrival(challenge: &Challenge, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    if challenge.alert == Alert::Silent {
        let text = "Arrived silently: a request of this account was reported a short while ago.";
        lines.extend(pair_under("i", Tone::Faint, text, width));
    }
    let repeats = &challenge.repeats;
    if repeats.times > 1 {
        let text = format!("Asked {} times.", repeats.times);
        lines.extend(pair_under("▲", Tone::Caution, &text, width));
    }
    if !repeats.others.is_empty() {
        let ids: Vec<&str> = repeats.others.iter().map(|id| id.as_str()).collect();
        let text = format!("Open, and the same: {}", ids.join(" "));
        lines.extend(pair_under(" ", Tone::Faint, &text, width));
    }
    lines
}

/// A shown document (docs/signed-consent.md) as the history kept it; `None` where it is none.
pub(crate) fn kept(document: &str, width: usize) -> Option<Vec<Line>> {
    #[derive(serde::Deserialize)]
    struct Document {
        account: Option<Account>,
        headline: String,
        binding_message: Option<String>,
        sections: Vec<Section>,
    }
    #[derive(serde::Deserialize)]
    struct Account {
        issuer: String,
        user: String,
    }
    #[derive(serde::Deserialize)]
    struct Section {
        title: String,
        rows: Vec<Row>,
    }
    #[derive(serde::Deserialize)]
    struct Row {
        label: String,
        text: String,
    }
    let document: Document = serde_json::from_str(document).ok()?;
    let mut lines = wrapped(Tone::Strong, &printable(&document.headline), width);
    if let Some(Account { issuer, user }) = document.account {
        lines.extend(wrapped(
            Tone::Faint,
            &printable(&format!("{issuer} · {user}")),
            width,
        ));
    }
    if let Some(message) = document.binding_message {
        lines.extend(wrapped(
            Tone::Plain,
            &format!("“{}”", printable(&message)),
            width,
        ));
    }
    for section in document.sections {
        lines.push(Line::new());
        lines.extend(wrapped(Tone::Strong, &printable(&section.title), width));
        for row in section.rows {
            let (label, text) = (printable(&row.label), printable(&row.text));
            let label_width = Line::plain(label.as_str()).width().clamp(16, width / 3);
            let pairs = pair(&label, label_width, (Tone::Plain, text.as_str()), width - 2);
            lines.extend(pairs.into_iter().map(|line| line.indented(2)));
        }
    }
    Some(lines)
}

/// Whose account, which API, what for.
fn heading(review: &Review, view: View) -> Vec<Line> {
    let account = match (review.account.issuer.as_str(), review.account.user.as_str()) {
        ("", user) => user.to_owned(),
        (issuer, "") => issuer.to_owned(),
        (issuer, user) => format!("{issuer} · {user}"),
    };
    let mut lines = wrapped(Tone::Faint, &account, view.width);
    if let Some(row) = audience(review) {
        let label_width = Line::plain(row.label.as_str()).width().min(view.width / 3);
        lines.extend(row_lines(row, &row.label, label_width, view));
    }
    lines.push(Line::new());
    lines.extend(wrapped(Tone::Strong, &review.headline, view.width));
    if let Some(large) = review_amount(review).filter(|_| view.drawn) {
        let large = large_amount(large);
        if !large.is_empty() && large.iter().all(|line| line.width() + 4 <= view.width) {
            lines.push(Line::new());
            lines.extend(large.into_iter().map(|line| line.indented(2)));
        }
    }
    if !review.marks.is_empty() {
        lines.push(Line::new());
    }
    for mark in &review.marks {
        lines.extend(mark_lines(mark, view.width));
    }
    if let Some(message) = &review.binding_message {
        let text = match &message.full {
            Some(full) if view.full => full,
            _ => &message.shown,
        };
        lines.push(Line::new());
        if view.drawn {
            let quoted = wrapped(Tone::Strong, text, view.width.saturating_sub(6));
            lines.extend(
                boxed(
                    "Same on the other screen?",
                    vec![Part::Lines(quoted)],
                    view.width.saturating_sub(2),
                )
                .into_iter()
                .map(|line| line.indented(1)),
            );
        } else {
            lines.push(Line::plain("Same on the other screen?"));
            lines.extend(
                wrapped(Tone::Strong, text, view.width.saturating_sub(4))
                    .into_iter()
                    .map(|line| Line::plain("  > ").join(line)),
            );
        }
    }
    lines
}

/// Every section, its rows aligned. The audience stands in the heading already.
fn details(review: &Review, view: View) -> Vec<Line> {
    let shown = audience(review).map(std::ptr::from_ref);
    let mut lines = Vec::new();
    for section in &review.sections {
        let rows: Vec<&ReviewRow> = section
            .rows
            .iter()
            .filter(|row| Some(std::ptr::from_ref(*row)) != shown)
            .collect();
        if rows.is_empty() {
            continue;
        }
        lines.push(Line::new());
        lines.extend(wrapped(section_tone(section), &section.title, view.width));
        let widest = rows
            .iter()
            .map(|row| Line::plain(row.label.as_str()).width() + 2 * usize::from(row.indent))
            .max();
        let label_width = widest.unwrap_or(0).min(view.width / 3);
        let inside = View {
            width: view.width.saturating_sub(2),
            ..view
        };
        for row in rows {
            lines.extend(
                row_lines(row, &row.label, label_width, inside)
                    .into_iter()
                    .map(|line| line.indented(2)),
            );
        }
    }
    lines
}

fn section_tone(section: &ReviewSection) -> Tone {
    match section.kind.as_str() {
        "request" | "origin" | "technical" => Tone::Faint,
        _ => Tone::Accent,
    }
}

fn row_lines(row: &ReviewRow, label: &str, label_width: usize, view: View) -> Vec<Line> {
    let indent = 2 * usize::from(row.indent).min(view.width / 8);
    let width = view.width.saturating_sub(indent);
    let label_width = label_width.saturating_sub(indent).max(3);
    let tone = match row.value {
        RowValue::Amount { .. } => Tone::Strong,
        _ => Tone::Plain,
    };
    let texts: Vec<&str> = match (&row.full_text, &row.value) {
        (Some(full), _) if view.full => vec![full],
        (_, RowValue::Lines { lines: items }) if !items.is_empty() => {
            items.iter().map(String::as_str).collect()
        }
        _ => vec![&row.text],
    };
    let mut lines = Vec::new();
    for (i, text) in texts.into_iter().enumerate() {
        let label = if i == 0 { label } else { "" };
        lines.extend(pair(label, label_width, (tone, text), width));
    }
    let under = |line: Line| line.indented(label_width + 2);
    let room = width.saturating_sub(label_width + 2);
    let help = row
        .full_help
        .as_ref()
        .filter(|_| view.full)
        .or(row.help.as_ref());
    if let Some(help) = help {
        lines.extend(wrapped(Tone::Faint, help, room).into_iter().map(under));
    }
    for mark in &row.marks {
        lines.extend(mark_lines(mark, room).into_iter().map(under));
    }
    lines
        .into_iter()
        .map(|line| line.indented(indent))
        .collect()
}

/// A symbol and words, so that colour alone never carries the meaning.
fn mark_lines(mark: &Mark, width: usize) -> Vec<Line> {
    let (symbol, tone) = match mark.severity {
        Severity::Info => ("i", Tone::Accent),
        Severity::Caution => ("▲", Tone::Caution),
        Severity::Danger => ("✖", Tone::Danger),
    };
    pair_under(symbol, tone, &mark.text, width)
}

fn pair_under(symbol: &str, tone: Tone, text: &str, width: usize) -> Vec<Line> {
    wrapped(tone, text, width.saturating_sub(2))
        .into_iter()
        .enumerate()
        .map(|(i, line)| {
            Line::toned(
                tone,
                if i == 0 {
                    format!("{symbol} ")
                } else {
                    "  ".into()
                },
            )
            .join(line)
        })
        .collect()
}

/// What approval needs, and how much time is left.
fn question(review: &Review, now: i64, view: View) -> Vec<Line> {
    let mut lines = match &review.approval {
        Approval::Allowed => Vec::new(),
        Approval::NeedsConfirmation {
            confirmation:
                Confirmation::AmountDigits { prompt } | Confirmation::Number { prompt, .. },
        } => pair_under("▲", Tone::Caution, prompt, view.width),
        Approval::Blocked { text, .. } => pair_under("✖", Tone::Danger, text, view.width),
    };
    if !view.live {
        lines.push(time_left(review.expires_at, now));
    }
    lines
}

pub(crate) fn time_left(expires_at: i64, now: i64) -> Line {
    // Rounded up: "0:00" only when it is over.
    let seconds = (expires_at - now + 999).div_euclid(1000);
    match seconds {
        ..=0 => Line::toned(Tone::Danger, "Expired"),
        1..=15 => Line::toned(Tone::Danger, format!("Expires in {}", minutes(seconds))),
        _ => Line::plain(format!("Expires in {}", minutes(seconds))),
    }
}

/// The row that says for which API the access is meant.
fn audience(review: &Review) -> Option<&ReviewRow> {
    review
        .sections
        .iter()
        .filter(|section| section.kind == "request")
        .flat_map(|section| &section.rows)
        .find(|row| row.label_key == "audience")
}

/// The text of the amount, if there is exactly one and nothing is odd about it.
fn review_amount(review: &Review) -> Option<&str> {
    let mut amounts = review
        .sections
        .iter()
        .flat_map(|section| &section.rows)
        .filter(|row| matches!(row.value, RowValue::Amount { .. }));
    let amount = amounts.next()?;
    (amounts.next().is_none() && amount.marks.is_empty()).then_some(amount.text.as_str())
}

/// Digits three lines high; empty when the text holds something that has no large form.
fn large_amount(text: &str) -> Vec<Line> {
    let Some((first, second)) = text.split_once(char::is_whitespace) else {
        return Vec::new();
    };
    let (before, number, after) = if second.starts_with(|c: char| c.is_ascii_digit()) {
        (first, second, "")
    } else {
        ("", first, second)
    };
    let mut rows = [String::new(), String::new(), String::new()];
    for c in number.chars() {
        let Some(glyph) = large_digit(c) else {
            return Vec::new();
        };
        for (row, part) in rows.iter_mut().zip(glyph) {
            row.push_str(part);
        }
    }
    let gap = " ".repeat(Line::plain(before).width());
    let [top, middle, bottom] = rows;
    let label = |text: &str| {
        if text.is_empty() {
            String::new()
        } else {
            format!("{text} ")
        }
    };
    let blank = if before.is_empty() {
        String::new()
    } else {
        gap + " "
    };
    vec![
        Line::toned(Tone::Strong, format!("{blank}{top}")),
        Line::toned(Tone::Strong, format!("{blank}{middle}")),
        Line::toned(Tone::Strong, format!("{}{bottom} {after}", label(before))),
    ]
}

fn large_digit(c: char) -> Option<[&'static str; 3]> {
    Some(match c {
        '0' => ["┏━┓", "┃ ┃", "┗━┛"],
        '1' => [" ╻ ", " ┃ ", " ╹ "],
        '2' => ["╺━┓", "┏━┛", "┗━╸"],
        '3' => ["╺━┓", "╺━┫", "╺━┛"],
        '4' => ["╻ ╻", "┗━┫", "  ╹"],
        '5' => ["┏━╸", "┗━┓", "╺━┛"],
        '6' => ["┏━╸", "┣━┓", "┗━┛"],
        '7' => ["╺━┓", "  ┃", "  ╹"],
        '8' => ["┏━┓", "┣━┫", "┗━┛"],
        '9' => ["┏━┓", "┗━┫", "╺━┛"],
        '.' => [" ", " ", "▪"],
        ',' | '،' => [" ", " ", "╻"],
        '\'' | '’' => ["╹", " ", " "],
        '\u{a0}' | '\u{202f}' => [" ", " ", " "],
        _ => return None,
    })
}

/// What became of an answer, in words for a person.
pub(crate) fn receipt(receipt: &Receipt, width: usize) -> Vec<Line> {
    let word = match receipt.decision {
        Decision::Approve => "Approved",
        Decision::Deny => "Denied",
    };
    let (symbol, tone, rest) = match receipt.delivery {
        Delivery::Delivered => ("✔", Tone::Good, "the server has confirmed it."),
        Delivery::Queued => (
            "…",
            Tone::Caution,
            "stored, but not delivered yet. It is sent again until the request expires; `sandbox phone flush` tries now.",
        ),
        Delivery::Unconfirmed => (
            "?",
            Tone::Caution,
            "sent, but the server never said whether it counted.",
        ),
        Delivery::Undelivered => (
            "✖",
            Tone::Danger,
            "but the request expired before it could be sent.",
        ),
        Delivery::Refused => (
            "✖",
            Tone::Danger,
            "but the server refused the answer: it did not count.",
        ),
    };
    let mut lines = pair_under(symbol, tone, &format!("{word}: {rest}"), width);
    if let Some(code) = receipt
        .last_error
        .filter(|_| receipt.delivery != Delivery::Delivered)
    {
        lines.push(Line::toned(Tone::Faint, format!("  ({})", code.as_str())));
    }
    lines
}

/// What became of an answer, said to a person who has just given one: it may not be the one that counts.
pub(crate) fn receipt_for(wanted: Decision, counted: &Receipt, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    if wanted != counted.decision {
        let said = "This request was answered before on this phone; the first answer stands.";
        lines.extend(pair_under("▲", Tone::Caution, said, width));
    }
    lines.extend(receipt(counted, width));
    lines
}

/// A QR code in half blocks, in colours of its own where there are any, so that it scans on every theme.
/// Empty when the text does not fit into one.
pub(crate) fn qr(text: &str) -> Vec<Line> {
    let Ok(code) = QRBuilder::new(text).ecl(ECL::L).build() else {
        return Vec::new();
    };
    // Two cells of quiet zone: less than the four of ISO/IEC 18004, but readers take it and it fits 80 columns.
    let quiet = 2;
    let size = code.size + 2 * quiet;
    let dark = |x: usize, y: usize| {
        let inside = |at: usize| at.checked_sub(quiet).filter(|at| *at < code.size);
        match (inside(x), inside(y)) {
            (Some(x), Some(y)) => code[y][x].value(),
            _ => false,
        }
    };
    (0..size)
        .step_by(2)
        .map(|y| {
            // Light modules are the ink: right on a dark terminal without colours,
            // and on a light one the inverted form, which phones read too.
            let row: String = (0..size)
                .map(|x| match (dark(x, y), y + 1 < size && dark(x, y + 1)) {
                    (false, false) => '█',
                    (false, true) => '▀',
                    (true, false) => '▄',
                    (true, true) => ' ',
                })
                .collect();
            Line::toned(Tone::Code, row)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use authenticator_core::{
        Account, Arrival, ChallengeId, ChallengeState, EnrollmentId, MarkCode, Origin, Repeats,
        ShownText,
    };

    fn row(key: &str, label: &str, value: RowValue, text: &str) -> ReviewRow {
        ReviewRow {
            label_key: key.into(),
            label: label.into(),
            value,
            text: text.into(),
            full_text: None,
            full_label: None,
            full_help: None,
            help: None,
            indent: 0,
            marks: Vec::new(),
            sources: Vec::new(),
        }
    }

    fn review() -> Review {
        Review {
            challenge: ChallengeId::new("c1"),
            enrollment: EnrollmentId::new("dev_1"),
            account: Account {
                issuer: "Example Bank".into(),
                user: "alice@example.com".into(),
            },
            headline: "Pay 249.00 EUR to ExampleCorp".into(),
            binding_message: Some(ShownText {
                shown: "Order 4711".into(),
                ..ShownText::default()
            }),
            sections: vec![
                ReviewSection {
                    title: "Payment".into(),
                    kind: "payment_initiation".into(),
                    rows: vec![
                        row(
                            "amount",
                            "Amount",
                            RowValue::Amount {
                                decimal: "249.00".into(),
                                currency: "EUR".into(),
                            },
                            "249.00 EUR",
                        ),
                        row("creditor", "Recipient", RowValue::Text, "ExampleCorp"),
                    ],
                },
                ReviewSection {
                    title: "Request".into(),
                    kind: "request".into(),
                    rows: vec![
                        row("audience", "API", RowValue::Text, "https://api.example"),
                        row(
                            "scope",
                            "Scopes",
                            RowValue::Lines {
                                lines: vec!["openid".into(), "pay".into()],
                            },
                            "openid, pay",
                        ),
                    ],
                },
            ],
            marks: vec![Mark {
                code: MarkCode::NewAudience,
                severity: Severity::Caution,
                text: "First request for this API.".into(),
            }],
            approval: Approval::Allowed,
            expires_at: 300_000,
            digest: "d".into(),
            locale: "en-US".into(),
        }
    }

    fn screen(width: usize, drawn: bool) -> String {
        let view = View {
            width,
            drawn,
            full: false,
            live: false,
        };
        consent(&review(), 1_000, view)
            .iter()
            .map(|line| line.render(false) + "\n")
            .collect()
    }

    #[test]
    fn the_screen_of_a_payment() {
        insta::assert_snapshot!(screen(60, true), @r"
        ╭─ Approval request ───────────────────────────────────────╮
        │ Example Bank · alice@example.com                         │
        │ API  https://api.example                                 │
        │                                                          │
        │ Pay 249.00 EUR to ExampleCorp                            │
        │                                                          │
        │   ╺━┓╻ ╻┏━┓ ┏━┓┏━┓                                       │
        │   ┏━┛┗━┫┗━┫ ┃ ┃┃ ┃                                       │
        │   ┗━╸  ╹╺━┛▪┗━┛┗━┛ EUR                                   │
        │                                                          │
        │ ▲ First request for this API.                            │
        │                                                          │
        │  ╭─ Same on the other screen? ────────────────────────╮  │
        │  │ Order 4711                                         │  │
        │  ╰────────────────────────────────────────────────────╯  │
        │                                                          │
        │ Payment                                                  │
        │   Amount     249.00 EUR                                  │
        │   Recipient  ExampleCorp                                 │
        │                                                          │
        │ Request                                                  │
        │   Scopes  openid                                         │
        │           pay                                            │
        ├──────────────────────────────────────────────────────────┤
        │ Expires in 4:59                                          │
        ╰──────────────────────────────────────────────────────────╯
        ");
    }

    #[test]
    fn the_screen_of_a_payment_without_a_terminal() {
        insta::assert_snapshot!(screen(60, false), @r"
        Example Bank · alice@example.com
        API  https://api.example

        Pay 249.00 EUR to ExampleCorp

        ▲ First request for this API.

        Same on the other screen?
          > Order 4711

        Payment
          Amount     249.00 EUR
          Recipient  ExampleCorp

        Request
          Scopes  openid
                  pay

        Expires in 4:59
        ");
    }

    fn challenge(alert: Alert, times: u32, others: &[&str]) -> Challenge {
        Challenge {
            id: ChallengeId::new("c1"),
            enrollment: EnrollmentId::new("dev_1"),
            account: Account::default(),
            requested_at: 0,
            received_at: 0,
            expires_at: 300_000,
            origin: Origin::default(),
            has_details: true,
            state: ChallengeState::Open,
            arrival: Arrival::New,
            alert,
            repeats: Repeats {
                times,
                leads: true,
                others: others.iter().map(|id| ChallengeId::new(*id)).collect(),
            },
        }
    }

    #[test]
    fn an_unusual_arrival_is_told_and_an_ordinary_one_is_not() {
        assert!(arrival(&challenge(Alert::Normal, 1, &[]), 80).is_empty());
        let lines = arrival(&challenge(Alert::Silent, 3, &["c2", "c3"]), 80);
        let text: Vec<String> = lines.iter().map(|line| line.render(false)).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        i Arrived silently: a request of this account was reported a short while ago.
        ▲ Asked 3 times.
          Open, and the same: c2 c3
        ");
    }

    #[test]
    fn every_line_fits_a_narrow_terminal() {
        for width in [40, 52, 80] {
            let view = View {
                width,
                drawn: true,
                full: false,
                live: false,
            };
            assert!(
                consent(&review(), 0, view)
                    .iter()
                    .all(|line| line.width() == width)
            );
        }
    }

    #[test]
    fn a_blocked_review_says_why_it_can_only_be_denied() {
        let mut review = review();
        review.approval = Approval::Blocked {
            reason: MarkCode::TooLarge,
            text: "Too large to be shown whole.".into(),
        };
        let view = View {
            width: 60,
            drawn: false,
            full: false,
            live: false,
        };
        let lines: Vec<String> = consent(&review, 0, view)
            .iter()
            .map(|l| l.render(false))
            .collect();
        assert!(lines.contains(&"✖ Too large to be shown whole.".to_owned()));
    }

    #[test]
    fn an_odd_amount_is_not_drawn_large() {
        assert!(large_amount("1e5 EUR").is_empty());
        assert!(large_amount("249").is_empty());
        assert_eq!(large_amount("-1 EUR").len(), 0);
        assert_eq!(large_amount("EUR 7.10").len(), 3);
    }

    #[test]
    fn the_last_second_is_shown_until_it_is_over() {
        assert_eq!(time_left(2_000, 1_001).render(false), "Expires in 0:01");
        assert_eq!(time_left(2_000, 2_000).render(false), "Expired");
    }

    #[test]
    fn a_drawn_qr_code_reads_back() {
        let text = "otpauth://totp/bank-dev:alice%40example.com?enrollment_tx_id=abc&base_url=http%3A%2F%2F127.0.0.1%3A8300";
        let rows: Vec<Vec<char>> = qr(text)
            .iter()
            .map(|line| line.render(false).chars().collect())
            .collect();
        // What a camera sees: two half blocks a cell, three pixels a module.
        let pixel = |x: usize, y: usize| {
            let half = if (y / 3).is_multiple_of(2) {
                ['█', '▀']
            } else {
                ['█', '▄']
            };
            let cell = rows[y / 6].get(x / 3).copied().unwrap_or(' ');
            if half.contains(&cell) { 255 } else { 0 }
        };
        let mut image =
            rqrr::PreparedImage::prepare_from_greyscale(rows[0].len() * 3, rows.len() * 6, pixel);
        let (_, read) = image.detect_grids()[0].decode().unwrap();
        assert_eq!(read, text);
    }

    #[test]
    fn a_qr_code_is_square_in_half_blocks() {
        let lines = qr("otpauth://totp/x?enrollment_tx_id=abc");
        let wide = lines[0].width();
        assert!(lines.iter().all(|line| line.width() == wide));
        assert_eq!(lines.len(), wide.div_ceil(2));
        assert!(lines[0].render(false).chars().all(|c| c == '█'));
    }
}
