#if canImport(VisionKit) && os(iOS)
import SwiftUI
import VisionKit

/// The camera, looking for one QR code. It hands over the text and knows nothing of it.
struct ScannerView: UIViewControllerRepresentable {
    let found: @MainActor (String) -> Void

    /// Whether this phone has a camera that can.
    @MainActor static var isSupported: Bool { DataScannerViewController.isSupported }

    func makeUIViewController(context: Context) -> DataScannerViewController {
        let scanner = DataScannerViewController(recognizedDataTypes: [.barcode(symbologies: [.qr])], isHighlightingEnabled: true)
        scanner.delegate = context.coordinator
        return scanner
    }

    func updateUIViewController(_ scanner: DataScannerViewController, context: Context) {
        // Fails where the person has not allowed the camera: there is still the field.
        try? scanner.startScanning()
    }

    func makeCoordinator() -> Coordinator { Coordinator(found: found) }

    @MainActor
    final class Coordinator: NSObject, DataScannerViewControllerDelegate {
        private let found: @MainActor (String) -> Void

        init(found: @escaping @MainActor (String) -> Void) { self.found = found }

        func dataScanner(_ scanner: DataScannerViewController, didAdd added: [RecognizedItem], allItems: [RecognizedItem]) {
            for case .barcode(let code) in added {
                if let text = code.payloadStringValue {
                    scanner.stopScanning()
                    return found(text)
                }
            }
        }
    }
}
#endif
