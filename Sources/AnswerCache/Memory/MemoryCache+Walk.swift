package import DNSWire
internal import Green

/// How far a walk over the cache has come. Every entry that is there from the beginning to the end of a walk is met once,
/// whatever is stored, refreshed or removed meanwhile; one that comes or goes may be met or not.
package struct WalkCursor: Hashable, Sendable {
    /// The shard.
    var shard = 0
    /// The bucket within it, counted from its high bits down, so that buckets split meanwhile are not met again.
    var bucket: UInt32 = 0
    /// How many steps have been taken that only looked at entries.
    fileprivate var looks = 0

    /// The beginning.
    package init() {}
}

/// What is to be removed from the cache.
package enum RemovalFilter: Sendable {
    /// Every entry.
    case everything
    /// All types of a name.
    case name(FixedName)
    /// A name and all names below it.
    case subtree(FixedName)
    /// What came from an upstream.
    case upstream(UInt16)
    /// The names that a function says, given their wire form, lower-cased. It is called under a shard's lock.
    case names(@Sendable (Span<UInt8>) -> Bool)
}

/// Looking at entries and removing them, in steps that give way to the workers first, and hold a lock only briefly. Callers
/// on a loop let others run between two steps.
extension MemoryCache {
    /// Copies out the next dozen entries or so; nil at the end of the walk. A step may find none.
    package func walk(_ cursor: inout WalkCursor, at now: BootSeconds) -> [CachedEntry]? {
        guard cursor.shard < shards.count else { return nil }
        giveWay()
        var entries: [CachedEntry] = []
        entries.reserveCapacity(2 * Shard.copyLimit)
        var locked = shards.lock(cursor.shard)
        let next = locked.shard.visit(from: cursor.bucket, upTo: Shard.copyLimit) { shard, entry in
            entries.append(shard.copy(entry, seed: seed, at: now))
        }
        advance(&cursor, to: next)
        return entries
    }

    /// Removes those of the next few dozen entries that a filter wants gone; returns how many, or nil at the end.
    package func remove(_ filter: RemovalFilter, _ cursor: inout WalkCursor) -> Int? {
        beginFlushStep()
        guard cursor.shard < shards.count else { return nil }
        giveWay(before: cursor.looks, every: 4)
        cursor.looks += 1
        var count = 0
        var locked = shards.lock(cursor.shard)
        let next = locked.shard.visit(from: cursor.bucket, upTo: Shard.stepLimit) { shard, entry in
            guard shard.isWanted(entry, by: filter) else { return }
            shard.remove(entry)
            shard.counters.removed += 1
            count += 1
        }
        advance(&cursor, to: next)
        return count
    }

    /// Removes all that a filter wants gone; returns how many entries. Walks over the whole cache.
    @discardableResult
    package func remove(_ filter: RemovalFilter) -> Int {
        var cursor = WalkCursor()
        var total = 0
        while let count = remove(filter, &cursor) { total += count }
        return total
    }

    /// Removes one name's answers of one type, with and without DO and CD, and its failures; returns how many entries.
    /// Finds them at once, without a walk.
    @discardableResult
    package func remove(_ name: FixedName, _ type: RecordType, _ class: RecordClass = .internet) -> Int {
        beginFlushStep()
        guard !isOff else { return 0 }
        return keys(name, type, `class`).reduce(0) { $0 + remove($1.view, countedAs: \.removed) }
    }

    /// Removes the answer and the failure that stand under a key; returns how many there were.
    @discardableResult
    func remove(_ key: KeyView, countedAs counter: WritableKeyPath<CacheStatistics, UInt64>) -> Int {
        var count = 0
        var locked = shards.lock(shards.number(forHash: key.hash))
        for isFailure in [false, true] {
            guard let entry = locked.shard.find(key, isFailure: isFailure) else { continue }
            locked.shard.remove(entry)
            locked.shard.counters[keyPath: counter] += 1
            count += 1
        }
        return count
    }

    /// Removes every entry and gives the memory back to the system; returns how many there were. Each shard's lock is held
    /// only while its memory is exchanged for fresh memory.
    @discardableResult
    package func removeAll() throws(CacheError) -> Int {
        beginFlushStep()
        var count = 0
        for number in 0..<shards.count {
            giveWay()
            count += try exchange(number)
        }
        return count
    }

    /// Exchanges a shard's memory; the old is given back after the lock is opened.
    private func exchange(_ number: Int) throws(CacheError) -> Int {
        let budget = budget(ofShard: number)
        var fresh = try Shard(byteBudget: budget)
        let count = swap(number, &fresh)
        return count
    }

    /// The byte budget of a shard.
    private func budget(ofShard number: Int) -> Int {
        let locked = shards.lock(number)
        return locked.shard.byteBudget
    }

    /// Puts an empty shard in another's place, counters kept; returns how many entries went.
    private func swap(_ number: Int, _ fresh: inout Shard) -> Int {
        var locked = shards.lock(number)
        let count = locked.shard.counters.entries
        fresh.counters = locked.shard.counters
        fresh.staleSeconds = locked.shard.staleSeconds
        fresh.counters.entries = 0
        fresh.counters.removed += UInt64(count)
        Swift.swap(&locked.shard, &fresh)
        return count
    }

    /// Moves a cursor on within its shard, or to the next one.
    func advance(_ cursor: inout WalkCursor, to next: UInt32?) {
        if let next {
            cursor.bucket = next
        } else {
            cursor.shard += 1
            cursor.bucket = 0
        }
    }
}
