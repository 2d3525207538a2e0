//! A caller that stops waiting, and an app that ends, at any await of an answer: what was decided stays decided and is sent
//! once.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::Poll;
use std::time::Duration;

use authenticator_core::{
    Authenticator, Decision, Delivery, HttpRequest, HttpResponse, HttpTransport, KeyAlgorithm,
    KeyInfo, KeyPurpose, KeyStore, KeyStoreError, Platform, PublicKey, Receipt, Result, Review,
    SoftwareKeyStore, TransportError,
};
use e2e::{Agent, OnFiles, PATIENCE, Radio, Request, options, start, typed};
use futures_util::{Stream, StreamExt};
use sandbox::{KnobState, PushEvent, Sandbox};
use tempfile::TempDir;
use tokio::sync::Notify;

/// Longer than the lease that a dead process leaves behind.
const LEASE: Duration = Duration::from_secs(41);

/// How a person answers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Tap {
    Approve,
    ApproveWithKey,
    Deny,
}

const TAPS: [Tap; 3] = [Tap::Approve, Tap::ApproveWithKey, Tap::Deny];

impl Tap {
    fn decision(self) -> Decision {
        match self {
            Tap::Deny => Decision::Deny,
            _ => Decision::Approve,
        }
    }

    async fn make(
        self,
        app: &Authenticator,
        keys: &SoftwareKeyStore,
        review: &Review,
    ) -> Result<Receipt> {
        let (id, digest) = (review.challenge.clone(), review.digest.clone());
        match self {
            Tap::Approve => app.approve(id, digest, Some(typed(review))).await,
            Tap::Deny => app.deny(id, Some(digest), None).await,
            Tap::ApproveWithKey => {
                let request = app.begin_approval(id, digest, Some(typed(review))).await?;
                let signature = keys.sign(request.key_alias, request.message)?;
                app.finish_approval(request.id, signature).await
            }
        }
    }
}

struct Lab {
    sandbox: Sandbox,
    agent: Agent,
    phone: OnFiles,
    _folder: TempDir,
    pushes: Pin<Box<dyn Stream<Item = PushEvent> + Send>>,
}

impl Lab {
    async fn new(tap: Tap) -> Lab {
        let sandbox = start(options()).await;
        let folder = tempfile::tempdir().expect("a folder");
        let phone = OnFiles {
            user_verification: tap == Tap::ApproveWithKey,
            ..OnFiles::new(&folder, &sandbox)
        };
        let (_, pushes) = phone.enroll(&sandbox).await;
        Lab {
            agent: Agent::new(&sandbox),
            sandbox,
            phone,
            _folder: folder,
            pushes,
        }
    }

    async fn ask(&mut self) -> (Request, Review) {
        let request = self.agent.ask().await;
        let push = tokio::time::timeout(PATIENCE, self.pushes.next())
            .await
            .expect("a push in time")
            .expect("an open stream");
        let app = self.phone.open().await;
        let payload = push.payload.to_string();
        let challenge = app.receive_push(payload).await.expect("our push");
        let review = app.review(challenge.id).await.expect("a review");
        app.shutdown().await.expect("shutdown");
        (request, review)
    }

    /// Starts the phone again and sends what it holds. What was decided, if anything was.
    async fn settle(&self, request: &Request, review: &Review) -> Option<Decision> {
        let app = self.phone.open().await;
        app.flush().await.expect("flush");
        let entries = app.history(None, None, 100).await.expect("history");
        let mut about = entries.iter().filter(|e| e.challenge == review.challenge);
        let entry = about.next();
        assert!(about.next().is_none(), "decided twice");
        let decision = entry.and_then(|entry| entry.decision);
        match decision {
            None => self.agent.refused(request, "authorization_pending").await,
            Some(Decision::Approve) => drop(self.agent.tokens(request).await),
            Some(Decision::Deny) => self.agent.refused(request, "access_denied").await,
        }
        if let Some(entry) = entry {
            let sent = entry.delivery.expect("how far it got");
            assert!(
                matches!(sent, Delivery::Delivered | Delivery::Unconfirmed),
                "{sent:?}"
            );
        }
        app.shutdown().await.expect("shutdown");
        decision
    }
}

/// Polls a future at most so many times, each time when it asks for it, and drops it.
async fn polled<T>(times: u32, future: impl Future<Output = T>) -> Option<T> {
    let mut future = Box::pin(future);
    let mut left = times;
    std::future::poll_fn(|context| {
        if left > 0 {
            left -= 1;
            if let Poll::Ready(done) = future.as_mut().poll(context) {
                return Poll::Ready(Some(done));
            }
        }
        match left {
            0 => Poll::Ready(None),
            _ => Poll::Pending,
        }
    })
    .await
}

#[tokio::test]
async fn a_future_that_is_dropped_after_any_number_of_polls_decides_once_or_not_at_all() {
    for tap in TAPS {
        let mut lab = Lab::new(tap).await;
        for polls in 0.. {
            let (request, review) = lab.ask().await;
            let app = lab.phone.open().await;
            let keys = lab.phone.keys();
            let ended = polled(polls, tap.make(&app, &keys, &review)).await;
            app.shutdown().await.expect("what runs has ended");
            drop(app);
            let decided = lab.settle(&request, &review).await;
            // Before the first poll nothing has begun. An approval with a prompt has two halves: a caller that leaves after
            // one poll has approved only if the first half was over at once.
            let begun = if tap == Tap::ApproveWithKey { 2 } else { 1 };
            if polls == 0 {
                assert_eq!(decided, None, "{tap:?} was never polled");
            } else if polls >= begun || decided.is_some() {
                let expected = Some(tap.decision());
                assert_eq!(decided, expected, "{tap:?} dropped after {polls} polls");
            }
            if ended.is_some() {
                assert!(polls > 1, "{tap:?} never had to wait");
                break;
            }
        }
        lab.sandbox.stop().await;
    }
}

/// Stops the n-th call of the core to the platform, until the app has ended.
#[derive(Default)]
struct Gate {
    /// Calls that still pass.
    open_for: AtomicU32,
    reached: Notify,
    /// Whether the call that was stopped still happens.
    verdict: Mutex<Option<bool>>,
    given: Condvar,
    over: Notify,
}

impl Gate {
    /// Makes a call of the core, at its time; `None`: the process ended before it was made.
    fn pass<T>(&self, call: impl FnOnce() -> T) -> Option<T> {
        let count = |left: u32| left.checked_sub(1);
        let stopped = self
            .open_for
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, count)
            .is_err();
        if !stopped {
            return Some(call());
        }
        self.reached.notify_one();
        let verdict = self.verdict.lock().expect("no panic while locked");
        let happens = self
            .given
            .wait_while(verdict, |verdict| verdict.is_none())
            .expect("no panic while locked")
            .expect("given");
        let made = happens.then(call);
        self.over.notify_one();
        made
    }

    fn decide(&self, happens: bool) {
        *self.verdict.lock().expect("no panic while locked") = Some(happens);
        self.given.notify_all();
    }
}

struct GatedKeys(Arc<SoftwareKeyStore>, Arc<Gate>);

impl KeyStore for GatedKeys {
    fn generate(
        &self,
        alias: String,
        algorithm: KeyAlgorithm,
        purpose: KeyPurpose,
    ) -> std::result::Result<KeyInfo, KeyStoreError> {
        self.0.generate(alias, algorithm, purpose)
    }
    fn public_key(&self, alias: String) -> std::result::Result<PublicKey, KeyStoreError> {
        let call = self.1.pass(|| self.0.public_key(alias));
        call.unwrap_or(Err(KeyStoreError::Failed))
    }
    fn sign(&self, alias: String, message: Vec<u8>) -> std::result::Result<Vec<u8>, KeyStoreError> {
        let call = self.1.pass(|| self.0.sign(alias, message));
        call.unwrap_or(Err(KeyStoreError::Failed))
    }
    fn delete(&self, alias: String) -> std::result::Result<(), KeyStoreError> {
        self.0.delete(alias)
    }
    fn wrap(&self, data_key: Vec<u8>) -> std::result::Result<Vec<u8>, KeyStoreError> {
        self.0.wrap(data_key)
    }
    fn unwrap(&self, wrapped: Vec<u8>) -> std::result::Result<Vec<u8>, KeyStoreError> {
        self.0.unwrap(wrapped)
    }
}

struct GatedRadio(Arc<Radio>, Arc<Gate>);

impl HttpTransport for GatedRadio {
    fn send(&self, request: HttpRequest) -> std::result::Result<HttpResponse, TransportError> {
        let call = self.1.pass(|| self.0.send(request));
        call.unwrap_or(Err(TransportError::Unreachable))
    }
}

#[tokio::test]
async fn an_app_that_ends_at_any_await_of_an_answer_sends_that_answer_when_it_starts_again() {
    for tap in TAPS {
        for happens in [true, false] {
            let mut lab = Lab::new(tap).await;
            for calls in 0.. {
                let (request, review) = lab.ask().await;
                // The first attempt is refused for its clock, so that one answer takes two.
                let jump = |k: &mut KnobState| k.clock_skew_s = 40 - k.clock_skew_s;
                lab.sandbox.knobs().update(jump);
                let gate = Arc::new(Gate::default());
                gate.open_for.store(calls, Ordering::SeqCst);
                let keys = lab.phone.keys();
                let app = lab
                    .phone
                    .open_with(Platform {
                        transport: Some(Arc::new(GatedRadio(
                            lab.phone.radio(PATIENCE),
                            Arc::clone(&gate),
                        ))),
                        ..Platform::new(Arc::new(GatedKeys(keys.clone(), Arc::clone(&gate))))
                    })
                    .await;
                let ended = tokio::select! {
                    ended = tap.make(&app, &keys, &review) => Some(ended.expect("a receipt")),
                    () = gate.reached.notified() => None,
                };
                // The process ends here: its runtime drops every task where it stands.
                drop(app);
                if ended.is_none() {
                    gate.decide(happens);
                    gate.over.notified().await;
                }
                lab.sandbox.advance(LEASE);
                lab.phone.clock.advance(LEASE.as_millis() as i64);
                let decided = lab.settle(&request, &review).await;
                let prompt_missing = tap == Tap::ApproveWithKey && calls == 0;
                let expected = (!prompt_missing).then_some(tap.decision());
                assert_eq!(decided, expected, "{tap:?} ended at call {calls}");
                if ended.is_some() {
                    assert!(calls >= 4, "one answer took {calls} calls");
                    break;
                }
            }
            lab.sandbox.stop().await;
        }
    }
}
