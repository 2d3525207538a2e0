//! What the pages show: plain values without secrets, taken from the sandbox once per request.
//! A secret has no field here. Where one belongs on a page there is a [`Masked`], which never held it.

use jiff::Timestamp;

/// Everything the console can show, at one moment.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) issuer: String,
    pub(super) now: Timestamp,
    /// The client, secret and user that are ready for use from the start.
    pub(super) ready: Option<Ready>,
    pub(super) invitation: Option<Invitation>,
    /// Newest first.
    pub(super) requests: Vec<Request>,
    pub(super) users: Vec<User>,
    pub(super) devices: Vec<Device>,
    pub(super) clients: Vec<Client>,
    pub(super) apis: Vec<Api>,
    /// Newest first.
    pub(super) log: Vec<LogLine>,
    pub(super) knobs: Vec<Knob>,
}

/// A place where a secret belongs, which only tells its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Masked(usize);

impl Masked {
    pub(super) fn of(secret: &str) -> Self {
        Self(secret.chars().count())
    }

    pub(super) fn chars(self) -> usize {
        self.0
    }
}

#[derive(Debug, Clone)]
pub(super) struct Ready {
    pub(super) client_id: String,
    pub(super) client_secret: Masked,
    pub(super) user_id: String,
}

/// An enrolment code that waits to be scanned. Its text is meant to be shown: it is single use and short-lived.
#[derive(Debug, Clone)]
pub(super) struct Invitation {
    pub(super) uri: String,
    pub(super) user: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Approved,
    Denied,
    Expired,
    Redeemed,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Redeemed => "redeemed",
        }
    }

    /// Whether time or the client can still change it.
    pub(super) fn open(self) -> bool {
        matches!(self, Self::Pending | Self::Approved)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Request {
    /// Stands in the page's address. Never the `auth_req_id`, which is a credential.
    pub(super) id: String,
    pub(super) state: State,
    pub(super) client: String,
    pub(super) user: String,
    pub(super) binding_message: String,
    pub(super) scope: Vec<String>,
    pub(super) audience: Option<String>,
    /// The JSON text as the client sent it.
    pub(super) details: Option<String>,
    pub(super) started: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) polls: u64,
    pub(super) interval: u64,
    pub(super) auth_req_id: Masked,
    pub(super) pushes: Vec<Push>,
    /// The consent's body as a phone gets it.
    pub(super) consent: Option<String>,
    pub(super) answer: Option<Answer>,
    /// Oldest first.
    pub(super) timeline: Vec<Event>,
}

/// One push as it left for a device, in the shape of its service, secrets masked.
#[derive(Debug, Clone)]
pub(super) struct Push {
    pub(super) device: String,
    pub(super) service: &'static str,
    pub(super) payload: String,
    pub(super) outcome: String,
}

/// The device's answer JWT, decoded: its signature was checked when it came.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) claims: String,
    pub(super) consent_claim: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Bad,
}

#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) at: Timestamp,
    pub(super) what: String,
    pub(super) detail: String,
    pub(super) tone: Tone,
}

#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) blocked: bool,
    pub(super) devices: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Device {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) user: String,
    pub(super) service: String,
    pub(super) push_token: Masked,
    pub(super) key: String,
    pub(super) connected: bool,
    pub(super) revoked: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) authentication: String,
    pub(super) secret: Option<Masked>,
    pub(super) channels: Vec<String>,
    /// Why `/bc-authorize` would refuse this client, if it would.
    pub(super) unfit: Option<&'static str>,
}

#[derive(Debug, Clone)]
pub(super) struct Api {
    pub(super) audience: String,
    pub(super) name: String,
    pub(super) types: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct LogLine {
    pub(super) at: Timestamp,
    pub(super) what: String,
    pub(super) detail: String,
    pub(super) tone: Tone,
    /// The request it belongs to, if it belongs to one.
    pub(super) request: Option<String>,
}

/// One setting of the sandbox that a tester turns.
#[derive(Debug, Clone)]
pub(super) struct Knob {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) help: &'static str,
    pub(super) value: KnobValue,
    pub(super) changed: bool,
}

#[derive(Debug, Clone)]
pub(super) enum KnobValue {
    Switch(bool),
    Number { value: i64, unit: &'static str },
    Choice { value: String, options: Vec<String> },
}

impl View {
    pub(super) fn open_requests(&self) -> usize {
        self.requests.iter().filter(|request| request.state == State::Pending).count()
    }
}
