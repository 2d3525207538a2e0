//! A CIBA client in poll mode (OpenID CIBA Core 1.0): start, poll as the server asks, check the ID token.
//!
//! [`Polling`] decides when to ask and when to stop, without clock and network; [`Client`] does the asking.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::http;
use super::text::printable;

const GRANT_TYPE: &str = "urn:openid:params:grant-type:ciba";
/// Signatures of ID tokens: those by a public key whose `at_hash` is made with SHA-256.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256];
const AUTH_REQ_ID_CLAIM: &str = "urn:openid:params:jwt:claim:auth_req_id";

/// Why a request did not come to an outcome. No text holds a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CibaError {
    #[error("{what}: {why}")]
    Network { what: &'static str, why: String },
    #[error("{url} cannot be read: {why}")]
    Unreachable { url: String, why: String },
    #[error("there is no metadata at {url} (404)")]
    NoMetadata { url: String, issuer: Url },
    #[error("{what}")]
    Protocol { what: String },
    #[error("the server refused the request: {error}{}", describe(.description))]
    Refused {
        status: u16,
        error: String,
        description: Option<String>,
        retry_after: Option<u64>,
    },
    #[error("the ID token cannot be trusted: {why}. Nothing of this answer may be used.")]
    IdToken { why: String },
}

fn describe(description: &Option<String>) -> String {
    description
        .as_ref()
        .map_or(String::new(), |text| format!(" ({text})"))
}

fn protocol(what: impl Into<String>) -> CibaError {
    CibaError::Protocol { what: what.into() }
}

/// Whose wire format a server speaks, as far as a client notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Dialect {
    /// The hint is JSON with format, issuer and subject.
    Auth0,
    /// The hint is a plain user name.
    Asgardeo,
}

impl Dialect {
    /// By the path of the backchannel endpoint, which the vendors' servers do not change.
    fn of(start: &Url) -> Dialect {
        match start.path().ends_with("/oauth2/ciba") {
            true => Dialect::Asgardeo,
            false => Dialect::Auth0,
        }
    }

    /// The one whose backchannel endpoint this is; `None` where it is no vendor's.
    fn of_vendor(start: &Url) -> Option<Dialect> {
        let dialect = Dialect::of(start);
        let auth0 = start.path().ends_with("/bc-authorize");
        Some(dialect).filter(|dialect| *dialect == Dialect::Asgardeo || auth0)
    }

    /// Where metadata, start, tokens and keys are, below a base.
    fn paths(self) -> [&'static str; 4] {
        match self {
            Dialect::Auth0 => [
                ".well-known/openid-configuration",
                "bc-authorize",
                "oauth/token",
                ".well-known/jwks.json",
            ],
            Dialect::Asgardeo => [
                "oauth2/token/.well-known/openid-configuration",
                "oauth2/ciba",
                "oauth2/token",
                "oauth2/jwks",
            ],
        }
    }
}

/// What to ask for.
#[derive(Clone, Default)]
pub(crate) struct Request {
    /// User id, or in the Asgardeo dialect a user name.
    pub(crate) user: String,
    /// `login_hint` as it is to be sent, instead of one made of `user`.
    pub(crate) login_hint: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) scope: String,
    pub(crate) audience: Option<String>,
    /// `authorization_details`, JSON text sent as it is.
    pub(crate) details: Option<String>,
    pub(crate) expiry: Option<u64>,
    /// `notification_channel`.
    pub(crate) channel: Option<String>,
    /// Further parameters.
    pub(crate) params: Vec<(String, String)>,
}

/// How the client proves who it is.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ClientAuth {
    /// In the body where the server's metadata offers it, else in the header.
    Auto,
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
}

/// The server's acknowledgement (CIBA Core §7.3). Has no `Debug`: the id is a secret.
#[derive(Clone, Deserialize)]
pub(crate) struct Ack {
    pub(crate) auth_req_id: String,
    pub(crate) expires_in: u64,
    /// Seconds; 5 where the server says nothing.
    #[serde(default = "default_interval")]
    pub(crate) interval: u64,
    /// The user's link, where the client is to hand it over.
    pub(crate) auth_url: Option<String>,
}

fn default_interval() -> u64 {
    5
}

/// An answer of the token endpoint, as far as polling depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PollAnswer {
    Tokens,
    /// An OAuth error, whatever the status.
    Error {
        error: String,
        description: Option<String>,
        /// `interval` of the body, in seconds.
        interval: Option<u64>,
        retry_after: Option<u64>,
    },
    /// No usable answer: broken connection, 5xx or 429 without an OAuth error.
    Trouble {
        why: String,
        retry_after: Option<u64>,
    },
}

/// How polling ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Tokens,
    /// A final error of the server.
    Error {
        error: String,
        description: Option<String>,
    },
    /// Time is up, and the server did not say anything final.
    TimeUp,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    WaitUntil(Duration),
    Poll,
    Stop(End),
}

/// When to poll and when to stop. All times are measured from the acknowledgement.
#[derive(Clone, Debug)]
pub(crate) struct Polling {
    interval: Duration,
    expires: Duration,
    next: Duration,
    /// Failures in a row without an OAuth answer.
    troubles: u32,
    end: Option<End>,
}

impl Polling {
    pub(crate) fn new(ack: &Ack) -> Polling {
        // An interval of 0 would be a busy loop; CIBA Core §7.3 wants a positive number.
        let interval = Duration::from_secs(ack.interval.max(1));
        Polling {
            interval,
            expires: Duration::from_secs(ack.expires_in),
            next: interval,
            troubles: 0,
            end: None,
        }
    }

    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }

    pub(crate) fn step(&self, now: Duration) -> Step {
        if let Some(end) = &self.end {
            return Step::Stop(end.clone());
        }
        // One poll may fall just behind the end: it learns how the server calls it (`access_denied`, `expired_token`).
        let last = self.expires + self.interval;
        if self.next > last {
            return if now >= self.expires {
                Step::Stop(End::TimeUp)
            } else {
                Step::WaitUntil(self.expires)
            };
        }
        if now >= self.next {
            Step::Poll
        } else {
            Step::WaitUntil(self.next)
        }
    }

    /// Takes the answer to a poll, received at `now`.
    pub(crate) fn answered(&mut self, now: Duration, answer: &PollAnswer) {
        let mut wait = Duration::ZERO;
        match answer {
            PollAnswer::Tokens => self.end = Some(End::Tokens),
            PollAnswer::Error {
                error,
                description,
                interval,
                retry_after,
            } => {
                self.troubles = 0;
                match error.as_str() {
                    "authorization_pending" => {}
                    "slow_down" => {
                        // CIBA Core §11: 5 s more for this and all later polls; the server may ask for more.
                        let asked = Duration::from_secs(interval.unwrap_or(0));
                        self.interval = (self.interval + Duration::from_secs(5)).max(asked);
                    }
                    "temporarily_unavailable" | "too_many_requests" | "server_error" => {
                        wait = self.back_off();
                    }
                    _ => {
                        self.end = Some(End::Error {
                            error: error.clone(),
                            description: description.clone(),
                        });
                    }
                }
                wait = wait.max(Duration::from_secs(retry_after.unwrap_or(0)));
            }
            PollAnswer::Trouble { retry_after, .. } => {
                wait = self
                    .back_off()
                    .max(Duration::from_secs(retry_after.unwrap_or(0)));
            }
        }
        if now >= self.expires && self.end.is_none() {
            self.end = Some(End::TimeUp);
        }
        self.next = now + self.interval.max(wait);
    }

    /// 1, 2, 4 … 32 seconds.
    fn back_off(&mut self) -> Duration {
        self.troubles = (self.troubles + 1).min(6);
        Duration::from_secs(1 << (self.troubles - 1))
    }
}

/// What a person watching may see of the polling.
pub(crate) enum Progress<'a> {
    /// The next poll comes at this time, measured from the acknowledgement.
    Waiting {
        next: Duration,
        interval: Duration,
    },
    Answered(&'a PollAnswer),
}

/// What the tokens say of the details that were asked for (RFC 9396 §7). Only [`Details::NotAsked`] and
/// [`Details::Granted`] are an approval of what was asked: a server that ignores details asks the person for something
/// else, and still hands out tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Details {
    /// None were sent, or only their reference ([`super::agent`] says who vouches for that).
    NotAsked,
    /// The same came back.
    Granted,
    /// The tokens name none.
    Unnamed,
    /// Others came back.
    Different,
}

impl Details {
    /// Compares by value: a server may write `249.00` as `249`, and members in another order.
    fn of(asked: Option<&str>, granted: Option<&RawValue>) -> Details {
        let canonical = |text: &str| {
            let value: serde_json::Value = serde_json::from_str(text).ok()?;
            serde_json_canonicalizer::to_string(&value).ok()
        };
        match (asked, granted) {
            (None, _) => Details::NotAsked,
            (Some(_), None) => Details::Unnamed,
            (Some(asked), Some(granted)) if asked == granted.get() => Details::Granted,
            (Some(asked), Some(granted)) => match canonical(asked) {
                asked @ Some(_) if canonical(granted.get()) == asked => Details::Granted,
                _ => Details::Different,
            },
        }
    }

    /// Whether the tokens stand for what was asked.
    pub(crate) fn confirmed(self) -> bool {
        matches!(self, Details::NotAsked | Details::Granted)
    }

    /// The word for a script; `None` where there is nothing to say.
    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            Details::NotAsked => None,
            Details::Granted => Some("granted"),
            Details::Unnamed => Some("not_named"),
            Details::Different => Some("different"),
        }
    }
}

/// The tokens of a granted request, checked. Has no `Debug`: it holds them.
pub(crate) struct Grant {
    pub(crate) access_token: String,
    pub(crate) id_token: String,
    /// Claims of the ID token, JSON text as received.
    pub(crate) id_claims: Box<RawValue>,
    /// Claims of the access token where it is a JWT. For display: only its API may judge it.
    pub(crate) access_claims: Option<Box<RawValue>>,
    /// As granted, which may be less than was asked for; JSON text as received.
    pub(crate) authorization_details: Option<Box<RawValue>>,
    /// How those stand to the ones that were asked for.
    pub(crate) details: Details,
    pub(crate) scope: Option<String>,
    pub(crate) token_type: String,
    pub(crate) expires_in: Option<u64>,
}

/// How a request ended.
pub(crate) enum Outcome {
    Granted(Box<Grant>),
    /// A final error of the server: `access_denied`, `expired_token`, …
    Refused {
        error: String,
        description: Option<String>,
    },
    /// Time is up, and the server did not say anything final.
    TimeUp,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    backchannel_authentication_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    backchannel_token_delivery_modes_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: Option<String>,
    id_token: Option<String>,
    token_type: Option<String>,
    scope: Option<String>,
    expires_in: Option<u64>,
    authorization_details: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct ErrorResponse {
    error: String,
    error_description: Option<String>,
    interval: Option<u64>,
}

/// A confidential client at one OpenID Provider.
pub(crate) struct Client {
    http: reqwest::Client,
    issuer: String,
    start_url: Url,
    token_url: Url,
    jwks_url: Url,
    dialect: Dialect,
    auth: ClientAuth,
    id: String,
    secret: String,
}

impl Client {
    /// Reads the server's metadata; where there is none, uses the paths of the dialect. Without a dialect it is the
    /// one that the metadata look like.
    pub(crate) async fn discover(
        http: reqwest::Client,
        issuer: &Url,
        dialect: Option<Dialect>,
        id: String,
        secret: String,
    ) -> Result<Client, CibaError> {
        let mut issuer = issuer.clone();
        if !issuer.path().ends_with('/') {
            issuer.set_path(&format!("{}/", issuer.path()));
        }
        let join = |path: &str| issuer.join(path).map_err(|e| protocol(e.to_string()));
        let read = async |url: Url| {
            let at = url.to_string();
            http::send(http.get(url))
                .await
                .map_err(|why| CibaError::Unreachable { url: at, why })
        };
        let answer = read(join(".well-known/openid-configuration")?).await?;
        let client = |start: Url, token: Url, jwks: Url, name: String, auth: ClientAuth| Client {
            http: http.clone(),
            issuer: name,
            dialect: dialect.unwrap_or_else(|| Dialect::of(&start)),
            start_url: start,
            token_url: token,
            jwks_url: jwks,
            auth,
            id,
            secret,
        };
        if answer.status == 404 {
            if dialect != Some(Dialect::Auth0) {
                let [metadata, ..] = Dialect::Asgardeo.paths();
                let answer = read(join(metadata)?).await?;
                if answer.status == 200 {
                    return Err(protocol(format!(
                        "the issuer of this server is {}",
                        printable(join("oauth2/token")?.as_str())
                    )));
                }
            }
            let Some(dialect) = dialect else {
                return Err(CibaError::NoMetadata {
                    url: join(".well-known/openid-configuration")?.to_string(),
                    issuer,
                });
            };
            let [_, start, token, jwks] = dialect.paths();
            return Ok(client(
                join(start)?,
                join(token)?,
                join(jwks)?,
                issuer.to_string(),
                ClientAuth::Post,
            ));
        }
        let metadata: Metadata = serde_json::from_slice(&answer.body).map_err(|_| {
            protocol(format!(
                "the server's metadata (status {}) is not that of a CIBA server; check the issuer URL",
                answer.status
            ))
        })?;
        // OpenID Discovery §4.3: another issuer's metadata must not be used.
        if metadata.issuer.trim_end_matches('/') != issuer.as_str().trim_end_matches('/') {
            return Err(protocol(format!(
                "the server calls itself {}; use this as the issuer if you trust it",
                printable(&metadata.issuer)
            )));
        }
        let modes = metadata.backchannel_token_delivery_modes_supported;
        if modes.is_some_and(|modes| !modes.iter().any(|mode| mode == "poll")) {
            return Err(protocol("the server does not offer the poll mode of CIBA"));
        }
        let methods = metadata.token_endpoint_auth_methods_supported;
        // OpenID Discovery §3: a server that says nothing takes `client_secret_basic`.
        let post = methods.is_some_and(|methods| methods.iter().any(|m| m == "client_secret_post"));
        let offered = if post {
            ClientAuth::Post
        } else {
            ClientAuth::Basic
        };
        let endpoint = |text: &str| http::address(text).map_err(|e| protocol(e.to_string()));
        Ok(client(
            endpoint(&metadata.backchannel_authentication_endpoint)?,
            endpoint(&metadata.token_endpoint)?,
            endpoint(&metadata.jwks_uri)?,
            metadata.issuer,
            offered,
        ))
    }

    /// The same client with a chosen way to prove who it is.
    pub(crate) fn with_auth(self, auth: ClientAuth) -> Client {
        match auth {
            ClientAuth::Auto => self,
            auth => Client { auth, ..self },
        }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whether `authorization_details` would be ignored without a word.
    pub(crate) fn ignores_details(&self) -> bool {
        self.dialect == Dialect::Asgardeo
    }

    /// Path that requests are started at.
    pub(crate) fn start_path(&self) -> &str {
        self.start_url.path()
    }

    /// Path that is polled.
    pub(crate) fn token_path(&self) -> &str {
        self.token_url.path()
    }

    /// Whose wire format this is, as far as the paths tell.
    pub(crate) fn speaks(&self) -> Option<Dialect> {
        Dialect::of_vendor(&self.start_url)
    }

    fn hint(&self, user: &str) -> String {
        match self.dialect {
            Dialect::Auth0 => serde_json::json!({
                "format": "iss_sub",
                "iss": self.issuer,
                "sub": user,
            })
            .to_string(),
            Dialect::Asgardeo => user.to_owned(),
        }
    }

    /// Starts a request. A server that is busy for a moment is asked again, twice at most.
    pub(crate) async fn start(&self, request: &Request) -> Result<Ack, CibaError> {
        let mut form = vec![
            ("scope", request.scope.clone()),
            (
                "login_hint",
                request
                    .login_hint
                    .clone()
                    .unwrap_or_else(|| self.hint(&request.user)),
            ),
        ];
        let optional = [
            ("binding_message", request.message.clone()),
            ("notification_channel", request.channel.clone()),
            ("audience", request.audience.clone()),
            ("authorization_details", request.details.clone()),
            ("requested_expiry", request.expiry.map(|s| s.to_string())),
        ];
        form.extend(optional.into_iter().filter_map(|(k, v)| Some((k, v?))));
        let more = request.params.iter();
        form.extend(more.map(|(name, value)| (name.as_str(), value.clone())));
        for attempt in 0.. {
            let answer = self
                .post(&self.start_url, form.clone())
                .await
                .map_err(|why| CibaError::Network {
                    what: "the request cannot be started",
                    why,
                })?;
            if answer.status == 200 {
                return serde_json::from_slice(&answer.body)
                    .ok()
                    .filter(|ack: &Ack| !ack.auth_req_id.is_empty() && ack.expires_in > 0)
                    .ok_or_else(|| protocol("the server's acknowledgement cannot be read"));
            }
            let refusal: Option<ErrorResponse> = serde_json::from_slice(&answer.body).ok();
            // A 503 without a time to come back says that something is broken: asking again would only ring twice.
            let busy =
                answer.status == 429 || (answer.status == 503 && answer.retry_after.is_some());
            let wait = answer.retry_after.unwrap_or(1);
            if busy && attempt < 2 && wait <= 10 {
                tokio::time::sleep(Duration::from_secs(wait)).await;
                continue;
            }
            return Err(CibaError::Refused {
                status: answer.status,
                error: refusal.as_ref().map_or_else(
                    || format!("HTTP {}", answer.status),
                    |r| printable(&r.error),
                ),
                description: refusal
                    .and_then(|r| r.error_description)
                    .map(|text| printable(&text)),
                retry_after: answer.retry_after,
            });
        }
        unreachable!("the loop returns at its third attempt")
    }

    /// Polls until there is an outcome, one request at a time.
    pub(crate) async fn wait(
        &self,
        request: &Request,
        ack: &Ack,
        mut progress: impl FnMut(Progress<'_>),
    ) -> Result<Outcome, CibaError> {
        let acknowledged = Instant::now();
        let mut polling = Polling::new(ack);
        loop {
            match polling.step(acknowledged.elapsed()) {
                Step::WaitUntil(next) => {
                    progress(Progress::Waiting {
                        next,
                        interval: polling.interval(),
                    });
                    tokio::time::sleep(next.saturating_sub(acknowledged.elapsed())).await;
                }
                Step::Poll => {
                    let (answer, tokens) = self.poll(ack).await;
                    polling.answered(acknowledged.elapsed(), &answer);
                    progress(Progress::Answered(&answer));
                    if let Some(tokens) = tokens {
                        let grant = self.check(request, ack, tokens).await?;
                        return Ok(Outcome::Granted(Box::new(grant)));
                    }
                }
                Step::Stop(End::TimeUp) => return Ok(Outcome::TimeUp),
                Step::Stop(End::Error { error, description }) => {
                    return Ok(Outcome::Refused { error, description });
                }
                Step::Stop(End::Tokens) => {
                    return Err(protocol("the server's token answer cannot be read"));
                }
            }
        }
    }

    async fn poll(&self, ack: &Ack) -> (PollAnswer, Option<TokenResponse>) {
        let form = vec![
            ("grant_type", GRANT_TYPE.to_owned()),
            ("auth_req_id", ack.auth_req_id.clone()),
        ];
        match self.post(&self.token_url, form).await {
            Err(why) => (
                PollAnswer::Trouble {
                    why,
                    retry_after: None,
                },
                None,
            ),
            Ok(answer) => read_poll(&answer),
        }
    }

    async fn post(&self, url: &Url, mut form: Vec<(&str, String)>) -> Result<http::Answer, String> {
        let mut request = self.http.post(url.clone());
        if self.auth == ClientAuth::Basic {
            // RFC 6749 §2.3.1: both halves are form-encoded before base64.
            let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            request = request.basic_auth(encode(&self.id), Some(encode(&self.secret)));
        } else {
            form.push(("client_id", self.id.clone()));
            form.push(("client_secret", self.secret.clone()));
        }
        http::send(request.form(&form)).await
    }

    /// OpenID Connect Core §3.1.3.7, and CIBA Core §10.3.1 for the claims that are there.
    async fn check(
        &self,
        request: &Request,
        ack: &Ack,
        tokens: TokenResponse,
    ) -> Result<Grant, CibaError> {
        let access_token = tokens
            .access_token
            .ok_or_else(|| protocol("the token answer has no access_token"))?;
        let id_token = tokens
            .id_token
            .ok_or_else(|| protocol("the token answer has no id_token"))?;
        let token_type = tokens.token_type.unwrap_or_default();
        if !token_type.eq_ignore_ascii_case("bearer") {
            return Err(protocol(
                "the token answer has a token_type other than Bearer",
            ));
        }
        let keys = http::send(self.http.get(self.jwks_url.clone()))
            .await
            .map_err(|why| CibaError::Network {
                what: "the keys of the server cannot be read",
                why,
            })?;
        let id_claims = check_id_token(
            &id_token,
            &keys.body,
            &Expected {
                issuer: &self.issuer,
                client_id: &self.id,
                // A user name is no subject: then any subject is believed, because the request named the user.
                user: Some(request.user.as_str())
                    .filter(|_| self.dialect == Dialect::Auth0 && request.login_hint.is_none()),
                auth_req_id: &ack.auth_req_id,
                access_token: &access_token,
            },
        )
        .map_err(|why| CibaError::IdToken { why })?;
        Ok(Grant {
            id_claims,
            access_claims: jsonwebtoken::dangerous::insecure_decode_claims(&access_token).ok(),
            details: Details::of(
                request.details.as_deref(),
                tokens.authorization_details.as_deref(),
            ),
            authorization_details: tokens.authorization_details,
            scope: tokens.scope,
            token_type,
            expires_in: tokens.expires_in,
            access_token,
            id_token,
        })
    }
}

/// The `error` decides, not the status.
fn read_poll(answer: &http::Answer) -> (PollAnswer, Option<TokenResponse>) {
    let retry_after = answer.retry_after;
    if let Ok(refusal) = serde_json::from_slice::<ErrorResponse>(&answer.body) {
        let answer = PollAnswer::Error {
            error: printable(&refusal.error),
            description: refusal.error_description.map(|text| printable(&text)),
            interval: refusal.interval,
            retry_after,
        };
        return (answer, None);
    }
    match answer.status {
        200 => (
            PollAnswer::Tokens,
            serde_json::from_slice(&answer.body).ok(),
        ),
        429 | 500.. => (
            PollAnswer::Trouble {
                why: format!("HTTP {}", answer.status),
                retry_after,
            },
            None,
        ),
        status => (
            PollAnswer::Error {
                error: format!("HTTP {status}"),
                description: Some("the answer is no OAuth error".into()),
                interval: None,
                retry_after,
            },
            None,
        ),
    }
}

struct Expected<'a> {
    issuer: &'a str,
    client_id: &'a str,
    /// `None`: any.
    user: Option<&'a str>,
    auth_req_id: &'a str,
    access_token: &'a str,
}

fn check_id_token(
    token: &str,
    jwks: &[u8],
    expected: &Expected<'_>,
) -> Result<Box<RawValue>, String> {
    let keys: JwkSet =
        serde_json::from_slice(jwks).map_err(|_| "the server's key set cannot be read")?;
    let header = jsonwebtoken::decode_header(token).map_err(|_| "it is no JWT")?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(format!("{:?} is no algorithm for it", header.alg));
    }
    let key = match &header.kid {
        Some(kid) => keys.find(kid),
        None if keys.keys.len() == 1 => keys.keys.first(),
        None => None,
    };
    let key = key.ok_or("the server's key set has no key for it")?;
    if key
        .common
        .key_algorithm
        .is_some_and(|algorithm| algorithm.to_string() != format!("{:?}", header.alg))
    {
        return Err("its key is for another algorithm".into());
    }
    let key = DecodingKey::from_jwk(key).map_err(|_| "its key cannot be read")?;
    let mut rules = Validation::new(header.alg);
    rules.set_issuer(&[expected.issuer]);
    rules.set_audience(&[expected.client_id]);
    rules.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
    rules.sub = expected.user.map(str::to_owned);
    let claims: Box<RawValue> = jsonwebtoken::decode(token, &key, &rules)
        .map_err(|error| error.to_string())?
        .claims;
    let read: serde_json::Value =
        serde_json::from_str(claims.get()).map_err(|_| "its claims cannot be read")?;
    let text = |name: &str| read.get(name).and_then(serde_json::Value::as_str);
    if read
        .get("iat")
        .and_then(serde_json::Value::as_f64)
        .is_none()
    {
        return Err("it has no iat".into());
    }
    if read.get(AUTH_REQ_ID_CLAIM).is_some()
        && text(AUTH_REQ_ID_CLAIM) != Some(expected.auth_req_id)
    {
        return Err("it belongs to another request".into());
    }
    let half = &Sha256::digest(expected.access_token)[..16];
    if read.get("at_hash").is_some() && text("at_hash") != Some(&URL_SAFE_NO_PAD.encode(half)) {
        return Err("it belongs to another access token".into());
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn polling(expires_in: u64, interval: u64) -> Polling {
        Polling::new(&Ack {
            auth_req_id: "x".into(),
            expires_in,
            interval,
            auth_url: None,
        })
    }

    #[test]
    fn the_dialect_is_read_off_the_path_of_the_backchannel_endpoint() {
        for (url, dialect) in [
            ("https://a.example/bc-authorize", Dialect::Auth0),
            ("https://a.example/oauth2/ciba", Dialect::Asgardeo),
            ("https://a.example/t/bank/oauth2/ciba", Dialect::Asgardeo),
            ("https://a.example/backchannel", Dialect::Auth0),
        ] {
            assert_eq!(Dialect::of(&Url::parse(url).unwrap()), dialect, "{url}");
        }
    }

    #[test]
    fn details_are_confirmed_by_the_same_details_and_nothing_else() {
        let asked = r#"[{"type":"x","amount":249.00,"to":"A"}]"#;
        for (asked, granted, expected) in [
            (None, None, Details::NotAsked),
            (Some(asked), Some(asked), Details::Granted),
            (
                Some(asked),
                Some(r#"[ {"to":"A","amount":249,"type":"x"} ]"#),
                Details::Granted,
            ),
            (Some(asked), None, Details::Unnamed),
            (Some(asked), Some("[]"), Details::Different),
            (
                Some(asked),
                Some(r#"[{"type":"x","amount":250,"to":"A"}]"#),
                Details::Different,
            ),
        ] {
            let raw = granted.map(|text| RawValue::from_string(text.to_owned()).unwrap());
            let found = Details::of(asked, raw.as_deref());
            assert_eq!(found, expected, "{granted:?}");
            let whole = matches!(expected, Details::NotAsked | Details::Granted);
            assert_eq!(found.confirmed(), whole);
        }
    }

    fn error(name: &str) -> PollAnswer {
        PollAnswer::Error {
            error: name.into(),
            description: None,
            interval: None,
            retry_after: None,
        }
    }

    fn slow_down(interval: Option<u64>, retry_after: Option<u64>) -> PollAnswer {
        PollAnswer::Error {
            error: "slow_down".into(),
            description: None,
            interval,
            retry_after,
        }
    }

    #[test]
    fn the_first_poll_waits_one_interval() {
        let polling = polling(300, 5);
        assert_eq!(polling.step(secs(0)), Step::WaitUntil(secs(5)));
        assert_eq!(polling.step(secs(5)), Step::Poll);
    }

    #[test]
    fn a_missing_interval_means_five_seconds() {
        let ack: Ack =
            serde_json::from_str(r#"{"auth_req_id":"a","expires_in":60,"auth_url":"x"}"#).unwrap();
        assert_eq!(Polling::new(&ack).interval(), secs(5));
    }

    #[test]
    fn an_interval_of_zero_does_not_become_a_busy_loop() {
        assert_eq!(polling(60, 0).interval(), secs(1));
    }

    #[test]
    fn the_interval_counts_from_the_answer() {
        let mut polling = polling(300, 5);
        polling.answered(secs(8), &error("authorization_pending"));
        assert_eq!(polling.step(secs(9)), Step::WaitUntil(secs(13)));
    }

    #[test]
    fn slow_down_adds_five_seconds_for_this_and_all_later_polls() {
        let mut polling = polling(300, 5);
        polling.answered(secs(5), &slow_down(None, None));
        assert_eq!(polling.step(secs(5)), Step::WaitUntil(secs(15)));
        polling.answered(secs(15), &error("authorization_pending"));
        assert_eq!(polling.step(secs(15)), Step::WaitUntil(secs(25)));
        polling.answered(secs(25), &slow_down(None, None));
        assert_eq!(polling.interval(), secs(15));
    }

    #[test]
    fn a_server_that_asks_for_more_gets_more() {
        let mut polling = polling(300, 5);
        polling.answered(secs(5), &slow_down(Some(20), Some(30)));
        assert_eq!(polling.interval(), secs(20));
        assert_eq!(polling.step(secs(5)), Step::WaitUntil(secs(35)));
    }

    #[test]
    fn a_server_that_grows_by_three_seconds_is_still_given_five() {
        let mut polling = polling(120, 2);
        polling.answered(secs(2), &slow_down(Some(5), None));
        assert_eq!(polling.interval(), secs(7));
    }

    #[test]
    fn retry_after_on_a_pending_answer_is_obeyed_once() {
        let mut polling = polling(300, 5);
        let answer = PollAnswer::Error {
            error: "authorization_pending".into(),
            description: None,
            interval: None,
            retry_after: Some(12),
        };
        polling.answered(secs(5), &answer);
        assert_eq!(polling.step(secs(5)), Step::WaitUntil(secs(17)));
        polling.answered(secs(17), &error("authorization_pending"));
        assert_eq!(polling.step(secs(17)), Step::WaitUntil(secs(22)));
    }

    #[test]
    fn broken_connections_are_tried_again_with_back_off() {
        let trouble = PollAnswer::Trouble {
            why: "refused".into(),
            retry_after: None,
        };
        let mut polling = polling(300, 1);
        let mut now = secs(1);
        for wait in [1, 2, 4, 8, 16, 32, 32] {
            polling.answered(now, &trouble);
            assert_eq!(polling.step(now), Step::WaitUntil(now + secs(wait)));
            now += secs(wait);
        }
        polling.answered(now, &error("authorization_pending"));
        assert_eq!(polling.step(now), Step::WaitUntil(now + secs(1)));
    }

    #[test]
    fn final_errors_end_it_and_stay() {
        for name in [
            "access_denied",
            "expired_token",
            "invalid_grant",
            "invalid_request",
            "made_up",
        ] {
            let mut polling = polling(300, 5);
            polling.answered(secs(5), &error(name));
            let Step::Stop(End::Error { error, .. }) = polling.step(secs(500)) else {
                panic!("{name} is final");
            };
            assert_eq!(error, name);
        }
    }

    #[test]
    fn one_poll_behind_the_end_learns_the_servers_word_and_no_second_one_follows() {
        let mut polling = polling(12, 5);
        polling.answered(secs(5), &error("authorization_pending"));
        polling.answered(secs(10), &error("authorization_pending"));
        assert_eq!(polling.step(secs(12)), Step::WaitUntil(secs(15)));
        assert_eq!(polling.step(secs(15)), Step::Poll);
        polling.answered(secs(15), &error("authorization_pending"));
        assert_eq!(polling.step(secs(15)), Step::Stop(End::TimeUp));
    }

    #[test]
    fn a_long_pause_does_not_outlive_the_request() {
        let mut polling = polling(12, 5);
        polling.answered(secs(5), &slow_down(None, Some(60)));
        assert_eq!(polling.step(secs(6)), Step::WaitUntil(secs(12)));
        assert_eq!(polling.step(secs(12)), Step::Stop(End::TimeUp));
    }

    #[test]
    fn the_error_decides_and_not_the_status() {
        let answer = |status, body: &str| {
            read_poll(&http::Answer {
                status,
                retry_after: None,
                body: body.as_bytes().to_vec(),
            })
            .0
        };
        assert_eq!(
            answer(401, r#"{"error":"invalid_grant"}"#),
            error("invalid_grant")
        );
        assert_eq!(answer(200, r#"{"error":"slow_down"}"#), error("slow_down"));
        assert!(matches!(answer(503, "<html>"), PollAnswer::Trouble { .. }));
        assert!(matches!(answer(404, "<html>"), PollAnswer::Error { .. }));
        assert_eq!(answer(200, "{}"), PollAnswer::Tokens);
    }

    /// Makes ID tokens, and the key set to check them with.
    struct Issuer {
        key: jsonwebtoken::EncodingKey,
        jwks: Vec<u8>,
    }

    impl Issuer {
        fn new() -> Issuer {
            use rsa::pkcs1::EncodeRsaPrivateKey as _;
            use rsa::traits::PublicKeyParts as _;
            // 1024 bits: quick to make, and nothing here depends on the strength.
            let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 1024).unwrap();
            let member = |number: &rsa::BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
            let jwks = serde_json::json!({"keys": [{
                "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k1", "n": member(key.n()), "e": member(key.e()),
            }]});
            Issuer {
                key: jsonwebtoken::EncodingKey::from_rsa_der(
                    key.to_pkcs1_der().unwrap().as_bytes(),
                ),
                jwks: jwks.to_string().into_bytes(),
            }
        }

        /// A good token with one claim changed (`null` takes it away), checked for the request `r1` of `alice`.
        fn check(&self, claim: &str, value: serde_json::Value) -> Result<Box<RawValue>, String> {
            let now = jiff::Timestamp::now().as_second();
            let mut claims = serde_json::json!({
                "iss": "https://op.example/", "aud": "client", "sub": "alice", "iat": now, "exp": now + 300,
                AUTH_REQ_ID_CLAIM: "r1",
                "at_hash": URL_SAFE_NO_PAD.encode(&Sha256::digest("at")[..16]),
            });
            claims[claim] = value;
            if let Some(claims) = claims.as_object_mut() {
                claims.retain(|_, value| !value.is_null());
            }
            let mut header = jsonwebtoken::Header::new(Algorithm::RS256);
            header.kid = Some("k1".into());
            let token = jsonwebtoken::encode(&header, &claims, &self.key).unwrap();
            check_id_token(&token, &self.jwks, &expected())
        }
    }

    fn expected() -> Expected<'static> {
        Expected {
            issuer: "https://op.example/",
            client_id: "client",
            user: Some("alice"),
            auth_req_id: "r1",
            access_token: "at",
        }
    }

    #[test]
    fn an_id_token_is_believed_only_if_it_is_ours_and_fresh() {
        let issuer = Issuer::new();
        assert!(issuer.check("iss", "https://op.example/".into()).is_ok());
        assert!(
            issuer
                .check(AUTH_REQ_ID_CLAIM, serde_json::Value::Null)
                .is_ok()
        );
        assert!(issuer.check("aud", serde_json::json!(["client"])).is_ok());
        let bad = [
            ("iss", serde_json::json!("https://op.example")),
            ("aud", serde_json::json!("other")),
            ("sub", serde_json::json!("mallory")),
            ("exp", serde_json::json!(1)),
            ("exp", serde_json::Value::Null),
            ("iat", serde_json::Value::Null),
            (AUTH_REQ_ID_CLAIM, serde_json::json!("r2")),
            ("at_hash", serde_json::json!("AAAAAAAAAAAAAAAAAAAAAA")),
        ];
        for (claim, value) in bad {
            assert!(
                issuer.check(claim, value.clone()).is_err(),
                "{claim} {value}"
            );
        }
    }

    #[test]
    fn an_id_token_without_a_signature_of_the_server_is_refused() {
        let issuer = Issuer::new();
        let other = Issuer {
            key: Issuer::new().key,
            jwks: issuer.jwks.clone(),
        };
        assert!(other.check("sub", "alice".into()).is_err());
        // {"alg":"none"}
        let token = "eyJhbGciOiJub25lIn0.e30.";
        assert!(check_id_token(token, &issuer.jwks, &expected()).is_err());
        let key = jsonwebtoken::EncodingKey::from_secret(&issuer.jwks);
        let header = jsonwebtoken::Header::new(Algorithm::HS256);
        let token = jsonwebtoken::encode(&header, &serde_json::json!({}), &key).unwrap();
        assert!(check_id_token(&token, &issuer.jwks, &expected()).is_err());
    }

    fn any_answer() -> impl Strategy<Value = PollAnswer> {
        let seconds = proptest::option::of(0_u64..90);
        prop_oneof![
            Just(error("authorization_pending")),
            (seconds.clone(), seconds.clone()).prop_map(|(a, b)| slow_down(a, b)),
            Just(error("temporarily_unavailable")),
            seconds.prop_map(|retry_after| PollAnswer::Trouble {
                why: String::new(),
                retry_after
            }),
        ]
    }

    proptest! {
        /// Whatever the server says: never faster than its interval, and over soon after the end.
        #[test]
        fn polls_keep_their_distance_and_end(
            answers in proptest::collection::vec(any_answer(), 1..200),
            interval in 0_u64..20,
            expires_in in 1_u64..400,
        ) {
            let mut polling = polling(expires_in, interval);
            let mut answers = answers.into_iter().cycle();
            let (mut now, mut before) = (Duration::ZERO, Duration::ZERO);
            for _ in 0..2_000 {
                match polling.step(now) {
                    Step::WaitUntil(next) => {
                        prop_assert!(next > now);
                        now = next;
                    }
                    Step::Poll => {
                        prop_assert!(now - before >= secs(interval));
                        prop_assert!(now <= secs(expires_in) + polling.interval());
                        before = now;
                        polling.answered(now, &answers.next().unwrap());
                    }
                    Step::Stop(end) => {
                        prop_assert_eq!(end, End::TimeUp);
                        prop_assert!(now >= secs(expires_in));
                        return Ok(());
                    }
                }
            }
            prop_assert!(false, "it never ended");
        }
    }
}
