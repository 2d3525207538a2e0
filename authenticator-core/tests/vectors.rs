//! Every case of `tests/vectors`, as Kotlin and Swift run them too (its README says how a case is compared). Each case is a
//! test of its own in the report, under the name that it has in every language.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail as loudly as tests; a report is printed"
)]

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use authenticator_core::testing::run_vector;
use serde_json::Value as Json;

fn main() -> ExitCode {
    let wanted: Vec<_> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    every_case_of_every_file_comes_out_as_it_says(&wanted)
}

/// Those whose name contains one of the words; all, where there is none.
fn every_case_of_every_file_comes_out_as_it_says(wanted: &[String]) -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors");
    let (mut passed, mut failed) = (0, 0);
    let files = files(&folder);
    assert!(files.len() >= 25, "files of tests/vectors are missing");
    for path in files {
        let file = path.strip_prefix(&folder).unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let json: Json = serde_json::from_str(&text).unwrap();
        let cases = json["cases"].as_array().unwrap();
        assert!(!cases.is_empty(), "{file} has no cases");
        for case in cases {
            let name = format!("vectors {file}: {}", case["name"].as_str().unwrap());
            if !wanted.is_empty() && !wanted.iter().any(|word| name.contains(word)) {
                continue;
            }
            match complaint(file, case) {
                None => {
                    passed += 1;
                    println!("test {name} ... ok");
                }
                Some(complaint) => {
                    failed += 1;
                    println!("test {name} ... FAILED\n{complaint}");
                }
            }
        }
    }
    let result = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {result}. {passed} passed; {failed} failed");
    ExitCode::from(u8::from(failed > 0))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "json") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Why a case does not come out as it says.
fn complaint(file: &str, case: &Json) -> Option<String> {
    let input = case["input"].to_string();
    let Ok(outcome) = catch_unwind(|| run_vector(file, &input)) else {
        return Some("it panicked".into());
    };
    let Some(outcome) = outcome else {
        return Some("nothing reads this file".into());
    };
    let outcome: Json = serde_json::from_str(&outcome).unwrap();
    expected(case, &outcome).map(|expected| format!("{expected}, found {outcome:#}"))
}

fn expected(case: &Json, outcome: &Json) -> Option<String> {
    if let Some(expected) = case.get("expected") {
        let same = without_nulls(&outcome["expected"]) == without_nulls(expected)
            && outcome.get("error").is_none();
        return (!same).then(|| format!("expected {expected:#}"));
    }
    if case["error"] != outcome["error"] || !case["error"].is_string() {
        return Some(format!("expected the error {}", case["error"]));
    }
    if case["pointer"] != outcome["pointer"] {
        return Some(format!("expected it at {}", case["pointer"]));
    }
    let says = outcome["says"].as_str().unwrap();
    ["message_says", "names", "member"]
        .iter()
        .filter_map(|name| case[*name].as_str())
        .find(|words| !says.contains(words))
        .map(|words| format!("expected it to name {words}"))
}

/// A member that is null is a member that is absent.
fn without_nulls(value: &Json) -> Json {
    match value {
        Json::Object(members) => members
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect(),
        Json::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}
