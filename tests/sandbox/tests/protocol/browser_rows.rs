//! The page shows what a phone shows: checked against the display vectors that every language reads, and against a
//! phone on the core that is asked the same.

use std::path::Path;

use authenticator_core::{
    Authenticator, Config, Device, Platform, Review, RowValue, SoftwareKeyStore,
};
use sandbox::Options;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::browser::{Browser, Page, mailed, unescaped, with_email};

/// What a reader sees of a page, section by section: title, then label and text of each row.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    headline: String,
    binding_message: Option<String>,
    marks: Vec<String>,
    sections: Vec<(String, Vec<Line>)>,
}

#[derive(Debug, PartialEq, Eq)]
struct Line {
    label: String,
    text: String,
    marks: Vec<String>,
}

/// Text between two marks of the page.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?
        .1
        .split_once(end)
        .map(|(text, _)| text)
}

fn marks(html: &str) -> Vec<String> {
    html.split("data-mark=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect()
}

fn of_page(page: &Page) -> Shown {
    let html = page.answer.text.as_str();
    let (head, rest) = html.split_once("<h2").expect("sections");
    let body = rest.split("<form class=\"decide\"").next().expect("a form");
    let sections = body.split("<h2").map(|section| {
        let title = between(section, ">", "</h2>").expect("a title");
        let rows = section.split("<dt>").skip(1).map(row).collect();
        (unescaped(title), rows)
    });
    Shown {
        headline: unescaped(between(head, "<h1>", "</h1>").expect("a headline")),
        binding_message: between(
            head,
            "<blockquote aria-labelledby=\"binding\">",
            "</blockquote>",
        )
        .map(unescaped),
        marks: marks(head),
        sections: sections.collect(),
    }
}

fn row(html: &str) -> Line {
    let (label, rest) = html.split_once("</dt>").expect("a label");
    let text = if let Some(list) = between(rest, "<dd><ul>", "</ul>") {
        let items: Vec<String> = list
            .split("<li>")
            .skip(1)
            .map(|item| unescaped(item.trim_end_matches("</li>")))
            .collect();
        items.join("\n")
    } else {
        let text = between(rest, "<span class=\"text\">", "</span>")
            .or_else(|| between(rest, "<strong>", "</strong>"))
            .expect("a text");
        unescaped(text)
    };
    Line {
        label: unescaped(label.split("<details>").next().unwrap_or_default()),
        text,
        marks: marks(rest),
    }
}

/// A vector's `expected`, without the sections of origin and of technical details: time and ids are those of the vector.
fn of_vector(expected: &Value) -> Shown {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let codes = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .map(|marks| {
                marks
                    .iter()
                    .map(|mark| text(mark.get("code").unwrap_or(mark)))
                    .collect()
            })
            .unwrap_or_default()
    };
    let line = |row: &Value| Line {
        label: text(&row["label"]),
        text: text(&row["text"]),
        marks: codes(&row["marks"]),
    };
    let sections = expected["sections"].as_array().expect("sections");
    Shown {
        headline: text(&expected["headline"]),
        binding_message: expected["binding_message"]["shown"]
            .as_str()
            .or(expected["binding_message"].as_str())
            .map(str::to_owned),
        marks: codes(&expected["marks"]),
        sections: sections
            .iter()
            .filter(|section| section["type"] != "origin" && section["type"] != "technical")
            .map(|section| {
                let rows = section["rows"].as_array().expect("rows");
                (text(&section["title"]), rows.iter().map(line).collect())
            })
            .collect(),
    }
}

/// Titles of the sections that differ between two requests for the same: where they come from, and their ids.
const OWN: [&str; 4] = [
    "Where it comes from",
    "Technical details",
    "Herkunft",
    "Technische Einzelheiten",
];

fn without_origin(mut shown: Shown) -> Shown {
    shown.sections.retain(|(of, _)| !OWN.contains(&of.as_str()));
    shown
}

async fn page_of(bench: &Bench, link: &str) -> Page {
    let mut browser = Browser::default();
    let ready = bench.sandbox.ready();
    browser
        .log_in(bench, link, &ready.username, &ready.user_password)
        .await
}

#[tokio::test]
async fn the_page_shows_the_rows_of_the_display_vectors() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/display");
    let bench = with_email().await;
    bench
        .sandbox
        .knobs()
        .update(|knobs| knobs.unknown_rar_type = true);
    // Of each file as many as get as far as a page; the others have templates or members that no request here has.
    // Unknown types: the test below has one.
    let (mut found, mut wanted) = (Vec::new(), Vec::new());
    for (name, expected) in [
        ("payment", 9),
        ("account_information", 3),
        ("signing", 5),
        ("auth0_v1", 3),
        ("text", 3),
        ("languages", 1),
    ] {
        let mut compared = 0;
        let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).expect("vectors");
        let file: Value = serde_json::from_str(&text).expect("JSON");
        for case in file["cases"].as_array().expect("cases") {
            let input = &case["input"];
            let plain = input["templates"].is_null() && input["unknown_types"].is_null();
            let locale = input["display"]["locale"]
                .as_str()
                .or(input["locale"].as_str());
            let language = match locale {
                None | Some("en-US") => "en",
                Some("de-DE") => "de",
                // The page has no other language.
                Some(_) => continue,
            };
            let Some(details) = input["body"].as_str().and_then(raw_details) else {
                continue;
            };
            if !plain {
                continue;
            }
            let asked: Value =
                serde_json::from_str(input["body"].as_str().expect("text")).expect("JSON");
            let asked = &asked["requested_details"];
            let usual = asked["audience"] == "https://api.bank.example"
                && asked["scope"] == json!(["openid"])
                && asked.as_object().is_some_and(|members| members.len() == 4);
            let Some(message) = asked["binding_message"].as_str().filter(|_| usual) else {
                continue;
            };
            let changes = [
                ("audience", "https://api.bank.example"),
                ("binding_message", message),
                ("authorization_details", details.as_str()),
                ("ui_locales", language),
            ];
            // A person who was just asked for so much would be warned.
            bench.advance(1_000);
            // Beyond the provider's limits nothing gets as far as a page.
            if bench.start_with(&changes).await.status != 200 {
                continue;
            }
            let link = crate::browser::newest_link(&bench);
            let page = page_of(&bench, &link).await;
            let shown = without_origin(of_page(&page));
            assert_eq!(shown, of_vector(&case["expected"]), "{}", case["name"]);
            compared += 1;
        }
        found.push((name, compared));
        wanted.push((name, expected));
    }
    assert_eq!(found, wanted);
}

/// The text of `authorization_details` in a body, as it stands there: numbers and doubles included.
fn raw_details(body: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        requested_details: Asked<'a>,
    }
    #[derive(serde::Deserialize)]
    struct Asked<'a> {
        #[serde(borrow)]
        authorization_details: &'a serde_json::value::RawValue,
    }
    let body: Body<'_> = serde_json::from_str(body).ok()?;
    Some(
        body.requested_details
            .authorization_details
            .get()
            .to_owned(),
    )
}

/// A phone on the core, enrolled with the sandbox.
async fn phone(bench: &Bench, folder: &Path) -> Authenticator {
    let store = folder.join("phone.db").to_string_lossy().into_owned();
    let config = Config {
        allow_loopback_cleartext: true,
        ..Config::new(store)
    };
    let platform = Platform::new(std::sync::Arc::new(SoftwareKeyStore::in_memory()));
    let phone = Authenticator::open(config, platform)
        .await
        .expect("a phone");
    let server = phone
        .add_server(bench.sandbox.origin())
        .await
        .expect("a server");
    let invitation = bench
        .sandbox
        .invitation(&bench.sandbox.ready().user_id)
        .expect("an invitation");
    let device = Device {
        name: "Phone".into(),
        identifier: None,
        push: Some(authenticator_core::PushToken {
            service: authenticator_core::PushService::Fcm,
            token: authenticator_core::Secret::new("token-of-the-phone".to_owned()),
        }),
    };
    phone
        .enroll(invitation, Some(server), device)
        .await
        .expect("an enrolment");
    phone
}

fn of_review(review: &Review) -> Shown {
    let codes = |marks: &[authenticator_core::Mark]| {
        marks
            .iter()
            .map(|mark| mark.code.as_str().to_owned())
            .collect()
    };
    Shown {
        headline: review.headline.clone(),
        binding_message: review
            .binding_message
            .as_ref()
            .map(|text| text.shown.clone()),
        // What only a phone remembers is no part of the page.
        marks: review
            .marks
            .iter()
            .map(|mark| mark.code.as_str().to_owned())
            .filter(|code| code != "new_audience")
            .collect(),
        sections: review
            .sections
            .iter()
            .map(|section| {
                let line = |row: &authenticator_core::ReviewRow| Line {
                    label: row.label.clone(),
                    text: match &row.value {
                        RowValue::Lines { lines } if !lines.is_empty() => lines.join("\n"),
                        _ => row.text.clone(),
                    },
                    marks: codes(&row.marks),
                };
                (
                    section.title.clone(),
                    section.rows.iter().map(line).collect(),
                )
            })
            .collect(),
    }
}

#[tokio::test]
async fn a_phone_and_the_page_show_the_same_of_the_same_request() {
    use futures_util::StreamExt as _;
    let bench = Bench::with(Options {
        per_user_limit: None,
        ready_channels: Some(vec!["guardian-push".into(), "email".into()]),
        ..Options::default()
    })
    .await;
    let folder = tempfile::tempdir().expect("folder");
    let phone = phone(&bench, folder.path()).await;
    let mut pushes = Box::pin(bench.sandbox.pushes("token-of-the-phone"));
    for details in [
        crate::bench::DETAILS,
        r#"[{"type":"money_transfer","instructedAmount":{"amount":1800.50,"currency":"EUR"},"beneficiary":"Ana Ruiz"},{"type":"money_transfer","instructedAmount":{"amount":1925,"currency":"EUR"},"beneficiary":"Ben \u200bOkafor"}]"#,
        r#"[{"type":"gate_access","gate":7,"vehicle":{"plate":"B-EX 2026","height_m":2.10},"escorted":false}]"#,
    ] {
        let same = [
            ("audience", "https://api.bank.example"),
            ("authorization_details", details),
        ];
        assert_eq!(bench.start_with(&same).await.status, 200);
        let event = pushes.next().await.expect("a push");
        let challenge = phone
            .receive_push(event.payload.get().to_owned())
            .await
            .expect("a challenge");
        let review = phone.review(challenge.id).await.expect("a review");

        let [audience, details] = same;
        let long = [audience, details, ("requested_expiry", "600")];
        let (_, link) = mailed(&bench, &long).await;
        let page = page_of(&bench, &link).await;
        let title = OWN[0];
        let (on_phone, on_page) = (of_review(&review), of_page(&page));
        let origin = |shown: &Shown| {
            let mut sections = shown.sections.iter();
            let (_, rows) = sections.find(|(of, _)| of == title).expect("the origin");
            rows.iter().map(|row| row.label.clone()).collect::<Vec<_>>()
        };
        assert_eq!(origin(&on_phone), origin(&on_page));
        // The phone has not seen the second request for the same, the page has seen both, and those before.
        let mut on_page = without_origin(on_page);
        assert!(on_page.marks.contains(&"repeated_request".to_owned()));
        let counted = ["repeated_request", "many_requests"];
        on_page
            .marks
            .retain(|code| !counted.contains(&code.as_str()));
        assert_eq!(on_page, without_origin(on_phone));
    }
}
