//! The process that `tests/crash` kills: opens a phone on its files, says `tap`, waits for a line, decides, says what came
//! of it. Its one argument is a JSON object of [`Orders`]; each further line is milliseconds by which its clock goes on.

#![expect(clippy::print_stdout, reason = "it speaks to its parent")]

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use authenticator_core::{Authenticator, ChallengeId, Decision, KeyStore, Receipt, Result};
use e2e::{OnFiles, TestClock};
use serde_json::Value;

/// What it is to do.
struct Orders(Value);

impl Orders {
    fn text(&self, name: &str) -> String {
        let text = self.0[name].as_str();
        text.unwrap_or_else(|| panic!("the order {name}"))
            .to_owned()
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.0[name].as_u64()
    }
}

#[tokio::main]
async fn main() {
    let argument = std::env::args().nth(1).expect("one argument");
    let orders = Orders(serde_json::from_str(&argument).expect("JSON"));
    let clock = Arc::new(TestClock::default());
    clock.advance(orders.number("ahead_ms").expect("milliseconds") as i64);
    let phone = OnFiles {
        folder: orders.text("folder").into(),
        origin: orders.text("origin"),
        root: None,
        clock,
        user_verification: false,
        patience: orders.number("patience_ms").map(Duration::from_millis),
    };
    let app = phone.open().await;
    say("tap");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("the signal");
    let clock = Arc::clone(&phone.clock);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(std::result::Result::ok) {
            clock.advance(line.parse().expect("milliseconds"));
            say("passed");
        }
    });
    match tap(&app, &phone, &orders).await {
        Ok(receipt) if receipt.decision == Decision::Approve => say("receipt: approve"),
        Ok(_) => say("receipt: deny"),
        Err(error) => say(&format!("error: {}", error.code().as_str())),
    }
    for _ in 0..orders.number("flushes").unwrap_or_default() {
        app.flush().await.expect("flush");
    }
    say("done");
}

async fn tap(app: &Authenticator, phone: &OnFiles, orders: &Orders) -> Result<Receipt> {
    let id = ChallengeId::new(orders.text("challenge"));
    let (digest, typed) = (orders.text("digest"), Some(orders.text("typed")));
    match orders.text("tap").as_str() {
        "approve" => app.approve(id, digest, typed).await,
        "deny" => app.deny(id, Some(digest), None).await,
        _ => {
            let request = app.begin_approval(id, digest, typed).await?;
            if std::env::var_os("AUTHENTICATOR_CRASH_POINT")
                .is_some_and(|point| point == "begun_approval")
            {
                std::process::abort();
            }
            let signature = phone.keys().sign(request.key_alias, request.message)?;
            app.finish_approval(request.id, signature).await
        }
    }
}

fn say(word: &str) {
    println!("{word}");
    std::io::stdout().flush().expect("a parent that listens");
}
