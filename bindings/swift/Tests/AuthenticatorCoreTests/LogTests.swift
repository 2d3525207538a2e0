import AuthenticatorCore
import Foundation
import Testing

/// The log of a process: one sink, which can hurt nobody but itself.
@Suite struct LogTests {
    @Test func aSinkThatCallsBackAndBlocksHurtsNobody() async throws {
        let sandbox = try Sandbox.shared.get()
        let phone = try await Phone.enrolled(with: sandbox)
        let sink = Sink(phone.app)
        try installLogSink(sink: sink, level: .trace)
        // The sink stands still from its first entry on.
        let (request, review) = try await phone.asked()
        #expect(try await phone.app.approve(review).delivery == .delivered)
        #expect(try await phone.outcome(of: request) == "approved")
        sink.release.open()

        let again = await failure { try installLogSink(sink: sink, level: .info) }
        #expect(again?.code == .configurationInvalid)
        for entry in sink.entries.now {
            #expect(entry.target.hasPrefix("authenticator_core"))
            #expect(!entry.message.contains(phone.user))
        }
    }

    private final class Sink: LogSink {
        let entries = Locked<[LogEntry]>([])
        let release = Gate()
        private let app: Authenticator

        init(_ app: Authenticator) { self.app = app }

        func log(entry: LogEntry) {
            entries.withLock { $0.append(entry) }
            release.waited()
            let done = Gate()
            Task { [app] in
                _ = try? await app.pending()
                done.open()
            }
            done.waited()
        }
    }
}
