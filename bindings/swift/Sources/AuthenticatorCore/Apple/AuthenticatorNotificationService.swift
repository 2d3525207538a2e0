#if canImport(UserNotifications) && !os(tvOS)
import UserNotifications

/// A Notification Service Extension that shows what a push says about itself, cleaned, in the app's own words.
///
/// It opens no store, uses no key and sends nothing: it stays far below the extension's 24 MB and 30 s, and it can neither
/// approve nor deny. It changes the notification only; the app receives the push by itself
/// (``AuthenticatorProtocol/receivePush(userInfo:)``).
///
/// Subclass it as the principal class of the extension and override ``content(for:in:)``.
open class AuthenticatorNotificationService: UNNotificationServiceExtension {
    /// Writes the notification. By default the text of the push stays, and a second push for the same request takes the
    /// place of the first in its group.
    ///
    /// Whatever is shown here was not fetched and is not what will be signed: name the account, say that something is
    /// asked, and leave amounts and recipients to the review.
    open func content(for preview: PushPreview, in content: UNMutableNotificationContent) {
        content.threadIdentifier = preview.challenge.value
    }

    /// Calls ``content(for:in:)`` for a push that is ours; any other is delivered unchanged.
    override open func didReceive(
        _ request: UNNotificationRequest, withContentHandler contentHandler: @escaping (UNNotificationContent) -> Void
    ) {
        guard let preview = try? previewPush(userInfo: request.content.userInfo),
            let changed = request.content.mutableCopy() as? UNMutableNotificationContent
        else {
            return contentHandler(request.content)
        }
        content(for: preview, in: changed)
        contentHandler(changed)
    }
}
#endif
