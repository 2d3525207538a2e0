//! What a fresh sandbox contains, and the secrets it keeps across restarts.

use super::CIBA_GRANT;
use crate::jose::SigningKey;
use crate::ready::Ready;
use crate::state::{Api, Client, Db, Setting, StateError, User};
use crate::text::{b64, random_alphanumeric, random_token, unb64};

/// `authorization_details` types registered on the ready API.
const TYPES: [&str; 8] = [
    "payment_initiation",
    "money_transfer",
    "account_information",
    // Document signing: names used by the Cloud Signature Consortium API.
    "sign",
    "credential",
    "https://cloudsignatureconsortium.org/2025/qes",
    "urn:auth0:schemas:authorization-details:v1:example",
    // Known here and to no template of a phone.
    "gate_access",
];
const SCOPES: [&str; 3] = ["transfer:funds", "read:accounts", "sign:documents"];
const AUDIENCE: &str = "https://api.bank.example";

/// A stored setting, or the value of `make`, stored.
pub(crate) fn setting(
    db: &Db,
    name: &str,
    make: impl FnOnce() -> anyhow::Result<String>,
) -> anyhow::Result<String> {
    let found: Option<Setting> = db.write::<_, StateError>(|tx| tx.get(name))?;
    if let Some(found) = found {
        return Ok(found.value);
    }
    let made = Setting {
        name: name.to_owned(),
        value: make()?,
    };
    db.write::<_, StateError>(|tx| tx.put(&made))?;
    Ok(made.value)
}

/// The tenant's key, made once.
pub(crate) fn signing_key(db: &Db) -> anyhow::Result<SigningKey> {
    let der = setting(db, "signing_key", || Ok(b64(&SigningKey::generate_der()?)))?;
    SigningKey::from_der(&unb64(&der).unwrap_or_default())
}

/// The ready client, user and API, made once.
pub(crate) fn ready(db: &Db, now_ms: i64) -> anyhow::Result<Ready> {
    let text = setting(db, "ready", || {
        Ok(serde_json::to_string(&make_ready(db, now_ms)?)?)
    })?;
    Ok(serde_json::from_str(&text)?)
}

fn make_ready(db: &Db, now_ms: i64) -> anyhow::Result<Ready> {
    let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let user = User {
        user_id: format!("auth0|{}", random_alphanumeric(24).to_lowercase()),
        email: Some("ana@example.com".to_owned()),
        email_verified: true,
        name: Some("Ana Example".to_owned()),
        nickname: Some("ana".to_owned()),
        picture: None,
        phone_number: None,
        blocked: false,
        permissions: None,
        created_ms: now_ms,
        updated_ms: now_ms,
    };
    let client = Client {
        client_id: random_alphanumeric(32),
        client_secret: random_token(48),
        name: "Sandbox agent".to_owned(),
        grant_types: owned(&[CIBA_GRANT, "refresh_token"]),
        is_first_party: true,
        oidc_conformant: true,
        token_endpoint_auth_method: "client_secret_post".to_owned(),
        async_approval_notification_channels: owned(&["guardian-push"]),
        keys: Vec::new(),
        tls_subject_dn: None,
        tls_thumbprints: Vec::new(),
        grants: Vec::new(),
        created_ms: now_ms,
    };
    let api = Api {
        id: random_alphanumeric(24),
        identifier: AUDIENCE.to_owned(),
        name: "Example bank".to_owned(),
        scopes: owned(&SCOPES),
        types: owned(&TYPES),
        consent_policy: "standard".to_owned(),
        user_policy: "allow_all".to_owned(),
        client_policy: "allow_all".to_owned(),
        token_lifetime: 86_400,
    };
    db.write(|tx| {
        tx.put(&user)?;
        tx.put(&client)?;
        tx.put(&api)
    })?;
    Ok(Ready {
        client_id: client.client_id,
        client_secret: client.client_secret,
        user_id: user.user_id,
        user_label: "ana@example.com".to_owned(),
        management_token: random_token(32),
        audience: AUDIENCE.to_owned(),
    })
}
