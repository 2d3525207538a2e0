package dev.authenticatorcore.demo.ui

import androidx.compose.foundation.clickable
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.PaddingValues
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.Spacer
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.height
import androidx.compose.foundation.layout.heightIn
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.size
import androidx.compose.foundation.shape.CircleShape
import androidx.compose.material3.Card
import androidx.compose.material3.CardDefaults
import androidx.compose.material3.CircularProgressIndicator
import androidx.compose.material3.ExtendedFloatingActionButton
import androidx.compose.material3.HorizontalDivider
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.material3.TextButton
import androidx.compose.runtime.Composable
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.clearAndSetSemantics
import androidx.compose.ui.semantics.contentDescription
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.text.font.FontFamily
import androidx.compose.ui.text.style.TextOverflow
import androidx.compose.ui.unit.dp
import dev.authenticatorcore.EnrollmentId
import dev.authenticatorcore.demo.R
import dev.authenticatorcore.demo.state.AccountCard
import dev.authenticatorcore.demo.state.AccountsState
import dev.authenticatorcore.demo.state.Code
import dev.authenticatorcore.demo.state.Problem

class AccountsActions(
    val add: () -> Unit = {},
    val open: (EnrollmentId) -> Unit = {},
    val showCode: (EnrollmentId) -> Unit = {},
    val hideCode: (EnrollmentId) -> Unit = {},
    val retry: () -> Unit = {},
    val repair: () -> Unit = {},
)

/** The accounts on this phone. */
@Composable
fun AccountsScreen(state: AccountsState, actions: AccountsActions, bottom: @Composable () -> Unit = {}) = Screen(
    stringResource(R.string.accounts),
    bottom = bottom,
    action = {
        if (state is AccountsState.Shown && state.accounts.isNotEmpty()) {
            ExtendedFloatingActionButton(
                // Material hides the text from screen readers and speaks the symbol.
                { Text(stringResource(R.string.account_add)) }, { Symbol(R.drawable.ic_add, stringResource(R.string.account_add)) }, actions.add,
            )
        }
    },
) { padding ->
    when (state) {
        AccountsState.Loading -> LoadingFace(padding)
        is AccountsState.Failed -> Failed(state.problem, padding, actions)
        is AccountsState.Shown -> if (state.accounts.isEmpty()) Empty(padding, actions) else Cards(state.accounts, padding, actions)
    }
}

@Composable
private fun Empty(padding: PaddingValues, actions: AccountsActions) =
    Face(R.drawable.ic_shield, stringResource(R.string.accounts_empty), stringResource(R.string.accounts_empty_how), padding) {
        MainButton(stringResource(R.string.account_add), symbol = R.drawable.ic_add, onClick = actions.add)
    }

@Composable
private fun Failed(problem: Problem, padding: PaddingValues, actions: AccountsActions) {
    if (problem.what == Problem.What.KEY_LOST || problem.what == Problem.What.STORE_LOST) {
        Face(R.drawable.ic_key, stringResource(R.string.store_lost), stringResource(R.string.store_lost_text), padding, Tone.BAD) {
            MainButton(stringResource(R.string.store_repair), onClick = actions.repair)
        }
    } else {
        ProblemFace(problem, padding, actions.retry)
    }
}

@Composable
private fun Cards(accounts: List<AccountCard>, padding: PaddingValues, actions: AccountsActions) = Scrolling(padding) {
    accounts.forEach { account ->
        Card(colors = CardDefaults.cardColors(MaterialTheme.colorScheme.surfaceContainerLow), modifier = Modifier.fillMaxWidth()) {
            val details = stringResource(R.string.account_details)
            Row(
                Modifier.fillMaxWidth().clickable(onClickLabel = details) { actions.open(account.id) }
                    .heightIn(min = 72.dp).padding(16.dp).semantics(mergeDescendants = true) {},
                Arrangement.spacedBy(16.dp), Alignment.CenterVertically,
            ) {
                Initial(account.issuer)
                Column(Modifier.weight(1f)) {
                    Text(account.issuer, style = MaterialTheme.typography.titleMedium)
                    Text(account.user, color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyMedium)
                }
                Symbol(R.drawable.ic_next, tint = MaterialTheme.colorScheme.onSurfaceVariant)
            }
            if (account.keyLost) {
                Column(Modifier.padding(start = 16.dp, end = 16.dp, bottom = 12.dp), Arrangement.spacedBy(8.dp)) {
                    Banner(R.drawable.ic_key, stringResource(R.string.key_lost), stringResource(R.string.key_lost_text), Tone.BAD)
                    PlainButton(stringResource(R.string.key_lost_add), Modifier.fillMaxWidth(), onClick = actions.add)
                }
            }
            if (account.hasCode) {
                HorizontalDivider(color = MaterialTheme.colorScheme.outlineVariant)
                OneTimeCode(account.code, { actions.showCode(account.id) }, { actions.hideCode(account.id) })
            }
        }
    }
    // What the button over the list would hide.
    Spacer(Modifier.height(72.dp))
}

@Composable
private fun OneTimeCode(code: Code?, show: () -> Unit, hide: () -> Unit) = Row(
    Modifier.fillMaxWidth().heightIn(min = 56.dp).padding(start = 16.dp, end = 8.dp),
    Arrangement.spacedBy(12.dp), Alignment.CenterVertically,
) {
    val name = stringResource(R.string.account_code)
    if (code == null) {
        Text(name, Modifier.weight(1f), color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyMedium)
        TextButton(show) { Text(stringResource(R.string.account_code_show)) }
    } else {
        val left = stringResource(R.string.account_code_left, code.secondsLeft)
        Column(
            Modifier.weight(1f).padding(vertical = 8.dp)
                // Digit by digit, not "two hundred thousand".
                .clearAndSetSemantics { contentDescription = "$name: ${code.digits.toList().joinToString(" ")}. $left" },
        ) {
            Received {
                Text(
                    code.digits.chunked(3).joinToString(" "),
                    color = MaterialTheme.colorScheme.primary, fontFamily = FontFamily.Monospace, style = MaterialTheme.typography.headlineMedium,
                )
            }
            Text(left, color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodySmall)
        }
        if (!textIsLarge()) {
            CircularProgressIndicator(
                { code.secondsLeft.toFloat() / code.period }, Modifier.size(28.dp).clearAndSetSemantics {}, strokeWidth = 4.dp,
            )
        }
        TextButton(hide) { Text(stringResource(R.string.close)) }
    }
}

@Composable
internal fun Initial(name: String) = Surface(
    Modifier.size(40.dp).clearAndSetSemantics {}, CircleShape, MaterialTheme.colorScheme.primaryContainer, MaterialTheme.colorScheme.onPrimaryContainer,
) {
    Column(Modifier, Arrangement.Center, Alignment.CenterHorizontally) {
        // As large as its circle, whatever the size of text.
        Text(name.take(1).uppercase(), maxLines = 1, overflow = TextOverflow.Clip, style = MaterialTheme.typography.titleMedium)
    }
}
