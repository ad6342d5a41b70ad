/// What a message's OPT record says, as plain values (RFC 6891 6.1); its options stay where they are.
public struct EDNSSummary: Hashable, Sendable {
    /// The EDNS version; only 0 exists.
    public var version: UInt8
    /// The high eight bits of the rcode; 0 in a query.
    public var extendedHigh: UInt8
    /// The sender's UDP payload size as it stands there; see `effectivePayloadSize`.
    public var udpPayloadSize: UInt16
    /// DO: the sender wants DNSSEC records (RFC 3225).
    public var dnssecOK: Bool
    /// Where the options start in the message.
    public var optionsOffset: Int
    /// The length of all options.
    public var optionsLength: Int
    /// Whether a padding option is among them (RFC 7830): the sender pads, and wants answers padded where they are encrypted.
    public var hasPadding = false
    /// Whether an edns-tcp-keepalive option is among them (RFC 7828).
    public var hasKeepalive = false
    /// Whether a COOKIE option is among them (RFC 7873).
    public var hasCookie: Bool

    /// The payload size with values under 512 taken as 512 (RFC 6891 6.2.3).
    public var effectivePayloadSize: Int { max(512, Int(udpPayloadSize)) }

    /// Reads an OPT record: its owner must be the root and its options must fill it exactly.
    package init(_ record: borrowing RecordView) throws(WireError) {
        try self.init(record.message, record.place)
    }

    /// Reads the OPT record that was found at a place of a message; as above.
    package init(_ message: Span<UInt8>, _ place: RecordPlace) throws(WireError) {
        guard place.hasWholeOwner, place.owner.wireLength == 1 else { throw .badMessage }
        try self.init(message, ttlOffset: place.ttlOffset)
    }

    /// Reads an OPT record whose fixed part and rdata are known to be in bounds.
    @inline(__always) init(_ message: Span<UInt8>, ttlOffset: Int) throws(WireError) {
        udpPayloadSize = message.loadUInt16(at: ttlOffset - 2)
        extendedHigh = message[ttlOffset]
        version = message[ttlOffset + 1]
        dnssecOK = message[ttlOffset + 2] & 0x80 != 0
        optionsLength = Int(message.loadUInt16(at: ttlOffset + 4))
        optionsOffset = ttlOffset + 6
        hasCookie = false
        // What rdata means in another version is not ours to judge (RFC 6891 6.1.3).
        guard version == 0 else { return }
        var position = optionsOffset
        let end = optionsOffset + optionsLength
        while position < end {
            guard position + 4 <= end else { throw .badMessage }
            switch message.loadUInt16(at: position) {
            case EDNSOptionCode.cookie.rawValue: hasCookie = true
            case EDNSOptionCode.padding.rawValue: hasPadding = true
            case EDNSOptionCode.tcpKeepalive.rawValue: hasKeepalive = true
            default: break
            }
            position += 4 + Int(message.loadUInt16(at: position + 2))
        }
        guard position == end else { throw .badMessage }
    }
}
