//! Behaviour of the software key store.

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::jose::{Jwk, der_to_raw};

const KEY: [u8; 32] = [7; 32];

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("keys");
    (folder, file)
}

fn open(file: &Path) -> SoftwareKeyStore {
    SoftwareKeyStore::open(file, KEY).expect("opens")
}

fn make(store: &SoftwareKeyStore, alias: &str) -> PublicKey {
    let info = store
        .generate(alias.to_owned(), KeyAlgorithm::P256, KeyPurpose::Enrollment)
        .expect("a key");
    info.public_key
}

/// The error of something that must not succeed.
fn refused<T>(result: Result<T>) -> KeyStoreError {
    result.err().expect("refused")
}

fn verifies(public_key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    let jwk = Jwk::from_platform(public_key).expect("a public key");
    match jwk.algorithm() {
        KeyAlgorithm::Rsa2048 => jwk.verify(message, signature),
        KeyAlgorithm::P256 => jwk.verify(message, &der_to_raw(signature).expect("strict DER")),
    }
}

#[test]
fn a_key_of_each_kind_signs_what_its_public_half_verifies() {
    let store = SoftwareKeyStore::in_memory();
    for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::Rsa2048] {
        let info = store
            .generate("k".to_owned(), algorithm, KeyPurpose::Approval)
            .expect("a key");
        assert_eq!(info.protection, ProtectionLevel::Software);
        assert_eq!(info.public_key.algorithm, algorithm);
        assert_eq!(
            store.public_key("k".to_owned()),
            Ok(info.public_key.clone())
        );
        let signature = store
            .sign("k".to_owned(), b"message".to_vec())
            .expect("signed");
        assert!(verifies(&info.public_key, b"message", &signature));
        assert!(!verifies(&info.public_key, b"another", &signature));
    }
}

#[test]
fn a_key_made_again_under_its_alias_replaces_the_first() {
    let store = SoftwareKeyStore::in_memory();
    let first = make(&store, "k");
    let second = make(&store, "k");
    assert_ne!(first, second);
    assert_eq!(store.public_key("k".to_owned()), Ok(second));
}

#[test]
fn a_deleted_key_is_missing_and_deleting_it_again_is_done() {
    let (_folder, file) = folder();
    let store = open(&file);
    make(&store, "k");
    assert_eq!(store.delete("k".to_owned()), Ok(()));
    assert_eq!(store.delete("k".to_owned()), Ok(()));
    assert_eq!(
        refused(store.sign("k".to_owned(), vec![])),
        KeyStoreError::Missing
    );
    assert_eq!(
        refused(store.public_key("k".to_owned())),
        KeyStoreError::Missing
    );
    assert_eq!(
        refused(open(&file).public_key("k".to_owned())),
        KeyStoreError::Missing
    );
}

#[test]
fn aliases_are_what_the_trait_promises() {
    let store = SoftwareKeyStore::in_memory();
    for alias in ["", "a b", "a/b", "é", "a.b", &"a".repeat(65)] {
        let made = store.generate(alias.to_owned(), KeyAlgorithm::P256, KeyPurpose::Enrollment);
        assert_eq!(refused(made), KeyStoreError::Failed, "{alias}");
    }
    make(&store, &"a".repeat(64));
    make(&store, "A-z_09");
}

#[test]
fn keys_survive_in_the_file_under_the_same_key_only() {
    let (_folder, file) = folder();
    let public_key = make(&open(&file), "k");
    let again = open(&file);
    let signature = again.sign("k".to_owned(), b"m".to_vec()).expect("signed");
    assert!(verifies(&public_key, b"m", &signature));
    assert_eq!(
        refused(SoftwareKeyStore::open(&file, [8; 32])),
        KeyStoreError::Failed
    );
    assert_eq!(
        refused(SoftwareKeyStore::open_with_passphrase(&file, "x")),
        KeyStoreError::Failed
    );
}

#[test]
fn keys_survive_in_the_file_under_the_same_passphrase_only() {
    let (_folder, file) = folder();
    let open = |passphrase| SoftwareKeyStore::open_with_passphrase(&file, passphrase);
    let public_key = make(&open("correct horse").expect("created"), "k");
    let again = open("correct horse").expect("opens");
    assert_eq!(again.public_key("k".to_owned()), Ok(public_key));
    assert_eq!(refused(open("Correct horse")), KeyStoreError::Failed);
    assert_eq!(refused(open("")), KeyStoreError::Failed);
    assert_eq!(
        refused(SoftwareKeyStore::open(&file, KEY)),
        KeyStoreError::Failed
    );
}

#[test]
fn a_file_of_few_or_of_endless_rounds_is_refused() {
    let (_folder, file) = folder();
    SoftwareKeyStore::open_with_passphrase(&file, "x").expect("created");
    let text = std::fs::read_to_string(&file).expect("a file");
    assert!(text.contains("\"rounds\":1000}"), "{text}");
    for rounds in ["0", "1", "-1", "4294967295", "1e3"] {
        std::fs::write(
            &file,
            text.replace("\"rounds\":1000}", &format!("\"rounds\":{rounds}}}")),
        )
        .expect("written");
        let opened = SoftwareKeyStore::open_with_passphrase(&file, "x");
        assert_eq!(refused(opened), KeyStoreError::Failed, "{rounds}");
    }
}

#[test]
fn two_stores_on_one_file_see_each_others_changes() {
    let (_folder, file) = folder();
    let (one, two) = (open(&file), open(&file));
    let public_key = make(&one, "k");
    assert_eq!(two.public_key("k".to_owned()), Ok(public_key));
    make(&two, "l");
    assert_eq!(one.delete("k".to_owned()), Ok(()));
    assert_eq!(
        refused(two.public_key("k".to_owned())),
        KeyStoreError::Missing
    );
    assert!(one.public_key("l".to_owned()).is_ok());
}

#[test]
fn keys_made_at_the_same_time_by_many_stores_are_all_there() {
    let (_folder, file) = folder();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let file = &file;
            scope.spawn(move || {
                let store = open(file);
                for key in 0..4 {
                    make(&store, &format!("k{writer}-{key}"));
                }
            });
        }
    });
    let store = open(&file);
    for writer in 0..8 {
        for key in 0..4 {
            assert!(store.public_key(format!("k{writer}-{key}")).is_ok());
        }
    }
}

#[test]
fn a_sealed_key_opens_in_its_own_place_only() {
    let (_folder, file) = folder();
    let store = open(&file);
    make(&store, "a1");
    make(&store, "b2");
    let text = std::fs::read_to_string(&file).expect("a file");
    let swapped = text
        .replace("\"a1\"", "\"\"")
        .replace("\"b2\"", "\"a1\"")
        .replace("\"\"", "\"b2\"");
    // Another revision, so that it is read again.
    std::fs::write(&file, swapped.replacen("/1 ", "/1 x", 1)).expect("written");
    for alias in ["a1", "b2"] {
        assert_eq!(
            refused(store.sign(alias.to_owned(), vec![])),
            KeyStoreError::Failed
        );
    }
}

#[test]
fn a_damaged_file_is_an_error_and_stays_as_it_is() {
    let (_folder, file) = folder();
    let store = open(&file);
    make(&store, "k");
    let text = std::fs::read_to_string(&file).expect("a file");
    for damaged in [
        String::new(),
        text.replacen("/1 ", "/2 ", 1),
        text[..text.len() / 2].to_owned(),
        format!("{text}{{}}"),
        text.replace("\"keys\"", "\"Keys\""),
        text.replace("P-256", "P-257"),
        "x".repeat(10_000),
    ] {
        std::fs::write(&file, &damaged).expect("written");
        assert_eq!(
            refused(SoftwareKeyStore::open(&file, KEY)),
            KeyStoreError::Failed
        );
        assert_eq!(std::fs::read_to_string(&file).ok(), Some(damaged));
    }
}

#[test]
fn a_file_that_was_removed_means_missing_keys_not_new_ones() {
    let (_folder, file) = folder();
    let store = open(&file);
    make(&store, "k");
    std::fs::remove_file(&file).expect("removed");
    assert_eq!(
        refused(store.sign("k".to_owned(), vec![])),
        KeyStoreError::Missing
    );
    assert_eq!(refused(store.wrap(vec![1; 32])), KeyStoreError::Missing);
    let made = store.generate("k".to_owned(), KeyAlgorithm::P256, KeyPurpose::Enrollment);
    assert_eq!(refused(made), KeyStoreError::Missing);
    assert!(!file.exists());
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let (_folder, file) = folder();
    assert_eq!(
        refused(SoftwareKeyStore::open(&file.join("deeper"), KEY)),
        KeyStoreError::Failed
    );
}

#[test]
fn what_a_crash_has_left_does_not_stop_the_next_change() {
    let (folder, file) = folder();
    let store = open(&file);
    std::fs::write(folder.path().join("keys.new"), "half").expect("written");
    let public_key = make(&store, "k");
    assert_eq!(open(&file).public_key("k".to_owned()), Ok(public_key));
    assert!(!folder.path().join("keys.new").exists());
}

#[cfg(unix)]
#[test]
fn the_files_belong_to_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, file) = folder();
    make(&open(&file), "k");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.path()).expect("a folder") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name());
    }
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn a_wrapped_data_key_comes_back_from_the_same_file_only() {
    let (_folder, file) = folder();
    let wrapped = open(&file).wrap(vec![5; 32]).expect("wrapped");
    assert!(!wrapped.windows(32).any(|window| window == [5; 32]));
    let store = open(&file);
    assert_eq!(store.unwrap(wrapped.clone()), Ok(vec![5; 32]));
    assert_ne!(store.wrap(vec![5; 32]), Ok(wrapped.clone()));

    assert_eq!(
        refused(SoftwareKeyStore::in_memory().unwrap(wrapped.clone())),
        KeyStoreError::Missing
    );
    let mut damaged = wrapped.clone();
    *damaged.last_mut().expect("a tag") ^= 1;
    assert_eq!(refused(store.unwrap(damaged)), KeyStoreError::Failed);
    assert_eq!(
        refused(store.unwrap(wrapped[..20].to_vec())),
        KeyStoreError::Failed
    );
    assert_eq!(refused(store.unwrap(vec![])), KeyStoreError::Failed);
}
