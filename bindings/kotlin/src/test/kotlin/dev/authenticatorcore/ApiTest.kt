package dev.authenticatorcore

import java.io.File
import java.nio.file.Path
import kotlin.io.path.readText
import kotlin.io.path.writeText
import org.jetbrains.kotlin.abi.tools.AbiFilters
import org.jetbrains.kotlin.abi.tools.AbiTools
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Test

/** The public API as an app sees it, word for word. */
class ApiTest {
    private val snapshot = Path.of("api", "authenticator-core.api")

    @Test
    fun `the public API is the one on record`() {
        val now = publicApi()
        if (System.getProperty("api.update") == "true") snapshot.writeText(now)
        assertEquals(
            snapshot.readText(), now,
            "the public API changed: if that is meant, run `mvn test -Dtest=ApiTest -Dapi.update=true` and commit api/",
        )
    }

    @Test
    fun `nothing of the generator shows`() {
        val hidden = Regex("(?i)uniffi|FfiConverter|RustBuffer|jna|ErrorParts")
        assertFalse(publicApi().lines().any { hidden.containsMatchIn(it) && "internal" !in it })
    }

    private fun publicApi(): String {
        val classes = File("target/classes").walk().filter { it.extension == "class" }.sorted().toList()
        val dump = StringBuilder()
        AbiTools.getInstance().printJvmDump(dump, classes, AbiFilters.EMPTY)
        return dump.split("\n\n").filterNot { of -> Regex("/DeviceClock[ $]") in of.lineSequence().first() }
            .joinToString("\n\n") { type -> type.lines().filterNot { it.isOfTestBuilds() }.joinToString("\n") }
    }

    private fun String.isOfTestBuilds() = ofTestBuilds.any { it in this }

    /** What `authenticator-core/src/ffi/testing.rs` adds; not in the library for phones. */
    private val ofTestBuilds =
        listOf("openWithClock", "panicAtOnce", "panicInACall", "runVector", "softwareKeyStore", " time")
}
