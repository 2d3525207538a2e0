#if canImport(SwiftUI) && canImport(UIKit)
import Accessibility
import DemoWords
import SwiftUI
import UIKit

/// One screen, drawn from its page. Nothing is decided here.
struct PageView: View {
    let session: Session
    let place: Place

    var body: some View {
        let page = session.page(at: place)
        ScrollView {
            VStack(alignment: .leading, spacing: 16) {
                ForEach(Array(page.parts.enumerated()), id: \.offset) { _, part in PartView(part: part, session: session) }
            }
            .padding()
            .frame(maxWidth: 640)
            .frame(maxWidth: .infinity)
        }
        .safeAreaInset(edge: .bottom, spacing: 0) { if !page.answers.isEmpty { Answers(parts: page.answers, session: session) } }
        .background(Color(uiColor: .systemGroupedBackground))
        .navigationTitle(page.title)
        .navigationBarTitleDisplayMode(Tab.all.contains { $0.place == place } ? .large : .inline)
        .onChange(of: page.spoken) { _, spoken in
            if let spoken { AccessibilityNotification.Announcement(spoken).post() }
        }
    }
}

/// What stays in view below: the answers, and what an approval needs first. Large text leaves no room for that; it then
/// scrolls by itself.
private struct Answers: View {
    let parts: [Part]
    let session: Session
    @Environment(\.dynamicTypeSize) private var size

    var body: some View {
        Group {
            if size.isAccessibilitySize { ScrollView { stack }.frame(maxHeight: 280) } else { stack }
        }
        .background(.bar)
    }

    private var stack: some View {
        VStack(spacing: 10) {
            ForEach(Array(parts.enumerated()), id: \.offset) { _, part in PartView(part: part, session: session) }
        }
        .padding()
        .frame(maxWidth: 640)
        .frame(maxWidth: .infinity)
    }
}

struct PartView: View {
    let part: Part
    let session: Session

    var body: some View {
        switch part {
        case .loading(let text): Loading(text: text)
        case .face(let face): FaceView(face: face)
        case .banner(let banner): BannerView(banner: banner)
        case .heading(let text): Text(verbatim: text).font(.headline).accessibilityAddTraits(.isHeader)
        case .headline(let account, let text): Headline(account: account, text: text)
        case .text(let text): Text(verbatim: text).foregroundStyle(Color.dim)
        case .letters(let text): Letters(text: text)
        case .binding(let label, let text, let whole): BindingMessage(label: label, text: text, whole: whole, more: more)
        case .rows(let title, let rows): RowsView(title: title, rows: rows, more: more)
        case .items(let items): ItemsView(items: items) { session.perform($0) }
        case .group(let parts): group(parts)
        case .timeLeft(let left): TimeLeftView(left: left).accessibilityAddTraits(.updatesFrequently)
        case .code(let code): CodeView(code: code)
        case .button(let button): ButtonView(button: button) { session.perform($0) }
        case .pair(let first, let second): PairView(first: first, second: second) { session.perform($0) }
        case .field(let field): FieldView(field: field, session: session)
        case .paste(let label): Paste(label: label, session: session)
        case .scanner: scanner
        case .toggle(let toggle): ToggleView(toggle: toggle) { session.perform($0) }
        case .choices(let choices): ChoicesView(choices: choices) { session.perform($0) }
        case .progress: ProgressView().frame(maxWidth: .infinity)
        }
    }

    private func group(_ parts: [Part]) -> some View {
        VStack(spacing: 4) {
            ForEach(Array(parts.enumerated()), id: \.offset) { _, part in AnyView(PartView(part: part, session: session)) }
        }
        .background(Color(uiColor: .secondarySystemGroupedBackground), in: RoundedRectangle(cornerRadius: 12))
        .accessibilityElement(children: .contain)
    }

    private var more: String { session.words(.reviewWholeText) }

    @ViewBuilder private var scanner: some View {
        #if canImport(VisionKit) && os(iOS)
        ScannerView { session.scanned($0) }.frame(minHeight: 320).clipShape(RoundedRectangle(cornerRadius: 20))
        #else
        EmptyView()
        #endif
    }
}
#endif
