//! Tells open pages that something changed. The pages themselves are fetched again: one way to render, one truth.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};

use super::Console;
use crate::snapshot::Snapshot;

/// How long a change may stay unseen. A look at the state costs less than a page.
const LOOK_EVERY: Duration = Duration::from_millis(300);

pub(super) async fn events(
    State(console): State<Console>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let seen = fingerprint(&console.snapshot());
    let changes = stream::unfold((console, seen), |(console, seen)| async move {
        let mut stopping = console.handle.0.stopping.clone();
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = stopping.wait_for(|stopping| *stopping) => return None,
            }
            let now = fingerprint(&console.snapshot());
            if now != seen {
                // Without data a browser drops the event (HTML standard, server-sent events).
                return Some((
                    Ok(Event::default().event("change").data("look again")),
                    (console, now),
                ));
            }
        }
    });
    Sse::new(changes).keep_alive(KeepAlive::default())
}

/// Changes with everything a page shows except the passing of time.
fn fingerprint(snapshot: &Snapshot) -> u64 {
    let mut hash = DefaultHasher::new();
    let still = Snapshot {
        now: String::new(),
        ..snapshot.clone()
    };
    let requests = still
        .requests
        .into_iter()
        .map(|request| crate::snapshot::RequestView {
            expires_in_s: 0,
            ..request
        })
        .collect();
    serde_json::to_vec(&Snapshot { requests, ..still })
        .unwrap_or_default()
        .hash(&mut hash);
    hash.finish()
}
