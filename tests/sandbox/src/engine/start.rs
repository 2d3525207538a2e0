//! Starting a request: the rules of `/bc-authorize` after the client is authenticated, in the
//! order of CIBA Core §7 (parameters, number of hints, user, the rest, channel).

use serde_json::json;

use super::channel::{Facts, choose};
use super::refusal::Refusal;
use super::{CIBA_GRANT, Engine, binding, hint, rar};
use crate::handle::Started;
use crate::options::NotEnrolledStatus;
use crate::push;
use crate::signed_consent::SentDetails;
use crate::state::{
    Api, Channel, CibaRequest, Client, Enrollment, Push, PushStatus, Stage, StateError,
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
}

impl Engine {
    /// Starts a request and sends its pushes.
    pub(crate) fn start(&self, client: &Client, start: &Start<'_>) -> Result<Started, Refusal> {
        let request = self.db.write(|tx| match self.accept(tx, client, start) {
            Ok(request) => {
                let details = json!({ "notification_channel": request.channel.name(), "transaction_linking_id": request.consent_id });
                self.event(tx, "ciba_start_succeeded", Some(&request.user_id), details)?;
                Ok(Ok(request))
            }
            Err(refusal) => {
                self.event(tx, "ciba_start_failed", None, json!({ "error": refusal.error, "client_id": client.client_id }))?;
                Ok::<_, Refusal>(Err(refusal))
            }
        })??;
        self.hub.release(self, &request);
        Ok(Started {
            id: request.consent_id,
            auth_req_id: request.auth_req_id,
            expires_in: u32::try_from((request.expires_ms - request.created_ms) / 1000)
                .unwrap_or(u32::MAX),
            interval: request.interval,
        })
    }

    fn accept(
        &self,
        tx: &Tx<'_>,
        client: &Client,
        start: &Start<'_>,
    ) -> Result<CibaRequest, Refusal> {
        client_allowed(client, self.options.ciba_enabled)?;
        if start.signed_request {
            return Err(Refusal::invalid("Signed requests are not supported"));
        }
        let scope = scopes(start.scope)?;
        let binding_message = start
            .binding_message
            .ok_or_else(|| Refusal::invalid("binding_message is required"))?;
        let expiry = self.expiry(start.requested_expiry)?;
        let user = self.hinted_user(tx, start)?;
        if !binding::acceptable(binding_message, self.options.binding_message_policy) {
            return Err(Refusal::new(
                400,
                "invalid_binding_message",
                &binding::rule(self.options.binding_message_policy),
            ));
        }
        let api = self.api(tx, start.audience)?;
        let scope = granted_scopes(scope, api.as_ref(), &user)?;
        self.check_details(client, api.as_ref(), start.authorization_details)?;

        let devices: Vec<Enrollment> = tx.of(&user.user_id)?;
        let channel = self.channel(client, &user, expiry, !devices.is_empty())?;
        self.rate_limit(tx, &user)?;

        let now = self.now_ms();
        tx.delete_before::<CibaRequest>(now - KEEP_MS)?;
        tx.delete_before::<UsedJti>(now - KEEP_MS)?;
        let mut request = CibaRequest {
            auth_req_id: random_token(48),
            consent_id: format!("cns_{}", &random_token(16)),
            client_id: client.client_id.clone(),
            user_id: user.user_id.clone(),
            channel,
            scope,
            audience: api.map(|api| api.identifier),
            binding_message: Some(binding_message.to_owned()),
            details: start.authorization_details.map(str::to_owned),
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
        for device in &devices {
            let push = self.prepare_push(tx, &request, device, &user)?;
            request.pushes.extend(push);
        }
        tx.put(&request)?;
        Ok(request)
    }

    fn expiry(&self, requested: Option<&str>) -> Result<u32, Refusal> {
        let Some(text) = requested else {
            return Ok(self.dialect.default_expiry_s);
        };
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let seconds = text
            .parse()
            .ok()
            .filter(|s| digits && (1..=self.dialect.max_expiry_s).contains(s));
        seconds.ok_or_else(|| {
            Refusal::invalid("requested_expiry must be a number of seconds between 1 and 259200")
        })
    }

    fn hinted_user(&self, tx: &Tx<'_>, start: &Start<'_>) -> Result<User, Refusal> {
        let login_hint = match (start.login_hint, start.other_hints) {
            (Some(hint), 0) => hint,
            (None, 0) => return Err(Refusal::invalid("login_hint is required")),
            (None, 1) => return Err(Refusal::invalid("Only login_hint is supported")),
            _ => return Err(Refusal::invalid("Exactly one hint must be sent")),
        };
        let hint = hint::parse(login_hint).map_err(|error| match error {
            hint::HintError::Malformed => {
                Refusal::invalid("login_hint parameter validation failed")
            }
            hint::HintError::Sub => Refusal::invalid(
                "login_hint parameter validation failed: sub contains unsupported format",
            ),
        })?;
        if !self.origins.knows(&hint.iss) {
            return Err(Refusal::invalid(
                "The iss within login_hint does not match the issuer",
            ));
        }
        // Blocked reads like unknown, so that a client cannot probe accounts.
        tx.get::<User>(&hint.sub)?
            .filter(|user| !user.blocked)
            .ok_or_else(|| Refusal::new(400, "unknown_user_id", "User ID is malformed or unknown"))
    }

    fn api(&self, tx: &Tx<'_>, audience: Option<&str>) -> Result<Option<Api>, Refusal> {
        let Some(audience) = audience else {
            return Ok(None);
        };
        if self.origins.path_of(audience) == Some("/userinfo") {
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

    fn channel(
        &self,
        client: &Client,
        user: &User,
        expiry: u32,
        user_push: bool,
    ) -> Result<Channel, Refusal> {
        let enabled = |channel: Channel| {
            client
                .async_approval_notification_channels
                .iter()
                .any(|c| c == channel.name())
        };
        let facts = Facts {
            requested_expiry: expiry,
            client_push: enabled(Channel::Push),
            client_email: enabled(Channel::Email),
            tenant_push: self.options.push_factor,
            user_push,
            verified_email: user.email.is_some() && user.email_verified,
        };
        choose(self.dialect, facts).map_err(|why| match self.options.not_enrolled_status {
            NotEnrolledStatus::BadRequest => Refusal::invalid(&why),
            NotEnrolledStatus::Forbidden => Refusal::new(403, "access_denied", &why),
        })
    }

    /// Anyone who knows a user id can make that person's phone ring.
    fn rate_limit(&self, tx: &Tx<'_>, user: &User) -> Result<(), Refusal> {
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
    fn prepare_push(
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

/// The conditions on tenant and client.
fn client_allowed(client: &Client, ciba_enabled: bool) -> Result<(), Refusal> {
    let grant = client.grant_types.iter().any(|grant| grant == CIBA_GRANT);
    let public = client.token_endpoint_auth_method == "none";
    let refusals = [
        (!ciba_enabled, "CIBA is not available for this tenant"),
        (!grant, "The client may not use the CIBA grant"),
        (
            !client.is_first_party,
            "The client is not a first-party client",
        ),
        (!client.oidc_conformant, "The client is not OIDC-conformant"),
        (public, "The client is not a confidential client"),
    ];
    match refusals.iter().find(|(refused, _)| *refused) {
        Some((_, why)) => Err(Refusal::unauthorized(why)),
        None => Ok(()),
    }
}

fn scopes(scope: Option<&str>) -> Result<Vec<String>, Refusal> {
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

    fn client() -> Client {
        Client {
            client_id: "c".into(),
            client_secret: "s".into(),
            name: "Client".into(),
            grant_types: vec![CIBA_GRANT.into()],
            is_first_party: true,
            oidc_conformant: true,
            token_endpoint_auth_method: "client_secret_post".into(),
            async_approval_notification_channels: Vec::new(),
            keys: Vec::new(),
            tls_subject_dn: None,
            tls_thumbprints: Vec::new(),
            grants: Vec::new(),
            created_ms: 0,
        }
    }

    #[test]
    fn each_restriction_on_clients_refuses_by_itself() {
        assert_eq!(client_allowed(&client(), true), Ok(()));
        let broken = [
            (client(), false),
            (
                Client {
                    grant_types: Vec::new(),
                    ..client()
                },
                true,
            ),
            (
                Client {
                    is_first_party: false,
                    ..client()
                },
                true,
            ),
            (
                Client {
                    oidc_conformant: false,
                    ..client()
                },
                true,
            ),
            (
                Client {
                    token_endpoint_auth_method: "none".into(),
                    ..client()
                },
                true,
            ),
        ];
        let reasons: std::collections::HashSet<String> = broken
            .iter()
            .map(|(client, enabled)| client_allowed(client, *enabled).expect_err("refused"))
            .inspect(|refusal| {
                assert_eq!(
                    (refusal.status, refusal.error),
                    (400, "unauthorized_client")
                )
            })
            .map(|refusal| refusal.description)
            .collect();
        assert_eq!(reasons.len(), broken.len());
    }

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
