//! What a QR code, link or typed ticket says.

use crate::error::Result;

/// A usable invitation (guardian.md §4.2). Texts are as received and untrusted.
#[derive(Clone)]
pub(crate) struct Invitation {
    /// Enrolment credential, safe to put into a header.
    pub ticket: String,
    /// Server the invitation names: only good for choosing among confirmed ones.
    pub server_hint: Option<String>,
    /// Display defaults from the label.
    pub issuer: Option<String>,
    pub account: Option<String>,
}

/// Every kind of text that is not an invitation has its own error.
pub(crate) fn parse(_text: &str) -> Result<Invitation> {
    todo!()
}
