internal import DNSWire

/// A Bloom filter over the names of all lists: which lists may have a rule for a suffix. Most suffixes of most names are in
/// no list, and end here with one word read; what passes is looked up in the tables that it names.
///
/// A name sets four bits of one word: two for any list, two for its own. Words are in the order of places, and so filled
/// one after the other.
struct SuffixFilter: Sendable {
    /// The bits.
    private(set) var words: [UInt64]

    /// Bits of the filter for each rule.
    static var bitsPerRule: Int { 8 }

    /// An empty filter for so many rules.
    init(rules: Int) {
        words = [UInt64](repeating: 0, count: max(1, rules * Self.bitsPerRule / 64))
    }

    /// The word of a suffix.
    @inline(__always) static func index(_ hash: UInt64, count: Int) -> Int {
        Int(truncatingIfNeeded: hash.multipliedFullWidth(by: UInt64(truncatingIfNeeded: count)).high)
    }

    /// The bits of a suffix that stand for any list.
    @inline(__always) static func commonBits(_ hash: UInt64) -> UInt64 { 1 &<< (hash & 63) | 1 &<< (hash &>> 6 & 63) }

    /// The bits of a suffix that stand for one list.
    @inline(__always) static func ownBits(_ hash: UInt64, list: Int) -> UInt64 {
        let mixed = (hash & 0xFF_FFFF_FFFF) &* ((UInt64(truncatingIfNeeded: list) &* 2 &+ 1) &* 0x9E37_79B9_7F4A_7C15)
        return 1 &<< (mixed &>> 58) | 1 &<< (mixed &>> 52 & 63)
    }

    /// Takes in the names of one segment of a list.
    mutating func insert(segment number: Int, of table: RuleTable, list: Int) {
        guard !table.segments[number].isEmpty else { return }
        insert(table.segments[number], number: number, shape: table.shape, ListMark(list: list, key: table.key))
    }

    /// Whose names are taken in.
    private struct ListMark {
        /// The list's number.
        let list: Int
        /// The key of its table.
        let key: RuleKey
    }

    /// Takes in the names of a segment.
    private mutating func insert(_ bytes: borrowing [UInt8], number: Int, shape: SegmentShape, _ mark: ListMark) {
        let segment = bytes.span
        var target = words.mutableSpan
        let count = target.count
        for bucket in 0..<1 << shape.bucketBits {
            var position = shape.offset(bucket, in: segment)
            let end = shape.offset(bucket + 1, in: segment)
            let above = UInt32(number) << UInt32(SegmentShape.innerBits) | UInt32(bucket) << UInt32(shape.restBits)
            while position < end {
                let entry = SegmentEntry(segment, at: position, restBytes: shape.restBytes)
                let tail = TailHash(segment, at: entry.tail, count: entry.count, key: mark.key)
                let suffix = CodedSuffix(place: above | UInt32(entry.rest), hash: tail.hash, count: entry.count, tail: SIMD3())
                let hash = suffix.filterHash
                target[Self.index(hash, count: count)] |= Self.commonBits(hash) | Self.ownBits(hash, list: mark.list)
                position = entry.end
            }
        }
    }
}

/// The hash of a tail that stands in a table: what `NameEncoder` made when it was put there.
struct TailHash {
    /// The hash.
    let hash: UInt64

    /// Hashes a tail; eight bytes can be read behind it.
    @inline(__always) init(_ segment: Span<UInt8>, at start: Int, count: Int, key: RuleKey) {
        // The words of the code: three bytes of place come before the tail in the first.
        let first = Self.word(segment, at: start, count: min(5, count))
        var state = key.fold(key.seed, first &<< 24)
        var index = 5
        while index < count {
            state = key.fold(state, Self.word(segment, at: start &+ index, count: min(8, count &- index)))
            index &+= 8
        }
        hash = key.finish(state)
    }

    /// Up to eight bytes.
    @inline(__always) private static func word(_ segment: Span<UInt8>, at start: Int, count: Int) -> UInt64 {
        let word = segment.loadWord(at: start)
        return count >= 8 ? word : word & ((1 &<< UInt64(8 &* count)) &- 1)
    }
}
