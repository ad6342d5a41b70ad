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

    /// Whether both hold the same bytes.
    package func hasSameBytes(as other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in indices where self[index] != other[index] { return false }
        return true
    }
}

/// Writing big-endian integers in place. Offsets out of bounds trap: callers check first.
extension MutableSpan where Element == UInt8 {
    /// Stores a 16-bit integer at an offset.
    @inlinable package mutating func storeUInt16(_ value: UInt16, at offset: Int) {
        self[offset] = UInt8(truncatingIfNeeded: value >> 8)
        self[offset + 1] = UInt8(truncatingIfNeeded: value)
    }

    /// Stores a 32-bit integer at an offset.
    @inlinable package mutating func storeUInt32(_ value: UInt32, at offset: Int) {
        storeUInt16(UInt16(truncatingIfNeeded: value >> 16), at: offset)
        storeUInt16(UInt16(truncatingIfNeeded: value), at: offset + 2)
    }
}

/// A letter's lower case; every other byte as it is (RFC 4343 3: only A to Z have case).
@inlinable @inline(__always) func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
}

extension Array where Element == UInt8 {
    /// A copy of a span.
    public init(copying span: Span<UInt8>) {
        self.init()
        reserveCapacity(span.count)
        for index in span.indices { append(span[index]) }
    }
}
