/// Names a challenge on this device; the same push always gives the same id.
public struct ChallengeId: Hashable, Sendable, CustomStringConvertible {
    /// Its text, for example as the identifier of a notification.
    public let value: String

    /// From text that ``value`` gave.
    public init(_ value: String) { self.value = value }

    /// Its text.
    public var description: String { value }
}

/// Names an enrollment on this device; the id that the server gave (`dev_…`).
public struct EnrollmentId: Hashable, Sendable, CustomStringConvertible {
    /// Its text.
    public let value: String

    /// From text that ``value`` gave.
    public init(_ value: String) { self.value = value }

    /// Its text.
    public var description: String { value }
}

/// Names an approval that waits for its signature.
public struct SigningRequestId: Hashable, Sendable, CustomStringConvertible {
    /// Its text.
    public let value: String

    /// From text that ``value`` gave.
    public init(_ value: String) { self.value = value }

    /// Its text.
    public var description: String { value }
}

/// A token or code. It does not show its text in logs or dumps; search for ``expose()`` to see every place that reads one.
public struct SecretText: Hashable, Sendable {
    private let text: String

    /// A secret with this text.
    public init(_ text: String) { self.text = text }

    /// The text itself.
    public func expose() -> String { text }
}

extension SecretText: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Not the text.
    public var description: String { "SecretText" }
    /// Not the text.
    public var debugDescription: String { "SecretText" }
    /// Nothing inside.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
