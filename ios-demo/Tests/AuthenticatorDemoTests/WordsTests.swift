import DemoWords
import Foundation
import Testing

/// The app's words: the same in every language, none missing, none too many.
@Suite struct WordsTests {
    @Test(arguments: Words.languages + PseudoLocale.allCases.map(\.rawValue))
    func everyLanguageHasEveryTextWithTheSamePlacesToFillIn(language: String) {
        let english = Words(language: "en")
        let words = Words(language: language)
        for word in Word.allCases {
            #expect(words(word) != word.rawValue || word.rawValue == "no", "\(word)")
            #expect(!words(word).isEmpty, "\(word)")
            #expect(places(words(word)) == places(english(word)), "\(word)")
        }
    }

    @Test func aLanguageThatHasNoWordsGetsEnglish() {
        #expect(Words(language: "nl-NL")(.approve) == "Approve")
        #expect(Words(language: "de-AT")(.approve) == "Zustimmen" || Words(language: "de-AT")(.approve) != "Approve")
    }

    @Test func aNameWithinASentenceKeepsItsDirectionWhereReadingGoesFromRightToLeft() {
        #expect(Words(language: "ar-XB")(.requestFrom, "ana@example.com").contains("\u{2068}ana@example.com\u{2069}"))
        #expect(Words(language: "en")(.requestFrom, "ana@example.com") == "Request for ana@example.com")
    }

    @Test func everyTextIsUsed() throws {
        let sources = URL(fileURLWithPath: #filePath).appendingPathComponent("../../..").standardizedFileURL
        var used = ""
        for folder in ["Sources/AuthenticatorDemo", "App"] {
            let files = FileManager.default.enumerator(at: sources.appendingPathComponent(folder), includingPropertiesForKeys: nil)
            for case let file as URL in files! where file.pathExtension == "swift" { used += try String(contentsOf: file, encoding: .utf8) }
        }
        let unused = Word.allCases.filter { word in
            used.range(of: #"\.\#(word)\b"#, options: .regularExpression) == nil
        }
        // The system says these: they are in InfoPlist.strings.
        #expect(unused == [.appName, .promptTitle])
    }

    private func places(_ text: String) -> Int { text.components(separatedBy: "%1$@").count }
}
