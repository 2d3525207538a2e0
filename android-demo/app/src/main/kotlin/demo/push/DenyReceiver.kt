package dev.authenticatorcore.demo.push

import android.content.BroadcastReceiver
import android.content.Context
import android.content.Intent
import dev.authenticatorcore.AuthenticatorException
import dev.authenticatorcore.ChallengeId
import dev.authenticatorcore.Delivery
import dev.authenticatorcore.demo.DemoApp
import dev.authenticatorcore.deny
import kotlinx.coroutines.launch

/** "Deny" on a notification: no prompt, no screen. The answer says that nobody looked at the details. */
class DenyReceiver : BroadcastReceiver() {
    override fun onReceive(context: Context, intent: Intent) {
        val id = ChallengeId(intent.getStringExtra(Notifications.CHALLENGE) ?: return)
        val app = context.applicationContext as DemoApp
        val pending: PendingResult? = goAsync()
        app.scope.launch {
            try {
                if (app.phone.core().deny(id).delivery == Delivery.QUEUED) app.phone.platform.deliverLater()
            } catch (_: AuthenticatorException) {
                // Over, or answered before: the list and the history say so.
            } finally {
                pending?.finish()
            }
        }
    }
}
