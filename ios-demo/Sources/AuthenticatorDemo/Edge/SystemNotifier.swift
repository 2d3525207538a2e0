#if canImport(UserNotifications)
import AuthenticatorCore
import DemoWords
import UserNotifications

/// The system's notifications. A push of APNs is one already; the development source posts its own.
public struct SystemNotifier: Notifier {
    /// What pushes of the Guardian dialect say of themselves; the buttons hang on it.
    public static let category = "com.auth0.notification.authentication"
    public static let deny = "deny"
    public static let review = "review"
    private static let member = "challenge"
    private let words: Words

    public init(words: Words) { self.words = words }

    /// "Deny" acts at once, on a locked phone too; approving begins with reading, so there is no such button. On a lock screen
    /// that hides previews, a request says only that it waits.
    public func register() {
        let category = UNNotificationCategory(
            identifier: Self.category,
            actions: [
                UNNotificationAction(identifier: Self.deny, title: words(.deny), options: []),
                UNNotificationAction(identifier: Self.review, title: words(.requestReview), options: [.foreground]),
            ], intentIdentifiers: [], hiddenPreviewsBodyPlaceholder: words(.notificationText), options: [])
        UNUserNotificationCenter.current().setNotificationCategories([category])
    }

    public static func ask() async {
        _ = try? await UNUserNotificationCenter.current().requestAuthorization(options: [.alert, .sound])
    }

    public static func areAllowed() async -> Bool {
        await UNUserNotificationCenter.current().notificationSettings().authorizationStatus == .authorized
    }

    public func post(_ notification: RequestNotification) async {
        let content = UNMutableNotificationContent()
        content.title = words(.notificationTitle)
        content.body = notification.account
        content.categoryIdentifier = Self.category
        content.threadIdentifier = notification.challenge.value
        content.userInfo = [Self.member: notification.challenge.value]
        if !notification.quiet { content.sound = .default }
        content.interruptionLevel = notification.quiet ? .passive : .timeSensitive
        let request = UNNotificationRequest(identifier: notification.challenge.value, content: content, trigger: nil)
        try? await UNUserNotificationCenter.current().add(request)
    }

    /// Of those that this app posted, by their own names; of pushes, by the thread that the extension gave them.
    public func keepOnly(_ open: [ChallengeId]) async {
        let center = UNUserNotificationCenter.current()
        let open = Set(open.map(\.value))
        let over = await center.deliveredNotifications()
            .filter { $0.request.content.categoryIdentifier == Self.category }
            .filter { !$0.request.content.threadIdentifier.isEmpty && !open.contains($0.request.content.threadIdentifier) }
        center.removeDeliveredNotifications(withIdentifiers: over.map(\.request.identifier))
    }

    /// The request that a notification of this app's own names.
    static func challenge(_ userInfo: [AnyHashable: Any]) -> ChallengeId? {
        (userInfo[member] as? String).map { ChallengeId($0) }
    }
}
#endif
