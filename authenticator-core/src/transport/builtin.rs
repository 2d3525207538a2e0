//! The built-in client: HTTP/1.1 over rustls, straight to the host that the request names.

use std::error::Error as StdError;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Method, NoProxy, Proxy, Request, Url};

use super::tls::{self, Guarded, Unavailable};
use super::{HttpHeader, HttpRequest, HttpResponse, Settings, TransportError};
use crate::error::{Error, ErrorCode, Result};

/// Name lookup, TCP and TLS together. Shorter than any request's own time, so that a host that does not answer counts
/// as unreachable and not as interrupted.
const CONNECT: Duration = Duration::from_secs(10);
/// A person reads the review on the connection that fetched it.
const IDLE: Duration = Duration::from_secs(90);

pub(super) fn client(settings: &Settings) -> Result<Client> {
    let verifier = Guarded::new(settings.extra_root_pem.as_deref())?;
    build_client(settings, verifier, system_proxy()?)
}

pub(super) fn build_client(
    settings: &Settings,
    verifier: Guarded,
    proxy: Option<Proxy>,
) -> Result<Client> {
    // `no_proxy` keeps reqwest from reading the environment by itself: it would send cleartext for loopback to a proxy.
    let builder = Client::builder()
        .no_proxy()
        .tls_backend_preconfigured(tls::config(verifier)?)
        .user_agent(&settings.user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(1);
    let builder = match proxy {
        Some(proxy) => builder.proxy(proxy),
        None => builder,
    };
    builder.build().map_err(|_| {
        Error::new(
            ErrorCode::ConfigurationInvalid,
            "the HTTP client cannot be set up; is the app's name usable as a header?",
        )
    })
}

/// The proxy that the environment names, as desktops and terminals do; phones have none there.
fn system_proxy() -> Result<Option<Proxy>> {
    let variable = |names: [&str; 2]| {
        let mut values = names.iter().filter_map(|name| std::env::var(name).ok());
        values.find(|value| !value.is_empty())
    };
    let exceptions = variable(["no_proxy", "NO_PROXY"]).unwrap_or_default();
    variable(["https_proxy", "HTTPS_PROXY"])
        .map(|address| proxy(&address, &exceptions))
        .transpose()
}

/// For `https` only, and never for loopback: all that a proxy sees are host names.
pub(super) fn proxy(address: &str, exceptions: &str) -> Result<Proxy> {
    let exceptions = NoProxy::from_string(&format!("localhost,127.0.0.0/8,::1,{exceptions}"));
    let proxy = Proxy::https(address).map_err(|_| {
        Error::new(
            ErrorCode::ConfigurationInvalid,
            "the environment variable https_proxy holds no proxy address",
        )
    })?;
    Ok(proxy.no_proxy(exceptions))
}

pub(super) async fn send(
    client: &Client,
    request: HttpRequest,
) -> std::result::Result<HttpResponse, TransportError> {
    let cap = request.max_answer as usize;
    let request = build(request).ok_or(TransportError::Invalid)?;
    let mut answer = client.execute(request).await.map_err(|e| classify(&e))?;
    let headers = answer.headers().iter().map(|(name, value)| HttpHeader {
        name: name.as_str().to_owned(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
    });
    let headers = headers.collect();
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|_| TransportError::Interrupted)?
    {
        if chunk.len() > cap - body.len() {
            return Err(TransportError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HttpResponse {
        status,
        headers,
        body,
    })
}

fn build(request: HttpRequest) -> Option<Request> {
    let method = match request.method.as_str() {
        "GET" => Method::GET,
        "POST" => Method::POST,
        "PATCH" => Method::PATCH,
        "PUT" => Method::PUT,
        "DELETE" => Method::DELETE,
        _ => return None,
    };
    let mut built = Request::new(method, checked_url(&request.url)?);
    for header in &request.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        let mut value = HeaderValue::from_str(&header.value).ok()?;
        value.set_sensitive(true);
        built.headers_mut().append(name, value);
    }
    *built.body_mut() = request.body.map(Into::into);
    *built.timeout_mut() = Some(Duration::from_millis(request.timeout_ms.into()));
    Some(built)
}

/// Proofs are made over the URL as text (RFC 9449 §4.2, `htu`): one that would go out in another form is refused, and so
/// is cleartext to another machine.
fn checked_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let allowed = match url.scheme() {
        "https" => true,
        "http" => is_loopback(url.host_str()?),
        _ => false,
    };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (allowed && plain && url.as_str() == text).then_some(url)
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost",
    }
}

/// While the connection is being made nothing of the request has left; later, anything may have.
fn classify(error: &reqwest::Error) -> TransportError {
    if error.is_builder() {
        return TransportError::Invalid;
    }
    if !error.is_connect() {
        return TransportError::Interrupted;
    }
    match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(_)) => TransportError::Tls,
        Some(rustls::Error::Other(other)) if other.0.is::<Unavailable>() => {
            TransportError::TlsUnavailable
        }
        _ => TransportError::Unreachable,
    }
}

/// The TLS error among the causes. It sits inside an I/O error, which does not name it as its source.
fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(error) = cause {
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(|io| io.get_ref())
            .map(|inner| inner as &(dyn StdError + 'static));
        if let Some(found) = inner.unwrap_or(error).downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        cause = inner.or_else(|| error.source());
    }
    None
}
