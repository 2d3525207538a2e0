//! Keys made and held in Rust: for tests, desktops and terminals.

/// A key store in a file or in memory, encrypted under a passphrase or a key handed in.

pub struct SoftwareKeyStore {
    _private: (),
}

impl SoftwareKeyStore {
    /// Keys in memory only; they end with the process.
    pub fn in_memory() -> Self {
        todo!()
    }
    /// Keys in a file, encrypted under a 32-byte key handed in. Created when it does not exist; `Failed` if the key is wrong.
    pub fn open(_file: &std::path::Path, _key: [u8; 32]) -> Result<Self, super::KeyStoreError> {
        todo!()
    }
    /// Keys in a file, encrypted under a passphrase (PBKDF2-HMAC-SHA256, 600,000 rounds, random salt).
    pub fn open_with_passphrase(
        _file: &std::path::Path,
        _passphrase: &str,
    ) -> Result<Self, super::KeyStoreError> {
        todo!()
    }
}

impl super::KeyStore for SoftwareKeyStore {
    fn generate(
        &self,
        _alias: String,
        _algorithm: super::KeyAlgorithm,
        _purpose: super::KeyPurpose,
    ) -> Result<super::KeyInfo, super::KeyStoreError> {
        todo!()
    }
    fn public_key(&self, _alias: String) -> Result<super::PublicKey, super::KeyStoreError> {
        todo!()
    }
    fn sign(&self, _alias: String, _message: Vec<u8>) -> Result<Vec<u8>, super::KeyStoreError> {
        todo!()
    }
    fn delete(&self, _alias: String) -> Result<(), super::KeyStoreError> {
        todo!()
    }
    fn wrap(&self, _data_key: Vec<u8>) -> Result<Vec<u8>, super::KeyStoreError> {
        todo!()
    }
    fn unwrap(&self, _wrapped: Vec<u8>) -> Result<Vec<u8>, super::KeyStoreError> {
        todo!()
    }
}
