package dev.authenticatorcore

import com.google.gson.JsonObject
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.atomic.AtomicLong

/** A clock that a test moves. */
class MovableClock : DeviceClock {
    private val ahead = AtomicLong()

    fun advance(ms: Long) {
        ahead.addAndGet(ms)
    }

    override fun now(): Long = System.currentTimeMillis() + ahead.get()
}

/** A phone: the library on a real file, enrolled at the sandbox over TLS, with a stream of pushes. */
class Phone private constructor(
    private val folder: Path,
    private val config: Config,
    private val keys: KeyStore,
    val user: String,
    private val transport: HttpTransport?,
) : AutoCloseable {
    lateinit var app: Authenticator
        private set
    lateinit var enrollment: Enrollment
        private set
    val clock = MovableClock()
    private lateinit var pushes: LinkedBlockingQueue<JsonObject>

    /** The next push as the platform hands it over. */
    fun push(): JsonObject = pushes.next()["payload"].asJsonObject

    /** The next push, as `RemoteMessage.getData()`. */
    fun data(): Map<String, String> =
        push().let { it["data"]?.asJsonObject ?: it }.entrySet().associate { (name, value) -> name to value.asString }

    suspend fun challenge(): Challenge = app.receivePush(push().toString())

    suspend fun review(): Review = app.review(challenge().id)

    /** Ends the process, as it were, and starts it again on the same files. */
    suspend fun restart(change: (Config) -> Config = { it }) {
        app.close()
        app = open(change(config))
    }

    private suspend fun open(config: Config) = Authenticator.openWithClock(config, keys, clock, transport)

    override fun close() {
        app.close()
        folder.toFile().deleteRecursively()
    }

    companion object {
        private val tokens = AtomicInteger()

        suspend fun enrolled(
            keys: KeyStore = softwareKeyStore(),
            transport: HttpTransport? = null,
            change: (Config) -> Config = { it },
        ): Phone {
            val folder = Files.createTempDirectory("phone")
            val config = Config.at(folder.resolve("store.db").toString()).copy(
                servers = listOf(Server("sandbox", Sandbox.origin, DialectName.GUARDIAN)),
                extraRootPem = Sandbox.rootPem,
                autoRetry = false,
            )
            val token = "kotlin-${tokens.incrementAndGet()}"
            return Phone(folder, change(config), keys, Sandbox.user(), transport).apply {
                app = open(this.config)
                val device = Device("Test phone", push = PushToken(PushService.FCM, SecretText(token)))
                enrollment = app.enroll(Sandbox.invitation(user), "sandbox", device)
                pushes = Sandbox.pushes(token)
            }
        }
    }
}

/** A key store that a test can spoil. */
open class KeysBehind(private val keys: KeyStore = softwareKeyStore()) : KeyStore by keys

/** The error that a call must end with. */
suspend fun failure(call: suspend () -> Unit): AuthenticatorException {
    try {
        call()
    } catch (e: AuthenticatorException) {
        return e
    }
    throw AssertionError("the call did not fail")
}
