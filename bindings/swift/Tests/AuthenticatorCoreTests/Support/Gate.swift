import Foundation

/// A door that a test opens, waited for by threads and by tasks.
final class Gate: Sendable {
    private let state = Locked((open: false, waiting: [CheckedContinuation<Void, Never>]()))
    private let threads = DispatchSemaphore(value: 0)

    func open() {
        let waiting = state.withLock { state in
            defer { state = (true, []) }
            return state.waiting
        }
        waiting.forEach { $0.resume() }
        threads.signal()
    }

    /// For tasks.
    func passed() async {
        await withCheckedContinuation { continuation in
            let open = state.withLock { state in
                if !state.open { state.waiting.append(continuation) }
                return state.open
            }
            if open { continuation.resume() }
        }
    }

    /// For threads that may block, such as those on which a key store is called.
    func waited() {
        threads.wait()
        threads.signal()
    }
}

/// Lets nobody through before this many are there.
final class Barrier: Sendable {
    private let arrived = Locked(0)
    private let count: Int
    private let gate = Gate()

    init(_ count: Int) { self.count = count }

    func wait() {
        if arrived.withLock({ $0 += 1; return $0 }) == count { gate.open() }
        gate.waited()
    }
}
