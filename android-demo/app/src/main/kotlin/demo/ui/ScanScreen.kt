package dev.authenticatorcore.demo.ui

import android.view.SurfaceHolder
import android.view.SurfaceView
import androidx.compose.foundation.layout.aspectRatio
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.DisposableEffect
import androidx.compose.runtime.remember
import androidx.compose.ui.Modifier
import androidx.compose.ui.draw.clip
import androidx.compose.ui.platform.LocalContext
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.viewinterop.AndroidView
import dev.authenticatorcore.demo.R
import dev.authenticatorcore.demo.edge.QrCamera

/** The camera's picture, until there is a code in it. */
@Composable
fun ScanScreen(found: (String) -> Unit, back: () -> Unit) = Screen(stringResource(R.string.enrol_scan), back) { padding ->
    val context = LocalContext.current
    val camera = remember {
        var first = true
        QrCamera(context) { text ->
            if (first) {
                first = false
                found(text)
            }
        }
    }
    DisposableEffect(camera) { onDispose { camera.close() } }
    Scrolling(padding) {
        AndroidView(
            { SurfaceView(it).apply { holder.addCallback(Ready { surface -> camera.open(surface.surface) }) } },
            Modifier.fillMaxWidth().aspectRatio(9f / 16f).clip(MaterialTheme.shapes.large),
        )
        Text(stringResource(R.string.accounts_empty_how), color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyLarge)
    }
}

private class Ready(private val ready: (SurfaceHolder) -> Unit) : SurfaceHolder.Callback {
    override fun surfaceCreated(holder: SurfaceHolder) {
        holder.setFixedSize(1280, 720)
        ready(holder)
    }

    override fun surfaceChanged(holder: SurfaceHolder, format: Int, width: Int, height: Int) = Unit
    override fun surfaceDestroyed(holder: SurfaceHolder) = Unit
}
