/// Reads rdata field by field, never beyond its end; names in it may point to elsewhere in the message.
package struct RDataReader: ~Escapable {
    /// The whole message.
    private let message: Span<UInt8>
    /// The next byte.
    private var position: Int
    /// The end of the rdata.
    private let end: Int

    /// Starts at the rdata of a record.
    @_lifetime(copy record)
    package init(_ record: borrowing RecordView) {
        message = record.message
        position = record.rdataOffset
        end = record.endOffset
    }

    /// Starts at rdata that stands alone.
    @_lifetime(copy rdata)
    package init(rdata: Span<UInt8>) {
        message = rdata
        position = 0
        end = rdata.count
    }

    /// Whether all is read.
    var isAtEnd: Bool { position == end }

    /// Takes some bytes and returns where they start.
    @_lifetime(self: copy self)
    private mutating func take(_ count: Int) throws(WireError) -> Int {
        guard count <= end - position else { throw .badRData }
        position += count
        return position - count
    }

    /// Reads a byte.
    @_lifetime(self: copy self)
    mutating func uint8() throws(WireError) -> UInt8 { message[try take(1)] }

    /// Reads a 16-bit integer.
    @_lifetime(self: copy self)
    mutating func uint16() throws(WireError) -> UInt16 { message.loadUInt16(at: try take(2)) }

    /// Reads a 32-bit integer.
    @_lifetime(self: copy self)
    mutating func uint32() throws(WireError) -> UInt32 { message.loadUInt32(at: try take(4)) }

    /// Reads a 64-bit integer.
    @_lifetime(self: copy self)
    mutating func uint64() throws(WireError) -> UInt64 { UInt64(try uint32()) << 32 | UInt64(try uint32()) }

    /// Reads some bytes.
    @_lifetime(self: copy self)
    mutating func bytes(_ count: Int) throws(WireError) -> [UInt8] {
        let start = try take(count)
        return [UInt8](copying: message.extracting(start..<start + count))
    }

    /// Reads all that is left.
    @_lifetime(self: copy self)
    mutating func rest() throws(WireError) -> [UInt8] { try bytes(end - position) }

    /// Reads a character string: a length byte and as many bytes.
    @_lifetime(self: copy self)
    mutating func characterString() throws(WireError) -> [UInt8] { try bytes(Int(try uint8())) }

    /// Reads a name. Pointers are taken only where the type's definition allows them (RFC 3597 4).
    @_lifetime(self: copy self)
    mutating func name(allowingPointers: Bool) throws(WireError) -> Name {
        let view = try NameView(message, at: position, limit: end, allowingPointers: allowingPointers)
        position = view.endOffset
        return Name(view)
    }
}
