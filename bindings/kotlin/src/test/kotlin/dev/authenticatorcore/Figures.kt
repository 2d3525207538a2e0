package dev.authenticatorcore

import java.lang.management.ManagementFactory
import java.nio.file.Files
import java.nio.file.Path
import kotlin.system.measureNanoTime
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Test

/** What a call costs across the boundary, beside the same work in Rust: `mvn test -Dtest=Figures`. */
class Figures {
    @Test
    fun print() = runBlocking {
        val start = ManagementFactory.getRuntimeMXBean().startTime
        val first = measureNanoTime { defaultConfig("x") }
        println("figure first call, which loads the library: ${first / 1_000_000} ms, ${System.currentTimeMillis() - start} ms after the process started")

        val before = resident()
        Phone.enrolled(KeysBehind()).use { phone ->
            Sandbox.ask(phone.user)
            phone.app.approve(phone.review())
            println("figure memory after enrolment and one approval: ${(resident() - before) / 1024} MB more, the JVM's included")

            val invitation = Sandbox.invitation(phone.user)
            compare("call that does not wait (invitationHost)", { phone.app.timeInvitationHost(invitation, it.toUInt()) }) {
                repeat(it) { phone.app.invitationHost(invitation) }
            }
            compare("call that waits (pending)", { phone.app.timePending(it.toUInt()) }) { repeat(it) { phone.app.pending() } }
            val kotlin = object : KeysBehind() {
                override fun delete(alias: String) = Unit
            }
            compare("call of a key store (delete)", { timeKeyStore(softwareKeyStore(), it.toUInt()) }) {
                timeKeyStore(kotlin, it.toUInt())
            }
        }
    }

    private suspend fun compare(what: String, inRust: suspend (Int) -> ULong, inKotlin: suspend (Int) -> Unit) {
        inKotlin(CALLS)
        val rust = inRust(CALLS).toLong() / CALLS
        val start = System.nanoTime()
        inKotlin(CALLS)
        val kotlin = (System.nanoTime() - start) / CALLS
        println("figure $what: ${kotlin / 1000.0} us, in Rust ${rust / 1000.0} us, ratio ${"%.1f".format(kotlin.toDouble() / rust)}")
    }

    /** Kilobytes. */
    private fun resident(): Long {
        val status = Path.of("/proc/self/status")
        if (!Files.exists(status)) return 0
        return Files.readAllLines(status).first { it.startsWith("VmRSS") }.filter { it.isDigit() }.toLong()
    }

    private companion object {
        const val CALLS = 2_000
    }
}
