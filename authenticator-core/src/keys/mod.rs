//! The platform's keys, as the core sees them: it names them, never holds them.

#[cfg(feature = "software-keys")]
mod software;
#[cfg(feature = "software-keys")]
pub use software::SoftwareKeyStore;

use crate::error::{Error, ErrorCode};

/// Kind of key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum KeyAlgorithm {
    /// RSA with a 2048-bit modulus, signing RSASSA-PKCS1-v1_5 with SHA-256 (`RS256`).
    Rsa2048,
    /// ECDSA on P-256 with SHA-256 (`ES256`).
    P256,
}

/// What a key is for; decides how the platform protects it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum KeyPurpose {
    /// Signs without a prompt: consent proofs, device calls, every attempt of an answer.
    Enrollment,
    /// Signs only behind user verification (biometrics): the digest of what was shown.
    Approval,
}

/// Where a private key lives, as far as the platform says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum ProtectionLevel {
    /// In the memory of the process or a file.
    Software,
    /// In the trusted execution environment of the main processor.
    TrustedEnvironment,
    /// In a chip of its own (StrongBox, Secure Enclave).
    SecureElement,
    /// The platform does not say.
    Unknown,
}

/// How the bytes of a public key are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
pub enum PublicKeyFormat {
    /// DER `SubjectPublicKeyInfo` (RFC 5280 §4.1): what `java.security.PublicKey.getEncoded()` returns.
    Spki,
    /// DER PKCS#1 `RSAPublicKey` (RFC 8017 §A.1.1): what `SecKeyCopyExternalRepresentation` returns for RSA.
    Pkcs1,
    /// Uncompressed X9.63 point `04‖x‖y`: what `SecKeyCopyExternalRepresentation` returns for P-256.
    X963,
}

/// A public key as the platform exports it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct PublicKey {
    /// Kind of key.
    pub algorithm: KeyAlgorithm,
    /// How `bytes` are to be read.
    pub format: PublicKeyFormat,
    /// The encoded key.
    pub bytes: Vec<u8>,
}

/// What the platform says about a key it has just made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct KeyInfo {
    /// The public half.
    pub public_key: PublicKey,
    /// Where the private half lives.
    pub protection: ProtectionLevel,
    /// Certificate chain that attests it, leaf first, DER; empty where the platform gives none.
    pub attestation: Vec<Vec<u8>>,
}

/// Why a [`KeyStore`] could not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Error))]
pub enum KeyStoreError {
    /// The device is locked; the same call works later.
    #[error("the key store is locked")]
    Locked,
    /// There is no such key.
    #[error("no such key")]
    Missing,
    /// The platform invalidated the key for good.
    #[error("the key was invalidated")]
    Invalidated,
    /// The person cancelled or failed the prompt.
    #[error("user verification failed")]
    UserVerificationFailed,
    /// This kind of key or protection does not exist here.
    #[error("not supported on this device")]
    Unsupported,
    /// Anything else.
    #[error("the key store failed")]
    Failed,
}

/// The platform's key store, implemented by the app (Android Keystore, iOS Keychain) or, with the feature
/// `software-keys`, by `SoftwareKeyStore`.
///
/// Calls are synchronous and may block: the core makes them on threads of its own, holding no lock and no transaction.
/// `alias` is a name the core has chosen, ASCII letters, digits, `-` and `_`, at most 64 characters.
#[cfg_attr(feature = "uniffi", uniffi::export(rust, foreign))]
pub trait KeyStore: Send + Sync {
    /// Makes a key pair that cannot be exported. Replaces a key of the same alias.
    fn generate(
        &self,
        alias: String,
        algorithm: KeyAlgorithm,
        purpose: KeyPurpose,
    ) -> Result<KeyInfo, KeyStoreError>;
    /// The public half of a key.
    fn public_key(&self, alias: String) -> Result<PublicKey, KeyStoreError>;
    /// Signs `message` with SHA-256. RSA: the signature block; P-256: DER `SEQUENCE { r, s }`.
    fn sign(&self, alias: String, message: Vec<u8>) -> Result<Vec<u8>, KeyStoreError>;
    /// Destroys a key. A key that is not there counts as done.
    fn delete(&self, alias: String) -> Result<(), KeyStoreError>;
    /// Encrypts the 32-byte data key of the store under a key of the platform.
    fn wrap(&self, data_key: Vec<u8>) -> Result<Vec<u8>, KeyStoreError>;
    /// Reverses [`KeyStore::wrap`]. `Missing` if the platform's key is gone (restored backup).
    fn unwrap(&self, wrapped: Vec<u8>) -> Result<Vec<u8>, KeyStoreError>;
}

impl From<KeyStoreError> for Error {
    fn from(error: KeyStoreError) -> Self {
        let code = match error {
            KeyStoreError::Locked => ErrorCode::KeysLocked,
            KeyStoreError::Missing => ErrorCode::KeyMissing,
            KeyStoreError::Invalidated => ErrorCode::KeyInvalidated,
            KeyStoreError::UserVerificationFailed => ErrorCode::UserVerificationFailed,
            KeyStoreError::Unsupported | KeyStoreError::Failed => ErrorCode::KeyStoreFailed,
        };
        Error::new(code, error.to_string())
    }
}

/// Calls a key store. Its code is not ours: a panic in it is an error like any other, and what it says stays unsaid.
pub(crate) fn guarded<T>(
    call: impl FnOnce() -> Result<T, KeyStoreError>,
) -> crate::error::Result<T> {
    // The store is behind `&`; a broken invariant in it is its own, and it has no other one of ours to break.
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)) {
        Ok(result) => Ok(result?),
        Err(_panic) => Err(Error::new(
            ErrorCode::KeyStoreFailed,
            "the key store panicked",
        )),
    }
}
