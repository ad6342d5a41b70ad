internal import Green

/// Whether a server has said nothing for a while though much was asked: under load that is known long before the first try has
/// had its time.
struct Silence: Hashable {
    /// Tries since something last came, and when the first of them was made.
    private var count = 0
    private var since = Instant(nanoseconds: 0)

    /// So many tries must be without an answer, ...
    static let fewest = 16
    /// ... for so long at least, or for several times what an answer is waited for.
    static let shortest: UInt64 = 300_000_000
    static let waits: UInt64 = 4

    /// A question is sent.
    @inline(__always)
    mutating func asked(at now: Instant) {
        if count == 0 { since = now }
        count &+= 1
    }

    /// Something came.
    @inline(__always)
    mutating func heard() { count = 0 }

    /// Whether it is not worth waiting for where there are others; `wait` is how long an answer is waited for at first.
    func isLong(at now: Instant, wait: UInt64) -> Bool {
        count >= Self.fewest && since.nanoseconds(to: now) >= max(Self.shortest, Self.waits * wait)
    }
}
