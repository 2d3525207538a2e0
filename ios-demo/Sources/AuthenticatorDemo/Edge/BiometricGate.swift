import AuthenticatorCore
import Foundation

/// The platform's prompt: what stands between a tap on "approve" and the approval key.
public protocol BiometricGate: Sendable {
    /// Shows the prompt with this sentence, and signs the request's message with the approval key.
    func sign(_ request: SigningRequest, reason: String) async -> Unlock

    /// Asks for the person without a key, by face, fingerprint or the phone's code: before a new approval key is made.
    func confirmPerson(reason: String) async -> Unlock
}

/// How a prompt ended.
public enum Unlock: Sendable, Equatable {
    /// The person passed; the signature is empty where there was nothing to sign.
    case passed(Data)
    /// The person closed the prompt, or did not pass it.
    case cancelled
    /// Too many tries: only the phone's code opens it again.
    case lockedOut
    /// This phone has no biometrics, or none are set up.
    case unavailable
    /// Other faces or fingerprints than those that the key was made for, or no key at all.
    case keyLost
}

extension Unlock {
    /// What an error of LocalAuthentication (`LAError.Code`) means here.
    public init(localAuthentication code: Int) {
        switch code {
        case -8: self = .lockedOut  // biometryLockout
        case -5, -6, -7: self = .unavailable  // passcodeNotSet, biometryNotAvailable, biometryNotEnrolled
        default: self = .cancelled
        }
    }

    /// What a failed signature means, where LocalAuthentication itself has no objection.
    public init(_ error: any Error) {
        switch error as? KeyStoreError {
        case .Missing, .Invalidated: self = .keyLost
        case .Unsupported: self = .unavailable
        default: self = .cancelled
        }
    }
}
