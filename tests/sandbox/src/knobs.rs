//! Faults an integrator can switch on while the sandbox runs.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// Which device calls a fault applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PathClass {
    /// `POST …/api/enroll`.
    Enroll,
    /// `PATCH` and `DELETE …/api/device-accounts/{id}`.
    Device,
    /// `GET /rich-consents/{id}`.
    Consent,
    /// `POST …/api/resolve-transaction`.
    Resolve,
}

impl PathClass {
    /// The class of a request path, if it is a device call.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let path = path.strip_prefix("/appliance-mfa").unwrap_or(path);
        match path {
            "/api/enroll" => Some(Self::Enroll),
            "/api/resolve-transaction" => Some(Self::Resolve),
            _ if path.starts_with("/api/device-accounts/") => Some(Self::Device),
            _ if path.starts_with("/rich-consents/") => Some(Self::Consent),
            _ => None,
        }
    }
}

/// The faults that are on. The default is none. Counted faults apply to the next n calls of a class.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KnobState {
    /// Milliseconds between a start and its push.
    pub push_delay_ms: u64,
    /// Pushes are recorded but never delivered.
    pub lose_push: bool,
    /// Seconds the server's `Date` header and its checks of device JWTs are ahead of the clock.
    pub clock_skew_s: i64,
    /// Answer 500 without doing anything.
    pub server_errors: BTreeMap<PathClass, u32>,
    /// Answer 429 with `Retry-After` without doing anything.
    pub rate_limits: BTreeMap<PathClass, u32>,
    /// Seconds announced by those 429 answers; 0 means 1.
    pub retry_after_s: u32,
    /// Milliseconds a device answer is held back.
    pub slow_answer_ms: u64,
    /// Cut the answer's body in the middle and close the connection.
    pub truncate_body: BTreeMap<PathClass, u32>,
    /// Do the work, then close the connection without an answer.
    pub lose_answer: BTreeMap<PathClass, u32>,
    /// Do the work, then keep the caller waiting: no answer, and the connection stays open until the caller gives up.
    pub stall_answer: BTreeMap<PathClass, u32>,
    /// Say `login_transaction_not_found` to every answer, as if another device had been faster.
    pub already_answered: bool,
    /// Accept `authorization_details` types that are not registered on the API.
    pub unknown_rar_type: bool,
    /// Treat every device as removed.
    pub revoked_device: bool,
    /// Answer 404 to every consent request.
    pub consent_404: bool,
    /// Change one digit of the first amount of a consent on its way to the phone, as somebody in the
    /// middle could.
    pub tamper_consent: bool,
}

/// The switchboard of a running sandbox.
#[derive(Debug, Default)]
pub struct Knobs(Mutex<KnobState>);

impl Knobs {
    /// The faults as they are now.
    pub fn get(&self) -> KnobState {
        self.lock().clone()
    }

    /// Replaces all faults.
    pub fn set(&self, state: KnobState) {
        *self.lock() = state;
    }

    /// Changes some faults and leaves the others.
    pub fn update(&self, change: impl FnOnce(&mut KnobState)) {
        change(&mut self.lock());
    }

    /// Takes one off a counted fault; `true` if it was on for this class.
    pub(crate) fn take(
        &self,
        fault: impl FnOnce(&mut KnobState) -> &mut BTreeMap<PathClass, u32>,
        class: PathClass,
    ) -> bool {
        let mut state = self.lock();
        let counters = fault(&mut state);
        match counters.get_mut(&class) {
            Some(left) if *left > 1 => *left -= 1,
            Some(1) => {
                counters.remove(&class);
            }
            _ => return false,
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, KnobState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counted_fault_applies_to_the_next_n_calls_of_its_class_only() {
        let knobs = Knobs::default();
        knobs.update(|k| {
            k.server_errors.insert(PathClass::Resolve, 2);
        });
        assert!(!knobs.take(|k| &mut k.server_errors, PathClass::Consent));
        assert!(knobs.take(|k| &mut k.server_errors, PathClass::Resolve));
        assert!(knobs.take(|k| &mut k.server_errors, PathClass::Resolve));
        assert!(!knobs.take(|k| &mut k.server_errors, PathClass::Resolve));
    }

    #[test]
    fn both_base_paths_belong_to_the_same_class() {
        for path in ["/api/enroll", "/appliance-mfa/api/enroll"] {
            assert_eq!(PathClass::of(path), Some(PathClass::Enroll));
        }
        assert_eq!(
            PathClass::of("/rich-consents/cns_1"),
            Some(PathClass::Consent)
        );
        assert_eq!(PathClass::of("/oauth/token"), None);
    }
}
