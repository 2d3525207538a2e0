//! Reaches every call of the core from one exported function, so that the linker keeps what an app would carry.
//! Nobody runs it: `tests/size/measure` builds and weighs it.

use std::sync::Arc;

use authenticator_core::{
    Authenticator, ChallengeId, Config, Device, EnrollmentId, KeyAlgorithm, KeyInfo, KeyPurpose,
    KeyStore, KeyStoreError, Platform, PublicKey, PushService, PushToken, Result, Secret,
};

/// One call of the core, chosen by number; the length of what it answered.
#[unsafe(no_mangle)]
pub extern "C" fn authenticator_core_call(call: u32) -> u64 {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else {
        return 0;
    };
    match runtime.block_on(answer(call)) {
        Ok(text) => text.len() as u64,
        Err(error) => error.to_string().len() as u64,
    }
}

async fn answer(call: u32) -> Result<String> {
    let text = call.to_string();
    let challenge = ChallengeId::new(&text);
    let enrollment = EnrollmentId::new(&text);
    let push = PushToken {
        service: PushService::Fcm,
        token: Secret::new(text.clone()),
    };
    let core =
        Authenticator::open(Config::new(&text), Platform::new(Arc::new(PlatformKeys))).await?;
    Ok(match call {
        0 => core.add_server(text).await?,
        1 => core.invitation_host(&text)?.unwrap_or_default(),
        2 => {
            let device = Device {
                name: text.clone(),
                identifier: None,
                push: Some(push),
            };
            core.enroll(text, None, device).await?.thumbprint
        }
        3 => core.enrollments().await?.len().to_string(),
        4 => core.unenroll(enrollment).await.map(|()| text)?,
        5 => core.forget(enrollment).await.map(|()| text)?,
        6 => core.update_push_token(push).await?.len().to_string(),
        7 => format!("{:?}", core.receive_push(text).await?),
        8 => format!("{:?}", core.pending().await?),
        9 => format!("{:?}", core.challenge(challenge).await?),
        10 => format!("{:?}", core.review(challenge).await?),
        11 => format!("{:?}", core.approve(challenge, text, None).await?),
        12 => format!("{:?}", core.deny(challenge, None, Some(text)).await?),
        13 => format!("{:?}", core.flush().await?),
        14 => format!("{:?}", core.history(Some(enrollment), None, call).await?),
        15 => core.one_time_code(enrollment).await?.code.expose().clone(),
        _ => core.shutdown().await.map(|()| text)?,
    })
}

/// Stands for the platform's key store, which lies outside the library.
struct PlatformKeys;

impl KeyStore for PlatformKeys {
    fn generate(
        &self,
        _alias: String,
        _algorithm: KeyAlgorithm,
        _purpose: KeyPurpose,
    ) -> std::result::Result<KeyInfo, KeyStoreError> {
        Err(KeyStoreError::Unsupported)
    }
    fn public_key(&self, _alias: String) -> std::result::Result<PublicKey, KeyStoreError> {
        Err(KeyStoreError::Missing)
    }
    fn sign(
        &self,
        alias: String,
        _message: Vec<u8>,
    ) -> std::result::Result<Vec<u8>, KeyStoreError> {
        Ok(alias.into_bytes())
    }
    fn delete(&self, _alias: String) -> std::result::Result<(), KeyStoreError> {
        Ok(())
    }
    fn wrap(&self, data_key: Vec<u8>) -> std::result::Result<Vec<u8>, KeyStoreError> {
        Ok(data_key)
    }
    fn unwrap(&self, wrapped: Vec<u8>) -> std::result::Result<Vec<u8>, KeyStoreError> {
        Ok(wrapped)
    }
}
