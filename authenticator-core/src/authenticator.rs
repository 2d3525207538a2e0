//! The façade: every call of an app enters here.

use std::collections::HashSet;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError, RwLock};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;

use crate::challenge::{Challenge, ChallengeId};
use crate::changes::{Cancellation, Change, Changes};
use crate::clock::{Clock, Entropy, SystemClock, SystemEntropy};
use crate::consent::{Display, Review, Templates, UnknownTypes};
use crate::core::{Core, Running};
use crate::decision::{Receipt, SigningRequest, SigningRequestId};
use crate::enrollment::{Device, Enrollment, EnrollmentId};
use crate::error::{Error, ErrorCode, Result};
use crate::guard::GuardPolicy;
use crate::history::{HistoryEntry, HistoryReport};
use crate::keys::{KeyAlgorithm, KeyStore, guarded};
use crate::otp::OneTimeCode;
use crate::protocol::PushToken;
use crate::repair::{EnrollmentRepair, StoreRepair};
use crate::store::{ServerRow, Store};
use crate::task::{Started, blocking, start};
use crate::transport::{HttpTransport, Transport};

/// A server that the app trusts by configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Server {
    /// Name used in [`Authenticator::enroll`] and kept with every account of this server.
    pub name: String,
    /// Domain or URL, e.g. `tenant.eu.auth0.com` or `https://login.bank.example`.
    pub address: String,
    /// Wire dialect it speaks.
    pub dialect: DialectName,
}

/// Wire dialect of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum DialectName {
    /// Auth0 Guardian.
    #[default]
    Guardian,
}

/// The app that embeds this library.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct App {
    /// Its name, e.g. `Example Bank`.
    pub name: String,
    /// Its version, e.g. `4.2.0`.
    pub version: String,
}

/// Settings of an [`Authenticator`]. Start from [`Config::new`] and change what differs.
///
/// ```
/// use authenticator_core::{Config, DialectName, Server};
///
/// let mut config = Config::new("/data/app/authenticator.db");
/// config.servers.push(Server {
///     name: "bank".into(),
///     address: "login.bank.example".into(),
///     dialect: DialectName::Guardian,
/// });
/// config.display.locale = "de-DE".into();
/// assert!(config.signed_consent);
/// ```
#[derive(Clone)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Config {
    /// File of the store; its folder must exist.
    pub store: String,
    /// Servers known in advance.
    pub servers: Vec<Server>,
    /// Language and zone of reviews.
    pub display: Display,
    /// Sent in `Auth0-Client` and `User-Agent`.
    pub app: Option<App>,
    /// Detail templates of the app, JSON text each.
    pub templates: Vec<String>,
    /// What becomes of detail types that no template knows.
    pub unknown_types: UnknownTypes,
    /// Against floods of requests: what is a repeat, what is too many, who is kept quiet, what must be typed.
    pub guard: GuardPolicy,
    /// Carry the signed-consent claim in every answer. On by default.
    pub signed_consent: bool,
    /// Ask for user verification before each approval: every account gets an approval key that the platform guards, and
    /// approves by [`Authenticator::begin_approval`] and [`Authenticator::finish_approval`]. Off by default; an account
    /// that was enrolled without gets its key by [`Authenticator::replace_approval_key`]. Needs `signed_consent`, which
    /// carries the evidence.
    pub user_verification: bool,
    /// Approve although the server says 404 for a consent that must have existed. Off by default.
    pub allow_missing_consent: bool,
    /// Permit `http` to loopback hosts, for tests and the sandbox. Off by default.
    pub allow_loopback_cleartext: bool,
    /// PEM of a further root certificate, for tests.
    pub extra_root_pem: Option<String>,
    /// Kind of enrolment key, where the dialect allows it; `None`: the dialect's default (Guardian: RSA-2048).
    pub key_algorithm: Option<KeyAlgorithm>,
    /// Send RSA moduli with a leading zero octet, as the published Guardian SDKs do (RFC 7518 forbids it), for a server
    /// that takes nothing else. Off by default.
    pub signed_modulus: bool,
    /// Send queued answers again by itself while the app runs. On by default; `flush` works either way.
    pub auto_retry: bool,
    /// Use the learnt clock offset for one-time codes too. Off by default: a person compares them with other apps.
    pub correct_one_time_codes: bool,
}

impl Config {
    /// Defaults with this store file, English and UTC.
    pub fn new(store: impl Into<String>) -> Self {
        Config {
            store: store.into(),
            servers: Vec::new(),
            display: Display {
                locale: "en-US".into(),
                zone: "UTC".into(),
                utc_offset_minutes: 0,
            },
            app: None,
            templates: Vec::new(),
            unknown_types: UnknownTypes::Show,
            guard: GuardPolicy::default(),
            signed_consent: true,
            user_verification: false,
            allow_missing_consent: false,
            allow_loopback_cleartext: false,
            extra_root_pem: None,
            key_algorithm: None,
            signed_modulus: false,
            auto_retry: true,
            correct_one_time_codes: false,
        }
    }
}

/// What the platform provides. Only the key store is required.
#[derive(Clone)]
pub struct Platform {
    /// Where keys live.
    pub keys: Arc<dyn KeyStore>,
    /// The platform's HTTP stack; `None`: the built-in one.
    pub transport: Option<Arc<dyn HttpTransport>>,
    /// `None`: the device clock.
    pub clock: Option<Arc<dyn Clock>>,
    /// `None`: the system's generator.
    pub entropy: Option<Arc<dyn Entropy>>,
}

impl Platform {
    /// Built-in HTTP, clock and randomness with this key store.
    pub fn new(keys: Arc<dyn KeyStore>) -> Self {
        Platform {
            keys,
            transport: None,
            clock: None,
            entropy: None,
        }
    }
}

/// What became of a new push address at one server.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct PushUpdate {
    /// Which account.
    pub enrollment: EnrollmentId,
    /// `None`: the server has it.
    pub error: Option<Error>,
}

/// An authenticator: accounts, open requests, answers.
///
/// Calls may come from any thread and any executor: the work runs in tasks of the library's own. Dropping a future
/// stops the waiting, never the work, so that a decision survives a cancelled screen.
///
/// Besides the errors that each call names, every call can fail with `store_unavailable`, `closed` (after
/// [`Authenticator::shutdown`]) and `internal`; those that sign also with `keys_locked`, `key_missing`,
/// `key_invalidated` and `key_store_failed`; those that talk to a server with `unreachable`, `interrupted`,
/// `tls_failed` and `tls_unavailable`.
///
/// ```
/// # #[cfg(feature = "software-keys")] {
/// # use std::sync::Arc;
/// use authenticator_core::{Authenticator, Config, Platform, SoftwareKeyStore};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("store.db");
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let config = Config::new(file.to_str().unwrap());
/// let platform = Platform::new(Arc::new(SoftwareKeyStore::in_memory()));
/// let authenticator = Authenticator::open(config, platform).await.unwrap();
/// assert!(authenticator.enrollments().await.unwrap().is_empty());
/// # });
/// # }
/// ```
#[cfg_attr(feature = "uniffi", derive(uniffi::Object))]
pub struct Authenticator {
    core: Arc<Core>,
    handle: Handle,
    /// Taken when dropped, because a runtime must not be dropped inside another one.
    runtime: Mutex<Option<Runtime>>,
    resumed: Once,
    running: watch::Sender<usize>,
}

impl Authenticator {
    /// Opens or creates the store, recovers unfinished decisions, sends nothing.
    ///
    /// Errors: `configuration_invalid`, `server_address`, `template_invalid`, `store_newer`, `store_unavailable`,
    /// `keys_locked`, `tls_unavailable`; `key_missing` and `key_invalidated` (the store was restored without its key) and
    /// `store_corrupt` (it is damaged): the file stays as it is, see [`Authenticator::repair_store`].
    pub async fn open(config: Config, platform: Platform) -> Result<Authenticator> {
        let runtime = start_runtime()?;
        let handle = runtime.handle().clone();
        let opening = blocking(move || open_core(config, platform));
        match Started::new(&handle, opening)
            .result()
            .await
            .unwrap_or_else(|| {
                Err(Error::new(
                    ErrorCode::Internal,
                    "opening ended unexpectedly",
                ))
            }) {
            Ok(core) => Ok(Authenticator {
                core: Arc::new(core),
                handle,
                runtime: Mutex::new(Some(runtime)),
                resumed: Once::new(),
                running: watch::Sender::new(0),
            }),
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// For a store that [`Authenticator::open`] refuses with `key_missing`, `key_invalidated` or `store_corrupt`, or that
    /// other calls find damaged: looks at every value in it, and replaces it by what is left.
    ///
    /// - Without the key that it was sealed with nothing in it can be read. The file is moved aside, so that the next `open`
    ///   makes an empty store; put it back if the key comes back.
    /// - Where a part is damaged, everything that can be read goes into a new file, indices are made anew, and the old file
    ///   is moved aside. If that hits what everything hangs on (the list of tables, both copies of the key), nothing is left.
    /// - A store that is in order is left alone.
    ///
    /// Nothing is destroyed, and the report tells what is missing: show it. The platform's keys of accounts that are lost stay
    /// in its key store, under names that nobody knows any more. Needs the store for itself: no [`Authenticator`] may have it
    /// open, in any process. Offline.
    ///
    /// Errors: `store_newer`, `store_unavailable` (in use, or no room for the new file), `keys_locked`, `key_store_failed`.
    ///
    /// ```
    /// # #[cfg(feature = "software-keys")] {
    /// # use std::sync::Arc;
    /// use authenticator_core::{Authenticator, Config, ErrorCode, Platform, SoftwareKeyStore, StoreState};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = folder.path().join("store.db");
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// # let config = Config::new(file.to_str().unwrap());
    /// # let platform = Platform::new(Arc::new(SoftwareKeyStore::in_memory()));
    /// # Authenticator::open(config.clone(), platform).await.unwrap().shutdown().await.unwrap();
    /// // A backup of the store on a new phone, whose key store has never heard of it.
    /// let platform = Platform::new(Arc::new(SoftwareKeyStore::in_memory()));
    /// let refused = Authenticator::open(config.clone(), platform.clone()).await.err().unwrap();
    /// assert_eq!(refused.code(), ErrorCode::KeyMissing);
    ///
    /// let repair = Authenticator::repair_store(config.clone(), platform.clone()).await.unwrap();
    /// assert_eq!(repair.state, StoreState::KeyMissing);
    /// assert!(Authenticator::open(config, platform).await.is_ok());
    /// # });
    /// # }
    /// ```
    pub async fn repair_store(config: Config, platform: Platform) -> Result<StoreRepair> {
        let runtime = start_runtime()?;
        let repaired = runtime
            .handle()
            .spawn(blocking(move || {
                let keys = platform.keys;
                Store::repair(Path::new(&config.store), &|wrapped| {
                    guarded(|| keys.unwrap(wrapped))
                })
            }))
            .await;
        runtime.shutdown_background();
        repaired.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorCode::Internal,
                "the repair ended unexpectedly; nothing is lost by trying again",
            ))
        })
    }
}

#[cfg_attr(feature = "uniffi", uniffi::export)]
impl Authenticator {
    /// Adds a server whose host a person has confirmed on screen; returns its name, which is the host. Kept in the store.
    /// Another address for the same host replaces the first one as long as no account uses it.
    ///
    /// Errors: `server_address`: it cannot be used, or the host is configured or in use with another address.
    pub async fn add_server(&self, address: String) -> Result<String> {
        self.run(|core| async move { core.add_server(&address) })
            .await
    }

    /// Host that an invitation names, for the question "do you trust it?"; `None` if it names none. Offline.
    ///
    /// Errors: those of a malformed invitation, see [`Authenticator::enroll`].
    pub fn invitation_host(&self, invitation: &str) -> Result<Option<String>> {
        unwinding(|| self.core.invitation_host(invitation))
    }

    /// Enrols this device, with an approval key where [`Config::user_verification`] asks for one.
    ///
    /// Where the same person has an account on the same server here whose key is lost ([`Authenticator::repair`]), the new
    /// account continues it: the old one is no account any more, its history stays, is shown with that of the new one, and can
    /// be verified and exported under its own id ([`Enrollment::continues`]).
    ///
    /// `invitation` is the text of a QR code (`otpauth://…`), an enrolment link or a bare ticket.
    /// `server` names a configured or added server; without it the invitation chooses among those.
    ///
    /// Errors: `invitation_malformed`, `invitation_other`, `invitation_open_page`, `invitation_expired`, `unknown_server`,
    /// `enrollment_conflict`, `argument_invalid` (device), `configuration_invalid`, `server_refused`, `server_busy`,
    /// `answer_invalid`.
    pub async fn enroll(
        &self,
        invitation: String,
        server: Option<String>,
        device: Device,
    ) -> Result<Enrollment> {
        self.run(|core| async move { core.enroll(invitation, server, device).await })
            .await
    }

    /// All accounts, oldest first.
    pub async fn enrollments(&self) -> Result<Vec<Enrollment>> {
        self.run(|core| async move { core.enrollments() }).await
    }

    /// Checks the keys of every account, and settles the answers that can never be signed any more. Nothing else is changed,
    /// and nothing is erased; accounts that have their keys are left alone. Call it after `key_missing` or `key_invalidated`,
    /// and after a restore. Offline; shows no prompt.
    ///
    /// What a person can do about an account without its enrolment key: enrol again ([`Authenticator::enroll`] then keeps
    /// its history), or remove it with [`Authenticator::forget`]; its one-time codes work until then. About a lost approval
    /// key: [`Authenticator::replace_approval_key`].
    ///
    /// Errors: `keys_locked` and `key_store_failed` (nothing was changed).
    pub async fn repair(&self) -> Result<Vec<EnrollmentRepair>> {
        self.run(|core| async move { core.repair().await }).await
    }

    /// Removes an account on the server, then here, with its history and keys. A device the server has already forgotten
    /// counts as removed. When the server cannot be reached nothing is removed: try again, or use [`Authenticator::forget`].
    ///
    /// Errors: `unknown_enrollment`, `server_refused`, `server_busy`.
    pub async fn unenroll(&self, id: EnrollmentId) -> Result<()> {
        self.run(|core| async move { core.unenroll(&id).await })
            .await
    }

    /// Removes an account here only, with its history and keys and those of accounts that it continues. The server keeps the
    /// device until an administrator removes it. With the id of an account that was continued, only its history goes.
    ///
    /// Errors: `unknown_enrollment`.
    pub async fn forget(&self, id: EnrollmentId) -> Result<()> {
        self.run(|core| async move { core.forget(&id).await }).await
    }

    /// Tells every server the new push address; one that fails does not stop the rest.
    ///
    /// Errors: `argument_invalid`. What went wrong at a server is in its [`PushUpdate::error`]: `enrollment_gone`,
    /// `server_refused`, `server_busy` or a network error.
    pub async fn update_push_token(&self, push: PushToken) -> Result<Vec<PushUpdate>> {
        self.run(|core| async move { core.update_push_token(push).await })
            .await
    }

    /// Reads a push: APNs JSON or the FCM data map as a JSON object, on either platform. Offline.
    ///
    /// Errors: `push_not_ours`, `push_malformed`, `unknown_enrollment`, `challenge_expired`, `challenge_answered` (a push that
    /// came before), `too_many_challenges` (nothing is stored; post nothing, the list of open requests is full).
    pub async fn receive_push(&self, payload: String) -> Result<Challenge> {
        self.run(|core| async move { core.receive_push(&payload) })
            .await
    }

    /// Open challenges, the soonest to expire first. Several that ask for the same are one card: show those that lead
    /// ([`crate::Repeats`]), with the others in them.
    pub async fn pending(&self) -> Result<Vec<Challenge>> {
        self.run(|core| async move { core.pending() }).await
    }

    /// One challenge, whatever its state. One that is over is kept for a day at least, unless many have come since.
    ///
    /// Errors: `unknown_challenge`, `challenge_answered` (no longer kept; [`Authenticator::history`] has it).
    pub async fn challenge(&self, id: ChallengeId) -> Result<Challenge> {
        self.run(|core| async move { core.challenge(&id) }).await
    }

    /// Fetches the consent and freezes what is to be shown. A review whose details cannot be had allows denying only. A
    /// server that is busy or cannot be reached is asked again, for a few seconds in all, before this fails.
    ///
    /// Errors: `unknown_challenge`, `challenge_expired`, `challenge_answered`, `server_busy`.
    pub async fn review(&self, id: ChallengeId) -> Result<Review> {
        self.run(|core| async move { core.review(&id).await }).await
    }

    /// Approves exactly what was shown: `digest` is that of the [`Review`] on screen. Returns when the server has it, or
    /// with [`crate::Delivery::Queued`] when it could not be reached. A second call returns what was decided first, as long
    /// as the history has it.
    ///
    /// Errors: `unknown_challenge`, `challenge_expired`, `review_missing`, `review_changed`, `approval_blocked`,
    /// `confirmation_needed`, `user_verification_needed`.
    pub async fn approve(
        &self,
        id: ChallengeId,
        digest: String,
        confirmation: Option<String>,
    ) -> Result<Receipt> {
        self.run(|core| async move { core.approve(&id, &digest, confirmation.as_deref()).await })
            .await
    }

    /// First half of an approval with user verification: says what the approval key is to sign, and checks all that
    /// [`Authenticator::approve`] checks. Nothing is decided by it; a person who cancels the prompt can approve again or
    /// deny. The request can be used once, ends with its challenge, and with the process. Begun twice for the same review,
    /// it is the same request. Offline.
    ///
    /// The app then has the platform sign [`SigningRequest::message`] with the key [`SigningRequest::key_alias`] behind
    /// its prompt, and hands the signature to [`Authenticator::finish_approval`].
    ///
    /// Errors: `unknown_challenge`, `challenge_expired`, `challenge_answered` (`approve` and `deny` return what was
    /// decided), `review_missing`, `review_changed`, `approval_blocked`, `confirmation_needed`, `approval_key_missing`
    /// (make a new one with [`Authenticator::replace_approval_key`]).
    pub async fn begin_approval(
        &self,
        id: ChallengeId,
        digest: String,
        confirmation: Option<String>,
    ) -> Result<SigningRequest> {
        self.run(|core| async move { core.begin_approval(&id, digest, confirmation).await })
            .await
    }

    /// Second half: checks the signature with the approval key, and everything else once more, commits the approval and
    /// sends it. `signature` is DER `SEQUENCE { r, s }`, as platforms give it. What is sent again later needs no second
    /// prompt. After the challenge was decided it returns what was decided first.
    ///
    /// Errors: `signing_request_gone`, `challenge_expired`, `review_changed` (reviewed again meanwhile),
    /// `key_store_failed` (the signature does not verify; nothing is decided and the request can still be used).
    pub async fn finish_approval(
        &self,
        id: SigningRequestId,
        signature: Vec<u8>,
    ) -> Result<Receipt> {
        self.run(|core| async move { core.finish_approval(&id, &signature).await })
            .await
    }

    /// Makes a new approval key for an account whose key was lost or invalidated (new fingerprint, removed screen lock),
    /// or that has none yet; from then on the account approves with a prompt. The history keeps the thumbprints of the old
    /// and the new key; a server that has pinned the old one sees another in the next answer. Offline.
    ///
    /// Ask for proof that it is the same person first: who can call this can approve.
    ///
    /// Errors: `unknown_enrollment`.
    pub async fn replace_approval_key(&self, id: EnrollmentId) -> Result<Enrollment> {
        self.run(|core| async move { core.replace_approval_key(&id).await })
            .await
    }

    /// Refuses. Needs no prompt. Possible without a review; with the digest of the review on screen the answer says what was refused.
    /// `reason` is at most 256 characters and reaches the server; `not_me` reports the request as foreign and keeps the
    /// requester quiet for a while ([`GuardPolicy::quiet_period`]). A second call returns what was decided first.
    ///
    /// Errors: `unknown_challenge`, `challenge_expired`, `argument_invalid` (reason).
    pub async fn deny(
        &self,
        id: ChallengeId,
        digest: Option<String>,
        reason: Option<String>,
    ) -> Result<Receipt> {
        self.run(|core| async move { core.deny(&id, digest.as_deref(), reason).await })
            .await
    }

    /// Sends what is queued, the soonest to expire first; returns every decision it touched. For WorkManager and BGTask.
    pub async fn flush(&self) -> Result<Vec<Receipt>> {
        self.run(|core| async move { core.flush().await }).await
    }

    /// Newest first; `before` is the `at` of the last entry of the page before, `limit` is 1 to 500.
    ///
    /// Errors: `argument_invalid` (limit).
    pub async fn history(
        &self,
        enrollment: Option<EnrollmentId>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>> {
        if !(1..=500).contains(&limit) {
            return Err(Error::new(
                ErrorCode::ArgumentInvalid,
                "limit must be 1 to 500",
            ));
        }
        self.run(move |core| async move {
            core.store
                .history(enrollment.as_ref().map(EnrollmentId::as_str), before, limit)
        })
        .await
    }

    /// Checks the whole history of an account: that no record is missing, changed or moved, that each answer is signed by
    /// the enrolment key and says what was decided, that what was shown has the digest that was signed, and that every
    /// signed checkpoint fits. Names the first record that does not hold. Offline.
    ///
    /// What it cannot tell: the newest records cut off, together with the checkpoints behind them (compare with an older
    /// [`Authenticator::export_history`] that was kept elsewhere); a whole history written anew by somebody who can make
    /// the enrolment key sign; whether a person read what was shown. Records after the last checkpoint that hold no signed
    /// answer are protected only by the key of the store. What stood in records that were pruned.
    ///
    /// An account that was continued has its own chain; its last record is named by the first of its successor.
    ///
    /// Errors: `unknown_enrollment`.
    pub async fn verify_history(&self, id: EnrollmentId) -> Result<HistoryReport> {
        self.run(|core| async move { core.verify_history(&id).await })
            .await
    }

    /// The whole history of an account as JSON text, with the public enrolment key and the signed checkpoints, so that
    /// anybody can check it. If everything in it holds, the enrolment key first signs a checkpoint over the last record;
    /// else `broken` names the first record that does not. It holds personal data: what was shown, word for word. Offline.
    ///
    /// What an export cannot prove is what [`Authenticator::verify_history`] cannot tell; one kept elsewhere proves that
    /// the history it covers was not changed or cut off later.
    ///
    /// Errors: `unknown_enrollment`. A key that is gone is none: the export then goes without a new checkpoint.
    pub async fn export_history(&self, id: EnrollmentId) -> Result<String> {
        self.run(|core| async move { core.export_history(&id).await })
            .await
    }

    /// Removes old records from the history of an account: all whose time is before `before` (Unix milliseconds), as long as
    /// no entry is torn apart and nothing later is left out. Returns how many were removed.
    ///
    /// The enrolment key signs for the last record that goes, and that it was meant to go: verification starts there, and an
    /// export says so. Without that signature the missing start would be a fault. A new record says when records were removed.
    /// The bytes are overwritten on the disk. Offline.
    ///
    /// Errors: `unknown_enrollment`, `history_broken` (it is evidence now: export it first), `key_missing` and
    /// `key_invalidated` (nothing can sign: such a history can only be removed whole, with [`Authenticator::forget`]).
    pub async fn prune_history(&self, id: EnrollmentId, before: i64) -> Result<u64> {
        self.run(move |core| async move { core.prune_history(&id, before).await })
            .await
    }

    /// The present one-time code of an account.
    ///
    /// Errors: `unknown_enrollment`, `argument_invalid` (the account has no one-time codes).
    pub async fn one_time_code(&self, id: EnrollmentId) -> Result<OneTimeCode> {
        self.run(|core| async move {
            let row = core.enrollment_row(id.as_str())?;
            let now = if core.config.correct_one_time_codes {
                core.now(&row)
            } else {
                core.clock.now()
            };
            let totp = row.totp.as_ref();
            totp.map(|totp| totp.at(now)).ok_or_else(|| {
                Error::new(
                    ErrorCode::ArgumentInvalid,
                    "this account has no one-time codes",
                )
            })
        })
        .await
    }

    /// Language and zone of further reviews. A review on screen keeps its own; approving it then fails with
    /// `review_changed` only if it was reviewed again.
    ///
    /// Errors: `configuration_invalid`.
    pub fn set_display(&self, display: Display) -> Result<()> {
        unwinding(|| {
            check_display(&display)?;
            *self
                .core
                .display
                .write()
                .unwrap_or_else(PoisonError::into_inner) = display;
            Ok(())
        })
    }

    /// Waits until something differs from what the caller knows: a request came, was answered, changed its expiry or
    /// expired, an account was removed, or a queued decision was settled. Without a `cursor`, or with one of another
    /// [`Authenticator`], it answers at once. What another process changed in the same store is seen within seconds.
    ///
    /// Nothing is used up: several callers can wait, each with its own cursor, and a caller that gives up misses nothing
    /// when it comes back with the same cursor (of outcomes, the latest 64 are kept; [`Authenticator::history`] has all).
    /// `cancellation` ends the wait from outside; it then answers with what there is.
    ///
    /// Errors: `closed`, also while it waits.
    pub async fn next_change(
        &self,
        cursor: Option<u64>,
        cancellation: Option<Arc<Cancellation>>,
    ) -> Result<Change> {
        let running = self.enter()?;
        let work = Arc::clone(&self.core).next_change(cursor, cancellation);
        let mut waiting = WhileWaited(Started::new(&self.handle, async move {
            let _running = running;
            work.await
        }));
        waiting.0.result().await.unwrap_or_else(|| Err(ended()))
    }

    /// For an app that goes to the background: from now on nothing is sent again by itself. Returns when no attempt of
    /// the background is running (an attempt takes at most 25 s). Calls of the app work as before, those that send too.
    pub async fn pause(&self) -> Result<()> {
        self.core.paused.store(true, Ordering::SeqCst);
        self.run(|core| async move {
            let mut background = core.background.subscribe();
            // The sender lives in `core`: this ends when the last attempt has ended.
            let _ = background.wait_for(|running| *running == 0).await;
            Ok(())
        })
        .await
    }

    /// Undoes [`Authenticator::pause`]: takes up at once what is queued. Without a pause before, it does the same.
    pub async fn resume(&self) -> Result<()> {
        self.core.paused.store(false, Ordering::SeqCst);
        self.run(|core| async move { core.take_up_queued() }).await
    }

    /// Waits for running calls, then refuses further ones with `closed`. Queued decisions stay in the store.
    pub async fn shutdown(&self) -> Result<()> {
        self.core.closed.store(true, Ordering::SeqCst);
        self.core.changes.ring();
        // The sender lives in `self`: this ends when the last call has ended.
        let _ = self.running.subscribe().wait_for(|calls| *calls == 0).await;
        Ok(())
    }
}

impl Authenticator {
    /// Runs a call in a task of the library's own, so that dropping its future never stops it half-way.
    pub(crate) async fn run<T, F>(&self, call: impl FnOnce(Arc<Core>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let running = self.enter()?;
        let work = call(Arc::clone(&self.core));
        let core = Arc::clone(&self.core);
        let mut started = Started::new(&self.handle, async move {
            let _running = running;
            let result = work.await;
            core.changes.ring();
            result
        });
        started.result().await.unwrap_or_else(|| Err(ended()))
    }

    /// Every call that works comes through here first.
    fn enter(&self) -> Result<Running> {
        let running = Running::new(&self.running);
        if self.core.is_closed() {
            return Err(Error::new(
                ErrorCode::Closed,
                "the authenticator was shut down",
            ));
        }
        // `open` sends nothing; the first call shows that the app is running.
        self.resumed.call_once(|| {
            let core = Arc::clone(&self.core);
            start(&self.handle, async move {
                if let Err(error) = core.take_up_queued() {
                    tracing::warn!(
                        code = error.code().as_str(),
                        "queued answers could not be taken up"
                    );
                }
            });
        });
        Ok(running)
    }
}

/// A task that is worth nothing once nobody waits for it.
struct WhileWaited<T>(Started<T>);

impl<T> Drop for WhileWaited<T> {
    fn drop(&mut self) {
        self.0.task.abort();
    }
}

/// Makes a defect in a call that has no task of its own an error as well.
pub(crate) fn unwinding<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    // What a panic may leave half done is behind locks that survive it.
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(ended()))
}

fn ended() -> Error {
    Error::new(
        ErrorCode::Internal,
        "the call ended unexpectedly; the authenticator is still usable",
    )
}

impl Drop for Authenticator {
    fn drop(&mut self) {
        if let Some(runtime) = self
            .runtime
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            runtime.shutdown_background();
        }
    }
}

fn start_runtime() -> Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("authenticator-core")
        .enable_all()
        .build()
        .map_err(|_| {
            Error::new(
                ErrorCode::Internal,
                "the background threads could not be started",
            )
        })
}

fn open_core(config: Config, platform: Platform) -> Result<Core> {
    check_display(&config.display)?;
    config.guard.check()?;
    if config.user_verification && !config.signed_consent {
        let message = "user_verification needs signed_consent: the claim carries the evidence";
        return Err(Error::new(ErrorCode::ConfigurationInvalid, message));
    }
    let templates = Templates::load(&config.templates)?;
    let mut servers = Vec::new();
    for server in &config.servers {
        let known = Core::known_server(&config, server)?;
        if servers.iter().any(|s: &ServerRow| s.name == known.name) {
            return Err(Error::new(
                ErrorCode::ConfigurationInvalid,
                "two servers in the configuration have the same name",
            ));
        }
        servers.push(known);
    }
    let transport = match platform.transport {
        Some(own) => Transport::Foreign(own),
        None => builtin_transport(&config)?,
    };
    let entropy = platform.entropy.unwrap_or_else(|| Arc::new(SystemEntropy));
    let keys = platform.keys;
    let store = Store::open(
        Path::new(&config.store),
        &|wrapped| guarded(|| keys.unwrap(wrapped)),
        &|data_key| guarded(|| keys.wrap(data_key)),
        entropy.as_ref(),
    )?;
    for server in store.servers()? {
        if servers.iter().all(|s| s.name != server.name) {
            servers.push(server);
        }
    }
    let client = crate::protocol::client_header(config.app.as_ref());
    let clock = platform.clock.unwrap_or_else(|| Arc::new(SystemClock));
    Ok(Core {
        display: RwLock::new(config.display.clone()),
        servers: RwLock::new(servers),
        store,
        keys,
        changes: Changes::new(clock.now().unsigned_abs()),
        clock,
        entropy,
        transport,
        templates,
        client,
        closed: AtomicBool::new(false),
        paused: AtomicBool::new(false),
        background: watch::Sender::new(0),
        retrying: Mutex::new(HashSet::new()),
        signing: Mutex::new(Vec::new()),
        config,
    })
}

#[cfg(feature = "reqwest")]
fn builtin_transport(config: &Config) -> Result<Transport> {
    let core = concat!("authenticator-core/", env!("CARGO_PKG_VERSION"));
    let user_agent = match &config.app {
        Some(App { name, version }) => format!("{name}/{version} {core}"),
        None => core.to_owned(),
    };
    Transport::builtin(&crate::transport::Settings {
        extra_root_pem: config.extra_root_pem.clone(),
        user_agent,
    })
}

#[cfg(not(feature = "reqwest"))]
fn builtin_transport(_: &Config) -> Result<Transport> {
    Err(Error::new(
        ErrorCode::ConfigurationInvalid,
        "this build has no HTTP client: hand in an HttpTransport",
    ))
}

fn check_display(display: &Display) -> Result<()> {
    let invalid = |message: &str| Err(Error::new(ErrorCode::ConfigurationInvalid, message));
    let tag = |text: &str, extra: &[u8]| {
        (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || extra.contains(&b))
    };
    if !tag(&display.locale, b"-") {
        return invalid("display.locale must be a BCP 47 tag such as de-DE");
    }
    if !tag(&display.zone, b"-_/+") {
        return invalid("display.zone must be an IANA name such as Europe/Berlin");
    }
    if display.utc_offset_minutes.abs() > 1080 {
        return invalid("display.utc_offset_minutes must be -1080 to 1080");
    }
    Ok(())
}
