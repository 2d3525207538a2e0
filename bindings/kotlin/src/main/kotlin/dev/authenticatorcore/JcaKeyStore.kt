package dev.authenticatorcore

import java.security.GeneralSecurityException
import java.security.PrivateKey
import java.security.Signature
import javax.crypto.AEADBadTagException
import javax.crypto.Cipher
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/**
 * Keys that `java.security` holds: in a PKCS#12 file on a JVM ([Pkcs12Keys]), in the Android Keystore on a phone
 * (`AndroidKeys`). Only the [KeyPlace] differs; what is done with the keys is done here.
 *
 * Calls may come from any thread. None of them holds a lock while it signs.
 */
class JcaKeyStore(private val place: KeyPlace) : KeyStore {
    private val lock = Any()

    override fun generate(alias: String, algorithm: KeyAlgorithm, purpose: KeyPurpose): KeyInfo = meaning {
        val made = synchronized(lock) { place.makeKeyPair(alias, algorithm, purpose).also { place.save() } }
        KeyInfo(publicKey(alias), made.protection, made.attestation)
    }

    override fun publicKey(alias: String): PublicKey = meaning {
        val certificate = synchronized(lock) { place.keys.getCertificate(alias) } ?: throw KeyStoreException.Missing()
        PublicKey(algorithm(certificate.publicKey.algorithm), PublicKeyFormat.SPKI, certificate.publicKey.encoded)
    }

    override fun sign(alias: String, message: ByteArray): ByteArray = meaning {
        signature(alias).run {
            update(message)
            sign()
        }
    }

    /**
     * A signature that waits for its message. Where the key asks for a biometric prompt, put it into
     * `BiometricPrompt.CryptoObject`, and after the prompt give it [SigningRequest.message] and call `sign()`.
     *
     * Throws [KeyStoreException].
     */
    fun signature(alias: String): Signature = meaning {
        val key = synchronized(lock) { place.keys.getKey(alias, place.password) } as? PrivateKey
            ?: throw KeyStoreException.Missing()
        val name = when (algorithm(key.algorithm)) {
            KeyAlgorithm.RSA2048 -> "SHA256withRSA"
            KeyAlgorithm.P256 -> "SHA256withECDSA"
        }
        Signature.getInstance(name).apply { initSign(key) }
    }

    override fun delete(alias: String) = meaning {
        synchronized(lock) {
            if (place.keys.containsAlias(alias)) {
                place.keys.deleteEntry(alias)
                place.save()
            }
        }
    }

    override fun wrap(dataKey: ByteArray): ByteArray = meaning {
        val key = synchronized(lock) {
            wrappingKey() ?: place.makeWrappingKey(WRAPPING_KEY).also { place.save() }
        }
        val cipher = Cipher.getInstance(CIPHER).apply { init(Cipher.ENCRYPT_MODE, key) }
        cipher.iv + cipher.doFinal(dataKey)
    }

    override fun unwrap(wrapped: ByteArray): ByteArray = meaning {
        val key = synchronized(lock) { wrappingKey() } ?: throw KeyStoreException.Missing()
        if (wrapped.size < IV) throw KeyStoreException.Failed()
        val cipher = Cipher.getInstance(CIPHER)
        cipher.init(Cipher.DECRYPT_MODE, key, GCMParameterSpec(TAG_BITS, wrapped, 0, IV))
        try {
            cipher.doFinal(wrapped, IV, wrapped.size - IV)
        } catch (_: AEADBadTagException) {
            // Wrapped under a key that is gone: a store that was restored without its keys.
            throw KeyStoreException.Missing()
        }
    }

    private fun wrappingKey() = place.keys.getKey(WRAPPING_KEY, place.password) as SecretKey?

    private fun algorithm(name: String) = when (name) {
        "RSA" -> KeyAlgorithm.RSA2048
        "EC" -> KeyAlgorithm.P256
        else -> throw KeyStoreException.Unsupported()
    }

    /** The one place where a failure of the platform becomes one of ours. */
    private inline fun <T> meaning(call: () -> T): T =
        try {
            call()
        } catch (e: KeyStoreException) {
            throw e
        } catch (e: Exception) {
            throw place.meaning(e) ?: KeyStoreException.Failed()
        }

    private companion object {
        const val WRAPPING_KEY = "authenticator-core-data-key"
        const val CIPHER = "AES/GCM/NoPadding"
        const val IV = 12
        const val TAG_BITS = 128
    }
}

/** Where a [JcaKeyStore] keeps its keys: all that differs between platforms. Calls come one at a time. */
interface KeyPlace {
    /** The keys, loaded. */
    val keys: java.security.KeyStore

    /** What protects a single entry; `null` where the platform does. */
    val password: CharArray?

    /** Makes a key pair with a certificate under this name, in place of one that is there. */
    @Throws(GeneralSecurityException::class)
    fun makeKeyPair(alias: String, algorithm: KeyAlgorithm, purpose: KeyPurpose): Made

    /** Makes an AES-256 key for GCM under this name. */
    @Throws(GeneralSecurityException::class)
    fun makeWrappingKey(alias: String): SecretKey

    /** Called after every change. */
    fun save()

    /** What a failure of the platform means, if it is more than "failed". */
    fun meaning(failure: Exception): KeyStoreException?

    /** What the platform says about a new key pair. */
    class Made(val protection: ProtectionLevel, val attestation: List<ByteArray> = emptyList())
}
