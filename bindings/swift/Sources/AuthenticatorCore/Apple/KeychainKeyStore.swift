#if canImport(Security) && canImport(LocalAuthentication)
import Foundation
import LocalAuthentication
import Security

/// Keys in the Keychain and the Secure Enclave; none of them leaves the device, in no backup either.
///
/// | Key | Kind | Where | When |
/// |---|---|---|---|
/// | enrolment | RSA-2048, as Guardian wants it | Keychain: the Secure Enclave has no RSA | after the first unlock, without a prompt |
/// | enrolment | P-256, where configured | Secure Enclave | after the first unlock, without a prompt |
/// | approval | P-256 | Secure Enclave | behind biometrics, as enrolled when it was made |
/// | of the store | P-256 | Secure Enclave | after the first unlock, without a prompt |
///
/// A device without Secure Enclave gets `key_store_failed` for what has to be in it; nothing is put elsewhere silently.
/// (The simulator of Xcode has none: there keys are in its Keychain, and ``KeyInfo/protection`` says `software`.)
public final class KeychainKeyStore: KeyStore {
    private let tag: String
    private let accessGroup: String?

    /// - Parameters:
    ///   - prefix: begins the application tag of every key, so that two stores in one app do not meet.
    ///   - accessGroup: the Keychain access group that an app shares with its extensions; `nil`: the app's own.
    public init(prefix: String = "authenticator-core", accessGroup: String? = nil) {
        self.tag = prefix
        self.accessGroup = accessGroup
    }

    /// Makes a key pair. Replaces a key of the same alias.
    public func generate(alias: String, algorithm: KeyAlgorithm, purpose: KeyPurpose) throws -> KeyInfo {
        try delete(alias: alias)
        let key = try makeKey(alias, algorithm: algorithm, purpose: purpose)
        return KeyInfo(
            publicKey: try Self.exported(key, algorithm), protection: Self.protection(algorithm), attestation: [])
    }

    /// The public half of a key.
    public func publicKey(alias: String) throws -> PublicKey {
        let key = try find(alias)
        return try Self.exported(key, Self.algorithm(of: key))
    }

    /// Signs with a key that needs no prompt. The core calls this on threads of its own.
    public func sign(alias: String, message: Data) throws -> Data {
        try Self.signature(find(alias), message)
    }

    /// Destroys a key.
    public func delete(alias: String) throws {
        let status = SecItemDelete(query(alias) as CFDictionary)
        guard status == errSecSuccess || status == errSecItemNotFound else { throw Self.failure(status) }
    }

    /// Encrypts the data key of the store (ECIES on P-256, AES-256-GCM).
    public func wrap(dataKey: Data) throws -> Data {
        let key: SecKey
        do {
            key = try find(Self.storeKey)
        } catch KeyStoreError.Missing {
            key = try makeKey(Self.storeKey, algorithm: .p256, purpose: .enrollment)
        }
        guard let publicKey = SecKeyCopyPublicKey(key) else { throw KeyStoreError.Failed }
        var error: Unmanaged<CFError>?
        guard let wrapped = SecKeyCreateEncryptedData(publicKey, Self.sealing, dataKey as CFData, &error) else {
            throw Self.failure(error)
        }
        return wrapped as Data
    }

    /// Reverses ``wrap(dataKey:)``.
    public func unwrap(wrapped: Data) throws -> Data {
        let key = try find(Self.storeKey)
        var error: Unmanaged<CFError>?
        guard let dataKey = SecKeyCreateDecryptedData(key, Self.sealing, wrapped as CFData, &error) else {
            throw Self.failure(error)
        }
        return dataKey as Data
    }

    /// Shows the prompt with this sentence and signs, for ``AuthenticatorProtocol/approve(_:confirmation:sign:)``.
    ///
    /// Throws ``KeyStoreError``: `UserVerificationFailed` when the person cancelled, `Missing` or `Invalidated` when the
    /// key has to be replaced (``Authenticator/replaceApprovalKey(id:)``).
    public func signature(for request: SigningRequest, reason: String) async throws -> Data {
        try await withCheckedThrowingContinuation { continuation in
            // Blocks until the person has decided.
            DispatchQueue.global(qos: .userInitiated).async {
                continuation.resume(
                    with: Result {
                        let context = LAContext()
                        context.localizedReason = reason
                        return try Self.signature(self.find(request.keyAlias, context), request.message)
                    })
            }
        }
    }

    private static let storeKey = "store"
    private static let sealing = SecKeyAlgorithm.eciesEncryptionCofactorX963SHA256AESGCM

    private func makeKey(_ alias: String, algorithm: KeyAlgorithm, purpose: KeyPurpose) throws -> SecKey {
        var attributes: [String: Any] = [
            kSecAttrKeyType as String: algorithm == .p256 ? kSecAttrKeyTypeECSECPrimeRandom : kSecAttrKeyTypeRSA,
            kSecAttrKeySizeInBits as String: algorithm == .p256 ? 256 : 2048,
        ]
        #if !targetEnvironment(simulator)
        if algorithm == .p256 { attributes[kSecAttrTokenID as String] = kSecAttrTokenIDSecureEnclave }
        #endif
        attributes[kSecPrivateKeyAttrs as String] = try permanent(alias, algorithm, purpose)
        var error: Unmanaged<CFError>?
        guard let key = SecKeyCreateRandomKey(attributes as CFDictionary, &error) else { throw Self.failure(error) }
        return key
    }

    private func permanent(_ alias: String, _ algorithm: KeyAlgorithm, _ purpose: KeyPurpose) throws -> [String: Any] {
        let approval = purpose == .approval
        var flags: SecAccessControlCreateFlags = algorithm == .p256 ? .privateKeyUsage : []
        if approval { flags.insert(.biometryCurrentSet) }
        let when =
            approval ? kSecAttrAccessibleWhenPasscodeSetThisDeviceOnly : kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
        var error: Unmanaged<CFError>?
        guard let access = SecAccessControlCreateWithFlags(nil, when, flags, &error) else { throw Self.failure(error) }
        var attributes = query(alias)
        attributes[kSecAttrIsPermanent as String] = true
        attributes[kSecAttrAccessControl as String] = access
        return attributes
    }

    private func query(_ alias: String) -> [String: Any] {
        var query: [String: Any] = [
            kSecClass as String: kSecClassKey,
            kSecAttrKeyClass as String: kSecAttrKeyClassPrivate,
            kSecAttrApplicationTag as String: Data("\(tag).\(alias)".utf8),
            kSecUseDataProtectionKeychain as String: true,
        ]
        if let accessGroup { query[kSecAttrAccessGroup as String] = accessGroup }
        return query
    }

    private func find(_ alias: String, _ context: LAContext? = nil) throws -> SecKey {
        var query = query(alias)
        query[kSecReturnRef as String] = true
        if let context { query[kSecUseAuthenticationContext as String] = context }
        var item: CFTypeRef?
        let status = SecItemCopyMatching(query as CFDictionary, &item)
        guard status == errSecSuccess, let item else { throw Self.failure(status) }
        // A query for keys that asks for a reference gives a key and nothing else.
        return item as! SecKey
    }

    private static func signature(_ key: SecKey, _ message: Data) throws -> Data {
        let algorithm: SecKeyAlgorithm =
            algorithm(of: key) == .p256 ? .ecdsaSignatureMessageX962SHA256 : .rsaSignatureMessagePKCS1v15SHA256
        var error: Unmanaged<CFError>?
        guard let signature = SecKeyCreateSignature(key, algorithm, message as CFData, &error) else {
            throw failure(error)
        }
        return signature as Data
    }

    private static func algorithm(of key: SecKey) -> KeyAlgorithm {
        SecKeyIsAlgorithmSupported(key, .sign, .ecdsaSignatureMessageX962SHA256) ? .p256 : .rsa2048
    }

    private static func exported(_ key: SecKey, _ algorithm: KeyAlgorithm) throws -> PublicKey {
        var error: Unmanaged<CFError>?
        guard let publicKey = SecKeyCopyPublicKey(key) else { throw KeyStoreError.Failed }
        guard let bytes = SecKeyCopyExternalRepresentation(publicKey, &error) else { throw failure(error) }
        return PublicKey(algorithm: algorithm, format: algorithm == .p256 ? .x963 : .pkcs1, bytes: bytes as Data)
    }

    private static func protection(_ algorithm: KeyAlgorithm) -> ProtectionLevel {
        #if targetEnvironment(simulator)
        .software
        #else
        algorithm == .p256 ? .secureElement : .software
        #endif
    }

    private static func failure(_ status: OSStatus) -> KeyStoreError {
        AppleFailure.keyStoreError(domain: AppleFailure.status, code: Int(status))
    }

    private static func failure(_ error: Unmanaged<CFError>?) -> KeyStoreError {
        guard let error = error?.takeRetainedValue() else { return .Failed }
        return AppleFailure.keyStoreError(domain: CFErrorGetDomain(error) as String, code: CFErrorGetCode(error))
    }
}
#endif
