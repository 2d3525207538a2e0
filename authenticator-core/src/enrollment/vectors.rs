//! `invitation.json`: what a scanned, pasted or typed text means.

use super::invitation::parse;
use crate::json::{Value, object};
use crate::vectors::{Outcome, optional};

pub(crate) fn invitation(input: &Value) -> Outcome {
    parse(input.as_str().expect("a text"))
        .map(|invitation| {
            object([
                ("ticket", invitation.ticket.as_str().into()),
                ("server_hint", optional(invitation.server_hint.as_deref())),
                ("issuer", optional(invitation.issuer.as_deref())),
                ("account", optional(invitation.account.as_deref())),
            ])
        })
        .into()
}
