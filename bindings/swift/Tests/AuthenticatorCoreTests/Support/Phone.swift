import AuthenticatorCore
import Foundation

/// A phone: the library on a real file, enrolled with a sandbox over TLS, with its pushes.
final class Phone: Sendable {
    let app: Authenticator
    let keys: any KeyStore
    let clock: TestClock
    let user: String
    let enrollment: Enrollment
    let sandbox: Sandbox
    private let config: Config
    private let pushes: Locked<AsyncStream<String>.Iterator>

    /// Enrols a new user of the sandbox.
    static func enrolled(
        with sandbox: Sandbox, keys: any KeyStore = softwareKeyStore(), transport: (any HttpTransport)? = nil,
        configure: (inout Config) -> Void = { _ in }
    ) async throws -> Phone {
        var config = try offline()
        config.servers = [Server(name: "sandbox", address: sandbox.tlsOrigin, dialect: .guardian)]
        config.extraRootPem = sandbox.ca
        configure(&config)
        let clock = TestClock()
        let app = try await Authenticator.openWithClock(config: config, keys: keys, clock: clock, transport: transport)
        let user = try await sandbox.user()
        let token = unique("token")
        let push = PushToken(service: .apns, token: SecretText(token))
        let enrollment = try await app.enroll(
            invitation: sandbox.invitation(for: user), server: "sandbox",
            device: Device(name: "Test phone", identifier: nil, push: push))
        return Phone(app, keys, clock, user, enrollment, sandbox, config, sandbox.pushes(for: token))
    }

    /// Settings for a store in a folder of its own, without a server.
    static func offline() throws -> Config {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(unique("phone"))
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var config = Config.at(folder.appendingPathComponent("store.db"))
        config.autoRetry = false
        return config
    }

    private init(
        _ app: Authenticator, _ keys: any KeyStore, _ clock: TestClock, _ user: String, _ enrollment: Enrollment,
        _ sandbox: Sandbox, _ config: Config, _ pushes: AsyncStream<String>
    ) {
        self.app = app
        self.keys = keys
        self.clock = clock
        self.user = user
        self.enrollment = enrollment
        self.sandbox = sandbox
        self.config = config
        self.pushes = Locked(pushes.makeAsyncIterator())
    }

    deinit {
        try? FileManager.default.removeItem(at: URL(fileURLWithPath: config.store).deletingLastPathComponent())
    }

    /// The next push, as the app gets it.
    func push() async throws -> String {
        var iterator = pushes.now
        guard let payload = await iterator.next() else { throw Unexpected("the push stream ended") }
        return payload
    }

    /// The next push, received.
    func challenge() async throws -> Challenge { try await app.receivePush(payload: push()) }

    /// An agent asks; the request, and the review on screen.
    func asked(details: String? = Sandbox.payment) async throws -> (request: String, review: Review) {
        let request = try await sandbox.ask(user, details: details)
        return (request, try await app.review(id: challenge().id))
    }

    /// What the agent learns.
    func outcome(of request: String) async throws -> String { try await sandbox.outcome(of: request) }

    /// The same app, after its process ended and began anew.
    func reopened(transport: (any HttpTransport)?) async throws -> Authenticator {
        try await Authenticator.openWithClock(config: config, keys: keys, clock: clock, transport: transport)
    }
}

/// The device clock, movable.
final class TestClock: DeviceClock {
    private let ahead = Locked<Int64>(0)

    func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) + ahead.now }
    func advance(seconds: Int64) { ahead.withLock { $0 += seconds * 1000 } }
}

/// The error that a call must throw.
func failure(_ call: () async throws -> some Any) async -> AuthenticatorError? {
    do {
        _ = try await call()
        return nil
    } catch {
        return error as? AuthenticatorError
    }
}
