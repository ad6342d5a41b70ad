/// A record read in place. Owner and lengths are checked; what the rdata means is not looked at.
public struct RecordView: ~Escapable {
    /// The whole message.
    public let message: Span<UInt8>
    /// Where the record and its parts stand.
    package let place: RecordPlace

    /// The name the record belongs to; its message is the whole message.
    public var owner: NameView {
        @_lifetime(copy self) get { NameView(message, at: place.offset, endOffset: place.ownerEnd, place.owner) }
    }
    /// The section it stands in.
    public var section: Section { place.section }
    /// Its type.
    public var type: RecordType { place.type }
    /// Its class; of OPT, the sender's UDP payload size.
    public var `class`: RecordClass { RecordClass(rawValue: message.loadUInt16(at: place.ownerEnd + 2)) }
    /// Its TTL as it stands there, top bit and all (RFC 8767 4 reads it as unsigned); of OPT, rcode, version and flags.
    public var ttl: UInt32 { message.loadUInt32(at: place.ttlOffset) }
    /// The length of its rdata.
    public var rdataLength: Int { place.rdataLength }
    /// Where the record starts.
    public var offset: Int { place.offset }
    /// Where its TTL stands.
    public var ttlOffset: Int { place.ttlOffset }
    /// Where its rdata starts.
    public var rdataOffset: Int { place.rdataOffset }
    /// The first byte after the record.
    public var endOffset: Int { place.endOffset }
    /// Its rdata as it stands there; names in it may point elsewhere in the message.
    public var rdata: Span<UInt8> {
        @_lifetime(copy self) get { message.extracting(rdataOffset..<endOffset) }
    }

    /// Reads the record at an offset of a message.
    @_lifetime(copy message)
    public init(_ message: Span<UInt8>, at offset: Int, section: Section) throws(WireError) {
        self.init(message, try RecordPlace(message, at: offset, section, question: nil))
    }

    /// A record that was found in this message.
    @_lifetime(copy message)
    package init(_ message: Span<UInt8>, _ place: RecordPlace) {
        self.message = message
        self.place = place
    }
}
