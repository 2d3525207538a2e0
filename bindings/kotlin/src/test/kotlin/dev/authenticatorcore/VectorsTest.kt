package dev.authenticatorcore

import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonParser
import java.nio.file.Files
import java.nio.file.Path
import kotlin.io.path.extension
import kotlin.io.path.readText
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicContainer
import org.junit.jupiter.api.DynamicContainer.dynamicContainer
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.TestFactory

/** Every case of `tests/vectors`, by the rules of its README. */
class VectorsTest {
    @TestFactory
    fun vectors(): List<DynamicContainer> {
        val files = Files.walk(folder).use { all -> all.filter { it.extension == "json" }.sorted().toList() }
        assertTrue(files.size >= 25)
        return files.map { path ->
            val file = folder.relativize(path).toString()
            val cases = JsonParser.parseString(path.readText()).asJsonObject["cases"].asJsonArray
            assertTrue(cases.size() > 0, "$file has no cases")
            dynamicContainer(file, cases.map { it.asJsonObject }.map { case ->
                val name = case["name"].asString
                dynamicTest("$file: $name") {
                    check(file, case)
                    ran += "$file\t$name"
                }
            })
        }
    }

    private fun check(file: String, case: JsonObject) {
        val answer = assertNotNullAnd(runVector(file, case["input"].toString()), "nothing reads $file")
        val outcome = JsonParser.parseString(answer).asJsonObject
        if (case.has("expected")) {
            assertEquals(withoutNulls(case["expected"]), withoutNulls(outcome["expected"] ?: outcome))
            return
        }
        assertEquals(case["error"].asString, outcome["error"]?.asString)
        assertEquals(case["pointer"], outcome["pointer"]?.takeUnless { it.isJsonNull })
        for (name in listOf("message_says", "names", "member")) {
            val words = case[name]?.asString ?: continue
            assertTrue(words in outcome["says"].asString, "$words is not in ${outcome["says"]}")
        }
    }

    private fun assertNotNullAnd(text: String?, why: String): String {
        assertNotNull(text, why)
        return text!!
    }

    private fun withoutNulls(value: JsonElement): JsonElement = when (value) {
        is JsonObject -> JsonObject().also { copy ->
            value.entrySet().filterNot { it.value.isJsonNull }.forEach { copy.add(it.key, withoutNulls(it.value)) }
        }
        is JsonArray -> JsonArray().also { copy -> value.forEach { copy.add(withoutNulls(it)) } }
        else -> value
    }

    companion object {
        private val folder = Path.of(System.getProperty("authenticator.root"), "tests", "vectors").normalize()
        private val ran = mutableListOf<String>()

        /** For the check that every language ran every case. */
        @JvmStatic
        @AfterAll
        fun writeDown() {
            Files.write(Path.of("target", "vectors.tsv"), ran)
        }
    }
}
