import AuthenticatorCore
import AuthenticatorDemo
import Foundation
import Testing

@testable import DemoBench

/// The whole app with the real library inside, against a sandbox that is a process of its own.
@MainActor
@Suite struct FlowTests {
    let sandbox: Sandbox

    init() throws { sandbox = try Sandbox.shared.get() }

    @Test func enrolledAskedNotifiedReadAndApprovedTheAgentHasItsTokens() async throws {
        let app = try await Bench(sandbox)
        try await app.enrolled()
        let request = try await sandbox.ask(app.user)
        let notification = try await app.notified()
        for secret in ["249", "ExampleCorp", "TX-4711", "api.bank"] {
            #expect(!String(describing: notification).contains(secret))
        }

        app.session.openRequest(notification.challenge)
        try await app.sees("Pay 249.00 EUR to ExampleCorp")
        let review = try await app.phone.core().review(id: notification.challenge)
        let shown = app.page.parts.flatMap { part -> [Row] in if case .rows(_, let rows) = part { rows } else { [] } }
        #expect(shown.map(\.label) == review.sections.flatMap(\.rows).map(\.label), "nothing is left out, nothing moved")
        #expect(shown.map(\.text) == review.sections.flatMap(\.rows).map(\.text))
        let others = ["Browser", "System", "Place", "Time", "Note", "Caution", "Id", "Created at", "Expires at"]
        let rows = app.page.read.filter { row in row.contains(": ") && !others.contains { row.hasPrefix($0) } }
        #expect(
            rows == [
                "Compare with the other screen: TX-4711",
                "Amount: 249.00 euros", "Recipient: ExampleCorp", "Recipient’s account: DE02 1001 0010 9307 1186 03",
                "Reference: Ref 2026-0042", "Actions: initiate", "Where: https://api.bank.example/payments",
                "Type: payment_initiation", "For: api.bank.example", "Access: openid\nprofile",
            ])
        #expect(app.session.isCovered(isCaptured: true, visibility: .active))
        #expect(app.session.isCovered(isCaptured: false, visibility: .inactive))
        #expect(!app.session.isCovered(isCaptured: false, visibility: .active))

        #expect(try await sandbox.outcome(of: request) == "authorization_pending")
        try await app.tap("Approve")
        try await app.sees("The server has your answer.")
        #expect(app.gate.prompts == ["Pay 249.00 EUR to ExampleCorp"])
        #expect(app.page.spoken == "Approved. The server has your answer.")
        #expect(try await sandbox.outcome(of: request) == "approved")
        try await app.until("the notification is gone") { app.notifier.now.isEmpty }
        try await app.tap("Close")
        try await app.sees("Nothing is waiting")

        app.session.perform(.show(.history))
        try await app.tap("Pay 249.00 EUR to ExampleCorp")
        try await app.sees("Amount: 249.00 EUR")
        try await app.sees("Confirmed with fingerprint or face")
        await app.close()
    }

    @Test func deniedFromTheNotificationWithoutAScreen() async throws {
        let app = try await Bench(sandbox)
        try await app.enrolled()
        let request = try await sandbox.ask(app.user)
        await app.pushes.deny(try await app.notified().challenge)
        #expect(try await sandbox.outcome(of: request) == "access_denied")
        try await app.until("the notification is gone") { app.notifier.now.isEmpty }
        #expect(app.gate.prompts.isEmpty)
        app.session.perform(.show(.history))
        try await app.sees("Denied")
        await app.close()
    }

    @Test func aRequestThatEndsWhileItIsOpenSaysSoAndNothingWasAllowed() async throws {
        let app = try await Bench(sandbox)
        try await app.enrolled()
        _ = try await app.opened()
        try await app.sees("Pay 249.00 EUR")
        app.clock.advance(seconds: 600)
        app.session.tick()
        #expect(app.finds("Too late"))
        try await app.tap("Close")
        try await app.sees("Nothing is waiting")
        app.session.perform(.show(.history))
        try await app.sees("Not answered in time")
        await app.close()
    }

    @Test func thisWasNotMeHasReasonsAndKeepsWhatFollowsQuiet() async throws {
        let app = try await Bench(sandbox)
        try await app.enrolled()
        let request = try await app.opened()
        try await app.tap("This wasn’t me")
        try await app.sees("Why do you deny?")
        try await app.tap("I did not start this")
        try await app.sees("You told the service that this was not you.")
        #expect(try await sandbox.outcome(of: request) == "access_denied")
        try await app.until("the notification is gone") { app.notifier.now.isEmpty }
        _ = try await sandbox.ask(app.user, message: "TX-2")
        #expect(try await app.notified().quiet)
        app.session.perform(.show(.history))
        try await app.tap("Pay 249.00 EUR to ExampleCorp")
        try await app.sees("I did not start this")
        await app.close()
    }

    @Test func aDenialSaysWhy() async throws {
        let app = try await Bench(sandbox)
        try await app.enrolled()
        let request = try await app.opened()
        try await app.tap("This wasn’t me")
        try await app.tap("Cancel")
        try await app.tap("This wasn’t me")
        try await app.tap("Something in it is wrong")
        try await app.sees("Denied")
        #expect(!app.finds("You told the service"))
        #expect(try await sandbox.outcome(of: request) == "access_denied")
        #expect(try await app.phone.core().history(limit: 1).first?.reason == "wrong_details")
        await app.close()
    }

    @Test func aPromptThatIsClosedOrLockedDecidesNothingAndCanBeAskedAgain() async throws {
        let app = try await Bench(sandbox)
        try await app.enrolled()
        let request = try await app.opened()
        app.gate.next(.cancelled)
        try await app.tap("Approve")
        try await app.sees("Not confirmed. Nothing was answered.")
        app.gate.next(.lockedOut)
        try await app.tap("Approve")
        try await app.sees("Too many tries.")
        app.gate.next(.unavailable)
        try await app.tap("Approve")
        try await app.sees("This phone has no fingerprint or face set up.")
        #expect(try await sandbox.outcome(of: request) == "authorization_pending")
        app.gate.next(nil)
        try await app.tap("Approve")
        try await app.sees("Approved")
        #expect(try await sandbox.outcome(of: request) == "approved")
        await app.close()
    }

    @Test func aNewFingerprintLocksApprovingUntilThePersonProvesWhoTheyAre() async throws {
        let app = try await Bench(sandbox)
        try await app.enrolled()
        let request = try await app.opened()
        app.keys.lose { $0.hasPrefix("apr-") }
        try await app.tap("Approve")
        try await app.sees("Fingerprints or faces on this phone have changed")
        #expect(app.button("Approve") == nil)
        app.gate.next(.cancelled)
        try await app.tap("Set up approving again")
        try await app.until("it can be tapped again") { app.button("Set up approving again") != nil }
        #expect(app.button("Approve") == nil, "whoever does not pass gets no new key")
        app.keys.lose { _ in false }
        app.gate.next(nil)
        try await app.tap("Set up approving again")
        try await app.tap("Approve")
        try await app.sees("Approved")
        #expect(try await sandbox.outcome(of: request) == "approved")
        await app.close()
    }

    @Test func anAccountWhoseKeyIsGoneSaysSo() async throws {
        let app = try await Bench(sandbox)
        try await app.enrolled()
        app.keys.lose { !$0.hasPrefix("apr-") }
        _ = try await app.opened()
        try await app.sees("The key is gone")
        try await app.tap("Close")
        app.session.perform(.show(.accounts))
        try await app.sees("This account cannot sign any more.")
        try await app.tap("Add it again")
        #expect(app.session.navigator.place == .enrol)
        await app.close()
    }

    @Test func aStoreWhoseKeyIsGoneSavesWhatItCan() async throws {
        let app = try await Bench(sandbox)
        try await app.enrolled()
        app.keys.lose { $0 == "store" }
        await app.phone.close()
        app.session.perform(.show(.accounts))
        try await app.sees("The stored data cannot be read")
        app.keys.lose { _ in false }
        try await app.tap("Save what can be saved")
        try await app.sees("bank-dev")
        // What watches the store goes on by itself.
        let request = try await app.opened()
        try await app.tap("Approve")
        try await app.sees("Approved")
        #expect(try await sandbox.outcome(of: request) == "approved")
        await app.close()
    }

    @Test func severalRequestsAreAQueueAndTheSameOneAgainIsOneCard() async throws {
        let app = try await Bench(sandbox)
        try await app.enrolled()
        _ = try await sandbox.ask(app.user, message: "TX-1", expiry: 250)
        _ = try await app.notified(1)
        _ = try await sandbox.ask(app.user, message: "TX-2", expiry: 250)
        _ = try await app.notified(2)
        _ = try await sandbox.ask(app.user, details: nil, message: "Log in 77", expiry: 100)
        _ = try await app.notified(3)
        app.session.perform(.show(.requests))
        try await app.until("two cards") {
            guard case .shown(let cards) = app.session.requests.state else { return false }
            return cards.count == 2 && cards.allSatisfy { $0.headline != nil }
        }
        let read = app.page.read.dropFirst()
        #expect(read.last?.contains("Asked 2 times") == true)
        #expect(read.last?.contains("Pay 249.00 EUR to ExampleCorp") == true, "the soonest to end stands first")
        try await app.tap("Pay 249.00 EUR to ExampleCorp")
        try await app.tap("Deny")
        try await app.sees("more waiting")
        guard case .shown(let cards) = app.session.requests.state else { return }
        try await app.tap("\(cards.count) more waiting")
        try await app.sees("Check this request")
        await app.close()
    }

    @Test func hiddenCharactersWantANumberToBeTypedAndAWrongOneIsRefused() async throws {
        let app = try await Bench(sandbox)
        try await app.enrolled()
        let payment = Sandbox.payment.replacingOccurrences(of: "ExampleCorp", with: "Example\u{202E}proC")
        let request = try await app.opened(payment)
        try await app.sees("Danger")
        #expect(app.button("Approve") == nil, "nothing was typed yet")
        app.type("7")
        try await app.tap("Approve")
        try await app.sees("That is not what is asked for. Look again.")
        #expect(app.gate.prompts.isEmpty)
        app.type("249")
        try await app.tap("Approve")
        try await app.sees("Approved")
        #expect(try await sandbox.outcome(of: request) == "approved")
        await app.close()
    }

    @Test func aCodeThatIsNoneIsExplainedAndAServerThatNobodyNamedIsAskedAbout() async throws {
        let app = try await Bench(sandbox, servers: false)
        try await app.enrol("hello there")
        try await app.sees("This is no enrolment code.")
        app.session.perform(.back)
        try await app.enrol(app.invitation())
        try await app.sees("Do you trust this server?")
        #expect(app.finds("127.0.0.1") || app.finds("localhost"))
        try await app.tap("Cancel")
        app.type(try await app.invitation())
        try await app.tap("Continue")
        try await app.tap("Trust and continue")
        try await app.sees("Account added")
        #expect(app.session.text(of: .invitation).isEmpty)
        await app.close()
    }

    @Test func whatTheCameraReadsIsEnrolled() async throws {
        let app = try await Bench(sandbox)
        try await app.tap("Add account")
        try await app.tap("Scan code")
        #expect(app.session.navigator.place == .scan)
        app.session.scanned(try await app.invitation())
        try await app.sees("Account added")
        await app.close()
    }

    @Test func aOneTimeCodeIsShownWhenAskedForAndAnAccountCanBeRemoved() async throws {
        let app = try await Bench(sandbox)
        try await app.enrolled()
        try await app.tap("Show code")
        try await app.sees("New code in")
        let core = try await app.phone.core()
        let id = try await core.enrollments()[0].id
        try await app.until("the same digits as the core's") {
            let digits = try await core.oneTimeCode(id: id).code.expose()
            return app.finds(digits.map(String.init).joined(separator: " "))
        }
        try await app.tap("Close")
        #expect(!app.finds("New code in"))
        try await app.tap("bank-dev")
        try await app.sees("Key: In software only")
        try await app.tap("Remove account")
        try await app.sees("Its history is erased.")
        try await app.tap("Cancel")
        try await app.tap("Remove account")
        try await app.sees("Its history is erased.")
        try await app.tap("Remove account")
        try await app.sees("Account removed")
        try await app.tap("Close")
        try await app.sees("No account yet")
        await app.close()
    }

    @Test func severalAccountsStandSideBySide() async throws {
        let app = try await Bench(sandbox)
        try await app.enrolled()
        let other = try await sandbox.user()
        try await app.enrol(app.secure(sandbox.invitation(for: other)))
        try await app.sees("Account added")
        try await app.tap("Close")
        try await app.until("two accounts") {
            app.page.parts.filter { if case .group = $0 { true } else { false } }.count == 2
        }
        _ = try await sandbox.ask(other)
        _ = try await sandbox.ask(app.user)
        _ = try await app.notified(2)
        let accounts = Set(app.notifier.now.map(\.account))
        #expect(accounts.count == 2)
        await app.close()
    }

    @Test func twoPhonesOfOnePersonTheFirstAnswerCountsAndTheOtherIsTold() async throws {
        let app = try await Bench(sandbox)
        try await app.enrolled()
        let other = try DemoDevice(SandboxAddress(console: sandbox.console, tlsOrigin: sandbox.tlsOrigin, ca: sandbox.ca))
        try await other.enrol(app.invitation())
        try await other.tap("Close")
        try other.listen()
        let request = try await app.opened()
        other.session.openRequest(try await other.notified().challenge)
        try await other.sees("Pay 249.00 EUR")
        try await app.tap("Approve")
        try await app.sees("The server has your answer.")
        #expect(try await sandbox.outcome(of: request) == "approved")
        try await other.tap("Approve")
        try await other.sees("Answered elsewhere")
        await other.close()
        await app.close()
    }

    @Test func requestsSpeakTheLanguageThatWasChosenAndTheDiagnosisFindsEverythingInOrder() async throws {
        let app = try await Bench(sandbox, allowed: false)
        try await app.enrolled()
        app.session.perform(.show(.settings))
        try await app.tap("Deutsch")
        try await app.tap("Check now")
        try await app.sees("History: unchanged")
        #expect(app.finds("blocked: allow them"))
        _ = try await app.opened()
        try await app.sees("249,00 EUR an ExampleCorp zahlen")
        await app.close()
    }

    @Test func withoutBiometricNothingPromptsAndTurningItOnMakesAKey() async throws {
        let app = try await Bench(sandbox)
        try await app.sees("No account yet")
        app.session.settings.ask(forBiometric: false)
        try await app.enrolled()
        let first = try await app.opened()
        try await app.tap("Approve")
        try await app.sees("Approved")
        #expect(app.gate.prompts.isEmpty)
        #expect(try await sandbox.outcome(of: first) == "approved")
        app.session.perform(.show(.settings))
        try await app.tap("Ask for fingerprint or face on approve")
        try await app.until("the account has an approval key") {
            try await app.phone.core().enrollments()[0].approvalThumbprint != nil
        }
        try await app.until("the notification is gone") { app.notifier.now.isEmpty }
        let second = try await app.opened()
        try await app.tap("Approve")
        try await app.sees("Approved")
        #expect(app.gate.prompts.count == 1)
        #expect(try await sandbox.outcome(of: second) == "approved")
        await app.close()
    }
}

/// As above, with a sandbox of each test's own: its faults hit everybody.
@MainActor
@Suite struct FaultTests {
    let sandbox: Sandbox

    init() throws { sandbox = try Sandbox() }

    @Test func aSecondDeviceWasFaster() async throws {
        let app = try await Bench(sandbox)
        try await app.enrolled()
        _ = try await app.opened()
        try await app.sees("Pay 249.00 EUR")
        try await sandbox.knobs(#"{"already_answered":true}"#)
        try await app.tap("Approve")
        try await app.sees("Answered elsewhere")
        #expect(app.finds("Your tap did not count."))
        await app.close()
    }

    @Test func withoutAConnectionNothingIsAnsweredAndTryingAgainWorks() async throws {
        let app = try await Bench(sandbox)
        try await app.enrolled()
        try await sandbox.knobs(#"{"server_errors":{"consent":99}}"#)
        let request = try await app.opened()
        try await app.sees("The details could not be fetched. Nothing was answered.")
        try await app.sees("No connection")
        try await sandbox.knobs("{}")
        try await app.tap("Try again")
        try await app.sees("Pay 249.00 EUR")
        #expect(try await sandbox.outcome(of: request) == "authorization_pending")
        await app.close()
    }

    @Test func anAnswerThatCannotBeSentIsStoredAndSentAsSoonAsThereIsANetwork() async throws {
        let app = try await Bench(sandbox)
        try await app.enrolled()
        let request = try await app.opened()
        try await app.sees("Pay 249.00 EUR")
        try await sandbox.knobs(#"{"server_errors":{"resolve":1}}"#)
        try await app.tap("Approve")
        try await app.sees("Stored. It is sent as soon as there is a connection.")
        #expect(app.deliveries == 1)
        #expect(try await sandbox.outcome(of: request) == "authorization_pending")
        #expect(await app.pushes.flush() == false, "nothing is left")
        try await app.sees("The server has your answer.")
        #expect(try await sandbox.outcome(of: request) == "approved")
        await app.close()
    }

    @Test func detailsThatAreGoneCanOnlyBeDenied() async throws {
        let app = try await Bench(sandbox)
        try await app.enrolled()
        try await sandbox.knobs(#"{"consent_404":true}"#)
        let request = try await app.opened()
        try await app.sees("You can only deny this")
        #expect(app.button("Approve") == nil)
        try await app.tap("Deny")
        try await app.sees("The server has your answer.")
        #expect(try await sandbox.outcome(of: request) == "access_denied")
        await app.close()
    }

    @Test func anAccountWhoseServerIsAwayIsRemovedHereOnlyWhenAskedTwice() async throws {
        let app = try await Bench(sandbox)
        try await app.enrolled()
        try await sandbox.knobs(#"{"server_errors":{"device":99}}"#)
        try await app.tap("bank-dev")
        try await app.tap("Remove account")
        try await app.sees("Its history is erased.")
        try await app.tap("Remove account")
        try await app.sees("Remove it from this phone only?")
        try await app.tap("Remove from this phone only")
        try await app.sees("Account removed")
        await app.close()
    }
}

/// What a person sees of a request while the platform's prompt lies over it.
@MainActor
@Suite struct PromptTests {
    @Test func aRequestIsNotCoveredWhileThePromptLiesOverIt() async throws {
        let app = try await Bench(try Sandbox.shared.get())
        try await app.enrolled()
        _ = try await app.opened()
        app.gate.hold()
        try await app.tap("Approve")
        try await app.until("the prompt") { app.gate.prompts.count == 1 }
        #expect(!app.session.isCovered(isCaptured: false, visibility: .inactive))
        #expect(app.session.isCovered(isCaptured: false, visibility: .background))
        #expect(app.button("Approve") == nil && app.button("Deny") == nil, "one answer at a time")
        app.gate.release()
        try await app.sees("Approved")
        await app.close()
    }
}
