//! Push payload → stored, expiring [`Challenge`].

mod preview;
mod receive;
pub use preview::{PushPreview, preview_push};
pub(crate) use receive::account;
#[cfg(feature = "testing")]
pub(crate) use receive::{challenge_id, origin};

use crate::consent::ShownText;
use crate::enrollment::EnrollmentId;

newtype! {
    /// Names a challenge on this device; the same push always gives the same id.
    ChallengeId
}

/// Where a challenge stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum ChallengeState {
    /// Waiting for a person.
    Open,
    /// A decision was made; its delivery is in the [`crate::Receipt`].
    Decided,
    /// Nobody decided in time.
    Expired,
}

/// Whether a push told something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Arrival {
    /// First time.
    New,
    /// Seen before; nothing was stored twice.
    Repeated,
}

/// How a challenge is to be announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum Alert {
    /// As notifications are.
    Normal,
    /// In the list and nowhere else: no sound, no vibration, nothing that covers the screen. The person has just said of a
    /// request of this account that it was not theirs ([`crate::GuardPolicy::quiet_period`]).
    Silent,
}

/// How a challenge stands among those that ask its account for the same: the same API for the same details, compared by
/// content; the binding message, which changes with every try, counts only where there are no details.
///
/// A challenge whose details were not read yet stands alone, unless it has none: a push does not say what it asks for. So
/// review what is open before drawing the list. With `leads` an app shows one card for several; each is still its own
/// decision: a person can deny all of them at once (one `deny` for each id), and approve only the one on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Repeats {
    /// How often it was asked, this time included: earlier ones count that are open, or were denied or missed within
    /// [`crate::GuardPolicy::repeat_window`]. From 2 on the review is marked `repeated_request`.
    pub times: u32,
    /// Whether no newer one is open: show its card. The others are in it.
    pub leads: bool,
    /// The other open ones, the newest first.
    pub others: Vec<ChallengeId>,
}

/// Claims of the server about the requesting device. Never trusted for logic.
#[derive(Clone, PartialEq, Default)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
pub struct Origin {
    /// Browser name and version.
    pub browser: Option<ShownText>,
    /// System name and version.
    pub system: Option<ShownText>,
    /// Name of the place.
    pub place: Option<ShownText>,
    /// Degrees, −90 to 90.
    pub latitude: Option<f64>,
    /// Degrees, −180 to 180.
    pub longitude: Option<f64>,
}

/// A request that arrived by push: enough for a notification, not for an approval.
///
/// A notification may offer to deny. What it offers as approval must open the review: only a [`crate::Review`] has the
/// digest that `approve` takes, and where something about the request is dangerous `approve` also wants what only a person
/// who reads the review can type.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
pub struct Challenge {
    /// Its id on this device.
    pub id: ChallengeId,
    /// The account it is for.
    pub enrollment: EnrollmentId,
    /// Account name for the notification, cleaned.
    pub account: crate::consent::Account,
    /// Unix milliseconds, by the server's clock.
    pub requested_at: i64,
    /// Unix milliseconds, by the corrected device clock.
    pub received_at: i64,
    /// Unix milliseconds: the consent's `expires_at`; before that is known, 300 s after the earlier of push time and receipt.
    pub expires_at: i64,
    /// Where the request came from, as the server claims.
    pub origin: Origin,
    /// Whether there are details to fetch.
    pub has_details: bool,
    /// Where it stands.
    pub state: ChallengeState,
    /// Whether this push told something new.
    pub arrival: Arrival,
    /// How to announce it.
    pub alert: Alert,
    /// How it stands among those that ask for the same.
    pub repeats: Repeats,
}

impl std::fmt::Debug for Origin {
    /// Where a person is stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Origin").finish_non_exhaustive()
    }
}
