package dev.authenticatorcore.demo.state

import dev.authenticatorcore.AuthenticatorException
import dev.authenticatorcore.ErrorClass
import dev.authenticatorcore.ErrorCode
import dev.authenticatorcore.ErrorKind
import dev.authenticatorcore.text

/** What a person is told about an error, and what can be done. The words are the screen's. */
data class Problem(val what: What, val code: String, val retry: Boolean) {
    enum class What {
        OFFLINE, NOT_SECURE, SERVER, KEYS_LOCKED, KEY_LOST, STORE_LOST,
        INVITATION_MALFORMED, INVITATION_OTHER, INVITATION_OPEN_PAGE, INVITATION_EXPIRED, ALREADY_HERE,
        OTHER,
    }

    companion object {
        fun of(error: AuthenticatorException) = Problem(what(error), error.code.text, error.errorClass == ErrorClass.RETRY)

        private fun what(error: AuthenticatorException): What = when (error.code) {
            ErrorCode.INVITATION_MALFORMED, ErrorCode.SERVER_ADDRESS -> What.INVITATION_MALFORMED
            ErrorCode.INVITATION_OTHER -> What.INVITATION_OTHER
            ErrorCode.INVITATION_OPEN_PAGE -> What.INVITATION_OPEN_PAGE
            ErrorCode.INVITATION_EXPIRED -> What.INVITATION_EXPIRED
            ErrorCode.ENROLLMENT_CONFLICT -> What.ALREADY_HERE
            ErrorCode.TLS_FAILED, ErrorCode.TLS_UNAVAILABLE -> What.NOT_SECURE
            ErrorCode.KEYS_LOCKED -> What.KEYS_LOCKED
            ErrorCode.KEY_MISSING, ErrorCode.KEY_INVALIDATED, ErrorCode.ENROLLMENT_GONE -> What.KEY_LOST
            ErrorCode.STORE_CORRUPT -> What.STORE_LOST
            else -> when (error.kind) {
                ErrorKind.NETWORK -> What.OFFLINE
                ErrorKind.SERVER -> What.SERVER
                else -> What.OTHER
            }
        }
    }
}
