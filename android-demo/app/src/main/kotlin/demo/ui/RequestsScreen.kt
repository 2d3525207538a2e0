package dev.authenticatorcore.demo.ui

import androidx.compose.foundation.clickable
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.size
import androidx.compose.material3.Card
import androidx.compose.material3.CardDefaults
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.Role
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.unit.dp
import dev.authenticatorcore.ChallengeId
import dev.authenticatorcore.demo.R
import dev.authenticatorcore.demo.state.RequestCard
import dev.authenticatorcore.demo.state.RequestsState

/** The queue of what waits for a person. */
@Composable
fun RequestsScreen(state: RequestsState, open: (ChallengeId) -> Unit, retry: () -> Unit, bottom: @Composable () -> Unit = {}) =
    Screen(stringResource(R.string.requests), bottom = bottom) { padding ->
        when (state) {
            RequestsState.Loading -> LoadingFace(padding)
            is RequestsState.Failed -> ProblemFace(state.problem, padding, retry)
            is RequestsState.Shown ->
                if (state.cards.isEmpty()) {
                    Face(R.drawable.ic_requests, stringResource(R.string.requests_empty), stringResource(R.string.requests_empty_text), padding)
                } else {
                    Scrolling(padding) { state.cards.forEach { Received { RequestCard(it) { open(it.id) } } } }
                }
        }
    }

@Composable
private fun RequestCard(card: RequestCard, open: () -> Unit) = Card(
    Modifier.fillMaxWidth().clickable(onClickLabel = stringResource(R.string.request_review), role = Role.Button, onClick = open)
        .semantics(mergeDescendants = true) {},
    colors = CardDefaults.cardColors(MaterialTheme.colorScheme.surfaceContainerLow),
) {
    Column(Modifier.padding(16.dp), Arrangement.spacedBy(12.dp)) {
        Text("${card.issuer} · ${card.user}", color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyMedium)
        Text(card.headline ?: stringResource(R.string.request_from, isolated(card.user)), style = MaterialTheme.typography.titleLarge)
        val times = @Composable { if (card.times > 1) Chip(stringResource(R.string.request_repeated, card.times)) }
        if (textIsLarge()) {
            TimeLeft(card.secondsLeft)
            times()
        } else {
            Row(Modifier.fillMaxWidth(), Arrangement.spacedBy(8.dp), Alignment.CenterVertically) {
                TimeLeft(card.secondsLeft, Modifier.weight(1f))
                times()
            }
        }
    }
}

@Composable
private fun Chip(words: String) = Surface(color = LocalCaution.current.container, contentColor = LocalCaution.current.onContainer, shape = MaterialTheme.shapes.small) {
    Row(Modifier.padding(horizontal = 10.dp, vertical = 6.dp), Arrangement.spacedBy(6.dp), Alignment.CenterVertically) {
        Symbol(R.drawable.ic_warning, modifier = Modifier.size(16.dp))
        Text(words, style = MaterialTheme.typography.labelLarge)
    }
}
