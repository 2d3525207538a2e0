//! The attacks of the fuzz targets, in the ordinary test suite: their corpora replayed, and properties over generated
//! input. Nothing here needs another toolchain.

mod any_json;
mod properties;
mod seeds;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use authenticator_core::testing::attack::{ALL, Attack};

/// A folder below the one of this crate.
fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Inputs that once broke a promise, by name.
fn regressions(target: &str) -> BTreeMap<String, Vec<u8>> {
    let Ok(files) = std::fs::read_dir(folder("fuzz/regressions").join(target)) else {
        return BTreeMap::new();
    };
    files
        .map(|file| {
            let path = file.expect("a file").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            (name.into_owned(), std::fs::read(&path).expect("a file"))
        })
        .collect()
}

/// Runs every seed and every regression of a target; both ways an input can end must occur among them.
fn replay(target: &str) {
    let (_, attack): &(_, Attack) = ALL
        .iter()
        .find(|(name, _)| *name == target)
        .expect("a target");
    let (mut read, mut refused) = (0, 0);
    for seed in seeds::seeds(target) {
        match attack(&seed) {
            true => read += 1,
            false => refused += 1,
        }
    }
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
    for (name, input) in regressions(target) {
        eprintln!("{target}/{name}");
        attack(&input);
    }
}

macro_rules! targets {
    ($($target:ident)*) => {
        /// One test a target, so that they run side by side.
        mod seeds_and_regressions_hold {
            $(#[test] fn $target() { super::replay(stringify!($target)); })*
        }
        const TARGETS: &[&str] = &[$(stringify!($target),)*];
    };
}

targets! {
    json text invitation push consent details errors jwk jws signature stored_rows stored_file
}

#[test]
fn every_attack_is_a_fuzz_target_with_seeds() {
    let attacks: Vec<_> = ALL.iter().map(|(name, _)| *name).collect();
    assert_eq!(attacks, TARGETS);
    let manifest = std::fs::read_to_string(folder("fuzz/Cargo.toml")).expect("a manifest");
    for name in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        assert!(folder(&format!("fuzz/fuzz_targets/{name}.rs")).exists());
    }
    for kept in std::fs::read_dir(folder("fuzz/regressions")).expect("a folder") {
        let name = kept.expect("an entry").file_name();
        let name = name.to_string_lossy().into_owned();
        assert!(
            TARGETS.contains(&name.as_str()) || name == "README.md",
            "{name}"
        );
    }
}
