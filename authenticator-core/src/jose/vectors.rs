//! `jwk.json`, `jws.json`, `dpop_ath.json` and `user_verification.json`.

use super::test_key::TestKey;
use super::{Jwk, Signer, base64url, from_base64url, sha256, sign_compact, verify_compact};
use crate::error::Result;
use crate::json::{self, Limits, Value, object};
use crate::keys::{KeyAlgorithm, PublicKey, PublicKeyFormat};
use crate::vectors::{Outcome, Refused, optional, optional_text, text};

/// A JWK, or a key as a platform exports it, to what is sent and its thumbprint.
pub(crate) fn key(input: &Value) -> Outcome {
    let jwk = match input.get("jwk") {
        Some(jwk) => Jwk::from_json(jwk),
        None => Jwk::from_platform(&platform_key(input)),
    };
    jwk.map(|jwk| {
        let again = Jwk::from_json(&jwk.to_json()).ok();
        assert!(
            again.as_ref() == Some(&jwk),
            "what is written is not what is read"
        );
        object([
            ("text", json::write(&jwk.to_json()).into()),
            ("thumbprint", jwk.thumbprint().into()),
        ])
    })
    .into()
}

fn platform_key(input: &Value) -> PublicKey {
    PublicKey {
        algorithm: match text(input, "algorithm") {
            "RS256" => KeyAlgorithm::Rsa2048,
            "ES256" => KeyAlgorithm::P256,
            other => panic!("{other}"),
        },
        format: match text(input, "format") {
            "spki" => PublicKeyFormat::Spki,
            "pkcs1" => PublicKeyFormat::Pkcs1,
            "x963" => PublicKeyFormat::X963,
            other => panic!("{other}"),
        },
        bytes: from_base64url(text(input, "bytes")).expect("base64url"),
    }
}

/// A consent claim, and the thumbprint that a server has pinned, to whether a person was verified and by which key.
pub(crate) fn person(input: &Value) -> Outcome {
    let claim = input.get("claim").expect("a claim");
    let evidence = (claim.get("uv_key"), claim.get("uv_sig"));
    let pinned = optional_text(input, "pinned");
    let (verified, key) = match (evidence, signer(claim)) {
        ((None, None), _) => ("no", None),
        (_, None) => ("invalid", None),
        (_, Some(key)) if pinned.is_some_and(|pinned| pinned != key) => ("changed_key", Some(key)),
        (_, Some(key)) => ("yes", Some(key)),
    };
    Outcome::Gives(object([
        ("verified", verified.into()),
        ("key", optional(key.as_deref())),
    ]))
}

/// The thumbprint of the approval key that signed what was shown.
fn signer(claim: &Value) -> Option<String> {
    let key = Jwk::from_json(claim.get("uv_key")?).ok()?;
    let signature = from_base64url(optional_text(claim, "uv_sig")?)?;
    let shown = optional_text(claim, "shown")?;
    let reviewed = claim.get("reviewed").and_then(Value::as_bool)?;
    let holds = key.algorithm() == KeyAlgorithm::P256
        && reviewed
        && key.verify(shown.as_bytes(), &signature);
    holds.then(|| key.thumbprint())
}

/// Header and claims to a token, or a token to header and claims.
pub(crate) fn token(input: &Value) -> Outcome {
    if let Some(jwk) = input.get("jwk") {
        return verified(jwk, text(input, "token")).into();
    }
    let part = |name| json::read(text(input, name).as_bytes(), Limits::BODY).expect("JSON text");
    signed(&part("header"), &part("claims")).into()
}

fn verified(jwk: &Value, token: &str) -> std::result::Result<Value, Refused> {
    let jwk = Jwk::from_json(jwk)?;
    let (header, claims) =
        verify_compact(&jwk, token).ok_or_else(|| Refused::new("refused", ""))?;
    Ok(object([
        ("header", json::write(&header).into()),
        ("claims", json::write(&claims).into()),
    ]))
}

fn signed(header: &Value, claims: &Value) -> Result<Value> {
    let key = TestKey::published();
    let token = sign_compact(&key, header, claims)?;
    let read = verify_compact(key.jwk(), &token);
    assert!(read == Some((header.clone(), claims.clone())));
    Ok(token.into())
}

pub(crate) fn access_token_hash(input: &Value) -> Outcome {
    let token = input.as_str().expect("a token");
    Outcome::Gives(base64url(&sha256(token.as_bytes())).into())
}
