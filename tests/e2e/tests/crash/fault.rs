//! What the server does wrong while a phone dies.

use std::time::Duration;

use sandbox::{KnobState, PathClass};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    None,
    /// The server takes the answer, the connection breaks before the phone hears of it.
    LostAnswer,
    /// The server takes the answer and never says a word; the phone gives up.
    Timeout,
    /// The server takes the answer, and says so after the phone has given up.
    LateAnswer,
    /// 500, nothing done.
    Error,
    /// 429, nothing done.
    Busy,
    Slow,
}

pub(crate) const FAULTS: [Fault; 7] = [
    Fault::None,
    Fault::LostAnswer,
    Fault::Timeout,
    Fault::LateAnswer,
    Fault::Error,
    Fault::Busy,
    Fault::Slow,
];

impl Fault {
    pub(crate) fn knobs(self) -> KnobState {
        let once = || [(PathClass::Resolve, 1)].into();
        let mut knobs = KnobState::default();
        match self {
            Fault::None => {}
            Fault::LostAnswer => knobs.lose_answer = once(),
            Fault::Timeout => knobs.stall_answer = once(),
            Fault::LateAnswer => knobs.slow_answer_ms = 200,
            Fault::Error => knobs.server_errors = once(),
            Fault::Busy => knobs.rate_limits = once(),
            Fault::Slow => knobs.slow_answer_ms = 20,
        }
        knobs
    }

    /// How long the phone that dies waits for an answer, where not as long as the core asks.
    pub(crate) fn patience(self) -> Option<Duration> {
        matches!(self, Fault::Timeout | Fault::LateAnswer).then_some(Duration::from_millis(100))
    }

    /// The same for the phone that is started afterwards: it may still meet the silence, and hears what comes late.
    pub(crate) fn patience_later(self) -> Option<Duration> {
        self.patience().filter(|_| matches!(self, Fault::Timeout))
    }
}
