import AuthenticatorCore
import Foundation

// What the examples of README.md take from the app around them.

let authenticator: Authenticator = { fatalError("compiled only") }()
let folder: URL = { fatalError("compiled only") }()
let userInfo: [String: String] = [:]
let hexadecimalDeviceToken = ""

func show(_ anything: Any...) {}
func log(_ error: any Error) {}
func close(_ kind: ErrorKind) {}
func report(_ error: AuthenticatorError) {}
func offerToEnrolAgain() {}
func tryAgain(after pause: Duration) {}
func personTrusts(_ host: String) async -> Bool { false }
