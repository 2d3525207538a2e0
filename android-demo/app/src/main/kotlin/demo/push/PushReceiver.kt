package dev.authenticatorcore.demo.push

import dev.authenticatorcore.Arrival
import dev.authenticatorcore.AuthenticatorException
import dev.authenticatorcore.AuthenticatorInterface
import dev.authenticatorcore.Challenge
import dev.authenticatorcore.demo.state.Phone
import dev.authenticatorcore.receivePush

/** From a payload to a notification, wherever it came from. The core reads it; what is not ours is dropped without a word. */
class PushReceiver(private val phone: Phone, private val post: (Challenge) -> Unit) {
    /** The data of an FCM message. */
    suspend fun received(data: Map<String, String>) = announce { it.receivePush(data) }

    /** The payload as JSON, as the development source hands it over. */
    suspend fun received(payload: String) = announce { it.receivePush(payload) }

    private suspend fun announce(read: suspend (AuthenticatorInterface) -> Challenge) {
        val challenge = try {
            read(phone.core())
        } catch (_: AuthenticatorException) {
            return
        }
        phone.settings.lastPush = phone.now()
        if (challenge.arrival == Arrival.NEW) post(challenge)
    }
}
