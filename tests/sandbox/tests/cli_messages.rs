//! What the `sandbox` command says when something is not as it should be, and whether it says what to do.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail as loudly as tests"
)]

mod cli_lab;

use std::io::BufRead as _;
use std::process::Output;

use cli_lab::{Lab, Running, control, details, json, run, sandbox, stderr, stdout, try_control};
use serde_json::Value;

/// A command that must fail and say all of this.
fn says(output: &Output, status: i32, words: &[&str]) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(status), "{text}");
    for word in words {
        assert!(text.contains(word), "{word} is missing in: {text}");
    }
}

#[test]
fn two_servers_cannot_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut server = Running::start(sandbox(&["serve", "--json", "--data", data]));
    server.line();
    let second = run(&["serve", "--json", "--data", data]);
    says(&second, 1, &["another sandbox is using", data, "--data"]);
}

#[test]
fn a_server_with_tls_prints_commands_that_trust_it() {
    let mut server = Running::start(sandbox(&["serve", "--tls"]));
    let mut commands = Vec::new();
    let mut line = String::new();
    while commands.len() < 3 && server.lines.read_line(&mut line).unwrap() > 0 {
        if [" enroll ", " watch", " request "]
            .iter()
            .any(|word| line.contains(word))
        {
            commands.push(line.clone());
        }
        line.clear();
    }
    assert_eq!(commands.len(), 3);
    for command in commands {
        assert!(command.contains(" --ca "), "{command}");
    }
}

#[test]
fn a_certificate_that_nobody_vouches_for_names_the_option_that_trusts_it() {
    let lab = Lab::new(&["--tls"]);
    let folder = tempfile::tempdir().unwrap();
    let enrolled = sandbox(&["phone", "enroll", lab.text("invitation")])
        .args(["--server", lab.origin(), "--store"])
        .arg(folder.path())
        .output()
        .unwrap();
    says(&enrolled, 1, &["tls_failed", "--ca"]);
    let watched = sandbox(&["phone", "watch", "--once", "--store"])
        .arg(lab.phone.path())
        .output()
        .unwrap();
    says(&watched, 1, &["UnknownIssuer", "--ca"]);
    let asked = sandbox(&["agent", "request", "--message", "Order 4711"])
        .args(["--user", lab.text("user_id"), "--issuer", lab.origin()])
        .args(["--client-id", lab.text("client_id")])
        .env("SANDBOX_CLIENT_SECRET", lab.text("client_secret"))
        .output()
        .unwrap();
    says(&asked, 1, &["UnknownIssuer", "--ca"]);
}

#[test]
fn an_account_whose_server_is_gone_can_be_removed_here() {
    let Lab { server, phone, .. } = Lab::new(&[]);
    drop(server);
    let phone = |args: &[&str]| {
        sandbox(&["phone", "--json", "--store"])
            .arg(phone.path())
            .args(args)
            .output()
            .unwrap()
    };
    let id = json(&phone(&["list"]))["enrollments"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let removed = phone(&["remove", &id]);
    says(
        &removed,
        1,
        &["was not removed", "--local-only", "unreachable"],
    );
    assert_eq!(
        json(&phone(&["remove", &id, "--local-only"]))["local_only"],
        true
    );
}

#[test]
fn a_request_that_was_answered_says_so_and_keeps_its_answer() {
    let lab = Lab::new(&[]);
    let _watch = lab.watch("deny");
    lab.agent(&[]);
    let history = json(&lab.phone(&["history"]).output().unwrap());
    assert_eq!(history[0]["binding_message"], "Order 4711");
    let id = &history[0]["challenge"].as_str().unwrap()[..8];
    let shown = lab.phone(&["show", id]).output().unwrap();
    assert_eq!(json(&shown)["shown_document"], history[0]["shown_document"]);
    let refused = lab.phone(&["approve", id]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let first: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(first["decision"], "deny");
    let text = |args: &[&str]| {
        let mut command = sandbox(&["phone", "--store"]);
        stdout(&command.arg(lab.phone.path()).args(args).output().unwrap())
    };
    let told = text(&["approve", id]);
    assert!(
        told.contains("was denied on") && told.contains("the first answer stands"),
        "{told}"
    );
    assert!(text(&["history"]).contains("“Order 4711”"));
    let kept = text(&["show", id]);
    assert!(
        kept.contains("was denied on") && kept.contains("“Order 4711”"),
        "{kept}"
    );
}

#[test]
fn where_nobody_can_be_asked_an_approval_says_what_it_approves() {
    let lab = Lab::new(&[]);
    let mut watch = lab.watch("ignore");
    std::thread::scope(|scope| {
        let agent = scope.spawn(|| lab.agent(&[]));
        let id = watch.event("request")["challenge"]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let nobody = lab.phone(&["approve", &id]).output().unwrap();
        says(&nobody, 2, &["--digest", "--yes"]);
        let yes = lab.phone(&["approve", &id, "--yes"]).output().unwrap();
        assert_eq!(json(&yes)["delivery"], "delivered");
        assert_eq!(agent.join().unwrap().status.code(), Some(0));
    });
}

#[test]
fn a_watch_finds_the_stream_of_a_server_that_started_anew() {
    let data = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let options = [
        "--data",
        data.path().to_str().unwrap(),
        "--listen",
        &port.to_string(),
    ];
    let mut lab = Lab::new(&options);
    let mut watch = lab.watch("approve");
    lab.restart(&options);
    watch.event("disconnected");
    watch.event("connected");
    assert_eq!(lab.agent(&[]).status.code(), Some(0));
}

/// The id of the newest account.
fn newest(lab: &Lab) -> String {
    let list = json(&lab.phone(&["list"]).output().unwrap());
    let accounts = list["enrollments"].as_array().unwrap();
    accounts.last().unwrap()["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_server_that_is_gone_does_not_end_the_watch_of_another() {
    let mut lab = Lab::new(&[]);
    let (gone, values) = Lab::serve(&[]);
    let text = |name: &str| values[name].as_str().unwrap();
    let enrolled = ["enroll", text("invitation"), "--server", text("origin")];
    json(&lab.phone(&enrolled).output().unwrap());
    drop(gone);
    let mut watch = Running::start(lab.phone(&["watch", "--once", "--answer", "approve"]));
    let told = watch.event("not_watched");
    let account = told["accounts"][0].as_str().unwrap().to_owned();
    assert!(text("origin").contains(told["server"].as_str().unwrap().split('/').nth(2).unwrap()));
    watch.event("connected");
    assert_eq!(lab.agent(&[]).status.code(), Some(0));

    lab.server.stop();
    let nobody = lab.phone(&["watch"]).output().unwrap();
    let removal = format!("remove {account} --local-only");
    says(
        &nobody,
        1,
        &["cannot be reached", "gone for good", &removal],
    );
}

#[test]
fn an_account_that_its_server_has_forgotten_is_named() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let mut lab = Lab::new(&["--listen", &port]);
    let account = newest(&lab);
    lab.restart(&["--listen", &port]);
    let mut watch = Running::start(lab.phone(&["watch"]));
    assert_eq!(watch.event("unknown_account")["account"], account);
}

#[test]
fn a_server_says_which_options_change_nothing_and_what_comes_next() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let notes = |more: &[&str]| {
        let (_server, values) = Lab::serve(more);
        values["notes"].to_string()
    };
    assert_eq!(notes(&["--data", data]), "[]");
    for (options, words) in [
        (&["--data", data, "--channel", "email"][..], "fresh sandbox"),
        (&["--smtp-url", "smtp://127.0.0.1:1"][..], "--channel email"),
        (
            &["--sms-url", "http://127.0.0.1:1"][..],
            "--dialect asgardeo",
        ),
        (&["--no-quirks"][..], "--no-quirks changes nothing"),
    ] {
        let told = notes(options);
        assert!(told.contains(words), "{options:?}: {told}");
    }
    let mut server = Running::start(sandbox(&["serve", "--channel", "email"]));
    let mut told = String::new();
    while !told.contains("agent request") && server.lines.read_line(&mut told).unwrap() > 0 {}
    for words in ["mail --console", "SANDBOX_CONSOLE=", "--expiry 600"] {
        assert!(told.contains(words), "{words} is missing in\n{told}");
    }
    assert!(!told.contains(" enroll "), "{told}");
    let issuer = run(&["serve", "--issuer", "foo"]);
    says(&issuer, 2, &["--issuer", "https://"]);
}

#[test]
fn a_request_that_reaches_nobody_is_told_where_the_server_runs() {
    let mut command = sandbox(&["serve", "--json", "--dialect", "asgardeo"]);
    command.stderr(std::process::Stdio::piped());
    let mut server = Running::start(command);
    let values = server.line();
    let console = values["console_url"].as_str().unwrap();
    let post = |path: &str, body: &str| try_control(console, "POST", path, body);
    let (status, made) = post(
        "/control/users",
        r#"{"username":"bob","password":"secret"}"#,
    );
    assert_eq!(status, 200, "{made}");
    let again = post("/control/users", r#"{"username":"bob"}"#);
    assert_eq!(again.0, 409, "nobody could tell the two apart");
    for slip in [r#"{"emial":"x@y.example"}"#, r#"{"phone_number":"12"}"#] {
        assert_eq!(post("/control/users", slip).0, 400, "{slip}");
    }
    let made: Value = serde_json::from_str(&made).unwrap();
    let start = serde_json::json!({ "user_id": made["user_id"], "binding_message": "Order" });
    assert_eq!(post("/control/requests", &start.to_string()).0, 200);
    let mut told = String::new();
    let errors = server.child.stderr.take().unwrap();
    std::io::BufReader::new(errors)
        .read_line(&mut told)
        .unwrap();
    assert!(told.contains("reaches nobody"), "{told}");
}

#[test]
fn an_agent_that_is_refused_or_lost_is_told_what_to_do() {
    let (_server, values) = Lab::serve(&[]);
    let text = |name: &str| values[name].as_str().unwrap();
    let ask = |issuer: &str, more: &[&str]| {
        sandbox(&[
            "agent",
            "request",
            "--message",
            "Order 4711",
            "--user",
            "ana",
        ])
        .args(["--issuer", issuer, "--client-id", text("client_id")])
        .args(more)
        .env("SANDBOX_CLIENT_SECRET", text("client_secret"))
        .output()
        .unwrap()
    };
    says(
        &ask(text("console_url"), &[]),
        1,
        &["no metadata at", "openid-configuration", "/realms/NAME"],
    );
    let by_name = ask(text("issuer"), &[]);
    says(&by_name, 1, &["unknown_user_id", "help:", "auth0|"]);
    let wish = ask(text("issuer"), &["--channel", "email"]);
    says(&wish, 2, &["--expiry"]);
    let (mut other, values) = Lab::serve(&["--dialect", "asgardeo"]);
    let root = format!("{}/", values["origin"].as_str().unwrap());
    says(
        &ask(&root, &[]),
        1,
        &["the issuer of this server is", "/oauth2/token"],
    );
    other.stop();
    says(&ask(&root, &[]), 1, &["cannot connect", &root, "serve`"]);
    let pasted = run(&["agent", "request", "--user", "ana"]);
    says(
        &pasted,
        2,
        &["--client-secret", "`export`", "SANDBOX_ISSUER"],
    );
    let slip = run(&["mail", "--console", "127.0.0.1:1"]);
    says(&slip, 2, &["http://127.0.0.1:1"]);
}

#[test]
fn a_phone_that_lost_the_key_of_its_keys_says_so_and_makes_no_other() {
    let lab = Lab::new(&[]);
    let key = lab.phone.path().join("store.key");
    std::fs::remove_file(&key).unwrap();
    for command in ["list", "repair"] {
        let lost = lab.phone(&[command]).output().unwrap();
        says(&lost, 1, &["store.key", "backup", "enrol again"]);
        assert!(!key.exists());
    }
}

#[test]
fn a_digest_and_a_reason_may_begin_with_a_hyphen() {
    let lab = Lab::new(&[]);
    for words in [
        ["approve", "x", "--digest", "-Vx"],
        ["deny", "x", "--reason", "-5 EUR"],
    ] {
        let answered = lab.phone(&words).output().unwrap();
        assert_eq!(answered.status.code(), Some(1), "{}", stderr(&answered));
        assert!(!stderr(&answered).contains("unexpected argument"));
    }
}

#[test]
fn a_refused_request_names_the_type_and_the_rule_for_messages() {
    let lab = Lab::new(&[]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("details.json");
    std::fs::write(&file, r#"[{"type":"time_travel"}]"#).unwrap();
    let asked = lab.agent(&["--details", file.to_str().unwrap()]);
    says(&asked, 1, &["invalid_authorization_details", "time_travel"]);
    let asked = sandbox(&["agent", "request", "--message", "Überweisung!"])
        .args([
            "--user",
            lab.text("user_id"),
            "--issuer",
            lab.text("issuer"),
        ])
        .args(["--client-id", lab.text("client_id")])
        .env("SANDBOX_CLIENT_SECRET", lab.text("client_secret"))
        .output()
        .unwrap();
    says(
        &asked,
        1,
        &["invalid_binding_message", "1 to 64 characters"],
    );
}

#[test]
fn a_payment_that_can_only_be_denied_names_what_is_missing() {
    let lab = Lab::new(&[]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("details.json");
    std::fs::write(
        &file,
        r#"[{"type":"payment_initiation","creditorName":"Shop"}]"#,
    )
    .unwrap();
    let mut watch = lab.watch("deny");
    lab.agent(&["--details", file.to_str().unwrap()]);
    let approval = &watch.event("request")["review"]["approval"];
    assert_eq!(approval["state"], "blocked");
    assert!(
        approval["text"]
            .as_str()
            .unwrap()
            .contains("instructedAmount"),
        "{approval}"
    );
}

#[test]
fn a_verified_person_stands_in_the_record_and_in_the_proof() {
    let lab = Lab::enrolled_with(&["--require-user-verification"], &["--verify-user"]);
    let list = json(&lab.phone(&["list"]).output().unwrap());
    let key = list["enrollments"][0]["approval_thumbprint"]
        .as_str()
        .unwrap();
    let _watch = lab.watch("approve");
    json(&lab.agent(&["--details", &details(lab.phone.path())]));
    let snapshot: Value = serde_json::from_str(&control(&lab, "/control/snapshot")).unwrap();
    let request = &snapshot["requests"][0];
    assert_eq!(request["person"]["verified"], "yes");
    assert_eq!(request["person"]["key"], key);
    assert_eq!(snapshot["devices"][0]["approval_key"], key);

    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let path = format!("/control/requests/{}", request["id"].as_str().unwrap());
    let record = file("record.json", &control(&lab, &path));
    let history = stdout(&lab.phone(&["history"]).output().unwrap());
    let entry = file("history.json", &history);
    let proof = run(&["verify-consent", "--entry", &entry, "--record", &record]);
    let text = stdout(&proof);
    assert!(proof.status.success(), "{text}");
    assert!(
        text.contains("a person was verified") && text.contains(key),
        "{text}"
    );

    let forged = file("forged.json", &history.replace(key, "another"));
    let proof = run(&["verify-consent", "--entry", &forged, "--record", &record]);
    assert_eq!(proof.status.code(), Some(1), "{}", stdout(&proof));
}

#[test]
fn a_phone_without_a_prompt_is_refused_where_a_person_must_be_verified() {
    let lab = Lab::new(&["--require-user-verification"]);
    let mut watch = lab.watch("approve");
    std::thread::scope(|scope| {
        let agent = scope.spawn(|| lab.agent(&["--expiry", "5"]));
        assert_eq!(watch.event("receipt")["receipt"]["delivery"], "refused");
        assert_eq!(agent.join().unwrap().status.code(), Some(3));
    });
}
