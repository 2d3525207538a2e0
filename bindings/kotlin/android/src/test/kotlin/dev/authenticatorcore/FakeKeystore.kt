package dev.authenticatorcore

import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyInfo as AndroidKeyInfo
import android.security.keystore.KeyProperties
import android.security.keystore.StrongBoxUnavailableException
import java.io.InputStream
import java.io.OutputStream
import java.security.Key
import java.security.KeyFactorySpi
import java.security.KeyPair
import java.security.KeyPairGenerator
import java.security.KeyPairGeneratorSpi
import java.security.KeyStoreSpi
import java.security.PrivateKey
import java.security.PublicKey as JavaPublicKey
import java.security.Provider
import java.security.SecureRandom
import java.security.cert.Certificate
import java.security.spec.AlgorithmParameterSpec
import java.security.spec.KeySpec
import java.util.Date
import java.util.Enumeration
import javax.crypto.KeyGenerator
import javax.crypto.KeyGeneratorSpi
import javax.crypto.SecretKey

/** Stands in for the provider `AndroidKeyStore`: writes down what it is asked for, makes keys in memory. */
class FakeKeystore : Provider("AndroidKeyStore", "1", "a stand-in for tests") {
    init {
        put("KeyStore.AndroidKeyStore", Keys::class.java.name)
        for (algorithm in listOf("RSA", "EC")) {
            put("KeyPairGenerator.$algorithm", (if (algorithm == "RSA") Rsa::class else Ec::class).java.name)
            put("KeyFactory.$algorithm", Factory::class.java.name)
        }
        put("KeyGenerator.AES", Aes::class.java.name)
    }

    companion object {
        val specs = mutableMapOf<String, KeyGenParameterSpec>()
        val entries = mutableMapOf<String, Pair<Key, List<Certificate>>>()
        var hasStrongBox = true
        var trouble: Exception? = null

        fun reset() {
            specs.clear()
            entries.clear()
            hasStrongBox = true
            trouble = null
        }
    }

    class Rsa : Pairs("RSA")
    class Ec : Pairs("EC")

    open class Pairs(private val algorithm: String) : KeyPairGeneratorSpi() {
        private lateinit var spec: KeyGenParameterSpec

        override fun initialize(keySize: Int, random: SecureRandom?) = throw UnsupportedOperationException()

        override fun initialize(params: AlgorithmParameterSpec, random: SecureRandom?) {
            spec = params as KeyGenParameterSpec
        }

        override fun generateKeyPair(): KeyPair {
            trouble?.let { throw it }
            if (spec.isStrongBoxBacked && !hasStrongBox) throw StrongBoxUnavailableException()
            val pair = KeyPairGenerator.getInstance(algorithm).run {
                initialize(spec.algorithmParameterSpec)
                generateKeyPair()
            }
            specs[spec.keystoreAlias] = spec
            entries[spec.keystoreAlias] = pair.private to listOf(selfSigned(pair, spec.keystoreAlias))
            return pair
        }
    }

    class Aes : KeyGeneratorSpi() {
        private lateinit var spec: KeyGenParameterSpec

        override fun engineInit(random: SecureRandom?) = throw UnsupportedOperationException()
        override fun engineInit(keySize: Int, random: SecureRandom?) = throw UnsupportedOperationException()

        override fun engineInit(params: AlgorithmParameterSpec, random: SecureRandom?) {
            spec = params as KeyGenParameterSpec
        }

        override fun engineGenerateKey(): SecretKey {
            val key = KeyGenerator.getInstance("AES").apply { init(spec.keySize) }.generateKey()
            specs[spec.keystoreAlias] = spec
            entries[spec.keystoreAlias] = key to emptyList()
            return key
        }
    }

    class Factory : KeyFactorySpi() {
        @Suppress("UNCHECKED_CAST")
        override fun <T : KeySpec> engineGetKeySpec(key: Key, type: Class<T>): T {
            val spec = specs.getValue(entries.entries.single { it.value.first === key }.key)
            val level = when {
                spec.isStrongBoxBacked -> KeyProperties.SECURITY_LEVEL_STRONGBOX
                else -> KeyProperties.SECURITY_LEVEL_TRUSTED_ENVIRONMENT
            }
            val none = emptyArray<String>()
            val never: Date? = null
            // Hidden from apps; the arguments are those of Android 14.
            return AndroidKeyInfo::class.java.constructors.single().newInstance(
                spec.keystoreAlias, true, 1, 256, never, never, never, spec.purposes, none, none, none, none,
                spec.isUserAuthenticationRequired, 0, 0, true, false, false, true, false, level, -1,
            ) as T
        }

        override fun engineGeneratePublic(spec: KeySpec?): JavaPublicKey = throw UnsupportedOperationException()
        override fun engineGeneratePrivate(spec: KeySpec?): PrivateKey = throw UnsupportedOperationException()
        override fun engineTranslateKey(key: Key?): Key = throw UnsupportedOperationException()
    }

    class Keys : KeyStoreSpi() {
        override fun engineGetKey(alias: String, password: CharArray?): Key? {
            trouble?.let { throw it }
            return entries[alias]?.first
        }

        override fun engineGetCertificateChain(alias: String): Array<Certificate>? = entries[alias]?.second?.toTypedArray()
        override fun engineGetCertificate(alias: String): Certificate? = entries[alias]?.second?.firstOrNull()
        override fun engineDeleteEntry(alias: String) {
            entries.remove(alias)
        }
        override fun engineContainsAlias(alias: String): Boolean = alias in entries
        override fun engineLoad(stream: InputStream?, password: CharArray?) = Unit

        private fun no(): Nothing = throw UnsupportedOperationException()
        override fun engineGetCreationDate(alias: String): Date = no()
        override fun engineSetKeyEntry(alias: String, key: Key, password: CharArray?, chain: Array<Certificate>?) = no()
        override fun engineSetKeyEntry(alias: String, key: ByteArray, chain: Array<Certificate>?) = no()
        override fun engineSetCertificateEntry(alias: String, certificate: Certificate) = no()
        override fun engineAliases(): Enumeration<String> = no()
        override fun engineSize(): Int = no()
        override fun engineIsKeyEntry(alias: String): Boolean = no()
        override fun engineIsCertificateEntry(alias: String): Boolean = no()
        override fun engineGetCertificateAlias(certificate: Certificate): String = no()
        override fun engineStore(stream: OutputStream?, password: CharArray?) = no()
    }
}
