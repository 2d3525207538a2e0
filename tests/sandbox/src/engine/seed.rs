//! What a fresh sandbox contains, and the secrets it keeps across restarts.

use super::CIBA_GRANT;
use super::dialect::Dialect;
use crate::jose::SigningKey;
use crate::options::{DialectName, Options};
use crate::password::PasswordHash;
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
pub(crate) fn ready(
    db: &Db,
    now_ms: i64,
    options: &Options,
    dialect: &Dialect,
) -> anyhow::Result<Ready> {
    let name = options.dialect.as_str();
    // A state without the name is of the time when there was one dialect.
    let fresh = db
        .write::<_, StateError>(|tx| tx.get::<Setting>("ready"))?
        .is_none();
    let kept = setting(db, "dialect", || {
        Ok(if fresh {
            name
        } else {
            DialectName::Auth0.as_str()
        }
        .to_owned())
    })?;
    anyhow::ensure!(
        kept == name,
        "the state is that of a sandbox with --dialect {kept}; give it another folder"
    );
    let text = setting(db, "ready", || {
        let channels = options.ready_channels.clone().unwrap_or_else(|| {
            let usual = dialect.start.ready_channels.iter();
            usual.map(|channel| channel.name().to_owned()).collect()
        });
        Ok(serde_json::to_string(&make_ready(db, now_ms, channels)?)?)
    })?;
    let ready: Ready = serde_json::from_str(&text)?;
    match ready.user_password.is_empty() {
        true => with_password(db, ready),
        false => Ok(ready),
    }
}

/// Gives the ready user of an older state a name and password to log in with.
fn with_password(db: &Db, ready: Ready) -> anyhow::Result<Ready> {
    let ready = Ready {
        username: "ana".to_owned(),
        user_password: random_alphanumeric(12),
        ..ready
    };
    let value = serde_json::to_string(&ready)?;
    db.write::<_, StateError>(|tx| {
        if let Some(user) = tx.get::<User>(&ready.user_id)? {
            tx.put(&User {
                username: Some(ready.username.clone()),
                password: Some(PasswordHash::of(&ready.user_password)),
                ..user
            })?;
        }
        let name = "ready".to_owned();
        tx.put(&Setting { name, value })
    })?;
    Ok(ready)
}

fn make_ready(db: &Db, now_ms: i64, channels: Vec<String>) -> anyhow::Result<Ready> {
    let password = random_alphanumeric(12);
    let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let user = User {
        user_id: format!("auth0|{}", random_alphanumeric(24).to_lowercase()),
        username: Some("ana".to_owned()),
        password: Some(PasswordHash::of(&password)),
        email: Some("ana@example.com".to_owned()),
        email_verified: true,
        name: Some("Ana Example".to_owned()),
        nickname: Some("ana".to_owned()),
        picture: None,
        // From the range that is set aside for fiction.
        phone_number: Some("+15555550100".to_owned()),
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
        async_approval_notification_channels: channels,
        created_ms: now_ms,
        ..Client::default()
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
        username: "ana".to_owned(),
        user_password: password,
        management_token: random_token(32),
        audience: AUDIENCE.to_owned(),
    })
}
