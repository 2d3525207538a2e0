package dev.authenticatorcore

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.transform

/**
 * The challenges that wait for a person, the soonest to expire first: at once, and again whenever one comes, is answered,
 * changes its expiry or expires. Collect it as often as you like. It completes when the authenticator is shut down or
 * closed.
 */
val AuthenticatorInterface.openChallenges: Flow<List<Challenge>>
    get() = changes.map { it.challenges }.distinctUntilChanged()

/**
 * Decisions from now on as they are settled: delivered, refused, or undelivered. What was settled earlier is in
 * [AuthenticatorInterface.history]. It completes when the authenticator is shut down or closed.
 */
val AuthenticatorInterface.outcomes: Flow<Receipt>
    get() = changes.transform { change -> change.outcomes.forEach { emit(it) } }

/** What [openChallenges] and [outcomes] are made of: every change, with a cursor that the collector keeps. */
val AuthenticatorInterface.changes: Flow<Change>
    get() = flow {
        var cursor: ULong? = null
        while (true) {
            val change = nextOrNull(cursor) ?: return@flow
            cursor = change.cursor
            emit(change)
        }
    }

private suspend fun AuthenticatorInterface.nextOrNull(cursor: ULong?): Change? =
    try {
        nextChange(cursor, null)
    } catch (e: AuthenticatorException) {
        if (e.code == ErrorCode.CLOSED) null else throw e
    }
