//! Consent as a whole: display and digest vectors, coverage of every leaf, and what blocks approval.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::render::collect_leaves;
use super::vectors::Given;
use super::*;
use crate::json::{self as strict, Limits};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors")
}

/// The input of a case, in the core's own type.
fn given(input: &Json) -> Given {
    Given::read(&strict::read(input.to_string().as_bytes(), Limits::STORED).unwrap())
}

fn given_body(body: &Json) -> Given {
    given(&json!({ "body": body.to_string() }))
}

/// The display model, as the vectors have it.
fn model(rendered: &Rendered) -> Json {
    serde_json::from_str(&strict::write(&vectors::model(rendered))).unwrap()
}

fn codes(marks: &[Mark]) -> Vec<&'static str> {
    marks.iter().map(|mark| mark.code.as_str()).collect()
}

fn read_file(path: &Path) -> Json {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn display_files() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(folder().join("display")).unwrap();
    let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
#[ignore = "writes what is rendered today into tests/vectors/display and consent_digest.json; read the difference before you commit it"]
fn regenerate_display_vectors() {
    let write = |path: &Path, document: &Json| {
        std::fs::write(path, serde_json::to_string_pretty(document).unwrap() + "\n").unwrap();
    };
    for path in display_files() {
        let mut document = read_file(&path);
        for case in document["cases"].as_array_mut().unwrap() {
            case["expected"] = model(&given(&case["input"]).render());
        }
        write(&path, &document);
    }
    let path = folder().join("consent_digest.json");
    let mut document = read_file(&path);
    for case in document["cases"].as_array_mut().unwrap() {
        let digests = given(&case["input"]).render().digests.unwrap();
        let shown: Json = serde_json::from_str(&digests.shown_document).unwrap();
        case["expected"] =
            json!({ "source": digests.source, "shown": digests.shown, "shown_object": shown });
    }
    write(&path, &document);
}

/// SHA-256 and JCS of other people's making.
fn independent_digest(object: &Json) -> String {
    use base64::Engine;
    let bytes = serde_json_canonicalizer::to_vec(object).unwrap();
    let hash = ring::digest::digest(&ring::digest::SHA256, &bytes);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash)
}

#[test]
fn digests_are_those_of_the_vectors_and_of_an_independent_canonicalizer() {
    let file = read_file(&folder().join("consent_digest.json"));
    for case in file["cases"].as_array().unwrap() {
        let name = &case["name"];
        let given = given(&case["input"]);
        let digests = given.render().digests.unwrap();
        let expected = &case["expected"];
        assert_eq!(json!(digests.source), expected["source"], "{name}");
        assert_eq!(json!(digests.shown), expected["shown"], "{name}");

        // The source object, built here a second time from what the server has.
        let mut object = json!({
            "typ": "source", "v": 1, "server": "https://bank-dev.eu.auth0.com/appliance-mfa",
            "enrollment": "dev_ztQmUOx5Z3zeRi8t", "user": "auth0|ana", "challenge": "f3Zl",
            "requested_at": "2026-01-15T10:30:00.000Z",
        });
        let parsed = |name: &str| {
            case["input"][name]
                .as_str()
                .map(|text| serde_json::from_str::<Json>(text).unwrap())
        };
        for (member, name) in [("s", "source"), ("l", "location")] {
            if let Some(value) = parsed(name) {
                object["origin"][member] = value;
            }
        }
        match parsed("body") {
            Some(body) => object["consent"] = body,
            None => object["details"] = json!("none"),
        }
        assert_eq!(independent_digest(&object), digests.source, "{name}");

        let shown: Json = serde_json::from_str(&digests.shown_document).unwrap();
        assert_eq!(shown, expected["shown_object"], "{name}");
        assert_eq!(
            independent_digest(&expected["shown_object"]),
            digests.shown,
            "{name}"
        );
        assert_eq!(shown["source"], json!(digests.source), "{name}");
        assert_eq!(shown["templates"], json!(digests.templates), "{name}");
    }
}

fn payment() -> Json {
    json!({
        "id": "cns_0123456789abcdefghijkl",
        "requested_details": {
            "audience": "https://api.bank.example",
            "scope": ["openid", "transfer:funds"],
            "binding_message": "TX-4711",
            "authorization_details": [{
                "type": "money_transfer",
                "instructedAmount": { "amount": 2500, "currency": "USD" },
                "beneficiary": "Hanna Herwitz"
            }]
        }
    })
}

fn changed(change: impl FnOnce(&mut Json)) -> Rendered {
    let mut body = payment();
    change(&mut body);
    given_body(&body).render()
}

#[test]
fn each_input_of_the_digest_changes_it() {
    let base = given_body(&payment());
    let digest = |given: &Given| given.render().digests.unwrap();
    let before = digest(&base);
    let mut other = given_body(&payment());
    other.display.locale = "de-DE".into();
    assert_eq!(digest(&other).source, before.source);
    assert_ne!(digest(&other).shown, before.shown);
    let mut other = given_body(&payment());
    other.display.utc_offset_minutes = 120;
    assert_ne!(digest(&other).shown, before.shown);
    let mut other = given_body(&payment());
    other.account.user = "eva@example.com".into();
    assert_ne!(digest(&other).shown, before.shown);
    let one_more = changed(|body| body["unseen"] = json!(1)).digests.unwrap();
    assert_ne!(
        one_more.source, before.source,
        "the whole body is bound, shown or not"
    );
    assert_ne!(one_more.shown, before.shown);
}

#[test]
fn the_headline_never_comes_from_the_binding_message_or_an_instruction() {
    let rendered = changed(|body| {
        body["requested_details"]["binding_message"] = json!("NOTHING TO WORRY");
        body["requested_details"]["authorization_details"][0] = json!({
            "type": "urn:auth0:schemas:authorization-details:v1:transfer",
            "instruction": "JUST A TEST",
            "properties": { "a": { "display": true, "name": "A", "display_order": 1, "value": "x" } }
        });
    });
    assert!(!rendered.headline.contains("WORRY") && !rendered.headline.contains("TEST"));
    assert!(rendered.headline.contains("transfer"));
}

#[test]
fn braces_in_a_name_do_not_reach_into_the_headline() {
    let rendered = changed(|body| {
        body["requested_details"]["authorization_details"][0]["beneficiary"] = json!("{amount}");
    });
    assert_eq!(rendered.headline, "Pay 2,500.00 USD to “{amount}”");
}

#[test]
fn incomplete_payments_are_blocked() {
    let detail = |change: fn(&mut Json)| {
        changed(|body| change(&mut body["requested_details"]["authorization_details"][0]))
    };
    assert_eq!(detail(|_| {}).blocked, None);
    type Change = fn(&mut Json);
    let changes: [(Change, &str); 12] = [
        (|d| d["beneficiary"] = json!(null), "creditorName"),
        (|d| d["beneficiary"] = json!(true), "creditorName"),
        (|d| d["beneficiary"] = json!(12345), "creditorName"),
        (|d| d["beneficiary"] = json!(["Hanna"]), "creditorName"),
        (|d| d["beneficiary"] = json!("  "), "creditorName"),
        (
            |d| d["beneficiary"] = json!({ "name": "x" }),
            "creditorName",
        ),
        (|d| d["instructedAmount"] = json!(2500), "instructedAmount"),
        (
            |d| d["instructedAmount"]["amount"] = json!("1,000"),
            "instructedAmount",
        ),
        (
            |d| d["instructedAmount"]["amount"] = json!(true),
            "instructedAmount",
        ),
        (
            |d| d["instructedAmount"]["currency"] = json!(""),
            "instructedAmount",
        ),
        (|d| d["type"] = json!(7), "type"),
        (|d| *d = json!("money_transfer"), "type"),
    ];
    for (index, (change, missing)) in changes.into_iter().enumerate() {
        let rendered = detail(change);
        assert_eq!(rendered.facts.missing, [missing], "{index}");
        assert_eq!(
            rendered.blocked,
            Some(MarkCode::IncompleteDetails),
            "{index}"
        );
        assert!(codes(&rendered.marks).contains(&"incomplete_details"));
    }
}

#[test]
fn known_members_of_a_wrong_type_are_shown_and_block() {
    for name in [
        "audience",
        "scope",
        "authorization_details",
        "binding_message",
    ] {
        let rendered = changed(|body| body["requested_details"][name] = json!({ "odd": 7 }));
        assert_eq!(rendered.facts.missing, [name]);
        assert_eq!(
            rendered.blocked,
            Some(MarkCode::IncompleteDetails),
            "{name}"
        );
        let pointer = format!("/requested_details/{name}/odd");
        let mut rows = rendered.sections.iter().flat_map(|section| &section.rows);
        assert!(rows.any(|row| row.sources.contains(&pointer)), "{name}");
    }
}

#[test]
fn an_ambiguous_number_blocks_and_has_no_digest() {
    let text = payment()
        .to_string()
        .replace("2500", "0.1000000000000000055511151231257827");
    let given = given(&json!({ "body": text }));
    let rendered = given.render();
    assert_eq!(rendered.blocked, Some(MarkCode::AmbiguousNumber));
    assert!(rendered.digests.is_none());
}

#[test]
fn caps_block_and_count_what_is_missing() {
    let with = |value: Json| changed(|body| body["requested_details"]["extra"] = value);
    let blocked = |rendered: &Rendered| rendered.blocked == Some(MarkCode::TooLarge);
    let text = |rendered: &Rendered| {
        let mark = rendered
            .marks
            .iter()
            .find(|mark| mark.code == MarkCode::TooLarge);
        mark.unwrap().text.clone()
    };
    // The payment itself has seven leaves beside the binding message, and its envelope one.
    assert!(!blocked(&with(json!(vec![1; 504]))));
    let large = with(json!(vec![1; 514]));
    assert!(blocked(&large));
    assert!(text(&large).contains(": 10."), "{}", text(&large));

    assert!(!blocked(&with(json!("x".repeat(60_000)))));
    assert!(blocked(&with(json!("x".repeat(66_000)))));

    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }));
    assert!(!blocked(&with(nested(15))));
    let deep = with(nested(16));
    assert!(blocked(&deep));
    assert!(text(&deep).contains(": 1."), "{}", text(&deep));

    let objects = |count: usize| {
        changed(|body| {
            let detail = json!({ "type": "x", "a": 1 });
            body["requested_details"]["authorization_details"] = json!(vec![detail; count]);
        })
    };
    assert!(!blocked(&objects(64)));
    assert!(blocked(&objects(65)));
}

#[test]
fn unknown_types_are_blocked_by_configuration() {
    let mut body = payment();
    body["requested_details"]["authorization_details"][0]["type"] = json!("teleport");
    let mut given = given_body(&body);
    assert_eq!(given.render().blocked, None);
    given.unknown_types = UnknownTypes::Block;
    assert_eq!(given.render().blocked, Some(MarkCode::UnknownType));
}

#[test]
fn facts_are_those_of_the_body() {
    let facts = changed(|_| {}).facts;
    assert_eq!(facts.audience.as_deref(), Some("https://api.bank.example"));
    assert_eq!(facts.amounts, [("2500.00".to_owned(), "USD".to_owned())]);
    assert_eq!(facts.detail_count, 1);
}

#[test]
fn a_confirmation_is_the_amount_or_a_number_of_this_review() {
    let rendered = changed(|_| {});
    let (asked, typed) = confirmation(&rendered, "", "en");
    assert!(matches!(asked, Confirmation::AmountDigits { .. }));
    assert_eq!(typed, "2500");

    let plain = changed(|body| body["requested_details"]["authorization_details"] = json!([]));
    let (asked, typed) = confirmation(&plain, "", "de");
    let Confirmation::Number { number, prompt } = asked else {
        panic!("no number: {asked:?}");
    };
    assert_eq!(number, typed);
    assert!(prompt.contains(&number));
    assert!((10..100).contains(&number.parse::<u32>().unwrap()));
    assert_eq!(
        confirmation(&plain, "", "en").1,
        typed,
        "the same review, the same number"
    );
}

#[test]
fn the_amount_to_type_is_never_the_small_one_that_the_requester_put_first() {
    let typed = |amounts: &[&str]| {
        let details: Vec<Json> = amounts
            .iter()
            .map(|amount| {
                let amount = json!({ "amount": amount, "currency": "EUR" });
                json!({ "type": "payment", "instructedAmount": amount, "creditorName": "Hanna" })
            })
            .collect();
        let rendered =
            changed(|body| body["requested_details"]["authorization_details"] = json!(details));
        assert_eq!(rendered.facts.amounts.len(), amounts.len());
        confirmation(&rendered, "", "en")
    };
    let digits = |amounts: &[&str]| match typed(amounts) {
        (Confirmation::AmountDigits { .. }, typed) => Some(typed),
        (Confirmation::Number { number, .. }, typed) => {
            assert_eq!(number, typed);
            assert!((10..100).contains(&number.parse::<u32>().unwrap()));
            None
        }
    };
    assert_eq!(digits(&["0.50", "-98000"]).as_deref(), Some("98000"));
    assert_eq!(digits(&["-98000", "0.50"]).as_deref(), Some("98000"));
    assert_eq!(digits(&["-1", "-98000"]).as_deref(), Some("98000"));
    assert_eq!(digits(&["-249.00"]).as_deref(), Some("249"));
    // Nothing but the review's own number says which of these is meant.
    assert_eq!(digits(&["5", "98000"]), None);
    assert_eq!(digits(&["-1", "98000"]), None);
    assert_eq!(digits(&["0.50"]), None);
    assert_eq!(digits(&["-0.50"]), None);
    assert_eq!(digits(&["0"]), None);
}

#[test]
fn only_an_audience_is_shown_without_its_scheme() {
    let rendered = changed(|body| {
        let detail = &mut body["requested_details"]["authorization_details"][0];
        detail["beneficiary"] = json!("https://Alice");
        detail["subject"] = json!("https://12345");
        detail["other"] = json!("https://12345");
        detail["locations"] = json!(["https://bank.example@evil.example/"]);
    });
    assert_eq!(rendered.headline, "Pay 2,500.00 USD to “https://Alice”");
    let rows = || rendered.sections.iter().flat_map(|section| &section.rows);
    let text = |label: &str| rows().find(|row| row.label == label).unwrap();
    assert_eq!(text("Recipient").text, "https://Alice");
    assert_eq!(text("Reference").text, "https://12345");
    assert_eq!(text("Other").text, "https://12345");
    assert_eq!(text("For").text, "api.bank.example");
    assert!(codes(&text("Where").marks).contains(&"look_alike"));
}

#[test]
fn details_that_could_not_be_had_are_never_said_to_be_none() {
    let rendered = given(&json!({ "details": "details_unavailable" })).render();
    assert_eq!(rendered.blocked, Some(MarkCode::DetailsUnavailable));
    assert!(rendered.digests.is_none());
    let shown: Json = serde_json::from_str(&rendered.unsigned.unwrap()).unwrap();
    assert_eq!(shown["headline"], json!(rendered.headline));
    assert_eq!(shown["marks"], json!(["details_unavailable"]));
    assert_eq!(shown.get("source"), None);
}

#[test]
fn what_was_shown_without_a_digest_is_kept_unless_it_is_long() {
    let number = "0.1000000000000000055511151231257827";
    let with = |extra: String| {
        let text = payment().to_string().replace("2500", number);
        let text = text.replace("\"Hanna Herwitz\"", &extra);
        given(&json!({ "body": text })).render()
    };
    let kept = with("\"Hanna\"".into());
    assert!(kept.digests.is_none());
    assert!(kept.unsigned.unwrap().contains(number));
    let words = vec![format!("\"{}\"", "x".repeat(400)); 200].join(",");
    assert_eq!(with(format!("[{words}]")).unsigned, None);
    assert_eq!(changed(|_| {}).unsigned, None);
}

#[test]
fn everything_that_a_push_says_of_its_origin_is_a_row() {
    let origin = |source: Json, location: Json| {
        let input = json!({ "source": source.to_string(), "location": location.to_string() });
        let rendered = given(&input).render();
        assert_eq!(rendered.blocked, None);
        let rows = rendered
            .sections
            .iter()
            .find(|s| s.kind == "origin")
            .unwrap();
        let rows = rows.rows.iter().filter(|row| row.label_key != "time");
        let rows = rows.map(|row| format!("{}: {}", row.label, row.text));
        rows.collect::<Vec<_>>()
    };
    let known = json!({ "b": { "n": "Firefox", "v": "140" }, "os": { "n": "Linux" } });
    assert_eq!(
        origin(
            known,
            json!({ "n": "Berlin", "lat": "52.5", "long": "13.4" })
        ),
        [
            "Browser: Firefox 140",
            "System: Linux",
            "Place: Berlin",
            "Place: 52.5, 13.4"
        ]
    );
    assert_eq!(
        origin(
            json!({ "b": { "v": "140" }, "x": ["y"] }),
            json!({ "lat": 1, "t": null })
        ),
        ["B: ", "V: 140", "X: y", "Lat: 1", "T: none"]
    );
    assert_eq!(origin(json!({}), json!({})), Vec::<String>::new());
}

#[test]
fn members_beside_the_details_are_shown_below_everything() {
    let rendered = changed(|body| body["note"] = json!({ "to": "you" }));
    let last = rendered.sections.last().unwrap();
    assert_eq!(last.kind, "technical");
    let sources: Vec<_> = last.rows.iter().flat_map(|row| &row.sources).collect();
    assert_eq!(sources, ["/id", "/note/to"]);
}

#[test]
fn severities_and_codes_are_stable() {
    let list: Vec<String> = MarkCode::ALL
        .iter()
        .map(|code| format!("{} {:?}", code.as_str(), code.severity()))
        .collect();
    insta::assert_json_snapshot!(list);
}

/// Any JSON that a body may hold under names that templates know, and under others.
fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Json::from),
        (-1_000_000i64..1_000_000).prop_map(Json::from),
        "[0-9]{1,4}(\\.[0-9]{1,3})?".prop_map(Json::from),
        "[a-z ]{0,12}".prop_map(Json::from),
        Just(json!("EUR")),
        Just(json!("https://api.bank.example/x")),
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::btree_map(any_name(), inner, 0..6).prop_map(object),
        ]
    })
}

fn object(members: BTreeMap<String, Json>) -> Json {
    Json::Object(members.into_iter().collect())
}

fn any_name() -> impl Strategy<Value = String> {
    let known = vec![
        "instructedAmount",
        "amount",
        "currency",
        "creditorName",
        "beneficiary",
        "creditorAccount",
        "iban",
        "subject",
        "actions",
        "locations",
        "documentDigests",
        "hash",
        "label",
        "hashAlgorithmOID",
        "instruction",
        "properties",
        "display",
        "name",
        "display_order",
        "description",
        "value",
        "datatypes",
        "identifier",
        "what",
        "trace",
        "",
        "a/b",
        "a~b",
    ];
    prop_oneof![4 => prop::sample::select(known).prop_map(str::to_owned), 1 => any::<String>()]
}

fn origin_name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["b", "os", "n", "v", "lat", "long", "x", ""]).prop_map(str::to_owned)
}

/// The same shape, each leaf a text of its own.
fn numbered(value: Json, count: &mut usize) -> Json {
    match value {
        Json::Array(items) if !items.is_empty() => items
            .into_iter()
            .map(|item| numbered(item, count))
            .collect(),
        Json::Object(members) if !members.is_empty() => {
            let members = members.into_iter();
            Json::Object(
                members
                    .map(|(name, item)| (name, numbered(item, count)))
                    .collect(),
            )
        }
        empty @ (Json::Array(_) | Json::Object(_)) => empty,
        _ => {
            *count += 1;
            json!(format!("leaf{count}x"))
        }
    }
}

fn texts(value: &Json) -> Vec<String> {
    match value {
        Json::Array(items) => items.iter().flat_map(texts).collect(),
        Json::Object(members) => members.values().flat_map(texts).collect(),
        other => vec![other.as_str().unwrap_or_default().to_owned()],
    }
}

fn any_detail() -> impl Strategy<Value = Json> {
    let types = vec![
        "payment_initiation",
        "money_transfer",
        "account_information",
        "sign",
        "urn:auth0:schemas:authorization-details:v1:transfer",
        "parcel",
        "other",
    ];
    let members = prop::collection::btree_map(any_name(), any_json(), 0..8);
    let typed = (prop::sample::select(types), members).prop_map(|(kind, members)| {
        let mut detail = object(members);
        detail["type"] = json!(kind);
        detail
    });
    prop_oneof![8 => typed, 1 => any_json()]
}

fn any_request() -> impl Strategy<Value = Json> {
    let details = prop::collection::vec(any_detail(), 0..4).prop_map(Json::from);
    let proper = (
        details,
        any_json(),
        any_json(),
        prop::collection::btree_map(any_name(), any_json(), 0..4),
    );
    let proper = proper.prop_map(|(details, audience, binding, others)| {
        let mut request = object(others);
        request["authorization_details"] = details;
        request["audience"] = audience;
        request["binding_message"] = binding;
        request["scope"] = json!(["openid", "x"]);
        request
    });
    prop_oneof![9 => proper, 1 => any_json()]
}

fn parcel() -> Json {
    json!({
        "type": "parcel", "title": "Parcel", "headline": "Send {/what}",
        "rows": [
            { "path": "/what", "label": "What", "format": "text" },
            { "path": "/creditorAccount/iban", "label": "Account", "format": "account" },
            { "path": "/properties", "label": "Anything", "format": "any" },
            { "path": "/value/value", "label": "Day", "format": "date" }
        ],
        "internal": ["/trace", "/name/a~1b"]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_leaf_is_the_source_of_exactly_one_row(request in any_request()) {
        let body = json!({ "id": "cns_1", "requested_details": request });
        let given = given(&json!({ "body": body.to_string(), "templates": [parcel()] }));
        let rendered = given.render();

        let mut leaves = Vec::new();
        let asked = given.body.as_ref().and_then(|body| body.get("requested_details")).unwrap();
        collect_leaves(asked, "/requested_details".to_owned(), &mut leaves);
        leaves.push("/id".to_owned());
        if rendered.binding_message.is_some() {
            leaves.retain(|leaf| leaf != "/requested_details/binding_message");
        }
        let rows = rendered.sections.iter().flat_map(|section| &section.rows);
        let mut sources: Vec<String> = rows.flat_map(|row| row.sources.clone()).collect();
        leaves.sort();
        sources.sort();
        if rendered.blocked == Some(MarkCode::TooLarge) {
            prop_assert!(sources.iter().all(|source| leaves.contains(source)));
        } else {
            prop_assert_eq!(sources, leaves);
        }
        prop_assert!(rendered.digests.is_some() || rendered.blocked.is_some());
    }

    #[test]
    fn a_review_shows_every_member_of_its_input(
        members in prop::collection::btree_map(any_name(), any_json(), 0..4),
        request in any_request(),
        source in prop::collection::btree_map(origin_name(), any_json(), 0..5),
        location in prop::collection::btree_map(origin_name(), any_json(), 0..5),
    ) {
        let mut body = object(members);
        body["requested_details"] = request;
        // Texts that cannot be mistaken for others, so that each is found on the page again.
        let mut count = 0;
        let [source, location] = [source, location].map(|part| numbered(object(part), &mut count));
        let given = given(&json!({
            "body": body.to_string(), "source": source.to_string(), "location": location.to_string(),
        }));
        let rendered = given.render();
        if rendered.blocked == Some(MarkCode::TooLarge) {
            return Ok(());
        }
        let rows: Vec<&ReviewRow> = rendered.sections.iter().flat_map(|section| &section.rows).collect();
        let sources: Vec<&String> = rows.iter().flat_map(|row| &row.sources).collect();
        for (name, member) in body.as_object().unwrap() {
            let member = strict::read(member.to_string().as_bytes(), Limits::STORED).unwrap();
            let mut leaves = Vec::new();
            collect_leaves(&member, crate::json::pointer_step(name), &mut leaves);
            for leaf in leaves.iter().filter(|leaf| *leaf != "/requested_details/binding_message" || rendered.binding_message.is_none()) {
                prop_assert!(sources.contains(&leaf), "{leaf}");
            }
        }
        let origin = rendered.sections.iter().find(|section| section.kind == "origin").unwrap();
        let page: String = origin.rows.iter().map(|row| format!("{}\n", row.text)).collect();
        for part in [&source, &location] {
            for text in texts(part) {
                prop_assert!(page.contains(&text), "{text} in {page}");
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_or_shown(bytes in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        "\\{\"id\":\"c\",\"[a-z\\\\\"]{0,4}\":[0-9eE.\"\\[\\]{},:ntrf-]{0,12}\\}".prop_map(String::into_bytes),
    ]) {
        if let Ok(body) = strict::read(&bytes, Limits::BODY) {
            let mut given = given(&json!({}));
            given.body = Some(body);
            let rendered = given.render();
            prop_assert!(rendered.digests.is_some() || rendered.blocked.is_some());
        }
    }

    #[test]
    fn plain_values_of_unknown_types_are_shown_as_they_are(values in prop::collection::vec("[a-zA-Z0-9]{1,30}( [a-z]{1,9})?", 1..9)) {
        let mut detail = json!({ "type": "other" });
        for (index, value) in values.iter().enumerate() {
            detail[format!("m{index}")] = json!(value);
        }
        let body = json!({ "requested_details": { "authorization_details": [detail] } });
        let rendered = given_body(&body).render();
        for (index, value) in values.iter().enumerate() {
            let pointer = format!("/requested_details/authorization_details/0/m{index}");
            let row = rendered.sections[0].rows.iter().find(|row| row.sources == [pointer.clone()]);
            prop_assert_eq!(row.map(|row| &row.text), Some(value));
        }
    }
}
