//! Pushes: the exact payloads, and the stream that stands in for Apple and Google.

mod hub;
pub(crate) mod payload;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub(crate) use hub::{Hub, stream};

/// Which service a push goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Provider {
    /// Apple; nested payload.
    Apns,
    /// Google; flat payload whose values are all text.
    Fcm,
}

/// One push as a device receives it. Has no `Debug`: it carries the transaction token.
#[derive(Clone, Serialize, Deserialize)]
pub struct PushEvent {
    /// Service.
    pub provider: Provider,
    /// Exact payload: the APNs body, or the FCM message `{"data":{…}}`.
    pub payload: Box<RawValue>,
}
