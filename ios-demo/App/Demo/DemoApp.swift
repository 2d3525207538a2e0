import AuthenticatorDemo
import SwiftUI

/// The app. All of it is in the package.
@main
struct DemoApp: App {
    @UIApplicationDelegateAdaptor(DemoDelegate.self) private var delegate

    var body: some Scene {
        WindowGroup { DemoView(session: delegate.session) }
    }
}
