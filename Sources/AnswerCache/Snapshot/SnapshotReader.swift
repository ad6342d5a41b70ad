/// Reads a snapshot into a cache. Whatever stands in it may have been written by anybody.
package struct SnapshotReader {
    /// Gives bytes of the snapshot from an offset on: fewer than asked for only where it ends.
    package typealias Source = (_ offset: Int, _ count: Int) throws -> [UInt8]

    /// What became of a snapshot's entries.
    package struct Outcome: Hashable, Sendable {
        /// Entries that are in the cache now, as far as there was room.
        package var loaded = 0
        /// Entries whose time is over.
        package var expired = 0
        /// Entries that cannot be right.
        package var refused = 0
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

    /// Reads all of it; `number` gives the number that an upstream has now, by its name. Throws `SnapshotError` for a
    /// snapshot that is left out, with the cache as it was, and what `source` throws.
    package func load(upstream number: (String) -> UInt16?) throws -> Outcome {
        try checkHead()
        let blocks = try checkedBlocks()
        let origin = try readOrigin(blocks[0], number)
        var outcome = Outcome()
        var entry = SnapshotEntry(moment, writtenAt: origin.writtenAt, upstreams: origin.numbers)
        for block in blocks.dropFirst() {
            let payload = try source(block.offset, block.length)
            guard payload.count == block.length else { throw SnapshotError.damaged(atByte: block.offset) }
            read(payload.span, count: block.count, &entry, &outcome)
        }
        return outcome
    }

    /// Where a block's payload stands.
    private struct Block {
        let offset, length, count: Int
    }

    private func checkHead() throws {
        let head = try source(0, SnapshotFormat.headLength)
        guard head.count == SnapshotFormat.headLength, head.starts(with: SnapshotFormat.magic) else {
            throw SnapshotError.notASnapshot
        }
        let version = head.span.number(at: SnapshotFormat.magic.count, UInt32.self)
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

    /// Reads when the snapshot was written, and the numbers that its upstreams have now.
    private func readOrigin(
        _ block: Block, _ number: (String) -> UInt16?
    ) throws -> (writtenAt: Int64, numbers: [UInt16: UInt16]) {
        let payload = try source(block.offset, block.length)
        guard payload.count == block.length, payload.count >= 8 else { throw SnapshotError.damaged(atByte: block.offset) }
        let writtenAt = payload.span.number(at: 0, Int64.self)
        // A clock that was set back a little makes nothing much older.
        guard writtenAt <= moment.wallSeconds + 60 else { throw SnapshotError.fromTheFuture }
        var numbers: [UInt16: UInt16] = [:]
        var position = 8
        while position < payload.count {
            guard position + 3 <= payload.count, position + 3 + Int(payload[position + 2]) <= payload.count else {
                throw SnapshotError.damaged(atByte: block.offset + position)
            }
            let end = position + 3 + Int(payload[position + 2])
            let name = String(decoding: payload[position + 3..<end], as: UTF8.self)
            numbers[payload.span.number(at: position, UInt16.self)] = number(name)
            position = end
        }
        return (writtenAt, numbers)
    }

    /// Reads a block's entries. What follows an entry whose lengths cannot be right is refused with it.
    private func read(_ payload: Span<UInt8>, count: Int, _ entry: inout SnapshotEntry, _ outcome: inout Outcome) {
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
