//! HTTP for agent and phone stream: no redirects, capped answers, cleartext to loopback only.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::Certificate;
use url::{Host, Url};

/// No answer of an OpenID Provider that we read is anywhere near this.
const MAX_ANSWER: usize = 1024 * 1024;

/// Parses an address and checks that nothing secret can leave the machine in cleartext.
pub(crate) fn address(text: &str) -> anyhow::Result<Url> {
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let url = Url::parse(&full)
        .with_context(|| format!("`{}` is no URL", super::text::printable(text)))?;
    if full != text && is_loopback(&url) {
        bail!(
            "is it http or https? Write http://{} for a server on this machine without TLS",
            super::text::printable(text)
        );
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => bail!(
            "plain http is allowed to this machine only; use https for {}",
            host(&url)
        ),
        _ => bail!("only http and https addresses can be used"),
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

/// PEM text of a further root certificate.
pub(crate) fn read_ca(file: Option<&Path>) -> anyhow::Result<Option<String>> {
    file.map(|file| {
        std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the root certificate {}", file.display()))
    })
    .transpose()
}

/// A client for `base` that trusts the system's roots, or only those in `ca` when given.
pub(crate) fn client(base: &Url, ca: Option<&str>) -> anyhow::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .user_agent(concat!("sandbox/", env!("CARGO_PKG_VERSION")));
    if is_loopback(base) {
        builder = builder.no_proxy();
    }
    if let Some(pem) = ca {
        let roots = Certificate::from_pem_bundle(pem.as_bytes())
            .ok()
            .filter(|roots| !roots.is_empty())
            .context("the root certificate is no PEM file")?;
        builder = builder.tls_certs_only(roots);
    } else if base.scheme() == "http" {
        // Cleartext needs no roots, and a bare machine has none.
        builder = builder.tls_certs_only([]);
    }
    builder.build().context("HTTP cannot be set up")
}

/// Status, `Retry-After` in seconds, and body of an answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: Vec<u8>,
}

/// Sends a request and reads the whole answer. The error says what happened, without the URL's query.
pub(crate) async fn send(request: reqwest::RequestBuilder) -> Result<Answer, String> {
    let why = |error: reqwest::Error| {
        let what = if error.is_timeout() {
            "no answer in time"
        } else if error.is_connect() {
            "cannot connect"
        } else {
            "the connection broke"
        };
        let error = error.without_url();
        let cause = std::iter::successors(std::error::Error::source(&error), |e| e.source()).last();
        match cause {
            Some(cause) => format!("{what}: {cause}{}", trust_hint(&cause.to_string())),
            None => what.to_owned(),
        }
    };
    let mut response = request
        .timeout(Duration::from_secs(35))
        .send()
        .await
        .map_err(why)?;
    let status = response.status().as_u16();
    let now = jiff::Timestamp::now().as_second();
    let retry_after = response
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| retry_after(value, now));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(why)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER {
            return Err("the answer is too large".into());
        }
    }
    Ok(Answer {
        status,
        retry_after,
        body,
    })
}

/// What to do about a certificate that nobody vouches for: most likely it is that of a sandbox.
fn trust_hint(cause: &str) -> &'static str {
    match cause.contains("UnknownIssuer") {
        true => {
            ". For a sandbox with --tls, pass its certificate with --ca; `sandbox serve` prints where it is"
        }
        false => "",
    }
}

/// `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.
fn retry_after(value: &str, now: i64) -> Option<u64> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(seconds);
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    u64::try_from(date.as_second() - now).ok().or(Some(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleartext_goes_to_this_machine_only() {
        for good in [
            "http://127.0.0.1:80/",
            "http://localhost",
            "http://[::1]:1",
            "tenant.example",
        ] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in [
            "http://tenant.example",
            "http://localhost.example",
            "ftp://127.0.0.1",
            "https://",
            "127.0.0.1:8300",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        assert_eq!(retry_after("10", 0), Some(10));
        let date = "Fri, 31 Dec 1999 23:59:59 GMT";
        assert_eq!(retry_after(date, 946_684_790), Some(9));
        assert_eq!(retry_after(date, 946_684_900), Some(0));
        assert_eq!(retry_after("soon", 0), None);
    }
}
