import AuthenticatorCore
import Foundation

/// The one authenticator of the process, opened when somebody first asks for it, and what the phone adds to it.
@MainActor
public final class Phone {
    public let platform: any Platform
    public let gate: any BiometricGate
    public let settings: any Settings
    private var opening: Task<any AuthenticatorProtocol, any Error>?

    public init(platform: any Platform, gate: any BiometricGate, settings: any Settings) {
        self.platform = platform
        self.gate = gate
        self.settings = settings
    }

    /// The authenticator. Throws what `Authenticator.open` throws, and tries again the next time.
    public func core() async throws -> any AuthenticatorProtocol {
        if let opening { return try await opening.value }
        return try await open(after: nil)
    }

    /// Opens it anew, for a setting that is read at that moment.
    public func reopen() async throws {
        _ = try await open(after: opening)
    }

    private func open(
        after before: Task<any AuthenticatorProtocol, any Error>?
    ) async throws -> any AuthenticatorProtocol {
        let task = Task { [platform, settings] in
            if let before { try await before.value.shutdown() }
            return try await platform.open(userVerification: settings.biometric)
        }
        opening = task
        do {
            return try await task.value
        } catch {
            if opening == task { opening = nil }
            throw error
        }
    }

    /// After `key_missing` or a damaged file: saves what can be read, and opens what is left.
    public func repair() async throws {
        try await platform.repairStore(userVerification: settings.biometric)
        _ = try await core()
    }

    /// Closes the authenticator; the next call opens it again.
    public func close() async {
        let before = opening
        opening = nil
        try? await before?.value.shutdown()
    }

    /// Whatever changes (what is open, what was settled), for as long as the task lives. Where the authenticator does not
    /// open, `failed` hears why, and it is tried again.
    public func eachChange(
        failed: (any Error) -> Void = { _ in }, _ changed: (Change) async -> Void
    ) async {
        while !Task.isCancelled {
            do {
                // Such a sequence ends when the authenticator is opened anew; then comes that one's.
                for try await change in try await core().changes { await changed(change) }
            } catch {
                failed(error)
                try? await Task.sleep(for: .seconds(2))
            }
        }
    }

    public var now: Int64 { platform.now() }

    /// Reviews from now on speak the language that was chosen, and tell the time of where the phone is.
    public func speak() async throws {
        let zone = TimeZone.current
        let locale = settings.language ?? platform.language
        let display = Display(
            locale: locale, zone: zone.identifier,
            utcOffsetMinutes: Int32(zone.secondsFromGMT(for: Date(milliseconds: now)) / 60))
        try await core().setDisplay(display: display)
    }
}

/// What differs between a phone and a test: how the authenticator is opened, what this device is, and the time.
@MainActor
public protocol Platform {
    func open(userVerification: Bool) async throws -> any AuthenticatorProtocol
    func repairStore(userVerification: Bool) async throws
    func device() -> Device
    func now() -> Int64
    /// BCP 47 tag of the language that the person reads first.
    var language: String { get }
    /// An answer is stored and could not be sent: has somebody call `flush` when there is a network.
    func deliverLater()
}

/// What a person chose, and what the app remembers beside the core's store. Nothing of it is secret.
@MainActor
public protocol Settings: AnyObject {
    /// BCP 47 tag of reviews; `nil`: that of the phone.
    var language: String? { get set }
    /// Whether accounts are made with an approval key behind a prompt.
    var biometric: Bool { get set }
    /// When the last push of ours came, Unix milliseconds; 0: none yet.
    var lastPush: Int64 { get set }
}

extension Date {
    public init(milliseconds: Int64) { self.init(timeIntervalSince1970: Double(milliseconds) / 1000) }
}

/// Whole seconds until a time, never less than 0.
func secondsUntil(_ time: Int64, now: Int64) -> Int { Int(min(max((time - now + 999) / 1000, 0), 86_400 * 365)) }
