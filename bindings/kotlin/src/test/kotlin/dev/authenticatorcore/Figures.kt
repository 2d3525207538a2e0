package dev.authenticatorcore

import java.nio.file.Files
import java.nio.file.Path
import kotlin.io.path.readText
import kotlinx.coroutines.runBlocking

/** What Kotlin costs: the program of `tests/figures`, which runs it beside the same one in Rust. */
object Figures {
    private const val CALLS = 5_000

    @JvmStatic
    fun main(arguments: Array<String>) = when (arguments.single()) {
        "first" -> println("ready ${defaultConfig("store").store.length}")
        else -> walk()
    }

    private fun walk() = runBlocking {
        val before = resident()
        val config = Config.at(readln()).copy(
            servers = listOf(Server("sandbox", readln(), DialectName.GUARDIAN)),
            extraRootPem = Path.of(readln()).readText(),
        )
        val token = PushToken(PushService.APNS, SecretText(readln()))
        Authenticator.open(config, softwareKeyStore()).use { app ->
            val invitation = readln()
            app.enroll(invitation, "sandbox", Device("Test phone", push = token))
            println("enrolled")
            app.approve(app.review(app.receivePush(readln()).id))
            println("memory $before ${resident()}")
            calls(app, invitation)
        }
    }

    private suspend fun calls(app: Authenticator, invitation: String) {
        compare("that does not wait (invitationHost)", { app.timeInvitationHost(invitation, it) }) {
            repeat(it.toInt()) { app.invitationHost(invitation) }
        }
        compare("that waits (pending)", { app.timePending(it) }) { repeat(it.toInt()) { app.pending() } }
        val rust = softwareKeyStore()
        val own = object : KeyStore by rust {
            override fun delete(alias: String) = Unit
        }
        compare("of a key store (delete)", { timeKeyStore(rust, it) }) { timeKeyStore(own, it) }
    }

    /** Prints nanoseconds per call: from here, and in Rust. The first half warms up. */
    private suspend fun compare(what: String, inRust: suspend (UInt) -> ULong, here: suspend (UInt) -> Unit) {
        here(CALLS.toUInt())
        val rust = inRust(CALLS.toUInt()).toLong() / CALLS
        val start = System.nanoTime()
        here(CALLS.toUInt())
        println("call ${(System.nanoTime() - start) / CALLS} $rust $what")
    }

    /** Kilobytes of memory that this process has at the moment. */
    private fun resident(): Long =
        Files.readAllLines(Path.of("/proc/self/status")).first { it.startsWith("VmRSS") }.filter { it.isDigit() }.toLong()
}
