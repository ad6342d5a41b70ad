internal import DNSWire

/// The index: buckets of entries chained through their headers, growing by linear hashing. Each new entry splits one
/// bucket, so that there is about one bucket for each entry, the index never stands still to grow, and its memory grows
/// with what is kept. A bucket's head tells most of the questions that are not kept without a look at its entries.
extension Shard {
    /// The bucket that keeps entries with a hash.
    @inline(__always)
    func bucket(ofHash hash: UInt32) -> Int {
        let bucket = hash & bucketMask
        return Int(bucket >= splitBuckets ? bucket : hash & (bucketMask << 1 | 1))
    }

    /// The first of the entries among which that under a key is, if there is one; 0 for none.
    @inline(__always)
    func first(for key: KeyView) -> UInt32 {
        let hash = UInt32(truncatingIfNeeded: key.hash)
        let head = heads[bucket(ofHash: hash)]
        return head.mayHold(hash) ? head.first : 0
    }

    /// Whether an entry is kept under a key: all of it, not only its hash.
    @inline(__always)
    func matches(_ entry: UInt32, _ key: KeyView) -> Bool {
        let header = blocks[entry]
        return header.hash == UInt32(truncatingIfNeeded: key.hash)
            && header.type == key.type && header.viewNumber.rawValue == key.viewNumber.rawValue
            && header.flags.intersection([.dnssecOK, .checkingDisabled]) == key.flags
            && Int(header.nameLength) == key.name.count
            && blocks.payload(of: entry, beginsWith: key.name)
    }

    /// The entry under a key, expired or not.
    func find(_ key: KeyView, isFailure: Bool) -> UInt32? {
        var entry = first(for: key)
        while entry != 0 {
            if blocks[entry].isFailure == isFailure, matches(entry, key) { return entry }
            entry = blocks[entry].nextInBucket
        }
        return nil
    }

    /// Divides an empty index for so many entries at once, as far as there is room.
    mutating func expect(_ entries: Int) {
        guard counters.entries == 0 else { return }
        let buckets = min(max(Self.initialBuckets, entries), heads.limit)
        // The largest power of two that is not above it, and as many splits as make up the rest.
        bucketMask = UInt32(1) << UInt32(Int.bitWidth - 1 - buckets.leadingZeroBitCount) - 1
        splitBuckets = UInt32(buckets) - bucketMask - 1
    }

    /// Enters an entry, and splits a bucket when there are as many entries as buckets.
    mutating func addToIndex(_ entry: UInt32) {
        if counters.entries >= bucketCount, bucketCount < heads.limit { splitBucket() }
        let hash = blocks[entry].hash
        let bucket = bucket(ofHash: hash)
        blocks[entry].nextInBucket = heads[bucket].first
        heads[bucket].add(entry, hash)
    }

    /// Takes an entry out of its bucket.
    mutating func removeFromIndex(_ entry: UInt32) {
        let hash = blocks[entry].hash
        let bucket = bucket(ofHash: hash)
        let next = blocks[entry].nextInBucket
        let first = heads[bucket].first
        heads[bucket].remove(hash, first: first == entry ? next : first)
        guard first != entry else { return }
        var before = first
        while blocks[before].nextInBucket != entry { before = blocks[before].nextInBucket }
        blocks[before].nextInBucket = next
    }

    /// Deals the entries of the next bucket to it and to a new one.
    private mutating func splitBucket() {
        let low = Int(splitBuckets)
        let high = bucketCount
        var entry = heads[low].first
        var stays = BucketHead()
        var moves = BucketHead()
        while entry != 0 {
            let next = blocks[entry].nextInBucket
            let hash = blocks[entry].hash
            if hash & (bucketMask + 1) == 0 {
                blocks[entry].nextInBucket = stays.first
                stays.add(entry, hash)
            } else {
                blocks[entry].nextInBucket = moves.first
                moves.add(entry, hash)
            }
            entry = next
        }
        heads[low] = stays
        heads[high] = moves
        splitBuckets += 1
        if splitBuckets > bucketMask {
            bucketMask = bucketMask << 1 | 1
            splitBuckets = 0
        }
        prefetchForSplits()
    }

    /// Where the next splits begin, entries were not looked at for long, and are far away by now. Fetches the first entry of
    /// the bucket after the next, and the second of the next, whose first was fetched one split ago.
    private func prefetchForSplits() {
        let next = Int(splitBuckets)
        blocks.prefetch(heads[next + 1].first)
        let first = heads[next].first
        if first != 0 { blocks.prefetch(blocks[first].nextInBucket) }
    }
}
