//! What a phone would show of a request, asked of the core itself: through its public API, as any app would, with
//! a phone that lives for one look and whose server is a few lines below.
//!
//! That phone is told what its person was asked before ([`past`]), at the times at which that happened: so the guard
//! against repeats, against many requests and against unusual amounts is the core's own here too.
//!
//! Nothing that the sandbox verifies passes through here; `docs/decisions/0010-consent-page.md` says why it is so.

mod past;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use authenticator_core::{
    Authenticator, Clock, Config, Device, DialectName, Display, Error, HttpRequest, HttpResponse,
    HttpTransport, KeyAlgorithm, MarkCode, Platform, Review, Server, SoftwareKeyStore,
    TransportError,
};
use serde_json::json;
use tempfile::TempDir;

use crate::engine::Engine;
use crate::messages::Language;
use crate::push::payload;
use crate::state::{CibaRequest, StateError, User};
use past::Past;

/// Never looked up: every call ends in [`OwnServer`].
const HOST: &str = "browser.invalid";
const DEVICE: &str = "dev_browser";

/// A request on the screen of a phone that was made for it. Dropped with all it knew.
pub(super) struct Screen {
    phone: Authenticator,
    pub(super) review: Review,
    _folder: TempDir,
}

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScreenError {
    #[error("the core: {0}")]
    Core(#[from] Error),
    #[error("a folder for one look: {0}")]
    Folder(#[from] std::io::Error),
    #[error("the request cannot be written: {0}")]
    Request(String),
    #[error("the requests before: {0}")]
    State(#[from] StateError),
}

impl Screen {
    /// Looks at a request in a language.
    pub(super) async fn of(
        engine: &Arc<Engine>,
        request: &CibaRequest,
        user: &User,
        base: &str,
        language: Language,
    ) -> Result<Screen, ScreenError> {
        let past = Past::of(engine, request, user)?;
        let time = Arc::new(Time {
            engine: Arc::clone(engine),
            then_ms: AtomicI64::new(past.begins_ms()),
        });
        let folder = tempfile::tempdir()?;
        let phone = Authenticator::open(
            config(&folder, language),
            Platform {
                transport: Some(Arc::new(OwnServer {
                    user: user.user_id.clone(),
                    issuer: engine.options.tenant_name.clone(),
                    bodies: past.bodies(engine, base)?,
                })),
                clock: Some(Arc::clone(&time) as Arc<dyn Clock>),
                ..Platform::new(Arc::new(SoftwareKeyStore::in_memory()))
            },
        )
        .await?;
        let device = Device {
            name: "Browser".to_owned(),
            identifier: None,
            push: None,
        };
        let ticket = crate::text::random_alphanumeric(32);
        phone.enroll(ticket, Some(HOST.to_owned()), device).await?;
        let challenge = past.live(engine, &phone, &time).await?;
        time.is_now();
        let mut review = phone.review(challenge).await?;
        // Only the last requests are known here: that a service is new to a person does not follow from them.
        review
            .marks
            .retain(|mark| mark.code != MarkCode::NewAudience);
        Ok(Screen {
            phone,
            review,
            _folder: folder,
        })
    }

    /// Whether an approval of what has `digest` stands: the core says what is missing.
    pub(super) async fn approve(
        &self,
        digest: &str,
        confirmation: Option<&str>,
    ) -> Result<(), Error> {
        let challenge = self.review.challenge.clone();
        let confirmation = confirmation.map(str::to_owned);
        self.phone
            .approve(challenge, digest.to_owned(), confirmation)
            .await
            .map(drop)
    }
}

fn config(folder: &TempDir, language: Language) -> Config {
    let store = folder.path().join("phone.db");
    let mut config = Config {
        servers: vec![Server {
            name: HOST.to_owned(),
            address: HOST.to_owned(),
            dialect: DialectName::Guardian,
        }],
        display: Display {
            locale: match language {
                Language::English => "en-US",
                Language::German => "de-DE",
            }
            .to_owned(),
            zone: "UTC".to_owned(),
            utc_offset_minutes: 0,
        },
        // Made in no time; nobody but the lines below ever checks its signatures.
        key_algorithm: Some(KeyAlgorithm::P256),
        auto_retry: false,
        ..Config::new(store.to_string_lossy())
    };
    // However many are open: the page of one of them still shows it.
    config.guard.open_limit = 200;
    config
}

/// The push of a request: always the same for the same request, so that its digest is too.
fn push(engine: &Engine, request: &CibaRequest, user: &User) -> Result<String, ScreenError> {
    let event = payload::build(&payload::Facts {
        service: "GCM",
        enrollment_id: DEVICE,
        token: "none",
        challenge: &request.consent_id,
        started_ms: request.created_ms,
        server: HOST,
        consent_id: &request.consent_id,
        tenant: &engine.options.tenant_name,
        user_label: user.label(),
        origin: engine.dialect.links.origin && engine.bridge.is_none(),
    })
    .map_err(|error| ScreenError::Request(error.to_string()))?;
    Ok(event.payload.get().to_owned())
}

/// The sandbox's time; while the past is told, the time at which that was.
struct Time {
    engine: Arc<Engine>,
    then_ms: AtomicI64,
}

/// No time of the past.
const NOW: i64 = i64::MIN;

impl Time {
    fn is(&self, then_ms: i64) {
        self.then_ms.store(then_ms, Ordering::Relaxed);
    }

    fn is_now(&self) {
        self.is(NOW);
    }
}

impl Clock for Time {
    fn now(&self) -> i64 {
        match self.then_ms.load(Ordering::Relaxed) {
            NOW => self.engine.now_ms(),
            then_ms => then_ms,
        }
    }
}

/// The server of that phone: it enrols everybody, knows the consents of its person, and takes every answer.
struct OwnServer {
    user: String,
    issuer: String,
    /// By consent id.
    bodies: HashMap<String, String>,
}

impl HttpTransport for OwnServer {
    fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let answer = |status, body: String| {
            Ok(HttpResponse {
                status,
                headers: Vec::new(),
                body: body.into_bytes(),
            })
        };
        match request.method.as_str() {
            "GET" => {
                let id = request.url.rsplit('/').next().unwrap_or_default();
                match self.bodies.get(id) {
                    Some(body) => answer(200, body.clone()),
                    None => answer(404, String::new()),
                }
            }
            "POST" if request.url.ends_with("/api/enroll") => answer(
                201,
                json!({
                    "id": DEVICE, "url": format!("https://{HOST}"), "issuer": self.issuer,
                    "user_id": self.user, "token": "none",
                })
                .to_string(),
            ),
            _ => answer(204, String::new()),
        }
    }
}
