//! What a fresh sandbox has ready for use.

use serde::{Deserialize, Serialize};

/// A client, a user and an API that exist from the first start on. Has no `Debug`: it holds secrets.
#[derive(Clone, Serialize, Deserialize)]
pub struct Ready {
    /// Client with the CIBA grant.
    pub client_id: String,
    /// That client's secret.
    pub client_secret: String,
    /// User id, `auth0|…`.
    pub user_id: String,
    /// The user's e-mail address.
    pub user_label: String,
    /// What the user types to log in to the page behind a link.
    #[serde(default)]
    pub username: String,
    /// That user's password; empty in a state that was made before users had one.
    #[serde(default)]
    pub user_password: String,
    /// Bearer token for `/api/v2`.
    pub management_token: String,
    /// Identifier of an API with the usual `authorization_details` types registered.
    pub audience: String,
}
