package dev.authenticatorcore.demo.edge

import com.google.zxing.BinaryBitmap
import com.google.zxing.LuminanceSource
import com.google.zxing.PlanarYUVLuminanceSource
import com.google.zxing.ReaderException
import com.google.zxing.common.HybridBinarizer
import com.google.zxing.qrcode.QRCodeReader

/** Finds the text of a QR code in a camera's picture. */
class QrReader {
    private val reader = QRCodeReader()

    /** `luminance` is the Y plane, `stride` the bytes of a line; dark on light, or light on dark as on a dark screen. */
    fun read(luminance: ByteArray, stride: Int, width: Int, height: Int): String? {
        val source = PlanarYUVLuminanceSource(luminance, stride, height, 0, 0, width, height, false)
        return text(source) ?: text(source.invert())
    }

    private fun text(source: LuminanceSource): String? = try {
        reader.decode(BinaryBitmap(HybridBinarizer(source))).text
    } catch (_: ReaderException) {
        null
    } finally {
        reader.reset()
    }
}
