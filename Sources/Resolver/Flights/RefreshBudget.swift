internal import Green

/// How many questions a resolver may ask that no client waits for: a bucket of tokens that fills with time.
struct RefreshBudget {
    /// Tokens that come in a second.
    let perSecond: UInt64
    /// Tokens that the bucket holds.
    let most: UInt64
    /// What is in the bucket, in billionths of a token.
    private var level: UInt64
    private var filledAt: Instant

    /// A full bucket.
    init(perSecond: UInt64, most: UInt64, at now: Instant) {
        self.perSecond = perSecond
        self.most = most
        level = most * 1_000_000_000
        filledAt = now
    }

    /// Takes a token; false when there is none.
    mutating func take(at now: Instant) -> Bool {
        if now > filledAt {
            let passed = now.nanoseconds - filledAt.nanoseconds
            let (came, overflow) = passed.multipliedReportingOverflow(by: perSecond)
            let full = most * 1_000_000_000
            level = overflow || came >= full - level ? full : level + came
            filledAt = now
        }
        guard level >= 1_000_000_000 else { return false }
        level -= 1_000_000_000
        return true
    }
}
