package dev.authenticatorcore

import java.io.ByteArrayOutputStream
import java.security.KeyPair
import java.security.Signature
import java.security.cert.Certificate
import java.security.cert.CertificateFactory

/**
 * A certificate that says nothing but "this is the public key" (RFC 5280 section 4.1, version 1): a container for key
 * files, not for anybody to trust. Java can read certificates but not write them.
 */
internal fun selfSigned(pair: KeyPair, name: String): Certificate {
    val (algorithm, identifier) = when (pair.private.algorithm) {
        "RSA" -> "SHA256withRSA" to der(SEQUENCE, oid(1, 2, 840, 113549, 1, 1, 11) + der(NULL))
        else -> "SHA256withECDSA" to der(SEQUENCE, oid(1, 2, 840, 10045, 4, 3, 2))
    }
    val commonName = oid(2, 5, 4, 3) + der(UTF8, name.toByteArray())
    val who = der(SEQUENCE, der(SET, der(SEQUENCE, commonName)))
    // 9999-12-31 means "no end" (RFC 5280 section 4.1.2.5).
    val times = der(UTC_TIME, "700101000000Z".toByteArray()) + der(GENERALIZED_TIME, "99991231235959Z".toByteArray())
    val serial = der(INTEGER, byteArrayOf(1))
    val body = der(SEQUENCE, serial + identifier + who + der(SEQUENCE, times) + who + pair.public.encoded)
    val signature = Signature.getInstance(algorithm).run {
        initSign(pair.private)
        update(body)
        sign()
    }
    val certificate = der(SEQUENCE, body + identifier + der(BITS, byteArrayOf(0) + signature))
    return CertificateFactory.getInstance("X.509").generateCertificate(certificate.inputStream())
}

private const val INTEGER = 0x02
private const val BITS = 0x03
private const val NULL = 0x05
private const val OID = 0x06
private const val UTF8 = 0x0c
private const val UTC_TIME = 0x17
private const val GENERALIZED_TIME = 0x18
private const val SEQUENCE = 0x30
private const val SET = 0x31

private fun der(tag: Int, content: ByteArray = ByteArray(0)): ByteArray {
    val out = ByteArrayOutputStream()
    out.write(tag)
    when {
        content.size < 0x80 -> out.write(content.size)
        content.size < 0x100 -> out.write(byteArrayOf(0x81.toByte(), content.size.toByte()))
        else -> out.write(byteArrayOf(0x82.toByte(), (content.size shr 8).toByte(), content.size.toByte()))
    }
    out.write(content)
    return out.toByteArray()
}

private fun oid(first: Int, second: Int, vararg rest: Int): ByteArray {
    val out = ByteArrayOutputStream()
    out.write(first * 40 + second)
    for (number in rest) {
        val groups = generateSequence(number) { it shr 7 }.takeWhile { it > 0 }.map { it and 0x7f }.toList()
        groups.reversed().forEachIndexed { i, group -> out.write(if (i < groups.size - 1) group or 0x80 else group) }
    }
    return der(OID, out.toByteArray())
}
