package dev.authenticatorcore.demo

import android.content.ComponentName
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import androidx.activity.ComponentActivity
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.key
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.setValue
import androidx.compose.ui.graphics.asAndroidBitmap
import androidx.compose.ui.semantics.SemanticsActions
import androidx.compose.ui.semantics.SemanticsNode
import androidx.compose.ui.semantics.SemanticsProperties
import androidx.compose.ui.semantics.getOrNull
import androidx.compose.ui.test.SemanticsMatcher
import androidx.compose.ui.test.captureToImage
import androidx.compose.ui.test.junit4.v2.createAndroidComposeRule
import androidx.compose.ui.test.onRoot
import androidx.compose.ui.text.TextLayoutResult
import androidx.compose.ui.unit.dp
import dev.authenticatorcore.demo.ui.DemoTheme
import java.io.File
import java.util.TimeZone
import org.junit.Assert.assertEquals
import org.junit.Rule
import org.junit.Test
import org.junit.rules.ExternalResource
import org.junit.rules.RuleChain
import org.junit.rules.TestName
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode

/**
 * Every screen in every state, drawn and compared with the picture on record, and looked over as a screen reader and a thumb
 * find it. `-Dpictures.update=true` writes the pictures anew: look at each before it is committed.
 */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34], application = android.app.Application::class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
class PicturesTest {
    private val name = TestName()
    private val compose = createAndroidComposeRule<ComponentActivity>()

    @get:Rule val rules: RuleChain = RuleChain.outerRule(name).around(object : ExternalResource() {
        override fun before() {
            TimeZone.setDefault(TimeZone.getTimeZone("UTC"))
            val app = RuntimeEnvironment.getApplication()
            shadowOf(app.packageManager).addActivityIfNotPresent(ComponentName(app, ComponentActivity::class.java))
            if (name.methodName.startsWith("large")) RuntimeEnvironment.setFontScale(2f)
        }
    }).around(compose)

    @Config(qualifiers = "en-rGB-w360dp-h740dp-mdpi")
    @Test fun light() = draw("light")

    @Config(qualifiers = "en-rGB-w360dp-h740dp-night-mdpi")
    @Test fun dark() = draw("dark")

    /** Text at 200 %. */
    @Config(qualifiers = "en-rGB-w360dp-h740dp-mdpi")
    @Test fun large() = draw("large")

    /** A window as tall as what is in it: what lies below the fold of the others. */
    @Config(qualifiers = "en-rGB-w360dp-h1960dp-mdpi")
    @Test fun whole() = draw("whole", TALL)

    @Config(qualifiers = "en-rGB-w360dp-h3200dp-mdpi")
    @Test fun largeWhole() = draw("large-whole", TALL)

    /** The pseudo-locale that reads from right to left. */
    @Config(qualifiers = "ar-rXB-ldrtl-w360dp-h740dp-mdpi")
    @Test fun mirrored() = draw("mirrored")

    /** The pseudo-locale with long words. */
    @Config(qualifiers = "en-rXA-w360dp-h740dp-mdpi")
    @Test fun long() = draw("long", compare = false)

    @Config(qualifiers = "en-rGB-w800dp-h1100dp-mdpi")
    @Test fun tablet() = draw("tablet", only = setOf("accounts", "requests", "review", "result-approved", "history", "settings"))

    @Config(qualifiers = "de-rDE-w360dp-h740dp-mdpi")
    @Test fun german() = draw("german", compare = false)

    @Config(qualifiers = "ja-rJP-w360dp-h740dp-mdpi")
    @Test fun japanese() = draw("japanese", compare = false)

    private fun draw(variant: String, only: Set<String> = Samples.all.keys, compare: Boolean = true) {
        var shown by mutableStateOf<Pair<String, @Composable () -> Unit>?>(null)
        compose.setContent {
            DemoTheme { shown?.let { (name, content) -> key(name) { content() } } }
        }
        val faults = mutableListOf<String>()
        for ((name, content) in Samples.all) {
            if (name !in only) continue
            shown = name to content
            compose.waitForIdle()
            faults += reached(name)
            val picture = compose.onRoot().captureToImage().asAndroidBitmap()
            faults += if (compare) compared("$variant/$name", picture) else kept("$variant/$name", picture)
        }
        assertEquals(emptyList<String>(), faults)
    }

    // --------------------------------------------------------------------------------------------------------- pictures

    private fun compared(name: String, picture: Bitmap): List<String> {
        val file = File("src/test/pictures/$name.png")
        if (System.getProperty("pictures.update") == "true") {
            write(picture, file)
            return emptyList()
        }
        val before = BitmapFactory.decodeFile(file.path) ?: return listOf("$name: no picture on record")
        val off = difference(before, picture)
        if (off <= TOLERANCE) return emptyList()
        return listOf("$name: ${"%.2f".format(off * 100)} % of the picture differ") + kept(name, picture)
    }

    private fun kept(name: String, picture: Bitmap): List<String> {
        write(picture, File("target/pictures/$name.png"))
        return emptyList()
    }

    private fun write(picture: Bitmap, file: File) {
        file.parentFile.mkdirs()
        file.outputStream().use { picture.compress(Bitmap.CompressFormat.PNG, 100, it) }
    }

    /** Share of pixels that differ visibly. */
    private fun difference(a: Bitmap, b: Bitmap): Double {
        if (a.width != b.width || a.height != b.height) return 1.0
        val (left, right) = listOf(a, b).map { IntArray(it.width * it.height).also { to -> it.getPixels(to, 0, it.width, 0, 0, it.width, it.height) } }
        return left.indices.count { i -> listOf(0, 8, 16).any { Math.abs((left[i] shr it and 0xff) - (right[i] shr it and 0xff)) > 24 } } / left.size.toDouble()
    }

    // ---------------------------------------------------------------------------------------------------- accessibility

    /** What a thumb or a screen reader would stumble over. */
    private fun reached(screen: String): List<String> {
        val nodes = compose.onAllNodes(SemanticsMatcher("any") { true }).fetchSemanticsNodes()
        return nodes.filter { it.config.contains(SemanticsActions.OnClick) }.flatMap { node -> touched(screen, node) } +
            nodes.flatMap { cut(screen, it) }
    }

    private fun touched(screen: String, node: SemanticsNode): List<String> = buildList {
        val words = words(node)
        if (words.isBlank()) add("$screen: a button without words at ${node.boundsInRoot}")
        val least = with(compose.density) { 48.dp.toPx() } - 1
        val area = node.touchBoundsInRoot
        val visible = area.height > 0 && area.bottom < compose.onRoot().fetchSemanticsNode().size.height - 1
        if (visible && (area.width < least || area.height < least)) add("$screen: “$words” is only ${area.width} × ${area.height}")
    }

    private fun words(node: SemanticsNode): String =
        (node.config.getOrNull(SemanticsProperties.ContentDescription).orEmpty() + node.config.getOrNull(SemanticsProperties.Text).orEmpty().map { it.text } +
            listOfNotNull(node.config.getOrNull(SemanticsProperties.EditableText)?.text)).joinToString(" ") + node.children.joinToString(" ") { words(it) }

    /** Text that does not fit into its place. One line of a tab may be cut: its symbol and its spoken name are whole. */
    private fun cut(screen: String, node: SemanticsNode): List<String> {
        val layout = mutableListOf<TextLayoutResult>()
        node.config.getOrNull(SemanticsActions.GetTextLayoutResult)?.action?.invoke(layout)
        return layout.filter { it.multiParagraph.height > it.size.height + 1 || it.multiParagraph.didExceedMaxLines }
            .filter { it.layoutInput.maxLines != 1 }.map { "$screen: “${it.layoutInput.text}” is cut" }
    }

    private companion object {
        val TALL = setOf("review", "review-grave", "review-deny-only", "review-reasons", "history-entry", "settings-diagnosed")
        const val TOLERANCE = 0.005
    }
}
