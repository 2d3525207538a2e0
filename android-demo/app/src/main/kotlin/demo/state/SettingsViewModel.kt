package dev.authenticatorcore.demo.state

import dev.authenticatorcore.AuthenticatorException
import dev.authenticatorcore.Delivery
import dev.authenticatorcore.history
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch

/** What a person chooses, and what helps when no request comes. */
class SettingsViewModel(
    private val phone: Phone,
    private val scope: CoroutineScope,
    private val notificationsAllowed: () -> Boolean,
) {
    private val shown = MutableStateFlow(SettingsState(phone.settings.language, phone.settings.biometric))
    val state: StateFlow<SettingsState> = shown

    fun chooseLanguage(tag: String?) {
        phone.settings.language = tag
        shown.update { it.copy(language = tag) }
        // Requests are read in it from the next review on.
        scope.launch { attempt { phone.speak() } }
    }

    /** For accounts that are added from now on, and those that have no approval key yet. One that has it keeps asking. */
    fun askForBiometric(on: Boolean) {
        phone.settings.biometric = on
        shown.update { it.copy(biometric = on) }
        scope.launch {
            attempt {
                phone.reopen()
                if (on) phone.core().enrollments().filter { it.approvalThumbprint == null }.forEach { phone.core().replaceApprovalKey(it.id) }
            }
        }
    }

    fun diagnose() = scope.launch {
        attempt {
            val core = phone.core()
            val broken = core.enrollments().firstNotNullOfOrNull { core.verifyHistory(it.id).broken?.seq?.toLong() }
            val queued = core.history(limit = 200).count { it.delivery == Delivery.QUEUED }
            val lastPush = phone.settings.lastPush.takeIf { it > 0 }
            shown.update { it.copy(diagnosis = Diagnosis(notificationsAllowed(), lastPush, queued, broken)) }
        }
    }

    private suspend fun attempt(what: suspend () -> Unit) = try {
        what()
        shown.update { it.copy(problem = null) }
    } catch (e: AuthenticatorException) {
        shown.update { it.copy(problem = Problem.of(e)) }
    }
}

data class SettingsState(
    val language: String?,
    val biometric: Boolean,
    val diagnosis: Diagnosis? = null,
    val problem: Problem? = null,
)

/** `brokenAt` is the first record of the history that does not hold; `null`: all of them do. */
data class Diagnosis(val notificationsAllowed: Boolean, val lastPush: Long?, val queued: Int, val brokenAt: Long?)

/** Languages that the core has words for. */
val REVIEW_LANGUAGES = listOf("en", "de", "es", "fr", "ja")
