//! The file of a [`super::SoftwareKeyStore`]: what is in it, and how it is replaced.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use super::cipher::{Cipher, Derivation, random};
use super::{KeyAlgorithm, KeyStoreError, Result};
use crate::jose::{base64url, from_base64url, sha256};
use crate::json::{self, Limits, Value, object};

/// First word of the file, with the version of its format.
const MAGIC: &str = "authenticator-core-keys/1";
/// Room for thousands of keys.
const LIMITS: Limits = Limits {
    bytes: 16 * 1024 * 1024,
    depth: 3,
    values: 50_000,
};

/// What the file holds.
#[derive(Clone)]
pub(super) struct Document {
    /// Random with each change: tells a reader that what it knows is old. Empty before the first write.
    pub revision: String,
    /// Where the key comes from a passphrase.
    pub derivation: Option<Derivation>,
    /// The key that wraps data keys, sealed. It also tells a right key from a wrong one.
    wrapping_key: Vec<u8>,
    pub keys: BTreeMap<String, Record>,
}

/// One private key.
#[derive(Clone)]
pub(super) struct Record {
    pub algorithm: KeyAlgorithm,
    /// PKCS#8, sealed.
    pub sealed: Vec<u8>,
}

/// The key that wraps data keys, opened.
pub(super) struct WrappingKey {
    /// Stands before what it has wrapped.
    pub id: [u8; 8],
    pub cipher: Cipher,
}

impl Document {
    pub(super) fn new(cipher: &Cipher, derivation: Option<Derivation>) -> Result<Self> {
        Ok(Document {
            revision: String::new(),
            derivation,
            wrapping_key: cipher.seal(b"wrapping key", &*random::<32>()?)?,
            keys: BTreeMap::new(),
        })
    }

    pub(super) fn wrapping_key(&self, cipher: &Cipher) -> Result<WrappingKey> {
        let key = cipher.open(b"wrapping key", &self.wrapping_key)?;
        let mut id = [0; 8];
        // Eight bytes of a hash say nothing about 32 random ones.
        id.copy_from_slice(&sha256(&key)[..8]);
        Ok(WrappingKey {
            id,
            cipher: Cipher::new(&key)?,
        })
    }

    fn to_json(&self) -> Value {
        let derivation = match &self.derivation {
            Some(derivation) => object([
                ("salt", base64url(&derivation.salt).into()),
                ("rounds", i64::from(derivation.rounds.get()).into()),
            ]),
            None => Value::Null,
        };
        let keys = self.keys.iter().map(|(alias, record)| {
            let record = object([
                ("algorithm", algorithm_name(record.algorithm).into()),
                ("sealed", base64url(&record.sealed).into()),
            ]);
            (alias.clone(), record)
        });
        object([
            ("derivation", derivation),
            ("wrapping_key", base64url(&self.wrapping_key).into()),
            ("keys", Value::Object(keys.collect())),
        ])
    }

    fn from_json(revision: String, value: &Value) -> Option<Self> {
        let octets =
            |value: &Value, name: &str| from_base64url(value.get(name).and_then(Value::as_str)?);
        let derivation = match value.get("derivation")? {
            Value::Null => None,
            derivation => {
                let rounds = derivation.get("rounds")?.as_number()?.as_i64()?;
                Some(Derivation {
                    salt: octets(derivation, "salt")?,
                    rounds: NonZeroU32::new(u32::try_from(rounds).ok()?)?,
                })
            }
        };
        let keys = value.get("keys")?.as_object()?.iter().map(|(alias, key)| {
            let name = key.get("algorithm")?.as_str()?;
            let record = Record {
                algorithm: [KeyAlgorithm::Rsa2048, KeyAlgorithm::P256]
                    .into_iter()
                    .find(|algorithm| algorithm_name(*algorithm) == name)?,
                sealed: octets(key, "sealed")?,
            };
            Some((alias.clone(), record))
        });
        Some(Document {
            revision,
            derivation,
            wrapping_key: octets(value, "wrapping_key")?,
            keys: keys.collect::<Option<_>>()?,
        })
    }
}

/// The name of a kind of key in the file; part of what a sealed key is tied to.
pub(super) fn algorithm_name(algorithm: KeyAlgorithm) -> &'static str {
    match algorithm {
        KeyAlgorithm::Rsa2048 => "RSA-2048",
        KeyAlgorithm::P256 => "P-256",
    }
}

/// Where the document lies.
pub(super) struct KeyFile(PathBuf);

/// Held for a change; dropping it lets the next one in.
pub(super) struct Lock {
    _file: File,
}

impl KeyFile {
    pub(super) fn new(path: &Path) -> Self {
        KeyFile(path.to_owned())
    }

    /// Waits for other processes, and for other stores of this one. The lock has a file of its own, for the
    /// document's is replaced.
    pub(super) fn lock(&self) -> Result<Lock> {
        let mut options = private_file();
        options.create(true).truncate(false);
        let file = options.open(self.sibling(".lock")).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(Lock { _file: file })
    }

    /// `None` if there is no such file yet.
    pub(super) fn read(&self) -> Result<Option<Document>> {
        match File::open(&self.0) {
            Ok(file) => read_newer(file, ""),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failed(e)),
        }
    }

    /// `None` if the file still has that revision; `Missing` if somebody has removed it.
    pub(super) fn read_unless(&self, revision: &str) -> Result<Option<Document>> {
        match File::open(&self.0) {
            Ok(file) => read_newer(file, revision),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(KeyStoreError::Missing),
            Err(e) => Err(failed(e)),
        }
    }

    /// Replaces the file as a whole; after a crash there is the old one or the new one. Needs the lock.
    pub(super) fn write(&self, mut document: Document) -> Result<Document> {
        document.revision = base64url(&*random::<16>()?);
        let text = format!(
            "{MAGIC} {}\n{}\n",
            document.revision,
            json::write(&document.to_json())
        );
        // Under the lock there is one writer: a file of that name is what a crash has left.
        let temporary = self.sibling(".new");
        self.replace_by(&temporary, text.as_bytes()).map_err(|e| {
            // If even that fails, the next write starts with it.
            let _ = std::fs::remove_file(&temporary);
            failed(e)
        })?;
        Ok(document)
    }

    fn replace_by(&self, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
        match std::fs::remove_file(temporary) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut file = private_file().create_new(true).open(temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(temporary, &self.0)?;
        sync_folder(&self.0)
    }

    /// `keys` → `keys.lock`
    fn sibling(&self, ending: &str) -> PathBuf {
        let mut name = self
            .0
            .file_name()
            .unwrap_or(OsStr::new("keys"))
            .to_os_string();
        name.push(ending);
        self.0.with_file_name(name)
    }
}

/// Reads no further than the first line if the revision is the one known.
fn read_newer(file: File, known: &str) -> Result<Option<Document>> {
    let mut file = BufReader::new(file);
    let mut line = String::new();
    // One word, a space, 22 characters: a line that is much longer is no line of ours.
    (&mut file).take(128).read_line(&mut line).map_err(failed)?;
    let revision = line
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.strip_prefix(' ')?.strip_suffix('\n'))
        .filter(|revision| !revision.is_empty())
        .ok_or(KeyStoreError::Failed)?;
    if revision == known {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    // One byte too many is enough for the reader to refuse it.
    file.take(LIMITS.bytes as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    let value = json::read(&bytes, LIMITS).map_err(|_| KeyStoreError::Failed)?;
    let document = Document::from_json(revision.to_owned(), &value);
    document.map(Some).ok_or(KeyStoreError::Failed)
}

/// For writing, and for nobody but the owner.
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes the rename itself durable, where folders can be synced.
#[cfg(unix)]
fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}
#[cfg(not(unix))]
fn sync_folder(_file: &Path) -> io::Result<()> {
    Ok(())
}

fn failed(_: io::Error) -> KeyStoreError {
    KeyStoreError::Failed
}
