//! The shared library for phones: the core's exports and nothing else.

authenticator_core::uniffi_reexport_scaffolding!();
