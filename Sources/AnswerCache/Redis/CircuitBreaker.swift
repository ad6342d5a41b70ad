internal import Green

/// Leaves a server out that keeps failing. After five failures in a row nobody asks it for a while; then one question at a
/// time tries whether it is back, and the pause doubles with each that fails.
struct CircuitBreaker {
    /// So many failures in a row open it.
    static let threshold = 5
    /// The first pause, and the longest.
    static let firstPause: UInt64 = 200_000_000
    static let longestPause: UInt64 = 10_000_000_000

    private var failures = 0
    private var pause = Self.firstPause
    /// While open: when the next question may try.
    private var nextProbe = Instant(nanoseconds: 0)
    /// Whether a question is out that tries.
    private var isProbing = false

    /// Whether the server is left out.
    var isOpen: Bool { failures >= Self.threshold }

    /// Whether a question may be asked now. Where it is to try whether the server is back, no other may for a pause.
    mutating func admits(at now: Instant) -> Bool {
        guard isOpen else { return true }
        guard now >= nextProbe else { return false }
        nextProbe = now.advanced(byNanoseconds: pause)
        isProbing = true
        return true
    }

    /// A question was answered in time.
    mutating func succeeded() {
        failures = 0
        pause = Self.firstPause
        isProbing = false
    }

    /// A question was not answered, or not in time. Of those that were under way when it opened, none counts any more.
    mutating func failed(at now: Instant) {
        if !isOpen {
            failures += 1
            if isOpen { nextProbe = now.advanced(byNanoseconds: pause) }
        } else if isProbing {
            isProbing = false
            pause = min(2 * pause, Self.longestPause)
            nextProbe = now.advanced(byNanoseconds: pause)
        }
    }
}
