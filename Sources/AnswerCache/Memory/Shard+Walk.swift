internal import DNSWire

/// Walking over a shard's entries, bucket by bucket.
extension Shard {
    /// Shows entries to `body`, which may remove the one it is shown; returns where to go on, nil at the end.
    ///
    /// Buckets are taken in the order of their number's bits reversed, the high bit first, and together with what has been
    /// split off from them in this round. So a bucket that is split between two steps has its parts next to each other in
    /// the order: both behind the cursor or both before it.
    ///
    /// A step ends with the bucket in which it has met `limit` entries and buckets, or as much of longer entries.
    mutating func visit(from start: UInt32, upTo limit: Int, _ body: (inout Shard, UInt32) -> Void) -> UInt32? {
        var bucket = start
        var steps = 0
        repeat {
            let low = bucket & bucketMask
            steps += 1 + visit(bucket: Int(low), body)
            if low < splitBuckets { steps += visit(bucket: Int(low | (bucketMask + 1)), body) }
            bucket = Self.following(low, bucketMask)
            if bucket == 0 { return nil }
        } while steps < limit
        return bucket
    }

    /// As how many entries one counts in a step: what is done with a long one takes longer, and the lock is held meanwhile.
    func weight(of entry: UInt32) -> Int {
        max(1, BlockStore.blocks(forPayload: blocks[entry].payloadLength) / Self.blocksOfUsualEntry)
    }

    /// Shows one bucket's entries; returns as how many they count.
    private mutating func visit(bucket: Int, _ body: (inout Shard, UInt32) -> Void) -> Int {
        var count = 0
        var entry = heads[bucket].first
        while entry != 0 {
            let next = blocks[entry].nextInBucket
            count += weight(of: entry)
            body(&self, entry)
            entry = next
        }
        return count
    }

    /// Adds one to a number whose bits are read in reverse.
    private static func following(_ bucket: UInt32, _ mask: UInt32) -> UInt32 {
        var bits = (bucket | ~mask).bitReversed
        bits &+= 1
        return bits.bitReversed
    }

    /// A copy of an entry.
    func copy(_ entry: UInt32, seed: UInt64, at now: BootSeconds) -> CachedEntry {
        let header = blocks[entry]
        var records = [UInt8](repeating: 0, count: header.tailLength)
        var span = records.mutableSpan
        blocks.copyPayload(of: entry, from: Int(header.nameLength), count: header.tailLength, into: &span, at: 0)
        let flags = KeyFlags(
            dnssecOK: header.flags.contains(.dnssecOK), checkingDisabled: header.flags.contains(.checkingDisabled))
        return CachedEntry(
            key: CacheKey(
                name(of: entry), RecordType(rawValue: header.type), .internet, flags: flags, seed: seed
            ).inView(header.viewNumber, seed: seed),
            answer: StoredAnswer(header, at: now),
            isExpired: header.isExpired(at: now),
            storedAt: BootSeconds(rawValue: header.storedAt),
            provenance: Provenance(
                upstream: header.upstream,
                transport: AnswerTransport(rawValue: header.transport) ?? .local,
                security: SecurityStatus(rawValue: UInt8(header.codes >> 12)) ?? .unchecked),
            byteCount: BlockStore.blocks(forPayload: header.payloadLength) * BlockStore.blockSize
                + MemoryLayout<BucketHead>.stride,
            records: records
        )
    }

    /// An entry's name.
    func name(of entry: UInt32) -> FixedName {
        let count = Int(blocks[entry].nameLength)
        var bytes = InlineArray<256, UInt8>(repeating: 0)
        var span = bytes.mutableSpan
        blocks.copyPayload(of: entry, from: 0, count: count, into: &span, at: 0)
        // Names are checked before they are stored; the root stands for what cannot be.
        guard let name = try? NameView(bytes.span.extracting(first: count), at: 0) else { return FixedName() }
        return FixedName(name)
    }

    /// Whether a filter wants an entry gone.
    func isWanted(_ entry: UInt32, by filter: RemovalFilter) -> Bool {
        switch filter {
        case .everything: true
        case .name(let name):
            Int(blocks[entry].nameLength) == name.count && blocks.payload(of: entry, beginsWith: name.span)
        case .subtree(let top): name(of: entry).view.isSubdomain(of: top.view)
        case .upstream(let id): blocks[entry].upstream == id
        case .names(let isWanted): isWanted(name(of: entry).span)
        }
    }
}

extension UInt32 {
    /// The same bits, the last first.
    var bitReversed: UInt32 {
        var value = self
        value = value >> 1 & 0x5555_5555 | (value & 0x5555_5555) << 1
        value = value >> 2 & 0x3333_3333 | (value & 0x3333_3333) << 2
        value = value >> 4 & 0x0F0F_0F0F | (value & 0x0F0F_0F0F) << 4
        return value.byteSwapped
    }
}
