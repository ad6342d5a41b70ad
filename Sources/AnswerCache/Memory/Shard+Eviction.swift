/// The state of a shard's eviction queue (SIEVE: Zhang et al., NSDI 2024). Entries stand in the order in which they came
/// and never move: a hit only marks its entry. When memory is needed, a hand goes from old to new; what is marked loses
/// its mark and stays, what is not goes.
struct EvictionQueue {
    /// The entry that came first, 0 for none.
    var oldest: UInt32 = 0
    /// The entry that came last, 0 for none.
    var newest: UInt32 = 0
    /// The entry that the hand looks at next, 0 to begin with the oldest.
    var hand: UInt32 = 0
    /// The entry that the search for expired entries looks at next, 0 to begin with the oldest.
    var sweep: UInt32 = 0
    /// The entry that is written down next, 0 while nobody writes the cache down or there is no more.
    var written: UInt32 = 0
}

extension Shard {
    /// How many entries are looked at for expired ones before anything alive is considered.
    private static var sweepLength: Int { 4 }

    /// Puts an entry at the new end of the queue.
    mutating func addToQueue(_ entry: UInt32) {
        blocks[entry].older = queue.newest
        blocks[entry].newer = 0
        if queue.newest != 0 { blocks[queue.newest].newer = entry } else { queue.oldest = entry }
        queue.newest = entry
    }

    /// Takes an entry out of the queue; a hand that stands on it goes on to the next.
    mutating func removeFromQueue(_ entry: UInt32) {
        let older = blocks[entry].older
        let newer = blocks[entry].newer
        if queue.hand == entry { queue.hand = newer }
        if queue.sweep == entry { queue.sweep = newer }
        if queue.written == entry { queue.written = newer }
        if older != 0 { blocks[older].newer = newer } else { queue.oldest = newer }
        if newer != 0 { blocks[newer].older = older } else { queue.newest = older }
    }

    /// Frees blocks until there are as many as needed, looking at a bounded number of entries. Whether there are; if not,
    /// something was freed, and the caller opens the lock before it tries again.
    mutating func makeRoom(forBlocks needed: Int, at now: BootSeconds) -> Bool {
        guard blocks.available < needed else { return true }
        sweepExpired(at: now)
        var freed = false
        for _ in 0..<Self.stepLimit - Self.sweepLength - 1 {
            guard blocks.available < needed else { return true }
            if queue.hand == 0 { queue.hand = queue.oldest }
            let entry = queue.hand
            guard entry != 0 else { return false }
            if blocks[entry].isOver(at: now, staleSeconds: staleSeconds) {
                counters.evictedExpired += 1
            } else if blocks[entry].flags.contains(.visited) {
                blocks[entry].flags.remove(.visited)
                queue.hand = blocks[entry].newer
                continue
            } else if blocks[entry].isExpired(at: now) {
                counters.evictedStale += 1
            } else {
                counters.evicted += 1
            }
            remove(entry)
            freed = true
        }
        if !freed, blocks.available < needed, queue.oldest != 0 {
            remove(queue.hand == 0 ? queue.oldest : queue.hand)
            counters.evictedInUse += 1
        }
        return blocks.available >= needed
    }

    /// Looks for expired entries a few steps further along the queue: they go before anything that is alive.
    private mutating func sweepExpired(at now: BootSeconds) {
        for _ in 0..<Self.sweepLength {
            if queue.sweep == 0 { queue.sweep = queue.oldest }
            let entry = queue.sweep
            guard entry != 0 else { return }
            queue.sweep = blocks[entry].newer
            if blocks[entry].isOver(at: now, staleSeconds: staleSeconds) {
                remove(entry)
                counters.evictedExpired += 1
            }
        }
    }
}
