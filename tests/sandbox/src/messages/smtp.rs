//! E-mail over SMTP (RFC 5321), in clear to this machine, else over TLS.

use std::fmt;
use std::time::Duration;

use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use percent_encoding::percent_decode_str;
use url::Url;

use super::{AddressError, is_loopback};
use crate::state::MessageContent;

const PATIENCE: Duration = Duration::from_secs(15);

/// A mail server that takes our messages.
#[derive(Clone)]
pub struct SmtpServer {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<(String, String)>,
    /// PEM of the roots to trust instead of the system's.
    ca: Option<String>,
    from: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    /// In clear, to this machine only.
    None,
    /// STARTTLS (RFC 3207), refused if the server has none.
    StartTls,
    /// TLS from the first byte (RFC 8314 §3.3).
    Tls,
}

/// Where, never with what password.
impl fmt::Debug for SmtpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpServer")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

impl SmtpServer {
    /// Reads `smtp://host`, `smtp://user:password@host?tls=required` (STARTTLS) or `smtps://…` (TLS at once). Ports
    /// are 25, 587 and 465 unless the URL has one. `ca` is PEM of the roots to trust instead of the system's, `from`
    /// the sender.
    ///
    /// # Errors
    /// For another scheme, a URL without host, a root or sender that cannot be read, and for cleartext to another
    /// machine.
    pub fn parse(
        url: &str,
        ca: Option<String>,
        from: Option<String>,
    ) -> Result<SmtpServer, AddressError> {
        let refused = |why: &str| AddressError(why.to_owned());
        let url = Url::parse(url)
            .map_err(|_| refused("the mail server is no URL; write smtp://host:port"))?;
        let tls = url.query_pairs().find(|(name, _)| name == "tls");
        let (security, usual) = match (url.scheme(), tls.as_ref().map(|(_, value)| value.as_ref()))
        {
            ("smtps", None) => (Security::Tls, 465),
            ("smtp", Some("required")) => (Security::StartTls, 587),
            ("smtp", None) if is_loopback_host(&url) => (Security::None, 25),
            ("smtp", None) => {
                return Err(refused(
                    "mail in cleartext goes to this machine only: write smtps://… or smtp://…?tls=required",
                ));
            }
            _ => {
                return Err(refused(
                    "the mail server's URL is smtp://…, smtp://…?tls=required or smtps://…",
                ));
            }
        };
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let server = SmtpServer {
            host: url
                .host_str()
                .filter(|host| !host.is_empty())
                .ok_or_else(|| refused("the mail server's URL has no host"))?
                .to_owned(),
            port: url.port().unwrap_or(usual),
            security,
            credentials: url
                .password()
                .map(|password| (decode(url.username()), decode(password))),
            ca,
            from,
        };
        if !server.from.as_deref().is_none_or(is_address) {
            return Err(refused(
                "the sender is no address; write Bank <no-reply@bank.example>",
            ));
        }
        let roots = |pem: &String| {
            reqwest::Certificate::from_pem_bundle(pem.as_bytes())
                .is_ok_and(|roots| !roots.is_empty())
        };
        if !server.ca.as_ref().is_none_or(roots) || server.tls().is_err() {
            return Err(refused("the mail server's root certificate is no PEM file"));
        }
        Ok(server)
    }

    /// Sends one message; the error says what happened, without a word of the message.
    pub(super) async fn send(&self, to: &str, content: &MessageContent) -> Result<(), String> {
        let message = self.message(to, content)?;
        let transport = self.transport().map_err(|error| why(&error))?;
        match transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => Err(why(&error)),
        }
    }

    fn message(&self, to: &str, content: &MessageContent) -> Result<Message, String> {
        let mailbox = |text: &str| {
            text.parse::<Mailbox>()
                .map_err(|_| "the address cannot be used".to_owned())
        };
        let from = content.from.as_deref().or(self.from.as_deref());
        let html = content.html.clone().unwrap_or_default();
        Message::builder()
            .from(mailbox(from.unwrap_or("no-reply@localhost"))?)
            .to(mailbox(to)?)
            .subject(content.subject.clone().unwrap_or_default())
            .message_id(None)
            .multipart(MultiPart::alternative_plain_html(
                content.text.clone(),
                html,
            ))
            .map_err(|_| "the message cannot be written".to_owned())
    }

    fn transport(
        &self,
    ) -> Result<AsyncSmtpTransport<Tokio1Executor>, lettre::transport::smtp::Error> {
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.host)
            .port(self.port)
            .tls(self.tls()?)
            .timeout(Some(PATIENCE));
        if let Some((user, password)) = &self.credentials {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(builder.build())
    }

    fn tls(&self) -> Result<Tls, lettre::transport::smtp::Error> {
        if self.security == Security::None {
            return Ok(Tls::None);
        }
        let mut builder = TlsParameters::builder(self.host.clone());
        if let Some(pem) = &self.ca {
            builder = builder
                .certificate_store(CertificateStore::None)
                .add_root_certificate(Certificate::from_pem(pem.as_bytes())?);
        }
        let parameters = builder.build()?;
        Ok(match self.security {
            Security::StartTls => Tls::Required(parameters),
            _ => Tls::Wrapper(parameters),
        })
    }
}

/// Whether mail can be from, or to, this.
pub(crate) fn is_address(text: &str) -> bool {
    text.parse::<Mailbox>().is_ok()
}

/// Schemes that browsers do not know have hosts without a kind.
fn is_loopback_host(url: &Url) -> bool {
    is_loopback(url)
        || url
            .host_str()
            .and_then(|host| host.parse::<std::net::IpAddr>().ok())
            .is_some_and(|ip| ip.is_loopback())
        || url.host_str() == Some("[::1]")
}

fn why(error: &lettre::transport::smtp::Error) -> String {
    match error.status() {
        Some(code) => format!("the mail server refused the message ({code})"),
        None if error.is_timeout() => "the mail server did not answer in time".to_owned(),
        None if error.is_tls() || about_tls(error) => {
            "there is no TLS connection that can be trusted to the mail server".to_owned()
        }
        None if error.is_client() => {
            "the mail server does not offer what is asked of it".to_owned()
        }
        None => "the mail server cannot be reached".to_owned(),
    }
}

/// Whether TLS is at the bottom of an error that calls itself one of the connection.
fn about_tls(error: &dyn std::error::Error) -> bool {
    let io = |error: &(dyn std::error::Error + 'static)| {
        let io = error.downcast_ref::<std::io::Error>();
        io.and_then(std::io::Error::get_ref)
            .is_some_and(|inner| inner.is::<rustls::Error>())
    };
    std::iter::successors(error.source(), |error| error.source())
        .any(|error| error.is::<rustls::Error>() || io(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<SmtpServer, AddressError> {
        SmtpServer::parse(url, None, None)
    }

    #[test]
    fn cleartext_goes_to_this_machine_only() {
        for url in [
            "smtp://127.0.0.1:1025",
            "smtp://localhost",
            "smtp://[::1]:25",
        ] {
            let server = parse(url).expect(url);
            assert_eq!(server.security, Security::None, "{url}");
        }
        for url in [
            "smtp://mail.bank.example",
            "smtp://10.0.0.1:25",
            "smtp://mail.bank.example?tls=opportunistic",
            "smtp://localhost.example",
            "http://127.0.0.1",
            "smtp://",
            "127.0.0.1:25",
        ] {
            assert!(parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_url_says_port_security_and_credentials() {
        let server = parse("smtps://us%40er:p%2Fw@mail.bank.example").expect("URL");
        assert_eq!((server.port, server.security), (465, Security::Tls));
        assert_eq!(server.credentials, Some(("us@er".into(), "p/w".into())));
        let server = parse("smtp://mail.bank.example:2525?tls=required").expect("URL");
        assert_eq!((server.port, server.security), (2525, Security::StartTls));
    }

    #[test]
    fn neither_debug_nor_an_error_shows_the_password() {
        let server = parse("smtps://user:hunter2@mail.bank.example").expect("URL");
        assert!(!format!("{server:?}").contains("hunter2"));
        let error = parse("ftp://user:hunter2@mail.bank.example").expect_err("refused");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn roots_and_senders_are_read_at_once() {
        let url = "smtps://mail.bank.example";
        assert!(SmtpServer::parse(url, Some("no PEM".into()), None).is_err());
        assert!(SmtpServer::parse(url, None, Some("nobody".into())).is_err());
        assert!(SmtpServer::parse(url, None, Some("Bank <no-reply@bank.example>".into())).is_ok());
    }

    #[test]
    fn a_header_cannot_be_smuggled_into_a_message() {
        let server = parse("smtp://127.0.0.1").expect("URL");
        let content = |subject: &str| MessageContent {
            from: None,
            subject: Some(subject.into()),
            text: "text".into(),
            html: Some("<p>text</p>".into()),
            link: String::new(),
        };
        assert!(
            server
                .message("a@b.example\r\nBcc: c@d.example", &content("x"))
                .is_err()
        );
        let message = server
            .message("a@b.example", &content("x\r\nBcc: c@d.example"))
            .expect("message");
        let text = String::from_utf8(message.formatted()).expect("text");
        let (headers, _) = text.split_once("\r\n\r\n").expect("headers");
        assert!(
            headers.lines().all(|line| !line.starts_with("Bcc")),
            "{headers}"
        );
    }
}
