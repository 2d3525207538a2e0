//! The Guardian dialect (Auth0): enrolment, push, rich consents, answers.

/// See the module.
pub(crate) struct Guardian;
