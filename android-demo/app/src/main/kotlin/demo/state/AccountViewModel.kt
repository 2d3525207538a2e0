package dev.authenticatorcore.demo.state

import dev.authenticatorcore.AuthenticatorException
import dev.authenticatorcore.Enrollment
import dev.authenticatorcore.EnrollmentId
import dev.authenticatorcore.ProtectionLevel
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.launch

/** One account: where its key lives, when it was used, and how to remove it. */
class AccountViewModel(private val phone: Phone, private val id: EnrollmentId, private val scope: CoroutineScope) {
    private val shown = MutableStateFlow<AccountState>(AccountState.Loading)
    val state: StateFlow<AccountState> = shown

    init {
        load()
    }

    fun load() = attempt {
        val account = phone.core().enrollments().firstOrNull { it.id == id }
        account?.let { AccountState.Shown(it.details()) } ?: AccountState.Removed
    }

    fun askToRemove() = change { it.copy(removing = Removing.ASKED) }

    fun keep() = change { it.copy(removing = Removing.NO, problem = null) }

    /** Removes it on the server, then here. Where the server cannot be reached it asks again: here alone? */
    fun remove() {
        val before = shown.value as? AccountState.Shown ?: return
        shown.value = before.copy(removing = Removing.WORKING)
        attempt({ problem -> before.copy(removing = Removing.UNREACHABLE, problem = problem) }) {
            phone.core().unenroll(id)
            AccountState.Removed
        }
    }

    fun removeHereOnly() = attempt {
        phone.core().forget(id)
        AccountState.Removed
    }

    private fun change(how: (AccountState.Shown) -> AccountState) {
        shown.value = (shown.value as? AccountState.Shown)?.let(how) ?: shown.value
    }

    private fun attempt(failed: (Problem) -> AccountState = { AccountState.Failed(it) }, what: suspend () -> AccountState) =
        scope.launch {
            shown.value = try {
                what()
            } catch (e: AuthenticatorException) {
                failed(Problem.of(e))
            }
        }

    private fun Enrollment.details() =
        AccountDetails(issuer, user, baseUrl, enrolledAt, lastUsedAt, protection, thumbprint, approvalThumbprint, quietUntil)
}

sealed interface AccountState {
    data object Loading : AccountState
    data class Failed(val problem: Problem) : AccountState
    data class Shown(val details: AccountDetails, val removing: Removing = Removing.NO, val problem: Problem? = null) : AccountState
    data object Removed : AccountState
}

enum class Removing { NO, ASKED, WORKING, UNREACHABLE }

data class AccountDetails(
    val issuer: String,
    val user: String,
    val server: String,
    val addedAt: Long,
    val usedAt: Long?,
    val protection: ProtectionLevel,
    val thumbprint: String,
    val approvalThumbprint: String?,
    val quietUntil: Long?,
)
