package dev.authenticatorcore.demo

import androidx.compose.material3.ColorScheme
import androidx.compose.ui.graphics.Color
import androidx.compose.ui.graphics.luminance
import dev.authenticatorcore.demo.ui.CautionColors
import dev.authenticatorcore.demo.ui.darkCaution
import dev.authenticatorcore.demo.ui.darkColors
import dev.authenticatorcore.demo.ui.lightCaution
import dev.authenticatorcore.demo.ui.lightColors
import org.junit.Assert.assertEquals
import org.junit.Test

/** Text on whatever it stands on, in both themes: WCAG 2.2 AA, 4.5 to 1. */
class ContrastTest {
    @Test fun light() = assertEquals(emptyList<String>(), weak(lightColors, lightCaution))

    @Test fun dark() = assertEquals(emptyList<String>(), weak(darkColors, darkCaution))

    private fun weak(scheme: ColorScheme, caution: CautionColors): List<String> {
        val grounds = listOf(
            scheme.surface, scheme.surfaceContainerLowest, scheme.surfaceContainerLow, scheme.surfaceContainer, scheme.surfaceContainerHigh,
        )
        val onGround = listOf(scheme.onSurface, scheme.onSurfaceVariant, scheme.primary, scheme.error)
        val pairs = grounds.flatMap { ground -> onGround.map { it to ground } } + listOf(
            scheme.onPrimary to scheme.primary, scheme.onPrimaryContainer to scheme.primaryContainer,
            scheme.onSecondaryContainer to scheme.secondaryContainer, scheme.onTertiaryContainer to scheme.tertiaryContainer,
            scheme.onErrorContainer to scheme.errorContainer, scheme.onError to scheme.error, caution.onContainer to caution.container,
        )
        return pairs.filter { (text, ground) -> contrast(text, ground) < 4.5 }.map { "$it: ${contrast(it.first, it.second)}" }
    }

    private fun contrast(a: Color, b: Color): Double {
        val (dark, light) = listOf(a.luminance(), b.luminance()).sorted()
        return (light + 0.05) / (dark + 0.05)
    }
}
