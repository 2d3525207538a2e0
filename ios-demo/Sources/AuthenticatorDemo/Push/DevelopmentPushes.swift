import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Pushes without Apple: the event stream of `sandbox serve`, on this machine. Only in debug builds, and only from loopback.
public struct DevelopmentPushes: Sendable {
    private let console: URL
    private let token: String

    /// `nil` where the console is not on loopback.
    public init?(console: URL, token: String) {
        guard ["127.0.0.1", "localhost"].contains(console.host() ?? "") else { return nil }
        self.console = console
        self.token = token
    }

    /// Payloads as JSON, for as long as somebody iterates; connects again when the stream ends.
    public var payloads: AsyncStream<String> {
        let events = console.appending(path: "push/\(token)/events")
        return AsyncStream { continuation in
            let reading = Task {
                while !Task.isCancelled {
                    for await line in EventLines.open(events) {
                        if let payload = Self.payload(line) { continuation.yield(payload) }
                    }
                    // The sandbox is not there, or has gone.
                    try? await Task.sleep(for: .seconds(2))
                }
            }
            continuation.onTermination = { _ in reading.cancel() }
        }
    }

    /// Where the sandbox itself is, in clear on loopback.
    public func server() async -> String? {
        struct Ready: Decodable { let origin: String }
        return try? JSONDecoder().decode(Ready.self, from: await Self.get(console.appending(path: "control/ready"))).origin
    }

    private static func get(_ url: URL) async throws -> Data {
        try await withCheckedThrowingContinuation { continuation in
            URLSession.shared.dataTask(with: url) { data, _, error in
                continuation.resume(with: error.map(Result.failure) ?? .success(data ?? Data()))
            }.resume()
        }
    }

    /// The member `payload` of an event, as JSON text.
    static func payload(_ line: String) -> String? {
        guard line.hasPrefix("data:"),
            let event = try? JSONSerialization.jsonObject(with: Data(line.dropFirst(5).utf8)) as? [String: Any],
            let payload = event["payload"] as? [String: Any],
            let data = try? JSONSerialization.data(withJSONObject: payload)
        else { return nil }
        return String(decoding: data, as: UTF8.self)
    }
}

/// The lines of an answer, as they come.
private final class EventLines: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    private let lines: AsyncStream<String>.Continuation
    /// Touched on the session's own queue only.
    private var buffer = Data()

    static func open(_ url: URL) -> AsyncStream<String> {
        AsyncStream { continuation in
            let session = URLSession(configuration: .ephemeral, delegate: EventLines(continuation), delegateQueue: nil)
            let task = session.dataTask(with: url)
            continuation.onTermination = { _ in
                task.cancel()
                session.invalidateAndCancel()
            }
            task.resume()
        }
    }

    private init(_ lines: AsyncStream<String>.Continuation) { self.lines = lines }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        buffer += data
        while let end = buffer.firstIndex(of: 10) {
            lines.yield(String(decoding: buffer[buffer.startIndex..<end], as: UTF8.self))
            buffer.removeSubrange(buffer.startIndex...end)
        }
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        lines.finish()
    }
}
