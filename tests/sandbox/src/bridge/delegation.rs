//! A request that Keycloak handed over, and the life of its one callback.

use serde::{Deserialize, Serialize};

use crate::state::Record;

/// Where the callback to Keycloak stands. It is made at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackState {
    /// Nobody answered yet; or somebody did, and Keycloak could not be reached so far.
    Waiting,
    /// On its way. After a restart: [`CallbackState::Unclear`].
    Sending,
    /// Keycloak has confirmed it.
    Delivered,
    /// Keycloak refused it; it did not count.
    Refused,
    /// It may have arrived. It is not sent again: a second one would destroy an approved request.
    Unclear,
    /// It never left: nobody answered in time, or Keycloak could not be reached.
    NotSent,
}

impl CallbackState {
    /// The same word that serde writes.
    pub fn as_str(self) -> &'static str {
        match self {
            CallbackState::Waiting => "waiting",
            CallbackState::Sending => "sending",
            CallbackState::Delivered => "delivered",
            CallbackState::Refused => "refused",
            CallbackState::Unclear => "unclear",
            CallbackState::NotSent => "not_sent",
        }
    }
}

/// The callback of a delegated request, as far as it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// Where it stands.
    #[serde(rename = "callback")]
    pub state: CallbackState,
    /// `SUCCEED` or `CANCELLED`, once there was an answer.
    pub status: Option<String>,
    /// What is to be said about the state.
    pub note: Option<String>,
}

/// A delegated request: what it takes to answer Keycloak.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Delegation {
    pub(super) auth_req_id: String,
    pub(crate) consent_id: String,
    /// Keycloak's bearer token, gone when it is of no more use. A secret.
    pub(super) bearer: String,
    /// End of the token's life.
    pub(super) expires_ms: i64,
    pub(super) created_ms: i64,
    pub(crate) callback: Callback,
}

impl Delegation {
    /// Settles what became of the callback, and forgets the token.
    pub(super) fn settle(&mut self, state: CallbackState, note: Option<String>) {
        self.callback.state = state;
        self.callback.note = note;
        self.bearer.clear();
    }
}

impl Record for Delegation {
    const TABLE: &'static str = "delegations";
    fn key(&self) -> String {
        self.auth_req_id.clone()
    }
    fn owner(&self) -> &str {
        &self.consent_id
    }
    fn at(&self) -> i64 {
        self.created_ms
    }
}
