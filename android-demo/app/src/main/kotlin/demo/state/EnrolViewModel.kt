package dev.authenticatorcore.demo.state

import dev.authenticatorcore.AuthenticatorException
import dev.authenticatorcore.ErrorCode
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.launch

/**
 * From a scanned, pasted or typed text to an account. A server that neither the app nor a person has named is asked about
 * first; until then nothing is sent to it.
 */
class EnrolViewModel(private val phone: Phone, private val scope: CoroutineScope) {
    private val shown = MutableStateFlow<EnrolState>(EnrolState.Enter(null))
    val state: StateFlow<EnrolState> = shown

    fun start() {
        shown.value = EnrolState.Enter(null)
    }

    fun submit(text: String) = attempt {
        val invitation = text.trim()
        try {
            enrol(invitation, server = null)
        } catch (e: AuthenticatorException) {
            if (e.code != ErrorCode.UNKNOWN_SERVER) throw e
            // A bare ticket names nobody to ask about.
            val host = phone.core().invitationHost(invitation) ?: throw e
            EnrolState.Trust(host, invitation)
        }
    }

    /** The person said that this is the page they opened. */
    fun trust(question: EnrolState.Trust) = attempt {
        enrol(question.invitation, phone.core().addServer(question.host))
    }

    private suspend fun enrol(invitation: String, server: String?): EnrolState {
        val made = phone.core().enroll(invitation, server, phone.platform.device())
        return EnrolState.Done(made.issuer, made.user, made.recoveryCode?.expose())
    }

    private fun attempt(what: suspend () -> EnrolState) = scope.launch {
        if (shown.value is EnrolState.Working) return@launch
        shown.value = EnrolState.Working
        shown.value = try {
            what()
        } catch (e: AuthenticatorException) {
            EnrolState.Enter(Problem.of(e))
        }
    }
}

sealed interface EnrolState {
    /** Wants a text; `problem` says what was wrong with the last one. */
    data class Enter(val problem: Problem?) : EnrolState

    /** Asks about a host that nobody has named before. Holds a secret, and prints nothing of it. */
    class Trust(val host: String, internal val invitation: String) : EnrolState

    data object Working : EnrolState

    /** The recovery code is here and nowhere else: shown once. */
    class Done(val issuer: String, val user: String, val recoveryCode: String?) : EnrolState
}
