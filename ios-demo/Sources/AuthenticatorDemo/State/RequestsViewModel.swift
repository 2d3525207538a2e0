import AuthenticatorCore
import Observation

/// The queue: what waits for a person, the soonest to expire first, and what asks for the same as one card.
@MainActor
@Observable
public final class RequestsViewModel {
    public private(set) var state = RequestsState.loading
    private let phone: Phone
    @ObservationIgnored private var headlines: [ChallengeId: String] = [:]
    @ObservationIgnored private var watching: Task<Void, Never>?

    public init(phone: Phone) {
        self.phone = phone
        retry()
    }

    public func end() { watching?.cancel() }

    public func retry() {
        watching?.cancel()
        watching = Task { [weak self, phone] in
            await phone.eachChange {
                self?.state = .failed(Problem($0))
            } _: {
                await self?.changed($0.challenges)
            }
        }
    }

    /// Each second.
    public func tick() {
        guard case .shown(let cards) = state else { return }
        let ticked = cards.map { $0.with(secondsLeft: secondsUntil($0.expiresAt, now: phone.now)) }
            .filter { $0.secondsLeft > 0 }
        if ticked != cards { state = .shown(ticked) }
    }

    private func changed(_ open: [Challenge]) async {
        show(open)
        // Only details tell which requests ask for the same, and what to call them.
        let unread = open.filter { headlines[$0.id] == nil }
        for challenge in unread { await read(challenge) }
        if !unread.isEmpty, let now = try? await phone.core().pending() { show(now) }
    }

    private func read(_ challenge: Challenge) async {
        // Where that fails, the card says for whom; opening it says why.
        guard (try? await phone.speak()) != nil, let core = try? await phone.core() else { return }
        headlines[challenge.id] = try? await core.review(id: challenge.id).headline
    }

    private func show(_ open: [Challenge]) {
        state = .shown(open.filter(\.repeats.leads).map(card))
    }

    private func card(_ challenge: Challenge) -> RequestCard {
        RequestCard(
            id: challenge.id, issuer: challenge.account.issuer, user: challenge.account.user,
            headline: headlines[challenge.id], times: Int(challenge.repeats.times), expiresAt: challenge.expiresAt,
            secondsLeft: secondsUntil(challenge.expiresAt, now: phone.now))
    }
}

public enum RequestsState: Equatable, Sendable {
    case loading
    case failed(Problem)
    /// Empty: nothing is waiting.
    case shown([RequestCard])

    public var waiting: Int { if case .shown(let cards) = self { cards.count } else { 0 } }
}

/// One card of the queue. `headline` is `nil` until the details were read.
public struct RequestCard: Equatable, Sendable {
    public let id: ChallengeId
    public let issuer: String
    public let user: String
    public let headline: String?
    public let times: Int
    public let expiresAt: Int64
    public var secondsLeft: Int

    public init(
        id: ChallengeId, issuer: String, user: String, headline: String?, times: Int, expiresAt: Int64, secondsLeft: Int
    ) {
        self.id = id
        self.issuer = issuer
        self.user = user
        self.headline = headline
        self.times = times
        self.expiresAt = expiresAt
        self.secondsLeft = secondsLeft
    }

    func with(secondsLeft: Int) -> RequestCard {
        var card = self
        card.secondsLeft = secondsLeft
        return card
    }
}
