internal import AnswerCache
internal import DNSWire
internal import Green

/// A listing of the cache in pieces: each is made when the client has taken the one before, from as many steps of a walk
/// as it takes, with a turn of the loop between two; first over the memory, then over Redis. So a cache of any size is listed
/// in the memory of one piece, and nothing else waits for it. Entries that come or go meanwhile may be listed or not; all
/// others are, and once, but that Redis may name a key twice.
final class CacheListing {
    /// What is listed.
    struct Filter {
        /// Names that fit.
        var pattern: NamePattern?
        /// One type.
        var type: RecordType?
        /// At most so many.
        var limit: Int?

        /// Whether an entry is one of them.
        func matches(_ name: borrowing FixedName, _ type: RecordType) -> Bool {
            if let wanted = self.type, wanted != type { return false }
            return pattern?.matches(name) ?? true
        }
    }

    /// Where a walk goes on.
    private enum Place {
        case memory(WalkCursor)
        case redis(RedisWalk)
    }

    private let tiers: CacheTiers
    private let filter: Filter
    private let format: ControlFormat
    /// What is still to be walked over, the next last.
    private var places: [Place]
    private var listed = 0
    private var hasTitle = false

    /// A piece is handed on when it has reached this size.
    private static let pieceBytes = 32 << 10

    /// A listing of some tiers from their beginning.
    init(_ tiers: CacheTiers, of wanted: [CacheTier], _ filter: Filter, _ format: ControlFormat) {
        self.tiers = tiers
        self.filter = filter
        self.format = format
        places = wanted.reversed().map { tier in
            switch tier {
            case .memory: .memory(WalkCursor())
            case .redis: .redis(RedisWalk(RedisKey.pattern(beginning: filter.pattern?.letters ?? [])))
            }
        }
    }

    /// The next piece; nil at the end. Lets others run.
    func next() throws(Interruption) -> [UInt8]? {
        var piece: [UInt8] = []
        if format == .text, !hasTitle {
            hasTitle = true
            piece += EntryDescription.title
        }
        let upstreams = tiers.upstreams()
        while piece.count < Self.pieceBytes, let place = places.popLast() {
            switch place {
            case .memory(let cursor): try walk(cursor, upstreams, into: &piece)
            case .redis(let walk): try step(walk, into: &piece)
            }
            if let limit = filter.limit, listed >= limit { places = [] }
        }
        return piece.isEmpty ? nil : piece
    }

    /// Takes a step over the memory.
    private func walk(_ start: WalkCursor, _ upstreams: UpstreamDirectory, into piece: inout [UInt8]) throws(Interruption) {
        let hub = Hub.current
        var cursor = start
        guard let entries = tiers.memory.walk(&cursor, at: BootSeconds(rawValue: hub.bootSeconds)) else { return }
        places.append(.memory(cursor))
        for entry in entries where filter.matches(entry.key.name, entry.key.type) {
            append(EntryDescription(entry, upstreams), to: &piece)
        }
        try hub.yield(afterEvents: true)
    }

    /// Takes a step over Redis; one that fails ends the listing with a line that says so.
    private func step(_ start: RedisWalk, into piece: inout [UInt8]) throws(Interruption) {
        var walk = start
        do {
            let entries = try tiers.listeningFleet().step(&walk) { filter.matches(FixedName($0.name), $0.type) }
            guard let entries else { return }
            places.append(.redis(walk))
            for (number, entry) in entries.enumerated() {
                giveWay(before: number, every: 16)
                append(EntryDescription(entry), to: &piece)
            }
        } catch let interruption as Interruption {
            throw interruption
        } catch {
            piece += format.problem("redis: not listed to its end: \(ControlFormat.words(error))").utf8
        }
    }

    private func append(_ description: EntryDescription, to piece: inout [UInt8]) {
        if let limit = filter.limit, listed >= limit { return }
        listed += 1
        switch format {
        case .text: piece += description.line
        case .json:
            var writer = JSONWriter()
            description.write(to: &writer)
            writer.endLine()
            piece += writer.bytes
        }
    }
}
