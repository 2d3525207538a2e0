import AuthenticatorCore
import AuthenticatorDemo
import DemoWords
import Foundation

/// The app with keys in memory, a prompt that a test answers, and a clock that it moves; the rest is the real thing.
@MainActor
class DemoDevice {
    let gate: ScriptedGate
    let keys = SpoiltKeys()
    let clock = MovableClock()
    let settings = MemorySettings()
    let notifier = Notifications()
    let phone: Phone
    let session: Session
    let pushes: PushReceiver
    private let address: SandboxAddress
    private let platform: BenchPlatform
    private var listening: Task<Void, Never>?

    /// - Parameters:
    ///   - servers: whether the sandbox is among the configured ones, or a person has to be asked about it.
    ///   - allowed: whether notifications are.
    init(
        _ address: SandboxAddress, words: Words = Words(language: "en-GB"), servers: Bool = true, allowed: Bool = true
    ) throws {
        self.address = address
        gate = ScriptedGate(keys)
        platform = try BenchPlatform(address, keys, clock, servers: servers)
        phone = Phone(platform: platform, gate: gate, settings: settings)
        session = Session(phone: phone, words: words, hasCamera: true) { allowed }
        pushes = PushReceiver(phone: phone, notifier: notifier)
    }

    var deliveries: Int { platform.deliveries }

    /// Listens to the sandbox, as a debug build does.
    func listen() throws {
        guard listening == nil else { return }
        guard let console = URL(string: address.console),
            let source = DevelopmentPushes(console: console, token: platform.token)
        else { throw Unexpected("no console on loopback: \(address.console)") }
        listening = Task { [pushes] in
            for await payload in source.payloads { await pushes.received(payload: payload) }
        }
    }

    /// As the code on the page would be, were it shown over TLS.
    func secure(_ invitation: String) -> String {
        let origin = address.tlsOrigin.addingPercentEncoding(withAllowedCharacters: .alphanumerics)!
        return invitation.components(separatedBy: "&base_url=")[0] + "&base_url=\(origin)"
    }

    func close() async {
        listening?.cancel()
        pushes.end()
        session.end()
        await phone.close()
        platform.erase()
    }
}

/// Where a sandbox is, as it says itself (`serve --tls --json`).
struct SandboxAddress: Sendable {
    /// Without a slash at its end.
    let console: String
    let tlsOrigin: String
    /// PEM of the root that its certificate hangs on.
    let ca: String
}

/// A device for a user of a sandbox that the test controls.
@MainActor
final class Bench: DemoDevice {
    let sandbox: Sandbox
    let user: String

    init(_ sandbox: Sandbox, words: Words = Words(language: "en-GB"), servers: Bool = true, allowed: Bool = true) async throws {
        self.sandbox = sandbox
        user = try await sandbox.user()
        let address = SandboxAddress(console: sandbox.console, tlsOrigin: sandbox.tlsOrigin, ca: sandbox.ca)
        try super.init(address, words: words, servers: servers, allowed: allowed)
    }

    func invitation() async throws -> String { secure(try await sandbox.invitation(for: user)) }

    func enrolled() async throws {
        try await enrol(invitation())
        try await sees("Account added")
        try await tap("Close")
        try await sees("bank-dev")
        try listen()
    }

    /// Asks, and opens what came.
    func opened(_ details: String? = Sandbox.payment) async throws -> String {
        let request = try await sandbox.ask(user, details: details)
        session.openRequest(try await notified().challenge)
        return request
    }
}

/// This process as a phone.
@MainActor
private final class BenchPlatform: Platform {
    let token = unique("demo")
    let language = "en-GB"
    private(set) var deliveries = 0
    private let keys: SpoiltKeys
    private let clock: MovableClock
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(unique("demo"))
    private var config: Config

    init(_ sandbox: SandboxAddress, _ keys: SpoiltKeys, _ clock: MovableClock, servers: Bool) throws {
        self.keys = keys
        self.clock = clock
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        config = Config.at(folder.appendingPathComponent("store.db"))
        if servers { config.servers = [Server(name: "sandbox", address: sandbox.tlsOrigin, dialect: .guardian)] }
        config.extraRootPem = sandbox.ca
        config.autoRetry = false
    }

    func open(userVerification: Bool) async throws -> any AuthenticatorProtocol {
        config.userVerification = userVerification
        return try await Authenticator.openWithClock(config: config, keys: keys, clock: clock, transport: nil)
    }

    func repairStore(userVerification: Bool) async throws {
        config.userVerification = userVerification
        _ = try await AuthenticatorCore.repairStore(config: config, keys: keys)
    }

    func device() -> Device {
        Device(name: "Test phone", identifier: nil, push: PushToken(service: .apns, token: SecretText(token)))
    }

    func now() -> Int64 { clock.now() }
    func deliverLater() { deliveries += 1 }
    func erase() { try? FileManager.default.removeItem(at: folder) }
}

final class MovableClock: DeviceClock {
    private let ahead = Locked<Int64>(0)

    func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) + ahead.now }
    func advance(seconds: Int64) { ahead.withLock { $0 += seconds * 1000 } }
}

/// The prompt: passes unless a test says otherwise.
final class ScriptedGate: BiometricGate {
    private let keys: SpoiltKeys
    private let scripted = Locked<Unlock?>(nil)
    private let asked = Locked<[String]>([])
    private let held = Locked<AsyncStream<Void>?>(nil)
    private let holding = Locked<AsyncStream<Void>.Continuation?>(nil)

    init(_ keys: SpoiltKeys) { self.keys = keys }

    /// What comes of the prompts from now on; `nil`: they pass.
    func next(_ unlock: Unlock?) { scripted.withLock { $0 = unlock } }
    var prompts: [String] { asked.now }

    /// The next prompt stays open until `release`.
    func hold() {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        held.withLock { $0 = stream }
        holding.withLock { $0 = continuation }
    }
    func release() { holding.now?.finish() }

    func sign(_ request: SigningRequest, reason: String) async -> Unlock {
        asked.withLock { $0.append(reason) }
        if let held = held.now { for await _ in held {} }
        if let scripted = scripted.now { return scripted }
        do {
            return .passed(try keys.sign(alias: request.keyAlias, message: request.message))
        } catch {
            return Unlock(error)
        }
    }

    func confirmPerson(reason: String) async -> Unlock { scripted.now ?? .passed(Data()) }
}

/// Keys that can be lost.
final class SpoiltKeys: KeyStore {
    private let rust: any KeyStore = softwareKeyStore()
    private let lost = Locked<@Sendable (String) -> Bool>({ _ in false })

    func lose(_ which: @escaping @Sendable (String) -> Bool) { lost.withLock { $0 = which } }

    private func check(_ alias: String) throws {
        if lost.now(alias) { throw KeyStoreError.Missing }
    }

    func sign(alias: String, message: Data) throws -> Data {
        try check(alias)
        return try rust.sign(alias: alias, message: message)
    }
    func publicKey(alias: String) throws -> PublicKey {
        try check(alias)
        return try rust.publicKey(alias: alias)
    }
    func generate(alias: String, algorithm: KeyAlgorithm, purpose: KeyPurpose) throws -> KeyInfo {
        try rust.generate(alias: alias, algorithm: algorithm, purpose: purpose)
    }
    func delete(alias: String) throws { try rust.delete(alias: alias) }
    func wrap(dataKey: Data) throws -> Data { try rust.wrap(dataKey: dataKey) }
    func unwrap(wrapped: Data) throws -> Data {
        try check("store")
        return try rust.unwrap(wrapped: wrapped)
    }
}

@MainActor
final class MemorySettings: Settings {
    var language: String? = "en-GB"
    var biometric = true
    var lastPush: Int64 = 0
}

/// Notifications that would be on screen.
final class Notifications: Notifier {
    private let shown = Locked<[RequestNotification]>([])
    var now: [RequestNotification] { shown.now }

    func post(_ notification: RequestNotification) async { shown.withLock { $0.append(notification) } }
    func keepOnly(_ open: [ChallengeId]) async { shown.withLock { $0.removeAll { !open.contains($0.challenge) } } }
}
