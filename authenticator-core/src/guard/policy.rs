//! How careful the guard is: chosen by the app, checked when the store opens.

use std::time::Duration;

use crate::consent::{Mark, MarkCode, Severity};
use crate::error::{Error, ErrorCode, Result};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// When a request is a repeat, when requests are too many, how long a report keeps a requester quiet, and which marks
/// ask for a typed confirmation. Part of [`crate::Config`].
///
/// ```
/// use std::time::Duration;
/// use authenticator_core::{Config, GuardPolicy, MarkCode};
///
/// let mut config = Config::new("/data/app/authenticator.db");
/// config.guard = GuardPolicy {
///     quiet_period: Duration::from_secs(60 * 60),
///     also_confirm: vec![MarkCode::HighestAmountYet],
///     ..GuardPolicy::default()
/// };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct GuardPolicy {
    /// Challenges of one account are counted over this time; 1 minute to 24 hours. 10 minutes.
    pub window: Duration,
    /// From the so many-th challenge within `window` on, a review is marked `many_requests`; 2 to 100. 6.
    pub many: u32,
    /// A request is a repeat (mark `repeated_request`) while an earlier one for the same is open, and for so long after
    /// that was denied or missed; up to 24 hours. 10 minutes.
    pub repeat_window: Duration,
    /// For so long after a denial with the reason `not_me` challenges arrive silently ([`crate::Alert`]); up to 24 hours,
    /// zero for never. 20 minutes.
    pub quiet_period: Duration,
    /// So many challenges of one account can be open; a further one is refused with `too_many_challenges`; 2 to 200. 20.
    pub open_limit: u32,
    /// Marks that ask for a typed confirmation besides those of [`Severity::Danger`]. None.
    pub also_confirm: Vec<MarkCode>,
    /// Marks of [`Severity::Danger`] that do not ask for one. None; each of them makes fooling a person easier. What
    /// blocks an approval blocks it all the same.
    pub never_confirm: Vec<MarkCode>,
}

impl Default for GuardPolicy {
    fn default() -> Self {
        GuardPolicy {
            window: 10 * MINUTE,
            many: 6,
            repeat_window: 10 * MINUTE,
            quiet_period: 20 * MINUTE,
            open_limit: 20,
            also_confirm: Vec::new(),
            never_confirm: Vec::new(),
        }
    }
}

impl GuardPolicy {
    /// `configuration_invalid` names the member that cannot be used.
    pub(crate) fn check(&self) -> Result<()> {
        let invalid = |message: &str| Err(Error::new(ErrorCode::ConfigurationInvalid, message));
        if !(MINUTE..=DAY).contains(&self.window) {
            return invalid("guard.window must be 1 minute to 24 hours");
        }
        if !(2..=100).contains(&self.many) {
            return invalid("guard.many must be 2 to 100");
        }
        if self.repeat_window > DAY {
            return invalid("guard.repeat_window must be 24 hours at most");
        }
        if self.quiet_period > DAY {
            return invalid("guard.quiet_period must be 24 hours at most");
        }
        if !(2..=200).contains(&self.open_limit) {
            return invalid("guard.open_limit must be 2 to 200");
        }
        match self
            .also_confirm
            .iter()
            .find(|code| self.never_confirm.contains(code))
        {
            Some(code) => invalid(&format!(
                "guard.also_confirm and guard.never_confirm both name {}",
                code.as_str()
            )),
            None => Ok(()),
        }
    }

    /// Whether this mark asks for a typed confirmation.
    pub(crate) fn confirms(&self, mark: &Mark) -> bool {
        match mark.severity {
            Severity::Danger => !self.never_confirm.contains(&mark.code),
            Severity::Info | Severity::Caution => self.also_confirm.contains(&mark.code),
        }
    }
}

/// A time of the policy as the store and the clock count it.
pub(crate) fn ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::mark;

    #[test]
    fn the_default_is_usable_and_confirms_what_is_dangerous() {
        let policy = GuardPolicy::default();
        policy.check().unwrap();
        for code in MarkCode::ALL {
            let dangerous = code.severity() == Severity::Danger;
            assert_eq!(policy.confirms(&mark(*code, "en")), dangerous, "{code:?}");
        }
    }

    #[test]
    fn the_app_chooses_which_marks_ask_for_a_confirmation() {
        let policy = GuardPolicy {
            also_confirm: vec![MarkCode::HighestAmountYet],
            never_confirm: vec![MarkCode::ManyRequests],
            ..GuardPolicy::default()
        };
        policy.check().unwrap();
        assert!(policy.confirms(&mark(MarkCode::HighestAmountYet, "en")));
        assert!(!policy.confirms(&mark(MarkCode::ManyRequests, "en")));
        assert!(policy.confirms(&mark(MarkCode::PreviouslyReported, "en")));
        assert!(!policy.confirms(&mark(MarkCode::NewAudience, "en")));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        type Change = fn(&mut GuardPolicy);
        let wrong: [(&str, Change); 9] = [
            ("guard.window", |p| p.window = MINUTE / 2),
            ("guard.window", |p| p.window = 2 * DAY),
            ("guard.many", |p| p.many = 1),
            ("guard.many", |p| p.many = 101),
            ("guard.repeat_window", |p| p.repeat_window = 2 * DAY),
            ("guard.quiet_period", |p| p.quiet_period = Duration::MAX),
            ("guard.open_limit", |p| p.open_limit = 1),
            ("guard.open_limit", |p| p.open_limit = 201),
            ("clock_off", |p| {
                p.also_confirm = vec![MarkCode::ClockOff];
                p.never_confirm = vec![MarkCode::ManyRequests, MarkCode::ClockOff];
            }),
        ];
        for (named, change) in wrong {
            let mut policy = GuardPolicy::default();
            change(&mut policy);
            let error = policy.check().unwrap_err();
            assert_eq!(error.code(), ErrorCode::ConfigurationInvalid);
            assert!(error.message().contains(named), "{error}");
        }
    }
}
