import AuthenticatorCore

/// What a person is told about an error, and what can be done. The words are the screen's.
public struct Problem: Equatable, Sendable {
    public enum What: Sendable {
        case offline, notSecure, server, keysLocked, keyLost, storeLost
        case invitationMalformed, invitationOther, invitationOpenPage, invitationExpired, alreadyHere
        case other
    }

    public let what: What
    public let code: String
    public let retry: Bool

    public init(_ what: What, code: String, retry: Bool) {
        self.what = what
        self.code = code
        self.retry = retry
    }

    public init(_ error: AuthenticatorError) {
        self.init(Self.what(error), code: error.code.text, retry: error.errorClass == .retry)
    }

    /// Calls of the core throw nothing else; what the platform's own code throws has no words.
    public init(_ error: any Error) {
        self = (error as? AuthenticatorError).map(Problem.init) ?? Problem(.other, code: "failed", retry: false)
    }

    private static func what(_ error: AuthenticatorError) -> What {
        switch error.code {
        case .invitationMalformed, .serverAddress: .invitationMalformed
        case .invitationOther: .invitationOther
        case .invitationOpenPage: .invitationOpenPage
        case .invitationExpired: .invitationExpired
        case .enrollmentConflict: .alreadyHere
        case .tlsFailed, .tlsUnavailable: .notSecure
        case .keysLocked: .keysLocked
        case .keyMissing, .keyInvalidated, .enrollmentGone: .keyLost
        case .storeCorrupt: .storeLost
        default:
            switch error.kind {
            case .network: .offline
            case .server: .server
            default: .other
            }
        }
    }
}
