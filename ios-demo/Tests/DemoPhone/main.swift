// The app without its screen, driven by lines of text: the commands and answers of tests/e2e/two-phones, and
// `tap WORDS`, which taps what has these words.

import AuthenticatorCore
import AuthenticatorDemo
import Foundation

@testable import DemoBench

/// Requests that `wait` has opened.
@MainActor
enum Seen { static var requests: Set<ChallengeId> = [] }

struct Answer: Encodable {
    var ok = true
    var error: String?
    var title: String?
    var read: [String]?
    var buttons: [String]?
    var notifications: Int?
}

@MainActor
func follow(_ line: String, on device: DemoDevice) async throws {
    let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
    let rest = parts.count > 1 ? parts[1] : ""
    switch parts.first {
    case "enroll":
        try await device.enrol(device.secure(rest))
        try await device.sees("Account added")
        try await device.tap("Close")
        try device.listen()
    case "wait":
        func next() -> ChallengeId? { device.notifier.now.map(\.challenge).first { !Seen.requests.contains($0) } }
        try await device.until("a notification") { next() != nil }
        let id = next()!
        Seen.requests.insert(id)
        device.session.openRequest(id)
    case "approve": try await device.tap("Approve")
    case "deny": try await device.tap("Deny")
    case "tap": try await device.tap(rest)
    case "state": break
    default: throw Unexpected("no such command: \(line)")
    }
    try await device.until("a screen at rest") { device.page.isAtRest }
}

@MainActor
func answer(_ line: String, on device: DemoDevice) async -> Answer {
    do {
        try await follow(line, on: device)
        let page = device.page
        return Answer(
            title: page.title, read: page.read, buttons: page.buttons.filter(\.enabled).map(\.words),
            notifications: device.notifier.now.count)
    } catch {
        return Answer(ok: false, error: String(describing: error))
    }
}

extension Page {
    /// Nothing is being fetched, asked by the prompt, or sent.
    fileprivate var isAtRest: Bool {
        !buttons.contains { $0.action == .deny(nil) && !$0.enabled } && !(parts + answers).contains { part in
            switch part {
            case .loading, .progress: true
            default: false
            }
        }
    }
}

@MainActor
func run() async throws {
    struct Ready: Decodable { let tls_origin, console_url, ca: String }
    guard let file = ProcessInfo.processInfo.environment["SANDBOX_READY"] else {
        throw Unexpected("SANDBOX_READY does not name a file")
    }
    let ready = try JSONDecoder().decode(Ready.self, from: Data(contentsOf: URL(fileURLWithPath: file)))
    let console = ready.console_url.split(separator: "?")[0]
    let address = SandboxAddress(
        console: String(console.hasSuffix("/") ? console.dropLast() : console), tlsOrigin: ready.tls_origin,
        ca: try String(contentsOfFile: ready.ca, encoding: .utf8))
    let device = try DemoDevice(address)
    // Reading blocks; the screen must not.
    let lines = AsyncStream<String> { lines in
        Thread.detachNewThread {
            while let line = readLine() { lines.yield(line) }
            lines.finish()
        }
    }
    for await line in lines {
        let line = try JSONEncoder().encode(await answer(line, on: device))
        FileHandle.standardOutput.write(line + Data("\n".utf8))
    }
    await device.close()
}

try await run()
