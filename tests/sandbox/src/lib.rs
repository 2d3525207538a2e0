//! A CIBA OpenID Provider, a Guardian device API and a console on one machine.
//!
//! [`Sandbox::start`] opens the listeners; everything a test, the command line or
//! the console does afterwards goes through [`Handle`], to which a [`Sandbox`] derefs.
//! Shares no code with the authenticator core, so that a mistake in one is caught by the other.

mod clock;
mod console;
mod control;
mod device;
mod engine;
mod handle;
mod jose;
mod knobs;
mod log;
mod management;
mod op;
mod options;
mod private;
mod push;
mod ready;
mod server;
mod signed_consent;
mod snapshot;
mod state;
mod text;
mod tls;

pub use handle::{Handle, StartError, StartRequest, Started};
pub use knobs::{KnobState, Knobs, PathClass};
pub use options::{BindingMessagePolicy, ExpiryError, NotEnrolledStatus, Options};
pub use push::{Provider, PushEvent};
pub use ready::Ready;
pub use server::Sandbox;
pub use signed_consent::{
    ConsentCheck, ConsentRecord, Finding, PersonCheck, RecordedDecision, SentDetails, Verdict,
    Verified, verify,
};
pub use snapshot::{
    AnswerView, ApiView, ClientView, DeviceView, Exchange, PushView, RequestRecord, RequestState,
    RequestView, Snapshot, UserView,
};
