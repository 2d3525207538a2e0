//! The approval key of a device: pinned when an approval is first signed with one. Another one is noted, and is not
//! believed before somebody who has asked the owner says so.

use serde_json::json;

use super::Engine;
use crate::signed_consent::{ConsentCheck, PersonCheck, Verified};
use crate::state::{Enrollment, StateError, Tx};

impl Engine {
    /// Whether an approval must be signed by a phone: then neither a browser nor the control surface can give one, and a
    /// client cannot ask for a weaker way by choosing another channel.
    pub(crate) fn wants_signature(&self) -> bool {
        self.options.require_signed_consent || self.options.require_user_verification
    }

    /// Whether an approval is refused for what its claim does not prove.
    pub(crate) fn insists_on_more(&self, check: ConsentCheck, person: &PersonCheck) -> bool {
        let options = &self.options;
        (self.wants_signature() && check != ConsentCheck::Yes)
            || (options.require_user_verification && person.verified != Verified::Yes)
    }

    /// Pins the key of the first approval that is `accepted` with one; notes another one, accepted or not.
    pub(crate) fn note_approval_key(
        &self,
        tx: &Tx<'_>,
        device: &mut Enrollment,
        person: &PersonCheck,
        accepted: bool,
    ) -> Result<(), StateError> {
        let event = match person.verified {
            Verified::Yes if accepted && device.approval_key.is_none() => {
                device.approval_key.clone_from(&person.key);
                "approval_key_pinned"
            }
            Verified::ChangedKey if device.other_approval_key != person.key => {
                device.other_approval_key.clone_from(&person.key);
                "approval_key_changed"
            }
            _ => return Ok(()),
        };
        tx.put(device)?;
        let details = json!({ "device": device.id, "key": person.key });
        self.event(tx, event, Some(&device.user_id), details)
    }

    /// Pins the other key from now on; `false` if there is no such device, or no other key.
    pub(crate) fn trust_approval_key(&self, tx: &Tx<'_>, id: &str) -> Result<bool, StateError> {
        let Some(mut device) = tx.get::<Enrollment>(id)? else {
            return Ok(false);
        };
        let Some(key) = device.other_approval_key.take() else {
            return Ok(false);
        };
        let details = json!({ "device": id, "key": key, "before": device.approval_key });
        device.approval_key = Some(key);
        tx.put(&device)?;
        self.event(tx, "approval_key_trusted", Some(&device.user_id), details)?;
        Ok(true)
    }
}
