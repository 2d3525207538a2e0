#if canImport(UIKit) && canImport(UserNotifications) && canImport(Security)
import AuthenticatorCore
import BackgroundTasks
import DemoWords
import UIKit
import UserNotifications

/// The process: one authenticator, one place where pushes arrive, one set of notifications.
@MainActor
open class DemoDelegate: NSObject, UIApplicationDelegate, UNUserNotificationCenterDelegate {
    public let session: Session
    public let pushes: PushReceiver
    private let phone: Phone
    private let settings: StoredSettings
    private let notifier: SystemNotifier

    public override init() {
        let words = Words.preferred()
        let keys = KeychainKeyStore()
        settings = StoredSettings()
        notifier = SystemNotifier(words: words)
        phone = Phone(
            platform: ApplePlatform(keys: keys, settings: settings), gate: AppleGate(keys: keys), settings: settings)
        session = Session(phone: phone, words: words, hasCamera: Self.hasCamera) { await SystemNotifier.areAllowed() }
        pushes = PushReceiver(phone: phone, notifier: notifier)
        super.init()
    }

    private static var hasCamera: Bool {
        #if canImport(VisionKit) && os(iOS)
        ScannerView.isSupported
        #else
        false
        #endif
    }

    open func application(
        _ application: UIApplication, didFinishLaunchingWithOptions options: [UIApplication.LaunchOptionsKey: Any]?
    ) -> Bool {
        UNUserNotificationCenter.current().delegate = self
        notifier.register()
        session.enrolled = { Task { await SystemNotifier.ask() } }
        registerDelivery()
        application.registerForRemoteNotifications()
        #if DEBUG
        // An argument of the scheme: `-console http://127.0.0.1:8301`.
        if let console = UserDefaults.standard.string(forKey: "console") { listen(to: console) }
        #endif
        return true
    }

    // ------------------------------------------------------------------------------------------------------- pushes

    open func application(_ application: UIApplication, didRegisterForRemoteNotificationsWithDeviceToken token: Data) {
        let text = token.map { String(format: "%02x", $0) }.joined()
        guard text != settings.pushToken else { return }
        settings.pushToken = text
        Task {
            // What fails is tried again with the next token; the diagnosis in the settings says when the last request came.
            _ = try? await phone.core().updatePushToken(push: PushToken(service: .apns, token: SecretText(text)))
        }
    }

    /// With `content-available` also while the app is in the background.
    open func application(
        _ application: UIApplication, didReceiveRemoteNotification userInfo: [AnyHashable: Any]
    ) async -> UIBackgroundFetchResult {
        await pushes.received(userInfo: userInfo) == nil ? .noData : .newData
    }

    /// While the app is open.
    nonisolated open func userNotificationCenter(
        _ center: UNUserNotificationCenter, willPresent notification: UNNotification
    ) async -> UNNotificationPresentationOptions {
        _ = await challenge(About(notification))
        return [.banner, .list, .sound]
    }

    /// A tap on a notification, or on one of its buttons.
    nonisolated open func userNotificationCenter(
        _ center: UNUserNotificationCenter, didReceive response: UNNotificationResponse
    ) async {
        await follow(About(response.notification), action: response.actionIdentifier)
    }

    private func follow(_ about: About, action: String) async {
        guard let id = await challenge(about) else { return }
        if action == SystemNotifier.deny {
            await pushes.deny(id)
        } else if action != UNNotificationDismissActionIdentifier {
            session.openRequest(id)
        }
    }

    private func challenge(_ about: About) async -> ChallengeId? {
        switch about {
        case .own(let id): id
        case .push(let payload): await pushes.received(payload: payload, isOnScreen: true)
        case .neither: nil
        }
    }

    /// What a notification is about, in a form that may go to the main actor.
    private enum About: Sendable {
        case own(ChallengeId)
        case push(String)
        case neither

        init(_ notification: UNNotification) {
            let userInfo = notification.request.content.userInfo
            if let id = SystemNotifier.challenge(userInfo) {
                self = .own(id)
            } else if JSONSerialization.isValidJSONObject(userInfo), let json = try? JSONSerialization.data(withJSONObject: userInfo) {
                self = .push(String(decoding: json, as: UTF8.self))
            } else {
                self = .neither
            }
        }
    }

    #if DEBUG
    /// Pushes from the event stream of a sandbox on this machine.
    private func listen(to console: String) {
        let token = settings.pushToken ?? "dev-\(UUID().uuidString.lowercased())"
        settings.pushToken = token
        guard let url = URL(string: console), let source = DevelopmentPushes(console: url, token: token) else { return }
        Task {
            if let server = await source.server() { _ = try? await phone.core().addServer(address: server) }
            for await payload in source.payloads { await pushes.received(payload: payload) }
        }
    }
    #endif

    // ------------------------------------------------------------------------------------------------ in the background

    private func registerDelivery() {
        let pushes = self.pushes
        _ = BGTaskScheduler.shared.register(forTaskWithIdentifier: ApplePlatform.delivery, using: .main) { task in
            let work = Task { @MainActor in task.setTaskCompleted(success: await !pushes.flush()) }
            task.expirationHandler = { work.cancel() }
        }
    }

    /// Before the system suspends the app: nothing is being sent then, and no transaction is open.
    open func applicationDidEnterBackground(_ application: UIApplication) {
        let time = application.beginBackgroundTask(expirationHandler: nil)
        Task {
            try? await phone.core().pause()
            application.endBackgroundTask(time)
        }
    }

    open func applicationWillEnterForeground(_ application: UIApplication) {
        Task { try? await phone.core().resume() }
    }
}
#endif
