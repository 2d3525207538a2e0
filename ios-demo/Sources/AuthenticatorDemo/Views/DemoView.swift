#if canImport(SwiftUI) && canImport(UIKit)
import AuthenticatorCore
import DemoWords
import SwiftUI
import UIKit

/// The whole app: tabs, and over each what a person opened.
public struct DemoView: View {
    private let session: Session

    public init(session: Session) { self.session = session }

    public var body: some View {
        TabView(selection: tab) {
            ForEach(Tab.all, id: \.place) { tab in
                stack(tab.place)
                    .tabItem { Label(session.words(tab.word), systemImage: tab.symbol.rawValue) }
                    .badge(tab.place == .requests ? session.requests.state.waiting : 0)
                    .tag(tab.place)
            }
        }
        .modifier(Covered(session: session))
    }

    private func stack(_ place: Place) -> some View {
        NavigationStack(path: path(over: place)) {
            PageView(session: session, place: place)
                .navigationDestination(for: Place.self) { PageView(session: session, place: $0) }
        }
    }

    private var tab: Binding<Place> {
        Binding(get: { session.navigator.tab }, set: { session.perform(.show($0)) })
    }

    /// Empty for the tabs that are not in view. The system's own way back shortens it.
    private func path(over place: Place) -> Binding<[Place]> {
        Binding(
            get: { session.navigator.tab == place ? session.navigator.path : [] },
            set: { if session.navigator.tab == place { session.navigator.keep(path: $0) } })
    }
}

/// A cover over what is private while the screen is recorded or mirrored, and in the app switcher. A screenshot that a person
/// takes cannot be prevented on iOS.
private struct Covered: ViewModifier {
    let session: Session
    @Environment(\.isSceneCaptured) private var isCaptured
    @Environment(\.scenePhase) private var phase

    func body(content: Content) -> some View {
        let isCovered = session.isCovered(isCaptured: isCaptured, visibility: visibility)
        content
            .accessibilityHidden(isCovered)
            .overlay {
                if isCovered {
                    Rectangle().fill(Color(uiColor: .systemBackground)).ignoresSafeArea()
                        .overlay { SymbolView(symbol: .shield, tone: .calm) }
                }
            }
    }

    private var visibility: Visibility {
        switch phase {
        case .active: .active
        case .inactive: .inactive
        default: .background
        }
    }
}
#endif
