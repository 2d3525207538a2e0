package com.google.firebase.messaging

import android.app.Service
import android.content.Intent
import android.os.IBinder

// As much of Firebase as the README's snippets name; the real one is not in Maven Central.

abstract class FirebaseMessagingService : Service() {
    open fun onMessageReceived(message: RemoteMessage) = Unit

    override fun onBind(intent: Intent?): IBinder? = null
}

class RemoteMessage(val data: Map<String, String>)
