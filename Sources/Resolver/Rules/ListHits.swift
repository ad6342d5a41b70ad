internal import Green
internal import NameRules
internal import Synchronization

/// How often lists have denied something. Each worker counts for itself; who wants to know adds up.
package final class ListHits: Sendable {
    /// The counts of the workers, which add themselves.
    private let workers = Locked<[LocalListHits]>([])

    /// Nothing yet.
    package init() {}

    /// What another worker counts with.
    func forWorker() -> LocalListHits {
        let counts = LocalListHits()
        workers.withLock { $0.append(counts) }
        return counts
    }

    /// The counts, by the lists' numbers.
    package var all: [Int] {
        let workers = workers.withLock { $0 }
        return (0..<RuleSet.maximumLists).map { list in workers.reduce(0) { $0 + $1[list] } }
    }
}

/// What one worker has counted: nobody else writes, so that nothing is locked.
package final class LocalListHits: Sendable {
    private let counts = InlineArray<64, Atomic<Int>> { _ in Atomic(0) }

    /// Counts one; only on the worker's thread.
    func note(_ list: Int) {
        guard counts.indices.contains(list) else { return }
        counts[list].store(counts[list].load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }

    /// The count of a list.
    fileprivate subscript(list: Int) -> Int { counts[list].load(ordering: .relaxed) }
}
