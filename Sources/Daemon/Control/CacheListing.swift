internal import AnswerCache
internal import DNSWire
internal import Green

/// A listing of the cache in pieces: each is made when the client has taken the one before, from as many steps of a walk
/// as it takes, with a turn of the loop between two. So a cache of any size is listed in the memory of one piece, and
/// nothing else waits for it. Entries that come or go meanwhile may be listed or not; all others are, once.
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
        func matches(_ entry: CachedEntry) -> Bool {
            if let type, entry.key.type != type { return false }
            return pattern?.matches(entry.key.name) ?? true
        }
    }

    private let cache: MemoryCache
    private let upstreams: UpstreamDirectory
    private let filter: Filter
    private let format: ControlFormat
    private var cursor = WalkCursor()
    private var listed = 0
    private var isAtEnd = false
    private var hasTitle = false

    /// A piece is handed on when it has reached this size.
    private static let pieceBytes = 32 << 10

    /// A listing from the beginning.
    init(_ cache: MemoryCache, _ upstreams: UpstreamDirectory, _ filter: Filter, _ format: ControlFormat) {
        self.cache = cache
        self.upstreams = upstreams
        self.filter = filter
        self.format = format
    }

    /// The next piece; nil at the end. Lets others run.
    func next() throws(Interruption) -> [UInt8]? {
        var piece: [UInt8] = []
        if format == .text, !hasTitle {
            hasTitle = true
            piece += EntryDescription.title
        }
        let hub = Hub.current
        while !isAtEnd, piece.count < Self.pieceBytes {
            guard let entries = cache.walk(&cursor, at: BootSeconds(rawValue: hub.bootSeconds)) else {
                isAtEnd = true
                break
            }
            for entry in entries where !isAtEnd && filter.matches(entry) { append(entry, to: &piece) }
            try hub.yield(afterEvents: true)
        }
        return piece.isEmpty ? nil : piece
    }

    private func append(_ entry: CachedEntry, to piece: inout [UInt8]) {
        let description = EntryDescription(entry, upstreams)
        switch format {
        case .text: piece += description.line
        case .json:
            var writer = JSONWriter()
            description.write(to: &writer)
            writer.endLine()
            piece += writer.bytes
        }
        listed += 1
        if listed == filter.limit { isAtEnd = true }
    }
}
