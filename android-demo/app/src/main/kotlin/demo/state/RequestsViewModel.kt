package dev.authenticatorcore.demo.state

import dev.authenticatorcore.AuthenticatorException
import dev.authenticatorcore.Challenge
import dev.authenticatorcore.ChallengeId
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.collectLatest
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch

/** The queue: what waits for a person, the soonest to expire first, and what asks for the same as one card. */
class RequestsViewModel(private val phone: Phone, private val scope: CoroutineScope) {
    private val shown = MutableStateFlow<RequestsState>(RequestsState.Loading)
    val state: StateFlow<RequestsState> = shown
    private val headlines = mutableMapOf<ChallengeId, String>()

    init {
        scope.launch { watch() }
        scope.launch {
            eachSecond.collect { shown.update { state -> state.ticked(phone.now()) } }
        }
    }

    fun retry() = scope.launch { watch() }

    private suspend fun watch() = try {
        phone.changes.collectLatest { change ->
            show(change.challenges)
            // Only details tell which requests ask for the same, and what to call them.
            change.challenges.filter { it.id !in headlines }.forEach { read(it) }
            show(phone.core().pending())
        }
    } catch (e: AuthenticatorException) {
        shown.value = RequestsState.Failed(Problem.of(e))
    }

    private suspend fun read(challenge: Challenge) {
        try {
            phone.speak()
            headlines[challenge.id] = phone.core().review(challenge.id).headline
        } catch (_: AuthenticatorException) {
            // The card then says for whom; opening it says why.
        }
    }

    private fun show(open: List<Challenge>) {
        shown.value = RequestsState.Shown(open.filter { it.repeats.leads }.map { it.card() })
    }

    private fun Challenge.card() = RequestCard(
        id, account.issuer, account.user, headlines[id], repeats.times.toInt(), expiresAt, secondsUntil(expiresAt, phone.now()),
    )

    private fun RequestsState.ticked(now: Long): RequestsState =
        if (this !is RequestsState.Shown) this
        else RequestsState.Shown(cards.map { it.copy(secondsLeft = secondsUntil(it.expiresAt, now)) }.filter { it.secondsLeft > 0 })
}

sealed interface RequestsState {
    data object Loading : RequestsState
    data class Failed(val problem: Problem) : RequestsState

    /** Empty: nothing is waiting. */
    data class Shown(val cards: List<RequestCard>) : RequestsState
}

/** One card of the queue. `headline` is `null` until the details were read. */
data class RequestCard(
    val id: ChallengeId,
    val issuer: String,
    val user: String,
    val headline: String?,
    val times: Int,
    val expiresAt: Long,
    val secondsLeft: Int,
)
