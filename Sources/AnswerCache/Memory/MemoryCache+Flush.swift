internal import Synchronization

/// How much had been flushed at a moment, to be compared with a later one.
package struct FlushMark: Hashable, Sendable {
    /// The steps of all flushes up to then.
    fileprivate let steps: UInt64
}

/// Answers that are on their way while something is flushed: they are given to who waits for them, and nobody keeps them,
/// for what they say may be what was to be forgotten.
///
/// Every step of a flush is counted before it begins. Whoever asks a question takes a mark before, and hands it in with the
/// answer. Which names a flush was for does not matter: it is rare, and what it costs is one more question.
extension MemoryCache {
    /// To be taken before a question is asked.
    package var flushMark: FlushMark { FlushMark(steps: flushSteps.load(ordering: .acquiring)) }

    /// Calls `store`, which is to keep what came of a question, unless something was flushed since `mark`: whether what it
    /// has kept may stay.
    @discardableResult
    package func keep(_ key: borrowing CacheKey, since mark: FlushMark, _ store: () -> Void) -> Bool {
        guard flushMark == mark else { return false }
        store()
        // A flush that began meanwhile may have been past the entry's place before it was there. One that begins from here
        // on comes to it: its count goes up before it takes the shard's lock.
        guard flushMark != mark else { return true }
        forget(key)
        return false
    }

    /// Counts a step of a flush. Before the step, and whether or not it finds anything.
    package func beginFlushStep() { flushSteps.wrappingAdd(1, ordering: .acquiringAndReleasing) }

    /// Removes what is kept for a question, the failure too.
    private func forget(_ key: borrowing CacheKey) {
        guard !isOff else { return }
        remove(key.view, countedAs: \.removed)
        remove(key.view.forAllTypes(seed: seed), countedAs: \.removed)
    }
}
