//! SMS through an HTTP gateway: one `POST` of JSON a message.

use std::fmt;
use std::time::Duration;

use serde_json::json;
use url::Url;

use super::{AddressError, is_loopback};
use crate::state::{Message, MessageContent};

const PATIENCE: Duration = Duration::from_secs(15);

/// A gateway that takes `POST` with `{"id":"…","to":"+1555…","text":"…"}` and answers any 2xx.
#[derive(Clone)]
pub struct SmsGateway {
    url: Url,
    token: Option<String>,
}

/// Where, never with what token.
impl fmt::Debug for SmsGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmsGateway")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

impl SmsGateway {
    /// The gateway at `url`; `token` is sent as `Authorization: Bearer`.
    ///
    /// # Errors
    /// For anything but https, or http to this machine.
    pub fn parse(url: &str, token: Option<String>) -> Result<SmsGateway, AddressError> {
        let refused = |why: &str| Err(AddressError(why.to_owned()));
        let Ok(url) = Url::parse(url) else {
            return refused("the SMS gateway is no URL; write https://host/path");
        };
        match url.scheme() {
            "https" => Ok(SmsGateway { url, token }),
            "http" if is_loopback(&url) => Ok(SmsGateway { url, token }),
            "http" => {
                refused("SMS in cleartext go to a gateway on this machine only: write https://…")
            }
            _ => refused("the SMS gateway's URL is https://…"),
        }
    }

    /// Sends one message; the error says what happened, without a word of the message.
    pub(super) async fn send(
        &self,
        message: &Message,
        content: &MessageContent,
    ) -> Result<(), String> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE);
        if is_loopback(&self.url) {
            builder = builder.no_proxy();
            if self.url.scheme() == "http" {
                // Cleartext needs no roots, and a bare machine has none.
                builder = builder.tls_certs_only([]);
            }
        }
        let client = builder
            .build()
            .map_err(|_| "HTTP cannot be set up".to_owned())?;
        let body = json!({ "id": message.id, "to": message.to, "text": content.text });
        let mut request = client.post(self.url.clone()).json(&body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!(
                "the SMS gateway refused the message ({})",
                answer.status().as_u16()
            )),
            Err(error) if error.is_timeout() => {
                Err("the SMS gateway did not answer in time".to_owned())
            }
            Err(_) => Err("the SMS gateway cannot be reached".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_https_or_on_this_machine_and_its_token_is_not_shown() {
        let gateway =
            SmsGateway::parse("https://sms.example/v1", Some("hunter2".into())).expect("URL");
        assert!(!format!("{gateway:?}").contains("hunter2"));
        assert!(SmsGateway::parse("http://127.0.0.1:1/sms", None).is_ok());
        for url in ["http://sms.example", "ftp://127.0.0.1", "sms"] {
            assert!(SmsGateway::parse(url, None).is_err(), "{url}");
        }
    }
}
