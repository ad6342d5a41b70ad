internal import Synchronization

/// The last 256 durations of something, for quantiles of what is going on now. One thread records, all may read.
package struct RecentDurations: ~Copyable, Sendable {
    private let slots = InlineArray<256, Atomic<UInt32>> { _ in Atomic(0) }
    private let recorded = Counter()

    /// Nothing recorded.
    package init() {}

    /// Records a duration in nanoseconds; only on the thread that counts.
    package func record(nanoseconds: UInt64) {
        let slot = Int(truncatingIfNeeded: recorded.value & 255)
        slots[slot].store(max(1, UInt32(clamping: nanoseconds / 1_000)), ordering: .relaxed)
        recorded.add()
    }

    /// The durations in microseconds, in no order.
    package var microseconds: [UInt32] {
        let count = Int(min(recorded.value, 256))
        return (0..<count).map { slots[$0].load(ordering: .relaxed) }
    }

    /// The duration that so many of a thousand of some are not longer than; nil where there are none.
    package static func quantile(_ sorted: [UInt32], permille: Int) -> UInt32? {
        guard !sorted.isEmpty else { return nil }
        return sorted[min(sorted.count - 1, max(0, (sorted.count * min(max(0, permille), 1000) + 999) / 1000 - 1))]
    }
}
