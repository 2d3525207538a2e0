import AuthenticatorCore
import DemoWords
import Observation

/// The state holders behind the screens, for as long as a person uses the app: what each place shows, and what a tap does.
@MainActor
@Observable
public final class Session {
    public let navigator = Navigator()
    public let accounts: AccountsViewModel
    public let enrol: EnrolViewModel
    public let requests: RequestsViewModel
    public let history: HistoryViewModel
    public let settings: SettingsViewModel
    /// The holders of the screens that are open; those of others end.
    private var review: (id: ChallengeId, model: ReviewViewModel)?
    private var account: (id: EnrollmentId, model: AccountViewModel)?
    private let phone: Phone
    public let words: Words
    private let hasCamera: Bool
    @ObservationIgnored private var ticking: Task<Void, Never>?
    /// Called when an account was added: the moment to ask for notifications.
    @ObservationIgnored public var enrolled: () -> Void = {}

    public init(
        phone: Phone, words: Words = .preferred(), hasCamera: Bool = false,
        notificationsAllowed: @escaping @MainActor () async -> Bool
    ) {
        self.phone = phone
        self.words = words
        self.hasCamera = hasCamera
        accounts = AccountsViewModel(phone: phone)
        enrol = EnrolViewModel(phone: phone)
        requests = RequestsViewModel(phone: phone)
        history = HistoryViewModel(phone: phone)
        settings = SettingsViewModel(phone: phone, notificationsAllowed: notificationsAllowed)
        navigator.arrived = { [weak self] in self?.arrived(at: $0) }
        arrived(at: navigator.place)
        ticking = Task { [weak self] in
            while !Task.isCancelled {
                self?.tick()
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// Ends what runs behind the screens.
    public func end() {
        ticking?.cancel()
        requests.end()
        history.end()
        review?.model.end()
    }

    /// Each second: what counts down.
    public func tick() {
        accounts.tick()
        requests.tick()
        review?.model.tick()
    }

    /// From a notification.
    public func openRequest(_ id: ChallengeId) { navigator.openRequest(id) }

    private func arrived(at place: Place) {
        switch place {
        case .accounts: accounts.load()
        case .history: history.load()
        case .review(let id) where review?.id != id:
            review?.model.end()
            review = (id, ReviewViewModel(phone: phone, id: id))
        case .account(let id): account = (id, AccountViewModel(phone: phone, id: id))
        default: break
        }
    }

    // ------------------------------------------------------------------------------------------------ what is shown

    /// What is in view.
    public var page: Page { page(at: navigator.place) }

    public func page(at place: Place) -> Page {
        switch place {
        case .accounts: accountsPage(accounts.state, words)
        case .requests: requestsPage(requests.state, words)
        case .history: historyPage(history.state, words)
        case .settings: settingsPage(settings.state, words)
        case .enrol: enrolPage(enrol.state, text: enrol.text, hasCamera: hasCamera, words)
        case .scan: scanPage(words)
        case .account(let id): accountPage(account?.id == id ? account!.model.state : .loading, words)
        case .review(let id): reviewPage(review?.id == id ? review!.model.state : ReviewState(body: .loading), words)
        case .entry(let id): entryPage(entry(id), words)
        }
    }

    private func entry(_ id: ChallengeId) -> HistoryItem? {
        guard case .shown(let items) = history.state else { return nil }
        return items.first { $0.id == id }
    }

    /// Whether what is in view must be covered: it is private, and somebody may be looking who is not the person. Not while
    /// the prompt lies over a request: the person wants to see what it is about.
    public func isCovered(isCaptured: Bool, visibility: Visibility) -> Bool {
        guard navigator.place.isPrivate else { return false }
        let isPrompting = review?.model.state.body.asked?.step == .prompt
        return isCaptured || visibility == .background || (visibility == .inactive && !isPrompting)
    }

    /// What stands in a field.
    public func text(of field: Field.Holds) -> String {
        switch field {
        case .invitation: enrol.text
        case .confirmation: review?.model.state.body.asked?.typed ?? ""
        }
    }

    // ------------------------------------------------------------------------------------------- what a person does

    public func type(_ text: String, into field: Field.Holds) {
        switch field {
        case .invitation: enrol.text = text
        case .confirmation: review?.model.type(text)
        }
    }

    /// What the camera read.
    public func scanned(_ text: String) {
        guard navigator.place == .scan else { return }
        navigator.back()
        enrol.submit(text)
    }

    public func perform(_ action: Action) {
        switch action {
        case .open(let place): navigator.open(place)
        case .replace(let place): navigator.replace(place)
        case .show(let place): navigator.show(place)
        case .back: navigator.back()
        case .retry: retry()
        case .repairStore: accounts.repair()
        case .addAccount, .addAccountInstead:
            enrol.start()
            if action == .addAccount { navigator.open(.enrol) } else { navigator.replace(.enrol) }
        case .submit: enrol.submit()
        case .trust: enrol.trust()
        case .startAgain: enrol.start()
        case .enrolled:
            enrolled()
            navigator.show(.accounts)
        case .showCode(let id): accounts.showCode(id)
        case .hideCode(let id): accounts.hideCode(id)
        case .approve: review?.model.approve()
        case .deny(let reason): review?.model.deny(reason)
        case .chooseReason(let open): review?.model.chooseReason(open)
        case .renewApprovalKey: review?.model.renewApprovalKey(prompt: words(.promptPerson))
        case .askToRemove: account?.model.askToRemove()
        case .remove: account?.model.remove()
        case .removeHereOnly: account?.model.removeHereOnly()
        case .keep: account?.model.keep()
        case .language(let tag): settings.choose(language: tag)
        case .biometric(let on): settings.ask(forBiometric: on)
        case .diagnose: settings.diagnose()
        }
    }

    private func retry() {
        switch navigator.place {
        case .accounts: accounts.load()
        case .requests: requests.retry()
        case .history: history.load()
        case .review: review?.model.load()
        case .account: account?.model.load()
        default: break
        }
    }
}

/// How much of the app is on screen: all, something over it or the app switcher, nothing.
public enum Visibility: Sendable { case active, inactive, background }
