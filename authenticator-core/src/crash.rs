//! Places at which a test lets its process die, to show what the next one finds.

/// Ends the process here and now if `AUTHENTICATOR_CRASH_POINT` has this name. Does nothing in a shipped build.
#[cfg(feature = "testing")]
pub(crate) fn crash_point(name: &str) {
    if std::env::var_os("AUTHENTICATOR_CRASH_POINT").is_some_and(|chosen| chosen == name) {
        std::process::abort();
    }
}

#[cfg(not(feature = "testing"))]
pub(crate) fn crash_point(_: &str) {}
