import AuthenticatorCore
import Observation

/// One request: read, shown, decided, and what became of it.
@MainActor
@Observable
public final class ReviewViewModel {
    public private(set) var state = ReviewState(body: .loading)
    private let phone: Phone
    private let id: ChallengeId
    @ObservationIgnored private var watching: Task<Void, Never>?

    public init(phone: Phone, id: ChallengeId) {
        self.phone = phone
        self.id = id
        load()
        watching = Task { [weak self] in
            await phone.eachChange { [weak self] in self?.changed($0) }
        }
    }

    public func end() { watching?.cancel() }

    /// Fetches what is asked; again after there was no connection, or when the request is not what it was.
    public func load() {
        act(meanwhile: .loading) { try await $0.reviewed(notice: nil) }
    }

    /// What was typed in place of the confirmation that a grave request wants.
    public func type(_ text: String) {
        onAsked {
            guard $0.typed != text else { return }
            $0.typed = text
            $0.notice = nil
        }
    }

    /// Opens the reasons for a denial, and closes them.
    public func chooseReason(_ open: Bool) { onAsked { $0.choosingReason = open } }

    public func approve() {
        guard case .asked(let asked) = state.body, asked.step == .reading else { return }
        act(meanwhile: .asked(asked.at(.sending))) { try await $0.approved(asked) }
    }

    /// Denies; needs no prompt. Where nothing could be read, the answer says that nobody looked.
    public func deny(_ reason: Reason? = nil) {
        guard case .asked(var asked) = state.body else {
            return act(meanwhile: .loading) { model in
                model.ended(try await model.phone.core().deny(model.id, reason: reason?.rawValue))
            }
        }
        guard asked.step == .reading else { return }
        let review = asked.review
        asked = asked.at(.sending)
        asked.choosingReason = false
        act(meanwhile: .asked(asked)) { model in
            model.ended(try await model.phone.core().deny(review, reason: reason?.rawValue))
        }
    }

    /// After the approval key was lost: proves the person by the phone's own means, and makes a new one.
    public func renewApprovalKey(prompt: String) {
        guard case .asked(let asked) = state.body, asked.step == .reading else { return }
        act(meanwhile: .asked(asked.at(.prompt, notice: asked.notice))) { model in
            guard case .passed = await model.phone.gate.confirmPerson(reason: prompt) else { return .asked(asked) }
            _ = try await model.phone.core().replaceApprovalKey(id: asked.review.enrollment)
            return .asked(asked.at(.reading))
        }
    }

    /// Each second.
    public func tick() {
        guard let end = state.expiresAt else { return }
        let left = secondsUntil(end, now: phone.now)
        if left != state.secondsLeft { state.secondsLeft = left }
        if left == 0, state.body.isWaiting { state.body = .expired }
    }

    private func reviewed(notice: Notice?) async throws -> ReviewBody {
        try await phone.speak()
        let review = try await phone.core().review(id: id)
        state.expiresAt = review.expiresAt
        state.secondsLeft = secondsUntil(review.expiresAt, now: phone.now)
        return .asked(Asked(review, notice: notice))
    }

    private func approved(_ asked: Asked) async throws -> ReviewBody {
        let core = try await phone.core()
        let typed = asked.typed.filter { !$0.isWhitespace }
        let confirmation = typed.isEmpty ? nil : typed
        guard try await wantsPrompt(core, asked.review.enrollment) else {
            return ended(try await core.approve(asked.review, confirmation: confirmation))
        }
        let request = try await core.beginApproval(
            id: asked.review.challenge, digest: asked.review.digest, confirmation: confirmation)
        state.body = .asked(asked.at(.prompt))
        switch await phone.gate.sign(request, reason: asked.review.headline) {
        case .passed(let signature):
            state.body = .asked(asked.at(.sending))
            return ended(try await core.finishApproval(id: request.id, signature: signature))
        case .cancelled: return .asked(asked.at(.reading, notice: .promptCancelled))
        case .lockedOut: return .asked(asked.at(.reading, notice: .promptLocked))
        case .unavailable: return .asked(asked.at(.reading, notice: .promptUnavailable))
        case .keyLost: return .asked(asked.at(.reading, notice: .approvalKeyLost))
        }
    }

    private func wantsPrompt(_ core: any AuthenticatorProtocol, _ id: EnrollmentId) async throws -> Bool {
        if phone.settings.biometric { return true }
        return try await core.enrollments().contains { $0.id == id && $0.approvalThumbprint != nil }
    }

    private func ended(_ receipt: Receipt) -> ReviewBody {
        if receipt.delivery == .queued { phone.platform.deliverLater() }
        return Self.face(of: receipt)
    }

    private static func face(of receipt: Receipt) -> ReviewBody {
        switch (receipt.delivery, receipt.lastError) {
        case (.refused, .challengeAnswered): .answeredElsewhere
        case (.undelivered, .challengeExpired): .expired
        default: .done(Done(receipt.decision, receipt.delivery, notMe: receipt.reason == Reason.notMe.rawValue))
        }
    }

    /// Runs a step, and finds the face of what goes wrong.
    private func act(meanwhile: ReviewBody, _ step: @escaping @MainActor (ReviewViewModel) async throws -> ReviewBody) {
        state.body = meanwhile
        Task {
            do {
                state.body = try await step(self)
            } catch {
                state.body = await face(of: error, asked: meanwhile.asked)
            }
        }
    }

    private func face(of error: any Error, asked: Asked?) async -> ReviewBody {
        switch (error as? AuthenticatorError)?.code {
        case .challengeExpired: return .expired
        case .challengeAnswered, .unknownChallenge: return .answeredElsewhere
        case .keyMissing, .keyInvalidated, .enrollmentGone: return .keyLost
        case .reviewChanged, .reviewMissing:
            do {
                return try await reviewed(notice: .changed)
            } catch {
                return .failed(Problem(error))
            }
        case .confirmationNeeded:
            if let asked { return .asked(asked.at(.reading, notice: .confirmationWrong)) }
        case .approvalKeyMissing:
            if let asked { return .asked(asked.at(.reading, notice: .approvalKeyLost)) }
        default: break
        }
        return .failed(Problem(error))
    }

    private func changed(_ change: Change) {
        let others = change.challenges.filter { $0.id != id && $0.repeats.leads }
        state.next = others.first?.id
        state.more = others.count
        // An answer that was queued has arrived, or never will.
        if case .done = state.body, let receipt = change.outcomes.last(where: { $0.challenge == id }) {
            state.body = Self.face(of: receipt)
        }
    }

    private func onAsked(_ change: (inout Asked) -> Void) {
        guard case .asked(var asked) = state.body else { return }
        change(&asked)
        state.body = .asked(asked)
    }
}

/// `more` others wait, `next` is the one to expire first.
public struct ReviewState: Equatable, Sendable {
    public var body: ReviewBody
    public var expiresAt: Int64?
    public var secondsLeft: Int?
    public var next: ChallengeId?
    public var more: Int

    public init(
        body: ReviewBody, expiresAt: Int64? = nil, secondsLeft: Int? = nil, next: ChallengeId? = nil, more: Int = 0
    ) {
        self.body = body
        self.expiresAt = expiresAt
        self.secondsLeft = secondsLeft
        self.next = next
        self.more = more
    }
}

/// The faces of a request.
public enum ReviewBody: Equatable, Sendable {
    case loading
    /// The details could not be fetched; denying is possible.
    case failed(Problem)
    case asked(Asked)
    case expired
    case answeredElsewhere
    case keyLost
    case done(Done)

    var asked: Asked? { if case .asked(let asked) = self { asked } else { nil } }

    /// Whether a person has still to act.
    var isWaiting: Bool {
        switch self {
        case .failed: true
        case .asked(let asked): asked.step == .reading
        default: false
        }
    }
}

/// A request that can be read, and where a person stands with it.
public struct Asked: Equatable, Sendable {
    public let review: Review
    public var step: Step
    public var typed: String
    public var choosingReason: Bool
    public var notice: Notice?

    public init(
        _ review: Review, step: Step = .reading, typed: String = "", choosingReason: Bool = false, notice: Notice? = nil
    ) {
        self.review = review
        self.step = step
        self.typed = typed
        self.choosingReason = choosingReason
        self.notice = notice
    }

    func at(_ step: Step, notice: Notice? = nil) -> Asked {
        Asked(review, step: step, typed: typed, choosingReason: choosingReason, notice: notice)
    }
}

public enum Step: Sendable { case reading, prompt, sending }

/// What happened to the last tap.
public enum Notice: Sendable {
    case promptCancelled, promptLocked, promptUnavailable, confirmationWrong, approvalKeyLost, changed
}

/// Why a person denies; the raw value reaches the server.
public enum Reason: String, Sendable, CaseIterable {
    case notMe = "not_me"
    case wrongDetails = "wrong_details"
    case changedMind = "changed_mind"
}

/// An answer, and what became of it.
public struct Done: Equatable, Sendable {
    public let decision: Decision
    public let delivery: Delivery
    public let notMe: Bool

    public init(_ decision: Decision, _ delivery: Delivery, notMe: Bool = false) {
        self.decision = decision
        self.delivery = delivery
        self.notMe = notMe
    }
}
