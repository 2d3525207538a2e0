@file:Suppress("ClassName")

package snippets

import android.app.Notification
import dev.authenticatorcore.Authenticator
import dev.authenticatorcore.Challenge

/** What the README's snippets take from the app around them. */
object app {
    suspend fun authenticator(): Authenticator = TODO("compiled only")

    fun notification(challenge: Challenge): Notification = TODO("compiled only, for $challenge")
}
