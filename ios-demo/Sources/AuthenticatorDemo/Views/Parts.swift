#if canImport(SwiftUI) && canImport(UIKit)
import SwiftUI
import UIKit

// The parts of a page. Text from servers is shown as it is (`verbatim`), never as Markdown or as the key of a translation,
// and keeps its own direction.

extension Tone {
    var color: Color {
        switch self {
        case .calm: .indigo
        case .good: .green
        case .caution: .orange
        case .bad: .red
        }
    }
}

extension Color {
    /// For what matters less. The system's secondary colour has not the contrast that small text needs.
    static let dim = Color.primary.opacity(0.7)
}

/// A symbol on a disc; its meaning is always in the words beside it.
struct SymbolView: View {
    let symbol: Symbol
    let tone: Tone
    @ScaledMetric private var side = 44.0

    var body: some View {
        Image(systemName: symbol.rawValue)
            .font(.title2)
            .foregroundStyle(.primary)
            .frame(width: side, height: side)
            .background(tone.color.opacity(0.2), in: Circle())
            .accessibilityHidden(true)
    }
}

struct Loading: View {
    let text: String

    var body: some View {
        VStack(spacing: 20) {
            ProgressView()
            Text(verbatim: text)
        }
        .frame(maxWidth: .infinity, minHeight: 320)
        .accessibilityElement(children: .combine)
    }
}

struct FaceView: View {
    let face: Face

    var body: some View {
        VStack(spacing: 12) {
            SymbolView(symbol: face.symbol, tone: face.tone)
            Text(verbatim: face.title).font(.title2.bold()).accessibilityAddTraits(.isHeader)
            if let text = face.text { Text(verbatim: text).foregroundStyle(Color.dim) }
        }
        .multilineTextAlignment(.center)
        .padding(.top, 64)
        .padding(.bottom, 16)
        .frame(maxWidth: .infinity)
        .accessibilityElement(children: .combine)
    }
}

struct BannerView: View {
    let banner: Banner

    var body: some View {
        HStack(alignment: .top, spacing: 12) {
            Image(systemName: banner.symbol.rawValue)
            VStack(alignment: .leading) {
                if let word = banner.word { Text(verbatim: word).bold() }
                Text(verbatim: banner.text)
            }
            Spacer(minLength: 0)
        }
        .font(.subheadline)
        .foregroundStyle(.primary)
        .padding(12)
        .background(banner.tone.color.opacity(0.2), in: RoundedRectangle(cornerRadius: 12))
        .accessibilityElement(children: .ignore)
        .accessibilityLabel(Text(verbatim: banner.spoken))
    }
}

struct Headline: View {
    let account: String
    let text: String?

    var body: some View {
        VStack(alignment: .leading, spacing: 4) {
            Text(verbatim: account).foregroundStyle(Color.dim)
            if let text { Text(verbatim: text).font(.title.bold()).accessibilityAddTraits(.isHeader) }
        }
        .environment(\.layoutDirection, .leftToRight)
    }
}

/// To be compared or written down letter by letter.
struct Letters: View {
    let text: String

    var body: some View {
        Text(verbatim: text)
            .font(.title3.monospaced())
            .textSelection(.enabled)
            .padding()
            .frame(maxWidth: .infinity, alignment: .leading)
            .background(Color(uiColor: .secondarySystemGroupedBackground), in: RoundedRectangle(cornerRadius: 12))
            .environment(\.layoutDirection, .leftToRight)
    }
}

/// The requester's words, apart from all that was computed.
struct BindingMessage: View {
    let label: String
    let text: String
    let whole: String?
    let more: String
    @State private var isWhole = false

    var body: some View {
        let shown = isWhole ? whole ?? text : text
        VStack(alignment: .leading, spacing: 6) {
            VStack(alignment: .leading, spacing: 6) {
                Text(verbatim: label).font(.subheadline).foregroundStyle(Color.dim)
                Text(verbatim: shown).font(.title2.monospaced())
            }
            .accessibilityElement(children: .ignore)
            .accessibilityLabel(Text(verbatim: "\(label): \(shown)"))
            if whole != nil, !isWhole { WholeButton(words: more) { isWhole = true } }
        }
        .padding()
        .frame(maxWidth: .infinity, alignment: .leading)
        .overlay { RoundedRectangle(cornerRadius: 12).stroke(.secondary) }
        .environment(\.layoutDirection, .leftToRight)
    }
}

private struct WholeButton: View {
    let words: String
    let show: () -> Void

    var body: some View {
        SwiftUI.Button(action: show) { Text(verbatim: words).frame(minHeight: 44) }
    }
}

struct RowsView: View {
    let title: String?
    let rows: [Row]
    let more: String

    var body: some View {
        VStack(alignment: .leading, spacing: 8) {
            if let title { Text(verbatim: title).font(.headline).accessibilityAddTraits(.isHeader) }
            VStack(alignment: .leading, spacing: 0) {
                ForEach(Array(rows.enumerated()), id: \.offset) { index, row in
                    if index > 0 { Divider() }
                    RowView(row: row, more: more)
                }
            }
            .padding(.horizontal)
            .background(Color(uiColor: .secondarySystemGroupedBackground), in: RoundedRectangle(cornerRadius: 12))
        }
        .environment(\.layoutDirection, .leftToRight)
    }
}

/// One labelled element for a screen reader.
private struct RowView: View {
    let row: Row
    let more: String
    @State private var isWhole = false

    var body: some View {
        let shown = isWhole ? row.whole.first ?? row : row
        VStack(alignment: .leading, spacing: 2) {
            VStack(alignment: .leading, spacing: 2) {
                Text(verbatim: shown.label).font(.subheadline).foregroundStyle(Color.dim)
                Text(verbatim: shown.text).font(shown.isAmount ? .largeTitle.weight(.semibold) : .body)
                if let help = shown.help { Text(verbatim: help).font(.footnote).foregroundStyle(Color.dim) }
                ForEach(Array(shown.marks.enumerated()), id: \.offset) { _, mark in BannerView(banner: mark) }
            }
            .frame(maxWidth: .infinity, alignment: .leading)
            .accessibilityElement(children: .ignore)
            .accessibilityLabel(Text(verbatim: shown.spoken))
            if !row.whole.isEmpty, !isWhole { WholeButton(words: more) { isWhole = true } }
        }
        .padding(.vertical, 12)
        .padding(.leading, CGFloat(row.indent) * 16)
    }
}

struct ItemsView: View {
    let items: [Item]
    let perform: (Action) -> Void

    var body: some View {
        VStack(spacing: 0) {
            ForEach(Array(items.enumerated()), id: \.offset) { index, item in
                if index > 0 { Divider() }
                SwiftUI.Button { perform(item.action) } label: { ItemView(item: item) }
                    .buttonStyle(.plain)
                    .accessibilityElement(children: .ignore)
                    .accessibilityLabel(Text(verbatim: item.spoken))
                    .accessibilityAddTraits(.isButton)
            }
        }
        .background(Color(uiColor: .secondarySystemGroupedBackground), in: RoundedRectangle(cornerRadius: 12))
    }
}

private struct ItemView: View {
    let item: Item

    var body: some View {
        HStack(spacing: 14) {
            SymbolView(symbol: item.symbol, tone: item.tone)
            VStack(alignment: .leading, spacing: 4) {
                Text(verbatim: item.title).font(.headline)
                ForEach(item.lines, id: \.self) { Text(verbatim: $0).font(.subheadline).foregroundStyle(Color.dim) }
                if let left = item.timeLeft { TimeLeftView(left: left) }
                if let chip = item.chip { BannerView(banner: Banner(.warning, .caution, chip)) }
            }
            Spacer(minLength: 0)
            Image(systemName: Symbol.next.rawValue).foregroundStyle(Color.dim)
        }
        .padding()
        .frame(minHeight: 72)
        .contentShape(Rectangle())
    }
}

struct TimeLeftView: View {
    let left: TimeLeft

    var body: some View {
        Label {
            Text(verbatim: left.text).monospacedDigit().foregroundStyle(left.soon ? Color.primary : Color.dim)
        } icon: {
            Image(systemName: (left.soon ? Symbol.warning : .time).rawValue).foregroundStyle(left.soon ? Color.red : Color.dim)
        }
        .accessibilityElement(children: .ignore)
        .accessibilityLabel(Text(verbatim: left.spoken))
    }
}

struct CodeView: View {
    let code: CodePart

    var body: some View {
        VStack(alignment: .leading, spacing: 4) {
            Text(verbatim: code.label).font(.subheadline).foregroundStyle(Color.dim)
            Text(verbatim: code.grouped).font(.largeTitle.monospaced()).privacySensitive()
            ProgressView(value: Double(code.code.secondsLeft), total: Double(code.code.period))
            Text(verbatim: code.left).font(.footnote).foregroundStyle(Color.dim)
        }
        .padding()
        .background(Color(uiColor: .secondarySystemGroupedBackground), in: RoundedRectangle(cornerRadius: 12))
        .environment(\.layoutDirection, .leftToRight)
        .accessibilityElement(children: .ignore)
        .accessibilityLabel(Text(verbatim: code.spoken))
    }
}
#endif
