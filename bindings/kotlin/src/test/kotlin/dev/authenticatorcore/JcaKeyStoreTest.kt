package dev.authenticatorcore

import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.attribute.PosixFilePermissions
import java.security.KeyFactory
import java.security.Signature
import java.security.spec.X509EncodedKeySpec
import java.util.concurrent.Executors
import java.util.concurrent.Future
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.EnumSource

class JcaKeyStoreTest {
    @TempDir
    lateinit var folder: Path

    private val password = "a test password".toCharArray()
    private val file get() = folder.resolve("keys.p12")
    private fun open() = JcaKeyStore(Pkcs12Keys(file, password))

    private fun PublicKey.verifies(message: ByteArray, signature: ByteArray): Boolean {
        val (name, scheme) = when (algorithm) {
            KeyAlgorithm.RSA2048 -> "RSA" to "SHA256withRSA"
            KeyAlgorithm.P256 -> "EC" to "SHA256withECDSA"
        }
        assertEquals(PublicKeyFormat.SPKI, format)
        val key = KeyFactory.getInstance(name).generatePublic(X509EncodedKeySpec(bytes))
        return Signature.getInstance(scheme).run {
            initVerify(key)
            update(message)
            verify(signature)
        }
    }

    @ParameterizedTest
    @EnumSource(KeyAlgorithm::class)
    fun `a key signs, also after the file was opened again`(algorithm: KeyAlgorithm) {
        val made = open().generate("key", algorithm, KeyPurpose.ENROLLMENT)
        assertEquals(algorithm, made.publicKey.algorithm)
        assertEquals(ProtectionLevel.SOFTWARE, made.protection)

        val again = open()
        assertArrayEquals(made.publicKey.bytes, again.publicKey("key").bytes)
        val signature = again.sign("key", "text".toByteArray())
        assertTrue(made.publicKey.verifies("text".toByteArray(), signature))
        assertFalse(made.publicKey.verifies("test".toByteArray(), signature))
    }

    @Test
    fun `a new key takes the place of an old one of the same name`() {
        val keys = open()
        val first = keys.generate("key", KeyAlgorithm.RSA2048, KeyPurpose.ENROLLMENT)
        val second = keys.generate("key", KeyAlgorithm.P256, KeyPurpose.APPROVAL)
        assertFalse(first.publicKey.bytes.contentEquals(second.publicKey.bytes))
        assertArrayEquals(second.publicKey.bytes, keys.publicKey("key").bytes)
    }

    @Test
    fun `a deleted key is missing, and deleting it again is no error`() {
        val keys = open()
        keys.generate("key", KeyAlgorithm.P256, KeyPurpose.ENROLLMENT)
        keys.delete("key")
        keys.delete("key")
        assertThrows<KeyStoreException.Missing> { keys.sign("key", ByteArray(1)) }
        assertThrows<KeyStoreException.Missing> { open().publicKey("key") }
    }

    @Test
    fun `what was wrapped is unwrapped, by this key store and no other`() {
        val dataKey = ByteArray(32) { it.toByte() }
        val wrapped = open().wrap(dataKey)
        assertFalse(wrapped.toList().windowed(32).contains(dataKey.toList()))
        assertArrayEquals(dataKey, open().unwrap(wrapped))

        val other = JcaKeyStore(Pkcs12Keys(folder.resolve("other.p12"), password))
        assertThrows<KeyStoreException.Missing>("no key at all") { other.unwrap(wrapped) }
        other.wrap(dataKey)
        assertThrows<KeyStoreException.Missing>("another key") { other.unwrap(wrapped) }
        assertThrows<KeyStoreException.Failed>("nothing that was wrapped") { open().unwrap(ByteArray(5)) }
    }

    @Test
    fun `the file is its owner's alone, and useless without the password`() {
        open().generate("key", KeyAlgorithm.P256, KeyPurpose.ENROLLMENT)
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        assertEquals(listOf(file), Files.list(folder).use { it.toList() }, "nothing lies about")
        assertThrows<KeyStoreException.Failed> { Pkcs12Keys(file, "wrong".toCharArray()) }
        Files.writeString(file, "no key store")
        assertThrows<KeyStoreException.Failed> { Pkcs12Keys(file, password) }
    }

    @Test
    fun `many threads make, use and delete keys at once`() {
        val keys = open()
        val threads = Executors.newFixedThreadPool(8)
        val results: List<Future<Boolean>> = (0 until 32).map { n ->
            threads.submit<Boolean> {
                val key = keys.generate("key-$n", KeyAlgorithm.P256, KeyPurpose.ENROLLMENT).publicKey
                val good = key.verifies(byteArrayOf(1), keys.sign("key-$n", byteArrayOf(1)))
                keys.delete("key-$n")
                good
            }
        }
        assertTrue(results.all { it.get() })
        threads.shutdown()
        assertThrows<KeyStoreException.Missing> { open().publicKey("key-0") }
    }
}
