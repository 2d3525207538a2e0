//! Which way a request reaches the user.

use super::dialect::Dialect;
use crate::state::Channel;

/// The facts the choice depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) requested_expiry: u32,
    pub(crate) client_push: bool,
    pub(crate) client_email: bool,
    pub(crate) tenant_push: bool,
    pub(crate) user_push: bool,
    pub(crate) verified_email: bool,
}

/// Push for short requests, e-mail for long ones; a user without a device falls back to e-mail.
/// The error is the description for the client.
pub(crate) fn choose(dialect: &Dialect, facts: Facts) -> Result<Channel, String> {
    let email = dialect.email_channel && facts.client_email && facts.verified_email;
    let short = facts.requested_expiry <= dialect.push_expiry_s;
    if short && facts.client_push && !facts.tenant_push {
        return Err(refused("guardian-push: The push factor is not enabled"));
    }
    if short && facts.client_push && facts.user_push {
        return Ok(Channel::Push);
    }
    if email {
        return Ok(Channel::Email);
    }
    Err(match (short && facts.client_push, facts.client_email) {
        (true, false) => refused("guardian-push: User does not have push notifications set up"),
        (true, true) => refused(
            "guardian-push: User does not have push notifications set up, email: User does not have a verified email address",
        ),
        (false, true) => refused("email: User does not have a verified email address"),
        (false, false) => refused("guardian-push: The requested expiry is too long"),
    })
}

fn refused(why: &str) -> String {
    format!("No eligible notification channels were found. {why}")
}

#[cfg(test)]
mod tests {
    use super::super::dialect::AUTH0;
    use super::*;

    const ALL: Facts = Facts {
        requested_expiry: 300,
        client_push: true,
        client_email: false,
        tenant_push: true,
        user_push: true,
        verified_email: true,
    };
    const WITH_EMAIL: Dialect = Dialect {
        email_channel: true,
        ..AUTH0
    };

    #[test]
    fn every_row_of_the_channel_table_holds() {
        let mail = Facts {
            client_email: true,
            ..ALL
        };
        let rows = [
            ("push", ALL, Some(Channel::Push)),
            ("push although e-mail is enabled", mail, Some(Channel::Push)),
            (
                "no device, e-mail verified",
                Facts {
                    user_push: false,
                    ..mail
                },
                Some(Channel::Email),
            ),
            (
                "no device, e-mail off",
                Facts {
                    user_push: false,
                    ..ALL
                },
                None,
            ),
            (
                "no device, not verified",
                Facts {
                    user_push: false,
                    verified_email: false,
                    ..mail
                },
                None,
            ),
            (
                "push factor off",
                Facts {
                    tenant_push: false,
                    ..mail
                },
                None,
            ),
            (
                "only e-mail",
                Facts {
                    client_push: false,
                    ..mail
                },
                Some(Channel::Email),
            ),
            (
                "long, e-mail",
                Facts {
                    requested_expiry: 301,
                    ..mail
                },
                Some(Channel::Email),
            ),
            (
                "long, not verified",
                Facts {
                    requested_expiry: 259_200,
                    verified_email: false,
                    ..mail
                },
                None,
            ),
            (
                "long, only push",
                Facts {
                    requested_expiry: 301,
                    ..ALL
                },
                None,
            ),
        ];
        for (name, facts, expected) in rows {
            assert_eq!(choose(&WITH_EMAIL, facts).ok(), expected, "{name}");
        }
    }

    #[test]
    fn a_refusal_names_what_is_missing() {
        let no_device = choose(
            &AUTH0,
            Facts {
                user_push: false,
                ..ALL
            },
        );
        assert_eq!(
            no_device.expect_err("refused"),
            "No eligible notification channels were found. guardian-push: User does not have push notifications set up"
        );
    }
}
