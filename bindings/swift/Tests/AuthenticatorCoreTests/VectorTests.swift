import AuthenticatorCore
import Foundation
import Testing

/// Every case of `tests/vectors`, as Rust and Kotlin run them (`tests/vectors/README.md` says how a case is compared).
@Suite struct VectorTests {
    @Test(arguments: Vector.all())
    func vectors(_ vector: Vector) throws {
        let answer = try Json(try #require(runVector(file: vector.file, input: vector.input), "nothing reads this file"))
        if let expected = vector.expected {
            #expect(answer["expected"] == expected, "came to \(answer.text)")
            return
        }
        let error = try #require(vector.json["error"], "a case has `expected` or `error`")
        #expect(answer["error"] == error, "came to \(answer.text)")
        for name in ["message_says", "names", "member"] {
            guard let part = vector.json[name]?.string else { continue }
            let says = answer["says"]?.string ?? ""
            #expect(says.contains(part), "says \(says)")
        }
        if let pointer = vector.json["pointer"] { #expect(answer["pointer"] == pointer) }
    }

    @Test func everyFileHasCases() throws {
        let files = try Vector.files()
        #expect(files.count > 20)
        for file in files {
            let cases = try Vector.cases(of: file)
            #expect(!cases.isEmpty, "\(file) has no cases")
            #expect(Set(cases.map(\.name)).count == cases.count, "\(file) has two cases of one name")
        }
    }
}

struct Vector: CustomTestStringConvertible {
    let file: String
    let name: String
    let json: Json

    /// As the reports of all languages show it.
    var testDescription: String { "\(file): \(name)" }
    var input: String { json["input"]?.text ?? "null" }
    var expected: Json? { json["expected"] }

    /// None where a file cannot be read, which `everyFileHasCases` tells.
    static func all() -> [Vector] { (try? files().flatMap(cases)) ?? [] }

    /// Paths below `tests/vectors`.
    static func files() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".json") }.sorted()
    }

    static func cases(of file: String) throws -> [Vector] {
        let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
        return try (Json(text)["cases"]?.items ?? []).map { json in
            Vector(file: file, name: json["name"]?.string ?? "", json: json)
        }
    }

    private static var folder: URL {
        URL(fileURLWithPath: #filePath).appendingPathComponent("../../../../../tests/vectors").standardizedFileURL
    }
}
