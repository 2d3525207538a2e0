import AuthenticatorCore
import Observation

/// Where a person is in the app. The first place is always that of a tab.
@MainActor
@Observable
public final class Navigator {
    public private(set) var places: [Place] = [.accounts]
    /// Called with each place that comes into view.
    @ObservationIgnored var arrived: (Place) -> Void = { _ in }

    public var place: Place { places[places.count - 1] }

    public var tab: Place { places[0] }

    /// What lies over the tab's own screen.
    public var path: [Place] { Array(places.dropFirst()) }

    public func show(_ tab: Place) { go([tab]) }

    public func open(_ place: Place) {
        if place != self.place { go(places + [place]) }
    }

    /// In place of the one on top: the next request of the queue.
    public func replace(_ place: Place) { go(places.dropLast() + [place]) }

    public func back() {
        if places.count > 1 { go(places.dropLast()) }
    }

    /// What the system's own way back has left.
    public func keep(path: [Place]) {
        if path != self.path { go([tab] + path) }
    }

    /// From a notification: the request lies over the queue, so that the way back leads there.
    public func openRequest(_ id: ChallengeId) { go([.requests, .review(id)]) }

    private func go(_ places: [Place]) {
        self.places = places
        arrived(place)
    }
}

/// A screen with what it is about.
public enum Place: Hashable, Sendable {
    case accounts, requests, history, settings
    case enrol, scan
    case account(EnrollmentId)
    case review(ChallengeId)
    case entry(ChallengeId)

    /// What must not be in recordings, mirrored screens and the app switcher.
    public var isPrivate: Bool {
        switch self {
        case .review, .entry, .enrol, .scan, .accounts: true
        case .requests, .history, .settings, .account: false
        }
    }
}
