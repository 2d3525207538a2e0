import Testing

@testable import AuthenticatorCore

/// What failures of Apple's frameworks mean, tested where there is no Keychain.
@Suite struct AppleFailureTests {
    @Test(arguments: [
        (-25300, KeyStoreError.Missing), (-25308, .Locked), (-25291, .Locked), (-25293, .UserVerificationFailed),
        (-128, .UserVerificationFailed), (-4, .Unsupported), (-34018, .Failed), (0, .Failed),
    ])
    func ofTheKeychain(_ status: Int, _ meaning: KeyStoreError) {
        #expect(AppleFailure.keyStoreError(domain: AppleFailure.status, code: status) == meaning)
    }

    @Test(arguments: [
        (-1, KeyStoreError.UserVerificationFailed), (-2, .UserVerificationFailed), (-8, .UserVerificationFailed),
        (-5, .Invalidated), (-7, .Invalidated), (-6, .Unsupported), (-1004, .Locked), (-99, .Failed),
    ])
    func ofLocalAuthentication(_ code: Int, _ meaning: KeyStoreError) {
        #expect(AppleFailure.keyStoreError(domain: AppleFailure.localAuthentication, code: code) == meaning)
    }

    @Test func ofAnythingElse() {
        #expect(AppleFailure.keyStoreError(domain: "NSCocoaErrorDomain", code: -25300) == .Failed)
    }
}
