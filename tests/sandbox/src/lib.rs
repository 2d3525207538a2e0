//! A CIBA OpenID Provider, a Guardian device API and a console on one machine.
//!
//! [`Sandbox::start`] opens the listeners; everything a test, the command line or
//! the console does afterwards goes through [`Handle`], to which a [`Sandbox`] derefs.
//! Shares no code with the authenticator core, so that a mistake in one is caught by the other. Two screens ask it, as
//! any app would: the terminal phone of the command line, and the consent page in the browser.

mod bridge;
mod browser;
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
mod messages;
mod op;
mod options;
mod password;
mod private;
mod push;
mod ready;
mod server;
mod signed_consent;
mod snapshot;
mod state;
mod text;
mod tls;

pub use bridge::{BridgeEvent, Callback, CallbackState, KeycloakBridge};
pub use handle::{Handle, StartError, StartRequest, Started};
pub use knobs::{KnobState, Knobs, PathClass};
pub use messages::{AddressError, OutboxMessage, SmsGateway, SmtpServer};
pub use options::{BindingMessagePolicy, DialectName, ExpiryError, NotEnrolledStatus, Options};
pub use push::{Provider, PushEvent};
pub use ready::Ready;
pub use server::Sandbox;
pub use signed_consent::{
    ConsentCheck, ConsentRecord, Finding, PersonCheck, RecordedDecision, SentDetails, Verdict,
    Verified, verify,
};
pub use snapshot::{
    AnswerView, ApiView, ClientView, DeviceView, Exchange, MessageView, PushView, RequestRecord,
    RequestState, RequestView, Snapshot, UserView,
};

#[cfg(test)]
mod boundary {
    //! Where the core may be named (`docs/decisions/0010-consent-page.md`).

    use std::path::Path;

    #[test]
    fn only_the_two_screens_know_the_core() {
        let mut knowing = Vec::new();
        search(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("src").as_path(),
            "",
            &mut knowing,
        );
        assert!(!knowing.is_empty(), "nothing was searched");
        for file in knowing {
            let screen = file.starts_with("/cli/") || file.starts_with("/browser/");
            assert!(screen, "{file} names the core");
        }
    }

    fn search(folder: &Path, at: &str, knowing: &mut Vec<String>) {
        // In pieces, so that this file does not find itself.
        let name = ["authenticator", "core"].join("_");
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let below = format!("{at}/{}", path.file_name().expect("a name").display());
            if path.is_dir() {
                search(&path, &below, knowing);
            } else if std::fs::read_to_string(&path).is_ok_and(|text| text.contains(&name)) {
                knowing.push(below);
            }
        }
    }
}
