#if canImport(SwiftUI) && canImport(UIKit)
import SwiftUI
import UIKit

// What can be tapped or typed into: 44 points high at least, and as high as its words want.

struct ButtonView: View {
    let button: Button
    let perform: (Action) -> Void

    var body: some View {
        let tapped = SwiftUI.Button { perform(button.action) } label: { label }.disabled(!button.enabled)
        switch button.look {
        case .main: tapped.buttonStyle(.borderedProminent)
        // Both answers look the same.
        case .answer, .plain: tapped.buttonStyle(.bordered)
        case .quiet: tapped.buttonStyle(.borderless)
        }
    }

    private var label: some View {
        HStack(spacing: 8) {
            if let symbol = button.symbol { Image(systemName: symbol.rawValue).accessibilityHidden(true) }
            Text(verbatim: button.words)
        }
        .font(.body.weight(.semibold))
        .multilineTextAlignment(.center)
        .frame(maxWidth: .infinity, minHeight: 44)
    }
}

/// Side by side, one above the other where the text is large.
struct PairView: View {
    let first: Button
    let second: Button
    let perform: (Action) -> Void
    @Environment(\.dynamicTypeSize) private var size

    var body: some View {
        let layout =
            size.isAccessibilitySize ? AnyLayout(VStackLayout(spacing: 10)) : AnyLayout(HStackLayout(spacing: 12))
        layout {
            ButtonView(button: first, perform: perform)
            ButtonView(button: second, perform: perform)
        }
    }
}

struct FieldView: View {
    let field: Field
    let session: Session

    var body: some View {
        VStack(alignment: .leading, spacing: 6) {
            Text(verbatim: field.label).accessibilityHidden(true)
            input
                .textFieldStyle(.roundedBorder)
                .autocorrectionDisabled()
                .textInputAutocapitalization(.never)
                .frame(minHeight: 44)
                .accessibilityLabel(Text(verbatim: field.label))
            if let problem = field.problem {
                Label { Text(verbatim: problem) } icon: { Image(systemName: Symbol.broken.rawValue).foregroundStyle(.red) }
                    .font(.footnote)
            }
        }
    }

    @ViewBuilder private var input: some View {
        switch field.holds {
        case .invitation:
            TextField(text: text, axis: .vertical) { Text(verbatim: field.label) }.lineLimit(2...5).keyboardType(.URL)
        case .confirmation:
            TextField(text: text) { Text(verbatim: field.label) }.keyboardType(.numberPad)
        }
    }

    private var text: Binding<String> {
        Binding(get: { session.text(of: field.holds) }, set: { session.type($0, into: field.holds) })
    }
}

/// The system's own button: no question about the clipboard, and nothing read before the tap.
struct Paste: View {
    let label: String
    let session: Session

    var body: some View {
        PasteButton(payloadType: String.self) { texts in
            Task { @MainActor in texts.first.map { session.type($0, into: .invitation) } }
        }
        .frame(maxWidth: .infinity, minHeight: 44)
        .accessibilityLabel(Text(verbatim: label))
    }
}

struct ToggleView: View {
    let toggle: Toggle
    let perform: (Action) -> Void

    var body: some View {
        SwiftUI.Toggle(isOn: Binding(get: { toggle.on }, set: { _ in perform(toggle.action) })) {
            VStack(alignment: .leading, spacing: 4) {
                Text(verbatim: toggle.words)
                Text(verbatim: toggle.text).font(.footnote).foregroundStyle(Color.dim)
            }
        }
        .padding()
        .background(Color(uiColor: .secondarySystemGroupedBackground), in: RoundedRectangle(cornerRadius: 12))
    }
}

struct ChoicesView: View {
    let choices: [Choice]
    let perform: (Action) -> Void

    var body: some View {
        VStack(spacing: 0) {
            ForEach(Array(choices.enumerated()), id: \.offset) { index, choice in
                if index > 0 { Divider() }
                SwiftUI.Button { perform(choice.action) } label: {
                    HStack {
                        Text(verbatim: choice.words)
                        Spacer()
                        if choice.chosen { Image(systemName: Symbol.approve.rawValue).foregroundStyle(.tint) }
                    }
                    .frame(minHeight: 44)
                    .contentShape(Rectangle())
                }
                .buttonStyle(.plain)
                .accessibilityAddTraits(choice.chosen ? [.isButton, .isSelected] : .isButton)
            }
        }
        .padding(.horizontal)
        .background(Color(uiColor: .secondarySystemGroupedBackground), in: RoundedRectangle(cornerRadius: 12))
    }
}
#endif
