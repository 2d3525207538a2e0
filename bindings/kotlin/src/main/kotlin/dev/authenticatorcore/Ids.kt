package dev.authenticatorcore

/** Names a challenge on this device; the same push always gives the same id. */
@JvmInline
value class ChallengeId(val value: String) {
    override fun toString(): String = value
}

/** Names an enrollment on this device; the id that the server gave (`dev_…`). */
@JvmInline
value class EnrollmentId(val value: String) {
    override fun toString(): String = value
}

/** Names an approval that waits for its signature. */
@JvmInline
value class SigningRequestId(val value: String) {
    override fun toString(): String = value
}

/** A token or code. It does not show its text in logs; search for [expose] to see every place that reads one. */
class SecretText(private val text: String) {
    /** The text itself. */
    fun expose(): String = text

    override fun equals(other: Any?): Boolean = other is SecretText && other.text == text

    override fun hashCode(): Int = text.hashCode()

    override fun toString(): String = "SecretText"
}
