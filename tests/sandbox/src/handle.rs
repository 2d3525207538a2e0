//! Everything that can be done with a running sandbox from outside the protocol.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;

use crate::engine::Engine;
use crate::knobs::Knobs;
use crate::push::PushEvent;
use crate::ready::Ready;
use crate::snapshot::Snapshot;

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
    /// Life in seconds; `None` means the default (300).
    pub requested_expiry: Option<u32>,
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
        todo!()
    }
    /// Issuer with trailing slash.
    pub fn issuer(&self) -> String {
        todo!()
    }
    /// `https://localhost:port`, if TLS is on.
    pub fn tls_origin(&self) -> Option<String> {
        todo!()
    }
    /// The self-made CA's certificate as PEM, if TLS is on.
    pub fn ca_pem(&self) -> Option<String> {
        todo!()
    }
    /// Base URL of console and control calls, with trailing slash.
    pub fn console_url(&self) -> String {
        todo!()
    }
    /// The client, user and API that exist from the first start on.
    pub fn ready(&self) -> Ready {
        todo!()
    }
    /// A fresh invitation (`otpauth://…`, short form) for a user; lives 5 minutes and works once.
    ///
    /// # Errors
    /// When the user does not exist or is blocked.
    pub fn invitation(&self, _user_id: &str) -> anyhow::Result<String> {
        todo!()
    }
    /// The fault switches.
    pub fn knobs(&self) -> &Knobs {
        todo!()
    }
    /// A masked copy of the whole state.
    pub fn snapshot(&self) -> Snapshot {
        todo!()
    }
    /// Starts a request as the ready client.
    ///
    /// # Errors
    /// The error the backchannel endpoint would have answered.
    pub fn start_request(&self, _request: StartRequest) -> Result<Started, StartError> {
        todo!()
    }
    /// Answers a pending request without a device; `id` is a consent id or an `auth_req_id`.
    /// `false` when there is no such pending request.
    pub fn decide(&self, _id: &str, _accept: bool) -> bool {
        todo!()
    }
    /// Pushes for one push token: first those of live requests nobody received yet, then new ones.
    pub fn pushes(&self, _push_token: &str) -> impl Stream<Item = PushEvent> + Send + use<> {
        futures_util::stream::empty()
    }
    /// Moves the sandbox's clock forward.
    pub fn advance(&self, _by: Duration) {
        todo!()
    }
}
