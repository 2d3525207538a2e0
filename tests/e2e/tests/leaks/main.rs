//! Nothing leaks: a whole life of a phone, failures included, and then every secret that occurred in it is looked for in
//! every spelling: in the files of the store, in all that was logged at the finest level, in error texts, in the debug text
//! of what the calls returned, in what panics print, and in the sandbox's own log of exchanges.

mod collected;
mod places;
mod spellings;
mod story;

use collected::{Kind, Secret, Secrets};
use places::Places;
use story::Network;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_of_a_whole_run_is_found_anywhere() {
    for network in [Network::Recorded, Network::BuiltIn] {
        let (secrets, places) = story::live(network).await;
        secrets.are_enough(network);
        places.are_enough();
        assert_eq!(hits(&secrets, &places), Vec::<String>::new(), "{network:?}");
        a_planted_secret_is_found(&secrets, &places);
    }
}

/// Where which secret was found, without the secret.
fn hits(secrets: &Secrets, places: &Places) -> Vec<String> {
    let mut hits = Vec::new();
    for secret in secrets.all() {
        let spellings = spellings::of(&secret.bytes);
        for place in places.all() {
            hits.extend(search(
                secret,
                &spellings,
                &place.name,
                &place.bytes,
                place.shows_content,
            ));
        }
    }
    hits
}

fn search(
    secret: &Secret,
    spellings: &[(String, Vec<u8>)],
    place: &str,
    bytes: &[u8],
    shows_content: bool,
) -> Vec<String> {
    // The sandbox shows people what was asked for; what lets somebody in it must mask.
    if shows_content && secret.kind == Kind::Content {
        return Vec::new();
    }
    spellings
        .iter()
        .filter(|(_, needle)| spellings::contains(bytes, needle))
        .map(|(spelling, _)| format!("{} as {spelling} in {place}", secret.name))
        .collect()
}

/// The search would have found it: each secret, in each spelling, wherever it had turned up.
fn a_planted_secret_is_found(secrets: &Secrets, places: &Places) {
    for (n, secret) in secrets.all().into_iter().enumerate() {
        let spellings = spellings::of(&secret.bytes);
        for (m, (spelling, needle)) in spellings.iter().enumerate() {
            let place = &places.all()[(n + m) % places.all().len()];
            let middle = place.bytes.len() / 2;
            let planted = [&place.bytes[..middle], needle, &place.bytes[middle..]].concat();
            let found = search(secret, &spellings, &place.name, &planted, false);
            let expected = format!("{} as {spelling} in {}", secret.name, place.name);
            assert!(found.contains(&expected), "{expected}");
        }
    }
}

#[test]
fn what_is_logged_told_and_panicked_is_caught() {
    places::listen();
    let marks = ["caught-by-tracing", "caught-by-log", "caught-in-a-panic"];
    tracing::trace!(text = marks[0], "at the finest level");
    log::trace!("at the finest level: {}", marks[1]);
    let panicked = std::panic::catch_unwind(|| panic!("{}", marks[2]));
    assert!(panicked.is_err());
    let heard = places::heard();
    for mark in marks {
        assert!(spellings::contains(&heard, mark.as_bytes()), "{mark}");
    }
}
