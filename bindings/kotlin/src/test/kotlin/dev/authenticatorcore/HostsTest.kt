package dev.authenticatorcore

import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicReference
import kotlin.time.Duration.Companion.microseconds
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Hosts that misbehave: what an app does wrong must cost it a typed error, and nothing else. */
class HostsTest {
    @AfterEach
    fun noFaults() = Sandbox.knobs()

    private fun test(body: suspend CoroutineScope.() -> Unit) = runBlocking(Dispatchers.Default) { withTimeout(120.seconds) { body() } }

    /** A place in the host where a call stops until the test lets it go on. */
    private class Gate {
        private val reached = CountDownLatch(1)
        private val opened = CountDownLatch(1)

        fun pass() {
            reached.countDown()
            check(opened.await(PATIENCE_S, TimeUnit.SECONDS)) { "the test never opened the gate" }
        }

        fun awaitReached() = check(reached.await(PATIENCE_S, TimeUnit.SECONDS)) { "nothing came to the gate" }

        fun open() = opened.countDown()
    }

    private class SpoiltKeys : KeysBehind() {
        val onSign = AtomicReference<(ByteArray) -> ByteArray?> { null }

        override fun sign(alias: String, message: ByteArray): ByteArray =
            onSign.get()(message) ?: super.sign(alias, message)
    }

    @Test
    fun `a key store that throws what it does not declare has failed`() = test {
        val keys = SpoiltKeys()
        Phone.enrolled(keys).use { phone ->
            val request = Sandbox.ask(phone.user)
            val challenge = phone.challenge()
            val thrown = listOf<() -> Throwable>(
                { IllegalStateException("secret of the host") },
                { NotImplementedError() },
                { StackOverflowError() },
                { object : Throwable("neither exception nor error") {} },
            )
            for (what in thrown) {
                keys.onSign.set { throw what() }
                val error = failure { phone.app.review(challenge.id) }
                assertEquals(ErrorCode.KEY_STORE_FAILED, error.code)
                assertFalse("secret" in "$error")
            }
            keys.onSign.set { null }
            phone.app.approve(phone.app.review(challenge.id))
            assertEquals("tokens", Sandbox.poll(request))
        }
    }

    @Test
    fun `each failure that a key store declares has its code`() = test {
        val keys = SpoiltKeys()
        Phone.enrolled(keys).use { phone ->
            Sandbox.ask(phone.user)
            val challenge = phone.challenge()
            val codes = mapOf(
                KeyStoreException.Locked() to (ErrorCode.KEYS_LOCKED to ErrorClass.RETRY),
                KeyStoreException.Missing() to (ErrorCode.KEY_MISSING to ErrorClass.RE_ENROLL),
                KeyStoreException.Invalidated() to (ErrorCode.KEY_INVALIDATED to ErrorClass.RE_ENROLL),
                KeyStoreException.UserVerificationFailed() to
                    (ErrorCode.USER_VERIFICATION_FAILED to ErrorClass.ASK_USER),
                KeyStoreException.Failed() to (ErrorCode.KEY_STORE_FAILED to ErrorClass.BUG),
            )
            for ((thrown, expected) in codes) {
                keys.onSign.set { throw thrown }
                val error = failure { phone.app.review(challenge.id) }
                assertEquals(expected, error.code to error.errorClass)
            }
        }
    }

    @Test
    fun `while a key store blocks, other calls go on`() = test {
        val keys = SpoiltKeys()
        Phone.enrolled(keys).use { phone ->
            Sandbox.ask(phone.user)
            val challenge = phone.challenge()
            val gate = Gate()
            keys.onSign.set { gate.pass().let { null } }
            val review = async { phone.app.review(challenge.id) }
            gate.awaitReached()
            withTimeout(5.seconds) {
                assertEquals(1, phone.app.pending().size)
                assertEquals(1, phone.app.enrollments().size)
                phone.app.history()
                phone.app.oneTimeCode(phone.enrollment.id)
                phone.app.setDisplay(Display("de-DE", "UTC", 0))
            }
            assertTrue(review.isActive)
            gate.open()
            assertEquals(challenge.id, review.await().challenge)
        }
    }

    @Test
    fun `a key store may call the library`() = test {
        val keys = SpoiltKeys()
        Phone.enrolled(keys).use { phone ->
            val request = Sandbox.ask(phone.user)
            val review = phone.review()
            keys.onSign.set {
                runBlocking { assertTrue(phone.app.pending().size <= 1 && phone.app.enrollments().size == 1) }
                null
            }
            assertEquals(Delivery.DELIVERED, phone.app.approve(review).delivery)
            assertEquals("tokens", Sandbox.poll(request))
        }
    }

    @Test
    fun `a signature that does not verify is never sent`() = test {
        val keys = SpoiltKeys()
        val http = PlatformHttp()
        Phone.enrolled(keys, http).use { phone ->
            val request = Sandbox.ask(phone.user)
            val review = phone.review()
            val before = http.sent.size
            for (garbage in listOf(ByteArray(0), ByteArray(256) { 7 }, ByteArray(1_000_000))) {
                keys.onSign.set { garbage }
                val receipt = phone.app.approve(review)
                assertEquals(Delivery.QUEUED, receipt.delivery)
                assertEquals(ErrorCode.KEY_STORE_FAILED, receipt.lastError)
                phone.app.flush()
            }
            assertEquals(before, http.sent.size)
            keys.onSign.set { null }
            assertEquals(Delivery.DELIVERED, phone.app.flush().single().delivery)
            assertEquals("tokens", Sandbox.poll(request))
        }
    }

    @Test
    fun `garbage instead of a key is refused at enrolment`() = test {
        val keys = object : KeysBehind() {
            override fun generate(alias: String, algorithm: KeyAlgorithm, purpose: KeyPurpose): KeyInfo {
                val made = super.generate(alias, algorithm, purpose)
                return made.copy(publicKey = made.publicKey.copy(bytes = ByteArray(70) { 1 }))
            }
        }
        val error = failure { Phone.enrolled(keys).close() }
        assertEquals(ErrorKind.KEYS, error.kind)
    }

    @Test
    fun `a data key that is not the store's does not open it`() = test {
        var garbage = false
        val keys = object : KeysBehind() {
            override fun unwrap(wrapped: ByteArray) = if (garbage) ByteArray(32) { 3 } else super.unwrap(wrapped)
        }
        Phone.enrolled(keys).use { phone ->
            garbage = true
            assertEquals(ErrorCode.KEY_MISSING, failure { phone.restart() }.code)
            garbage = false
            phone.restart()
            assertEquals(1, phone.app.enrollments().size)
        }
    }

    @Test
    fun `calls from many threads at once all come to an end`() = test {
        Phone.enrolled().use { phone ->
            val requests = (1..3).map { Sandbox.ask(phone.user) }
            val challenges = requests.map { phone.challenge() }
            val calls = (0 until 120).map { n ->
                async {
                    val challenge = challenges[n % 3]
                    when (n / 3 % 4) {
                        0 -> runCatching { phone.app.review(challenge.id) }.isSuccess
                        1 -> phone.app.deny(challenge.id, "n$n").decision == Decision.DENY
                        2 -> phone.app.pending().size <= 3
                        else -> phone.app.history().size <= 3
                    }
                }
            }
            val results = calls.awaitAll()
            assertTrue(results.filterIndexed { n, _ -> n / 3 % 4 != 0 }.all { it })
            val reasons = challenges.map { phone.app.deny(it.id).reason }
            assertEquals(3, phone.app.history().size)
            assertEquals(reasons, challenges.map { phone.app.deny(it.id, "too late").reason })
            requests.forEach { assertEquals("access_denied", Sandbox.poll(it)) }
        }
    }

    /** Cancels an approval when it has come to the gate, then opens the gate, and looks at what became of the decision. */
    private suspend fun cancelledAt(keys: SpoiltKeys, http: GatedHttp, arm: (Gate) -> Unit) {
        Phone.enrolled(keys, http).use { phone ->
            val request = Sandbox.ask(phone.user)
            val review = phone.review()
            val gate = Gate()
            arm(gate)
            val approval = CoroutineScope(Dispatchers.Default).async { phone.app.approve(review) }
            gate.awaitReached()
            approval.cancelAndJoin()
            assertTrue(approval.isCancelled)
            keys.onSign.set { null }
            gate.open()

            // Not a chance to change anything, whatever the next tap says.
            val receipt = phone.app.deny(review, "a second tap")
            assertEquals(Decision.APPROVE, receipt.decision)
            // The abandoned attempt goes on by itself, under its lease.
            while (phone.app.deny(review).delivery == Delivery.QUEUED) delay(20.milliseconds)
            assertEquals(Delivery.DELIVERED, phone.app.deny(review).delivery)
            assertEquals("tokens", Sandbox.poll(request))
            assertEquals(1, http.sent.count { it.endsWith("resolve-transaction") }, "sent once")
            assertEquals(1, phone.app.history().size)
        }
    }

    private class GatedHttp : PlatformHttp() {
        val before = AtomicReference<Gate?>()
        val after = AtomicReference<Gate?>()

        override fun send(request: HttpRequest): HttpResponse {
            before.getAndSet(null)?.pass()
            val answer = super.send(request)
            after.getAndSet(null)?.pass()
            return answer
        }
    }

    @Test
    fun `a coroutine cancelled while the key store signs loses no decision`() = test {
        val keys = SpoiltKeys()
        cancelledAt(keys, GatedHttp()) { gate -> keys.onSign.set { gate.pass().let { null } } }
    }

    @Test
    fun `a coroutine cancelled before the answer is sent loses no decision`() = test {
        val http = GatedHttp()
        cancelledAt(SpoiltKeys(), http) { gate -> http.before.set(gate) }
    }

    @Test
    fun `a coroutine cancelled after the answer was sent doubles no decision`() = test {
        val http = GatedHttp()
        cancelledAt(SpoiltKeys(), http) { gate -> http.after.set(gate) }
    }

    @Test
    fun `a coroutine cancelled at any moment leaves a challenge open or approved`() = test {
        Phone.enrolled().use { phone ->
            val ends = mutableSetOf<Boolean>()
            for (step in 0 until 40) {
                val request = Sandbox.ask(phone.user)
                val review = phone.review()
                val approval = CoroutineScope(Dispatchers.Default).launch { approveAsTyped(phone, review) }
                // From at once to after it is over.
                delay((step * step * 10).microseconds)
                approval.cancelAndJoin()
                val decided = phone.app.challenge(review.challenge).state == ChallengeState.DECIDED
                ends += decided
                var receipt = approveAsTyped(phone, review)
                while (receipt.delivery == Delivery.QUEUED) {
                    delay(5.milliseconds)
                    receipt = approveAsTyped(phone, review)
                }
                assertEquals(Decision.APPROVE to Delivery.DELIVERED, receipt.decision to receipt.delivery)
                assertEquals("tokens", Sandbox.poll(request))
            }
            assertEquals(40, phone.app.history().size)
            assertTrue(true in ends, "some approvals were committed before they were cancelled")
        }
    }

    private suspend fun approveAsTyped(phone: Phone, review: Review): Receipt {
        val typed = when (val approval = review.approval) {
            is Approval.NeedsConfirmation -> when (val confirmation = approval.confirmation) {
                is Confirmation.AmountDigits -> "249"
                is Confirmation.Number -> confirmation.number
            }
            else -> null
        }
        return phone.app.approve(review, typed)
    }

    @Test
    fun `cancelled waits leave nothing behind`() = test {
        Phone.enrolled().use { phone ->
            repeat(50) {
                val waiting: Job = launch { phone.app.openChallenges.collect { } }
                delay(1.milliseconds)
                waiting.cancelAndJoin()
            }
            withTimeout(5.seconds) { phone.app.shutdown() }
        }
    }

    @Test
    fun `closed while a call runs, the call ends and every later one is refused`() = test {
        val keys = SpoiltKeys()
        Phone.enrolled(keys).use { phone ->
            Sandbox.ask(phone.user)
            val challenge = phone.challenge()
            val gate = Gate()
            keys.onSign.set { gate.pass().let { null } }
            val review = async { phone.app.review(challenge.id) }
            gate.awaitReached()
            phone.app.close()
            phone.app.close()
            val refused = failure { phone.app.pending() }
            assertEquals(ErrorCode.CLOSED to ErrorClass.BUG, refused.code to refused.errorClass)
            assertEquals(ErrorCode.CLOSED, failure { phone.app.invitationHost("x") }.code)
            gate.open()
            assertEquals(challenge.id, review.await().challenge)
            phone.app.openChallenges.collect { error("a closed authenticator has no challenges") }
        }
    }

    @Test
    fun `a defect inside the library is a typed error, and the object stays usable`() = test {
        Phone.enrolled().use { phone ->
            for (call in listOf<suspend () -> Unit>(phone.app::panicInACall, { phone.app.panicAtOnce() })) {
                val error = failure(call)
                assertEquals(ErrorCode.INTERNAL to ErrorClass.BUG, error.code to error.errorClass)
            }
            val request = Sandbox.ask(phone.user)
            phone.app.deny(phone.challenge().id)
            assertEquals("access_denied", Sandbox.poll(request))
        }
    }

    @Test
    fun `a log that blocks and throws holds up nobody`() = test {
        val gate = Gate()
        val heard = java.util.concurrent.LinkedBlockingQueue<LogEntry>()
        val sink = object : LogSink {
            override fun log(entry: LogEntry) {
                gate.pass()
                heard += entry
                check(heard.size > 1) { "the disk is full" }
            }
        }
        installLogSink(sink, LogLevel.DEBUG)
        assertEquals(ErrorCode.CONFIGURATION_INVALID, failure { installLogSink(sink, LogLevel.INFO) }.code)
        Phone.enrolled().use { phone ->
            Sandbox.knobs("""{"clock_skew_s":120}""")
            Sandbox.ask(phone.user)
            // Learning the clock's offset is worth a line in the log.
            withTimeout(20.seconds) { phone.app.deny(phone.review()) }
            gate.open()
            val entry = heard.next()
            assertTrue(entry.target.startsWith("authenticator_core"), entry.target)
            assertFalse("ExampleCorp" in entry.message)
        }
    }
}
