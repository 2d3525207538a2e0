package dev.authenticatorcore.demo.edge

import android.annotation.SuppressLint
import android.content.Context
import android.graphics.ImageFormat
import android.hardware.camera2.CameraAccessException
import android.hardware.camera2.CameraCaptureSession
import android.hardware.camera2.CameraCharacteristics
import android.hardware.camera2.CameraDevice
import android.hardware.camera2.CameraManager
import android.hardware.camera2.CaptureRequest
import android.hardware.camera2.params.OutputConfiguration
import android.hardware.camera2.params.SessionConfiguration
import android.media.ImageReader
import android.os.Handler
import android.os.HandlerThread
import android.view.Surface

/** The camera at the back, onto a surface and into [QrReader]. Thin: which frame holds a code is decided there. */
class QrCamera(private val context: Context, private val found: (String) -> Unit) : AutoCloseable {
    private val thread = HandlerThread("qr").apply { start() }
    private val handler = Handler(thread.looper)
    private val frames = ImageReader.newInstance(WIDTH, HEIGHT, ImageFormat.YUV_420_888, 2)
    private val reader = QrReader()
    private var device: CameraDevice? = null
    private var closed = false

    /** Shows the picture on `preview`. Without a camera, or the permission for it, nothing is shown. */
    @SuppressLint("MissingPermission")
    fun open(preview: Surface) {
        frames.setOnImageAvailableListener({ read() }, handler)
        val manager = context.getSystemService(CameraManager::class.java)
        try {
            val back = manager.cameraIdList.firstOrNull { id ->
                manager.getCameraCharacteristics(id)[CameraCharacteristics.LENS_FACING] == CameraCharacteristics.LENS_FACING_BACK
            } ?: return
            manager.openCamera(back, context.mainExecutor, Opened(preview))
        } catch (_: CameraAccessException) {
        } catch (_: SecurityException) {
        }
    }

    private fun read() = frames.acquireLatestImage()?.use { image ->
        val plane = image.planes[0]
        val bytes = ByteArray(plane.buffer.remaining()).also { plane.buffer.get(it) }
        reader.read(bytes, plane.rowStride, image.width, image.height)?.let { text -> context.mainExecutor.execute { found(text) } }
    }

    private inner class Opened(private val preview: Surface) : CameraDevice.StateCallback() {
        override fun onOpened(camera: CameraDevice) {
            if (closed) return camera.close()
            device = camera
            val outputs = listOf(preview, frames.surface)
            camera.createCaptureSession(
                SessionConfiguration(SessionConfiguration.SESSION_REGULAR, outputs.map(::OutputConfiguration), context.mainExecutor, Configured(camera, outputs)),
            )
        }

        override fun onDisconnected(camera: CameraDevice) = camera.close()
        override fun onError(camera: CameraDevice, error: Int) = camera.close()
    }

    private inner class Configured(private val camera: CameraDevice, private val outputs: List<Surface>) : CameraCaptureSession.StateCallback() {
        override fun onConfigured(session: CameraCaptureSession) {
            val request = camera.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW).apply {
                outputs.forEach(::addTarget)
                set(CaptureRequest.CONTROL_AF_MODE, CaptureRequest.CONTROL_AF_MODE_CONTINUOUS_PICTURE)
            }
            session.setRepeatingRequest(request.build(), null, handler)
        }

        override fun onConfigureFailed(session: CameraCaptureSession) = Unit
    }

    override fun close() {
        closed = true
        device?.close()
        frames.close()
        thread.quitSafely()
    }

    private companion object {
        const val WIDTH = 1280
        const val HEIGHT = 720
    }
}
