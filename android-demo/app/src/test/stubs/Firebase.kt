package com.google.firebase.messaging

import android.app.Service
import android.content.Intent
import android.os.IBinder

// As much of Firebase as src/fcm names, for the compiler; the real one is not in Maven Central.

abstract class FirebaseMessagingService : Service() {
    open fun onMessageReceived(message: RemoteMessage) = Unit

    open fun onNewToken(token: String) = Unit

    override fun onBind(intent: Intent?): IBinder? = null
}

class RemoteMessage(val data: Map<String, String>)
