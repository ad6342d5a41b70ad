/// How many questions of a group may be asked of a second upstream because the first is late: a share of all, and none while
/// the second does not help, for then the network is slow and more questions make it slower.
final class HedgeBudget {
    private let permille: Int
    /// Thousandths of a hedge.
    private var level = 0
    /// How many of the last questions were late at both, in parts of 1024, smoothed.
    private var lateness = 0
    /// Questions that were asked of a second upstream.
    private(set) var count: UInt64 = 0
    /// Those that the second answered first.
    private(set) var wins: UInt64 = 0

    /// So many hedges may be saved up.
    static let mostSaved = 16
    /// Where more than so many parts of 1024 are late nothing is hedged.
    static let mostLate = 256

    /// A budget of so many questions of a thousand.
    init(permille: Int) {
        self.permille = min(max(0, permille), 1000)
    }

    /// Whether there is any hedging at all.
    var isOn: Bool { permille > 0 }

    /// A question is asked.
    func asked() { level = min(level + permille, Self.mostSaved * 1000) }

    /// A question was answered, or had its time; whether it was late though a second upstream was asked. Of one that was late at the
    /// first alone nothing is learnt.
    func ended(wasLate: Bool) { lateness += ((wasLate ? 1024 : 0) - lateness) / 32 }

    /// Takes one hedge; false where there is none.
    func take() -> Bool {
        guard lateness <= Self.mostLate, level >= 1000 else { return false }
        level -= 1000
        count += 1
        return true
    }

    /// The second upstream answered first.
    func won() { wins += 1 }
}
