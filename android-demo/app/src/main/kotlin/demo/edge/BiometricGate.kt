package dev.authenticatorcore.demo.edge

import java.security.Signature

/** The platform's prompt: what stands between a tap on "approve" and the approval key. */
interface BiometricGate {
    /** Shows the prompt over this signature; the key inside can sign once when it is passed. */
    suspend fun unlock(signature: Signature): Unlock

    /** Asks for the person without a key, by fingerprint, face or the phone's code: before a new approval key is made. */
    suspend fun confirmPerson(): Unlock
}

/** How a prompt ended. */
sealed interface Unlock {
    /** The person passed; `signature` can sign now, and is `null` where there was none to unlock. */
    class Passed(val signature: Signature?) : Unlock

    /** The person closed the prompt, or did not pass it. */
    data object Cancelled : Unlock

    /** Too many tries: only the phone's code opens it again. */
    data object LockedOut : Unlock

    /** This phone has no biometrics, or none are set up. */
    data object Unavailable : Unlock
}
