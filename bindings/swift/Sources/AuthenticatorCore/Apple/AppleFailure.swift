/// What a failure of Apple's frameworks means to the core. Pure, so that it is tested where there is no Keychain.
enum AppleFailure {
    /// Domain of `OSStatus` values.
    static let status = "NSOSStatusErrorDomain"
    /// `LAErrorDomain`.
    static let localAuthentication = "com.apple.LocalAuthentication"

    static func keyStoreError(domain: String, code: Int) -> KeyStoreError {
        switch domain {
        case status: keyStoreError(status: code)
        case localAuthentication: keyStoreError(localAuthentication: code)
        default: .Failed
        }
    }

    private static func keyStoreError(status: Int) -> KeyStoreError {
        switch status {
        case -25300: .Missing  // errSecItemNotFound
        case -25308, -25291: .Locked  // errSecInteractionNotAllowed, errSecNotAvailable
        case -25293, -128: .UserVerificationFailed  // errSecAuthFailed, errSecUserCanceled
        case -4, -50: .Unsupported  // errSecUnimplemented, errSecParam: a device without what was asked for
        default: .Failed
        }
    }

    private static func keyStoreError(localAuthentication code: Int) -> KeyStoreError {
        switch code {
        case -1, -2, -3, -4, -8, -9, -10: .UserVerificationFailed  // failed, cancelled, locked out, context gone
        case -5, -7: .Invalidated  // no passcode, no biometry any more: the system has dropped the key
        case -6: .Unsupported  // biometryNotAvailable
        case -1004: .Locked  // notInteractive: in the background
        default: .Failed
        }
    }
}
