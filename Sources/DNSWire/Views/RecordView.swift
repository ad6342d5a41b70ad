/// A record read in place. Owner and lengths are checked; what the rdata means is not looked at.
public struct RecordView: ~Escapable {
    /// The name the record belongs to; its message is the whole message.
    public let owner: NameView
    /// The section it stands in.
    public let section: Section
    /// Its type.
    public let type: RecordType
    /// Its class; of OPT, the sender's UDP payload size.
    public let `class`: RecordClass
    /// Its TTL as it stands there, top bit and all (RFC 8767 4 reads it as unsigned); of OPT, rcode, version and flags.
    public let ttl: UInt32
    /// The length of its rdata.
    public let rdataLength: Int

    /// The whole message.
    public var message: Span<UInt8> {
        @_lifetime(copy self) get { owner.message }
    }
    /// Where the record starts.
    public var offset: Int { owner.offset }
    /// Where its TTL stands.
    public var ttlOffset: Int { owner.endOffset + 4 }
    /// Where its rdata starts.
    public var rdataOffset: Int { owner.endOffset + 10 }
    /// The first byte after the record.
    public var endOffset: Int { rdataOffset + rdataLength }
    /// Its rdata as it stands there; names in it may point elsewhere in the message.
    public var rdata: Span<UInt8> {
        @_lifetime(copy self) get { message.extracting(rdataOffset..<endOffset) }
    }

    /// Reads the record at an offset of a message.
    @_lifetime(copy message)
    public init(_ message: Span<UInt8>, at offset: Int, section: Section) throws(WireError) {
        owner = try NameView(message, at: offset)
        let fields = owner.endOffset
        guard fields + 10 <= message.count else { throw .truncated }
        type = RecordType(rawValue: message.loadUInt16(at: fields))
        `class` = RecordClass(rawValue: message.loadUInt16(at: fields + 2))
        ttl = message.loadUInt32(at: fields + 4)
        rdataLength = Int(message.loadUInt16(at: fields + 8))
        self.section = section
        guard fields + 10 + rdataLength <= message.count else { throw .truncated }
    }
}
