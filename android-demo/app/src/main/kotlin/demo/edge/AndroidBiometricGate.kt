package dev.authenticatorcore.demo.edge

import android.content.Context
import android.hardware.biometrics.BiometricManager.Authenticators.BIOMETRIC_STRONG
import android.hardware.biometrics.BiometricManager.Authenticators.DEVICE_CREDENTIAL
import android.hardware.biometrics.BiometricPrompt
import android.os.CancellationSignal
import dev.authenticatorcore.demo.R
import java.security.Signature
import kotlin.coroutines.resume
import kotlinx.coroutines.suspendCancellableCoroutine

/** The platform's BiometricPrompt. No logic: which error means what, and nothing else. */
class AndroidBiometricGate(private val context: Context) : BiometricGate {
    override suspend fun unlock(signature: Signature): Unlock = ask { signal, callback ->
        BiometricPrompt.Builder(context)
            .setTitle(context.getString(R.string.prompt_title))
            .setNegativeButton(context.getString(R.string.cancel), context.mainExecutor) { _, _ ->
                callback.onAuthenticationError(BiometricPrompt.BIOMETRIC_ERROR_USER_CANCELED, "")
            }
            .setAllowedAuthenticators(BIOMETRIC_STRONG)
            .build()
            .authenticate(BiometricPrompt.CryptoObject(signature), signal, context.mainExecutor, callback)
    }

    override suspend fun confirmPerson(): Unlock = ask { signal, callback ->
        BiometricPrompt.Builder(context)
            .setTitle(context.getString(R.string.prompt_person))
            .setAllowedAuthenticators(BIOMETRIC_STRONG or DEVICE_CREDENTIAL)
            .build()
            .authenticate(signal, context.mainExecutor, callback)
    }

    private suspend fun ask(show: (CancellationSignal, BiometricPrompt.AuthenticationCallback) -> Unit): Unlock =
        suspendCancellableCoroutine { waiting ->
            val signal = CancellationSignal()
            waiting.invokeOnCancellation { signal.cancel() }
            show(signal, object : BiometricPrompt.AuthenticationCallback() {
                override fun onAuthenticationSucceeded(result: BiometricPrompt.AuthenticationResult) =
                    end(Unlock.Passed(result.cryptoObject?.signature))

                override fun onAuthenticationError(code: Int, words: CharSequence?) = end(meaning(code))

                private fun end(with: Unlock) {
                    if (waiting.isActive) waiting.resume(with)
                }
            })
        }

    private fun meaning(code: Int): Unlock = when (code) {
        BiometricPrompt.BIOMETRIC_ERROR_LOCKOUT, BiometricPrompt.BIOMETRIC_ERROR_LOCKOUT_PERMANENT -> Unlock.LockedOut
        BiometricPrompt.BIOMETRIC_ERROR_HW_NOT_PRESENT, BiometricPrompt.BIOMETRIC_ERROR_HW_UNAVAILABLE,
        BiometricPrompt.BIOMETRIC_ERROR_NO_BIOMETRICS, BiometricPrompt.BIOMETRIC_ERROR_NO_DEVICE_CREDENTIAL,
        -> Unlock.Unavailable
        else -> Unlock.Cancelled
    }
}
