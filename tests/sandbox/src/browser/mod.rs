//! Consent in the browser: the page behind the link of an e-mail or SMS, or that a client hands over.
//!
//! Open the link, log in as the person that was asked, see what a phone would show, allow or deny. Opening decides
//! nothing (mail scanners open links); an answer is a form that this browser was given.

mod pages;
mod screen;
mod session;
mod words;

use std::sync::{Arc, OnceLock};

use authenticator_core::ErrorCode;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use maud::Markup;

use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::engine::refusal::Refusal;
use crate::messages::{DEFAULT_LANGUAGE, Language};
use crate::op::form::Params;
use crate::op::media_type;
use crate::server::Called;
use crate::state::{Answer, CibaRequest, Client, Link, Session, Stage, StateError, Tx, User};
use crate::text::sha256_b64;
use pages::{Asked, Form, Frame, Notice};
use screen::Screen;
use words::{Ending, Words};

/// The style sheet; it has no place in any dialect.
const STYLE: &str = "/consent.css";
const CSS: &str = concat!(include_str!("../look.css"), include_str!("page.css"));
const LARGEST_FORM: usize = 16 * 1024;
/// Wrong passwords by one link.
const MOST_FAILURES: u32 = 10;

const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Not `no-referrer`: with it browsers send `Origin: null` for our own forms too. The key is kept from other sites.
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// The link, and where a dialect leads when it is over.
pub(crate) fn router(engine: &Engine) -> Router<Arc<Engine>> {
    let dialect = engine.dialect;
    let mut router = Router::new()
        .route(dialect.paths.link, get(show).post(act))
        .route(STYLE, get(style));
    for target in [dialect.links.over, dialect.links.mismatch]
        .into_iter()
        .flatten()
    {
        router = router.route(path_of(target), get(ended));
    }
    router.layer(middleware::from_fn(protect))
}

fn path_of(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

async fn protect(request: Request, next: Next) -> Response {
    let mut answer = next.run(request).await;
    for (name, value) in HEADERS {
        answer
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    answer
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], CSS).into_response()
}

/// What a call brings along.
struct Visit {
    engine: Arc<Engine>,
    called: Called,
    headers: HeaderMap,
    key: String,
    ui_locales: Option<String>,
    /// Languages that the request of the link wishes for, once it was looked for.
    wished: OnceLock<String>,
}

/// A link's request while it can be answered.
struct Open {
    request: CibaRequest,
    client: Client,
    user: User,
}

/// What a link leads to.
enum Found {
    Open(Box<Open>),
    Answered,
    Over,
    Unknown,
}

async fn show(
    State(engine): State<Arc<Engine>>,
    Extension(called): Extension<Called>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Refusal> {
    let query = Params::form(uri.query().unwrap_or_default().as_bytes())?;
    query.no_repeats()?;
    let visit = Visit::new(engine, called, headers, &query);
    let open = match visit.find()? {
        Found::Open(open) => open,
        over => return Ok(visit.over(&over)),
    };
    visit.page_of(*open, None).await
}

async fn act(
    State(engine): State<Arc<Engine>>,
    Extension(called): Extension<Called>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    if media_type(&headers).as_deref() != Some("application/x-www-form-urlencoded")
        || body.len() > LARGEST_FORM
    {
        return Err(Refusal::invalid("The body must be a form"));
    }
    let form = Params::form(&body)?;
    form.no_repeats()?;
    let visit = Visit::new(engine, called, headers, &form);
    let session = visit.session()?;
    let own = session
        .filter(|session| session::own_form(session, form.get("form_token").unwrap_or_default()));
    let Some(session) = own.filter(|_| visit.is_from_own_page()) else {
        return visit.stale();
    };
    // Also where the link leads nowhere any more, or to another person.
    if form.get("action") == Some("logout") {
        return visit.log_out(&session);
    }
    let open = match visit.find()? {
        Found::Open(open) => open,
        over => return Ok(visit.over(&over)),
    };
    match form.get("action") {
        Some("login") => visit.log_in(&form, *open),
        Some("deny") if visit.is_for(&session, &open) => visit.answer(&open, false),
        Some("allow") if visit.is_for(&session, &open) => visit.allow(&form, *open).await,
        Some("deny" | "allow") => visit.page_of(*open, None).await,
        _ => visit.stale(),
    }
}

/// Where a dialect sends browsers that have come too late, or as somebody else.
async fn ended(
    State(engine): State<Arc<Engine>>,
    Extension(called): Extension<Called>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Refusal> {
    let query = Params::form(uri.query().unwrap_or_default().as_bytes())?;
    let visit = Visit::new(engine, called, headers, &query);
    visit.find()?;
    let words = Words::of(visit.language());
    let path = uri.path();
    let of = |target: Option<&str>| target.is_some_and(|target| path.ends_with(path_of(target)));
    let links = &visit.engine.dialect.links;
    if !of(links.mismatch) {
        return Ok(visit.ending(StatusCode::OK, words.over, "warn"));
    }
    // Whoever is signed in with the wrong account has to get out of it somewhere.
    match visit.session()? {
        Some(session) if session.user_id.is_some() => visit.other_user(StatusCode::OK, &session),
        _ => Ok(visit.ending(StatusCode::OK, words.other_user, "warn")),
    }
}

impl Visit {
    fn new(engine: Arc<Engine>, called: Called, headers: HeaderMap, params: &Params) -> Visit {
        let text = |name: &str| params.get(name).map(str::to_owned);
        Visit {
            key: text(engine.dialect.paths.link_key).unwrap_or_default(),
            ui_locales: text("ui_locales"),
            wished: OnceLock::new(),
            engine,
            called,
            headers,
        }
    }

    fn write<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T, StateError>) -> Result<T, Refusal> {
        self.engine.db.write(|tx| work(tx).map_err(Refusal::from))
    }

    fn session(&self) -> Result<Option<Session>, Refusal> {
        self.write(|tx| session::of(&self.engine, tx, &self.headers))
    }

    /// Browsers say where a form comes from; whatever says nothing is no browser and has no one's cookie by accident.
    fn is_from_own_page(&self) -> bool {
        let header = |name: &str| self.headers.get(name).map(|value| value.to_str());
        let origin = match header("origin") {
            None => true,
            Some(Ok(origin)) => origin == self.called.origin || self.engine.origins.knows(origin),
            Some(Err(_)) => false,
        };
        let site = match header("sec-fetch-site") {
            None => true,
            Some(site) => matches!(site, Ok("same-origin" | "none")),
        };
        origin && site
    }

    fn find(&self) -> Result<Found, Refusal> {
        let found = self.write(|tx| {
            let link: Option<Link> = tx.get(&sha256_b64(&self.key))?;
            let Some(link) = link else {
                return Ok(Found::Unknown);
            };
            let request: Option<CibaRequest> = tx.get(&link.auth_req_id)?;
            let Some(request) = request else {
                return Ok(Found::Over);
            };
            self.called.is_about(&request.consent_id);
            if let Some(tags) = &request.ui_locales {
                let _ = self.wished.set(tags.clone());
            }
            if !self.engine.answerable(tx, &request)? {
                let answered = request.answer.is_some() || request.state == Stage::Redeemed;
                return Ok(if answered {
                    Found::Answered
                } else {
                    Found::Over
                });
            }
            let client: Option<Client> = tx.get(&request.client_id)?;
            let user: Option<User> = tx.get(&request.user_id)?;
            Ok(match (client, user) {
                (Some(client), Some(user)) => Found::Open(Box::new(Open {
                    request,
                    client,
                    user,
                })),
                _ => Found::Over,
            })
        })?;
        Ok(found)
    }

    /// The page for whoever sits there: log in, somebody else, or the request.
    async fn page_of(&self, open: Open, notice: Option<Notice>) -> Result<Response, Refusal> {
        let language = self.language();
        let Some(session) = self.session()? else {
            let begun = self.write(|tx| session::begin(&self.engine, tx, None))?;
            let page = pages::login(self.frame(language), self.form(&begun.session), false);
            return Ok(self.with_cookie(&begun, (StatusCode::OK, page).into_response()));
        };
        let Some(user_id) = &session.user_id else {
            let page = pages::login(self.frame(language), self.form(&session), false);
            return Ok((StatusCode::OK, page).into_response());
        };
        if *user_id != open.request.user_id {
            return match self.engine.dialect.links.mismatch {
                Some(target) => Ok(self.redirect(target, true)),
                None => self.other_user(StatusCode::FORBIDDEN, &session),
            };
        }
        let screen = Screen::of(
            &self.engine,
            &open.request,
            &open.user,
            &self.called.base,
            language,
        )
        .await;
        let screen = screen
            .inspect_err(|error| tracing::error!(%error, "the request cannot be shown"))
            .ok();
        Ok(self.consent(&open, &session, screen.as_ref(), notice, language))
    }

    fn consent(
        &self,
        open: &Open,
        session: &Session,
        screen: Option<&Screen>,
        notice: Option<Notice>,
        language: Language,
    ) -> Response {
        let page = pages::consent(
            self.frame(language),
            self.form(session),
            &Asked {
                client: &open.client.name,
                account: open.user.label(),
                review: screen.map(|screen| &screen.review),
                phone_only: self.engine.wants_signature(),
                notice,
                until: until(open.request.expires_ms),
            },
        );
        let status = match notice {
            None => StatusCode::OK,
            Some(_) => StatusCode::CONFLICT,
        };
        (status, page).into_response()
    }

    fn log_in(&self, form: &Params, open: Open) -> Result<Response, Refusal> {
        let language = self.language();
        let words = Words::of(language);
        let text = |name: &str| form.get(name).unwrap_or_default();
        let hash = sha256_b64(&self.key);
        // The password is checked outside the transaction: it takes its time on purpose.
        let named = self.write(|tx| session::named(tx, text("username")))?;
        let user = session::who_knows(named, text("password"));
        // `Err`: how often it has failed by this link.
        let begun = self.write(|tx| {
            let link: Option<Link> = tx.get(&hash)?;
            let failures = link.as_ref().map_or(0, |link| link.failures);
            if failures >= MOST_FAILURES {
                return Ok(Err(failures));
            }
            if let Some(user) = &user {
                if let Some(old) = session::of(&self.engine, tx, &self.headers)? {
                    tx.delete::<Session>(&old.hash)?;
                }
                return session::begin(&self.engine, tx, Some(&user.user_id)).map(Ok);
            }
            let failures = failures + 1;
            if let Some(link) = link {
                tx.put(&Link { failures, ..link })?;
            }
            Ok(Err(failures))
        })?;
        match begun {
            Ok(begun) => {
                let answer = (StatusCode::SEE_OTHER, [(header::LOCATION, self.link())]);
                Ok(self.with_cookie(&begun, answer.into_response()))
            }
            Err(_) if self.engine.dialect.links.failed_login_denies => {
                self.decide(&open, false)?;
                Ok(self.ending(StatusCode::FORBIDDEN, words.login_failed, "bad"))
            }
            Err(MOST_FAILURES..) => {
                Ok(self.ending(StatusCode::TOO_MANY_REQUESTS, words.too_many, "bad"))
            }
            Err(_) => {
                let Some(session) = self.session()? else {
                    return self.stale();
                };
                let page = pages::login(self.frame(language), self.form(&session), true);
                Ok((StatusCode::FORBIDDEN, page).into_response())
            }
        }
    }

    fn log_out(&self, session: &Session) -> Result<Response, Refusal> {
        let begun = self.write(|tx| {
            tx.delete::<Session>(&session.hash)?;
            session::begin(&self.engine, tx, None)
        })?;
        let answer = (StatusCode::SEE_OTHER, [(header::LOCATION, self.link())]);
        Ok(self.with_cookie(&begun, answer.into_response()))
    }

    fn is_for(&self, session: &Session, open: &Open) -> bool {
        session.user_id.as_ref() == Some(&open.request.user_id)
    }

    /// Approves what has the digest that the form carries: the core checks that it is what is shown now, and what was
    /// typed.
    async fn allow(&self, form: &Params, open: Open) -> Result<Response, Refusal> {
        if self.engine.wants_signature() {
            return self.page_of(open, None).await;
        }
        let language = self.language();
        let screen = Screen::of(
            &self.engine,
            &open.request,
            &open.user,
            &self.called.base,
            language,
        )
        .await;
        let Ok(screen) = screen else {
            return self.page_of(open, None).await;
        };
        let digest = form.get("digest").unwrap_or_default();
        let notice = match screen.approve(digest, form.get("confirmation")).await {
            Ok(()) => return self.answer(&open, true),
            Err(error) => match error.code() {
                ErrorCode::ConfirmationNeeded => Some(Notice::NotConfirmed),
                ErrorCode::ReviewChanged => Some(Notice::Changed),
                _ => None,
            },
        };
        match self.session()? {
            Some(session) => Ok(self.consent(&open, &session, Some(&screen), notice, language)),
            None => self.stale(),
        }
    }

    fn answer(&self, open: &Open, accepted: bool) -> Result<Response, Refusal> {
        let words = Words::of(self.language());
        if !self.decide(open, accepted)? {
            return Ok(self.over(&Found::Answered));
        }
        Ok(match accepted {
            true => self.ending(StatusCode::OK, words.approved, "good"),
            false => self.ending(StatusCode::OK, words.denied, "bad"),
        })
    }

    /// Records the answer; `false` if the request was answered or ended in the meantime.
    fn decide(&self, open: &Open, accepted: bool) -> Result<bool, Refusal> {
        self.write(|tx| {
            let now: Option<CibaRequest> = tx.get(&open.request.auth_req_id)?;
            let Some(request) = now else {
                return Ok(false);
            };
            let answer = Answer {
                enrollment_id: None,
                in_browser: true,
                accepted,
                reason: None,
                at_ms: self.engine.now_ms(),
                jwt: None,
                consent_claim: None,
                consent_check: None,
                person_check: None,
                record: None,
            };
            self.engine.answer(tx, request, answer)
        })
    }

    /// Tells who is signed in that somebody else is asked, and lets them out.
    fn other_user(&self, status: StatusCode, session: &Session) -> Result<Response, Refusal> {
        let user_id = session.user_id.as_deref().unwrap_or_default();
        let user: Option<User> = self.write(|tx| tx.get(user_id))?;
        let account = user.as_ref().map_or("", User::label);
        let page = pages::other_user(self.frame(self.language()), self.form(session), account);
        Ok((status, page).into_response())
    }

    /// A link that leads to nothing that can be answered.
    fn over(&self, found: &Found) -> Response {
        if let Some(target) = self.engine.dialect.links.over {
            return self.redirect(target, false);
        }
        let words = Words::of(self.language());
        match found {
            Found::Answered => self.ending(StatusCode::GONE, words.answered, "warn"),
            Found::Over => self.ending(StatusCode::GONE, words.expired, "warn"),
            Found::Open(_) | Found::Unknown => {
                self.ending(StatusCode::NOT_FOUND, words.unknown, "warn")
            }
        }
    }

    fn stale(&self) -> Result<Response, Refusal> {
        // For its language only.
        self.find()?;
        let words = Words::of(self.language());
        let back = self.link();
        let page = pages::ending(
            self.frame(self.language()),
            words.stale_form,
            "warn",
            Some(&back)
                .filter(|_| !self.key.is_empty())
                .map(String::as_str),
        );
        Ok((StatusCode::FORBIDDEN, page).into_response())
    }

    fn ending(&self, status: StatusCode, ending: Ending, tone: &str) -> Response {
        let page: Markup = pages::ending(self.frame(self.language()), ending, tone, None);
        (status, page).into_response()
    }

    /// To a page of the dialect, in the language that was wished for; with the key where that page leads back.
    fn redirect(&self, target: &str, with_key: bool) -> Response {
        let mut location = format!("{}{target}", self.called.base);
        let mut more = form_urlencoded::Serializer::new(String::new());
        if with_key {
            more.append_pair(self.engine.dialect.paths.link_key, &self.key);
        }
        if let Some(tags) = self.ui_locales.as_ref().or_else(|| self.wished.get()) {
            more.append_pair("ui_locales", tags);
        }
        let more = more.finish();
        if !more.is_empty() {
            location.push(if target.contains('?') { '&' } else { '?' });
            location.push_str(&more);
        }
        (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
    }

    /// The link itself, for a browser that came by it: relative, so that it stays where it is.
    fn link(&self) -> String {
        let paths = &self.engine.dialect.paths;
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair(paths.link_key, &self.key);
        if let Some(tags) = &self.ui_locales {
            query.append_pair("ui_locales", tags);
        }
        format!("{}?{}", self.path(), query.finish())
    }

    fn path(&self) -> String {
        format!("{}{}", self.called.prefix, self.engine.dialect.paths.link)
    }

    fn frame(&self, language: Language) -> Frame<'_> {
        Frame {
            language,
            tenant: &self.engine.options.tenant_name,
        }
    }

    fn form<'a>(&'a self, session: &'a Session) -> Form<'a> {
        Form {
            path: self.engine.dialect.paths.link,
            prefix: &self.called.prefix,
            key: (self.engine.dialect.paths.link_key, &self.key),
            form_token: &session.form_token,
            ui_locales: self.ui_locales.as_deref(),
        }
    }

    /// What the link asks for, else the client, else the browser. The same on every page of a visit, also where the
    /// request is over.
    fn language(&self) -> Language {
        let accepted = self
            .headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        Language::wanted(self.ui_locales.as_deref())
            .or_else(|| Language::wanted(self.wished.get().map(String::as_str)))
            .or_else(|| accepted.and_then(Language::accepted))
            .unwrap_or(DEFAULT_LANGUAGE)
    }

    fn with_cookie(&self, begun: &session::Begun, mut answer: Response) -> Response {
        let secure = self.called.origin.starts_with("https://");
        if let Some(value) = begun.header(secure) {
            answer.headers_mut().insert(header::SET_COOKIE, value);
        }
        answer
    }
}

/// `2026-01-15 10:35 UTC`.
fn until(ms: i64) -> String {
    let text = rfc3339(ms);
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => text,
    }
}
