#if canImport(UIKit) && canImport(Security)
import AuthenticatorCore
import BackgroundTasks
import Foundation
import UIKit

/// This phone: a store in the app's own folder, keys in the Keychain and the Secure Enclave.
@MainActor
public final class ApplePlatform: Platform {
    /// The background task that sends what waits; named in Info.plist.
    public static let delivery = "dev.authenticatorcore.demo.delivery"
    private let keys: KeychainKeyStore
    private let settings: StoredSettings

    public init(keys: KeychainKeyStore, settings: StoredSettings) {
        self.keys = keys
        self.settings = settings
    }

    public func open(userVerification: Bool) async throws -> any AuthenticatorProtocol {
        try await Authenticator.open(config: config(userVerification), keys: keys)
    }

    public func repairStore(userVerification: Bool) async throws {
        _ = try await AuthenticatorCore.repairStore(config: config(userVerification), keys: keys)
    }

    private func config(_ userVerification: Bool) throws -> Config {
        var folder = try FileManager.default.url(
            for: .applicationSupportDirectory, in: .userDomainMask, appropriateFor: nil, create: true
        ).appendingPathComponent("authenticator", isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // On another phone there would be no key for it.
        var values = URLResourceValues()
        values.isExcludedFromBackup = true
        try folder.setResourceValues(values)
        var config = Config.at(folder.appendingPathComponent("store.db"))
        config.app = App(name: "Authenticator Demo", version: "0.1.0")
        config.userVerification = userVerification
        #if DEBUG
        // The sandbox on this machine.
        config.allowLoopbackCleartext = true
        #endif
        return config
    }

    public func device() -> Device {
        let push = settings.pushToken.map { PushToken(service: .apns, token: SecretText($0)) }
        return Device(name: UIDevice.current.name, identifier: nil, push: push)
    }

    public func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

    public var language: String { Locale.preferredLanguages.first ?? "en" }

    public func deliverLater() {
        let request = BGProcessingTaskRequest(identifier: Self.delivery)
        request.requiresNetworkConnectivity = true
        // Fails where the person has switched background tasks off: the answer goes out when the app is opened.
        try? BGTaskScheduler.shared.submit(request)
    }
}
#endif
