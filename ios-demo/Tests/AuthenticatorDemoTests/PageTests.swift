import AuthenticatorCore
import AuthenticatorDemo
import DemoSamples
import DemoWords
import Foundation
import Testing

@testable import AuthenticatorDemo

/// What screens say, in every state and language.
@Suite struct PageTests {
    let words = Words(language: "en-GB", timeZone: TimeZone(identifier: "UTC")!)

    static let samples = Samples.all.flatMap(\.samples)

    private func page(_ name: String) -> Page { Self.samples.first { $0.name == name }!.page(words) }

    @Test(arguments: samples.map(\.name))
    func everyStateHasATitleSaysSomethingAndOffersAWay(name: String) {
        let page = page(name)
        #expect(!page.title.isEmpty)
        #expect(page.read.allSatisfy { !$0.isEmpty })
        #expect(page.buttons.allSatisfy { !$0.words.isEmpty })
        let sample = Self.samples.first { $0.name == name }!
        let waits = page.parts.contains { if case .loading = $0 { true } else { false } } || page.answers.contains(.progress)
        #expect(sample.tab != nil || waits || !page.buttons.isEmpty || name.hasPrefix("history-"), "a dead end")
    }

    @Test(arguments: Words.languages + PseudoLocale.allCases.map(\.rawValue))
    func everyStateIsWholeInEveryLanguage(language: String) {
        let words = Words(language: language)
        for sample in Self.samples {
            let page = sample.page(words)
            #expect(page.read.count == sample.page(self.words).read.count)
            let holes = page.read.filter { $0.isEmpty || $0.contains("%1$") }
            #expect(holes.isEmpty, "\(sample.name)")
        }
        // What a server sent is not translated, and not turned round.
        let amounts = Self.samples.first { $0.name == "review" }!.page(words).parts.compactMap { part -> String? in
            if case .rows(_, let rows) = part { rows.first { $0.isAmount }?.text } else { nil }
        }
        #expect(amounts == ["249.00 EUR"])
    }

    @Test func theTwoAnswersHaveTheSameWeight() throws {
        for name in ["review", "review-grave", "review-cancelled"] {
            let pairs = page(name).answers.compactMap { part -> (Button, Button)? in
                if case .pair(let first, let second) = part { (first, second) } else { nil }
            }
            let (deny, approve) = try #require(pairs.first)
            #expect((deny.words, approve.words) == ("Deny", "Approve"))
            #expect(deny.look == approve.look)
            #expect(pairs.count == 1)
        }
    }

    @Test func nothingIsApprovedWhereDetailsAreMissingOrTheAnswerIsOnItsWay() {
        for name in ["review-deny-only", "review-sending", "review-offline", "review-loading", "review-expired", "review-new-fingerprint"] {
            #expect(!page(name).buttons.contains { $0.action == .approve }, "\(name)")
        }
    }

    @Test func amountsAreSpokenAsAmountsAndMarksWithHowGraveTheyAre() {
        let read = page("review-grave").read
        #expect(read.contains("Amount: 12,480.00 euros. Caution: More than you have ever approved here."))
        #expect(read.contains("Recipient: Example⟨RLO⟩proC. Danger: It holds characters that turn its direction round."))
        #expect(read.contains("Caution: The same request again, for the 3rd time."))
    }

    @Test func aOneTimeCodeIsSpokenDigitByDigit() {
        #expect(page("accounts").read.contains("One-time code: 4 8 2 9 1 7. New code in 21 s"))
    }

    @Test func timeIsSpokenInStepsThatAPersonCanFollow() {
        #expect([247, 61, 60, 31, 30, 11, 10, 1].map { words.timeLeft($0).spoken } == [
            "5 minutes left", "2 minutes left", "60 seconds left", "60 seconds left", "30 seconds left", "30 seconds left",
            "10 seconds left", "10 seconds left",
        ])
        #expect([247, 60, 9].map { words.timeLeft($0).text } == ["4:07 left", "1:00 left", "0:09 left"])
        #expect([31, 30].map { words.timeLeft($0).soon } == [false, true])
    }

    @Test func amountsAreExactInEveryLanguage() {
        #expect(Words(language: "de").spokenAmount(decimal: "1234.50", currency: "EUR") == "1.234,50 Euro")
        #expect(Words(language: "ja").spokenAmount(decimal: "500", currency: "JPY")?.contains("500") == true)
        #expect(words.spokenAmount(decimal: "0.123456789", currency: "EUR") == "0.123456789 euros")
        #expect(words.spokenAmount(decimal: "12 or so", currency: "EUR") == nil)
        #expect(words.spokenAmount(decimal: "12", currency: "euros") == nil)
    }

    @Test func thePromptsErrorsHaveTheirFaces() {
        let faces = [-8, -7, -6, -5, -2, -1, -4].map { Unlock(localAuthentication: $0) }
        #expect(faces == [
            .lockedOut, .unavailable, .unavailable, .unavailable, .cancelled, .cancelled, .cancelled,
        ])
        #expect(Unlock(KeyStoreError.Invalidated) == .keyLost)
        #expect(Unlock(KeyStoreError.Missing) == .keyLost)
        #expect(Unlock(KeyStoreError.UserVerificationFailed) == .cancelled)
    }

    @Test func statesThatHoldSecretsPrintNothingOfThem() {
        let states: [Any] = [
            Code(digits: "482917", secondsLeft: 21, period: 30), Trust(host: "login.bank.example", invitation: "otpauth-secret"),
            Enrolled(issuer: "Bank", user: "ana", recoveryCode: SecretText("7Q4KT2MZ")),
        ]
        for state in states {
            var dumped = ""
            dump(state, to: &dumped)
            for text in [String(describing: state), String(reflecting: state), dumped] {
                for secret in ["482917", "otpauth-secret", "7Q4KT2MZ"] { #expect(!text.contains(secret)) }
            }
        }
    }

    @Test func theDevelopmentSourceIsOnLoopbackOnly() {
        #expect(DevelopmentPushes(console: URL(string: "http://console.example/")!, token: "t") == nil)
        #expect(DevelopmentPushes(console: URL(string: "http://127.0.0.1:8301/")!, token: "t") != nil)
    }
}

/// The way through the app.
@MainActor
@Suite struct NavigatorTests {
    @Test func aNotificationOpensItsRequestOverTheQueue() {
        let navigator = Navigator()
        navigator.openRequest(ChallengeId("c1"))
        #expect(navigator.places == [.requests, .review(ChallengeId("c1"))])
        navigator.replace(.review(ChallengeId("c2")))
        navigator.back()
        #expect(navigator.places == [.requests])
        navigator.back()
        #expect(navigator.places == [.requests])
    }

    @Test func theSystemsOwnWayBackIsFollowed() {
        let navigator = Navigator()
        var seen: [Place] = []
        navigator.arrived = { seen.append($0) }
        navigator.open(.enrol)
        navigator.open(.scan)
        navigator.keep(path: [.enrol])
        #expect(navigator.place == .enrol)
        navigator.keep(path: [.enrol])
        #expect(seen == [.enrol, .scan, .enrol])
    }

    @Test func whatIsPrivateIsCoveredInRecordings() {
        let covered: [Place] = [.accounts, .enrol, .scan, .review(ChallengeId("c")), .entry(ChallengeId("c"))]
        #expect(covered.allSatisfy { $0.isPrivate })
        #expect([Place.requests, .history, .settings].allSatisfy { !$0.isPrivate })
    }
}
