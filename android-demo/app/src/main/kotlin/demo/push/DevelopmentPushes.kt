package dev.authenticatorcore.demo.push

import java.io.IOException
import java.net.HttpURLConnection
import java.net.URL
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.ProducerScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.channelFlow
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.isActive
import kotlinx.coroutines.withContext
import org.json.JSONException
import org.json.JSONObject

/**
 * Pushes without Google: the event stream of `sandbox serve`, on this machine or over `adb reverse`. Only in debuggable
 * builds, and only from loopback.
 */
class DevelopmentPushes(private val console: String, token: String) {
    private val address = URL(URL(console), "push/$token/events")

    init {
        require(address.host in setOf("127.0.0.1", "localhost", "10.0.2.2")) { "the development source is on loopback" }
    }

    /** Payloads as JSON, for as long as somebody collects; connects again when the stream ends. */
    val payloads: Flow<String> = channelFlow {
        while (isActive) {
            try {
                read()
            } catch (_: IOException) {
                // The sandbox is not there, or has gone.
            }
            delay(RECONNECT_MS)
        }
    }.flowOn(Dispatchers.IO)

    /** Where the sandbox itself is, in clear on loopback. Throws `IOException`. */
    suspend fun server(): String = withContext(Dispatchers.IO) {
        JSONObject(URL(URL(console), "control/ready").readText()).getString("origin")
    }

    private suspend fun ProducerScope<String>.read() {
        val connection = address.openConnection() as HttpURLConnection
        connection.connectTimeout = RECONNECT_MS.toInt()
        try {
            connection.inputStream.bufferedReader().useLines { lines ->
                for (line in lines) {
                    if (!isActive) return
                    if (line.startsWith(DATA)) payload(line.removePrefix(DATA))?.let { send(it) }
                }
            }
        } finally {
            connection.disconnect()
        }
    }

    private fun payload(event: String): String? = try {
        JSONObject(event).getJSONObject("payload").toString()
    } catch (_: JSONException) {
        null
    }

    private companion object {
        const val DATA = "data:"
        const val RECONNECT_MS = 2_000L
    }
}
