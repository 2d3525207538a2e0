package org.rustls.platformverifier

/** What Gradle would generate for the certificate verifier: nobody adds roots to it. */
internal object BuildConfig {
    const val TEST = false
}
