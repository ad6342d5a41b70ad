internal import DNSWire

/// How the segments of a table are laid out: a directory, where each bucket begins, and the buckets' entries behind it.
///
/// An entry is a header (the kind above, the tail's length less two below; 15 says that it follows in two bytes), what is left of
/// the place when segment and bucket are known, three bytes of a detail's number where the kind says so, and the tail.
struct SegmentShape: Hashable, Sendable {
    /// Bits of the place that choose the segment.
    static var segmentBits: Int { 10 }
    /// How many segments a table has.
    static var segmentCount: Int { 1 << segmentBits }
    /// Bits of the place that are left in a segment.
    static var innerBits: Int { 24 - segmentBits }

    /// Bits that choose the bucket.
    let bucketBits: Int
    /// Bytes of an offset in the directory: 2 or 4.
    let offsetBytes: Int

    /// The shape for so many rules, the largest segment having so many bytes: five to ten in a bucket.
    init(rules: Int, largestSegment: Int) {
        var bits = 0
        while bits < 12, rules >> (Self.segmentBits + bits) > 10 { bits += 1 }
        bucketBits = bits
        offsetBytes = largestSegment + 2 << bits + 16 < 0xFFFF ? 2 : 4
    }

    /// The bits of the place that an entry keeps.
    @inline(__always) var restBits: Int { Self.innerBits - bucketBits }
    /// The bytes they take.
    @inline(__always) var restBytes: Int { restBits > 8 ? 2 : 1 }
    /// The bytes of a directory: where each bucket begins, and where the last ends.
    var directoryBytes: Int { ((1 << bucketBits) + 1) * offsetBytes }

    /// The segment of a place.
    @inline(__always) static func segment(_ place: UInt32) -> Int { Int(place &>> UInt32(innerBits)) }
    /// The bucket of a place in its segment.
    @inline(__always) func bucket(_ place: UInt32) -> Int {
        Int(place &>> UInt32(restBits)) & ((1 &<< bucketBits) &- 1)
    }
    /// What an entry keeps of a place.
    @inline(__always) func rest(_ place: UInt32) -> Int { Int(place) & ((1 &<< restBits) &- 1) }

    /// An offset of the directory.
    @inline(__always) func offset(_ index: Int, in segment: Span<UInt8>) -> Int {
        if offsetBytes == 2 { return Int(segment.loadUInt16(at: index &* 2)) }
        return Int(segment.loadUInt32(at: index &* 4))
    }
}

/// An entry of a segment, read where it stands.
struct SegmentEntry {
    /// What it does: one of the plain kinds, or that there is a detail.
    let kind: UInt8
    /// What it keeps of the place.
    let rest: Int
    /// The number of its detail.
    let detail: Int
    /// Where its tail begins.
    let tail: Int
    /// The length of its tail.
    let count: Int

    /// Where the next entry begins.
    @inline(__always) var end: Int { tail &+ count }

    /// Reads an entry.
    @inline(__always) init(_ segment: Span<UInt8>, at position: Int, restBytes: Int) {
        let header = segment[position]
        var at = position &+ 1
        var count = Int(header & 15) &+ CodedSuffix.shortestTail
        if header & 15 == 15 {
            count = Int(segment.loadUInt16(at: at))
            at &+= 2
        }
        if restBytes == 1 {
            rest = Int(segment[at])
        } else {
            rest = Int(segment.loadUInt16(at: at))
        }
        at &+= restBytes
        kind = header >> 4
        if kind == Rule.detailedKind {
            detail = Int(segment[at]) << 16 | Int(segment.loadUInt16(at: at &+ 1))
            at &+= 3
        } else {
            detail = 0
        }
        tail = at
        self.count = count
    }

    /// Whether this is the rule of a suffix, as far as the first 24 bytes of its tail tell. Eight bytes stand behind the last
    /// entry, so that whole words can be read.
    @inline(__always) func begins(_ suffix: CodedSuffix, rest: Int, in segment: Span<UInt8>) -> Bool {
        guard self.rest == rest, count == suffix.count else { return false }
        guard same(segment, 0, suffix.tail[0]) else { return false }
        if count <= 8 { return true }
        guard same(segment, 8, suffix.tail[1]) else { return false }
        return count <= 16 || same(segment, 16, suffix.tail[2])
    }

    /// Whether a word of the tail is the one given, as far as the tail goes.
    @inline(__always) private func same(_ segment: Span<UInt8>, _ offset: Int, _ word: UInt64) -> Bool {
        let difference = segment.loadWord(at: tail &+ offset) ^ word
        let left = count &- offset
        return left >= 8 ? difference == 0 : difference &<< UInt64(truncatingIfNeeded: 64 &- 8 &* left) == 0
    }
}
