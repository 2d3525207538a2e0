//! Listens between phones and sandbox: every answer that has left a phone counts, whatever became of it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use e2e::claims;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What one connection has carried towards the server.
type Carried = Arc<Mutex<Vec<u8>>>;

/// A relay that remembers.
pub(crate) struct Wiretap {
    pub(crate) origin: String,
    listener: Option<TcpListener>,
    connections: Arc<Mutex<Vec<Carried>>>,
}

impl Wiretap {
    pub(crate) async fn new() -> Wiretap {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Wiretap {
            origin: format!("http://{}", listener.local_addr().expect("an address")),
            listener: Some(listener),
            connections: Arc::default(),
        }
    }

    /// Relays to this server from now on.
    pub(crate) fn connect(&mut self, origin: &str) {
        let server: SocketAddr = origin
            .trim_start_matches("http://")
            .parse()
            .expect("a loopback origin");
        let listener = self.listener.take().expect("connected once");
        let connections = Arc::clone(&self.connections);
        tokio::spawn(async move {
            while let Ok((phone, _)) = listener.accept().await {
                let carried = Carried::default();
                locked(&connections).push(Arc::clone(&carried));
                tokio::spawn(relay(phone, server, carried));
            }
        });
    }

    /// The claims of every whole answer since [`Wiretap::forget`].
    pub(crate) fn answers(&self) -> Vec<Value> {
        const MEMBER: &str = r#""challenge_response":""#;
        let mut all = Vec::new();
        for carried in locked(&self.connections).iter() {
            let text = String::from_utf8_lossy(&locked(carried)).into_owned();
            // What follows the last mark may be an answer that was cut off.
            for (at, _) in text.match_indices(MEMBER) {
                if let Some((token, _)) = text[at + MEMBER.len()..].split_once('"') {
                    all.push(claims(token));
                }
            }
        }
        all
    }

    pub(crate) fn forget(&self) {
        let mut connections = locked(&self.connections);
        connections.retain(|carried| Arc::strong_count(carried) > 1);
        connections
            .iter()
            .for_each(|carried| locked(carried).clear());
    }
}

async fn relay(phone: TcpStream, server: SocketAddr, carried: Carried) {
    let Ok(upstream) = TcpStream::connect(server).await else {
        return;
    };
    let ((mut from_phone, mut to_phone), (mut from_server, mut to_server)) =
        (phone.into_split(), upstream.into_split());
    let up = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = from_phone.read(&mut buffer).await {
            locked(&carried).extend_from_slice(&buffer[..read]);
            if to_server.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
        let _ = to_server.shutdown().await;
    };
    let down = async {
        let _ = tokio::io::copy(&mut from_server, &mut to_phone).await;
        let _ = to_phone.shutdown().await;
    };
    tokio::join!(up, down);
}

fn locked<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
