internal import DNSWire

/// The rules of a list as they come, nearly in their final form, in 32 groups by the highest bits of their places.
///
/// An entry is 23 bits of the place in three bytes, a header (the kind above, the tail's length less two below, 15 where it
/// follows in two bytes), three bytes of a detail's number where the kind says so, and the tail. Groups are kept in pieces,
/// which are given back one by one.
struct CollectedRules {
    /// The piece of each group that is written to.
    private var open = [[UInt8]](repeating: [], count: groupCount)
    /// How much of it is used.
    private var used = [Int](repeating: 0, count: groupCount)
    /// The pieces of each group that are full.
    private var full = [[[UInt8]]](repeating: [], count: groupCount)
    /// The bytes of each segment.
    private(set) var segmentBytes = [Int](repeating: 0, count: SegmentShape.segmentCount)
    /// All bytes.
    private(set) var byteCount = 0

    /// Bits of the place that choose the group.
    static var groupBits: Int { 5 }
    /// How many groups there are.
    static var groupCount: Int { 1 << groupBits }
    /// How many segments are in a group.
    static var groupSegments: Int { SegmentShape.segmentCount / groupCount }
    /// More bytes than this are not kept: positions in pages have 32 bits.
    static var maximumBytes: Int { 1 << 30 }
    /// Bits of the place that an entry has.
    private static var placeBits: Int { Int(CodedSuffix.placeBits) - groupBits }

    /// Adds an entry; its tail is the one of the suffix that the encoder closed last. False where there is no room.
    mutating func add(_ suffix: CodedSuffix, _ encoder: borrowing NameEncoder<84>, kind: UInt8, detail: Int) -> Bool {
        let group = Int(suffix.place &>> UInt32(Self.placeBits))
        var end = used[group]
        // The longest head has nine bytes, and a tail is written in whole words.
        let need = suffix.count + 24
        guard byteCount + need <= Self.maximumBytes else { return false }
        if open[group].count < end + need {
            turn(group, need: need)
            end = 0
        }
        let start = end
        var target = open[group].mutableSpan
        target[end] = UInt8(truncatingIfNeeded: suffix.place >> 16) & 0x7F
        target.storeUInt16(UInt16(truncatingIfNeeded: suffix.place), at: end + 1)
        let short = UInt8(truncatingIfNeeded: min(suffix.count - CodedSuffix.shortestTail, Int(SegmentEntry.longTail)))
        target[end + 3] = kind << 4 | short
        end += 4
        if short == SegmentEntry.longTail {
            target.storeUInt16(UInt16(truncatingIfNeeded: suffix.count), at: end)
            end += 2
        }
        if kind == Rule.detailedKind {
            target[end] = UInt8(truncatingIfNeeded: detail >> 16)
            target.storeUInt16(UInt16(truncatingIfNeeded: detail), at: end + 1)
            end += 3
        }
        encoder.writeTail(of: suffix, to: &target, at: end)
        end += suffix.count
        used[group] = end
        segmentBytes[SegmentShape.segment(suffix.place)] += end - start
        byteCount += end - start
        return true
    }

    /// Begins another piece of a group: each twice as large as the one before, until they are pages.
    private mutating func turn(_ group: Int, need: Int) {
        let size = max(need, min(RulePages.pageBytes, max(256, open[group].count * 2)))
        var piece = [UInt8](repeating: 0, count: size)
        swap(&piece, &open[group])
        if used[group] > 0 {
            piece.removeLast(piece.count - used[group])
            full[group].append(piece)
        }
        used[group] = 0
    }

    /// Takes a group's pieces out, the last one first.
    mutating func take(_ group: Int) -> [[UInt8]] {
        turn(group, need: 0)
        open[group] = []
        var pieces: [[UInt8]] = []
        swap(&pieces, &full[group])
        pieces.reverse()
        return pieces
    }
}

/// The segments of one group, taken apart.
struct GroupSegments {
    /// The entries of each; arrays that are used again.
    private var segments = [[UInt8]](repeating: [], count: CollectedRules.groupSegments)
    /// How much of each is used.
    private var used = [Int](repeating: 0, count: CollectedRules.groupSegments)

    /// Makes room for segments of those sizes.
    mutating func begin(_ sizes: ArraySlice<Int>) {
        for (index, size) in sizes.enumerated() {
            if segments[index].count < size { segments[index] = [UInt8](repeating: 0, count: size + size / 16) }
            used[index] = 0
        }
    }

    /// Takes in a piece of the group.
    mutating func add(_ piece: Span<UInt8>) {
        var position = 0
        while position < piece.count {
            let entry = SegmentEntry(collectedAt: position, in: piece)
            let index = Int(piece[position] >> 2)
            var target = segments[index].mutableSpan
            target.copy(piece.extracting(position..<entry.end), to: used[index])
            used[index] += entry.end - position
            position = entry.end
        }
    }

    /// The entries of a segment.
    func entries(_ index: Int) -> ArraySlice<UInt8> { segments[index][..<used[index]] }
}

extension SegmentEntry {
    /// Reads an entry as it was collected. `rest` is all of the place that the segment does not say.
    init(collectedAt position: Int, in bytes: Span<UInt8>) {
        let header = bytes[position + 3]
        let kind = header >> 4
        var at = position + 4
        var count = Int(header & 15) + CodedSuffix.shortestTail
        if header & 15 == Self.longTail {
            count = Int(bytes.loadUInt16(at: at))
            at += 2
        }
        var detail = 0
        if kind == Rule.detailedKind {
            detail = Int(bytes[at]) << 16 | Int(bytes.loadUInt16(at: at + 1))
            at += 3
        }
        let rest = Int(bytes[position] & 3) << 16 | Int(bytes.loadUInt16(at: position + 1))
        self.init(kind: kind, rest: rest, detail: detail, tail: at, count: count)
    }
}
