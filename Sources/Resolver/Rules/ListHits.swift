internal import NameRules
internal import Observation

/// How often lists have denied something. Each worker counts for itself; who wants to know adds up.
package final class ListHits: Sendable {
    private let workers = WorkerCopies { LocalListHits() }

    /// Nothing yet.
    package init() {}

    /// What another worker counts with.
    func forWorker() -> LocalListHits { workers.take() }

    /// The counts, by the lists' numbers.
    package var all: [Int] {
        let workers = workers.all
        return (0..<RuleSet.maximumLists).map { list in workers.reduce(0) { $0 + Int(clamping: $1.counts[list]) } }
    }
}

/// What one worker has counted: nobody else writes.
package final class LocalListHits: Sendable {
    fileprivate let counts = CounterRow<64>()

    /// Counts one; only on the worker's thread.
    func note(_ list: Int) { counts.add(at: list) }
}
