// swift-tools-version: 6.0
// The Swift side of Authenticator Core.
//
// The library comes from the XCFramework that `build-xcframework` makes, where there is one; else from the folder that
// `generate` was given (`target/debug` of this checkout by default).

import Foundation
import PackageDescription

let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
let framework = "AuthenticatorCoreFFI.xcframework"
let packaged = FileManager.default.fileExists(atPath: here.appendingPathComponent(framework).path)
let built =
    ProcessInfo.processInfo.environment["AUTHENTICATOR_LIBRARY"]
    ?? here.appendingPathComponent("../../target/debug").standardizedFileURL.path

let library: Target =
    packaged
    ? .binaryTarget(name: "AuthenticatorCoreFFI", path: framework)
    : .systemLibrary(name: "AuthenticatorCoreFFI")

// The program of tests/figures calls what only test builds of the library have.
let figures: [Target] =
    ProcessInfo.processInfo.environment["AUTHENTICATOR_FIGURES"] == nil
    ? [] : [.executableTarget(name: "Figures", dependencies: ["AuthenticatorCore"], path: "Tests/Figures")]

let package = Package(
    name: "AuthenticatorCore",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "AuthenticatorCore", targets: ["AuthenticatorCore"])],
    targets: [
        library,
        .target(
            name: "AuthenticatorCore",
            dependencies: ["AuthenticatorCoreFFI"],
            // The folder is for this checkout only: an app that takes this package has the XCFramework.
            linkerSettings: packaged
                ? [.linkedFramework("Security"), .linkedFramework("CoreFoundation")]
                : [.unsafeFlags(["-L\(built)", "-Xlinker", "-rpath", "-Xlinker", built])]
        ),
        .testTarget(name: "AuthenticatorCoreTests", dependencies: ["AuthenticatorCore"]),
    ] + figures,
    swiftLanguageModes: [.v6]
)
