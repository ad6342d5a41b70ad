// Counting what goes on, without slowing it down.
//
//     the worker       figures.responses.add(at: cell)       two moves and an addition: no lock prefix, no call
//     the scrape       figures.all                           reads every worker's words, at any time, and adds them up
//     MetricsText      writes them as Prometheus reads them
//
// Each worker has objects of its own to count in, which it alone writes (`WorkerCopies` lists them for readers). A word is an
// atomic that is loaded and stored: no reader sees half a number, and nobody waits. Figures of one moment may be of slightly
// different moments; each of them only grows.
//
// Invariants: nothing here allocates, locks or looks at a clock while it counts; the size of everything is fixed.

internal import Synchronization

/// A count that one thread adds to and all may read.
package struct Counter: ~Copyable, Sendable {
    private let word = Atomic<UInt64>(0)

    /// Nothing counted.
    package init() {}

    /// Adds to it; only on the thread that counts.
    @inline(__always)
    package func add(_ count: UInt64 = 1) {
        word.store(word.load(ordering: .relaxed) &+ count, ordering: .relaxed)
    }

    /// What was counted so far; on any thread.
    @inline(__always)
    package var value: UInt64 { word.load(ordering: .relaxed) }
}

/// Counters in a row.
package struct CounterRow<let size: Int>: ~Copyable, Sendable {
    private let cells = InlineArray<size, Counter> { _ in Counter() }

    /// Nothing counted.
    package init() {}

    /// How many there are.
    package static var count: Int { size }

    /// Adds one to a cell, where there is one with that number; only on the thread that counts.
    @inline(__always)
    package func add(at cell: Int) {
        guard cell >= 0, cell < size else { return }
        cells[cell].add()
    }

    /// What a cell has counted.
    package subscript(cell: Int) -> UInt64 { cell >= 0 && cell < size ? cells[cell].value : 0 }
}
