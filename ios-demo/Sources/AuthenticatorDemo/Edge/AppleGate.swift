#if canImport(LocalAuthentication) && canImport(Security)
import AuthenticatorCore
import Foundation
import LocalAuthentication

/// Face ID and Touch ID. No logic: which error means what, and nothing else.
public struct AppleGate: BiometricGate {
    private let keys: KeychainKeyStore

    public init(keys: KeychainKeyStore) { self.keys = keys }

    public func sign(_ request: SigningRequest, reason: String) async -> Unlock {
        if let objection = Self.objection { return objection }
        do {
            return .passed(try await keys.signature(for: request, reason: reason))
        } catch {
            // Too many tries look like a cancelled prompt to the Keychain.
            return Self.objection ?? Unlock(error)
        }
    }

    public func confirmPerson(reason: String) async -> Unlock {
        do {
            let passed = try await LAContext().evaluatePolicy(.deviceOwnerAuthentication, localizedReason: reason)
            return passed ? .passed(Data()) : .cancelled
        } catch {
            return Unlock(localAuthentication: (error as NSError).code)
        }
    }

    /// Why there would be no prompt; `nil`: there would be one.
    private static var objection: Unlock? {
        var error: NSError?
        if LAContext().canEvaluatePolicy(.deviceOwnerAuthenticationWithBiometrics, error: &error) { return nil }
        return Unlock(localAuthentication: error?.code ?? 0)
    }
}
#endif
