package dev.authenticatorcore.demo.ui

import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import dev.authenticatorcore.ProtectionLevel
import dev.authenticatorcore.demo.R
import dev.authenticatorcore.demo.state.AccountDetails
import dev.authenticatorcore.demo.state.AccountState
import dev.authenticatorcore.demo.state.Removing
import dev.authenticatorcore.demo.state.ShownRow

class AccountActions(
    val remove: () -> Unit = {},
    val removeNow: () -> Unit = {},
    val removeHereOnly: () -> Unit = {},
    val keep: () -> Unit = {},
    val retry: () -> Unit = {},
    val back: () -> Unit = {},
)

/** One account: what protects it, when it was used, and how to remove it. */
@Composable
fun AccountScreen(state: AccountState, actions: AccountActions) = Screen(stringResource(R.string.account_details), actions.back) { padding ->
    when (state) {
        AccountState.Loading -> LoadingFace(padding)
        is AccountState.Failed -> ProblemFace(state.problem, padding, actions.retry)
        AccountState.Removed -> Face(R.drawable.ic_check, stringResource(R.string.account_removed), null, padding, Tone.GOOD) {
            MainButton(stringResource(R.string.close), onClick = actions.back)
        }
        is AccountState.Shown -> when (state.removing) {
            Removing.NO -> Scrolling(padding) {
                Received { Rows(null, rows(state.details)) }
                PlainButton(stringResource(R.string.account_remove), Modifier.fillMaxWidth(), R.drawable.ic_close, onClick = actions.remove)
            }
            Removing.WORKING -> LoadingFace(padding)
            Removing.ASKED -> Face(
                R.drawable.ic_warning, stringResource(R.string.account_remove),
                "${state.details.issuer} · ${state.details.user}\n\n${stringResource(R.string.account_remove_text)}", padding, Tone.BAD,
            ) {
                MainButton(stringResource(R.string.account_remove), Modifier.fillMaxWidth(), onClick = actions.removeNow)
                PlainButton(stringResource(R.string.cancel), Modifier.fillMaxWidth(), onClick = actions.keep)
            }
            Removing.UNREACHABLE -> Face(
                R.drawable.ic_offline, state.problem?.let { words(it) } ?: stringResource(R.string.offline),
                stringResource(R.string.account_remove_local), padding, Tone.CAUTION,
            ) {
                MainButton(stringResource(R.string.retry), Modifier.fillMaxWidth(), onClick = actions.removeNow)
                PlainButton(stringResource(R.string.account_remove_here), Modifier.fillMaxWidth(), onClick = actions.removeHereOnly)
                PlainButton(stringResource(R.string.cancel), Modifier.fillMaxWidth(), onClick = actions.keep)
            }
        }
    }
}

@Composable
private fun rows(details: AccountDetails): List<ShownRow> = listOf(
    ShownRow(stringResource(R.string.account_issuer), details.issuer),
    ShownRow(stringResource(R.string.account_user), details.user),
    ShownRow(stringResource(R.string.account_server), details.server),
    ShownRow(stringResource(R.string.account_added), time(details.addedAt)),
    ShownRow(stringResource(R.string.account_used), details.usedAt?.let { time(it) } ?: stringResource(R.string.account_never)),
    ShownRow(stringResource(R.string.account_key), protection(details.protection)),
    ShownRow(
        stringResource(R.string.settings_biometric),
        stringResource(if (details.approvalThumbprint == null) R.string.no else R.string.yes),
    ),
    ShownRow(stringResource(R.string.account_fingerprint), details.thumbprint.chunked(4).joinToString(" ")),
)

@Composable
private fun protection(level: ProtectionLevel): String = stringResource(
    when (level) {
        ProtectionLevel.SECURE_ELEMENT -> R.string.key_strongbox
        ProtectionLevel.TRUSTED_ENVIRONMENT -> R.string.key_hardware
        ProtectionLevel.SOFTWARE -> R.string.key_software
        ProtectionLevel.UNKNOWN -> R.string.key_unknown
    },
)
