package dev.authenticatorcore

import android.os.Build.VERSION_CODES
import android.security.keystore.KeyPermanentlyInvalidatedException
import android.security.keystore.KeyProperties
import android.security.keystore.UserNotAuthenticatedException
import java.security.InvalidKeyException
import java.security.ProviderException
import java.security.Security
import java.security.Signature
import java.security.UnrecoverableKeyException
import java.security.spec.ECGenParameterSpec
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows

/** What `AndroidKeys` asks the Keystore for, and what it makes of the answers. A real Keystore needs a phone. */
class AndroidKeysTest {
    private var locked = false

    @BeforeEach
    fun install() {
        FakeKeystore.reset()
        Security.addProvider(FakeKeystore())
    }

    @AfterEach
    fun uninstall() = Security.removeProvider("AndroidKeyStore")

    private fun keys(strongBox: Boolean = true, challenge: ByteArray? = null, sdk: Int = VERSION_CODES.UPSIDE_DOWN_CAKE) =
        JcaKeyStore(AndroidKeys(strongBox, challenge, sdk) { locked })

    @Test
    fun `an enrolment key signs RS256 without a prompt, in StrongBox where there is one`() {
        val made = keys().generate("key", KeyAlgorithm.RSA2048, KeyPurpose.ENROLLMENT)
        assertEquals(ProtectionLevel.SECURE_ELEMENT, made.protection)
        assertTrue(made.attestation.isEmpty())
        val spec = FakeKeystore.specs.getValue("key")
        assertTrue(spec.isStrongBoxBacked)
        assertFalse(spec.isUserAuthenticationRequired)
        assertEquals(KeyProperties.PURPOSE_SIGN, spec.purposes)
        assertArrayEquals(arrayOf(KeyProperties.DIGEST_SHA256), spec.digests)
        assertArrayEquals(arrayOf(KeyProperties.SIGNATURE_PADDING_RSA_PKCS1), spec.signaturePaddings)
        assertTrue(keys().sign("key", byteArrayOf(1)).size == 256)
    }

    @Test
    fun `a fall-back to the trusted environment is reported`() {
        FakeKeystore.hasStrongBox = false
        val made = keys().generate("key", KeyAlgorithm.P256, KeyPurpose.ENROLLMENT)
        assertEquals(ProtectionLevel.TRUSTED_ENVIRONMENT, made.protection)
        assertFalse(FakeKeystore.specs.getValue("key").isStrongBoxBacked)
        val older = keys(sdk = VERSION_CODES.R).generate("key", KeyAlgorithm.P256, KeyPurpose.ENROLLMENT)
        assertEquals(ProtectionLevel.TRUSTED_ENVIRONMENT, older.protection)
    }

    @Test
    fun `StrongBox is not asked for where the app does not want it`() {
        val made = keys(strongBox = false).generate("key", KeyAlgorithm.P256, KeyPurpose.ENROLLMENT)
        assertEquals(ProtectionLevel.TRUSTED_ENVIRONMENT, made.protection)
    }

    @Test
    fun `an approval key wants a class 3 biometric for each use and ends with a new fingerprint`() {
        keys().generate("key", KeyAlgorithm.P256, KeyPurpose.APPROVAL)
        val spec = FakeKeystore.specs.getValue("key")
        assertEquals("secp256r1", (spec.algorithmParameterSpec as ECGenParameterSpec).name)
        assertTrue(spec.isUserAuthenticationRequired)
        assertTrue(spec.isInvalidatedByBiometricEnrollment)
        assertEquals(KeyProperties.AUTH_BIOMETRIC_STRONG, spec.userAuthenticationType)
        assertEquals(0, spec.userAuthenticationValidityDurationSeconds, "each use")
    }

    @Test
    fun `an attested enrolment key comes with its chain, other keys without`() {
        val keys = keys(challenge = byteArrayOf(4, 7, 1, 1))
        assertEquals(1, keys.generate("a", KeyAlgorithm.P256, KeyPurpose.ENROLLMENT).attestation.size)
        assertArrayEquals(byteArrayOf(4, 7, 1, 1), FakeKeystore.specs.getValue("a").attestationChallenge)
        assertTrue(keys.generate("b", KeyAlgorithm.P256, KeyPurpose.APPROVAL).attestation.isEmpty())
    }

    @Test
    fun `the store's data key is wrapped with AES-GCM, under an IV of the Keystore`() {
        val wrapped = keys().wrap(ByteArray(32) { 7 })
        val spec = FakeKeystore.specs.values.single()
        assertEquals(256, spec.keySize)
        assertTrue(spec.isRandomizedEncryptionRequired)
        assertFalse(spec.isUserAuthenticationRequired)
        assertArrayEquals(ByteArray(32) { 7 }, keys().unwrap(wrapped))
        keys().delete(spec.keystoreAlias)
        assertThrows<KeyStoreException.Missing> { keys().unwrap(wrapped) }
    }

    @Test
    fun `each way in which a key can be unusable has its own error`() {
        val keys = keys()
        keys.generate("key", KeyAlgorithm.P256, KeyPurpose.APPROVAL)
        fun signing(trouble: Exception): KeyStoreException {
            FakeKeystore.trouble = trouble
            return assertThrows<KeyStoreException> { keys.sign("key", byteArrayOf(1)) }
        }
        assertEquals(KeyStoreException.Invalidated::class, signing(runtime(KeyPermanentlyInvalidatedException()))::class)
        assertEquals(KeyStoreException.UserVerificationFailed::class, signing(runtime(UserNotAuthenticatedException()))::class)
        assertEquals(KeyStoreException.Missing::class, signing(UnrecoverableKeyException())::class)
        assertEquals(KeyStoreException.Failed::class, signing(ProviderException("anything"))::class)
        locked = true
        assertEquals(KeyStoreException.Locked::class, signing(ProviderException("anything"))::class)
        assertEquals(KeyStoreException.Invalidated::class, signing(runtime(KeyPermanentlyInvalidatedException()))::class)
    }

    @Test
    fun `the signature for a prompt is one that waits for its message`() {
        val made = keys().generate("key", KeyAlgorithm.P256, KeyPurpose.APPROVAL)
        val signature = keys().signature("key")
        signature.update(byteArrayOf(1, 2, 3))
        val public = java.security.KeyFactory.getInstance("EC", "SunEC")
            .generatePublic(java.security.spec.X509EncodedKeySpec(made.publicKey.bytes))
        val good = Signature.getInstance("SHA256withECDSA").run {
            initVerify(public)
            update(byteArrayOf(1, 2, 3))
            verify(signature.sign())
        }
        assertTrue(good)
    }

    private fun runtime(cause: InvalidKeyException) = ProviderException(cause)
}
