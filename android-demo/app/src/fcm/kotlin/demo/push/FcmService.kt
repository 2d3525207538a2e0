package dev.authenticatorcore.demo.push

import com.google.firebase.messaging.FirebaseMessagingService
import com.google.firebase.messaging.RemoteMessage
import dev.authenticatorcore.AuthenticatorException
import dev.authenticatorcore.PushService
import dev.authenticatorcore.PushToken
import dev.authenticatorcore.SecretText
import dev.authenticatorcore.demo.DemoApp
import dev.authenticatorcore.demo.StoredSettings
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking

/** Pushes from Google: the data goes to the core, and a new address to the servers. Needs a `google-services.json` of yours. */
class FcmService : FirebaseMessagingService() {
    private val app get() = application as DemoApp

    /** Ends when the notification is posted: Android keeps the process alive for so long. */
    override fun onMessageReceived(message: RemoteMessage) = runBlocking { app.pushes.received(message.data) }

    override fun onNewToken(token: String) {
        StoredSettings(this).pushToken = token
        app.scope.launch {
            try {
                app.phone.core().updatePushToken(PushToken(PushService.FCM, SecretText(token)))
            } catch (_: AuthenticatorException) {
                // Servers learn it at the next start, or when the account is added.
            }
        }
    }
}
