/// How long things took, in microseconds: each doubling of the time is divided into eight equal parts, so that a quantile is
/// right to an eighth, from a microsecond to half a minute. One thread records, all may read.
package struct LogLinearHistogram: ~Copyable, Sendable {
    private let cells = CounterRow<184>()
    private let sum = Counter()

    /// Nothing recorded.
    package init() {}

    /// Records a duration in nanoseconds; only on the thread that counts.
    package func record(nanoseconds: UInt64) {
        let microseconds = nanoseconds / 1_000
        cells.add(at: HistogramCounts.cell(of: microseconds))
        sum.add(microseconds)
    }

    /// What was recorded so far.
    package var counts: HistogramCounts {
        var counts = HistogramCounts()
        for cell in 0..<HistogramCounts.cellCount { counts.cells[cell] = cells[cell] }
        counts.sum = sum.value
        return counts
    }
}

/// What histograms have recorded, added up: a plain value.
package struct HistogramCounts: Sendable, Hashable {
    /// How many durations fell into each cell.
    package internal(set) var cells = [UInt64](repeating: 0, count: cellCount)
    /// All of them together, in microseconds.
    package internal(set) var sum: UInt64 = 0

    /// Each doubling has so many cells.
    private static let parts = 8
    /// Longer durations count as this many microseconds: 2^25, 33 seconds.
    private static let longest: UInt64 = (1 << 25) - 1
    /// How many cells there are.
    static let cellCount = 184

    /// Nothing recorded.
    package init() {}

    /// The cell of a duration.
    static func cell(of microseconds: UInt64) -> Int {
        let value = min(microseconds, longest)
        guard value >= UInt64(parts) else { return Int(value) }
        let exponent = 63 - value.leadingZeroBitCount
        return (exponent - 2) * parts + Int(value >> UInt64(exponent - 3) & 7)
    }

    /// The least duration of a cell, in microseconds.
    static func start(of cell: Int) -> UInt64 {
        guard cell >= parts else { return UInt64(max(0, cell)) }
        let shift = cell / parts - 1
        return UInt64(parts + cell % parts) << UInt64(min(shift, 32))
    }

    /// How many durations there are.
    package var count: UInt64 { cells.reduce(0, &+) }

    /// How many were shorter than a power of two of microseconds.
    package func count(below exponent: Int) -> UInt64 {
        let end = min(Self.cellCount, Self.cell(of: 1 << UInt64(min(max(0, exponent), 24))))
        return cells[..<end].reduce(0, &+)
    }

    /// The duration, in microseconds, that so many of a thousand were not longer than; nil where nothing was recorded.
    package func quantile(permille: UInt64) -> UInt64? {
        let total = count
        guard total > 0 else { return nil }
        // The rank of it, from 1 on; both factors are bounded, so that nothing overflows for as long as anybody counts.
        let rank = max(1, (total / 1000) * min(permille, 1000) + (total % 1000 * min(permille, 1000) + 999) / 1000)
        var passed: UInt64 = 0
        for cell in 0..<Self.cellCount {
            passed &+= cells[cell]
            if passed >= rank { return cell + 1 < Self.cellCount ? Self.start(of: cell + 1) : Self.longest + 1 }
        }
        return nil
    }

    /// Adds durations of no length, which were counted elsewhere.
    package mutating func addInstants(_ count: UInt64) { cells[0] &+= count }

    /// Adds what another histogram has recorded.
    package mutating func add(_ other: HistogramCounts) {
        for cell in 0..<Self.cellCount { cells[cell] &+= other.cells[cell] }
        sum &+= other.sum
    }

    /// What was recorded since an earlier moment.
    package func since(_ earlier: HistogramCounts) -> HistogramCounts {
        var difference = self
        for cell in 0..<Self.cellCount { difference.cells[cell] &-= min(earlier.cells[cell], cells[cell]) }
        difference.sum &-= min(earlier.sum, sum)
        return difference
    }
}
