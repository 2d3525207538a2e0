// swift-tools-version: 6.0
// The demo app for iOS, as a package: all of it but the entry point, which Xcode needs in a target of its own
// (`App/`).

import PackageDescription

let core = Target.Dependency.product(name: "AuthenticatorCore", package: "swift")

var targets: [Target] = [
    .target(name: "DemoWords", resources: [.process("Resources")]),
    .target(name: "AuthenticatorDemo", dependencies: [core, "DemoWords"]),
]

// Where there is no iOS: the tests' phone, and the page of all states. Both need what only test builds of the library have.
#if os(Linux)
// libswiftObservation of Swift 6.0 names a function that no library of it has (it would end the process).
let observed: [LinkerSetting] = [.unsafeFlags(["-Xlinker", "--allow-shlib-undefined"])]
targets += [
    .target(name: "DemoSamples", dependencies: ["AuthenticatorDemo"], path: "Tests/DemoSamples"),
    .target(name: "DemoBench", dependencies: ["AuthenticatorDemo"], path: "Tests/DemoBench"),
    .executableTarget(name: "storyboard", dependencies: ["DemoSamples"], path: "Tests/Storyboard", linkerSettings: observed),
    .executableTarget(name: "demo-phone", dependencies: ["DemoBench"], path: "Tests/DemoPhone", linkerSettings: observed),
    .testTarget(name: "AuthenticatorDemoTests", dependencies: ["DemoBench", "DemoSamples"], linkerSettings: observed),
]
#endif

let package = Package(
    name: "AuthenticatorDemo",
    defaultLocalization: "en",
    platforms: [.iOS(.v17), .macOS(.v14)],
    products: [
        .library(name: "AuthenticatorDemo", targets: ["AuthenticatorDemo"]),
        .library(name: "DemoWords", targets: ["DemoWords"]),
    ],
    dependencies: [.package(path: "../bindings/swift")],
    targets: targets,
    swiftLanguageModes: [.v6]
)
