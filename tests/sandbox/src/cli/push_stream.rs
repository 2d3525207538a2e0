//! Pushes from the sandbox's event stream, which stands in for Apple and Google on one machine.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use url::Url;

use super::http;

/// What the stream tells the phone.
pub(crate) enum News {
    /// Listening; pushes can come.
    Connected {
        /// Base URL of the server.
        server: String,
        /// Ids of the accounts that the server knows with this push address; `None` where it does not say.
        known: Option<BTreeSet<String>>,
    },
    /// The connection ended; it is made again by itself.
    Lost(String),
    /// A payload, exactly as a phone's system would hand it over. Holds secrets: never print it.
    Push(String),
}

/// The server does not answer now; another time it may.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreachable(String);

/// Time between two looks for a server that did not answer.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Looks for a server that is not there, and listens as soon as it is.
pub(crate) async fn seek(
    base_url: String,
    ca: Option<String>,
    push_token: String,
    news: mpsc::Sender<News>,
) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = news.closed() => return,
        }
        if let Ok(source) = Source::find(&base_url, ca.as_deref()).await {
            return source.listen(push_token, news).await;
        }
    }
}

/// Where the pushes of the server with this Guardian base URL can be read.
pub(crate) struct Source {
    http: reqwest::Client,
    url: Url,
    /// Where this was found, to look again: a server that starts anew may have its stream elsewhere.
    base_url: String,
    ca: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    sandbox_push_stream: Option<String>,
}

impl Source {
    pub(crate) async fn find(base_url: &str, ca: Option<&str>) -> anyhow::Result<Source> {
        let mut issuer = http::address(
            base_url
                .trim_end_matches('/')
                .trim_end_matches("/appliance-mfa"),
        )?;
        let path = issuer.path().trim_end_matches('/').to_owned();
        issuer.set_path(&format!("{path}/.well-known/openid-configuration"));
        let client = http::client(&issuer, ca)?;
        let answer = http::send(client.get(issuer.clone()))
            .await
            .map_err(|why| {
                Unreachable(format!("{} cannot be reached: {why}", issuer.authority()))
            })?;
        let metadata: Option<Metadata> = serde_json::from_slice(&answer.body).ok();
        let url = metadata.and_then(|m| m.sandbox_push_stream).with_context(|| {
            format!(
                "{} has no push stream. Only a sandbox has one; other servers push through Apple or Google, \
                 which a terminal cannot receive",
                issuer.authority()
            )
        })?;
        let url = http::address(&url)?;
        // The push token is a secret: it goes to the server we enrolled with, or stays on this machine.
        let same =
            url.host() == issuer.host() || (http::is_loopback(&url) && http::is_loopback(&issuer));
        if !same {
            bail!(
                "the push stream of {} is on another host; it is not used",
                issuer.authority()
            );
        }
        Ok(Source {
            http: http::client(&url, ca)?,
            url,
            base_url: base_url.to_owned(),
            ca: ca.map(str::to_owned),
        })
    }

    /// Listens until the receiver is dropped; connects again after a break.
    pub(crate) async fn listen(mut self, push_token: String, news: mpsc::Sender<News>) {
        let mut pause = Duration::from_millis(250);
        loop {
            let (why, was_connected) = self.listen_once(&push_token, &news).await;
            if was_connected {
                pause = Duration::from_millis(250);
            }
            if news.send(News::Lost(why)).await.is_err() {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(10));
            if let Ok(found) = Source::find(&self.base_url, self.ca.as_deref()).await {
                self = found;
            }
        }
    }

    async fn listen_once(&self, push_token: &str, news: &mpsc::Sender<News>) -> (String, bool) {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend([push_token, "events"]);
        }
        let request = self.http.get(url).header("accept", "text/event-stream");
        let mut response = match request.send().await {
            Ok(response) if response.status().is_success() => response,
            Ok(response) => return (format!("HTTP {}", response.status().as_u16()), false),
            Err(_) => return ("cannot connect".into(), false),
        };
        let known = response
            .headers()
            .get("sandbox-accounts")
            .and_then(|ids| ids.to_str().ok())
            .map(|ids| ids.split_whitespace().map(str::to_owned).collect());
        let server = self.base_url.clone();
        if news.send(News::Connected { server, known }).await.is_err() {
            return (String::new(), true);
        }
        let mut events = Events::default();
        loop {
            let chunk = tokio::select! {
                chunk = response.chunk() => chunk,
                () = news.closed() => return (String::new(), true),
            };
            let Ok(Some(chunk)) = chunk else {
                return ("the connection ended".into(), true);
            };
            let Some(found) = events.feed(&chunk) else {
                return ("an event is too large".into(), true);
            };
            for data in found {
                if news.send(News::Push(payload(data))).await.is_err() {
                    return (String::new(), true);
                }
            }
        }
    }
}

/// The push inside an event: `{"provider": …, "payload": {…}}`, or the event itself.
fn payload(data: String) -> String {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow)]
        payload: &'a RawValue,
    }
    match serde_json::from_str::<Event<'_>>(&data) {
        Ok(event) => event.payload.get().to_owned(),
        Err(_) => data,
    }
}

/// A push is at most 4 KB at Apple and Google; the stream's envelope adds little.
const MAX_EVENT: usize = 64 * 1024;

/// Reads `text/event-stream` (HTML Living Standard §9.2.6); only `data` matters here.
#[derive(Default)]
struct Events {
    line: Vec<u8>,
    data: String,
    after_cr: bool,
}

impl Events {
    /// Data of the events that these bytes complete; `None` when one is too large.
    fn feed(&mut self, bytes: &[u8]) -> Option<Vec<String>> {
        let mut found = Vec::new();
        for &byte in bytes {
            let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if after_cr => {}
                b'\r' | b'\n' => found.extend(self.end_of_line()),
                _ => self.line.push(byte),
            }
            if self.line.len() + self.data.len() > MAX_EVENT {
                return None;
            }
        }
        Some(found)
    }

    fn end_of_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let mut data = std::mem::take(&mut self.data);
            data.pop();
            return (!data.is_empty()).then_some(data);
        }
        if let Some(value) = line.strip_prefix(b"data:") {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            self.data.push_str(&String::from_utf8_lossy(value));
            self.data.push('\n');
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn comments_and_other_fields_are_passed_over() {
        let mut events = Events::default();
        let bytes = b": hello\n\nid: 7\nevent: push\ndata: {\"a\":1}\n\ndata: x\ndata:y\r\n\r\n";
        assert_eq!(events.feed(bytes).unwrap(), ["{\"a\":1}", "x\ny"]);
    }

    #[test]
    fn an_endless_event_ends_the_stream() {
        let mut events = Events::default();
        assert!(events.feed(&vec![b'x'; MAX_EVENT + 1]).is_none());
    }

    #[test]
    fn the_payload_keeps_its_bytes() {
        let event = r#"{"provider":"FCM","payload":{"data":{"n":"1.00"}}}"#;
        assert_eq!(payload(event.into()), r#"{"data":{"n":"1.00"}}"#);
        assert_eq!(payload(r#"{"dai":"dev_1"}"#.into()), r#"{"dai":"dev_1"}"#);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_network_cuts_the_bytes(
            events in proptest::collection::vec("[a-zé{}\" ]{1,20}", 1..5),
            cuts in proptest::collection::vec(1_usize..7, 1..60),
        ) {
            let bytes: Vec<u8> = events.iter().flat_map(|e| format!("data: {e}\n\n").into_bytes()).collect();
            let mut parser = Events::default();
            let mut found = Vec::new();
            let mut rest = bytes.as_slice();
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                found.extend(parser.feed(now).unwrap());
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(found, events);
        }
    }
}
