//! Sealed columns: AES-256-GCM under the store's data key, bound to table, column and row, so that a value copied to
//! another place does not open (NIST SP 800-38D: 96-bit nonce, 128-bit tag).

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::fault::{damaged, internal};
use crate::error::Result;

/// A column that holds sealed values.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub(super) table: &'static str,
    pub(super) name: &'static str,
}

/// Seals and opens values of one store.
pub(super) struct Sealer {
    key: LessSafeKey,
    lookup: hmac::Key,
    // Not the injected generator: a nonce that repeats under one key would give the plaintext away.
    random: SystemRandom,
}

impl Sealer {
    /// Length of a data key in bytes.
    pub(super) const KEY_LENGTH: usize = 32;

    /// `None` if the data key has the wrong length.
    pub(super) fn new(data_key: &[u8]) -> Option<Sealer> {
        let key = UnboundKey::new(&AES_256_GCM, data_key).ok()?;
        let master = hmac::Key::new(hmac::HMAC_SHA256, data_key);
        let lookup = hmac::sign(&master, b"authenticator-core store lookup 1");
        Some(Sealer {
            key: LessSafeKey::new(key),
            lookup: hmac::Key::new(hmac::HMAC_SHA256, lookup.as_ref()),
            random: SystemRandom::new(),
        })
    }

    /// Nonce, ciphertext and tag. `row` is the key of the row.
    pub(super) fn seal(&self, column: Column, row: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        self.random
            .fill(&mut nonce)
            .map_err(|_| internal("the system gives no random numbers"))?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = self
            .key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place(column, row)),
                &mut sealed[NONCE_LEN..],
            )
            .map_err(|_| internal("a value is too large to be sealed"))?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Like [`Sealer::seal`], for a value that may be absent.
    pub(super) fn seal_text(
        &self,
        column: Column,
        row: &str,
        plain: Option<&str>,
    ) -> Result<Option<Vec<u8>>> {
        plain
            .map(|text| self.seal(column, row, text.as_bytes()))
            .transpose()
    }

    /// `store_corrupt` if the value was not sealed for this place by this store.
    pub(super) fn open(
        &self,
        column: Column,
        row: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let refused = || {
            damaged(&format!(
                "a sealed value in {}.{} does not open",
                column.table, column.name
            ))
        };
        let (nonce, sealed) = sealed
            .split_first_chunk::<NONCE_LEN>()
            .ok_or_else(refused)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let length = self
            .key
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(place(column, row)),
                &mut plain,
            )
            .map_err(|_| refused())?
            .len();
        plain.truncate(length);
        Ok(plain)
    }

    /// Like [`Sealer::open`], for text.
    pub(super) fn open_text(&self, column: Column, row: &str, sealed: &[u8]) -> Result<String> {
        let plain = self.open(column, row, sealed)?;
        std::str::from_utf8(&plain)
            .map(str::to_owned)
            .map_err(|_| damaged("a sealed text is not UTF-8"))
    }

    /// Like [`Sealer::open_text`], for a text that may be absent.
    pub(super) fn open_optional(
        &self,
        column: Column,
        row: &str,
        sealed: Option<Vec<u8>>,
    ) -> Result<Option<String>> {
        sealed
            .map(|sealed| self.open_text(column, row, &sealed))
            .transpose()
    }

    /// A key to find a row by that cannot be guessed back to the text.
    pub(super) fn lookup(&self, table: &'static str, text: &str) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.lookup);
        context.update(table.as_bytes());
        context.update(&[0]);
        context.update(text.as_bytes());
        context.sign().as_ref().to_vec()
    }
}

/// Table and column are constants without a zero byte, so that no two places give the same bytes.
fn place(column: Column, row: &str) -> Vec<u8> {
    [column.table, column.name, row].join("\0").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    const HERE: Column = Column {
        table: "t",
        name: "c",
    };

    fn sealer() -> Sealer {
        Sealer::new(&[7; Sealer::KEY_LENGTH]).unwrap()
    }

    #[test]
    fn a_value_opens_where_it_was_sealed_and_nowhere_else() {
        let sealed = sealer().seal(HERE, "row", b"text").unwrap();
        assert_eq!(*sealer().open(HERE, "row", &sealed).unwrap(), b"text");
        let elsewhere = [
            (HERE, "other"),
            (
                Column {
                    table: "t2",
                    ..HERE
                },
                "row",
            ),
            (Column { name: "c2", ..HERE }, "row"),
        ];
        for (column, row) in elsewhere {
            let error = sealer().open(column, row, &sealed).unwrap_err();
            assert_eq!(error.code(), ErrorCode::StoreCorrupt);
        }
        let other = Sealer::new(&[8; Sealer::KEY_LENGTH]).unwrap();
        assert!(other.open(HERE, "row", &sealed).is_err());
    }

    #[test]
    fn a_changed_or_cut_value_does_not_open() {
        let sealed = sealer().seal(HERE, "row", b"text").unwrap();
        for cut in 0..sealed.len() {
            assert!(sealer().open(HERE, "row", &sealed[..cut]).is_err());
            let mut changed = sealed.clone();
            changed[cut] ^= 1;
            assert!(sealer().open(HERE, "row", &changed).is_err());
        }
    }

    #[test]
    fn the_same_text_sealed_twice_looks_different() {
        let first = sealer().seal(HERE, "row", b"text").unwrap();
        let second = sealer().seal(HERE, "row", b"text").unwrap();
        assert_ne!(first, second);
    }

    #[test]
    fn a_data_key_of_another_length_is_refused() {
        assert!(Sealer::new(&[7; 16]).is_none());
        assert!(Sealer::new(&[]).is_none());
    }
}
