// Writes docs/ios-states.html: every state of the app, from the same values that SwiftUI draws.
//
//     storyboard FILE            writes it
//     storyboard --check FILE    whether it is what would be written

import AuthenticatorDemo
import DemoSamples
import DemoWords
import Foundation

let words = Words(language: "en-GB", timeZone: TimeZone(identifier: "UTC")!)
let arguments = CommandLine.arguments.dropFirst()
guard let file = arguments.last, arguments.count <= 2, arguments.count == 1 || arguments.first == "--check" else {
    print("storyboard [--check] FILE")
    exit(2)
}
let page = Storyboard(words: words).page
let url = URL(fileURLWithPath: file)
if arguments.first == "--check" {
    guard try String(contentsOf: url, encoding: .utf8) == page else {
        print("\(file) does not show what the app says now: ios-demo/states writes it anew")
        exit(1)
    }
} else {
    try page.write(to: url, atomically: true, encoding: .utf8)
}
