import Foundation

/// Settings among the app's own defaults.
@MainActor
public final class StoredSettings: Settings {
    private let defaults: UserDefaults

    public init(_ defaults: UserDefaults = .standard) {
        self.defaults = defaults
        defaults.register(defaults: ["biometric": true])
    }

    public var language: String? {
        get { defaults.string(forKey: "language") }
        set { defaults.set(newValue, forKey: "language") }
    }

    public var biometric: Bool {
        get { defaults.bool(forKey: "biometric") }
        set { defaults.set(newValue, forKey: "biometric") }
    }

    public var lastPush: Int64 {
        get { Int64(defaults.double(forKey: "lastPush")) }
        set { defaults.set(Double(newValue), forKey: "lastPush") }
    }

    /// The push address that APNs, or the development source, gave this installation.
    public var pushToken: String? {
        get { defaults.string(forKey: "pushToken") }
        set { defaults.set(newValue, forKey: "pushToken") }
    }
}
