//! E-mail and SMS: what they say, where they go, and that a start never waits for them.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use reqwest::Method;
use sandbox::{DialectName, Options, OutboxMessage, SmsGateway, SmtpServer};
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::browser::{mailed, with_email};

#[tokio::test]
async fn a_mail_without_a_server_waits_in_the_outbox_with_both_parts() {
    let bench = with_email().await;
    let (_, link) = mailed(&bench, &[]).await;
    let [mail] = &bench.sandbox.outbox()[..] else {
        panic!("one message");
    };
    assert_eq!(
        (mail.channel.as_str(), mail.status.as_str()),
        ("email", "outbox")
    );
    assert_eq!(mail.to, "ana@example.com");
    let (text, html) = (
        mail.text.clone().expect("text"),
        mail.html.clone().expect("HTML"),
    );
    for part in [&text, &html] {
        assert!(
            part.contains("TX-4711") && part.contains("Sandbox agent"),
            "{part}"
        );
    }
    assert!(text.contains(&link) && html.contains(&link));
    let url = format!("{}control/outbox", bench.sandbox.console_url());
    let listed = bench.send(bench.http.get(url)).await.json();
    assert_eq!(listed[0]["link"], link);
    let page = format!("{}mail", bench.sandbox.console_url());
    let page = bench.send(bench.http.get(page)).await.text;
    assert!(page.contains(&format!("href=\"{link}\"")) && page.contains("in the outbox"));
}

#[tokio::test]
async fn long_requests_and_people_without_a_phone_get_mail_and_others_a_push() {
    let bench = with_email().await;
    let channel = |bench: &Bench| bench.sandbox.snapshot().requests[0].channel.clone();
    bench.start().await;
    assert_eq!(channel(&bench), "email");
    bench.enroll().await;
    bench.start().await;
    assert_eq!(channel(&bench), "guardian-push");
    for (expiry, expected) in [
        ("300", "guardian-push"),
        ("301", "email"),
        ("259200", "email"),
    ] {
        let answer = bench.start_with(&[("requested_expiry", expiry)]).await;
        assert_eq!(answer.json()["expires_in"].to_string(), expiry);
        assert_eq!(channel(&bench), expected, "{expiry}");
    }
    assert_eq!(bench.sandbox.outbox().len(), 3);
    let snapshot = bench.sandbox.snapshot();
    assert!(
        snapshot.requests[0].pushes.is_empty(),
        "mail rings no phone"
    );
}

#[tokio::test]
async fn an_administrator_words_the_mail() {
    let bench = with_email().await;
    let path = "/email-templates/async_approval";
    let template = json!({
        "subject": "{{ application.name }} asks", "from": "Bank <no-reply@bank.example>",
        "body": "<p>{{ user.name }}: {{ binding_message }} <a href=\"{{ url }}\">open</a></p>",
    });
    let answer = bench.manage(Method::PATCH, path, template).await;
    assert_eq!(
        (answer.status, &answer.json()["enabled"]),
        (200, &json!(true))
    );
    let (_, link) = mailed(&bench, &[]).await;
    let mail = bench.sandbox.outbox().remove(0);
    assert_eq!(mail.subject.as_deref(), Some("Sandbox agent asks"));
    assert_eq!(mail.from.as_deref(), Some("Bank <no-reply@bank.example>"));
    let html = format!("<p>Ana Example: TX-4711 <a href=\"{link}\">open</a></p>");
    assert_eq!(mail.html, Some(html));
    assert!(mail.text.expect("text").contains(&link));

    let nobody = json!({ "from": "Bank" });
    assert_eq!(bench.manage(Method::PATCH, path, nobody).await.status, 400);
    let tags = json!({ "body": "{% if x %}{% endif %}" });
    assert_eq!(bench.manage(Method::PATCH, path, tags).await.status, 400);
    let off = json!({ "enabled": false });
    assert_eq!(bench.manage(Method::PATCH, path, off).await.status, 200);
    assert_eq!(bench.start_with(&[]).await.status, 200);
    let mail = bench.sandbox.outbox().remove(0);
    assert_eq!((mail.status.as_str(), mail.link), ("failed", None));
    let back = json!({ "enabled": true, "subject": null, "body": null, "from": null });
    let answer = bench.manage(Method::PATCH, path, back).await.json();
    assert_eq!(answer["subject"], Value::Null);
    let other = bench
        .manage(Method::GET, "/email-templates/welcome", json!({}))
        .await;
    assert_eq!(other.status, 404);
    let partials = json!({ "customized-consent": { "form-content": "<p></p>" } });
    let path = "/prompts/customized-consent/partials";
    bench.manage(Method::PUT, path, partials.clone()).await;
    assert_eq!(
        bench.manage(Method::GET, path, json!({})).await.json(),
        partials
    );
}

/// Calls that a gateway got: header `authorization`, and the body.
type Calls = Arc<Mutex<Vec<(Option<String>, Value)>>>;

/// An SMS gateway of a few lines, and its address.
async fn gateway(status: StatusCode) -> (String, Calls) {
    let calls = Calls::default();
    let take = move |State(calls): State<Calls>, headers: HeaderMap, body: Bytes| async move {
        let token = headers
            .get("authorization")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let body = serde_json::from_slice(&body).expect("JSON");
        calls.lock().expect("lock").push((token, body));
        status
    };
    let router = Router::new()
        .route("/sms", post(take))
        .with_state(Arc::clone(&calls));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("port");
    let url = format!("http://{}/sms", listener.local_addr().expect("address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, calls)
}

/// The newest message once it is neither waiting nor on its way.
async fn settled(bench: &Bench) -> OutboxMessage {
    loop {
        let newest = bench
            .sandbox
            .outbox()
            .into_iter()
            .next()
            .expect("a message");
        if newest.status != "sending" {
            return newest;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

async fn with_gateway(url: &str) -> Bench {
    Bench::with(Options {
        sms: Some(SmsGateway::parse(url, Some("gateway-token".into())).expect("a gateway")),
        ..Options::of(DialectName::Asgardeo)
    })
    .await
}

#[tokio::test]
async fn a_mail_cut_off_by_the_end_of_the_sandbox_lies_in_the_outbox_afterwards() {
    let folder = tempfile::tempdir().expect("folder");
    // A server that takes the connection and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("port");
    let url = format!("smtp://{}", silent.local_addr().expect("address"));
    let options = || Options {
        data: Some(folder.path().to_owned()),
        smtp: Some(SmtpServer::parse(&url, None, None).expect("a server")),
        ..Options::of(DialectName::Asgardeo)
    };
    let killed = {
        let options = options();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("runtime");
            runtime.block_on(async {
                let bench = Bench::with(options).await;
                bench.start_with(&[("notification_channel", "email")]).await;
                assert_eq!(bench.sandbox.outbox()[0].status, "sending");
                assert_eq!(
                    bench.sandbox.outbox()[0].link,
                    None,
                    "it may have it already"
                );
            });
            runtime.shutdown_background();
        })
    };
    tokio::task::spawn_blocking(|| killed.join().expect("the first"))
        .await
        .expect("the first");
    let bench = Bench::with(options()).await;
    let mail = bench.sandbox.outbox().remove(0);
    assert_eq!(mail.status, "failed");
    assert!(
        mail.reason
            .expect("why")
            .contains("ended while it was on its way")
    );
    assert!(mail.link.expect("link").contains("authCodeKey="));
    assert!(mail.text.is_some());
}

#[tokio::test]
async fn a_sandbox_that_stops_lets_a_message_leave() {
    let (url, calls) = gateway(StatusCode::ACCEPTED).await;
    let bench = with_gateway(&url).await;
    bench.start_with(&[("notification_channel", "sms")]).await;
    let Bench { sandbox, .. } = bench;
    let handle = sandbox.handle();
    sandbox.stop().await;
    assert_eq!(calls.lock().expect("lock").len(), 1);
    assert_eq!(handle.outbox()[0].status, "sent");
}

#[tokio::test]
async fn an_sms_goes_to_the_gateway_and_its_text_is_not_kept() {
    let (url, calls) = gateway(StatusCode::ACCEPTED).await;
    let bench = with_gateway(&url).await;
    bench.start_with(&[("notification_channel", "sms")]).await;
    let message = settled(&bench).await;
    assert_eq!((message.status.as_str(), message.reason), ("sent", None));
    assert_eq!((message.text, message.link), (None, None));
    let (token, body) = calls.lock().expect("lock")[0].clone();
    assert_eq!(token.as_deref(), Some("Bearer gateway-token"));
    assert_eq!(body["to"], "+15555550100");
    assert_eq!(body["id"], message.id);
    let text = body["text"].as_str().expect("text");
    assert!(text.contains("TX-4711") && text.contains("/oauth2/ciba_authorize?authCodeKey="));
    assert_eq!(body.as_object().expect("object").len(), 3);
}

#[tokio::test]
async fn a_failing_provider_is_told_of_and_does_not_fail_the_request() {
    let (url, _) = gateway(StatusCode::FORBIDDEN).await;
    let bench = with_gateway(&url).await;
    let by_sms = [("notification_channel", "sms")];
    let answer = bench.start_with(&by_sms).await;
    assert_eq!(answer.status, 200);
    let message = settled(&bench).await;
    assert_eq!(message.status, "failed");
    assert_eq!(
        message.reason.as_deref(),
        Some("the SMS gateway refused the message (403)")
    );

    // A port that nobody listens on.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    let port = listener.local_addr().expect("address").port();
    drop(listener);
    let nobody = format!("127.0.0.1:{port}");
    let bench = with_gateway(&format!("http://{nobody}/")).await;
    bench.start_with(&by_sms).await;
    let reason = settled(&bench).await.reason;
    assert_eq!(reason.as_deref(), Some("the SMS gateway cannot be reached"));
    let bench = Bench::with(Options {
        smtp: Some(SmtpServer::parse(&format!("smtp://{nobody}"), None, None).expect("a server")),
        ..Options::of(DialectName::Asgardeo)
    })
    .await;
    bench.start_with(&[("notification_channel", "email")]).await;
    let reason = settled(&bench).await.reason;
    assert_eq!(reason.as_deref(), Some("the mail server cannot be reached"));
}
