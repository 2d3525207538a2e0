//! What differs between the vendors' dialects, as tables that the one engine reads.
//!
//! A dialect is a file here with one [`Dialect`] in it: numbers, paths, texts, the order of checks, and its rules as
//! functions. The engine asks the table and never the name.

mod asgardeo;
mod auth0;

use crate::options::{DialectName, Options};
use crate::state::{Channel, Client, StateError, Tx, User};

use super::origins::Origins;
use super::refusal::Refusal;
use super::start::Start;

/// One dialect.
pub(crate) struct Dialect {
    pub(crate) paths: Paths,
    pub(crate) start: StartRules,
    pub(crate) polling: Polling,
    pub(crate) tokens: TokenRules,
    pub(crate) links: LinkRules,
    /// Whether phones enrol and answer by themselves, and the Management API manages them.
    pub(crate) devices: bool,
}

/// Paths, each below the origin and, where there is one, the prefix.
pub(crate) struct Paths {
    /// What may stand in front of every path of a tenant, `{tenant}` being its name.
    pub(crate) prefix: Option<&'static str>,
    /// What the issuer has behind the origin.
    pub(crate) issuer: &'static str,
    pub(crate) start: &'static str,
    /// The first is the one that metadata names.
    pub(crate) token: &'static [&'static str],
    pub(crate) discovery: &'static str,
    pub(crate) jwks: &'static str,
    pub(crate) userinfo: &'static str,
    /// The user's link, and the parameter that has its key.
    pub(crate) link: &'static str,
    pub(crate) link_key: &'static str,
}

/// Rules of the backchannel endpoint, in the order in which they are asked.
pub(crate) struct StartRules {
    /// Whether the client may use CIBA at all.
    pub(crate) client: fn(&Client, &Options) -> Result<(), Refusal>,
    /// Why a client without the grant is refused.
    pub(crate) no_grant: &'static str,
    /// Whether everything that has to be there is there.
    pub(crate) required: fn(&Start<'_>) -> Result<(), Refusal>,
    /// The life of the request in seconds.
    pub(crate) expiry: fn(Option<&str>, &Client) -> Result<u32, Refusal>,
    /// Whom the hint names.
    pub(crate) user: FindUser,
    /// The hint that names a user.
    pub(crate) hint: fn(issuer: &str, &User) -> String,
    /// What a hint that names nobody gets.
    pub(crate) unknown_user: fn() -> Refusal,
    /// Whether a binding message may be shown; the rule in words where it may not.
    pub(crate) message: fn(&str, &Options) -> Result<(), String>,
    /// Whether `audience` and `authorization_details` are read.
    pub(crate) rich: bool,
    /// Ways to reach the user: those that a client may be given, those it has from the start, and the choice.
    pub(crate) channels: &'static [Channel],
    pub(crate) ready_channels: &'static [Channel],
    pub(crate) choose: fn(&Facts<'_>) -> Result<Vec<Channel>, Refusal>,
    /// What the console offers: the first by itself.
    pub(crate) ways: &'static [Way],
    /// Smallest number of seconds between two polls.
    pub(crate) interval_s: u32,
    pub(crate) new_id: fn() -> String,
}

/// A way to reach the person that a start can ask for.
pub(crate) struct Way {
    pub(crate) label: &'static str,
    pub(crate) channel: Option<&'static str>,
    pub(crate) expiry_s: Option<u32>,
}

/// Finds the user that a hint names; the error says what is wrong with the hint.
pub(crate) type FindUser =
    fn(&Tx<'_>, &Origins, &str) -> Result<Result<Option<User>, Refusal>, StateError>;

/// The facts that the choice of channels depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    /// Channels of the client.
    pub(crate) enabled: &'a [Channel],
    /// `notification_channel`.
    pub(crate) asked: Option<&'a str>,
    pub(crate) expiry_s: u32,
    pub(crate) options: &'a Options,
    /// The user has an enrolled device.
    pub(crate) device: bool,
    /// The user has a verified e-mail address.
    pub(crate) verified_email: bool,
    /// The user has a phone number.
    pub(crate) phone_number: bool,
}

impl Facts<'_> {
    pub(crate) fn on(&self, channel: Channel) -> bool {
        self.enabled.contains(&channel)
    }
}

/// Rules of polling.
pub(crate) struct Polling {
    /// The first check that says something decides.
    pub(crate) order: &'static [Check],
    pub(crate) rate: Rate,
    /// How long a final error is repeated before the request is forgotten.
    pub(crate) remember_ms: i64,
    pub(crate) replies: Replies,
}

/// One look at a request that is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    Used,
    Denied,
    Expired,
    Approved,
    TooFast,
}

/// When a poll is too fast, and what comes of it.
pub(crate) struct Rate {
    /// How much earlier than the interval a poll may come.
    pub(crate) tolerance_ms: i64,
    /// By how much the interval grows with each poll that is too fast, and the largest one.
    pub(crate) step_s: u32,
    pub(crate) max_s: u32,
    /// The first poll is measured from the start; else it is never too fast.
    pub(crate) from_start: bool,
    /// Only a poll that was told to go on counts as the previous one; else every poll does.
    pub(crate) only_pending: bool,
    /// The new interval is told, in the body and as `Retry-After`.
    pub(crate) told: bool,
}

/// An error code with its description.
pub(crate) type Reply = (&'static str, &'static str);

/// What the token endpoint says of a request.
pub(crate) struct Replies {
    pub(crate) unknown: Reply,
    /// The request is another client's.
    pub(crate) foreign: Reply,
    pub(crate) used: Reply,
    pub(crate) denied: Reply,
    pub(crate) expired: fn(&Options) -> Reply,
    /// `{n}` is the new interval.
    pub(crate) too_fast: Reply,
    pub(crate) pending: Reply,
}

/// Rules of the answer with tokens.
pub(crate) struct TokenRules {
    /// Life of an access token where no API says another one.
    pub(crate) life_s: i64,
    /// Whether the token endpoint reads JSON beside forms.
    pub(crate) json: bool,
    /// Whether a refresh token is handed out.
    pub(crate) refresh: fn(&Client, &[String]) -> bool,
}

/// Rules of the page behind the user's link.
pub(crate) struct LinkRules {
    pub(crate) new_key: fn() -> String,
    /// Whether a failed login denies the request.
    pub(crate) failed_login_denies: bool,
    /// Where a link leads that is used or over; else the page itself says so.
    pub(crate) over: Option<&'static str>,
    /// Where somebody else's login leads; else the page itself says so.
    pub(crate) mismatch: Option<&'static str>,
    /// Whether something is known of where the request comes from.
    pub(crate) origin: bool,
}

/// The table of a sandbox.
pub(crate) fn of(options: &Options) -> &'static Dialect {
    match options.dialect {
        DialectName::Auth0 => &auth0::AUTH0,
        DialectName::Asgardeo if options.quirks => &asgardeo::ASGARDEO,
        DialectName::Asgardeo => &asgardeo::WITHOUT_QUIRKS,
    }
}

impl Dialect {
    /// The prefix that a path came with, for a tenant of this name.
    pub(crate) fn prefix_of(&self, tenant: &str, path: &str) -> String {
        let Some(prefix) = self.prefix(tenant) else {
            return String::new();
        };
        match path.strip_prefix(prefix.as_str()) {
            Some(rest) if rest.starts_with('/') => prefix,
            _ => String::new(),
        }
    }

    /// The prefix of a tenant's paths, percent-encoded.
    pub(crate) fn prefix(&self, tenant: &str) -> Option<String> {
        let tenant =
            percent_encoding::utf8_percent_encode(tenant, percent_encoding::NON_ALPHANUMERIC);
        // `-` may stand as it is, and usually does.
        let tenant = tenant.to_string().replace("%2D", "-");
        Some(self.paths.prefix?.replace("{tenant}", &tenant))
    }

    /// The issuer below a base (origin and prefix).
    pub(crate) fn issuer(&self, base: &str) -> String {
        format!("{base}{}", self.paths.issuer)
    }

    /// Whether a client assertion for this path of ours is for this server.
    pub(crate) fn addressed(&self, path: &str) -> bool {
        matches!(path, "" | "/")
            || path == self.paths.issuer
            || path == self.paths.start
            || self.paths.token.contains(&path)
    }
}

/// Seconds from a parameter: decimal digits, more than none.
fn seconds(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let significant = text.trim_start_matches('0');
    if !digits || significant.is_empty() {
        return None;
    }
    // Too many digits for a number are still a number of seconds.
    Some(significant.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_known_by_the_tenants_name_and_nothing_else() {
        let dialect = &asgardeo::ASGARDEO;
        for (path, prefix) in [
            ("/t/bank-dev/oauth2/token", "/t/bank-dev"),
            ("/t/other/oauth2/token", ""),
            ("/t/bank-dev", ""),
            ("/t/bank-developer/oauth2/token", ""),
            ("/oauth2/token", ""),
        ] {
            assert_eq!(dialect.prefix_of("bank-dev", path), prefix, "{path}");
        }
        assert_eq!(auth0::AUTH0.prefix_of("bank-dev", "/t/bank-dev/x"), "");
        assert_eq!(dialect.prefix("a b/c").as_deref(), Some("/t/a%20b%2Fc"));
    }

    #[test]
    fn seconds_are_digits_and_more_than_none() {
        assert_eq!(seconds("300"), Some(300));
        assert_eq!(seconds("0300"), Some(300));
        assert_eq!(seconds(&"9".repeat(40)), Some(u64::MAX));
        for text in ["0", "00", "-1", "+1", "1.5", "soon", " 1", "1 "] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
