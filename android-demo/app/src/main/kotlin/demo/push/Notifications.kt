package dev.authenticatorcore.demo.push

import android.app.Notification
import android.app.NotificationChannel
import android.app.NotificationManager
import android.app.PendingIntent
import android.content.Context
import android.content.Intent
import android.net.Uri
import dev.authenticatorcore.Alert
import dev.authenticatorcore.Challenge
import dev.authenticatorcore.ChallengeId
import dev.authenticatorcore.demo.MainActivity
import dev.authenticatorcore.demo.R

/**
 * Requests as notifications. Nothing of the payload is in them: on a lock screen they say that something waits, on an unlocked
 * one also for which account. Deny acts at once; approving begins with reading, so there is no such action.
 */
class Notifications(private val context: Context) {
    private val manager = context.getSystemService(NotificationManager::class.java)

    fun allowed(): Boolean = manager.areNotificationsEnabled()

    fun post(challenge: Challenge) {
        makeChannels()
        val quiet = challenge.alert == Alert.SILENT
        val notification = builder(quiet)
            .setContentText("${challenge.account.issuer} · ${challenge.account.user}")
            .setVisibility(Notification.VISIBILITY_PRIVATE)
            .setPublicVersion(builder(quiet).build())
            .setCategory(Notification.CATEGORY_CALL.takeUnless { quiet })
            .setContentIntent(open(challenge.id))
            .addAction(action(R.string.deny, deny(challenge.id)))
            .addAction(action(R.string.request_review, open(challenge.id)))
            .setAutoCancel(true)
            .setWhen(challenge.requestedAt)
            .setTimeoutAfter((challenge.expiresAt - challenge.receivedAt).coerceAtLeast(1))
            .build()
        manager.notify(challenge.id.value, NUMBER, notification)
    }

    /** Takes away what is answered or over. */
    fun keepOnly(open: List<Challenge>) {
        val tags = open.map { it.id.value }.toSet()
        manager.activeNotifications.filter { it.id == NUMBER && it.tag !in tags }.forEach { manager.cancel(it.tag, NUMBER) }
    }

    private fun builder(quiet: Boolean) = Notification.Builder(context, if (quiet) QUIET else REQUESTS)
        .setSmallIcon(R.drawable.ic_shield)
        .setContentTitle(context.getString(R.string.notification_title))
        .setContentText(context.getString(R.string.notification_text))

    private fun action(words: Int, intent: PendingIntent) = Notification.Action.Builder(null, context.getString(words), intent).build()

    private fun open(id: ChallengeId) = PendingIntent.getActivity(
        context, 0, MainActivity.open(context, id).setData(unique(id)), PendingIntent.FLAG_IMMUTABLE,
    )

    private fun deny(id: ChallengeId) = PendingIntent.getBroadcast(
        context, 0, Intent(context, DenyReceiver::class.java).putExtra(CHALLENGE, id.value).setData(unique(id)),
        PendingIntent.FLAG_IMMUTABLE,
    )

    /** Intents that differ in extras alone count as one. */
    private fun unique(id: ChallengeId) = Uri.fromParts("challenge", id.value, null)

    private fun makeChannels() {
        manager.createNotificationChannel(
            NotificationChannel(REQUESTS, context.getString(R.string.notification_channel), NotificationManager.IMPORTANCE_HIGH),
        )
        manager.createNotificationChannel(
            NotificationChannel(QUIET, context.getString(R.string.notification_channel_silent), NotificationManager.IMPORTANCE_LOW),
        )
    }

    companion object {
        const val CHALLENGE = "challenge"
        const val REQUESTS = "requests"
        const val QUIET = "requests-quiet"
        private const val NUMBER = 1
    }
}
