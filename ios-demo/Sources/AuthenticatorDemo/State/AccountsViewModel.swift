import AuthenticatorCore
import Observation

/// The accounts on this phone, and their one-time codes where a person asked to see one.
@MainActor
@Observable
public final class AccountsViewModel {
    public private(set) var state = AccountsState.loading
    private let phone: Phone

    public init(phone: Phone) { self.phone = phone }

    /// Reads them; when the screen opens, and after something was added or removed.
    public func load() {
        Task { state = await read() }
    }

    private func read() async -> AccountsState {
        do {
            let core = try await phone.core()
            let lost = Set(try await core.repair().filter(\.keys.isLost).map(\.enrollment))
            let codes = Dictionary(uniqueKeysWithValues: state.cards.map { ($0.id, $0.code) })
            return .shown(
                try await core.enrollments().map { AccountCard($0, keyLost: lost.contains($0.id), code: codes[$0.id] ?? nil) })
        } catch {
            return .failed(Problem(error))
        }
    }

    public func showCode(_ id: EnrollmentId) {
        Task {
            let code = await code(id)
            change(id) { $0.code = code }
        }
    }

    public func hideCode(_ id: EnrollmentId) { change(id) { $0.code = nil } }

    /// The store's key is gone, or its file is damaged: keeps what can be read.
    public func repair() {
        state = .loading
        Task {
            do {
                try await phone.repair()
                state = await read()
            } catch {
                state = .failed(Problem(error))
            }
        }
    }

    /// Each second.
    public func tick() {
        let open = state.cards.filter { $0.code != nil }.map(\.id)
        guard !open.isEmpty else { return }
        Task {
            for id in open {
                let code = await code(id)
                change(id) { if $0.code != nil { $0.code = code } }
            }
        }
    }

    private func code(_ id: EnrollmentId) async -> Code? {
        guard let code = try? await phone.core().oneTimeCode(id: id) else { return nil }
        return Code(digits: code.code.expose(), secondsLeft: Int(code.secondsLeft), period: Int(code.period))
    }

    private func change(_ id: EnrollmentId, _ how: (inout AccountCard) -> Void) {
        guard case .shown(var cards) = state, let at = cards.firstIndex(where: { $0.id == id }) else { return }
        how(&cards[at])
        state = .shown(cards)
    }
}

extension KeyState {
    fileprivate var isLost: Bool { self == .keyMissing || self == .keyInvalidated }
}

public enum AccountsState: Equatable, Sendable {
    case loading
    case failed(Problem)
    /// Empty: nobody has enrolled yet.
    case shown([AccountCard])

    var cards: [AccountCard] { if case .shown(let cards) = self { cards } else { [] } }
}

public struct AccountCard: Equatable, Sendable {
    public let id: EnrollmentId
    public let issuer: String
    public let user: String
    public let hasCode: Bool
    public let keyLost: Bool
    public var code: Code?

    public init(id: EnrollmentId, issuer: String, user: String, hasCode: Bool, keyLost: Bool, code: Code?) {
        self.id = id
        self.issuer = issuer
        self.user = user
        self.hasCode = hasCode
        self.keyLost = keyLost
        self.code = code
    }

    init(_ account: Enrollment, keyLost: Bool, code: Code?) {
        self.init(
            id: account.id, issuer: account.issuer, user: account.user, hasCode: account.hasOneTimeCode,
            keyLost: keyLost, code: code)
    }
}

/// A one-time code on screen. It prints as nothing: it is a secret for half a minute.
public struct Code: Equatable, Sendable, CustomStringConvertible, CustomReflectable {
    public let digits: String
    public let secondsLeft: Int
    public let period: Int

    public init(digits: String, secondsLeft: Int, period: Int) {
        self.digits = digits
        self.secondsLeft = secondsLeft
        self.period = period
    }

    public var description: String { "Code" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
