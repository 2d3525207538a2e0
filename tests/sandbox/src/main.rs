//! The `sandbox` command: a CIBA server on one machine, and a phone and an agent to try it with.

mod cli;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    // Fails only when a provider is installed already, which is just as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    cli::run().await
}
