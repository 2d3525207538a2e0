//! The console in the browser.

use axum::Router;

use crate::handle::Handle;

/// Pages of the console, served at the root of the console listener.
pub(crate) fn router(handle: Handle) -> Router {
    Router::new().with_state(handle)
}
