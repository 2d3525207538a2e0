//! Who sits at the browser: a cookie that only the server can read anything into.
//!
//! Only logins are kept. Whoever just opens a link gets a cookie that nothing is stored for, and the value of its forms
//! follows from it: programs that open links by the thousand sign nobody out.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use subtle::ConstantTimeEq as _;

use crate::engine::Engine;
use crate::password::PasswordHash;
use crate::state::{Session, StateError, Tx, User};
use crate::text::{random_token, sha256_b64};

const COOKIE: &str = "sandbox_session";
const LIFE_MS: i64 = 3_600_000;
/// Logins of one person at the same time.
const KEEP: usize = 20;
/// Characters of a cookie of ours.
const COOKIE_CHARS: usize = 43;

/// A new session and the cookie that is its key.
pub(super) struct Begun {
    pub(super) session: Session,
    cookie: String,
}

impl Begun {
    /// The `Set-Cookie` header: out of reach for scripts, and not sent with another site's forms.
    pub(super) fn header(&self, secure: bool) -> Option<HeaderValue> {
        let secure = if secure { "; Secure" } else { "" };
        let text = format!(
            "{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{secure}",
            self.cookie,
            LIFE_MS / 1000
        );
        HeaderValue::from_str(&text).ok()
    }
}

/// The session of a request, if it has one that lives.
pub(super) fn of(
    engine: &Engine,
    tx: &Tx<'_>,
    headers: &HeaderMap,
) -> Result<Option<Session>, StateError> {
    let Some(cookie) = cookie(headers) else {
        return Ok(None);
    };
    let found: Option<Session> = tx.get(&sha256_b64(cookie))?;
    let login = found.filter(|session| session.expires_ms > engine.now_ms());
    Ok(login.or_else(|| (cookie.len() == COOKIE_CHARS).then(|| anonymous(engine, cookie))))
}

/// The session of nobody that a cookie stands for.
fn anonymous(engine: &Engine, cookie: &str) -> Session {
    let key = hmac::Key::new(hmac::HMAC_SHA256, engine.ready.management_token.as_bytes());
    let tag = hmac::sign(&key, format!("form of nobody|{cookie}").as_bytes());
    Session {
        hash: sha256_b64(cookie),
        form_token: URL_SAFE_NO_PAD.encode(tag),
        user_id: None,
        expires_ms: engine.now_ms() + LIFE_MS,
    }
}

/// A new session, of nobody or of somebody who has just logged in. The key is new in any case: one that was planted
/// before the login is worth nothing after it.
pub(super) fn begin(
    engine: &Engine,
    tx: &Tx<'_>,
    user_id: Option<&str>,
) -> Result<Begun, StateError> {
    let now = engine.now_ms();
    tx.delete_before::<Session>(now)?;
    let cookie = random_token(32);
    let Some(user_id) = user_id else {
        let session = anonymous(engine, &cookie);
        return Ok(Begun { session, cookie });
    };
    let session = Session {
        hash: sha256_b64(&cookie),
        form_token: random_token(32),
        user_id: Some(user_id.to_owned()),
        expires_ms: now + LIFE_MS,
    };
    let logins: Vec<Session> = tx.of(user_id)?;
    let too_many = (logins.len() + 1).saturating_sub(KEEP);
    for oldest in logins.iter().take(too_many) {
        tx.delete::<Session>(&oldest.hash)?;
    }
    tx.put(&session)?;
    Ok(Begun { session, cookie })
}

/// Whether a form is one that this session was given.
pub(super) fn own_form(session: &Session, form_token: &str) -> bool {
    session
        .form_token
        .as_bytes()
        .ct_eq(form_token.as_bytes())
        .into()
}

/// The one user with this name, e-mail address or id.
pub(super) fn named(tx: &Tx<'_>, name: &str) -> Result<Option<User>, StateError> {
    let users: Vec<User> = tx.all()?;
    let mut fitting = users.into_iter().filter(|user| {
        user.username.as_deref() == Some(name)
            || user.email.as_deref() == Some(name)
            || user.user_id == name
    });
    let user = fitting.next();
    Ok(user.filter(|_| fitting.next().is_none()))
}

/// The user if the password is theirs and they may log in. As slow for a name that nobody has.
pub(super) fn who_knows(user: Option<User>, password: &str) -> Option<User> {
    let Some((user, hash)) = user.and_then(|user| {
        let hash = user.password.clone()?;
        Some((user, hash))
    }) else {
        let _ = PasswordHash::of(password);
        return None;
    };
    (hash.is_of(password) && !user.blocked).then_some(user)
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == COOKIE && !value.is_empty()).then_some(value)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::COOKIE,
            HeaderValue::from_static("a=b; sandbox_session=xyz; sandbox_session2=no"),
        );
        assert_eq!(cookie(&headers), Some("xyz"));
        assert_eq!(cookie(&HeaderMap::new()), None);
    }
}
