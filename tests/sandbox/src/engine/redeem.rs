//! Polling: the token endpoint's rules for the CIBA grant after the client is authenticated.

use serde_json::json;

use super::dialect::{Replies, Reply};
use super::poll::{Outcome, poll};
use super::refusal::Refusal;
use super::tokens::{Subject, TokenAnswer};
use super::{Engine, may_use_ciba};
use crate::server::Called;
use crate::state::{CibaRequest, Client, RefreshToken, Stage, Tx, User};
use crate::text::sha256_b64;

impl Engine {
    /// One poll; `key` is the thumbprint of a key that the client has proven to have. The request is
    /// marked as used in the same transaction that issues the tokens, so of two concurrent polls
    /// exactly one gets them.
    pub(crate) fn redeem(
        &self,
        client: &Client,
        auth_req_id: Option<&str>,
        key: Option<&str>,
        called: &Called,
    ) -> Result<TokenAnswer, Refusal> {
        self.db.write(|tx| {
            let answer = self.redeem_in(tx, client, auth_req_id, key, called);
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
        key: Option<&str>,
        called: &Called,
    ) -> Result<TokenAnswer, Refusal> {
        let granted = may_use_ciba(client);
        let replies = &self.dialect.polling.replies;
        let found: Option<CibaRequest> = match auth_req_id {
            Some(id) => tx.get(id)?,
            None => None,
        };
        let foreign = found
            .as_ref()
            .is_some_and(|request| request.client_id != client.client_id);
        let request = found.filter(|_| !foreign);
        // A client that lost the grant hears that its running request is over, not more.
        if !granted && request.is_none() {
            return Err(Refusal::unauthorized(self.dialect.start.no_grant));
        }
        if auth_req_id.is_none() {
            return Err(Refusal::invalid("auth_req_id is required"));
        }
        let mut request = request.ok_or_else(|| match foreign {
            true => refused(replies.foreign),
            false => refused(replies.unknown),
        })?;
        called.is_about(&request.consent_id);
        let now = self.now_ms();
        let outcome = poll(&mut request, now, &self.dialect.polling);
        let user = tx
            .get::<User>(&request.user_id)?
            .filter(|user| !user.blocked);
        let answer = match (outcome, user) {
            (Outcome::Gone, _) => Err(refused(replies.unknown)),
            (Outcome::Used, _) => Err(refused(replies.used)),
            (Outcome::Denied, _) => Err(refused(replies.denied)),
            (Outcome::Expired, _) => Err(refused((replies.expired)(&self.options))),
            (_, None) => Err(end(&mut request, now, replies)),
            _ if !granted => Err(end(&mut request, now, replies)),
            (Outcome::Approved { at_ms }, Some(user)) => {
                request.state = Stage::Redeemed;
                let subject = Subject {
                    scope: &request.scope,
                    audience: request.audience.as_deref(),
                    details: request.details.as_deref(),
                    auth_time_s: at_ms / 1000,
                    auth_req_id: &request.auth_req_id,
                    key,
                };
                self.mint(tx, &called.base, client, &user, &subject, None)
            }
            (Outcome::SlowDown(interval), Some(_)) => Err(self.slow_down(interval)),
            (Outcome::Pending, Some(_)) => Err(refused(replies.pending)),
        };
        tx.put(&request)?;
        answer
    }

    fn slow_down(&self, interval: u32) -> Refusal {
        let polling = &self.dialect.polling;
        let (error, text) = polling.replies.too_fast;
        let told = Some(interval).filter(|_| polling.rate.told);
        Refusal {
            retry_after: told,
            interval: told,
            ..Refusal::new(400, error, &text.replace("{n}", &interval.to_string()))
        }
    }

    /// The refresh grant (RFC 6749 §6): same rights, same answer, checked against the user again.
    pub(crate) fn refresh(
        &self,
        client: &Client,
        token: Option<&str>,
        key: Option<&str>,
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
                key,
            };
            self.mint(tx, base, client, &user, &subject, Some(token))
        })
    }
}

/// Ends a request whose user or grant is gone, without saying which.
fn end(request: &mut CibaRequest, now_ms: i64, replies: &Replies) -> Refusal {
    request.state = Stage::Denied { at_ms: now_ms };
    refused(replies.denied)
}

fn refused((error, text): Reply) -> Refusal {
    Refusal::new(400, error, text)
}
