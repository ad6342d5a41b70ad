internal import DNSWire

/// The entries of a table, bucket by bucket, in pages of one size, and where each bucket begins. All pages of all tables are
/// as large as each other and as the pieces that lists are collected in, so that memory that one gives back fits the next.
///
/// A bucket's position is its page's number times the size of a page, and the byte in it. No bucket goes over the end of a
/// page: one that is larger has a page of its own, which counts as several.
struct RulePages: Sendable {
    /// The pages, each with eight bytes more behind its last entry, so that readers may take whole words.
    private(set) var pages: [[UInt8]] = []
    /// Where each segment begins.
    private var bases: [UInt32] = []
    /// Where each bucket of each segment begins, and where the segment's last ends, counted from its beginning.
    private var offsets: [UInt16] = []
    /// The same where two bytes are not enough for one of them.
    private var wideOffsets: [UInt32] = []

    /// Bits of a position that are the byte in a page.
    static var pageBits: Int { 16 }
    /// The size of a page.
    static var pageBytes: Int { 1 << pageBits }

    /// The memory that this takes, the heads of arrays and what an allocator adds to them included.
    var byteCount: Int {
        let places = (bases.capacity + wideOffsets.capacity) * 4 + offsets.capacity * 2 + pages.capacity * 8
        return pages.reduce(places) { $0 + $1.capacity + 48 }
    }

    /// Where the bucket with that number begins, one more bucket counted in each segment.
    @inline(__always) private func position(_ segment: Int, _ index: Int) -> Int {
        Int(bases[segment]) &+ (wideOffsets.isEmpty ? Int(offsets[index]) : Int(wideOffsets[index]))
    }

    /// Whether there is anything in a segment.
    @inline(__always) func hasEntries(_ segment: Int, _ shape: SegmentShape) -> Bool {
        position(segment, segment &* (shape.bucketCount &+ 1) &+ shape.bucketCount) > Int(bases[segment])
    }

    /// The page of a bucket, and where in it its entries stand.
    @inline(__always) func place(_ segment: Int, bucket: Int, _ shape: SegmentShape) -> (page: Int, range: Range<Int>) {
        let index = segment &* (shape.bucketCount &+ 1) &+ bucket
        let start = position(segment, index)
        let page = start &>> Self.pageBits
        let first = start & (Self.pageBytes &- 1)
        // The next bucket may begin on a later page; then this one ends with its own.
        let next = position(segment, index &+ 1) &- page &<< Self.pageBits
        return (page, first..<max(first, min(next, pages[page].count &- 8)))
    }

    /// Which kinds of rules there are for a suffix, a bit for each, as far as the first 24 bytes of its tail tell.
    @inline(__always) func kinds(of suffix: CodedSuffix, _ shape: SegmentShape) -> UInt16 {
        let (page, range) = place(SegmentShape.segment(suffix.place), bucket: shape.bucket(suffix.place), shape)
        return Self.kinds(of: suffix, in: pages.span[page], range, shape)
    }

    /// Which kinds of rules a bucket has for a suffix.
    @inline(__always)
    private static func kinds(
        of suffix: CodedSuffix, in page: borrowing [UInt8], _ range: Range<Int>, _ shape: SegmentShape
    ) -> UInt16 {
        let bytes = page.span
        let rest = shape.rest(suffix.place)
        var kinds: UInt16 = 0
        var position = range.lowerBound
        while position < range.upperBound {
            let entry = SegmentEntry(bytes, at: position, shape)
            if entry.begins(suffix, rest: rest, in: bytes) { kinds |= 1 &<< UInt16(truncatingIfNeeded: entry.kind) }
            position = entry.end
        }
        return kinds
    }

    /// Writes pages, one bucket after the other.
    struct Writer {
        /// What is complete.
        private var result = RulePages()
        /// The page that is written to.
        private var page = [UInt8](repeating: 0, count: RulePages.pageBytes)
        /// How much of it is used.
        private var used = 0
        /// Where the present segment began.
        private var base = 0

        /// The position that is reached.
        private var position: Int { result.pages.count << RulePages.pageBits + used }

        /// Says what shape all segments have: first of all. What is noted of them takes no more room than it needs.
        mutating func begin(_ shape: SegmentShape) {
            result.bases.reserveCapacity(SegmentShape.segmentCount)
            result.offsets.reserveCapacity(SegmentShape.segmentCount * (shape.bucketCount + 1))
        }

        /// Begins a segment.
        mutating func beginSegment() {
            base = position
            result.bases.append(UInt32(truncatingIfNeeded: base))
        }

        /// Writes a bucket.
        mutating func append(_ bucket: Span<UInt8>) {
            if bucket.count > RulePages.pageBytes - 8 {
                putLarge(bucket)
            } else {
                if used + bucket.count > RulePages.pageBytes - 8 { turn() }
                note(position)
                let end = used
                var target = page.mutableSpan
                target.copy(bucket, to: end)
                used = end + bucket.count
            }
        }

        /// Ends a segment.
        mutating func endSegment() { note(position) }

        /// Writes a segment in which there is nothing.
        mutating func appendEmpty(buckets: Int) {
            beginSegment()
            guard result.wideOffsets.isEmpty else {
                return result.wideOffsets.append(contentsOf: repeatElement(0, count: buckets + 1))
            }
            result.offsets.append(contentsOf: repeatElement(0, count: buckets + 1))
        }

        /// What was written.
        mutating func finish() -> RulePages {
            result.pages.append(Array(page[..<(used + 8)]))
            return result
        }

        /// Begins another page.
        private mutating func turn() {
            var full = [UInt8](repeating: 0, count: RulePages.pageBytes)
            swap(&full, &page)
            full.removeLast(RulePages.pageBytes - used - 8)
            result.pages.append(full)
            used = 0
        }

        /// Puts a bucket that is larger than a page on one of its own.
        private mutating func putLarge(_ bucket: Span<UInt8>) {
            turn()
            note(position)
            result.pages.append([UInt8](copying: bucket) + [UInt8](repeating: 0, count: 8))
            for _ in 1..<((bucket.count + RulePages.pageBytes - 1) >> RulePages.pageBits) { result.pages.append([]) }
        }

        /// Notes where a bucket begins.
        private mutating func note(_ position: Int) {
            let offset = position - base
            if result.wideOffsets.isEmpty, let short = UInt16(exactly: offset) { return result.offsets.append(short) }
            if result.wideOffsets.isEmpty {
                result.wideOffsets.reserveCapacity(result.offsets.capacity)
                for offset in result.offsets { result.wideOffsets.append(UInt32(offset)) }
                result.offsets = []
            }
            result.wideOffsets.append(UInt32(truncatingIfNeeded: offset))
        }
    }
}
