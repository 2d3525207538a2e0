package dev.authenticatorcore.demo.state

import dev.authenticatorcore.ChallengeId
import dev.authenticatorcore.EnrollmentId
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.cancel
import kotlinx.coroutines.job
import kotlinx.coroutines.plus

/** The state holders behind the screens, for as long as a person uses the app. */
class Session(phone: Phone, scope: CoroutineScope, notificationsAllowed: () -> Boolean) {
    val navigator = Navigator()
    val accounts = AccountsViewModel(phone, scope)
    val enrol = EnrolViewModel(phone, scope)
    val requests = RequestsViewModel(phone, scope)
    val history = HistoryViewModel(phone, scope)
    val settings = SettingsViewModel(phone, scope, notificationsAllowed)

    private val reviews = OneAtATime<ChallengeId, ReviewViewModel>(scope) { id, own -> ReviewViewModel(phone, id, own) }
    private val account = OneAtATime<EnrollmentId, AccountViewModel>(scope) { id, own -> AccountViewModel(phone, id, own) }

    fun review(id: ChallengeId): ReviewViewModel = reviews.of(id)

    fun account(id: EnrollmentId): AccountViewModel = account.of(id)
}

/** The holder of the screen that is open; that of another one ends. */
private class OneAtATime<K, M>(private val scope: CoroutineScope, private val make: (K, CoroutineScope) -> M) {
    private var open: Triple<K, CoroutineScope, M>? = null

    fun of(key: K): M {
        open?.let { (at, _, model) -> if (at == key) return model }
        open?.second?.cancel()
        val own = scope + Job(scope.coroutineContext.job)
        return make(key, own).also { open = Triple(key, own, it) }
    }
}
