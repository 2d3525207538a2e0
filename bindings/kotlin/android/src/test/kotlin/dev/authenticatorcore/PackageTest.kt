package dev.authenticatorcore

import java.io.File
import java.nio.file.Path
import kotlin.io.path.exists
import kotlin.io.path.readText
import org.jetbrains.kotlin.abi.tools.AbiFilters
import org.jetbrains.kotlin.abi.tools.AbiTools
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** What the build files say about each other, and what an app gets to see. */
class PackageTest {
    private val root = Path.of(System.getProperty("authenticator.root")).normalize()
    private val here = root.resolve("bindings/kotlin/android")
    private val own = here.resolve("pom.xml").readText()
    private val jvm = here.resolve("../pom.xml").readText()
    private val gradle = here.resolve("build.gradle.kts").readText()

    private fun String.tag(name: String) = Regex("<$name>([^<]+)</$name>").find(this)!!.groupValues[1]

    @Test
    fun `all build files name the same versions`() {
        for (property in listOf("kotlin.version", "coroutines.version", "jna.version", "junit.version")) {
            assertEquals(jvm.tag(property), own.tag(property), property)
        }
        val cargo = root.resolve("Cargo.toml").readText()
        val version = Regex("""\nversion = "([^"]+)"""").find(cargo)!!.groupValues[1]
        assertEquals(version, Regex("</artifactId>\\s*<version>([^<]+)").find(own)!!.groupValues[1])
        assertEquals(version, Regex("</artifactId>\\s*<version>([^<]+)").find(jvm)!!.groupValues[1])
        assertTrue("""kotlin("android") version "${jvm.tag("kotlin.version")}"""" in gradle)
        assertTrue("kotlinx-coroutines-android:${jvm.tag("coroutines.version")}\"" in gradle)
        assertTrue("net.java.dev.jna:jna:${jvm.tag("jna.version")}@aar" in gradle)
    }

    @Test
    fun `Gradle compiles the same folders as Maven, and all of them exist`() {
        val folders = Regex("java\\.srcDirs\\((.*)\\)").find(gradle)!!.groupValues[1].split(",").map { it.trim(' ', '"') }
        val maven = Regex("<id>compile</id>(.*?)</sourceDirs>", RegexOption.DOT_MATCHES_ALL).find(own)!!.groupValues[1]
        val mavens = Regex("<sourceDir>(.*)</sourceDir>").findAll(maven).map { it.groupValues[1] }
        assertEquals(mavens.map { if (it == "\${generated}") "target/generated-sources/uniffi" else it }.toSet(), folders.toSet())
        folders.forEach { assertTrue(here.resolve(it).exists(), it) }
    }

    @Test
    fun `the Kotlin half of the certificate verifier is of the same version as the Rust half`() {
        val lock = root.resolve("Cargo.lock").readText()
        val version = Regex("name = \"rustls-platform-verifier\"\nversion = \"([0-9]+\\.[0-9]+)").find(lock)!!.groupValues[1]
        assertTrue("`rustls-platform-verifier` $version," in here.resolve("third_party/README.md").readText())
    }

    @Test
    fun `a phone has the API on record, and Android's own besides`() {
        val classes = File("target/classes").walk().filter { it.extension == "class" }.sorted().toList()
        val dump = StringBuilder().also { AbiTools.getInstance().printJvmDump(it, classes, AbiFilters.EMPTY) }
        val android = setOf("AndroidKeys", "AndroidKt")
        val types = dump.split("\n\n").filterNot { type ->
            android.any { "/$it " in type.lineSequence().first() } || "org/rustls" in type
        }
        assertEquals(here.resolve("../api/authenticator-core.api").readText().trim(), types.joinToString("\n\n").trim())
    }
}
