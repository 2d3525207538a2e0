//! People: blocking and deleting ends what they could still answer.

use super::Engine;
use crate::state::{
    CibaRequest, Enrollment, RefreshToken, Session, Stage, StateError, Ticket, Transaction, Tx,
    User,
};

impl Engine {
    /// Keeps a changed user. Whoever is blocked has no running request, and is signed in nowhere; with a new password
    /// nobody is signed in with the old one.
    pub(crate) fn save_user(&self, tx: &Tx<'_>, mut user: User) -> Result<User, StateError> {
        let before: Option<User> = tx.get(&user.user_id)?;
        user.updated_ms = self.now_ms();
        tx.put(&user)?;
        if user.blocked {
            self.end_requests(tx, &user.user_id)?;
        }
        if user.blocked || before.is_some_and(|before| before.password != user.password) {
            tx.delete_of::<Session>(&user.user_id)?;
        }
        Ok(user)
    }

    /// Ends every request of a user that could still lead to tokens.
    fn end_requests(&self, tx: &Tx<'_>, user_id: &str) -> Result<(), StateError> {
        self.end_where(tx, user_id, |request| {
            matches!(request.state, Stage::Pending | Stage::Approved { .. })
        })
    }

    fn end_where(
        &self,
        tx: &Tx<'_>,
        user_id: &str,
        which: impl Fn(&CibaRequest) -> bool,
    ) -> Result<(), StateError> {
        let now = self.now_ms();
        for mut request in tx.of::<CibaRequest>(user_id)? {
            if request.expires_ms > now && which(&request) {
                request.state = Stage::Denied { at_ms: now };
                tx.put(&request)?;
            }
        }
        Ok(())
    }

    /// Removes a user with devices, tickets and tokens; `false` if there is none.
    pub(crate) fn delete_user(&self, tx: &Tx<'_>, user_id: &str) -> Result<bool, StateError> {
        self.end_requests(tx, user_id)?;
        for device in tx.of::<Enrollment>(user_id)? {
            tx.delete_of::<Transaction>(&device.id)?;
        }
        tx.delete_of::<Enrollment>(user_id)?;
        tx.delete_of::<Ticket>(user_id)?;
        tx.delete_of::<RefreshToken>(user_id)?;
        tx.delete_of::<Session>(user_id)?;
        tx.delete::<User>(user_id)
    }

    /// Removes a device. Its transactions become unanswerable; if it was the user's last one, nobody
    /// can answer any more and pending requests end at once.
    pub(crate) fn delete_enrollment(&self, tx: &Tx<'_>, id: &str) -> Result<bool, StateError> {
        let Some(device) = tx.get::<Enrollment>(id)? else {
            return Ok(false);
        };
        tx.delete::<Enrollment>(id)?;
        tx.delete_of::<Transaction>(id)?;
        if tx.of::<Enrollment>(&device.user_id)?.is_empty() {
            self.end_where(tx, &device.user_id, |request| {
                request.state == Stage::Pending
            })?;
        }
        self.event(
            tx,
            "gd_unenroll",
            Some(&device.user_id),
            serde_json::json!({ "enrollment_id": id }),
        )?;
        Ok(true)
    }
}
