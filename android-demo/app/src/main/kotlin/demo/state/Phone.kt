package dev.authenticatorcore.demo.state

import dev.authenticatorcore.AuthenticatorInterface
import dev.authenticatorcore.Change
import dev.authenticatorcore.Device
import dev.authenticatorcore.Display
import dev.authenticatorcore.changes
import dev.authenticatorcore.demo.edge.BiometricGate
import dev.authenticatorcore.demo.edge.PhoneKeys
import java.util.Locale
import java.util.TimeZone
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.emitAll
import kotlinx.coroutines.flow.filterNotNull
import kotlinx.coroutines.flow.flatMapLatest
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock

/** The one authenticator of the process, opened when somebody first asks for it, and what the phone adds to it. */
class Phone(
    val platform: Platform,
    val keys: PhoneKeys,
    val gate: BiometricGate,
    val settings: Settings,
) {
    private val opening = Mutex()
    private val opened = MutableStateFlow<AuthenticatorInterface?>(null)

    /** The authenticator. Throws what `Authenticator.open` throws, and tries again the next time. */
    suspend fun core(): AuthenticatorInterface = opening.withLock {
        opened.value ?: platform.open(settings.biometric).also { opened.value = it }
    }

    /** Opens it anew, for a setting that is read at that moment. */
    suspend fun reopen() = opening.withLock {
        opened.value?.shutdown()
        opened.value = null
        opened.value = platform.open(settings.biometric)
    }

    /** After `key_missing` or a damaged file: saves what can be read, and opens what is left. */
    suspend fun repair() {
        opening.withLock { platform.repairStore(settings.biometric) }
        core()
    }

    /** Whatever changes: what is open, what was settled. */
    @OptIn(ExperimentalCoroutinesApi::class)
    val changes: Flow<Change> = flow {
        core()
        emitAll(opened.filterNotNull().flatMapLatest { it.changes })
    }

    fun now(): Long = platform.now()

    /** Reviews from now on speak the language that was chosen, and tell the time of where the phone is. */
    suspend fun speak() {
        val zone = TimeZone.getDefault()
        val locale = settings.language ?: Locale.getDefault().toLanguageTag()
        core().setDisplay(Display(locale, zone.id, zone.getOffset(now()) / 60_000))
    }
}

/** What differs between a phone and a test: how the authenticator is opened, what this device is, and the time. */
interface Platform {
    suspend fun open(userVerification: Boolean): AuthenticatorInterface
    suspend fun repairStore(userVerification: Boolean)
    fun device(): Device
    fun now(): Long

    /** An answer is stored and could not be sent: has somebody call `flush` when there is a network. */
    fun deliverLater()
}

/** What a person chose, and what the app remembers beside the core's store. Nothing of it is secret. */
interface Settings {
    /** BCP 47 tag of reviews; `null`: that of the phone. */
    var language: String?

    /** Whether accounts are made with an approval key behind a prompt. */
    var biometric: Boolean

    /** When the last push of ours came, Unix milliseconds; 0: none yet. */
    var lastPush: Long
}
