import AuthenticatorCore
import Foundation
import Testing

/// What an app can do wrong, and what comes of it: a typed error of that one call, and an object that works on.
@Suite struct HostTests {
    let sandbox: Sandbox

    init() throws { sandbox = try Sandbox.shared.get() }

    @Test func aKeyStoreThatThrowsWhatItDoesNotDeclareFails() async throws {
        struct Surprise: Error { let secret = "hunter2" }
        let keys = HostKeys()
        let phone = try await Phone.enrolled(with: sandbox, keys: keys)
        let (request, review) = try await phone.asked()
        keys.sign { _, _, _ in throw Surprise() }
        let queued = try await phone.app.approve(review)
        #expect((queued.delivery, queued.lastError) == (.queued, .keyStoreFailed))
        #expect(!"\(queued)".contains("hunter2"))

        keys.sign { try $0.sign(alias: $1, message: $2) }
        #expect(try await phone.app.flush().map(\.delivery) == [.delivered])
        #expect(try await phone.outcome(of: request) == "approved")
    }

    @Test func theErrorOfAKeyStoreKeepsItsMeaning() async throws {
        let keys = HostKeys()
        let phone = try await Phone.enrolled(with: sandbox, keys: keys)
        for (thrown, code, errorClass) in [
            (KeyStoreError.Locked, ErrorCode.keysLocked, ErrorClass.retry),
            (.Missing, .keyMissing, .reEnroll),
            (.Invalidated, .keyInvalidated, .reEnroll),
            (.Unsupported, .keyStoreFailed, .bug),
        ] {
            keys.sign { _, _, _ in throw thrown }
            let error = await failure { try await phone.app.unenroll(id: phone.enrollment.id) }
            #expect(error?.code == code)
            #expect(error?.errorClass == errorClass)
        }
    }

    @Test func otherCallsGoOnWhileAKeyStoreBlocks() async throws {
        let keys = HostKeys()
        let phone = try await Phone.enrolled(with: sandbox, keys: keys)
        let (request, review) = try await phone.asked()
        let entered = Gate()
        let release = Gate()
        keys.sign { rust, alias, message in
            entered.open()
            release.waited()
            return try rust.sign(alias: alias, message: message)
        }
        let approval = Task { try await phone.app.approve(review) }
        await entered.passed()
        #expect(try await phone.app.enrollments().count == 1)
        #expect(try await phone.app.pending().isEmpty)
        #expect(try await phone.app.history(limit: 1).first?.decision == .approve)
        release.open()
        #expect(try await approval.value.delivery == .delivered)
        #expect(try await phone.outcome(of: request) == "approved")
    }

    @Test func aKeyStoreMayCallTheLibraryBack() async throws {
        let keys = HostKeys()
        let phone = try await Phone.enrolled(with: sandbox, keys: keys)
        let (_, review) = try await phone.asked()
        let seen = Locked<[Int]>([])
        keys.sign { rust, alias, message in
            let done = Gate()
            Task {
                if let count = try? await phone.app.enrollments().count { seen.withLock { $0.append(count) } }
                done.open()
            }
            done.waited()
            return try rust.sign(alias: alias, message: message)
        }
        #expect(try await phone.app.approve(review).delivery == .delivered)
        #expect(seen.now.contains(1))
        // It held the phone, and the phone holds it.
        keys.sign { try $0.sign(alias: $1, message: $2) }
    }

    @Test(arguments: [Data(), Data([0]), Data(repeating: 7, count: 256), Data(repeating: 0xff, count: 100_000)])
    func garbageFromAKeyStoreIsNeverSent(_ garbage: Data) async throws {
        let keys = HostKeys()
        let phone = try await Phone.enrolled(with: sandbox, keys: keys)
        let (request, review) = try await phone.asked()
        keys.sign { _, _, _ in garbage }
        let queued = try await phone.app.approve(review)
        #expect((queued.delivery, queued.lastError) == (.queued, .keyStoreFailed))
        #expect(try await phone.outcome(of: request) == "authorization_pending")
        keys.sign { try $0.sign(alias: $1, message: $2) }
        #expect(try await phone.app.flush().map(\.delivery) == [.delivered])
    }

    @Test func aKeyStoreIsCalledFromManyThreadsAtOnce() async throws {
        let keys = HostKeys()
        let phone = try await Phone.enrolled(with: sandbox, keys: keys)
        var challenges: [ChallengeId] = []
        for _ in 0..<4 {
            _ = try await sandbox.ask(phone.user)
            challenges.append(try await phone.challenge().id)
        }
        let together = Barrier(4)
        keys.sign { rust, alias, message in
            together.wait()
            return try rust.sign(alias: alias, message: message)
        }
        try await withThrowingTaskGroup(of: Review.self) { reviews in
            for id in challenges { reviews.addTask { try await phone.app.review(id: id) } }
            for try await review in reviews { #expect(review.approval == .allowed || !review.marks.isEmpty) }
        }
        #expect(keys.mostAtOnce >= 4)
    }

    @Test func aTransportThatThrowsWhatItDoesNotDeclareMayHaveSent() async throws {
        final class Odd: HttpTransport {
            struct Surprise: Error {}
            func send(request: HttpRequest) throws -> HttpResponse { throw Surprise() }
        }
        let phone = try await Phone.enrolled(with: sandbox)
        let (_, review) = try await phone.asked()
        try await phone.app.shutdown()
        let app = try await phone.reopened(transport: Odd())
        let receipt = try await app.approve(review)
        #expect((receipt.delivery, receipt.lastError) == (.queued, .interrupted))
    }

    @Test func aDefectInTheLibraryIsAnErrorAndTheObjectWorksOn() async throws {
        let phone = try await Phone.enrolled(with: sandbox)
        let inACall = await failure { try await phone.app.panicInACall() }
        #expect((inACall?.code, inACall?.errorClass) == (.internal, .bug))
        let atOnce = await failure { try phone.app.panicAtOnce() }
        #expect(atOnce?.code == .internal)
        #expect(try await phone.app.enrollments().count == 1)
        let (request, review) = try await phone.asked()
        #expect(try await phone.app.approve(review).delivery == .delivered)
        #expect(try await phone.outcome(of: request) == "approved")
    }

    @Test func shuttingDownWaitsForRunningCallsAndRefusesFurtherOnes() async throws {
        let keys = HostKeys()
        let phone = try await Phone.enrolled(with: sandbox, keys: keys)
        let (request, review) = try await phone.asked()
        let entered = Gate()
        let release = Gate()
        keys.sign { rust, alias, message in
            entered.open()
            release.waited()
            return try rust.sign(alias: alias, message: message)
        }
        let approval = Task { try await phone.app.approve(review) }
        await entered.passed()
        let down = Task { try await phone.app.shutdown() }
        while await failure({ try await phone.app.pending() })?.code != .closed { await Task.yield() }
        release.open()
        try await down.value
        // It was decided. Whether it was sent before the end is told by the receipt, and by flush the next time.
        var receipt = try await approval.value
        #expect(receipt.decision == .approve)
        let app = try await phone.reopened(transport: nil)
        if receipt.delivery == .queued { receipt = try await app.flush()[0] }
        #expect(receipt.delivery == .delivered)
        #expect(try await phone.outcome(of: request) == "approved")
    }

    @Test func aCallThatRunsKeepsItsAuthenticator() async throws {
        let keys = HostKeys()
        let entered = Gate()
        let release = Gate()
        let call: Task<[Enrollment], any Error>
        do {
            let phone = try await Phone.enrolled(with: sandbox, keys: keys)
            keys.sign { rust, alias, message in
                entered.open()
                release.waited()
                return try rust.sign(alias: alias, message: message)
            }
            let (app, id) = (phone.app, phone.enrollment.id)
            call = Task { [app] in
                try await app.unenroll(id: id)
                return try await app.enrollments()
            }
        }
        await entered.passed()
        release.open()
        #expect(try await call.value.isEmpty)
    }
}

/// A task that is cancelled while it approves: the decision is neither lost nor doubled.
@Suite struct CancellationTests {
    let sandbox: Sandbox

    init() throws { sandbox = try Sandbox.shared.get() }

    @Test func beforeTheCall() async throws {
        let phone = try await Phone.enrolled(with: sandbox)
        let (request, review) = try await phone.asked()
        let cancelled = Gate()
        let approval = Task {
            await cancelled.passed()
            return try await phone.app.approve(review)
        }
        approval.cancel()
        cancelled.open()
        try await decidedOnce(approval, phone, review, request)
    }

    @Test(arguments: 1...2)
    func whileTheKeyStoreSigns(_ signature: Int) async throws {
        let keys = HostKeys()
        let phone = try await Phone.enrolled(with: sandbox, keys: keys) { $0.userVerification = signature == 2 }
        let (request, review) = try await phone.asked()
        let entered = Gate()
        let release = Gate()
        keys.sign { rust, alias, message in
            entered.open()
            release.waited()
            return try rust.sign(alias: alias, message: message)
        }
        let approval = Task {
            // With two steps, the cancellation comes in the second one.
            signature == 1
                ? try await phone.app.approve(review)
                : try await phone.app.approve(review) { try keys.signBehindPrompt($0) }
        }
        await entered.passed()
        approval.cancel()
        release.open()
        try await decidedOnce(approval, phone, review, request)
    }

    @Test(arguments: [true, false])
    func whileTheAnswerIsOnItsWay(_ arrives: Bool) async throws {
        let keys = HostKeys()
        let own = try Sandbox()
        let phone = try await Phone.enrolled(with: own, keys: keys)
        let (request, review) = try await phone.asked()
        try await own.knobs(arrives ? #"{"slow_answer_ms": 300}"# : #"{"lose_answer": {"resolve": 1}}"#)
        let signed = Gate()
        keys.sign { rust, alias, message in
            defer { signed.open() }
            return try rust.sign(alias: alias, message: message)
        }
        let approval = Task { try await phone.app.approve(review) }
        await signed.passed()
        approval.cancel()
        try await decidedOnce(approval, phone, review, request)
    }

    @Test func afterTheCall() async throws {
        let phone = try await Phone.enrolled(with: sandbox)
        let (request, review) = try await phone.asked()
        let done = Gate()
        let hold = Gate()
        let approval = Task {
            let receipt = try await phone.app.approve(review)
            done.open()
            await hold.passed()
            return receipt
        }
        await done.passed()
        approval.cancel()
        hold.open()
        try await decidedOnce(approval, phone, review, request)
    }

    /// However the task ended: the request is approved, once, and every later tap gets that receipt.
    private func decidedOnce(
        _ approval: Task<Receipt, any Error>, _ phone: Phone, _ review: Review, _ request: String
    ) async throws {
        var receipt = try await approval.value
        while receipt.delivery == .queued { receipt = try await phone.app.flush()[0] }
        #expect(receipt.decision == .approve)
        #expect(receipt.delivery == .delivered || receipt.delivery == .unconfirmed)
        #expect(try await phone.app.deny(review) == receipt)
        #expect(try await phone.outcome(of: request) == "approved")
        #expect(try await phone.app.history(limit: 10).filter { $0.decision != nil }.count == 1)
    }
}
