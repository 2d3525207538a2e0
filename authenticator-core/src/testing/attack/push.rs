//! Push payloads, in the envelope of APNs and of FCM.

use super::page;
use super::printable::assert_printable;
use super::requests;
use super::spelling::{reversed, sorted, spelled_out};
use crate::challenge::{challenge_id, origin};
use crate::consent::{Details, Display, ShownText, harden};
use crate::core::dialects;
use crate::json::{self, Limits, Value, object, read};
use crate::protocol::{Push, PushPayload};
use crate::secret::Secret;

/// Members that an error may name.
const MEMBERS: [&str; 8] = [
    "aps.category",
    "dai",
    "txtkn",
    "c",
    "d",
    "sh",
    "txlnkid",
    "category",
];

/// A push reads the same however it is spelled and in whichever envelope it comes; what its origin says is shown, all of
/// it is bound by the digest of the source, and nothing of it acts on the screen or moves a request.
pub fn push(data: &[u8]) -> bool {
    let Ok(payload) = read(data, Limits::PUSH) else {
        return false;
    };
    let mut ours = false;
    for (_, dialect) in dialects() {
        let read_again = |payload: &Value| facts(&dialect.push(payload));
        let found = dialect.push(&payload);
        let spelled = read(spelled_out(&payload).as_bytes(), Limits::BODY);
        let spelled = spelled.expect("another spelling is JSON");
        assert!(read_again(&spelled) == facts(&found), "spelling matters");
        assert!(
            read_again(&reversed(&payload)) == facts(&found),
            "order matters"
        );
        match found {
            PushPayload::NotOurs => {}
            PushPayload::Malformed { member } => assert!(MEMBERS.contains(&member), "{member}"),
            PushPayload::Push(push) => {
                ours = true;
                let facts = facts(&PushPayload::Push(push.clone()));
                for envelope in envelopes(&payload) {
                    assert!(read_again(&envelope) == facts, "the envelope matters");
                }
                check(&push);
                requests::check(dialect, &push);
            }
        }
    }
    ours
}

/// The same keys in every envelope, with `s` and `l` as objects or as text.
fn envelopes(payload: &Value) -> Vec<Value> {
    let holder = ["mfa", "data"]
        .iter()
        .filter_map(|name| payload.get(name))
        .find(|inner| inner.get("dai").is_some());
    let keys = holder.unwrap_or(payload);
    let as_text = match keys {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, member)| match (name.as_str(), member) {
                    ("s" | "l", Value::Object(_)) => (name.clone(), json::write(member).into()),
                    _ => (name.clone(), member.clone()),
                })
                .collect(),
        ),
        other => other.clone(),
    };
    let category = "com.auth0.notification.authentication";
    let mut envelopes = Vec::new();
    for keys in [keys.clone(), as_text] {
        envelopes.push(object([
            ("aps", object([("category", category.into())])),
            ("mfa", keys.clone()),
        ]));
        envelopes.push(object([("data", keys.clone())]));
        // Flat, unless that would hold the keys twice.
        let nested = ["mfa", "data"].iter().any(|name| {
            keys.get(name)
                .is_some_and(|inner| inner.get("dai").is_some())
        });
        if !nested {
            envelopes.push(keys);
        }
    }
    envelopes
}

/// All that was read, as one comparable value. The order of members inside the origin does not count.
fn facts(payload: &PushPayload) -> Value {
    let push = match payload {
        PushPayload::NotOurs => return "not ours".into(),
        PushPayload::Malformed { member } => return object([("malformed", (*member).into())]),
        PushPayload::Push(push) => push,
    };
    let or_null = |value: &Option<Value>| value.as_ref().map_or(Value::Null, sorted);
    object([
        ("enrollment", push.enrollment.as_str().into()),
        ("token", push.transaction_token.expose().as_str().into()),
        ("challenge", push.challenge.as_str().into()),
        ("requested_at", push.requested_at.into()),
        ("requested_at_text", push.requested_at_text.as_str().into()),
        ("source", or_null(&push.source)),
        ("location", or_null(&push.location)),
        (
            "consent",
            or_null(&push.consent_id.as_deref().map(Value::from)),
        ),
        ("server", push.server_hint.as_str().into()),
    ])
}

fn check(push: &Push) {
    let token = push.transaction_token.expose();
    assert!(!token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()));
    for id in [&push.enrollment, &push.challenge, &push.server_hint] {
        assert!(!id.is_empty());
    }
    one_id(push);
    notification(push);
    let display = Display {
        locale: "en-GB".into(),
        zone: "Europe/Berlin".into(),
        utc_offset_minutes: 60,
    };
    let input = page::input(Details::None, push, &display);
    let rendered = page::check(&input);
    let printed = page::printed(&rendered);
    let printed: Vec<_> = printed.iter().map(|text| page::letters(text)).collect();
    for said in said_by_origin(push) {
        let said = page::letters(&whole(&harden(&said)));
        assert!(
            page::is_cut(&rendered) || printed.iter().any(|text| text.contains(&said)),
            "the origin says more than the screen"
        );
    }
    bound(push, &display);
}

/// What the server calls one challenge of one account is one, in whatever words it is pushed; nothing else is.
fn one_id(push: &Push) {
    let id = challenge_id(push);
    assert!(challenge_id(&push.clone()) == id);
    let in_other_words = Push {
        transaction_token: Secret::new("another".into()),
        consent_id: None,
        source: None,
        location: None,
        ..push.clone()
    };
    assert!(
        challenge_id(&in_other_words) == id,
        "one challenge with two ids"
    );
    let changes: [fn(&mut Push); 2] = [
        |push| push.enrollment.push('1'),
        |push| push.challenge.push('1'),
    ];
    for change in changes {
        let mut other = push.clone();
        change(&mut other);
        assert!(challenge_id(&other) != id, "two challenges with one id");
    }
}

fn notification(push: &Push) {
    let origin = origin(push.source.as_ref(), push.location.as_ref());
    for text in [&origin.browser, &origin.system, &origin.place]
        .into_iter()
        .flatten()
    {
        assert_printable(&text.shown, false);
    }
    let degrees = |degrees: Option<f64>, bound| degrees.is_none_or(|d: f64| d.abs() <= bound);
    assert!(degrees(origin.latitude, 90.0) && degrees(origin.longitude, 180.0));
}

/// Every word and every number of the origin.
fn said_by_origin(push: &Push) -> Vec<String> {
    let said = |leaf: &Value| match leaf {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.text().to_owned()),
        _ => None,
    };
    [&push.source, &push.location]
        .into_iter()
        .flatten()
        .flat_map(page::leaves)
        .filter_map(|(_, leaf)| said(leaf))
        .collect()
}

fn whole(text: &ShownText) -> String {
    text.full.as_ref().unwrap_or(&text.shown).clone()
}

/// One more member in the origin, seen or not: another source.
fn bound(push: &Push, display: &Display) {
    let source = |push: &Push| {
        let digests = page::render(&page::input(Details::None, push, display)).digests;
        digests.map(|digests| digests.source)
    };
    let Some(before) = source(push) else {
        return;
    };
    for place in [0, 1] {
        let mut other = push.clone();
        let origin = [&mut other.source, &mut other.location]
            .into_iter()
            .nth(place)
            .and_then(Option::as_mut);
        if let Some(Value::Object(members)) = origin {
            members.push((format!("{} more", members.len()), Value::Null));
            assert!(source(&other).as_ref() != Some(&before), "not bound");
        }
    }
}
