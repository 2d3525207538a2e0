package dev.authenticatorcore.demo

import android.app.Notification
import android.app.job.JobScheduler
import android.os.Looper
import android.os.SystemClock
import android.view.InputDevice
import android.view.MotionEvent
import android.view.WindowManager
import androidx.compose.ui.test.hasClickAction
import androidx.compose.ui.test.hasContentDescription
import androidx.compose.ui.test.hasSetTextAction
import androidx.compose.ui.test.hasText
import androidx.compose.ui.test.onFirst
import androidx.compose.ui.test.performClick
import androidx.compose.ui.test.performScrollTo
import androidx.compose.ui.test.performTextInput
import dev.authenticatorcore.Sandbox
import dev.authenticatorcore.demo.edge.Unlock
import dev.authenticatorcore.demo.push.FlushJob
import dev.authenticatorcore.demo.push.Notifications
import java.time.Duration
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.robolectric.Shadows.shadowOf

/** The whole app with the real library inside, against a sandbox that is a process of its own. */
class FlowTest : AppOnScreen() {
    private val user = Sandbox.user()

    @Before fun noFaults() = Sandbox.knobs()

    private fun invitation() = overTls(Sandbox.invitation(user))

    private fun enrol() = enrol(invitation())

    private fun enrolled() = enrolled(invitation())

    /** Asks, and opens what came. */
    private fun opened(details: String? = Sandbox.PAYMENT): String {
        val request = Sandbox.ask(user, details)
        follow(notified())
        return request
    }

    private fun poll(request: String) = Sandbox.poll(request)

    // ---------------------------------------------------------------------------------------------------------- the flow

    @Test
    fun `enrolled from a QR text, asked, notified, read and approved, the agent has its tokens`() {
        enrolled()
        val request = Sandbox.ask(user)
        val notification = notified()
        assertEquals(Notification.VISIBILITY_PRIVATE, notification.visibility)
        for (shown in listOf(notification, notification.publicVersion)) {
            for (secret in listOf("249", "ExampleCorp", "TX-4711", "api.bank")) assertFalse(secret in "${shown.extras}")
        }
        assertFalse("the lock screen names nobody", "bank-dev" in "${notification.publicVersion.extras}")

        follow(notification)
        sees("Pay 249.00 EUR to ExampleCorp")
        assertEquals(
            listOf(
                "Caution: The first request for this service.",
                "Compare with the other screen: TX-4711",
                "Amount: 249.00 euros", "Recipient: ExampleCorp", "Recipient’s account: DE02 1001 0010 9307 1186 03",
                "Reference: Ref 2026-0042", "Actions: initiate", "Where: https://api.bank.example/payments", "Type: payment_initiation",
                "For: api.bank.example", "Access: openid\nprofile",
                "Browser", "System", "Place", "Place", "Time", "Id", "Created at", "Expires at",
            ),
            texts().filter { ": " in it }.map { row -> row.substringBefore(": ").takeIf { it in DIFFERENT_EACH_TIME } ?: row },
        )
        assertTrue("${window()}", window() and WindowManager.LayoutParams.FLAG_SECURE != 0)

        assertEquals("authorization_pending", poll(request))
        tap("Approve")
        sees("The server has your answer.")
        assertEquals(1, bench.gate.prompts)
        assertEquals("tokens", poll(request))
        until("the notification is gone") { app.notifications().isEmpty() }
        tap("Close")
        sees("Nothing is waiting")

        tap("History")
        tap("Pay 249.00 EUR to ExampleCorp")
        sees("Amount: 249.00 EUR")
        sees("Confirmed with fingerprint or face")
    }

    private fun window() = rule.activity.window.attributes.flags

    @Test
    fun `denied from the notification, without a screen`() {
        enrolled()
        val request = Sandbox.ask(user)
        val action = notified().actions.single { it.title == "Deny" }
        app.sendBroadcast(shadowOf(action.actionIntent).savedIntent)
        until("the server knows") { poll(request) == "access_denied" }
        until("the notification is gone") { app.notifications().isEmpty() }
        assertEquals(0, bench.gate.prompts)
        tap("History")
        sees("Denied")
    }

    @Test
    fun `a request that ends while it is open says so, and nothing was allowed`() {
        enrolled()
        opened()
        sees("Pay 249.00 EUR")
        bench.clock.advance(600_000)
        shadowOf(Looper.getMainLooper()).idleFor(Duration.ofSeconds(2))
        sees("Too late")
        tap("Close")
        sees("Nothing is waiting")
        tap("History")
        sees("Not answered in time")
    }

    @Test
    fun `a second device was faster`() {
        enrolled()
        opened()
        sees("Pay 249.00 EUR")
        Sandbox.knobs("""{"already_answered":true}""")
        tap("Approve")
        sees("Answered elsewhere")
    }

    @Test
    fun `without a connection nothing is answered, and trying again works`() {
        enrolled()
        Sandbox.knobs("""{"server_errors":{"consent":99}}""")
        opened()
        sees("The details could not be fetched. Nothing was answered.")
        Sandbox.knobs()
        tap("Try again")
        sees("Pay 249.00 EUR")
    }

    @Test
    fun `an answer that cannot be sent is stored, and sent as soon as there is a network`() {
        enrolled()
        val request = opened()
        sees("Pay 249.00 EUR")
        Sandbox.knobs("""{"server_errors":{"resolve":1}}""")
        tap("Approve")
        sees("Stored. It is sent as soon as there is a connection.")
        val job = app.getSystemService(JobScheduler::class.java).allPendingJobs.single()
        assertEquals(FlushJob::class.java.name, job.service.className)
        assertEquals("authorization_pending", poll(request))
        runBlocking { assertFalse(FlushJob.again(bench.phone)) }
        sees("The server has your answer.")
        assertEquals("tokens", poll(request))
    }

    @Test
    fun `details that are gone can only be denied`() {
        enrolled()
        Sandbox.knobs("""{"consent_404":true}""")
        val request = opened()
        sees("You can only deny this")
        assertFalse(found("Approve"))
        tap("Deny")
        sees("The server has your answer.")
        assertEquals("access_denied", poll(request))
    }

    @Test
    fun `a prompt that is closed or locked decides nothing, and can be asked again`() {
        enrolled()
        val request = opened()
        bench.gate.next = { Unlock.Cancelled }
        tap("Approve")
        sees("Not confirmed. Nothing was answered.")
        bench.gate.next = { Unlock.LockedOut }
        tap("Approve")
        sees("Too many tries.")
        assertEquals("authorization_pending", poll(request))
        bench.gate.next = { Unlock.Passed(it) }
        tap("Approve")
        sees("Approved")
        assertEquals("tokens", poll(request))
    }

    @Test
    fun `a new fingerprint locks approving until the person proves who they are`() {
        enrolled()
        val request = opened()
        bench.keys.lost = { it.startsWith("apr-") }
        tap("Approve")
        sees("Fingerprints or faces on this phone have changed")
        bench.keys.lost = { false }
        tap("Set up approving again")
        tap("Approve")
        sees("Approved")
        assertEquals("tokens", poll(request))
    }

    @Test
    fun `an account whose key is gone says so`() {
        enrolled()
        bench.keys.lost = { !it.startsWith("apr-") }
        opened()
        sees("The key is gone")
        tap("Close")
        tap("Accounts")
        sees("This account cannot sign any more.")
    }

    @Test
    fun `several requests are a queue, and the same one again is one card`() {
        enrolled()
        Sandbox.ask(user, message = "TX-1")
        notified(1)
        Sandbox.ask(user, message = "TX-2")
        notified(2)
        Sandbox.ask(user, details = null, message = "Log in 77")
        notified(3)
        tap("Requests")
        sees("Asked 2 times")
        until("two cards are left: ${screen()}") { rule.onAllNodes(hasText("Review")).fetchSemanticsNodes(false).isEmpty() && cards() == 2 }
        tap("Pay 249.00 EUR to ExampleCorp")
        tap("Deny")
        sees("more waiting")
    }

    private fun cards() = rule.onAllNodes(hasText("user-", substring = true)).fetchSemanticsNodes(false).size

    @Test
    fun `this was not me has reasons, and keeps what follows quiet`() {
        enrolled()
        val request = opened()
        tap("This wasn’t me")
        tap("I did not start this")
        sees("You told the service that this was not you.")
        assertEquals("access_denied", poll(request))
        Sandbox.ask(user, message = "TX-2")
        assertEquals(Notifications.QUIET, notified().channelId)
    }

    @Test
    fun `hidden characters want a number to be typed, and a wrong one is refused`() {
        enrolled()
        opened(Sandbox.PAYMENT.replace("ExampleCorp", "Example\u202eproC"))
        sees("Danger")
        rule.onNode(hasSetTextAction()).performTextInput("7")
        tap("Approve")
        sees("That is not what is asked for. Look again.")
        assertEquals(0, bench.gate.prompts)
    }

    @Test
    fun `nothing is approved through a window that lies over it`() {
        enrolled()
        opened()
        sees("Pay 249.00 EUR")
        touch("Approve", MotionEvent.FLAG_WINDOW_IS_OBSCURED)
        assertTrue(screen(), found("Approve"))
        assertEquals(0, bench.gate.prompts)
        touch("Approve", 0)
        sees("The server has your answer.")
    }

    /** A finger on the glass, as the system hands it over. */
    private fun touch(text: String, flags: Int) {
        val at = node(text).fetchSemanticsNode().boundsInWindow.center
        for (action in listOf(MotionEvent.ACTION_DOWN, MotionEvent.ACTION_UP)) {
            val pointer = arrayOf(MotionEvent.PointerProperties().apply { id = 0 })
            val point = arrayOf(MotionEvent.PointerCoords().apply { x = at.x; y = at.y; pressure = 1f; size = 1f })
            val now = SystemClock.uptimeMillis()
            val event = MotionEvent.obtain(now, now, action, 1, pointer, point, 0, 0, 1f, 1f, 0, 0, InputDevice.SOURCE_TOUCHSCREEN, flags)
            rule.runOnUiThread { rule.activity.window.decorView.dispatchTouchEvent(event) }
        }
        rule.waitForIdle()
        shadowOf(Looper.getMainLooper()).idle()
    }

    @Test
    fun `a code that is none is explained, and a server that nobody named is asked about`() {
        bench.servers = emptyList()
        runBlocking { bench.phone.reopen() }
        enrol("hello there")
        sees("This is no enrolment code.")
        assertTrue("what was typed can be mended", found("hello there"))
        rule.onAllNodes(hasContentDescription("Back")).onFirst().performClick()
        enrol()
        sees("Do you trust this server?")
        assertTrue(screen(), Sandbox.origin.removePrefix("https://").substringBefore(':') in screen())
        node("Trust and continue").performScrollTo().performClick()
        sees("Account added")
    }

    @Test
    fun `a one-time code is shown when asked for, and an account can be removed`() {
        enrolled()
        tap("Show code")
        sees("New code in")
        val code = runBlocking { bench.phone.core().let { it.oneTimeCode(it.enrollments().single().id) } }.code.expose()
        sees(code.toList().joinToString(" "))
        tap("bank-dev")
        sees("Key: In software only")
        node("Remove account").performScrollTo().performClick()
        sees("Its history is erased.")
        rule.onAllNodes(hasText("Remove account") and hasClickAction()).onFirst().performClick()
        sees("Account removed")
        tap("Close")
        sees("No account yet")
    }

    @Test
    fun `requests speak the language that was chosen, and the diagnosis finds everything in order`() {
        enrolled()
        tap("Settings")
        node("Deutsch").performScrollTo().performClick()
        node("Check now").performScrollTo().performClick()
        sees("History: unchanged")
        opened()
        sees("249,00 EUR an ExampleCorp zahlen")
        assertNotNull(runBlocking { bench.phone.core().pending() }.single())
    }

    private companion object {
        /** Rows about the agent's machine and about this one request. */
        val DIFFERENT_EACH_TIME = setOf("Browser", "System", "Place", "Time", "Id", "Created at", "Expires at")
    }
}
