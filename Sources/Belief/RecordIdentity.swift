internal import DNSWire

/// What tells a record from others: a keyed hash of its owner, type and data, whatever the letters and the compression of the
/// names in them. An RRset has no record twice (RFC 2181 5).
struct RecordIdentity {
    /// The hash.
    private(set) var hash: UInt64

    /// Reads a record whose form was checked.
    init(_ place: RecordPlace, in reply: Span<UInt8>, seed: UInt64) {
        hash = seed
        add(RecordView(reply, place).owner.hash(seed: seed))
        add(UInt64(place.type.rawValue))
        var position = place.rdataOffset
        if let layout = RDataLayout(place.type) {
            position = Self.namesOffset(layout, place, in: reply)
            add(reply, place.rdataOffset..<position)
            for _ in 0..<layout.names {
                guard let name = try? NameView(reply, at: position, limit: place.endOffset) else { break }
                add(name.hash(seed: seed))
                position = name.endOffset
            }
        }
        add(reply, position..<place.endOffset)
    }

    /// Where the names of a record's data begin.
    private static func namesOffset(_ layout: RDataLayout, _ place: RecordPlace, in reply: Span<UInt8>) -> Int {
        var position = min(place.rdataOffset + layout.fixedBytes, place.endOffset)
        for _ in 0..<layout.characterStrings where position < place.endOffset {
            position = min(position + 1 + Int(reply[position]), place.endOffset)
        }
        return position
    }

    /// Takes in bytes, and how many they are.
    private mutating func add(_ reply: Span<UInt8>, _ range: Range<Int>) {
        var index = range.lowerBound
        while index < range.upperBound {
            add(reply.loadWord(at: index, count: range.upperBound - index))
            index += 8
        }
        add(UInt64(truncatingIfNeeded: range.count))
    }

    /// Takes in a word.
    private mutating func add(_ word: UInt64) {
        let product = (hash ^ word).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        hash = product.high ^ product.low &+ word
    }
}
