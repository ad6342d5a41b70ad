/// Changes to a finished message, at places that are known: what the path of a hit does to a stored answer.
/// Offsets are the caller's promise; one outside the message traps.
public enum MessagePatch {
    /// Sets the id.
    @inlinable @inline(__always) public static func setID(_ id: UInt16, in message: inout MutableSpan<UInt8>) {
        message.storeUInt16(id, at: 0)
    }

    /// Sets flags, opcode and the low rcode.
    @inlinable @inline(__always) public static func setFlags(_ flags: HeaderFlags, in message: inout MutableSpan<UInt8>) {
        message.storeUInt16(flags.rawValue, at: 2)
    }

    /// Sets the number of questions.
    @inlinable @inline(__always) public static func setQuestionCount(_ count: UInt16, in message: inout MutableSpan<UInt8>) {
        message.storeUInt16(count, at: 4)
    }

    /// Sets the number of records of a section.
    @inlinable @inline(__always) public static func setRecordCount(
        _ count: UInt16, of section: Section, in message: inout MutableSpan<UInt8>
    ) {
        message.storeUInt16(count, at: section.countOffset)
    }

    /// Sets a TTL (`RecordView.ttlOffset`).
    @inlinable @inline(__always) public static func setTTL(_ ttl: UInt32, at offset: Int, in message: inout MutableSpan<UInt8>) {
        message.storeUInt32(ttl, at: offset)
    }

    /// Copies a query's question over the answer's, so that the client finds its own letters. Both must be as long.
    public static func copyQuestion(from query: Span<UInt8>, length: Int, into message: inout MutableSpan<UInt8>) {
        let start = MessageView.headerLength
        message.copy(query.extracting(start..<start + length), to: start)
    }
}
