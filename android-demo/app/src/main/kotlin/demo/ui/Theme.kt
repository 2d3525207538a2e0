package dev.authenticatorcore.demo.ui

import androidx.compose.foundation.isSystemInDarkTheme
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Typography
import androidx.compose.material3.darkColorScheme
import androidx.compose.material3.lightColorScheme
import androidx.compose.runtime.Composable
import androidx.compose.runtime.CompositionLocalProvider
import androidx.compose.runtime.staticCompositionLocalOf
import androidx.compose.ui.graphics.Color
import androidx.compose.ui.platform.LocalLayoutDirection
import androidx.compose.ui.text.TextStyle
import androidx.compose.ui.text.style.TextAlign
import androidx.compose.ui.text.style.TextDirection
import androidx.compose.ui.unit.LayoutDirection

internal val lightColors = lightColorScheme(
    primary = Color(0xFF2F4F9E), onPrimary = Color.White,
    primaryContainer = Color(0xFFDBE1FF), onPrimaryContainer = Color(0xFF00174B),
    secondary = Color(0xFF585E71), onSecondary = Color.White,
    secondaryContainer = Color(0xFFDDE2F9), onSecondaryContainer = Color(0xFF151B2C),
    tertiary = Color(0xFF28684A), onTertiary = Color.White,
    tertiaryContainer = Color(0xFFC4ECD2), onTertiaryContainer = Color(0xFF002112),
    background = Color(0xFFFAF8FF), onBackground = Color(0xFF1A1B21),
    surface = Color(0xFFFAF8FF), onSurface = Color(0xFF1A1B21),
    surfaceVariant = Color(0xFFE2E2EC), onSurfaceVariant = Color(0xFF45464F),
    surfaceContainerLowest = Color.White, surfaceContainerLow = Color(0xFFF4F3FA), surfaceContainer = Color(0xFFEEEDF4),
    surfaceContainerHigh = Color(0xFFE8E7EF), surfaceContainerHighest = Color(0xFFE3E2E9),
    outline = Color(0xFF757780), outlineVariant = Color(0xFFC6C6D0),
    error = Color(0xFFBA1A1A), onError = Color.White, errorContainer = Color(0xFFFFDAD6), onErrorContainer = Color(0xFF410002),
)

internal val darkColors = darkColorScheme(
    primary = Color(0xFFB3C5FF), onPrimary = Color(0xFF002A78),
    primaryContainer = Color(0xFF2A4290), onPrimaryContainer = Color(0xFFDBE1FF),
    secondary = Color(0xFFC0C6DD), onSecondary = Color(0xFF2A3042),
    secondaryContainer = Color(0xFF404659), onSecondaryContainer = Color(0xFFDDE2F9),
    tertiary = Color(0xFF8FD5AF), onTertiary = Color(0xFF003822),
    tertiaryContainer = Color(0xFF0B5134), onTertiaryContainer = Color(0xFFC4ECD2),
    background = Color(0xFF121318), onBackground = Color(0xFFE3E2E9),
    surface = Color(0xFF121318), onSurface = Color(0xFFE3E2E9),
    surfaceVariant = Color(0xFF45464F), onSurfaceVariant = Color(0xFFC6C6D0),
    surfaceContainerLowest = Color(0xFF0D0E13), surfaceContainerLow = Color(0xFF1A1B21), surfaceContainer = Color(0xFF1E1F25),
    surfaceContainerHigh = Color(0xFF292A2F), surfaceContainerHighest = Color(0xFF33343A),
    outline = Color(0xFF8F909A), outlineVariant = Color(0xFF45464F),
    error = Color(0xFFFFB4AB), onError = Color(0xFF690005), errorContainer = Color(0xFF93000A), onErrorContainer = Color(0xFFFFDAD6),
)

/** What Material has no role for: something to look at twice. */
internal data class CautionColors(val container: Color, val onContainer: Color)

internal val lightCaution = CautionColors(Color(0xFFFFE08D), Color(0xFF251A00))
internal val darkCaution = CautionColors(Color(0xFF5B4300), Color(0xFFFFDF9B))

internal val LocalCaution = staticCompositionLocalOf { CautionColors(Color.Unspecified, Color.Unspecified) }

/**
 * Around what came from a server or from the core: such text keeps its own direction on a screen that reads from right to
 * left. Otherwise `249.00 EUR` would be turned round there, and so would the halves of a one-time code. It begins where all
 * text of the screen begins.
 */
@Composable
internal fun Received(content: @Composable () -> Unit) {
    val side = if (LocalLayoutDirection.current == LayoutDirection.Rtl) TextAlign.Right else TextAlign.Left
    MaterialTheme(typography = MaterialTheme.typography.withOwnDirection(side), content = content)
}

private fun Typography.withOwnDirection(side: TextAlign): Typography {
    fun TextStyle.own() = copy(textDirection = TextDirection.ContentOrLtr, textAlign = side)
    return copy(
        displaySmall = displaySmall.own(), headlineMedium = headlineMedium.own(), headlineSmall = headlineSmall.own(),
        titleLarge = titleLarge.own(), titleMedium = titleMedium.own(), titleSmall = titleSmall.own(),
        bodyLarge = bodyLarge.own(), bodyMedium = bodyMedium.own(), bodySmall = bodySmall.own(),
    )
}

@Composable
fun DemoTheme(darkTheme: Boolean = isSystemInDarkTheme(), content: @Composable () -> Unit) {
    CompositionLocalProvider(LocalCaution provides if (darkTheme) darkCaution else lightCaution) {
        MaterialTheme(colorScheme = if (darkTheme) darkColors else lightColors, content = content)
    }
}
