//! For any bytes as push or consent: a typed error, or a review that shows everything that is asked. The promises
//! themselves stand in `authenticator_core::testing::attack`; they panic where one is broken.

use authenticator_core::testing::attack;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::any_json::{Node, any_node, object, sound_node};
use crate::seeds::seeds;

/// Bytes that are rarely JSON.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        any::<String>().prop_map(String::into_bytes),
        "[\\[\\]{}\",:0-9eE+.\\\\u -]{0,60}".prop_map(String::into_bytes),
    ]
}

/// A seed with a few changes of the kind that a person or a program in the middle would make.
fn changed_seed(target: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let seeds = seeds(target);
    let donors = seeds.clone();
    let change = (any::<Index>(), any::<Index>(), any::<u8>(), 0u8..6);
    (
        prop::sample::select(seeds),
        prop::sample::select(donors),
        prop::collection::vec(change, 0..5),
    )
        .prop_map(|(mut seed, donor, changes)| {
            for (at, until, byte, kind) in changes {
                change_once(&mut seed, &donor, (at, until), byte, kind);
            }
            seed
        })
}

fn change_once(seed: &mut Vec<u8>, donor: &[u8], place: (Index, Index), byte: u8, kind: u8) {
    if seed.is_empty() {
        return;
    }
    let (one, two) = (place.0.index(seed.len()), place.1.index(seed.len()));
    let range = one.min(two)..one.max(two);
    match kind {
        0 => seed[one] ^= byte,
        1 => drop(seed.drain(range)),
        2 => {
            let doubled = seed[range.clone()].to_vec();
            drop(seed.splice(range.start..range.start, doubled));
        }
        3 => seed.insert(one, byte),
        4 => {
            let other = place.1.index(donor.len().max(1)).min(donor.len());
            let part: Vec<u8> = donor[other..].iter().take(40).copied().collect();
            drop(seed.splice(one..one, part));
        }
        _ => {
            // One digit becomes a number that two programs read differently.
            if let Some(digit) = seed.iter().position(u8::is_ascii_digit) {
                drop(seed.splice(digit..=digit, *b"9007199254740993"));
            }
        }
    }
}

/// A body that names itself, with anything asked for.
fn body(asked: Node, more: Vec<(String, Node)>) -> Node {
    let mut members = vec![
        ("id".to_owned(), Node::Text("cns_1".to_owned())),
        ("requested_details".to_owned(), asked),
    ];
    members.extend(more);
    object(members, false)
}

/// The keys of a push, those that it needs and any others.
fn push(mut more: Vec<(String, Node)>, source: Node, location: Node) -> Node {
    let text = |text: &str| Node::Text(text.to_owned());
    let keys = [
        ("dai", text("dev_1")),
        ("txtkn", text("token")),
        ("c", text("challenge")),
        ("d", text("2026-01-15T10:30:00.000Z")),
        ("sh", text("bank-dev.eu.auth0.com")),
        ("s", source),
        ("l", location),
    ];
    let mut members: Vec<_> = keys.map(|(name, node)| (name.to_owned(), node)).into();
    // Those that decide which account is asked are what they are.
    more.retain(|(name, _)| !matches!(name.as_str(), "mfa" | "data" | "txlnkid"));
    members.extend(more);
    object(members, false)
}

fn members() -> impl Strategy<Value = Vec<(String, Node)>> {
    prop::collection::vec((crate::any_json::name(), sound_node()), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_refused_or_shown_whole(bytes in any_bytes()) {
        attack::push(&bytes);
        attack::consent(&bytes);
        attack::details(&bytes);
        attack::errors(&bytes);
        attack::invitation(&bytes);
        attack::json(&bytes);
    }

    #[test]
    fn any_json_is_refused_or_shown_whole(node in any_node(), language in any::<u8>()) {
        let text = node.text();
        attack::push(text.as_bytes());
        attack::consent(text.as_bytes());
        attack::details(&[&[language], text.as_bytes()].concat());
        attack::json(text.as_bytes());
    }

    #[test]
    fn any_request_under_a_sound_name_is_refused_or_shown_whole(asked in any_node(), more in members()) {
        attack::consent(body(asked, more).text().as_bytes());
    }

    #[test]
    fn what_everybody_can_read_is_shown(asked in sound_node(), more in members()) {
        let text = body(asked, more).text();
        // Beyond these caps it may be refused instead.
        prop_assume!(text.len() < 200_000);
        prop_assert!(attack::consent(text.as_bytes()), "sound JSON was not shown");
    }

    #[test]
    fn authorization_details_are_shown_in_every_language(details in prop::collection::vec(sound_node(), 0..4), language in any::<u8>()) {
        let text = Node::Array(details).text();
        prop_assume!(text.len() < 200_000);
        prop_assert!(attack::details(&[&[language], text.as_bytes()].concat()), "sound JSON was not shown");
    }

    #[test]
    fn a_push_with_what_it_needs_is_read_whatever_else_it_says(source in sound_node(), location in sound_node(), more in members()) {
        let text = push(more, source, location).text();
        prop_assume!(text.len() < 16_000);
        prop_assert!(attack::push(text.as_bytes()), "a sound push was not read");
    }

    #[test]
    fn changed_consents_are_refused_or_shown_whole(bytes in changed_seed("consent")) {
        attack::consent(&bytes);
    }

    #[test]
    fn changed_details_are_refused_or_shown_whole(bytes in changed_seed("details")) {
        attack::details(&bytes);
    }

    #[test]
    fn changed_pushes_are_refused_or_shown_whole(bytes in changed_seed("push")) {
        attack::push(&bytes);
    }

    #[test]
    fn changed_answers_invitations_and_keys_are_read_or_refused(
        answer in changed_seed("errors"), invitation in changed_seed("invitation"), key in changed_seed("jwk"),
        token in changed_seed("jws"), text in changed_seed("text"),
    ) {
        attack::errors(&answer);
        attack::invitation(&invitation);
        attack::jwk(&key);
        attack::jws(&token);
        attack::text(&text);
    }
}
