/// What changes, as sequences: for a list on screen, and for what became of decisions.
///
/// Each sequence stands for itself: iterate as many as you like, from any task. They are pulled, not pushed: nothing runs
/// between two elements, and what happened meanwhile is in the next one. A cancelled task ends its sequence and nothing
/// else; iterating again starts with what is true then.
extension AuthenticatorProtocol {
    /// The challenges that wait for a person, the soonest to expire first: at once, and again whenever one comes, is
    /// answered, changes its expiry or expires. Ends when the authenticator is shut down.
    ///
    /// Throws what ``Authenticator/pending()`` throws.
    public var openChallenges: AsyncThrowingStream<[Challenge], any Error> {
        let changes = Cursor(self)
        return AsyncThrowingStream(unfolding: {
            while let change = try await changes.next() {
                if await changes.isNew(change.challenges) { return change.challenges }
            }
            return nil
        })
    }

    /// Decisions from now on as they are settled: delivered, refused, or undelivered. What was settled earlier is in
    /// ``Authenticator/history(enrollment:before:limit:)``. Ends when the authenticator is shut down.
    ///
    /// Throws what ``Authenticator/pending()`` throws.
    public var outcomes: AsyncThrowingStream<Receipt, any Error> {
        let changes = Cursor(self)
        return AsyncThrowingStream(unfolding: {
            while true {
                if let outcome = await changes.queued() { return outcome }
                guard let change = try await changes.next() else { return nil }
                await changes.queue(change.outcomes)
            }
        })
    }

    /// What ``openChallenges`` and ``outcomes`` are made of: every change. Ends when the authenticator is shut down.
    ///
    /// Throws what ``Authenticator/pending()`` throws.
    public var changes: AsyncThrowingStream<Change, any Error> {
        let changes = Cursor(self)
        return AsyncThrowingStream(unfolding: { try await changes.next() })
    }

    /// As ``Authenticator/nextChange(cursor:cancellation:)``, and a cancelled task stops waiting.
    ///
    /// Throws: `CancellationError`, and the errors of that call.
    public func nextChange(after cursor: UInt64?) async throws -> Change {
        let cancellation = Cancellation()
        let change = try await withTaskCancellationHandler {
            try await nextChange(cursor: cursor, cancellation: cancellation)
        } onCancel: {
            cancellation.cancel()
        }
        try Task.checkCancellation()
        return change
    }
}

/// Where one iteration stands.
private actor Cursor {
    private let authenticator: any AuthenticatorProtocol
    private var cursor: UInt64?
    private var challenges: [Challenge]?
    private var outcomes: [Receipt] = []

    init(_ authenticator: any AuthenticatorProtocol) {
        self.authenticator = authenticator
    }

    /// `nil` when the task is cancelled or the authenticator shut down.
    func next() async throws -> Change? {
        do {
            let change = try await authenticator.nextChange(after: cursor)
            cursor = change.cursor
            return change
        } catch is CancellationError {
            return nil
        } catch let error as AuthenticatorError where error.code == .closed {
            return nil
        }
    }

    func isNew(_ challenges: [Challenge]) -> Bool {
        defer { self.challenges = challenges }
        return challenges != self.challenges
    }

    func queue(_ outcomes: [Receipt]) { self.outcomes += outcomes }

    func queued() -> Receipt? { outcomes.isEmpty ? nil : outcomes.removeFirst() }
}
