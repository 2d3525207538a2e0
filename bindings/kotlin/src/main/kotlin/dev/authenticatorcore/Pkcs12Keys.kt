package dev.authenticatorcore

import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.StandardCopyOption.ATOMIC_MOVE
import java.nio.file.StandardCopyOption.REPLACE_EXISTING
import java.nio.file.attribute.PosixFilePermissions
import java.security.KeyPairGenerator
import java.security.spec.ECGenParameterSpec
import java.security.spec.RSAKeyGenParameterSpec
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey

/**
 * Keys in a PKCS#12 file, for desktops, terminals and tests. They are as safe as the file and its [password]; there is no
 * prompt, so an approval key here is no evidence that a person was there. One process at a time.
 *
 * Throws [KeyStoreException.Failed] when the file cannot be read or the password is wrong.
 */
class Pkcs12Keys(private val file: Path, override val password: CharArray) : KeyPlace {
    override val keys: java.security.KeyStore = java.security.KeyStore.getInstance("PKCS12")

    init {
        try {
            if (Files.exists(file)) Files.newInputStream(file).use { keys.load(it, password) } else keys.load(null, null)
        } catch (_: Exception) {
            throw KeyStoreException.Failed()
        }
    }

    override fun makeKeyPair(alias: String, algorithm: KeyAlgorithm, purpose: KeyPurpose): KeyPlace.Made {
        val generator = when (algorithm) {
            KeyAlgorithm.RSA2048 -> KeyPairGenerator.getInstance("RSA").apply {
                initialize(RSAKeyGenParameterSpec(2048, RSAKeyGenParameterSpec.F4))
            }
            KeyAlgorithm.P256 -> KeyPairGenerator.getInstance("EC").apply { initialize(ECGenParameterSpec("secp256r1")) }
        }
        val pair = generator.generateKeyPair()
        // PKCS#12 keeps no private key without a certificate.
        keys.setKeyEntry(alias, pair.private, password, arrayOf(selfSigned(pair, alias)))
        return KeyPlace.Made(ProtectionLevel.SOFTWARE)
    }

    override fun makeWrappingKey(alias: String): SecretKey {
        val key = KeyGenerator.getInstance("AES").apply { init(256) }.generateKey()
        keys.setKeyEntry(alias, key, password, null)
        return key
    }

    /** Written anew beside the old file, then put in its place: there is always one that is whole. */
    override fun save() {
        val folder = file.toAbsolutePath().parent
        val owner = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
        val posix = "posix" in file.fileSystem.supportedFileAttributeViews()
        val fresh = if (posix) Files.createTempFile(folder, ".keys", null, owner) else Files.createTempFile(folder, ".keys", null)
        try {
            Files.newOutputStream(fresh).use { keys.store(it, password) }
            Files.move(fresh, file, ATOMIC_MOVE, REPLACE_EXISTING)
        } finally {
            Files.deleteIfExists(fresh)
        }
    }

    override fun meaning(failure: Exception): KeyStoreException? = null
}
