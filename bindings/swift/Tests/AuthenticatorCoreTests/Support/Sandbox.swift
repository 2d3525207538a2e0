import AuthenticatorCore
import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// `sandbox serve --tls` as a process of its own. Phones speak TLS with it; the agent and the switches take the plain
/// listeners, because Foundation on Linux trusts no further root.
final class Sandbox: Sendable {
    let origin: String
    let tlsOrigin: String
    let ca: String
    let console: String
    private let issuer: String
    private let clientId: String
    private let clientSecret: String
    private let audience: String
    private let process: Child

    /// For all tests that change nothing but their own user.
    static let shared = Result { try Sandbox() }

    init(_ options: String...) throws {
        process = try Child(
            Self.program, ["serve", "--tls", "--json", "--interval", "1", "--no-per-user-limit"] + options)
        let ready = try Json(process.firstLine())
        func value(_ name: String) throws -> String {
            guard let text = ready[name]?.string else { throw Unexpected("serve --json without \(name)") }
            return text
        }
        origin = try value("origin")
        tlsOrigin = try value("tls_origin")
        issuer = try value("issuer")
        ca = try String(contentsOfFile: value("ca"), encoding: .utf8)
        console = try String(value("console_url").split(separator: "?")[0]).trimmingSuffix("/")
        clientId = try value("client_id")
        clientSecret = try value("client_secret")
        audience = try value("audience")
    }

    /// A user of this test's own.
    func user() async throws -> String {
        let answer = try await control("users", #"{"email": "\#(unique("ana"))@example.com"}"#)
        guard let id = answer["user_id"]?.string else { throw Unexpected("no user: \(answer.text)") }
        return id
    }

    func invitation(for user: String) async throws -> String {
        let answer = try await control("invitation", #"{"user_id": "\#(user)"}"#)
        guard let text = answer["invitation"]?.string else { throw Unexpected("no invitation: \(answer.text)") }
        return text
    }

    /// Moves the server's clock.
    func advance(seconds: Int) async throws {
        _ = try await control("clock", #"{"advance_s": \#(seconds)}"#)
    }

    /// Switches faults on: the members of the sandbox's `KnobState`; the others go off.
    func knobs(_ json: String) async throws {
        _ = try await http("PUT", "\(console)/control/knobs", body: json, type: "application/json")
    }

    /// Pushes for a token, as Apple and Google would deliver them: the payloads.
    func pushes(for token: String) -> AsyncStream<String> {
        EventStream.open(URL(string: "\(console)/push/\(token)/events")!)
    }

    /// What an agent asks for: the payment that all languages' tests ask for.
    static let payment = """
        [{"type": "payment_initiation", "actions": ["initiate"], "locations": ["https://api.bank.example/payments"],
          "instructedAmount": {"currency": "EUR", "amount": "249.00"}, "creditorName": "ExampleCorp",
          "creditorAccount": {"iban": "DE02100100109307118603"},
          "remittanceInformationUnstructured": "Ref 2026-0042"}]
        """

    /// A CIBA request about a user; the id to poll with.
    func ask(
        _ user: String, details: String? = Sandbox.payment, message: String = "TX-4711", expiry: Int? = nil
    ) async throws -> String {
        let hint = #"{"format":"iss_sub","iss":"\#(issuer)","sub":"\#(user)"}"#
        var form = [
            "client_id": clientId, "client_secret": clientSecret, "scope": "openid profile",
            "binding_message": message, "login_hint": hint, "audience": audience,
        ]
        form["authorization_details"] = details
        form["requested_expiry"] = expiry.map(String.init)
        let answer = try await post("bc-authorize", form)
        guard let id = answer["auth_req_id"]?.string else { throw Unexpected("not accepted: \(answer.text)") }
        return id
    }

    /// What the agent's poll gives: `approved`, or the error.
    func outcome(of request: String) async throws -> String {
        let answer = try await post(
            "oauth/token",
            [
                "grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": request,
                "client_id": clientId, "client_secret": clientSecret,
            ])
        return answer["access_token"] != nil ? "approved" : answer["error"]?.string ?? answer.text
    }

    /// What the agent's poll says about a refusal, the person's reason among it.
    func refusal(of request: String) async throws -> String? {
        let answer = try await post(
            "oauth/token",
            [
                "grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": request,
                "client_id": clientId, "client_secret": clientSecret,
            ])
        return answer["error_description"]?.string
    }

    private func control(_ path: String, _ json: String) async throws -> Json {
        try await http("POST", "\(console)/control/\(path)", body: json, type: "application/json")
    }

    private func post(_ path: String, _ form: [String: String]) async throws -> Json {
        var allowed = CharacterSet.alphanumerics
        allowed.insert(charactersIn: "-._~")
        let body = form.map { "\($0)=\($1.addingPercentEncoding(withAllowedCharacters: allowed)!)" }
        return try await http(
            "POST", "\(origin)/\(path)", body: body.joined(separator: "&"), type: "application/x-www-form-urlencoded")
    }

    private func http(_ method: String, _ url: String, body: String, type: String) async throws -> Json {
        var request = URLRequest(url: URL(string: url)!)
        request.httpMethod = method
        request.httpBody = Data(body.utf8)
        request.setValue(type, forHTTPHeaderField: "Content-Type")
        let data: Data = try await withCheckedThrowingContinuation { continuation in
            URLSession.shared.dataTask(with: request) { data, _, error in
                continuation.resume(with: error.map(Result.failure) ?? .success(data ?? Data()))
            }.resume()
        }
        return try Json(String(decoding: data, as: UTF8.self))
    }

    private static let program =
        (ProcessInfo.processInfo.environment["AUTHENTICATOR_LIBRARY"] ?? "target/debug") + "/sandbox"
}

struct Unexpected: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A name that no other test of this run has.
func unique(_ start: String) -> String { "\(start)-\(UUID().uuidString.lowercased())" }

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
    }
}

/// A child process that ends with this one.
private final class Child: @unchecked Sendable {
    private let process = Process()
    private let output = Pipe()

    init(_ program: String, _ arguments: [String]) throws {
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardOutput = output
        try hearingSignals { try process.run() }
        endTogether
        running.withLock { $0.append(process.processIdentifier) }
    }

    deinit { process.terminate() }

    func firstLine() throws -> String {
        var line = Data()
        while let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty, byte[0] != 10 { line += byte }
        return String(decoding: line, as: UTF8.self)
    }
}

/// A child inherits what its parent's thread does not want to hear, and threads that run tasks hear no signal.
private func hearingSignals(_ work: () throws -> Void) rethrows {
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_UNBLOCK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try work()
}

/// The shared sandbox is never released: it is told at the end of the process.
private let running = Locked<[pid_t]>([])
private let endTogether: Void = { _ = atexit { running.withLock { $0.forEach { kill($0, SIGTERM) } } } }()

/// Server-sent events as they come: the member `payload` of each.
private final class EventStream: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    private let continuation: AsyncStream<String>.Continuation
    private var buffer = Data()

    static func open(_ url: URL) -> AsyncStream<String> {
        AsyncStream { continuation in
            let session = URLSession(
                configuration: .ephemeral, delegate: EventStream(continuation), delegateQueue: nil)
            let task = session.dataTask(with: url)
            continuation.onTermination = { _ in
                task.cancel()
                session.invalidateAndCancel()
            }
            task.resume()
        }
    }

    private init(_ continuation: AsyncStream<String>.Continuation) { self.continuation = continuation }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        buffer += data
        while let end = buffer.firstIndex(of: 10) {
            let line = String(decoding: buffer[buffer.startIndex..<end], as: UTF8.self)
            buffer.removeSubrange(buffer.startIndex...end)
            guard line.hasPrefix("data:"), let event = try? Json(String(line.dropFirst(5))) else { continue }
            if let payload = event["payload"] { continuation.yield(payload.text) }
        }
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        continuation.finish()
    }
}
