//! Listeners and their life: http, https, and a separate loopback one for console and control.

use std::convert::Infallible;
use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::ops::Deref;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use axum::response::IntoResponse as _;
use futures_util::stream;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::server::danger::ClientCertVerifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::clock::{Clock, http_date, rfc3339};
use crate::engine::origins::Origins;
use crate::engine::refusal::Refusal;
use crate::engine::{Engine, dialect, seed};
use crate::handle::Handle;
use crate::knobs::{Knobs, PathClass};
use crate::messages::{self, Outgoing};
use crate::options::Options;
use crate::private;
use crate::push::Hub;
use crate::state::Db;
use crate::tls::{self, Ca, PeerCertificate};
use crate::{bridge, browser, console, control, device, log, management, op};

const BODY_LIMIT: usize = 256 * 1024;
/// A body that has not come by then does not come.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
/// Forms of the console.
const CONSOLE_BODY_LIMIT: usize = 2 * 1024 * 1024;
const HANDSHAKE: Duration = Duration::from_secs(10);
const FINISH: Duration = Duration::from_secs(5);

/// How a call came in: the origin that was called, and the one to speak of in answers, with the tenant's prefix if the
/// path had it.
#[derive(Clone)]
pub(crate) struct Called {
    pub(crate) origin: String,
    pub(crate) base: String,
    /// The same for links that go to a person.
    pub(crate) link_base: String,
    /// The prefix of the path that was called.
    pub(crate) prefix: String,
    request_id: Arc<OnceLock<String>>,
}

impl Called {
    /// Notes in the log which request this call is about, by its consent id.
    pub(crate) fn is_about(&self, request_id: &str) {
        let _ = self.request_id.set(request_id.to_owned());
    }

    /// The path that was called, of which a handler under a prefix sees only the rest.
    pub(crate) fn path(&self, uri: &Uri) -> String {
        format!("{}{}", self.prefix, uri.path())
    }
}

/// A running sandbox. Dropping it stops it; [`Sandbox::stop`] also waits for open exchanges.
pub struct Sandbox {
    handle: Handle,
    stop: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
    /// Held while the folder of the state is in use.
    _folder: Option<File>,
}

impl Sandbox {
    /// Opens the listeners and the state.
    ///
    /// # Errors
    /// When an address is taken, the state cannot be opened or belongs to another sandbox, or the console address is not loopback.
    pub async fn start(options: Options) -> anyhow::Result<Sandbox> {
        ensure!(
            options.console_listen.ip().is_loopback(),
            "the console listens on loopback only"
        );
        let lock = options.data.as_deref().map(private::lock).transpose()?;
        let http = bind(options.listen).await?;
        let console = bind(options.console_listen).await?;
        let https = if options.tls {
            Some(bind(options.tls_listen).await?)
        } else {
            None
        };

        let folder = options.data.clone();
        let (db, key) = tokio::task::spawn_blocking(move || {
            let db = Db::open(folder.as_deref())?;
            let key = seed::signing_key(&db)?;
            anyhow::Ok((db, key))
        })
        .await??;
        let ca = if options.tls {
            Some(Ca::from_pem(&seed::setting(&db, "ca", Ca::generate)?)?)
        } else {
            None
        };
        if let (Some(ca), Some(folder)) = (&ca, &options.data) {
            let mut file = private::file(&folder.join("ca.pem"))?;
            file.set_len(0)?;
            file.write_all(ca.pem.as_bytes())?;
        }
        let origins = Origins {
            http: format!("http://{}", http.local_addr()?),
            https: match &https {
                Some(https) => Some(format!("https://localhost:{}", https.local_addr()?.port())),
                None => None,
            },
            console: format!("http://{}", console.local_addr()?),
            issuer: options
                .issuer
                .as_ref()
                .map(|issuer| format!("{}/", issuer.trim_end_matches('/'))),
            public: options
                .public_origins
                .iter()
                .map(|origin| origin.trim_end_matches('/').to_owned())
                .collect(),
        };
        let clock = Clock::default();
        let dialect = dialect::of(&options);
        let ready = seed::ready(&db, clock.now_ms(), &options, dialect)?;
        let (stop, stopping) = watch::channel(false);
        let tls = match &ca {
            Some(ca) => Some(Tls {
                acceptor: TlsAcceptor::from(Arc::new(ca.server_config()?)),
                verifier: ca.verifier()?,
            }),
            None => None,
        };
        let bridge = options.keycloak.as_ref().map(bridge::Bridge::new);
        let engine = Arc::new(Engine {
            bridge: bridge.transpose()?,
            db,
            clock,
            options,
            knobs: Knobs::default(),
            hub: Hub::default(),
            outgoing: Outgoing::default(),
            key,
            origins,
            ca,
            ready,
            dialect,
            stopping,
            runtime: tokio::runtime::Handle::current(),
        });
        let handle = Handle(Arc::clone(&engine));
        let protocol = protocol(&engine);
        let surface = control::guarded(
            &engine,
            console::router(handle.clone()).merge(control::router(Arc::clone(&engine))),
        );

        messages::interrupted(&engine)?;
        let calling_back = bridge::start(&engine)?;
        let mut listeners = vec![
            tokio::spawn(listen(
                http,
                None,
                Site {
                    engine: Arc::clone(&engine),
                    router: protocol.clone(),
                    public: true,
                },
            )),
            tokio::spawn(listen(
                console,
                None,
                Site {
                    engine: Arc::clone(&engine),
                    router: surface,
                    public: false,
                },
            )),
        ];
        if let Some(https) = https {
            listeners.push(tokio::spawn(listen(
                https,
                tls,
                Site {
                    engine,
                    router: protocol,
                    public: true,
                },
            )));
        }
        listeners.extend(calling_back);
        Ok(Sandbox {
            handle,
            stop,
            listeners,
            _folder: lock,
        })
    }

    /// A reference for other tasks.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Stops accepting, and gives open exchanges, and messages on their way, five seconds to finish.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        for listener in self.listeners.drain(..) {
            if listener.await.is_err() {
                tracing::warn!("a listener did not end well");
            }
        }
        let outgoing = &self.handle.0.outgoing;
        if tokio::time::timeout(FINISH, outgoing.none_left())
            .await
            .is_err()
        {
            tracing::warn!("messages were still on their way");
        }
    }
}

impl Deref for Sandbox {
    type Target = Handle;
    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// What clients, phones and browsers call, by the dialect's table.
fn protocol(engine: &Arc<Engine>) -> Router {
    let dialect = engine.dialect;
    let tenant = || {
        op::router(&dialect.paths)
            .merge(browser::router(engine))
            .method_not_allowed_fallback(wrong_method)
    };
    let mut router = tenant();
    if let Some(prefix) = dialect.prefix(&engine.options.tenant_name) {
        router = router.nest(&prefix, tenant());
    }
    if dialect.devices {
        router = router
            .merge(device::router().method_not_allowed_fallback(wrong_device_method))
            .merge(management::router(engine));
    }
    router
        .merge(bridge::router(engine).method_not_allowed_fallback(wrong_method))
        .fallback(not_found)
        .with_state(Arc::clone(engine))
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

async fn wrong_device_method() -> device::DeviceError {
    device::DeviceError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "invalid_request",
        "The method is not allowed here",
    )
}

async fn wrong_method() -> Refusal {
    Refusal::new(405, "invalid_request", "The method is not allowed here")
}

async fn not_found(State(engine): State<Arc<Engine>>, uri: Uri) -> Response<Body> {
    Speaks::at(&engine, true, uri.path()).refuse(Trouble::NothingThere)
}

/// The https listener's side of a handshake.
#[derive(Clone)]
struct Tls {
    acceptor: TlsAcceptor,
    verifier: Arc<dyn ClientCertVerifier>,
}

/// What one listener serves.
#[derive(Clone)]
struct Site {
    engine: Arc<Engine>,
    router: Router,
    /// Protocol paths: faults apply and exchanges are logged.
    public: bool,
}

async fn listen(listener: TcpListener, tls: Option<Tls>, site: Site) {
    let mut stopping = site.engine.stopping.clone();
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = open.join_next() => continue,
            _ = stopping.wait_for(|stopping| *stopping) => break,
        };
        match accepted {
            Ok((socket, _)) => {
                let _ = socket.set_nodelay(true);
                open.spawn(connection(socket, tls.clone(), site.clone()));
            }
            // Out of file descriptors and the like: wait instead of spinning.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    drop(listener);
    let finished =
        tokio::time::timeout(FINISH, async { while open.join_next().await.is_some() {} }).await;
    if finished.is_err() {
        open.abort_all();
    }
}

async fn connection(socket: tokio::net::TcpStream, tls: Option<Tls>, site: Site) {
    let Some(tls) = tls else {
        return serve(socket, "http", None, site).await;
    };
    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, tls.acceptor.accept(socket)).await {
        let peer = tls::peer(
            stream.get_ref().1.peer_certificates(),
            tls.verifier.as_ref(),
        );
        serve(stream, "https", peer, site).await;
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    scheme: &'static str,
    peer: Option<PeerCertificate>,
    site: Site,
) {
    let mut stopping = site.engine.stopping.clone();
    let service = service_fn(move |request| answer(site.clone(), scheme, peer.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        _ = connection.as_mut() => true,
        _ = stopping.wait_for(|stopping| *stopping) => false,
    };
    if !ended {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}

/// The connection is closed without an answer: the faults "lost answer" and "no answer".
#[derive(Debug, thiserror::Error)]
#[error("the answer is lost on purpose")]
struct Lost;

async fn answer(
    site: Site,
    scheme: &'static str,
    peer: Option<PeerCertificate>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Lost> {
    let engine = &site.engine;
    let (mut parts, body) = request.into_parts();
    let host = parts
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let origin = engine.origins.called(scheme, host);
    let prefix = engine
        .dialect
        .prefix_of(&engine.options.tenant_name, parts.uri.path());
    let called = Called {
        base: format!("{}{prefix}", engine.origins.base(&origin)),
        link_base: format!("{}{prefix}", engine.origins.of_links(&origin)),
        prefix,
        origin,
        request_id: Arc::default(),
    };
    parts.extensions.insert(called.clone());
    if let Some(peer) = peer {
        parts.extensions.insert(peer);
    }
    let speaks = Speaks::at(engine, site.public, parts.uri.path());
    if !site.public {
        let response = match whole(body, CONSOLE_BODY_LIMIT).await {
            Ok(bytes) => run(site.router, Request::from_parts(parts, Body::from(bytes))).await,
            Err(trouble) => speaks.refuse(trouble),
        };
        return Ok(response);
    }

    let (at_ms, begun) = (engine.now_ms(), Instant::now());
    let (method, uri, headers) = (
        parts.method.clone(),
        parts.uri.clone(),
        parts.headers.clone(),
    );
    let class = PathClass::of(uri.path());
    let (response, request_body) = match whole(body, BODY_LIMIT).await {
        Ok(bytes) => {
            let response = match class.and_then(|class| fault(engine, class)) {
                Some(response) => response,
                None if !is_text(uri.path()) => speaks.refuse(Trouble::Path),
                None => {
                    run(
                        site.router,
                        Request::from_parts(parts, Body::from(bytes.clone())),
                    )
                    .await
                }
            };
            (response, bytes)
        }
        Err(trouble) => (speaks.refuse(trouble), Bytes::new()),
    };
    if class.is_some() {
        tokio::time::sleep(Duration::from_millis(engine.knobs.get().slow_answer_ms)).await;
    }
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    common_headers(engine, &mut parts.headers);
    let lost = class.is_some_and(|class| engine.knobs.take(|knobs| &mut knobs.lose_answer, class));
    let stalled =
        class.is_some_and(|class| engine.knobs.take(|knobs| &mut knobs.stall_answer, class));
    let status = match lost || stalled {
        true => 0,
        false => parts.status.as_u16(),
    };
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let sides = (
        log::Side {
            headers: &headers,
            body: &request_body,
        },
        log::Side {
            headers: &parts.headers,
            body: &body,
        },
    );
    let mut exchange = log::exchange(
        rfc3339(at_ms),
        method.as_str(),
        &uri,
        status,
        took_ms,
        &sides.0,
        &sides.1,
    );
    exchange.request_id = called.request_id.get().cloned();
    log::keep(engine, at_ms, exchange);
    if stalled {
        // Ends earlier when the caller closes its connection: then nobody waits for this any more.
        let _ = engine.stopping.clone().wait_for(|stopping| *stopping).await;
    }
    if lost || stalled {
        return Err(Lost);
    }
    let truncate =
        class.is_some_and(|class| engine.knobs.take(|knobs| &mut knobs.truncate_body, class));
    if !truncate {
        return Ok(Response::from_parts(parts, Body::from(body)));
    }
    if body.is_empty() {
        return Err(Lost);
    }
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let half = body.slice(..body.len() / 2);
    let pieces = stream::iter([
        Ok(half),
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
    ]);
    Ok(Response::from_parts(parts, Body::from_stream(pieces)))
}

/// What is wrong with a call before anybody looks at what it wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    TooLarge,
    Unfinished,
    Path,
    NothingThere,
}

/// The whole body, if it is not too large and comes in time.
async fn whole(body: Incoming, limit: usize) -> Result<Bytes, Trouble> {
    match tokio::time::timeout(BODY_PATIENCE, to_bytes(Body::new(body), limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Trouble::TooLarge),
        Err(_) => Err(Trouble::Unfinished),
    }
}

/// Whether a path is UTF-8 once it is decoded.
fn is_text(path: &str) -> bool {
    percent_encoding::percent_decode_str(path)
        .decode_utf8()
        .is_ok()
}

/// In which shape the errors at a path are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaks {
    OAuth,
    Device,
    Management,
}

impl Speaks {
    fn at(engine: &Engine, public: bool, path: &str) -> Speaks {
        if !public || !engine.dialect.devices {
            return Speaks::OAuth;
        }
        if management::is_below(path) {
            Speaks::Management
        } else if device::is_below(path) {
            Speaks::Device
        } else {
            Speaks::OAuth
        }
    }

    fn refuse(self, trouble: Trouble) -> Response<Body> {
        let (status, message) = match trouble {
            Trouble::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            Trouble::Unfinished => (StatusCode::REQUEST_TIMEOUT, "The body did not come in time"),
            Trouble::Path => (StatusCode::BAD_REQUEST, "The path is no text"),
            Trouble::NothingThere => (StatusCode::NOT_FOUND, "There is nothing at this path"),
        };
        let code = match trouble {
            Trouble::NothingThere => "not_found",
            _ => "invalid_request",
        };
        match self {
            Speaks::OAuth => Refusal::new(status.as_u16(), code, message).into_response(),
            Speaks::Device => device::DeviceError::new(status, code, message).into_response(),
            Speaks::Management => management::ApiError::new(status, code, message).into_response(),
        }
    }
}

async fn run(router: Router, request: Request<Body>) -> Response<Body> {
    let answered: Result<_, Infallible> = router.oneshot(request).await;
    match answered {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// An answer that replaces the work.
fn fault(engine: &Engine, class: PathClass) -> Option<Response<Body>> {
    if engine.knobs.take(|knobs| &mut knobs.server_errors, class) {
        let error = device::DeviceError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "Internal error",
        );
        return Some(error.into_response());
    }
    if engine.knobs.take(|knobs| &mut knobs.rate_limits, class) {
        let error = device::DeviceError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "Global limit has been reached",
        );
        let seconds = engine.knobs.get().retry_after_s.max(1);
        return Some(([(header::RETRY_AFTER, HeaderValue::from(seconds))], error).into_response());
    }
    None
}

fn common_headers(engine: &Engine, headers: &mut axum::http::HeaderMap) {
    if let Ok(date) = HeaderValue::from_str(&http_date(engine.wire_now_ms())) {
        headers.insert(header::DATE, date);
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/json")
    {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
    }
}
