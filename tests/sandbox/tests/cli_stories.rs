//! The `sandbox` command as a person or a script uses it: separate processes, real sockets.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail as loudly as tests"
)]

mod cli_lab;

use std::io::Read as _;
use std::process::Command;
use std::time::{Duration, Instant};

use cli_lab::{Lab, Running, call_control, control, details, json, run, sandbox, stderr, stdout};
use serde_json::Value;

#[test]
fn the_demo_tells_the_whole_story_of_an_approval() {
    let output = run(&["demo", "--answer", "approve", "--json"]);
    let story = json(&output);
    assert_eq!(story["outcome"], "approved");
    assert_eq!(story["decision"]["decision"], "approve");
    assert_eq!(story["decision"]["delivery"], "delivered");
    assert!(
        story["review"]["headline"]
            .as_str()
            .unwrap()
            .contains("ExampleCorp")
    );
    assert_eq!(
        story["tokens"]["authorization_details"],
        story["request"]["authorization_details"]
    );
    assert_eq!(
        story["tokens"]["id_token_claims"]["sub"],
        story["enrollment"]["user_id"]
    );
    assert!(story["took_ms"].is_u64());
    assert!(!stdout(&output).contains("eyJ"), "no token is printed");
}

#[test]
fn the_demo_tells_the_story_of_a_denial() {
    let story = json(&run(&["demo", "--answer", "deny", "--json"]));
    assert_eq!(story["outcome"], "access_denied");
    assert_eq!(story["decision"]["decision"], "deny");
    assert_eq!(story["tokens"], Value::Null);
}

#[test]
fn an_ignored_demo_ends_with_the_error_that_was_chosen() {
    for error in ["access_denied", "expired_token"] {
        let story = json(&run(&[
            "demo",
            "--answer",
            "ignore",
            "--expiry",
            "1",
            "--expiry-error",
            error,
            "--json",
        ]));
        assert_eq!(story["outcome"], error);
        assert_eq!(story["decision"], Value::Null);
    }
}

#[test]
fn the_demo_shows_the_readers_own_details_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.json");
    std::fs::write(
        &file,
        r#"[{"type":"library_loan","book":"Momo","weeks":3.50}]"#,
    )
    .unwrap();
    let output = run(&["demo", "--json", "--details", file.to_str().unwrap()]);
    let story = json(&output);
    assert!(story["review"].to_string().contains("Momo"));
    assert!(
        stdout(&output).contains(r#""weeks":3.50"#),
        "{}",
        stdout(&output)
    );
}

#[test]
fn the_demo_without_a_terminal_approves_and_prints_plain_text() {
    let output = run(&["demo"]);
    let text = stdout(&output);
    assert!(output.status.success(), "{text}\n{}", stderr(&output));
    for words in [
        "249.00",
        "ExampleCorp",
        "Order 4711",
        "✔ Approved",
        "✔ Tokens received",
        "authorization_details granted",
    ] {
        assert!(text.contains(words), "{words} is missing in\n{text}");
    }
    assert!(
        !text.contains('\x1b'),
        "no escape sequences without a terminal"
    );
}

#[test]
fn serve_ends_within_a_second_of_sigterm() {
    let mut server = Running::start(sandbox(&["serve", "--json"]));
    let values = server.line();
    assert!(
        values["invitation"]
            .as_str()
            .unwrap()
            .starts_with("otpauth://")
    );
    let asked = Instant::now();
    let pid = server.child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(1));
    let mut rest = String::new();
    server.lines.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "one line of JSON and no more");
}

#[test]
fn serve_does_not_listen_for_other_machines_by_accident() {
    let output = run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--allow-remote"));
}

#[test]
fn phone_and_agent_in_processes_of_their_own() {
    let lab = Lab::new(&[]);
    let mut watch = lab.watch("approve");
    let outcome = json(&lab.agent(&["--details", &details(lab.phone.path())]));
    assert_eq!(outcome["outcome"], "approved");
    assert_eq!(
        outcome["tokens"]["authorization_details"][0]["instructedAmount"]["amount"],
        "249.00"
    );
    assert_eq!(watch.event("receipt")["receipt"]["delivery"], "delivered");
    assert!(watch.child.wait().unwrap().success());
    let history = json(&lab.phone(&["history"]).output().unwrap());
    assert_eq!(history[0]["decision"], "approve");
}

#[test]
fn a_denial_is_exit_status_three_for_the_agent() {
    let lab = Lab::new(&[]);
    let _watch = lab.watch("deny");
    let output = lab.agent(&[]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stdout(&output).contains("access_denied"));
}

#[test]
fn a_request_can_be_looked_at_and_approved_later_by_the_beginning_of_its_id() {
    let lab = Lab::new(&[]);
    let mut watch = lab.watch("ignore");
    std::thread::scope(|scope| {
        let agent = scope.spawn(|| lab.agent(&[]));
        watch.event("request");
        assert!(watch.child.wait().unwrap().success());
        let list = json(&lab.phone(&["list"]).output().unwrap());
        let id = &list["pending"][0]["id"].as_str().unwrap()[..6];
        let review = json(&lab.phone(&["show", id]).output().unwrap());
        assert_eq!(review["binding_message"]["shown"], "Order 4711");
        let digest = review["digest"].as_str().unwrap();
        let receipt = json(
            &lab.phone(&["approve", id, "--digest", digest])
                .output()
                .unwrap(),
        );
        assert_eq!(receipt["delivery"], "delivered");
        assert!(agent.join().unwrap().status.success());
    });
}

#[test]
fn a_reported_requester_is_kept_quiet_and_what_it_asks_again_is_marked() {
    let lab = Lab::new(&[]);
    let details = details(lab.phone.path());
    let asked = |tell: &dyn Fn(&Value)| {
        let mut watch = lab.watch("ignore");
        std::thread::scope(|scope| {
            let agent = scope.spawn(|| lab.agent(&["--details", &details]));
            tell(&watch.event("request"));
            assert_eq!(agent.join().unwrap().status.code(), Some(3));
        });
    };
    asked(&|event| {
        assert_eq!(event["challenge"]["alert"], "normal");
        let id = event["challenge"]["id"].as_str().unwrap();
        let told = lab.told(&["deny", id, "--reason", "not_me"]);
        assert!(told.contains("arrive silently until"), "{told}");
    });
    asked(&|event| {
        let challenge = &event["challenge"];
        assert_eq!(
            (&challenge["alert"], &challenge["repeats"]["times"]),
            (&Value::from("silent"), &Value::from(2))
        );
        let marks = event["review"]["marks"].to_string();
        assert!(marks.contains("repeated_request") && marks.contains("previously_reported"));
        let id = challenge["id"].as_str().unwrap();
        let list = lab.told(&["list"]);
        for words in ["quiet   until", "Arrived silently", "Asked 2 times."] {
            assert!(list.contains(words), "{words} is missing in\n{list}");
        }
        let shown = lab.told(&["show", id]);
        for words in ["Asked 2 times.", "The same request came before."] {
            assert!(shown.contains(words), "{words} is missing in\n{shown}");
        }
        let told = lab.told(&["deny", id, "--reason", "wrong amount"]);
        assert!(!told.contains("silently"), "{told}");
    });
}

#[test]
fn the_same_over_tls_with_the_sandboxs_own_ca() {
    let lab = Lab::new(&["--tls"]);
    let _watch = lab.watch("approve");
    assert_eq!(json(&lab.agent(&[]))["outcome"], "approved");
}

#[test]
fn a_code_of_an_unconfirmed_server_is_not_used_without_a_person() {
    let lab = Lab::new(&[]);
    let folder = tempfile::tempdir().unwrap();
    let output = sandbox(&["phone", "enroll", lab.text("invitation"), "--store"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--server"), "{}", stderr(&output));
}

#[test]
fn an_account_can_be_removed_and_gives_codes_until_then() {
    let mut lab = Lab::new(&[]);
    let list = json(&lab.phone(&["list"]).output().unwrap());
    let id = list["enrollments"][0]["id"].as_str().unwrap().to_owned();
    let code = json(&lab.phone(&["code", &id]).output().unwrap());
    assert!(
        code["code"]
            .as_str()
            .unwrap()
            .bytes()
            .all(|b| b.is_ascii_digit())
    );
    json(&lab.phone(&["remove", &id]).output().unwrap());
    let list = json(&lab.phone(&["list"]).output().unwrap());
    assert_eq!(list["enrollments"], serde_json::json!([]));
    assert!(
        lab.server.child.try_wait().unwrap().is_none(),
        "the server still runs"
    );
}

#[test]
fn a_dispute_is_settled_from_the_phones_history_and_the_servers_record() {
    let lab = Lab::new(&["--require-signed-consent"]);
    let _watch = lab.watch("approve");
    json(&lab.agent(&["--details", &details(lab.phone.path())]));
    let snapshot: Value = serde_json::from_str(&control(&lab, "/control/snapshot")).unwrap();
    let request = &snapshot["requests"][0];
    assert_eq!(request["signed_consent"], "yes");
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let path = format!("/control/requests/{}", request["id"].as_str().unwrap());
    let record = file("record.json", &control(&lab, &path));
    let history = stdout(&lab.phone(&["history"]).output().unwrap());
    let settle = |history: &str| {
        let entry = file("history.json", history);
        let files = ["verify-consent", "--entry", &entry, "--record", &record];
        (run(&files), run(&[&files[..], &["--json"]].concat()))
    };

    let (text, report) = settle(&history);
    assert!(text.status.success(), "{}", stdout(&text));
    assert!(stdout(&text).contains("Everything matches."));
    assert_eq!(json(&report)["match"], true);

    let (text, report) = settle(&history.replace("249.00", "1.00"));
    assert_eq!(text.status.code(), Some(1));
    assert!(stdout(&text).contains("differs"));
    assert_eq!(report.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["match"], false);

    let (text, _) = settle("no JSON");
    assert_eq!(text.status.code(), Some(2));
}

#[test]
fn a_history_is_checked_exported_and_pruned() {
    let lab = Lab::new(&[]);
    for answer in ["approve", "deny"] {
        let _watch = lab.watch(answer);
        lab.agent(&["--details", &details(lab.phone.path())]);
    }
    let verified = || json(&lab.phone(&["history", "--verify"]).output().unwrap())[0].clone();
    let report = verified();
    assert_eq!(
        (&report["records"], &report["answers"]),
        (&4.into(), &2.into())
    );
    assert_eq!(
        (&report["pruned"], &report["broken"]),
        (&0.into(), &Value::Null)
    );

    let file = lab.phone.path().join("history.json");
    let file = file.to_str().unwrap();
    let exported = json(&lab.phone(&["history", "--export", file]).output().unwrap());
    assert_eq!(exported["file"], file);
    let export: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(export["records"].as_array().unwrap().len(), 4);
    assert_eq!(export["checkpoints"].as_array().unwrap().len(), 1);
    assert_eq!(verified()["checkpointed"], 4);

    let snapshot: Value = serde_json::from_str(&control(&lab, "/control/snapshot")).unwrap();
    let requests = snapshot["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 2);
    for request in requests {
        let path = format!("/control/requests/{}", request["id"].as_str().unwrap());
        let record = lab.phone.path().join("record.json");
        std::fs::write(&record, control(&lab, &path)).unwrap();
        let files = [
            "verify-consent",
            "--entry",
            file,
            "--record",
            record.to_str().unwrap(),
        ];
        let output = run(&files);
        assert!(output.status.success(), "{}", stdout(&output));
        let forged = std::fs::read_to_string(file)
            .unwrap()
            .replace("249.00", "1.00");
        let forgery = lab.phone.path().join("forged.json");
        std::fs::write(&forgery, forged).unwrap();
        let files = [
            "verify-consent",
            "--entry",
            forgery.to_str().unwrap(),
            "--record",
            record.to_str().unwrap(),
        ];
        assert_eq!(run(&files).status.code(), Some(1));
        // Nothing of these is in the entry itself.
        let forge: [fn(&mut Value); 4] = [
            |export| export["records"][0]["body"]["user"] = "eva".into(),
            |export| export["records"][3]["prev"] = "AAAA".into(),
            |export| export["checkpoints"] = serde_json::json!(["a.b.c"]),
            |export| export["checkpoints"] = serde_json::json!([]),
        ];
        for forge in forge {
            let mut export = export.clone();
            forge(&mut export);
            std::fs::write(&forgery, export.to_string()).unwrap();
            let output = run(&files);
            assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        }
    }

    let prune = |when: &str| {
        json(
            &lab.phone(&["history", "--prune-before", when])
                .output()
                .unwrap(),
        )
    };
    assert_eq!(prune("1d")[0]["removed"], 0);
    assert_eq!(prune("0h")[0]["removed"], 4);
    let report = verified();
    assert_eq!(
        (&report["pruned"], &report["broken"]),
        (&4.into(), &Value::Null)
    );
    assert_eq!(
        json(&lab.phone(&["history"]).output().unwrap()),
        serde_json::json!([])
    );
    let export: Value = serde_json::from_slice(
        &lab.phone(&["history", "--export", "-"])
            .output()
            .unwrap()
            .stdout,
    )
    .unwrap();
    assert_eq!(export["pruned"], 4);

    let both = lab
        .phone(&["history", "--verify", "--export", "-"])
        .output()
        .unwrap();
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn a_phone_without_its_keys_is_repaired_and_goes_on() {
    let lab = Lab::new(&[]);
    let repair = || json(&lab.phone(&["repair"]).output().unwrap());
    let found = repair();
    assert_eq!(found["store"]["state"], "intact");
    assert_eq!(found["enrollments"][0]["keys"], "usable");

    // As a restored backup: everything but the keys.
    std::fs::remove_file(lab.phone.path().join("keys")).unwrap();
    let refused = lab.phone(&["list"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("key_missing"),
        "{}",
        stderr(&refused)
    );
    assert!(
        stderr(&refused).contains("phone repair"),
        "{}",
        stderr(&refused)
    );
    let found = repair();
    assert_eq!(found["store"]["state"], "key_missing");
    assert_eq!(found["store"]["lost"].as_array().unwrap().len(), 1);
    let kept = found["store"]["moved_to"].as_str().unwrap();
    assert!(lab.phone.path().join(kept).exists());
    let list = json(&lab.phone(&["list"]).output().unwrap());
    assert_eq!(list["enrollments"], serde_json::json!([]));
}

#[test]
fn a_wrong_secret_fails_without_repeating_it() {
    let lab = Lab::new(&[]);
    let output = lab.agent(&["--client-secret", "very-wrong-secret"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("invalid_client"));
    assert!(!(stderr(&output) + &stdout(&output)).contains("very-wrong-secret"));
}

#[test]
fn state_in_a_folder_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let values = |server: &mut Running| server.line();
    let mut server = Running::start(sandbox(&["serve", "--json", "--data", data]));
    let first = values(&mut server);
    drop(server);
    let mut server = Running::start(sandbox(&["serve", "--json", "--data", data]));
    let second = values(&mut server);
    for name in [
        "client_id",
        "client_secret",
        "user_id",
        "management_token",
        "issuer",
        "console_url",
    ] {
        assert_eq!(first[name], second[name], "{name}");
    }
}

/// A server of the other dialect, its values, and an agent that knows them.
fn asgardeo(more: &[&str]) -> (Running, Value) {
    let mut server = Running::start(sandbox(
        &[&["serve", "--json", "--dialect", "asgardeo"], more].concat(),
    ));
    let values = server.line();
    (server, values)
}

fn agent_of(values: &Value, more: &[&str]) -> Command {
    let text = |name: &str| values[name].as_str().unwrap().to_owned();
    let mut command = sandbox(&["agent", "request", "--json"]);
    command
        .args(["--user", &text("username")])
        .args(more)
        .env("SANDBOX_ISSUER", text("issuer"))
        .env("SANDBOX_CLIENT_ID", text("client_id"))
        .env("SANDBOX_CLIENT_SECRET", text("client_secret"));
    command
}

#[test]
fn the_agent_speaks_the_other_dialect_by_itself_and_hands_the_link_over() {
    let (_server, values) = asgardeo(&[]);
    let console = values["console_url"].as_str().unwrap();
    assert_eq!(values["invitation"], Value::Null);
    for (action, outcome, status) in [("allow", "approved", 0), ("deny", "access_denied", 3)] {
        let mut agent = Running::start(agent_of(&values, &["--channel", "external"]));
        let link = agent.line()["auth_url"].as_str().unwrap().to_owned();
        assert!(
            link.contains("/oauth2/ciba_authorize?authCodeKey="),
            "{link}"
        );
        let snapshot: Value =
            serde_json::from_str(&call_control(console, "GET", "/control/snapshot")).unwrap();
        let id = snapshot["requests"][0]["id"].as_str().unwrap();
        call_control(console, "POST", &format!("/control/requests/{id}/{action}"));
        assert_eq!(agent.line()["outcome"], outcome);
        assert_eq!(agent.child.wait().unwrap().code(), Some(status));
    }
    // Without a wish the link goes to the person, and no wish is refused by name.
    let refused = agent_of(&values, &["--channel", "pigeon"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("notification channel is not allowed"));
}

#[test]
fn details_that_the_server_ignored_are_not_approved_by_its_tokens() {
    let (_server, values) = asgardeo(&[]);
    let console = values["console_url"].as_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let details = details(folder.path());
    // What the metadata tell is refused before anybody is asked.
    let refused = agent_of(&values, &["--details", &details])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("ignores authorization_details"));
    let snapshot = || -> Value {
        serde_json::from_str(&call_control(console, "GET", "/control/snapshot")).unwrap()
    };
    assert_eq!(snapshot()["requests"].as_array().unwrap().len(), 0);

    // Where nothing tells, the person approves what has no details, and the tokens name none.
    let more = [
        "--dialect",
        "auth0",
        "--login-hint",
        "ana",
        "--channel",
        "external",
        "--details",
        &details,
    ];
    let mut agent = Running::start(agent_of(&values, &more));
    assert!(agent.line()["auth_url"].is_string());
    let id = snapshot()["requests"][0]["id"].as_str().unwrap().to_owned();
    call_control(console, "POST", &format!("/control/requests/{id}/allow"));
    let outcome = agent.line();
    assert_eq!(outcome["outcome"], "unconfirmed", "{outcome}");
    assert_eq!(outcome["tokens"]["details"], "not_named");
    assert_eq!(agent.child.wait().unwrap().code(), Some(3));
}

#[test]
fn the_outbox_is_printed_for_people_and_scripts() {
    let (_server, values) = asgardeo(&[]);
    let console = values["console_url"].as_str().unwrap();
    let mail = |more: &[&str]| run(&[&["mail", "--console", console], more].concat());
    assert!(stdout(&mail(&[])).contains("No messages yet"));
    assert_eq!(mail(&["--link"]).status.code(), Some(1));

    let agent = Running::start(agent_of(&values, &["--message", "Order 4711"]));
    let link = stdout(&mail(&["--link", "--wait", "20"]));
    assert!(
        link.contains("/oauth2/ciba_authorize?authCodeKey="),
        "{link}"
    );
    let text = stdout(&mail(&[]));
    for shown in [
        "E-mail to ana@example.com",
        "SMS to +15555550100",
        "Approval requested by Sandbox agent",
        "Request code: Order 4711",
        link.trim(),
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    let lines = stdout(&mail(&["--json"]));
    let messages: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(messages.len(), 2);
    assert!(
        messages
            .iter()
            .all(|message| message["link"] == link.trim())
    );
    drop(agent);
}

#[test]
fn wrong_channels_and_servers_are_wrong_usage_and_repeat_no_password() {
    for (args, word) in [
        (&["--channel", "sms"][..], "guardian-push, email"),
        (
            &["--dialect", "asgardeo", "--channel", "guardian-push"],
            "email, sms, external",
        ),
        (
            &["--smtp-url", "smtp://user:hunter2@mail.example"],
            "this machine only",
        ),
        (&["--sms-url", "http://sms.example"], "this machine only"),
        (
            &[
                "--smtp-url",
                "smtps://user:hunter2@mail.example",
                "--mail-from",
                "nobody",
            ],
            "no address",
        ),
    ] {
        let output = run(&[&["serve"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let said = stderr(&output);
        assert!(said.contains(word) && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_bridge_says_what_keycloak_and_a_phone_need() {
    let realm = "http://localhost:8080/realms/demo";
    let arguments = [
        "bridge",
        "keycloak",
        "--json",
        "--realm-url",
        realm,
        "--user",
        "alice",
    ];
    let mut bridge = Running::start(sandbox(&arguments));
    let values = bridge.line();
    let origin = values["origin"].as_str().unwrap().to_owned();
    assert_eq!(
        values["channel_url"],
        format!("{origin}/keycloak/authenticate")
    );
    assert_eq!(values["users"][0]["user"], "alice");
    let phone = tempfile::tempdir().unwrap();
    let enrolled = sandbox(&[
        "phone",
        "--json",
        "enroll",
        values["users"][0]["invitation"].as_str().unwrap(),
    ])
    .args(["--server", &origin, "--store"])
    .arg(phone.path())
    .output()
    .unwrap();
    let enrolled = json(&enrolled);
    assert_eq!(enrolled["user"], "alice");
    assert_eq!(enrolled["issuer"], "demo");
}

#[test]
fn a_bridge_to_a_realm_that_cannot_be_is_wrong_usage() {
    for more in [
        [
            "--realm-url",
            "http://idp.example/realms/demo",
            "--listen",
            "127.0.0.1:0",
        ],
        [
            "--realm-url",
            "https://idp.example/",
            "--listen",
            "127.0.0.1:0",
        ],
        [
            "--realm-url",
            "https://idp.example/realms/demo",
            "--listen",
            "0.0.0.0:0",
        ],
    ] {
        let output = run(&[&["bridge", "keycloak", "--user", "alice"], &more[..]].concat());
        assert_eq!(
            output.status.code(),
            Some(2),
            "{more:?} {}",
            stderr(&output)
        );
    }
}

#[test]
fn a_parameter_without_a_value_is_wrong_usage() {
    let output = run(&[
        "agent",
        "request",
        "--issuer",
        "http://127.0.0.1:1",
        "--client-id",
        "x",
        "--client-secret",
        "x",
        "--login-hint",
        "alice",
        "--param",
        "resource",
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("NAME=VALUE"),
        "{}",
        stderr(&output)
    );
}
