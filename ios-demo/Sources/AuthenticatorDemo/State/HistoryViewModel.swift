import AuthenticatorCore
import Foundation
import Observation

/// What was asked, answered and missed, newest first; each with its details as they were on the screen.
@MainActor
@Observable
public final class HistoryViewModel {
    public private(set) var state = HistoryState.loading
    private let phone: Phone
    @ObservationIgnored private var watching: Task<Void, Never>?

    public init(phone: Phone) {
        self.phone = phone
        watching = Task { [weak self] in
            // What ends while the list is open comes into it.
            await phone.eachChange { [weak self] _ in
                if case .shown = self?.state { self?.load() }
            }
        }
    }

    public func end() { watching?.cancel() }

    public func load() {
        Task {
            do {
                state = .shown(try await phone.core().history(limit: 200).map(HistoryItem.init))
            } catch {
                state = .failed(Problem(error))
            }
        }
    }
}

public enum HistoryState: Equatable, Sendable {
    case loading
    case failed(Problem)
    case shown([HistoryItem])
}

/// `decision` is `nil` where nobody answered in time; `document` where nobody looked.
public struct HistoryItem: Equatable, Sendable {
    public let id: ChallengeId
    public let issuer: String
    public let user: String
    public let headline: String
    public let decision: Decision?
    public let delivery: Delivery?
    public let reason: String?
    public let at: Int64
    public let personVerified: Bool
    public let document: ShownDocument?

    public init(
        id: ChallengeId, issuer: String, user: String, headline: String, decision: Decision?, delivery: Delivery?,
        reason: String?, at: Int64, personVerified: Bool, document: ShownDocument?
    ) {
        self.id = id
        self.issuer = issuer
        self.user = user
        self.headline = headline
        self.decision = decision
        self.delivery = delivery
        self.reason = reason
        self.at = at
        self.personVerified = personVerified
        self.document = document
    }

    init(_ entry: HistoryEntry) {
        self.init(
            id: entry.challenge, issuer: entry.account.issuer, user: entry.account.user, headline: entry.headline,
            decision: entry.decision, delivery: entry.delivery, reason: entry.reason, at: entry.at,
            personVerified: entry.approvalThumbprint != nil, document: entry.shownDocument.flatMap(ShownDocument.init))
    }
}

/// The document behind the digest that was signed, as rows again (docs/signed-consent.md).
public struct ShownDocument: Equatable, Sendable {
    public struct Section: Equatable, Sendable {
        public let title: String
        public let rows: [ShownRow]

        public init(_ title: String, _ rows: [ShownRow]) {
            self.title = title
            self.rows = rows
        }
    }

    public let bindingMessage: String?
    public let sections: [Section]

    public init(bindingMessage: String?, sections: [Section]) {
        self.bindingMessage = bindingMessage
        self.sections = sections
    }

    init?(_ text: String) {
        guard let document = try? JSONDecoder().decode(Wire.self, from: Data(text.utf8)) else { return nil }
        self.init(
            bindingMessage: document.binding_message,
            sections: document.sections.map { section in
                Section(section.title, section.rows.map { ShownRow($0.label, $0.text) })
            })
    }

    private struct Wire: Decodable {
        let binding_message: String?
        let sections: [Section]

        struct Section: Decodable {
            let title: String
            let rows: [Row]
        }

        struct Row: Decodable {
            let label: String
            let text: String
        }
    }
}

/// A labelled row that nothing is decided on.
public struct ShownRow: Equatable, Sendable {
    public let label: String
    public let text: String

    public init(_ label: String, _ text: String) {
        self.label = label
        self.text = text
    }
}
