//! The Guardian dialect (Auth0): enrolment, push, rich consents, answers.

mod answer;
mod consent;
mod date;
mod device;
mod enroll;
mod errors;
mod http;
mod member;
mod push;
mod url;

#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod vectors;

pub(crate) use date::http_date;

use super::{
    Answer, AnswerOutcome, ConsentAnswer, Dialect, EnrollInput, EnrollOutput, Identity, Push,
    PushPayload, PushToken, SignedAnswer, Verdict, Wire,
};
use crate::error::Result;
use crate::jose::{self, Jwk, Signer};
use crate::json::{self, Value};
use crate::keys::KeyAlgorithm;
use crate::transport::{HttpRequest, HttpResponse};

/// See the module.
pub(crate) struct Guardian;

impl Dialect for Guardian {
    fn algorithms(&self) -> &'static [KeyAlgorithm] {
        &[KeyAlgorithm::Rsa2048, KeyAlgorithm::P256]
    }
    fn base_url(&self, address: &str, allow_loopback_cleartext: bool) -> Result<String> {
        url::base(address, allow_loopback_cleartext)
    }

    fn same_server(&self, base_url: &str, address: &str) -> bool {
        url::same_server(base_url, address)
    }

    fn enroll_request(&self, wire: &Wire<'_>, input: &EnrollInput<'_>) -> Result<HttpRequest> {
        enroll::request(wire, input)
    }
    fn enroll_answer(&self, answer: &HttpResponse) -> Result<EnrollOutput> {
        enroll::answer(answer)
    }

    fn update_request(
        &self,
        wire: &Wire<'_>,
        identity: &Identity,
        signer: &dyn Signer,
        push: &PushToken,
    ) -> Result<HttpRequest> {
        device::update(wire, identity, signer, push)
    }
    fn update_answer(&self, answer: &HttpResponse) -> Answer<()> {
        device::updated(answer)
    }

    fn unenroll_request(
        &self,
        wire: &Wire<'_>,
        identity: &Identity,
        signer: &dyn Signer,
    ) -> Result<HttpRequest> {
        device::unenroll(wire, identity, signer)
    }
    fn unenroll_answer(&self, answer: &HttpResponse) -> Answer<()> {
        device::unenrolled(answer)
    }

    fn push(&self, payload: &Value) -> PushPayload {
        push::read(payload)
    }

    fn consent_request(
        &self,
        wire: &Wire<'_>,
        identity: &Identity,
        signer: &dyn Signer,
        push: &Push,
    ) -> Result<Option<HttpRequest>> {
        consent::request(wire, identity, signer, push)
    }
    fn consent_answer(&self, push: &Push, answer: &HttpResponse) -> ConsentAnswer {
        consent::answer(push, answer)
    }
    fn consent_expiry(&self, body: &Value) -> std::result::Result<Option<i64>, String> {
        consent::expiry(body)
    }

    fn answer_request(
        &self,
        wire: &Wire<'_>,
        identity: &Identity,
        signer: &dyn Signer,
        push: &Push,
        verdict: &Verdict,
    ) -> Result<SignedAnswer> {
        answer::request(wire, identity, signer, push, verdict)
    }
    fn answer_outcome(&self, answer: &HttpResponse) -> AnswerOutcome {
        answer::outcome(answer)
    }
    fn read_answer(&self, claims: &Value) -> Option<(String, Verdict)> {
        answer::read(claims)
    }
}

fn jwk(wire: &Wire<'_>, key: &Jwk) -> Value {
    if wire.signed_modulus {
        key.to_signed_json()
    } else {
        key.to_json()
    }
}

/// A JWT with nothing in its header but `alg` and `typ`.
fn jwt(signer: &dyn Signer, claims: &Value) -> Result<String> {
    let header = json::object([
        ("alg", jose::alg(signer.jwk()).into()),
        ("typ", "JWT".into()),
    ]);
    jose::sign_compact(signer, &header, claims)
}

/// NumericDate of RFC 7519 §2, as an integer.
fn seconds(wire: &Wire<'_>) -> i64 {
    wire.now.div_euclid(1000)
}
