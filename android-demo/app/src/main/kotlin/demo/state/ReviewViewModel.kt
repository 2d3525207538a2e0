package dev.authenticatorcore.demo.state

import dev.authenticatorcore.AuthenticatorException
import dev.authenticatorcore.AuthenticatorInterface
import dev.authenticatorcore.ChallengeId
import dev.authenticatorcore.Decision
import dev.authenticatorcore.Delivery
import dev.authenticatorcore.EnrollmentId
import dev.authenticatorcore.ErrorCode
import dev.authenticatorcore.KeyStoreException
import dev.authenticatorcore.Receipt
import dev.authenticatorcore.Review
import dev.authenticatorcore.approve
import dev.authenticatorcore.beginApproval
import dev.authenticatorcore.demo.edge.Unlock
import dev.authenticatorcore.deny
import java.security.SignatureException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/** One request: read, shown, decided, and what became of it. */
class ReviewViewModel(private val phone: Phone, private val id: ChallengeId, private val scope: CoroutineScope) {
    private val shown = MutableStateFlow(ReviewState(ReviewBody.Loading))
    val state: StateFlow<ReviewState> = shown

    init {
        load()
        scope.launch { eachSecond.collect { tick() } }
        scope.launch { watch() }
    }

    /** Fetches what is asked; again after there was no connection, or when the request is not what it was. */
    fun load() = act(ReviewBody.Loading) { reviewed(null) }

    /** What was typed in place of the confirmation that a grave request wants. */
    fun type(text: String) = onAsked { it.copy(typed = text, notice = null) }

    /** Opens the reasons for a denial, and closes them. */
    fun chooseReason(open: Boolean) = onAsked { it.copy(choosingReason = open) }

    fun approve() {
        val asked = shown.value.body as? ReviewBody.Asked ?: return
        if (asked.step != Step.READING) return
        act(asked.copy(step = Step.SENDING, notice = null)) { approved(asked) }
    }

    /** Denies; needs no prompt. Where nothing could be read, the answer says that nobody looked. */
    fun deny(reason: Reason? = null) {
        val body = shown.value.body
        if (body is ReviewBody.Asked && body.step != Step.READING) return
        val sending = (body as? ReviewBody.Asked)?.copy(step = Step.SENDING, choosingReason = false) ?: ReviewBody.Loading
        act(sending) {
            val core = phone.core()
            val receipt = if (body is ReviewBody.Asked) core.deny(body.review, reason?.code) else core.deny(id, reason?.code)
            ended(receipt)
        }
    }

    /** After the approval key was lost: proves the person by the phone's own means, and makes a new one. */
    fun renewApprovalKey() {
        val asked = shown.value.body as? ReviewBody.Asked ?: return
        act(asked.copy(step = Step.PROMPT)) {
            when (phone.gate.confirmPerson()) {
                is Unlock.Passed -> {
                    phone.core().replaceApprovalKey(asked.review.enrollment)
                    asked.copy(step = Step.READING, notice = null)
                }
                else -> asked.copy(step = Step.READING)
            }
        }
    }

    private suspend fun reviewed(notice: Notice?): ReviewBody {
        phone.speak()
        val review = phone.core().review(id)
        shown.update { it.copy(expiresAt = review.expiresAt, secondsLeft = secondsUntil(review.expiresAt, phone.now())) }
        return ReviewBody.Asked(review, notice = notice)
    }

    private suspend fun approved(asked: ReviewBody.Asked): ReviewBody {
        val core = phone.core()
        val typed = asked.typed.trim().ifEmpty { null }
        if (!core.wantsPrompt(asked.review.enrollment)) return ended(core.approve(asked.review, typed))
        val request = core.beginApproval(asked.review, typed)
        shown.update { it.copy(body = asked.copy(step = Step.PROMPT)) }
        val unlocked = try {
            phone.gate.unlock(withContext(Dispatchers.Default) { phone.keys.signature(request.keyAlias) })
        } catch (_: KeyStoreException) {
            return asked.copy(notice = Notice.APPROVAL_KEY_LOST)
        }
        val signature = when (unlocked) {
            is Unlock.Passed -> unlocked.signature
            Unlock.Cancelled -> return asked.copy(notice = Notice.PROMPT_CANCELLED)
            Unlock.LockedOut -> return asked.copy(notice = Notice.PROMPT_LOCKED)
            Unlock.Unavailable -> return asked.copy(notice = Notice.PROMPT_UNAVAILABLE)
        }
        shown.update { it.copy(body = asked.copy(step = Step.SENDING)) }
        val signed = try {
            // A chip of its own takes its time.
            withContext(Dispatchers.Default) {
                checkNotNull(signature).run {
                    update(request.message)
                    sign()
                }
            }
        } catch (_: SignatureException) {
            return asked.copy(notice = Notice.PROMPT_CANCELLED)
        }
        return ended(core.finishApproval(request.id, signed))
    }

    private suspend fun AuthenticatorInterface.wantsPrompt(id: EnrollmentId) =
        phone.settings.biometric || enrollments().any { it.id == id && it.approvalThumbprint != null }

    private fun ended(receipt: Receipt): ReviewBody {
        if (receipt.delivery == Delivery.QUEUED) phone.platform.deliverLater()
        return faceOf(receipt)
    }

    private fun faceOf(receipt: Receipt): ReviewBody = when {
        receipt.delivery == Delivery.REFUSED && receipt.lastError == ErrorCode.CHALLENGE_ANSWERED -> ReviewBody.AnsweredElsewhere
        receipt.delivery == Delivery.UNDELIVERED && receipt.lastError == ErrorCode.CHALLENGE_EXPIRED -> ReviewBody.Expired
        else -> ReviewBody.Done(receipt.decision, receipt.delivery, receipt.reason == Reason.NOT_ME.code)
    }

    /** Runs a step, and finds the face of what goes wrong. */
    private fun act(meanwhile: ReviewBody, what: suspend () -> ReviewBody) = scope.launch {
        shown.update { it.copy(body = meanwhile) }
        val body = try {
            what()
        } catch (e: AuthenticatorException) {
            face(e, meanwhile as? ReviewBody.Asked)
        }
        shown.update { it.copy(body = body) }
    }

    private suspend fun face(error: AuthenticatorException, asked: ReviewBody.Asked?): ReviewBody = when (error.code) {
        ErrorCode.CHALLENGE_EXPIRED -> ReviewBody.Expired
        ErrorCode.CHALLENGE_ANSWERED, ErrorCode.UNKNOWN_CHALLENGE -> ReviewBody.AnsweredElsewhere
        ErrorCode.KEY_MISSING, ErrorCode.KEY_INVALIDATED, ErrorCode.ENROLLMENT_GONE -> ReviewBody.KeyLost
        ErrorCode.REVIEW_CHANGED, ErrorCode.REVIEW_MISSING -> try {
            reviewed(Notice.CHANGED)
        } catch (e: AuthenticatorException) {
            ReviewBody.Failed(Problem.of(e))
        }
        ErrorCode.CONFIRMATION_NEEDED -> asked?.copy(step = Step.READING, notice = Notice.CONFIRMATION_WRONG)
        ErrorCode.APPROVAL_KEY_MISSING -> asked?.copy(step = Step.READING, notice = Notice.APPROVAL_KEY_LOST)
        else -> null
    } ?: ReviewBody.Failed(Problem.of(error))

    private suspend fun watch() = try {
        phone.changes.collect { change ->
            val others = change.challenges.filter { it.id != id && it.repeats.leads }
            shown.update { it.copy(next = others.firstOrNull()?.id, more = others.size) }
            // An answer that was queued has arrived, or never will.
            change.outcomes.lastOrNull { it.challenge == id }?.let { receipt ->
                shown.update { if (it.body is ReviewBody.Done) it.copy(body = faceOf(receipt)) else it }
            }
        }
    } catch (_: AuthenticatorException) {
        // The calls of this screen say what is wrong.
    }

    private fun tick() = shown.update { state ->
        val end = state.expiresAt ?: return@update state
        val left = secondsUntil(end, phone.now())
        val waiting = state.body is ReviewBody.Failed || (state.body as? ReviewBody.Asked)?.step == Step.READING
        state.copy(secondsLeft = left, body = if (left == 0 && waiting) ReviewBody.Expired else state.body)
    }

    private fun onAsked(how: (ReviewBody.Asked) -> ReviewBody) =
        shown.update { state -> (state.body as? ReviewBody.Asked)?.let { state.copy(body = how(it)) } ?: state }
}

/** `more` others wait, `next` is the one to expire first. */
data class ReviewState(
    val body: ReviewBody,
    val expiresAt: Long? = null,
    val secondsLeft: Int? = null,
    val next: ChallengeId? = null,
    val more: Int = 0,
)

/** The faces of a request. */
sealed interface ReviewBody {
    data object Loading : ReviewBody

    /** The details could not be fetched; denying is possible. */
    data class Failed(val problem: Problem) : ReviewBody

    data class Asked(
        val review: Review,
        val step: Step = Step.READING,
        val typed: String = "",
        val choosingReason: Boolean = false,
        val notice: Notice? = null,
    ) : ReviewBody

    data object Expired : ReviewBody
    data object AnsweredElsewhere : ReviewBody
    data object KeyLost : ReviewBody
    data class Done(val decision: Decision, val delivery: Delivery, val notMe: Boolean) : ReviewBody
}

/** Where a person stands with a request that is asked. */
enum class Step { READING, PROMPT, SENDING }

/** What happened to the last tap. */
enum class Notice { PROMPT_CANCELLED, PROMPT_LOCKED, PROMPT_UNAVAILABLE, CONFIRMATION_WRONG, APPROVAL_KEY_LOST, CHANGED }

/** Why a person denies; `code` reaches the server. */
enum class Reason(val code: String) { NOT_ME("not_me"), WRONG_DETAILS("wrong_details"), CHANGED_MIND("changed_mind") }
