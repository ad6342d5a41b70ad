internal import DNSWire

/// How the entries of a table are laid out: which bits of a place choose the segment, which the bucket, and which are kept.
///
/// An entry is a header (128 where a byte with the kind follows, for it is not the usual one; eight times the tail's length
/// less two, 15 where it follows in two bytes; the three highest bits that are left of the place), the kind, the length, the
/// rest of the place's bits, three bytes of a detail's number where the kind says so, and the tail.
struct SegmentShape: Hashable, Sendable {
    /// Bits of the place that choose the segment.
    static var segmentBits: Int { 10 }
    /// How many segments a table has.
    static var segmentCount: Int { 1 << segmentBits }
    /// Bits of the place that are left in a segment.
    static var innerBits: Int { Int(CodedSuffix.placeBits) - segmentBits }

    /// Bits that choose the bucket.
    let bucketBits: Int
    /// The kind of most rules.
    let usualKind: UInt8

    /// The shape for so many rules: five to ten in a bucket, or fewer where that saves each of them a byte.
    init(rules: Int, usualKind: UInt8) {
        self.usualKind = usualKind
        var bits = 0
        while bits < 12, rules >> (Self.segmentBits + bits) > 10 { bits += 1 }
        let short = Self.innerBits - Self.shortRestBits
        bucketBits = bits < short && rules >> (Self.segmentBits + short) >= 2 ? short : bits
    }

    /// So many bits of the place stand in a header and one byte.
    private static var shortRestBits: Int { 11 }

    /// How many buckets a segment has.
    @inline(__always) var bucketCount: Int { 1 &<< bucketBits }
    /// The bits of the place that an entry keeps.
    @inline(__always) var restBits: Int { Self.innerBits &- bucketBits }
    /// The bytes they take, besides the three in the header.
    @inline(__always) var restBytes: Int { restBits > Self.shortRestBits ? 2 : 1 }

    /// The segment of a place.
    @inline(__always) static func segment(_ place: UInt32) -> Int { Int(place &>> UInt32(innerBits)) }
    /// The bucket of a place in its segment.
    @inline(__always) func bucket(_ place: UInt32) -> Int {
        Int(place &>> UInt32(restBits)) & ((1 &<< bucketBits) &- 1)
    }
    /// What an entry keeps of a place.
    @inline(__always) func rest(_ place: UInt32) -> Int { Int(place) & ((1 &<< restBits) &- 1) }
}

/// An entry of a bucket, read where it stands.
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

    /// What a header says of a tail whose length follows.
    static var longTail: UInt8 { 15 }
    /// What a header has where a kind follows.
    static var otherKind: UInt8 { 0x80 }

    /// Where the next entry begins.
    @inline(__always) var end: Int { tail &+ count }

    /// Puts an entry together that was read otherwise.
    init(kind: UInt8, rest: Int, detail: Int, tail: Int, count: Int) {
        (self.kind, self.rest, self.detail, self.tail, self.count) = (kind, rest, detail, tail, count)
    }

    /// Reads an entry.
    @inline(__always) init(_ bytes: Span<UInt8>, at position: Int, _ shape: SegmentShape) {
        let header = bytes[position]
        var at = position &+ 1
        var kind = shape.usualKind
        if header & Self.otherKind != 0 {
            kind = bytes[at]
            at &+= 1
        }
        var count = Int(header &>> 3 & 15) &+ CodedSuffix.shortestTail
        if header &>> 3 & 15 == Self.longTail {
            count = Int(bytes.loadUInt16(at: at))
            at &+= 2
        }
        var rest = Int(header & 7) &<< 8 | Int(bytes[at])
        at &+= 1
        if shape.restBytes == 2 {
            rest = rest &<< 8 | Int(bytes[at])
            at &+= 1
        }
        self.rest = rest
        self.kind = kind
        if kind == Rule.detailedKind {
            detail = Int(bytes[at]) << 16 | Int(bytes.loadUInt16(at: at &+ 1))
            at &+= 3
        } else {
            detail = 0
        }
        tail = at
        self.count = count
    }

    /// Whether this is the rule of a suffix, as far as the first 24 bytes of its tail tell. Eight bytes stand behind the last
    /// entry, so that whole words can be read.
    @inline(__always) func begins(_ suffix: CodedSuffix, rest: Int, in bytes: Span<UInt8>) -> Bool {
        guard self.rest == rest, count == suffix.count else { return false }
        guard same(bytes, 0, suffix.tail[0]) else { return false }
        if count <= 8 { return true }
        guard same(bytes, 8, suffix.tail[1]) else { return false }
        return count <= 16 || same(bytes, 16, suffix.tail[2])
    }

    /// Whether a word of the tail is the one given, as far as the tail goes.
    @inline(__always) private func same(_ bytes: Span<UInt8>, _ offset: Int, _ word: UInt64) -> Bool {
        let difference = bytes.loadWord(at: tail &+ offset) ^ word
        let left = count &- offset
        return left >= 8 ? difference == 0 : difference &<< UInt64(truncatingIfNeeded: 64 &- 8 &* left) == 0
    }
}
