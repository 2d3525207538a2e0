import AuthenticatorCore
import DemoWords

// Screens as functions of their states; the review has a file of its own.

/// The accounts on this phone.
public func accountsPage(_ state: AccountsState, _ words: Words) -> Page {
    Page(title: words(.accounts), parts: accountsParts(state, words))
}

private func accountsParts(_ state: AccountsState, _ words: Words) -> [Part] {
    let add = Button(words(.accountAdd), .main, symbol: .add, .addAccount)
    switch state {
    case .loading: return [.loading(words(.loading))]
    case .failed(let problem) where problem.what == .keyLost || problem.what == .storeLost:
        return [
            .face(Face(.key, .bad, words(.storeLost), words(.storeLostText))),
            .button(Button(words(.storeRepair), .main, .repairStore)),
        ]
    case .failed(let problem): return problemFace(problem, words)
    case .shown([]): return [.face(Face(.shield, .calm, words(.accountsEmpty), words(.accountsEmptyHow))), .button(add)]
    case .shown(let cards): return cards.map { card($0, words) } + [.button(add)]
    }
}

private func card(_ account: AccountCard, _ words: Words) -> Part {
    let item = Item(.person, .calm, account.issuer, lines: [account.user], action: .open(.account(account.id)))
    var parts: [Part] = [.items([item])]
    if account.keyLost {
        parts.append(.banner(Banner(.key, .bad, words(.keyLost), words(.keyLostText))))
        parts.append(.button(Button(words(.keyLostAdd), .plain, .addAccount)))
    }
    if let code = account.code {
        let left = words(.accountCodeLeft, code.secondsLeft)
        parts.append(.code(CodePart(label: words(.accountCode), code: code, left: left)))
        parts.append(.button(Button(words(.close), .quiet, .hideCode(account.id))))
    } else if account.hasCode {
        parts.append(.button(Button(words(.accountCodeShow), .quiet, .showCode(account.id))))
    }
    return .group(parts)
}

/// From a code to an account: scan it, paste it or type it.
public func enrolPage(_ state: EnrolState, text: String, hasCamera: Bool, _ words: Words) -> Page {
    let parts: [Part]
    switch state {
    case .enter(let problem):
        let isTyped = !text.allSatisfy(\.isWhitespace)
        let scan = Part.button(Button(words(.enrolScan), .main, symbol: .camera, .open(.scan)))
        parts =
            [.text(words(.accountsEmptyHow))] + (hasCamera ? [scan] : []) + [
                .paste(words(.enrolPaste)),
                .field(Field(.invitation, label: words(.enrolField), problem: problem.map(words.problem))),
                .button(Button(words(.enrolContinue), .main, enabled: isTyped, .submit)),
            ]
    case .trust(let question):
        parts = [
            .face(Face(.shield, .caution, words(.enrolTrust))), .letters(question.host), .text(words(.enrolTrustText)),
            .button(Button(words(.enrolTrustYes), .main, .trust)), .button(Button(words(.cancel), .plain, .startAgain)),
        ]
    case .working: parts = [.loading(words(.enrolWorking))]
    case .done(let made):
        let recovery = made.recoveryCode.map {
            [Part.heading(words(.recoveryCode)), .letters($0.expose()), .text(words(.recoveryCodeText))]
        }
        parts =
            [.face(Face(.approve, .good, words(.enrolDone), "\(made.issuer)\n\(made.user)"))] + (recovery ?? [])
            + [.button(Button(words(.close), .main, .enrolled))]
    }
    return Page(title: words(.enrol), parts: parts)
}

public func scanPage(_ words: Words) -> Page {
    Page(title: words(.enrolScan), parts: [.scanner, .text(words(.accountsEmptyHow))])
}

/// The queue of what waits for a person.
public func requestsPage(_ state: RequestsState, _ words: Words) -> Page {
    let parts: [Part]
    switch state {
    case .loading: parts = [.loading(words(.loading))]
    case .failed(let problem): parts = problemFace(problem, words)
    case .shown([]): parts = [.face(Face(.requests, .calm, words(.requestsEmpty), words(.requestsEmptyText)))]
    case .shown(let cards):
        parts = cards.map { card in
            .items([
                Item(
                    .requests, .calm, card.headline ?? words(.requestFrom, card.user), lines: ["\(card.issuer) · \(card.user)"],
                    chip: card.times > 1 ? words(.requestRepeated, card.times) : nil,
                    timeLeft: words.timeLeft(card.secondsLeft), action: .open(.review(card.id)))
            ])
        }
    }
    return Page(title: words(.requests), parts: parts)
}

/// What was answered and what was missed.
public func historyPage(_ state: HistoryState, _ words: Words) -> Page {
    let parts: [Part]
    switch state {
    case .loading: parts = [.loading(words(.loading))]
    case .failed(let problem): parts = problemFace(problem, words)
    case .shown([]): parts = [.face(Face(.history, .calm, words(.historyEmpty)))]
    case .shown(let items):
        parts = [
            .items(
                items.map { item in
                    let (symbol, word, tone) = outcome(item)
                    let title = item.headline.isEmpty ? words(.requestFrom, item.user) : item.headline
                    return Item(
                        symbol, tone, title, lines: [words(word), "\(item.issuer) · \(words.time(item.at))"],
                        action: .open(.entry(item.id)))
                })
        ]
    }
    return Page(title: words(.history), parts: parts)
}

/// One entry, with its details as they stood on the screen.
public func entryPage(_ item: HistoryItem?, _ words: Words) -> Page {
    guard let item else { return Page(title: words(.history), parts: [.loading(words(.loading))]) }
    let (symbol, word, tone) = outcome(item)
    let said = [words.time(item.at), item.reason.map(words.reason)].compactMap { $0 }.joined(separator: "\n")
    var parts: [Part] = [
        .headline(account: "\(item.issuer) · \(item.user)", text: item.headline.isEmpty ? nil : item.headline),
        .banner(Banner(symbol, tone, words(word), said)),
    ]
    if item.personVerified { parts.append(.banner(Banner(.key, .calm, words(.historyPerson)))) }
    if let document = item.document {
        parts.append(.heading(words(.historyAsShown)))
        if let message = document.bindingMessage { parts.append(.letters(message)) }
        parts += document.sections.map { .rows(title: $0.title, $0.rows.map { Row($0.label, $0.text) }) }
    } else if item.decision != nil {
        parts.append(.text(words(.historyNotReviewed)))
    }
    return Page(title: words(.history), parts: parts)
}

private func outcome(_ item: HistoryItem) -> (Symbol, Word, Tone) {
    guard let decision = item.decision else { return (.time, .historyMissed, .calm) }
    return switch item.delivery {
    case .refused: (.warning, .resultRefused, .bad)
    case .undelivered: (.warning, .resultUndelivered, .bad)
    case .unconfirmed: (.warning, .resultUnconfirmed, .caution)
    case .queued: (.offline, .resultQueued, .caution)
    case .delivered, nil: decision == .approve ? (.approve, .resultApproved, .good) : (.deny, .resultDenied, .calm)
    }
}

/// One account: what protects it, when it was used, and how to remove it.
public func accountPage(_ state: AccountState, _ words: Words) -> Page {
    let parts: [Part]
    switch state {
    case .loading, .shown(_, .working, _): parts = [.loading(words(.loading))]
    case .failed(let problem): parts = problemFace(problem, words)
    case .removed: parts = [.face(Face(.approve, .good, words(.accountRemoved))), .button(Button(words(.close), .main, .back))]
    case .shown(let details, .no, _):
        parts = [
            .rows(title: nil, rows(details, words)),
            .button(Button(words(.accountRemove), .plain, symbol: .remove, .askToRemove)),
        ]
    case .shown(let details, .asked, _):
        let text = "\(details.issuer) · \(details.user)\n\n\(words(.accountRemoveText))"
        parts = [
            .face(Face(.warning, .bad, words(.accountRemove), text)), .button(Button(words(.accountRemove), .main, .remove)),
            .button(Button(words(.cancel), .plain, .keep)),
        ]
    case .shown(_, .unreachable, let problem):
        parts = [
            .face(Face(.offline, .caution, problem.map(words.problem) ?? words(.offline), words(.accountRemoveLocal))),
            .button(Button(words(.retry), .main, .remove)), .button(Button(words(.accountRemoveHere), .plain, .removeHereOnly)),
            .button(Button(words(.cancel), .plain, .keep)),
        ]
    }
    return Page(title: words(.accountDetails), parts: parts)
}

private func rows(_ details: AccountDetails, _ words: Words) -> [Row] {
    let protection: Word =
        switch details.protection {
        case .secureElement: .keyStrongbox
        case .trustedEnvironment: .keyHardware
        case .software: .keySoftware
        case .unknown: .keyUnknown
        }
    return [
        Row(words(.accountIssuer), details.issuer), Row(words(.accountUser), details.user),
        Row(words(.accountServer), details.server), Row(words(.accountAdded), words.time(details.addedAt)),
        Row(words(.accountUsed), details.usedAt.map(words.time) ?? words(.accountNever)),
        Row(words(.accountKey), words(protection)),
        Row(words(.settingsBiometric), words(details.approvalThumbprint == nil ? .no : .yes)),
        Row(words(.accountFingerprint), details.thumbprint.grouped(by: 4)),
    ]
}

/// Language of requests, the prompt, and what helps when nothing arrives.
public func settingsPage(_ state: SettingsState, _ words: Words) -> Page {
    var parts: [Part] = []
    if let problem = state.problem { parts.append(.banner(Banner(.broken, .bad, words.problem(problem)))) }
    parts.append(
        .toggle(
            Toggle(
                words: words(.settingsBiometric), text: words(.settingsBiometricText), on: state.biometric,
                action: .biometric(!state.biometric))))
    parts.append(.heading(words(.settingsDiagnostics)))
    if let diagnosis = state.diagnosis { parts.append(.rows(title: nil, rows(diagnosis, words))) }
    parts.append(.button(Button(words(.diagnosticsRun), .plain, .diagnose)))
    parts.append(.heading(words(.settingsLanguage)))
    let system = Choice(words: words(.settingsSystem), chosen: state.language == nil, action: .language(nil))
    let languages = Words.languages.map {
        Choice(words: words.name(of: $0), chosen: state.language == $0, action: .language($0))
    }
    parts.append(.choices([system] + languages))
    return Page(title: words(.settings), parts: parts)
}

private func rows(_ diagnosis: Diagnosis, _ words: Words) -> [Row] {
    [
        Row(words(.diagnosticsPush), words(diagnosis.notificationsAllowed ? .diagnosticsAllowed : .diagnosticsBlocked)),
        Row(words(.diagnosticsLastPush), diagnosis.lastPush.map(words.time) ?? words(.accountNever)),
        Row(words(.diagnosticsQueued), diagnosis.queued.formatted(.number.locale(words.locale))),
        Row(
            words(.diagnosticsHistory),
            diagnosis.brokenAt.map { words(.diagnosticsHistoryBroken, $0) } ?? words(.diagnosticsHistoryOk)),
    ]
}

private func problemFace(_ problem: Problem, _ words: Words) -> [Part] {
    let symbol: Symbol = problem.what == .offline ? .offline : .broken
    return [
        .face(Face(symbol, problem.retry ? .caution : .bad, words.problem(problem))),
        .button(Button(words(.retry), .plain, .retry)),
    ]
}
