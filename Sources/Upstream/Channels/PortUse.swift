internal import Green

/// Whether the next question gets a port of its own: as long as few are asked. A socket costs as much as all the rest of a
/// miss, so that from some thousand questions a second on ports are shared.
struct PortUse {
    private var window: UInt64 = 0
    private var count = 0
    private var isBusy = false

    /// Questions are counted over so many nanoseconds.
    static let windowLength: UInt64 = 100_000_000
    /// In each window so many get ports of their own, and none where the one before had more.
    static let mostInWindow = 200
    /// So many ports of their own are open at once.
    static let mostOpen = 256

    /// Counts a question; whether it gets a port of its own.
    @inline(__always)
    mutating func isAlone(at now: Instant) -> Bool {
        let window = now.nanoseconds / Self.windowLength
        if window != self.window {
            isBusy = window == self.window + 1 && count > Self.mostInWindow
            self.window = window
            count = 0
        }
        count += 1
        return !isBusy && count <= Self.mostInWindow
    }
}
