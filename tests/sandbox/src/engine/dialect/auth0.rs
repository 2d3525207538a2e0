//! The Auth0 dialect: pushes to a Guardian-compatible authenticator, e-mail beside them.

use super::{
    Check, Dialect, Facts, LinkRules, Paths, Polling, Rate, Replies, Reply, StartRules, TokenRules,
    Way, seconds,
};
use crate::engine::origins::Origins;
use crate::engine::refusal::Refusal;
use crate::engine::start::{Start, scopes};
use crate::engine::{binding, hint, may_use_ciba};
use crate::options::{ExpiryError, NotEnrolledStatus, Options};
use crate::state::{Channel, Client, StateError, Tx, User};
use crate::text::random_token;

/// Longest life for which a push is sent; longer ones are for e-mail.
const PUSH_EXPIRY_S: u32 = 300;
const MAX_EXPIRY_S: u32 = 259_200;
const NO_GRANT: &str = "The client may not use the CIBA grant";
const DENIED: &str = "The end-user denied the authorization request or it has been expired";
const GONE: Reply = ("invalid_grant", "Invalid or expired auth_req_id");

pub(super) const AUTH0: Dialect = Dialect {
    paths: Paths {
        prefix: None,
        issuer: "/",
        start: "/bc-authorize",
        token: &["/oauth/token", "/token"],
        discovery: "/.well-known/openid-configuration",
        jwks: "/.well-known/jwks.json",
        userinfo: "/userinfo",
        link: "/bc-verify",
        link_key: "consent",
    },
    start: StartRules {
        client,
        no_grant: NO_GRANT,
        required,
        expiry,
        user,
        hint: |issuer, user| {
            serde_json::json!({ "format": "iss_sub", "iss": issuer, "sub": user.user_id })
                .to_string()
        },
        unknown_user: || Refusal::new(400, "unknown_user_id", "User ID is malformed or unknown"),
        message: |text, options| match binding::acceptable(text, options.binding_message_policy) {
            true => Ok(()),
            false => Err(binding::rule(options.binding_message_policy)),
        },
        rich: true,
        channels: &[Channel::Push, Channel::Email],
        // E-mail has to be enabled explicitly.
        ready_channels: &[Channel::Push],
        choose,
        ways: &[
            Way {
                label: "Push",
                channel: None,
                expiry_s: None,
            },
            // The wanted life chooses the channel.
            Way {
                label: "E-mail (10 minutes)",
                channel: None,
                expiry_s: Some(600),
            },
        ],
        interval_s: 5,
        new_id: || random_token(48),
    },
    polling: Polling {
        // A final state always wins over the rate check, so that a client with a wrong rhythm still gets its result.
        order: &[
            Check::Used,
            Check::Denied,
            Check::Expired,
            Check::Approved,
            Check::TooFast,
        ],
        rate: Rate {
            tolerance_ms: 500,
            step_s: 5,
            max_s: 60,
            from_start: false,
            only_pending: false,
            told: true,
        },
        remember_ms: 300_000,
        replies: Replies {
            unknown: GONE,
            foreign: GONE,
            used: GONE,
            denied: ("access_denied", DENIED),
            expired: |options| match options.expiry_error {
                ExpiryError::AccessDenied => ("access_denied", DENIED),
                ExpiryError::ExpiredToken => ("expired_token", "The auth_req_id has expired"),
            },
            too_fast: (
                "slow_down",
                "You are polling faster than allowed. Try again in {n} seconds.",
            ),
            pending: (
                "authorization_pending",
                "The end-user authorization is pending",
            ),
        },
    },
    tokens: TokenRules {
        life_s: 86_400,
        json: true,
        refresh: |_, scope| scope.iter().any(|scope| scope == "offline_access"),
    },
    links: LinkRules {
        // The form of a consent id, but not that of the request, which stands in logs and on the console.
        new_key: || format!("cns_{}", random_token(16)),
        failed_login_denies: false,
        over: None,
        mismatch: None,
        origin: true,
    },
    devices: true,
};

fn client(client: &Client, options: &Options) -> Result<(), Refusal> {
    let public = client.token_endpoint_auth_method == "none";
    let refusals = [
        (
            !options.ciba_enabled,
            "CIBA is not available for this tenant",
        ),
        (!may_use_ciba(client), NO_GRANT),
        (
            !client.is_first_party,
            "The client is not a first-party client",
        ),
        (!client.oidc_conformant, "The client is not OIDC-conformant"),
        (public, "The client is not a confidential client"),
    ];
    match refusals.iter().find(|(refused, _)| *refused) {
        Some((_, why)) => Err(Refusal::unauthorized(why)),
        None => Ok(()),
    }
}

fn required(start: &Start<'_>) -> Result<(), Refusal> {
    scopes(start.scope)?;
    match start.binding_message {
        Some(_) => Ok(()),
        None => Err(Refusal::invalid("binding_message is required")),
    }
}

fn expiry(requested: Option<&str>, _: &Client) -> Result<u32, Refusal> {
    let Some(text) = requested else {
        return Ok(PUSH_EXPIRY_S);
    };
    seconds(text)
        .and_then(|seconds| u32::try_from(seconds).ok())
        .filter(|seconds| *seconds <= MAX_EXPIRY_S)
        .ok_or_else(|| {
            Refusal::invalid("requested_expiry must be a number of seconds between 1 and 259200")
        })
}

fn user(
    tx: &Tx<'_>,
    origins: &Origins,
    text: &str,
) -> Result<Result<Option<User>, Refusal>, StateError> {
    let hint = match hint::parse(text) {
        Ok(hint) => hint,
        Err(hint::HintError::Malformed) => {
            return Ok(Err(Refusal::invalid(
                "login_hint parameter validation failed",
            )));
        }
        Err(hint::HintError::Sub) => {
            return Ok(Err(Refusal::invalid(
                "login_hint parameter validation failed: sub contains unsupported format",
            )));
        }
    };
    if !origins.knows(&hint.iss) {
        return Ok(Err(Refusal::invalid(
            "The iss within login_hint does not match the issuer",
        )));
    }
    Ok(Ok(tx.get(&hint.sub)?))
}

/// Push for short requests, e-mail for long ones; a user without a device falls back to e-mail.
fn choose(facts: &Facts<'_>) -> Result<Vec<Channel>, Refusal> {
    let (push, email) = (facts.on(Channel::Push), facts.on(Channel::Email));
    let short = facts.expiry_s <= PUSH_EXPIRY_S;
    let refused = |why: &str| {
        let text = format!("No eligible notification channels were found. {why}");
        match facts.options.not_enrolled_status {
            NotEnrolledStatus::BadRequest => Refusal::invalid(&text),
            NotEnrolledStatus::Forbidden => Refusal::new(403, "access_denied", &text),
        }
    };
    if short && push && !facts.options.push_factor {
        return Err(refused("guardian-push: The push factor is not enabled"));
    }
    if short && push && facts.device {
        return Ok(vec![Channel::Push]);
    }
    if email && facts.verified_email && facts.options.email_provider {
        return Ok(vec![Channel::Email]);
    }
    let no_email = match facts.verified_email {
        false => "email: User does not have a verified email address",
        true => "email: There is no email provider",
    };
    let no_push = "guardian-push: User does not have push notifications set up";
    Err(match (short && push, email) {
        (true, false) => refused(no_push),
        (true, true) => refused(&format!("{no_push}, {no_email}")),
        (false, true) => refused(no_email),
        (false, false) if push => refused("guardian-push: The requested expiry is too long"),
        (false, false) => refused("The client has no notification channel"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::CIBA_GRANT;
    use Channel::{Email, Push};

    /// What a row of the table changes.
    struct Row {
        name: &'static str,
        enabled: &'static [Channel],
        expiry_s: u32,
        device: bool,
        verified: bool,
        push_factor: bool,
        expected: Result<Channel, &'static str>,
    }

    const USUAL: Row = Row {
        name: "push",
        enabled: &[Push],
        expiry_s: 300,
        device: true,
        verified: true,
        push_factor: true,
        expected: Ok(Push),
    };
    const NO_DEVICE: &str = "guardian-push: User does not have push notifications set up";
    const NO_ADDRESS: &str = "email: User does not have a verified email address";

    #[test]
    fn every_row_of_the_channel_table_holds() {
        let both: &[Channel] = &[Push, Email];
        let rows = [
            USUAL,
            Row {
                name: "push although e-mail is enabled",
                enabled: both,
                ..USUAL
            },
            Row {
                name: "no device, e-mail verified",
                enabled: both,
                device: false,
                expected: Ok(Email),
                ..USUAL
            },
            Row {
                name: "no device, e-mail off",
                device: false,
                expected: Err(NO_DEVICE),
                ..USUAL
            },
            Row {
                name: "no device, not verified",
                enabled: both,
                device: false,
                verified: false,
                expected: Err(NO_ADDRESS),
                ..USUAL
            },
            Row {
                name: "push factor off",
                enabled: both,
                push_factor: false,
                expected: Err("push factor"),
                ..USUAL
            },
            Row {
                name: "only e-mail",
                enabled: &[Email],
                expected: Ok(Email),
                ..USUAL
            },
            Row {
                name: "long, e-mail",
                enabled: both,
                expiry_s: 301,
                expected: Ok(Email),
                ..USUAL
            },
            Row {
                name: "longest, e-mail",
                enabled: both,
                expiry_s: 259_200,
                expected: Ok(Email),
                ..USUAL
            },
            Row {
                name: "long, not verified",
                enabled: both,
                expiry_s: 301,
                verified: false,
                expected: Err(NO_ADDRESS),
                ..USUAL
            },
            Row {
                name: "long, only push",
                expiry_s: 301,
                expected: Err("too long"),
                ..USUAL
            },
            Row {
                name: "nothing enabled",
                enabled: &[],
                expected: Err("no notification channel"),
                ..USUAL
            },
        ];
        for row in rows {
            let options = Options {
                push_factor: row.push_factor,
                ..Options::default()
            };
            let chosen = choose(&Facts {
                enabled: row.enabled,
                asked: None,
                expiry_s: row.expiry_s,
                options: &options,
                device: row.device,
                verified_email: row.verified,
                phone_number: true,
            });
            match (chosen, row.expected) {
                (Ok(chosen), Ok(expected)) => assert_eq!(chosen, [expected], "{}", row.name),
                (Err(refusal), Err(why)) => {
                    let text = &refusal.description;
                    let start = "No eligible notification channels were found. ";
                    assert!(
                        text.starts_with(start) && text.contains(why),
                        "{}: {text}",
                        row.name
                    );
                }
                (chosen, expected) => panic!("{}: {chosen:?}, not {expected:?}", row.name),
            }
        }
    }

    #[test]
    fn each_restriction_on_clients_refuses_by_itself() {
        let good = || Client {
            grant_types: vec![CIBA_GRANT.into()],
            ..Client::default()
        };
        let options = Options::default();
        assert_eq!(client(&good(), &options), Ok(()));
        let off = Options {
            ciba_enabled: false,
            ..Options::default()
        };
        let broken = [
            (good(), &off),
            (
                Client {
                    grant_types: Vec::new(),
                    ..good()
                },
                &options,
            ),
            (
                Client {
                    is_first_party: false,
                    ..good()
                },
                &options,
            ),
            (
                Client {
                    oidc_conformant: false,
                    ..good()
                },
                &options,
            ),
            (
                Client {
                    token_endpoint_auth_method: "none".into(),
                    ..good()
                },
                &options,
            ),
        ];
        let reasons: std::collections::HashSet<String> = broken
            .iter()
            .map(|(of, options)| client(of, options).expect_err("refused"))
            .inspect(|refusal| {
                assert_eq!(
                    (refusal.status, refusal.error),
                    (400, "unauthorized_client")
                )
            })
            .map(|refusal| refusal.description)
            .collect();
        assert_eq!(reasons.len(), broken.len());
    }

    #[test]
    fn the_life_of_a_request_is_asked_for_within_bounds() {
        let client = Client::default();
        assert_eq!(expiry(None, &client), Ok(300));
        assert_eq!(expiry(Some("1"), &client), Ok(1));
        assert_eq!(expiry(Some("259200"), &client), Ok(259_200));
        for text in ["0", "259201", "-1", "99999999999999999999999"] {
            assert!(expiry(Some(text), &client).is_err(), "{text}");
        }
    }
}
