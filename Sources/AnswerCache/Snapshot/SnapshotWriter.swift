internal import DNSWire
internal import Glibc
internal import Green

/// Writes the cache down, block by block, each shard's entries in the order in which they came: so they lie in memory, and
/// so the next run has them in its queue. What comes or goes while it is written may be in it or not; an answer that is
/// refreshed may be in it twice, the later one last. One at a time: the place reached is the shard's.
package struct SnapshotWriter: Sendable {
    /// What is to be written next.
    private enum Stage { case head, entries, end, done }

    private let cache: MemoryCache
    private let moment: SnapshotMoment
    private let epoch: Int64
    private let upstreams: [(number: UInt16, name: String)]
    /// The views: their numbers mean nothing to the next run either. One that comes while the snapshot is written is not among
    /// them, and its answers are nobody's.
    private let views: [(number: ViewNumber, view: ViewIdentity)]
    private var cursor = SnapshotCursor()
    private var stage = Stage.head
    /// How many entries have been written.
    package private(set) var count = 0

    /// Begins to write down what is in the cache at a moment; upstreams are written by name, for numbers mean nothing to
    /// the next run. `epoch` is that of the last flush by any instance at a Redis that the cache has followed, 0 for none.
    package init(_ cache: MemoryCache, at moment: SnapshotMoment, epoch: Int64 = 0, upstreams: [UInt16: String]) {
        self.cache = cache
        self.epoch = epoch
        self.moment = moment
        self.upstreams = upstreams.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        views = ViewDirectory.shared.identitiesByNumber.sorted { $0.key.rawValue < $1.key.rawValue }.map { ($0.key, $0.value) }
    }

    /// So many steps, each under a shard's lock, are done in a row: some ten microseconds.
    private static var stepsInARow: Int { 32 }

    /// What whoever writes in the background does between: leaves the processor to others for most of the time. Who has
    /// just woken keeps the processor for some microseconds.
    package static func pause() {
        giveWay()
        usleep(50)
    }

    /// The next bytes, some ten thousand of them; nil after the last. `pause` is called every few microseconds.
    package mutating func nextPiece(_ pause: () throws -> Void) rethrows -> [UInt8]? {
        switch stage {
        case .head:
            stage = .entries
            return SnapshotFormat.magic + headRest()
        case .entries:
            return try entries(pause) ?? end()
        case .end:
            return end()
        case .done:
            return nil
        }
    }

    /// The next bytes, without pauses; nil after the last.
    package mutating func nextPiece() -> [UInt8]? { nextPiece {} }

    /// The version, and the first block.
    private func headRest() -> [UInt8] {
        var rest: [UInt8] = []
        rest.append(SnapshotFormat.version)
        var payload: [UInt8] = []
        payload.append(moment.wallSeconds)
        payload.append(epoch)
        payload.append(UInt16(truncatingIfNeeded: views.count))
        for (number, view) in views {
            payload.append(number.rawValue)
            payload.append(view.id)
        }
        for (number, name) in upstreams {
            let bytes = Array(name.utf8.prefix(255))
            payload.append(number)
            payload.append(UInt8(bytes.count))
            payload += bytes
        }
        return rest + SnapshotFormat.block(payload, count: upstreams.count)
    }

    /// A block of entries; nil when there are no more.
    private mutating func entries(_ pause: () throws -> Void) rethrows -> [UInt8]? {
        var payload: [UInt8] = []
        // With room for a last step, so that no bytes are moved while a lock is held.
        payload.reserveCapacity(SnapshotFormat.blockLength + (128 << 10))
        var written = 0
        var steps = 0
        while payload.count < SnapshotFormat.blockLength {
            if steps % Self.stepsInARow == 0 { try pause() }
            steps += 1
            guard let more = cache.writeSnapshot(of: &cursor, at: moment, to: &payload) else {
                stage = .end
                break
            }
            written += more
        }
        guard written > 0 else { return nil }
        try pause()
        count += written
        return SnapshotFormat.block(payload, count: written)
    }

    /// The block that says that there is no more.
    private mutating func end() -> [UInt8] {
        stage = .done
        return SnapshotFormat.block([], count: count)
    }
}

/// How far a writing has come.
struct SnapshotCursor {
    /// The shard.
    fileprivate var shard = 0
    /// Whether the shard knows of it.
    fileprivate var hasBegun = false
}

extension MemoryCache {
    /// Writes down the good ones of the next few entries: how many; nil when there are no more.
    func writeSnapshot(of cursor: inout SnapshotCursor, at moment: SnapshotMoment, to output: inout [UInt8]) -> Int? {
        guard cursor.shard < shards.count else { return nil }
        var locked = shards.lock(cursor.shard)
        if !cursor.hasBegun { locked.shard.queue.written = locked.shard.queue.oldest }
        let count = locked.shard.writeSnapshot(at: moment, to: &output)
        cursor.hasBegun = locked.shard.queue.written != 0
        if !cursor.hasBegun { cursor.shard += 1 }
        return count
    }
}

extension Shard {
    /// How many entries are written down while the lock is held: less than a microsecond's work, for which a worker that
    /// wants the lock need not sleep.
    static var writtenInAStep: Int { 8 }

    /// Writes down the good ones of the next entries, as many as a step allows: how many.
    mutating func writeSnapshot(at moment: SnapshotMoment, to output: inout [UInt8]) -> Int {
        var steps = 0
        var count = 0
        while queue.written != 0, steps < Self.writtenInAStep {
            let entry = queue.written
            steps += weight(of: entry)
            if writeSnapshot(of: entry, at: moment, to: &output) { count += 1 }
            queue.written = blocks[entry].newer
        }
        return count
    }

    /// Writes an entry down, unless it is a failure or of no more use: whether it was.
    private func writeSnapshot(of entry: UInt32, at moment: SnapshotMoment, to output: inout [UInt8]) -> Bool {
        let header = blocks[entry]
        guard !header.isFailure, !header.isOver(at: moment.boot, staleSeconds: staleSeconds) else { return false }
        let words =
            [
                UInt64(UInt16(truncatingIfNeeded: header.tailLength)) | UInt64(header.nameLength) << 16
                    | UInt64(header.flags.rawValue) << 24 | UInt64(header.type) << 32 | UInt64(header.viewNumber.rawValue) << 48,
                UInt64(header.codes) | UInt64(header.upstream) << 16 | UInt64(header.uses) << 32
                    | UInt64(header.transport) << 48,
                UInt64(header.counts.rawValue) | UInt64(header.lifetime) << 32,
                UInt64(bitPattern: moment.wallSeconds - Int64(header.age(at: moment.boot))),
            ] as InlineArray<4, UInt64>
        let payload = header.payloadLength
        output.append(addingCapacity: SnapshotFormat.entryHeadLength + payload) { output in
            for index in words.indices {
                for place in 0..<8 { output.append(UInt8(truncatingIfNeeded: words[index] >> (8 * UInt64(place)))) }
            }
            output.append(repeating: 0, count: payload)
            var span = output.mutableSpan
            blocks.copyPayload(of: entry, from: 0, count: payload, into: &span, at: SnapshotFormat.entryHeadLength)
        }
        return true
    }
}
