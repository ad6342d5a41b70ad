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

    /// The finished segment, and how many rules it holds.
    mutating func sort(_ collected: Span<UInt8>, _ shape: SegmentShape) -> (segment: [UInt8], kept: Int) {
        measure(collected, shape)
        var kept = 0
        var position = 0
        while position < collected.count {
            let entry = SegmentEntry(collectedAt: position, in: collected)
            if place(entry, at: position, of: collected, shape) { kept += 1 }
            position = entry.end
        }
        return (packed(shape), kept)
    }

    /// Finds out how large each bucket is, and makes room.
    private mutating func measure(_ collected: Span<UInt8>, _ shape: SegmentShape) {
        let buckets = 1 << shape.bucketBits
        starts = [Int](repeating: 0, count: buckets + 1)
        var position = 0
        while position < collected.count {
            let entry = SegmentEntry(collectedAt: position, in: collected)
            starts[shape.bucket(UInt32(entry.rest)) + 1] += entry.end - position - 2 + shape.restBytes
            position = entry.end
        }
        for bucket in 0..<buckets { starts[bucket + 1] += starts[bucket] }
        ends = starts
        let size = starts[buckets] + 8
        if sorted.count < size { sorted = [UInt8](repeating: 0, count: size) }
    }

    /// Writes an entry to the end of its bucket, unless the same stands there or its name has rules enough.
    private mutating func place(
        _ entry: SegmentEntry, at position: Int, of collected: Span<UInt8>, _ shape: SegmentShape
    ) -> Bool {
        let bucket = shape.bucket(UInt32(entry.rest))
        let start = ends[bucket]
        var target = sorted.mutableSpan
        var end = start
        let headEnd = entry.kind == Rule.detailedKind ? entry.tail - 3 : entry.tail
        for index in position + 2..<headEnd {
            target[end] = collected[index]
            end += 1
        }
        let rest = shape.rest(UInt32(entry.rest))
        if shape.restBytes == 2 {
            target[end] = UInt8(truncatingIfNeeded: rest >> 8)
            end += 1
        }
        target[end] = UInt8(truncatingIfNeeded: rest)
        end += 1
        target.copy(collected.extracting(headEnd..<entry.end), to: end)
        end += entry.end - headEnd
        guard isNews(start..<end, of: bucket, shape) else { return false }
        ends[bucket] = end
        return true
    }

    /// Whether the entry that was just written is not in its bucket yet.
    private func isNews(_ own: Range<Int>, of bucket: Int, _ shape: SegmentShape) -> Bool {
        let bytes = sorted.span
        let entry = SegmentEntry(bytes, at: own.lowerBound, restBytes: shape.restBytes)
        let tail = bytes.extracting(entry.tail..<entry.end)
        var position = starts[bucket]
        var sameName = 0
        while position < own.lowerBound {
            let other = SegmentEntry(bytes, at: position, restBytes: shape.restBytes)
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

    /// The directory and the buckets without gaps. Eight bytes follow the last, so that readers may take whole words.
    private func packed(_ shape: SegmentShape) -> [UInt8] {
        let buckets = 1 << shape.bucketBits
        var size = shape.directoryBytes + 8
        for bucket in 0..<buckets { size += ends[bucket] - starts[bucket] }
        var segment: [UInt8] = []
        segment.reserveCapacity(size)
        segment.append(contentsOf: repeatElement(0, count: size))
        var target = segment.mutableSpan
        let source = sorted.span
        var position = shape.directoryBytes
        for bucket in 0...buckets {
            if shape.offsetBytes == 2 {
                target.storeUInt16(UInt16(truncatingIfNeeded: position), at: bucket * 2)
            } else {
                target.storeUInt32(UInt32(truncatingIfNeeded: position), at: bucket * 4)
            }
            guard bucket < buckets else { break }
            target.copy(source.extracting(starts[bucket]..<ends[bucket]), to: position)
            position += ends[bucket] - starts[bucket]
        }
        return segment
    }
}

extension SegmentEntry {
    /// Reads an entry as it was collected: two bytes of the place before its header. `rest` is all of the place that the
    /// segment does not say.
    init(collectedAt position: Int, in bytes: Span<UInt8>) {
        let header = bytes[position + 2]
        rest = Int(bytes.loadUInt16(at: position))
        kind = header >> 4
        var at = position + 3
        var count = Int(header & 15) + CodedSuffix.shortestTail
        if header & 15 == 15 {
            count = Int(bytes.loadUInt16(at: at))
            at += 2
        }
        detail = 0
        if kind == Rule.detailedKind { at += 3 }
        tail = at
        self.count = count
    }
}
