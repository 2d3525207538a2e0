package dev.authenticatorcore

import android.content.Context
import java.io.File

/**
 * Sets up the platform's certificate checks; call it before [Authenticator.open], a second time does nothing. Where it was
 * forgotten, calls that need the network fail with `tls_unavailable`. Not needed with an [HttpTransport] of your own.
 */
fun Authenticator.Companion.initialize(context: Context) = CertificateChecks.setUp(context.applicationContext)

/** Settings with every default, and the store where no backup reads: its keys never leave this phone. */
fun Config.Companion.at(context: Context): Config {
    val folder = File(context.noBackupFilesDir, "authenticator-core")
    folder.mkdirs()
    return at(File(folder, "store.db").path)
}

internal object CertificateChecks {
    init {
        System.loadLibrary("authenticator")
    }

    @JvmStatic
    external fun setUp(context: Context)
}
