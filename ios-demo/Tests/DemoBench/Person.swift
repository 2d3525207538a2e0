import AuthenticatorCore
import AuthenticatorDemo
import Foundation

/// What a person does with the app: reads what a screen reader says, taps what has words.
extension DemoDevice {
    var page: Page { session.page }

    /// Everything on screen, for the message of a test that fails.
    var screen: String { page.read.joined(separator: " | ") }

    func finds(_ text: String) -> Bool { page.read.contains { $0.contains(text) } }

    func sees(_ text: String) async throws {
        try await until("“\(text)” on screen") { self.finds(text) }
    }

    /// Waits until there is such a button that can be tapped, and taps it.
    func tap(_ words: String) async throws {
        try await until("a button “\(words)”") { self.button(words) != nil }
        session.perform(button(words)!.action)
    }

    func button(_ words: String) -> Button? { page.buttons.first { $0.words == words && $0.enabled } }

    func type(_ text: String) {
        for case .field(let field) in page.parts + page.answers { session.type(text, into: field.holds) }
    }

    /// Lets everything run until it is so; how long that may take is reached only when a test fails.
    func until(_ what: String, patience: Duration = .seconds(60), _ so: () async throws -> Bool) async throws {
        let end = ContinuousClock.now + patience
        while try await !so() {
            guard ContinuousClock.now < end else { throw Unexpected("not within \(patience): \(what); there is: \(screen)") }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    // ------------------------------------------------------------------------------------------ longer ways

    /// From the empty list to the field with this text in it, sent.
    func enrol(_ invitation: String) async throws {
        try await tap("Add account")
        type(invitation)
        try await tap("Continue")
    }

    /// The notification of the request that was just asked.
    func notified(_ count: Int = 1) async throws -> RequestNotification {
        try await until("\(count) notifications, not \(notifier.now.count)") { notifier.now.count == count }
        return notifier.now[count - 1]
    }
}
