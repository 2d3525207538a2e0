//! The core's own threads: what waits does not keep others waiting.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail as loudly as tests"
)]

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use authenticator_core::{
    Authenticator, Clock, Config, Device, DialectName, ErrorCode, HttpRequest, HttpResponse,
    HttpTransport, KeyAlgorithm, Platform, Server, SoftwareKeyStore, TransportError,
};

/// Enrols the first device. Of later requests it tells that they are on their way; nobody answers those.
struct Bell(Mutex<Option<mpsc::Sender<()>>>);

impl HttpTransport for Bell {
    fn send(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
        match self.0.lock().unwrap().as_ref() {
            Some(bell) => {
                let _ = bell.send(());
                Err(TransportError::Unreachable)
            }
            None => Ok(HttpResponse {
                status: 201,
                headers: Vec::new(),
                body: br#"{"id":"dev_1","user_id":"auth0|ana"}"#.to_vec(),
            }),
        }
    }
}

/// 2026-01-15T10:30:00Z.
struct Then;

impl Clock for Then {
    fn now(&self) -> i64 {
        1_768_473_000_000
    }
}

fn push(challenge: &str) -> String {
    format!(
        r#"{{"dai":"dev_1","txtkn":"token","c":"{challenge}","d":"2026-01-15T10:30:00.000Z","sh":"bank.example"}}"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_another_process_keeps_locked_does_not_hold_up_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let mut config = Config::new(file.to_str().unwrap());
    config.servers.push(Server {
        name: "bank".into(),
        address: "bank.example".into(),
        dialect: DialectName::Guardian,
    });
    config.key_algorithm = Some(KeyAlgorithm::P256);
    let bell = Arc::new(Bell(Mutex::default()));
    let platform = Platform {
        transport: Some(bell.clone()),
        clock: Some(Arc::new(Then)),
        ..Platform::new(Arc::new(SoftwareKeyStore::in_memory()))
    };
    let core = Arc::new(Authenticator::open(config, platform).await.unwrap());

    let device = Device {
        name: "Phone".into(),
        identifier: None,
        push: None,
    };
    let enroll = || {
        let (core, device) = (Arc::clone(&core), device.clone());
        tokio::spawn(async move {
            core.enroll("ticket".into(), Some("bank".into()), device)
                .await
        })
    };
    enroll().await.unwrap().unwrap();
    let (send, rings) = mpsc::channel();
    *bell.0.lock().unwrap() = Some(send);

    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // One for each thread of the core, and one more.
    let waiting = ["a", "b", "c"].map(|challenge| {
        let core = Arc::clone(&core);
        tokio::spawn(async move { core.receive_push(push(challenge)).await })
    });
    let enrolling = enroll();
    // The store gives up after five seconds: a request that waited for it would ring later.
    let rang = tokio::task::spawn_blocking(move || rings.recv_timeout(Duration::from_secs(4)));
    assert!(rang.await.unwrap().is_ok());
    assert!(waiting.iter().all(|call| !call.is_finished()), "they wait");
    other.execute_batch("ROLLBACK").unwrap();
    let refused = enrolling.await.unwrap().unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Unreachable);
    for call in waiting {
        call.await.unwrap().unwrap();
    }
}
