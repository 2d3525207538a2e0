//! Keys made and held in Rust: for tests, desktops and terminals.
//!
//! The file is one line with a random revision, then one JSON object. It is never edited: each change writes a new
//! file and renames it over the old one, under a lock that all processes share, so a reader needs no lock.

mod cipher;
mod file;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rsa::pkcs8::EncodePrivateKey;
use zeroize::Zeroizing;

use self::cipher::Cipher;
use self::file::{Document, KeyFile, Record};
use super::{
    KeyAlgorithm, KeyInfo, KeyPurpose, KeyStore, KeyStoreError, ProtectionLevel, PublicKey,
    PublicKeyFormat,
};

type Result<T> = std::result::Result<T, KeyStoreError>;

/// A key store in a file or in memory, encrypted under a passphrase or a key handed in.
///
/// Private keys rest as PKCS#8 under AES-256-GCM and are decrypted for the length of one signature. Processes may
/// share a file. There is no prompt here: a key for [`KeyPurpose::Approval`] signs as silently as any other, so its
/// signature is no evidence that a person was there, and [`ProtectionLevel::Software`] says as much.
pub struct SoftwareKeyStore {
    cipher: Cipher,
    file: Option<KeyFile>,
    /// As last read or written. No call holds this lock while it makes a key or signs.
    document: Mutex<Document>,
}

impl SoftwareKeyStore {
    /// Keys in memory only; they end with the process.
    pub fn in_memory() -> Self {
        // The generator of the operating system failing is the one thing that could go wrong.
        let key = cipher::random::<32>().expect("the operating system always has random bytes");
        let cipher = Cipher::new(&*key).expect("the key has 32 bytes");
        let document = Document::new(&cipher, None).expect("sealing 32 bytes under a fresh key");
        SoftwareKeyStore {
            cipher,
            file: None,
            document: Mutex::new(document),
        }
    }

    /// Keys in a file, encrypted under a 32-byte key handed in. Created when it does not exist; `Failed` if the key is wrong.
    pub fn open(file: &Path, key: [u8; 32]) -> Result<Self> {
        let key = Zeroizing::new(key);
        let file = KeyFile::new(file);
        let _lock = file.lock()?;
        let cipher = Cipher::new(&*key)?;
        let document = match file.read()? {
            Some(document) if document.derivation.is_none() => document,
            Some(_) => return Err(KeyStoreError::Failed),
            None => file.write(Document::new(&cipher, None)?)?,
        };
        Self::opened(file, cipher, document)
    }

    /// Keys in a file, encrypted under a passphrase (PBKDF2-HMAC-SHA256, 600,000 rounds, random salt).
    /// Created when it does not exist; `Failed` if the passphrase is wrong.
    pub fn open_with_passphrase(file: &Path, passphrase: &str) -> Result<Self> {
        let file = KeyFile::new(file);
        let _lock = file.lock()?;
        let (cipher, document) = match file.read()? {
            Some(document) => {
                let derivation = document.derivation.as_ref().ok_or(KeyStoreError::Failed)?;
                (derivation.cipher(passphrase)?, document)
            }
            None => {
                let derivation = cipher::Derivation::new()?;
                let cipher = derivation.cipher(passphrase)?;
                let document = file.write(Document::new(&cipher, Some(derivation))?)?;
                (cipher, document)
            }
        };
        Self::opened(file, cipher, document)
    }

    /// A wrong key shows here, not at the first signature.
    fn opened(file: KeyFile, cipher: Cipher, document: Document) -> Result<Self> {
        document.wrapping_key(&cipher)?;
        Ok(SoftwareKeyStore {
            cipher,
            file: Some(file),
            document: Mutex::new(document),
        })
    }

    /// The document, read again if another process has written it.
    fn current(&self) -> Result<MutexGuard<'_, Document>> {
        // A panic cannot leave half a document behind: it is replaced whole.
        let mut document = self
            .document
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(file) = &self.file
            && let Some(newer) = file.read_unless(&document.revision)?
        {
            *document = newer;
        }
        Ok(document)
    }

    fn change(&self, edit: impl FnOnce(&mut Document)) -> Result<()> {
        let Some(file) = &self.file else {
            edit(&mut *self.current()?);
            return Ok(());
        };
        let _lock = file.lock()?;
        let mut document = self.current()?;
        let mut changed = document.clone();
        edit(&mut changed);
        *document = file.write(changed)?;
        Ok(())
    }

    fn private_key(&self, alias: &str) -> Result<PrivateKey> {
        let record = self.current()?.keys.get(alias).cloned();
        let record = record.ok_or(KeyStoreError::Missing)?;
        let context = record_context(alias, record.algorithm);
        let pkcs8 = self.cipher.open(&context, &record.sealed)?;
        PrivateKey::from_pkcs8(record.algorithm, &pkcs8)
    }
}

impl KeyStore for SoftwareKeyStore {
    fn generate(
        &self,
        alias: String,
        algorithm: KeyAlgorithm,
        _purpose: KeyPurpose,
    ) -> Result<KeyInfo> {
        check_alias(&alias)?;
        let pkcs8 = match algorithm {
            KeyAlgorithm::P256 => make_p256()?,
            KeyAlgorithm::Rsa2048 => make_rsa()?,
        };
        let public_key = PrivateKey::from_pkcs8(algorithm, &pkcs8)?.public();
        let record = Record {
            algorithm,
            sealed: self
                .cipher
                .seal(&record_context(&alias, algorithm), &pkcs8)?,
        };
        self.change(|document| {
            document.keys.insert(alias, record);
        })?;
        Ok(KeyInfo {
            public_key,
            protection: ProtectionLevel::Software,
            attestation: Vec::new(),
        })
    }

    fn public_key(&self, alias: String) -> Result<PublicKey> {
        Ok(self.private_key(&alias)?.public())
    }

    fn sign(&self, alias: String, message: Vec<u8>) -> Result<Vec<u8>> {
        self.private_key(&alias)?.sign(&message)
    }

    fn delete(&self, alias: String) -> Result<()> {
        if !self.current()?.keys.contains_key(&alias) {
            return Ok(());
        }
        self.change(|document| {
            document.keys.remove(&alias);
        })
    }

    fn wrap(&self, data_key: Vec<u8>) -> Result<Vec<u8>> {
        let data_key = Zeroizing::new(data_key);
        let wrapping = self.current()?.wrapping_key(&self.cipher)?;
        let mut wrapped = wrapping.id.to_vec();
        wrapped.extend(wrapping.cipher.seal(b"data key", &data_key)?);
        Ok(wrapped)
    }

    fn unwrap(&self, wrapped: Vec<u8>) -> Result<Vec<u8>> {
        let wrapping = self.current()?.wrapping_key(&self.cipher)?;
        let (id, sealed) = wrapped.split_first_chunk().ok_or(KeyStoreError::Failed)?;
        // Another id is another key store's work: this one's file was made anew.
        if *id != wrapping.id {
            return Err(KeyStoreError::Missing);
        }
        let data_key = wrapping.cipher.open(b"data key", sealed)?;
        Ok(data_key.to_vec())
    }
}

/// The promise of [`KeyStore`]: what else comes is a caller's mistake.
fn check_alias(alias: &str) -> Result<()> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if (1..=64).contains(&alias.len()) && alias.bytes().all(plain) {
        Ok(())
    } else {
        Err(KeyStoreError::Failed)
    }
}

/// Ties a sealed key to its place: swapped between aliases in the file, it does not open.
fn record_context(alias: &str, algorithm: KeyAlgorithm) -> Vec<u8> {
    format!("key {} {alias}", file::algorithm_name(algorithm)).into_bytes()
}

fn make_p256() -> Result<Zeroizing<Vec<u8>>> {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
        .map_err(|_| KeyStoreError::Failed)?;
    Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
}

fn make_rsa() -> Result<Zeroizing<Vec<u8>>> {
    let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048)
        .map_err(|_| KeyStoreError::Failed)?;
    let pkcs8 = key.to_pkcs8_der().map_err(|_| KeyStoreError::Failed)?;
    Ok(pkcs8.to_bytes())
}

/// A key for the length of one call. `ring` signs; the `rsa` crate only makes keys.
enum PrivateKey {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
}

impl PrivateKey {
    fn from_pkcs8(algorithm: KeyAlgorithm, pkcs8: &[u8]) -> Result<Self> {
        match algorithm {
            KeyAlgorithm::Rsa2048 => RsaKeyPair::from_pkcs8(pkcs8).map(PrivateKey::Rsa),
            KeyAlgorithm::P256 => EcdsaKeyPair::from_pkcs8(
                &ECDSA_P256_SHA256_ASN1_SIGNING,
                pkcs8,
                &SystemRandom::new(),
            )
            .map(PrivateKey::P256),
        }
        .map_err(|_| KeyStoreError::Failed)
    }

    fn public(&self) -> PublicKey {
        match self {
            PrivateKey::Rsa(pair) => PublicKey {
                algorithm: KeyAlgorithm::Rsa2048,
                format: PublicKeyFormat::Pkcs1,
                bytes: pair.public_key().as_ref().to_vec(),
            },
            PrivateKey::P256(pair) => PublicKey {
                algorithm: KeyAlgorithm::P256,
                format: PublicKeyFormat::X963,
                bytes: pair.public_key().as_ref().to_vec(),
            },
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            PrivateKey::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map(|()| signature)
            }
            PrivateKey::P256(pair) => pair
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec()),
        }
        .map_err(|_| KeyStoreError::Failed)
    }
}
