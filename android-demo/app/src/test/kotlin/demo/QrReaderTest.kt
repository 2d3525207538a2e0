package dev.authenticatorcore.demo

import com.google.zxing.BarcodeFormat
import com.google.zxing.qrcode.QRCodeWriter
import dev.authenticatorcore.demo.edge.QrReader
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Test

/** Codes in pictures as a camera hands them over: lines padded, some of them light on dark. */
class QrReaderTest {
    private val text = "otpauth://totp/Bank:ana?enrollment_tx_id=abc&base_url=https%3A%2F%2Flogin.bank.example"

    private fun picture(dark: Byte, light: Byte, stride: Int = 512): ByteArray {
        val code = QRCodeWriter().encode(text, BarcodeFormat.QR_CODE, 480, 360)
        return ByteArray(stride * 360) { at -> if (at % stride < 480 && code[at % stride, at / stride]) dark else light }
    }

    @Test
    fun `a code is read, on a light and on a dark screen`() {
        assertEquals(text, QrReader().read(picture(20, -56), 512, 480, 360))
        assertEquals(text, QrReader().read(picture(-56, 20), 512, 480, 360))
    }

    @Test
    fun `a picture without one is none`() = assertNull(QrReader().read(ByteArray(512 * 360), 512, 480, 360))
}
