package dev.authenticatorcore.demo.ui

import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Box
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.PaddingValues
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.navigationBarsPadding
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.widthIn
import androidx.compose.foundation.text.KeyboardOptions
import androidx.compose.material3.CircularProgressIndicator
import androidx.compose.material3.LinearProgressIndicator
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedTextField
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.material3.TextButton
import androidx.compose.runtime.Composable
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.LiveRegionMode
import androidx.compose.ui.semantics.clearAndSetSemantics
import androidx.compose.ui.semantics.contentDescription
import androidx.compose.ui.semantics.heading
import androidx.compose.ui.semantics.liveRegion
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.text.input.KeyboardType
import androidx.compose.ui.unit.dp
import dev.authenticatorcore.Approval
import dev.authenticatorcore.ChallengeId
import dev.authenticatorcore.Confirmation
import dev.authenticatorcore.Decision
import dev.authenticatorcore.Delivery
import dev.authenticatorcore.MarkCode
import dev.authenticatorcore.demo.R
import dev.authenticatorcore.demo.state.Notice
import dev.authenticatorcore.demo.state.Reason
import dev.authenticatorcore.demo.state.ReviewBody
import dev.authenticatorcore.demo.state.ReviewState
import dev.authenticatorcore.demo.state.Step

class ReviewActions(
    val approve: () -> Unit = {},
    val deny: (Reason?) -> Unit = {},
    val type: (String) -> Unit = {},
    val chooseReason: (Boolean) -> Unit = {},
    val renewApprovalKey: () -> Unit = {},
    val retry: () -> Unit = {},
    val next: (ChallengeId) -> Unit = {},
    val enrolAgain: () -> Unit = {},
    val back: () -> Unit = {},
)

/** One request, in whatever state it is. */
@Composable
fun ReviewScreen(state: ReviewState, actions: ReviewActions) {
    val body = state.body
    val title = stringResource(if (body is ReviewBody.Asked || body is ReviewBody.Loading) R.string.review else R.string.requests)
    // Large text leaves no room for both: the answers then follow what is to be read.
    val below = textIsLarge()
    Screen(title, actions.back, bottom = { if (body is ReviewBody.Asked && !below) Answers(body, actions) }) { padding ->
        when (body) {
            ReviewBody.Loading -> LoadingFace(padding)
            is ReviewBody.Failed -> Failed(body, padding, actions)
            is ReviewBody.Asked -> Scrolling(padding) {
                Received { Asked(body, state) }
                if (below) Answers(body, actions)
            }
            ReviewBody.Expired -> Over(R.drawable.ic_time, R.string.expired, R.string.expired_text, Tone.CALM, padding, state, actions)
            ReviewBody.AnsweredElsewhere ->
                Over(R.drawable.ic_devices, R.string.answered_elsewhere, R.string.answered_elsewhere_text, Tone.CALM, padding, state, actions)
            ReviewBody.KeyLost -> Face(R.drawable.ic_key, stringResource(R.string.key_lost), stringResource(R.string.key_lost_text), padding, Tone.BAD) {
                MainButton(stringResource(R.string.key_lost_add), Modifier.fillMaxWidth(), onClick = actions.enrolAgain)
                PlainButton(stringResource(R.string.close), Modifier.fillMaxWidth(), onClick = actions.back)
            }
            is ReviewBody.Done -> Result(body, padding, state, actions)
        }
    }
}

@Composable
private fun Failed(body: ReviewBody.Failed, padding: PaddingValues, actions: ReviewActions) {
    val offline = body.problem.retry
    Face(
        if (offline) R.drawable.ic_offline else R.drawable.ic_error,
        if (offline) stringResource(R.string.offline) else words(body.problem),
        stringResource(R.string.offline_text), padding, if (offline) Tone.CAUTION else Tone.BAD,
    ) {
        MainButton(stringResource(R.string.retry), Modifier.fillMaxWidth(), onClick = actions.retry)
        PlainButton(stringResource(R.string.deny), Modifier.fillMaxWidth(), R.drawable.ic_close) { actions.deny(null) }
    }
}

@Composable
private fun Asked(body: ReviewBody.Asked, state: ReviewState) = Column(verticalArrangement = Arrangement.spacedBy(16.dp)) {
    val review = body.review
    body.notice?.let { Said(it) }
    Column(verticalArrangement = Arrangement.spacedBy(8.dp)) {
        Text(
            "${review.account.issuer} · ${review.account.user}",
            color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyLarge,
        )
        Text(review.headline, Modifier.semantics { heading() }, style = MaterialTheme.typography.headlineMedium)
        state.secondsLeft?.let { TimeLeft(it, spokenAloud = true) }
    }
    val blocked = (review.approval as? Approval.Blocked)?.text
    blocked?.let { Banner(R.drawable.ic_error, stringResource(R.string.deny_only), it, Tone.BAD) }
    review.marks.filter { it.text != blocked }.forEach { Sign(it.severity, it.text) }
    review.bindingMessage?.let { BindingMessage(it) }
    review.sections.forEach { Section(it) }
    Text(
        stringResource(R.string.review_program_unknown),
        Modifier.padding(bottom = 8.dp), color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyMedium,
    )
}

@Composable
private fun Said(notice: Notice) {
    val (text, tone) = when (notice) {
        Notice.PROMPT_CANCELLED -> R.string.prompt_cancelled to Tone.CALM
        Notice.PROMPT_LOCKED -> R.string.prompt_locked to Tone.CAUTION
        Notice.PROMPT_UNAVAILABLE -> R.string.prompt_unavailable to Tone.CAUTION
        Notice.CONFIRMATION_WRONG -> R.string.confirm_wrong to Tone.CAUTION
        Notice.APPROVAL_KEY_LOST -> R.string.approval_key_lost to Tone.CAUTION
        Notice.CHANGED -> R.string.review_changed to Tone.CAUTION
    }
    Banner(
        if (tone == Tone.CALM) R.drawable.ic_info else R.drawable.ic_warning, null, stringResource(text), tone,
        Modifier.semantics { liveRegion = LiveRegionMode.Assertive },
    )
}

/** What stays at the bottom: the answers, of equal weight, and what an approval needs first. */
@Composable
private fun Answers(body: ReviewBody.Asked, actions: ReviewActions) = Surface(color = MaterialTheme.colorScheme.surfaceContainer, shadowElevation = 3.dp) {
    Box(Modifier.fillMaxWidth().navigationBarsPadding(), Alignment.TopCenter) {
        Column(
            Modifier.widthIn(max = READING_WIDTH).fillMaxWidth().padding(start = 16.dp, end = 16.dp, top = 12.dp, bottom = 8.dp),
            Arrangement.spacedBy(8.dp),
        ) {
            when {
                body.step == Step.SENDING -> Sending()
                body.choosingReason -> Reasons(actions)
                else -> Buttons(body, actions)
            }
        }
    }
}

@Composable
private fun Sending() {
    LinearProgressIndicator(Modifier.fillMaxWidth().clearAndSetSemantics {})
    Text(
        stringResource(R.string.sending),
        Modifier.padding(vertical = 16.dp).semantics { liveRegion = LiveRegionMode.Polite }, style = MaterialTheme.typography.bodyLarge,
    )
}

@Composable
private fun Reasons(actions: ReviewActions) {
    Text(stringResource(R.string.reason), Modifier.semantics { heading() }, style = MaterialTheme.typography.titleMedium)
    val words = mapOf(
        Reason.NOT_ME to R.string.reason_not_me,
        Reason.WRONG_DETAILS to R.string.reason_wrong,
        Reason.CHANGED_MIND to R.string.reason_changed_mind,
    )
    words.forEach { (reason, text) -> PlainButton(stringResource(text), Modifier.fillMaxWidth()) { actions.deny(reason) } }
    TextButton({ actions.chooseReason(false) }, Modifier.fillMaxWidth()) { Text(stringResource(R.string.cancel)) }
}

@Composable
private fun Buttons(body: ReviewBody.Asked, actions: ReviewActions) {
    val approval = body.review.approval
    val free = body.step == Step.READING
    (approval as? Approval.NeedsConfirmation)?.let { Typed(it.confirmation, body, actions) }
    val deny = stringResource(R.string.deny)
    when {
        approval is Approval.Blocked -> {
            if (approval.reason == MarkCode.DETAILS_UNAVAILABLE) PlainButton(stringResource(R.string.retry), Modifier.fillMaxWidth(), onClick = actions.retry)
            AnswerButton(deny, Modifier.fillMaxWidth(), R.drawable.ic_close, free) { actions.deny(null) }
        }
        body.notice == Notice.APPROVAL_KEY_LOST -> {
            PlainButton(stringResource(R.string.approval_key_renew), Modifier.fillMaxWidth(), R.drawable.ic_key, free, actions.renewApprovalKey)
            AnswerButton(deny, Modifier.fillMaxWidth(), R.drawable.ic_close, free) { actions.deny(null) }
        }
        else -> SideBySide(
            { AnswerButton(deny, it, R.drawable.ic_close, free) { actions.deny(null) } },
            {
                val typed = approval !is Approval.NeedsConfirmation || body.typed.isNotBlank()
                AnswerButton(stringResource(R.string.approve), it, R.drawable.ic_check, free && typed, actions.approve)
            },
        )
    }
    TextButton({ actions.chooseReason(true) }, Modifier.fillMaxWidth(), free) { Text(stringResource(R.string.not_me)) }
}

@Composable
private fun Typed(confirmation: Confirmation, body: ReviewBody.Asked, actions: ReviewActions) {
    val prompt = when (confirmation) {
        is Confirmation.AmountDigits -> confirmation.prompt
        is Confirmation.Number -> confirmation.prompt
    }
    Text(prompt, Modifier.clearAndSetSemantics {}, style = MaterialTheme.typography.bodyLarge)
    OutlinedTextField(
        body.typed, actions.type, Modifier.fillMaxWidth().semantics { contentDescription = prompt },
        singleLine = true,
        isError = body.notice == Notice.CONFIRMATION_WRONG,
        keyboardOptions = KeyboardOptions(keyboardType = KeyboardType.Number),
    )
}

@Composable
private fun Result(body: ReviewBody.Done, padding: PaddingValues, state: ReviewState, actions: ReviewActions) {
    val counts = body.delivery == Delivery.DELIVERED || body.delivery == Delivery.QUEUED
    val text = when (body.delivery) {
        Delivery.DELIVERED -> R.string.result_delivered
        Delivery.QUEUED -> R.string.result_queued
        Delivery.UNDELIVERED -> R.string.result_undelivered
        Delivery.UNCONFIRMED -> R.string.result_unconfirmed
        Delivery.REFUSED -> R.string.result_refused
    }
    val title = when {
        !counts -> R.string.result_not_sure
        body.decision == Decision.APPROVE -> R.string.result_approved
        else -> R.string.result_denied
    }
    val symbol = when {
        !counts -> R.drawable.ic_warning
        body.delivery == Delivery.QUEUED -> R.drawable.ic_offline
        body.decision == Decision.APPROVE -> R.drawable.ic_check
        else -> R.drawable.ic_close
    }
    val tone = when {
        !counts -> Tone.BAD
        body.delivery == Delivery.QUEUED -> Tone.CAUTION
        body.decision == Decision.APPROVE -> Tone.GOOD
        else -> Tone.CALM
    }
    val more = if (body.notMe && counts) "\n" + stringResource(R.string.result_not_me) else ""
    Face(symbol, stringResource(title), stringResource(text) + more, padding, tone) {
        if (body.delivery == Delivery.QUEUED) CircularProgressIndicator(Modifier.clearAndSetSemantics {})
        Onward(state, actions)
    }
}

@Composable
private fun Over(symbol: Int, title: Int, text: Int, tone: Tone, padding: PaddingValues, state: ReviewState, actions: ReviewActions) =
    Face(symbol, stringResource(title), stringResource(text), padding, tone) { Onward(state, actions) }

/** Where several wait: the next one; else back. */
@Composable
private fun Onward(state: ReviewState, actions: ReviewActions) {
    state.next?.let { next ->
        MainButton(stringResource(R.string.queue_more, state.more), Modifier.fillMaxWidth(), R.drawable.ic_next) { actions.next(next) }
    }
    PlainButton(stringResource(R.string.close), Modifier.fillMaxWidth(), onClick = actions.back)
}
