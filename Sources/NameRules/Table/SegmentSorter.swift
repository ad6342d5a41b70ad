internal import DNSWire

/// Puts what was collected for a segment in order: bucket by bucket, each rule once.
struct SegmentSorter {
    /// Where the next entry of each bucket goes.
    private var ends: [Int] = []
    /// Where each bucket begins.
    private var starts: [Int] = []
    /// The buckets, with gaps where a rule came twice.
    private var sorted: [UInt8] = []

    /// The most rules of one name that are kept: whoever writes a list cannot make its look-ups long.
    static var maximumRulesOfOneName: Int { 64 }

    /// Writes a segment's buckets; how many rules it holds.
    mutating func sort(_ collected: Span<UInt8>, _ shape: SegmentShape, to pages: inout RulePages.Writer) -> Int {
        guard collected.count > 0 else {
            pages.appendEmpty(buckets: shape.bucketCount)
            return 0
        }
        measure(collected, shape)
        var kept = 0
        var position = 0
        while position < collected.count {
            let entry = SegmentEntry(collectedAt: position, in: collected)
            if place(entry, of: collected, shape) { kept += 1 }
            position = entry.end
        }
        pages.beginSegment()
        let source = sorted.span
        for bucket in 0..<shape.bucketCount { pages.append(source.extracting(starts[bucket]..<ends[bucket])) }
        pages.endSegment()
        return kept
    }

    /// The length of an entry's head.
    private static func headCount(_ entry: SegmentEntry, _ shape: SegmentShape) -> Int {
        1 + (entry.kind == shape.usualKind ? 0 : 1) + (isLong(entry) ? 2 : 0) + shape.restBytes
            + (entry.kind == Rule.detailedKind ? 3 : 0)
    }

    /// Whether the length of an entry's tail does not stand in its header.
    private static func isLong(_ entry: SegmentEntry) -> Bool {
        entry.count - CodedSuffix.shortestTail >= Int(SegmentEntry.longTail)
    }

    /// Finds out how large each bucket is, and makes room.
    private mutating func measure(_ collected: Span<UInt8>, _ shape: SegmentShape) {
        starts = [Int](repeating: 0, count: shape.bucketCount + 1)
        var position = 0
        while position < collected.count {
            let entry = SegmentEntry(collectedAt: position, in: collected)
            starts[shape.bucket(UInt32(entry.rest)) + 1] += Self.headCount(entry, shape) + entry.count
            position = entry.end
        }
        for bucket in 0..<shape.bucketCount { starts[bucket + 1] += starts[bucket] }
        ends = starts
        let size = starts[shape.bucketCount] + 8
        if sorted.count < size { sorted = [UInt8](repeating: 0, count: size) }
    }

    /// Writes an entry to the end of its bucket, unless the same stands there or its name has rules enough.
    private mutating func place(_ entry: SegmentEntry, of collected: Span<UInt8>, _ shape: SegmentShape) -> Bool {
        let bucket = shape.bucket(UInt32(entry.rest))
        let start = ends[bucket]
        let rest = shape.rest(UInt32(entry.rest))
        var target = sorted.mutableSpan
        let isUsual = entry.kind == shape.usualKind
        let short = Self.isLong(entry) ? SegmentEntry.longTail : UInt8(truncatingIfNeeded: entry.count - CodedSuffix.shortestTail)
        target[start] =
            (isUsual ? 0 : SegmentEntry.otherKind) | short << 3 | UInt8(truncatingIfNeeded: rest >> (shape.restBytes * 8))
        var end = start + 1
        if !isUsual {
            target[end] = entry.kind
            end += 1
        }
        if short == SegmentEntry.longTail {
            target.storeUInt16(UInt16(truncatingIfNeeded: entry.count), at: end)
            end += 2
        }
        if shape.restBytes == 2 {
            target[end] = UInt8(truncatingIfNeeded: rest >> 8)
            end += 1
        }
        target[end] = UInt8(truncatingIfNeeded: rest)
        end += 1
        if entry.kind == Rule.detailedKind {
            target[end] = UInt8(truncatingIfNeeded: entry.detail >> 16)
            target.storeUInt16(UInt16(truncatingIfNeeded: entry.detail), at: end + 1)
            end += 3
        }
        target.copy(collected.extracting(entry.tail..<entry.end), to: end)
        end += entry.count
        guard isNews(start..<end, of: bucket, shape) else { return false }
        ends[bucket] = end
        return true
    }

    /// Whether the entry that was just written is not in its bucket yet.
    private func isNews(_ own: Range<Int>, of bucket: Int, _ shape: SegmentShape) -> Bool {
        let bytes = sorted.span
        let entry = SegmentEntry(bytes, at: own.lowerBound, shape)
        let tail = bytes.extracting(entry.tail..<entry.end)
        var position = starts[bucket]
        var sameName = 0
        while position < own.lowerBound {
            let other = SegmentEntry(bytes, at: position, shape)
            if other.rest == entry.rest, other.count == entry.count,
                bytes.extracting(other.tail..<other.end).hasSameBytes(as: tail)
            {
                if other.kind == entry.kind, other.detail == entry.detail { return false }
                sameName += 1
                guard sameName < Self.maximumRulesOfOneName else { return false }
            }
            position = other.end
        }
        return true
    }
}
