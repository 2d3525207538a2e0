use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use super::{HttpHeader, HttpRequest, HttpResponse, HttpTransport, Transport, TransportError};

fn get(url: impl Into<String>) -> HttpRequest {
    HttpRequest {
        method: "GET".into(),
        url: url.into(),
        headers: vec![HttpHeader {
            name: "Authorization".into(),
            value: "Bearer x".into(),
        }],
        body: None,
        timeout_ms: 20_000,
        max_answer: 1000,
    }
}

/// A server that hands each connection to `answer`, on one thread, and counts them.
fn serve(mut answer: impl FnMut(TcpStream) + Send + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let accepted = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&accepted);
    thread::spawn(move || {
        for stream in listener.incoming() {
            counter.fetch_add(1, Ordering::SeqCst);
            answer(stream.unwrap());
        }
    });
    (address, accepted)
}

/// Reads one request: its head, and the body that the head announces. `None` at the end of the connection.
fn read_request(stream: &mut impl Read) -> Option<String> {
    let mut text = String::new();
    let mut byte = [0];
    while !text.ends_with("\r\n\r\n") {
        if !matches!(stream.read(&mut byte), Ok(1)) {
            return None;
        }
        text.push(byte[0] as char);
    }
    let announced = text.lines().find_map(|line| {
        line.to_lowercase()
            .strip_prefix("content-length: ")
            .map(str::to_owned)
    });
    let mut body = vec![0; announced.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    Some(text + &String::from_utf8(body).unwrap())
}

/// A server that reads a request, writes `bytes`, and closes.
fn serve_bytes(bytes: &'static str) -> SocketAddr {
    let (address, _) = serve(move |mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(bytes.as_bytes());
    });
    address
}

struct Panics;
impl HttpTransport for Panics {
    fn send(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
        panic!("a defect of the app")
    }
}

struct Answers(usize);
impl HttpTransport for Answers {
    fn send(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
        Ok(HttpResponse {
            status: 200,
            headers: Vec::new(),
            body: vec![b'x'; self.0],
        })
    }
}

struct Hangs(Mutex<mpsc::Receiver<()>>);
impl HttpTransport for Hangs {
    fn send(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
        let _ = self.0.lock().unwrap().recv();
        Err(TransportError::Unreachable)
    }
}

async fn foreign(
    transport: impl HttpTransport + 'static,
    request: HttpRequest,
) -> Option<TransportError> {
    let transport = Transport::Foreign(Arc::new(transport));
    transport.send(request).await.err()
}

#[tokio::test]
async fn a_panic_of_a_foreign_transport_is_an_interruption() {
    let error = foreign(Panics, get("https://bank.example/")).await;
    assert_eq!(error, Some(TransportError::Interrupted));
}

#[tokio::test]
async fn a_foreign_answer_over_the_cap_is_refused() {
    assert_eq!(
        foreign(Answers(1000), get("https://bank.example/")).await,
        None
    );
    let error = foreign(Answers(1001), get("https://bank.example/")).await;
    assert_eq!(error, Some(TransportError::TooLarge));
}

#[tokio::test]
async fn a_foreign_transport_that_never_comes_back_is_given_up() {
    let (release, blocked) = mpsc::channel();
    let request = HttpRequest {
        timeout_ms: 20,
        ..get("https://bank.example/")
    };
    let error = foreign(Hangs(Mutex::new(blocked)), request).await;
    assert_eq!(error, Some(TransportError::Interrupted));
    drop(release);
}

#[cfg(feature = "reqwest")]
mod builtin {
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::PrivateKeyDer;
    use rustls::{ServerConfig, ServerConnection, StreamOwned};

    use super::super::tls::Guarded;
    use super::super::{Settings, builtin as client};
    use super::*;
    use crate::error::ErrorCode;

    fn settings(extra_root_pem: Option<String>) -> Settings {
        Settings {
            extra_root_pem,
            user_agent: "test/1".into(),
        }
    }

    fn transport() -> Transport {
        Transport::builtin(&settings(None)).unwrap()
    }

    async fn failure(transport: &Transport, request: HttpRequest) -> TransportError {
        transport.send(request).await.expect_err("an error")
    }

    async fn failure_for(bytes: &'static str) -> TransportError {
        let address = serve_bytes(bytes);
        failure(&transport(), get(format!("http://{address}/"))).await
    }

    /// A TLS server for 127.0.0.1 that answers every request of every connection, with its certificate as PEM.
    fn serve_tls() -> (SocketAddr, Arc<AtomicUsize>, String) {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let (address, accepted) = serve(move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            while read_request(&mut stream).is_some() {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                let _ = stream.write_all(answer);
                let _ = stream.flush();
            }
        });
        (address, accepted, made.cert.pem())
    }

    #[tokio::test]
    async fn a_request_goes_out_as_given_and_the_answer_comes_back_whatever_its_status() {
        let (sent, received) = mpsc::channel();
        let (address, _) = serve(move |mut stream| {
            sent.send(read_request(&mut stream).unwrap()).unwrap();
            let _ = stream
                .write_all(b"HTTP/1.1 404 Not Found\r\nDate: now\r\nContent-Length: 4\r\n\r\nbody");
        });
        let request = HttpRequest {
            method: "PATCH".into(),
            body: Some(b"{}".to_vec()),
            ..get(format!("http://{address}/a%2Fb?c=d"))
        };
        let answer = transport().send(request).await.unwrap();
        assert_eq!(
            (answer.status, answer.body.as_slice(), answer.header("date")),
            (404, b"body".as_slice(), Some("now"))
        );
        let request = received.recv().unwrap();
        assert!(
            request.starts_with("PATCH /a%2Fb?c=d HTTP/1.1\r\n"),
            "{request}"
        );
        assert!(request.ends_with("\r\n\r\n{}"), "{request}");
        let head = request.to_lowercase();
        assert!(
            head.contains("authorization: bearer x\r\n") && head.contains("user-agent: test/1\r\n")
        );
        assert!(!head.contains("cookie:") && !head.contains("referer:"));
    }

    #[tokio::test]
    async fn a_refused_port_is_unreachable() {
        let closed = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let error = failure(&transport(), get(format!("http://{closed}/"))).await;
        assert_eq!(error, TransportError::Unreachable);
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_unreachable() {
        // RFC 6761 §6.4: no name under `invalid` resolves.
        let error = failure(&transport(), get("https://name.invalid/")).await;
        assert_eq!(error, TransportError::Unreachable);
    }

    #[tokio::test]
    async fn a_connection_closed_without_an_answer_is_interrupted() {
        assert_eq!(failure_for("").await, TransportError::Interrupted);
    }

    #[tokio::test]
    async fn half_a_head_is_interrupted() {
        let error = failure_for("HTTP/1.1 200 OK\r\nContent-Le").await;
        assert_eq!(error, TransportError::Interrupted);
    }

    #[tokio::test]
    async fn half_a_body_is_interrupted() {
        let error = failure_for("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
        assert_eq!(error, TransportError::Interrupted);
    }

    #[tokio::test]
    async fn something_that_is_not_http_is_interrupted() {
        assert_eq!(
            failure_for("SSH-2.0-x\r\n").await,
            TransportError::Interrupted
        );
    }

    #[tokio::test]
    async fn an_answer_that_takes_too_long_is_interrupted() {
        let (address, _) = serve(|mut stream| while read_request(&mut stream).is_some() {});
        let request = HttpRequest {
            timeout_ms: 50,
            ..get(format!("http://{address}/"))
        };
        assert_eq!(
            failure(&transport(), request).await,
            TransportError::Interrupted
        );
    }

    #[tokio::test]
    async fn a_body_that_stalls_is_interrupted() {
        let (address, _) = serve(|mut stream| {
            read_request(&mut stream);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
            read_request(&mut stream);
        });
        let request = HttpRequest {
            timeout_ms: 200,
            ..get(format!("http://{address}/"))
        };
        assert_eq!(
            failure(&transport(), request).await,
            TransportError::Interrupted
        );
    }

    #[tokio::test]
    async fn an_answer_over_the_cap_is_refused_and_one_at_the_cap_is_not() {
        let address = serve_bytes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345");
        let capped = |max_answer| HttpRequest {
            max_answer,
            ..get(format!("http://{address}/"))
        };
        assert_eq!(
            failure(&transport(), capped(4)).await,
            TransportError::TooLarge
        );
        assert_eq!(transport().send(capped(5)).await.unwrap().body, b"12345");
    }

    #[tokio::test]
    async fn a_chunked_answer_without_a_length_is_capped_too() {
        let error = failure_for_capped("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n").await;
        assert_eq!(error, TransportError::TooLarge);
    }

    async fn failure_for_capped(bytes: &'static str) -> TransportError {
        let request = HttpRequest {
            max_answer: 5,
            ..get(format!("http://{}/", serve_bytes(bytes)))
        };
        failure(&transport(), request).await
    }

    #[tokio::test]
    async fn a_redirect_is_returned_and_not_followed() {
        let (elsewhere, followed) = serve(drop);
        let (address, _) = serve(move |mut stream| {
            read_request(&mut stream);
            let head = format!(
                "HTTP/1.1 307 x\r\nLocation: http://{elsewhere}/\r\nContent-Length: 0\r\n\r\n"
            );
            let _ = stream.write_all(head.as_bytes());
        });
        let answer = transport()
            .send(get(format!("http://{address}/")))
            .await
            .unwrap();
        assert_eq!(answer.status, 307);
        assert_eq!(followed.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_request_that_must_not_go_out_is_invalid() {
        let refused = [
            "http://192.0.2.1/",
            "http://bank.example/",
            "http://localhost.bank.example/",
            "ftp://127.0.0.1/",
            "https://user@bank.example/",
            "https://bank.example/#x",
            "https://BANK.example/",
            "https://bank.example",
            "https://bank.example/a/../b",
            "no url",
            "",
        ];
        for url in refused {
            assert_eq!(
                failure(&transport(), get(url)).await,
                TransportError::Invalid,
                "{url}"
            );
        }
        let bad_method = HttpRequest {
            method: "TRACE".into(),
            ..get("https://127.0.0.1:1/")
        };
        assert_eq!(
            failure(&transport(), bad_method).await,
            TransportError::Invalid
        );
        let mut bad_header = get("https://127.0.0.1:1/");
        bad_header.headers[0].value = "a\r\nb: c".into();
        assert_eq!(
            failure(&transport(), bad_header).await,
            TransportError::Invalid
        );
    }

    #[tokio::test]
    async fn two_requests_share_one_tls_connection() {
        let (address, accepted, root) = serve_tls();
        let transport = Transport::builtin(&settings(Some(root))).unwrap();
        for _ in 0..2 {
            let answer = transport
                .send(get(format!("https://{address}/")))
                .await
                .unwrap();
            assert_eq!(answer.body, b"ok");
        }
        assert_eq!(accepted.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_certificate_of_an_unknown_root_is_a_tls_failure() {
        let (address, ..) = serve_tls();
        let (_, _, other_root) = serve_tls();
        let transport = Transport::builtin(&settings(Some(other_root))).unwrap();
        let error = failure(&transport, get(format!("https://{address}/"))).await;
        assert_eq!(error, TransportError::Tls);
    }

    #[tokio::test]
    async fn a_certificate_for_another_host_is_a_tls_failure() {
        let (address, _, root) = serve_tls();
        let transport = Transport::builtin(&settings(Some(root))).unwrap();
        let url = format!("https://localhost:{}/", address.port());
        assert_eq!(failure(&transport, get(url)).await, TransportError::Tls);
    }

    #[tokio::test]
    async fn a_host_that_does_not_speak_tls_is_unreachable() {
        let (address, _) = serve(|mut stream| {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        });
        let error = failure(&transport(), get(format!("https://{address}/"))).await;
        assert_eq!(error, TransportError::Unreachable);
    }

    /// What the platform's verifier is on Android before the app has initialised it.
    #[derive(Debug)]
    struct NotInitialised;
    impl ServerCertVerifier for NotInitialised {
        fn verify_server_cert(
            &self,
            _: &rustls::pki_types::CertificateDer<'_>,
            _: &[rustls::pki_types::CertificateDer<'_>],
            _: &rustls::pki_types::ServerName<'_>,
            _: &[u8],
            _: rustls::pki_types::UnixTime,
        ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
            panic!("not initialised")
        }
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &rustls::pki_types::CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            unreachable!("the certificate comes first")
        }
        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &rustls::pki_types::CertificateDer<'_>,
            _: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            unreachable!("the certificate comes first")
        }
        fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
            Vec::new()
        }
    }

    #[tokio::test]
    async fn a_verifier_that_was_not_initialised_is_its_own_error() {
        let (address, ..) = serve_tls();
        let verifier = Guarded::with_platform(Arc::new(NotInitialised));
        let client = client::build_client(&settings(None), verifier, None).unwrap();
        let error = failure(
            &Transport::Builtin(client),
            get(format!("https://{address}/")),
        )
        .await;
        assert_eq!(error, TransportError::TlsUnavailable);
    }

    #[tokio::test]
    async fn a_proxy_is_asked_for_other_hosts_and_never_for_loopback() {
        let (asked, hosts) = mpsc::channel();
        let (proxy, _) = serve(move |mut stream| {
            asked.send(read_request(&mut stream).unwrap()).unwrap();
        });
        let (address, _, root) = serve_tls();
        let proxy = client::proxy(&format!("http://{proxy}"), "").unwrap();
        let verifier = Guarded::new(Some(&root)).unwrap();
        let client = client::build_client(&settings(None), verifier, Some(proxy)).unwrap();
        let transport = Transport::Builtin(client);

        transport
            .send(get(format!("https://{address}/")))
            .await
            .unwrap();
        let error = failure(&transport, get("https://bank.example/secret")).await;
        assert_eq!(error, TransportError::Unreachable);
        let request = hosts.recv().unwrap();
        assert!(
            request.starts_with("CONNECT bank.example:443 "),
            "{request}"
        );
        assert!(
            !request.contains("secret") && !request.contains("Bearer"),
            "{request}"
        );
        assert!(hosts.try_recv().is_err());
    }

    #[test]
    fn settings_that_cannot_be_used_are_refused() {
        let no_certificate = Transport::builtin(&settings(Some("no PEM".into())));
        let bad_name = Transport::builtin(&Settings {
            extra_root_pem: None,
            user_agent: "a\nb".into(),
        });
        for result in [no_certificate, bad_name] {
            let code = result.err().map(|error| error.code());
            assert_eq!(code, Some(ErrorCode::ConfigurationInvalid));
        }
        assert!(client::proxy("http://[", "").is_err());
    }
}
