import AuthenticatorCore
import AuthenticatorDemo
import DemoWords
import Foundation

/// A screen in a state, as the state holders make it.
public struct Sample: Sendable {
    public let name: String
    /// What it shows, for whoever reads the page of all states.
    public let about: String
    /// The tab that is on; `nil` where the screen lies over the tabs.
    public let tab: Place?
    public let page: @Sendable (Words) -> Page
}

/// Every screen in every state. Names and contents are those of the Android app's pictures; the words of a review are the
/// core's.
public enum Samples {
    private static let bank = EnrollmentId("dev_1")
    private static let challenge = ChallengeId("c1")
    private static let noon: Int64 = 1_795_262_400_000

    // ---------------------------------------------------------------------------------------------------- reviews

    private static func row(
        _ label: String, _ text: String, _ value: RowValue = .text, marks: [Mark] = []
    ) -> ReviewRow {
        ReviewRow(
            labelKey: "", label: label, value: value, text: text, fullText: nil, fullLabel: nil, help: nil, fullHelp: nil,
            indent: 0, marks: marks, sources: [])
    }

    private static let origin = ReviewSection(
        title: "Where it comes from", kind: "origin",
        rows: [
            row("Browser", "Chrome 131"), row("System", "macOS 15.1"), row("Place", "Madrid, Spain"),
            row("Time", "21 Nov 2026, 12:00 (UTC+00:00)"),
        ])
    private static let access = ReviewSection(
        title: "Access", kind: "request", rows: [row("For", "api.bank.example"), row("Access", "openid")])

    private static func payment(
        amount: ReviewRow = row("Amount", "249.00 EUR", .amount(decimal: "249.00", currency: "EUR")),
        recipient: ReviewRow = row("Recipient", "ExampleCorp")
    ) -> ReviewSection {
        ReviewSection(
            title: "Payment", kind: "payment_initiation",
            rows: [
                amount, recipient, row("Recipient’s account", "DE89 3704 0044 0532 0130 00"),
                row("Reference", "Order 4711"), row("Type", "payment_initiation"),
            ])
    }

    private static func review(
        _ headline: String, sections: [ReviewSection], marks: [Mark], approval: Approval = .allowed
    ) -> Review {
        Review(
            challenge: challenge, enrollment: bank, account: Account(issuer: "Example Bank", user: "ana@example.com"),
            headline: headline, bindingMessage: ShownText(shown: "TX-4711", full: nil, marks: []), sections: sections,
            marks: marks, approval: approval, expiresAt: noon, digest: "digest", locale: "en-GB")
    }

    private static let plain = review(
        "Pay 249.00 EUR to ExampleCorp", sections: [payment(), access, origin],
        marks: [Mark(code: .newAudience, severity: .info, text: "The first request for this service.")])

    private static let suspicious = review(
        "Pay 12,480.00 EUR to Example⟨RLO⟩proC",
        sections: [
            payment(
                amount: row(
                    "Amount", "12,480.00 EUR", .amount(decimal: "12480.00", currency: "EUR"),
                    marks: [
                        Mark(code: .highestAmountYet, severity: .caution, text: "More than you have ever approved here.")
                    ]),
                recipient: row(
                    "Recipient", "Example⟨RLO⟩proC",
                    marks: [
                        Mark(
                            code: .hiddenDirection, severity: .danger,
                            text: "It holds characters that turn its direction round.")
                    ])), access, origin,
        ],
        marks: [Mark(code: .repeatedRequest, severity: .caution, text: "The same request again, for the 3rd time.")],
        approval: .needsConfirmation(confirmation: .amountDigits(prompt: "Type the amount without decimals")))

    private static let gone = review(
        "A request without details", sections: [origin],
        marks: [Mark(code: .detailsUnavailable, severity: .danger, text: "The details could not be fetched.")],
        approval: .blocked(
            reason: .detailsUnavailable, text: "The details of this request cannot be had, so it cannot be approved."))

    private static func asked(
        _ name: String, _ about: String, _ review: Review = plain, step: Step = .reading, notice: Notice? = nil,
        typed: String = "", reasons: Bool = false, left: Int = 247
    ) -> Sample {
        let asked = Asked(review, step: step, typed: typed, choosingReason: reasons, notice: notice)
        return reviewed(name, about, ReviewState(body: .asked(asked), expiresAt: noon, secondsLeft: left))
    }

    private static func reviewed(_ name: String, _ about: String, _ state: ReviewState) -> Sample {
        Sample(name: name, about: about, tab: nil) { reviewPage(state, $0) }
    }

    private static func done(
        _ name: String, _ about: String, _ decision: Decision, _ delivery: Delivery, notMe: Bool = false, more: Int = 0
    ) -> Sample {
        let body = ReviewBody.done(Done(decision, delivery, notMe: notMe))
        let next = more > 0 ? ChallengeId("c2") : nil
        return reviewed(name, about, ReviewState(body: body, expiresAt: noon, secondsLeft: 90, next: next, more: more))
    }

    // --------------------------------------------------------------------------------------------------- accounts

    private static func card(
        _ id: String, _ issuer: String, _ user: String, code: Code? = nil, lost: Bool = false, hasCode: Bool = true
    ) -> AccountCard {
        AccountCard(id: EnrollmentId(id), issuer: issuer, user: user, hasCode: hasCode, keyLost: lost, code: code)
    }

    private static let details = AccountDetails(
        issuer: "Example Bank", user: "ana@example.com", server: "https://login.bank.example",
        addedAt: noon - 90 * 86_400_000, usedAt: noon - 3_600_000, protection: .secureElement,
        thumbprint: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        approvalThumbprint: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78Lh")

    private static func accounts(_ name: String, _ about: String, _ state: AccountsState) -> Sample {
        Sample(name: name, about: about, tab: .accounts) { accountsPage(state, $0) }
    }

    private static func account(_ name: String, _ about: String, _ state: AccountState) -> Sample {
        Sample(name: name, about: about, tab: nil) { accountPage(state, $0) }
    }

    private static func enrol(_ name: String, _ about: String, _ state: EnrolState) -> Sample {
        Sample(name: name, about: about, tab: nil) { enrolPage(state, text: "", hasCamera: true, $0) }
    }

    // ---------------------------------------------------------------------------------------------------- history

    private static let document = ShownDocument(
        bindingMessage: "TX-4711",
        sections: [
            .init(
                "Payment",
                [ShownRow("Amount", "249.00 EUR"), ShownRow("Recipient", "ExampleCorp"), ShownRow("Reference", "Order 4711")]),
            .init("Access", [ShownRow("For", "api.bank.example")]),
        ])

    private static func item(
        _ number: Int64, _ headline: String, _ decision: Decision?, _ delivery: Delivery?, reason: String? = nil,
        document: ShownDocument? = nil
    ) -> HistoryItem {
        HistoryItem(
            id: ChallengeId("h\(number)"), issuer: "Example Bank", user: "ana@example.com", headline: headline,
            decision: decision, delivery: delivery, reason: reason, at: noon - (48 + number) * 5_000_000,
            personVerified: decision == .approve, document: document)
    }

    private static let history = [
        item(1, "Pay 249.00 EUR to ExampleCorp", .approve, .delivered, document: document),
        item(2, "Read accounts and balances", .deny, .delivered, reason: "not_me", document: document),
        item(3, "Pay 80.00 EUR to Nordlicht", .approve, .queued, document: document),
        item(4, "Pay 15.90 EUR to Kiosk", .approve, .refused, document: document),
        item(5, "", nil, nil),
        item(6, "", .deny, .delivered),
    ]

    private static func historic(_ name: String, _ about: String, _ state: HistoryState) -> Sample {
        Sample(name: name, about: about, tab: .history) { historyPage(state, $0) }
    }

    private static func entry(_ name: String, _ about: String, _ item: HistoryItem) -> Sample {
        Sample(name: name, about: about, tab: nil) { entryPage(item, $0) }
    }

    // --------------------------------------------------------------------------------------------------- requests

    private static func request(
        _ id: String, _ issuer: String, _ user: String, _ headline: String?, times: Int = 1, left: Int
    ) -> RequestCard {
        RequestCard(
            id: ChallengeId(id), issuer: issuer, user: user, headline: headline, times: times, expiresAt: noon,
            secondsLeft: left)
    }

    private static let queue = [
        request("c2", "Nordlicht Versand", "ana.garcia", "Sign 2 documents", left: 24),
        request("c1", "Example Bank", "ana@example.com", "Pay 249.00 EUR to ExampleCorp", times: 3, left: 247),
        request("c3", "Example Bank", "ana@example.com", nil, left: 290),
    ]

    private static func requests(_ name: String, _ about: String, _ state: RequestsState) -> Sample {
        Sample(name: name, about: about, tab: .requests) { requestsPage(state, $0) }
    }

    private static func settings(_ name: String, _ about: String, _ state: SettingsState) -> Sample {
        Sample(name: name, about: about, tab: .settings) { settingsPage(state, $0) }
    }

    private static let offline = Problem(.offline, code: "unreachable", retry: true)

    /// By chapter, in the order in which a person meets them.
    public static let all: [(chapter: String, samples: [Sample])] = [
        (
            "Accounts",
            [
                accounts("accounts-empty", "Nobody has enrolled yet", .shown([])),
                accounts(
                    "accounts", "Several accounts, one of them with its one-time code",
                    .shown([
                        card("dev_1", "Example Bank", "ana@example.com", code: Code(digits: "482917", secondsLeft: 21, period: 30)),
                        card("dev_2", "Nordlicht Versand", "ana.garcia"),
                        card("dev_3", "Work", "a.garcia@work.example", hasCode: false),
                    ])),
                accounts(
                    "accounts-key-lost", "The keys of an account are gone",
                    .shown([card("dev_1", "Example Bank", "ana@example.com", lost: true)])),
                accounts("accounts-loading", "Reading", .loading),
                accounts(
                    "accounts-store-lost", "The store does not open",
                    .failed(Problem(.keyLost, code: "key_missing", retry: false))),
            ]
        ),
        (
            "Enrol",
            [
                enrol("enrol", "Scan, paste or type", .enter(nil)),
                enrol(
                    "enrol-wrong", "What was entered is no code",
                    .enter(Problem(.invitationMalformed, code: "invitation_malformed", retry: false))),
                enrol("enrol-trust", "A host that nobody has named before", .trust(Trust(host: "login.bank.example", invitation: ""))),
                enrol("enrol-working", "Keys are made", .working),
                enrol(
                    "enrol-done", "Added; the recovery code is shown once",
                    .done(
                        Enrolled(
                            issuer: "Example Bank", user: "ana@example.com",
                            recoveryCode: SecretText("7Q4KT2MZP8WXR5VN3HJC6YBD")))),
            ]
        ),
        (
            "Open requests",
            [
                requests("requests-empty", "Nothing is open", .shown([])),
                requests("requests", "The soonest to expire first, repeated ones as one card", .shown(queue)),
                requests("requests-failed", "The store cannot be read now", .failed(Problem(.keysLocked, code: "keys_locked", retry: true))),
            ]
        ),
        (
            "Review",
            [
                asked("review", "What is asked, row by row; answers of equal weight"),
                asked("review-grave", "Marks, and a confirmation to type", suspicious, typed: "12", left: 24),
                asked("review-typed-wrong", "The wrong thing was typed", suspicious, notice: .confirmationWrong, left: 24),
                asked("review-cancelled", "The prompt was closed", notice: .promptCancelled),
                asked("review-locked", "Too many tries at the prompt", notice: .promptLocked),
                asked("review-new-fingerprint", "The approval key is gone: other faces or fingerprints", notice: .approvalKeyLost),
                asked("review-changed", "It is no longer what was shown", notice: .changed),
                asked("review-sending", "The answer is on its way", step: .sending),
                asked("review-reasons", "“This wasn’t me”, and other reasons", reasons: true),
                asked("review-deny-only", "Details that cannot be had", gone),
                reviewed("review-loading", "Details are fetched", ReviewState(body: .loading)),
                reviewed("review-offline", "No connection", ReviewState(body: .failed(offline))),
                reviewed("review-expired", "It ended while it was open", ReviewState(body: .expired, expiresAt: noon, secondsLeft: 0)),
                reviewed(
                    "review-elsewhere", "Another device was faster",
                    ReviewState(body: .answeredElsewhere, expiresAt: noon, secondsLeft: 90, next: ChallengeId("c2"), more: 2)),
                reviewed("review-key-lost", "The account’s key is gone", ReviewState(body: .keyLost)),
            ]
        ),
        (
            "Result",
            [
                done("result-approved", "Approved, and another one waits", .approve, .delivered, more: 1),
                done("result-denied", "Denied", .deny, .delivered),
                done("result-not-me", "Reported", .deny, .delivered, notMe: true),
                done("result-queued", "Stored until there is a network", .approve, .queued),
                done("result-unconfirmed", "Nobody knows", .approve, .unconfirmed),
            ]
        ),
        (
            "History",
            [
                historic("history", "Answered and missed", .shown(history)),
                historic("history-empty", "Nothing yet", .shown([])),
                entry("history-entry", "An answer with its details as they were shown", history[0]),
                entry("history-unread", "Denied from the notification", history[5]),
            ]
        ),
        (
            "Account details",
            [
                account("account", "What protects it, and when it was used", .shown(details, .no, nil)),
                account("account-remove", "Asks before it removes", .shown(details, .asked, nil)),
                account("account-unreachable", "The server cannot be told", .shown(details, .unreachable, offline)),
                account("account-removed", "Gone", .removed),
            ]
        ),
        (
            "Settings",
            [
                settings("settings", "Language, prompt, diagnosis", SettingsState(language: nil, biometric: true)),
                settings(
                    "settings-diagnosed", "Why no request came",
                    SettingsState(
                        language: "de", biometric: true,
                        diagnosis: Diagnosis(notificationsAllowed: false, lastPush: noon, queued: 1, brokenAt: nil))),
            ]
        ),
    ]
}
