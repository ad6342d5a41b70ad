/// What a cache holds and has done. Counters only grow; a shard counts inside its own lock.
package struct CacheStatistics: Hashable, Sendable {
    /// Entries kept now, expired ones that nobody needed to remove among them.
    package var entries = 0
    /// Bytes in use now: blocks, index and what shards take themselves.
    package var bytesUsed = 0
    /// Bytes that were in use at one time and are still the process's.
    package var bytesResident = 0
    /// Bytes there may be.
    package var byteBudget = 0
    /// Answers given out, negative ones and failures among them.
    package var hits: UInt64 = 0
    /// NXDOMAIN and NODATA given out.
    package var negativeHits: UInt64 = 0
    /// Remembered failures given out.
    package var failureHits: UInt64 = 0
    /// Questions that nothing was known for.
    package var misses: UInt64 = 0
    /// Misses for which there was an answer whose time was over.
    package var expiredMisses: UInt64 = 0
    /// Answers given out although their time was over, each after a miss.
    package var staleHits: UInt64 = 0
    /// Entries made.
    package var stores: UInt64 = 0
    /// Entries that gave way to a newer answer to the same question.
    package var replaced: UInt64 = 0
    /// Entries that gave way because memory was needed and nobody had asked for them lately.
    package var evicted: UInt64 = 0
    /// Entries whose time was over, and that in which they may be given out stale, when memory was needed.
    package var evictedExpired: UInt64 = 0
    /// Entries that gave way while they might still have been given out stale.
    package var evictedStale: UInt64 = 0
    /// Entries that gave way although they had been asked for: the hand had found nothing better within its bound.
    package var evictedInUse: UInt64 = 0
    /// Entries removed because somebody wanted it.
    package var removed: UInt64 = 0

    /// Adds another shard's figures.
    mutating func add(_ other: CacheStatistics) {
        entries += other.entries
        bytesUsed += other.bytesUsed
        bytesResident += other.bytesResident
        byteBudget += other.byteBudget
        hits += other.hits
        negativeHits += other.negativeHits
        failureHits += other.failureHits
        misses += other.misses
        expiredMisses += other.expiredMisses
        staleHits += other.staleHits
        stores += other.stores
        replaced += other.replaced
        evicted += other.evicted
        evictedExpired += other.evictedExpired
        evictedStale += other.evictedStale
        evictedInUse += other.evictedInUse
        removed += other.removed
    }
}
