package dev.authenticatorcore.demo

import dev.authenticatorcore.Mark
import dev.authenticatorcore.Review
import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

/** What holds for the sources, whatever runs. */
class SourcesTest {
    @Test
    fun `state holders know nothing of the user interface`() {
        val files = File("src/main/kotlin/demo/state").listFiles().orEmpty()
        assertTrue(files.size > 8)
        // The platform's JSON reader is there on every JVM.
        val foreign = files.flatMap { file -> file.readLines().filter { Regex("import (android|androidx|dev\\.authenticatorcore\\.demo\\.ui)\\b.*").matches(it) } }
        assertEquals(emptyList<String>(), foreign)
    }

    @Test
    fun `pictures show the words of the core`() {
        val catalogue = File("../../authenticator-core/src/consent/catalogue/en.json").readText()
        val marks = listOf(Samples.review, Samples.suspicious, Samples.gone).flatMap { it.allMarks() }
        assertTrue(marks.size > 4)
        assertEquals(emptyList<String>(), marks.map { it.text }.filter { ": \"$it\"" !in catalogue })
    }

    private fun Review.allMarks(): List<Mark> = marks + sections.flatMap { section -> section.rows.flatMap { it.marks } }
}
