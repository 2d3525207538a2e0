package dev.authenticatorcore.demo

import android.Manifest
import android.app.Notification
import android.app.NotificationManager
import android.content.Context
import android.os.Looper
import dev.authenticatorcore.Authenticator
import dev.authenticatorcore.AuthenticatorInterface
import dev.authenticatorcore.Config
import dev.authenticatorcore.Device
import dev.authenticatorcore.DeviceClock
import dev.authenticatorcore.DialectName
import dev.authenticatorcore.JcaKeyStore
import dev.authenticatorcore.KeyStoreException
import dev.authenticatorcore.Pkcs12Keys
import dev.authenticatorcore.PushService
import dev.authenticatorcore.PushToken
import dev.authenticatorcore.Sandbox
import dev.authenticatorcore.SecretText
import dev.authenticatorcore.Server
import dev.authenticatorcore.at
import dev.authenticatorcore.demo.edge.BiometricGate
import dev.authenticatorcore.demo.edge.JcaPhoneKeys
import dev.authenticatorcore.demo.edge.PhoneKeys
import dev.authenticatorcore.demo.edge.Unlock
import dev.authenticatorcore.demo.push.DevelopmentPushes
import dev.authenticatorcore.demo.push.FlushJob
import dev.authenticatorcore.demo.state.Phone
import dev.authenticatorcore.demo.state.Platform
import dev.authenticatorcore.demo.state.Settings
import dev.authenticatorcore.repairStore
import java.nio.file.Files
import java.security.Signature
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.atomic.AtomicLong
import kotlinx.coroutines.launch
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf

/** The app with keys in a file, a prompt that a test answers, and a clock that it moves; the rest is the real thing. */
class TestApp : DemoApp() {
    lateinit var bench: Bench
        private set

    override fun onCreate() {
        // What a phone grants when an app is installed.
        shadowOf(this).grantPermissions(Manifest.permission.HIDE_OVERLAY_WINDOWS)
        super.onCreate()
    }

    override fun makePhone(): Phone = Bench().also { bench = it }.phone

    /** Listens to the sandbox as a debug build does. */
    fun listen() {
        scope.launch { DevelopmentPushes(Sandbox.console, bench.token).payloads.collect { pushes.received(it) } }
    }

    override fun onTerminate() {
        super.onTerminate()
        bench.close()
    }
}

class Bench : AutoCloseable {
    private val folder = Files.createTempDirectory("demo")
    val token = "demo-${tokens.incrementAndGet()}"
    val clock = MovableClock()
    val gate = ScriptedGate()
    val keys = SpoiltKeys(JcaPhoneKeys(JcaKeyStore(Pkcs12Keys(folder.resolve("keys.p12"), "test".toCharArray()))))
    val settings = MemorySettings()
    var servers = listOf(Server("sandbox", Sandbox.origin, DialectName.GUARDIAN))
    private val opened = mutableListOf<Authenticator>()

    val phone = Phone(
        object : Platform {
            override suspend fun open(userVerification: Boolean): AuthenticatorInterface =
                Authenticator.openWithClock(config(userVerification), keys, clock, null).also { opened += it }

            override suspend fun repairStore(userVerification: Boolean) {
                repairStore(config(userVerification), keys)
            }

            override fun device() = Device("Test phone", push = PushToken(PushService.FCM, SecretText(token)))
            override fun now() = clock.now()
            override fun deliverLater() = FlushJob.schedule(RuntimeEnvironment.getApplication())
        },
        keys, gate, settings,
    )

    private fun config(userVerification: Boolean) = Config.at(folder.resolve("store.db").toString())
        .copy(servers = servers, extraRootPem = Sandbox.rootPem, autoRetry = false, userVerification = userVerification)

    override fun close() {
        opened.forEach { it.close() }
        folder.toFile().deleteRecursively()
    }

    private companion object {
        val tokens = AtomicInteger()
    }
}

class MovableClock : DeviceClock {
    private val ahead = AtomicLong()

    fun advance(ms: Long) {
        ahead.addAndGet(ms)
    }

    override fun now(): Long = System.currentTimeMillis() + ahead.get()
}

/** The prompt: passes unless a test says otherwise. */
class ScriptedGate : BiometricGate {
    var next: (Signature?) -> Unlock = { Unlock.Passed(it) }
    var prompts = 0

    override suspend fun unlock(signature: Signature): Unlock {
        prompts++
        return next(signature)
    }

    override suspend fun confirmPerson(): Unlock = next(null)
}

/** Keys that can be lost. */
class SpoiltKeys(private val keys: PhoneKeys) : PhoneKeys by keys {
    @Volatile var lost: (String) -> Boolean = { false }

    private fun check(alias: String) {
        if (lost(alias)) throw KeyStoreException.Missing()
    }

    override fun sign(alias: String, message: ByteArray): ByteArray {
        check(alias)
        return keys.sign(alias, message)
    }

    override fun publicKey(alias: String) = check(alias).let { keys.publicKey(alias) }

    override fun signature(alias: String): Signature {
        if (lost(alias)) throw KeyStoreException.Invalidated()
        return keys.signature(alias)
    }
}

class MemorySettings : Settings {
    override var language: String? = "en-GB"
    override var biometric = true
    override var lastPush = 0L
}

/** Notifications that are on screen. */
fun Context.notifications(): List<Notification> =
    getSystemService(NotificationManager::class.java).activeNotifications.map { it.notification }

/** Lets everything run until it is so; how long that may take is reached only when a test fails. */
fun until(what: String, patienceS: Int = 60, so: () -> Boolean) {
    val end = System.nanoTime() + patienceS * 1_000_000_000L
    while (true) {
        shadowOf(Looper.getMainLooper()).idle()
        if (so()) return
        check(System.nanoTime() < end) { "not within $patienceS s: $what" }
        Thread.sleep(20)
    }
}
