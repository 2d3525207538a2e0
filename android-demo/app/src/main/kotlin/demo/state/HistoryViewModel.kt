package dev.authenticatorcore.demo.state

import dev.authenticatorcore.AuthenticatorException
import dev.authenticatorcore.ChallengeId
import dev.authenticatorcore.Decision
import dev.authenticatorcore.Delivery
import dev.authenticatorcore.HistoryEntry
import dev.authenticatorcore.history
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.launch
import org.json.JSONArray
import org.json.JSONObject

/** What was asked, answered and missed, newest first; each with its details as they were on the screen. */
class HistoryViewModel(private val phone: Phone, private val scope: CoroutineScope) {
    private val shown = MutableStateFlow<HistoryState>(HistoryState.Loading)
    val state: StateFlow<HistoryState> = shown

    init {
        scope.launch { follow() }
    }

    /** What ends while the list is open comes into it. */
    private suspend fun follow() = try {
        phone.changes.collect { if (shown.value is HistoryState.Shown) load() }
    } catch (_: AuthenticatorException) {
        // Opening the list says what is wrong.
    }

    fun load() = scope.launch {
        shown.value = try {
            HistoryState.Shown(phone.core().history(limit = 200).map(::item))
        } catch (e: AuthenticatorException) {
            HistoryState.Failed(Problem.of(e))
        }
    }

    private fun item(entry: HistoryEntry) = HistoryItem(
        entry.challenge, entry.account.issuer, entry.account.user, entry.headline, entry.decision, entry.delivery,
        entry.reason, entry.at, entry.approvalThumbprint != null, entry.shownDocument?.let(::document),
    )

    /** The document behind the digest that was signed, as rows again (docs/signed-consent.md). */
    private fun document(text: String): ShownDocument {
        val document = JSONObject(text)
        return ShownDocument(
            document.optString("binding_message").ifEmpty { null },
            document.optJSONArray("sections").objects().map { section ->
                ShownSection(
                    section.optString("title"),
                    section.optJSONArray("rows").objects().map { ShownRow(it.optString("label"), it.optString("text")) },
                )
            },
        )
    }

    private fun JSONArray?.objects(): List<JSONObject> = this?.let { list -> List(list.length()) { list.getJSONObject(it) } }.orEmpty()
}

sealed interface HistoryState {
    data object Loading : HistoryState
    data class Failed(val problem: Problem) : HistoryState
    data class Shown(val items: List<HistoryItem>) : HistoryState
}

/** `decision` is `null` where nobody answered in time; `document` where nobody looked. */
data class HistoryItem(
    val id: ChallengeId,
    val issuer: String,
    val user: String,
    val headline: String,
    val decision: Decision?,
    val delivery: Delivery?,
    val reason: String?,
    val at: Long,
    val personVerified: Boolean,
    val document: ShownDocument?,
)

data class ShownDocument(val bindingMessage: String?, val sections: List<ShownSection>)
data class ShownSection(val title: String, val rows: List<ShownRow>)
data class ShownRow(val label: String, val text: String)
