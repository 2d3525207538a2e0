//! What differs between the vendors' dialects, as a table. One engine reads it.

/// Numbers and texts of one dialect.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// Life of a request that asks for none.
    pub(crate) default_expiry_s: u32,
    /// Longest life of a request.
    pub(crate) max_expiry_s: u32,
    /// Longest life for which a push is sent; longer ones are for e-mail.
    pub(crate) push_expiry_s: u32,
    /// How much earlier than the interval a poll may come.
    pub(crate) poll_tolerance_ms: i64,
    /// By how much the interval grows with each poll that is too fast.
    pub(crate) slow_down_step_s: u32,
    /// Largest interval.
    pub(crate) max_interval_s: u32,
    /// How long a final error is repeated before the request is forgotten.
    pub(crate) remember_ms: i64,
    /// Whether an e-mail channel exists.
    pub(crate) email_channel: bool,
}

/// The Auth0 dialect.
pub(crate) const AUTH0: Dialect = Dialect {
    default_expiry_s: 300,
    max_expiry_s: 259_200,
    push_expiry_s: 300,
    poll_tolerance_ms: 500,
    slow_down_step_s: 5,
    max_interval_s: 60,
    remember_ms: 300_000,
    email_channel: false,
};
