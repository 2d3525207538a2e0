package dev.authenticatorcore

import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds

/**
 * Why a call failed. Every call of [Authenticator] throws this and nothing else (besides `CancellationException`).
 *
 * [errorClass] says what to do, [kind] which screen to show, [code] exactly what happened. [message] is for developers
 * and logs; it never holds secrets or payload text.
 */
class AuthenticatorException internal constructor(internal val parts: ErrorParts) : Exception(text(parts)) {
    /** For fakes in an app's own tests. */
    constructor(
        code: ErrorCode,
        kind: ErrorKind,
        errorClass: ErrorClass,
        message: String = "",
        serverCode: String? = null,
        status: Int? = null,
    ) : this(ErrorParts.Parts(code, kind, errorClass, message, serverCode, status?.toUShort(), null))

    private val fields = parts as ErrorParts.Parts

    /** What happened; stable between versions. */
    val code: ErrorCode get() = fields.code

    /** What kind of trouble it is; at most one screen a kind. */
    val kind: ErrorKind get() = fields.kind

    /** What to do about it. */
    val errorClass: ErrorClass get() = fields.`class`

    /** The server's own code, where there was one. */
    val serverCode: String? get() = fields.serverCode

    /** The HTTP status, where there was one. */
    val status: Int? get() = fields.status?.toInt()

    /** How long to wait before the next try, where the server said so. */
    val retryAfter: Duration? get() = fields.retryAfter?.toLong()?.seconds

    internal companion object ErrorHandler : UniffiRustCallStatusErrorHandler<AuthenticatorException> {
        override fun lift(error_buf: RustBuffer.ByValue): AuthenticatorException =
            FfiConverterTypeAuthenticatorError.lift(error_buf)

        private fun text(parts: ErrorParts) = with(parts as ErrorParts.Parts) { "${code.text}: $message" }
    }
}

/** The text of a code in logs and documentation, such as `review_changed`. */
val ErrorCode.text: String get() = name.lowercase()

/** The text of a mark in logs and documentation, such as `hidden_direction`. */
val MarkCode.text: String get() = name.lowercase()

internal fun closedException() = AuthenticatorException(
    ErrorCode.CLOSED,
    ErrorKind.ARGUMENT,
    ErrorClass.BUG,
    "it was closed",
)
