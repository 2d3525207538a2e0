//! When the phone does not ring: while a flood of challenges lasts, and in the quiet period after "this was not me".
//!
//! A push does not name its requester, so while any requester of an account is quiet every challenge of the account arrives
//! silently. One whose details name another requester is an ordinary one from then on; the period goes on. Where the
//! person reported a challenge without having opened it, nobody knows who that was, and no requester is another one.
//! Approving a request of the reported requester ends its period.

use super::policy::ms;
use crate::challenge::Alert;
use crate::core::Core;
use crate::error::Result;
use crate::store::{Aftermath, EnrollmentRow};

impl Core {
    /// How a challenge of this account is announced: before its details are read (`audience` is `None`), and after.
    pub(crate) fn alert(&self, row: &EnrollmentRow, audience: Option<&str>) -> Result<Alert> {
        // One whose details are not read yet has only just arrived, and is not counted yet.
        let arriving = u32::from(audience.is_none());
        let silent = self.flooded(row, arriving)? || self.quiet_until(row, audience)?.is_some();
        Ok(match silent {
            true => Alert::Silent,
            false => Alert::Normal,
        })
    }

    /// Whether so many challenges came lately that one more sound tells a person nothing.
    fn flooded(&self, row: &EnrollmentRow, arriving: u32) -> Result<bool> {
        let policy = &self.config.guard;
        let since = self.now(row).saturating_sub(ms(policy.window));
        let received = self.store.received_since(&row.identity.enrollment, since)?;
        Ok(received.saturating_add(arriving) >= policy.many)
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
        aftermath: &Aftermath<'_>,
        enrollment: &str,
        audience: Option<&str>,
        now: i64,
    ) -> Result<()> {
        let period = ms(self.config.guard.quiet_period);
        if period == 0 {
            return Ok(());
        }
        aftermath.keep_quiet(enrollment, audience, now, now.saturating_add(period))
    }
}
