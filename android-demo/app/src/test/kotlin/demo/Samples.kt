package dev.authenticatorcore.demo

import androidx.compose.runtime.Composable
import dev.authenticatorcore.Account
import dev.authenticatorcore.Approval
import dev.authenticatorcore.ChallengeId
import dev.authenticatorcore.Confirmation
import dev.authenticatorcore.Decision
import dev.authenticatorcore.Delivery
import dev.authenticatorcore.EnrollmentId
import dev.authenticatorcore.Mark
import dev.authenticatorcore.MarkCode
import dev.authenticatorcore.ProtectionLevel
import dev.authenticatorcore.Review
import dev.authenticatorcore.ReviewRow
import dev.authenticatorcore.ReviewSection
import dev.authenticatorcore.RowValue
import dev.authenticatorcore.Severity
import dev.authenticatorcore.ShownText
import dev.authenticatorcore.demo.state.AccountCard
import dev.authenticatorcore.demo.state.AccountDetails
import dev.authenticatorcore.demo.state.AccountState
import dev.authenticatorcore.demo.state.AccountsState
import dev.authenticatorcore.demo.state.Code
import dev.authenticatorcore.demo.state.Diagnosis
import dev.authenticatorcore.demo.state.EnrolState
import dev.authenticatorcore.demo.state.HistoryItem
import dev.authenticatorcore.demo.state.HistoryState
import dev.authenticatorcore.demo.state.Notice
import dev.authenticatorcore.demo.state.Place
import dev.authenticatorcore.demo.state.Problem
import dev.authenticatorcore.demo.state.Removing
import dev.authenticatorcore.demo.state.RequestCard
import dev.authenticatorcore.demo.state.RequestsState
import dev.authenticatorcore.demo.state.ReviewBody
import dev.authenticatorcore.demo.state.ReviewState
import dev.authenticatorcore.demo.state.SettingsState
import dev.authenticatorcore.demo.state.ShownDocument
import dev.authenticatorcore.demo.state.ShownRow
import dev.authenticatorcore.demo.state.ShownSection
import dev.authenticatorcore.demo.state.Step
import dev.authenticatorcore.demo.ui.AccountActions
import dev.authenticatorcore.demo.ui.AccountScreen
import dev.authenticatorcore.demo.ui.AccountsActions
import dev.authenticatorcore.demo.ui.AccountsScreen
import dev.authenticatorcore.demo.ui.EnrolActions
import dev.authenticatorcore.demo.ui.EnrolScreen
import dev.authenticatorcore.demo.ui.EntryScreen
import dev.authenticatorcore.demo.ui.HistoryScreen
import dev.authenticatorcore.demo.ui.RequestsScreen
import dev.authenticatorcore.demo.ui.ReviewActions
import dev.authenticatorcore.demo.ui.ReviewScreen
import dev.authenticatorcore.demo.ui.SettingsActions
import dev.authenticatorcore.demo.ui.SettingsScreen
import dev.authenticatorcore.demo.ui.TabBar

/** Every screen in every state, as the state holders make them. The words of a review are the core's. */
object Samples {
    private val bank = EnrollmentId("dev_1")
    private val shop = EnrollmentId("dev_2")
    private val challenge = ChallengeId("c1")
    private const val NOON = 1_795_262_400_000L

    private fun row(label: String, text: String, value: RowValue = RowValue.Text, marks: List<Mark> = emptyList(), indent: Int = 0, full: String? = null) =
        ReviewRow("", label, value, text, full, null, null, null, indent.toUByte(), marks, emptyList())

    private val origin = ReviewSection("Where it comes from", "origin", listOf(row("Browser", "Chrome 131"), row("System", "macOS 15.1"), row("Place", "Madrid, Spain"), row("Time", "21 Nov 2026, 12:00 (UTC+00:00)")))
    private val access = ReviewSection("Access", "request", listOf(row("For", "api.bank.example"), row("Access", "openid")))

    private val technical = ReviewSection("Technical details", "technical", listOf(row("Id", "cns_TVF8LkngbPLxYCDJKmBu3A"), row("Created at", "2026-11-21T11:58:00Z"), row("Expires at", "2026-11-21T12:03:00Z")))

    private fun payment(recipient: ReviewRow = row("Recipient", "ExampleCorp")) = ReviewSection(
        "Payment", "payment_initiation",
        listOf(
            row("Amount", "249.00 EUR", RowValue.Amount("249.00", "EUR")), recipient,
            row("Recipient’s account", "DE89 3704 0044 0532 0130 00"), row("Reference", "Order 4711"), row("Type", "payment_initiation"),
        ),
    )

    private val newApi = Mark(MarkCode.NEW_AUDIENCE, Severity.CAUTION, "The first request for this service.")

    val review = Review(
        challenge, bank, Account("Example Bank", "ana@example.com"), "Pay 249.00 EUR to ExampleCorp",
        ShownText("TX-4711", null, emptyList()), listOf(payment(), access, origin, technical), listOf(newApi), Approval.Allowed, NOON, "digest", "en-GB",
    )

    private val hidden = Mark(MarkCode.HIDDEN_DIRECTION, Severity.DANGER, "Holds hidden characters that change the reading direction.")
    val suspicious = review.copy(
        headline = "Pay 12,480.00 EUR to Example⟨RLO⟩proC",
        sections = listOf(payment(row("Recipient", "Example⟨RLO⟩proC", marks = listOf(hidden))).let { section ->
            section.copy(rows = listOf(
                row("Amount", "12,480.00 EUR", RowValue.Amount("12480.00", "EUR"), listOf(Mark(MarkCode.HIGHEST_AMOUNT_YET, Severity.CAUTION, "More than you have ever approved here."))),
            ) + section.rows.drop(1))
        }, access, origin, technical),
        marks = listOf(Mark(MarkCode.REPEATED_REQUEST, Severity.CAUTION, "The same request came before.")),
        approval = Approval.NeedsConfirmation(Confirmation.AmountDigits("To approve, type the whole amount in EUR, without decimals.")),
    )

    val gone = review.copy(
        headline = "The details of this request cannot be shown", sections = listOf(origin), marks = listOf(Mark(MarkCode.DETAILS_UNAVAILABLE, Severity.DANGER, "The details could not be fetched. It can only be denied.")),
        approval = Approval.Blocked(MarkCode.DETAILS_UNAVAILABLE, "The details could not be fetched. It can only be denied."),
    )

    private fun asked(review: Review = this.review, step: Step = Step.READING, notice: Notice? = null, typed: String = "", reasons: Boolean = false, left: Int = 247) =
        ReviewState(ReviewBody.Asked(review, step, typed, reasons, notice), NOON, left)

    private fun done(decision: Decision, delivery: Delivery, notMe: Boolean = false, more: Int = 0) =
        ReviewState(ReviewBody.Done(decision, delivery, notMe), NOON, 90, if (more > 0) ChallengeId("c2") else null, more)

    private fun card(id: EnrollmentId, issuer: String, user: String, code: Code? = null, lost: Boolean = false, hasCode: Boolean = true) =
        AccountCard(id, issuer, user, hasCode, lost, code)

    private val accounts = listOf(
        card(bank, "Example Bank", "ana@example.com", Code("482917", 21, 30)),
        card(shop, "Nordlicht Versand", "ana.garcia"),
        card(EnrollmentId("dev_3"), "Work", "a.garcia@work.example", hasCode = false),
    )

    private val details = AccountDetails(
        "Example Bank", "ana@example.com", "https://login.bank.example", NOON - 90 * 86_400_000L, NOON - 3_600_000L,
        ProtectionLevel.SECURE_ELEMENT, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78Lh", null,
    )

    private val document = ShownDocument(
        "TX-4711",
        listOf(
            ShownSection("Payment", listOf(ShownRow("Amount", "249.00 EUR"), ShownRow("Recipient", "ExampleCorp"), ShownRow("Reference", "Order 4711"))),
            ShownSection("Access", listOf(ShownRow("For", "api.bank.example"))),
        ),
    )

    private fun item(id: String, headline: String, decision: Decision?, delivery: Delivery?, reason: String? = null, document: ShownDocument? = null) =
        HistoryItem(ChallengeId(id), "Example Bank", "ana@example.com", headline, decision, delivery, reason, NOON - id.last().code * 5_000_000L, decision == Decision.APPROVE, document)

    private val history = listOf(
        item("h1", "Pay 249.00 EUR to ExampleCorp", Decision.APPROVE, Delivery.DELIVERED, document = document),
        item("h2", "Read accounts and balances", Decision.DENY, Delivery.DELIVERED, "not_me", document),
        item("h3", "Pay 80.00 EUR to Nordlicht", Decision.APPROVE, Delivery.QUEUED, document = document),
        item("h4", "Pay 15.90 EUR to Kiosk", Decision.APPROVE, Delivery.REFUSED, document = document),
        item("h5", "", null, null),
        item("h6", "", Decision.DENY, Delivery.DELIVERED),
    )

    private val offline = Problem(Problem.What.OFFLINE, "unreachable", true)
    private val requests = listOf(
        RequestCard(ChallengeId("c2"), "Nordlicht Versand", "ana.garcia", "Sign 2 documents", 1, NOON, 24),
        RequestCard(challenge, "Example Bank", "ana@example.com", "Pay 249.00 EUR to ExampleCorp", 3, NOON, 247),
        RequestCard(ChallengeId("c3"), "Example Bank", "ana@example.com", null, 1, NOON, 290),
    )

    private fun accounts(state: AccountsState) = @Composable { AccountsScreen(state, AccountsActions()) { TabBar(Place.Accounts, 2) {} } }
    private fun enrol(state: EnrolState, text: String = "") = @Composable { EnrolScreen(state, EnrolActions(), text) }
    private fun requests(state: RequestsState) = @Composable {
        RequestsScreen(state, {}, {}) { TabBar(Place.Requests, (state as? RequestsState.Shown)?.cards?.size ?: 0) {} }
    }
    private fun review(state: ReviewState) = @Composable { ReviewScreen(state, ReviewActions()) }
    private fun account(state: AccountState) = @Composable { AccountScreen(state, AccountActions()) }
    private fun settings(state: SettingsState) = @Composable { SettingsScreen(state, SettingsActions()) { TabBar(Place.Settings, 0) {} } }

    /** Name of the picture, and what is in it. */
    val all: Map<String, @Composable () -> Unit> = linkedMapOf(
        "accounts-empty" to accounts(AccountsState.Shown(emptyList())),
        "accounts" to accounts(AccountsState.Shown(accounts)),
        "accounts-key-lost" to accounts(AccountsState.Shown(listOf(card(bank, "Example Bank", "ana@example.com", lost = true)))),
        "accounts-loading" to accounts(AccountsState.Loading),
        "accounts-store-lost" to accounts(AccountsState.Failed(Problem(Problem.What.KEY_LOST, "key_missing", false))),
        "enrol" to enrol(EnrolState.Enter(null)),
        "enrol-wrong" to enrol(EnrolState.Enter(Problem(Problem.What.INVITATION_MALFORMED, "invitation_malformed", false)), "https://bank.example/help"),
        "enrol-trust" to enrol(EnrolState.Trust("login.bank.example", "")),
        "enrol-working" to enrol(EnrolState.Working),
        "enrol-done" to enrol(EnrolState.Done("Example Bank", "ana@example.com", "7Q4KT2MZP8WXR5VN3HJC6YBD")),
        "requests-empty" to requests(RequestsState.Shown(emptyList())),
        "requests" to requests(RequestsState.Shown(requests)),
        "review" to review(asked()),
        "review-grave" to review(asked(suspicious, typed = "12", left = 24)),
        "review-typed-wrong" to review(asked(suspicious, notice = Notice.CONFIRMATION_WRONG, left = 24)),
        "review-cancelled" to review(asked(notice = Notice.PROMPT_CANCELLED)),
        "review-locked" to review(asked(notice = Notice.PROMPT_LOCKED)),
        "review-new-fingerprint" to review(asked(notice = Notice.APPROVAL_KEY_LOST)),
        "review-sending" to review(asked(step = Step.SENDING)),
        "review-reasons" to review(asked(reasons = true)),
        "review-deny-only" to review(asked(gone)),
        "review-loading" to review(ReviewState(ReviewBody.Loading)),
        "review-offline" to review(ReviewState(ReviewBody.Failed(offline))),
        "review-expired" to review(ReviewState(ReviewBody.Expired, NOON, 0)),
        "review-elsewhere" to review(ReviewState(ReviewBody.AnsweredElsewhere, NOON, 90, ChallengeId("c2"), 2)),
        "review-key-lost" to review(ReviewState(ReviewBody.KeyLost)),
        "result-approved" to review(done(Decision.APPROVE, Delivery.DELIVERED, more = 1)),
        "result-denied" to review(done(Decision.DENY, Delivery.DELIVERED)),
        "result-not-me" to review(done(Decision.DENY, Delivery.DELIVERED, notMe = true)),
        "result-queued" to review(done(Decision.APPROVE, Delivery.QUEUED)),
        "result-unconfirmed" to review(done(Decision.APPROVE, Delivery.UNCONFIRMED)),
        "history" to { HistoryScreen(HistoryState.Shown(history), {}, {}) { TabBar(Place.History, 0) {} } },
        "history-empty" to { HistoryScreen(HistoryState.Shown(emptyList()), {}, {}) { TabBar(Place.History, 0) {} } },
        "history-entry" to { EntryScreen(history[0]) {} },
        "history-unread" to { EntryScreen(history[5]) {} },
        "account" to account(AccountState.Shown(details)),
        "account-remove" to account(AccountState.Shown(details, Removing.ASKED)),
        "account-unreachable" to account(AccountState.Shown(details, Removing.UNREACHABLE, offline)),
        "settings" to settings(SettingsState(null, true)),
        "settings-diagnosed" to settings(SettingsState("de", true, Diagnosis(false, NOON, 1, null))),
    )
}
