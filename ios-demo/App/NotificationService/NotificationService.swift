import AuthenticatorCore
import DemoWords
import UserNotifications

/// Writes the notification of a request in the app's own words: nothing of the payload is in it, on a lock screen or off it.
/// It opens no store, uses no key and sends nothing.
final class NotificationService: AuthenticatorNotificationService {
    override func content(for preview: PushPreview, in content: UNMutableNotificationContent) {
        super.content(for: preview, in: content)
        let words = Words.preferred()
        content.title = words(.notificationTitle)
        content.subtitle = ""
        content.body = words(.notificationText)
        content.interruptionLevel = .timeSensitive
    }
}
