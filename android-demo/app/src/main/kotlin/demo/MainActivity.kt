package dev.authenticatorcore.demo

import android.Manifest
import android.content.ClipboardManager
import android.content.Context
import android.content.Intent
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
import androidx.compose.ui.platform.LocalView
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
                DemoUi(session, PlatformActions(::pasted, scan = null, ::askForNotifications))
            }
        }
    }

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
    private fun Guarded(place: Place) {
        val view = LocalView.current
        DisposableEffect(place) {
            if (place.isPrivate) window.addFlags(WindowManager.LayoutParams.FLAG_SECURE)
            else window.clearFlags(WindowManager.LayoutParams.FLAG_SECURE)
            view.filterTouchesWhenObscured = place is Place.Review
            onDispose { }
        }
    }

    private fun pasted(): String? =
        getSystemService(ClipboardManager::class.java).primaryClip?.takeIf { it.itemCount > 0 }?.getItemAt(0)?.coerceToText(this)?.toString()

    private fun askForNotifications() {
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) requestPermissions(arrayOf(Manifest.permission.POST_NOTIFICATIONS), 0)
    }

    /** Outlives a turned phone. */
    internal class Kept : ViewModel() {
        private var session: Session? = null

        fun session(app: DemoApp): Session =
            session ?: Session(app.phone, viewModelScope) { app.notifications.allowed() }.also { session = it }
    }

    companion object {
        private const val CONSOLE = "console"

        fun open(context: Context, id: ChallengeId): Intent = Intent(context, MainActivity::class.java)
            .putExtra(Notifications.CHALLENGE, id.value)
            .addFlags(Intent.FLAG_ACTIVITY_NEW_TASK or Intent.FLAG_ACTIVITY_SINGLE_TOP)
    }
}
