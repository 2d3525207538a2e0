package dev.authenticatorcore.demo.ui

import androidx.compose.foundation.border
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.size
import androidx.compose.material3.HorizontalDivider
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.material3.TextButton
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.setValue
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.clearAndSetSemantics
import androidx.compose.ui.semantics.contentDescription
import androidx.compose.ui.semantics.heading
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.text.font.FontFamily
import androidx.compose.ui.text.font.FontWeight
import androidx.compose.ui.unit.dp
import dev.authenticatorcore.Mark
import dev.authenticatorcore.ReviewRow
import dev.authenticatorcore.ReviewSection
import dev.authenticatorcore.RowValue
import dev.authenticatorcore.Severity
import dev.authenticatorcore.ShownText
import dev.authenticatorcore.demo.R

/** The requester's words, apart from all that was computed, in letters that can be compared one by one. */
@Composable
internal fun BindingMessage(message: ShownText) {
    var whole by remember(message) { mutableStateOf(false) }
    val text = if (whole) message.full ?: message.shown else message.shown
    val label = stringResource(R.string.review_binding)
    Surface(
        Modifier.fillMaxWidth().border(1.dp, MaterialTheme.colorScheme.outline, MaterialTheme.shapes.medium),
        MaterialTheme.shapes.medium, MaterialTheme.colorScheme.surfaceContainerLowest,
    ) {
        Column(Modifier.padding(16.dp), Arrangement.spacedBy(6.dp)) {
            Column(Modifier.clearAndSetSemantics { contentDescription = "$label: $text" }, Arrangement.spacedBy(6.dp)) {
                Text(label, color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.labelLarge)
                Text(text, fontFamily = FontFamily.Monospace, fontWeight = FontWeight.Medium, style = MaterialTheme.typography.headlineSmall)
            }
            if (message.full != null && !whole) WholeText { whole = true }
        }
    }
}

/** One authorization detail: its heading and its rows, each one element for a screen reader. */
@Composable
internal fun Section(section: ReviewSection) = Column(Modifier.fillMaxWidth()) {
    Text(
        section.title, Modifier.padding(top = 8.dp, bottom = 8.dp).semantics { heading() },
        color = MaterialTheme.colorScheme.primary, style = MaterialTheme.typography.titleMedium,
    )
    Surface(Modifier.fillMaxWidth(), MaterialTheme.shapes.large, MaterialTheme.colorScheme.surfaceContainerLow) {
        Column(Modifier.padding(vertical = 4.dp)) {
            section.rows.forEachIndexed { i, row ->
                if (i > 0) HorizontalDivider(Modifier.padding(horizontal = 16.dp), color = MaterialTheme.colorScheme.outlineVariant)
                RowOf(row)
            }
        }
    }
}

@Composable
private fun RowOf(row: ReviewRow) {
    var whole by remember(row) { mutableStateOf(false) }
    val text = if (whole) row.fullText ?: row.text else row.text
    val label = if (whole) row.fullLabel ?: row.label else row.label
    val help = if (whole) row.fullHelp ?: row.help else row.help
    val spoken = spoken(row, label, text, help)
    Column(Modifier.padding(start = 16.dp + 16.dp * row.indent.toInt().coerceAtMost(6), end = 16.dp)) {
        Column(
            Modifier.fillMaxWidth().padding(vertical = 12.dp).clearAndSetSemantics { contentDescription = spoken },
            Arrangement.spacedBy(2.dp),
        ) {
            Text(label, color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyMedium)
            if (row.value is RowValue.Amount) {
                Text(text, style = MaterialTheme.typography.displaySmall, fontWeight = FontWeight.Medium)
            } else if (text.isNotEmpty()) {
                Text(text, style = MaterialTheme.typography.bodyLarge)
            }
            help?.let { Text(it, color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodySmall) }
            row.marks.forEach { MarkOf(it) }
        }
        if (!whole && (row.fullText ?: row.fullLabel ?: row.fullHelp) != null) WholeText { whole = true }
    }
}

/** What a screen reader says of a row: the amount in words, and each mark with how grave it is. */
@Composable
private fun spoken(row: ReviewRow, label: String, text: String, help: String?): String {
    val value = (row.value as? RowValue.Amount)?.let { spokenAmount(it, locale()) } ?: text
    val marks = row.marks.map { "${severity(it)}: ${it.text}" }
    return (listOf("$label: $value") + listOfNotNull(help) + marks).joinToString(". ")
}

@Composable
private fun severity(mark: Mark): String = stringResource(
    when (mark.severity) {
        Severity.INFO -> R.string.severity_info
        Severity.CAUTION -> R.string.severity_caution
        Severity.DANGER -> R.string.severity_danger
    },
)

@Composable
private fun MarkOf(mark: Mark) {
    val tone = when (mark.severity) {
        Severity.INFO -> Tone.CALM
        Severity.CAUTION -> Tone.CAUTION
        Severity.DANGER -> Tone.BAD
    }
    val symbol = when (mark.severity) {
        Severity.INFO -> R.drawable.ic_info
        Severity.CAUTION -> R.drawable.ic_warning
        Severity.DANGER -> R.drawable.ic_error
    }
    Surface(Modifier.padding(top = 4.dp), MaterialTheme.shapes.small, tone.container(), tone.content()) {
        Row(Modifier.padding(horizontal = 10.dp, vertical = 6.dp), Arrangement.spacedBy(8.dp), Alignment.CenterVertically) {
            Symbol(symbol, modifier = Modifier.size(18.dp))
            Text("${severity(mark)}: ${mark.text}", style = MaterialTheme.typography.bodyMedium)
        }
    }
}

@Composable
private fun WholeText(show: () -> Unit) = TextButton(show) { Text(stringResource(R.string.review_whole_text)) }
