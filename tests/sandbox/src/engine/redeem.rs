//! Polling: the token endpoint's rules for the CIBA grant after the client is authenticated.

use serde_json::json;

use super::poll::{Outcome, poll};
use super::refusal::Refusal;
use super::tokens::{Subject, TokenAnswer};
use super::{CIBA_GRANT, Engine};
use crate::options::ExpiryError;
use crate::server::Called;
use crate::state::{CibaRequest, Client, RefreshToken, Stage, Tx, User};
use crate::text::sha256_b64;

const DENIED: &str = "The end-user denied the authorization request or it has been expired";

impl Engine {
    /// One poll. The request is marked as used in the same transaction that issues the tokens, so
    /// of two concurrent polls exactly one gets them.
    pub(crate) fn redeem(
        &self,
        client: &Client,
        auth_req_id: Option<&str>,
        called: &Called,
    ) -> Result<TokenAnswer, Refusal> {
        self.db.write(|tx| {
            let answer = self.redeem_in(tx, client, auth_req_id, called);
            if let Err(Refusal { status: 500, .. }) = answer {
                return answer.map(Ok);
            }
            // A refusal is committed too: it has moved the polling interval.
            let kind = match &answer {
                Ok(_) => Some("ciba_exchange_succeeded"),
                Err(refusal) if matches!(refusal.error, "authorization_pending" | "slow_down") => {
                    None
                }
                Err(_) => Some("ciba_exchange_failed"),
            };
            if let Some(kind) = kind {
                self.event(tx, kind, None, json!({ "client_id": client.client_id }))?;
            }
            Ok::<_, Refusal>(answer)
        })?
    }

    fn redeem_in(
        &self,
        tx: &Tx<'_>,
        client: &Client,
        auth_req_id: Option<&str>,
        called: &Called,
    ) -> Result<TokenAnswer, Refusal> {
        let granted = client.grant_types.iter().any(|grant| grant == CIBA_GRANT);
        let request = match auth_req_id {
            Some(id) => tx
                .get::<CibaRequest>(id)?
                .filter(|request| request.client_id == client.client_id),
            None => None,
        };
        // A client that lost the grant hears that its running request is over, not more.
        if !granted && request.is_none() {
            return Err(Refusal::unauthorized(
                "The client may not use the CIBA grant",
            ));
        }
        if auth_req_id.is_none() {
            return Err(Refusal::invalid("auth_req_id is required"));
        }
        let unknown = || Refusal::new(400, "invalid_grant", "Invalid or expired auth_req_id");
        let mut request = request.ok_or_else(unknown)?;
        called.is_about(&request.consent_id);
        let now = self.now_ms();
        let outcome = poll(&mut request, now, self.dialect);
        let user = tx
            .get::<User>(&request.user_id)?
            .filter(|user| !user.blocked);
        let answer = match (outcome, user) {
            (Outcome::Gone, _) => Err(unknown()),
            (Outcome::Denied, _) => Err(Refusal::new(400, "access_denied", DENIED)),
            (Outcome::Expired, _) => Err(self.expired()),
            (_, None) => Err(end(&mut request, now)),
            _ if !granted => Err(end(&mut request, now)),
            (Outcome::Approved { at_ms }, Some(user)) => {
                request.state = Stage::Redeemed;
                let subject = Subject {
                    scope: &request.scope,
                    audience: request.audience.as_deref(),
                    details: request.details.as_deref(),
                    auth_time_s: at_ms / 1000,
                    auth_req_id: &request.auth_req_id,
                };
                self.mint(tx, &called.base, client, &user, &subject, None)
            }
            (Outcome::SlowDown(interval), Some(_)) => Err(slow_down(interval)),
            (Outcome::Pending, Some(_)) => Err(Refusal::new(
                400,
                "authorization_pending",
                "The end-user authorization is pending",
            )),
        };
        tx.put(&request)?;
        answer
    }

    fn expired(&self) -> Refusal {
        match self.options.expiry_error {
            ExpiryError::AccessDenied => Refusal::new(400, "access_denied", DENIED),
            ExpiryError::ExpiredToken => {
                Refusal::new(400, "expired_token", "The auth_req_id has expired")
            }
        }
    }

    /// The refresh grant (RFC 6749 §6): same rights, same answer, checked against the user again.
    pub(crate) fn refresh(
        &self,
        client: &Client,
        token: Option<&str>,
        base: &str,
    ) -> Result<TokenAnswer, Refusal> {
        if !client
            .grant_types
            .iter()
            .any(|grant| grant == "refresh_token")
        {
            return Err(Refusal::unauthorized(
                "The client may not use the refresh_token grant",
            ));
        }
        let token = token.ok_or_else(|| Refusal::invalid("refresh_token is required"))?;
        self.db.write(|tx| {
            let unknown =
                || Refusal::new(400, "invalid_grant", "Unknown or invalid refresh token.");
            let kept = tx
                .get::<RefreshToken>(&sha256_b64(token))?
                .filter(|kept| kept.client_id == client.client_id)
                .ok_or_else(unknown)?;
            let user = tx
                .get::<User>(&kept.user_id)?
                .filter(|user| !user.blocked)
                .ok_or_else(unknown)?;
            let subject = Subject {
                scope: &kept.scope,
                audience: kept.audience.as_deref(),
                details: kept.details.as_deref(),
                auth_time_s: kept.auth_time_s,
                auth_req_id: &kept.auth_req_id,
            };
            self.mint(tx, base, client, &user, &subject, Some(token))
        })
    }
}

/// Ends a request whose user or grant is gone, without saying which.
fn end(request: &mut CibaRequest, now_ms: i64) -> Refusal {
    request.state = Stage::Denied { at_ms: now_ms };
    Refusal::new(400, "access_denied", DENIED)
}

fn slow_down(interval: u32) -> Refusal {
    let text = format!("You are polling faster than allowed. Try again in {interval} seconds.");
    Refusal {
        retry_after: Some(interval),
        interval: Some(interval),
        ..Refusal::new(400, "slow_down", &text)
    }
}
