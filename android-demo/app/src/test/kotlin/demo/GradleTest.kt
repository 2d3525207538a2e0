package dev.authenticatorcore.demo

import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

/** The Gradle files are not run here: they name the versions and folders of the poms. */
class GradleTest {
    private val catalogue = File("../gradle/libs.versions.toml").readText()
    private val poms = listOf("../pom.xml", "pom.xml", "../jetpack/pom.xml").joinToString("") { File(it).readText() }

    @Test
    fun `every version is that of the poms`() {
        val versions = Regex("(?m)^(\\w+) = \"([0-9][^\"]*)\"").findAll(catalogue).associate { it.groupValues[1] to it.groupValues[2] }
        assertTrue(versions.size > 8)
        val unknown = versions.filterKeys { it != "agp" }.filterValues { ">$it<" !in poms }
        assertEquals(emptyMap<String, String>(), unknown)
    }

    @Test
    fun `the folders exist, and are those of the pom`() {
        val gradle = File("build.gradle.kts").readText()
        for (folder in Regex("srcDirs\\(\"([^\"]+)\"").findAll(gradle).map { it.groupValues[1] }) {
            assertTrue(folder, File(folder).isDirectory && ">$folder<" in poms)
        }
        assertTrue(File("../../bindings/kotlin/android/build.gradle.kts").exists())
    }
}
