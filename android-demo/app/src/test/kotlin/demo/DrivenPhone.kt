package dev.authenticatorcore.demo

import androidx.compose.ui.semantics.ProgressBarRangeInfo
import androidx.compose.ui.semantics.SemanticsProperties
import androidx.compose.ui.semantics.getOrNull
import androidx.compose.ui.test.SemanticsMatcher
import androidx.compose.ui.test.hasClickAction
import androidx.compose.ui.test.hasProgressBarRangeInfo
import androidx.compose.ui.test.hasText
import androidx.compose.ui.test.isNotEnabled
import com.google.gson.JsonArray
import com.google.gson.JsonObject
import com.google.gson.JsonPrimitive
import java.io.File
import org.junit.Test
import org.robolectric.Shadows.shadowOf

/**
 * The app without its screen, driven by lines of text: the commands and answers of `tests/e2e/two-phones`. No test by itself:
 * `android-demo/driven` runs it. `phone.in` and `phone.out` name the files that the lines come from and go to.
 */
class DrivenPhone : AppOnScreen() {
    private val opened = mutableSetOf<String>()

    @Test
    fun `does what it is told`() {
        File(System.getProperty("phone.out")).printWriter().use { out ->
            File(System.getProperty("phone.in")).forEachLine { line ->
                out.println(answer(line))
                out.flush()
            }
        }
    }

    private fun answer(line: String): JsonObject = try {
        follow(line)
        JsonObject().apply {
            addProperty("ok", true)
            add("read", list(texts()))
            add("buttons", list(buttons()))
            addProperty("notifications", app.notifications().size)
        }
    } catch (fault: Throwable) {
        JsonObject().apply {
            addProperty("ok", false)
            addProperty("error", fault.toString())
        }
    }

    private fun follow(line: String) {
        when (line.substringBefore(' ')) {
            "enroll" -> enrolled(overTls(line.substringAfter(' ')))
            "wait" -> openNext()
            "approve" -> tap("Approve")
            "deny" -> tap("Deny")
            "state" -> Unit
            else -> error("no such command: $line")
        }
        until("a screen at rest: ${screen()}") { atRest() }
    }

    private fun openNext() {
        fun next() = app.notifications().firstOrNull { shadowOf(it.contentIntent).savedIntent.toUri(0) !in opened }
        until("a notification") { next() != null }
        val notification = next()!!
        opened += shadowOf(notification.contentIntent).savedIntent.toUri(0)
        follow(notification)
        sees("Check this request")
    }

    /** Nothing is being fetched, asked by the prompt, or sent. */
    private fun atRest(): Boolean {
        fun none(matcher: SemanticsMatcher) = rule.onAllNodes(matcher).fetchSemanticsNodes(false).isEmpty()
        return none(hasProgressBarRangeInfo(ProgressBarRangeInfo.Indeterminate)) && none(hasText("Deny") and isNotEnabled()) &&
            none(hasText("Sending your answer", substring = true))
    }

    private fun buttons(): List<String> = rule.onAllNodes(hasClickAction()).fetchSemanticsNodes(false)
        .flatMap { node -> node.config.getOrNull(SemanticsProperties.Text).orEmpty().map { it.text } }

    private fun list(words: List<String>) = JsonArray().apply { words.forEach { add(JsonPrimitive(it)) } }
}
