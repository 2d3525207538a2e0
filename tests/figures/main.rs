//! The work that Kotlin and Swift are measured by, in Rust. `tests/figures/measure` runs the same program in each language.
//!
//! `first` asks the library one thing and ends. `walk` reads lines (store, server, file with its root, push token,
//! invitation; then a push), enrols, approves, and says how many kilobytes it had before the first call and after the approval.

#![expect(clippy::print_stdout, reason = "it speaks to its parent")]

use std::sync::Arc;

use authenticator_core::{
    Authenticator, Config, Device, DialectName, Platform, PushService, PushToken, Result, Secret,
    Server, SoftwareKeyStore,
};

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("first") => {
            let config = Config::new("store");
            println!("ready {}", config.store.len());
        }
        Some("walk") => walk(),
        _ => panic!("first or walk?"),
    }
}

fn walk() {
    let before = resident();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(approve()).expect("an approval");
    println!("memory {before} {}", resident());
}

async fn approve() -> Result<()> {
    let mut config = Config::new(line());
    config.servers = vec![Server {
        name: "sandbox".into(),
        address: line(),
        dialect: DialectName::Guardian,
    }];
    config.extra_root_pem = Some(std::fs::read_to_string(line()).expect("the server's root"));
    let keys = Arc::new(SoftwareKeyStore::in_memory());
    let app = Authenticator::open(config, Platform::new(keys)).await?;
    let push = Some(PushToken {
        service: PushService::Apns,
        token: Secret::new(line()),
    });
    let device = Device {
        name: "Test phone".into(),
        identifier: None,
        push,
    };
    app.enroll(line(), Some("sandbox".into()), device).await?;
    println!("enrolled");
    let challenge = app.receive_push(line()).await?;
    let review = app.review(challenge.id).await?;
    app.approve(review.challenge, review.digest, None).await?;
    Ok(())
}

fn line() -> String {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("a line");
    line.trim_end().to_owned()
}

/// Kilobytes of memory that this process has at the moment; 0 where the system does not say.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or_default()
}
