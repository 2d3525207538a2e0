import AuthenticatorCore
import Foundation

/// A key store whose calls a test can change one by one; what it does not change goes to Rust's.
final class HostKeys: KeyStore {
    typealias Sign = @Sendable (any KeyStore, String, Data) throws -> Data

    private let rust: any KeyStore = softwareKeyStore()
    private let signing: Locked<Sign>
    /// How many calls are inside right now, and the most there were.
    private let inside = Locked((now: 0, most: 0))

    init(sign: @escaping Sign = { try $0.sign(alias: $1, message: $2) }) { signing = Locked(sign) }

    /// Changes how it signs from now on.
    func sign(_ sign: @escaping Sign) { signing.withLock { $0 = sign } }

    var mostAtOnce: Int { inside.now.most }

    func sign(alias: String, message: Data) throws -> Data {
        inside.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
        defer { inside.withLock { $0.now -= 1 } }
        return try signing.now(rust, alias, message)
    }

    /// What the platform signs behind its prompt, whatever `sign` does.
    func signBehindPrompt(_ request: SigningRequest) throws -> Data {
        try rust.sign(alias: request.keyAlias, message: request.message)
    }

    func generate(alias: String, algorithm: KeyAlgorithm, purpose: KeyPurpose) throws -> KeyInfo {
        try rust.generate(alias: alias, algorithm: algorithm, purpose: purpose)
    }
    func publicKey(alias: String) throws -> PublicKey { try rust.publicKey(alias: alias) }
    func delete(alias: String) throws { try rust.delete(alias: alias) }
    func wrap(dataKey: Data) throws -> Data { try rust.wrap(dataKey: dataKey) }
    func unwrap(wrapped: Data) throws -> Data { try rust.unwrap(wrapped: wrapped) }
}
