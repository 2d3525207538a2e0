//! What to do about a request that a server did not take, in terms of this command line.

use url::Url;

use super::ciba_client::{CibaError, Client, Dialect, Request};
use super::helped;

impl CibaError {
    /// The error of a server that was not found, with what to look at.
    pub(crate) fn at_its_address(self) -> anyhow::Error {
        let help = match &self {
            CibaError::Unreachable { why, .. } if !why.contains("--ca") => {
                "is the server running, and is that its issuer? `sandbox serve` starts one, and prints it".to_owned()
            }
            CibaError::NoMetadata { issuer, .. } => no_metadata(issuer),
            _ => return self.into(),
        };
        helped(self, help)
    }

    /// The error with its advice, where there is one.
    pub(crate) fn with_help(self, client: &Client, request: &Request) -> anyhow::Error {
        let CibaError::Refused {
            error, description, ..
        } = &self
        else {
            return self.into();
        };
        match help(
            error,
            description.as_deref().unwrap_or_default(),
            client.speaks(),
            request,
        ) {
            Some(help) => helped(self, help),
            None => self.into(),
        }
    }
}

/// Where a server is not reached, or is another one.
fn no_metadata(issuer: &Url) -> String {
    format!(
        "is {issuer} the issuer, letter by letter? `sandbox serve` prints the one of a sandbox; Keycloak's ends in \
         /realms/NAME. A server without metadata needs --dialect"
    )
}

/// `dialect` is `None` at a server whose paths are no vendor's.
fn help(
    error: &str,
    description: &str,
    dialect: Option<Dialect>,
    request: &Request,
) -> Option<String> {
    let says = |words: &str| description.contains(words);
    let text = if says("push notifications set up") {
        "`sandbox phone enroll` connects a phone (`sandbox serve` and the console show the code); or use a client that has \
         e-mail"
    } else if says("guardian-push: The requested expiry is too long") {
        "only e-mail lives longer than 300 s, and this client does not have it: `sandbox serve --channel email`, or the \
         console's page Clients"
    } else if says("verified email address") {
        "make the user with an \"email\" and \"email_verified\": true, or connect a phone"
    } else if error == "unknown_user_id" || says("sub contains unsupported format") {
        "--user is the user's id here, as `sandbox serve` and the console's page Users show it: 'auth0|…'"
    } else if dialect == Some(Dialect::Asgardeo) && says("Invalid ciba request") {
        "--user is the name the user logs in with, e.g. ana; the console's page Users has it. It must be one user's"
    } else if dialect.is_none() && request.login_hint.is_none() && error == "invalid_request" {
        "is it the hint? Many servers want a plain name: --login-hint NAME instead of --user"
    } else if error == "invalid_target" && request.audience.is_some() {
        "the API must be known to the server; some want it as a resource (RFC 8707): --audience '' --param resource=URL"
    } else if error == "invalid_client" || error == "unauthorized_client" {
        "do --client-id and --client-secret belong to this server? What is not on the command line comes from SANDBOX_…"
    } else {
        return None;
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_is_that_of_the_server_that_refused() {
        let asked = Request::default();
        let named = Request {
            login_hint: Some("alice".into()),
            ..Request::default()
        };
        for (error, description, dialect, request, words) in [
            (
                "invalid_request",
                "invalid_user",
                None,
                &asked,
                "--login-hint",
            ),
            ("invalid_request", "invalid_user", None, &named, ""),
            (
                "unknown_user_id",
                "",
                Some(Dialect::Auth0),
                &asked,
                "auth0|",
            ),
            (
                "invalid_request",
                "Invalid ciba request.",
                Some(Dialect::Asgardeo),
                &asked,
                "logs in",
            ),
            ("invalid_request", "other", Some(Dialect::Auth0), &asked, ""),
        ] {
            let help = help(error, description, dialect, request).unwrap_or_default();
            assert_eq!(help.is_empty(), words.is_empty(), "{help}");
            assert!(help.contains(words), "{help}");
        }
    }
}
