package dev.authenticatorcore.demo.ui

import androidx.annotation.DrawableRes
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Box
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.ColumnScope
import androidx.compose.foundation.layout.PaddingValues
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.Spacer
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.heightIn
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.size
import androidx.compose.foundation.layout.width
import androidx.compose.foundation.layout.widthIn
import androidx.compose.foundation.rememberScrollState
import androidx.compose.foundation.shape.CircleShape
import androidx.compose.foundation.verticalScroll
import androidx.compose.material3.Button
import androidx.compose.material3.CircularProgressIndicator
import androidx.compose.material3.ExperimentalMaterial3Api
import androidx.compose.material3.FilledTonalButton
import androidx.compose.material3.Icon
import androidx.compose.material3.IconButton
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedButton
import androidx.compose.material3.Scaffold
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.material3.TopAppBar
import androidx.compose.runtime.Composable
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.graphics.Color
import androidx.compose.ui.platform.LocalDensity
import androidx.compose.ui.res.painterResource
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.LiveRegionMode
import androidx.compose.ui.semantics.clearAndSetSemantics
import androidx.compose.ui.semantics.contentDescription
import androidx.compose.ui.semantics.heading
import androidx.compose.ui.semantics.liveRegion
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.text.style.TextAlign
import androidx.compose.ui.unit.Dp
import androidx.compose.ui.unit.dp
import dev.authenticatorcore.Severity
import dev.authenticatorcore.demo.R
import dev.authenticatorcore.demo.state.Problem

/** Nothing is wider than a person reads comfortably, on a tablet too. */
internal val READING_WIDTH: Dp = 640.dp

/** A screen of its own: title, a way back, and what sits at the bottom whatever is scrolled. */
@OptIn(ExperimentalMaterial3Api::class)
@Composable
internal fun Screen(
    title: String,
    back: (() -> Unit)? = null,
    bottom: @Composable () -> Unit = {},
    action: @Composable () -> Unit = {},
    content: @Composable (PaddingValues) -> Unit,
) = Scaffold(
    topBar = {
        TopAppBar(
            title = { Text(title, Modifier.semantics { heading() }) },
            navigationIcon = {
                if (back != null) IconButton(onClick = back) { Symbol(R.drawable.ic_back, stringResource(R.string.back)) }
            },
        )
    },
    bottomBar = bottom,
    floatingActionButton = action,
    content = content,
)

/** Contents that scroll, in the middle of a wide window. */
@Composable
internal fun Scrolling(padding: PaddingValues, content: @Composable ColumnScope.() -> Unit) =
    Box(Modifier.padding(padding).fillMaxSize(), Alignment.TopCenter) {
        Column(
            Modifier.widthIn(max = READING_WIDTH).fillMaxSize().verticalScroll(rememberScrollState())
                .padding(horizontal = 16.dp, vertical = 8.dp),
            Arrangement.spacedBy(16.dp),
            content = content,
        )
    }

@Composable
internal fun Symbol(@DrawableRes id: Int, description: String? = null, modifier: Modifier = Modifier, tint: Color? = null) =
    if (tint == null) Icon(painterResource(id), description, modifier) else Icon(painterResource(id), description, modifier, tint)

/** A face that fills the screen: a symbol, what is the matter, what to do. */
@Composable
internal fun Face(
    @DrawableRes symbol: Int,
    title: String,
    text: String?,
    padding: PaddingValues = PaddingValues(),
    tone: Tone = Tone.CALM,
    buttons: @Composable ColumnScope.() -> Unit = {},
) = Box(Modifier.padding(padding).fillMaxSize(), Alignment.Center) {
    Column(
        Modifier.widthIn(max = 420.dp).verticalScroll(rememberScrollState()).padding(32.dp),
        Arrangement.spacedBy(12.dp),
        Alignment.CenterHorizontally,
    ) {
        Surface(shape = CircleShape, color = tone.container(), contentColor = tone.content()) {
            Symbol(symbol, modifier = Modifier.padding(20.dp).size(36.dp))
        }
        Spacer(Modifier.size(4.dp))
        Column(
            Modifier.semantics(mergeDescendants = true) { liveRegion = LiveRegionMode.Polite },
            Arrangement.spacedBy(8.dp), Alignment.CenterHorizontally,
        ) {
            Text(title, Modifier.semantics { heading() }, style = MaterialTheme.typography.headlineSmall, textAlign = TextAlign.Center)
            text?.let {
                Text(it, color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyLarge, textAlign = TextAlign.Center)
            }
        }
        Spacer(Modifier.size(4.dp))
        buttons()
    }
}

internal enum class Tone { CALM, GOOD, CAUTION, BAD }

@Composable
internal fun Tone.container(): Color = when (this) {
    Tone.CALM -> MaterialTheme.colorScheme.secondaryContainer
    Tone.GOOD -> MaterialTheme.colorScheme.tertiaryContainer
    Tone.CAUTION -> LocalCaution.current.container
    Tone.BAD -> MaterialTheme.colorScheme.errorContainer
}

@Composable
internal fun Tone.content(): Color = when (this) {
    Tone.CALM -> MaterialTheme.colorScheme.onSecondaryContainer
    Tone.GOOD -> MaterialTheme.colorScheme.onTertiaryContainer
    Tone.CAUTION -> LocalCaution.current.onContainer
    Tone.BAD -> MaterialTheme.colorScheme.onErrorContainer
}

@Composable
internal fun LoadingFace(padding: PaddingValues = PaddingValues(), words: String = stringResource(R.string.loading)) =
    Box(Modifier.padding(padding).fillMaxSize().padding(32.dp), Alignment.Center) {
        Column(
            Modifier.semantics(mergeDescendants = true) { liveRegion = LiveRegionMode.Polite },
            Arrangement.spacedBy(20.dp), Alignment.CenterHorizontally,
        ) {
            CircularProgressIndicator()
            Text(words, style = MaterialTheme.typography.bodyLarge, textAlign = TextAlign.Center)
        }
    }

@Composable
internal fun ProblemFace(problem: Problem, padding: PaddingValues, retry: (() -> Unit)?) = Face(
    if (problem.what == Problem.What.OFFLINE) R.drawable.ic_offline else R.drawable.ic_error,
    words(problem), null, padding, if (problem.retry) Tone.CAUTION else Tone.BAD,
) {
    if (retry != null) Button(onClick = retry) { Text(stringResource(R.string.retry)) }
}

/** A sentence that wants attention, with the symbol and the word for how much: colour only repeats it. */
@Composable
internal fun Sign(severity: Severity, text: String, modifier: Modifier = Modifier) {
    val tone = when (severity) {
        Severity.INFO -> Tone.CALM
        Severity.CAUTION -> Tone.CAUTION
        Severity.DANGER -> Tone.BAD
    }
    val word = stringResource(
        when (severity) {
            Severity.INFO -> R.string.severity_info
            Severity.CAUTION -> R.string.severity_caution
            Severity.DANGER -> R.string.severity_danger
        },
    )
    val symbol = when (severity) {
        Severity.INFO -> R.drawable.ic_info
        Severity.CAUTION -> R.drawable.ic_warning
        Severity.DANGER -> R.drawable.ic_error
    }
    Banner(symbol, word, text, tone, modifier)
}

@Composable
internal fun Banner(@DrawableRes symbol: Int, word: String?, text: String, tone: Tone, modifier: Modifier = Modifier) {
    val whole = listOfNotNull(word, text).joinToString(": ")
    Surface(
        modifier.fillMaxWidth().clearAndSetSemantics { contentDescription = whole },
        MaterialTheme.shapes.medium, tone.container(), tone.content(),
    ) {
        Row(Modifier.padding(horizontal = 14.dp, vertical = 12.dp), Arrangement.spacedBy(12.dp)) {
            Symbol(symbol, modifier = Modifier.size(22.dp))
            Column {
                word?.let { Text(it, style = MaterialTheme.typography.labelLarge) }
                Text(text, style = MaterialTheme.typography.bodyMedium)
            }
        }
    }
}

/** Whether there is no room to put things beside each other, or to keep them in view while the rest scrolls. */
@Composable
internal fun textIsLarge(): Boolean = LocalDensity.current.fontScale > 1.4f

/** Two buttons of the same weight: side by side, one above the other where the text is large. */
@Composable
internal fun SideBySide(first: @Composable (Modifier) -> Unit, second: @Composable (Modifier) -> Unit) {
    if (textIsLarge()) {
        Column(verticalArrangement = Arrangement.spacedBy(8.dp)) {
            first(Modifier.fillMaxWidth())
            second(Modifier.fillMaxWidth())
        }
    } else {
        Row(horizontalArrangement = Arrangement.spacedBy(12.dp)) {
            first(Modifier.weight(1f))
            second(Modifier.weight(1f))
        }
    }
}

@Composable
internal fun PlainButton(words: String, modifier: Modifier = Modifier, @DrawableRes symbol: Int? = null, enabled: Boolean = true, onClick: () -> Unit) =
    OutlinedButton(onClick, modifier.heightIn(min = 52.dp), enabled) { Label(words, symbol) }

/** One of the two answers: both look the same. */
@Composable
internal fun AnswerButton(words: String, modifier: Modifier, @DrawableRes symbol: Int, enabled: Boolean, onClick: () -> Unit) =
    FilledTonalButton(onClick, modifier.heightIn(min = 56.dp), enabled) { Label(words, symbol) }

@Composable
internal fun MainButton(words: String, modifier: Modifier = Modifier, @DrawableRes symbol: Int? = null, enabled: Boolean = true, onClick: () -> Unit) =
    Button(onClick, modifier.heightIn(min = 52.dp), enabled) { Label(words, symbol) }

@Composable
private fun Label(words: String, symbol: Int?) {
    symbol?.let {
        Symbol(it, modifier = Modifier.size(20.dp))
        Spacer(Modifier.width(8.dp))
    }
    Text(words, textAlign = TextAlign.Center)
}
