import Foundation

// The calls of Authenticator as they are mostly made: without the arguments that are seldom needed.

extension Config {
    /// Settings with every default: this store file, English and UTC. The folder must exist.
    public static func at(_ store: URL) -> Config { defaultConfig(store: store.path) }
}

extension AuthenticatorProtocol {
    /// Enrols at the server that the invitation chooses among those configured or added.
    public func enroll(invitation: String, device: Device) async throws -> Enrollment {
        try await enroll(invitation: invitation, server: nil, device: device)
    }

    /// Approves exactly what the review shows, where no prompt is configured.
    public func approve(_ review: Review, confirmation: String? = nil) async throws -> Receipt {
        try await approve(id: review.challenge, digest: review.digest, confirmation: confirmation)
    }

    /// Approves exactly what the review shows, behind the platform's prompt: `sign` shows it and signs
    /// ``SigningRequest/message`` with the key ``SigningRequest/keyAlias``, DER, as ``KeychainKeyStore`` does. If it
    /// throws, nothing is decided, and what it threw is thrown on.
    public func approve(
        _ review: Review, confirmation: String? = nil, sign: @Sendable (SigningRequest) async throws -> Data
    ) async throws -> Receipt {
        let request = try await beginApproval(
            id: review.challenge, digest: review.digest, confirmation: confirmation)
        return try await finishApproval(id: request.id, signature: sign(request))
    }

    /// Denies exactly what the review shows.
    public func deny(_ review: Review, reason: String? = nil) async throws -> Receipt {
        try await deny(id: review.challenge, digest: review.digest, reason: reason)
    }

    /// Denies what nobody has looked at, from a notification for example.
    public func deny(_ challenge: ChallengeId, reason: String? = nil) async throws -> Receipt {
        try await deny(id: challenge, digest: nil, reason: reason)
    }

    /// The newest entries of all accounts.
    public func history(limit: Int = 50) async throws -> [HistoryEntry] {
        try await history(enrollment: nil, before: nil, limit: UInt32(clamping: limit))
    }

    /// Reads a push: the `userInfo` of a notification. It is read where the caller is, on the main actor for example: such
    /// a dictionary must not go from one to another.
    ///
    /// Throws: `push_not_ours`, `push_malformed`, `unknown_enrollment`, `challenge_expired`.
    public func receivePush(
        userInfo: [AnyHashable: Any], isolation: isolated (any Actor)? = #isolation
    ) async throws -> Challenge {
        try await receivePush(payload: pushPayload(userInfo))
    }
}

/// What a push says, without store, keys or network, from the `userInfo` of a notification.
///
/// Throws: `push_not_ours`, `push_malformed`.
public func previewPush(userInfo: [AnyHashable: Any]) throws -> PushPreview {
    try previewPush(payload: pushPayload(userInfo))
}

/// The payload as APNs delivered it. iOS has parsed it already; the core reads JSON text.
private func pushPayload(_ userInfo: [AnyHashable: Any]) throws -> String {
    let members = userInfo as? [String: Any]
    guard let members, JSONSerialization.isValidJSONObject(members),
        let data = try? JSONSerialization.data(withJSONObject: members),
        let text = String(data: data, encoding: .utf8)
    else {
        throw AuthenticatorError(
            code: .pushMalformed, kind: .push, errorClass: .final,
            message: "the notification's userInfo cannot be written as JSON")
    }
    return text
}
