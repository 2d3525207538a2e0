import AuthenticatorCore
import Testing

/// What changes, as sequences.
@Suite struct StreamTests {
    let sandbox: Sandbox

    init() throws { sandbox = try Sandbox.shared.get() }

    @Test func openChallengesAreToldAtOnceAndWhenTheyComeAndGo() async throws {
        let phone = try await Phone.enrolled(with: sandbox)
        var open = phone.app.openChallenges.makeAsyncIterator()
        #expect(try await open.next() == [])

        let (_, review) = try await phone.asked()
        var seen = try await open.next()
        // The review brings the consent's own expiry, which is news too.
        if seen?.first?.expiresAt != review.expiresAt { seen = try await open.next() }
        #expect(seen?.map(\.id) == [review.challenge])

        _ = try await phone.app.deny(review)
        #expect(try await open.next() == [])
        try await phone.app.shutdown()
        #expect(try await open.next() == nil)
    }

    @Test func everyIterationSeesEveryChange() async throws {
        let phone = try await Phone.enrolled(with: sandbox)
        let (_, review) = try await phone.asked()
        var one = phone.app.changes.makeAsyncIterator()
        var other = phone.app.changes.makeAsyncIterator()
        _ = try await (one.next(), other.next())
        let receipt = try await phone.app.approve(review)
        for var iterator in [one, other] {
            var outcomes: [Receipt] = []
            while outcomes.isEmpty, let change = try await iterator.next() { outcomes = change.outcomes }
            #expect(outcomes == [receipt])
        }
    }

    @Test func outcomesAreToldOneByOne() async throws {
        let phone = try await Phone.enrolled(with: sandbox)
        let told = Locked<[Receipt]>([])
        let listening = Task {
            for try await outcome in phone.app.outcomes { told.withLock { $0.append(outcome) } }
        }
        // The sequence begins when it is first iterated; a request or two may be over by then.
        var receipts: [Receipt] = []
        while told.now.isEmpty {
            try #require(receipts.count < 20)
            receipts.append(try await phone.app.deny(phone.asked().review))
        }
        try await phone.app.shutdown()
        try await listening.value
        #expect(receipts.suffix(told.now.count) == told.now[...])
    }

    @Test func aCancelledTaskStopsWaitingAndChangesNothing() async throws {
        let phone = try await Phone.enrolled(with: sandbox)
        let entered = Gate()
        let waiting = Task {
            var lists = 0
            for try await _ in phone.app.openChallenges {
                lists += 1
                entered.open()
            }
            return lists
        }
        await entered.passed()
        waiting.cancel()
        #expect(try await waiting.value == 1)
        #expect(try await phone.app.pending().isEmpty)
    }

    @Test func waitingForTheNextChangeThrowsWhenCancelled() async throws {
        let phone = try await Phone.enrolled(with: sandbox)
        let now = try await phone.app.nextChange(after: nil)
        let waiting = Task { try await phone.app.nextChange(after: now.cursor) }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }
}
