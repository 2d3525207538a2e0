//! The shared library for phones: the core's exports and nothing else.

#[cfg(all(target_os = "android", feature = "reqwest"))]
mod android;

authenticator_core::uniffi_reexport_scaffolding!();
