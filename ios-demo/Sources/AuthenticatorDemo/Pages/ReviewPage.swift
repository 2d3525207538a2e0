import AuthenticatorCore
import DemoWords

/// One request, in whatever state it is.
public func reviewPage(_ state: ReviewState, _ words: Words) -> Page {
    switch state.body {
    case .loading: return Page(title: words(.review), parts: [.loading(words(.loading))])
    case .failed(let problem): return over(words, failed(problem, words))
    case .asked(let asked): return askedPage(asked, state, words)
    case .expired:
        return over(words, [.face(Face(.time, .calm, words(.expired), words(.expiredText)))] + onward(state, words))
    case .answeredElsewhere:
        let face = Face(.devices, .calm, words(.answeredElsewhere), words(.answeredElsewhereText))
        return over(words, [.face(face)] + onward(state, words))
    case .keyLost:
        return over(
            words,
            [
                .face(Face(.key, .bad, words(.keyLost), words(.keyLostText))),
                .button(Button(words(.keyLostAdd), .main, .addAccountInstead)),
                .button(Button(words(.close), .plain, .back)),
            ])
    case .done(let done): return over(words, result(done, words) + onward(state, words))
    }
}

private func over(_ words: Words, _ parts: [Part]) -> Page {
    let face = parts.compactMap { part in if case .face(let face) = part { face } else { nil } }.first
    let spoken = face.map { [$0.title, $0.text].compactMap { $0 }.joined(separator: ". ") }
    return Page(title: words(.requests), parts: parts, spoken: spoken)
}

private func failed(_ problem: Problem, _ words: Words) -> [Part] {
    let face =
        problem.retry
        ? Face(.offline, .caution, words(.offline), words(.offlineText))
        : Face(.broken, .bad, words.problem(problem), words(.offlineText))
    return [
        .face(face), .button(Button(words(.retry), .main, .retry)),
        .button(Button(words(.deny), .plain, symbol: .deny, .deny(nil))),
    ]
}

private func askedPage(_ asked: Asked, _ state: ReviewState, _ words: Words) -> Page {
    let review = asked.review
    let left = state.secondsLeft.map(words.timeLeft)
    var parts: [Part] = []
    // That one stands beside the field.
    if let notice = asked.notice, notice != .confirmationWrong { parts.append(.banner(said(notice, words))) }
    parts.append(.headline(account: "\(review.account.issuer) · \(review.account.user)", text: review.headline))
    if let left { parts.append(.timeLeft(left)) }
    if case .blocked(_, let why) = review.approval { parts.append(.banner(Banner(.broken, .bad, words(.denyOnly), why))) }
    parts += review.marks.map { .banner(words.banner($0)) }
    if let message = review.bindingMessage {
        parts.append(.binding(label: words(.reviewBinding), text: message.shown, whole: message.full))
    }
    parts += review.sections.map { section in .rows(title: section.title, section.rows.map { row($0, words) }) }
    parts.append(.text(words(.reviewProgramUnknown)))
    return Page(title: words(.review), parts: parts, answers: answers(asked, words), spoken: spoken(asked, left, words))
}

/// What is said without being asked: what became of the last tap, else the time left, at its steps.
private func spoken(_ asked: Asked, _ left: TimeLeft?, _ words: Words) -> String? {
    if asked.step == .sending { return words(.sending) }
    return asked.notice.map { said($0, words).text } ?? left?.spoken
}

private func said(_ notice: Notice, _ words: Words) -> Banner {
    switch notice {
    case .promptCancelled: Banner(.info, .calm, words(.promptCancelled))
    case .promptLocked: Banner(.warning, .caution, words(.promptLocked))
    case .promptUnavailable: Banner(.warning, .caution, words(.promptUnavailable))
    case .confirmationWrong: Banner(.warning, .caution, words(.confirmWrong))
    case .approvalKeyLost: Banner(.warning, .caution, words(.approvalKeyLost))
    case .changed: Banner(.warning, .caution, words(.reviewChanged))
    }
}

/// A row, and what a screen reader says of it: the amount in words, and each mark with how grave it is.
private func row(_ row: ReviewRow, _ words: Words) -> Row {
    let marks = row.marks.map(words.banner)
    func made(_ label: String, _ text: String, _ help: String?, whole: [Row]) -> Row {
        var value = text
        var isAmount = false
        if case .amount(let decimal, let currency) = row.value {
            value = words.spokenAmount(decimal: decimal, currency: currency) ?? text
            isAmount = true
        }
        let spoken = (["\(label): \(value)"] + [help].compactMap { $0 } + marks.map(\.spoken)).joined(separator: ". ")
        return Row(
            label, text, spoken: spoken, isAmount: isAmount, indent: min(Int(row.indent), 6), help: help, marks: marks,
            whole: whole)
    }
    let isShortened = row.fullText != nil || row.fullLabel != nil || row.fullHelp != nil
    let whole = made(row.fullLabel ?? row.label, row.fullText ?? row.text, row.fullHelp ?? row.help, whole: [])
    return made(row.label, row.text, row.help, whole: isShortened ? [whole] : [])
}

/// The answers, of equal weight, and what an approval needs first.
private func answers(_ asked: Asked, _ words: Words) -> [Part] {
    if asked.step == .sending { return [.progress, .text(words(.sending))] }
    if asked.choosingReason { return reasons(words) }
    let free = asked.step == .reading
    let deny = Button(words(.deny), .answer, symbol: .deny, enabled: free, .deny(nil))
    let notMe = Part.button(Button(words(.notMe), .quiet, enabled: free, .chooseReason(true)))
    switch asked.review.approval {
    case .blocked(let reason, _):
        let retry = Part.button(Button(words(.retry), .plain, .retry))
        return (reason == .detailsUnavailable ? [retry] : []) + [.button(deny), notMe]
    case _ where asked.notice == .approvalKeyLost:
        let renew = Button(words(.approvalKeyRenew), .plain, symbol: .key, enabled: free, .renewApprovalKey)
        return [.button(renew), .button(deny), notMe]
    case .allowed:
        return [.pair(deny, Button(words(.approve), .answer, symbol: .approve, enabled: free, .approve)), notMe]
    case .needsConfirmation(let confirmation):
        let problem = asked.notice == .confirmationWrong ? words(.confirmWrong) : nil
        let isTyped = !asked.typed.allSatisfy(\.isWhitespace)
        let approve = Button(words(.approve), .answer, symbol: .approve, enabled: free && isTyped, .approve)
        return [.field(Field(.confirmation, label: confirmation.prompt, text: asked.typed, problem: problem)), .pair(deny, approve), notMe]
    }
}

extension Confirmation {
    fileprivate var prompt: String {
        switch self {
        case .amountDigits(let prompt), .number(_, let prompt): prompt
        }
    }
}

private func reasons(_ words: Words) -> [Part] {
    [.heading(words(.reason))]
        + Reason.allCases.map { .button(Button(words.reason($0.rawValue), .plain, .deny($0))) }
        + [.button(Button(words(.cancel), .quiet, .chooseReason(false)))]
}

private func result(_ done: Done, _ words: Words) -> [Part] {
    let counts = done.delivery == .delivered || done.delivery == .queued
    let delivery: Word =
        switch done.delivery {
        case .delivered: .resultDelivered
        case .queued: .resultQueued
        case .undelivered: .resultUndelivered
        case .unconfirmed: .resultUnconfirmed
        case .refused: .resultRefused
        }
    let text = words(delivery) + (done.notMe && counts ? "\n" + words(.resultNotMe) : "")
    let title = words(!counts ? .resultNotSure : done.decision == .approve ? .resultApproved : .resultDenied)
    let (symbol, tone): (Symbol, Tone) =
        switch (counts, done.delivery, done.decision) {
        case (false, _, _): (.warning, .bad)
        case (true, .queued, _): (.offline, .caution)
        case (true, _, .approve): (.approve, .good)
        case (true, _, .deny): (.deny, .calm)
        }
    return [.face(Face(symbol, tone, title, text))] + (done.delivery == .queued ? [.progress] : [])
}

/// Where several wait: the next one; else back.
private func onward(_ state: ReviewState, _ words: Words) -> [Part] {
    let next = state.next.map { id in
        Part.button(Button(words(.queueMore, state.more), .main, symbol: .next, .replace(.review(id))))
    }
    return [next].compactMap { $0 } + [.button(Button(words(.close), .plain, .back))]
}
