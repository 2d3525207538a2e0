//! The bridge to a real identity provider: Keycloak decides who may ask, the phone is asked here.
//!
//! Keycloak's HTTP authentication channel hands a CIBA request over with one POST ([`channel`]) and
//! waits for one callback ([`callback`]). What is too long for that POST is lodged here first
//! ([`lodging`]). `docs/keycloak.md` is the manual.

mod bearer;
mod callback;
mod channel;
mod delegation;
mod lodging;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::routing::post;
use serde::Serialize;
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;

use crate::engine::Engine;
use crate::engine::refusal::Refusal;
use crate::state::{StateError, User};
pub(crate) use delegation::Delegation;
pub use delegation::{Callback, CallbackState};

/// Where Keycloak sends requests to.
const CHANNEL: &str = "/keycloak/authenticate";
/// Where clients lodge details.
const DETAILS: &str = "/keycloak/details";
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(10);
/// Events that a slow reader may be behind.
const BACKLOG: usize = 256;

/// Makes a sandbox the authentication device service of a Keycloak realm.
#[derive(Debug, Clone)]
pub struct KeycloakBridge {
    /// `https://host/realms/name`, exactly as the realm's tokens name their issuer.
    pub realm_url: String,
    /// Names of the realm's users whose phones may be enrolled here.
    pub users: Vec<String>,
    /// Whether a request that comes without details can only be denied. Keycloak drops some without a word.
    pub require_details: bool,
    /// Root certificates (PEM) to trust for the realm instead of the system's.
    pub ca_pem: Option<String>,
}

impl KeycloakBridge {
    /// Id under which the sandbox knows a user of the realm.
    pub fn user_id(name: &str) -> String {
        format!("keycloak|{name}")
    }
}

/// What happens on a bridge, for whoever watches it. Holds no secret.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum BridgeEvent {
    /// A client lodged details.
    Lodged {
        /// What it has to send as `authorization_details_ref`.
        reference: String,
    },
    /// Keycloak handed a request over, and the user's phones ring.
    Asked {
        /// Consent id, the name of the request in a snapshot.
        request: String,
        /// Name of the user.
        user: String,
        /// Client that asks.
        client: String,
        /// Where the details came from: `sent`, `lodged`, `none` or `missing`.
        details: &'static str,
        /// Why it can only be denied.
        withheld: Option<String>,
    },
    /// Keycloak handed a request over that nobody is asked about.
    Refused {
        /// What was wrong with it.
        why: String,
    },
    /// The one callback was made, or cannot be made any more.
    Returned {
        /// Consent id.
        request: String,
        /// What became of it.
        #[serde(flatten)]
        callback: Callback,
    },
}

/// The running bridge.
pub(crate) struct Bridge {
    realm_url: String,
    require_details: bool,
    http: reqwest::Client,
    keys: bearer::Keys,
    lodged: lodging::Lodged,
    /// Something may have been answered.
    answered: Notify,
    events: broadcast::Sender<BridgeEvent>,
}

impl Bridge {
    pub(crate) fn new(settings: &KeycloakBridge) -> anyhow::Result<Bridge> {
        let realm_url = settings.realm_url.trim_end_matches('/').to_owned();
        Ok(Bridge {
            http: client(&realm_url, settings.ca_pem.as_deref())?,
            realm_url,
            require_details: settings.require_details,
            keys: bearer::Keys::default(),
            lodged: lodging::Lodged::default(),
            answered: Notify::new(),
            events: broadcast::channel(BACKLOG).0,
        })
    }

    /// A request got its answer: the callback is due.
    pub(crate) fn answered(&self) {
        self.answered.notify_one();
    }

    pub(crate) fn events(&self) -> broadcast::Receiver<BridgeEvent> {
        self.events.subscribe()
    }

    fn tell(&self, event: BridgeEvent) {
        // Nobody watching is fine.
        let _ = self.events.send(event);
    }
}

/// Nothing is sent twice: no redirects, no retries, and no connection that may have died unnoticed.
fn client(realm_url: &str, ca_pem: Option<&str>) -> anyhow::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0)
        .connect_timeout(CONNECT)
        .timeout(ANSWER);
    if let Some(pem) = ca_pem {
        let roots = reqwest::Certificate::from_pem_bundle(pem.as_bytes())
            .context("the realm's root certificate is no PEM text")?;
        builder = builder.tls_certs_only(roots);
    } else if realm_url.starts_with("http://") {
        // Cleartext stays on this machine, and needs neither roots nor a proxy.
        builder = builder.no_proxy().tls_certs_only([]);
    }
    builder.build().context("HTTP cannot be set up")
}

/// The paths of the bridge; none in a sandbox without one.
pub(crate) fn router(engine: &Engine) -> Router<Arc<Engine>> {
    if engine.bridge.is_none() {
        return Router::new();
    }
    Router::new()
        .route(CHANNEL, post(channel::authenticate))
        .route(DETAILS, post(lodging::lodge))
}

/// Neither of the two paths needs more than details at their largest.
fn fits(body: &[u8]) -> Result<(), Refusal> {
    if body.len() > lodging::MAX_BYTES {
        return Err(Refusal::new(
            413,
            "invalid_request",
            "The body is too large",
        ));
    }
    Ok(())
}

/// Makes the users and starts the task that calls back. Nothing without a bridge.
pub(crate) fn start(engine: &Arc<Engine>) -> Result<Option<JoinHandle<()>>, StateError> {
    let Some(settings) = &engine.options.keycloak else {
        return Ok(None);
    };
    let now = engine.now_ms();
    engine.db.write::<_, StateError>(|tx| {
        for name in &settings.users {
            let user_id = KeycloakBridge::user_id(name);
            if tx.get::<User>(&user_id)?.is_none() {
                tx.put(&user(user_id, name, now))?;
            }
        }
        Ok(())
    })?;
    Ok(Some(tokio::spawn(callback::run(Arc::clone(engine)))))
}

fn user(user_id: String, name: &str, now_ms: i64) -> User {
    User {
        user_id,
        username: None,
        password: None,
        email: None,
        email_verified: false,
        name: Some(name.to_owned()),
        nickname: Some(name.to_owned()),
        picture: None,
        phone_number: None,
        blocked: false,
        permissions: None,
        created_ms: now_ms,
        updated_ms: now_ms,
    }
}
