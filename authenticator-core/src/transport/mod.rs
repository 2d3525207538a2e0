//! HTTP, as little of it as needed: one request, one capped answer, no redirects.

#[cfg(feature = "reqwest")]
mod builtin;
#[cfg(test)]
mod tests;
#[cfg(feature = "reqwest")]
mod tls;

use std::sync::Arc;
use std::time::Duration;

/// One header line.
#[derive(Clone)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
pub struct HttpHeader {
    /// Name, any case.
    pub name: String,
    /// Value, ASCII.
    pub value: String,
}

/// A request the core wants sent. It holds credentials and therefore has no `Debug`.
#[derive(Clone)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
pub struct HttpRequest {
    /// `GET`, `POST`, `PATCH`, `PUT` or `DELETE`.
    pub method: String,
    /// Absolute URL. Send it byte for byte: proofs are made over it.
    pub url: String,
    /// Headers to send; the client adds `Host`, `Content-Length` and the like.
    pub headers: Vec<HttpHeader>,
    /// Body, where there is one.
    pub body: Option<Vec<u8>>,
    /// Give up after this many milliseconds in all.
    pub timeout_ms: u32,
    /// Stop reading after this many bytes of body, with [`TransportError::TooLarge`].
    pub max_answer: u32,
}

/// What came back, whatever the status.
#[derive(Clone)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
pub struct HttpResponse {
    /// HTTP status. Redirects are returned, never followed.
    pub status: u16,
    /// Headers as received.
    pub headers: Vec<HttpHeader>,
    /// Body, decoded from any content coding.
    pub body: Vec<u8>,
}

/// Other languages print whatever they hold: what they print of these says nothing of credentials and payload.
#[cfg(feature = "uniffi")]
mod redacted {
    use std::fmt::{Debug, Formatter, Result};

    use super::{HttpHeader, HttpRequest, HttpResponse};

    impl Debug for HttpHeader {
        fn fmt(&self, f: &mut Formatter<'_>) -> Result {
            f.debug_struct("HttpHeader")
                .field("name", &self.name)
                .finish_non_exhaustive()
        }
    }

    impl Debug for HttpRequest {
        fn fmt(&self, f: &mut Formatter<'_>) -> Result {
            f.debug_struct("HttpRequest")
                .field("method", &self.method)
                .finish_non_exhaustive()
        }
    }

    impl Debug for HttpResponse {
        fn fmt(&self, f: &mut Formatter<'_>) -> Result {
            f.debug_struct("HttpResponse")
                .field("status", &self.status)
                .finish_non_exhaustive()
        }
    }
}

impl HttpResponse {
    /// First header of this name, in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|h| h.name.eq_ignore_ascii_case(name))
            .map(|h| h.value.as_str())
    }
}

/// Why no answer came. The difference between the first two is what exactly-once delivery rests on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Error))]
pub enum TransportError {
    /// No byte of the request has left: no route, refused, name not found, no TLS connection.
    #[error("the server cannot be reached")]
    Unreachable,
    /// The request may have arrived: the connection broke, or time ran out.
    #[error("the connection broke before the answer came")]
    Interrupted,
    /// The certificate is not trusted or is for another host; nothing was sent.
    #[error("the server's certificate is not trusted")]
    Tls,
    /// The platform's trust store was not initialised; nothing was sent.
    #[error("TLS is not set up on this platform")]
    TlsUnavailable,
    /// The answer is larger than `max_answer`. The request has arrived.
    #[error("the answer is too large")]
    TooLarge,
    /// The address is cleartext and the configuration does not permit that; nothing was sent.
    #[error("cleartext is not permitted by the configuration")]
    Cleartext,
    /// The request itself is not valid; nothing was sent.
    #[error("the request is not valid")]
    Invalid,
}

/// The platform's HTTP stack, in place of the built-in one. Must not follow redirects, cache, or retry.
#[cfg_attr(feature = "uniffi", uniffi::export(foreign))]
pub trait HttpTransport: Send + Sync {
    /// Sends one request and waits for the answer. Blocking; called off the app's threads.
    fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError>;
}

/// Built-in client or the app's own.
#[derive(Clone)]
pub(crate) enum Transport {
    #[cfg(feature = "reqwest")]
    Builtin(reqwest::Client),
    Foreign(Arc<dyn HttpTransport>),
}

/// What the built-in client needs to know.
#[cfg(feature = "reqwest")]
pub(crate) struct Settings {
    pub extra_root_pem: Option<String>,
    pub user_agent: String,
}

impl Transport {
    /// Makes the client; offline, and without a look at the platform's trust store, which the first connection reads.
    /// `configuration_invalid` if the extra root or the proxy of the environment cannot be used.
    #[cfg(feature = "reqwest")]
    pub(crate) fn builtin(settings: &Settings) -> crate::error::Result<Transport> {
        builtin::client(settings).map(Transport::Builtin)
    }

    /// Sends on the core's runtime; a foreign transport runs in `spawn_blocking`, its panics become `Interrupted`.
    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        match self {
            #[cfg(feature = "reqwest")]
            Transport::Builtin(client) => builtin::send(client, request).await,
            Transport::Foreign(foreign) => send_foreign(Arc::clone(foreign), request).await,
        }
    }
}

/// The foreign transport is to keep the time itself and then says more precisely what happened; one that does not come
/// back a quarter later is given up.
async fn send_foreign(
    foreign: Arc<dyn HttpTransport>,
    request: HttpRequest,
) -> Result<HttpResponse, TransportError> {
    let patience = Duration::from_millis(u64::from(request.timeout_ms) * 5 / 4);
    let cap = request.max_answer as usize;
    let call = tokio::task::spawn_blocking(move || foreign.send(request));
    match tokio::time::timeout(patience, call).await {
        Ok(Ok(Ok(answer))) if answer.body.len() > cap => Err(TransportError::TooLarge),
        Ok(Ok(result)) => result,
        // It panicked, or never came back: whether the request has left is not known.
        Ok(Err(_)) | Err(_) => Err(TransportError::Interrupted),
    }
}
