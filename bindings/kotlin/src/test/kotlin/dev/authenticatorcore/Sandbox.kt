package dev.authenticatorcore

import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonParser
import java.net.URI
import java.net.URLEncoder
import java.net.http.HttpClient
import java.net.http.HttpRequest.BodyPublishers
import java.net.http.HttpResponse.BodyHandlers
import java.nio.file.Path
import java.security.KeyStore as JavaKeyStore
import java.security.cert.CertificateFactory
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import javax.net.ssl.SSLContext
import javax.net.ssl.TrustManagerFactory
import kotlin.concurrent.thread
import kotlin.io.path.readText

/** One `sandbox serve --tls` for all tests, a process of its own, or the one whose ready line the file SANDBOX_READY has; each
 * test has users of its own. */
object Sandbox {
    private val ready: JsonObject = JsonParser.parseString(System.getenv("SANDBOX_READY")?.let { Path.of(it).readText() } ?: started()).asJsonObject

    private fun started(): String {
        val process = ProcessBuilder(
            Path.of(System.getProperty("authenticator.build"), "sandbox").toString(),
            "serve", "--json", "--tls", "--no-per-user-limit", "--interval", "1",
        ).redirectError(ProcessBuilder.Redirect.DISCARD).start()
        Runtime.getRuntime().addShutdownHook(Thread { process.destroy() })
        return process.inputStream.bufferedReader().readLine()
    }

    val origin: String = ready["tls_origin"].asString
    val rootPem: String = Path.of(ready["ca"].asString).readText()
    val console: String = ready["console_url"].asString
    /** Trusts the sandbox's certificate, and nothing else. */
    val tls = trusting(rootPem)
    private val http = HttpClient.newBuilder().sslContext(tls).build()
    private val users = AtomicInteger()

    /** A new user's id. */
    fun user(): String {
        val body = """{"email":"user-${users.incrementAndGet()}@example.com"}"""
        return post("control/users", body).asJsonObject["user_id"].asString
    }

    fun invitation(user: String): String =
        post("control/invitation", """{"user_id":"$user"}""").asJsonObject["invitation"].asString

    /** Faults that are on from now on; the rest is off. */
    fun knobs(json: String = "{}") {
        val request = java.net.http.HttpRequest.newBuilder(URI(console + "control/knobs"))
            .header("content-type", "application/json").PUT(BodyPublishers.ofString(json)).build()
        val answer = http.send(request, BodyHandlers.ofString())
        check(answer.statusCode() == 200) { answer.body() }
    }

    /** Asks a user to approve, as a CIBA client does. Returns `auth_req_id`. */
    fun ask(user: String, details: String? = PAYMENT, message: String = "TX-4711"): String {
        val hint = """{"format":"iss_sub","iss":"${ready["issuer"].asString}","sub":"$user"}"""
        val form = mutableMapOf("scope" to "openid profile", "binding_message" to message, "login_hint" to hint)
        details?.let { form += mapOf("audience" to ready["audience"].asString, "authorization_details" to it) }
        val (status, body) = form("bc-authorize", form)
        check(status == 200) { "$body" }
        return body["auth_req_id"].asString
    }

    /** One poll: `tokens`, or the error. */
    fun poll(authReqId: String): String {
        val grant = mapOf("grant_type" to "urn:openid:params:grant-type:ciba", "auth_req_id" to authReqId)
        val (status, body) = form("oauth/token", grant)
        return if (status == 200) "tokens".also { check(body.has("access_token")) } else body["error"].asString
    }

    /** Pushes to this token, from now on and those that wait. */
    fun pushes(token: String): LinkedBlockingQueue<JsonObject> {
        val queue = LinkedBlockingQueue<JsonObject>()
        val request = java.net.http.HttpRequest.newBuilder(URI(console + "push/$token/events")).build()
        val lines = http.send(request, BodyHandlers.ofLines()).body()
        thread(isDaemon = true) {
            lines.forEach { line ->
                if (line.startsWith("data:")) queue += JsonParser.parseString(line.removePrefix("data:")).asJsonObject
            }
        }
        return queue
    }

    private fun post(path: String, body: String): JsonElement {
        val request = java.net.http.HttpRequest.newBuilder(URI(console + path))
            .header("content-type", "application/json").POST(BodyPublishers.ofString(body)).build()
        val answer = http.send(request, BodyHandlers.ofString())
        check(answer.statusCode() == 200) { answer.body() }
        return JsonParser.parseString(answer.body())
    }

    private fun form(path: String, members: Map<String, String>): Pair<Int, JsonObject> {
        val client = listOf("client_id", "client_secret").associateWith { ready[it].asString }
        val text = (members + client).entries.joinToString("&") { (k, v) -> "$k=${URLEncoder.encode(v, Charsets.UTF_8)}" }
        val request = java.net.http.HttpRequest.newBuilder(URI("$origin/$path"))
            .header("content-type", "application/x-www-form-urlencoded").POST(BodyPublishers.ofString(text)).build()
        val answer = http.send(request, BodyHandlers.ofString())
        return answer.statusCode() to JsonParser.parseString(answer.body()).asJsonObject
    }

    private fun trusting(pem: String): SSLContext {
        val root = CertificateFactory.getInstance("X.509").generateCertificate(pem.byteInputStream())
        val store = JavaKeyStore.getInstance(JavaKeyStore.getDefaultType()).apply {
            load(null, null)
            setCertificateEntry("sandbox", root)
        }
        val trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm()).apply { init(store) }
        return SSLContext.getInstance("TLS").apply { init(null, trust.trustManagers, null) }
    }

    const val PAYMENT = """[{"type":"payment_initiation","actions":["initiate"],
        "locations":["https://api.bank.example/payments"],
        "instructedAmount":{"currency":"EUR","amount":"249.00"},"creditorName":"ExampleCorp",
        "creditorAccount":{"iban":"DE02100100109307118603"},
        "remittanceInformationUnstructured":"Ref 2026-0042"}]"""
}

/** How long something may take that must happen; reached only when a test fails. */
const val PATIENCE_S = 20L

fun <T : Any> LinkedBlockingQueue<T>.next(): T =
    checkNotNull(poll(PATIENCE_S, TimeUnit.SECONDS)) { "nothing came within $PATIENCE_S s" }
