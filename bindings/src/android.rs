//! Android's certificate verifier, which lives in Java and has to be introduced.

use jni::errors::ThrowRuntimeExAndDefault;
use jni::objects::{JClass, JObject};
use jni::{EnvUnowned, jni_mangle};

/// `Authenticator.initialize(context)` of Kotlin. A second time it does nothing.
#[allow(unreachable_pub, reason = "jni_mangle wants it public")]
#[jni_mangle("dev.authenticatorcore.CertificateChecks")]
pub extern "system" fn set_up<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    context: JObject<'local>,
) {
    env.with_env(|env| rustls_platform_verifier::android::init_with_env(env, context))
        .resolve::<ThrowRuntimeExAndDefault>();
}
