import AuthenticatorCore
import Foundation
import Testing

/// Whole flows over TLS, as an app makes them.
@Suite struct FlowTests {
    let sandbox: Sandbox

    init() throws { sandbox = try Sandbox.shared.get() }

    @Test func anApprovedRequestGivesTheAgentItsTokens() async throws {
        let phone = try await Phone.enrolled(with: sandbox)
        let (request, review) = try await phone.asked()
        #expect(review.headline == "Pay 249.00 EUR to ExampleCorp")
        #expect(review.bindingMessage?.shown == "TX-4711")
        #expect(review.sections.first?.rows.contains { $0.label == "Recipient" && $0.text == "ExampleCorp" } == true)
        #expect(try await phone.outcome(of: request) == "authorization_pending")

        let receipt = try await phone.app.approve(review)
        #expect((receipt.decision, receipt.delivery) == (.approve, .delivered))
        #expect(try await phone.outcome(of: request) == "approved")
        let history = try await phone.app.history(limit: 1)
        #expect(history.first?.decision == .approve)
        #expect(try await phone.app.verifyHistory(id: phone.enrollment.id).broken == nil)
    }

    @Test func aSecondTapGetsTheFirstReceipt() async throws {
        let phone = try await Phone.enrolled(with: sandbox)
        let (request, review) = try await phone.asked()
        let first = try await phone.app.approve(review)
        #expect(try await phone.app.deny(review, reason: "changed my mind") == first)
        #expect(try await phone.outcome(of: request) == "approved")
    }

    @Test func aDeniedRequestTellsTheAgentWhy() async throws {
        let phone = try await Phone.enrolled(with: sandbox)
        let (request, review) = try await phone.asked()
        let receipt = try await phone.app.deny(review, reason: "I did not order this")
        #expect((receipt.decision, receipt.delivery) == (.deny, .delivered))
        #expect(try await phone.outcome(of: request) == "access_denied")
        #expect(try await phone.sandbox.refusal(of: request) != nil)
        #expect(try await phone.app.history(limit: 1).first?.reason == "I did not order this")
    }

    @Test func aRequestCanBeDeniedFromItsNotification() async throws {
        let phone = try await Phone.enrolled(with: sandbox)
        let request = try await sandbox.ask(phone.user)
        let challenge = try await phone.challenge()
        #expect(try await phone.app.deny(challenge.id).delivery == .delivered)
        #expect(try await phone.outcome(of: request) == "access_denied")
    }

    @Test func anExpiredRequestCanNoLongerBeApproved() async throws {
        let phone = try await Phone.enrolled(with: sandbox)
        let (_, review) = try await phone.asked()
        phone.clock.advance(seconds: 301)
        let error = await failure { try await phone.app.approve(review) }
        #expect(error?.code == .challengeExpired)
        #expect(error?.errorClass == .final)
        #expect(try await phone.app.pending().isEmpty)
    }

    @Test func aRemovedAccountIsGoneHereAndAtTheServer() async throws {
        let phone = try await Phone.enrolled(with: sandbox)
        #expect(try await phone.app.enrollments().map(\.id) == [phone.enrollment.id])
        try await phone.app.unenroll(id: phone.enrollment.id)
        #expect(try await phone.app.enrollments().isEmpty)
        await #expect(throws: Unexpected.self) { try await sandbox.ask(phone.user) }
    }

    @Test func theSamePushTwiceIsOneChallenge() async throws {
        let phone = try await Phone.enrolled(with: sandbox)
        _ = try await sandbox.ask(phone.user)
        let payload = try await phone.push()
        let first = try await phone.app.receivePush(payload: payload)
        let second = try await phone.app.receivePush(payload: payload)
        #expect((first.arrival, second.arrival, second.id) == (.new, .repeated, first.id))
    }

    @Test func aPushCanBePreviewedWithoutAStoreAndArrivesAsTheSameChallenge() async throws {
        let phone = try await Phone.enrolled(with: sandbox)
        _ = try await sandbox.ask(phone.user)
        let payload = try await phone.push()
        let userInfo = try #require(
            JSONSerialization.jsonObject(with: Data(payload.utf8)) as? [AnyHashable: Any])
        let preview = try previewPush(userInfo: userInfo)
        let challenge = try await phone.app.receivePush(userInfo: userInfo)
        #expect(preview.challenge == challenge.id)
        #expect(preview.enrollment == phone.enrollment.id)
        #expect(preview.hasDetails)
        #expect(throws: AuthenticatorError.self) { try previewPush(userInfo: ["aps": ["alert": "Lunch?"]]) }
        #expect(throws: AuthenticatorError.self) { try previewPush(userInfo: ["when": Date()]) }
    }

    @Test func anApprovalBehindAPromptTakesTwoSteps() async throws {
        let keys = HostKeys()
        let phone = try await Phone.enrolled(with: sandbox, keys: keys) { $0.userVerification = true }
        let (request, review) = try await phone.asked()
        let refused = await failure { try await phone.app.approve(review) }
        #expect(refused?.code == .userVerificationNeeded)

        let asked = Locked<[SigningRequest]>([])
        let receipt = try await phone.app.approve(review) { request in
            asked.withLock { $0.append(request) }
            return try keys.signBehindPrompt(request)
        }
        #expect((receipt.decision, receipt.delivery) == (.approve, .delivered))
        #expect(asked.now.map(\.message) == [Data(review.digest.utf8)])
        #expect(try await phone.outcome(of: request) == "approved")
    }

    @Test func aCancelledPromptDecidesNothing() async throws {
        let keys = HostKeys()
        let phone = try await Phone.enrolled(with: sandbox, keys: keys) { $0.userVerification = true }
        let (request, review) = try await phone.asked()
        await #expect(throws: KeyStoreError.UserVerificationFailed) {
            try await phone.app.approve(review) { _ in throw KeyStoreError.UserVerificationFailed }
        }
        #expect(try await phone.outcome(of: request) == "authorization_pending")
        let receipt = try await phone.app.approve(review) { try keys.signBehindPrompt($0) }
        #expect(receipt.delivery == .delivered)
    }

    @Test func aSignatureOfAnotherKeyDecidesNothing() async throws {
        let keys = HostKeys()
        let phone = try await Phone.enrolled(with: sandbox, keys: keys) { $0.userVerification = true }
        let (request, review) = try await phone.asked()
        _ = try keys.generate(alias: "another", algorithm: .p256, purpose: .approval)
        let wrong = await failure {
            try await phone.app.approve(review) { try keys.sign(alias: "another", message: $0.message) }
        }
        #expect(wrong?.code == .keyStoreFailed)
        #expect(try await phone.outcome(of: request) == "authorization_pending")
    }

    @Test func aSignatureInAnotherEncodingDecidesNothing() async throws {
        let keys = HostKeys()
        let phone = try await Phone.enrolled(with: sandbox, keys: keys) { $0.userVerification = true }
        let (request, review) = try await phone.asked()
        let wrong = await failure {
            // r and s side by side (IEEE P1363), where DER is asked for.
            try await phone.app.approve(review) { try p1363(keys.signBehindPrompt($0)) }
        }
        #expect(wrong?.code == .keyStoreFailed)
        #expect(try await phone.app.approve(review) { try keys.signBehindPrompt($0) }.delivery == .delivered)
        #expect(try await phone.outcome(of: request) == "approved")
    }

    @Test func aQueuedAnswerIsSentByFlushAfterARestart() async throws {
        let radio = Radio()
        let phone = try await Phone.enrolled(with: sandbox)
        let (request, review) = try await phone.asked()
        try await phone.app.shutdown()
        let deaf = try await phone.reopened(transport: radio)
        #expect(try await deaf.approve(review).delivery == .queued)
        try await deaf.shutdown()

        let app = try await phone.reopened(transport: nil)
        let sent = try await app.flush()
        #expect(sent.map(\.delivery) == [.delivered])
        #expect(try await phone.outcome(of: request) == "approved")
    }

    @Test func theConfiguredClientIsNamedAndWhatItSaysIsTyped() async throws {
        let phone = try await Phone.enrolled(with: sandbox)
        let unknown = await failure { try await phone.app.review(id: ChallengeId("chl_none")) }
        #expect(unknown?.code == .unknownChallenge)
        #expect(unknown?.kind == .challenge)
        #expect(unknown?.code.text == "unknown_challenge")
        #expect(unknown.map(String.init(describing:))?.hasPrefix("unknown_challenge: ") == true)
    }
}

/// DER `SEQUENCE { r, s }` as 64 octets.
private func p1363(_ der: Data) throws -> Data {
    let bytes = Array(der)
    func integer(at start: Int) throws -> (value: [UInt8], end: Int) {
        guard bytes.count > start + 1, bytes[start] == 2 else { throw Unexpected("no DER signature") }
        let end = start + 2 + Int(bytes[start + 1])
        let value = bytes[(start + 2)..<end].drop { $0 == 0 }
        return (Array(repeating: 0, count: 32 - value.count) + value, end)
    }
    let r = try integer(at: 2)
    let s = try integer(at: r.end)
    return Data(r.value + s.value)
}

/// An HTTP stack in flight mode.
final class Radio: HttpTransport {
    private let count = Locked(0)
    var tries: Int { count.now }

    func send(request: HttpRequest) throws -> HttpResponse {
        count.withLock { $0 += 1 }
        throw TransportError.Unreachable
    }
}
