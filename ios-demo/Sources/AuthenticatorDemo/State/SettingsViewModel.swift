import AuthenticatorCore
import Observation

/// What a person chooses, and what helps when no request comes.
@MainActor
@Observable
public final class SettingsViewModel {
    public private(set) var state: SettingsState
    private let phone: Phone
    private let notificationsAllowed: @MainActor () async -> Bool

    public init(phone: Phone, notificationsAllowed: @escaping @MainActor () async -> Bool) {
        self.phone = phone
        self.notificationsAllowed = notificationsAllowed
        self.state = SettingsState(language: phone.settings.language, biometric: phone.settings.biometric)
    }

    public func choose(language: String?) {
        phone.settings.language = language
        state.language = language
        // Requests are read in it from the next review on.
        attempt { try await $0.phone.speak() }
    }

    /// For accounts that are added from now on, and those that have no approval key yet. One that has it keeps asking.
    public func ask(forBiometric on: Bool) {
        phone.settings.biometric = on
        state.biometric = on
        attempt { model in
            try await model.phone.reopen()
            guard on else { return }
            let core = try await model.phone.core()
            for account in try await core.enrollments() where account.approvalThumbprint == nil {
                _ = try await core.replaceApprovalKey(id: account.id)
            }
        }
    }

    public func diagnose() {
        attempt { model in
            let core = try await model.phone.core()
            var broken: UInt64?
            for account in try await core.enrollments() where broken == nil {
                broken = try await core.verifyHistory(id: account.id).broken?.seq
            }
            let queued = try await core.history(limit: 200).filter { $0.delivery == .queued }.count
            let lastPush = model.phone.settings.lastPush
            model.state.diagnosis = Diagnosis(
                notificationsAllowed: await model.notificationsAllowed(), lastPush: lastPush > 0 ? lastPush : nil,
                queued: queued, brokenAt: broken.map(Int.init))
        }
    }

    private func attempt(_ step: @escaping @MainActor (SettingsViewModel) async throws -> Void) {
        Task {
            do {
                try await step(self)
                state.problem = nil
            } catch {
                state.problem = Problem(error)
            }
        }
    }
}

public struct SettingsState: Equatable, Sendable {
    public var language: String?
    public var biometric: Bool
    public var diagnosis: Diagnosis?
    public var problem: Problem?

    public init(language: String?, biometric: Bool, diagnosis: Diagnosis? = nil, problem: Problem? = nil) {
        self.language = language
        self.biometric = biometric
        self.diagnosis = diagnosis
        self.problem = problem
    }
}

/// `brokenAt` is the first record of the history that does not hold; `nil`: all of them do.
public struct Diagnosis: Equatable, Sendable {
    public let notificationsAllowed: Bool
    public let lastPush: Int64?
    public let queued: Int
    public let brokenAt: Int?

    public init(notificationsAllowed: Bool, lastPush: Int64?, queued: Int, brokenAt: Int?) {
        self.notificationsAllowed = notificationsAllowed
        self.lastPush = lastPush
        self.queued = queued
        self.brokenAt = brokenAt
    }
}
