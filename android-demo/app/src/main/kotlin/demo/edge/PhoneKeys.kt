package dev.authenticatorcore.demo.edge

import dev.authenticatorcore.AndroidKeys
import dev.authenticatorcore.JcaKeyStore
import dev.authenticatorcore.KeyStore
import java.security.Signature

/** The keys of this phone: what the core asks for, and the signature that a prompt unlocks. */
interface PhoneKeys : KeyStore {
    /** A signature with the approval key that waits for the prompt, and then for its message. Throws `KeyStoreException`. */
    fun signature(alias: String): Signature
}

/** Keys that `java.security` holds: with [AndroidKeys] those of the Android Keystore. */
class JcaPhoneKeys(private val jca: JcaKeyStore) : PhoneKeys, KeyStore by jca {
    override fun signature(alias: String): Signature = jca.signature(alias)
}
