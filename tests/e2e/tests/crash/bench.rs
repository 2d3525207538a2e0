//! One phone, one server, and the question what became of an answer.

use std::pin::Pin;
use std::time::Duration;

use authenticator_core::{
    Authenticator, Decision, Delivery, EnrollmentId, ErrorCode, KeyStore, Receipt, Review,
};
use e2e::{Agent, OnFiles, PATIENCE, Request, options, payment, start, typed};
use futures_util::{Stream, StreamExt};
use sandbox::{KnobState, Options, PushEvent, Sandbox};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::child::{Fate, Phone, Said};
use crate::fault::Fault;
use crate::wiretap::Wiretap;

/// Longer than the lease that a dead process leaves behind.
pub(crate) const LEASE: Duration = Duration::from_secs(41);
/// Longer than the server asks to wait ([`Fault::Busy`]).
const WAIT: Duration = Duration::from_secs(2);

/// What was counted; the last three must stay 0.
#[derive(Default, Debug)]
pub(crate) struct Counts {
    pub(crate) runs: u32,
    /// Died before the decision was committed, before the server had it, and after.
    pub(crate) undecided: u32,
    pub(crate) undelivered: u32,
    pub(crate) delivered: u32,
    /// Answers that left the phone, repeated ones too.
    pub(crate) attempts: usize,
    pub(crate) lost: u32,
    pub(crate) doubled: u32,
    pub(crate) flipped: u32,
}

pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) counts: Counts,
    wiretap: Wiretap,
    agent: Agent,
    phone: OnFiles,
    /// Deletes the phone's files at the end.
    _folder: TempDir,
    ahead: Duration,
    enrollment: EnrollmentId,
    pushes: Pin<Box<dyn Stream<Item = PushEvent> + Send>>,
}

/// A request that a person looks at.
pub(crate) struct Asked {
    name: String,
    request: Request,
    review: Review,
}

impl Bench {
    /// With user verification, approvals take two calls and the signature of the approval key.
    pub(crate) async fn new(user_verification: bool) -> Bench {
        let mut wiretap = Wiretap::new().await;
        let sandbox = start(Options {
            public_origins: vec![wiretap.origin.clone()],
            tls: false,
            ..options()
        })
        .await;
        wiretap.connect(&sandbox.origin());
        let folder = tempfile::tempdir().expect("a folder");
        let phone = OnFiles {
            origin: wiretap.origin.clone(),
            user_verification,
            ..OnFiles::new(&folder, &sandbox)
        };
        let (enrollment, pushes) = phone.enroll(&sandbox).await;
        Bench {
            counts: Counts::default(),
            agent: Agent::new(&sandbox),
            pushes,
            enrollment: enrollment.id,
            sandbox,
            wiretap,
            phone,
            _folder: folder,
            ahead: Duration::ZERO,
        }
    }

    /// A request, pushed to the phone and reviewed on it; from then on the server has this fault.
    pub(crate) async fn ask(&mut self, fault: Fault) -> Asked {
        self.counts.runs += 1;
        let name = format!("RUN-{}", self.counts.runs);
        let user = self.sandbox.ready().user_id;
        let request = self
            .agent
            .ask_for(&user, Some(&payment()), &[("binding_message", &name)])
            .await;
        let push = tokio::time::timeout(PATIENCE, self.pushes.next())
            .await
            .expect("a push in time")
            .expect("an open stream");
        let app = self.phone.open().await;
        let challenge = app
            .receive_push(push.payload.to_string())
            .await
            .expect("a push for this phone");
        let review = app.review(challenge.id).await.expect("a review");
        app.shutdown().await.expect("shutdown");
        self.wiretap.forget();
        self.sandbox.knobs().set(fault.knobs());
        Asked {
            name,
            request,
            review,
        }
    }

    /// A process of this phone that will tap this.
    pub(crate) fn start(
        &self,
        asked: &Asked,
        tap: Decision,
        fault: Fault,
        fate: Option<Fate>,
    ) -> Phone {
        let approve = match self.phone.user_verification {
            true => "approve_with_key",
            false => "approve",
        };
        let orders = json!({
            "folder": self.phone.folder,
            "origin": self.phone.origin,
            "ahead_ms": self.ahead.as_millis() as u64,
            "patience_ms": fault.patience().map(|patience| patience.as_millis() as u64),
            "challenge": asked.review.challenge.as_str(),
            "digest": asked.review.digest,
            "typed": typed(&asked.review),
            "tap": if tap == Decision::Approve { approve } else { "deny" },
            "flushes": 2,
        });
        Phone::start(&self.phone.folder, &orders, fate)
    }

    /// After the deaths: starts the phone again, taps the opposite, sends what is queued, and counts.
    pub(crate) async fn settle(
        &mut self,
        asked: Asked,
        fault: Fault,
        tapped: &[Decision],
        said: &[Said],
        story: &str,
    ) {
        self.pass(LEASE);
        let answered = self.answer(&asked.name).is_some();
        let phone = OnFiles {
            patience: fault.patience_later(),
            ..self.phone.clone()
        };
        let app = phone.open().await;
        let entries = app.history(None, None, 5).await.expect("history");
        let mut entries = entries
            .iter()
            .filter(|entry| entry.challenge == asked.review.challenge);
        let stored = entries.next().and_then(|entry| entry.decision);
        self.doubled(entries.count() > 0, "in the history", story);
        match (stored, answered) {
            (None, _) => self.counts.undecided += 1,
            (_, false) => self.counts.undelivered += 1,
            (_, true) => self.counts.delivered += 1,
        }
        let promised = answered || said.iter().any(|said| said.receipt.is_some());
        let alive = said.iter().any(|said| said.lived);
        self.lost(
            stored.is_none() && (promised || alive),
            "before the restart",
            story,
        );
        self.flipped(
            stored.is_some_and(|stored| !tapped.contains(&stored)),
            "in the store",
            story,
        );
        for said in said {
            let other = said.receipt.is_some() && said.receipt != stored;
            self.flipped(other, "in a receipt", story);
        }

        // Whoever taps after the restart taps the opposite: it counts only where nothing was committed.
        let opposite = match tapped[0] {
            Decision::Approve => Decision::Deny,
            Decision::Deny => Decision::Approve,
        };
        let decided = stored.unwrap_or(opposite);
        let mut receipt = self.tap(&app, &asked.review, opposite).await;
        self.flipped(receipt.decision != decided, "by a second tap", story);
        for _ in 0..4 {
            if receipt.delivery != Delivery::Queued {
                break;
            }
            if receipt.last_error == Some(ErrorCode::RateLimited) {
                self.pass(WAIT);
            }
            let sent = app.flush().await.expect("flush");
            receipt = sent.into_iter().next().expect("what is queued");
        }
        // After a death in mid-attempt nobody can know, and the receipt says so.
        assert!(
            matches!(
                receipt.delivery,
                Delivery::Delivered | Delivery::Unconfirmed
            ),
            "{receipt:?}: {story}"
        );
        let answer = self.answer(&asked.name);
        self.lost(answer.is_none(), "at the server", story);
        let accepted = decided == Decision::Approve;
        self.flipped(
            answer.is_some_and(|answer| answer != accepted),
            "at the server",
            story,
        );
        self.doubled(self.answers_taken() > 1, "at the server", story);
        self.check_the_wire(accepted, story);
        match decided {
            Decision::Approve => drop(self.agent.tokens(&asked.request).await),
            Decision::Deny => self.agent.refused(&asked.request, "access_denied").await,
        }
        self.sandbox.knobs().set(KnobState::default());
        app.shutdown().await.expect("shutdown");
    }

    /// All that ever left the phone for this request says the same, to the letter of the consent claim.
    fn check_the_wire(&mut self, accepted: bool, story: &str) {
        let answers = self.wiretap.answers();
        self.counts.attempts += answers.len();
        let said = |answer: &Value| {
            (
                answer["auth0_guardian_accepted"].clone(),
                answer["urn:authenticator-core:consent"].clone(),
            )
        };
        let same = answers
            .iter()
            .all(|answer| said(answer) == said(&answers[0]));
        let right = answers
            .first()
            .is_some_and(|first| said(first).0 == accepted);
        self.flipped(!same || !right, "on the wire", story);
    }

    async fn tap(&self, app: &Authenticator, review: &Review, decision: Decision) -> Receipt {
        let (id, digest) = (review.challenge.clone(), review.digest.clone());
        let receipt = match (decision, self.phone.user_verification) {
            (Decision::Deny, _) => app.deny(id, Some(digest), None).await,
            (Decision::Approve, false) => app.approve(id, digest, Some(typed(review))).await,
            (Decision::Approve, true) => {
                match app
                    .begin_approval(id.clone(), digest.clone(), Some(typed(review)))
                    .await
                {
                    Ok(request) => {
                        let keys = self.phone.keys();
                        let signature = keys.sign(request.key_alias, request.message);
                        app.finish_approval(request.id, signature.expect("a signature"))
                            .await
                    }
                    Err(error) if error.code() == ErrorCode::ChallengeAnswered => {
                        app.approve(id, digest, None).await
                    }
                    Err(error) => Err(error),
                }
            }
        };
        receipt.expect("a receipt")
    }

    /// The history of all runs, checked by the core.
    pub(crate) async fn verify_history(&self) {
        let app = self.phone.open().await;
        let report = app.verify_history(self.enrollment.clone()).await;
        let report = report.expect("a report");
        assert_eq!(report.broken, None);
        assert!(report.checkpointed >= 50, "{report:?}");
        app.shutdown().await.expect("shutdown");
    }

    /// Lets time pass everywhere.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.sandbox.advance(time);
        self.phone.clock.advance(time.as_millis() as i64);
        self.ahead += time;
    }

    /// What the server has taken as the answer to a request: accepted or not.
    fn answer(&self, name: &str) -> Option<bool> {
        let requests = self.sandbox.snapshot().requests;
        let request = requests
            .into_iter()
            .find(|request| request.binding_message.as_deref() == Some(name));
        request
            .expect("the request is known")
            .answer
            .map(|answer| answer.accepted)
    }

    /// Answers that the server has confirmed since the request was made.
    fn answers_taken(&self) -> usize {
        let exchanges = self.sandbox.snapshot().exchanges;
        let since = exchanges
            .iter()
            .take_while(|exchange| exchange.path != "/bc-authorize");
        since
            .filter(|exchange| {
                exchange.path.ends_with("/resolve-transaction")
                    && (200..300).contains(&exchange.status)
            })
            .count()
    }

    fn lost(&mut self, bad: bool, place: &str, story: &str) {
        self.counts.lost += self.tell(bad, "LOST", place, story);
    }

    fn doubled(&mut self, bad: bool, place: &str, story: &str) {
        self.counts.doubled += self.tell(bad, "DOUBLED", place, story);
    }

    fn flipped(&mut self, bad: bool, place: &str, story: &str) {
        self.counts.flipped += self.tell(bad, "FLIPPED", place, story);
    }

    fn tell(&self, bad: bool, word: &str, place: &str, story: &str) -> u32 {
        if bad {
            println!("{word} {place}: run {}: {story}", self.counts.runs);
        }
        bad.into()
    }
}
