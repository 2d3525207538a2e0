package dev.authenticatorcore.demo.state

import dev.authenticatorcore.AuthenticatorException
import dev.authenticatorcore.Enrollment
import dev.authenticatorcore.EnrollmentId
import dev.authenticatorcore.KeyState
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch

/** The accounts on this phone, and their one-time codes where a person asked to see one. */
class AccountsViewModel(private val phone: Phone, private val scope: CoroutineScope) {
    private val shown = MutableStateFlow<AccountsState>(AccountsState.Loading)
    val state: StateFlow<AccountsState> = shown

    init {
        scope.launch { eachSecond.collect { renewCodes() } }
    }

    /** Reads them; when the screen opens, and after something was added or removed. */
    fun load() = scope.launch {
        shown.value = try {
            val lost = phone.core().repair().filter { it.keys.isLost }.map { it.enrollment }.toSet()
            AccountsState.Shown(phone.core().enrollments().map { it.card(it.id in lost) })
        } catch (e: AuthenticatorException) {
            AccountsState.Failed(Problem.of(e))
        }
    }

    fun showCode(id: EnrollmentId) = scope.launch {
        val code = code(id)
        change(id) { it.copy(code = code) }
    }

    fun hideCode(id: EnrollmentId) = change(id) { it.copy(code = null) }

    /** The store's key is gone, or its file is damaged: keeps what can be read. */
    fun repair() = scope.launch {
        shown.value = AccountsState.Loading
        try {
            phone.repair()
            load()
        } catch (e: AuthenticatorException) {
            shown.value = AccountsState.Failed(Problem.of(e))
        }
    }

    private suspend fun renewCodes() {
        val now = shown.value as? AccountsState.Shown ?: return
        now.accounts.filter { it.code != null }.forEach { card ->
            val code = code(card.id)
            change(card.id) { if (it.code == null) it else it.copy(code = code) }
        }
    }

    private suspend fun code(id: EnrollmentId): Code? = try {
        phone.core().oneTimeCode(id).let { Code(it.code.expose(), it.secondsLeft.toInt(), it.period.toInt()) }
    } catch (_: AuthenticatorException) {
        null
    }

    private fun change(id: EnrollmentId, how: (AccountCard) -> AccountCard) = shown.update { state ->
        if (state !is AccountsState.Shown) state
        else AccountsState.Shown(state.accounts.map { if (it.id == id) how(it) else it })
    }

    private fun Enrollment.card(keyLost: Boolean) = AccountCard(id, issuer, user, hasOneTimeCode, keyLost, null)
}

internal val KeyState.isLost get() = this == KeyState.KEY_MISSING || this == KeyState.KEY_INVALIDATED

sealed interface AccountsState {
    data object Loading : AccountsState
    data class Failed(val problem: Problem) : AccountsState

    /** Empty: nobody has enrolled yet. */
    data class Shown(val accounts: List<AccountCard>) : AccountsState
}

data class AccountCard(
    val id: EnrollmentId,
    val issuer: String,
    val user: String,
    val hasCode: Boolean,
    val keyLost: Boolean,
    val code: Code?,
)

/** A one-time code on screen. It prints as nothing: it is a secret for half a minute. */
class Code(val digits: String, val secondsLeft: Int, val period: Int) {
    override fun equals(other: Any?) = other is Code && digits == other.digits && secondsLeft == other.secondsLeft
    override fun hashCode() = secondsLeft
    override fun toString() = "Code"
}
