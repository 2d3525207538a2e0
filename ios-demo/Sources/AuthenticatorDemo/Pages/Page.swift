import AuthenticatorCore
import DemoWords

/// What a screen says and offers, top to bottom: a value, made from the state alone. SwiftUI draws it, the storyboard writes
/// it, tests read it. So what a person reads, hears and can tap is decided here, where there is no SwiftUI.
public struct Page: Equatable, Sendable {
    public var title: String
    public var parts: [Part]
    /// What stays in view below, whatever is scrolled.
    public var answers: [Part]
    /// What a screen reader says without being asked, when it changes.
    public var spoken: String?

    public init(title: String, parts: [Part], answers: [Part] = [], spoken: String? = nil) {
        self.title = title
        self.parts = parts
        self.answers = answers
        self.spoken = spoken
    }
}

public enum Part: Equatable, Sendable {
    case loading(String)
    case face(Face)
    case banner(Banner)
    case heading(String)
    /// The largest text of a page: what it is about.
    case headline(account: String, text: String?)
    case text(String)
    /// To be compared or written down letter by letter.
    case letters(String)
    /// The requester's own words, apart from all that was computed.
    case binding(label: String, text: String, whole: String?)
    case rows(title: String?, [Row])
    case items([Item])
    /// What belongs together.
    case group([Part])
    case timeLeft(TimeLeft)
    case code(CodePart)
    case button(Button)
    /// Two answers of the same weight.
    case pair(Button, Button)
    case field(Field)
    case paste(String)
    case scanner
    case toggle(Toggle)
    case choices([Choice])
    case progress
}

/// How grave something is. Always said by symbol and word as well: colour only repeats it.
public enum Tone: String, Sendable { case calm, good, caution, bad }

/// A symbol, by its name in SF Symbols.
public enum Symbol: String, Sendable, CaseIterable {
    case add = "plus"
    case approve = "checkmark"
    case broken = "exclamationmark.octagon"
    case camera = "qrcode.viewfinder"
    case deny = "xmark"
    case devices = "iphone.gen3.radiowaves.left.and.right"
    case history = "clock.arrow.circlepath"
    case info = "info.circle"
    case key = "key"
    case next = "chevron.right"
    case offline = "wifi.slash"
    case person = "person.crop.circle"
    case remove = "trash"
    case requests = "tray.full"
    case settings = "gearshape"
    case shield = "checkmark.shield"
    case time = "clock"
    case warning = "exclamationmark.triangle"
}

/// The tabs, in their order.
public struct Tab: Sendable {
    public let place: Place
    public let symbol: Symbol
    public let word: Word

    public static let all = [
        Tab(place: .accounts, symbol: .person, word: .accounts),
        Tab(place: .requests, symbol: .requests, word: .requests),
        Tab(place: .history, symbol: .history, word: .history),
        Tab(place: .settings, symbol: .settings, word: .settings),
    ]
}

/// Fills the screen: a symbol, what is the matter, what to do.
public struct Face: Equatable, Sendable {
    public let symbol: Symbol
    public let tone: Tone
    public let title: String
    public let text: String?

    public init(_ symbol: Symbol, _ tone: Tone, _ title: String, _ text: String? = nil) {
        self.symbol = symbol
        self.tone = tone
        self.title = title
        self.text = text
    }
}

/// A sentence that wants attention.
public struct Banner: Equatable, Sendable {
    public let symbol: Symbol
    public let tone: Tone
    public let word: String?
    public let text: String

    public init(_ symbol: Symbol, _ tone: Tone, _ word: String?, _ text: String) {
        self.symbol = symbol
        self.tone = tone
        self.word = word
        self.text = text
    }

    public init(_ symbol: Symbol, _ tone: Tone, _ text: String) { self.init(symbol, tone, nil, text) }

    public var spoken: String { [word, text].compactMap { $0 }.joined(separator: ": ") }
}

/// A labelled value: one element for a screen reader.
public struct Row: Equatable, Sendable {
    public let label: String
    public let text: String
    public let spoken: String
    public let isAmount: Bool
    public let indent: Int
    public let help: String?
    public let marks: [Banner]
    /// Where the row is shortened: the same row in full.
    public let whole: [Row]

    public init(
        _ label: String, _ text: String, spoken: String? = nil, isAmount: Bool = false, indent: Int = 0,
        help: String? = nil, marks: [Banner] = [], whole: [Row] = []
    ) {
        self.label = label
        self.text = text
        self.spoken = spoken ?? "\(label): \(text)"
        self.isAmount = isAmount
        self.indent = indent
        self.help = help
        self.marks = marks
        self.whole = whole
    }
}

/// One of a list, to be opened.
public struct Item: Equatable, Sendable {
    public let symbol: Symbol
    public let tone: Tone
    public let title: String
    public let lines: [String]
    public var chip: String?
    public var timeLeft: TimeLeft?
    public let action: Action

    public init(
        _ symbol: Symbol, _ tone: Tone, _ title: String, lines: [String], chip: String? = nil,
        timeLeft: TimeLeft? = nil, action: Action
    ) {
        self.symbol = symbol
        self.tone = tone
        self.title = title
        self.lines = lines
        self.chip = chip
        self.timeLeft = timeLeft
        self.action = action
    }

    public var spoken: String {
        ([title] + lines + [chip, timeLeft?.spoken].compactMap { $0 }).joined(separator: ". ")
    }
}

/// The time left: each second for eyes; for ears a minute, and half a minute and ten seconds before the end.
public struct TimeLeft: Equatable, Sendable {
    public let text: String
    public let spoken: String
    public let soon: Bool
}

/// A one-time code with its countdown.
public struct CodePart: Equatable, Sendable {
    public let label: String
    public let code: Code
    public let left: String

    /// Digit by digit, not "two hundred thousand".
    public var spoken: String { "\(label): \(code.digits.map(String.init).joined(separator: " ")). \(left)" }
    public var grouped: String { code.digits.grouped(by: 3) }
}

public struct Button: Equatable, Sendable {
    public enum Look: Sendable { case main, plain, answer, quiet }

    public let words: String
    public let symbol: Symbol?
    public let look: Look
    public let enabled: Bool
    public let action: Action

    public init(_ words: String, _ look: Look, symbol: Symbol? = nil, enabled: Bool = true, _ action: Action) {
        self.words = words
        self.symbol = symbol
        self.look = look
        self.enabled = enabled
        self.action = action
    }
}

public struct Field: Equatable, Sendable {
    public enum Holds: Sendable { case invitation, confirmation }

    public let holds: Holds
    public let label: String
    /// What stands in it, unless that is a secret.
    public let text: String
    public let problem: String?

    public init(_ holds: Holds, label: String, text: String = "", problem: String? = nil) {
        self.holds = holds
        self.label = label
        self.text = text
        self.problem = problem
    }
}

public struct Toggle: Equatable, Sendable {
    public let words: String
    public let text: String
    public let on: Bool
    /// What a tap does.
    public let action: Action
}

public struct Choice: Equatable, Sendable {
    public let words: String
    public let chosen: Bool
    public let action: Action
}

/// What a tap asks for.
public enum Action: Hashable, Sendable {
    case open(Place), replace(Place), show(Place), back
    case retry, repairStore
    case addAccount, addAccountInstead, submit, trust, startAgain, enrolled
    case showCode(EnrollmentId), hideCode(EnrollmentId)
    case approve, deny(Reason?), chooseReason(Bool), renewApprovalKey
    case askToRemove, remove, removeHereOnly, keep
    case language(String?), biometric(Bool), diagnose
}

extension Page {
    /// Everything that can be tapped, in reading order.
    public var buttons: [Button] { (parts + answers).flatMap(\.buttons) }

    /// Everything that a screen reader says, in reading order.
    public var read: [String] { [title] + (parts + answers).flatMap(\.read) }
}

extension Part {
    var buttons: [Button] {
        switch self {
        case .button(let button): [button]
        case .pair(let first, let second): [first, second]
        case .items(let items): items.map { Button($0.title, .plain, $0.action) }
        case .group(let parts): parts.flatMap(\.buttons)
        case .toggle(let toggle): [Button(toggle.words, .plain, toggle.action)]
        case .choices(let choices): choices.map { Button($0.words, .plain, $0.action) }
        default: []
        }
    }

    var read: [String] {
        switch self {
        case .loading(let text), .heading(let text), .text(let text), .letters(let text), .paste(let text): [text]
        case .face(let face): [face.title] + [face.text].compactMap { $0 }
        case .banner(let banner): [banner.spoken]
        case .headline(let account, let text): [account] + [text].compactMap { $0 }
        case .binding(let label, let text, _): ["\(label): \(text)"]
        case .rows(let title, let rows): [title].compactMap { $0 } + rows.map(\.spoken)
        case .items(let items): items.map(\.spoken)
        case .group(let parts): parts.flatMap(\.read)
        case .timeLeft(let left): [left.spoken]
        case .code(let code): [code.spoken]
        case .button(let button): [button.words]
        case .pair(let first, let second): [first.words, second.words]
        case .field(let field): [field.label] + [field.problem].compactMap { $0 }
        case .toggle(let toggle): ["\(toggle.words). \(toggle.text)"]
        case .choices(let choices): choices.map(\.words)
        case .scanner, .progress: []
        }
    }
}
