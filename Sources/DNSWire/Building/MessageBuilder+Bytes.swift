/// The plain pieces that records are made of.
extension MessageBuilder {
    /// Writes a byte.
    @_lifetime(self: copy self)
    mutating func write(_ value: UInt8) throws(WireError) {
        guard count < limit else { throw .doesNotFit }
        buffer[count] = value
        count += 1
    }

    /// Writes a 16-bit integer.
    @_lifetime(self: copy self)
    mutating func write(_ value: UInt16) throws(WireError) {
        guard count + 2 <= limit else { throw .doesNotFit }
        buffer.storeUInt16(value, at: count)
        count += 2
    }

    /// Writes a 32-bit integer.
    @_lifetime(self: copy self)
    mutating func write(_ value: UInt32) throws(WireError) {
        guard count + 4 <= limit else { throw .doesNotFit }
        buffer.storeUInt32(value, at: count)
        count += 4
    }

    /// Writes bytes as they are.
    @_lifetime(self: copy self)
    mutating func write(_ bytes: Span<UInt8>) throws(WireError) {
        guard bytes.count <= limit - count else { throw .doesNotFit }
        buffer.copy(bytes, to: count)
        count += bytes.count
    }

    /// Writes bytes as they are.
    @_lifetime(self: copy self)
    mutating func write(_ bytes: [UInt8]) throws(WireError) { try write(bytes.span) }

    /// Writes a character string: a length byte and at most 255 bytes (RFC 1035 3.3).
    @_lifetime(self: copy self)
    mutating func writeCharacterString(_ bytes: [UInt8]) throws(WireError) {
        guard bytes.count <= 255 else { throw .badRData }
        try write(UInt8(truncatingIfNeeded: bytes.count))
        try write(bytes)
    }
}
