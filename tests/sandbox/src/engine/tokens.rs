//! What a successful poll hands out: ID token, access token, refresh token.

use serde::Serialize;
use serde_json::value::RawValue;

use super::Engine;
use super::refusal::Refusal;
use crate::clock::rfc3339;
use crate::jose::half_hash;
use crate::state::{Api, Client, RefreshToken, Tx, User};
use crate::text::{random_token, sha256_b64};

const ID_LIFE_S: i64 = 36_000;

/// What the tokens are about.
pub(crate) struct Subject<'a> {
    pub(crate) scope: &'a [String],
    pub(crate) audience: Option<&'a str>,
    /// `authorization_details` as granted, JSON text.
    pub(crate) details: Option<&'a str>,
    pub(crate) auth_time_s: i64,
    pub(crate) auth_req_id: &'a str,
    /// Thumbprint of the key that the access token is bound to (RFC 9449 §6).
    pub(crate) key: Option<&'a str>,
}

/// Body of the token endpoint's answer. Has no `Debug`: it is made of secrets.
#[derive(Serialize)]
pub(crate) struct TokenAnswer {
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    id_token: String,
    expires_in: i64,
    scope: String,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_details: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct AccessClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    azp: &'a str,
    scope: &'a str,
    iat: i64,
    exp: i64,
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_details: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation<'a>>,
}

#[derive(Serialize)]
struct Confirmation<'a> {
    jkt: &'a str,
}

/// OpenID Connect Core §2, with the claims of CIBA Core §10.3.1.
#[derive(Serialize)]
struct IdClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    auth_time: i64,
    #[serde(rename = "urn:openid:params:jwt:claim:auth_req_id")]
    auth_req_id: &'a str,
    at_hash: String,
    #[serde(
        rename = "urn:openid:params:jwt:claim:rt_hash",
        skip_serializing_if = "Option::is_none"
    )]
    rt_hash: Option<String>,
    #[serde(flatten)]
    profile: Profile<'a>,
}

/// Claims about the person that the scopes ask for; also the body of the user-info answer.
#[derive(Serialize)]
pub(crate) struct Profile<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nickname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
}

impl<'a> Profile<'a> {
    pub(crate) fn of(user: &'a User, scope: &[String]) -> Self {
        let asked = |name: &str| scope.iter().any(|value| value == name);
        let (profile, email) = (asked("profile"), asked("email"));
        Profile {
            name: user.name.as_deref().filter(|_| profile),
            nickname: user.nickname.as_deref().filter(|_| profile),
            picture: user.picture.as_deref().filter(|_| profile),
            updated_at: profile.then(|| rfc3339(user.updated_ms)),
            email: user.email.as_deref().filter(|_| email),
            email_verified: user
                .email
                .as_ref()
                .filter(|_| email)
                .map(|_| user.email_verified),
        }
    }
}

impl Engine {
    /// Issues tokens. `refresh` is the refresh token they are issued for; without one, a new one is
    /// made where the dialect hands one out.
    pub(crate) fn mint(
        &self,
        tx: &Tx<'_>,
        base: &str,
        client: &Client,
        user: &User,
        subject: &Subject<'_>,
        refresh: Option<&str>,
    ) -> Result<TokenAnswer, Refusal> {
        let issuer = self.dialect.issuer(base);
        let userinfo = format!("{base}{}", self.dialect.paths.userinfo);
        let usual = self.dialect.tokens.life_s;
        let scope = subject.scope.join(" ");
        let iat = self.now_ms() / 1000;
        let life = match subject.audience {
            Some(audience) => tx
                .get::<Api>(audience)?
                .map_or(usual, |api| i64::from(api.token_lifetime)),
            None => usual,
        };
        let details = match subject.details {
            Some(text) => Some(RawValue::from_string(text.to_owned()).map_err(|_| internal())?),
            None => None,
        };
        let access_token = self.sign(
            "at+jwt",
            &AccessClaims {
                iss: &issuer,
                sub: &user.user_id,
                aud: subject.audience.unwrap_or(&userinfo),
                azp: &client.client_id,
                scope: &scope,
                iat,
                exp: iat + life,
                jti: random_token(16),
                authorization_details: details.as_deref(),
                cnf: subject.key.map(|jkt| Confirmation { jkt }),
            },
        )?;
        let refresh_token = match refresh {
            Some(_) => None,
            None => self.new_refresh_token(tx, client, user, subject)?,
        };
        let id_token = self.sign(
            "JWT",
            &IdClaims {
                iss: &issuer,
                sub: &user.user_id,
                aud: &client.client_id,
                iat,
                exp: iat + ID_LIFE_S,
                auth_time: subject.auth_time_s,
                auth_req_id: subject.auth_req_id,
                at_hash: half_hash(&access_token),
                rt_hash: refresh_token.as_deref().map(half_hash),
                profile: Profile::of(user, subject.scope),
            },
        )?;
        Ok(TokenAnswer {
            access_token,
            refresh_token,
            id_token,
            expires_in: life,
            scope,
            token_type: subject.key.map_or("Bearer", |_| "DPoP"),
            authorization_details: details,
        })
    }

    fn new_refresh_token(
        &self,
        tx: &Tx<'_>,
        client: &Client,
        user: &User,
        subject: &Subject<'_>,
    ) -> Result<Option<String>, Refusal> {
        if !(self.dialect.tokens.refresh)(client, subject.scope) {
            return Ok(None);
        }
        let token = random_token(48);
        tx.put(&RefreshToken {
            hash: sha256_b64(&token),
            client_id: client.client_id.clone(),
            user_id: user.user_id.clone(),
            scope: subject.scope.to_vec(),
            audience: subject.audience.map(str::to_owned),
            details: subject.details.map(str::to_owned),
            auth_time_s: subject.auth_time_s,
            auth_req_id: subject.auth_req_id.to_owned(),
        })?;
        Ok(Some(token))
    }

    fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, Refusal> {
        let payload = serde_json::to_string(claims).map_err(|_| internal())?;
        self.key.sign(typ, &payload).map_err(|_| internal())
    }
}

fn internal() -> Refusal {
    Refusal::new(500, "server_error", "")
}
