//! The bearer token of a delegated request: who asks for whom, signed by the realm.

use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{JwkSet, PublicKeyUse};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::Bridge;
use crate::jose::{Compact, numeric_date_ms};
use crate::op::bearer;

/// An unknown key id makes the keys be read again, but not more often than this.
const REFRESH: Duration = Duration::from_secs(5);

/// The realm's keys, read when they are first needed.
#[derive(Default)]
pub(super) struct Keys(Mutex<Cache>);

#[derive(Default)]
struct Cache {
    set: Option<JwkSet>,
    read: Option<Instant>,
}

/// What the token says.
pub(super) struct Delegated {
    /// The token itself. A secret.
    pub(super) token: String,
    /// Keycloak's id of the user.
    pub(super) subject: String,
    pub(super) client: String,
    pub(super) jti: String,
    pub(super) expires_ms: i64,
}

/// Why a token is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BearerError {
    #[error("there is no bearer token")]
    Missing,
    #[error("the realm's keys cannot be read: {why}")]
    NoKeys {
        /// Which address, and what it answered.
        why: String,
    },
    #[error("the bearer token is not signed by the realm")]
    Signature,
    /// Keycloak calls itself as it was called.
    #[error("the realm calls itself {theirs}, and --realm-url is {ours}: they must be the same")]
    Issuer { theirs: String, ours: String },
    #[error("the bearer token is not one of this realm's authentication channel")]
    Claims,
    #[error("the bearer token has expired")]
    Expired,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    sub: String,
    azp: String,
    typ: String,
    jti: String,
    exp: f64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Checks signature, issuer, audience and time.
pub(super) async fn check(
    bridge: &Bridge,
    headers: &HeaderMap,
    now_ms: i64,
) -> Result<Delegated, BearerError> {
    let token = bearer(headers).ok_or(BearerError::Missing)?;
    let jws = Compact::parse(token).ok_or(BearerError::Signature)?;
    let kid = jws.header.kid.as_deref().ok_or(BearerError::Signature)?;
    let key = bridge.keys.find(bridge, kid).await?;
    if !jws.signed_by(&key) {
        return Err(BearerError::Signature);
    }
    let claims: Claims = jws.claims().ok_or(BearerError::Claims)?;
    if claims.iss != bridge.realm_url {
        return Err(BearerError::Issuer {
            theirs: claims.iss,
            ours: bridge.realm_url.clone(),
        });
    }
    // A token of the realm for anything else names another audience: clients have those.
    let for_us = match &claims.aud {
        Audience::One(audience) => *audience == bridge.realm_url,
        Audience::Many(audiences) => audiences.len() == 1 && audiences[0] == bridge.realm_url,
    };
    let whole = [&claims.sub, &claims.azp, &claims.jti]
        .iter()
        .all(|text| !text.is_empty() && text.len() <= 255);
    if !for_us || claims.typ != "Bearer" || !whole {
        return Err(BearerError::Claims);
    }
    let expires_ms = numeric_date_ms(claims.exp).ok_or(BearerError::Claims)?;
    if expires_ms <= now_ms {
        return Err(BearerError::Expired);
    }
    Ok(Delegated {
        token: token.to_owned(),
        subject: claims.sub,
        client: claims.azp,
        jti: claims.jti,
        expires_ms,
    })
}

impl Keys {
    async fn find(&self, bridge: &Bridge, kid: &str) -> Result<DecodingKey, BearerError> {
        let mut cache = self.0.lock().await;
        let stale = cache.read.is_none_or(|at| at.elapsed() >= REFRESH);
        if cache.key(kid).is_none() && stale {
            *cache = Cache {
                set: Some(
                    read(bridge)
                        .await
                        .map_err(|why| BearerError::NoKeys { why })?,
                ),
                read: Some(Instant::now()),
            };
        }
        cache.key(kid).ok_or(BearerError::Signature)
    }
}

impl Cache {
    fn key(&self, kid: &str) -> Option<DecodingKey> {
        let jwk = self.set.as_ref()?.find(kid)?;
        let signs = !matches!(
            jwk.common.public_key_use,
            Some(PublicKeyUse::Encryption | PublicKeyUse::Other(_))
        );
        DecodingKey::from_jwk(jwk).ok().filter(|_| signs)
    }
}

async fn read(bridge: &Bridge) -> Result<JwkSet, String> {
    let url = format!("{}/protocol/openid-connect/certs", bridge.realm_url);
    let get = bridge.http.get(&url).send().await;
    let answer = get.map_err(|error| match error.is_connect() {
        true => format!("{url} cannot be connected to"),
        false => format!("{url} did not answer"),
    })?;
    if !answer.status().is_success() {
        return Err(format!("{url} answered {}", answer.status().as_u16()));
    }
    let bytes = answer.bytes().await;
    let set = bytes
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    set.ok_or_else(|| format!("{url} is no key set"))
}
