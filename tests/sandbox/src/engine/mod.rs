//! The state machine behind all protocol surfaces.
/// Shared state.
pub struct Engine {}
