package dev.authenticatorcore.demo

import dev.authenticatorcore.demo.state.REVIEW_LANGUAGES
import java.io.File
import javax.xml.parsers.DocumentBuilderFactory
import org.junit.Assert.assertEquals
import org.junit.Test
import org.w3c.dom.Element

/** The app's words: the same in every language, none missing, none too many. */
class WordsTest {
    private val folder = File("src/main/res")

    private fun strings(language: String): Map<String, String> {
        val file = File(folder, if (language == "en") "values/strings.xml" else "values-$language/strings.xml")
        val nodes = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(file).getElementsByTagName("string")
        return (0 until nodes.length).map { nodes.item(it) as Element }.associate { it.getAttribute("name") to it.textContent }
    }

    @Test
    fun `every language has every text, with the same places to fill in`() {
        val english = strings("en")
        for (language in REVIEW_LANGUAGES) {
            val own = strings(language)
            assertEquals(language, english.keys, own.keys)
            assertEquals(language, english.mapValues { places(it.value) }, own.mapValues { places(it.value) })
            assertEquals(language, emptyList<String>(), own.filterValues { it.isBlank() }.keys.toList())
        }
    }

    @Test
    fun `every text is used`() {
        val sources = File("src/main").walk().filter { it.extension == "kt" || it.name == "AndroidManifest.xml" }.joinToString("") { it.readText() }
        assertEquals(emptyList<String>(), strings("en").keys.filter { "R.string.$it" !in sources && "@string/$it" !in sources })
    }

    private fun places(text: String) = Regex("%\\d\\$[sd]").findAll(text).map { it.value }.sorted().toList()
}
