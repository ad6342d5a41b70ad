internal import Green

/// How many questions a connection to a server is given, learnt from those that it closed, or left without a word, with
/// questions under way. The limit is forgotten after a while, for it may have been a restart.
struct StreamLimits {
    private var limit = Int.max
    private var limitedUntil = Instant(nanoseconds: 0)
    /// Connections in a row that fell silent with questions under way while a fresh one was answered.
    private var silences = 0
    /// How many questions the last of them had answered.
    private var silentAfter = 0

    /// So many questions a connection is given by one that nothing is known of, as far as halving goes.
    static let usual = 64
    /// For so long a limit is kept.
    static let memory: UInt64 = 60_000_000_000
    /// Once may be a slow name, twice is a habit.
    static let silencesBelieved = 2

    /// So many questions a connection is given.
    func questions(at now: Instant) -> Int { limitedUntil > now ? limit : .max }

    /// A connection was closed after so many answers with questions under way: it takes what it answered, or half of what was
    /// thought before, where that is more. So one close that a stranger forged halves the limit at worst.
    mutating func wasClosed(answered: Int, at now: Instant) {
        let before = min(questions(at: now), Self.usual)
        set(max(1, answered, before / 2), at: now)
    }

    /// A connection answered so many questions and no more, though it stayed open. After the same number twice that is the
    /// server's habit; after another one it was a slow name in a server that answers in order, or a machine with too much to do.
    mutating func wentSilent(answered: Int, at now: Instant) {
        let isHabit = silentAfter == answered
        silentAfter = answered
        silences += 1
        if silences >= Self.silencesBelieved, isHabit { set(max(1, answered), at: now) }
    }

    /// A connection that had answered others before answered again.
    mutating func goesOn() {
        if silences != 0 { silences = 0 }
    }

    private mutating func set(_ limit: Int, at now: Instant) {
        self.limit = limit
        limitedUntil = now.advanced(byNanoseconds: Self.memory)
    }
}
