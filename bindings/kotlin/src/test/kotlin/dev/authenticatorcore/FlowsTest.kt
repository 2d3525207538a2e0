package dev.authenticatorcore

import java.nio.file.Files
import java.nio.file.Path
import java.security.KeyPairGenerator
import java.security.Signature
import java.util.Base64
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.async
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Whole flows against the sandbox, a process of its own, over TLS. */
class FlowsTest {
    @AfterEach
    fun noFaults() = Sandbox.knobs()

    private fun test(body: suspend () -> Unit) = runBlocking { withTimeout(60.seconds) { body() } }

    private fun folder(): Path = Files.createTempDirectory("keys")

    @Test
    fun `a payment is shown, approved and delivered once`() = test {
        Phone.enrolled().use { phone ->
            assertEquals("bank-dev", phone.enrollment.issuer)
            val request = Sandbox.ask(phone.user)
            val challenge = phone.challenge()
            assertEquals(ChallengeState.OPEN, challenge.state)
            assertEquals(Arrival.NEW, challenge.arrival)

            val review = phone.app.review(challenge.id)
            assertEquals("Pay 249.00 EUR to ExampleCorp", review.headline)
            assertEquals("TX-4711", review.bindingMessage?.shown)
            assertEquals(Approval.Allowed, review.approval)
            val amount = review.sections.flatMap { it.rows }.first { it.value is RowValue.Amount }
            assertEquals("249.00 EUR", amount.text)

            val receipt = phone.app.approve(review)
            assertEquals(Decision.APPROVE, receipt.decision)
            assertEquals(Delivery.DELIVERED, receipt.delivery)
            assertEquals(receipt, phone.app.deny(challenge.id), "later taps change nothing")
            assertEquals("tokens", Sandbox.poll(request))
            assertEquals(review.headline, phone.app.history().single().headline)
            assertNull(phone.app.verifyHistory(phone.enrollment.id).broken)
        }
    }

    @Test
    fun `a push of FCM is received as its data map, and again`() = test {
        Phone.enrolled().use { phone ->
            Sandbox.ask(phone.user, message = "TX-47")
            val data = phone.data()
            val challenge = phone.app.receivePush(data)
            assertEquals(Arrival.REPEATED, phone.app.receivePush(data).arrival)
            assertEquals(listOf(challenge.id), phone.app.pending().map { it.id })
            assertEquals(ErrorCode.PUSH_NOT_OURS, failure { phone.app.receivePush(mapOf("title" to "Sale \"%\"\n")) }.code)
        }
    }

    @Test
    fun `a denial with a reason reaches the server`() = test {
        Phone.enrolled().use { phone ->
            val request = Sandbox.ask(phone.user)
            val receipt = phone.app.deny(phone.review(), "not me")
            assertEquals(Delivery.DELIVERED, receipt.delivery)
            assertEquals("not me", receipt.reason)
            assertEquals("access_denied", Sandbox.poll(request))
            val long = failure { phone.app.deny(receipt.challenge, null, "x".repeat(257)) }
            assertEquals(ErrorCode.ARGUMENT_INVALID, long.code)
        }
    }

    @Test
    fun `a challenge expires, and cannot be answered then`() = test {
        Phone.enrolled().use { phone ->
            Sandbox.ask(phone.user)
            val review = phone.review()
            phone.clock.advance(600_000)
            val error = failure { phone.app.approve(review) }
            assertEquals(ErrorCode.CHALLENGE_EXPIRED, error.code)
            assertEquals(ErrorKind.CHALLENGE, error.kind)
            assertEquals(ErrorClass.FINAL, error.errorClass)
            assertEquals(ChallengeState.EXPIRED, phone.app.challenge(review.challenge).state)
            assertTrue(phone.app.pending().isEmpty())
            assertNull(phone.app.history().single().decision)
        }
    }

    @Test
    fun `a removed account is gone here and on the server`() = test {
        Phone.enrolled().use { phone ->
            phone.app.unenroll(phone.enrollment.id)
            assertTrue(phone.app.enrollments().isEmpty())
            assertEquals(ErrorCode.UNKNOWN_ENROLLMENT, failure { phone.app.oneTimeCode(phone.enrollment.id) }.code)
        }
    }

    @Test
    fun `a device that the server removed has to enrol again`() = test {
        Phone.enrolled().use { phone ->
            Sandbox.knobs("""{"revoked_device":true}""")
            val update = phone.app.updatePushToken(PushToken(PushService.FCM, SecretText("new"))).single()
            assertEquals(phone.enrollment.id, update.enrollment)
            assertEquals(ErrorCode.ENROLLMENT_GONE, update.error?.code)
            assertEquals(ErrorClass.RE_ENROLL, update.error?.errorClass)
        }
    }

    @Test
    fun `an answer that could not be delivered is sent by flush, the same after a restart`() = test {
        Phone.enrolled().use { phone ->
            val request = Sandbox.ask(phone.user)
            val review = phone.review()
            Sandbox.knobs("""{"server_errors":{"resolve":1}}""")
            val queued = phone.app.approve(review)
            assertEquals(Delivery.QUEUED, queued.delivery)
            assertEquals(ErrorCode.SERVER_BUSY, queued.lastError)
            phone.restart()
            assertEquals(Decision.APPROVE, phone.app.deny(review, "changed my mind").decision)
            val sent = phone.app.flush().single()
            assertEquals(Delivery.DELIVERED, sent.delivery)
            assertEquals("tokens", Sandbox.poll(request))
        }
    }

    @Test
    fun `the flow of challenges follows what is open, the flow of outcomes what was settled`() = test {
        Phone.enrolled().use { phone ->
            runBlocking {
                assertEquals(emptyList<Challenge>(), phone.app.openChallenges.first())
                val outcome = async { phone.app.outcomes.first() }
                val came = async { phone.app.openChallenges.first { it.isNotEmpty() } }
                Sandbox.ask(phone.user)
                val challenge = phone.challenge()
                assertEquals(listOf(challenge.id), came.await().map { it.id })
                val gone = async { phone.app.openChallenges.first { it.isEmpty() } }
                val receipt = phone.app.deny(challenge.id)
                gone.await()
                assertEquals(receipt, outcome.await())
            }
        }
    }

    @Test
    fun `flows complete when the authenticator is shut down`() = test {
        Phone.enrolled().use { phone ->
            runBlocking {
                val collected = async { phone.app.openChallenges.collect { } }
                val outcomes = async { phone.app.outcomes.collect { } }
                phone.app.shutdown()
                collected.await()
                outcomes.await()
                assertEquals(ErrorCode.CLOSED, failure { phone.app.pending() }.code)
            }
        }
    }

    /** The approval key of a key store that shows a prompt. */
    private class Prompting(private val jca: JcaKeyStore) : KeysBehind(jca) {
        var prompts = 0

        override fun sign(alias: String, message: ByteArray): ByteArray {
            check(!alias.startsWith("apr-")) { "the core never signs with the approval key" }
            return super.sign(alias, message)
        }

        /** What `BiometricPrompt` does with the crypto object of the signature. */
        fun prompt(request: SigningRequest): ByteArray {
            prompts++
            return jca.signature(request.keyAlias).run {
                update(request.message)
                sign()
            }
        }
    }

    @Test
    fun `an approval behind a prompt carries the signature of the approval key`() = test {
        val keys = Prompting(JcaKeyStore(Pkcs12Keys(folder().resolve("keys.p12"), "test".toCharArray())))
        Phone.enrolled(keys) { it.copy(userVerification = true) }.use { phone ->
            val request = Sandbox.ask(phone.user)
            val review = phone.review()
            assertEquals(ErrorCode.USER_VERIFICATION_NEEDED, failure { phone.app.approve(review) }.code)

            val signing = phone.app.beginApproval(review)
            assertEquals("authorization_pending", Sandbox.poll(request), "a cancelled prompt decides nothing")
            val receipt = phone.app.finishApproval(signing.id, keys.prompt(signing))
            assertEquals(Delivery.DELIVERED, receipt.delivery)
            assertEquals("tokens", Sandbox.poll(request))
            assertEquals(1, keys.prompts)
            val entry = phone.app.history().single()
            assertEquals(phone.enrollment.approvalThumbprint, entry.approvalThumbprint)
            val claims = entry.answer!!.split('.')[1].let { String(Base64.getUrlDecoder().decode(it)) }
            assertTrue("\"uv_sig\"" in claims)
        }
    }

    @Test
    fun `a signature by a wrong key or in a wrong encoding decides nothing`() = test {
        val keys = Prompting(JcaKeyStore(Pkcs12Keys(folder().resolve("keys.p12"), "test".toCharArray())))
        Phone.enrolled(keys) { it.copy(userVerification = true) }.use { phone ->
            val request = Sandbox.ask(phone.user)
            val review = phone.review()
            val signing = phone.app.beginApproval(review)

            val stranger = KeyPairGenerator.getInstance("EC").apply { initialize(256) }.generateKeyPair()
            val foreign = Signature.getInstance("SHA256withECDSA").run {
                initSign(stranger.private)
                update(signing.message)
                sign()
            }
            val good = keys.prompt(signing)
            val raw = ByteArray(64) { good[it + 4] }
            for (wrong in listOf(foreign, raw, good.copyOf(good.size - 1), good + 0, ByteArray(0))) {
                val error = failure { phone.app.finishApproval(signing.id, wrong) }
                assertEquals(ErrorCode.KEY_STORE_FAILED, error.code)
            }
            assertEquals("authorization_pending", Sandbox.poll(request))
            assertEquals(Delivery.DELIVERED, phone.app.finishApproval(signing.id, good).delivery)
        }
    }

    @Test
    fun `keys in a file work as keys of the library do`() = test {
        val keys = JcaKeyStore(Pkcs12Keys(folder().resolve("keys.p12"), "test".toCharArray()))
        Phone.enrolled(keys).use { phone ->
            assertEquals(KeyAlgorithm.RSA2048, phone.enrollment.algorithm)
            assertEquals(ProtectionLevel.SOFTWARE, phone.enrollment.protection)
            val request = Sandbox.ask(phone.user)
            phone.restart()
            phone.app.approve(phone.review())
            assertEquals("tokens", Sandbox.poll(request))
        }
    }

    @Test
    fun `the platform's own HTTP client can take the place of the built-in one`() = test {
        val http = PlatformHttp()
        Phone.enrolled(transport = http).use { phone ->
            val request = Sandbox.ask(phone.user)
            phone.app.approve(phone.review())
            assertEquals("tokens", Sandbox.poll(request))
            assertEquals(listOf("POST", "GET", "POST"), http.sent.map { it.substringBefore(' ') })
        }
    }

    @Test
    fun `a certificate that nobody vouches for is refused`() = test {
        val error = failure { Phone.enrolled { it.copy(extraRootPem = null) }.close() }
        assertEquals(ErrorCode.TLS_FAILED, error.code)
        assertEquals(ErrorClass.CONFIGURATION, error.errorClass)
    }

    @Test
    fun `what is printed says nothing of payload, person or secret`() = test {
        Phone.enrolled().use { phone ->
            Sandbox.ask(phone.user)
            val challenge = phone.challenge()
            val review = phone.app.review(challenge.id)
            val receipt = phone.app.deny(review, "a private reason")
            val code = phone.app.oneTimeCode(phone.enrollment.id)
            val printed = listOf(challenge, review, receipt, code, phone.enrollment, phone.app.history()).joinToString()
            for (secret in listOf("ExampleCorp", "249", "TX-4711", "example.com", "private", code.code.expose())) {
                assertFalse(secret in printed, secret)
            }
        }
    }

    @Test
    fun `what needs no server works without one`() = test {
        Phone.enrolled().use { phone ->
            val code = phone.app.oneTimeCode(phone.enrollment.id)
            assertTrue(code.code.expose().matches(Regex("[0-9]{6}")))
            val invitation = "otpauth://totp/Bank:ana?enrollment_tx_id=abc&base_url=https%3A%2F%2Flogin.bank.example"
            assertEquals("login.bank.example", phone.app.invitationHost(invitation))
            assertEquals(ErrorCode.INVITATION_MALFORMED, failure { phone.app.invitationHost("hello there") }.code)
            phone.app.setDisplay(Display("de-DE", "Europe/Berlin", 60))
            Sandbox.ask(phone.user)
            assertEquals("249,00 EUR an ExampleCorp zahlen", phone.review().headline)
            assertEquals(ErrorCode.CONFIGURATION_INVALID, failure { phone.app.setDisplay(Display("", "UTC", 0)) }.code)
            assertTrue(phone.app.exportHistory(phone.enrollment.id).startsWith("{"))
        }
    }
}
