/// Languages for tests, under the names that Android has for them: nobody speaks them, and a developer can read both.
public enum PseudoLocale: String, CaseIterable, Sendable {
    /// With accents, and longer by a third: shows text that is not translated, and text that is cut.
    case accented = "en-XA"
    /// Written from right to left.
    case mirrored = "ar-XB"

    func changed(_ text: String) -> String {
        switch self {
        case .accented: "[\(Self.accented(text)) \(String(repeating: "one ", count: text.count / 12))]"
        case .mirrored: Self.mirrored(text)
        }
    }

    private static let accents: [Character: Character] = [
        "a": "å", "c": "ç", "e": "é", "g": "ĝ", "i": "î", "l": "ļ", "n": "ñ", "o": "ö", "r": "ŕ", "s": "š", "t": "ţ", "u": "û", "y": "ý",
        "A": "Å", "C": "Ç", "E": "É", "I": "Î", "N": "Ñ", "O": "Ö", "R": "Ŕ", "S": "Š", "T": "Ţ",
    ]

    private static func accented(_ text: String) -> String { String(text.map { accents[$0] ?? $0 }) }

    /// Each word between a right-to-left override and its end, as `aapt2` does.
    private static func mirrored(_ text: String) -> String {
        text.split(separator: " ", omittingEmptySubsequences: false).map { "\u{202E}\($0)\u{202C}" }.joined(separator: " ")
    }
}
