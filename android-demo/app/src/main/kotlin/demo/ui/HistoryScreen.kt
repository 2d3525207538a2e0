package dev.authenticatorcore.demo.ui

import androidx.compose.foundation.clickable
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.heightIn
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.size
import androidx.compose.foundation.shape.CircleShape
import androidx.compose.material3.HorizontalDivider
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.clearAndSetSemantics
import androidx.compose.ui.semantics.contentDescription
import androidx.compose.ui.semantics.heading
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.unit.dp
import dev.authenticatorcore.ChallengeId
import dev.authenticatorcore.Decision
import dev.authenticatorcore.Delivery
import dev.authenticatorcore.demo.R
import dev.authenticatorcore.demo.state.HistoryItem
import dev.authenticatorcore.demo.state.HistoryState
import dev.authenticatorcore.demo.state.ShownRow

/** What was answered and what was missed. */
@Composable
fun HistoryScreen(state: HistoryState, open: (ChallengeId) -> Unit, retry: () -> Unit, bottom: @Composable () -> Unit = {}) =
    Screen(stringResource(R.string.history), bottom = bottom) { padding ->
        when (state) {
            HistoryState.Loading -> LoadingFace(padding)
            is HistoryState.Failed -> ProblemFace(state.problem, padding, retry)
            is HistoryState.Shown ->
                if (state.items.isEmpty()) {
                    Face(R.drawable.ic_history, stringResource(R.string.history_empty), null, padding)
                } else {
                    Scrolling(padding) {
                        Surface(shape = MaterialTheme.shapes.large, color = MaterialTheme.colorScheme.surfaceContainerLow) {
                            Column {
                                state.items.forEachIndexed { i, item ->
                                    if (i > 0) HorizontalDivider(Modifier.padding(start = 72.dp), color = MaterialTheme.colorScheme.outlineVariant)
                                    Received { Item(item) { open(item.id) } }
                                }
                            }
                        }
                    }
                }
        }
    }

/** One entry, with its details as they stood on the screen. */
@Composable
fun EntryScreen(item: HistoryItem?, back: () -> Unit) = Screen(stringResource(R.string.history), back) { padding ->
    if (item == null) {
        LoadingFace(padding)
        return@Screen
    }
    Scrolling(padding) {
        val outcome = outcome(item)
        Column(verticalArrangement = Arrangement.spacedBy(6.dp)) {
            Text("${item.issuer} · ${item.user}", color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyLarge)
            if (item.headline.isNotEmpty()) Received { Text(item.headline, Modifier.semantics { heading() }, style = MaterialTheme.typography.headlineMedium) }
        }
        Banner(outcome.symbol, stringResource(outcome.word), listOfNotNull(time(item.at), reason(item)).joinToString("\n"), outcome.tone)
        if (item.personVerified) Banner(R.drawable.ic_key, null, stringResource(R.string.history_person), Tone.CALM)
        val document = item.document
        if (document == null) {
            if (item.decision != null) Text(stringResource(R.string.history_not_reviewed), style = MaterialTheme.typography.bodyLarge)
        } else {
            Text(stringResource(R.string.history_as_shown), Modifier.semantics { heading() }, style = MaterialTheme.typography.titleLarge)
            document.bindingMessage?.let { Mono(it) }
            document.sections.forEach { section -> Received { Rows(section.title, section.rows) } }
        }
    }
}

/** Labelled rows that nothing is decided on. */
@Composable
internal fun Rows(title: String?, rows: List<ShownRow>) = Column(Modifier.fillMaxWidth(), Arrangement.spacedBy(8.dp)) {
    title?.let { Text(it, Modifier.semantics { heading() }, color = MaterialTheme.colorScheme.primary, style = MaterialTheme.typography.titleMedium) }
    Surface(Modifier.fillMaxWidth(), MaterialTheme.shapes.large, MaterialTheme.colorScheme.surfaceContainerLow) {
        Column(Modifier.padding(vertical = 4.dp)) {
            rows.forEachIndexed { i, row ->
                if (i > 0) HorizontalDivider(Modifier.padding(horizontal = 16.dp), color = MaterialTheme.colorScheme.outlineVariant)
                Column(
                    Modifier.fillMaxWidth().padding(horizontal = 16.dp, vertical = 10.dp)
                        .clearAndSetSemantics { contentDescription = "${row.label}: ${row.text}" },
                ) {
                    Text(row.label, color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyMedium)
                    Text(row.text, style = MaterialTheme.typography.bodyLarge)
                }
            }
        }
    }
}

@Composable
private fun Item(item: HistoryItem, open: () -> Unit) {
    val outcome = outcome(item)
    Row(
        Modifier.fillMaxWidth().clickable(onClick = open).heightIn(min = 72.dp).padding(16.dp).semantics(mergeDescendants = true) {},
        Arrangement.spacedBy(16.dp), Alignment.CenterVertically,
    ) {
        Surface(shape = CircleShape, color = outcome.tone.container(), contentColor = outcome.tone.content()) {
            Symbol(outcome.symbol, modifier = Modifier.padding(10.dp).size(20.dp))
        }
        Column(Modifier.weight(1f)) {
            Text(item.headline.ifEmpty { stringResource(R.string.request_from, isolated(item.user)) }, style = MaterialTheme.typography.titleMedium)
            Text(stringResource(outcome.word), style = MaterialTheme.typography.bodyMedium)
            Text("${item.issuer} · ${time(item.at)}", color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodySmall)
        }
    }
}

private class Outcome(val symbol: Int, val word: Int, val tone: Tone)

private fun outcome(item: HistoryItem): Outcome = when {
    item.decision == null -> Outcome(R.drawable.ic_time, R.string.history_missed, Tone.CALM)
    item.delivery == Delivery.REFUSED -> Outcome(R.drawable.ic_warning, R.string.result_refused, Tone.BAD)
    item.delivery == Delivery.UNDELIVERED -> Outcome(R.drawable.ic_warning, R.string.result_undelivered, Tone.BAD)
    item.delivery == Delivery.UNCONFIRMED -> Outcome(R.drawable.ic_warning, R.string.result_unconfirmed, Tone.CAUTION)
    item.delivery == Delivery.QUEUED -> Outcome(R.drawable.ic_offline, R.string.result_queued, Tone.CAUTION)
    item.decision == Decision.APPROVE -> Outcome(R.drawable.ic_check, R.string.result_approved, Tone.GOOD)
    else -> Outcome(R.drawable.ic_close, R.string.result_denied, Tone.CALM)
}

@Composable
private fun reason(item: HistoryItem): String? = when (item.reason) {
    null -> null
    "not_me" -> stringResource(R.string.reason_not_me)
    "wrong_details" -> stringResource(R.string.reason_wrong)
    "changed_mind" -> stringResource(R.string.reason_changed_mind)
    else -> item.reason
}
