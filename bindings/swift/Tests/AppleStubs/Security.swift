import Foundation

// Core Foundation, which Apple's Foundation brings along; bridged types are the bridged types themselves.
public typealias CFString = String
public typealias CFData = Data
public typealias CFDictionary = [String: Any]
public typealias CFTypeRef = AnyObject
public typealias CFErrorDomain = CFString
public final class CFAllocator {}
public final class CFError {}
public func CFErrorGetDomain(_ err: CFError!) -> CFErrorDomain! { fatalError() }
public func CFErrorGetCode(_ err: CFError!) -> Int { fatalError() }

public typealias OSStatus = Int32
public var errSecSuccess: OSStatus { 0 }
public var errSecItemNotFound: OSStatus { -25300 }

public final class SecKey {}
public final class SecAccessControl {}
public struct SecAccessControlCreateFlags: OptionSet, Sendable {
    public let rawValue: UInt
    public init(rawValue: UInt) { self.rawValue = rawValue }
    public static let biometryCurrentSet = SecAccessControlCreateFlags(rawValue: 1)
    public static let privateKeyUsage = SecAccessControlCreateFlags(rawValue: 2)
}
public struct SecKeyAlgorithm: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public static let ecdsaSignatureMessageX962SHA256 = SecKeyAlgorithm(rawValue: "")
    public static let rsaSignatureMessagePKCS1v15SHA256 = SecKeyAlgorithm(rawValue: "")
    public static let eciesEncryptionCofactorX963SHA256AESGCM = SecKeyAlgorithm(rawValue: "")
}
public enum SecKeyOperationType: Int { case sign, verify, encrypt, decrypt, keyExchange }

public let kSecAttrAccessControl: CFString = ""
public let kSecAttrAccessGroup: CFString = ""
public let kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly: CFString = ""
public let kSecAttrAccessibleWhenPasscodeSetThisDeviceOnly: CFString = ""
public let kSecAttrApplicationTag: CFString = ""
public let kSecAttrIsPermanent: CFString = ""
public let kSecAttrKeyClass: CFString = ""
public let kSecAttrKeyClassPrivate: CFString = ""
public let kSecAttrKeySizeInBits: CFString = ""
public let kSecAttrKeyType: CFString = ""
public let kSecAttrKeyTypeECSECPrimeRandom: CFString = ""
public let kSecAttrKeyTypeRSA: CFString = ""
public let kSecAttrTokenID: CFString = ""
public let kSecAttrTokenIDSecureEnclave: CFString = ""
public let kSecClass: CFString = ""
public let kSecClassKey: CFString = ""
public let kSecPrivateKeyAttrs: CFString = ""
public let kSecReturnRef: CFString = ""
public let kSecUseAuthenticationContext: CFString = ""
public let kSecUseDataProtectionKeychain: CFString = ""

public typealias ErrorPointer = UnsafeMutablePointer<Unmanaged<CFError>?>

public func SecItemCopyMatching(_ query: CFDictionary, _ result: UnsafeMutablePointer<CFTypeRef?>?) -> OSStatus { 0 }
public func SecItemDelete(_ query: CFDictionary) -> OSStatus { 0 }
public func SecAccessControlCreateWithFlags(
    _ allocator: CFAllocator?, _ protection: Any, _ flags: SecAccessControlCreateFlags, _ error: ErrorPointer?
) -> SecAccessControl? { nil }
public func SecKeyCreateRandomKey(_ parameters: CFDictionary, _ error: ErrorPointer?) -> SecKey? { nil }
public func SecKeyCopyPublicKey(_ key: SecKey) -> SecKey? { nil }
public func SecKeyCopyExternalRepresentation(_ key: SecKey, _ error: ErrorPointer?) -> CFData? { nil }
public func SecKeyIsAlgorithmSupported(
    _ key: SecKey, _ operation: SecKeyOperationType, _ algorithm: SecKeyAlgorithm
) -> Bool { false }
public func SecKeyCreateSignature(
    _ key: SecKey, _ algorithm: SecKeyAlgorithm, _ dataToSign: CFData, _ error: ErrorPointer?
) -> CFData? { nil }
public func SecKeyCreateEncryptedData(
    _ key: SecKey, _ algorithm: SecKeyAlgorithm, _ plaintext: CFData, _ error: ErrorPointer?
) -> CFData? { nil }
public func SecKeyCreateDecryptedData(
    _ key: SecKey, _ algorithm: SecKeyAlgorithm, _ ciphertext: CFData, _ error: ErrorPointer?
) -> CFData? { nil }
