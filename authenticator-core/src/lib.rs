//! The phone side of CIBA: enrol, show exactly what is asked, sign the answer, deliver it once.
//!
//! Start with [`Authenticator::open`] and [`Authenticator::enroll`]. Then, for every push:
//! [`Authenticator::receive_push`] gives a [`Challenge`] (enough for a notification), [`Authenticator::review`] a
//! [`Review`] (exactly what to put on the screen), and [`Authenticator::approve`] or [`Authenticator::deny`] a [`Receipt`].
//! The types make the order unavoidable: only what was reviewed can be approved, by the digest of what was shown.
//!
//! | Feature | On by default | What it adds |
//! |---|---|---|
//! | `reqwest` | yes | the built-in HTTP client; without it the app hands in an [`HttpTransport`] |
//! | `software-keys` | no | `SoftwareKeyStore`: keys made and held in Rust, for tests, desktops and terminals |
//! | `testing` | no | entry points for benchmarks and crash tests; never in a shipped build |
//! | `uniffi` | no | what Kotlin and Swift call; turned on by the crate `bindings` |
//!
//! Every call fails with an [`Error`] that has a stable [`ErrorCode`] and an [`ErrorClass`] that says what to do.

#[cfg(feature = "uniffi")]
uniffi::setup_scaffolding!();

#[macro_use]
mod newtype;

mod authenticator;
mod challenge;
mod changes;
mod clock;
mod consent;
mod core;
mod crash;
mod decision;
mod enrollment;
mod error;
#[cfg(feature = "uniffi")]
pub mod ffi;
mod guard;
mod history;
mod jose;
mod json;
mod keys;
mod otp;
mod protocol;
mod repair;
mod secret;
mod store;
mod task;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;
mod transport;
#[cfg(any(test, feature = "testing"))]
mod vectors;

pub use authenticator::{App, Authenticator, Config, DialectName, Platform, PushUpdate, Server};
pub use challenge::{
    Alert, Arrival, Challenge, ChallengeId, ChallengeState, Origin, PushPreview, Repeats,
    preview_push,
};
pub use changes::{Cancellation, Change};
pub use clock::{Clock, Entropy, SystemClock};
pub use consent::{
    Account, Approval, Confirmation, Display, Mark, MarkCode, RENDERER, Review, ReviewRow,
    ReviewSection, RowValue, Severity, ShownText, UnknownTypes,
};
pub use decision::{Decision, Delivery, Receipt, SigningRequest, SigningRequestId};
pub use enrollment::{Device, Enrollment, EnrollmentId};
pub use error::{Error, ErrorClass, ErrorCode, ErrorKind, Result};
pub use guard::GuardPolicy;
pub use history::{BrokenEntry, HistoryEntry, HistoryFault, HistoryReport};
#[cfg(feature = "software-keys")]
pub use keys::SoftwareKeyStore;
pub use keys::{
    KeyAlgorithm, KeyInfo, KeyPurpose, KeyStore, KeyStoreError, ProtectionLevel, PublicKey,
    PublicKeyFormat,
};
pub use otp::OneTimeCode;
pub use protocol::{PushService, PushToken};
pub use repair::{EnrollmentRepair, KeyState, StoreRepair, StoreState};
pub use secret::Secret;
pub use transport::{HttpHeader, HttpRequest, HttpResponse, HttpTransport, TransportError};
