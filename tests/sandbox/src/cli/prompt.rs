//! The question under a consent screen: y, n, or nothing; where the core wants it, a typed confirmation.

use std::time::Duration;

use authenticator_core::{Approval, Confirmation, Review};

use super::handset::now;
use super::render::time_left;
use super::terminal::{Key, Keys, Live, Terminal, stop_signal};
use super::text::{Line, Tone};

/// What a person answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Approve {
        confirmation: Option<String>,
    },
    Deny,
    /// Time is up.
    Nothing,
    /// Ctrl-C: no answer, and no further question.
    Interrupted,
}

/// The question, and what has been typed so far.
pub(crate) struct Prompt {
    approval: Approval,
    expires_at: i64,
    /// Said again where the top of the screen may have scrolled away.
    headline: Option<String>,
    typed: Option<String>,
}

impl Prompt {
    /// `shown`: lines of the consent above the question.
    pub(crate) fn new(review: &Review, shown: usize, terminal: Terminal) -> Prompt {
        Prompt {
            headline: (shown + 6 > terminal.height).then(|| review.headline.clone()),
            approval: review.approval.clone(),
            expires_at: review.expires_at,
            typed: None,
        }
    }

    /// Takes a key; an answer when that was the last one needed.
    pub(crate) fn key(&mut self, key: Key) -> Option<Answer> {
        if key == Key::Interrupt {
            return Some(Answer::Interrupted);
        }
        if let Some(typed) = &mut self.typed {
            match key {
                Key::Letter(c) if typed.len() < 20 && !c.is_whitespace() => typed.push(c),
                // Rubbing out the empty line leads back to the question.
                Key::Backspace if typed.pop().is_none() => self.typed = None,
                Key::Enter if !typed.is_empty() => {
                    return Some(Answer::Approve {
                        confirmation: Some(std::mem::take(typed)),
                    });
                }
                _ => {}
            }
            return None;
        }
        match (key, &self.approval) {
            (Key::Letter('n' | 'N'), _) => Some(Answer::Deny),
            (Key::Letter('y' | 'Y'), Approval::Allowed) => {
                Some(Answer::Approve { confirmation: None })
            }
            (Key::Letter('y' | 'Y'), Approval::NeedsConfirmation { .. }) => {
                self.typed = Some(String::new());
                None
            }
            _ => None,
        }
    }

    pub(crate) fn lines(&self, now: i64) -> Vec<Line> {
        let question = match (&self.approval, &self.typed) {
            (Approval::Blocked { .. }, _) => {
                key_line("n", "deny").and(Tone::Faint, "   (approval is not possible)")
            }
            (
                Approval::NeedsConfirmation {
                    confirmation:
                        Confirmation::AmountDigits { prompt } | Confirmation::Number { prompt, .. },
                },
                Some(typed),
            ) => Line::plain(format!("{prompt} ")).and(Tone::Strong, format!("{typed}_")),
            _ => key_line("y", "approve")
                .and(Tone::Plain, "   ")
                .join(key_line("n", "deny")),
        };
        let headline = self
            .headline
            .as_deref()
            .map(|words| Line::toned(Tone::Strong, words));
        headline
            .into_iter()
            .chain([question, time_left(self.expires_at, now)])
            .collect()
    }

    pub(crate) fn expired(&self, now: i64) -> bool {
        now >= self.expires_at
    }
}

fn key_line(key: &str, meaning: &str) -> Line {
    Line::toned(Tone::Accent, format!("[{key}] ")).and(Tone::Strong, meaning)
}

/// Asks under what is on the screen already, with a clock that runs down.
pub(crate) async fn ask(
    terminal: Terminal,
    keys: &mut Keys,
    review: &Review,
    shown: usize,
) -> Answer {
    let mut prompt = Prompt::new(review, shown, terminal);
    let mut live = Live::new(terminal);
    live.draw(&prompt.lines(now()));
    if keys.forget().await.is_some() {
        live.keep(&[]);
        return Answer::Interrupted;
    }
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    let mut stop = std::pin::pin!(stop_signal());
    let answer = loop {
        live.draw(&prompt.lines(now()));
        tokio::select! {
            key = keys.next() => if let Some(answer) = prompt.key(key) {
                break answer;
            },
            _ = &mut stop => break Answer::Interrupted,
            _ = tick.tick() => if prompt.expired(now()) {
                break Answer::Nothing;
            },
        }
    };
    live.keep(&[]);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use authenticator_core::MarkCode;

    fn prompt(approval: Approval) -> Prompt {
        Prompt {
            approval,
            expires_at: 1_000,
            headline: None,
            typed: None,
        }
    }

    fn amount() -> Prompt {
        prompt(Approval::NeedsConfirmation {
            confirmation: Confirmation::AmountDigits {
                prompt: "Type the amount.".into(),
            },
        })
    }

    #[test]
    fn y_approves_and_n_denies() {
        let approve = Answer::Approve { confirmation: None };
        assert_eq!(
            prompt(Approval::Allowed).key(Key::Letter('y')),
            Some(approve)
        );
        assert_eq!(
            prompt(Approval::Allowed).key(Key::Letter('n')),
            Some(Answer::Deny)
        );
    }

    #[test]
    fn enter_and_other_letters_are_no_answer() {
        for key in [Key::Enter, Key::Letter('x'), Key::Backspace] {
            assert_eq!(prompt(Approval::Allowed).key(key), None);
        }
    }

    #[test]
    fn a_blocked_review_can_only_be_denied() {
        let mut blocked = prompt(Approval::Blocked {
            reason: MarkCode::TooLarge,
            text: String::new(),
        });
        assert_eq!(blocked.key(Key::Letter('y')), None);
        assert_eq!(blocked.key(Key::Letter('n')), Some(Answer::Deny));
    }

    #[test]
    fn a_confirmation_is_typed_after_y_and_ends_with_enter() {
        let mut amount = amount();
        for key in [
            Key::Letter('y'),
            Key::Enter,
            Key::Letter('2'),
            Key::Letter('5'),
            Key::Backspace,
            Key::Letter('4'),
        ] {
            assert_eq!(amount.key(key), None);
        }
        assert_eq!(
            amount.key(Key::Enter),
            Some(Answer::Approve {
                confirmation: Some("24".into())
            })
        );
    }

    #[test]
    fn while_typing_a_letter_n_is_no_denial_and_rubbing_out_leads_back() {
        let mut amount = amount();
        amount.key(Key::Letter('y'));
        assert_eq!(amount.key(Key::Letter('n')), None);
        amount.key(Key::Backspace);
        amount.key(Key::Backspace);
        assert_eq!(amount.key(Key::Letter('n')), Some(Answer::Deny));
    }
}
