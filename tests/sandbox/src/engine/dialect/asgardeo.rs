//! The Asgardeo and WSO2 Identity Server dialect: a link by e-mail or SMS, or handed to the client, and a browser.

use super::{
    Check, Dialect, Facts, LinkRules, Paths, Polling, Rate, Replies, StartRules, TokenRules, Way,
    seconds,
};
use crate::engine::may_use_ciba;
use crate::engine::origins::Origins;
use crate::engine::refusal::Refusal;
use crate::engine::start::Start;
use crate::options::Options;
use crate::state::{Channel, Client, StateError, Tx, User};
use crate::text::random_uuid;

/// Characters of a binding message. The reference names no number; what goes out as an SMS has to end somewhere.
const MAX_MESSAGE: usize = 255;
/// Expiry time of an application that sets none.
const EXPIRY_S: u32 = 120;
const NO_GRANT: &str = "Client has not configured grant_type properly.";

pub(super) const ASGARDEO: Dialect = Dialect {
    paths: Paths {
        prefix: Some("/t/{tenant}"),
        issuer: "/oauth2/token",
        start: "/oauth2/ciba",
        token: &["/oauth2/token"],
        discovery: "/oauth2/token/.well-known/openid-configuration",
        jwks: "/oauth2/jwks",
        userinfo: "/oauth2/userinfo",
        link: "/oauth2/ciba_authorize",
        link_key: "authCodeKey",
    },
    start: StartRules {
        client,
        no_grant: NO_GRANT,
        required,
        expiry,
        user,
        hint: |_, user| user.username.as_ref().unwrap_or(&user.user_id).clone(),
        unknown_user: || Refusal::invalid("Invalid ciba request."),
        message: |text, _| match acceptable(text) {
            true => Ok(()),
            false => Err(
                "The binding message has characters that are not allowed, or too many".to_owned(),
            ),
        },
        rich: false,
        channels: &[Channel::Email, Channel::Sms, Channel::External],
        ready_channels: &[Channel::Email, Channel::Sms, Channel::External],
        choose,
        ways: &[
            way("Every automatic channel", None),
            way("E-mail", Some("email")),
            way("SMS", Some("sms")),
            way("A link for the client", Some("external")),
        ],
        interval_s: 2,
        new_id: random_uuid,
    },
    polling: Polling {
        order: &[
            Check::Expired,
            Check::Used,
            Check::Denied,
            Check::TooFast,
            Check::Approved,
        ],
        rate: Rate {
            tolerance_ms: 0,
            step_s: 3,
            max_s: u32::MAX,
            from_start: true,
            only_pending: true,
            told: false,
        },
        remember_ms: i64::MAX,
        replies: Replies {
            unknown: ("invalid_grant", "invalid auth_req_id"),
            foreign: (
                "invalid_grant",
                "Invalid client. Request ID issued for different client",
            ),
            // Literally so.
            used: ("invalid_grant", "invalid_request"),
            denied: ("access_denied", "User denied authentication"),
            expired: |_| ("expired_token", "Token expired"),
            too_fast: ("slow_down", "Slow down"),
            pending: ("authorization_pending", "Authorization pending"),
        },
    },
    tokens: TokenRules {
        life_s: 3_600,
        json: false,
        refresh: |client, _| {
            client
                .grant_types
                .iter()
                .any(|grant| grant == "refresh_token")
        },
    },
    links: LinkRules {
        new_key: random_uuid,
        failed_login_denies: true,
        over: Some("/authenticationendpoint/device_success.do?error=invalid.authCodeKey"),
        mismatch: Some("/authenticationendpoint/retry.do?status=ciba.user.mismatch"),
        origin: false,
    },
    devices: false,
};

/// The same with the rhythm of polls as CIBA Core §11 wants it.
pub(super) const WITHOUT_QUIRKS: Dialect = Dialect {
    polling: Polling {
        order: &[
            Check::Expired,
            Check::Used,
            Check::Denied,
            Check::Approved,
            Check::TooFast,
        ],
        rate: Rate {
            step_s: 5,
            from_start: false,
            only_pending: false,
            ..ASGARDEO.polling.rate
        },
        ..ASGARDEO.polling
    },
    ..ASGARDEO
};

const fn way(label: &'static str, channel: Option<&'static str>) -> Way {
    Way {
        label,
        channel,
        expiry_s: None,
    }
}

fn client(client: &Client, _: &Options) -> Result<(), Refusal> {
    if !may_use_ciba(client) {
        return Err(Refusal::unauthorized(NO_GRANT));
    }
    if client.token_endpoint_auth_method == "none" {
        return Err(Refusal::unauthorized(
            "Public clients are not allowed to use CIBA.",
        ));
    }
    Ok(())
}

fn required(start: &Start<'_>) -> Result<(), Refusal> {
    if start.scope.is_some() && (start.login_hint.is_some() || start.other_hints > 0) {
        return Ok(());
    }
    Err(Refusal::invalid(
        "Missing required parameters. Either 'request' JWT or (scope, login_hint) are required.",
    ))
}

/// More than the application's expiry time is lowered to it, not refused.
fn expiry(requested: Option<&str>, client: &Client) -> Result<u32, Refusal> {
    let longest = client.expiry_s.unwrap_or(EXPIRY_S);
    let Some(text) = requested else {
        return Ok(longest);
    };
    let asked =
        seconds(text).ok_or_else(|| Refusal::invalid("requested_expiry must be positive."))?;
    Ok(u32::try_from(asked).unwrap_or(u32::MAX).min(longest))
}

/// A user name, a user id, or an address that one user alone has.
fn user(tx: &Tx<'_>, _: &Origins, hint: &str) -> Result<Result<Option<User>, Refusal>, StateError> {
    let users: Vec<User> = tx.all()?;
    let one = |fits: &dyn Fn(&User) -> bool| {
        let mut fitting = users.iter().filter(|user| fits(user));
        fitting.next().filter(|_| fitting.next().is_none()).cloned()
    };
    let found = one(&|user| user.username.as_deref() == Some(hint))
        .or_else(|| one(&|user| user.user_id == hint))
        .or_else(|| one(&|user| user.email.as_deref() == Some(hint)));
    Ok(Ok(found))
}

/// Free text without `<`, `>` and control characters, not blank and not endless.
fn acceptable(text: &str) -> bool {
    let refused = |c: char| matches!(c, '<' | '>' | '\0'..='\x1f' | '\x7f');
    !text.trim().is_empty() && !text.contains(refused) && text.chars().count() <= MAX_MESSAGE
}

/// The one that was asked for; else every automatic one that reaches the user; `external` by itself only if it is the
/// only one. If none reaches the user the request still starts.
fn choose(facts: &Facts<'_>) -> Result<Vec<Channel>, Refusal> {
    if facts.enabled.is_empty() {
        return Err(Refusal::invalid(
            "No notification channels configured for the application.",
        ));
    }
    if let Some(name) = facts.asked {
        let channel = Channel::of(name)
            .filter(|channel| facts.on(*channel))
            .ok_or_else(|| {
                Refusal::invalid(
                    "Requested notification channel is not allowed for this application.",
                )
            })?;
        return match obstacle(channel, facts) {
            None => Ok(vec![channel]),
            Some(why) => Err(Refusal::invalid(why)),
        };
    }
    if facts.enabled == [Channel::External] {
        return Ok(vec![Channel::External]);
    }
    Ok([Channel::Email, Channel::Sms]
        .into_iter()
        .filter(|channel| facts.on(*channel) && obstacle(*channel, facts).is_none())
        .collect())
}

/// Why a channel does not reach the user.
fn obstacle(channel: Channel, facts: &Facts<'_>) -> Option<&'static str> {
    let options = facts.options;
    match channel {
        Channel::Email if !options.email_provider => {
            Some("There is no email provider in the organization.")
        }
        Channel::Email if !facts.verified_email => {
            Some("The user does not have a verified email address.")
        }
        Channel::Sms if !options.sms_provider => {
            Some("There is no SMS provider in the organization.")
        }
        Channel::Sms if !facts.phone_number => Some("The user does not have a mobile number."),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Channel::{Email, External, Sms};

    fn facts<'a>(options: &'a Options, enabled: &'a [Channel]) -> Facts<'a> {
        Facts {
            enabled,
            asked: None,
            expiry_s: 120,
            options,
            device: false,
            verified_email: true,
            phone_number: true,
        }
    }

    #[test]
    fn without_a_wish_every_automatic_channel_that_reaches_the_user_is_used() {
        let options = Options::default();
        let all: &[Channel] = &[External, Sms, Email];
        for (name, facts, expected) in [
            ("all", facts(&options, all), &[Email, Sms][..]),
            (
                "no verified address",
                Facts {
                    verified_email: false,
                    ..facts(&options, all)
                },
                &[Sms],
            ),
            (
                "no number",
                Facts {
                    phone_number: false,
                    ..facts(&options, all)
                },
                &[Email],
            ),
            (
                "nobody can be reached",
                Facts {
                    verified_email: false,
                    ..facts(&options, &[Email, External])
                },
                &[],
            ),
            (
                "external beside others",
                facts(&options, &[External, Email]),
                &[Email],
            ),
            ("external alone", facts(&options, &[External]), &[External]),
        ] {
            assert_eq!(choose(&facts), Ok(expected.to_vec()), "{name}");
        }
    }

    #[test]
    fn a_channel_that_was_asked_for_must_be_allowed_and_reach_the_user() {
        let options = Options::default();
        let poor = Options {
            email_provider: false,
            sms_provider: false,
            ..Options::default()
        };
        let all: &[Channel] = &[Email, Sms, External];
        let found = |name: &str, facts: Facts<'_>| {
            choose(&Facts {
                asked: Some(name),
                ..facts
            })
            .map_err(|refusal| {
                assert_eq!((refusal.status, refusal.error), (400, "invalid_request"));
                refusal.description
            })
        };
        assert_eq!(found("external", facts(&options, all)), Ok(vec![External]));
        assert_eq!(found("sms", facts(&options, all)), Ok(vec![Sms]));
        let not_allowed = "Requested notification channel is not allowed for this application.";
        for (name, facts, why) in [
            ("sms", facts(&options, &[Email]), not_allowed),
            ("pigeon", facts(&options, all), not_allowed),
            ("guardian-push", facts(&options, all), not_allowed),
            (
                "email",
                Facts {
                    verified_email: false,
                    ..facts(&options, all)
                },
                "The user does not have a verified email address.",
            ),
            (
                "sms",
                Facts {
                    phone_number: false,
                    ..facts(&options, all)
                },
                "The user does not have a mobile number.",
            ),
            (
                "email",
                facts(&poor, all),
                "There is no email provider in the organization.",
            ),
            (
                "sms",
                facts(&poor, all),
                "There is no SMS provider in the organization.",
            ),
            (
                "email",
                facts(&options, &[]),
                "No notification channels configured for the application.",
            ),
        ] {
            assert_eq!(found(name, facts), Err(why.to_owned()), "{name}");
        }
    }

    #[test]
    fn a_longer_life_than_the_applications_is_lowered_to_it() {
        let client = Client::default();
        let raised = Client {
            expiry_s: Some(600),
            ..Client::default()
        };
        assert_eq!(expiry(None, &client), Ok(120));
        assert_eq!(expiry(Some("60"), &client), Ok(60));
        assert_eq!(expiry(Some("99999999999999999999999"), &client), Ok(120));
        assert_eq!(expiry(Some("601"), &raised), Ok(600));
        for text in ["0", "-5", "1.5", "soon"] {
            let refusal = expiry(Some(text), &client).expect_err(text);
            assert_eq!((refusal.status, refusal.error), (400, "invalid_request"));
        }
    }

    #[test]
    fn a_binding_message_is_free_text_without_markup_and_control_characters() {
        for text in [
            "Please authenticate to My App",
            "Zahlung für dich — 5 €",
            "a",
        ] {
            assert!(acceptable(text), "{text}");
        }
        for text in ["", "  ", "a<b", "a>b", "a\nb", "a\tb", "\u{7f}"] {
            assert!(!acceptable(text), "{text:?}");
        }
        assert!(acceptable(&"ü".repeat(255)) && !acceptable(&"ü".repeat(256)));
    }
}
