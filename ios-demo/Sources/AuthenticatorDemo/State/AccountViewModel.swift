import AuthenticatorCore
import Observation

/// One account: where its key lives, when it was used, and how to remove it.
@MainActor
@Observable
public final class AccountViewModel {
    public private(set) var state = AccountState.loading
    private let phone: Phone
    private let id: EnrollmentId

    public init(phone: Phone, id: EnrollmentId) {
        self.phone = phone
        self.id = id
        load()
    }

    public func load() {
        attempt { model in
            let account = try await model.phone.core().enrollments().first { $0.id == model.id }
            return account.map { .shown(AccountDetails($0), .no, nil) } ?? .removed
        }
    }

    public func askToRemove() {
        if case .shown(let details, _, let problem) = state { state = .shown(details, .asked, problem) }
    }

    public func keep() {
        if case .shown(let details, _, _) = state { state = .shown(details, .no, nil) }
    }

    /// Removes it on the server, then here. Where the server cannot be reached it asks again: here alone?
    public func remove() {
        guard case .shown(let details, _, _) = state else { return }
        state = .shown(details, .working, nil)
        attempt(failed: { .shown(details, .unreachable, $0) }) { model in
            try await model.phone.core().unenroll(id: model.id)
            return .removed
        }
    }

    public func removeHereOnly() {
        attempt { model in
            try await model.phone.core().forget(id: model.id)
            return .removed
        }
    }

    private func attempt(
        failed: @escaping (Problem) -> AccountState = AccountState.failed,
        _ step: @escaping @MainActor (AccountViewModel) async throws -> AccountState
    ) {
        Task {
            do {
                state = try await step(self)
            } catch {
                state = failed(Problem(error))
            }
        }
    }
}

public enum AccountState: Equatable, Sendable {
    case loading
    case failed(Problem)
    case shown(AccountDetails, Removing, Problem?)
    case removed
}

public enum Removing: Sendable { case no, asked, working, unreachable }

public struct AccountDetails: Equatable, Sendable {
    public let issuer: String
    public let user: String
    public let server: String
    public let addedAt: Int64
    public let usedAt: Int64?
    public let protection: ProtectionLevel
    public let thumbprint: String
    public let approvalThumbprint: String?

    public init(
        issuer: String, user: String, server: String, addedAt: Int64, usedAt: Int64?, protection: ProtectionLevel,
        thumbprint: String, approvalThumbprint: String?
    ) {
        self.issuer = issuer
        self.user = user
        self.server = server
        self.addedAt = addedAt
        self.usedAt = usedAt
        self.protection = protection
        self.thumbprint = thumbprint
        self.approvalThumbprint = approvalThumbprint
    }

    init(_ account: Enrollment) {
        self.init(
            issuer: account.issuer, user: account.user, server: account.baseUrl, addedAt: account.enrolledAt,
            usedAt: account.lastUsedAt, protection: account.protection, thumbprint: account.thumbprint,
            approvalThumbprint: account.approvalThumbprint)
    }
}
