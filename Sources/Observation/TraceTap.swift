// Traces of questions, for who takes them (OpenTelemetry).
//
//     the worker       QuestionTrace                 of one query in so many from its begin; of a question that has become slow
//                      TraceSpans, ring.append       once it is answered: written as spans, into a queue of its own
//     who takes them   watcher.take()                empties all queues
//
// Invariants: while nobody takes them, nothing is done. A worker waits for nobody: what finds no room, or comes too fast, is
// dropped and counted. Of a question that is neither picked nor slow nothing is written.

package import Green
internal import Synchronization

/// Which questions are traced, and the queues of their traces.
package final class TraceTap: Sendable {
    /// The trace of a question, ready to be sent.
    package struct Record: Sendable {
        /// How many spans there are.
        package let spanCount: Int
        /// The spans, as fields of `ScopeSpans`.
        package let bytes: [UInt8]

        /// Spans that are written.
        package init(spanCount: Int, bytes: [UInt8]) { (self.spanCount, self.bytes) = (spanCount, bytes) }
    }

    /// Each worker's queue, from when it first has something to tell.
    package let rings = WorkerCopies { RecordRing() }
    /// Which share of the queries is picked, in units of 2^-32; 0 for none.
    private let share = Atomic<UInt64>(0)
    /// Questions are slow that take so many nanoseconds; `.max` for none.
    private let slowness = Atomic<UInt64>(.max)
    /// The second, and how many traces were begun in it.
    private let begun = Atomic<UInt64>(0)
    /// Traces that were not begun, of slow questions, for there were too many, and those that were begun and never handed over.
    private let lost = Atomic<UInt64>(0)
    /// What was told of those that were dropped. One takes at a time.
    private let told = Locked(UInt64(0))

    /// So many traces are begun in a second, of all workers together: each costs as much as some answers.
    package static let mostPerSecond: UInt64 = 1_000
    /// So many of them of queries that are picked: slow questions have the rest, however many queries there are.
    package static let mostPicked: UInt64 = 800

    /// Nobody takes any.
    init() {}

    /// The share of the queries that are picked, in units of 2^-32.
    package var sharePicked: UInt64 { share.load(ordering: .relaxed) }

    /// Questions are slow that take so many nanoseconds; `.max` where nobody wants to know.
    package var slow: UInt64 { slowness.load(ordering: .relaxed) }

    /// Picks a share of the queries, and questions that take so long.
    func want(share: Double, slow: UInt64) {
        self.share.store(UInt64((max(0, min(1, share)) * 4_294_967_296).rounded()), ordering: .relaxed)
        slowness.store(slow, ordering: .relaxed)
    }

    /// Counts a trace that nobody will be told of.
    package func noteLost() { lost.add(1, ordering: .relaxed) }

    /// Whether one more trace may be begun, of a query that is picked or of a slow question; counts it where it may.
    package func takes(at now: Instant, isSlow: Bool) -> Bool {
        let most = isSlow ? Self.mostPerSecond : Self.mostPicked
        let second = now.nanoseconds / 1_000_000_000 & 0xFFFF_FFFF
        var old = begun.load(ordering: .relaxed)
        while true {
            let count = old >> 32 == second ? old & 0xFFFF_FFFF : 0
            guard count < most else { return false }
            let (isDone, seen) = begun.compareExchange(expected: old, desired: second << 32 | (count + 1), ordering: .relaxed)
            if isDone { return true }
            old = seen
        }
    }

    /// Tells of a trace, by the worker's own queue.
    package func tell(_ record: Record, by ring: RecordRing) {
        var head = RecordRing.Head(repeating: 0)
        head[0] = UInt64(clamping: record.spanCount)
        ring.append(head, record.bytes.span)
    }

    /// What came since the last time, and how many traces there were that nobody had room for.
    func take() -> (records: [Record], dropped: UInt64) {
        told.withLock { told in
            var records: [Record] = []
            let all = rings.all
            for ring in all {
                ring.drain { head, bytes in records.append(Record(spanCount: Int(clamping: head[0]), bytes: bytes)) }
            }
            let dropped = all.reduce(lost.load(ordering: .relaxed)) { $0 &+ $1.dropped.value }
            defer { told = dropped }
            return (records, dropped &- told)
        }
    }
}
