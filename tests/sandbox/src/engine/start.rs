//! Starting a request: the rules of the backchannel endpoint after the client is authenticated, in the
//! order of CIBA Core §7 (parameters, number of hints, user, the rest, channel). What differs between
//! the vendors is asked of the dialect's table.

use std::sync::Arc;

use serde_json::json;

use super::dialect::Facts;
use super::refusal::Refusal;
use super::{Engine, rar};
use crate::handle::Started;
use crate::messages;
use crate::push;
use crate::signed_consent::SentDetails;
use crate::state::{
    Api, Channel, CibaRequest, Client, Enrollment, Link, Push, PushStatus, Stage, StateError,
    Transaction, Tx, UsedJti, User,
};
use crate::text::{random_token, sha256_b64};

const STANDARD_SCOPES: [&str; 6] = [
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "offline_access",
];
const MINUTE_MS: i64 = 60_000;
const KEEP_MS: i64 = 7 * 24 * 3_600_000;

/// The parameters of a start, as text; absent and empty are the same.
#[derive(Default)]
pub(crate) struct Start<'a> {
    pub(crate) scope: Option<&'a str>,
    pub(crate) login_hint: Option<&'a str>,
    /// How many of `login_hint_token` and `id_token_hint` are present.
    pub(crate) other_hints: usize,
    pub(crate) binding_message: Option<&'a str>,
    pub(crate) requested_expiry: Option<&'a str>,
    pub(crate) audience: Option<&'a str>,
    pub(crate) authorization_details: Option<&'a str>,
    /// Whether a signed request object was sent.
    pub(crate) signed_request: bool,
    pub(crate) notification_channel: Option<&'a str>,
    pub(crate) ui_locales: Option<&'a str>,
    /// Origin and prefix that the call came to: the user's link leads back there.
    pub(crate) base: &'a str,
}

/// A request that was accepted, with what has to go out for it.
struct Accepted {
    request: CibaRequest,
    link: Option<String>,
    messages: Vec<messages::Draft>,
}

/// Channels as events and views name them.
pub(crate) fn names(channels: &[Channel]) -> Vec<String> {
    let names = channels.iter().map(|channel| channel.name().to_owned());
    names.collect()
}

impl Engine {
    /// Starts a request and sends its pushes and messages.
    pub(crate) fn start(
        self: &Arc<Self>,
        client: &Client,
        start: &Start<'_>,
    ) -> Result<Started, Refusal> {
        let accepted = self.db.write(|tx| match self.accept(tx, client, start) {
            Ok(accepted) => {
                let request = &accepted.request;
                let details = json!({ "notification_channel": names(&request.channels).join(", "), "transaction_linking_id": request.consent_id });
                self.event(tx, "ciba_start_succeeded", Some(&request.user_id), details)?;
                Ok(Ok(accepted))
            }
            Err(refusal) => {
                self.event(tx, "ciba_start_failed", None, json!({ "error": refusal.error, "client_id": client.client_id }))?;
                Ok::<_, Refusal>(Err(refusal))
            }
        })??;
        let Accepted {
            request,
            link,
            messages,
        } = accepted;
        if request.channels.is_empty() {
            tracing::warn!(
                user = %request.user_id,
                request = %request.consent_id,
                "a request reaches nobody: the user has no verified e-mail address and no phone number that a channel of \
                 the client could use"
            );
        }
        self.hub.release(self, &request);
        messages::send(self, messages);
        Ok(Started {
            auth_url: link.filter(|_| request.channels.contains(&Channel::External)),
            id: request.consent_id,
            auth_req_id: request.auth_req_id,
            expires_in: u32::try_from((request.expires_ms - request.created_ms) / 1000)
                .unwrap_or(u32::MAX),
            interval: request.interval,
        })
    }

    fn accept(&self, tx: &Tx<'_>, client: &Client, start: &Start<'_>) -> Result<Accepted, Refusal> {
        let rules = &self.dialect.start;
        (rules.client)(client, &self.options)?;
        if start.signed_request {
            return Err(Refusal::invalid("Signed requests are not supported"));
        }
        (rules.required)(start)?;
        let scope = scopes(start.scope)?;
        let expiry = (rules.expiry)(start.requested_expiry, client)?;
        let user = self.hinted_user(tx, start)?;
        if let Some(message) = start.binding_message {
            (rules.message)(message, &self.options)
                .map_err(|rule| Refusal::new(400, "invalid_binding_message", &rule))?;
        }
        let api = self.api(tx, start.audience.filter(|_| rules.rich))?;
        let scope = granted_scopes(scope, api.as_ref(), &user)?;
        let details = start.authorization_details.filter(|_| rules.rich);
        self.check_details(client, api.as_ref(), details)?;

        let devices: Vec<Enrollment> = tx.of(&user.user_id)?;
        let asked = start.notification_channel;
        let channels = self.channels(client, &user, asked, expiry, !devices.is_empty())?;
        self.rate_limit(tx, &user)?;

        let now = self.now_ms();
        tx.delete_before::<CibaRequest>(now - KEEP_MS)?;
        tx.delete_before::<UsedJti>(now - KEEP_MS)?;
        tx.delete_before::<Link>(now)?;
        let mut request = CibaRequest {
            auth_req_id: (rules.new_id)(),
            consent_id: format!("cns_{}", &random_token(16)),
            client_id: client.client_id.clone(),
            user_id: user.user_id.clone(),
            channels,
            scope,
            audience: api.map(|api| api.identifier),
            binding_message: start.binding_message.map(str::to_owned),
            details: details.map(str::to_owned),
            withheld: None,
            ui_locales: start.ui_locales.map(str::to_owned),
            created_ms: now,
            expires_ms: now + i64::from(expiry) * 1000,
            interval: self.options.interval.max(1),
            last_poll_ms: None,
            polls: 0,
            state: Stage::Pending,
            answer: None,
            refused: None,
            refused_person: None,
            pushes: Vec::new(),
        };
        if request.channels.contains(&Channel::Push) {
            for device in &devices {
                let push = self.prepare_push(tx, &request, device, &user)?;
                request.pushes.extend(push);
            }
        }
        tx.put(&request)?;
        let link = self.link(tx, &request, start.base)?;
        let messages = match &link {
            Some(link) => messages::compose(self, tx, &request, client, &user, link)?,
            None => Vec::new(),
        };
        Ok(Accepted {
            request,
            link,
            messages,
        })
    }

    /// The user's link, where a channel carries one. Only the hash of its key is kept.
    fn link(
        &self,
        tx: &Tx<'_>,
        request: &CibaRequest,
        base: &str,
    ) -> Result<Option<String>, StateError> {
        if !request.channels.iter().any(|channel| channel.has_link()) {
            return Ok(None);
        }
        let key = (self.dialect.links.new_key)();
        tx.put(&Link {
            hash: sha256_b64(&key),
            auth_req_id: request.auth_req_id.clone(),
            user_id: request.user_id.clone(),
            expires_ms: request.expires_ms.saturating_add(KEEP_MS),
            failures: 0,
        })?;
        let paths = &self.dialect.paths;
        Ok(Some(format!(
            "{base}{}?{}={key}",
            paths.link, paths.link_key
        )))
    }

    /// Whom the one hint names. Blocked reads like unknown, so that a client cannot probe accounts.
    fn hinted_user(&self, tx: &Tx<'_>, start: &Start<'_>) -> Result<User, Refusal> {
        let hint = match (start.login_hint, start.other_hints) {
            (Some(hint), 0) => hint,
            (None, 0) => return Err(Refusal::invalid("login_hint is required")),
            (None, 1) => return Err(Refusal::invalid("Only login_hint is supported")),
            _ => return Err(Refusal::invalid("Exactly one hint must be sent")),
        };
        let rules = &self.dialect.start;
        (rules.user)(tx, &self.origins, hint)??
            .filter(|user| !user.blocked)
            .ok_or_else(rules.unknown_user)
    }

    fn api(&self, tx: &Tx<'_>, audience: Option<&str>) -> Result<Option<Api>, Refusal> {
        let Some(audience) = audience else {
            return Ok(None);
        };
        if self.origins.path_of(audience) == Some(self.dialect.paths.userinfo) {
            return Ok(None);
        }
        let api = tx.get::<Api>(audience)?.ok_or_else(|| {
            Refusal::new(
                400,
                "invalid_target",
                "The audience is not a registered API",
            )
        })?;
        if api.consent_policy != "standard" {
            return Err(Refusal::invalid(
                "The consent policy of the API does not support CIBA",
            ));
        }
        Ok(Some(api))
    }

    fn check_details(
        &self,
        client: &Client,
        api: Option<&Api>,
        details: Option<&str>,
    ) -> Result<(), Refusal> {
        let Some(details) = details else {
            return Ok(());
        };
        let refused = |why: &str| Refusal::new(400, "invalid_authorization_details", why);
        let types = rar::types(details)
            .ok_or_else(|| refused("authorization_details is malformed or exceeds a limit"))?;
        let api = api.ok_or_else(|| Refusal::invalid("authorization_details needs an audience"))?;
        let grant = client
            .grants
            .iter()
            .find(|grant| grant.audience == api.identifier);
        let allowed = |kind: &String| match api.user_policy.as_str() {
            "allow_all" => api.types.contains(kind),
            "require_client_grant" => {
                api.types.contains(kind) && grant.is_some_and(|g| g.types.contains(kind))
            }
            _ => false,
        };
        match types.iter().find(|kind| !allowed(kind)) {
            Some(kind) if !self.knobs.get().unknown_rar_type => Err(refused(&format!(
                "The authorization_details type {kind} is not registered for this API and client"
            ))),
            _ => Ok(()),
        }
    }

    fn channels(
        &self,
        client: &Client,
        user: &User,
        asked: Option<&str>,
        expiry_s: u32,
        device: bool,
    ) -> Result<Vec<Channel>, Refusal> {
        (self.dialect.start.choose)(&Facts {
            enabled: &client.channels(),
            asked,
            expiry_s,
            options: &self.options,
            device,
            verified_email: user.email.is_some() && user.email_verified,
            phone_number: user.phone_number.is_some(),
        })
    }

    /// Anyone who knows a user id can make that person's phone ring.
    pub(crate) fn rate_limit(&self, tx: &Tx<'_>, user: &User) -> Result<(), Refusal> {
        let now = self.now_ms();
        for (owner, limit) in [
            (Some(user.user_id.as_str()), self.options.per_user_limit),
            (None, self.options.per_tenant_limit),
        ] {
            let Some(limit) = limit else { continue };
            let recent = tx.times_since::<CibaRequest>(owner, now - MINUTE_MS)?;
            let excess = recent.len().saturating_sub(limit as usize);
            if recent.len() >= limit as usize {
                let frees_at = recent.get(excess).copied().unwrap_or(now) + MINUTE_MS;
                let seconds = u32::try_from((frees_at - now + 999) / 1000)
                    .unwrap_or(60)
                    .clamp(1, 60);
                return Err(Refusal::too_many(seconds));
            }
        }
        Ok(())
    }

    /// The device's own transaction and, where the device has an address, its push.
    pub(crate) fn prepare_push(
        &self,
        tx: &Tx<'_>,
        request: &CibaRequest,
        device: &Enrollment,
        user: &User,
    ) -> Result<Option<Push>, Refusal> {
        let token = random_token(48);
        let challenge = random_token(24);
        tx.put(&Transaction {
            token_hash: sha256_b64(&token),
            auth_req_id: request.auth_req_id.clone(),
            enrollment_id: device.id.clone(),
            challenge: challenge.clone(),
            details: SentDetails::NotSent,
        })?;
        let knobs = self.knobs.get();
        let details =
            json!({ "enrollment_id": device.id, "transaction_linking_id": request.consent_id });
        let Some(credentials) = &device.push else {
            self.event(tx, "gd_send_pn_failure", Some(&user.user_id), details)?;
            return Ok(None);
        };
        self.event(
            tx,
            if knobs.lose_push {
                "gd_send_pn_failure"
            } else {
                "gd_send_pn"
            },
            Some(&user.user_id),
            details,
        )?;
        let event = push::payload::build(&push::payload::Facts {
            service: &credentials.service,
            enrollment_id: &device.id,
            token: &token,
            challenge: &challenge,
            started_ms: request.created_ms,
            server: &self.origins.base(&self.origins.http),
            consent_id: &request.consent_id,
            tenant: &self.options.tenant_name,
            user_label: user.label(),
            origin: self.bridge.is_none(),
        })
        .map_err(StateError::from)?;
        Ok(Some(Push {
            enrollment_id: device.id.clone(),
            push_token: credentials.token.clone(),
            event,
            release_ms: request.created_ms
                + i64::try_from(knobs.push_delay_ms).unwrap_or(i64::MAX / 4),
            status: if knobs.lose_push {
                PushStatus::Lost
            } else {
                PushStatus::Queued
            },
        }))
    }
}

pub(crate) fn scopes(scope: Option<&str>) -> Result<Vec<String>, Refusal> {
    let mut scopes: Vec<String> = Vec::new();
    for value in scope
        .unwrap_or_default()
        .split(' ')
        .filter(|value| !value.is_empty())
    {
        if !scopes.iter().any(|known| known == value) {
            scopes.push(value.to_owned());
        }
    }
    if !scopes.iter().any(|value| value == "openid") {
        return Err(Refusal::invalid("openid scope must be requested"));
    }
    let allowed = |c: char| matches!(c, '!' | '#'..='[' | ']'..='~');
    if scopes.iter().any(|value| !value.chars().all(allowed)) {
        return Err(Refusal::new(400, "invalid_scope", "The scope is malformed"));
    }
    Ok(scopes)
}

/// Refuses scopes that nobody declared, and drops those the user's roles do not allow.
fn granted_scopes(
    scopes: Vec<String>,
    api: Option<&Api>,
    user: &User,
) -> Result<Vec<String>, Refusal> {
    let standard = |scope: &String| STANDARD_SCOPES.contains(&scope.as_str());
    let declared =
        |scope: &String| api.is_some_and(|api| api.scopes.is_empty() || api.scopes.contains(scope));
    if scopes
        .iter()
        .any(|scope| !standard(scope) && !declared(scope))
    {
        return Err(Refusal::new(
            400,
            "invalid_scope",
            "The scope contains values that are unknown",
        ));
    }
    let permitted = |scope: &String| {
        user.permissions
            .as_ref()
            .is_none_or(|allowed| allowed.contains(scope))
    };
    Ok(scopes
        .into_iter()
        .filter(|scope| standard(scope) || permitted(scope))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_keep_their_order_and_lose_repeats() {
        assert_eq!(
            scopes(Some("profile  openid profile")),
            Ok(vec!["profile".to_owned(), "openid".to_owned()])
        );
        assert_eq!(
            scopes(Some("openid a\"b")).expect_err("refused").error,
            "invalid_scope"
        );
    }
}
