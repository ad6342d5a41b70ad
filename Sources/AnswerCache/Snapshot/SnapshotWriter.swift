/// Writes the cache down, block by block. What comes or goes while it is written may be in it or not.
package struct SnapshotWriter: Sendable {
    /// What is to be written next.
    private enum Stage { case head, entries, end, done }

    private let cache: MemoryCache
    private let moment: SnapshotMoment
    private let upstreams: [(number: UInt16, name: String)]
    private var cursor = WalkCursor()
    private var stage = Stage.head
    /// How many entries have been written.
    package private(set) var count = 0

    /// Begins to write down what is in the cache at a moment; upstreams are written by name, for numbers mean nothing to
    /// the next run.
    package init(_ cache: MemoryCache, at moment: SnapshotMoment, upstreams: [UInt16: String]) {
        self.cache = cache
        self.moment = moment
        self.upstreams = upstreams.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// The next bytes, about a quarter of a MiB of them; nil after the last.
    package mutating func nextPiece() -> [UInt8]? {
        switch stage {
        case .head:
            stage = .entries
            return SnapshotFormat.magic + headRest()
        case .entries:
            return entries() ?? end()
        case .end:
            return end()
        case .done:
            return nil
        }
    }

    /// The version, and the first block.
    private func headRest() -> [UInt8] {
        var rest: [UInt8] = []
        rest.append(SnapshotFormat.version)
        var payload: [UInt8] = []
        payload.append(moment.wallSeconds)
        for (number, name) in upstreams {
            let bytes = Array(name.utf8.prefix(255))
            payload.append(number)
            payload.append(UInt8(bytes.count))
            payload += bytes
        }
        return rest + SnapshotFormat.block(payload, count: upstreams.count)
    }

    /// A block of entries; nil when there are no more.
    private mutating func entries() -> [UInt8]? {
        var payload: [UInt8] = []
        payload.reserveCapacity(SnapshotFormat.blockLength + (64 << 10))
        var written = 0
        while payload.count < SnapshotFormat.blockLength {
            guard let more = cache.writeSnapshot(of: &cursor, at: moment, to: &payload) else {
                stage = .end
                break
            }
            written += more
        }
        guard written > 0 else { return nil }
        count += written
        return SnapshotFormat.block(payload, count: written)
    }

    /// The block that says that there is no more.
    private mutating func end() -> [UInt8] {
        stage = .done
        return SnapshotFormat.block([], count: count)
    }
}

extension MemoryCache {
    /// Writes down the good ones of the next few dozen entries: how many; nil at the end of the walk.
    func writeSnapshot(of cursor: inout WalkCursor, at moment: SnapshotMoment, to output: inout [UInt8]) -> Int? {
        guard cursor.shard < shards.count else { return nil }
        var count = 0
        var locked = shards.lock(cursor.shard)
        let next = locked.shard.visit(from: cursor.bucket) { shard, entry in
            if shard.writeSnapshot(of: entry, at: moment, to: &output) { count += 1 }
        }
        advance(&cursor, to: next)
        return count
    }
}

extension Shard {
    /// Writes an entry down, unless it is a failure or of no more use: whether it was.
    func writeSnapshot(of entry: UInt32, at moment: SnapshotMoment, to output: inout [UInt8]) -> Bool {
        let header = blocks[entry]
        guard !header.isFailure, !header.isOver(at: moment.boot, staleSeconds: staleSeconds) else { return false }
        let start = output.count
        let payload = header.payloadLength
        output.append(contentsOf: repeatElement(0, count: SnapshotFormat.entryHeadLength + payload))
        var span = output.mutableSpan
        span.store(UInt16(truncatingIfNeeded: header.tailLength), at: start)
        span[start + 2] = header.nameLength
        span[start + 3] = header.flags.rawValue
        span.store(header.type, at: start + 4)
        span.store(header.recordClass, at: start + 6)
        span.store(header.codes, at: start + 8)
        span.store(header.upstream, at: start + 10)
        span.store(header.uses, at: start + 12)
        span[start + 14] = header.transport
        span[start + 15] = header.view
        span.store(header.counts.rawValue, at: start + 16)
        span.store(header.lifetime, at: start + 20)
        span.store(moment.wallSeconds - Int64(header.age(at: moment.boot)), at: start + 24)
        blocks.copyPayload(of: entry, from: 0, count: payload, into: &span, at: start + SnapshotFormat.entryHeadLength)
        return true
    }
}
