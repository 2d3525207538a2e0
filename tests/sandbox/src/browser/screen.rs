//! What a phone would show of a request, asked of the core itself: through its public API, as any app would, with
//! a phone that lives for one look and whose server is a few lines below.
//!
//! Nothing that the sandbox verifies passes through here; `docs/decisions/0010-consent-page.md` says why it is so.

use std::sync::Arc;

use authenticator_core::{
    Authenticator, Clock, Config, Device, DialectName, Display, Error, HttpRequest, HttpResponse,
    HttpTransport, KeyAlgorithm, MarkCode, Platform, Review, Server, SoftwareKeyStore,
    TransportError,
};
use serde_json::json;
use tempfile::TempDir;

use crate::device::consent_body;
use crate::engine::Engine;
use crate::messages::Language;
use crate::push::payload;
use crate::state::{CibaRequest, User};

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
        let body = consent_body(request.clone(), base, engine.dialect)
            .map_err(|error| ScreenError::Request(error.to_string()))?;
        let folder = tempfile::tempdir()?;
        let store = folder.path().join("phone.db");
        let config = Config {
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
        let phone = Authenticator::open(
            config,
            Platform {
                transport: Some(Arc::new(OwnServer {
                    user: user.user_id.clone(),
                    issuer: engine.options.tenant_name.clone(),
                    body,
                })),
                clock: Some(Arc::new(ServerClock(Arc::clone(engine)))),
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
        let push = push(engine, request, user).map_err(ScreenError::Request)?;
        let challenge = phone.receive_push(push).await?;
        let mut review = phone.review(challenge.id).await?;
        // A browser remembers nothing, so every service is new to it: that says nothing to a person.
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

/// The push of this request: always the same for the same request, so that its digest is too.
fn push(engine: &Engine, request: &CibaRequest, user: &User) -> Result<String, String> {
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
    .map_err(|error| error.to_string())?;
    Ok(event.payload.get().to_owned())
}

/// The sandbox's time.
struct ServerClock(Arc<Engine>);

impl Clock for ServerClock {
    fn now(&self) -> i64 {
        self.0.now_ms()
    }
}

/// The server of that phone: it enrols everybody, has one consent, and takes every answer.
struct OwnServer {
    user: String,
    issuer: String,
    body: String,
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
            "GET" => answer(200, self.body.clone()),
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
