import AuthenticatorCore
import Foundation

/// From a payload to a notification, wherever it came from. The core reads it; what is not ours is dropped without a word.
@MainActor
public final class PushReceiver {
    private let phone: Phone
    private let notifier: any Notifier
    private var watching: Task<Void, Never>?

    public init(phone: Phone, notifier: any Notifier) {
        self.phone = phone
        self.notifier = notifier
        watching = Task {
            await phone.eachChange { await notifier.keepOnly($0.challenges.map(\.id)) }
        }
    }

    public func end() { watching?.cancel() }

    /// The `userInfo` of a notification that APNs delivered; it is on screen already.
    public func received(userInfo: [AnyHashable: Any]) async -> ChallengeId? {
        guard let core = try? await phone.core(), let challenge = try? await core.receivePush(userInfo: userInfo) else {
            return nil
        }
        phone.settings.lastPush = phone.now
        return challenge.id
    }

    /// The payload as JSON: of a notification that is on screen, or, as the development source hands it over, of none yet.
    @discardableResult
    public func received(payload: String, isOnScreen: Bool = false) async -> ChallengeId? {
        guard let core = try? await phone.core(), let challenge = try? await core.receivePush(payload: payload) else {
            return nil
        }
        phone.settings.lastPush = phone.now
        if challenge.arrival == .new, !isOnScreen { await notifier.post(RequestNotification(challenge)) }
        return challenge.id
    }

    /// "Deny" on a notification: no prompt, no screen. The answer says that nobody looked at the details.
    public func deny(_ id: ChallengeId) async {
        // Over, or answered before: the list and the history say so.
        guard let receipt = try? await phone.core().deny(id) else { return }
        if receipt.delivery == .queued { phone.platform.deliverLater() }
    }

    /// Sends what waits; whether something is left that can still be sent.
    public func flush() async -> Bool {
        do {
            return try await phone.core().flush().contains { $0.delivery == .queued }
        } catch {
            return (error as? AuthenticatorError)?.errorClass == .retry
        }
    }
}

/// A request as a notification. Nothing of the payload is in it: it says that something waits, and for which account.
public struct RequestNotification: Equatable, Sendable {
    public let challenge: ChallengeId
    public let account: String
    /// After "this wasn't me" requests of that kind come without a sound.
    public let quiet: Bool

    init(_ challenge: Challenge) {
        self.challenge = challenge.id
        account = "\(challenge.account.issuer) · \(challenge.account.user)"
        quiet = challenge.alert == .silent
    }
}

/// The notifications of this app that are on screen.
public protocol Notifier: Sendable {
    func post(_ notification: RequestNotification) async
    /// Takes away what is answered or over.
    func keepOnly(_ open: [ChallengeId]) async
}
