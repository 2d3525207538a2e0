package dev.authenticatorcore.demo.ui

import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.size
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.LiveRegionMode
import androidx.compose.ui.semantics.clearAndSetSemantics
import androidx.compose.ui.semantics.contentDescription
import androidx.compose.ui.semantics.liveRegion
import androidx.compose.ui.unit.dp
import dev.authenticatorcore.demo.R

/** The time left: each second for eyes; for ears a minute, and half a minute and ten seconds before the end. */
@Composable
internal fun TimeLeft(seconds: Int, modifier: Modifier = Modifier, spokenAloud: Boolean = false) {
    val spoken = stringResource(R.string.time_left, spokenTime(seconds))
    val color = if (seconds <= 30) MaterialTheme.colorScheme.error else MaterialTheme.colorScheme.onSurfaceVariant
    Row(
        modifier.clearAndSetSemantics {
            contentDescription = spoken
            if (spokenAloud) liveRegion = LiveRegionMode.Polite
        },
        Arrangement.spacedBy(6.dp), Alignment.CenterVertically,
    ) {
        Symbol(if (seconds <= 30) R.drawable.ic_warning else R.drawable.ic_time, modifier = Modifier.size(18.dp), tint = color)
        Text(stringResource(R.string.time_left, clock(seconds)), color = color, style = MaterialTheme.typography.labelLarge)
    }
}
