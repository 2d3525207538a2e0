package dev.authenticatorcore.demo

import androidx.compose.ui.graphics.asAndroidBitmap
import androidx.compose.ui.test.captureToImage
import androidx.compose.ui.test.junit4.v2.createAndroidComposeRule
import androidx.compose.ui.test.onNodeWithText
import androidx.compose.ui.test.onRoot
import androidx.compose.ui.test.performClick
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode

@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34])
@GraphicsMode(GraphicsMode.Mode.NATIVE)
class HelloTest {
    @get:Rule val rule = createAndroidComposeRule<MainActivity>()

    @Test fun clicks() {
        rule.onNodeWithText("Authenticator 0").performClick()
        rule.onNodeWithText("Authenticator 1").assertExists()
        val bitmap = rule.onRoot().captureToImage().asAndroidBitmap()
        java.io.File("target/hello.png").outputStream().use { bitmap.compress(android.graphics.Bitmap.CompressFormat.PNG, 100, it) }
    }
}
