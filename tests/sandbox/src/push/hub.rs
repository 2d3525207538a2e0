//! Delivery: a broadcast per push token, and a backlog for devices that connect later.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{Stream, stream};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use super::PushEvent;
use crate::engine::Engine;
use crate::state::{CibaRequest, PushStatus, StateError};

const CAPACITY: usize = 64;

/// The open streams by push token.
#[derive(Clone, Default)]
pub(crate) struct Hub(Arc<Mutex<HashMap<String, broadcast::Sender<Item>>>>);

/// A push and its place in the state.
#[derive(Clone)]
struct Item {
    auth_req_id: String,
    index: usize,
    event: PushEvent,
}

impl Hub {
    /// Sends the queued pushes of a request, now or when their time comes.
    pub(crate) fn release(&self, engine: &Engine, request: &CibaRequest) {
        let now = engine.now_ms();
        for (index, push) in request.pushes.iter().enumerate() {
            if push.status != PushStatus::Queued {
                continue;
            }
            let token = push.push_token.clone();
            let item = Item {
                auth_req_id: request.auth_req_id.clone(),
                index,
                event: push.event.clone(),
            };
            match u64::try_from(push.release_ms - now) {
                Err(_) | Ok(0) => self.publish(&token, item),
                Ok(wait) => {
                    let hub = self.clone();
                    engine.runtime.spawn(async move {
                        tokio::time::sleep(Duration::from_millis(wait)).await;
                        hub.publish(&token, item);
                    });
                }
            }
        }
    }

    /// Nobody listening is fine: the push stays queued in the state.
    fn publish(&self, token: &str, item: Item) {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if topics
            .get(token)
            .is_some_and(|topic| topic.send(item).is_err())
        {
            topics.remove(token);
        }
    }

    fn subscribe(&self, token: &str) -> broadcast::Receiver<Item> {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        topics
            .entry(token.to_owned())
            .or_insert_with(|| broadcast::channel(CAPACITY).0)
            .subscribe()
    }
}

/// Pushes for one token: first those nobody received yet, then new ones, each once. Ends when the
/// sandbox stops.
pub(crate) fn stream(
    engine: Arc<Engine>,
    token: &str,
) -> impl Stream<Item = PushEvent> + Send + use<> {
    // Subscribed before the backlog is read, so that nothing falls between the two.
    let live = engine.hub.subscribe(token);
    let backlog = backlog(&engine, token).unwrap_or_default();
    let stopping = engine.stopping.clone();
    let state = Subscription {
        engine,
        backlog,
        live,
        stopping,
        seen: HashSet::new(),
    };
    stream::unfold(state, |mut state| async move {
        state.next().await.map(|event| (event, state))
    })
}

struct Subscription {
    engine: Arc<Engine>,
    backlog: VecDeque<Item>,
    live: broadcast::Receiver<Item>,
    stopping: watch::Receiver<bool>,
    seen: HashSet<(String, usize)>,
}

impl Subscription {
    async fn next(&mut self) -> Option<PushEvent> {
        loop {
            let item = match self.backlog.pop_front() {
                Some(item) => item,
                None => tokio::select! {
                    received = self.live.recv() => match received {
                        Ok(item) => item,
                        Err(RecvError::Lagged(_)) => continue,
                        Err(RecvError::Closed) => return None,
                    },
                    _ = self.stopping.wait_for(|stopping| *stopping) => return None,
                },
            };
            if self.seen.insert((item.auth_req_id.clone(), item.index)) {
                if let Err(error) = delivered(&self.engine, &item) {
                    tracing::warn!(%error, "push status");
                }
                return Some(item.event);
            }
        }
    }
}

fn backlog(engine: &Engine, token: &str) -> Result<VecDeque<Item>, StateError> {
    let now = engine.now_ms();
    engine.db.write(|tx| {
        let mut items = VecDeque::new();
        for request in tx.all::<CibaRequest>()? {
            if !engine.answerable(tx, &request)? {
                continue;
            }
            for (index, push) in request.pushes.iter().enumerate() {
                if push.push_token == token
                    && push.status == PushStatus::Queued
                    && push.release_ms <= now
                {
                    items.push_back(Item {
                        auth_req_id: request.auth_req_id.clone(),
                        index,
                        event: push.event.clone(),
                    });
                }
            }
        }
        Ok(items)
    })
}

fn delivered(engine: &Engine, item: &Item) -> Result<(), StateError> {
    engine.db.write(|tx| {
        let Some(mut request) = tx.get::<CibaRequest>(&item.auth_req_id)? else {
            return Ok(());
        };
        if let Some(push) = request.pushes.get_mut(item.index) {
            push.status = PushStatus::Delivered;
            tx.put(&request)?;
        }
        Ok(())
    })
}
