import Foundation

/// Why a call failed: what every call of ``Authenticator`` throws.
///
/// ``errorClass`` says what to do, ``kind`` which screen to show, ``code`` exactly what happened. ``message`` is for
/// developers and logs; it never holds secrets or payload text.
public struct AuthenticatorError: Error, Sendable, Hashable {
    /// What happened; stable between versions.
    public let code: ErrorCode
    /// What kind of trouble it is; at most one screen a kind.
    public let kind: ErrorKind
    /// What to do about it.
    public let errorClass: ErrorClass
    /// A sentence in English that says what was wrong and what to do.
    public let message: String
    /// The server's own code, where there was one.
    public let serverCode: String?
    /// The HTTP status, where there was one.
    public let status: Int?
    /// How long to wait before the next try, where the server said so.
    public let retryAfter: Duration?

    /// For fakes in an app's own tests.
    public init(
        code: ErrorCode, kind: ErrorKind, errorClass: ErrorClass, message: String = "",
        serverCode: String? = nil, status: Int? = nil, retryAfter: Duration? = nil
    ) {
        self.code = code
        self.kind = kind
        self.errorClass = errorClass
        self.message = message
        self.serverCode = serverCode
        self.status = status
        self.retryAfter = retryAfter
    }
}

extension AuthenticatorError: CustomStringConvertible {
    /// The code's text and the message, as in Rust and Kotlin.
    public var description: String { "\(code.text): \(message)" }
}

extension AuthenticatorError {
    init(_ parts: ErrorParts) {
        switch parts {
        case .parts(let code, let kind, let errorClass, let message, let serverCode, let status, let retryAfter):
            self.init(
                code: code, kind: kind, errorClass: errorClass, message: message, serverCode: serverCode,
                status: status.map(Int.init), retryAfter: retryAfter.map { .seconds(Int64($0)) })
        }
    }

    var parts: ErrorParts {
        .parts(
            code: code, kind: kind, class: errorClass, message: message, serverCode: serverCode,
            status: status.flatMap(UInt16.init(exactly:)),
            retryAfter: retryAfter.flatMap { UInt32(exactly: $0.components.seconds) })
    }
}

extension ErrorCode {
    /// The text of a code in logs and documentation, such as `review_changed`.
    public var text: String { snakeCase(self) }
}

extension MarkCode {
    /// The text of a mark in logs and documentation, such as `hidden_direction`.
    public var text: String { snakeCase(self) }
}

/// `reviewChanged` as `review_changed`: the names of cases are made from the codes, and back.
private func snakeCase(_ value: some Any) -> String {
    String(describing: value).reduce(into: "") { text, letter in
        text += letter.isUppercase ? "_\(letter.lowercased())" : String(letter)
    }
}
