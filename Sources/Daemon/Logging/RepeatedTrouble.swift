internal import Green

/// Trouble that comes again and again: said at once, then counted, then said to be over. It is told now and then how often
/// something has happened in all.
struct RepeatedTrouble {
    /// What is to be said.
    enum Saying: Equatable {
        /// It has begun.
        case begun
        /// It is over: how often it happened from the beginning on.
        case over(UInt64)
    }

    /// When it has not happened for so long, it is over.
    private let quiet: Duration
    private var total: UInt64 = 0
    private var totalBefore: UInt64 = 0
    private var lastSeen: Instant?

    /// Trouble that has not been seen.
    init(quiet: Duration = .seconds(10)) {
        self.quiet = quiet
    }

    /// Notes how often it has happened in all; nil where there is nothing to say.
    mutating func observe(_ total: UInt64, at now: Instant) -> Saying? {
        if total > self.total {
            let isNew = lastSeen == nil
            if isNew { totalBefore = self.total }
            (self.total, lastSeen) = (total, now)
            return isNew ? .begun : nil
        }
        guard let lastSeen, lastSeen.duration(to: now) >= quiet else { return nil }
        self.lastSeen = nil
        return .over(self.total - totalBefore)
    }
}
