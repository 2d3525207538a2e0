package dev.authenticatorcore

import java.io.IOException
import java.net.ConnectException
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpConnectTimeoutException
import java.net.http.HttpRequest.BodyPublishers
import java.net.http.HttpResponse.BodyHandlers
import java.time.Duration
import java.util.concurrent.CopyOnWriteArrayList
import javax.net.ssl.SSLContext
import javax.net.ssl.SSLHandshakeException

/** The JDK's HTTP client as a transport of the library. */
open class PlatformHttp(tls: SSLContext = Sandbox.tls) : HttpTransport {
    private val client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
        .followRedirects(HttpClient.Redirect.NEVER).connectTimeout(Duration.ofSeconds(10)).sslContext(tls).build()

    /** Method and path of all that was sent. */
    val sent = CopyOnWriteArrayList<String>()

    override fun send(request: HttpRequest): HttpResponse {
        val uri = URI(request.url)
        sent += "${request.method} ${uri.path}"
        val body = request.body?.let(BodyPublishers::ofByteArray) ?: BodyPublishers.noBody()
        val call = java.net.http.HttpRequest.newBuilder(uri).method(request.method, body)
            .timeout(Duration.ofMillis(request.timeoutMs.toLong()))
        request.headers.forEach { call.header(it.name, it.value) }
        val answer = try {
            client.send(call.build(), BodyHandlers.ofByteArray())
        } catch (_: SSLHandshakeException) {
            throw TransportException.Tls()
        } catch (_: ConnectException) {
            throw TransportException.Unreachable()
        } catch (_: HttpConnectTimeoutException) {
            throw TransportException.Unreachable()
        } catch (_: IOException) {
            throw TransportException.Interrupted()
        }
        if (answer.body().size > request.maxAnswer.toInt()) throw TransportException.TooLarge()
        val headers = answer.headers().map().flatMap { (name, values) -> values.map { HttpHeader(name, it) } }
        return HttpResponse(answer.statusCode().toUShort(), headers, answer.body())
    }
}
