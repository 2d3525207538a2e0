package dev.authenticatorcore.demo.state

import dev.authenticatorcore.ChallengeId
import dev.authenticatorcore.EnrollmentId
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.update

/** Where a person is in the app. The first place of the stack is always a tab. */
class Navigator {
    private val stack = MutableStateFlow(listOf<Place>(Place.Accounts))
    val places: StateFlow<List<Place>> = stack

    fun tab(place: Place) {
        stack.value = listOf(place)
    }

    fun open(place: Place) = stack.update { if (it.last() == place) it else it + place }

    /** In place of the one on top: the next request of the queue. */
    fun replace(place: Place) = stack.update { it.dropLast(1) + place }

    /** Whether there was somewhere to go back to. */
    fun back(): Boolean {
        if (stack.value.size == 1) return false
        stack.update { it.dropLast(1) }
        return true
    }

    /** From a notification: the request lies over the queue, so that "back" leads there. */
    fun openRequest(id: ChallengeId) {
        stack.value = listOf(Place.Requests, Place.Review(id))
    }
}

/** A screen with what it is about. */
sealed interface Place {
    data object Accounts : Place
    data object Requests : Place
    data object History : Place
    data object Settings : Place
    data object Enrol : Place
    data object Scan : Place
    data class Account(val id: EnrollmentId) : Place
    data class Review(val id: ChallengeId) : Place
    data class Entry(val id: ChallengeId) : Place

    /** What must not be in screenshots, screen casts and the list of recent apps. */
    val isPrivate: Boolean get() = this is Review || this is Entry || this is Enrol || this is Scan || this is Accounts
}
