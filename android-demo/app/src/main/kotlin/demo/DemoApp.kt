package dev.authenticatorcore.demo

import android.app.Application
import android.content.Context
import android.content.SharedPreferences
import android.content.pm.ApplicationInfo
import android.os.Build
import android.util.Log
import dev.authenticatorcore.AndroidKeys
import dev.authenticatorcore.App
import dev.authenticatorcore.Authenticator
import dev.authenticatorcore.AuthenticatorException
import dev.authenticatorcore.AuthenticatorInterface
import dev.authenticatorcore.Config
import dev.authenticatorcore.Device
import dev.authenticatorcore.JcaKeyStore
import dev.authenticatorcore.PushService
import dev.authenticatorcore.PushToken
import dev.authenticatorcore.SecretText
import dev.authenticatorcore.at
import dev.authenticatorcore.demo.edge.AndroidBiometricGate
import dev.authenticatorcore.demo.edge.JcaPhoneKeys
import dev.authenticatorcore.demo.push.DevelopmentPushes
import dev.authenticatorcore.demo.push.FlushJob
import dev.authenticatorcore.demo.push.Notifications
import dev.authenticatorcore.demo.push.PushReceiver
import dev.authenticatorcore.demo.state.Phone
import dev.authenticatorcore.demo.state.Platform
import dev.authenticatorcore.demo.state.Settings
import dev.authenticatorcore.initialize
import dev.authenticatorcore.repairStore
import java.io.IOException
import java.util.UUID
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.launch

/** The process: one authenticator, one place where pushes arrive, one set of notifications. */
open class DemoApp : Application() {
    val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    lateinit var phone: Phone
        private set
    lateinit var pushes: PushReceiver
        private set
    val notifications by lazy { Notifications(this) }

    override fun onCreate() {
        super.onCreate()
        phone = makePhone()
        pushes = PushReceiver(phone) { notifications.post(it) }
        scope.launch {
            try {
                phone.changes.collect { notifications.keepOnly(it.challenges) }
            } catch (_: AuthenticatorException) {
                // The screens say why the store does not open.
            }
        }
    }

    /** Pushes from the event stream of a sandbox; in debuggable builds only. */
    fun listenTo(console: String) {
        if (!isDebuggable(this)) return
        val settings = StoredSettings(this)
        val token = settings.pushToken ?: "dev-${UUID.randomUUID()}".also { settings.pushToken = it }
        val source = DevelopmentPushes(console, token)
        scope.launch {
            try {
                phone.core().addServer(source.server())
            } catch (e: Exception) {
                if (e !is IOException && e !is AuthenticatorException) throw e
                Log.w("demo", "no sandbox at $console, or one whose server is known by another address")
            }
            source.payloads.collect { pushes.received(it) }
        }
    }

    protected open fun makePhone(): Phone {
        val keys = JcaPhoneKeys(JcaKeyStore(AndroidKeys(this)))
        return Phone(AndroidPlatform(this, keys), keys, AndroidBiometricGate(this), StoredSettings(this))
    }
}

private class AndroidPlatform(private val context: Context, private val keys: JcaPhoneKeys) : Platform {
    override suspend fun open(userVerification: Boolean): AuthenticatorInterface {
        Authenticator.initialize(context)
        return Authenticator.open(config(userVerification), keys)
    }

    override suspend fun repairStore(userVerification: Boolean) {
        repairStore(config(userVerification), keys)
    }

    private fun config(userVerification: Boolean) = Config.at(context).copy(
        app = App("Authenticator Demo", "0.1.0"),
        userVerification = userVerification,
        // The sandbox on this machine.
        allowLoopbackCleartext = isDebuggable(context),
    )

    override fun device(): Device {
        val token = StoredSettings(context).pushToken
        return Device(Build.MODEL, push = token?.let { PushToken(PushService.FCM, SecretText(it)) })
    }

    override fun now(): Long = System.currentTimeMillis()

    override fun deliverLater() = FlushJob.schedule(context)
}

private fun isDebuggable(context: Context) = context.applicationInfo.flags and ApplicationInfo.FLAG_DEBUGGABLE != 0

/** Settings in a file of the app's own. */
class StoredSettings(context: Context) : Settings {
    private val file: SharedPreferences = context.getSharedPreferences("settings", Context.MODE_PRIVATE)

    override var language: String?
        get() = file.getString("language", null)
        set(value) = file.edit().putString("language", value).apply()

    override var biometric: Boolean
        get() = file.getBoolean("biometric", true)
        set(value) = file.edit().putBoolean("biometric", value).apply()

    override var lastPush: Long
        get() = file.getLong("last_push", 0)
        set(value) = file.edit().putLong("last_push", value).apply()

    /** The push address that the platform, or the development source, gave this installation. */
    var pushToken: String?
        get() = file.getString("push_token", null)
        set(value) = file.edit().putString("push_token", value).apply()
}
