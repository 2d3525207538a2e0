//! Client authentication (RFC 6749 §2.3, RFC 7523 §3, RFC 8705 §2).

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::form::Params;
use crate::engine::Engine;
use crate::engine::refusal::Refusal;
use crate::jose::{Compact, client_key, numeric_date_ms};
use crate::state::{Client, UsedJti};
use crate::text::b64;
use crate::tls::PeerCertificate;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ASSERTION_ALGS: [&str; 3] = ["RS256", "RS384", "PS256"];
const LEEWAY_MS: i64 = 30_000;

/// Finds out which client calls. A public client passes with its id alone: what it may do is
/// decided by the endpoint.
pub(crate) fn authenticate(
    engine: &Engine,
    headers: &HeaderMap,
    params: &Params,
    peer: Option<&PeerCertificate>,
) -> Result<Client, Refusal> {
    let basic = headers.get(header::AUTHORIZATION);
    let assertion = params.single("client_assertion")?;
    let assertion_type = params.single("client_assertion_type")?;
    let secret = params.single("client_secret")?;
    let id = params.single("client_id")?;
    let methods = [basic.is_some(), assertion.is_some(), secret.is_some()];
    if methods.iter().filter(|used| **used).count() > 1 {
        return Err(Refusal::invalid(
            "More than one way of client authentication was used",
        ));
    }
    if let Some(value) = basic {
        let refused = || Refusal {
            challenge_basic: true,
            ..Refusal::client()
        };
        let (user, password) = value
            .to_str()
            .ok()
            .and_then(basic_credentials)
            .ok_or_else(refused)?;
        return by_secret(engine, &user, &password, id).map_err(|refusal| Refusal {
            challenge_basic: refusal.status == 401,
            ..refusal
        });
    }
    if let Some(assertion) = assertion {
        return by_assertion(engine, assertion, assertion_type, id);
    }
    let id = id.ok_or_else(Refusal::client)?;
    if let Some(secret) = secret {
        return by_secret(engine, id, secret, None);
    }
    let client = find(engine, id)?;
    let proven = match client.token_endpoint_auth_method.as_str() {
        "none" => true,
        "tls_client_auth" => peer.is_some_and(|peer| subject_matches(&client, peer)),
        "self_signed_tls_client_auth" => peer.is_some_and(|peer| thumbprint_matches(&client, peer)),
        _ => false,
    };
    if proven {
        Ok(client)
    } else {
        Err(Refusal::client())
    }
}

fn find(engine: &Engine, id: &str) -> Result<Client, Refusal> {
    let client: Option<Client> = engine.db.write(|tx| tx.get(id).map_err(Refusal::from))?;
    client.ok_or_else(Refusal::client)
}

/// Clients percent-encode both halves, `-` included, before base64.
fn basic_credentials(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    let decode = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
    Some((decode(user)?, decode(password)?))
}

/// Header and body may be used interchangeably; a client with a key or a certificate has no secret.
fn by_secret(
    engine: &Engine,
    id: &str,
    secret: &str,
    body_id: Option<&str>,
) -> Result<Client, Refusal> {
    if body_id.is_some_and(|other| other != id) {
        return Err(Refusal::client());
    }
    let client = find(engine, id)?;
    let by_secret = client
        .token_endpoint_auth_method
        .starts_with("client_secret_");
    // Hashes have one length, so the comparison tells nothing about the secret's.
    let hash = |text: &str| Sha256::digest(text.as_bytes());
    let equal: bool = hash(&client.client_secret).ct_eq(&hash(secret)).into();
    if by_secret && equal && !client.client_secret.is_empty() {
        Ok(client)
    } else {
        Err(Refusal::client())
    }
}

#[derive(Deserialize)]
struct AssertionClaims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: f64,
    nbf: Option<f64>,
    jti: String,
}

/// A text, or an array of exactly one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Array([String; 1]),
}

fn by_assertion(
    engine: &Engine,
    assertion: &str,
    kind: Option<&str>,
    body_id: Option<&str>,
) -> Result<Client, Refusal> {
    if kind != Some(ASSERTION_TYPE) {
        return Err(Refusal::client());
    }
    let jws = Compact::parse(assertion).ok_or_else(Refusal::client)?;
    let claims: AssertionClaims = jws.claims().ok_or_else(Refusal::client)?;
    let same = claims.iss == claims.sub && body_id.is_none_or(|id| id == claims.sub);
    if !same || !ASSERTION_ALGS.contains(&jws.header.alg.as_str()) {
        return Err(Refusal::client());
    }
    let client = find(engine, &claims.sub)?;
    if client.token_endpoint_auth_method != "private_key_jwt" {
        return Err(Refusal::client());
    }
    let named = |key: &&serde_json::Value| match (
        &jws.header.kid,
        key.get("kid").and_then(|kid| kid.as_str()),
    ) {
        (Some(wanted), Some(kid)) => wanted == kid,
        _ => true,
    };
    let signed = client
        .keys
        .iter()
        .filter(named)
        .filter_map(client_key)
        .any(|key| jws.signed_by(&key));
    let (Audience::One(audience) | Audience::Array([audience])) = &claims.aud;
    let for_us = engine.origins.path_of(audience).is_some_and(|path| {
        let prefix = engine.dialect.prefix_of(&engine.options.tenant_name, path);
        engine.dialect.addressed(&path[prefix.len()..])
    });
    let now = engine.now_ms();
    let exp = numeric_date_ms(claims.exp).unwrap_or(0);
    let begun = claims
        .nbf
        .is_none_or(|nbf| numeric_date_ms(nbf).is_some_and(|nbf| nbf <= now + LEEWAY_MS));
    if !signed || !for_us || !begun || exp + LEEWAY_MS <= now || claims.jti.is_empty() {
        return Err(Refusal::client());
    }
    let jti = UsedJti {
        id: format!("client|{}|{}", client.client_id, claims.jti),
        until_ms: exp + LEEWAY_MS,
    };
    let fresh = engine
        .db
        .write(|tx| tx.insert(&jti).map_err(Refusal::from))?;
    if fresh {
        Ok(client)
    } else {
        Err(Refusal::client())
    }
}

/// The certificate comes from the sandbox's CA and names the registered subject.
fn subject_matches(client: &Client, peer: &PeerCertificate) -> bool {
    let Some(expected) = &client.tls_subject_dn else {
        return false;
    };
    let Ok((_, certificate)) = X509Certificate::from_der(&peer.der) else {
        return false;
    };
    peer.from_our_ca && same_name(expected, &certificate.subject().to_string())
}

/// RFC 4514 writes the most specific part first, certificates hold it last: both are accepted.
fn same_name(expected: &str, actual: &str) -> bool {
    let parts = |text: &str| {
        text.split(',')
            .map(|part| part.trim().to_owned())
            .collect::<Vec<_>>()
    };
    let (expected, actual) = (parts(expected), parts(actual));
    expected == actual || expected.iter().rev().eq(actual.iter())
}

fn thumbprint_matches(client: &Client, peer: &PeerCertificate) -> bool {
    let thumbprint = b64(&Sha256::digest(&peer.der));
    client
        .tls_thumbprints
        .iter()
        .any(|known| bool::from(known.as_bytes().ct_eq(thumbprint.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_of_basic_are_percent_decoded() {
        let value = format!("Basic {}", STANDARD.encode("oc%2Dclient:oc%2Dsecret%3A"));
        assert_eq!(
            basic_credentials(&value),
            Some(("oc-client".into(), "oc-secret:".into()))
        );
        assert_eq!(basic_credentials("Bearer abc"), None);
        assert_eq!(basic_credentials("Basic !!"), None);
    }

    #[test]
    fn a_subject_matches_in_either_order_of_its_parts() {
        assert!(same_name("CN=agent, O=Bank", "O=Bank, CN=agent"));
        assert!(same_name("CN=agent,O=Bank", "CN=agent, O=Bank"));
        assert!(!same_name("CN=agent", "O=Bank, CN=agent"));
    }
}
