//! `/api/v2/users`, and the tenant's log.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Json;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::ApiError;
use super::error::read as body_of;
use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::password::PasswordHash;
use crate::state::{Event, Tx, User};
use crate::text::random_alphanumeric;

/// Members of a user that may be set; absent ones stay. A member that is none of these is a slip, and refused.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserBody {
    user_id: Option<String>,
    username: Option<String>,
    password: Option<String>,
    email: Option<String>,
    email_verified: Option<bool>,
    name: Option<String>,
    nickname: Option<String>,
    picture: Option<String>,
    phone_number: Option<String>,
    blocked: Option<bool>,
    permissions: Option<Vec<String>>,
    /// What the real API has beside these; read and not used.
    #[serde(rename = "connection")]
    _connection: Option<IgnoredAny>,
    #[serde(rename = "verify_email")]
    _verify_email: Option<IgnoredAny>,
    #[serde(rename = "given_name")]
    _given_name: Option<IgnoredAny>,
    #[serde(rename = "family_name")]
    _family_name: Option<IgnoredAny>,
    #[serde(rename = "app_metadata")]
    _app_metadata: Option<IgnoredAny>,
    #[serde(rename = "user_metadata")]
    _user_metadata: Option<IgnoredAny>,
}

impl UserBody {
    /// What cannot be right about a user, whoever asks for it.
    fn check(&self) -> Result<(), ApiError> {
        let email = |text: &str| {
            let parts = text.split_once('@');
            parts.is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty())
                && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        };
        let number = |text: &str| {
            let digits = text.strip_prefix('+').unwrap_or_default();
            (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        let wrong = |member: &Option<String>, right: &dyn Fn(&str) -> bool| {
            member.as_deref().is_some_and(|text| !right(text))
        };
        let some = |text: &str| !text.is_empty();
        let message = if wrong(&self.email, &email) {
            "email must be an address"
        } else if wrong(&self.phone_number, &number) {
            "phone_number must be written as +15555550100"
        } else if wrong(&self.username, &some) {
            "username must not be empty"
        } else if wrong(&self.password, &some) {
            "password must not be empty"
        } else {
            return Ok(());
        };
        Err(ApiError::body(message))
    }

    fn apply(self, user: &mut User) {
        fn set(target: &mut Option<String>, value: Option<String>) {
            if value.is_some() {
                *target = value;
            }
        }
        if self.email.is_some() && self.email != user.email {
            user.email_verified = false;
        }
        set(&mut user.username, self.username);
        if let Some(password) = self.password {
            user.password = Some(PasswordHash::of(&password));
        }
        set(&mut user.email, self.email);
        set(&mut user.name, self.name);
        set(&mut user.nickname, self.nickname);
        set(&mut user.picture, self.picture);
        set(&mut user.phone_number, self.phone_number);
        user.email_verified = self.email_verified.unwrap_or(user.email_verified);
        user.blocked = self.blocked.unwrap_or(user.blocked);
        if self.permissions.is_some() {
            user.permissions = self.permissions;
        }
    }
}

/// Creates a user; a given id may leave out the `auth0|` in front.
pub(crate) fn create_user(engine: &Engine, mut body: UserBody) -> Result<User, ApiError> {
    let id = body
        .user_id
        .take()
        .unwrap_or_else(|| random_alphanumeric(24).to_lowercase());
    if id.is_empty() || id.len() > 255 || id.chars().any(char::is_control) {
        return Err(ApiError::body("The user id is malformed"));
    }
    let now = engine.now_ms();
    let mut user = User {
        user_id: if id.contains('|') {
            id
        } else {
            format!("auth0|{id}")
        },
        created_ms: now,
        updated_ms: now,
        ..User::default()
    };
    body.check()?;
    body.apply(&mut user);
    engine.db.write(|tx| {
        if name_is_taken(tx, &user)? || !tx.insert(&user)? {
            return Err(ApiError::CONFLICT);
        }
        Ok(user)
    })
}

/// A name that two users have would name nobody.
fn name_is_taken(tx: &Tx<'_>, user: &User) -> Result<bool, ApiError> {
    let others: Vec<User> = tx.all()?;
    let same = |other: &User| other.user_id != user.user_id && other.username == user.username;
    Ok(user.username.is_some() && others.iter().any(same))
}

fn view(user: &User) -> Value {
    json!({
        "user_id": user.user_id,
        "username": user.username,
        "email": user.email,
        "email_verified": user.email_verified,
        "name": user.name,
        "nickname": user.nickname,
        "picture": user.picture,
        "phone_number": user.phone_number,
        "blocked": user.blocked,
        "permissions": user.permissions,
        "created_at": rfc3339(user.created_ms),
        "updated_at": rfc3339(user.updated_ms),
    })
}

pub(super) async fn list(State(engine): State<Arc<Engine>>) -> Result<Json<Value>, ApiError> {
    let users = engine
        .db
        .write(|tx| tx.all::<User>().map_err(ApiError::from))?;
    Ok(Json(users.iter().map(view).collect()))
}

pub(super) async fn create(
    State(engine): State<Arc<Engine>>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let user = create_user(&engine, body_of(&body)?)?;
    Ok((StatusCode::CREATED, Json(view(&user))))
}

pub(super) async fn read(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let user = engine
        .db
        .write(|tx| tx.get::<User>(&id).map_err(ApiError::from))?;
    Ok(Json(view(&user.ok_or(ApiError::NOT_FOUND)?)))
}

pub(super) async fn update(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let body: UserBody = body_of(&body)?;
    body.check()?;
    let user = engine.db.write(|tx| {
        let mut user: User = tx.get(&id)?.ok_or(ApiError::NOT_FOUND)?;
        body.apply(&mut user);
        if name_is_taken(tx, &user)? {
            return Err(ApiError::CONFLICT);
        }
        engine.save_user(tx, user).map_err(ApiError::from)
    })?;
    Ok(Json(view(&user)))
}

pub(super) async fn remove(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    engine
        .db
        .write(|tx| engine.delete_user(tx, &id).map_err(ApiError::from))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn logs(State(engine): State<Arc<Engine>>) -> Result<Json<Value>, ApiError> {
    let events = engine
        .db
        .write(|tx| tx.newest::<Event>(100).map_err(ApiError::from))?;
    let view = |event: &Event| {
        json!({
            "log_id": event.log_id, "date": rfc3339(event.at_ms), "type": event.kind,
            "user_id": event.user_id, "details": event.details,
        })
    };
    Ok(Json(events.iter().map(view).collect()))
}
