import AuthenticatorCore
import Foundation
import Observation

/// From a scanned, pasted or typed text to an account. A server that neither the app nor a person has named is asked about
/// first; until then nothing is sent to it.
@MainActor
@Observable
public final class EnrolViewModel {
    public private(set) var state = EnrolState.enter(nil)
    /// What stands in the field. A secret: it is in no state, and nowhere when the app ends.
    public var text = ""
    private let phone: Phone

    public init(phone: Phone) { self.phone = phone }

    public func start() {
        state = .enter(nil)
        text = ""
    }

    public func submit() { submit(text) }

    public func submit(_ text: String) {
        let invitation = text.trimmingCharacters(in: .whitespacesAndNewlines)
        attempt { model in
            do {
                return try await model.enrol(invitation, server: nil)
            } catch let error as AuthenticatorError where error.code == .unknownServer {
                // A bare ticket names nobody to ask about.
                guard let host = try await model.phone.core().invitationHost(invitation: invitation) else { throw error }
                return .trust(Trust(host: host, invitation: invitation))
            }
        }
    }

    /// The person said that this is the page they opened.
    public func trust() {
        guard case .trust(let question) = state else { return }
        attempt { model in
            let server = try await model.phone.core().addServer(address: question.host)
            return try await model.enrol(question.invitation, server: server)
        }
    }

    private func enrol(_ invitation: String, server: String?) async throws -> EnrolState {
        let made = try await phone.core().enroll(invitation: invitation, server: server, device: phone.platform.device())
        text = ""
        return .done(Enrolled(issuer: made.issuer, user: made.user, recoveryCode: made.recoveryCode))
    }

    private func attempt(_ step: @escaping @MainActor (EnrolViewModel) async throws -> EnrolState) {
        if case .working = state { return }
        state = .working
        Task {
            do {
                state = try await step(self)
            } catch {
                state = .enter(Problem(error))
            }
        }
    }
}

public enum EnrolState: Sendable {
    /// Wants a text; the problem says what was wrong with the last one.
    case enter(Problem?)
    /// Asks about a host that nobody has named before.
    case trust(Trust)
    case working
    case done(Enrolled)
}

/// Holds a secret, and prints nothing of it.
public struct Trust: Sendable, CustomStringConvertible, CustomReflectable {
    public let host: String
    let invitation: String

    public init(host: String, invitation: String) {
        self.host = host
        self.invitation = invitation
    }

    public var description: String { "Trust(\(host))" }
    public var customMirror: Mirror { Mirror(self, children: ["host": host]) }
}

/// The recovery code is here and nowhere else: shown once.
public struct Enrolled: Sendable {
    public let issuer: String
    public let user: String
    public let recoveryCode: SecretText?

    public init(issuer: String, user: String, recoveryCode: SecretText?) {
        self.issuer = issuer
        self.user = user
        self.recoveryCode = recoveryCode
    }
}
