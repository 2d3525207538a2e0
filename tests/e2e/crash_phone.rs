//! The process that `tests/crash.rs` kills: opens a phone on its files, says `tap`, decides, says `receipt`.
//! Arguments: folder, origin of the sandbox, milliseconds its clock is ahead, challenge, digest, `approve` or `deny`, what the
//! person typed (may be empty).

#![expect(clippy::print_stdout, reason = "it speaks to its parent")]

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use authenticator_core::ChallengeId;
use e2e::{TestClock, open_on_files};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, origin, ahead, challenge, digest, verdict, typed] = arguments.as_slice() else {
        panic!("seven arguments: folder, origin, ahead, challenge, digest, verdict, typed");
    };
    let clock = Arc::new(TestClock::default());
    clock.advance(ahead.parse().expect("milliseconds"));
    let app = open_on_files(Path::new(folder), origin, clock).await;
    say("tap");
    let id = ChallengeId::new(challenge);
    let receipt = match verdict.as_str() {
        "approve" => app.approve(id, digest.clone(), Some(typed.clone())).await,
        _ => app.deny(id, Some(digest.clone()), None).await,
    };
    receipt.expect("a receipt");
    say("receipt");
}

fn say(word: &str) {
    println!("{word}");
    std::io::stdout().flush().expect("the parent listens");
}
