package dev.authenticatorcore.demo

import android.Manifest
import android.content.ClipboardManager
import android.content.Context
import android.content.Intent
import android.content.pm.PackageManager
import android.os.Build
import android.os.Bundle
import android.view.WindowManager
import androidx.activity.ComponentActivity
import androidx.activity.compose.setContent
import androidx.activity.enableEdgeToEdge
import androidx.compose.runtime.Composable
import androidx.compose.runtime.DisposableEffect
import androidx.compose.runtime.collectAsState
import androidx.compose.runtime.getValue
import androidx.lifecycle.ViewModel
import androidx.lifecycle.ViewModelProvider
import androidx.lifecycle.viewModelScope
import dev.authenticatorcore.ChallengeId
import dev.authenticatorcore.demo.push.Notifications
import dev.authenticatorcore.demo.state.Place
import dev.authenticatorcore.demo.state.Session
import dev.authenticatorcore.demo.ui.DemoTheme
import dev.authenticatorcore.demo.ui.DemoUi
import dev.authenticatorcore.demo.ui.PlatformActions

/** The one window. It opens a request that a notification names, and keeps what is private out of screenshots. */
class MainActivity : ComponentActivity() {
    internal lateinit var session: Session
        private set

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        enableEdgeToEdge()
        val app = application as DemoApp
        session = ViewModelProvider(this)[Kept::class.java].session(app)
        if (savedInstanceState == null) follow(intent)
        setContent {
            DemoTheme {
                val places by session.navigator.places.collectAsState()
                Guarded(places.last())
                DemoUi(session, platformActions)
            }
        }
    }

    private val platformActions by lazy {
        PlatformActions(::pasted, packageManager.hasSystemFeature(PackageManager.FEATURE_CAMERA_ANY), ::askForCamera, ::askForNotifications)
    }
    private var granted: (() -> Unit)? = null

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        follow(intent)
    }

    private fun follow(intent: Intent) {
        intent.getStringExtra(Notifications.CHALLENGE)?.let { session.navigator.openRequest(ChallengeId(it)) }
        intent.getStringExtra(CONSOLE)?.let { (application as DemoApp).listenTo(it) }
    }

    /** Neither pictures of what is private, nor taps on a request through something that lies over it. */
    @Composable
    private fun Guarded(place: Place) = DisposableEffect(place) {
        if (place.isPrivate) window.addFlags(WindowManager.LayoutParams.FLAG_SECURE)
        else window.clearFlags(WindowManager.LayoutParams.FLAG_SECURE)
        // On the outermost view: Compose's own takes touches without asking.
        window.decorView.filterTouchesWhenObscured = place is Place.Review
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S) window.setHideOverlayWindows(place is Place.Review)
        onDispose { }
    }

    private fun pasted(): String? =
        getSystemService(ClipboardManager::class.java).primaryClip?.takeIf { it.itemCount > 0 }?.getItemAt(0)?.coerceToText(this)?.toString()

    private fun askForCamera(granted: () -> Unit) {
        if (checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED) return granted()
        this.granted = granted
        requestPermissions(arrayOf(Manifest.permission.CAMERA), FOR_CAMERA)
    }

    override fun onRequestPermissionsResult(requestCode: Int, permissions: Array<String>, grantResults: IntArray) {
        super.onRequestPermissionsResult(requestCode, permissions, grantResults)
        if (requestCode == FOR_CAMERA && grantResults.firstOrNull() == PackageManager.PERMISSION_GRANTED) granted?.invoke()
    }

    private fun askForNotifications() {
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) requestPermissions(arrayOf(Manifest.permission.POST_NOTIFICATIONS), FOR_NOTIFICATIONS)
    }

    /** Outlives a turned phone. */
    internal class Kept : ViewModel() {
        private var session: Session? = null

        fun session(app: DemoApp): Session =
            session ?: Session(app.phone, viewModelScope) { app.notifications.allowed() }.also { session = it }
    }

    companion object {
        private const val CONSOLE = "console"
        private const val FOR_CAMERA = 1
        private const val FOR_NOTIFICATIONS = 2

        fun open(context: Context, id: ChallengeId): Intent = Intent(context, MainActivity::class.java)
            .putExtra(Notifications.CHALLENGE, id.value)
            .addFlags(Intent.FLAG_ACTIVITY_NEW_TASK or Intent.FLAG_ACTIVITY_SINGLE_TOP)
    }
}
