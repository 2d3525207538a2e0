//! What is sent because of a push.

use crate::clock::SystemEntropy;
use crate::error::{ErrorCode, Result};
use crate::jose::{Jwk, Signer};
use crate::protocol::{Dialect, Identity, Push, Verdict, Wire};
use crate::transport::HttpRequest;

/// The requests that follow from it go to the configured server, to one path each, and carry its token in one header.
pub(super) fn check(dialect: &dyn Dialect, push: &Push) {
    let wire = Wire {
        now: push.requested_at,
        entropy: &SystemEntropy,
        client: "e30",
        locale: "en",
        signed_modulus: false,
    };
    let identity = Identity {
        enrollment: push.enrollment.clone(),
        user: "auth0|ana".into(),
        identifier: "phone".into(),
        base_url: "https://bank-dev.eu.auth0.com/appliance-mfa".into(),
    };
    let verdict = Verdict {
        approve: false,
        reason: None,
        consent_claim: None,
    };
    let signer = Unsigned(Jwk::P256 {
        x: [1; 32],
        y: [2; 32],
    });
    let token = push.transaction_token.expose();
    let answer = dialect.answer_request(&wire, &identity, &signer, push, &verdict);
    let answer = answer.expect("every push can be answered").request;
    assert_eq!(
        answer.url,
        "https://bank-dev.eu.auth0.com/appliance-mfa/api/resolve-transaction"
    );
    carries(&answer, &format!("Bearer {token}"));
    match dialect.consent_request(&wire, &identity, &signer, push) {
        Ok(None) => assert!(push.consent_id.is_none()),
        Ok(Some(request)) => {
            let id = request
                .url
                .strip_prefix("https://bank-dev.eu.auth0.com/rich-consents/");
            let id = id.expect("the consents of the server");
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~%".contains(&b);
            assert!(!id.is_empty() && id.bytes().all(plain) && id != "." && id != "..");
            carries(&request, &format!("MFA-DPoP {token}"));
        }
        Err(error) => assert_eq!(error.code(), ErrorCode::PushMalformed),
    }
}

fn carries(request: &HttpRequest, credentials: &str) {
    let printable = |value: &str| value.bytes().all(|b| (b' '..=b'~').contains(&b));
    assert!(
        request
            .headers
            .iter()
            .all(|header| printable(&header.value))
    );
    let mut authorizations = request
        .headers
        .iter()
        .filter(|header| header.name == "Authorization");
    assert!(
        authorizations
            .next()
            .is_some_and(|header| header.value == credentials)
    );
    assert!(authorizations.next().is_none());
}

/// In place of a key: nobody looks at the signatures here.
struct Unsigned(Jwk);

impl Signer for Unsigned {
    fn jwk(&self) -> &Jwk {
        &self.0
    }
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>> {
        Ok(vec![0; 64])
    }
}
