//! Entry points for benchmarks and fuzz targets: bytes in, as little as possible out. No part of the public API.

pub mod attack;

use crate::consent::{self, Account, Details, Display, RenderInput, Templates, UnknownTypes};
use crate::enrollment::invitation;
use crate::error::Result;
use crate::json::{self, Limits, Value};
use crate::protocol::guardian::Guardian;
use crate::protocol::{Dialect, PushPayload};

/// The examples of the README, compiled as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// RFC 8785 text of these bytes, if they are JSON by the core's rules and have such a form.
pub fn canonical_json(bytes: &[u8]) -> Option<String> {
    json::canonical(&json::read(bytes, Limits::BODY).ok()?).ok()
}

/// Reads the text of a QR code, link or ticket.
///
/// # Errors
///
/// Those of [`crate::Authenticator::enroll`] that concern the invitation.
pub fn parse_invitation(text: &str) -> Result<()> {
    invitation::parse(text).map(drop)
}

/// Reads a push in either envelope, from bytes to the values that are stored; whether it is one of ours and complete.
pub fn parse_push(payload: &[u8]) -> bool {
    json::read(payload, Limits::PUSH)
        .is_ok_and(|value| matches!(Guardian.push(&value), PushPayload::Push(_)))
}

/// What a screen prints of a value that came from outside.
pub fn harden(text: &str) -> String {
    consent::harden(text).shown
}

/// A phone's screen without the phone: the built-in templates, one account, English and UTC.
pub struct Screen {
    templates: Templates,
    account: Account,
    display: Display,
}

impl Screen {
    /// Loads the built-in templates.
    ///
    /// # Errors
    ///
    /// `template_invalid`: a built-in template is broken.
    pub fn new() -> Result<Self> {
        Ok(Screen {
            templates: Templates::load(&[])?,
            account: Account {
                issuer: "bank-dev".into(),
                user: "ana@example.com".into(),
            },
            display: Display {
                locale: "en-US".into(),
                zone: "UTC".into(),
                utc_offset_minutes: 0,
            },
        })
    }

    /// From the bytes of a consent body to the display model: its digest, or `None` where approval is blocked.
    pub fn show(&self, body: &[u8]) -> Option<String> {
        let body = json::read(body, Limits::BODY).ok()?;
        let rendered = consent::render(&self.input(&body), &self.templates);
        match rendered.blocked {
            None => rendered.digests.map(|digests| digests.shown),
            Some(_) => None,
        }
    }

    fn input<'a>(&'a self, body: &'a Value) -> RenderInput<'a> {
        RenderInput {
            server: "https://bank-dev.eu.auth0.com/appliance-mfa",
            enrollment: "dev_ztQmUOx5Z3zeRi8t",
            user: "auth0|5fadc2e53f6a96006f998832",
            challenge: "f3Zl",
            requested_at_text: "2026-01-15T10:30:00.000Z",
            requested_at: 1_768_473_000_000,
            source: None,
            location: None,
            details: Details::Body(body),
            account: &self.account,
            display: &self.display,
            unknown_types: UnknownTypes::Show,
        }
    }
}

/// What the library makes of the `input` of a case in `tests/vectors/{file}`: JSON text of an object with `expected`, or
/// with `error`. `None`: nothing reads this file.
pub fn run_vector(file: &str, input: &str) -> Option<String> {
    crate::vectors::run_text(file, input)
}
