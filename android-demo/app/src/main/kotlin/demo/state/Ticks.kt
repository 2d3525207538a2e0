package dev.authenticatorcore.demo.state

import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/** Now, and again each second. */
internal val eachSecond: Flow<Unit> = flow {
    while (true) {
        emit(Unit)
        delay(1000)
    }
}

/** Whole seconds until a time, never less than 0. */
internal fun secondsUntil(time: Long, now: Long): Int = ((time - now + 999) / 1000).coerceIn(0, 86_400 * 365L).toInt()
