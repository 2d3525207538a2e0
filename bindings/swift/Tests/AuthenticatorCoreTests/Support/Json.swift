import Foundation

/// JSON that keeps numbers as written, lone surrogates, and the text of every value. The vectors need all three, and
/// Foundation's reader keeps none.
struct Json: Sendable {
    enum Value: Sendable {
        case null
        case bool(Bool)
        case number(String)
        case string([UInt16])
        case array([Json])
        case object([(name: String, value: Json)])
    }

    let value: Value
    /// The value's own text.
    let text: String

    init(_ text: String) throws {
        var reader = Reader(bytes: Array(text.utf8))
        self = try reader.whole()
    }

    fileprivate init(value: Value, text: String) {
        self.value = value
        self.text = text
    }

    subscript(name: String) -> Json? {
        guard case .object(let members) = value else { return nil }
        return members.first { $0.name == name }?.value
    }

    subscript(index: Int) -> Json? {
        guard case .array(let items) = value, items.indices.contains(index) else { return nil }
        return items[index]
    }

    var items: [Json] {
        guard case .array(let items) = value else { return [] }
        return items
    }

    var string: String? {
        guard case .string(let units) = value else { return nil }
        return String(decoding: units, as: UTF16.self)
    }

    var number: Double? {
        guard case .number(let text) = value else { return nil }
        return Double(text)
    }
}

/// Equal as JSON; a member that is null is a member that is absent.
extension Json: Equatable {
    static func == (one: Json, other: Json) -> Bool {
        switch (one.value, other.value) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.number(let a), .number(let b)): a == b || Double(a) == Double(b)
        case (.string(let a), .string(let b)): a == b
        case (.array(let a), .array(let b)): a == b
        case (.object, .object): one.present == other.present
        default: false
        }
    }

    private var present: [String: Json] {
        guard case .object(let members) = value else { return [:] }
        return Dictionary(members.filter { !$0.value.isNull }.map { ($0.name, $0.value) }) { _, last in last }
    }

    private var isNull: Bool { if case .null = value { true } else { false } }
}

private struct Reader {
    struct NoJson: Error {
        let at: Int
    }

    let bytes: [UInt8]
    var at = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func whole() throws -> Json {
        let json = try value()
        space()
        guard at == bytes.count else { throw NoJson(at: at) }
        return json
    }

    private mutating func value() throws -> Json {
        space()
        let start = at
        let value: Json.Value =
            switch peek {
            case UInt8(ascii: "{"): try object()
            case UInt8(ascii: "["): try array()
            case UInt8(ascii: "\""): .string(try string())
            case UInt8(ascii: "t"): try word("true", .bool(true))
            case UInt8(ascii: "f"): try word("false", .bool(false))
            case UInt8(ascii: "n"): try word("null", .null)
            default: try number()
            }
        return Json(value: value, text: String(decoding: bytes[start..<at], as: UTF8.self))
    }

    private mutating func object() throws -> Json.Value {
        var members: [(name: String, value: Json)] = []
        at += 1
        space()
        while peek != UInt8(ascii: "}") {
            if !members.isEmpty { try take(",") }
            space()
            let name = String(decoding: try string(), as: UTF16.self)
            space()
            try take(":")
            members.append((name, try value()))
            space()
        }
        at += 1
        return .object(members)
    }

    private mutating func array() throws -> Json.Value {
        var items: [Json] = []
        at += 1
        space()
        while peek != UInt8(ascii: "]") {
            if !items.isEmpty { try take(",") }
            items.append(try value())
            space()
        }
        at += 1
        return .array(items)
    }

    private mutating func string() throws -> [UInt16] {
        try take("\"")
        var units: [UInt16] = []
        var plain = at
        func text(_ range: Range<Int>) -> [UInt16] { Array(String(decoding: bytes[range], as: UTF8.self).utf16) }
        while let byte = peek, byte != UInt8(ascii: "\"") {
            guard byte == UInt8(ascii: "\\") else {
                at += 1
                continue
            }
            units += text(plain..<at)
            units.append(try escape())
            plain = at
        }
        units += text(plain..<at)
        try take("\"")
        return units
    }

    private mutating func escape() throws -> UInt16 {
        let short: [UInt8: UInt16] = [
            UInt8(ascii: "b"): 8, UInt8(ascii: "t"): 9, UInt8(ascii: "n"): 10, UInt8(ascii: "f"): 12,
            UInt8(ascii: "r"): 13, UInt8(ascii: "\""): 34, UInt8(ascii: "\\"): 92, UInt8(ascii: "/"): 47,
        ]
        at += 1
        guard let letter = peek else { throw NoJson(at: at) }
        at += 1
        if let unit = short[letter] { return unit }
        let digits = String(decoding: bytes[at..<min(at + 4, bytes.count)], as: UTF8.self)
        guard letter == UInt8(ascii: "u"), let unit = UInt16(digits, radix: 16) else { throw NoJson(at: at) }
        at += 4
        return unit
    }

    private mutating func number() throws -> Json.Value {
        let start = at
        while let byte = peek, "+-.0123456789eE".utf8.contains(byte) { at += 1 }
        guard at > start else { throw NoJson(at: at) }
        return .number(String(decoding: bytes[start..<at], as: UTF8.self))
    }

    private mutating func word(_ word: String, _ value: Json.Value) throws -> Json.Value {
        guard bytes[at...].starts(with: word.utf8) else { throw NoJson(at: at) }
        at += word.utf8.count
        return value
    }

    private mutating func take(_ character: Character) throws {
        guard peek == character.asciiValue else { throw NoJson(at: at) }
        at += 1
    }

    private mutating func space() {
        while let byte = peek, " \t\r\n".utf8.contains(byte) { at += 1 }
    }

    private var peek: UInt8? { at < bytes.count ? bytes[at] : nil }
}
