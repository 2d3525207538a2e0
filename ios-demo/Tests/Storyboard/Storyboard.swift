import AuthenticatorDemo
import DemoSamples
import DemoWords

/// The page of all states, as HTML that needs nothing else.
struct Storyboard {
    let words: Words

    var page: String {
        let chapters = Samples.all.map(chapter).joined()
        let links = Samples.all.map { "<a href=\"#\(id($0.chapter))\">\(escaped($0.chapter))</a>" }.joined(separator: "\n")
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>Every state of the iOS demo</title>
            <!-- Written by ios-demo/states. -->
            <style>
            \(style)
            </style>
            </head>
            <body>
            \(symbols)
            <header>
            <h1>Every state of the iOS demo</h1>
            <p>What each screen says and offers, from the same values that SwiftUI draws and the tests read. The look here is a
            sketch; order, words, symbols and buttons are the app’s own. The Android app has
            <a href="../android-demo/app/src/test/pictures">pictures</a> of the same states under the same names.</p>
            <nav>
            \(links)
            </nav>
            </header>
            <main>
            \(chapters)</main>
            </body>
            </html>

            """
    }

    private func id(_ chapter: String) -> String { chapter.lowercased().replacing(" ", with: "-") }

    private func chapter(_ name: String, _ samples: [Sample]) -> String {
        """
        <section>
        <h2 id="\(id(name))">\(escaped(name))</h2>
        <div class="states">
        \(samples.map(figure).joined())</div>
        </section>

        """
    }

    private func figure(_ sample: Sample) -> String {
        let page = sample.page(words)
        let body = page.parts.map(part).joined()
        let face = page.parts.contains { part in
            switch part {
            case .face, .loading: true
            default: false
            }
        }
        let answers = page.answers.isEmpty ? "" : "<div class=\"answers\">\n\(page.answers.map(part).joined())</div>\n"
        return """
            <figure id="\(sample.name)">
            <div class="phone">
            <div class="bar\(sample.tab == nil ? "" : " tab")">\(sample.tab == nil ? symbol(.next, "back") : "")<b>\(escaped(page.title))</b></div>
            <div class="content\(face ? " centred" : "")">
            \(body)</div>
            \(answers)\(sample.tab.map(tabs) ?? "")</div>
            <figcaption><code>\(sample.name)</code> \(escaped(sample.about))</figcaption>
            </figure>

            """
    }

    private func tabs(_ on: Place) -> String {
        let items = Tab.all.map { tab in
            "<span\(tab.place == on ? " class=\"on\"" : "")>\(symbol(tab.symbol))\(escaped(words(tab.word)))</span>"
        }
        return "<div class=\"tabs\">\(items.joined())</div>\n"
    }

    // ------------------------------------------------------------------------------------------------------- parts

    private func part(_ part: Part) -> String {
        switch part {
        case .loading(let text): "<div class=\"face\"><i class=\"spinner\"></i><p>\(escaped(text))</p></div>\n"
        case .face(let face): self.face(face)
        case .banner(let banner): self.banner(banner)
        case .heading(let text): "<h4>\(escaped(text))</h4>\n"
        case .headline(let account, let text):
            "<p class=\"dim\">\(escaped(account))</p>\n" + (text.map { "<h3>\(escaped($0))</h3>\n" } ?? "")
        case .text(let text): "<p class=\"dim\">\(escaped(text))</p>\n"
        case .letters(let text): "<p class=\"letters\">\(escaped(text))</p>\n"
        case .binding(let label, let text, _):
            "<div class=\"binding\"><span>\(escaped(label))</span><p>\(escaped(text))</p></div>\n"
        case .rows(let title, let rows):
            (title.map { "<h4>\(escaped($0))</h4>\n" } ?? "") + "<dl>\n\(rows.map(row).joined())</dl>\n"
        case .items(let items): "<ul>\n\(items.map(item).joined())</ul>\n"
        case .group(let parts): "<div class=\"group\">\n\(parts.map { self.part($0) }.joined())</div>\n"
        case .timeLeft(let left): timeLeft(left)
        case .code(let code):
            "<div class=\"code\"><span>\(escaped(code.label))</span><p>\(escaped(code.grouped))</p><span>\(escaped(code.left))</span></div>\n"
        case .button(let button): self.button(button)
        case .pair(let first, let second): "<div class=\"pair\">\n\(self.button(first))\(self.button(second))</div>\n"
        case .field(let field): self.field(field)
        case .paste(let text): "<span class=\"button plain\">\(symbol(.add))\(escaped(text))</span>\n"
        case .scanner: "<div class=\"scanner\"></div>\n"
        case .toggle(let toggle):
            """
            <div class="toggle"><div><p>\(escaped(toggle.words))</p><p class="dim">\(escaped(toggle.text))</p></div><i class="\(toggle.on ? "on" : "")"></i></div>

            """
        case .choices(let choices):
            "<ul class=\"choices\">\n"
                + choices.map { "<li>\(escaped($0.words))\($0.chosen ? symbol(.approve) : "")</li>\n" }.joined() + "</ul>\n"
        case .progress: "<i class=\"spinner small\"></i>\n"
        }
    }

    private func face(_ face: Face) -> String {
        let text = face.text.map { "<p>\(escaped($0))</p>\n" } ?? ""
        return """
            <div class="face"><span class="disc \(face.tone.rawValue)">\(symbol(face.symbol))</span>
            <h3>\(escaped(face.title))</h3>
            \(text)</div>

            """
    }

    private func banner(_ banner: Banner) -> String {
        let word = banner.word.map { "<b>\(escaped($0))</b> " } ?? ""
        return "<div class=\"banner \(banner.tone.rawValue)\">\(symbol(banner.symbol))<p>\(word)\(escaped(banner.text))</p></div>\n"
    }

    private func row(_ row: Row) -> String {
        let indent = row.indent > 0 ? " style=\"padding-left:\(row.indent)em\"" : ""
        let help = row.help.map { "<p class=\"dim\">\(escaped($0))</p>" } ?? ""
        return """
            <div\(indent)><dt>\(escaped(row.label))</dt><dd\(row.isAmount ? " class=\"amount\"" : "")>\(escaped(row.text))</dd>\(help)\(row.marks.map(banner).joined())</div>

            """
    }

    private func item(_ item: Item) -> String {
        let lines = item.lines.map { "<span>\(escaped($0))</span>" }.joined()
        let chip = item.chip.map { "<span class=\"banner caution\">\(symbol(.warning))\(escaped($0))</span>" } ?? ""
        return """
            <li><span class="disc \(item.tone.rawValue)">\(symbol(item.symbol))</span><div><b>\(escaped(item.title))</b>\(lines)\(item.timeLeft.map(timeLeft) ?? "")\(chip)</div>\(symbol(.next))</li>

            """
    }

    private func timeLeft(_ left: TimeLeft) -> String {
        "<span class=\"left\(left.soon ? " soon" : "")\">\(symbol(left.soon ? .warning : .time))\(escaped(left.text))</span>\n"
    }

    private func button(_ button: Button) -> String {
        let look =
            switch button.look {
            case .main: "main"
            case .plain: "plain"
            case .answer: "answer"
            case .quiet: "quiet"
            }
        let off = button.enabled ? "" : " off"
        return "<span class=\"button \(look)\(off)\">\(button.symbol.map { symbol($0) } ?? "")\(escaped(button.words))</span>\n"
    }

    private func field(_ field: Field) -> String {
        let problem = field.problem.map { "<span class=\"problem\">\(escaped($0))</span>" } ?? ""
        let kind = field.holds == .confirmation ? "short" : ""
        return "<div class=\"field \(kind)\"><span>\(escaped(field.label))</span><i>\(escaped(field.text))</i>\(problem)</div>\n"
    }

    // ------------------------------------------------------------------------------------------------------ letters

    private func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
            .replacing("\n", with: "<br>")
    }

    private func symbol(_ symbol: Symbol, _ kind: String = "") -> String {
        "<svg\(kind.isEmpty ? "" : " class=\"\(kind)\"") aria-hidden=\"true\"><use href=\"#s-\(name(symbol))\"/></svg>"
    }

    private func name(_ symbol: Symbol) -> String { String(describing: symbol) }

    /// Strokes on a square of 24.
    private func strokes(_ symbol: Symbol) -> String {
        switch symbol {
        case .add: "M12 5v14M5 12h14"
        case .approve: "M5 12.5l4.5 4.5L19 7"
        case .broken: "M8 3h8l5 5v8l-5 5H8l-5-5V8zM12 8v5M12 16v.5"
        case .camera: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M8.5 8.5h3v3h-3zM14 14h2M14 9h2M9 15h2"
        case .deny: "M6 6l12 12M18 6L6 18"
        case .devices: "M9 3h6v18H9zM5 8a6 6 0 0 0 0 8M19 8a6 6 0 0 1 0 8"
        case .history: "M4 12a8 8 0 1 0 2.5-5.8M4 4v4h4M12 8v4.5l3 2"
        case .info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5.5M12 7.5v.5"
        case .key: "M8 11a4 4 0 1 0 0 2h5v3M13 13h7v3M8 12h.1"
        case .next: "M9 5l7 7-7 7"
        case .offline: "M4 4l16 16M3.5 10a13 13 0 0 1 4-2.5M20.5 10A13 13 0 0 0 11 6.6M7 13.5a8 8 0 0 1 4-2M17 13.5l-1-.8M12 18v.5"
        case .person: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM6.5 18.5a6 6 0 0 1 11 0"
        case .remove: "M5 7h14M10 4h4M7 7l1 13h8l1-13M10 11v5M14 11v5"
        case .requests: "M4 14l3-9h10l3 9v6H4zM4 14h5l1 2h4l1-2h5"
        case .settings:
            "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2.2 2.2M16.2 16.2l2.2 2.2M18.4 5.6l-2.2 2.2M7.8 16.2l-2.2 2.2"
        case .shield: "M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6zM8.5 12l2.5 2.5 4.5-5"
        case .time: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5.5l3.5 2"
        case .warning: "M12 4l9 16H3zM12 10v5M12 17.5v.5"
        }
    }

    private var symbols: String {
        let all = Symbol.allCases.map { "<symbol id=\"s-\(name($0))\" viewBox=\"0 0 24 24\"><path d=\"\(strokes($0))\"/></symbol>" }
        return "<svg hidden>\n\(all.joined(separator: "\n"))\n</svg>"
    }
}
