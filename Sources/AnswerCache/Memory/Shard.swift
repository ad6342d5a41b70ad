/// A part of the cache that has its own memory, index, eviction queue and lock. All of it happens under that lock, so
/// everything here is short: no call looks at more than `stepLimit` entries, and none waits.
///
/// Memory is divided once: an entry of two blocks (what an A answer takes) has one bucket head. Both grow from the start
/// of their reservation as they are needed, so that what is resident is what was used.
struct Shard: ~Copyable {
    /// How many entries may be looked at while the lock is held.
    static var stepLimit: Int { 64 }
    /// How many entries and buckets may be gone over while the lock is held to copy entries out.
    static var copyLimit: Int { 16 }
    /// So many blocks count as one entry more in a step; nearly all entries have fewer.
    static var blocksOfUsualEntry: Int { 4 }
    /// What an entry of two blocks takes, its share of the index included.
    private static var usualEntrySize: Int { 2 * BlockStore.blockSize + MemoryLayout<BucketHead>.stride }
    /// The buckets of an empty index.
    static var initialBuckets: Int { 16 }

    /// The entries.
    var blocks: BlockStore
    /// The bucket heads.
    var heads: HeadTable
    /// The most bytes that all this may take.
    let byteBudget: Int
    /// The longest payload of an entry, so that one answer cannot push out many.
    let payloadLimit: Int
    /// For how long after its time an answer may be given out (RFC 8767); 0 for not at all.
    var staleSeconds: UInt32 = 0
    /// Buckets of the round before, less one: a power of two less one.
    var bucketMask: UInt32
    /// How many of them have been split in this round.
    var splitBuckets: UInt32 = 0
    /// The ends of the eviction queue and the places of its hands.
    var queue = EvictionQueue()
    /// What happened here; sizes are filled in when asked for.
    var counters = CacheStatistics()
    /// What was made of entries that not every client may have.
    var verdicts: VerdictTable

    /// Makes an empty shard.
    init(byteBudget: Int) throws(CacheError) {
        let usualEntries = byteBudget / Self.usualEntrySize
        let buckets = max(Self.initialBuckets, usualEntries)
        let blocks = try BlockStore(limit: 2 * usualEntries - 1)
        let heads = try HeadTable(limit: buckets)
        self.blocks = blocks
        self.heads = heads
        bucketMask = UInt32(Self.initialBuckets - 1)
        self.byteBudget = byteBudget
        verdicts = VerdictTable(byteBudget: byteBudget)
        payloadLimit = min(65_535, max(512, byteBudget / 64))
    }

    /// How many buckets there are.
    var bucketCount: Int { Int(bucketMask) + 1 + Int(splitBuckets) }

    /// The figures of this shard, sizes included.
    var statistics: CacheStatistics {
        var figures = counters
        figures.byteBudget = byteBudget + ShardTable.bytesPerShard
        let fixed = bucketCount * MemoryLayout<BucketHead>.stride + ShardTable.bytesPerShard
        figures.bytesUsed = blocks.used * BlockStore.blockSize + fixed
        figures.bytesResident = (blocks.touched + 1) * BlockStore.blockSize + fixed
        return figures
    }

    /// Copies the answer to a question into a buffer and counts its use. A good answer comes before a failure, and so does
    /// one that may be given out stale.
    @inline(__always)
    mutating func answer(
        _ key: KeyView, at now: BootSeconds, epoch: UInt32, into buffer: inout MutableSpan<UInt8>, at offset: Int
    ) -> CacheOutcome {
        var found: UInt32 = 0
        var isStale = false
        var entry = first(for: key)
        while entry != 0 {
            if matches(entry, key) {
                if blocks[entry].isExpired(at: now) {
                    if !blocks[entry].isFailure {
                        counters.expiredMisses += 1
                        isStale = !blocks[entry].isOver(at: now, staleSeconds: staleSeconds)
                    }
                } else if !blocks[entry].isFailure {
                    found = entry
                    break
                } else if blocks[entry].counts.isOf(epoch: epoch) {
                    found = entry
                }
            }
            entry = blocks[entry].nextInBucket
        }
        // The miss is counted by whoever looks for the name next.
        guard found != 0, !isStale else { return isStale ? .stale : .miss }
        counters.hits += 1
        let needed = blocks[found].tailLength
        guard needed <= buffer.count - offset else { return .tooLarge(byteCount: needed) }
        let answer = give(found, at: now, into: &buffer, at: offset)
        if answer.isNegative { counters.negativeHits += 1 }
        if answer.isFailure { counters.failureHits += 1 }
        return .hit(answer)
    }

    /// The same for the key of a name: there are no failures. Counts what came of the question, unless that was done.
    mutating func answerForAllTypes(
        _ key: KeyView, isCounted: Bool, at now: BootSeconds, into buffer: inout MutableSpan<UInt8>, at offset: Int
    ) -> CacheOutcome {
        let one: UInt64 = isCounted ? 0 : 1
        guard let entry = find(key, isFailure: false) else {
            counters.misses += one
            return .miss
        }
        guard !blocks[entry].isExpired(at: now) else {
            counters.misses += one
            counters.expiredMisses += one
            return blocks[entry].isOver(at: now, staleSeconds: staleSeconds) ? .miss : .stale
        }
        counters.hits += one
        let needed = blocks[entry].tailLength
        guard needed <= buffer.count - offset else { return .tooLarge(byteCount: needed) }
        counters.negativeHits += one
        return .hit(give(entry, at: now, into: &buffer, at: offset))
    }

    /// Copies an entry's records out and marks it as used.
    @inline(__always)
    mutating func give(
        _ entry: UInt32, at now: BootSeconds, into buffer: inout MutableSpan<UInt8>, at offset: Int
    ) -> StoredAnswer {
        if blocks[entry].uses < .max { blocks[entry].uses += 1 }
        blocks[entry].flags.insert(.visited)
        return show(entry, at: now, into: &buffer, at: offset)
    }

    /// The same, not counted as a use.
    @inline(__always)
    func show(
        _ entry: UInt32, at now: BootSeconds, into buffer: inout MutableSpan<UInt8>, at offset: Int
    ) -> StoredAnswer {
        let header = blocks[entry]
        let answer = StoredAnswer(header, at: now)
        blocks.copyPayload(of: entry, from: Int(header.nameLength), count: answer.length, into: &buffer, at: offset)
        return answer
    }

    /// Puts an entry in, in place of one of the same kind for the same key. The header comes with everything but links.
    /// There must be room: `makeRoom` first, under the same lock. A good answer ends a failure that is remembered.
    mutating func insert(_ key: KeyView, _ header: EntryHeader, records: Span<UInt8>) -> Bool {
        var header = header
        if let old = find(key, isFailure: header.isFailure) {
            // Who refreshes an answer does not make it less wanted.
            header.uses = blocks[old].uses
            if blocks[old].flags.contains(.visited) { header.flags.insert(.visited) }
            remove(old)
            counters.replaced += 1
        }
        if !header.isFailure, let failure = find(key, isFailure: true) { remove(failure) }
        guard let entry = blocks.makeEntry(payloadLength: key.name.count + records.count) else { return false }
        header.nextBlock = blocks[entry].nextBlock
        blocks[entry] = header
        blocks.writePayload(of: entry, at: 0, key.name)
        blocks.writePayload(of: entry, at: key.name.count, records)
        addToIndex(entry)
        addToQueue(entry)
        counters.entries += 1
        counters.stores += 1
        return true
    }

    /// Takes an entry out and frees its blocks. Whoever calls it counts why.
    mutating func remove(_ entry: UInt32) {
        removeFromIndex(entry)
        removeFromQueue(entry)
        verdicts.forget(entry)
        blocks.free(entry)
        counters.entries -= 1
    }
}
