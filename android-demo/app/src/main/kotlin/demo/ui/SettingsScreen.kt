package dev.authenticatorcore.demo.ui

import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.heightIn
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.selection.selectable
import androidx.compose.foundation.selection.selectableGroup
import androidx.compose.foundation.selection.toggleable
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.RadioButton
import androidx.compose.material3.Surface
import androidx.compose.material3.Switch
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.Role
import androidx.compose.ui.semantics.heading
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.unit.dp
import dev.authenticatorcore.demo.R
import dev.authenticatorcore.demo.state.Diagnosis
import dev.authenticatorcore.demo.state.REVIEW_LANGUAGES
import dev.authenticatorcore.demo.state.SettingsState
import dev.authenticatorcore.demo.state.ShownRow
import java.util.Locale

class SettingsActions(
    val language: (String?) -> Unit = {},
    val biometric: (Boolean) -> Unit = {},
    val diagnose: () -> Unit = {},
)

/** Language of requests, the prompt, and what helps when nothing arrives. */
@Composable
fun SettingsScreen(state: SettingsState, actions: SettingsActions, bottom: @Composable () -> Unit = {}) =
    Screen(stringResource(R.string.settings), bottom = bottom) { padding ->
        Scrolling(padding) {
            state.problem?.let { Banner(R.drawable.ic_error, null, words(it), Tone.BAD) }
            Group {
                val text = stringResource(R.string.settings_biometric)
                Row(
                    Modifier.fillMaxWidth().toggleable(state.biometric, role = Role.Switch, onValueChange = actions.biometric)
                        .heightIn(min = 56.dp).padding(horizontal = 16.dp, vertical = 12.dp),
                    Arrangement.spacedBy(16.dp), Alignment.CenterVertically,
                ) {
                    Column(Modifier.weight(1f)) {
                        Text(text, style = MaterialTheme.typography.bodyLarge)
                        Text(
                            stringResource(R.string.settings_biometric_text),
                            color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyMedium,
                        )
                    }
                    Switch(state.biometric, onCheckedChange = null)
                }
            }
            Heading(stringResource(R.string.settings_diagnostics))
            state.diagnosis?.let { Rows(null, rows(it)) }
            PlainButton(stringResource(R.string.diagnostics_run), Modifier.fillMaxWidth(), onClick = actions.diagnose)
            Heading(stringResource(R.string.settings_language))
            Group {
                Column(Modifier.selectableGroup()) {
                    Choice(stringResource(R.string.settings_system), state.language == null) { actions.language(null) }
                    REVIEW_LANGUAGES.forEach { tag ->
                        val own = Locale.forLanguageTag(tag)
                        Choice(own.getDisplayLanguage(own).replaceFirstChar { it.titlecase(own) }, state.language == tag) { actions.language(tag) }
                    }
                }
            }
        }
    }

@Composable
private fun Heading(text: String) =
    Text(text, Modifier.semantics { heading() }, color = MaterialTheme.colorScheme.primary, style = MaterialTheme.typography.titleMedium)

@Composable
private fun Group(content: @Composable () -> Unit) =
    Surface(Modifier.fillMaxWidth(), MaterialTheme.shapes.large, MaterialTheme.colorScheme.surfaceContainerLow) { content() }

@Composable
private fun Choice(words: String, chosen: Boolean, choose: () -> Unit) = Row(
    Modifier.fillMaxWidth().selectable(chosen, role = Role.RadioButton, onClick = choose).heightIn(min = 52.dp).padding(horizontal = 16.dp),
    Arrangement.spacedBy(16.dp), Alignment.CenterVertically,
) {
    RadioButton(chosen, onClick = null)
    Text(words, style = MaterialTheme.typography.bodyLarge)
}

@Composable
private fun rows(diagnosis: Diagnosis): List<ShownRow> = listOf(
    ShownRow(
        stringResource(R.string.diagnostics_push),
        stringResource(if (diagnosis.notificationsAllowed) R.string.diagnostics_allowed else R.string.diagnostics_blocked),
    ),
    ShownRow(
        stringResource(R.string.diagnostics_last_push),
        diagnosis.lastPush?.let { time(it) } ?: stringResource(R.string.account_never),
    ),
    ShownRow(stringResource(R.string.diagnostics_queued), diagnosis.queued.toString()),
    ShownRow(
        stringResource(R.string.diagnostics_history),
        diagnosis.brokenAt?.let { stringResource(R.string.diagnostics_history_broken, it.toInt()) } ?: stringResource(R.string.diagnostics_history_ok),
    ),
)
