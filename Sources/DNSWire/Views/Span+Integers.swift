/// Reading big-endian integers in place. Offsets out of bounds trap: callers check first.
extension Span where Element == UInt8 {
    /// The 16-bit integer at an offset.
    @inlinable @inline(__always) package func loadUInt16(at offset: Int) -> UInt16 {
        UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
    }

    /// The 32-bit integer at an offset.
    @inlinable @inline(__always) package func loadUInt32(at offset: Int) -> UInt32 {
        UInt32(loadUInt16(at: offset)) << 16 | UInt32(loadUInt16(at: offset + 2))
    }

    /// Eight bytes from an offset on as one number, the first byte lowest.
    @inlinable @inline(__always) package func loadWord(at offset: Int) -> UInt64 {
        // One check of bounds, and eight loads become one.
        let bytes = extracting(offset..<offset + 8)
        var word: UInt64 = 0
        for index in 0..<8 { word |= UInt64(bytes[index]) &<< UInt64(8 * index) }
        return word
    }

    /// Up to eight bytes from an offset on as one number, the first byte lowest, zeros after the last.
    @inlinable @inline(__always) package func loadWord(at offset: Int, count: Int) -> UInt64 {
        if count >= 8 { return loadWord(at: offset) }
        if offset + 8 <= self.count { return loadWord(at: offset) & ((1 &<< UInt64(8 * count)) &- 1) }
        var word: UInt64 = 0
        for index in 0..<count { word |= UInt64(self[offset + index]) &<< UInt64(8 * index) }
        return word
    }

    /// Whether both hold the same bytes.
    package func hasSameBytes(as other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        var index = 0
        while index + 8 <= count {
            guard loadWord(at: index) == other.loadWord(at: index) else { return false }
            index += 8
        }
        guard index < count else { return true }
        // What is left: with bytes that were compared before it, where there are eight.
        if count >= 8 { return loadWord(at: count - 8) == other.loadWord(at: count - 8) }
        while index < count {
            guard self[index] == other[index] else { return false }
            index += 1
        }
        return true
    }

    /// Notes where the labels of a name in wire form, without pointers, start: how many there are, the root not counted.
    package func labelStarts(_ starts: inout InlineArray<128, UInt8>) -> Int {
        var position = 0
        var found = 0
        while position < count, self[position] != 0, found < 128 {
            starts[found] = UInt8(truncatingIfNeeded: position)
            found += 1
            position += 1 + Int(self[position])
        }
        return found
    }

    /// Whether there is a capital letter among the bytes of a range.
    package func hasCapital(in range: Range<Int>) -> Bool {
        var index = range.lowerBound
        while index < range.upperBound {
            let word = loadWord(at: index, count: range.upperBound - index)
            if lowercased(word) != word { return true }
            index += 8
        }
        return false
    }
}

/// Writing big-endian integers in place. Offsets out of bounds trap: callers check first.
extension MutableSpan where Element == UInt8 {
    /// Stores a 16-bit integer at an offset.
    @inlinable @inline(__always) package mutating func storeUInt16(_ value: UInt16, at offset: Int) {
        self[offset] = UInt8(truncatingIfNeeded: value >> 8)
        self[offset + 1] = UInt8(truncatingIfNeeded: value)
    }

    /// Copies all of `source` to an offset.
    @inlinable package mutating func copy(_ source: Span<UInt8>, to offset: Int) {
        var target = _mutatingExtracting(offset..<offset + source.count)
        var index = 0
        while index + 32 <= source.count {
            // One check of bounds for four words.
            let from = source.extracting(index..<index + 32)
            var to = target._mutatingExtracting(index..<index + 32)
            to.storeWord(from.loadWord(at: 0), at: 0)
            to.storeWord(from.loadWord(at: 8), at: 8)
            to.storeWord(from.loadWord(at: 16), at: 16)
            to.storeWord(from.loadWord(at: 24), at: 24)
            index += 32
        }
        while index + 8 <= source.count {
            target.storeWord(source.loadWord(at: index), at: index)
            index += 8
        }
        while index < source.count {
            target[index] = source[index]
            index += 1
        }
    }

    /// Stores a number as eight bytes, the lowest first.
    @inlinable @inline(__always) package mutating func storeWord(_ word: UInt64, at offset: Int) {
        var bytes = _mutatingExtracting(offset..<offset + 8)
        for index in 0..<8 { bytes[index] = UInt8(truncatingIfNeeded: word &>> UInt64(8 * index)) }
    }

    /// Stores a 32-bit integer at an offset.
    @inlinable @inline(__always) package mutating func storeUInt32(_ value: UInt32, at offset: Int) {
        storeUInt16(UInt16(truncatingIfNeeded: value >> 16), at: offset)
        storeUInt16(UInt16(truncatingIfNeeded: value), at: offset + 2)
    }
}

/// A letter's lower case; every other byte as it is (RFC 4343 3: only A to Z have case).
@inlinable @inline(__always) func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
}

/// Eight letters' lower case at once; every other byte as it is.
@inlinable @inline(__always) package func lowercased(_ word: UInt64) -> UInt64 {
    let low = word & 0x7F7F_7F7F_7F7F_7F7F
    // The top bit of each byte says: not below A, not above Z, and plain ASCII.
    let notBelow = low &+ 0x3F3F_3F3F_3F3F_3F3F
    let above = low &+ 0x2525_2525_2525_2525
    let isCapital = notBelow & ~above & ~word & 0x8080_8080_8080_8080
    return word | (isCapital >> 2)
}

extension Array where Element == UInt8 {
    /// A copy of a span.
    public init(copying span: Span<UInt8>) {
        self = []
        // To append nothing would write to the empty storage that all arrays share, from every thread.
        guard !span.isEmpty else { return }
        // Three quarters of what `init(capacity:)` costs.
        append(addingCapacity: span.count) { output in
            output.append(repeating: 0, count: span.count)
            var target = output.mutableSpan
            target.copy(span, to: 0)
        }
    }
}
