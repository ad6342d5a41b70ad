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
    mutating func insert(segment number: Int, of table: borrowing RuleTable, list: Int) {
        let shape = table.shape
        guard table.pages.hasEntries(number, shape) else { return }
        for bucket in 0..<shape.bucketCount {
            let (page, range) = table.pages.place(number, bucket: bucket, shape)
            guard !range.isEmpty else { continue }
            let above = UInt32(number) << UInt32(SegmentShape.innerBits) | UInt32(bucket) << UInt32(shape.restBits)
            let mark = Mark(list: list, key: table.key)
            insert(table.pages.pages.span[page], range, shape, above, mark)
        }
    }

    /// Whose names are taken in.
    private struct Mark {
        /// The list's number.
        let list: Int
        /// The key of its table.
        let key: RuleKey
    }

    /// Takes in the names of a bucket.
    @inline(__always)
    private mutating func insert(
        _ page: borrowing [UInt8], _ range: Range<Int>, _ shape: SegmentShape, _ above: UInt32, _ mark: Mark
    ) {
        let bytes = page.span
        var target = words.mutableSpan
        let count = target.count
        var position = range.lowerBound
        while position < range.upperBound {
            let entry = SegmentEntry(bytes, at: position, shape)
            let tail = TailHash(bytes, at: entry.tail, count: entry.count, key: mark.key)
            let suffix = CodedSuffix(place: above | UInt32(entry.rest), hash: tail.hash, count: entry.count, tail: SIMD3())
            let hash = suffix.filterHash
            target[Self.index(hash, count: count)] |= Self.commonBits(hash) | Self.ownBits(hash, list: mark.list)
            position = entry.end
        }
    }
}

/// The hash of a tail that stands in a table: what `NameEncoder` made when it was put there.
struct TailHash {
    /// The hash.
    let hash: UInt64

    /// Hashes a tail; eight bytes can be read behind it.
    @inline(__always) init(_ bytes: Span<UInt8>, at start: Int, count: Int, key: RuleKey) {
        // The words of the code: 28 bits of place come before the tail in the first, 36 bits of the tail stand with them.
        let first = bytes.loadWord(at: start) & Self.mask(count)
        var state = key.fold(key.seed, first &<< CodedSuffix.placeBits)
        var index = 4
        while 8 &* index &+ 4 < 8 &* count {
            // From the middle of a byte to the middle of another.
            let low = bytes.loadWord(at: start &+ index) & Self.mask(count &- index)
            let high = index &+ 8 < count ? UInt64(bytes[start &+ index &+ 8]) : 0
            state = key.fold(state, low &>> 4 | high &<< 60)
            index &+= 8
        }
        hash = key.finish(state)
    }

    /// The bits of so many bytes of a word, all from eight on.
    @inline(__always) private static func mask(_ count: Int) -> UInt64 {
        count >= 8 ? .max : 1 &<< UInt64(truncatingIfNeeded: 8 &* count) &- 1
    }
}
