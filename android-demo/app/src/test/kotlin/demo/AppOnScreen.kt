package dev.authenticatorcore.demo

import android.app.Notification
import androidx.compose.ui.semantics.SemanticsProperties
import androidx.compose.ui.semantics.getOrNull
import androidx.compose.ui.test.SemanticsMatcher
import androidx.compose.ui.test.SemanticsNodeInteraction
import androidx.compose.ui.test.hasContentDescription
import androidx.compose.ui.test.hasSetTextAction
import androidx.compose.ui.test.hasText
import androidx.compose.ui.test.junit4.v2.createAndroidComposeRule
import androidx.compose.ui.test.onFirst
import androidx.compose.ui.test.performClick
import androidx.compose.ui.test.performScrollTo
import androidx.compose.ui.test.performTextInput
import androidx.test.platform.app.InstrumentationRegistry
import dev.authenticatorcore.Sandbox
import java.net.URLEncoder
import org.junit.After
import org.junit.Rule
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode

/** The app from its first window on, and what a person sees and does in it. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34], application = TestApp::class, qualifiers = "en-rGB-w411dp-h891dp")
@GraphicsMode(GraphicsMode.Mode.NATIVE)
abstract class AppOnScreen {
    @get:Rule val rule = createAndroidComposeRule<MainActivity>()

    protected val app get() = RuntimeEnvironment.getApplication() as TestApp
    protected val bench get() = app.bench

    @After fun close() = bench.close()

    protected fun sees(text: String) = until("“$text” is on screen: ${screen()}") { found(text) }

    protected fun found(text: String) = rule.onAllNodes(hasText(text, substring = true) or hasContentDescription(text, substring = true))
        .fetchSemanticsNodes(false).isNotEmpty()

    protected fun screen(): String = texts().joinToString(" | ")

    protected fun texts(): List<String> = rule.onAllNodes(SemanticsMatcher("any") { true }).fetchSemanticsNodes(false).flatMap { node ->
        node.config.getOrNull(SemanticsProperties.ContentDescription).orEmpty() +
            node.config.getOrNull(SemanticsProperties.Text).orEmpty().map { it.text }
    }

    protected fun node(text: String): SemanticsNodeInteraction = rule.onAllNodes(hasText(text)).onFirst()

    protected fun tap(text: String) {
        sees(text)
        node(text).performClick()
    }

    /** As the code on the page would be, were it shown over TLS. */
    protected fun overTls(invitation: String) =
        invitation.substringBefore("&base_url=") + "&base_url=" + URLEncoder.encode(Sandbox.origin, Charsets.UTF_8)

    protected fun enrol(invitation: String) {
        sees("No account yet")
        tap("Add account")
        sees("Link or code")
        rule.onNode(hasSetTextAction()).performTextInput(invitation)
        node("Continue").performScrollTo().performClick()
    }

    protected fun enrolled(invitation: String) {
        enrol(invitation)
        sees("Account added")
        node("Close").performScrollTo().performClick()
        sees("bank-dev")
        app.listen()
    }

    /** The notification of the request that was just asked; the one that was there before is not meant. */
    protected fun notified(count: Int = 1): Notification {
        until("$count notifications are posted") { app.notifications().size == count }
        return app.notifications().maxBy { it.`when` }
    }

    protected fun follow(notification: Notification) {
        val intent = shadowOf(notification.contentIntent).savedIntent
        rule.runOnUiThread { InstrumentationRegistry.getInstrumentation().callActivityOnNewIntent(rule.activity, intent) }
    }
}
