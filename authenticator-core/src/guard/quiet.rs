//! The quiet period: after "this was not me" a requester no longer makes the phone ring for a while.
//!
//! A push does not name its requester, so while any requester of an account is quiet every challenge of the account arrives
//! silently. One whose details name another requester is an ordinary one from then on; the period goes on. Where the
//! person reported a challenge without having opened it, nobody knows who that was, and no requester is another one.
//! Approving a request of the reported requester ends its period.

use super::policy::ms;
use crate::challenge::Alert;
use crate::core::Core;
use crate::error::Result;
use crate::store::EnrollmentRow;

impl Core {
    /// How a challenge of this account is announced: before its details are read (`audience` is `None`), and after.
    pub(crate) fn alert(&self, row: &EnrollmentRow, audience: Option<&str>) -> Result<Alert> {
        Ok(match self.quiet_until(row, audience)? {
            Some(_) => Alert::Silent,
            None => Alert::Normal,
        })
    }

    /// When the quiet period of this requester ends, or that of the whole account.
    pub(crate) fn quiet_until(
        &self,
        row: &EnrollmentRow,
        audience: Option<&str>,
    ) -> Result<Option<i64>> {
        let now = self.now(row);
        // What would last longer than a whole period was written by another clock.
        let longest = now.saturating_add(ms(self.config.guard.quiet_period));
        self.store
            .quiet_until(&row.identity.enrollment, audience, now, longest)
    }

    /// Starts the period.
    pub(crate) fn keep_quiet(
        &self,
        enrollment: &str,
        audience: Option<&str>,
        now: i64,
    ) -> Result<()> {
        let period = ms(self.config.guard.quiet_period);
        if period == 0 {
            return Ok(());
        }
        self.store
            .keep_quiet(enrollment, audience, now, now.saturating_add(period))
    }
}
