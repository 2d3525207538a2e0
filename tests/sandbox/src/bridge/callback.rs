//! The callback: a person's answer on its way back to Keycloak, once.
//!
//! A second callback destroys a request that was approved, so that its client gets `invalid_grant`.
//! Therefore the attempt is recorded before it leaves, and after an outcome that is not clear there
//! is no second one. Only a connection that could not be made is tried again, after a restart too: nothing left.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use super::delegation::{CallbackState, Delegation};
use super::{Bridge, BridgeEvent};
use crate::engine::Engine;
use crate::state::{CibaRequest, Stage, StateError};

/// An answer wakes the task; an end without one (a blocked user, the token's expiry) is looked for.
const LOOK: Duration = Duration::from_secs(1);
const KEEP_MS: i64 = 7 * 24 * 3_600_000;
const NOT_REACHED: &str = "Keycloak cannot be reached; it is tried again";

/// Runs until the sandbox stops; callbacks on their way are finished first.
pub(super) async fn run(engine: Arc<Engine>) {
    let Some(bridge) = &engine.bridge else {
        return;
    };
    let mut stopping = engine.stopping.clone();
    let mut open = JoinSet::new();
    if let Err(error) = interrupted(&engine, bridge) {
        tracing::error!(%error, "callbacks before the restart");
    }
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            () = bridge.answered.notified() => {}
            _ = look.tick() => {}
            // Nothing is due because of that; what could not connect waits for the next look.
            Some(_) = open.join_next() => continue,
            _ = stopping.wait_for(|stopping| *stopping) => break,
        }
        match due(&engine) {
            Ok(due) => {
                for delegation in due {
                    open.spawn(call(Arc::clone(&engine), delegation));
                }
            }
            Err(error) => tracing::error!(%error, "callbacks"),
        }
    }
    while open.join_next().await.is_some() {}
}

/// Callbacks that were on their way when the last process ended: nobody knows whether they arrived.
fn interrupted(engine: &Engine, bridge: &Bridge) -> Result<(), StateError> {
    let settled = engine.db.write::<_, StateError>(|tx| {
        let mut settled = Vec::new();
        for mut delegation in tx.all::<Delegation>()? {
            if delegation.callback.state == CallbackState::Sending {
                let note = "the bridge ended while it was on its way".to_owned();
                delegation.settle(CallbackState::Unclear, Some(note));
                tx.put(&delegation)?;
                settled.push(delegation);
            }
        }
        Ok(settled)
    })?;
    for delegation in settled {
        tell(bridge, delegation);
    }
    Ok(())
}

/// Requests that were answered and whose callback has not left, each marked as on its way.
fn due(engine: &Engine) -> Result<Vec<Delegation>, StateError> {
    let Some(bridge) = &engine.bridge else {
        return Ok(Vec::new());
    };
    let now = engine.now_ms();
    let (due, over) = engine.db.write::<_, StateError>(|tx| {
        tx.delete_before::<Delegation>(now - KEEP_MS)?;
        let (mut due, mut over) = (Vec::new(), Vec::new());
        for mut delegation in tx.all::<Delegation>()? {
            if delegation.callback.state != CallbackState::Waiting {
                continue;
            }
            let request: Option<CibaRequest> = tx.get(&delegation.auth_req_id)?;
            let status = match request.map(|request| request.state) {
                Some(Stage::Approved { .. } | Stage::Redeemed) => "SUCCEED",
                Some(Stage::Denied { .. }) => "CANCELLED",
                Some(Stage::Pending) if now < delegation.expires_ms => continue,
                Some(Stage::Pending) | None => {
                    delegation.settle(
                        CallbackState::NotSent,
                        Some("nobody answered in time".into()),
                    );
                    tx.put(&delegation)?;
                    over.push(delegation);
                    continue;
                }
            };
            delegation.callback.status = Some(status.to_owned());
            if now >= delegation.expires_ms {
                let note = "Keycloak could not be reached in time".to_owned();
                delegation.settle(CallbackState::NotSent, Some(note));
                tx.put(&delegation)?;
                over.push(delegation);
                continue;
            }
            delegation.callback.state = CallbackState::Sending;
            tx.put(&delegation)?;
            due.push(delegation);
        }
        Ok((due, over))
    })?;
    for delegation in over {
        tell(bridge, delegation);
    }
    Ok(due)
}

/// The one attempt, and its outcome. Where nothing could leave it is due again.
async fn call(engine: Arc<Engine>, mut delegation: Delegation) {
    let Some(bridge) = &engine.bridge else {
        return;
    };
    match send(bridge, &delegation).await {
        Some((state, note)) => delegation.settle(state, note),
        None => {
            delegation.callback.state = CallbackState::Waiting;
            delegation.callback.note = Some(NOT_REACHED.to_owned());
        }
    }
    let kept = engine.db.write::<_, StateError>(|tx| tx.put(&delegation));
    if let Err(error) = kept {
        // It stays "on its way", which after a restart reads as unclear: it is not sent again.
        tracing::error!(%error, "outcome of a callback");
    }
    if delegation.callback.state != CallbackState::Waiting {
        tell(bridge, delegation);
    }
}

/// `None`: no connection could be made, so nothing was sent.
async fn send(bridge: &Bridge, delegation: &Delegation) -> Option<(CallbackState, Option<String>)> {
    let url = format!(
        "{}/protocol/openid-connect/ext/ciba/auth/callback",
        bridge.realm_url
    );
    let sent = bridge
        .http
        .post(&url)
        .bearer_auth(&delegation.bearer)
        .json(&json!({ "status": delegation.callback.status }))
        .send()
        .await;
    Some(match sent.map(|answer| answer.status().as_u16()) {
        Ok(200..=299) => (CallbackState::Delivered, None),
        Ok(status @ 400..=499) => (CallbackState::Refused, Some(format!("status {status}"))),
        Ok(status) => (CallbackState::Unclear, Some(format!("status {status}"))),
        Err(error) if error.is_connect() => return None,
        Err(_) => (
            CallbackState::Unclear,
            Some("no answer came back".to_owned()),
        ),
    })
}

fn tell(bridge: &Bridge, delegation: Delegation) {
    bridge.tell(BridgeEvent::Returned {
        request: delegation.consent_id,
        callback: delegation.callback,
    });
}
