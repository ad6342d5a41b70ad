internal import DNSWire

/// Reads a snapshot into a cache. Whatever stands in it may have been written by anybody.
package struct SnapshotReader: Sendable {
    /// Gives bytes of the snapshot from an offset on: fewer than asked for only where it ends.
    package typealias Source = @Sendable (_ offset: Int, _ count: Int) throws -> [UInt8]

    /// What became of a snapshot's entries.
    package struct Outcome: Hashable, Sendable {
        /// Entries that are in the cache now, as far as there was room.
        package var loaded: Int
        /// Entries whose time is over.
        package var expired: Int
        /// Entries that cannot be right.
        package var refused: Int

        /// Numbers of entries.
        package init(loaded: Int = 0, expired: Int = 0, refused: Int = 0) {
            self.loaded = loaded
            self.expired = expired
            self.refused = refused
        }

        /// Both together.
        package static func + (left: Outcome, right: Outcome) -> Outcome {
            Outcome(
                loaded: left.loaded + right.loaded, expired: left.expired + right.expired,
                refused: left.refused + right.refused)
        }
    }

    /// A part of a snapshot that is good. Parts may be loaded at the same time, each on a thread.
    package struct Part: Sendable {
        /// The epoch that the snapshot's writer gave.
        package let epoch: Int64
        fileprivate let reader: SnapshotReader
        fileprivate let blocks: ArraySlice<Block>
        fileprivate let entry: SnapshotEntry

        /// Reads its entries into the cache.
        package func load() throws -> Outcome {
            var entry = entry
            var outcome = Outcome()
            for block in blocks {
                let payload = try reader.source(block.offset, block.length)
                guard payload.count == block.length else { throw SnapshotError.damaged(atByte: block.offset) }
                SnapshotReader.read(payload.span, count: block.count, into: reader.cache, &entry, &outcome)
            }
            return outcome
        }
    }

    private let cache: MemoryCache
    private let moment: SnapshotMoment
    private let source: Source

    /// A reader of the snapshot that `source` gives, for a cache, at a moment.
    package init(into cache: MemoryCache, at moment: SnapshotMoment, _ source: @escaping Source) {
        self.cache = cache
        self.moment = moment
        self.source = source
    }

    /// Checks all of it, prepares the cache, and divides it into so many parts; `number` gives the number that an upstream
    /// has now, by its name. Throws `SnapshotError` for a snapshot that is left out, with the cache as it was, and what
    /// `source` throws.
    package func parts(_ count: Int = 1, upstream number: (String) -> UInt16?) throws -> [Part] {
        try checkHead()
        let blocks = try checkedBlocks()
        let origin = try readOrigin(blocks[0], number)
        let entry = SnapshotEntry(moment, writtenAt: origin.writtenAt, upstreams: origin.numbers, views: origin.views)
        let others = blocks.dropFirst()
        cache.expect(others.reduce(0) { $0 + $1.count })
        let share = (others.count + count - 1) / count
        return (0..<count).map {
            Part(epoch: origin.epoch, reader: self, blocks: others.dropFirst($0 * share).prefix(share), entry: entry)
        }
    }

    /// Where a block's payload stands.
    fileprivate struct Block {
        let offset, length, count: Int
    }

    /// The version of the snapshot that begins with some bytes, twelve or more; throws for what is none.
    package static func version(of head: [UInt8]) throws(SnapshotError) -> UInt32 {
        guard head.count >= SnapshotFormat.headLength, head.starts(with: SnapshotFormat.magic) else { throw .notASnapshot }
        return head.span.number(at: SnapshotFormat.magic.count, UInt32.self)
    }

    /// Whether this program is older than what has written a snapshot of a version.
    package static func isNewer(_ version: UInt32) -> Bool { version > SnapshotFormat.version }

    private func checkHead() throws {
        let version = try Self.version(of: source(0, SnapshotFormat.headLength))
        guard version == SnapshotFormat.version else { throw SnapshotError.otherVersion(version) }
    }

    /// Goes over all checksums, to the end.
    private func checkedBlocks() throws -> [Block] {
        var blocks: [Block] = []
        var offset = SnapshotFormat.headLength
        var total = 0
        while true {
            let head = try source(offset, SnapshotFormat.blockHeadLength)
            guard head.count == SnapshotFormat.blockHeadLength else { throw SnapshotError.damaged(atByte: offset) }
            let block = Block(
                offset: offset + head.count, length: Int(head.span.number(at: 0, UInt32.self)),
                count: Int(head.span.number(at: 4, UInt32.self)))
            guard block.length <= SnapshotFormat.longestBlock else { throw SnapshotError.damaged(atByte: offset) }
            let payload = try source(block.offset, block.length)
            guard payload.count == block.length,
                SnapshotFormat.checksum(head.span, payload.span) == head.span.number(at: 8, UInt32.self)
            else { throw SnapshotError.damaged(atByte: offset) }
            offset = block.offset + block.length
            if block.length == 0 {
                let isEnd = try source(offset, 1).isEmpty
                guard isEnd, block.count == total, !blocks.isEmpty else { throw SnapshotError.damaged(atByte: offset) }
                return blocks
            }
            if !blocks.isEmpty { total += block.count }
            blocks.append(block)
        }
    }

    /// Reads when the snapshot was written, its epoch, and the numbers that its upstreams have now.
    private func readOrigin(
        _ block: Block, _ number: (String) -> UInt16?
    ) throws -> (writtenAt: Int64, epoch: Int64, numbers: [UInt16: UInt16], views: [UInt16: ViewNumber]) {
        let payload = try source(block.offset, block.length)
        guard payload.count == block.length, payload.count >= 18 else { throw SnapshotError.damaged(atByte: block.offset) }
        let writtenAt = payload.span.number(at: 0, Int64.self)
        // A clock that was set back a little makes nothing much older.
        guard writtenAt <= moment.wallSeconds + 60 else { throw SnapshotError.fromTheFuture }
        let views = try readViews(payload, block)
        var numbers: [UInt16: UInt16] = [:]
        var position = 18 + 10 * Int(payload.span.number(at: 16, UInt16.self))
        while position < payload.count {
            guard position + 3 <= payload.count, position + 3 + Int(payload[position + 2]) <= payload.count else {
                throw SnapshotError.damaged(atByte: block.offset + position)
            }
            let end = position + 3 + Int(payload[position + 2])
            let name = String(decoding: payload[position + 3..<end], as: UTF8.self)
            numbers[payload.span.number(at: position, UInt16.self)] = number(name)
            position = end
        }
        return (writtenAt, payload.span.number(at: 8), numbers, views)
    }

    /// Reads the numbers that the snapshot's views have now: those that there are.
    private func readViews(_ payload: [UInt8], _ block: Block) throws -> [UInt16: ViewNumber] {
        let count = Int(payload.span.number(at: 16, UInt16.self))
        guard 18 + 10 * count <= payload.count else { throw SnapshotError.damaged(atByte: block.offset + 16) }
        var views = [ViewNumber.general.rawValue: ViewNumber.general]
        for place in 0..<count {
            let number = payload.span.number(at: 18 + 10 * place, UInt16.self)
            let id = payload.span.number(at: 20 + 10 * place, UInt64.self)
            // No view of the file's becomes the general one, nor the other way round.
            guard views[number] == nil, id != 0 else { throw SnapshotError.damaged(atByte: block.offset + 18 + 10 * place) }
            if let present = ViewDirectory.shared.number(ofID: id) { views[number] = present }
        }
        return views
    }

    /// Reads a block's entries. What follows an entry whose lengths cannot be right is refused with it.
    private static func read(
        _ payload: Span<UInt8>, count: Int, into cache: MemoryCache, _ entry: inout SnapshotEntry, _ outcome: inout Outcome
    ) {
        var position = 0
        for done in 0..<count {
            let start = position
            let left = payload.count - start
            guard left >= SnapshotFormat.entryHeadLength else {
                outcome.refused += count - done
                return
            }
            let length = SnapshotFormat.entryHeadLength + Int(payload[start + 2]) + Int(payload.number(at: start, UInt16.self))
            guard length <= left else {
                outcome.refused += count - done
                return
            }
            position += length
            switch entry.read(payload.extracting(start..<position), into: cache) {
            case .loaded: outcome.loaded += 1
            case .expired: outcome.expired += 1
            case .refused: outcome.refused += 1
            }
        }
    }
}

extension MemoryCache {
    /// Prepares a cache that is still empty for so many entries.
    func expect(_ entries: Int) {
        for number in 0..<shards.count {
            var locked = shards.lock(number)
            locked.shard.expect(entries / shards.count)
        }
    }
}
