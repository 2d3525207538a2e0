import UIKit

public enum VNBarcodeSymbology: Sendable { case qr, aztec }

public enum RecognizedItem: Sendable {
    public struct Barcode: Sendable { public let payloadStringValue: String? }
    public struct Text: Sendable { public let transcript: String }
    case text(Text)
    case barcode(Barcode)
}

@MainActor public protocol DataScannerViewControllerDelegate: AnyObject {
    func dataScanner(_ dataScanner: DataScannerViewController, didAdd addedItems: [RecognizedItem], allItems: [RecognizedItem])
}

@MainActor public final class DataScannerViewController: UIViewController {
    public struct RecognizedDataType: Hashable, Sendable {
        public static func barcode(symbologies: [VNBarcodeSymbology] = []) -> RecognizedDataType { RecognizedDataType() }
    }
    public static var isSupported: Bool { false }
    public weak var delegate: (any DataScannerViewControllerDelegate)?
    public init(recognizedDataTypes: Set<RecognizedDataType>, isHighlightingEnabled: Bool = false) {}
    public func startScanning() throws {}
    public func stopScanning() {}
}
