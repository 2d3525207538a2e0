package dev.authenticatorcore.demo.ui

import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.PaddingValues
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.text.selection.SelectionContainer
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedTextField
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.setValue
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.error
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.text.font.FontFamily
import androidx.compose.ui.unit.dp
import dev.authenticatorcore.demo.R
import dev.authenticatorcore.demo.state.EnrolState

class EnrolActions(
    val submit: (String) -> Unit = {},
    val trust: (EnrolState.Trust) -> Unit = {},
    val again: () -> Unit = {},
    val scan: (() -> Unit)? = {},
    val paste: () -> String? = { null },
    val done: () -> Unit = {},
    val back: () -> Unit = {},
)

/** From a code to an account: scan it, paste it or type it. `begun` is what stands in the field when the screen opens. */
@Composable
fun EnrolScreen(state: EnrolState, actions: EnrolActions, begun: String = "") {
    // Here for as long as the screen, so that a slip can be mended; not saved across processes: it is a secret.
    var text by remember { mutableStateOf(begun) }
    Screen(stringResource(R.string.enrol), actions.back) { padding ->
        when (state) {
            is EnrolState.Enter -> Enter(state, text, { text = it }, padding, actions)
            is EnrolState.Trust -> Trust(state, padding, actions)
            EnrolState.Working -> LoadingFace(padding, stringResource(R.string.enrol_working))
            is EnrolState.Done -> Done(state, padding, actions)
        }
    }
}

@Composable
private fun Enter(state: EnrolState.Enter, text: String, change: (String) -> Unit, padding: PaddingValues, actions: EnrolActions) = Scrolling(padding) {
    val problem = state.problem?.let { words(it) }
    Text(stringResource(R.string.accounts_empty_how), color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyLarge)
    actions.scan?.let { MainButton(stringResource(R.string.enrol_scan), Modifier.fillMaxWidth(), R.drawable.ic_scan, onClick = it) }
    PlainButton(stringResource(R.string.enrol_paste), Modifier.fillMaxWidth(), R.drawable.ic_paste) { actions.paste()?.let(change) }
    OutlinedTextField(
        text, change, Modifier.fillMaxWidth().semantics { if (problem != null) error(problem) },
        label = { Text(stringResource(R.string.enrol_field)) },
        isError = problem != null,
        supportingText = problem?.let { { Text(it) } },
        minLines = 2, maxLines = 5,
    )
    MainButton(stringResource(R.string.enrol_continue), Modifier.fillMaxWidth(), enabled = text.isNotBlank()) { actions.submit(text) }
}

@Composable
private fun Trust(state: EnrolState.Trust, padding: PaddingValues, actions: EnrolActions) =
    Face(R.drawable.ic_shield, stringResource(R.string.enrol_trust), null, padding, Tone.CAUTION) {
        Mono(state.host)
        Text(stringResource(R.string.enrol_trust_text), color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyLarge)
        MainButton(stringResource(R.string.enrol_trust_yes), Modifier.fillMaxWidth()) { actions.trust(state) }
        PlainButton(stringResource(R.string.cancel), Modifier.fillMaxWidth(), onClick = actions.again)
    }

@Composable
private fun Done(state: EnrolState.Done, padding: PaddingValues, actions: EnrolActions) = Face(
    R.drawable.ic_check, stringResource(R.string.enrol_done), "${state.issuer}\n${state.user}", padding, Tone.GOOD,
) {
    state.recoveryCode?.let { code ->
        Column(verticalArrangement = Arrangement.spacedBy(8.dp)) {
            Text(stringResource(R.string.recovery_code), style = MaterialTheme.typography.titleMedium)
            SelectionContainer { Mono(code) }
            Text(stringResource(R.string.recovery_code_text), color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyMedium)
        }
    }
    MainButton(stringResource(R.string.close), Modifier.fillMaxWidth(), onClick = actions.done)
}

@Composable
internal fun Mono(text: String, modifier: Modifier = Modifier) =
    Surface(modifier.fillMaxWidth(), MaterialTheme.shapes.medium, MaterialTheme.colorScheme.surfaceContainerHigh) {
        Received { Text(text, Modifier.padding(16.dp), fontFamily = FontFamily.Monospace, style = MaterialTheme.typography.titleMedium) }
    }
