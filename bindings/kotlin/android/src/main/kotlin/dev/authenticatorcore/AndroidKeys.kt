package dev.authenticatorcore

import android.content.Context
import android.os.Build
import android.os.UserManager
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyInfo as AndroidKeyInfo
import android.security.keystore.KeyPermanentlyInvalidatedException
import android.security.keystore.KeyProperties
import android.security.keystore.StrongBoxUnavailableException
import android.security.keystore.UserNotAuthenticatedException
import java.security.KeyFactory
import java.security.KeyPairGenerator
import java.security.PrivateKey
import java.security.UnrecoverableKeyException
import java.security.spec.ECGenParameterSpec
import java.security.spec.RSAKeyGenParameterSpec
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey

/**
 * Keys in the Android Keystore. The enrolment key signs without a prompt, from the first unlock after a restart on; an
 * approval key signs once for each class 3 biometric, and is invalidated by a new fingerprint or face.
 *
 * Every key pair is asked for in StrongBox, unless `strongBox` is `false`. Where the phone has none, or it cannot make this kind of key, the
 * key is made in the trusted environment: `Enrollment.protection` says where it lives.
 */
class AndroidKeys internal constructor(
    private val strongBox: Boolean,
    private val attestationChallenge: ByteArray?,
    private val sdk: Int,
    private val locked: () -> Boolean,
) : KeyPlace {
    /** With [attestationChallenge], which your server chooses, the enrolment key comes with a certificate chain that attests it. */
    constructor(context: Context, strongBox: Boolean = true, attestationChallenge: ByteArray? = null) : this(
        strongBox,
        attestationChallenge,
        Build.VERSION.SDK_INT,
        { context.getSystemService(UserManager::class.java)?.isUserUnlocked == false },
    )

    override val keys: java.security.KeyStore = java.security.KeyStore.getInstance(PROVIDER).apply { load(null) }
    override val password: CharArray? = null

    override fun makeKeyPair(alias: String, algorithm: KeyAlgorithm, purpose: KeyPurpose): KeyPlace.Made {
        val inStrongBox = strongBox && madeInStrongBox(alias, algorithm, purpose)
        if (!inStrongBox) make(alias, algorithm, purpose, strongBox = false)
        val chain = if (attests(purpose)) keys.getCertificateChain(alias).orEmpty().map { it.encoded } else emptyList()
        return KeyPlace.Made(protection(keys.getKey(alias, null) as PrivateKey, inStrongBox), chain)
    }

    private fun madeInStrongBox(alias: String, algorithm: KeyAlgorithm, purpose: KeyPurpose): Boolean =
        try {
            make(alias, algorithm, purpose, strongBox = true)
            true
        } catch (_: StrongBoxUnavailableException) {
            false
        }

    private fun make(alias: String, algorithm: KeyAlgorithm, purpose: KeyPurpose, strongBox: Boolean) {
        val spec = KeyGenParameterSpec.Builder(alias, KeyProperties.PURPOSE_SIGN)
            .setDigests(KeyProperties.DIGEST_SHA256)
            .setIsStrongBoxBacked(strongBox)
        val name = when (algorithm) {
            KeyAlgorithm.RSA2048 -> {
                spec.setAlgorithmParameterSpec(RSAKeyGenParameterSpec(2048, RSAKeyGenParameterSpec.F4))
                spec.setSignaturePaddings(KeyProperties.SIGNATURE_PADDING_RSA_PKCS1)
                KeyProperties.KEY_ALGORITHM_RSA
            }
            KeyAlgorithm.P256 -> {
                spec.setAlgorithmParameterSpec(ECGenParameterSpec("secp256r1"))
                KeyProperties.KEY_ALGORITHM_EC
            }
        }
        if (purpose == KeyPurpose.APPROVAL) askForBiometrics(spec)
        if (attests(purpose)) spec.setAttestationChallenge(attestationChallenge)
        KeyPairGenerator.getInstance(name, PROVIDER).apply { initialize(spec.build()) }.generateKeyPair()
    }

    private fun askForBiometrics(spec: KeyGenParameterSpec.Builder) {
        spec.setUserAuthenticationRequired(true)
        spec.setUserAuthenticationParameters(EACH_USE, KeyProperties.AUTH_BIOMETRIC_STRONG)
        spec.setInvalidatedByBiometricEnrollment(true)
    }

    private fun attests(purpose: KeyPurpose) = attestationChallenge != null && purpose == KeyPurpose.ENROLLMENT

    @Suppress("DEPRECATION")
    private fun protection(key: PrivateKey, inStrongBox: Boolean): ProtectionLevel {
        val info = KeyFactory.getInstance(key.algorithm, PROVIDER).getKeySpec(key, AndroidKeyInfo::class.java)
        if (sdk >= Build.VERSION_CODES.S) {
            return when (info.securityLevel) {
                KeyProperties.SECURITY_LEVEL_STRONGBOX -> ProtectionLevel.SECURE_ELEMENT
                KeyProperties.SECURITY_LEVEL_TRUSTED_ENVIRONMENT -> ProtectionLevel.TRUSTED_ENVIRONMENT
                KeyProperties.SECURITY_LEVEL_SOFTWARE -> ProtectionLevel.SOFTWARE
                else -> ProtectionLevel.UNKNOWN
            }
        }
        return when {
            !info.isInsideSecureHardware -> ProtectionLevel.SOFTWARE
            inStrongBox -> ProtectionLevel.SECURE_ELEMENT
            else -> ProtectionLevel.TRUSTED_ENVIRONMENT
        }
    }

    override fun makeWrappingKey(alias: String): SecretKey {
        val spec = KeyGenParameterSpec.Builder(alias, KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT)
            .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
            .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
            .setKeySize(256)
            .build()
        return KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, PROVIDER).apply { init(spec) }.generateKey()
    }

    /** The Keystore keeps what it makes. */
    override fun save() = Unit

    override fun meaning(failure: Exception): KeyStoreException? {
        val causes = generateSequence<Throwable>(failure) { it.cause }.take(8).toList()
        return when {
            causes.any { it is KeyPermanentlyInvalidatedException } -> KeyStoreException.Invalidated()
            locked() -> KeyStoreException.Locked()
            causes.any { it is UserNotAuthenticatedException } -> KeyStoreException.UserVerificationFailed()
            causes.any { it is UnrecoverableKeyException } -> KeyStoreException.Missing()
            causes.any { it is StrongBoxUnavailableException } -> KeyStoreException.Unsupported()
            else -> null
        }
    }

    private companion object {
        const val PROVIDER = "AndroidKeyStore"
        const val EACH_USE = 0
    }
}
