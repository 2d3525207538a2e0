//! Places at which a test lets its process die or stand still, to show what the next one finds.

/// Ends the process here and now if `AUTHENTICATOR_CRASH_POINT` has this name. If `AUTHENTICATOR_HOLD_POINT` has it, makes
/// the file `AUTHENTICATOR_HELD` and waits until somebody has removed it. Does nothing in a shipped build.
#[cfg(feature = "testing")]
pub(crate) fn crash_point(name: &str) {
    let chosen = |variable| std::env::var_os(variable).is_some_and(|chosen| chosen == name);
    if chosen("AUTHENTICATOR_CRASH_POINT") {
        std::process::abort();
    }
    if chosen("AUTHENTICATOR_HOLD_POINT") {
        hold();
    }
}

/// Once in a process.
#[cfg(feature = "testing")]
fn hold() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    let Some(file) = std::env::var_os("AUTHENTICATOR_HELD") else {
        return;
    };
    ONCE.call_once(|| {
        if std::fs::write(&file, []).is_ok() {
            while std::path::Path::new(&file).exists() {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
    });
}

#[cfg(not(feature = "testing"))]
pub(crate) fn crash_point(_: &str) {}
