//! Reaches every call of the core from one exported function, so that the linker keeps what an app would carry.
//! Nobody runs it: `tests/size/measure` builds and weighs it.

use std::sync::Arc;

use authenticator_core::{
    Authenticator, ChallengeId, Config, Device, EnrollmentId, KeyAlgorithm, KeyInfo, KeyPurpose,
    KeyStore, KeyStoreError, Platform, PublicKey, PushService, PushToken, Result, Secret,
    SigningRequestId,
};

/// One call of the core, chosen by number; whether it succeeded.
#[unsafe(no_mangle)]
pub extern "C" fn authenticator_core_call(call: u32) -> bool {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .is_ok_and(|runtime| runtime.block_on(make(call)).is_ok())
}

async fn make(call: u32) -> Result<()> {
    let text = call.to_string();
    let challenge = ChallengeId::new(&text);
    let enrollment = EnrollmentId::new(&text);
    let push = PushToken {
        service: PushService::Fcm,
        token: Secret::new(text.clone()),
    };
    let device = Device {
        name: text.clone(),
        identifier: None,
        push: Some(push.clone()),
    };
    let core =
        Authenticator::open(Config::new(&text), Platform::new(Arc::new(PlatformKeys))).await?;
    match call {
        0 => core.add_server(text).await.map(drop),
        1 => core.invitation_host(&text).map(drop),
        2 => core.enroll(text, None, device).await.map(drop),
        3 => core.enrollments().await.map(drop),
        4 => core.unenroll(enrollment).await,
        5 => core.forget(enrollment).await,
        6 => core.update_push_token(push).await.map(drop),
        7 => core.receive_push(text).await.map(drop),
        8 => core.pending().await.map(drop),
        9 => core.challenge(challenge).await.map(drop),
        10 => core.review(challenge).await.map(drop),
        11 => core.approve(challenge, text, None).await.map(drop),
        12 => core.deny(challenge, None, Some(text)).await.map(drop),
        13 => core.flush().await.map(drop),
        14 => core.history(Some(enrollment), None, call).await.map(drop),
        15 => core.one_time_code(enrollment).await.map(drop),
        16 => core.begin_approval(challenge, text, None).await.map(drop),
        17 => core
            .finish_approval(SigningRequestId::new(&text), text.into_bytes())
            .await
            .map(drop),
        18 => core.replace_approval_key(enrollment).await.map(drop),
        19 => core.verify_history(enrollment).await.map(drop),
        20 => core.export_history(enrollment).await.map(drop),
        21 => core.set_display(Config::new(text).display),
        22 => core.prune_history(enrollment, call.into()).await.map(drop),
        23 => core.repair().await.map(drop),
        24 => {
            let platform = Platform::new(Arc::new(PlatformKeys));
            Authenticator::repair_store(Config::new(text), platform)
                .await
                .map(drop)
        }
        _ => core.shutdown().await,
    }
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
