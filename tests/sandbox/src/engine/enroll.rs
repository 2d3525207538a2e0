//! Invitations and tickets.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Engine;
use crate::state::{StateError, Ticket, TicketKind, Tx, User};
use crate::text::{random_alphanumeric, sha256_b64};

/// A QR code must be scanned within five minutes.
const INVITATION_MS: i64 = 5 * 60_000;
/// An enrolment page may be opened for five days.
const PAGE_MS: i64 = 5 * 24 * 3_600_000;
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

impl Engine {
    /// A fresh invitation in the short form of the live service.
    pub(crate) fn invite(
        &self,
        tx: &Tx<'_>,
        user: &User,
        parent: Option<String>,
        base: &str,
    ) -> Result<String, StateError> {
        let ticket = random_alphanumeric(32);
        self.put_ticket(tx, &ticket, TicketKind::Device, &user.user_id, parent)?;
        let encode = |text: &str| utf8_percent_encode(text, COMPONENT).to_string();
        Ok(format!(
            "otpauth://totp/{}:{}?enrollment_tx_id={ticket}&base_url={}",
            encode(&self.options.tenant_name),
            encode(user.label()),
            encode(base)
        ))
    }

    /// A ticket (`gten_…`) that opens the enrolment page.
    pub(crate) fn page_ticket(&self, tx: &Tx<'_>, user: &User) -> Result<String, StateError> {
        let ticket = format!("gten_{}", random_alphanumeric(32));
        self.put_ticket(tx, &ticket, TicketKind::Page, &user.user_id, None)?;
        Ok(ticket)
    }

    /// A ticket that can still be used for its purpose.
    pub(crate) fn live_ticket(
        &self,
        tx: &Tx<'_>,
        ticket: &str,
        kind: TicketKind,
    ) -> Result<Option<Ticket>, StateError> {
        let found = tx.get::<Ticket>(&sha256_b64(ticket))?;
        Ok(found.filter(|t| t.kind == kind && !t.used && t.expires_ms > self.now_ms()))
    }

    fn put_ticket(
        &self,
        tx: &Tx<'_>,
        ticket: &str,
        kind: TicketKind,
        user_id: &str,
        parent: Option<String>,
    ) -> Result<(), StateError> {
        let now = self.now_ms();
        let life = if kind == TicketKind::Page {
            PAGE_MS
        } else {
            INVITATION_MS
        };
        tx.delete_before::<Ticket>(now - PAGE_MS)?;
        tx.put(&Ticket {
            hash: sha256_b64(ticket),
            kind,
            user_id: user_id.to_owned(),
            enrollment_id: format!("dev_{}", random_alphanumeric(16)),
            expires_ms: now + life,
            used: false,
            parent,
        })
    }
}
