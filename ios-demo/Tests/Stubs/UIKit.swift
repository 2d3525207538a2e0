@_exported import Foundation

@MainActor open class UIResponder: NSObject {}
@MainActor open class UIColor: NSObject {
    public static var systemBackground: UIColor { UIColor() }
    public static var systemGroupedBackground: UIColor { UIColor() }
    public static var secondarySystemGroupedBackground: UIColor { UIColor() }
}
@MainActor open class UIViewController: UIResponder {}

@MainActor open class UIDevice: NSObject {
    open class var current: UIDevice { UIDevice() }
    open var name: String { "" }
}

public struct UIBackgroundTaskIdentifier: Hashable, Sendable {}
public enum UIBackgroundFetchResult: UInt, Sendable { case newData, noData, failed }
public enum UIKeyboardType: Int, Sendable { case `default`, asciiCapable, numbersAndPunctuation, URL, numberPad }

@MainActor open class UIApplication: UIResponder {
    public struct LaunchOptionsKey: Hashable, Sendable {}
    open func registerForRemoteNotifications() {}
    open func beginBackgroundTask(expirationHandler handler: (@MainActor @Sendable () -> Void)? = nil) -> UIBackgroundTaskIdentifier {
        UIBackgroundTaskIdentifier()
    }
    open func endBackgroundTask(_ identifier: UIBackgroundTaskIdentifier) {}
}

// In Objective-C all of these are optional; here those are required that the demo must not misspell.
@MainActor public protocol UIApplicationDelegate: NSObjectProtocol {
    func application(
        _ application: UIApplication, didFinishLaunchingWithOptions launchOptions: [UIApplication.LaunchOptionsKey: Any]?
    ) -> Bool
    func application(_ application: UIApplication, didRegisterForRemoteNotificationsWithDeviceToken deviceToken: Data)
    func application(
        _ application: UIApplication, didReceiveRemoteNotification userInfo: [AnyHashable: Any]
    ) async -> UIBackgroundFetchResult
    func applicationDidEnterBackground(_ application: UIApplication)
    func applicationWillEnterForeground(_ application: UIApplication)
}
