package dev.authenticatorcore.demo

import dev.authenticatorcore.Authenticator
import dev.authenticatorcore.Config
import dev.authenticatorcore.Device
import dev.authenticatorcore.DialectName
import dev.authenticatorcore.JcaKeyStore
import dev.authenticatorcore.Pkcs12Keys
import dev.authenticatorcore.PushService
import dev.authenticatorcore.PushToken
import dev.authenticatorcore.SecretText
import dev.authenticatorcore.Server
import dev.authenticatorcore.approve
import dev.authenticatorcore.at
import dev.authenticatorcore.receivePush
import java.nio.file.Files
import java.nio.file.Path
import kotlinx.coroutines.runBlocking

/** What `apk/shrunk` runs on what R8 has left of the library: an account, a push, an approval. */
object ShrunkApp {
    @JvmStatic
    fun main(arguments: Array<String>) = runBlocking {
        val (origin, rootFile, invitation) = arguments
        val folder = Files.createTempDirectory("shrunk")
        val keys = JcaKeyStore(Pkcs12Keys(folder.resolve("keys.p12"), "test".toCharArray()))
        val config = Config.at(folder.resolve("store.db").toString())
            .copy(servers = listOf(Server("sandbox", origin, DialectName.GUARDIAN)), extraRootPem = Files.readString(Path.of(rootFile)))
        Authenticator.open(config, keys).use { core ->
            core.enroll(invitation, null, Device("Shrunk", push = PushToken(PushService.FCM, SecretText("shrunk"))))
            println("enrolled")
            val challenge = core.receivePush(readln())
            println(core.approve(core.review(challenge.id)).delivery)
        }
        folder.toFile().deleteRecursively()
        Unit
    }
}
