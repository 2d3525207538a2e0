import Foundation

/// The app's texts in one language. They are those of the Android app, name by name (`ios-demo/words`).
public struct Words: Sendable {
    /// Languages that there are words for; the core has reviews in the same.
    public static let languages = ["en", "de", "es", "fr", "ja"]

    /// BCP 47 tag.
    public let language: String
    /// For dates, numbers and amounts.
    public let locale: Locale
    public let timeZone: TimeZone
    private let texts: [String: String]

    /// The words of a language; English where there are none for it.
    public init(language: String, timeZone: TimeZone = .current) {
        let tag = Self.languages.first { language == $0 || language.hasPrefix("\($0)-") }
        self.language = language
        self.locale = Locale(identifier: language)
        self.timeZone = timeZone
        let texts = Self.texts(tag ?? "en")
        self.texts = PseudoLocale(rawValue: language).map { pseudo in texts.mapValues(pseudo.changed) } ?? texts
    }

    /// Those that the person reads first, as the phone's settings say.
    public static func preferred() -> Words {
        let known = Locale.preferredLanguages.first { tag in languages.contains { tag == $0 || tag.hasPrefix("\($0)-") } }
        return Words(language: known ?? "en")
    }

    /// A text.
    public func callAsFunction(_ word: Word) -> String { texts[word.rawValue] ?? word.rawValue }

    /// A text with its place filled in. What is filled in keeps its own direction where reading goes from right to left.
    public func callAsFunction(_ word: Word, _ value: String) -> String {
        let isMirrored = locale.language.characterDirection == .rightToLeft
        return self(word).replacingOccurrences(of: "%1$@", with: isMirrored ? "\u{2068}\(value)\u{2069}" : value)
    }

    /// A text with a number in it, in the digits of the language.
    public func callAsFunction(_ word: Word, _ number: Int) -> String {
        self(word, number.formatted(.number.locale(locale)))
    }

    private static func texts(_ language: String) -> [String: String] {
        let name = "Localizable"
        guard let file = Bundle.module.url(forResource: name, withExtension: "strings", subdirectory: nil, localization: language),
            let data = try? Data(contentsOf: file),
            let texts = try? PropertyListSerialization.propertyList(from: data, format: nil) as? [String: String]
        else { return [:] }
        return texts
    }
}
