//! Everything that can be done with a running sandbox from outside the protocol.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::Stream;
use tokio::sync::broadcast;

use crate::bridge::BridgeEvent;
use crate::engine::Engine;
use crate::engine::refusal::Refusal;
use crate::engine::start::Start;
use crate::knobs::Knobs;
use crate::messages::{self, OutboxMessage};
use crate::options::DialectName;
use crate::push::{self, PushEvent};
use crate::ready::Ready;
use crate::snapshot::{self, RequestRecord, Snapshot};
use crate::state::{Client, User};

/// A cheap, cloneable reference to a running sandbox.
#[derive(Clone)]
pub struct Handle(pub(crate) Arc<Engine>);

/// A CIBA request that the sandbox starts itself, as its ready client.
#[derive(Debug, Clone, Default)]
pub struct StartRequest {
    /// User to ask; empty means the ready user.
    pub user_id: String,
    /// Binding message.
    pub binding_message: String,
    /// Scopes; empty means `openid`.
    pub scope: String,
    /// API; `None` means the ready API when there are details.
    pub audience: Option<String>,
    /// `authorization_details` as JSON text.
    pub details: Option<String>,
    /// Life in seconds; `None` means the dialect's default.
    pub requested_expiry: Option<u32>,
    /// `notification_channel`, where the dialect has it.
    pub channel: Option<String>,
}

/// The acknowledgement of a started request. Has no `Debug`: the id is a secret.
#[derive(Clone)]
pub struct Started {
    /// Consent id: name of the request in a [`Snapshot`].
    pub id: String,
    /// Secret id to poll with.
    pub auth_req_id: String,
    /// Seconds the request lives.
    pub expires_in: u32,
    /// Seconds between polls.
    pub interval: u32,
    /// The user's link, where the client is to hand it over.
    pub auth_url: Option<String>,
}

/// Why a request was not started: the backchannel endpoint's error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}: {description}")]
pub struct StartError {
    /// HTTP status the endpoint would have sent.
    pub status: u16,
    /// Error code.
    pub error: String,
    /// Error description, empty if there is none.
    pub description: String,
}

impl Handle {
    /// `http://host:port` of the plain listener, without trailing slash.
    pub fn origin(&self) -> String {
        self.0.origins.http.clone()
    }

    /// Issuer as the plain listener speaks of it; in the Auth0 dialect with trailing slash.
    pub fn issuer(&self) -> String {
        self.0.dialect.issuer(&self.base())
    }

    /// Which wire format it speaks.
    pub fn dialect(&self) -> DialectName {
        self.0.options.dialect
    }

    fn base(&self) -> String {
        self.0.origins.base(&self.0.origins.http)
    }

    /// `https://localhost:port`, if TLS is on.
    pub fn tls_origin(&self) -> Option<String> {
        self.0.origins.https.clone()
    }

    /// The self-made CA's certificate as PEM, if TLS is on.
    pub fn ca_pem(&self) -> Option<String> {
        self.0.ca.as_ref().map(|ca| ca.pem.clone())
    }

    /// A client certificate of that CA for mutual TLS: certificate and key as PEM. Its subject is
    /// `CN=` and the given name.
    ///
    /// # Errors
    /// When TLS is off or the name cannot be put into a certificate.
    pub fn client_certificate(&self, common_name: &str) -> anyhow::Result<(String, String)> {
        self.0
            .ca
            .as_ref()
            .context("TLS is off")?
            .client_certificate(common_name)
    }

    /// Base URL of console and control calls, with trailing slash.
    pub fn console_url(&self) -> String {
        format!("{}/", self.0.origins.console)
    }

    /// The client, user and API that exist from the first start on.
    pub fn ready(&self) -> Ready {
        self.0.ready.clone()
    }

    /// A fresh invitation (`otpauth://…`, short form) for a user; lives 5 minutes and works once.
    ///
    /// # Errors
    /// When the user does not exist or is blocked.
    pub fn invitation(&self, user_id: &str) -> anyhow::Result<String> {
        let engine = &self.0;
        let base = engine.origins.base(&engine.origins.http);
        engine.db.write(|tx| {
            let user = tx
                .get::<User>(user_id)?
                .filter(|user| !user.blocked)
                .context("no such user")?;
            Ok(engine.invite(tx, &user, None, &base)?)
        })
    }

    /// The fault switches.
    pub fn knobs(&self) -> &Knobs {
        &self.0.knobs
    }

    /// A masked copy of the whole state.
    pub fn snapshot(&self) -> Snapshot {
        snapshot::take(&self.0)
    }

    /// One request by its consent id, with the server's side of its signed consent.
    pub fn request(&self, id: &str) -> Option<RequestRecord> {
        snapshot::record(&self.0, id).unwrap_or_else(|error| {
            tracing::error!(%error, "request");
            None
        })
    }

    /// Starts a request as the ready client.
    ///
    /// # Errors
    /// The error the backchannel endpoint would have answered.
    pub fn start_request(&self, request: StartRequest) -> Result<Started, StartError> {
        self.start(&request).map_err(|refusal| StartError {
            status: refusal.status,
            error: refusal.error.to_owned(),
            description: refusal.description,
        })
    }

    fn start(&self, request: &StartRequest) -> Result<Started, Refusal> {
        let engine = &self.0;
        let ready = &engine.ready;
        let client: Option<Client> = engine
            .db
            .write(|tx| tx.get(&ready.client_id).map_err(Refusal::from))?;
        let or = |text: &str, default: &str| {
            if text.is_empty() {
                default.to_owned()
            } else {
                text.to_owned()
            }
        };
        let user_id = or(&request.user_id, &ready.user_id);
        let user: Option<User> = engine
            .db
            .write(|tx| tx.get(&user_id).map_err(Refusal::from))?;
        let rules = &engine.dialect.start;
        let user = user.ok_or_else(rules.unknown_user)?;
        let hint = (rules.hint)(&self.issuer(), &user);
        let base = self.base();
        let scope = or(&request.scope, "openid");
        let expiry = request.requested_expiry.map(|seconds| seconds.to_string());
        let default_audience = request.details.as_ref().map(|_| ready.audience.as_str());
        engine.start(
            &client.ok_or_else(Refusal::client)?,
            &Start {
                scope: Some(&scope),
                login_hint: Some(&hint),
                binding_message: Some(request.binding_message.as_str())
                    .filter(|text| !text.is_empty()),
                requested_expiry: expiry.as_deref(),
                audience: request.audience.as_deref().or(default_audience),
                authorization_details: request.details.as_deref(),
                notification_channel: request.channel.as_deref(),
                base: &base,
                ..Start::default()
            },
        )
    }

    /// Answers a pending request without a device; `id` is a consent id or an `auth_req_id`.
    /// `false` when there is no such pending request.
    pub fn decide(&self, id: &str, accept: bool) -> bool {
        self.0.decide(id, accept).unwrap_or(false)
    }

    /// Pins the other approval key that a device has used, as somebody does who has asked its owner. `false` when there is
    /// no such device or no such key.
    pub fn trust_approval_key(&self, device_id: &str) -> bool {
        let done = self
            .0
            .db
            .write(|tx| self.0.trust_approval_key(tx, device_id));
        done.unwrap_or(false)
    }

    /// Pushes for one push token: first those of live requests nobody received yet, then new ones.
    pub fn pushes(&self, push_token: &str) -> impl Stream<Item = PushEvent> + Send + use<> {
        push::stream(Arc::clone(&self.0), push_token)
    }

    /// Messages to people, newest first, with their links: the outbox plays mailbox and phone.
    pub fn outbox(&self) -> Vec<OutboxMessage> {
        messages::outbox(&self.0)
    }

    /// What happens on the bridge from now on; `None` without one.
    pub fn bridge_events(&self) -> Option<broadcast::Receiver<BridgeEvent>> {
        self.0.bridge.as_ref().map(crate::bridge::Bridge::events)
    }

    /// Moves the sandbox's clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.clock.advance(by);
    }
}
