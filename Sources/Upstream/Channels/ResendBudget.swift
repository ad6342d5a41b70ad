internal import Green

/// How many datagrams may be sent again to one server: a bucket that fills with time, and faster where the server answers.
/// A server that is gone is not flooded by those who wait for it.
struct ResendBudget {
    private var tokens = Self.most
    private var filledAt = Instant(nanoseconds: 0)

    /// Tokens that the bucket holds, and that come in a second.
    static let most: UInt64 = 256
    static let perSecond: UInt64 = 64
    /// Tokens that come with an answer: where half of all datagrams are lost each answer has cost three or four.
    static let perAnswer: UInt64 = 4

    /// Something came from the server.
    @inline(__always)
    mutating func heard() {
        if tokens < Self.most { tokens = min(Self.most, tokens + Self.perAnswer) }
    }

    /// Takes a token; false when there is none.
    mutating func take(at now: Instant) -> Bool {
        let came = filledAt.nanoseconds(to: now) / (1_000_000_000 / Self.perSecond)
        if came > 0 {
            tokens = min(Self.most, tokens + min(came, Self.most))
            filledAt = now
        }
        guard tokens > 0 else { return false }
        tokens -= 1
        return true
    }
}
