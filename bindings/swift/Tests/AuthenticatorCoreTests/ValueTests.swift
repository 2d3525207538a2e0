import AuthenticatorCore
import Foundation
import Testing

/// What errors, ids and secrets are in Swift.
@Suite struct ValueTests {
    @Test func aSecretIsPrintedByNothing() {
        let token = PushToken(service: .apns, token: SecretText("hunter2"))
        let device = Device(name: "Test phone", identifier: nil, push: token)
        var dumped = ""
        dump(device, to: &dumped)
        for text in ["\(device)", String(reflecting: device), "\(token.token)", "\([token])", dumped] {
            #expect(!text.contains("hunter2"), "\(text)")
        }
        #expect(token.token.expose() == "hunter2")
    }

    @Test func aRequestOfTheLibraryPrintsNoCredentials() {
        let request = HttpRequest(
            method: "POST", url: "https://bank.example/secret-path",
            headers: [HttpHeader(name: "Authorization", value: "Bearer hunter2")], body: Data("hunter2".utf8),
            timeoutMs: 1, maxAnswer: 1)
        for text in ["\(request)", String(reflecting: request), "\(request.headers)"] {
            #expect(!text.contains("hunter2") && !text.contains("secret-path"), "\(text)")
        }
    }

    @Test func everyCodeHasTheTextThatRustGivesIt() throws {
        let source = URL(fileURLWithPath: #filePath)
            .appendingPathComponent("../../../../../authenticator-core/src/error.rs").standardizedFileURL
        let rust = try String(contentsOf: source, encoding: .utf8)
            .matches(of: #/\n    [A-Z]\w+ = "(\w+)", /#).map { String($0.1) }
        #expect(rust.count > 40)
        #expect(ErrorCode.allCases.map(\.text) == rust)
        #expect(MarkCode.hiddenDirection.text == "hidden_direction")
    }

    @Test func errorsCanBeFakedAndCompared() {
        let error = AuthenticatorError(
            code: .serverBusy, kind: .server, errorClass: .retry, message: "wait", status: 503, retryAfter: .seconds(7))
        #expect(error.description == "server_busy: wait")
        #expect(error == error)
        #expect(error.retryAfter == .seconds(7))
    }

    @Test func settingsThatCannotBeUsedAreNamed() async throws {
        var config = try Phone.offline()
        config.servers = [Server(name: "bank", address: "http://bank.example", dialect: .guardian)]
        let error = await failure { try await Authenticator.open(config: config, keys: softwareKeyStore()) }
        #expect(error?.code == .serverAddress)
        #expect(error?.errorClass == .configuration)
    }
}
