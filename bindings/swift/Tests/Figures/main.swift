// What Swift costs: the program of `tests/figures`, which runs it beside the same one in Rust.

import AuthenticatorCore
import Foundation

let calls: UInt32 = 5_000

func walk() async throws {
    let before = try resident()
    var config = Config.at(URL(fileURLWithPath: line()))
    config.servers = [Server(name: "sandbox", address: line(), dialect: .guardian)]
    config.extraRootPem = try String(contentsOfFile: line(), encoding: .utf8)
    let push = PushToken(service: .apns, token: SecretText(line()))
    let app = try await Authenticator.open(config: config, keys: softwareKeyStore(), transport: nil)
    let invitation = line()
    let device = Device(name: "Test phone", identifier: nil, push: push)
    _ = try await app.enroll(invitation: invitation, server: "sandbox", device: device)
    say("enrolled")
    let challenge = try await app.receivePush(payload: line())
    _ = try await app.approve(app.review(id: challenge.id))
    say("memory \(before) \(try resident())")

    try await compare("that does not wait (invitationHost)") {
        try app.timeInvitationHost(invitation: invitation, calls: $0)
    } here: {
        for _ in 0..<$0 { _ = try app.invitationHost(invitation: invitation) }
    }
    try await compare("that waits (pending)") {
        try await app.timePending(calls: $0)
    } here: {
        for _ in 0..<$0 { _ = try await app.pending() }
    }
    let rust = softwareKeyStore()
    try await compare("of a key store (delete)") {
        timeKeyStore(keys: rust, calls: $0)
    } here: {
        _ = timeKeyStore(keys: OwnKeys(rust: rust), calls: $0)
    }
}

/// Prints nanoseconds per call: from here, and in Rust. The first half warms up.
func compare(_ what: String, inRust: (UInt32) async throws -> UInt64, here: (UInt32) async throws -> Void) async throws {
    try await here(calls)
    let rust = try await inRust(calls) / UInt64(calls)
    let start = DispatchTime.now().uptimeNanoseconds
    try await here(calls)
    say("call \((DispatchTime.now().uptimeNanoseconds - start) / UInt64(calls)) \(rust) \(what)")
}

/// A key store in Swift that has nothing to do in `delete`.
final class OwnKeys: KeyStore {
    let rust: any KeyStore
    init(rust: any KeyStore) { self.rust = rust }
    func generate(alias: String, algorithm: KeyAlgorithm, purpose: KeyPurpose) throws -> KeyInfo {
        try rust.generate(alias: alias, algorithm: algorithm, purpose: purpose)
    }
    func publicKey(alias: String) throws -> PublicKey { try rust.publicKey(alias: alias) }
    func sign(alias: String, message: Data) throws -> Data { try rust.sign(alias: alias, message: message) }
    func delete(alias: String) throws {}
    func wrap(dataKey: Data) throws -> Data { try rust.wrap(dataKey: dataKey) }
    func unwrap(wrapped: Data) throws -> Data { try rust.unwrap(wrapped: wrapped) }
}

func line() -> String { readLine() ?? "" }

/// A pipe gets a line when it is said.
func say(_ text: String) { FileHandle.standardOutput.write(Data("\(text)\n".utf8)) }

/// Kilobytes of memory that this process has at the moment.
func resident() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS") } ?? ""
    return Int(line.filter(\.isNumber)) ?? 0
}

if CommandLine.arguments.last == "first" {
    say("ready \(defaultConfig(store: "store").store.count)")
} else {
    try await walk()
}
